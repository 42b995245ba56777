"""Values, arrays and variables of C++ across calls, branches and loops."""

from __future__ import annotations

import pytest
from test_cpp import HEAD, LAST, LOAD, checked, errors

from syncheck.check import Settings, check_cpp
from syncheck.machine import load


def rules(body: str, head: str = HEAD) -> list[str]:
    return sorted({rule for rule, _ in errors(body, head)})


def test_an_array_is_passed_by_its_address() -> None:
    head = HEAD + (
        "AICORE void place(Row t[2]) { TASSIGN(t[0], 0x0); TASSIGN(t[1], 0x100); }\n"
        "AICORE void load(Row t[2], __gm__ float *x) { Line g(x); TLOAD(t[1], g); }\n"
    )
    body = f"Row t[2];\nplace(t);\nload(t, x);\nTADDS(t[0], t[0], 1.0f);\n{LAST}"
    assert rules(body, head) == []
    assert rules(body.replace("t[0], t[0]", "t[0], t[1]"), head) == ["RAW001"]


def test_a_pointer_passed_by_reference_is_changed_for_the_caller() -> None:
    head = HEAD + "AICORE void go(__gm__ float *&to, __gm__ float *from) { to = from + 64; }\n"
    flow = "Row a;\nTASSIGN(a, 0x0);\n__gm__ float *p = nullptr;\ngo(p, x);\nLine g(p), h(x + {});\n"
    use = f"TSTORE(g, a);\nTLOAD(a, h);\n{LAST}"
    assert rules(flow.format(64) + use, head) == ["RAW001", "WAR001"]
    assert rules(flow.format(256) + use, head) == ["WAR001"]


START = "int first = static_cast<int>(n) * static_cast<int>(n);\n"


def test_a_loop_from_an_unknown_start_may_have_another_test_beside_its_bound() -> None:
    turn = f"Line g(x + i * 64);\n{LOAD}TADDS(a, a, 1.0f);\n"
    loop = "Row a;\nTASSIGN(a, 0x0);\nfor (int i = first; i < first + n && i < 100; i++) {\n"
    assert rules(f"{START}{loop}{turn}pipe_barrier(PIPE_ALL);\n}}") == []
    assert rules(f"{START}{loop}{turn}}}\n{LAST}") == ["BAR001", "WAR001", "WAW001"]


def test_a_loop_that_steps_by_an_argument() -> None:
    turn = f"Line g(x + i * 64);\n{LOAD}TADDS(a, a, 1.0f);\n"
    loop = "Row a;\nTASSIGN(a, 0x0);\nfor (int i = get_block_idx(); i < 100; i += n) {\n"
    assert rules(f"{loop}{turn}pipe_barrier(PIPE_ALL);\n}}") == []
    assert rules(f"{loop}{turn}}}\n{LAST}") == ["BAR001", "WAR001", "WAW001"]


DRAIN = """AICORE bool drain(int count, int &done, __gm__ float *x) {
    if (done >= count) { return false; }
    Row a;
    TASSIGN(a, 0x0);
    for (int k = 0; k < count; ++k) {
        if (x[k] > 1.0f) { continue; }
        Line g(x + 64 * k);
        TLOAD(a, g);
        pipe_barrier(PIPE_ALL);
        done = done + 2;
    }
    return true;
}
"""


def test_what_a_call_with_an_early_return_counts_is_known_behind_it() -> None:
    body = "int done = 0;\nif (n > 4) { drain(n, done, x); }\nif (done > 5) { pipe_barrier(PIPE_ALL); }\n"
    report = checked(body + LAST, HEAD + DRAIN)
    assert [f.title for f in report.findings if f.severity == "error"] == []


def test_a_value_returned_from_a_loop_is_one_value_behind_it() -> None:
    head = (
        HEAD + "AICORE int find(__gm__ int *y, int n) {\n"
        "    for (int k = 0; k < n; ++k) { if (y[k] > 3) return k; }\n    return -1;\n}\n"
    )
    found = "int at = find((__gm__ int *)x, n);\nif (at >= 0) { pipe_barrier(PIPE_MTE2); }\n"
    body = f"{found}for (int i = 0; i < at; ++i) {{\n"
    report = checked(f"{body}pipe_barrier(PIPE_ALL);\n}}\n", head)
    assert [f.title for f in report.findings if f.severity == "error"] == []


def test_a_comparison_as_event_id_is_a_number() -> None:
    flags = "set_flag(PIPE_MTE2, PIPE_V, n > 3);\npipe_barrier(PIPE_ALL);\n"
    said = [str(f) for f in checked(flags).findings]
    assert any("EVENT_ID0 is still set" in one for one in said)
    assert not any("EVENT_IDTrue" in one or "EVENT_IDFalse" in one for one in said)


