"""Memory of other ranks: which kernels RNK001 and RNK002 speak of, and which they leave alone."""

from __future__ import annotations

import pytest

from syncheck.check import Settings, check_cpp
from syncheck.machine import load

HEAD = """#include <pto/pto-inst.hpp>
struct Group { uint64_t rank; uint64_t windows[8]; };
using Row = GlobalTensor<float, Shape<1, 1, 1, 1, 64>, Stride<64, 64, 64, 64, 1>>;
using RowTile = Tile<TileType::Vec, float, 1, 64>;
AICORE inline uint64_t far(__gm__ Group *group, uint64_t mine) {
    return mine - group->windows[group->rank] + group->windows[group->rank ^ 1];
}
extern "C" __global__ AICORE void kernel(
    __gm__ float *data, __gm__ int32_t *words, __gm__ Group *group, int32_t n, int32_t k
) {
    RowTile tile;
    TASSIGN(tile, 0x0);
    Row mine(data);
    Row theirs((__gm__ float *)far(group, (uint64_t)data));
    pto::comm::Signal here(words);
    pto::comm::Signal there((__gm__ int32_t *)far(group, (uint64_t)words));
"""
CLEAR = "words[{}] = 0; dcci(words, ENTIRE_DATA_CACHE, CACHELINE_OUT);\n"
NOTIFY = "TNOTIFY(there, 1, pto::comm::NotifyOp::AtomicAdd);\n"
WAIT = "TWAIT(here, 1, pto::comm::WaitCmp::GE);\n"
STORE = "TSTORE(mine, tile); pipe_barrier(PIPE_ALL);\n"
LOAD = "TLOAD(tile, theirs); pipe_barrier(PIPE_ALL);\n"


def found(*body: str) -> list[str]:
    """RNK rules with their severity, in the order of the text."""
    text = HEAD + "".join(body) + "}\n"
    report = check_cpp(text, "kernel.cpp", Settings(load("a2a3"), timed=False), lambda name, includer: None)
    assert not [one for one in report.findings if one.rule == "SYN001"]
    return [f"{one.rule} {one.severity}" for one in report.findings if one.rule.startswith("RNK")]


@pytest.mark.parametrize(
    "body",
    [
        (CLEAR.format("0"), NOTIFY, WAIT),
        (CLEAR.format("0"), WAIT),
        (CLEAR.format("0"), "TTEST(here, 1, pto::comm::WaitCmp::GE);\n"),
        ("for (int i = 0; i < n; i++) {", NOTIFY, WAIT, CLEAR.format("0"), "}"),
        ("for (int i = 0; i < 4; i++) {", CLEAR.format("i - 1"), "}", NOTIFY, WAIT),
        ("if (n > 3) {", CLEAR.format("0"), "}", NOTIFY, WAIT),
        ("for (int i = 0; i < n; i++) { pto::comm::Signal one(words + i * k);\n", CLEAR.format("i * k"),
         "TWAIT(one, 1, pto::comm::WaitCmp::GE); }"),
    ],
)  # fmt: skip
def test_a_word_is_cleared_before_it_is_waited_on(body: tuple[str, ...]) -> None:
    assert found(*body) == ["RNK001 error"]


@pytest.mark.parametrize(
    "body",
    [
        (NOTIFY, WAIT),
        (NOTIFY, WAIT, CLEAR.format("0")),
        (CLEAR.format("1"), NOTIFY, WAIT),
        (CLEAR.format("n"), NOTIFY, WAIT),
        ("if (n > 3) {", CLEAR.format("0"), "} else {", NOTIFY, WAIT, "}"),
        (CLEAR.format("16"), NOTIFY, WAIT, "pto::comm::Signal more(words + 16);\n",
         "TWAIT(more, 1, pto::comm::WaitCmp::GE);\n"),
        ("for (int i = 0; i < 0; i++) {", CLEAR.format("0"), "}", NOTIFY, WAIT),
    ],
)  # fmt: skip
def test_no_word_is_cleared_that_others_may_have_notified(body: tuple[str, ...]) -> None:
    assert found(*body) == []


