"""What the machine-readable formats share: findings pair by pair, values for JSON, text that any tool can read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Union

from syncheck.finding import FileReport, Finding, Label, MemoryRange
from syncheck.fingerprint import fingerprints
from syncheck.value import Value, frozen

Json = Union[None, bool, int, float, str, Sequence["Json"], dict[str, "Json"]]

_SURROGATE = re.compile("[\ud800-\udfff]")
_INTEGER = re.compile(r"-?\d{1,18}")


@frozen
class Entry(Value):
    """One pair of source positions as a finding of its own. `cause` is the fingerprint of the finding it belongs to."""

    finding: Finding
    fingerprint: str
    cause: str


def entries(file: FileReport) -> Iterator[Entry]:
    """Every pair of every finding, suppressed ones too."""
    causes = fingerprints(file.findings)
    split = [(one, cause) for finding, cause in zip(file.findings, causes, strict=True) for one in by_pair(finding)]
    names = fingerprints([one for one, _ in split])
    for (one, cause), name in zip(split, names, strict=True):
        yield Entry(one, name, cause)


def by_pair(finding: Finding) -> tuple[Finding, ...]:
    """A finding for each of its pairs, the first with the notes; the finding itself if it names no pairs."""
    notes = tuple(label for label in finding.labels if label.role == "note")
    result = []
    for number, pair in enumerate(finding.pairs):
        labels = (pair.primary, *([pair.secondary] if pair.secondary else []))
        message = finding.message if not number else _moved(finding, pair.primary, pair.secondary)
        one = replace(
            finding,
            labels=(*labels, *notes),
            message=message,
            parameters=pair.parameters or finding.parameters,
            witness=pair.witness or (None if number else finding.witness),
            # A finding of one pair may count its occurrences itself.
            occurrences=pair.occurrences if len(finding.pairs) > 1 else max(pair.occurrences, finding.occurrences),
            pairs=(),
        )
        result.append(one)
    return tuple(result) or (finding,)


def _moved(finding: Finding, later: Label, earlier: Label | None) -> str:
    """A sentence for a further pair: the finding's own message names the places of the first."""
    places = phrase(later) + (f", against {phrase(earlier)}" if earlier else "")
    return f"{places}: {finding.title}."


def phrase(label: Label) -> str:
    """ "TCVT writes UB 0x5000..0x5800 on AIV0 V at k.cpp:425" """
    verb = {"read": "reads", "write": "writes"}.get(label.access, label.access)
    agent = " ".join(filter(None, (label.core, label.pipe)))
    region = str(label.region) if label.region else ""
    parts = (label.op, verb, region, f"on {agent}" if agent else "", f"at {label.span.path}:{label.span.line}")
    return " ".join(filter(None, parts))


def standing(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings that count: neither suppressed nor in the baseline."""
    return (finding for finding in findings if not finding.suppressed and not finding.baseline)


def unexplained(file: FileReport) -> bool:
    """Whether a file could not be read and no error says so: a format without verdicts must not pass over it."""
    return file.verdict == "unreadable" and not any(finding.severity == "error" for finding in standing(file.findings))


def further(finding: Finding) -> str:
    """ " (and 3 more places)", "" for one."""
    more = len(finding.pairs) - 1
    return f" (and {more} more place{'' if more == 1 else 's'})" if more > 0 else ""


def one_line(text: str) -> str:
    return " ".join(re.sub("[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", readable(text)).split())


def readable(text: str) -> str:
    """`text` without lone surrogates, which no UTF-8 output can hold."""
    return _SURROGATE.sub("\ufffd", text)


def integer(value: str) -> int | str:
    return int(value) if _INTEGER.fullmatch(value) else value


def values(parameters: Sequence[tuple[str, str]]) -> dict[str, Json]:
    return {name: integer(value) for name, value in parameters}


def region(memory: MemoryRange) -> dict[str, Json]:
    known: dict[str, Json] = {"space": memory.space, "start": memory.start, "stop": memory.stop}
    return known | {name: text for name, text in (("name", memory.name), ("symbol", memory.symbol)) if text}


class Row(tuple[Union[int, str, None], ...]):
    """A list that stands on one line of an indented document."""

    __slots__ = ()


def dumped(value: Json, indent: int | None = 2) -> str:
    """JSON in ASCII, whatever the encoding of the output."""
    rows: list[str] = []
    text = json.dumps(_clean(value, rows), indent=indent)
    return _ROW.sub(lambda found: rows[int(found[1])], text) if rows else text


_ROW = re.compile(r'"\\ud800(\d+)"')  # no text has a lone surrogate once it is readable


def _clean(value: Json, rows: list[str]) -> Json:
    if isinstance(value, str):
        return readable(value)
    if isinstance(value, dict):
        return {readable(key): _clean(item, rows) for key, item in value.items()}
    if isinstance(value, Row):
        rows.append(json.dumps([_clean(item, rows) for item in value]))
        return f"\ud800{len(rows) - 1}"
    if isinstance(value, Sequence):
        return [_clean(item, rows) for item in value]
    return value