def test_questions_about_types_are_answered_and_names_that_nobody_knows_are_not() -> None:
    asked = "if constexpr ({}) {{ TLOAD(a, g); }}\nTADDS(a, a, 1.0f);\n"
    body = "Row a;\nTASSIGN(a, 0x0);\nLine g(x);\n" + asked + LAST
    for yes in ("std::is_same_v<float, float>", "std::is_same<int, int32_t>::value", "std::is_integral_v<uint8_t>"):
        assert rules(body.format(yes)) == ["RAW001", "WAW001"], yes
        assert rules(body.format(f"!{yes}")) == [], yes
    for no in ("std::is_same_v<float, half>", "std::is_same<Row, Line>::value", "std::is_floating_point_v<int>"):
        assert rules(body.format(no)) == [], no
    for unknown in ("std::is_same_v<Strange, float>", "kUseFast"):
        assert rules(body.format(unknown)) == rules(body.format(f"!{unknown}")) == ["RAW001", "WAW001"], unknown


def test_a_method_defined_behind_its_class() -> None:
    head = HEAD + (
        "template <typename T> struct Op { __gm__ T *at; AICORE void take(__gm__ T *from); AICORE void run(int n); };\n"
        "template <typename U> AICORE void Op<U>::take(__gm__ U *from) { at = from; }\n"
        "template <typename U> AICORE void Op<U>::run(int n) {\n"
        "Row a;\nTASSIGN(a, 0x0);\nLine g(at);\nTLOAD(a, g);\nTADDS(a, a, 1.0f);\n}\n"
    )
    assert rules(f"Op<float> op;\nop.take(x);\nop.run(3);\n{LAST}", head) == ["RAW001", "WAW001"]


def test_a_loop_that_counts_by_division_and_addresses_that_follow_an_array_of_numbers() -> None:
    fill = (
        "int32_t sizes[15] = {0};\nint32_t count = 0, at = 0;\n"
        "for (int i = 256; i >= 64; i /= 4) { for (int k = 0; k < 2; k++) { sizes[count++] = i; } }\n"
    )
    use = "for (int k = 0; k < count; ++k) {\nRow a;\nTASSIGN(a, at);\nTEXPANDS(a, 0.0f);\n"
    assert rules(f"{fill}{use}at += sizes[k];\n}}\n{LAST}") == ["BAR001"]  # some are 64 apart, a row is 256 bytes
    assert rules(f"{fill}{use}at += sizes[k] * 4;\n}}\n{LAST}") == []


def test_a_pointer_that_points_nowhere_at_first() -> None:
    turn = "if (more) { Line h(last); TSTORE(h, a); pipe_barrier(PIPE_ALL); }\nlast = x + i * 64;\nmore = true;\n"
    loop = f"for (int i = 0; i < n; ++i) {{\n{turn}}}\n"
    body = f"Row a;\nTASSIGN(a, 0x0);\n__gm__ float *last = nullptr;\nbool more = false;\n{loop}{LAST}"
    assert rules(body) == []
    assert "WAR001" in rules(body.replace("pipe_barrier(PIPE_ALL); }", "TEXPANDS(a, 0.0f); }"))


def test_one_of_several_events() -> None:
    head = HEAD + "using Loaded = Event<Op::TLOAD, Op::TADDS>;\n"
    start = "Row t[2];\nTASSIGN(t[0], 0x0);\nTASSIGN(t[1], 0x100);\nLoaded e[2];\nLine g(x);\ne[0] = TLOAD(t[0], g);\n"
    turn = "if (i + 1 < n) { Line h(x + i * 64 + 64); e[(i + 1) % 2] = TLOAD(t[(i + 1) % 2], h); }\n"
    use = "TSYNC(e[i % 2]);\nTADDS(t[i % 2], t[i % 2], 1.0f);\npipe_barrier(PIPE_ALL);\n"
    body = f"if (n > 0) {{\n{start}for (int i = 0; i < n; ++i) {{\n{turn}{use}}}\n}}\n{LAST}"
    assert rules(body, head) == []
    assert "RAW001" in rules(body.replace("TSYNC(e[i % 2]);", ""), head)


