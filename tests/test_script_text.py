"""A Program written as a script is read back as the same Program, with the same findings on the same lines."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import programs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncheck import ir
from syncheck.build import kernels
from syncheck.check import Settings, check
from syncheck.detectors import RULES
from syncheck.finding import FileReport
from syncheck.frontends.script import decode, parse
from syncheck.frontends.script_expressions import TIGHTNESS
from syncheck.ir import (
    Any_,
    Binary,
    Call,
    Const,
    Core,
    Def,
    Expr,
    For,
    Function,
    If,
    Let,
    Name,
    Param,
    Program,
    Statement,
    Ternary,
    Tile,
    TileOp,
    Unary,
)
from syncheck.machine import load
from syncheck.script_spelling import nodes
from syncheck.script_text import script_text
from syncheck.simulator.program import written
from syncheck.source import Span
from syncheck.value import Value

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
FILES = sorted(FIXTURES.rglob("*.sync"))
CHECKED = [path for path in FILES if path.parent.name in {rule.id for rule in RULES}]
SETTINGS = Settings(load("a2a3"), timed=False)
HERE = Span("k.cpp", 7)


def bare(node: object) -> object:
    """The node without its spans: what must come back."""
    if isinstance(node, Span):
        return None
    if isinstance(node, ir.Suppression):
        return node.rules, node.reason
    if isinstance(node, tuple):
        return tuple(map(bare, node))
    if isinstance(node, Value):
        parts = fields(node)
        return type(node).__name__, *(bare(getattr(node, part.name)) for part in parts)
    return node


def compared(program: Program) -> object:
    """All but the path; of the problems what a script can say of them."""
    return bare(replace(program, path="", problems=())), [one.message for one in program.problems]


def read(path: Path) -> Program:
    text = decode(path.read_bytes(), str(path))
    if not isinstance(text, str) or not parse(text, str(path)).cores:
        pytest.skip("not a script with a core")
    return parse(text, str(path))


@pytest.mark.parametrize("lines", [True, False], ids=["lines", "bare"])
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_same_program_comes_back(path: Path, lines: bool) -> None:
    program = read(path)
    again = parse(script_text(program, lines=lines), "written.sync")
    if not program.problems:
        assert compared(again) == compared(program)
    else:  # what was left out for one of them may be used elsewhere: nothing but the problems may appear anew
        assert {one.message for one in program.problems} <= {" ".join(one.message.split()) for one in again.problems}


EVERYTHING = """
gm strided : bf16[4, 8] stride 16 view moved at 0x40;
gm moved : bf16[64, 64];
fifo other : C2V uint8[4096] {
    slots = 3; flag = 2; local = UB at 0x40; local_slots = 3; local_stride = 512; split = none;
    back_pressure = off; record = manual; wait_from = 4; period = 2; instead_of = given; }
fifo given : V2C fp16[16, 16] { slots = 2; flag = 2; local = L1 at 0x0; split = left_right; }
core AIC { let x = any ? ~1 : max(1, 2) + any; TLOAD(k[1], moved[x:x + 1]);
    TPUSH(other, strided@(64), none, int8); wait_intra_block(PIPE_V, 1); instr x on PIPE_M reads GM[0:4] atomic; }
