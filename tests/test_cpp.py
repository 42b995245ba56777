"""C++ kernels: what each construct becomes, and what is found in it."""

from __future__ import annotations

import pytest

from syncheck.check import Settings, check_cpp
from syncheck.finding import FileReport
from syncheck.machine import load

HEAD = """#include <pto/pto-inst.hpp>
using namespace pto;
using Row = Tile<TileType::Vec, float, 1, 64, BLayout::RowMajor, 1, 64>;
using Line = GlobalTensor<float, Shape<1, 1, 1, 1, 64>, Stride<64, 64, 64, 64, 1>>;
"""


def checked(body: str, head: str = HEAD, define: tuple[tuple[str, str], ...] = ()) -> FileReport:
    text = f'{head}extern "C" __global__ AICORE void kernel_entry(__gm__ float *x, int64_t n) {{\n{body}\n}}\n'
    settings = Settings(load("a2a3"), definitions=define, timed=False)
    return check_cpp(text, "k.cpp", settings, lambda name, includer: None)


def errors(body: str, head: str = HEAD) -> list[tuple[str, int]]:
    """(rule, line of the body) of each error."""
    first = head.count("\n") + 1
    found = [f for f in checked(body, head).findings if f.severity == "error"]
    return sorted((f.rule, f.primary.span.line - first) for f in found)


LOAD = "TLOAD(a, g);\nset_flag(PIPE_MTE2, PIPE_V, EVENT_ID0);\nwait_flag(PIPE_MTE2, PIPE_V, EVENT_ID0);\n"
LAST = "pipe_barrier(PIPE_ALL);"


def in_loop(body: str, test: str = "i < n") -> str:
    return f"Row a;\nTASSIGN(a, 0x0);\nfor (int i = 0; {test}; i++) {{\nLine g(x + i * 64);\n{body}\n}}\n{LAST}"


def test_a_kernel_that_does_nothing_on_a_pipe_is_no_error_and_not_proved() -> None:
    text = 'extern "C" __global__ __aicore__ void kernel_entry(__gm__ float *out) { out++; }\n'
    report = check_cpp(text, "k.cpp", Settings(load("a2a3"), timed=False), lambda name, source: None)
    assert report.verdict == "bounded"
    assert "nothing that starts here" in report.reason


def test_host_code_that_names_an_instruction_is_no_kernel() -> None:
    text = 'struct Log; void submit(Log &log) { log.write("TPUSH(a), TPOP(b)"); }\n'
    text += "void kernel() { pipe_barrier(PIPE_ALL); }\n"
    report = check_cpp(text, "k.cpp", Settings(load("a2a3"), timed=False), lambda name, source: None)
    assert (report.verdict, [f.rule for f in report.findings if f.severity == "error"]) == ("proved", [])


def test_a_load_that_nothing_waits_for() -> None:
    assert errors(f"Row a;\nTASSIGN(a, 0x0);\nLine g(x);\nTLOAD(a, g);\nTADDS(a, a, 1.0f);\n{LAST}") == [
        ("RAW001", 5), ("WAW001", 5),
    ]  # fmt: skip
    assert errors(f"Row a;\nTASSIGN(a, 0x0);\nLine g(x);\n{LOAD}TADDS(a, a, 1.0f);\n{LAST}") == []


ORDER = "set_flag(PIPE_V, PIPE_MTE3, EVENT_ID0);\nwait_flag(PIPE_V, PIPE_MTE3, EVENT_ID0);"
NAMES = """
int w = get_block_idx();
__gm__ int64_t *args = (__gm__ int64_t *)x;
int left;
if (n > 5) { left = 3; } else { left = n * 2; }
Row a;
TASSIGN(a, 0x0);
if (w == 1 && args[3] > 2 && args[4] / 24 > 1 && left > 7 && n % 48 > 9) {
    TEXPANDS(a, 1.0f);
    TADDS(a, a, 2.0f);
}
pipe_barrier(PIPE_ALL);
"""


@pytest.mark.parametrize(
    ("define", "names"),
    [
        ((), {"block_idx", "x_3", "x_4_div_24", "left", "n_mod_48"}),
        ((("w", "1"),), {"x_3", "x_4_div_24", "left", "n_mod_48"}),
    ],
)
def test_values_are_called_as_the_text_calls_them(define: tuple[tuple[str, str], ...], names: set[str]) -> None:
    (found,) = (f for f in checked(NAMES, define=define).findings if f.rule == "BAR001")
    assert {name for name, _ in found.parameters} == names
    assert not checked(NAMES, define=define).strangers


LANES = """
AICORE void fill(Row &a) {
    if (get_subblockid() == 0) { TEXPANDS(a, 1.0f); }
    TADDS(a, a, 2.0f);
}
"""


