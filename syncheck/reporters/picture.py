"""The picture of a finding: lanes in time, what orders them, and the one gap."""

from __future__ import annotations

from rich.cells import cell_len

from syncheck.finding import Picture
from syncheck.reporters.canvas import BLANK, SOLID, Canvas
from syncheck.reporters.picture_fit import numbered, simpler
from syncheck.reporters.picture_layout import Layout, layout
from syncheck.reporters.styled import Line, Page, plain

_INDENT = 2


def picture_lines(picture: Picture, later: str, page: Page) -> list[Line]:
    """The picture within the width of the page; nothing if it cannot be drawn in that.

    `later` says what the later access does ("writes 0x5000").
    """
    if not picture.events:
        return []
    names = max(cell_len(page.clean(event.lane)) for event in picture.events)
    names = max([names, *(cell_len(page.clean(lane)) for lane in picture.lanes)])
    room = page.width - _INDENT - names - 2
    for candidate in simpler(picture, page):
        plan, canvas = _drawn(candidate, page)
        if plan.columns <= room:
            width = max(plan.columns, min(room, plan.columns + 40))
            _, canvas = _drawn(candidate, page, width, later)
            return _labelled(canvas, plan, names, page)
    return []


def _drawn(picture: Picture, page: Page, width: int = 0, later: str = "") -> tuple[Layout, Canvas]:
    """The picture on a canvas; arrows that find no way become numbers."""
    plan = layout(picture, page)
    canvas = Canvas(plan.rows, max(plan.columns, width))
    _draw_lanes(canvas, plan, page)
    failed = tuple(arrow for arrow in plan.arrows if not _draw_arrow(canvas, plan, arrow, page))
    if failed:
        return _drawn(numbered(picture, failed), page, width, later)
    _draw_gap(canvas, plan, page, later)
    return plan, canvas


def _labelled(canvas: Canvas, plan: Layout, names: int, page: Page) -> list[Line]:
    labels = {row: page.clean(name) for name, row in plan.lanes}
    lines = []
    for row in range(plan.rows):
        if row in labels or not canvas.empty(row):
            label = labels.get(row, "")
            lines.append((*plain(" " * _INDENT + label + " " * (names - cell_len(label) + 2)), *canvas.row(row)))
    return lines


def _draw_lanes(canvas: Canvas, plan: Layout, page: Page) -> None:
    for _, row in plan.lanes:
        canvas.put(row, 0, page.sign("─", "-") * plan.columns)
    for box in plan.boxes:
        canvas.put(box.row, box.column, box.text.replace(BLANK, SOLID), box.event.mark)


def _draw_arrow(canvas: Canvas, plan: Layout, arrow: tuple[int, int], page: Page) -> bool:
    """Draw from a set to the wait it releases. False, and nothing drawn, if something is in the way."""
    source, target = plan.boxes[arrow[0]], plan.boxes[arrow[1]]
    if target.column <= source.stop or source.row == target.row:
        return False
    down = target.row > source.row
    step = 1 if down else -1
    if target.row == source.row + 2 * step and target.column == source.stop + 1:
        if canvas.at(source.row + step, source.stop) != BLANK:
            return False
        canvas.put(source.row + step, source.stop, page.sign("╲" if down else "╱", "\\" if down else "/"))
        return True
    for column in range(source.stop - 1, source.column - 1, -1):
        path = _path(canvas, (source.row, column), (target.row, target.column), page)
        if path:
            for row, place, character in path:
                canvas.put(row, place, character)
            return True
    return False


def _path(canvas: Canvas, source: tuple[int, int], target: tuple[int, int], page: Page) -> list[tuple[int, int, str]]:
    """Down (or up) from the set, along the free row before the wait's lane, into the wait. [] if that is blocked."""
    step = 1 if target[0] > source[0] else -1
    turn = target[0] - step
    cross, corners = page.sign("┼", "+"), page.sign("╰╮" if step > 0 else "╭╯", "++")
    free = {BLANK: page.sign("│", "|"), page.sign("─", "-"): cross, page.sign("│", "|"): ""}
    path = [(row, source[1], free.get(canvas.at(row, source[1]), "")) for row in range(source[0] + step, turn, step)]
    free = {BLANK: page.sign("─", "-"), page.sign("│", "|"): cross}
    path += [(turn, column, free.get(canvas.at(turn, column), "")) for column in range(source[1] + 1, target[1])]
    ends = [(turn, source[1], corners[0]), (turn, target[1], corners[1])]
    if any(canvas.at(row, column) != BLANK for row, column, _ in ends):
        return []
    return path + ends if all(character for _, _, character in path) else []


def _draw_gap(canvas: Canvas, plan: Layout, page: Page, later: str) -> None:
    """Mark the moment the later access starts, in the lane of the earlier one."""
    if plan.later is None or plan.earlier is None or plan.later < plan.earlier:
        return
    first, second = plan.boxes[plan.earlier], plan.boxes[plan.later]
    step = 1 if first.row > second.row else -1
    column = second.column + 1
    mark = page.sign("┊", ":")
    free = (BLANK, page.sign("─", "-"), page.sign("▒", "#"))
    for row in range(second.row + 2 * step, first.row + 2 * step, step):
        if canvas.at(row, column) in free:
            canvas.put(row, column, mark, first.event.mark if row == first.row else "")
    head = page.sign("▲", "^") if step > 0 else page.sign("▼", "v")
    _remark(canvas, second.row + step, column, head, later, page)
    _remark(canvas, first.row + step, column, mark, plan.gap, page)


def _remark(canvas: Canvas, row: int, column: int, sign: str, text: str, page: Page) -> None:
    """`sign` with `text` beside it, on the side where there is room; only the sign if there is none."""
    if canvas.at(row, column) not in (BLANK, page.sign("┊", ":")):
        return
    canvas.put(row, column, sign, "key")
    shown = page.clean(text)
    size = cell_len(shown)
    if not shown:
        return
    for start in (column + 2, column - 1 - size):
        if start >= 0 and all(canvas.at(row, start + offset) == BLANK for offset in range(-(start > column), size + 1)):
            canvas.put(row, start, shown, "key")
            return