@pytest.mark.parametrize(
    ("body", "rules"),
    [
        ((STORE, LOAD), ["RNK002 error"]),
        ((STORE, NOTIFY, WAIT, LOAD), []),
        ((STORE, NOTIFY, WAIT, LOAD, STORE), ["RNK002 error"]),
        ((STORE, NOTIFY, WAIT, LOAD, NOTIFY, WAIT, STORE), []),
        (("for (int i = 0; i < n; i++) {", STORE, NOTIFY, WAIT, LOAD, "}"), ["RNK002 error"]),
        ((LOAD,), ["RNK002 warning"]),
        ((NOTIFY, WAIT, LOAD), []),
        (("TSTORE(theirs, tile); pipe_barrier(PIPE_ALL); TLOAD(tile, mine);\n",), ["RNK002 error"]),
        (("TSTORE(theirs, tile); pipe_barrier(PIPE_ALL);\n", NOTIFY, WAIT, "TLOAD(tile, mine);\n"), []),
        (("TLOAD(tile, mine); pipe_barrier(PIPE_ALL);\n", NOTIFY, WAIT, LOAD, "TLOAD(tile, mine);\n"), []),
        ((NOTIFY, WAIT, "Row next(data + n); TSTORE(next, tile); pipe_barrier(PIPE_ALL);\n", LOAD), []),
        ((NOTIFY, WAIT, "if (group->rank == 0) {", STORE, "}", LOAD), []),
        ((NOTIFY, WAIT, "if (n > 3) {", STORE, "}", LOAD), ["RNK002 error"]),
        ((NOTIFY, WAIT, "if (n > 3) {", STORE, "} else {", LOAD, "}"), []),
    ],
)  # fmt: skip
def test_what_a_rank_does_to_the_memory_of_another(body: tuple[str, ...], rules: list[str]) -> None:
    assert found(*body) == rules


def test_a_place_that_depends_on_the_rank_is_not_compared() -> None:
    own = "Row slot(data + group->rank * 64); TSTORE(slot, tile); pipe_barrier(PIPE_ALL);\n"
    far = "Row other((__gm__ float *)far(group, (uint64_t)(data + group->rank * 64))); TLOAD(tile, other);\n"
    assert found(NOTIFY, WAIT, own, far) == []


def test_a_place_that_each_rank_reads_from_memory_of_its_own_is_left_alone() -> None:
    start = "int at = words[8 + n];\n__gm__ float *{0} = {1} + at * 64;\nRow {0}_row({0});\n"
    at = (
        start.format("own", "data")
        + "__gm__ float *other = (__gm__ float *)far(group, (uint64_t)own);\nRow to(other);\n"
    )
    assert found(at, "TSTORE(own_row, tile); pipe_barrier(PIPE_ALL);\nTSTORE(to, tile);\n") == []
    fixed = at.replace("words[8 + n]", "n")
    assert found(fixed, "TSTORE(own_row, tile); pipe_barrier(PIPE_ALL);\nTSTORE(to, tile);\n") == ["RNK002 error"]


def test_the_arguments_of_a_launch_are_those_of_each_rank() -> None:
    head = HEAD.partition("extern")[0] + "struct Tensor { __gm__ float *base; uint64_t start; };\n"
    body = """extern "C" __aicore__ void kernel_entry(__gm__ int64_t *args) {
    __gm__ Tensor *tensor = reinterpret_cast<__gm__ Tensor *>(args[0]);
    __gm__ Group *group = reinterpret_cast<__gm__ Group *>(args[1]);
    __gm__ float *data = tensor->base + tensor->start + args[2] * 64;
    RowTile tile;
    TASSIGN(tile, 0x0);
    Row mine(data);
    Row theirs((__gm__ float *)far(group, (uint64_t)data));
    TSTORE(mine, tile);
    pipe_barrier(PIPE_ALL);
    TLOAD(tile, theirs);
    pipe_barrier(PIPE_ALL);
}
"""
    report = check_cpp(head + body, "kernel.cpp", Settings(load("a2a3"), timed=False), lambda name, includer: None)
    assert [one.rule for one in report.findings if one.rule.startswith("RNK")] == ["RNK002"]
