"""Scripts of which the truth is known, as plain data: the kill suite of benchmarks/engine_mutants.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from judging import FEW, STATES, Looked, Seen, compare_open, compare_straight, look

from syncheck.simulator.program import Script, written

Item = dict[str, Any]


def corpus(count: int) -> list[tuple[str, Item]]:
    """Fixtures and `count` random programs, each judged, with what the engine says of it today."""
    return [*_fixtures(), *_programs(count), *_graphs()]


def differs(item: Item, slack: int) -> str:
    """What the engine says differently now; "" for nothing."""
    if item["kind"] == "graph":
        return "" if _graph(item["text"]) == item["told"] else "the graph"
    now = _plain(look(item["text"], item["pins"], states=item["most"]), item["text"], item["pins"], item["most"])
    for name in Seen.__dataclass_fields__:
        if now[name] != item[name]:
            return name
    if bool(now["gaps"]) != bool(item["gaps"]):
        return f"gaps {now['gaps'][:1]}"
    return "states" if now["states"] > slack * item["states"] + 10 else ""


def _plain(looked: Looked, text: str, pins: dict[str, tuple[int, ...]], most: int) -> Item:
    seen = {name: getattr(looked.seen, name) for name in Seen.__dataclass_fields__}
    return {
        "kind": "run",
        "text": text,
        "pins": pins,
        "most": most,
        "gaps": looked.gaps,
        "states": looked.states,
        **seen,
    }


def _fixtures() -> Iterator[tuple[str, Item]]:
    """The judge's fixtures: what is true of them is held by tests/test_judge.py and tests/test_proof.py."""
    from test_judge import FIXTURES, header

    for path in sorted(FIXTURES.glob("*.sync")):
        text = path.read_text(encoding="utf-8")
        pairs = [word.partition("=") for word in (*header(text, "pins"), *header(text, "with"))]
        pins = {key: tuple(map(int, value.strip("[]").split(","))) for key, _, value in pairs}
        yield path.stem, _plain(look(text, pins), text, pins, STATES)


def _programs(count: int) -> Iterator[tuple[str, Item]]:
    """Random programs; the judge has said that the engine is right about each."""
    import programs
    import programs_fifos
    import programs_histories
    import programs_turns

    shares: tuple[tuple[Callable[[], Any], Callable[[Script], str], float], ...] = (
        (programs.straight, compare_straight, 0.08), (programs.several, compare_straight, 0.08),
        (programs_fifos.handing, compare_open, 0.1), (programs_turns.strides, compare_open, 0.1),
        (programs.looped, compare_open, 0.1), (programs.strange, compare_open, 0.08),
        (programs.gated, compare_open, 0.05), (programs.nested, compare_open, 0.06),
        (programs.blocks, compare_open, 0.02), (programs.together, compare_open, 0.07),
        (programs_turns.turns, compare_open, 0.15), (programs_histories.histories, compare_open, 0.2),
    )  # fmt: skip
    for shape, compare, share in shares:
        for number, item in enumerate(_some(shape(), compare, max(int(count * share), 1))):
            yield f"{shape.__name__} {number}", item


def _some(strategy: Any, compare: Callable[[Script], str], count: int) -> list[Item]:
    kept: dict[str, Item] = {}

    def one(script: Script) -> None:
        if compare(script) != "two owners":
            text, _ = written(script)
            kept[text] = _plain(look(text, states=FEW), text, {}, FEW)

    wrap: Any = given(strategy)
    _run(wrap(one), count)
    return list(kept.values())


def _run(test: Any, count: int) -> None:
    """The same examples each time."""
    quiet = list(HealthCheck)
    options = settings(
        max_examples=count, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=quiet
    )
    seeded: Any = seed(0)
    seeded(options(test))()


def _graphs() -> Iterator[tuple[str, Item]]:
    """Runs of which the clocks and the graph say the same, and what it says."""
    from test_happens_before import PIPES, bodies

    texts: list[str] = []

    def one(data: st.DataObject, machine: str) -> None:
        parts = [f"core {core} {{\n{data.draw(bodies(machine, core))}\n}}" for core in PIPES]
        texts.append("\n".join((f"machine {machine};", *parts)))

    _run(given(st.data(), st.sampled_from(("a2a3", "a5")))(one), 40)
    for number, text in enumerate(dict.fromkeys(texts)):
        yield f"graph {number}", {"kind": "graph", "text": text, "told": _graph(text)}


def _graph(text: str) -> list[str]:
    """Where graph and clocks disagree, and the paths of some pairs in words."""
    from test_happens_before import disagreements, run

    from syncheck.happens_before import graph_of, path
    from syncheck.recording import is_data

    recording = run(text, "a5" if text.startswith("machine a5") else "a2a3", {}, {})
    told = list(disagreements(recording))
    graph = graph_of(recording)
    data = [event for event in recording.events if is_data(event)]
    for one in data[:6]:
        for other in data[-6:]:
            if one is not other:
                told += [step.text for step in path(recording, graph, one, other)]
    return told
