"""The picture of a clash: the lanes, the two accesses, the flags around them, the gap."""

from __future__ import annotations

from syncheck import recorded_picture
from syncheck.finding import Label, LaneEvent, Picture
from syncheck.observation import Clash
from syncheck.recorded import Recorded


def picture(clash: Clash, later: Label, earlier: Label, run: Recorded | None = None) -> Picture | None:
    """None where there is no gap to show (an inversion). Without a run, only the two accesses."""
    if clash.kind == "reversed":
        return None
    gap = {"read": "may still be reading", "write": "may still be writing"}.get(earlier.access, "may still be running")
    if run is not None:
        return recorded_picture.picture(run.recording, run.earlier, run.later, gap, run.schedule)
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