// syncheck: exit launch
// syncheck: assume apart x and y do not overlap
// syncheck: note MEM005 error a | b is written | It stays in the cache. | dcci it.
"""


def test_every_field_of_every_node_comes_back() -> None:
    """Also of nodes that came after this test: one that no script here uses fails it."""
    page = (FIXTURES.parent / "docs" / "language.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```c\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    program = parse("\n".join((*blocks, EVERYTHING)), "all.sync")
    assert program.problems == ()
    assert compared(parse(script_text(program), "written.sync")) == compared(program)
    spoken: set[tuple[str, str]] = set()
    for node in nodes(program):
        if isinstance(node, Value):
            parts = fields(node)
            spoken |= {(type(node).__name__, p.name) for p in parts if getattr(node, p.name) != p.default}
    here = [kind for kind in vars(ir).values() if isinstance(kind, type) and kind.__module__ == ir.__name__]
    kinds = [kind for kind in here if issubclass(kind, Value)]
    every = {(kind.__name__, name) for kind in kinds for name in kind.__slots__}
    assert every - spoken == {("Program", "problems")}


def told(report: FileReport) -> tuple[str, list[Any]]:
    """The verdict, and each finding with its lines as they are shown. Two of one line may come from places that the
    written script has under each other, in one column: there they are one."""
    found = [
        (f.rule, f.severity, f.suppressed, sorted((label.role, label.span.path, label.span.line) for label in f.labels))
        for f in report.findings
    ]
    unique = {repr(one): one for one in found}
    return report.verdict, sorted(unique.values())


@pytest.mark.parametrize("path", CHECKED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_same_findings_on_the_same_lines(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    before = check(text, str(path), SETTINGS)
    after = check(script_text(parse(text, str(path))), "written.sync", SETTINGS)
    assert told(after) == told(before)


@pytest.mark.parametrize("name", ["pr704", "pr331_before", "pr499_softmax"])
def test_a_seed_keeps_its_findings(name: str) -> None:
    path = FIXTURES / "seeds" / f"{name}.sync"
    text = path.read_text(encoding="utf-8")
    after = check(script_text(parse(text, str(path))), "written.sync", SETTINGS)
    assert told(after) == told(check(text, str(path), SETTINGS))


SHAPES = st.one_of(programs.straight(), programs.several(), programs.nested(), programs.together())


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(SHAPES)
def test_generated_programs_come_back(script: Any) -> None:
    program = parse(written(script)[0], "judge.sync")
    assert compared(parse(script_text(program), "written.sync")) == compared(program)


NAMES = st.sampled_from(("n", "i", "lane")).map(lambda name: Name(name, HERE))


def grown(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    operators = st.sampled_from(sorted(TIGHTNESS))
    call = st.builds(Function, st.sampled_from(("min", "max", "ceil_div")), st.tuples(inner, inner), st.just(HERE))
    return st.one_of(
        st.builds(Binary, operators, inner, inner),
        st.builds(Unary, st.sampled_from("!~"), inner),
        inner.map(lambda one: Const(-one.value) if isinstance(one, Const) else Unary("-", one)),
        st.builds(Ternary, inner, inner, inner),
        call,
    )


EXPRESSIONS = st.recursive(st.one_of(st.integers(-9, 300).map(Const), NAMES), grown, max_leaves=12)


@settings(deadline=None, suppress_health_check=(HealthCheck.too_slow,))
@given(EXPRESSIONS)
def test_expressions_come_back(expression: Expr) -> None:
    body: tuple[Statement, ...] = (For("i", Const(0), expression, expression, (Let("x", expression, HERE),), HERE),)
    param = Param("n", ir.Domain(1), HERE)
    program = Program("k.cpp", params=(param,), cores=(Core("AIV", body, HERE),))
    assert compared(parse(script_text(program), "k.sync")) == compared(program)


def tile(name: str) -> Tile:
    return Tile(name, "UB", "fp32", (Const(1), Const(8)), Const(0), HERE)


def program_of(*body: Statement, defs: tuple[Def, ...] = (), tiles: tuple[Tile, ...] = ()) -> Program:
    return Program("k.cpp", defs=defs, tiles=tiles, cores=(Core("AIV", body, HERE),))


def test_names_that_no_script_has() -> None:
    """Front ends of other languages name things their own way."""
    tiles = (tile("a.b"), tile("Ns::x<2>"), tile("lane"), tile("a_b"), tile("7"))
    used = TileOp("TADD", tuple(Name(one.name, HERE) for one in tiles), HERE)
    step = Def("TADD", ("GM", "for"), (Let("any", Name("GM", HERE), HERE),), HERE)
    program = program_of(used, Call("TADD", (Const(1), Const(2)), HERE), defs=(step,), tiles=tiles)
    text = script_text(program)
    again = parse(text, "k.sync")
    assert again.problems == (), text
    assert [one.name for one in again.tiles] == ["a_b_2", "Ns_x_2", "lane_2", "a_b", "v7"]
    assert [one.name for one in again.defs] == ["TADD_2"]


def test_a_variable_that_hides_another_gets_a_name_of_its_own() -> None:
    inner = For("i", Name("i", HERE), Name("i", HERE), Const(2), (Let("t", Name("i", HERE), HERE),), HERE)
    loop = For("i", Const(0), Name("i", HERE), Const(1), (inner, Let("i", Const(0), HERE)), HERE)
    text = script_text(program_of(loop, Let("t", Const(1), HERE), tiles=(tile("t"),)), lines=False)
    assert parse(text, "k.sync").problems == ()
    assert "for (i_2 = i; i_2; i_2 += 2) {" in text
    assert "let t_2 = i_2;" in text
    assert "        i = 0;" in text


def test_an_unknown_value_of_two_places_stays_one_value() -> None:
    one = Any_(HERE, 4)
    text = script_text(program_of(Let("a", one, HERE), Let("b", one, HERE), Let("c", Any_(HERE, 9), HERE)))
    again = parse(text, "k.sync")
    assert again.problems == ()
    assert [unknown.name for unknown in again.unknowns] == ["any_4"]
    assert text.count("any_4") == 3
    assert "let c = any;" in text


def test_what_was_not_understood_is_not_proved_from_the_script() -> None:
    problem = replace_problem("the call of\n  frobnicate is not understood")
    text = script_text(replace(program_of(), problems=(problem,)))
    report = check(text, "k.sync", SETTINGS)
    assert report.verdict == "bounded"
    (finding,) = report.findings
    assert (finding.rule, finding.primary.span.path, finding.primary.span.line) == ("SYN001", "k.cpp", 7)
    assert "frobnicate" in finding.message


def test_what_c_text_shows_is_found_in_the_script_too() -> None:
    note = ir.Noted("OVF001", "error", HERE, "a | b wraps", "In 32 bits.", "Cast it.")
    text = script_text(replace(program_of(), noted=(note,)))
    report = check(text, "k.sync", SETTINGS)
    (finding,) = report.findings
    assert (finding.rule, finding.severity, finding.title, finding.why, finding.order) == (
        "OVF001", "error", "a | b wraps", ("In 32 bits.",), ("Cast it.",)
    )  # fmt: skip
    assert (finding.primary.span.path, finding.primary.span.line) == ("k.cpp", 7)
    for wrong in ("ABC001 error", "OVF001 fatal"):
        (found,) = parse(text.replace("OVF001 error", wrong), "k.sync").problems
        assert found.message == "unknown syncheck comment"


def replace_problem(message: str) -> Any:
    from syncheck.source import Problem

    return Problem(HERE, message)


def test_a_chain_of_branches_keeps_its_lines() -> None:
    def at(line: int) -> Span:
        return Span("k.cpp", line)

    last = If(Const(2), (ir.Return(at(31)),), (ir.Barrier("V", at(9)),), at(30))
    text = script_text(program_of(If(Const(1), (), (last,), at(10))))
    found = parse(text, "k.sync").cores[0].body[0]
    assert isinstance(found, If)
    (inner,) = found.otherwise
    assert (found.span.line, inner.span.line, inner.span.path) == (10, 30, "k.cpp")
    assert "} else if (2) {" in text


def test_a_node_from_nowhere_takes_no_line() -> None:
    text = script_text(program_of(ir.Barrier("V", Span("", 0)), ir.Barrier("V", Span("k.cpp", 9))))
    assert parse(text, "k.sync").problems == ()
    assert "#line 0" not in text


def test_statements_of_one_line_share_one_where_lines_matter() -> None:
    program = parse('#line 7 "k.cpp"\ncore AIV { pipe_barrier(PIPE_V); pipe_barrier(PIPE_MTE2); }\n', "k.sync")
    assert "    pipe_barrier(PIPE_V); pipe_barrier(PIPE_MTE2);\n" in script_text(program)
    assert "    pipe_barrier(PIPE_V);\n    pipe_barrier(PIPE_MTE2);\n" in script_text(program, lines=False)


def test_a_comment_silences_what_it_did() -> None:
    text = """machine a2a3;