def test_a_cast_in_parentheses_and_an_extent_that_the_lane_chooses() -> None:
    flags = "for (int i = 0; i < n; ++i) {\nset_flag(PIPE_S, PIPE_V, (event_t)(i & 1));\n"
    assert rules(f"{flags}wait_flag(PIPE_S, PIPE_V, (event_t)(i & 1));\n}}\n{LAST}") == []
    head = HEAD + "using Part = GlobalTensor<float, Shape<1, 1, 1, -1, 64>, Stride<64, 64, 64, 64, 1>>;\n"
    tile = "Tile<TileType::Vec, float, 4, 64> t;\nTASSIGN(t, 0x0);\nint lane = get_subblockid();\n"
    part = "int rows = lane == 0 ? {} : 3;\nPart g(x + (lane == 0 ? 0 : 128), typename Part::Shape(rows));\n"
    store = f"TSTORE(g, t);\n{LAST}"
    assert rules(tile + part.format(2) + store, head) == []
    assert rules(tile + part.format(3) + store, head) == ["WAW001"]


def test_keys_that_are_sorted_by_values_nobody_knows() -> None:
    sort = """__gm__ int32_t *keys = (__gm__ int32_t *)(x + 4096);
        int key[6], at[6];
        for (int i = 0; i < 6; ++i) { key[i] = keys[i]; at[i] = i; }
        for (int i = 1; i < 6; ++i) {
            int k = key[i], p = at[i], j = i - 1;
            while (j >= 0) {
                if (!(key[j] > k)) break;
                key[j + 1] = key[j];
                at[j + 1] = at[j];
                --j;
            }
            key[j + 1] = k;
            at[j + 1] = p;
        }
        Row a, b;
        TASSIGN(a, 0x0);
        TASSIGN(b, 0x100);
        Line g(x + at[3] * 64);
    """
    assert rules(f"{sort}{LOAD}TADDS(b, a, 1.0f);\n{LAST}") == []
    assert rules(f"{sort}{LOAD}TADDS(b, a, 1.0f);\nTLOAD(a, g);\n{LAST}") == ["WAR001"]


def test_elements_that_numbers_choose_again_and_again_are_any_numbers() -> None:
    body = (
        "Row a;\nTASSIGN(a, 0x0);\nint count[4][2];\nfor (int d = 0; d < 4; d++) { count[d][0] = 0; }\n"
        "for (int i = 0; i < 12; i++) { int d = n / (i + 1); count[d][n - d * 2] += 1; }\n"
        "Line at(x + count[0][1] * 64);\nTLOAD(a, at);\nset_flag(PIPE_MTE2, PIPE_V, EVENT_ID0);\n"
    )
    whole = body + "wait_flag(PIPE_MTE2, PIPE_V, EVENT_ID0);\nTADDS(a, a, 1.0f);\n" + LAST
    assert checked(whole).verdict == "proved"
    early = body + "TADDS(a, a, 1.0f);\nwait_flag(PIPE_MTE2, PIPE_V, EVENT_ID0);\n" + LAST
    assert rules(early) == ["RAW001", "WAW001"]


def test_a_tile_that_nothing_declares_is_a_gap() -> None:
    body = "Line g(x);\nTLOAD(a, g);\nTADDS(b, b, 1.0f);\nTADDS(b, b, FACTOR);\n"
    assert errors(body) == [("SYN001", 2), ("SYN001", 3), ("SYN001", 4)]
    assert errors("Row b;\nTASSIGN(b, 0x0);\nTADDS(b, b, FACTOR);\n") == []


PART = "Shape<1, 1, 1, -1, 64>"
PARTS = f"""using Rows = Tile<TileType::Vec, float, 8, 64, BLayout::RowMajor, 8, 64>;
using Part = GlobalTensor<float, {PART}, Stride<64, 64, 64, 64, 1>>;
"""


def test_an_object_that_is_assigned_has_the_extents_of_what_it_is_given() -> None:
    body = (
        f"Rows a;\nTASSIGN(a, 0x0);\nRow b;\nTASSIGN(b, 0x1000);\n"
        f"Part g(x, {PART}({{}}));\ng = Part(x, {PART}({{}}));\n"
        f"TSTORE(g, a);\nLine h(x + 256);\nTLOAD(b, h);\n{LAST}"
    )
    assert ("RAW001", 9) in errors(body.format(1, 8), HEAD + PARTS)
    assert errors(body.format(8, 1), HEAD + PARTS) == []


def test_what_came_before_an_operand_that_is_known_on_one_path_only_is_checked() -> None:
    body = (
        f"Row c;\nTASSIGN(c, 0x0);\nLine l(x);\nTLOAD(c, l);\nTADDS(c, c, 1.0f);\nRows a;\nTASSIGN(a, 0x400);\n"
        f"Part g(x, {PART}(1));\nfor (int i = 0; i < n; i++) {{ g = Part(x, {PART}(i)); }}\n"
        f"if (n > 5) {{ g = Part(x, {PART}(8)); }}\nTSTORE(g, a);\n{LAST}"
    )
    found = errors(body, HEAD + PARTS)
    assert ("RAW001", 5) in found
    assert ("SYN001", 11) in found


