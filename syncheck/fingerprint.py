"""The name of a finding from one run to the next: what a baseline, SARIF and GitLab recognise it by."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence

from syncheck.finding import Finding


def fingerprints(findings: Sequence[Finding]) -> tuple[str, ...]:
    """One sha256 (64 hex digits) for each finding of one file, in their order; all different.

    Findings with equal keys (the same line twice in a file) are told apart by their order.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    result = []
    for finding in findings:
        key = finding.fingerprint_key
        content = json.dumps([*key, seen[key]])
        result.append(hashlib.sha256(content.encode()).hexdigest())
        seen[key] += 1
    return tuple(result)
