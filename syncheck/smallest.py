"""The smallest parameters that show something: what a path has assumed, in the names that the author gave."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from itertools import islice, product
from operator import add
from typing import Any

from syncheck.execution import Kernel, turn_of
from syncheck.observation import Case
from syncheck.symbolic import Atom, Bounds, Linear, Test, Value, worked_out
from syncheck.value import Record, mutable

_TRIPS = "trips@"
_AROUND = re.compile(r"'\w+@([^|']*)\|([^|']*)\|([^|'=]*)=?'")
"""Start, step and bound of the loops whose turns a key speaks of."""
MOST_TRIED = 10_000
"""Values tried until one has the remainders that the path has assumed; none may have them all."""

MOST_SUMS = 1_000
"""Choices tried until one agrees with what the path has assumed of several parameters at once."""
MOST_SHOWN = 99
"""The highest turn of a family that is shown with all before it."""


@mutable
class Assumed(Record):
    """What a path needs of one parameter: the least value (by turn for a family); its domain's least."""

    name: str
    values: dict[int, int] = field(default_factory=dict)
    floor: int | None = None

    @property
    def raised(self) -> bool:
        return any(value > (self.floor or 0) for value in self.values.values())

    @property
    def text(self) -> str:
        if len(self.values) < 2:
            return str(next(iter(self.values.values()), self.floor or 0))
        if max(self.values) > MOST_SHOWN:
            return f"{{{', '.join(f'{turn}: {value}' for turn, value in sorted(self.values.items()))}}}"
        filler = self.floor or 0
        row = [self.values.get(turn, filler) for turn in range(max(self.values) + 1)]
        return str(row[0]) if len(set(row)) == 1 else f"[{', '.join(map(str, row))}]"


def parameters(kernel: Kernel, case: Case) -> tuple[tuple[str, str], ...]:
    """Name and value of every parameter that the path has decided, in the order of their names in the text."""
    chosen = [(name, str(value)) for name, value in kernel.choice]
    known = {name for name, _ in chosen}
    return (*chosen, *((a.name, a.text) for a in assumptions(kernel, case) if a.name not in known))


def conditions(kernel: Kernel, cases: Iterable[Case]) -> tuple[str, ...]:
    """What has to hold beyond the parameters' domains in the first (smallest) case: "n_blocks >= 2"."""
    case = next(iter(cases), None)
    return () if case is None else tuple(_condition(a) for a in assumptions(kernel, case) if a.raised)


def _condition(assumed: Assumed) -> str:
    if "[" in assumed.text:
        return f"{assumed.name} = {assumed.text}"
    return f"{assumed.name} >= {max(assumed.values.values())}"


def fits(case: Case, item: Atom, value: int) -> bool:
    """Whether the path allows this value, as far as it has asked for that value alone, or for what is made of it."""
    return _agrees(case, {item: value})


def _agrees(case: Case, known: Mapping[Atom, int]) -> bool:
    """Whether the path allows these values together, as far as it has asked for nothing but them."""
    bounds: dict[Any, Bounds] = getattr(case, "bounds", {})
    for other, (low, high) in bounds.items():
        number = _worth(Linear(0, ((other, 1),)), known) if other[0].startswith("(") else None
        if number is not None and ((low is not None and number < low) or (high is not None and number > high)):
            return False
    facts: dict[Test, bool] = getattr(case, "facts", {})
    return all(_answer(test, known) in (answer, None) for test, answer in facts.items())


def _answer(test: Test, known: Mapping[Atom, int]) -> bool | None:
    number = _worth(test.form, known)
    return None if number is None else number < 0 if test.op == "<" else number == 0


def _worth(form: Value, known: Mapping[Atom, int]) -> int | None:
    """What a form is worth with these values; None where it asks for others."""
    if isinstance(form, int):
        return form
    number = form.constant
    for item, coefficient in form.terms:
        part = known.get(item)
        if part is None and item[0].startswith("(") and len(item[1]) == 2:
            part = _operation(item, known)
        if part is None:
            return None
        number += coefficient * part
    return number


