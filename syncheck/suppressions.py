"""`// syncheck: ignore[RAW001] reason`: what it silences, and the ones that silence nothing.

A finding may stand for several pairs of source positions with one cause. A comment on one of its places silences the
pairs that touch that place; the finding is suppressed when every pair is, so a comment never hides a second place that
appeared later.
SYN001 cannot be suppressed: nobody knows what a line that was not understood would have shown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from syncheck.config import did_you_mean
from syncheck.finding import Finding, Label
from syncheck.ir import Suppression

NEVER_SUPPRESSED = ("SYN001", "SUP001")


def apply(
    findings: Iterable[Finding], suppressions: Iterable[Suppression], known: Collection[str] = (),
    unasked: Collection[str] = (),
) -> tuple[Finding, ...]:  # fmt: skip
    """The findings, suppressed ones marked, with a SUP001 for each comment that is unused or gives no reason.

    `known` are the rule ids there are: with it, a misspelt id is called unknown rather than unused.
    `unasked`: rules that were not looked for, so a comment about them may well be used.
    """
    found, comments = tuple(findings), tuple(suppressions)
    if not comments:
        return found
    marked = tuple(_marked(finding, comments) for finding in found)
    # Where part of the file was not understood, a comment may well be about that part.
    judged = not any(finding.rule == "SYN001" for finding in found)
    remarks = (_remark(comment, found, judged, known, unasked) for comment in comments)
    return tuple(sorted((*marked, *(remark for remark in remarks if remark)), key=source_order))


def source_order(finding: Finding) -> tuple[str, int, int, str]:
    path, line = finding.primary.span.home
    return (path, line, finding.primary.span.column, finding.rule)


def _marked(finding: Finding, comments: tuple[Suppression, ...]) -> Finding:
    mine = [comment for comment in comments if _names(comment, finding.rule)]
    whole = [comment for comment in mine if _touches(comment, _notes(finding))]
    places = _places(finding)
    if not whole and not all(any(_touches(comment, place) for comment in mine) for place in places):
        return finding
    used = whole or [comment for comment in mine if any(_touches(comment, place) for place in places)]
    reasons = dict.fromkeys(comment.reason for comment in used if comment.reason)
    return replace(finding, suppressed=True, suppression_reason="; ".join(reasons))


def _remark(
    comment: Suppression, found: tuple[Finding, ...], judged: bool, known: Collection[str], unasked: Collection[str]
) -> Finding | None:
    """What is wrong with this comment, most important first; None if nothing is."""
    if not comment.rules:
        return _warning(comment, "names no rule", "This comment names no rule; write ignore[RULE] and the reason.")
    barred = [rule for rule in comment.rules if rule in NEVER_SUPPRESSED]
    if barred:
        text = f"{barred[0]} cannot be suppressed"
        return _warning(comment, text, f"{text}; remove it from the comment.")
    strange = [rule for rule in comment.rules if known and rule not in known]
    if strange:
        text = f"{strange[0]} is not a rule"
        return _warning(comment, text, f"{text}{did_you_mean(strange[0], known) or '; see `syncheck rules`'}")
    looked_for = [rule for rule in comment.rules if judged and rule not in unasked]
    unused = [rule for rule in looked_for if not _used(comment, rule, found)]
    if unused:
        text = f"{', '.join(unused)} {'is' if len(unused) == 1 else 'are'} suppressed here but not found"
        return _warning(comment, text, f"{text} on line {comment.target}; remove the comment or the rule from it.")
    if not comment.reason:
        text = f"the suppression of {', '.join(comment.rules)} gives no reason"
        return _warning(comment, text, f"{text[0].upper()}{text[1:]}; say behind the bracket why this is safe.")
    return None


def _warning(comment: Suppression, title: str, message: str) -> Finding:
    label = Label("primary", comment.span, note="suppresses")
    return Finding("SUP001", "warning", title, message, (label,))


def _used(comment: Suppression, rule: str, found: tuple[Finding, ...]) -> bool:
    mine = (finding for finding in found if finding.rule == rule)
    return any(_touches(comment, place) for finding in mine for place in (*_places(finding), _notes(finding)))


def _names(comment: Suppression, rule: str) -> bool:
    return rule in comment.rules and rule not in NEVER_SUPPRESSED


def _touches(comment: Suppression, labels: Iterable[Label]) -> bool:
    place = (comment.span.home[0], comment.target)
    return any(label.span.home == place for label in labels)


def _notes(finding: Finding) -> tuple[Label, ...]:
    return tuple(label for label in finding.labels if label.role == "note")


def _places(finding: Finding) -> tuple[tuple[Label, ...], ...]:
    """The labels of each pair of source positions the finding covers."""
    if finding.pairs:
        return tuple((pair.primary, pair.secondary) if pair.secondary else (pair.primary,) for pair in finding.pairs)
    return (tuple(label for label in finding.labels if label.role != "note") or finding.labels,)
