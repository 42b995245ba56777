"""What would order two accesses: sentences with something to type."""

from __future__ import annotations

from syncheck.action import FrameShape, Site
from syncheck.analysis import Analysis, FlagAdvice
from syncheck.finding import Label
from syncheck.observation import Access, Clash
from syncheck.value import Value, frozen


def remedies(analysis: Analysis, clash: Clash, later: Label, earlier: Label, single: bool = True) -> tuple[str, ...]:
    """Most direct first. `single`: a second slot may be offered (no ping-pong by hand over several tiles)."""
    if clash.kind == "same_pipe":
        return (barrier_between(later, earlier),)
    if clash.kind == "reversed":
        return (
            f"Move what {earlier.pipe} waits for before {later.op} at {later.span.line}, or wait on another event id.",
        )
    if later.core != earlier.core:
        return _signal(analysis, later, earlier)
    return _flag(analysis, clash, later, earlier, single)


def barrier_between(later: Label, earlier: Label) -> str:
    if later.span.line > earlier.span.line:
        return f"pipe_barrier(PIPE_{later.pipe}) between {earlier.span.line} and {later.span.line}."
    return f"pipe_barrier(PIPE_{later.pipe}) before {later.span.line}."


# ---------------------------------------------------------------- within one core


def _flag(analysis: Analysis, clash: Clash, later: Label, earlier: Label, single: bool) -> tuple[str, ...]:
    core, x, y = later.core, earlier.pipe, later.pipe
    way = _way(analysis, clash.earlier, clash.later)
    found = []
    if legal(analysis, core, x, y):
        event = free_event(analysis, core, x, y)
        name = f"EVENT_ID{event}" if event is not None else "an event id that is free here"
        triple = f"PIPE_{x}, PIPE_{y}, {name}"
        text = f"set_flag({triple}) {way.set_at(earlier)}, wait_flag({triple}) {way.wait_at(later)}"
        text = f"{text}; prime it once before the loop, drain it once after." if way.carried else f"{text}."
        if analysis.try_flag is None or event is None or way.out_of or way.into:
            found.append(text)
        elif result := analysis.try_flag(FlagAdvice(core, x, y, event, earlier.span, later.span, way.carried)):
            found.append(f"{text} {result}")
    if single and way.carried and later.access == "write" and (name := _single_slot(analysis, later)):
        found.append(f"Or two slots for {name}." if found else f"Two slots for {name}.")
    if y != "S" and x != "S" and legal(analysis, core, x, "S"):
        found.append(f"{'Or drain' if found else 'Drain'} {x}→S {way.set_at(earlier)}.")
    return tuple(found) or (f"pipe_barrier(PIPE_ALL) before {later.span.line}.",)


@frozen
class _Way(Value):
    """From the earlier access to the later one: in a later turn (carried), out of a loop, into one (their lines)."""

    carried: bool = False
    out_of: int = 0
    into: int = 0

    def set_at(self, earlier: Label) -> str:
        return f"after the loop at {self.out_of}" if self.out_of else f"after {earlier.span.line}"

    def wait_at(self, later: Label) -> str:
        return f"before the loop at {self.into}" if self.into else f"before {later.span.line}"


def _place(site: Site) -> tuple[int, int]:
    return site.span.line, site.span.column


def _way(analysis: Analysis, earlier: Access, later: Access) -> _Way:
    one, other = analysis.site(earlier), analysis.site(later)
    left, right = _frames(one, earlier), _frames(other, later)
    if not left and not right and other.span.path == one.span.path and _place(other) <= _place(one):
        return _Way(carried=True)  # a trace knows no loops, but the text goes back
    if _called(one) == _called(other) != "" and left != right:
        return _Way(carried=True)
    for position, (a, b) in enumerate(zip(left, right, strict=False)):
        if a == b:
            continue
        if a[0] == b[0] and a[0].kind == "loop":
            return _Way(carried=True)
        return _Way(False, _loop(left[position:]), _loop(right[position:]))
    common = min(len(left), len(right))
    return _Way(False, _loop(left[common:]), _loop(right[common:]))


