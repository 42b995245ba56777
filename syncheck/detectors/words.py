"""The field's words for places and accesses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from syncheck.finding import Label, MemoryRange
from syncheck.observation import Clash
from syncheck.source import Span

_SLOT = re.compile(r"(\[\d+\]| (local )?slot \d+)$")
_DOING = {
    "MTE2": "loaded", "MTE1": "moved by MTE1", "MTE3": "stored", "FIX": "stored", "V": "computed on", "M": "multiplied",
    "S": "read",
}  # fmt: skip
_DONE = {
    "MTE2": "loaded", "MTE1": "moved", "MTE3": "stored", "FIX": "stored", "V": "computed", "M": "computed",
    "S": "written",
}  # fmt: skip


def hazard(clash: Clash) -> str:
    """RAW, WAR or WAW."""
    if clash.earlier.writes:
        return "WAW" if clash.later.writes else "RAW"
    return "WAR"


def being(label: Label) -> str:
    """What is still going on with bytes that this access reads: "stored"."""
    return _DOING.get(label.pipe, "read")


def done(label: Label) -> str:
    """What this access does with bytes that it writes: "loaded"."""
    return _DONE.get(label.pipe, "written")


def plain_core(core: str) -> str:
    """The core without the lane: both lanes run one text."""
    name, dot, block = core.partition(".")
    return f"{name[:3]}{dot}{block}"


def base_name(name: str) -> str:
    """The name of a tile without its slot: k[0] and k[1] are one buffer."""
    return _SLOT.sub("", name)


def buffer(region: MemoryRange | None) -> str:
    """What the bytes are called: the tile, or the bytes themselves."""
    if region is None:
        return "this memory"
    return region.name or str(region)


def bytes_of(region: MemoryRange | None) -> str:
    """ "pijBf16 (UB 0x5000..0x5800)" """
    if region is None:
        return "this memory"
    return f"{region.name} ({region})" if region.name else str(region)


def at(span: Span) -> str:
    return f"{span.path}:{span.line}"


def doer(label: Label) -> str:
    """ "TCVT on AIV0 V at kernel.cpp:425" """
    return f"{label.op} on {agent(label)} at {at(label.span)}"


def agent(label: Label) -> str:
    return " ".join(filter(None, (label.core, label.pipe)))


def pipe_of(label: Label, other: Label) -> str:
    """The pipe, with its core where the other access is on another one."""
    return label.pipe if label.core == other.core else agent(label)


def lines(spans: Iterable[Span]) -> str:
    """ "482, 483": each line once, in the order given."""
    return listed(tuple(dict.fromkeys(str(span.line) for span in spans)))


def listed(parts: Sequence[str], word: str = "and") -> str:
    parts = tuple(parts)
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {word} {parts[-1]}"


def smallest(parameters: Sequence[tuple[str, str]]) -> str:
    """ " (with n_blocks = 2)" """
    return f" (with {', '.join(f'{name} = {value}' for name, value in parameters)})" if parameters else ""


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def sentence(text: str) -> str:
    """With a capital, unless it starts with a name of the code."""
    first = text.split(" ", maxsplit=1)[0]
    return f"{text[:1].upper()}{text[1:]}" if first.replace("-", "").isalpha() else text
