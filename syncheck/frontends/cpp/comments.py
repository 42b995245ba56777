"""Comments that mean something: `// syncheck: ignore[RULE] reason`, `// syncheck: param n in 1..8` and
`// syncheck: exit task`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from syncheck.ir import Domain, Suppression
from syncheck.source import Problem, Span

_COMMENT = re.compile(r"//\s*syncheck:\s*(.*)$")
_IGNORE = re.compile(r"ignore\s*(?:\[([^\]]*)\])?\s*(.*)$")
_EXIT = re.compile(r"exit\s+(task|launch)\s*$")
_PARAM = re.compile(
    r"param\s+(\w+)(?:\s*\[\s*\w*\s*\])?\s*(?:=\s*(-?\d+)|in\s+(?:\{([\d,\s-]+)\}|(-?\d+)\s*\.\.\s*(-?\d*)))\s*;?\s*$"
)


@dataclass(slots=True)
class Comments:
    """What the comments of one file say."""

    suppressions: tuple[Suppression, ...] = ()
    domains: dict[str, Domain] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    exit: str = ""


def comments(text: str, path: str) -> Comments:
    """Find them, line by line."""
    lines = text.split("\n")
    found = Comments()
    made: list[Suppression] = []
    for number, line in enumerate(lines, 1):
        match = _COMMENT.search(line)
        if match is None:
            continue
        span = Span(path, number, match.start() + 1, len(line) + 1, line)
        said = match.group(1)
        ignore, param = _IGNORE.match(said), _PARAM.match(said)
        if ignore:
            target = number if line[: match.start()].strip() else _next(lines, number)
            rules = tuple(one.strip() for one in (ignore.group(1) or "").split(",") if one.strip())
            made.append(Suppression(rules, ignore.group(2).strip(), span, target))
        elif param:
            found.domains[param.group(1)] = _domain(param)
        elif exit_ := _EXIT.match(said):
            found.exit = exit_.group(1)
        else:
            expected = "ignore[RULE] reason, param n in 1.., exit task or exit launch"
            found.problems.append(Problem(span, "this comment is not understood", expected))
    found.suppressions = tuple(made)
    return found


def _next(lines: list[str], number: int) -> int:
    for later in range(number, len(lines)):
        line = lines[later].strip()
        if line and not line.startswith("//"):
            return later + 1
    return number


def _domain(match: re.Match[str]) -> Domain:
    _, value, listed, low, high = match.groups()
    if value is not None:
        return Domain(int(value), int(value))
    if listed is not None:
        values = tuple(int(one) for one in listed.split(",") if one.strip())
        return Domain(min(values), max(values), values)
    return Domain(int(low), int(high) if high else None)