def _operation(item: Atom, known: Mapping[Atom, int]) -> int | None:
    name, (one, other) = item
    left, right = _worth(one, known), _worth(other, known)
    return None if left is None or right is None else worked_out(name, left, right)


def assumptions(kernel: Kernel, case: Case) -> tuple[Assumed, ...]:
    bounds: dict[Any, Bounds] = getattr(case, "bounds", {})
    found: dict[str, Assumed] = {}
    picked: list[tuple[str, Linear, int]] = []
    for (name, index), (low, high) in bounds.items():
        if name.startswith(_TRIPS) or "@" in name or name.startswith("("):
            continue
        value = low if low is not None else min(high or 0, 0)
        most = value + MOST_TRIED if high is None else min(high, value + MOST_TRIED)
        value = next((one for one in range(value, most + 1) if fits(case, (name, index), one)), value)
        if index and isinstance(index[0], Linear) and _made_of(kernel, index[0]):
            picked.append((name, index[0], value))
            continue
        turn = turn_of(index[0]) if index else 0
        assumed = found.setdefault(name, Assumed(name, floor=kernel.domains.get(name, (None, None))[0]))
        assumed.values[turn] = max(value, assumed.values.get(turn, value))
    for name in _asked(kernel, case):
        low = kernel.domains[name][0] or 0
        value = next((one for one in range(low, low + MOST_TRIED) if fits(case, (name, ()), one)), low)
        found.setdefault(name, Assumed(name, floor=low)).values.setdefault(0, value)
    for (name, index), (low, _) in bounds.items():  # a loop's first value is its start
        start = name.partition("@")[2].partition("|")[0]
        if start in kernel.domains and index == (0,) and low is not None and not name.startswith(_TRIPS):
            assumed = found.setdefault(start, Assumed(start, floor=kernel.domains[start][0]))
            assumed.values[0] = max(low, assumed.values.get(0, low))
    for name, value in _answers(case):
        found.setdefault(name, Assumed(name)).values.setdefault(0, value)
    untold: set[str] = set()
    for (name, _), trips in bounds.items():
        if name.startswith(_TRIPS):
            untold |= _loop(kernel, name.removeprefix(_TRIPS), trips, found)
    untold |= _compared(kernel, case, found, picked)
    found = {name: one for name, one in found.items() if name not in untold}
    order = {name: position for position, name in enumerate(kernel.domains)}
    return tuple(sorted(found.values(), key=lambda a: (order.get(a.name, len(order)), a.name)))


def _asked(kernel: Kernel, case: Case) -> set[str]:
    """Parameters of which the path only knows something of what is made of them, as n % 4 != 0."""
    forms = [test.form for test in getattr(case, "facts", {})]
    items = [item for form in forms for item, _ in form.terms] + list(getattr(case, "bounds", {}))
    within = [part for (name, index) in items if name.startswith("(") for part in index if isinstance(part, Linear)]
    names = {name for form in within for (name, index), _ in form.terms if not index}
    return {name for name in names if name in kernel.domains and (name, ()) not in getattr(case, "bounds", {})}


def _answers(case: Case) -> Iterator[tuple[str, int]]:
    """Unknown values of which the path only knows that they are not 0."""
    for test, answer in getattr(case, "facts", {}).items():
        form: Linear = test.form
        if test.op == "==" and not answer and len(form.terms) == 1 and not form.constant:
            (name, index), _ = form.terms[0]
            if not index and "@" not in name and not name.startswith("("):
                yield name, 1


def _made_of(kernel: Kernel, form: Linear) -> set[str]:
    """The parameters that a form is made of; none where something else is in it too."""
    found: set[str] = set()
    for (name, index), _ in form.terms:
        if name in kernel.domains and not index:
            found.add(name)
            continue
        parts = [_made_of(kernel, part) for part in index if isinstance(part, Linear)] if name.startswith("(") else []
        if not parts or not all(parts):
            return set()
        found.update(*parts)
    return found