def test_functions_are_numbered_as_they_are_left() -> None:
    """What the pass of the other core made of it takes no number: the report says fill, as the text does."""
    report = checked("Row a;\nTASSIGN(a, 0x0);\nfill(a);\npipe_barrier(PIPE_ALL);", HEAD + LANES)
    (found,) = (f for f in report.findings if f.rule == "BAR001")
    assert [frame.partition("@")[0] for frame in found.primary.frames] == ["fill"]


STORED = f"Row a;\nTASSIGN(a, 0x0);\nTEXPANDS(a, 1.0f);\n{ORDER}\nLine g(x);\nTSTORE(g, a);\n"


@pytest.mark.parametrize(
    ("head", "option", "severities", "verdict"),
    [
        ("__global__ AICORE void kernel", "auto", ["warning"], "proved"),
        ('extern "C" __global__ AICORE void kernel_entry', "auto", ["error"], "refuted"),
        ('extern "C" AICORE void kernel', "auto", ["error"], "refuted"),
        ("// syncheck: exit launch\nAICORE void kernel", "auto", ["warning"], "proved"),
        ("// syncheck: exit task\n__global__ AICORE void kernel", "auto", ["error"], "refuted"),
        ("__global__ AICORE void kernel", "task", ["error"], "refuted"),
        ("AICORE void kernel", "launch", [], "proved"),
    ],
)
def test_what_the_end_of_a_kernel_waits_for(head: str, option: str, severities: list[str], verdict: str) -> None:
    settings = Settings(load("a2a3", options={"exit": option}), timed=False)
    report = check_cpp(f"{HEAD}{head}(__gm__ float *x) {{\n{STORED}}}\n", "k.cpp", settings, lambda name, source: None)
    assert [f.severity for f in report.findings if f.rule == "DRN002"] == severities
    assert report.verdict == verdict


def test_a_store_of_a_launch_host_function_is_waited_for() -> None:
    kernel = f"template <int n> AICORE void kernel(__gm__ float *x) {{\n{STORED}}}\n"
    text = f"{HEAD}{kernel}void start(float *x, void *stream) {{ kernel<1><<<1, nullptr, stream>>>(x); }}\n"
    report = check_cpp(text, "k.cpp", Settings(load("a2a3"), timed=False), lambda name, source: None)
    assert [f.severity for f in report.findings if f.rule == "DRN002"] == ["warning"]


@pytest.mark.parametrize(("option", "severities"), [("auto", ["warning"]), ("task", ["error"]), ("launch", [])])
def test_a_store_that_another_pipe_waits_for_is_a_warning(option: str, severities: list[str]) -> None:
    told = "set_flag(PIPE_MTE3, PIPE_MTE2, EVENT_ID0);\nwait_flag(PIPE_MTE3, PIPE_MTE2, EVENT_ID0);\n"
    text = f"{HEAD}AICORE void kernel_entry(__gm__ float *x) {{\n{STORED}{told}}}\n"
    settings = Settings(load("a2a3", options={"exit": option}), timed=False)
    report = check_cpp(text, "k.cpp", settings, lambda name, source: None)
    found = [f for f in report.findings if f.rule == "DRN002"]
    assert [f.severity for f in found] == severities
    assert all(("not to S" in f.title) == (f.severity == "warning") and f.order for f in found)


def test_loops_stay_loops() -> None:
    found = errors(in_loop(LOAD + "TADDS(a, a, 1.0f);\npipe_barrier(PIPE_V);"))
    assert found == [("WAR001", 5), ("WAW001", 5)]
    both = "set_flag(PIPE_V, PIPE_MTE2, EVENT_ID0);\nwait_flag(PIPE_V, PIPE_MTE2, EVENT_ID0);"
    assert checked(in_loop(LOAD + "TADDS(a, a, 1.0f);\n" + both)).verdict == "proved"


def test_an_address_of_the_turn() -> None:
    body = f"""Row a;
for (int i = 0; i < n; i++) {{
TASSIGN(a, (i % 2) * 256);
Line g(x + i * 64);
{LOAD}TADDS(a, a, 1.0f);
pipe_barrier(PIPE_V);
}}
{LAST}"""
    report = checked(body)
    assert {(f.rule, f.where) for f in report.findings if f.severity == "error"} == {
        ("WAR001", "n >= 3"), ("WAW001", "n >= 3"),
    }  # fmt: skip


def test_what_is_not_known_is_said() -> None:
    body = in_loop(
        LOAD + "mystery(a);\nset_flag(PIPE_V, PIPE_MTE2, EVENT_ID0);\nwait_flag(PIPE_V, PIPE_MTE2, EVENT_ID0);"
    )
    report = checked(body)
    assert report.verdict == "bounded"
    assert [f.rule for f in report.findings if f.severity == "error"] == ["SYN001"]


def test_each_core_has_its_own_text() -> None:
    body = """#if defined(__DAV_CUBE__)
ffts_cross_core_sync(PIPE_FIX, 0x21);
#else
wait_flag_dev(1);
#endif"""
    assert [rule for rule, _ in errors(body)] == ["FLG001"]
    assert errors(body.replace("wait_flag_dev(1)", "wait_flag_dev(0)")) == []