def test_a_number_that_was_asked_for_its_sign_is_the_same_where_it_becomes_unsigned() -> None:
    load = "int64_t m = ((__gm__ int64_t *)(x + 4096))[0];\n{}uint64_t u = static_cast<uint64_t>(m);\n"
    use = f"Row a;\nTASSIGN(a, 0x0);\nLine g(x);\nTLOAD(a, g);\nif ((int64_t)u != m) {{ TADDS(a, a, 1.0f); }}\n{LAST}"
    assert rules(load.format("if (m <= 0) { return; }\n") + use) == []
    assert rules(load.format("") + use) == ["RAW001", "WAW001"]


def test_what_comes_before_a_loop_that_is_not_understood_is_kept() -> None:
    text = """#include <pto/pto-inst.hpp>
using Row = Tile<TileType::Vec, float, 1, 64>;
__global__ AICORE void kernel(__gm__ int32_t *words) {
    Row a, b;
    TASSIGN(a, 0x0);
    TASSIGN(b, 0x100);
    a.SetValue(0, 1.0f);
    TADDS(b, a, 1.0f);
    pto::comm::Signal here(words);
    while (!TTEST(here, 1, pto::comm::WaitCmp::GE)) {}
    bool done = false;
    while (!done) { done = TTEST(here, 1, pto::comm::WaitCmp::GE); }
}
"""
    report = check_cpp(text, "k.cpp", Settings(load("a2a3"), timed=False), lambda name, includer: None)
    found = [(one.rule, one.primary.span.line) for one in report.findings if one.severity == "error"]
    assert found == [("RAW001", 8), ("SYN001", 10)]


def test_a_global_function_is_an_entry_point_whatever_it_calls() -> None:
    text = """#include <pto/pto-inst.hpp>
__global__ AICORE void kernel() {
    Tile<TileType::Vec, float, 1, 64> a;
    TASSIGN(a, 0x0);
    a.SetValue(0, 1.0f);
    TMULS(a, a, 2.0f);
}
"""
    report = check_cpp(text, "k.cpp", Settings(load("a2a3"), timed=False), lambda name, includer: None)
    assert {one.rule for one in report.findings} >= {"RAW001", "WAW001"}


@pytest.mark.parametrize(
    ("members", "size"),
    [
        ("struct S { int8_t a; int16_t b; };", 4),
        ("struct P { int32_t a, b; }; struct S { int32_t a; P p; int32_t b; };", 16),
        ("struct P { int64_t a; int8_t b; }; struct S { int8_t a; P p[2]; };", 40),
        ("union S { int32_t a; int64_t b; int8_t c[3]; };", 8),
        ("struct S { static int32_t z; int32_t a; };", 4),
        ("struct S { int32_t a; int32_t get() { return a > 0 ? a : 2; } };", 4),
        ("struct alignas(16) S { int32_t a; int8_t b[13]; };", 32),
        ("struct __attribute__((aligned(16))) P { int32_t a; }; struct S { int32_t a; P p; };", 32),
        ("struct alignas(2) S { int32_t a; };", 4),
        ("struct alignas(sizeof(int64_t)) S { int32_t a; };", None),
        ("struct S { alignas(16) int32_t a; int32_t b; };", None),
        ("struct S { int32_t a : 4; int32_t b : 4; };", None),
        ("struct S { virtual void f(); int32_t a; };", None),
        ("struct P { int32_t a; int8_t b; }; struct S : P { int8_t c; };", None),
        ("struct S { int8_t a; int32_t b; } __attribute__((packed));", None),
        ("#pragma pack(push, 8)\nstruct S { int8_t a; int32_t b; };\n#pragma pack(pop)", 8),
        ("#pragma pack(1)\nstruct S { int8_t a; int32_t b; };", None),
    ],
)
def test_the_size_of_a_class(members: str, size: int | None) -> None:
    text = f"#include <pto/pto-inst.hpp>\n{members}\n__global__ AICORE void kernel() {{\n"
    text += "if (sizeof(S) == SIZE) { wait_flag(PIPE_V, PIPE_S, EVENT_ID0); }\n}\n"
    reports = [
        check_cpp(
            text.replace("SIZE", str(number)), "k.cpp", Settings(load("a2a3"), timed=False), lambda name, includer: None
        )
        for number in (size or 8, 1)
    ]
    rules = [{one.rule for one in report.findings if one.severity == "error"} for report in reports]
    assert rules == [{"FLG001"}, set()] if size else all(report.verdict != "proved" for report in reports)


