"""The script front end: what the fixed forms become, where things stand, and what survives a mistake."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncheck import grammar
from syncheck.frontends.script import decode, parse
from syncheck.ir import (
    Any_,
    Barrier,
    Binary,
    Call,
    Const,
    Constant,
    CrossSet,
    CrossWait,
    Domain,
    FifoOp,
    For,
    If,
    Index,
    Instr,
    Let,
    Name,
    Program,
    Region,
    Return,
    SetFlag,
    Slice,
    Statement,
    Suppression,
    Ternary,
    TileOp,
    Unary,
    WaitFlag,
)
from syncheck.source import Problem, Span

NOWHERE = Span("", 0)
DECLARED = """
param n in 1..;
gm key : bf16[64, 128];
tile k[2] : L1 bf16[128, 64] at 0x20000;
tile acc : L0C fp32[16, 64] at 0x0;
fifo sij : C2V fp32[16, 64] {
    slots = 2; flag = 0; local = UB at 0x0; split = up_down; back_pressure = off; record = manual;
}
def step(i, t) { return; }
"""


def understood(text: str) -> Program:
    program = parse(text, "k.sync")
    assert program.problems == ()
    return program


def body(statements: str) -> tuple[Statement, ...]:
    return understood(f"{DECLARED} core AIC {{ {statements} }}").cores[0].body


def value(expression: str) -> object:
    (statement,) = body(f"let x = {expression};")
    assert isinstance(statement, Let)
    return statement.value


def name(text: str) -> Name:
    return Name(text, NOWHERE)


def test_header() -> None:
    program = understood(
        "machine a5; param n_blocks in 1..; param size in {128, 64, 128}; param q = 16; param tail in 0..127;"
        "param rows[b] in 1..; const SUB = q / 2; unknown last; unknown table[];"
    )
    assert program.machine == "a5"
    assert [(param.name, param.domain, param.index) for param in program.params] == [
        ("n_blocks", Domain(1, None), ""),
        ("size", Domain(64, 128, (64, 128)), ""),
        ("q", Domain(16, 16), ""),
        ("tail", Domain(0, 127), ""),
        ("rows", Domain(1, None), "b"),
    ]
    assert [(one.name, one.value) for one in program.constants] == [("SUB", Binary("/", name("q"), Const(2)))]
    assert [(one.name, one.arity) for one in program.unknowns] == [("last", 0), ("table", 1)]


def test_constants_come_in_an_order_they_can_be_evaluated_in() -> None:
    program = understood("const A = B + C; const B = C; const C = 2; param p = A;")
    assert [constant.name for constant in program.constants] == ["C", "B", "A"]
    assert program.params[0].domain == Domain(4, 4)
    assert isinstance(program.constants[0], Constant)


def test_memory() -> None:
    program = understood(
        DECLARED + "gm part : fp32[16, 128] view key at 64; tile s : UB fp32[8, 64] from sij;"
        "tile a : UB fp32[8, 1] at 0; tile b : UB fp32[1, 8] at 0 alias a;"
    )
    key, part = program.tensors
    assert (key.dtype, key.shape) == ("bf16", (Const(64), Const(128)))
    assert (part.view_of, part.offset) == ("key", Const(64))
    k, _, s, _, b = program.tiles
    assert (k.space, k.slots, k.address) == ("L1", Const(2), Const(0x20000))
    assert (s.source, s.address) == ("sij", None)
    assert b.aliases == ("a",)
    (sij,) = program.fifos
    assert (sij.direction, sij.slots, sij.flag, sij.local_space, sij.local_address) == (
        "C2V", Const(2), Const(0), "UB", Const(0),
    )  # fmt: skip
    assert (sij.split, sij.back_pressure, sij.record_auto) == ("up_down", False, False)


def test_instructions() -> None:
    vadd, store, load = body(
        "instr vadd on PIPE_V reads UB[0:64], UB[64:128] writes UB[128:192];"
        "instr st on PIPE_MTE3 writes GM[0:64] reads k[1], acc atomic;"
        "TLOAD(k[n % 2], key[n, 0:64], 7);"
    )
    assert isinstance(vadd, Instr)
    assert (vadd.op, vadd.pipe, vadd.atomic) == ("vadd", "V", False)
    assert vadd.reads == (Region("UB", Const(0), Const(64), NOWHERE), Region("UB", Const(64), Const(128), NOWHERE))
    assert vadd.writes == (Region("UB", Const(128), Const(192), NOWHERE),)
    assert isinstance(store, Instr)
    assert (store.reads, store.atomic) == ((Index("k", (Const(1),), NOWHERE), name("acc")), True)
    assert isinstance(load, TileOp)
    assert load.operands == (
        Index("k", (Binary("%", name("n"), Const(2)),), NOWHERE),
        Index("key", (name("n"), Slice(Const(0), Const(64))), NOWHERE),
        Const(7),
    )


def test_synchronisation() -> None:
    made = body(
        "set_flag(PIPE_MTE2, PIPE_V, EVENT_ID3); wait_flag(PIPE_MTE2, PIPE_V, 9); pipe_barrier(PIPE_ALL);"
        "ffts_cross_core_sync(PIPE_FIX, 2, n); wait_flag_dev(1); wait_flag_dev(PIPE_V, 1);"
        "set_intra_block(PIPE_FIX, 0); wait_intra_block(PIPE_V, 0);"
    )
    assert [_bare(one) for one in made] == [
        SetFlag("MTE2", "V", Const(3), NOWHERE),
        WaitFlag("MTE2", "V", Const(9), NOWHERE),
        Barrier("ALL", NOWHERE),
        CrossSet("FIX", Const(2), name("n"), NOWHERE),
        CrossWait("S", Const(1), NOWHERE),
        CrossWait("V", Const(1), NOWHERE),
        CrossSet("FIX", Const(4), Const(0), NOWHERE),
        CrossWait("V", Const(0), NOWHERE, intra=True),
    ]


def test_fifo_operations() -> None:
    made = body("TPUSH(sij, acc); TPUSH(sij, acc, none); TPOP(sij, k[0]); TFREE(sij); sij.record(); sij.wait();")
    assert [_bare(one) for one in made] == [
        FifoOp("push", "sij", NOWHERE, name("acc")),
        FifoOp("push", "sij", NOWHERE, name("acc"), "none"),
        FifoOp("pop", "sij", NOWHERE, Index("k", (Const(0),), NOWHERE)),
        FifoOp("tfree", "sij", NOWHERE),
        FifoOp("record", "sij", NOWHERE),
        FifoOp("wait", "sij", NOWHERE),
    ]


def _bare(statement: Statement) -> Statement:
    return replace(statement, span=NOWHERE)


def test_control() -> None:
    loop, branch, call = body(
        "for (i = 0; i < n; i += 2) { step(i, k); }"
        "if (n > 1) { return; } else if (n) pipe_barrier(PIPE_M);"
        "step(1, acc);"
    )
    assert isinstance(loop, For)
    assert (loop.var, loop.start, loop.step) == ("i", Const(0), Const(2))
    assert loop.condition == Binary("<", name("i"), name("n"))
    assert isinstance(loop.body[0], Call)
    assert loop.body[0].arguments == (name("i"), name("k"))
    assert isinstance(branch, If)
    assert isinstance(branch.then[0], Return)
    assert isinstance(branch.otherwise[0], If)
    assert isinstance(call, Call)
    assert (call.span.column, call.span.end_column - call.span.column) == (call.span.text.index("step(1") + 1, 12)


@pytest.mark.parametrize(
    ("header", "step"),
    [
        ("int i = 0; i < n; i++", Const(1)),
        ("auto i = 0; i < n; ++i", Const(1)),
        ("uint32_t i = n; i > 0; i--", Const(-1)),
        ("i = n; i > 0; i -= 3", Const(-3)),
        ("size_t i = 0; i < n; i = i + n", name("n")),
        ("let i = n; i > 0; i -= n", Unary("-", name("n"))),
    ],
)
def test_steps(header: str, step: object) -> None:
    (loop,) = body(f"for ({header}) {{ }}")
    assert isinstance(loop, For)
    assert loop.step == step


def test_blocks_and_variables() -> None:
    made = body("let j = 1; { j = j * 2; } j += 3; j++; ; { let inner = j; } { let inner = 2; }")
    assert [one.value for one in made if isinstance(one, Let)] == [
        Const(1),
        Binary("*", name("j"), Const(2)),
        Binary("+", name("j"), Const(3)),
        Binary("+", name("j"), Const(1)),
        name("j"),
        Const(2),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", Binary("+", Const(1), Binary("*", Const(2), Const(3)))),
        ("(1 + 2) * 3", Binary("*", Binary("+", Const(1), Const(2)), Const(3))),
        ("1 - 2 - 3", Binary("-", Binary("-", Const(1), Const(2)), Const(3))),
        ("1 == 2 && 3 < 4", Binary("&&", Binary("==", Const(1), Const(2)), Binary("<", Const(3), Const(4)))),
        ("1 | 2 ^ 3 & 4", Binary("|", Const(1), Binary("^", Const(2), Binary("&", Const(3), Const(4))))),
        ("1 << 2 + 3", Binary("<<", Const(1), Binary("+", Const(2), Const(3)))),
        ("!1 || -n", Binary("||", Unary("!", Const(1)), Unary("-", name("n")))),
        ("1 ? 2 : n ? 3 : 4", Ternary(Const(1), Const(2), Ternary(name("n"), Const(3), Const(4)))),
        ("-0x10 + 16u", Binary("+", Const(-16), Const(16))),
        ("true + EVENT_ID7", Binary("+", Const(1), Const(7))),
    ],
)
def test_expressions(text: str, expected: object) -> None:
    assert value(text) == expected


def test_every_any_is_its_own() -> None:
    made = value("any + any")
    assert isinstance(made, Binary)
    assert isinstance(made.left, Any_)
    assert made.left != made.right


def test_declarations_stand_in_any_order() -> None:
    understood("core AIV { f(t); } def f(x) { TADD(x, t, x); } tile t : UB fp32[1, SIZE] at 0; const SIZE = 8;")


def test_keywords_may_be_names_where_they_mean_nothing() -> None:
    understood("param at in 1..; param on = 2; core AIV { let from = at + on; let tile = from; }")


def test_line_directives() -> None:
    barrier = "  pipe_barrier(PIPE_V);\n"
    text = f'core AIV {{\n{barrier}#line 168 "a.cpp"\n{barrier}\n{barrier}#line 7\n{barrier}}}'
    spans = [statement.span for statement in understood(text).cores[0].body]
    assert [str(span) for span in spans] == ["k.sync:2:3", "a.cpp:168:3", "a.cpp:170:3", "a.cpp:7:3"]
    assert [span.home for span in spans] == [("k.sync", 2), ("k.sync", 4), ("k.sync", 6), ("k.sync", 8)]
    assert spans[1].text == "  pipe_barrier(PIPE_V);"


def test_suppressions() -> None:
    program = understood(
        "core AIV {\n  pipe_barrier(PIPE_V);  // syncheck: ignore[WAR001, RAW001] reloaded later\n"
        "  // syncheck: ignore[SUR001]\n  // a comment\n\n  pipe_barrier(PIPE_V);\n}\n"
        "// syncheck: ignore[SUR002] nothing left\n"
        "// syncheck: param n\n// expect: WAR001\n// clean\n"
    )
    made = [(one.rules, one.reason, one.span.line, one.target) for one in program.suppressions]
    assert made == [
        (("WAR001", "RAW001"), "reloaded later", 2, 2),
        (("SUR001",), "", 3, 6),
        (("SUR002",), "nothing left", 8, 8),
    ]
    assert isinstance(program.suppressions[0], Suppression)


def test_good_statements_survive_mistakes() -> None:
    program = parse(
        "core AIV {\n  pipe_barrier(PIPE_V\n  pipe_barrier(PIPE_MTE2);\n}\ncore AIC {\n"
        "  set_flag(PIPE_MTE2, PIPE_MTE1, 0)\n  pipe_barrier(PIPE_M);\n  if (1 { pipe_barrier(PIPE_S); } else { }\n"
        "  pipe_barrier(PIPE_FIX);\n}\n",
        "k.sync",
    )
    assert [str(problem) for problem in program.problems] == [
        "k.sync:2:15: '(' is never closed",
        "k.sync:6:36: expected ';' after ')'",
        "k.sync:8:6: '(' is never closed",
    ]
    aic = next(core for core in program.cores if core.kind == "AIC")
    assert [one.pipe for one in aic.body if isinstance(one, Barrier)] == ["M", "FIX"]


def test_a_broken_declaration_is_reported_once() -> None:
    program = parse(
        "tile a : UB fp32[1 64] at 0; tile b : UV fp32[1] at 0; core AIV { TADD(a, b, b); TADD(b, b, a); }", "k.sync"
    )
    assert [problem.span.column for problem in program.problems] == [20, 39]


def test_a_number_and_a_tensor_may_share_a_name_but_not_as_an_operand() -> None:
    shared = "param tail in 0..3; gm tail : fp32[4, 4]; tile t : UB fp32[1, 4] at 0;"
    understood(shared + "core AIV { if (tail) { } }")
    (problem,) = parse(shared + "core AIV { TLOAD(t, tail); }", "k.sync").problems
    assert problem.message == "'tail' is both a parameter and a tile or tensor"


WORDS = (
    "core AIV { } ( ) [ ] ; : , = == ? + - ! 0 1 0x1f 1.5 n acc k set_flag wait_flag PIPE_V PIPE_MTE2 EVENT_ID0 for if"
    ' else let instr on reads writes UB[0:64] tile gm fifo def param const in .. at any // /* */ #line " é \0 \t'
)
FRAGMENTS = st.sampled_from([*WORDS.split(" "), "\n"])


def inside(problem: Problem | Suppression, text: str) -> bool:
    lines = text.split("\n")
    span = problem.span
    line = span.home[1]
    return 1 <= line <= len(lines) and 1 <= span.column <= span.end_column <= len(lines[line - 1]) + 2


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(FRAGMENTS, max_size=60).map(" ".join)))
def test_any_text_is_answered(text: str) -> None:
    program = parse(text, "k.sync")
    assert all(inside(one, text) for one in program.problems)
    assert all(inside(one, text) for one in program.suppressions)
    assert program.problems or program.cores or text.strip()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_scripts_are_answered(data: st.DataObject) -> None:
    whole = (
        DECLARED
        + "core AIC { for (i = 0; i < n; i++) { if (i % 2) { TLOAD(k[i % 2], key[i]); } else { step(i, k); } } }"
    )
    start = data.draw(st.integers(0, len(whole)))
    stop = data.draw(st.integers(start, min(start + 12, len(whole))))
    text = whole[:start] + data.draw(FRAGMENTS) + whole[stop:]
    assert all(inside(one, text) for one in parse(text, "k.sync").problems)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=100))
def test_any_bytes_are_answered(data: bytes) -> None:
    text = decode(data, "k.sync")
    assert isinstance(text, Problem | str)


CHECK = "from syncheck import grammar; grammar.parser().parse('core AIV { }')"


def _run(cache: Path) -> None:
    subprocess.run([sys.executable, "-c", CHECK], check=True, env={**os.environ, "XDG_CACHE_HOME": str(cache)})


def test_the_parser_is_cached_in_a_private_folder(tmp_path: Path) -> None:
    _run(tmp_path)
    folder = tmp_path / "syncheck"
    (tables,) = folder.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(tables.stat().st_mode) == 0o600
    tables.write_bytes(b"damaged")
    _run(tmp_path)
    assert tables.read_bytes() != b"damaged"


def test_a_cache_that_others_can_write_is_not_used(tmp_path: Path) -> None:
    folder = tmp_path / "syncheck"
    folder.mkdir()
    folder.chmod(0o777)
    _run(tmp_path)
    assert list(folder.iterdir()) == []


def test_the_grammar_is_packaged() -> None:
    assert grammar.text().startswith("// Event scripts")
