"""What `syncheck mutate` says: the score, what each kind of fault came to, and every mutant that needs a word."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from textwrap import wrap

from syncheck.faults import KINDS
from syncheck.mutation import FATES, Fate

_HEADS = {"killed": "killed", "warned": "warned", "unchanged": "no change", "gap": "gaps"}


def text(path: str, fates: Sequence[Fate], width: int, *, verbose: bool = False, left: int = 0) -> str:
    """A table by kind of fault, then the gaps and what changes nothing; all mutants with `verbose`. `left`: mutants
    that were not tried."""
    parts = [_table(fates)]
    gaps = [fate for fate in fates if fate.fate == "gap"]
    if gaps:
        parts.append(_listed("gaps of the checker: neither refuted nor proved to change nothing", gaps, width))
    if verbose:
        parts.append(_listed("all mutants", fates, width))
    elif unchanged := [fate for fate in fates if fate.fate == "unchanged"]:
        parts.append(_listed("proved to change nothing", unchanged, width))
    return "\n\n".join([*parts, score(path, fates, left)])


def score(path: str, fates: Sequence[Fate], left: int = 0) -> str:
    """One line: how many of those that could be noticed were, and how many gaps there are."""
    count = {fate: sum(f.fate == fate for f in fates) for fate in FATES}
    matter = len(fates) - count["unchanged"]
    cells = [f"{count['killed'] + count['warned']} of {matter} faults noticed"]
    if count["warned"]:
        cells[0] += f" ({count['killed']} as errors)"
    cells += [f"{count['unchanged']} change nothing (proved)"] if count["unchanged"] else []
    cells.append(f"{count['gap']} gap{'' if count['gap'] == 1 else 's'}")
    cells += [f"{left} not tried"] if left else []
    return f"{path}  {'   '.join(cells)}"


def _table(fates: Sequence[Fate]) -> str:
    rows = [("fault", "mutants", *_HEADS.values(), "noticed by")]
    for kind in KINDS:
        mine = [fate for fate in fates if fate.mutant.kind == kind]
        if mine:
            rows.append((kind, *_counts(mine), _rules(mine)))
    rows.append(("all", *_counts(fates), ""))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    lines = []
    for name, *numbers, rules in rows:
        cells = [f"{number:>{size}}" for number, size in zip(numbers, widths[1:], strict=True)]
        lines.append("  ".join((f"{name:<{widths[0]}}", *cells, rules)).rstrip())
    return "\n".join(lines)


def _counts(fates: Sequence[Fate]) -> tuple[str, ...]:
    return (str(len(fates)), *(str(sum(f.fate == fate for f in fates)) for fate in FATES))


def _rules(fates: Sequence[Fate]) -> str:
    """The rules that noticed most of them."""
    count: dict[str, int] = {}
    for fate in fates:
        for rule in fate.rules:
            count[rule] = count.get(rule, 0) + 1
    most = sorted(count, key=lambda rule: (-count[rule], rule))
    return " ".join(most[:4]) + (" …" if len(most) > 4 else "")


def _listed(head: str, fates: Sequence[Fate], width: int) -> str:
    return "\n".join([head, *(line for fate in fates for line in _lines(fate, width))])


def _lines(fate: Fate, width: int) -> Iterator[str]:
    told = " ".join(filter(None, (fate.fate if fate.rules else "", *fate.rules, fate.why)))
    line = f"  {fate.mutant.span.line:>5}  {fate.mutant.edit}"
    if len(line) + 3 + len(told) <= width:
        yield f"{line}   {told}"
        return
    yield from wrap(line, width, subsequent_indent=" " * 11, drop_whitespace=True, replace_whitespace=False)
    yield from wrap(told, width, initial_indent=" " * 9, subsequent_indent=" " * 9)


def document(path: str, machine: str, fates: Sequence[Fate], left: int = 0) -> str:
    """JSON: the counts and every mutant."""
    count = {fate: sum(f.fate == fate for f in fates) for fate in FATES}
    rows = [
        {
            "kind": fate.mutant.kind, "edit": fate.mutant.edit, "path": fate.mutant.span.path,
            "line": fate.mutant.span.line, "column": fate.mutant.span.column, "fate": fate.fate,
            "rules": list(fate.rules), "why": fate.why,
        }
        for fate in fates
    ]  # fmt: skip
    whole = {"version": 1, "file": path, "machine": machine, "summary": {**count, "not tried": left}, "mutants": rows}
    return json.dumps(whole, indent=2, ensure_ascii=False)
