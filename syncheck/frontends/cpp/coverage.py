"""What was understood of a C++ file, for the user to read."""

from __future__ import annotations

from dataclasses import dataclass, field

from syncheck.frontends.cpp.headers import LIBRARY
from syncheck.frontends.cpp.kinds import PipeType


@dataclass(slots=True)
class Coverage:
    """What was understood of one file. `counts`: kind → name → how often; `headers`: local ones read;
    `pinned`: what -D gave to names of the text; `pipes`: the TPipe of each FIFO; `steps`: nodes followed."""

    entries: list[str] = field(default_factory=list)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    headers: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    undefined: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    pinned: dict[str, str] = field(default_factory=dict)
    pipes: dict[tuple[object, ...], PipeType] = field(default_factory=dict)
    steps: int = 0

    def lines(self) -> tuple[str, ...]:
        """To be read: what was understood, kind by kind."""
        made = [f"entry points: {', '.join(self.entries) or 'none'}"]
        for kind in ("functions", "loops", "instructions", "synchronisation"):
            table = self.counts.get(kind)
            if table:
                total = sum(table.values())
                shown = ", ".join(f"{name} {count}" for name, count in sorted(table.items()))
                made.append(f"{kind}: {len(table) if kind == 'loops' else total} ({shown})")
        if self.headers:
            made.append(f"headers read: {', '.join(self.headers)}")
        if any(name.startswith(LIBRARY) for name in self.missing):
            made.append("headers of the library: not read, what they do is built in")
        if self.missing:
            made.append(f"headers not found: {', '.join(self.missing)}")
        if self.undefined:
            asked = [f"{name} ({line})" if line else name for name, line in sorted(self.undefined.items())]
            made.append(f"macros taken as undefined: {', '.join(asked)}")
        return (*made, *self.notes)