def test_helpers_templates_and_early_returns() -> None:
    head = (
        HEAD
        + """template <pipe_t A, pipe_t B>
AICORE inline void order(event_t id) { set_flag(A, B, id); wait_flag(A, B, id); }
template <typename T> AICORE void add(T &t, bool skip) { if (skip) return; TADDS(t, t, 1.0f); }
"""
    )
    body = in_loop(
        "TLOAD(a, g);\norder<PIPE_MTE2, PIPE_V>(EVENT_ID1);\nadd(a, i > 3);\n"
        "pipe_barrier(PIPE_V);\norder<PIPE_V, PIPE_MTE2>(EVENT_ID1);"
    )
    assert checked(body, head).verdict == "proved"
    assert [rule for rule, _ in errors(body.replace("order<PIPE_V, PIPE_MTE2>(EVENT_ID1);", ""), head)] == [
        "WAR001", "WAW001",
    ]  # fmt: skip


def test_comments_narrow_what_is_unknown() -> None:
    body = "// syncheck: param n in 1..1\n" + in_loop(LOAD + "TADDS(a, a, 1.0f);")
    assert errors(body) == []


def test_an_instruction_records_the_event_it_is_assigned_to() -> None:
    body = f"""Row a;
TASSIGN(a, 0x0);
Line g(x);
Event<Op::TLOAD, Op::TADDS> loaded;
loaded = TLOAD(a, g);
TADDS(a, a, 1.0f, loaded);
{LAST}"""
    assert errors(body) == []
    declared = "Event<Op::TLOAD, Op::TADDS> loaded"
    assert errors(body.replace(f"{declared};\nloaded =", f"{declared} =")) == []
    assert errors(body.replace("loaded = ", "")) == [("FLG001", 6)]


def test_an_event_of_a_matrix_instruction_is_one_of_its_own_pipe() -> None:
    body = f"""Tile<TileType::Mat, float, 16, 64> a;
TASSIGN(a, 0x0);
Line g(x);
Event<Op::TEXPANDS_MAT, Op::TSTORE_MAT> filled;
filled = TEXPANDS(a, 1.0f);
TSTORE(g, a, filled);
{LAST}"""
    assert errors(body) == []
    assert errors(body.replace("TEXPANDS_MAT", "TIMG2COL")) == [("RAW001", 6)]


def test_a_loop_over_tiles_is_followed_turn_by_turn_from_its_start() -> None:
    head = HEAD + "template <int N> struct Work {\nstatic AICORE void run(__gm__ float *x) {\n"
    head += f"""Row a[N];
for (int s = 0; s < N; s++) {{
TASSIGN(a[s], s * 256);
set_flag(PIPE_V, PIPE_MTE2, static_cast<event_t>(s));
}}
for (int s = 0; s < N; s++) {{
Line g(x + s * 64);
wait_flag(PIPE_V, PIPE_MTE2, static_cast<event_t>(s));
{LOAD}TADDS(a[s], a[s], 1.0f);
}}
}}
}};
""".replace("TLOAD(a,", "TLOAD(a[s],")
    assert checked(f"Work<3>::run(x);\n{LAST}", head).verdict == "proved"


def test_a_report_calls_an_instance_as_the_function_is_called() -> None:
    head = HEAD + "template <int N> AICORE void step(Row &a) { TADDS(a, a, 1.0f); TADDS(a, a, 1.0f); }\n"
    body = f"Row a, b;\nTASSIGN(a, 0x0);\nTASSIGN(b, 0x400);\nstep<1>(a);\npipe_barrier(PIPE_V);\nstep<2>(b);\n{LAST}"
    (finding,) = [one for one in checked(body, head).findings if one.severity == "error"]
    frames = {frame.partition("@")[0] for label in finding.labels for frame in label.frames}
    assert frames == {"step"}


def test_a_value_given_with_d_pins_a_launch_argument() -> None:
    body = in_loop(LOAD + "TADDS(a, a, 1.0f);")
    assert [f.rule for f in checked(body, define=(("n", "1"),)).findings if f.severity == "error"] == []
    assert dict(checked(body, define=(("n", "1"),)).parameters)["n"] == "1"


def test_a_flag_that_the_library_uses_inside_depends_on_the_data_type() -> None:
    tiles = "".join(f"Row {name};\nTASSIGN({name}, {256 * n});\n" for n, name in enumerate("abcd"))
    flag = "set_flag(PIPE_V, PIPE_S, EVENT_ID0);\n{}\nwait_flag(PIPE_V, PIPE_S, EVENT_ID0);\n" + LAST
    assert errors(tiles + flag.format("TGATHER(a, b, c, d);")) == []
    assert errors(tiles + flag.format("TFILLPAD(a, b);")) == []
    narrow = tiles.replace("Row ", "Tile<TileType::Vec, uint8_t, 1, 256> ")
    assert [rule for rule, _ in errors(narrow + flag.format("TFILLPAD(a, b);"))] == ["FLG006"]