core AIV0 {
    instr ld on PIPE_MTE2 writes UB[0:64];
    instr a on PIPE_V reads UB[0:32]; instr b on PIPE_V reads UB[32:64]; // syncheck: ignore[RAW001] both
    pipe_barrier(PIPE_ALL);
}
"""
    written_ = script_text(parse(text, "k.sync"))
    assert written_.count("ignore[RAW001] both") == 1
    assert told(check(written_, "w.sync", SETTINGS)) == told(check(text, "k.sync", SETTINGS))


def test_a_comment_on_a_statement_is_not_about_what_its_line_declares() -> None:
    """A tensor of a C++ kernel is declared where it is first used."""
    comment = ir.Suppression(("WAR001",), "known", HERE, 7)
    body = TileOp("TADDS", (Name("t", HERE), Name("t", HERE), Const(1)), HERE)
    text = script_text(replace(program_of(body, tiles=(tile("t"),)), suppressions=(comment,)))
    assert text.count("ignore[WAR001] known") == 1
    assert "TADDS(t, t, 1);  // syncheck: ignore[WAR001] known" in text
    alone = script_text(replace(program_of(tiles=(tile("t"),)), suppressions=(comment,)))
    assert "at 0x0;  // syncheck: ignore[WAR001] known" in alone


def test_a_name_without_a_place_is_told_where_its_statement_stands() -> None:
    program = parse("core AIV0 {\n    set_flag(PIPE_V, PIPE_S, EVENT_ID0);\n}\n", "k.sync")
    [core] = program.cores
    [statement] = core.body
    assert isinstance(statement, ir.SetFlag)
    unknown = replace(statement, event=Name("nobody", Span("", 0)))
    kernel = next(kernels(replace(program, cores=(replace(core, body=(unknown,)),)), load("a2a3"), {}))
    assert [(one.span.line, one.message) for one in kernel.problems] == [(2, "nobody is no integer value")]
