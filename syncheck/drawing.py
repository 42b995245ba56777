"""The picture of a clash: the lanes, the two accesses, the flags around them, the gap."""

from __future__ import annotations

from syncheck.action import ACCESS, HEAR, SET, SIGNAL, WAIT
from syncheck.analysis import Analysis
from syncheck.execution import frames_of
from syncheck.finding import Label, LaneEvent, Picture
from syncheck.observation import Clash
from syncheck.recorded import Event, Recorded

_KIND = {ACCESS: "access", SET: "set", WAIT: "wait", SIGNAL: "signal", HEAR: "wait"}
_BETWEEN = 2
"""How many accesses of the later lane are drawn before the later one."""


def picture(
    analysis: Analysis, clash: Clash, later: Label, earlier: Label, run: Recorded | None = None
) -> Picture | None:
    """None where there is no gap to show (an inversion)."""
    if clash.kind == "reversed":
        return None
    gap = {"read": "may still be reading", "write": "may still be writing"}.get(earlier.access, "may still be running")
    if run is not None and run.earlier < run.later:
        return _from_run(analysis, later, earlier, run, gap)
    lanes = _lanes(later, earlier)
    boxes = (
        LaneEvent(lanes[-1], _text(earlier), "access", "earlier", earlier.span.line),
        LaneEvent(lanes[0], _text(later), "access", "later", later.span.line),
    )
    return Picture(lanes, boxes, gap=gap)


def _lanes(later: Label, earlier: Label) -> tuple[str, ...]:
    """The later access's lane on top; core names only where there are two."""
    names = (later, earlier)
    two = later.core != earlier.core
    return tuple(dict.fromkeys(f"{label.core} {label.pipe}" if two else label.pipe for label in names))


def _text(label: Label) -> str:
    return " ".join(filter(None, (label.op, _turn(label.frames))))


def _turn(frames: tuple[str, ...]) -> str:
    """The innermost value among the frames: "1" for "i=1"."""
    for frame in reversed(frames):
        last = frame.rpartition("=")[2]
        if "=" in frame and last.lstrip("-").isdigit():
            return last
    return ""


def _from_run(analysis: Analysis, later: Label, earlier: Label, run: Recorded, gap: str) -> Picture:
    lanes = _lanes(later, earlier)
    agents = {run.events[run.earlier].agent: lanes[-1], run.events[run.later].agent: lanes[0]}
    chosen = _chosen(run)
    boxes = []
    for index in chosen:
        event = run.events[index]
        site = analysis.kernel.sites[event.action.site]
        mark = "earlier" if index == run.earlier else "later" if index == run.later else ""
        kind = _KIND.get(event.action.code, "other")
        frames = frames_of(site, event.values)
        name = " ".join(filter(None, (site.op.partition(".")[0], _turn(frames))))
        text = name if kind == "access" else kind
        boxes.append(LaneEvent(agents[event.agent], text, kind, mark, site.span.line))
    arrows = tuple(
        (chosen.index(source), position)
        for position, index in enumerate(chosen)
        if (source := run.events[index].released_by) is not None and source in chosen
    )
    return Picture(lanes, tuple(boxes), arrows, gap)


def _chosen(run: Recorded) -> list[int]:
    """Indices of the events that are drawn, in time order."""
    events = run.events
    first, last = events[run.earlier], events[run.later]
    kept = {run.earlier, run.later}
    for index in range(run.later, -1, -1):
        event = events[index]
        source = event.released_by
        ours = event.agent in (first.agent, last.agent) and source is not None
        if not ours or source is None or events[source].agent not in (first.agent, last.agent):
            continue
        if source > run.earlier or event.agent == first.agent:
            kept |= {index, source} | _before(run, source)
            break
    between = [i for i in range(run.earlier + 1, run.later) if _drawn(events[i], last.agent)]
    return sorted(kept | set(between[-_BETWEEN:]))


def _drawn(event: Event, agent: int) -> bool:
    return event.agent == agent and event.action.code == ACCESS


def _before(run: Recorded, index: int) -> set[int]:
    """The access that a set is about: the last one before it on its lane."""
    agent = run.events[index].agent
    found = [i for i in range(index) if _drawn(run.events[i], agent)]
    return set(found[-1:])
