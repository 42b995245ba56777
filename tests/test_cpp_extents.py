"""How much memory a C++ kernel uses: valid parts of tiles, converted pushes, numbers of blocks and of turns."""

from __future__ import annotations

import pytest
from test_cpp import LAST, checked, errors

from syncheck.check import Settings, check, check_cpp
from syncheck.finding import FileReport
from syncheck.frontends.cpp.reader import read
from syncheck.machine import load
from syncheck.script_text import script_text

SETTINGS = Settings(load("a2a3"), timed=False)


def whole(text: str, **options: str) -> FileReport:
    settings = Settings(load("a2a3", options=options), timed=False) if options else SETTINGS
    return check_cpp(text, "k.cpp", settings, lambda name, includer: None)


def wrong(report: FileReport) -> list[str]:
    return sorted({f.rule for f in report.findings if f.severity == "error"})


# ---------------------------------------------------------------- valid parts

LEFT = """using Panel = Tile<TileType::Mat, half, 64, 64, BLayout::ColMajor, 64, 64, SLayout::RowMajor, 512>;
Panel p;
TASSIGN(p, 0x0);
TEXPANDS(p, 0);
set_flag(PIPE_MTE2, PIPE_MTE1, EVENT_ID0);
wait_flag(PIPE_MTE2, PIPE_MTE1, EVENT_ID0);
"""


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("TileLeftCompact<half, 512, 128, 64, 64>", []),
        ("TileLeft<half, 512, 128, 64, 64>", ["MEM001"]),
        ("TileLeftCompact<half, 512, 128, 512, 64>", []),
        ("TileLeftCompact<half, 512, 128, 512, 113>", ["MEM001"]),  # ends at multiples of 16
        ("Tile<TileType::Left, half, 512, 128, BLayout::RowMajor, 64, 64, SLayout::RowMajor, 512, PadValue::Null, "
         "CompactMode::Normal>", []),
    ],
)  # fmt: skip
def test_a_compact_tile_is_as_large_as_its_valid_part(kind: str, found: list[str]) -> None:
    body = f"{LEFT}using A = {kind};\nA a;\nTASSIGN(a, 0x0);\nTMOV(a, p);\n{LAST}"
    assert sorted({rule for rule, _ in errors(body)}) == found


def test_a_product_uses_the_valid_parts_where_both_factors_agree() -> None:
    kinds = "TileLeft<half, 128, 512, 64, {}> a;\nTileRight<half, 512, 16, 64, 16> b;\nTileAcc<float, 64, 16> c;\n"
    place = "TASSIGN(a, 0x0);\nTASSIGN(b, 0x0);\nTASSIGN(c, 0x0);\n"
    product = f"{kinds}{place}TMATMUL(c, a, b);\n{LAST}"
    assert errors(product.format(64)) == []
    assert {rule for rule, _ in errors(product.format(512))} == {"MEM001"}  # whose number counts is not told


SORTED = """using Wide = Tile<TileType::Vec, float, 1, 256, BLayout::RowMajor, -1, -1>;
Tile<TileType::Vec, uint32_t, 1, 64> ids;
TASSIGN(ids, 0x8000);
Row next;
TASSIGN(next, 0x100 * n);
Line g(x);
for (int i = 0; i < 2; i++) {
Wide from(1, %d), to(1, 128);
TASSIGN(from, i * 0x100);
TASSIGN(to, 0x4000 + i * 0x400);
TSORT32(to, from, ids);
}
TLOAD(next, g);
"""


def test_a_sort_reads_only_the_valid_part_of_its_source() -> None:
    def found(columns: int) -> set[str]:
        text = SORTED.replace("n);", "2);", 1) % columns
        return {rule for rule, _ in errors(text + LAST)}

    assert found(64) == set()
    assert found(96) == {"WAR001"}


