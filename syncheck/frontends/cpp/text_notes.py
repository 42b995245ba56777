"""What the text of a kernel shows beside what running it does: OVF001, MEM005, PRF001."""

from __future__ import annotations

from syncheck.frontends.cpp.naming import GRID_KEYS, spoken
from syncheck.frontends.cpp.program import Finisher
from syncheck.ir import Noted

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
    for span, (base, when) in declared.scalar_stores.items():
        if not any(cleaned in ("", base) and later > when for cleaned, later in declared.cleaned):
            tensor = declared.bases.get(base, base)
            made.append(Noted(
                "MEM005", "error", span, f"{tensor} is written by the scalar unit, and no dcci follows",
                "The store stays in the data cache of this core: nothing else sees it.",
                "dcci the line behind it, or store a tile.",
            ))  # fmt: skip
    for span in declared.scalar_loops:
        made.append(Noted(
            "PRF001", "info", span, "this loop stores element by element what a tile instruction would write",
            "The scalar unit needs hundreds of cycles for each element.",
            "TEXPANDS or a copy on a tile, and one TSTORE.",
        ))  # fmt: skip
    return tuple(made)
