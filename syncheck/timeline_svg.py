"""A picture as SVG: time to the right, a row for each pipe, arrows for flags, a step line for each FIFO.

Self-contained, light and dark. `markup` gives the drawing for a page (timeline_html), `svg` a file of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from syncheck.timeline import PIPES, Box, Level, Picture, Track

LEFT, TOP, ROW, GAP, CORE_GAP, LEVEL = 92, 58, 24, 4, 18, 40
"""Pixels: width of the labels, height of the head, of a row, between rows, between cores, of a FIFO's level."""
NARROWEST, WIDEST = 1100, 24000
LETTER = 6.2
"""Pixels of a letter of the boxes' font, 10 pixels high."""
MOST = 20000
"""Boxes of one drawing; of a longer run the part around the race, else the beginning, is drawn."""

STYLE = """
.tl { font: 10px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  --bg: #ffffff; --ink: #1f2328; --soft: #656d76; --line: #d8dee4; --row: #f6f8fa; --bar: #9aa4b2; --wait: #e3e8ee;
  --MTE2: #4f8edc; --MTE1: #46a7b8; --M: #7a67d8; --FIX: #c8813a; --V: #4a9f61; --MTE3: #b5629f; --S: #8a939e;
  --on: #ffffff; --flag: #8b98a8; --signal: #c9463d; --race: #d1242f; --level: #4f8edc; }
@media (prefers-color-scheme: dark) { .tl { --bg: #0d1117; --ink: #e6edf3; --soft: #9198a1; --line: #30363d;
  --row: #151b23; --bar: #6e7781; --wait: #262c36; --MTE2: #3a6fb5; --MTE1: #2f7f8e; --M: #6250b8; --FIX: #a0642a;
  --V: #357a48; --MTE3: #8f4a7c; --S: #656d76; --flag: #6e7a88; --signal: #ff8a80; --race: #ff6b6b;
  --level: #6ea8f0; } }
.tl .bg { fill: var(--bg) } .tl text { fill: var(--ink) } .tl .soft { fill: var(--soft) }
.tl .title { font-size: 14px; font-weight: 600 }
.tl .core { font-size: 12px; font-weight: 600 } .tl .row { fill: var(--row) } .tl .grid { stroke: var(--line) }
.tl .box text { fill: var(--on); pointer-events: none } .tl .box rect { stroke: var(--bg); stroke-width: .5 }
.tl .wait rect { fill: var(--wait) } .tl .wait text { fill: var(--soft) } .tl .barrier rect { fill: var(--bar) }
.tl .set rect { fill: var(--flag) }
.tl .race rect { stroke: var(--race); stroke-width: 3 }
.tl .flag { stroke: var(--flag); fill: none; stroke-width: .8; opacity: .75 }
.tl .signal { stroke: var(--signal); fill: none; stroke-width: 1; opacity: .8 }
.tl .mix { stroke: var(--race); fill: none; stroke-width: 2; stroke-dasharray: 5 3 }
.tl .far { opacity: .3 }
.tl .mixtext { fill: var(--race); font-weight: 600; font-size: 11px; paint-order: stroke; stroke: var(--bg);
  stroke-width: 4px }
.tl .level { stroke: var(--level); fill: var(--level); fill-opacity: .18; stroke-width: 1.2 }
.tl .full { stroke: var(--soft); stroke-dasharray: 2 3; opacity: .7 }
""" + "".join(f".tl .instruction.p{pipe} rect {{ fill: var(--{pipe}) }}\n" for pipe in PIPES)


def svg(picture: Picture) -> str:
    """A file of its own."""
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + markup(picture, style=True)


def markup(picture: Picture, *, style: bool) -> str:
    """The <svg> element; `style`: with its style and its title inside."""
    drawing = _Drawing(picture)
    body = "\n".join(drawing.lines())
    title = f'\n<text class="title" x="8" y="20">{escape(picture.title)}</text>'
    inside, body = (f"<style>{STYLE}</style>\n", body + title) if style else ("", body)
    size = f'width="{drawing.width}" height="{drawing.height}" viewBox="0 0 {drawing.width} {drawing.height}"'
    return f'<svg class="tl" xmlns="http://www.w3.org/2000/svg" {size} role="img">\n{inside}{body}\n</svg>\n'