def test_rows_that_change_leave_the_columns_known() -> None:
    part = "using Part = Tile<TileType::Vec, float, 4, 64, BLayout::RowMajor, -1, -1>;\n"
    part += "Part l(4, 32);\nPart r(4, 32);\n"
    body = f"""{part}TASSIGN(l, 0x0);
TASSIGN(r, 0x380);
for (int i = 0; i < n; i++) {{
l.SetValidRow(i % 4);
r.SetValidRow(n);
}}
TADDS(l, l, 1.0f);
GlobalTensor<float, Shape<1, 1, 1, 4, 32>, Stride<1, 1, 1, 32, 1>> g(x);
TLOAD(r, g);
{LAST}"""
    assert errors(body) == []
    assert errors(body.replace("r.SetValidRow(n)", "r.SetValidCol(n)")) == []
    assert [rule for rule, _ in errors(body.replace("l.SetValidRow(i % 4)", "l.SetValidCol(n)"))] == [
        "WAR001",
        "WAW001",
    ]


# ---------------------------------------------------------------- FIFOs

PRODUCT = """#include <pto/pto-inst.hpp>
using namespace pto;
using Acc = TileAcc<float, 32, 32>;
using Half = Tile<TileType::Vec, half, %(rows)d, 32>;
using Pipe = TPipe<0, Direction::DIR_C2V, %(slot)d, 2>;
using How = FixpipeParams<LayoutMode_t::NZ2ND, %(quant)s>;
extern "C" __global__ AICORE void scaled(__gm__ half *out, __gm__ half *slots) {
    Pipe pipe((__gm__ void *)slots, 0x0, 0x0);
#ifdef __DAV_CUBE__
    Acc c;
    TASSIGN(c, 0x0);
    TPUSH<Pipe, Acc, How>(pipe, c);
    pipe_barrier(PIPE_ALL);
#else
    Half v;
    GlobalTensor<half, Shape<1, 1, 1, %(rows)d, 32>, Stride<1, 1, 1, 32, 1>> g(out + get_subblockid() * 512);
    TPOP<Pipe, Half, TileSplitAxis::TILE_UP_DOWN>(pipe, v);
    set_flag(PIPE_MTE2, PIPE_MTE3, EVENT_ID0);
    wait_flag(PIPE_MTE2, PIPE_MTE3, EVENT_ID0);
    TSTORE(g, v);
    pipe_barrier(PIPE_ALL);
#endif
}
"""


def scaled(quant: str, slot: int = 2048) -> FileReport:
    return whole(PRODUCT % {"quant": quant, "slot": slot, "rows": 16})


def test_a_push_that_converts_fills_as_much_of_the_slot_as_its_result() -> None:
    for quant in ("QuantMode_t::F322F16", "QuantMode_t::DEQF16", "QuantMode_t::F322BF16", "QuantMode_t::REQ8"):
        assert wrong(scaled(quant)) == [], quant
    assert wrong(scaled("QuantMode_t::NoQuant")) == ["FIF002"]
    assert wrong(scaled("QuantMode_t::F322F16", 1024)) == ["FIF002"]


def test_a_push_that_stores_in_an_unknown_way_is_a_gap() -> None:
    assert "SYN001" in wrong(scaled("QuantMode_t::SOMETHING_NEW"))
    added = "QuantMode_t::F322F16, ReluPreMode::NoRelu, STPhase::Unspecified, 0, AtomicType::AtomicAdd"
    assert "SYN001" in wrong(scaled(added))


def test_the_script_of_a_converting_push_says_the_type() -> None:
    text = PRODUCT % {"quant": "QuantMode_t::F322F16", "slot": 1024, "rows": 16}
    (program,) = read(text, "k.cpp", SETTINGS.machine, lambda name, includer: None).programs
    script = script_text(program)
    assert "TPUSH(pipe, c, fp16);" in script
    assert wrong(check(script, "k.sync", SETTINGS)) == ["FIF002"]
    unknown = check(script.replace("c, fp16", "c, fp61"), "k.sync", SETTINGS)
    assert "SYN001" in wrong(unknown)


def test_a_fifo_that_no_tile_is_popped_from_has_no_ring_on_the_chip() -> None:
    one = PRODUCT.replace("TPUSH<", "// TPUSH<").replace("TPOP<", "// TPOP<") % {
        "quant": "QuantMode_t::NoQuant", "slot": 1 << 20, "rows": 16,
    }  # fmt: skip
    pushed = one.replace("// TPUSH<", "TPUSH<")
    assert "MEM001" not in wrong(whole(pushed))
    both = pushed.replace("// TPOP<", "TPOP<")
    assert "MEM001" in wrong(whole(both))