def test_a_tile_is_used_as_far_as_its_type_says() -> None:
    tile = "Tile<TileType::Vec, float, 4, 64, BLayout::RowMajor, 4, {}> wide;\nTASSIGN(wide, 0x0);\n"
    body = tile + f"Row a, b;\nTASSIGN(a, 0x320);\nTASSIGN(b, 0x1000);\nLine g(x);\n{LOAD}{{}}\n{LAST}"
    used = "TLOAD(a, g);\nTROWEXPANDMUL(b, wide, b);"
    assert [rule for rule, _ in errors(body.format(16, used))] == ["RAW001"]
    assert errors(body.format(8, used)) == []
    column = "Tile<TileType::Vec, float, 64, 1, BLayout::ColMajor, {}, 1> wide;\nTASSIGN(wide, 0x0);\n"
    below = column + body.removeprefix(tile).replace("0x320", "0x40")
    assert errors(below.format(16, used)) == []
    assert [rule for rule, _ in errors(below.format(24, used))] == ["RAW001"]
    assert [
        rule for rule, _ in errors(body.format(8, used.replace("TROWEXPANDMUL(b, wide, b)", "TFILLPAD(b, wide)")))
    ] == ["RAW001"]


def test_what_is_used_of_a_tile_may_change_from_turn_to_turn() -> None:
    tile = "Tile<TileType::Vec, float, 1, 64, BLayout::RowMajor, -1, -1> wide(1, 8), b(1, 8);\nTASSIGN(wide, 0x0);\n"
    body = tile + "Row a;\nTASSIGN(a, 0x80);\nTASSIGN(b, 0x1000);\nLine g(x);\n{}" + LAST
    turn = "for (int i = 0; i < n; i++) {{\nTADDS(b, wide, 1.0f);\npipe_barrier(PIPE_V);\nTLOAD(a, g);\n{}}}\n"
    assert errors(body.format(turn.format(""))) == []
    assert {rule for rule, _ in errors(body.format(turn.format("wide.SetValidShape(1, n);\n")))} == {"RAW001", "WAR001"}
    once = "TLOAD(a, g);\nTADDS(b, wide, 1.0f);\n"
    assert errors(body.format("wide.SetValidShape(0, 0);\nb.SetValidShape(0, 0);\nTASSIGN(a, 0x0);\n" + once)) == []
    assert [rule for rule, _ in errors(body.format("wide.SetValidCol(n);\n" + once))] == ["RAW001"]
    assert errors(body.format("wide.ColMaskInternal = 0;\nb.ColMaskInternal = 0;\nTASSIGN(a, 0x0);\n" + once)) == []
    assert [
        rule for rule, _ in errors(body.format("auto &w = n > 3 ? wide : b;\nw.ColMaskInternal = n;\n" + once))
    ] == ["RAW001"]
    fixed = "Tile<TileType::Vec, float, 1, 64, BLayout::RowMajor, 1, 64> wide;\nTile<TileType::Vec, float, 1, 64> b;\n"
    body = fixed + "TASSIGN(wide, 0x0);\n" + body.removeprefix(tile)
    assert [rule for rule, _ in errors(body.format("wide.ColMaskInternal = 8;\n" + once))] == ["RAW001"]


def test_a_member_lies_behind_those_before_it() -> None:
    head = HEAD + "struct Queue { volatile int16_t tail; int64_t many; int32_t data[1]; };\n"
    body = "Row a;\nTASSIGN(a, 0x0);\nLine g(x);\nif (offsetof(Queue, data) == {}) {{\nTLOAD(a, g);\n}}\n"
    body += "TADDS(a, a, 1.0f);\n" + LAST
    assert {rule for rule, _ in errors(body.format(16), head)} == {"RAW001", "WAW001"}
    assert errors(body.format(12), head) == []
    wider = head.replace("int32_t data", "alignas(32) int32_t data")
    assert {rule for rule, _ in errors(body.format(16), wider)} == {"RAW001", "WAW001"}  # not known: both sides
    assert {rule for rule, _ in errors(body.format(32), wider)} == {"RAW001", "WAW001"}


def test_cleaning_a_line_that_the_scalar_unit_did_not_write_is_no_access() -> None:
    body = f"{{}}Row a;\nTASSIGN(a, 0x0);\nLine g(x);\n{LOAD}set_flag(PIPE_MTE2, PIPE_MTE3, EVENT_ID0);\n"
    body += f"wait_flag(PIPE_MTE2, PIPE_MTE3, EVENT_ID0);\nTSTORE(g, a);\ndcci(x, SINGLE_CACHE_LINE);\n{LAST}"
    assert errors(body.format("")) == []
    stored = body.format("x[0] = 1.0f;\npipe_barrier(PIPE_ALL);\n")
    assert {rule for rule, _ in errors(stored)} == {"RAW001", "WAR001", "WAW001"}


