"""One event of one execution, ready to run: what the token game and the clocks read. Plain slotted records."""

from __future__ import annotations

from dataclasses import field

from syncheck.memory_map import Handle
from syncheck.source import Span
from syncheck.value import Value, frozen

ACCESS, SET, WAIT, BARRIER, ALL, SIGNAL, HEAR = range(7)
"""ACCESS: an instruction. SET, WAIT: flags. BARRIER, ALL: pipe_barrier. SIGNAL, HEAR: cross-core set and wait."""


@frozen
class FrameShape(Value):
    """A loop (`kind` loop) or a call around a site; `shown` are (name, slot) of the values that a report prints."""

    kind: str
    name: str
    line: int
    shown: tuple[tuple[str, int], ...]


@frozen
class Site(Value):
    """One instruction of the text as one core runs it (a `def` gives one site per call, a library step one each)."""

    number: int
    span: Span
    core: str
    pipe: str
    op: str
    frames: tuple[FrameShape, ...] = ()
    hidden: bool = False
    detail: str = ""
    atomic: bool = False
    group: int = field(default=0)


class Action:
    """A site with its operands resolved. `agent` runs it; `channel` is the flag or counter a SET, WAIT, SIGNAL, HEAR
    uses.

    `tag`: for a FIFO push or pop, the absolute number of the tile; -1 otherwise.
    """

    __slots__ = (
        "agent",
        "atomic",
        "channel",
        "code",
        "core",
        "hidden_flags",
        "met",
        "reads",
        "scalar",
        "site",
        "tag",
        "writes",
    )

    def __init__(
        self,
        code: int,
        core: int,
        agent: int,
        site: int,
        *,
        channel: int = -1,
        reads: tuple[Handle, ...] = (),
        writes: tuple[Handle, ...] = (),
        tag: int = -1,
        scalar: bool = False,
        atomic: bool = False,
        hidden_flags: tuple[int, ...] = (),
    ) -> None:
        self.code = code
        self.met: frozenset[int] = frozenset()  # reads (site * 2), writes (+ 1) seen in order with it
        self.core = core
        self.agent = agent
        self.site = site
        self.channel = channel
        self.reads = reads
        self.writes = writes
        self.tag = tag
        self.scalar = scalar
        self.atomic = atomic
        self.hidden_flags = hidden_flags