_Frame = tuple[FrameShape, tuple[str, ...]]


def _frames(site: Site, access: Access) -> list[_Frame]:
    values = access.values
    return [
        (
            shape,
            tuple(str(values[slot]) for _, slot in shape.shown if slot < len(values)) if shape.kind == "loop" else (),
        )
        for shape in site.frames
    ]


def _called(site: Site) -> str:
    return next((shape.name for shape in reversed(site.frames) if shape.kind == "call"), "")


def _loop(frames: list[_Frame]) -> int:
    """The line of the outermost loop among these frames, 0 if there is none."""
    return next((shape.line for shape, _ in frames if shape.kind == "loop"), 0)


def legal(analysis: Analysis, core: str, src: str, dst: str) -> bool:
    pair = analysis.machine.pair(core, src, dst)
    return src != dst and pair is not None and pair.status in ("legal", "accepted")


def free_event(analysis: Analysis, core: str, src: str, dst: str) -> int | None:
    """The lowest event id that no flag (src, dst) of this core uses; one that no flag from `src` uses (FLG007) and that
    is not reserved, if there is one."""
    machine = analysis.machine
    mine = [c for c in analysis.kernel.wiring.channels if not c.cross and (c.core, c.src) == (core, src)]
    low, high = machine.event_ids
    used = {channel.event for channel in mine if channel.dst in (dst, "")}
    free = [event for event in range(low, high + 1) if event not in used]
    shared = {channel.event for channel in mine}
    free.sort(key=lambda event: (event in shared, event))
    kept = [event for event in free if not any(entry.low <= event <= entry.high for entry in machine.reserved_events)]
    return next(iter(kept or free), None)


def _single_slot(analysis: Analysis, label: Label) -> str:
    name = label.region.name if label.region is not None else ""
    tile = analysis.kernel.layout.tiles.get(name)
    return name if tile is not None and tile.slots == 1 else ""


# ---------------------------------------------------------------- between cores


def _signal(analysis: Analysis, later: Label, earlier: Label) -> tuple[str, ...]:
    flag = free_signal(analysis)
    number = "flag" if flag is None else str(flag)
    sent = f"{signal_text(analysis, later, earlier, number)} on {earlier.core} after {earlier.span.line}"
    if analysis.machine.cross_wait == "S":
        heard = f"wait_flag_dev({number})"
    else:
        heard = f"wait_intra_block(PIPE_{later.pipe}, {number})"
    return (f"{sent}, {heard} on {later.core} before {later.span.line}.",)


def signal_text(analysis: Analysis, later: Label, earlier: Label, number: str) -> str:
    """The signal that says the earlier access is complete: sent by the pipe that did it."""
    between_lanes = later.core[:3] == earlier.core[:3]
    if analysis.machine.cross_wait != "S" and not between_lanes:
        return f"set_intra_block(PIPE_{earlier.pipe}, {number})"
    mode = (1 if later.core[:3] == "AIV" else 0) if between_lanes else 2
    return f"ffts_cross_core_sync(PIPE_{earlier.pipe}, {mode}, {number})"


def free_signal(analysis: Analysis) -> int | None:
    """The lowest cross-core flag that nothing uses."""
    wiring, machine = analysis.kernel.wiring, analysis.machine
    used = {signal.flag for signal in wiring.signals} | {c.event for c in wiring.channels if c.cross}
    for fifo in analysis.kernel.layout.fifos.values():
        used |= {fifo.flag, fifo.flag + 1}
    low, high = machine.cross_ids
    free = [flag for flag in range(low, high + 1) if flag not in used]
    kept = [flag for flag in free if not any(entry.low <= flag <= entry.high for entry in machine.reserved_cross)]
    return next(iter(kept), None)
