"""What `why` and `graph` say, to the letter for the two kernels everyone asks about."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from syncheck.check import Settings
from syncheck.machine import load
from syncheck.why import WhyError, graph, why

SEEDS = Path(__file__).parent.parent / "fixtures" / "seeds"
KERNEL = "paged_attention_parallel.cpp"


def ask(seed: str, first: int, second: int, core: str = "", file: str = KERNEL) -> str:
    path = SEEDS / seed
    text = path.read_text(encoding="utf-8")
    return why(text, str(path), Settings(load("a2a3")), (file, first), (file, second), core)


RACE = """\
TCVT at 475 may start before TPUSH at 484 is complete

  earlier  TPUSH at 484 (AIV0 MTE3, i=0) reads UB 0x5000..0x5800 (pijBf16)
  later    TCVT at 475 (AIV0 V, i=1) writes UB 0x5000..0x5800 (pijBf16)
  with     hw = 0, hw_num = 1, total = 1, n_blocks = 2
"""
TURN = """\
  1  TCVT at 475 (AIV0 V, i=0) completes on V
  2  set_flag(V, MTE3, EVENT_ID0) at 482 fires when all before it on V is
     complete
  3  wait_flag(V, MTE3, EVENT_ID0) at 483 makes MTE3 wait for it
  4  TPUSH at 484 (AIV0 MTE3, i=0) starts after that
"""
PREFETCH = """\
TMOV at 179 is complete before TLOAD at 187 starts

  earlier  TMOV at 179 (AIC MTE1, i=0) reads L1 0x20000..0x28000 (kMat[0])
  later    TLOAD at 187 (AIC MTE2, i=1) writes L1 0x20000..0x28000 (kMat[0])
  with     hw = 0, hw_num = 1, total = 1, n_blocks = 3

  1  TMOV at 179 (AIC MTE1, i=0) completes on MTE1
  2  set_flag(MTE1, M, EVENT_ID0) at 193 fires when all before it on MTE1 is
     complete
  3  wait_flag(MTE1, M, EVENT_ID0) at 194 makes M wait for it
  4  set_flag(M, FIX, EVENT_ID0) at 198 fires when all before it on M is
     complete
  5  wait_flag(M, FIX, EVENT_ID0) at 199 makes FIX wait for it
  6  set_flag(FIX, S, EVENT_ID7) at 204 fires when all before it on FIX is
     complete
  7  wait_flag(FIX, S, EVENT_ID7) at 205 waits for it and holds the issue of
     all that follows on AIC
  8  TLOAD at 187 (AIC MTE2, i=1) is issued after that

So is every pair of their turns that touches the same bytes, whatever the
parameters (proved).

Slack 0 turns: in the steady state (n_blocks >= 6) TMOV at 179 is complete
before TLOAD at 187 from the next turn on, and they touch the same bytes in the
next turn.
"""


def test_a_race() -> None:
    text = ask("pr708.sync", 484, 475)
    assert text.startswith(RACE)
    assert "Nothing tells V that MTE3 has finished." in " ".join(text.split())
    assert "set_flag(PIPE_MTE3, PIPE_V, EVENT_ID" in text
    assert text.endswith(f"In 4 other pairs of turns they are in order, for example:\n\n{TURN}")
    assert max(map(len, text.splitlines())) < 80


def test_the_older_kernel_has_it_too() -> None:
    assert ask("pr704.sync", 434, 425).startswith(RACE.replace("475", "425").replace("484", "434"))
    assert ask("pr704.sync", 425, 434) == ask("pr704.sync", 434, 425)


def test_the_drain_orders_the_prefetch() -> None:
    assert ask("pr704.sync", 179, 187) == PREFETCH


def test_fixed() -> None:
    text = ask("pr708_fixed_flag.sync", 475, 484)
    assert "may start before" not in text
    assert "(proved)" in text


def test_between_cores() -> None:
    text = ask("pr704.sync", 434, 227)
    assert "the signal of TPUSH at 434 fires when all before it on MTE3 is complete" in text
    assert "the wait of TPOP at 227 waits for it and holds the issue" in " ".join(text.split())
    assert "AIV1" in ask("pr704.sync", 425, 434, core="AIV1")


def test_flags_and_strangers() -> None:
    assert "They touch no bytes in common" in ask("pr704.sync", 432, 433)
    assert "so this is no race" in " ".join(ask("pr704.sync", 405, 177).split())


def test_script_lines_and_names() -> None:
    home = ask("pr704.sync", 229, 220, file="pr704.sync")
    assert home == ask("pr704.sync", 434, 425)
    assert ask("pr704.sync", 434, 425, file=f"somewhere/else/{KERNEL}") == home


@pytest.mark.parametrize(
    ("line", "file", "core", "message"),
    [
        (180, KERNEL, "", "no instruction at this line; nearest: 175 (wait_flag), 177 (TMOV), 179 (TMOV), 181 (TMOV)"),
        (180, "other.cpp", "", f"no instruction comes from this file; there are some from .*{KERNEL}"),
        (179, KERNEL, "AIV7", "there is no instruction on core AIV7; there is AIC, AIV0, AIV1"),
        (179, KERNEL, "AIV0", "no instruction at this line"),
    ],
)
def test_errors(line: int, file: str, core: str, message: str) -> None:
    with pytest.raises(WhyError, match=message.replace("(", r"\(").replace(")", r"\)")):
        ask("pr704.sync", line, 187, core, file)


def test_never_reached() -> None:
    text = "core AIV {\nif (0) {\ninstr a on PIPE_V writes UB[0:4];\n}\ninstr b on PIPE_V writes UB[0:4];\n}\n"
    with pytest.raises(WhyError, match="do not both run"):
        why(text, "k.sync", Settings(load("a2a3")), ("k.sync", 3), ("k.sync", 5))


@pytest.mark.parametrize("text", ["", "core AIV {}", "nonsense", "param n in 1..;"])
def test_nothing_to_look_at(text: str) -> None:
    with pytest.raises(WhyError):
        why(text, "k.sync", Settings(load("a2a3")), ("k.sync", 1), ("k.sync", 1))


def test_trace() -> None:
    text = ask("traces/704.jsonl", 434, 425)
    assert text.startswith("TCVT at 425 may start before TPUSH at 434 is complete")


@pytest.mark.parametrize("name", ["pr704.sync", "traces/704.jsonl"])
def test_graphs(name: str) -> None:
    path = SEEDS / name
    text = path.read_text(encoding="utf-8")
    settings = Settings(load("a2a3"))
    drawn = graph(text, str(path), settings, "dot", run=True)
    assert drawn.startswith("digraph order {")
    assert drawn.count("{") == drawn.count("}")
    assert 'subgraph "cluster_AIV0_MTE3"' in drawn
    assert "set_flag(FIX, S, EVENT_ID7) at 204 → wait_flag(FIX, S, EVENT_ID7) at 205" in drawn
    assert "color=red, fontcolor=red, style=dashed" in drawn
    assert drawn == graph(text, str(path), settings, "dot", run=True)
    root = ElementTree.fromstring(graph(text, str(path), settings, "graphml", run=True))
    edges = root.findall(".//{*}edge")
    assert len(edges) > 500
    assert any(data.text == "race" for edge in edges for data in edge)
