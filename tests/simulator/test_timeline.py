"""Runs drawn in time: what the trace format asks for, what the picture shows, and the race in both."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from syncheck.cli import main
from syncheck.cost import Costs
from syncheck.frontends.script import parse
from syncheck.machine import load
from syncheck.simulator import attention
from syncheck.simulator.data import Run, prepare
from syncheck.timeline import Box, Picture, picture
from syncheck.timeline_svg import MOST, svg
from syncheck.timeline_trace import trace

ROOT = Path(__file__).resolve().parents[2]
RACE = ROOT / "fixtures" / "seeds" / "pr708.sync"
KERNEL = ROOT / "fixtures" / "kernels" / "paged_attention.sync"
SVG = "{http://www.w3.org/2000/svg}"
PHASES = {"X": {"ts", "dur", "name", "cat"}, "M": {"name", "args"}, "s": {"id", "ts", "name", "cat"},
          "f": {"id", "ts", "name", "cat", "bp"}, "C": {"ts", "name", "args"}, "i": {"ts", "s", "name"}}  # fmt: skip
"""Event phases of the public Trace Event Format and the keys each needs beside ph, pid and tid."""


def drawn(lengths: tuple[int, ...] = (300, 0, 65), *, costs: bool = True) -> tuple[Run, Picture]:
    machine = load("a2a3")
    shape = attention.shape_for(lengths, rows=16, page=128)
    given = attention.inputs(shape) | {
        "hw": 0, "hw_num": 1, "batch": len(lengths), "kv_heads": 1, "q_tiles": 1, "q_tile": 16, "block_size": 128,
        "n_blocks": shape.pages, "tail": shape.tail,
    }  # fmt: skip
    program = parse(KERNEL.read_text(encoding="utf-8"), KERNEL.name)
    prepared = prepare(program, machine, inputs=given)
    run = prepared.run()
    return run, picture(prepared.kernel, run.events, Costs(machine, prepared.kernel) if costs else None, (), "a <run>")


RUN, PICTURE = drawn()


def complaints(text: str) -> list[str]:
    """What a strict reader of the format has against a trace."""
    document = json.loads(text)
    found = [] if isinstance(document.get("traceEvents"), list) else ["no traceEvents"]
    threads: dict[tuple[int, int], list[tuple[int, int]]] = {}
    flows: Counter[tuple[str, int]] = Counter()
    named = set()
    for event in document["traceEvents"]:
        phase = event.get("ph")
        lacking = (PHASES.get(phase, {"a known phase"}) | {"pid", "tid"}) - set(event)
        found += [f"{event}: lacks {key}" for key in sorted(lacking)]
        if lacking:
            continue
        place = (event["pid"], event["tid"])
        whole = all(isinstance(event[key], int) for key in ("pid", "tid", "ts", "dur") if key in event)
        found += [] if whole and event.get("ts", 0) >= 0 and event.get("dur", 0) >= 0 else [f"{event}: numbers"]
        if phase == "X":
            threads.setdefault(place, []).append((event["ts"], event["ts"] + event["dur"]))
        elif phase in ("s", "f"):
            flows[phase, event["id"]] += 1
        elif phase == "M" and event["name"] == "thread_name":
            named.add(place)
        elif phase == "C":
            found += [f"{event}: no number"] if not all(isinstance(v, int) for v in event["args"].values()) else []
    found += [f"thread {place} has no name" for place in threads if place not in named]
    found += [f"flow {number}" for phase, number in flows if flows["s", number] != 1 or flows["f", number] != 1]
    for place, slices in threads.items():
        found += [f"{place}: {slice_} does not nest" for slice_ in badly_nested(slices)]
    return found


def badly_nested(slices: list[tuple[int, int]]) -> list[tuple[int, int]]:
    wrong, open_ = [], list[int]()
    for start, stop in sorted(slices, key=lambda each: (each[0], -each[1])):
        while open_ and open_[-1] <= start:
            open_.pop()
        if open_ and stop > open_[-1]:
            wrong.append((start, stop))
        open_.append(stop)
    return wrong


def test_a_strict_reader_of_the_trace_has_no_complaints() -> None:
    assert complaints(trace(PICTURE)) == []


def test_the_reader_complains() -> None:
    thread = {"ph": "M", "name": "thread_name", "pid": 1, "tid": 1, "args": {"name": "V"}}
    slice_ = {"ph": "X", "name": "TADD", "cat": "x", "pid": 1, "tid": 1, "ts": 0, "dur": 5}
    flow = {"ph": "s", "name": "flag", "cat": "flag", "id": 1, "pid": 1, "tid": 1, "ts": 1}
    for events in ([slice_], [thread, slice_, {**slice_, "ts": 3}], [thread, flow], [thread, {**slice_, "ts": -1}]):
        assert complaints(json.dumps({"traceEvents": events}))


def test_one_track_for_each_core_and_pipe_that_works() -> None:
    names = {(e["pid"], e["tid"]): e["args"]["name"] for e in events("M") if e["name"] == "thread_name"}
    cores = {e["pid"]: e["args"]["name"] for e in events("M") if e["name"] == "process_name"}
    assert {(cores[pid], name) for (pid, _), name in names.items()} == {(e.core, e.pipe) for e in RUN.events}


def events(phase: str) -> list[dict[str, Any]]:
    return [event for event in json.loads(trace(PICTURE))["traceEvents"] if event["ph"] == phase]


def test_every_instance_has_its_box_and_every_wait_its_arrow() -> None:
    assert sorted(box.number for box in PICTURE.boxes) == sorted(event.number for event in RUN.events)
    released = {event.number: event.released_by for event in RUN.events if event.released_by is not None}
    assert {arrow.target for arrow in PICTURE.arrows} == set(released)
    sites = {event.number: event.site for event in RUN.events}
    for arrow in PICTURE.arrows:
        setter = released[arrow.target]
        assert setter is not None
        assert sites[arrow.source].op == setter.site.op
        assert sites[arrow.source].core[:3] == setter.core[:3]


def test_times_respect_every_flag() -> None:
    boxes = {box.number: box for box in PICTURE.boxes}
    assert all(boxes[arrow.source].until <= boxes[arrow.target].until for arrow in PICTURE.arrows)
    assert PICTURE.length == max(box.until for box in PICTURE.boxes)
    assert all(0 < part <= 1 for part in PICTURE.busy.values())


def test_fifos_hold_no_more_than_their_slots_and_end_empty() -> None:
    assert [level.fifo for level in PICTURE.levels] == ["oi", "pij", "sij"]
    for level in PICTURE.levels:
        tiles = [count for _, count in level.steps]
        assert min(tiles) == 0
        assert 1 <= max(tiles) <= level.slots
        assert tiles[-1] == 0
        assert len(tiles) == 1 + 2 * (3 + 1)  # pages of 300 and 65 tokens, each stored and loaded


def test_the_drawing_is_well_formed_and_says_what_each_box_is() -> None:
    root = ET.fromstring(svg(PICTURE))
    titles = [title.text or "" for title in root.iter(f"{SVG}title")]
    assert any(text.startswith("TMATMUL  AIC M  paged_attention.sync:") and "reads L0A" in text for text in titles)
    assert "a <run>" in [text.text for text in root.iter(f"{SVG}text")]
    assert not [path for path in root.iter(f"{SVG}path") if path.get("class") == "mix"]
    widths = [float(rect.get("width", 0)) for rect in root.iter(f"{SVG}rect")]
    assert min(widths) > 0


def test_without_costs_the_steps_of_the_run_are_the_time() -> None:
    _, plain = drawn((65,), costs=False)
    assert plain.unit == "steps"
    assert plain.busy == {}
    assert complaints(trace(plain)) == []


def test_of_a_very_long_run_a_part_is_drawn() -> None:
    box = PICTURE.boxes[0]
    many = tuple(
        Box(n, box.track, "instruction", "TADD", 10 * n, 10 * n + 5, 10 * n + 5, 1, "x", (), (), raced=n == 30000)
        for n in range(40000)
    )
    long = Picture("long", "cycles", 400000, (box.track,), many, (), (), (), {})
    text = svg(long)
    assert text.count('<g class="box') == pytest.approx(MOST, abs=4)
    assert "of which 199990 to" in text or "of which 200000 to" in text


def test_the_command_draws_the_race(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, page_path = tmp_path / "run.json", tmp_path / "run.html"
    assert main(["run", str(RACE), "--schedule", "witness", "--trace", str(run), "--timeline", str(page_path)]) == 1
    capsys.readouterr()
    trace_text, page = run.read_text(encoding="utf-8"), page_path.read_text(encoding="utf-8")
    assert complaints(trace_text) == []
    (instant,) = (e for e in json.loads(trace_text)["traceEvents"] if e["ph"] == "i")
    assert instant["args"]["what"] == "TPUSH (line 484) takes pijBf16 0x5000..0x5800 from TCVT (line 475)"
    raced = [e for e in json.loads(trace_text)["traceEvents"] if e["ph"] == "X" and "race" in e["cat"]]
    assert sorted(e["name"] for e in raced) == ["TCVT", "TPUSH"]
    push, convert = sorted(raced, key=lambda e: e["ts"])
    assert push["ts"] + push["dur"] > convert["ts"] + convert["args"].get("complete", 0) - convert["ts"]
    assert 'class="mix"' in page
    assert "race: TPUSH takes pijBf16 0x5000..0x5800 of TCVT" in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_what_waits_for_ever_is_drawn_to_the_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script, drawing = tmp_path / "stuck.sync", tmp_path / "stuck.svg"
    waits = "wait_flag(PIPE_MTE2, PIPE_V, 0);"
    script.write_text(f"tile a : UB fp32[4, 64] at 0x0; core AIV0 {{ TADDS(a, a, 1); {waits} TADDS(a, a, 1); }}")
    assert main(["run", str(script), "--timeline", str(drawing)]) == 1
    capsys.readouterr()
    root = ET.fromstring(drawing.read_text(encoding="utf-8"))
    (box,) = (group for group in root.iter(f"{SVG}g") if "race" in (group.get("class") or ""))
    title = box.find(f"{SVG}title")
    assert title is not None
    assert "waits for ever" in (title.text or "")
    assert any("which never ends" in (text.text or "") for text in root.iter(f"{SVG}text"))


def test_a_picture_has_a_known_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(RACE), "--timeline", "run.png"]) == 2
    assert "ends in .svg or .html" in capsys.readouterr().err