class _Drawing:
    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.first, self.last = _window(picture)
        self.boxes = [box for box in picture.boxes if box.stop >= self.first and box.start <= self.last]
        self.scale = self._scale()
        self.width = round(LEFT + (self.last - self.first) * self.scale) + 24
        self.rows = self._place_rows()
        below = max(self.rows.values(), default=TOP) + ROW + CORE_GAP
        self.levels = {level.fifo: below + 12 + number * (LEVEL + 18) for number, level in enumerate(picture.levels)}
        self.height = max(self.levels.values(), default=below) + LEVEL + 16

    def _scale(self) -> float:
        """Pixels of a cycle: so that half of the instructions can show their name, within reason."""
        long = sorted(box.stop - box.start for box in self.boxes if box.kind == "instruction" and box.stop > box.start)
        span = max(self.last - self.first, 1)
        wanted = 46 / long[len(long) // 2] if long else 1.0
        return min(max(wanted, NARROWEST / span), max(WIDEST / span, NARROWEST / span))

    def _place_rows(self) -> dict[Track, int]:
        rows: dict[Track, int] = {}
        at, core = TOP - CORE_GAP, ""
        for track in self.picture.tracks:
            at += CORE_GAP if track[0] != core else 0
            core = track[0]
            rows[track] = at
            at += ROW + GAP
        return rows

    def x(self, time: int) -> float:
        return round(LEFT + (min(max(time, self.first), self.last) - self.first) * self.scale, 1)

    def lines(self) -> Iterator[str]:
        yield f'<rect class="bg" width="{self.width}" height="{self.height}"/>'
        yield from self._grid()
        for box in self.boxes:
            yield from self._box(box)
        yield from self._arrows()
        yield from self._mixes()
        for level in self.picture.levels:
            yield from self._level(level)
        yield from self._labels()

    def _labels(self) -> Iterator[str]:
        """What a page keeps in view: cores, pipes and FIFOs."""
        yield f'<g class="labels"><rect class="bg" y="{TOP - 22}" width="{LEFT - 2}" height="{self.height}"/>'
        core = ""
        for track, y in self.rows.items():
            if track[0] != core:
                core = track[0]
                yield f'<text class="core" x="8" y="{y + 16}">{core}</text>'
            yield f'<text x="{LEFT - 8}" y="{y + 12}" text-anchor="end">{track[1]}</text>'
            if track in self.picture.busy:
                share = f"{self.picture.busy[track]:.0%}"
                yield f'<text class="soft" x="{LEFT - 8}" y="{y + 22}" text-anchor="end">{share}</text>'
        for level in self.picture.levels:
            top = self.levels[level.fifo]
            yield f'<text x="{LEFT - 8}" y="{top + 14}" text-anchor="end">{escape(level.fifo)}</text>'
            yield f'<text class="soft" x="{LEFT - 8}" y="{top + 26}" text-anchor="end">{level.slots} slots</text>'
        yield "</g>"

    def _grid(self) -> Iterator[str]:
        shown = f"{self.picture.length} {self.picture.unit}"
        if self.last - self.first < self.picture.length:
            shown += f", of which {self.first} to {self.last}"
        yield f'<text class="soft" x="8" y="36">{shown}</text>'
        for y in self.rows.values():
            yield f'<rect class="row" x="{LEFT}" y="{y}" width="{self.width - LEFT - 24}" height="{ROW}"/>'
        step = _step((self.last - self.first) * 110 / max(self.width - LEFT, 1))
        bottom = self.height - 8
        for number, time in enumerate(range(-(-self.first // step) * step, self.last + 1, step)):
            x = self.x(time)
            yield f'<g class="tick" data-n="{number}">'
            yield f'<line class="grid" x1="{x}" x2="{x}" y1="{TOP - 8}" y2="{bottom}"/>'
            yield f'<text class="soft" x="{x + 2}" y="{TOP - 10}">{time}</text></g>'

    def _box(self, box: Box) -> Iterator[str]:
        x, y = self.x(box.start), self.rows[box.track]
        width = round(max(self.x(box.stop) - x, 1.0 if box.kind != "wait" else 0.0), 1)
        if not width:
            return
        top, height = (y, ROW) if box.kind == "instruction" else (y + 5, ROW - 10)
        race = " race" if box.raced else ""
        yield f'<g class="box {box.kind} p{box.track[1]}{race}">'
        yield f"<title>{escape(_told(box, self.picture.unit))}</title>"
        yield f'<rect x="{x}" y="{top}" width="{width}" height="{height}" rx="2"/>'
        if box.kind == "instruction" or box.raced:
            hidden = "" if width > len(box.name) * LETTER + 4 else ' visibility="hidden"'
            yield f'<text x="{x + 3}" y="{y + 15}"{hidden}>{escape(box.name)}</text>'
        yield "</g>"

    def _arrows(self) -> Iterator[str]:
        boxes = {box.number: box for box in self.boxes}
        for arrow in self.picture.arrows:
            source, target = boxes.get(arrow.source), boxes.get(arrow.target)
            if source is None or target is None:
                continue
            x1, x2 = self.x(source.until), self.x(target.until)
            y1, y2 = self.rows[source.track] + ROW // 2, self.rows[target.track] + ROW // 2
            kind = ("signal" if arrow.cross else "flag") + (" far" if x2 - x1 > 500 else "")
            bend = max(8.0, (x2 - x1) / 2)
            path = f"M{x1} {y1} C{round(x1 + bend, 1)} {y1} {round(x2 - bend, 1)} {y2} {x2} {y2}"
            yield f'<path class="{kind}" d="{path}"/>'

    def _mixes(self) -> Iterator[str]:
        """A dashed line for each race; the first below a row has its words there, the others when pointed at."""
        boxes = {box.number: box for box in self.boxes}
        rows: set[int] = set()
        for mix in self.picture.mixes:
            reader, writer = boxes.get(mix.reader), boxes.get(mix.writer)
            if reader is None or writer is None:
                continue
            x1, x2 = self.x(writer.until), self.x(reader.until)
            y1, y2 = self.rows[writer.track], self.rows[reader.track]
            low, high = (y1 + ROW, y2) if y1 < y2 else (y1, y2 + ROW)
            doing = "reads {} before" if mix.early else "takes {} of"
            text = escape(f"race: {reader.name} {doing.format(mix.bytes)} {writer.name}")
            yield f'<path class="mix" d="M{x1} {low} L{x2} {high}"><title>{text}</title></path>'
            anchor, at = ("end", x1 - 6) if x1 > self.width / 2 else ("start", x1 + 6)
            height = max(y1, y2) + ROW + 13
            if height not in rows:
                rows.add(height)
                yield f'<text class="mixtext" x="{at}" y="{height}" text-anchor="{anchor}">{text}</text>'

    def _level(self, level: Level) -> Iterator[str]:
        bottom = self.levels[level.fifo] + LEVEL
        most = max([level.slots, *(tiles for _, tiles in level.steps)])
        path, height = f"M{self.x(0)} {bottom}", bottom
        for at, tiles in level.steps:
            x = self.x(at)
            path += f" L{x} {height}"
            height = round(bottom - LEVEL * max(tiles, 0) / most)
            path += f" L{x} {height}"
        end = self.x(self.picture.length)
        yield f'<path class="level" d="{path} L{end} {height} L{end} {bottom} Z"/>'
        full = round(bottom - LEVEL * level.slots / most)
        yield f'<line class="full" x1="{LEFT}" x2="{end}" y1="{full}" y2="{full}"/>'


def _window(picture: Picture) -> tuple[int, int]:
    """The times that are drawn: all, or for a long run those around the first race, else the first."""
    if len(picture.boxes) <= MOST:
        return 0, max(picture.length, 1)
    starts = sorted(box.start for box in picture.boxes)
    raced = [box.start for box in picture.boxes if box.raced]
    middle = sum(1 for start in starts if start < min(raced)) if raced else 0
    low = max(0, min(middle - MOST // 2, len(starts) - MOST))
    return starts[low], max(starts[min(low + MOST, len(starts)) - 1], starts[low] + 1)


def _step(rough: float) -> int:
    """1, 2 or 5 times a power of ten, at least `rough`."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if step * factor >= rough:
                return step * factor
        step *= 10


def _told(box: Box, unit: str) -> str:
    where = [f"{box.name}  {box.track[0]} {box.track[1]}  {box.path}:{box.line}", *box.frames, *box.touched]
    return "\n".join([*where, f"{unit} {box.start} to {box.until}"])
