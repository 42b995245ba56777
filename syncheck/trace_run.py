"""Level 3 for traces: one replay, fed line by line; memory that holds only what a later access can still conflict with.

Bytes of GM are forgotten once every agent that touches GM at all knows each of their accesses to be complete. That is
sound only for agents known by then; so when a new one turns up after something was forgotten, the rest of the trace
is surveyed (cores and agents, no replay) and the analysis starts again with all of them counted from the beginning.
The same holds for a core that turns up after a signal to all cores was sent.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from tempfile import SpooledTemporaryFile
from typing import IO

from syncheck.deadlock import Wanted, explain_heads
from syncheck.execution import Kernel
from syncheck.frontends.trace import Reader, lines_of
from syncheck.frontends.trace_sync import Recorded
from syncheck.machine import Machine
from syncheck.observation import Access, Log
from syncheck.replay import Replay, Rules
from syncheck.source import Problem
from syncheck.value import Value, frozen
from syncheck.vector_clock import meet

RETIRE_EVERY = 2048
"""New cells of GM after which to look for some to forget."""
_SPOOL = 1 << 26

Reopen = Callable[[], Iterable[bytes]]


@frozen
class TraceResult(Value):
    """What one trace showed. `cores` counts those that have events; `passes` is 2 where it had to be read again."""

    kernel: Kernel
    log: Log
    problems: tuple[Problem, ...]
    events: int
    cores: int
    passes: int = 1


def run_trace(
    lines: Iterable[bytes], path: str, machine: Machine, rules: Rules, *, reopen: Reopen | None = None,
    retire_every: int = RETIRE_EVERY,
) -> TraceResult:  # fmt: skip
    """Analyse one trace. Without `reopen`, a stream is kept in a temporary file in case it is needed again."""
    collecting = gc.isenabled()
    gc.disable()  # nothing here is a cycle that grows, and looking for some costs a fifth
    try:
        if reopen is not None:
            return _run(lines, path, machine, rules, reopen, retire_every)
        if isinstance(lines, list | tuple):
            return _run(lines, path, machine, rules, lambda: lines, retire_every)
        with SpooledTemporaryFile(max_size=_SPOOL) as spool:
            return _run(_spooled(lines_of(lines), spool), path, machine, rules, lambda: _rewound(spool), retire_every)
    finally:
        if collecting:
            gc.enable()


def _spooled(lines: Iterable[bytes], spool: IO[bytes]) -> Iterator[bytes]:
    write = spool.write
    for line in lines:
        write(line if line.endswith(b"\n") else line + b"\n")
        yield line


def _rewound(spool: IO[bytes]) -> Iterable[bytes]:
    spool.seek(0)
    return spool


def _run(
    lines: Iterable[bytes], path: str, machine: Machine, rules: Rules, reopen: Reopen, retire_every: int
) -> TraceResult:
    first = _Pass(path, machine, rules, retire_every)
    stream = iter(lines_of(lines))
    if first.feed(stream):
        return first.result(1)
    for number, line in enumerate(stream, first.number + 1):
        if line not in first.reader.known:
            first.reader.read(line, number, survey=True)
    second = _Pass(path, machine, rules, retire_every, first.reader)
    second.feed(iter(lines_of(reopen())))
    return second.result(2)


class _Pass:
    """One reading of the trace. `before` is the reader of a pass that could not know what it needed to."""

    def __init__(
        self, path: str, machine: Machine, rules: Rules, retire_every: int, before: Reader | None = None
    ) -> None:
        self.log = Log()
        self.reader = Reader(path, machine, self.log, before)
        self.replay = Replay(self.reader.kernel.wiring, self.reader.kernel.atlas, rules, self.log)
        self.number = 0
        self._skipped = 0
        self._final = before is not None
        self._buffers: dict[int, deque[Recorded]] = {}
        self._retire_every = retire_every
        self._limit = retire_every
        self._retired = False
        self._sharing = 0
        self._grouped = 0

    def feed(self, lines: Iterator[bytes]) -> bool:
        """Run every line; False where something turned up that this pass should have known from the start."""
        replay, reader, buffers = self.replay, self.reader, self._buffers
        known, stalls, issue, released = reader.known, replay.stalls, replay.issue, replay.released
        gm, number = reader.gm, 0
        for line in lines:
            number += 1
            action = known.get(line)
            if action is None:
                action = reader.read(line, number)
                if action is None:
                    self._skipped += 1
                    continue
                if reader.news and not self._admit() and not self._final:
                    self.number = number
                    return False
                if gm.size > self._limit:
                    self._retire(action)
            core = action.core
            if core in stalls:
                buffer = buffers.get(core)
                if buffer is None:
                    buffer = buffers[core] = deque()
                buffer.append(action)
                continue
            issue(action, action.values)
            if released:
                self._release()
        self.number = number
        return True

    def _release(self) -> None:
        """Issue what was held back on the cores that can go on."""
        replay, buffers = self.replay, self._buffers
        issue, stalls, released = replay.issue, replay.stalls, replay.released
        while released:
            core = released.pop()
            buffer = buffers.get(core)
            if buffer is None:
                continue
            while buffer and core not in stalls:
                action = buffer.popleft()
                issue(action, action.values)
            if not buffer:
                del buffers[core]

    # ------------------------------------------------------------ what a new line may bring

    def _admit(self) -> bool:
        """Make room for what a new line brought; False if this pass should have known of it before."""
        replay, reader = self.replay, self.reader
        wiring = reader.kernel.wiring
        reader.news = False
        if len(replay.counts) != len(wiring.agents):
            replay.widen()
        if reader.groups:
            if self._grouped and self._grouped != len(wiring.cores):
                return False
            self._grouped = len(wiring.cores)
        if len(reader.sharing) != self._sharing:
            self._sharing = len(reader.sharing)
            if self._retired:
                return False
        return True

    def _retire(self, action: Recorded) -> None:
        """Forget the bytes of GM whose accesses are known complete to every agent that touches GM."""
        replay, gm = self.replay, self.reader.gm
        pinned = self._pinned(action)
        replay.forget_parents()
        dead = replay.settled(gm.cells, self._floor(), pinned)
        if dead:
            self._retired = True
            gm.forget(dead)
            replay.drop(dead)
            self.reader.far.clear()
        waiting = sum(map(len, self._buffers.values()))
        self._limit = max(gm.size * 2, waiting // 4) + self._retire_every

    def _floor(self) -> list[int]:
        """What every agent that touches GM knows, or need not know because its own order decides."""
        replay = self.replay
        return meet([replay.least_known(agent) for agent in self.reader.sharing.values()], len(replay.counts))

    def _pinned(self, action: Recorded) -> set[int]:
        """The cells of GM that something not executed yet is going to touch."""
        replay, gm = self.replay, self.reader.gm
        waiting = [action, *(item[0] for queue in replay.queues.values() for item in queue)]
        for buffer in self._buffers.values():
            waiting += buffer
        handles = [handle for each in waiting for handle in (*each.reads, *each.writes) if handle.page is gm]
        return {cell for handle in handles for cell in handle.cells}

    # ------------------------------------------------------------ the end

    def result(self, passes: int) -> TraceResult:
        replay, reader, log = self.replay, self.reader, self.log
        if not replay.stalls and not replay.queues:
            replay.finish()
        else:
            log.stuck.append(explain_heads(replay, replay.case, self._ahead()))
        width = len(reader.kernel.wiring.agents)
        for clash in log.clashes.values():
            clash.known.extend([0] * (width - len(clash.known)))
        problems = reader.all_problems(self.number - self._skipped)
        return TraceResult(reader.kernel, log, problems, self.number - self._skipped, len(reader.seen), passes)

    def _ahead(self) -> Callable[[Wanted], tuple[Access, tuple[int, ...]] | None]:
        """Looks up what the stalled cores had still to issue."""
        scalar = self.reader.kernel.wiring.scalar
        first: dict[tuple[int, int, int], tuple[Access, tuple[int, ...]]] = {}
        for core, buffer in sorted(self._buffers.items()):
            for action in buffer:
                key = (action.code, action.channel, action.core)
                if key not in first:
                    first[key] = Access(action, action.values, 0), (scalar[core],)
        return lambda wanted: next((first[key] for key in sorted(wanted) if key in first), None)