def _compared(
    kernel: Kernel, case: Case, found: dict[str, Assumed], picked: Sequence[tuple[str, Linear, int]]
) -> set[str]:
    """Raise parameters until what the path has assumed of several together, as in p < q, holds too, and until members
    of a family that they pick (`picked`: family, index, least value) are others where their values are.

    Returns the names for which that was not found.
    """
    bounds: dict[Any, Bounds] = getattr(case, "bounds", {})
    forms = [test.form for test in getattr(case, "facts", {})]
    forms += [Linear(0, ((item, 1),)) for item in bounds if item[0].startswith("(")]
    together = [of for form in forms if len(of := _made_of(kernel, form)) > 1]
    together += [_made_of(kernel, index) for _, index, _ in picked]
    names = tuple(dict.fromkeys(name for of in together for name in sorted(of)))
    ranges = [bounds.get((name, ())) or kernel.domains[name] for name in names]
    first = [max(_least(kernel, name, found), low or 0) for name, (low, _) in zip(names, ranges, strict=True)]
    for more in _sums(len(names)) if names else ():
        values = dict(zip(names, map(add, first, more), strict=True))
        inside = all(high is None or value <= high for value, (_, high) in zip(values.values(), ranges, strict=True))
        known = {(name, ()): value for name, value in values.items()}
        members = _members(picked, known, found)
        if inside and members is not None and _agrees(case, known):
            for name, value in values.items():
                found.setdefault(name, Assumed(name, floor=kernel.domains[name][0])).values[0] = value
            for (name, turn), value in members.items():
                floor = kernel.domains.get(name, (None, None))[0]
                found.setdefault(name, Assumed(name, floor=floor)).values[turn] = value
            return set()
    return set(names)


def _members(
    picked: Sequence[tuple[str, Linear, int]], known: Mapping[Atom, int], found: Mapping[str, Assumed]
) -> dict[tuple[str, int], int] | None:
    """The value of each member that these parameters pick; None where one would need two."""
    chosen: dict[tuple[str, int], int] = {}
    for name, index, value in picked:
        turn = _worth(index, known)
        if turn is None or turn < 0:
            return None
        told = found[name].values.get(turn, value) if name in found else value
        if value != chosen.setdefault((name, turn), told):
            return None
    return chosen


def _sums(count: int) -> Iterator[tuple[int, ...]]:
    """Rows of `count` numbers from 0, those that add up to least first."""
    rows = (row for total in range(MOST_SUMS) for row in product(range(total + 1), repeat=count) if sum(row) == total)
    return islice(rows, MOST_SUMS if count < 4 else 1)


def _loop(kernel: Kernel, key: str, trips: Bounds, found: dict[str, Assumed]) -> set[str]:
    """Turns of a loop from `start` by `step` up to `bound`, as values of these parameters (where each is one).

    Returns the names whose values this loop needs otherwise, which nothing here can tell: its own bounds are values
    picked in a turn of another loop, so the turn has to be one that picks them.
    """
    _, _, rest = key.partition("@")
    parts = rest.rstrip("=").split("|")
    if len(parts) != 3 or not all(_single(kernel, part) for part in parts):
        return {part for around in _AROUND.findall(rest) for part in around}
    start, step, bound = parts
    first, stride = _least(kernel, start, found), max(_least(kernel, step, found), 1)
    turns, most = trips[0] or 0, trips[1]
    last = first + (turns - 1) * stride + (0 if rest.endswith("=") else 1) if turns else first
    least = max(last, _least(kernel, bound, found))
    if most is not None and most and least > first + most * stride:
        stride = -(-(least - first) // most)
    if most == 0 and first < least:
        first = least
    for name, value in ((start, first), (step, stride), (bound, least)):
        if name in kernel.domains:
            assumed = found.setdefault(name, Assumed(name, floor=kernel.domains[name][0]))
            assumed.values[0] = value
    return set()


def _single(kernel: Kernel, part: str) -> bool:
    return part in kernel.domains or part.lstrip("-").isdigit()


def _least(kernel: Kernel, part: str, found: dict[str, Assumed]) -> int:
    if part in found:
        return next(iter(found[part].values.values()), 0)
    low = kernel.domains[part][0] if part in kernel.domains else int(part)
    return low or 0
