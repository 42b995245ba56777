"""A picture in the Chrome trace event format, for Perfetto (ui.perfetto.dev) and chrome://tracing.

One process for each core and one thread for each pipe; complete events (X) that nest, flow events (s, f) from sets to
waits, counters (C) for FIFOs, instant events (i) for reads of the wrong bytes. One microsecond of the viewer is one
cycle. Format: the public "Trace Event Format" document of the Chromium project.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from syncheck.timeline import Box, Picture

Event = dict[str, Any]


def trace(picture: Picture) -> str:
    """The JSON text."""
    events = [*_names(picture), *_slices(picture), *_flows(picture), *_counters(picture), *_races(picture)]
    head = {"title": picture.title, "unit": f"one microsecond here is one of the run's {picture.unit}"}
    lines = ",\n".join(json.dumps(event, ensure_ascii=False) for event in events)
    return f'{{"displayTimeUnit": "ns", "otherData": {json.dumps(head)},\n"traceEvents": [\n{lines}\n]}}\n'


def _places(picture: Picture) -> dict[tuple[str, str], tuple[int, int]]:
    """(process, thread) of each track."""
    cores = list(dict.fromkeys(core for core, _ in picture.tracks))
    return {track: (cores.index(track[0]) + 1, number + 1) for number, track in enumerate(picture.tracks)}


def _names(picture: Picture) -> Iterator[Event]:
    seen: set[int] = set()
    for (core, pipe), (pid, tid) in _places(picture).items():
        if pid not in seen:
            seen.add(pid)
            yield _meta("process_name", pid, 0, {"name": core})
            yield _meta("process_sort_index", pid, 0, {"sort_index": pid})
        yield _meta("thread_name", pid, tid, {"name": pipe})
        yield _meta("thread_sort_index", pid, tid, {"sort_index": tid})


def _meta(name: str, pid: int, tid: int, args: Event) -> Event:
    return {"ph": "M", "name": name, "pid": pid, "tid": tid, "ts": 0, "args": args}


def _slices(picture: Picture) -> Iterator[Event]:
    places = _places(picture)
    for box in picture.boxes:
        pid, tid = places[box.track]
        category = f"{box.kind},race" if box.raced else box.kind
        yield {
            "ph": "X", "name": box.name, "cat": category, "pid": pid, "tid": tid, "ts": box.start,
            "dur": box.stop - box.start, "args": _arguments(box),
        }  # fmt: skip


def _arguments(box: Box) -> Event:
    arguments: Event = {"line": f"{box.path}:{box.line}"}
    if box.frames:
        arguments["in"] = ", ".join(box.frames)
    if box.touched:
        arguments["bytes"] = "; ".join(box.touched)
    if box.until != box.stop:
        arguments["complete"] = box.until
    return arguments


def _flows(picture: Picture) -> Iterator[Event]:
    places = _places(picture)
    boxes = {box.number: box for box in picture.boxes}
    for number, arrow in enumerate(picture.arrows):
        source, target = boxes[arrow.source], boxes[arrow.target]
        category = "signal" if arrow.cross else "flag"
        for phase, box, at in (("s", source, source.start), ("f", target, target.stop)):
            pid, tid = places[box.track]
            event = {"ph": phase, "name": category, "cat": category, "id": number, "pid": pid, "tid": tid, "ts": at}
            yield {**event, "bp": "e"} if phase == "f" else event


def _counters(picture: Picture) -> Iterator[Event]:
    pid = len({core for core, _ in picture.tracks}) + 1
    if picture.levels:
        yield _meta("process_name", pid, 0, {"name": "FIFOs"})
        yield _meta("process_sort_index", pid, 0, {"sort_index": pid})
    for level in picture.levels:
        for at, tiles in level.steps:
            yield {
                "ph": "C", "name": f"{level.fifo} ({level.slots} slots)", "pid": pid, "tid": 0, "ts": at,
                "args": {"tiles": tiles},
            }  # fmt: skip


def _races(picture: Picture) -> Iterator[Event]:
    places = _places(picture)
    boxes = {box.number: box for box in picture.boxes}
    for mix in picture.mixes:
        reader, writer = boxes.get(mix.reader), boxes.get(mix.writer)
        if reader is None or writer is None:
            continue
        pid, tid = places[reader.track]
        doing = "takes {} before it is written by" if mix.early else "takes {} from"
        text = f"{reader.name} (line {reader.line}) {doing.format(mix.bytes)} {writer.name} (line {writer.line})"
        yield {
            "ph": "i", "name": "race", "cat": "race", "s": "g", "pid": pid, "tid": tid,
            "ts": min(reader.until, writer.until), "args": {"what": text},
        }  # fmt: skip