def test_a_core_that_only_reads_numbers_is_not_running_this_kernel() -> None:
    vector = "Row a;\nTASSIGN(a, 0x0);\nTEXPANDS(a, 1.0f);\nLine g(x);\nset_flag(PIPE_V, PIPE_MTE3, EVENT_ID0);\n{}"
    vector = vector.format("wait_flag(PIPE_V, PIPE_MTE3, EVENT_ID0);\nTSTORE(g, a);\n")
    body = f"{{}}\nfloat first = x[0];\n#ifdef __DAV_VEC__\n{vector}#endif\n{LAST}"
    assert errors(body.format("")) == []
    assert {rule for rule, _ in errors(body.format("x[1] = first;"))} >= {"WAW001"}


def test_a_copy_of_unknown_length_stays_within_the_tile_at_its_address() -> None:
    copy = "copy_gm_to_ubuf((__ubuf__ float *)0x0, x, 0, 4, n / 32, 0, 0);\n"
    fenced = copy + "set_flag(PIPE_MTE2, PIPE_V, EVENT_ID0);\nwait_flag(PIPE_MTE2, PIPE_V, EVENT_ID0);\n"
    rows = "Tile<TileType::Vec, float, 4, 64> a, b;\nTASSIGN(a, 0x0);\nTASSIGN(b, {});\n"
    assert checked(rows.format("0x400") + fenced + f"TADDS(b, a, 1.0f);\n{LAST}").verdict == "proved"
    behind = f"TADDS(b, b, 1.0f);\n{copy}{LAST}"
    assert errors(rows.format("0x400") + behind) == []
    assert [rule for rule, _ in errors(rows.format("0x3e0") + behind)] == ["WAR001", "WAW001"]
    for strange in (copy.replace("0x0", "0x20"), copy.replace("0, 0)", "n, 0)")):
        assert [rule for rule, _ in errors(rows.format("0x400") + strange + LAST)] == ["SYN001"]


def test_a_view_of_unknown_rows_lies_within_the_tile_at_its_address() -> None:
    tiles = "Tile<TileType::Vec, float, 16, 64> whole;\nRow view, other;\nTASSIGN(whole, 0x0);\n"
    tiles += "TASSIGN(other, 0x1000);\n"
    body = tiles + "TASSIGN(view, {});\nLine g(x);\nTLOAD(view, g);\nTADDS({}, {}, 1.0f);\n" + LAST
    assert errors(body.format("n * 256", "other", "other")) == []
    assert [rule for rule, _ in errors(body.format("n * 256", "whole", "whole"))] == ["RAW001", "WAW001"]
    assert [rule for rule, _ in errors(body.format("n", "other", "other"))] == ["SYN001"]


def test_loops_through_one_list_read_the_same_numbers() -> None:
    text = """__gm__ int32_t *list = (__gm__ int32_t *)x;  // syncheck: param n in 1..8
#ifdef __DAV_CUBE__
for (int i = 0; i < n; i++) {{ if (list[i] > 0) ffts_cross_core_sync(PIPE_FIX, 1 | (2 << 4)); }}
set_flag(PIPE_M, PIPE_FIX, EVENT_ID0);
wait_flag(PIPE_M, PIPE_FIX, EVENT_ID0);
#else
for (int turn = 0; turn < n; turn++) {{ if (list[{}] > 0) wait_flag_dev(0); {} }}
set_flag(PIPE_V, PIPE_MTE3, EVENT_ID0);
wait_flag(PIPE_V, PIPE_MTE3, EVENT_ID0);
#endif
dcci(x, ENTIRE_DATA_CACHE);
"""
    assert errors(text.format("turn", "")) == []
    assert {rule for rule, _ in errors(text.format("turn + 1", ""))} == {"FLG001", "XCR001"}
    assert {rule for rule, _ in errors(text.format("turn", "dcci(x, ENTIRE_DATA_CACHE);"))} == {"FLG001", "XCR001"}


PIPE = "TPipe<0, Direction::DIR_C2V, 256, 4, 4, true>"
HALF = f"""#ifdef __DAV_VEC__
auto pipe = {PIPE}(x, (uint32_t)4096, (uint32_t)4096);
Row a;
TPOP<{PIPE}, Row, TileSplitAxis::TILE_NO_SPLIT>(pipe, a);
Row b;
TASSIGN(b, 0x0);
Line g(x + 4096);
TLOAD(b, g);
TADDS(b, b, 1.0f);
TFREE<{PIPE}, TileSplitAxis::TILE_NO_SPLIT>(pipe);
#endif
{LAST}"""


