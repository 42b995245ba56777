"""Loops in a row, or begun again, over one open value: what the first leaves behind does not tell how often it ran
(docs/proofs.md, "Loops in a row").

A `Loose` value is one whose loop was seen to repeat itself on this path. Its loop is folded; where the loop ends, the
number that ended it holds for that loop only, and for all that follows the value is as open as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from syncheck.execution import CoreRun, Pin
from syncheck.shapes import Demands
from syncheck.symbolic import EXCESS, Atom, Bounds, Linear, Store, bitwise, remainder
from syncheck.value import Value, frozen


@frozen
class Loose(Value):
    """From `low` on, all values that leave the same remainder of `period` end the loop in the same state."""

    low: int
    period: int


def reopened(
    cores: Iterable[CoreRun], store: Store, loose: Mapping[Atom, Loose], demands: Demands
) -> tuple[Store, dict[Atom, Loose]]:
    """The assumptions once loops over loose values have come to an end, and what is loose still.

    Cores that run a loop over such a value are told where it ends (`CoreRun.pins`).
    """
    left = dict(loose)
    for item, mark in loose.items():
        low, high = store.bounds_of(item)
        if low is None or low != high:
            continue
        for core in cores:
            info = core.loop_over(item)
            if info is not None:
                core.pins += (Pin(item, low, info),)
        bounds = {**store.bounds, item: (mark.low, None), **_remainders(item, low, mark.period, demands)}
        store = Store(store.domain, bounds, store.facts, store.size - (low - mark.low) * EXCESS)
        del left[item]
    return store, left


def _remainders(item: Atom, value: int, period: int, demands: Demands) -> dict[Atom, Bounds]:
    """What stays known of a value: its remainders, as the text and the loops ask for them."""
    found: dict[Atom, Bounds] = {}
    for op, constant, modulus in {("%", 0, period), *demands.remainders.get(item[0], ())}:
        if modulus > 1:
            form = Linear(constant, ((item, 1),))
            number = remainder(value + constant, modulus) if op == "%" else bitwise(op, value + constant, modulus)
            assert isinstance(number, int)
            found[f"({op})", (form, modulus)] = number, number
    return found