# ---------------------------------------------------------------- numbers that are told elsewhere

LAUNCH = """#include <pto/pto-inst.hpp>
using namespace pto;
extern "C" __global__ AICORE void fill(__gm__ float *x, int32_t cores) {
    Tile<TileType::Vec, float, 1, 64> t;
    TASSIGN(t, 0x0);
    GlobalTensor<float, Shape<1, 1, 1, 1, 64>, Stride<64, 64, 64, 64, 1>> g(x + 64);
    TLOAD(t, g);
    if (cores < %d) { TADDS(t, t, 1.0f); }
    pipe_barrier(PIPE_ALL);
}
void start(float *x, int32_t cores, void *stream) { %s }
"""


@pytest.mark.parametrize(
    ("least", "call", "clean"),
    [
        (1, "fill<<<cores, nullptr, stream>>>(x, cores);", True),
        (1, "fill<<<static_cast<uint32_t>(cores), nullptr, stream>>>(x, (int32_t)cores);", True),
        (1, "fill<<<min(cores, 24), nullptr, stream>>>(x, cores);", False),
        (2, "fill<<<cores, nullptr, stream>>>(x, cores);", False),
        (1, "fill<<<24, nullptr, stream>>>(x, cores);", False),
        (1, "fill<<<cores, nullptr, stream>>>(x, cores); fill<<<24, nullptr, stream>>>(x, cores);", False),
    ],
)
def test_an_argument_that_is_the_number_of_blocks_is_at_least_1(least: int, call: str, clean: bool) -> None:
    assert (wrong(whole(LAUNCH % (least, call))) == []) == clean


PARITY = """#include <pto/pto-inst.hpp>
using namespace pto;
using Row = Tile<TileType::Vec, float, 1, 64, BLayout::RowMajor, 1, 64>;
using Line = GlobalTensor<float, Shape<1, 1, 1, 1, 64>, Stride<64, 64, 64, 64, 1>>;
extern "C" __global__ AICORE void chunks(__gm__ float *x, __gm__ float *y, __gm__ int32_t *sizes, int32_t groups) {
    Row even, odd;
    TASSIGN(even, 0x0);
    TASSIGN(odd, 0x100);
    int turn = 0, held = 0;
    bool some = false;
    for (int i = 0; i < groups; i++) {
        int size = sizes[i];
        for (int j = 0; j < size; j++) {
            int now = turn & 1;
            Line from(x), to(y);
            if (some) {
                TSTORE(to, held ? odd : even);
            }
            TLOAD(now ? odd : even, from);
            pipe_barrier(PIPE_ALL);
            some = true;
            held = now;
            turn%s;
        }
    }
    pipe_barrier(PIPE_ALL);
}
"""


def test_what_a_counter_holds_behind_a_loop_follows_from_its_bound() -> None:
    assert wrong(whole(PARITY % "++")) == []
    assert wrong(whole(PARITY % " += 2")) == ["WAR001"]


# ---------------------------------------------------------------- what a gap leaves


def test_an_instruction_that_is_a_gap_still_records_its_event() -> None:
    body = """Row a;
TASSIGN(a, 0x0);
__gm__ float *where = nullptr;
Line g(where);
Event<Op::TLOAD, Op::TADDS> loaded;
loaded = TLOAD(a, g);
TADDS(a, a, 1.0f, loaded);
"""
    assert errors(body + LAST) == [("SYN001", 6)]
    assert checked(body + LAST).verdict == "bounded"


def test_a_store_to_the_registers_of_signals_is_a_gap_and_no_store_to_memory() -> None:
    text = """#include <pto/pto-inst.hpp>
extern "C" __global__ AICORE void credit(__gm__ uint64_t *base) {
    set_ffts_base_addr((uint64_t)base);
    st_dev(getFFTSMsg(2, 3), base, 0);
    pipe_barrier(PIPE_ALL);
}
"""
    assert wrong(whole(text)) == ["SYN001"]
    assert wrong(whole(text.replace("st_dev(getFFTSMsg(2, 3), base, 0);", ""))) == []