def test_one_half_of_a_kernel_for_both_core_types_waits_for_what_is_not_in_the_file() -> None:
    report = checked(HALF)
    found = sorted((f.rule, f.primary.span.line - 5) for f in report.findings if f.severity == "error")
    assert found == [("RAW001", 9), ("SYN001", 4), ("WAW001", 9)]  # no FLG001, and what does not pass by it is checked
    assert report.verdict == "bounded"
    answered = f"#ifdef __DAV_CUBE__\nffts_cross_core_sync(PIPE_FIX, 0x0f21);\n#endif\n{HALF}"
    assert "FLG001" in {rule for rule, _ in errors(answered)}  # the other core speaks, and not of this


def test_a_kernel_launched_by_the_host_is_an_entry_point() -> None:
    text = (
        HEAD
        + """template <typename T, int kRows> __global__ AICORE void run(__gm__ T *x) {
    Tile<TileType::Vec, T, kRows, 64> t;
    TASSIGN(t, 0x0);
    GlobalTensor<T, Shape<1, 1, 1, kRows, 64>, Stride<1, 1, 1, 64, 1>> g(x);
    TLOAD(t, g);
    TADDS(t, t, 1.0f);
}
template <typename T, int kRows> void launch(T *x, void *stream) { run<T, kRows><<<1, nullptr, stream>>>(x); }
template void launch<float, 8>(float *x, void *stream);
"""
    )
    report = check_cpp(text, "k.cpp", Settings(load("a2a3"), timed=False), lambda name, includer: None)
    assert sorted({f.rule for f in report.findings if f.severity == "error"}) == ["RAW001", "WAW001"]
    assert report.coverage[0] == "entry points: launch"


def test_raw_copies_touch_what_their_parameters_say() -> None:
    copy = "copy_gm_to_ubuf((__ubuf__ float *)0x0, x, 0, 4, 2, 0, 0);\n"
    use = "vadds((__ubuf__ float *)0x{:x}, (__ubuf__ float *)0x{:x}, 1.0f, 1, 1, 1, 8, 8);\npipe_barrier(PIPE_ALL);"
    assert ("RAW001", 2) in errors(copy + use.format(0x1000, 0x0))
    assert errors(copy + use.format(0x1000, 0x100)) == []
    unknown = copy.replace(", 4, 2,", ", n, 2,")
    assert [rule for rule, _ in errors(unknown + use.format(0x1000, 0x0))] == ["RAW001"]
    assert errors(unknown + use.format(0x1000, 0x100)) == []  # until the next pointer
    assert [rule for rule, _ in errors(unknown.replace("0, 0)", "1, 0)") + use.format(0x1000, 0x0))] == ["SYN001"]


def test_a_value_that_grows_each_turn_is_a_formula_of_the_turn() -> None:
    turn = "TASSIGN(a, at);\nLine g(x);\nTLOAD(a, g);\nat += 256;"
    body = f"Row a;\nint at = 0;\nfor (int i = 0; i < 4; i++) {{\n{turn}\n}}\n{LAST}"
    report = checked(body)
    assert report.verdict == "proved"
    assert [f.rule for f in report.findings] == []


def test_either_branch_of_what_is_unknown() -> None:
    tiles = "Row a, b;\nTASSIGN(a, 0x0);\nTASSIGN(b, 0x100);\nLine g(x);\nRow &t = n > 3 ? a : b;\n"
    body = f"{tiles}{LOAD}TADDS(t, t, 1.0f);\n{LAST}"
    assert errors(body) == []
    bare = LOAD.split("\n", maxsplit=1)[0] + "\n"
    assert ("RAW001", 7) in errors(f"{tiles}{bare}TADDS(t, t, 1.0f);\n{LAST}")


def test_a_statement_that_calls_something_unknown_is_never_silent() -> None:
    assert [rule for rule, _ in errors("mystery();\npipe_barrier(PIPE_ALL);")] == ["SYN001"]
    assert [rule for rule, _ in errors("wait_for_all(3);\npipe_barrier(PIPE_ALL);")] == ["SYN001"]
    assert errors("set_mask_norm();\npipe_barrier(PIPE_ALL);") == []


def test_a_break_of_a_switch_under_an_unknown_condition_is_a_gap() -> None:
    arms = "switch (n) {\ncase 1: if (x[0] > 1) { at = 0x100; break; } at = 0x200; break;\ndefault: at = 0x300;\n}\n"
    body = f"Row a;\nint at = 0;\n{arms}pipe_barrier(PIPE_ALL);"
    assert errors(body) == [("SYN001", 4)]
    assert errors(body.replace("if (x[0] > 1) { at = 0x100; break; } ", "")) == []


