"""What a kernel's text does not say and is taken to be so (source.ASSUMED): told with the verdict."""

from __future__ import annotations

import re

from syncheck.frontends.cpp.polling import loaded_by
from syncheck.frontends.cpp.program import Finisher
from syncheck.source import Assumed

SHOWN = 4
"""Tensors that an assumption names; of more, the number of the others is told."""


def assumed(finisher: Finisher) -> tuple[Assumed, ...]:
    """All that this Program was made with, sorted by kind and place."""
    declared = finisher.declared
    found = {(kind, message): span for (kind, message), span in finisher.assumed.items()}
    for (kind, base, span), message in declared.guessed.items():
        if declared.bases.get(base) in finisher.written:
            found.setdefault((kind, message), span)
    for said, span in declared.presumed.items():
        found.setdefault(said, span)
    roots = [one for one in finisher.memory if one in declared.tensors and not declared.tensors[one].view_of]
    if len(roots) > 1 and any(one in finisher.written for one in roots):
        found["apart", f"{_listed(roots)} do not overlap"] = finisher.span
    read = loaded_by(finisher.terms, declared.loaded, finisher.used)
    for base, span in declared.loaded.items():
        if base in read and base not in declared.changing:
            found["fixed", f"what is read through {_called(finisher, base)} stays as it is"] = span
    for name, span in declared.plain.items():
        found["calls", f"{name} only computes its value, from its arguments"] = span
    made = (Assumed(kind, message, span) for (kind, message), span in found.items())
    return tuple(sorted(made, key=lambda one: (one.kind, one.span.path, one.span.line, one.message)))


def _called(finisher: Finisher, base: str) -> str:
    """A pointer, as the text may call it."""
    root = re.split(r"->|\[", base, maxsplit=1)[0]
    symbol = finisher.terms.symbols.get(root)
    return base if symbol is None else base.replace(root, symbol.hint or symbol.otherwise or "a pointer", 1)


def _listed(names: list[str]) -> str:
    more = len(names) - SHOWN
    shown = names[:SHOWN] + ([f"{more} others"] if more > 0 else [])
    return f"{', '.join(shown[:-1])} and {shown[-1]}"
