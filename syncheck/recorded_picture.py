"""The picture of two accesses that nothing orders: of a recorded run, the few events on their lanes that matter."""

from __future__ import annotations

from syncheck.action import ACCESS, BARRIER, HEAR, SET, SIGNAL, WAIT
from syncheck.finding import LaneEvent, Picture
from syncheck.recording import Event, Recording, agent_name
from syncheck.witness import Schedule

_KIND = {ACCESS: "access", SET: "set", WAIT: "wait", SIGNAL: "signal", HEAR: "wait", BARRIER: "barrier"}
_BETWEEN = 2
"""Accesses of the later lane that are drawn before the later one."""


def picture(
    recording: Recording, earlier: Event, later: Event, gap: str = "may still be running",
    schedule: Schedule | None = None,
) -> Picture:  # fmt: skip
    """The two accesses and the flags between their lanes around them, in the order of the schedule: the later one
    starts during the earlier one."""
    lanes = _lanes(recording, earlier, later)
    names = {earlier.agent: lanes[-1], later.agent: lanes[0]}
    drawn = _in_time(_chosen(recording, earlier, later), schedule)
    boxes = []
    for event in drawn:
        mark = "earlier" if event is earlier else "later" if event is later else ""
        kind = _KIND.get(event.action.code, "other")
        line = recording.kernel.sites[event.action.site].span.line
        text = _text(recording, event) if kind in ("access", "barrier") else kind
        boxes.append(LaneEvent(names[event.agent], text, kind, mark, line))
    at = {event.index: position for position, event in enumerate(drawn)}
    arrows = tuple(
        (at[source], position) for position, event in enumerate(drawn) for source in event.sources if source in at
    )
    return Picture(lanes, tuple(boxes), arrows, gap)


def _lanes(recording: Recording, earlier: Event, later: Event) -> tuple[str, ...]:
    """The later access's lane on top; core names only where there are two."""
    names = [agent_name(recording, event.agent) for event in (later, earlier)]
    two = names[0][0] != names[1][0]
    return tuple(dict.fromkeys(f"{core} {pipe}" if two else pipe for core, pipe in names))


def _text(recording: Recording, event: Event) -> str:
    """ "TCVT 1": the operation and the innermost turn."""
    site = recording.kernel.sites[event.action.site]
    turns = [
        event.values[slot]
        for frame in site.frames
        for name, slot in frame.shown
        if name in recording.counters and slot < len(event.values) and isinstance(event.values[slot], int)
    ]
    return f"{site.op.partition('.')[0]} {turns[-1]}" if turns else site.op


# ---------------------------------------------------------------- which events


def _chosen(recording: Recording, earlier: Event, later: Event) -> list[Event]:
    kept = {earlier.index: earlier, later.index: later}
    if earlier.agent != later.agent:
        for event in (*_flag(recording, later, earlier), *_flag(recording, earlier, later)):
            kept[event.index] = event
        for event in _between(recording, earlier, later):
            kept[event.index] = event
    return [kept[index] for index in sorted(kept)]


def _flag(recording: Recording, source: Event, target: Event) -> tuple[Event, ...]:
    """The last wait before `target` on its lane for a set on the lane of `source`, that set, and what it is about."""
    for event in reversed(recording.events[: target.index]):
        if event.agent == target.agent and event.seq < target.seq:
            for index in event.sources:
                sender = recording.events[index]
                if sender.agent == source.agent:
                    about = [e for e in recording.events[:index] if e.agent == source.agent and _drawn(e)]
                    shared = [e for e in about if _share(e, target)]
                    return (*(shared or about)[-1:], sender, event)
    return ()


def _between(recording: Recording, earlier: Event, later: Event) -> list[Event]:
    """What else the later lane does before the later access, as far as it is of the same turn of the core."""
    two = earlier.action.core != later.action.core
    found = [
        event
        for event in recording.events[: later.index]
        if event.agent == later.agent and _drawn(event) and (event.seq > earlier.seq or two)
    ]
    return found[-_BETWEEN:]


def _share(one: Event, other: Event) -> bool:
    cells = {cell for handle in (*one.action.reads, *one.action.writes) for cell in handle.cells}
    return any(cell in cells for handle in (*other.action.reads, *other.action.writes) for cell in handle.cells)


def _drawn(event: Event) -> bool:
    return event.action.code == ACCESS


# ---------------------------------------------------------------- in which order


def _in_time(chosen: list[Event], schedule: Schedule | None) -> list[Event]:
    """As the schedule has them; as they ran where there is none."""
    position = {} if schedule is None else schedule.position()
    return sorted(chosen, key=lambda event: (position.get(event.index, len(position)), event.index))