def test_what_only_one_side_of_a_branch_sets_is_not_known_behind_it() -> None:
    body = f"""Row a, b;
TASSIGN(a, 0x0);
TASSIGN(b, 0x100);
Line g(x);
int id;
if (n > 3) {{ id = 0; }}
{LOAD.split(chr(10), maxsplit=1)[0]}
set_flag(PIPE_MTE2, PIPE_V, id);
wait_flag(PIPE_MTE2, PIPE_V, EVENT_ID0);
TADDS(a, a, 1.0f);
{LAST}"""
    assert checked(body).verdict != "proved"
    assert errors(body)
    assert errors(body.replace("int id;", "int id = 0;")) == []
    unset = f"Row a;\nLine g(x);\nif (n > 3) {{ TASSIGN(a, 0x0); }}\nTLOAD(a, g);\n{LAST}"
    assert errors(unset) == [("SYN001", 4)]


def test_on_chip_addresses_that_move_with_the_block() -> None:
    body = "Row a, b;\nTASSIGN(a, get_block_idx() * 256);\nTASSIGN(b, 256);\nLine g(x);\nTLOAD(a, g);\n"
    body += f"TADDS(b, b, 1.0f);\n{LAST}"
    assert errors(body) == [("SYN001", 5)]
    assert errors(body.replace("TASSIGN(b, 256)", "TASSIGN(b, get_block_idx() * 256 + 256)")) == []


def test_back_pressure_switched_off_on_one_side_only() -> None:
    body = """TPipe<0, Direction::DIR_C2V, 1024, 2, 2> pipe(x, 0U, 0U);
pipe.prod.setAllocateStatus(false);
pipe.cons.setFreeStatus(false);
#if defined(__DAV_CUBE__)
TileAcc<float, 16, 16, 16, 16> made;
TASSIGN(made, 0x0);
TPUSH(pipe, made);
#else
Tile<TileType::Vec, float, 16, 16> got;
TPOP(pipe, got);
TFREE(pipe);
#endif"""
    both = [one for one in errors(body) if one[0] == "SYN001"]
    assert both == []
    for line in (2, 3):
        lines = body.split("\n")
        lines[line - 1] = ""
        assert [one for one in errors("\n".join(lines)) if one[0] == "SYN001"] == [("SYN001", 5 - line)]


FIFOS = """#include <pto/pto-inst.hpp>
using namespace pto;
using Acc = TileAcc<float, 32, 32, 32, 32>;
using Half = Tile<TileType::Vec, float, 16, 32, BLayout::RowMajor, 16, 32>;
using Whole = Tile<TileType::Mat, float, 32, 32, BLayout::ColMajor, 32, 32, SLayout::RowMajor, 512>;
using Down = TPipe<0, Direction::DIR_C2V@, 4096, 2>;
using Up = TPipe<2, Direction::DIR_V2C@, 4096, 2>;
extern "C" __global__ AICORE void kernel_entry(__gm__ float *x, __gm__ float *y, int64_t n) {
Down down(x, 0x0, 0x0);
Up up(y, 0x0, 0x0);
#ifdef __DAV_CUBE__
Acc acc; Whole back; TASSIGN(acc, 0x0);
for (int i = 0; i < n; i++) {
TPUSH<Down, Acc, TileSplitAxis::TILE_UP_DOWN>(down, acc);
TPOP<Up, Whole, TileSplitAxis::#>(up, back);
set_flag(PIPE_MTE2, PIPE_MTE1, EVENT_ID0);
wait_flag(PIPE_MTE2, PIPE_MTE1, EVENT_ID0);
}
pipe_barrier(PIPE_ALL);
#endif
#ifdef __DAV_VEC__
Half got, made; TASSIGN(made, 0x8000);
for (int i = 0; i < n; i++) {
TPOP<Down, Half, TileSplitAxis::TILE_UP_DOWN>(down, got);
TPUSH<Up, Half, TileSplitAxis::TILE_UP_DOWN>(up, made);
&
}
pipe_barrier(PIPE_ALL);
#endif
}
"""


def fifo_errors(machine: str, place: str, axis: str, after: str = "") -> set[tuple[str, int]]:
    found = fifo_findings(FIFOS, machine, place, axis, after)
    # FIF001 is another matter: on a5 a V2C slot in GM is freed on MTE1, before MTE2 has read it.
    return {(rule, line) for rule, line in found if rule != "FIF001"}


def fifo_findings(text: str, machine: str, place: str, axis: str, after: str = "") -> set[tuple[str, int]]:
    text = text.replace("@", place).replace("::#", f"::{axis}").replace("&", after)
    report = check_cpp(text, "k.cpp", Settings(load(machine), timed=False), lambda name, includer: None)
    return {(f.rule, f.primary.span.line) for f in report.findings if f.severity == "error"}


def test_a_fifo_in_gm_of_a5_is_freed_by_its_pop() -> None:
    assert fifo_errors("a5", "_GM", "TILE_UP_DOWN") == set()
    assert ("FLG001", 14) in fifo_errors("a5", "", "TILE_UP_DOWN")  # on chip: only TFREE gives a slot back
    assert fifo_errors("a5", "_GM", "TILE_UP_DOWN", "TFREE<Down>(down);") == {("SYN001", 26)}


