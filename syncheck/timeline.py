"""A run as a picture in time: instructions as boxes on the track of their pipe, flags as arrows, FIFOs as levels.

Times are cycles of the machine's cost model. A run in which an instruction took bytes too late (`Mix`) is timed as it
happened: the reader ends after the instruction that overwrote its bytes. Without costs the run's steps are the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from syncheck.action import ACCESS, ALL, BARRIER, HEAR, SET, SIGNAL, WAIT, Action, Site
from syncheck.cost import Costs
from syncheck.execution import Kernel
from syncheck.layout import PlacedFifo
from syncheck.lowering import DataMove
from syncheck.timing import Times, replay_timed
from syncheck.value import Value, frozen

Track = tuple[str, str]
"""A core and one of its pipes."""
PIPES = ("S", "MTE2", "MTE1", "M", "FIX", "V", "MTE3")
"""The order of tracks: as data flows."""


class Played(Protocol):
    """One instance of a run; start and end are steps of that run."""

    @property
    def number(self) -> int: ...
    @property
    def action(self) -> Action: ...
    @property
    def site(self) -> Site: ...
    @property
    def frames(self) -> tuple[str, ...]: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


@frozen
class Mix(Value):
    """A read of wrong bytes, by numbers of instances: `reader` took what `writer` had put there too soon; with `early`,
    it read before `writer` had put there what it should have found. `bytes` says where.
    """

    reader: int
    writer: int
    bytes: str
    early: bool = False


@frozen
class Box(Value):
    """kind: instruction, wait, barrier, set. `until` is when it is complete; `stop` where its box ends on the track."""

    number: int
    track: Track
    kind: str
    name: str
    start: int
    stop: int
    until: int
    line: int
    path: str
    frames: tuple[str, ...]
    touched: tuple[str, ...]
    raced: bool


@frozen
class Arrow(Value):
    """From a set or signal (box `source`) to the wait (box `target`) that took its token. `cross`: between cores."""

    source: int
    target: int
    cross: bool


@frozen
class Level(Value):
    """How many tiles a FIFO holds from each time on: those that all lanes have stored and not all have loaded."""

    fifo: str
    slots: int
    steps: tuple[tuple[int, int], ...]


@frozen
class Picture(Value):
    """`busy`: for each track the part of the time that its pipe works. `unit` is cycles or steps."""

    title: str
    unit: str
    length: int
    tracks: tuple[Track, ...]
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    levels: tuple[Level, ...]
    mixes: tuple[Mix, ...]
    busy: Mapping[Track, float]


def picture(
    kernel: Kernel, events: Iterable[Played], costs: Costs | None, mixes: Sequence[Mix], title: str,
    stuck: Iterable[Played] = (),
) -> Picture:  # fmt: skip
    """The picture of a run; `costs` None: in steps. `stuck`: what waits for ever when nothing else can move."""
    played = [event for event in events if event.end >= 0]
    wiring = kernel.wiring
    if costs is None:
        times = {event.number: Times(event.start, event.start, event.end) for event in played}
        busy: dict[Track, float] = {}
    else:
        timing = replay_timed(played, wiring, costs, _held(played, mixes))
        times = timing.times
        busy = {wiring.name(agent): timing.utilisation(agent) for agent in sorted(timing.busy)}
    raced = {number for mix in mixes for number in (mix.reader, mix.writer)}
    boxes = [_box(event, times[event.number], event.number in raced) for event in played if event.number in times]
    boxes += [_endless(event, boxes, max((box.until for box in boxes), default=0)) for event in stuck]
    length = max((box.until for box in boxes), default=0)
    tracks = sorted({box.track for box in boxes}, key=_order)
    return Picture(
        title, "steps" if costs is None else "cycles", length, tuple(tracks),
        tuple(box for track in tracks for box in _laid([b for b in boxes if b.track == track])),
        tuple(_arrows(kernel, played, times)), tuple(_levels(kernel, played, times)), tuple(mixes), busy,
    )  # fmt: skip


def _held(played: Sequence[Played], mixes: Sequence[Mix]) -> dict[int, int]:
    """Which instance ends after which other one, so that the wrong bytes are taken."""
    ends = {event.number: event.end for event in played}
    held: dict[int, int] = {}
    for mix in mixes:
        late, other = (mix.writer, mix.reader) if mix.early else (mix.reader, mix.writer)
        if other in ends and ends[other] > ends.get(held.get(late, -1), -1):
            held[late] = other
    return held


def _order(track: Track) -> tuple[str, int, str]:
    core, pipe = track
    return core, PIPES.index(pipe) if pipe in PIPES else len(PIPES), pipe


_KINDS = {
    ACCESS: "instruction", SET: "set", SIGNAL: "set", WAIT: "wait", HEAR: "wait", BARRIER: "barrier", ALL: "barrier",
}  # fmt: skip


def _box(event: Played, when: Times, raced: bool) -> Box:
    site, action = event.site, event.action
    kind = _KINDS[action.code]
    start = when.end - 1 if kind == "set" else when.start
    touched = tuple(
        dict.fromkeys(
            f"{verb} {h.page.space} 0x{h.start:x}..0x{h.stop:x}" + (f" ({h.name})" if h.name else "")
            for verb, handles in (("reads", action.reads), ("writes", action.writes))
            for h in handles
        )
    )
    name = site.op if kind == "instruction" or not site.detail else f"{site.op}({site.detail})"
    path, line = site.span.path, site.span.line
    return Box(
        event.number, (site.core, site.pipe), kind, name, max(start, 0), when.end, when.end, line, path, event.frames,
        touched, raced,
    )  # fmt: skip


def _endless(event: Played, boxes: Sequence[Box], length: int) -> Box:
    """A wait that nothing ends: from the last thing its pipe did to the end of the picture, and a little beyond."""
    track = (event.site.core, event.site.pipe)
    start = max((box.until for box in boxes if box.track == track), default=0)
    box = _box(event, Times(start, start, start), raced=True)
    stop = max(length, start) + max(length // 10, 10)
    return Box(
        box.number, track, "wait", f"{box.name} waits for ever", start, stop, stop, box.line, box.path, box.frames,
        box.touched, raced=True,
    )  # fmt: skip


def _laid(boxes: list[Box]) -> Iterator[Box]:
    """Boxes of one track side by side or one inside the other: an instruction that overlaps the next one is cut there.

    One that is part of a race keeps its length, and the others are drawn inside it.
    """
    ordered = sorted(boxes, key=lambda box: (box.start, -box.stop, box.number))
    stops = {box.number: box.stop for box in ordered}
    open_: list[Box] = []
    for box in ordered:
        while open_ and stops[open_[-1].number] <= box.start:
            open_.pop()
        while open_ and stops[box.number] > stops[open_[-1].number]:
            last = open_[-1]
            if last.raced:
                stops[box.number] = stops[last.number]
                break
            stops[last.number] = box.start
            open_.pop()
        open_.append(box)
    for box in ordered:
        yield Box(
            box.number, box.track, box.kind, box.name, box.start, max(stops[box.number], box.start), box.until,
            box.line, box.path, box.frames, box.touched, box.raced,
        )  # fmt: skip


def _arrows(kernel: Kernel, played: Sequence[Played], times: Mapping[int, Times]) -> Iterator[Arrow]:
    """The n-th wait of a channel takes the n-th token; a signal of two lanes counts as sent by the later one."""
    tokens: dict[int, list[int]] = {}
    halves: dict[int, dict[int, list[int]]] = {}
    given = sorted((e for e in played if e.action.code in (SET, SIGNAL) and e.number in times), key=lambda e: e.number)
    for event in given:
        action = event.action
        if action.code == SET:
            tokens.setdefault(action.channel, []).append(event.number)
            continue
        halves.setdefault(action.channel, {}).setdefault(action.core, []).append(event.number)
    for channel, parts in sorted(halves.items()):
        signal = kernel.wiring.signals[channel]
        rounds = zip(*(parts.get(core, []) for core in signal.sources), strict=False)
        for numbers in rounds:
            latest = max(numbers, key=lambda number: (times[number].end, number))
            for target in signal.targets:
                tokens.setdefault(target, []).append(latest)
    for sent in tokens.values():
        sent.sort(key=lambda number: times[number].end)
    taken: dict[int, int] = {}
    for event in sorted(played, key=lambda e: e.number):
        action = event.action
        if action.code in (WAIT, HEAR) and event.number in times:
            turn = taken[action.channel] = taken.get(action.channel, 0) + 1
            known = tokens.get(action.channel, [])
            if turn <= len(known):
                yield Arrow(known[turn - 1], event.number, action.code == HEAR)


def _levels(kernel: Kernel, played: Sequence[Played], times: Mapping[int, Times]) -> Iterator[Level]:
    moved: dict[str, dict[bool, dict[int, list[int]]]] = {}
    fifos: dict[str, PlacedFifo] = {}
    for event in played:
        call = kernel.calls.get(event.action.site)
        if isinstance(call, DataMove) and event.number in times:
            fifos[call.fifo.name] = call.fifo
            ends = moved.setdefault(call.fifo.name, {True: {}, False: {}})[call.push]
            ends.setdefault(event.action.tag, []).append(times[event.number].end)
    for name in sorted(moved):
        pushed, popped = moved[name][True], moved[name][False]
        sides = {push: max((len(ends) for ends in each.values()), default=1) for push, each in moved[name].items()}
        changes = [(max(ends), 1) for ends in pushed.values() if len(ends) == sides[True]]
        changes += [(max(ends), -1) for ends in popped.values() if len(ends) == sides[False]]
        steps, level = [(0, 0)], 0
        for at, change in sorted(changes, key=lambda each: (each[0], -each[1])):
            level += change
            steps.append((at, level))
        yield Level(name, fifos[name].slots, tuple(steps))
