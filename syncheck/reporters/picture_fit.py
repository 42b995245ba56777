"""Simpler and simpler versions of a picture, for narrow terminals: the two accesses and the arrows go last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rich.cells import cell_len, set_cell_size

from syncheck.finding import LaneEvent, Picture
from syncheck.reporters.picture_layout import ELIDED
from syncheck.reporters.styled import Page

_LENGTHS = (14, 10, 7)


def simpler(picture: Picture, page: Page) -> Iterator[Picture]:
    """The picture itself, then without events, then with shorter texts, then without arrows."""
    places = range(len(picture.events))
    current = replace(picture, arrows=tuple(arrow for arrow in picture.arrows if set(arrow) <= set(places)))
    yield current
    while (index := _expendable(current)) is not None:
        current = without(current, index, page)
        yield current
    yield from (shortened(current, length, page) for length in _LENGTHS)
    while current.arrows:
        current = replace(current, arrows=current.arrows[1:])
        while (index := _expendable(current)) is not None:
            current = without(current, index, page)
        yield shortened(current, _LENGTHS[0], page)
    yield from (shortened(current, length, page) for length in _LENGTHS[1:])


def _expendable(picture: Picture) -> int | None:
    """The event that is missed least: in a lane of neither access, then far from them, then early."""
    marked = [index for index, event in enumerate(picture.events) if event.mark]
    lanes = {picture.events[index].lane for index in marked}
    held = {index for arrow in picture.arrows for index in arrow}
    candidates = [
        (event.lane in lanes, -min((abs(index - place) for place in marked), default=0), index)
        for index, event in enumerate(picture.events)
        if not event.mark and index not in held and event.kind != ELIDED
    ]
    return min(candidates)[2] if candidates else None


def without(picture: Picture, index: int, page: Page) -> Picture:
    """The picture with dots for one event; dots next to dots in a lane become one."""
    events = list(picture.events)
    lane = events[index].lane
    events[index] = LaneEvent(lane, page.sign("…", ".."), ELIDED)
    dropped: set[int] = set()
    previous: int | None = None
    for place in [place for place, event in enumerate(events) if event.lane == lane]:
        if previous is not None and events[place].kind == events[previous].kind == ELIDED:
            dropped.add(place)
        else:
            previous = place
    kept = [place for place in range(len(events)) if place not in dropped]
    new = {old: place for place, old in enumerate(kept)}
    arrows = tuple((new[a], new[b]) for a, b in picture.arrows if index not in (a, b))
    return replace(picture, events=tuple(events[place] for place in kept), arrows=arrows)


def shortened(picture: Picture, length: int, page: Page) -> Picture:
    return replace(
        picture, events=tuple(replace(event, text=_short(event.text, length, page)) for event in picture.events)
    )


def _short(text: str, length: int, page: Page) -> str:
    shown = page.clean(text)
    if cell_len(shown) <= length:
        return shown
    return set_cell_size(shown, length - 1).rstrip() + page.sign("…", "~")


def numbered(picture: Picture, failed: tuple[tuple[int, int], ...]) -> Picture:
    """The picture with equal numbers on a set and its wait instead of the arrows that could not be drawn."""
    texts = [event.text for event in picture.events]
    for number, (source, target) in enumerate(failed, start=1):
        texts[source] += f" #{number}"
        texts[target] += f" #{number}"
    events = tuple(replace(event, text=text) for event, text in zip(picture.events, texts, strict=True))
    return replace(picture, events=events, arrows=tuple(arrow for arrow in picture.arrows if arrow not in failed))