ALONE = """#include <pto/pto-inst.hpp>
using namespace pto;
extern "C" __global__ AICORE void parts(__gm__ float *x) {
    Tile<TileType::Vec, float, 1, 64> a, b;
    TASSIGN(a, 0x100 * get_block_idx());
    TASSIGN(b, 0x100);
    pipe_barrier(PIPE_ALL);
    TADDS(b, a, 1.0f);
    pipe_barrier(PIPE_ALL);
}
void start(float *x, int n, void *stream) { %s }
"""


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("parts<<<1, nullptr, stream>>>(x);", []),
        ("constexpr int cores = 1; parts<<<cores, nullptr, stream>>>(x);", []),
        ("parts<<<2, nullptr, stream>>>(x);", ["SYN001"]),
        ("parts<<<n, nullptr, stream>>>(x);", ["SYN001"]),
        ("parts<<<1, nullptr, stream>>>(x); parts<<<n, nullptr, stream>>>(x);", ["SYN001"]),
    ],
)
def test_the_only_block_of_a_launch_is_block_0(call: str, found: list[str]) -> None:
    assert wrong(whole(ALONE % call)) == found


def test_a_long_array_of_numbers_of_a_function_is_written_through_a_pointer() -> None:
    touch = (
        "uint64_t stack[1024];\nvolatile uint64_t *at = stack;\nfor (int i = 0; i < 1024; i += 8) { *(at++) = 0; }\n"
    )
    late = "stack[n] = 5;\nRow a;\nTASSIGN(a, 0x0);\nLine g(x);\nTLOAD(a, g);\nif (stack[3] == %s) TADDS(a, a, 1.0f);\n"
    assert errors(touch + LAST) == []
    assert {rule for rule, _ in errors(touch + late % 0 + LAST)} == {"RAW001", "WAW001"}
    assert {rule for rule, _ in errors(touch + late % 5 + LAST)} == {"RAW001", "WAW001"}
    pointers = "__gm__ float *many[1024];\nmany[n] = x;\n"
    assert [rule for rule, _ in errors(pointers + LAST)] == ["SYN001"]


def test_a_comparison_with_a_number_reads_one_tile() -> None:
    body = (
        "Row a, b;\nTile<TileType::Vec, uint8_t, 1, 32> m;\nTASSIGN(a, 0x0);\nTASSIGN(b, 0x100);\nTASSIGN(m, 0x200);\n"
    )
    body += "Line g(x);\nTLOAD(b, g);\nfloat least = 0.5f * n;\nTCMPS(m, a, %s, CmpMode::EQ);\n"
    assert errors(body % "least" + LAST) == []
    assert [rule for rule, _ in errors(body % "b" + LAST)] == ["RAW001"]


COPIED = """__ubuf__ float *in = (__ubuf__ float *)0x1000;
copy_gm_to_ubuf(in, x, 0, 1, n, 0, 0);
__ubuf__ float *out = (__ubuf__ float *)%s;
copy_ubuf_to_gm(x + 65536, out, 0, 1, 8, 0, 0);
"""


def test_a_copy_of_unknown_length_ends_before_the_next_place_that_the_text_points_to() -> None:
    report = checked(COPIED % "0x2000" + LAST)
    assert (report.verdict, [one.kind for one in report.assumed]) == ("proved", ["sizes"])
    assert [rule for rule, _ in errors(COPIED % "0x1080" + LAST)] == []
    inside = COPIED % "0x2000" + "copy_ubuf_to_gm(x + 65536, in + 8, 0, 1, 8, 0, 0);\n"
    assert [rule for rule, _ in errors(inside + LAST)] == ["RAW001"]
    unsure = Settings(load("a2a3"), timed=False, doubt=("sizes",))
    head = 'extern "C" __global__ AICORE void kernel_entry(__gm__ float *x, int64_t n) {\n'
    text = f"{head}{COPIED % '0x2000'}{LAST}\n}}\n"
    assert wrong(check_cpp(text, "k.cpp", unsure, lambda name, includer: None)) == ["SYN001"]
