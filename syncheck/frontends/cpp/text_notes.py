"""What the text of a kernel shows beside what running it does: OVF001, MEM005, PRF001."""

from __future__ import annotations

from syncheck.frontends.cpp.naming import GRID_KEYS, spoken
from syncheck.frontends.cpp.program import Finisher
from syncheck.frontends.cpp.state import ScalarStore
from syncheck.frontends.cpp.terms import linear, names
from syncheck.ir import Name, Noted

LINE = 64
"""Bytes that the scalar unit writes back at once (hardware.md §3.1)."""
LARGEST_INDEX = 1 << 20
"""A value beyond this is not expected of an index whose domain nobody has declared."""


def notes(finisher: Finisher) -> tuple[Noted, ...]:
    """What the text shows beside what running it does."""
    declared, made = finisher.declared, list[Noted]()
    for span, (name, factor, limit) in declared.overflows.items():
        symbol = finisher.terms.symbols[name]
        shown, first = spoken(symbol, finisher.terms.symbols, finisher.domains), -(-limit // factor)
        domain = finisher.domains.get(symbol.hint)
        if symbol.key in GRID_KEYS and domain is None:
            continue  # a launch has some dozens of blocks
        if (domain is not None and domain.high is not None and domain.high < first) or (
            domain is None and first > LARGEST_INDEX
        ):
            continue
        title = f"a 32-bit product wraps from {shown} = {first} on ({first} * {factor} = 2**{limit.bit_length() - 1})"
        made.append(Noted(
            "OVF001", "warning" if domain is None else "error", span, title,
            "The product is formed in 32 bits before it moves a 64-bit pointer.",
            "Cast the first factor to a 64-bit type before it is multiplied.",
        ))  # fmt: skip
    for span, store in declared.scalar_stores.items():
        tensor = declared.bases.get(store.base, store.base)
        if not any(cleaned in ("", store.base) and later > store.when for cleaned, later in declared.cleaned):
            made.append(Noted(
                "MEM005", "error", span, f"{tensor} is written by the scalar unit, and no dcci follows",
                "The store stays in the data cache of this core: nothing else sees it.",
                "dcci the line behind it, or store a tile.",
            ))  # fmt: skip
        elif (who := _sharing(finisher, store)) is not None:
            writers, apart = who
            made.append(Noted(
                "MEM005", "error", span,
                f"{writers} store {apart} bytes apart into {tensor}: both write one cache line of {LINE} bytes",
                "Each writes back the whole line as it has it, so the last one loses what the other stored.",
                f"Give each its own line ({LINE} bytes apart, from the start of a line), or store tiles.",
            ))  # fmt: skip
    for span in declared.scalar_loops:
        made.append(Noted(
            "PRF001", "info", span, "this loop stores element by element what a tile instruction would write",
            "The scalar unit needs hundreds of cycles for each element.",
            "TEXPANDS or a copy on a tile, and one TSTORE.",
        ))  # fmt: skip
    return tuple(made)


def _sharing(finisher: Finisher, store: ScalarStore) -> tuple[str, int] | None:
    """Who else stores into the line of a scalar store, and how far away: the next block, or the other lane."""
    _, terms = linear(store.offset)
    asked = {name for condition in store.under for name in names(condition)}
    block = finisher.terms.by_key.get("block_idx")
    for name, writers in ((block.name if block else "", "neighbouring blocks"), ("lane", "both vector lanes")):
        apart = abs(sum(factor for term, factor in terms.items() if isinstance(term, Name) and term.name == name))
        if 0 < apart < LINE and name not in asked:
            return writers, apart
    return None