LATER = "AICORE inline void later(int &k, int64_t n, __gm__ float *x) {\n%s\nk++;\n}\n"


@pytest.mark.parametrize(
    "leaves",
    [
        "if (n < 3) { return; }",
        "if (n > 2) { k += 2; } else { return; }",
        "for (int i = 0; i < n; i++) { if (x[i] > 0.0f) { return; } }",
        "if (n < 3) { if (n > 0) { k = 0; } return; }",
    ],
)
def test_what_stands_behind_an_early_return_is_not_done_where_it_returns(leaves: str) -> None:
    body = "Row a;\nTASSIGN(a, 0x0);\nLine g(x);\nint k = 0;\nlater(k, n, x + 4096);\nTLOAD(a, g);\n"
    head, use = HEAD + LATER % leaves, f"TADDS(a, a, 1.0f);\n{LAST}"
    assert rules(f"{body}if (k == 0) {use}", head) == ["RAW001", "WAW001"]
    assert rules(f"{body}if (k != 0) {use}", head) == ["RAW001", "WAW001"]
    assert rules(f"{body}if (k < 0) {use}", head) == []


@pytest.mark.parametrize(
    "call",
    [
        "set(k);",
        "set((k));",
        "int *at = &k;\nset((*at));",
        "auto to = [](int &held) { held = 3; };\nto(k);",
        "auto to = [&](int &held, int more) { held += more; };\nto((k), 3);",
        "Setter to;\nto(k);",
        "[](int &held) { held = 3; }(k);",
        "bound(k, [](int &held) { held = 3; });",
    ],
)
def test_what_a_reference_is_given_is_set_for_the_caller(call: str) -> None:
    head = HEAD + (
        "AICORE inline void set(int &held) { held = 3; }\n"
        "struct Setter { AICORE void operator()(int &held) { held = 3; } };\n"
        "template <typename F> AICORE inline void bound(int &held, F f) { f(held); }\n"
    )
    body = f"Row a;\nTASSIGN(a, 0x0);\nLine g(x);\nint k = 0;\n{call}\nTLOAD(a, g);\n"
    assert rules(f"{body}if (k == 3) TADDS(a, a, 1.0f);\n{LAST}", head) == ["RAW001", "WAW001"]
    assert rules(f"{body}if (k == 0) TADDS(a, a, 1.0f);\n{LAST}", head) == []


@pytest.mark.parametrize("given", ["k += 1", "(k, m)", "++k"])
def test_a_step_that_a_reference_is_given_is_a_gap(given: str) -> None:
    head = HEAD + "AICORE inline void set(int &held) { held = 3; }\n"
    assert rules(
        f"int k = 0, m = 1;\nset({given});\nif (k == 3) wait_flag(PIPE_V, PIPE_S, EVENT_ID0);\n{LAST}", head
    ) == ["SYN001"]


HOLDERS = """struct S { int k; AICORE int &pick() { return k; } };
struct R { int &r; AICORE R(int &held) : r(held) {} };
AICORE inline int &choose(int &a, int &b, bool c) { return c ? a : b; }
AICORE inline void set(int &held) { held = 3; }
template <typename... A> AICORE inline void all(A &...held) { ((held = 3), ...); }
"""


@pytest.mark.parametrize(
    "call",
    [
        "R r(k);\nr.r = 3;",
        "S s;\ns.k = 0;\ns.pick() = 3;\nk = s.k;",
        "S s;\ns.k = 0;\ns.pick()++;\ns.pick() += 2;\nk = s.k;",
        "S s;\ns.k = 0;\nint &to = s.pick();\nto = 3;\nk = s.k;",
        "S s;\ns.k = 0;\nset(s.pick());\nk = s.k;",
        "int m = 0;\nchoose(k, m, true) = 3;",
        "auto to = [&]() -> int & { return k; };\nto() = 3;",
        "int m;\nall(m, k);",
        "int m = 3;\n__builtin_memcpy(&k, &m, 4);",
        "read_register(&k);",
    ],
)
def test_a_number_that_is_set_through_what_a_call_names_is_not_taken_to_stay(call: str) -> None:
    body = f"Row a;\nTASSIGN(a, 0x0);\nLine g(x);\nint k = 0;\n{call}\nTLOAD(a, g);\nif (k == 3) TADDS(a, a, 1.0f);\n"
    report = checked(body + LAST, HEAD + HOLDERS)
    assert report.verdict != "proved"
    assert {f.rule for f in report.findings if f.severity == "error"} & {"RAW001", "SYN001"}