def test_the_split_that_the_cube_names_counts_where_it_chooses_the_lanes() -> None:
    assert fifo_errors("a5", "_GM", "TILE_NO_SPLIT") == {("FIF002", 15)}
    for axis in ("TILE_NO_SPLIT", "TILE_UP_DOWN"):
        assert fifo_errors("a2a3", "", axis) == set()


def test_on_chip_a_slot_is_the_room_of_one_lane() -> None:
    halved = FIFOS.replace("C2V@, 4096", "C2V@, 2048")  # what each lane takes, as the on-chip kernels write it
    rules = {rule for rule, _ in fifo_findings(halved, "a5", "", "TILE_UP_DOWN")}
    assert rules == {"FLG001"}  # no TFREE; no slots meet (FIF001), all fits (FIF002)
    assert "FIF002" in {rule for rule, _ in fifo_findings(halved, "a2a3", "", "TILE_UP_DOWN")}
    small = FIFOS.replace("C2V@, 4096", "C2V@, 1024")
    assert "FIF002" in {rule for rule, _ in fifo_findings(small, "a5", "", "TILE_UP_DOWN")}


def read_twice(between: str, declared: str = "__gm__ int32_t *f = (__gm__ int32_t *)x;") -> str:
    return f"""Row a;
TASSIGN(a, 0x0);
Line g(x + 64);
{declared}
for (int i = 0; i < n; i++) {{
if (f[0] > 1) {{ TLOAD(a, g); set_flag(PIPE_MTE2, PIPE_V, EVENT_ID0); }}
{between}
if (f[0] > 1) {{ wait_flag(PIPE_MTE2, PIPE_V, EVENT_ID0); }}
pipe_barrier(PIPE_ALL);
}}
{LAST}"""


def test_memory_that_changes_is_read_anew_each_time() -> None:
    assert checked(read_twice("")).verdict == "proved"
    volatile = "volatile __gm__ int32_t *f = (volatile __gm__ int32_t *)x;"
    for changing in (read_twice("f[0] = i;"), read_twice("", volatile), read_twice("dcci(f, SINGLE_CACHE_LINE);")):
        report = checked(changing)
        assert report.verdict == "refuted"
        assert "FLG002" in {finding.rule for finding in report.findings}


def test_what_a_turn_changes_before_it_breaks_off_is_kept() -> None:
    body = f"""Row a, b;
int at = 0;
TASSIGN(b, 256);
Line g(x);
for (int i = 0; i < n; i++) {{
if (x[i] > 1) {{ at = 256; break; }}
pipe_barrier(PIPE_V);
}}
TASSIGN(a, at);
TLOAD(a, g);
TADDS(b, b, 1.0f);
{LAST}"""
    assert [rule for rule, _ in errors(body)] == ["RAW001", "WAW001"]
    assert errors(body.replace("at = 256; break", "break")) == []


def test_an_unknown_value_of_a_helper_is_another_at_each_call() -> None:
    head = HEAD + "template <typename T> AICORE int first(T &t) { int v = t.GetValue(0); return v; }\n"
    head += "using Ints = Tile<TileType::Vec, int32_t, 1, 64>;\n"
    body = f"""Ints k;
TASSIGN(k, 0x400);
if (first(k) > 1) {{ set_flag(PIPE_MTE2, PIPE_V, EVENT_ID0); }}
if (first(k) > 1) {{ wait_flag(PIPE_MTE2, PIPE_V, EVENT_ID0); }}
{LAST}"""
    assert {rule for rule, _ in errors(body, head)} >= {"FLG001", "FLG002"}


def test_what_is_too_large_to_follow_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncheck.frontends.cpp.reader.MOST_STEPS_OF_FILE", 1500)
    head = HEAD + "AICORE int f0(int a) { return a + a + a; }\n"
    for level in range(1, 12):
        head += (
            f"AICORE int f{level}(int a) {{ return f{level - 1}(a) + f{level - 1}(a + 1) + f{level - 1}(a + 2); }}\n"
        )
    assert errors(f"int k = f1(n);\n{LAST}", head) == []
    report = checked(f"int k = f11(n);\n{LAST}", head)
    gaps = [finding for finding in report.findings if finding.rule == "SYN001"]
    assert report.verdict != "proved"
    assert ["too large to follow" in gap.title for gap in gaps] == [True]


def test_macros_that_nothing_defines_are_listed_and_a_condition_that_cannot_be_read_is_one_line() -> None:
    asked = "#ifdef DSB_UB\n#endif\n#if FOO > 2\n#endif\n#ifndef MINE\n#define MINE\n#endif\n#if 1 +\n#endif\n"
    report = checked("pipe_barrier(PIPE_ALL);", HEAD + asked)
    first = HEAD.count("\n") + 1
    assert f"macros taken as undefined: DSB_UB ({first}), FOO" in report.coverage
    problem = next(f for f in report.findings if f.rule == "SYN001")
    assert "\n" not in problem.message
