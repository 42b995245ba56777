"""Where the boxes of a picture stand: columns for events, rows for lanes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rich.cells import cell_len

from syncheck.finding import LaneEvent, Picture
from syncheck.reporters.styled import Page
from syncheck.value import Value, frozen

ELIDED = "elided"
_REACH = 5
"""Cells that the earlier access goes on after the later one has started."""


@frozen
class Box(Value):
    """An event as drawn: `text` with its frame at `column`; `stop` is the column after it."""

    event: LaneEvent
    text: str
    row: int
    column: int
    stop: int


@frozen
class Layout(Value):
    """`lanes` are (name, row); `rows` counts the free rows between lanes too. `later`, `earlier` index `boxes`."""

    boxes: tuple[Box, ...]
    lanes: tuple[tuple[str, int], ...]
    arrows: tuple[tuple[int, int], ...]
    rows: int
    columns: int
    later: int | None
    earlier: int | None
    gap: str


def layout(picture: Picture, page: Page) -> Layout:
    later, earlier = _marked(picture, "later"), _marked(picture, "earlier")
    same = later is not None and earlier is not None and picture.events[later].lane == picture.events[earlier].lane
    rows = _rows(picture, later if same else None)
    boxes = _boxes(picture, rows, later, earlier, page)
    lanes = tuple((name, row) for name, row in rows.items() if name is not None)
    columns = max((box.stop for box in boxes), default=0) + 2
    return Layout(boxes, lanes, picture.arrows, max(rows.values()) + 2, columns, later, earlier, picture.gap)


def _marked(picture: Picture, mark: str) -> int | None:
    return next((index for index, event in enumerate(picture.events) if event.mark == mark), None)


def _rows(picture: Picture, doubled: int | None) -> dict[str | None, int]:
    """The row of each lane, a free row above each. None is the row of a later access in the earlier one's lane."""
    names = dict.fromkeys((*picture.lanes, *(event.lane for event in picture.events)))
    rows: dict[str | None, int] = {}
    for name in names:
        rows[name] = 2 * len(rows) + 1
        if doubled is not None and picture.events[doubled].lane == name:
            rows[None] = 2 * len(rows) + 1
    return rows


def _boxes(
    picture: Picture, rows: dict[str | None, int], later: int | None, earlier: int | None, page: Page
) -> tuple[Box, ...]:
    ends = dict.fromkeys(rows.values(), 1)
    boxes: list[Box] = []
    for index, event in enumerate(picture.events):
        row = rows[None] if None in rows and index == later else rows[event.lane]
        text = shape(event, page)
        column = max([ends[row], *_earliest(picture, boxes, index)])
        boxes.append(Box(event, text, row, column, column + cell_len(text)))
        ends[row] = boxes[-1].stop + 1
        if index == later and earlier is not None and earlier < index:
            _stretch(boxes, earlier, column, ends, page)
    return tuple(boxes)


def _earliest(picture: Picture, boxes: list[Box], index: int) -> Iterator[int]:
    """Columns that the event must not come before: the events before it, the set it waits for, the earlier access."""
    if boxes:
        yield boxes[-1].column + 2
    for source, target in picture.arrows:
        if target == index and source < len(boxes):
            yield boxes[source].stop + 1
    if picture.events[index].mark == "later":
        yield from (box.stop + 1 for box in boxes if box.event.mark == "earlier")


def _stretch(boxes: list[Box], earlier: int, column: int, ends: dict[int, int], page: Page) -> None:
    """Draw the earlier access out beyond the start of the later one, unless its lane goes on before."""
    box = boxes[earlier]
    if any(other.row == box.row for other in boxes[earlier + 1 :]):
        return
    stop = max(box.stop, column + _REACH)
    filling = page.sign("▒", "#") * (stop - box.stop)
    boxes[earlier] = replace(box, text=f"{box.text[:-1]}{filling}{box.text[-1]}", stop=stop)
    ends[box.row] = stop + 1


def shape(event: LaneEvent, page: Page) -> str:
    text = " ".join(page.clean(event.text).split()) or "?"
    if event.mark == "earlier":
        return f"[{text} {page.sign('▒', '#')}]"
    if event.kind in ("set", "wait", "signal", ELIDED):
        return text
    return page.sign(f"┤{text}├", f"|{text}|") if event.kind == "barrier" else f"[{text}]"
