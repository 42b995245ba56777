"""break, continue, tiles placed by their uses, tensors with gaps between rows, FIFO slots that are only room."""

from __future__ import annotations

from syncheck.check import Settings, check
from syncheck.finding import FileReport
from syncheck.machine import load


def checked(text: str) -> FileReport:
    return check(text, "t.sync", Settings(load("a2a3"), timed=False))


def rules(text: str) -> list[str]:
    return [finding.rule for finding in checked(text).findings if finding.severity == "error"]


def load_store(body: str) -> str:
    return f"""param n in 1..; unknown last; unknown size;
gm x : fp32[size]; gm row : fp32[1, 64] view x;
tile t : UB fp32[1, 64];
core AIV0 {{
    for (i = 0; i < n; i++) {{ {body} }}
    pipe_barrier(PIPE_ALL);
}}
"""


def test_continue_skips_what_would_race() -> None:
    race = "TLOAD(t@(0), row@(i * 256)); TADDS(t@(0), t@(0), 1); pipe_barrier(PIPE_ALL);"
    assert "RAW001" in rules(load_store(race))
    assert rules(load_store("continue; " + race)) == []
    assert rules(load_store("break; " + race)) == []
    assert "RAW001" in rules(load_store("if (i == last) { break; } " + race))


def test_break_leaves_a_flag_set() -> None:
    set_, wait = "set_flag(PIPE_V, PIPE_MTE3, 0);", "wait_flag(PIPE_V, PIPE_MTE3, 0);"
    assert rules(load_store(f"{set_} {wait}")) == []
    assert rules(load_store(f"{set_} if (i == last) {{ break; }} {wait}")) == ["FLG002"]


def test_a_jump_outside_of_a_loop_is_refused() -> None:
    assert rules("core AIV { continue; }") == ["SYN001"]
    assert rules("def f() { break; } core AIV { for (i = 0; i < 2; i++) { f(); } }") == ["SYN001"]


def test_a_tile_lies_where_its_use_says() -> None:
    apart = load_store("TEXPANDS(t@(i % 2 * 256), 0); TEXPANDS(t@(512), 0);")
    assert rules(apart) == ["BAR001"]  # only the turn after the next meets its bytes again
    assert "RAW001" not in rules(apart)
    beyond = checked(load_store("TEXPANDS(t@(0x40000), 0);"))
    assert [f.rule for f in beyond.findings if f.severity == "error"] == ["SYN001"]


def test_rows_with_gaps_between_them() -> None:
    text = """gm x : fp32[16, 128]; gm left : fp32[16, 64] stride 128 view x;
gm right : fp32[16, 64] stride 128 view x at 256;
tile a : UB fp32[16, 64] at 0x0; tile b : UB fp32[16, 64] at 0x1000;
core AIV0 {{ TSTORE(left, a); TLOAD(b, {}); pipe_barrier(PIPE_ALL); }}
"""
    assert rules(text.format("right")) == []
    assert rules(text.format("left")) == ["RAW001"]


def test_fifos_that_stand_instead_of_each_other() -> None:
    text = """fifo p : C2V uint8[8192] {{ slots = 2; flag = 0; local = UB at 0x0; split = up_down; }}
fifo q : C2V uint8[4096] {{ slots = 2; flag = 0; local = UB at 0x0; {} }}
tile c : L0C fp32[16, 64] at 0x0; tile s : UB fp32[8, 64] from p;
core AIC {{ TPUSH(p, c); pipe_barrier(PIPE_ALL); }}
core AIV {{ TPOP(p, s); }}
"""
    assert "FIF003" in rules(text.format("split = up_down;"))
    assert rules(text.format("split = up_down; instead_of = p;")) == []
