"""Why an execution stands still: for each head that waits, which set it needs and what holds that set back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from syncheck.action import ALL, SET, SIGNAL, Action
from syncheck.execution import CoreRun, Kernel, emitting
from syncheck.lowering import Cross, Emitter, Fixed, Flag, Handshake, Several
from syncheck.observation import Access, Case, Head, Stuck
from syncheck.replay import Replay
from syncheck.wiring import Wiring

Wanted = set[tuple[int, int, int]]
"""(code, channel, core) of the actions that would release a head."""
Ahead = Callable[[Wanted], "tuple[Access, tuple[int, ...]] | None"]
"""Finds one of them among what the stalled cores have not issued, and the agents whose heads hold it back."""


def stuck_heads(kernel: Kernel, cores: Sequence[CoreRun], replay: Replay, case: Case) -> Stuck:
    """All heads of a run in which nothing can move."""
    wiring = kernel.wiring
    for core in cores:
        for op in core.code.ops:
            if op.emitter is not None:
                list(_possible(op.emitter, wiring))  # so that signals that were never sent are known too

    def ahead(wanted: Wanted) -> tuple[Access, tuple[int, ...]] | None:
        for core in cores:
            if core.code.index in replay.stalls and (found := _ahead(core, wanted, wiring)) is not None:
                return Access(found, (), 0), (wiring.scalar[core.code.index],)
        return None

    return explain_heads(replay, case, ahead)


def explain_heads(replay: Replay, case: Case, ahead: Ahead) -> Stuck:
    """All heads of a replay in which nothing can move; `ahead` knows what was still to come."""
    heads: dict[int, Head] = {}
    for core, (action, values, seq, _) in replay.stalls.items():
        heads[action.agent] = Head(action.agent, core, Access(action, values, seq), action.channel)
    for agent, queue in replay.queues.items():
        action, values, seq, _ = queue[0]
        heads[agent] = Head(agent, action.core, Access(action, values, seq), action.channel)
    queued = _queued(replay)
    for head in heads.values():
        _explain(head, replay, heads, queued, ahead)
    return Stuck(heads, case)


def _queued(replay: Replay) -> dict[tuple[int, int, int], tuple[int, Access, int]]:
    """(code, channel, core) of what waits in the queues → its place in them, and the agent in whose queue it is."""
    found: dict[tuple[int, int, int], tuple[int, Access, int]] = {}
    position = 0
    for agent, queue in replay.queues.items():
        for action, values, seq, _ in islice(queue, 1, None):
            position += 1
            key = (action.code, action.channel, action.core)
            if key not in found:
                found[key] = position, Access(action, values, seq), agent
    return found


def _explain(
    head: Head,
    replay: Replay,
    heads: dict[int, Head],
    queued: dict[tuple[int, int, int], tuple[int, Access, int]],
    ahead: Ahead,
) -> None:
    wiring = replay.wiring
    if head.at.action.code == ALL:
        held = [agent for agent in replay.queues if wiring.agents[agent][0] == head.core]
        head.via = tuple(held)
        head.needs = heads[held[0]].at if held else None
        return
    wanted = _senders(head, replay, wiring)
    behind = min((queued[key] for key in wanted if key in queued), key=lambda item: item[0], default=None)
    if behind is not None:
        head.needs, head.via = behind[1], (behind[2],)
    elif (found := ahead(wanted)) is not None:
        head.needs, head.via = found


def _senders(head: Head, replay: Replay, wiring: Wiring) -> Wanted:
    """Which (code, channel) of actions would release this head: its set, or the signals that still owe it one."""
    channel = head.channel
    if not wiring.channels[channel].cross:
        return {(SET, channel, head.core)}
    wanted: Wanted = set()
    for number, signal in enumerate(wiring.signals):
        if channel in signal.targets:
            parts = replay.partial.get(number, {})
            owing = [core for core in signal.sources if not parts.get(core)]
            wanted.update((SIGNAL, number, core) for core in owing)
            if owing and len(owing) < len(signal.sources):
                names = " and ".join(sorted(wiring.cores[core] for core in owing))
                head.missing = f"{names} {'has not sent its half' if len(owing) == 1 else 'have not sent their halves'}"
    return wanted


def _ahead(core: CoreRun, wanted: Wanted, wiring: Wiring) -> Action | None:
    """A set or signal of `wanted` that this core's text may still reach."""
    for action in core.rest:
        if (action.code, action.channel, action.core) in wanted:
            return action
    for op in emitting(core.code.ops, core.pc):
        if op.emitter is not None:
            for action in _possible(op.emitter, wiring):
                if (action.code, action.channel, action.core) in wanted:
                    return action
    return None


def _possible(emitter: Emitter, wiring: Wiring) -> Iterable[Action]:
    """Every set or signal a statement may emit, whatever its event id turns out to be."""
    if isinstance(emitter, Fixed):
        yield from emitter.fixed
    elif isinstance(emitter, Several):
        for part in emitter.parts:
            yield from _possible(part, wiring)
    elif isinstance(emitter, Handshake):
        yield from _possible(emitter.emitter, wiring)
    elif isinstance(emitter, Flag) and emitter.code == SET:
        for event in range(emitter.ids[0], emitter.ids[1] + 1):
            channel = wiring.flag(emitter.core, emitter.src, emitter.dst, event)
            yield emitter.seen(event) or Action(SET, emitter.core, emitter.agent, emitter.site, channel=channel)
    elif isinstance(emitter, Cross) and emitter.code == SIGNAL:
        yield from emitter.seen()
