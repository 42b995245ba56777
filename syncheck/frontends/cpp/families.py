"""Which unknown values are one list: loops of several cores or branches that go through it read the same numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from syncheck.frontends.cpp.terms import Symbol, Terms

_WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(slots=True)
class Families:
    """Names for values that depend on the variable of one loop: the same for all loops that form them alike."""

    terms: Terms
    named: dict[str, str] = field(default_factory=dict)

    def name(self, symbol: Symbol, new: Callable[[], str]) -> str:
        """The name of a value; `new` makes one where there is none."""
        key = self._key(symbol, next(iter(symbol.over))) if len(symbol.over) == 1 and "lane" not in symbol.over else ""
        if not key:
            return new()
        if key not in self.named:
            self.named[key] = new()
        return self.named[key]

    def _key(self, symbol: Symbol, variable: str) -> str:
        """How the value came about, the variable of its loop without its name; "" where that does not tell."""
        made: list[str] = []
        end = 0
        for word in _WORD.finditer(symbol.key):
            inner = self.terms.symbols.get(word[0])
            said = word[0]
            if word[0] == variable:
                said = "#"
            elif inner is not None and inner.over:
                said = self._key(inner, variable) if inner.over == symbol.over else ""
            elif inner is None and self.terms.over.get(word[0]):
                said = ""
            if not said:
                return ""
            made += (symbol.key[end : word.start()], said if said == word[0] else f"<{said}>")
            end = word.end()
        return "".join((*made, symbol.key[end:]))
