"""Every example of docs/language.md is understood: all as one script, and each on its own as far as syntax goes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from syncheck.frontends.script import parse

PAGE = Path(__file__).resolve().parent.parent / "docs" / "language.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```c\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)

# What a block may lack on its own is declared in the other blocks of the page.
LACKING = re.compile(r"unknown (name|tile|tensor|FIFO|value|function)|assigned to but not declared")


def test_the_page_has_examples() -> None:
    assert len(BLOCKS) >= 8


def test_all_examples_make_one_script() -> None:
    program = parse("\n".join(BLOCKS), "language.md")
    assert program.problems == ()
    assert {core.kind for core in program.cores} == {"AIC", "AIV"}


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split("\n")[0][:30])
def test_each_example_has_no_syntax_error(block: str) -> None:
    assert [problem for problem in parse(block, "block").problems if not LACKING.match(problem.message)] == []


def test_inline_forms() -> None:
    """What the page says between its examples."""
    text = """
    machine a5;
    fifo f : V2C fp16[16, 64] {
        slots = 4; flag = 2; local = L1 at 0x100; local_stride = 4096; wait_from = 8; period = 4;
    }
    tile t : UB fp16[16, 64] at 0;
    gm key : bf16[64, 128];
    core AIV0 { TPUSH(f, t, none); f.record(); f.allocate();
        TLOAD(t, key[1]); TLOAD(t, key[1:2]); TLOAD(t, key[1, 0:64]); }
    core AIV1 { set_intra_block(PIPE_FIX, 0); wait_intra_block(PIPE_V, 0); wait_flag_dev(PIPE_V, 0); }
    core AIC { f.wait(); f.free(); TFREE(f); let x = any ? ~1 : max(1, 2) + ceil_div(7, 0x2); x = true; }
    """
    assert parse(text, "inline").problems == ()


@pytest.mark.parametrize("dtype", re.findall(r"`(fp32 [^`]*)`", TEXT)[0].split())
def test_types(dtype: str) -> None:
    assert parse(f"gm a : {dtype}[4]; core AIV {{ }}", "types").problems == ()


@pytest.mark.parametrize("space", re.findall(r"Spaces: `([^`]*)`", TEXT)[0].split())
def test_spaces(space: str) -> None:
    assert parse(f"tile a : {space} fp32[4] at 0; core AIV {{ }}", "spaces").problems == ()
