"""C++ that is easily misread: each kernel here reaches a race, or says a gap where it does; none may pass for clean.

`RACE` stands for a load that nothing waits for before it is used, `SET` and `WAIT` for the two halves of a flag.
"""

from __future__ import annotations

import pytest

from syncheck.check import Find, Settings, check_cpp
from syncheck.finding import FileReport
from syncheck.machine import load

HEAD = """#include <pto/pto-inst.hpp>
using namespace pto;
using Row = Tile<TileType::Vec, float, 1, 64, BLayout::RowMajor, 1, 64>;
using Line = GlobalTensor<float, Shape<1, 1, 1, 1, 64>, Stride<64, 64, 64, 64, 1>>;
struct Header { int k; __gm__ int32_t *p; };
"""
ARGUMENTS = (
    "__gm__ float *x, __gm__ float *y, __gm__ int32_t *p, __gm__ volatile int32_t *v, __gm__ Header *h, int64_t n"
)
START = "Row a; TASSIGN(a, 0x0); Row b; TASSIGN(b, 0x100); Line g(x);\n"
WORDS = {
    "RACE": "TLOAD(a, g); TADDS(a, a, 1.0f);",
    "SET": "set_flag(PIPE_MTE2, PIPE_V, EVENT_ID0)",
    "WAIT": "wait_flag(PIPE_MTE2, PIPE_V, EVENT_ID0)",
}


def nowhere(name: str, includer: str) -> tuple[str, str] | None:
    return None


def checked(head: str, body: str, doubt: tuple[str, ...] = (), find: Find = nowhere) -> FileReport:
    entry = f'extern "C" __global__ AICORE void kernel_entry({ARGUMENTS})'
    text = f"{HEAD}{head}\n{entry} {{\n{START}{body}\npipe_barrier(PIPE_ALL);\n}}\n"
    for word, meant in WORDS.items():
        text = text.replace(word, meant)
    return check_cpp(text, "k.cpp", Settings(load("a2a3"), timed=False, doubt=doubt), find)


GO = "{ RACE }"
TAKES = "Row &a, Line &g"

FOLLOWED = {
    # where a side is evaluated, and how often
    "a ternary does one of its sides": (
        "", "TLOAD(a, g); n > 3 ? SET : (void)0; n > 3 ? WAIT : (void)0; TADDS(a, a, 1.0f);"),
    "a ternary assigns on one of its sides": ("", "int k = 0; n > 3 ? (k = 1) : (k = 2); if (k == 1) { RACE }"),
    "&& evaluates its right side under the left": (
        "AICORE bool f() { SET; WAIT; return true; }", "TLOAD(a, g); if (n > 3 && f()) {} TADDS(a, a, 1.0f);"),
    "|| evaluates its right side against the left": (
        "AICORE bool f() { SET; WAIT; return true; }", "TLOAD(a, g); bool k = n > 3 || f(); TADDS(a, a, 1.0f);"),
    "two unknown conditions are two values": ("", "auto u = odd<3>::k; auto w = odd<4>::k; if (u && !w) { RACE }"),
    "two comparisons of floats are two values": ("", "if (x[0] > 1.0f && !(x[1] > 1.0f)) { RACE }"),
    "two comparisons of pointers are two values": ("", "if (p == v) {} else if (p == y) { RACE }"),
    "a label stands before a statement": ("", "again: RACE"),
    "both ends of a loop's branch": ("", "while (true) { if (n > 3) return; else break; } RACE"),
    # loops
    "a loop changes its counter": ("", "int m = 0; for (int i = 0; i < n; i++) { i += 1; if (i == 3) { RACE } }"),
    "continue goes through the update": (
        "", "int k = 0; for (int i = 0; i < n; i++, k ^= 1) { if (i == 0) continue; if (k == 1) { RACE } }"),
    "do tests behind its body": ("", "int k = 0; do { if (k == 3) { RACE } } while (++k < n);"),
    "do is entered whatever its test is before": ("", "int k = 0; do { if (k == 2) { RACE } k++; } while (k < 3);"),
    "a bound that the turn changes": (
        "", "int m = 1; for (int i = 0; i < m; i++) { if (i == 2) { RACE } if (i < 2) { m = 3; } }"),
    "a test that counts": ("", "int k = 0; while (k++ < n) { if (k == 3) { RACE } }"),
    "a range loop ends with break": (
        "", "int ids[2] = {0, 1}; int k = 0; for (auto i : ids) { k += 1; break; } if (k == 1) { RACE }"),
    "a range loop copies": ("", "int ids[2] = {0, 1}; for (auto i : ids) { i = 5; } if (ids[1] == 1) { RACE }"),
    # names and objects
    "a capture by value keeps its value": (
        "", "int k = 0; auto f = [k]() { return k; }; k = 1; if (f() == 0) { RACE }"),
    "a default capture by value": ("", "int k = 0; auto f = [=]() { return k; }; k = 1; if (f() == 0) { RACE }"),
    "a capture with a value of its own": (
        "", "int k = 0; auto f = [j = k + 2]() { return j; }; if (f() == 2) { RACE }"),
    "a capture by reference": ("", "int k = 0; auto f = [&k]() { return k; }; k = 1; if (f() == 1) { RACE }"),
    "a member hides a variable of the file": (
        f"constexpr int k = 0; struct S {{ int k; AICORE void go({TAKES}) {{ if (k == 1) {GO} }} }};", "S s; "
            "s.k = 1; s.go(a, g);"),
    "a variable of a namespace": ("namespace ns { int k = 0; }", "ns::k = 1; if (ns::k == 1) { RACE }"),
    "an object chosen by the turn": (
        f"struct S {{ AICORE void go({TAKES}) {GO} }};", "S s[2]; for (int i = 0; i < n; "
            "i++) { s[i % 2].go(a, g); }"),
    "auto of an address points": ("", "auto q = &b; TASSIGN(*q, 0x0); TLOAD(a, g); TADDS(b, b, 1.0f);"),
    "assignment between structs copies": (
        "struct S { Row t; };", "S r; S q; TASSIGN(r.t, 0x0); q = r; TASSIGN(r.t, 0x100); TLOAD(q.t, g); "
            "TADDS(a, a, 1.0f);"),
    "swapped tiles": ("", "std::swap(a, b); TLOAD(a, g); Row c; TASSIGN(c, 0x100); TADDS(c, c, 1.0f);"),
    "parts of what a call returns": (
        f"struct P {{ int j; int k; }}; AICORE P two({TAKES}) {{ RACE return P{{1, 2}}; "
            f"}}", "auto [j, k] = two(a, g);"),
    "a fold over a pack": (
        "template <typename... T> AICORE void both(T&... t) { (TADDS(t, t, 1.0f), ...); }", "TLOAD(a, g); "
        "both(b, a);"),
    "an operator of the text": (f"struct S {{ AICORE void operator()({TAKES}) {GO} }};", "S s; s(a, g);"),
    "the constructor of a base": (
        f"struct B {{ AICORE B({TAKES}) {GO} }}; struct D : B {{ AICORE D({TAKES}) : B(a, g) {{ }} "
        f"}};", "D d(a, g);"),
    "what a function returns has its type": ("AICORE uint8_t f() { return 300; }", "if (f() == 44) { RACE }"),
    "a number that is cast to bool": (
        "", "bool s = n % 4; TASSIGN(b, 0x100 - s * 0x100); TLOAD(a, g); if (n % 4 == 2) { TADDS(b, b, 1.0f); }"),
    "an unsigned remainder below zero": (
        "", "for (uint32_t i = 0; i < n; i++) { TASSIGN(a, ((i - 1) % 2) * 0x100); TLOAD(a, g); "
            "TADDS(b, b, 1.0f); }"),
    "unsigned numbers below zero are large": (
        "", "for (uint32_t i = 0; i < 3; i++) { if (i - 1 > 5) { RACE } }"),
    "a negative number compared with an unsigned one": ("", "int k = -1; uint32_t u = 1; if (k > u) { RACE }"),
    "a cast that reads like a call": (
        "", "set_flag(PIPE_MTE2, PIPE_V, (event_t)(n - n)); WAIT; TLOAD(a, g); TADDS(a, a, 1.0f);"),
    "cases fall through": ("", "switch (n) { case 1: TLOAD(a, g); case 2: TADDS(a, a, 1.0f); break; default: break; }"),
    # memory
    "a store through one of two pointers": (
        "", "__gm__ float *q = n > 3 ? x : y; q[0] = 1.0f; Line l(y); TLOAD(a, l);"),
    "a pointer kept as a number counts bytes": (
        "", "uint64_t q = (uint64_t)x + 256; Row c; TASSIGN(c, 0x200); Line l((__gm__ float *)q); TSTORE(l, c); "
            "Line m(x + 64); TLOAD(b, m);"),
    "a store into a structure": ("", "if (h->k == 0) { h->k = 1; if (h->k == 1) { RACE } }"),
    "a store through a reference": (
        "", "__gm__ int32_t &r = p[0]; if (p[0] == 0) { r = 1; if (p[0] == 1) { RACE } }"),
    "a store through a parameter": (
        "AICORE void one(__gm__ int32_t &r) { r = 1; }", "if (p[0] == 0) { one(p[0]); if (p[0] == 1) { RACE } }"),
}  # fmt: skip


@pytest.mark.parametrize("name", FOLLOWED)
def test_what_happens_is_followed(name: str) -> None:
    report = checked(*FOLLOWED[name])
    assert {"RAW001", "WAR001"} & {finding.rule for finding in report.findings}, report.reason
    assert "SYN001" not in {finding.rule for finding in report.findings}


GAPS = {
    "goto": ("", "again: TLOAD(a, g); if (n) goto again;"),
    "assembly": ("", 'TLOAD(a, g); asm volatile("st.b"); SET; WAIT; TADDS(a, a, 1.0f);'),
    "a specialisation for pointers": (
        "template <typename T> struct F { static constexpr int v = 0; }; "
            "template <typename T> struct F<T*> { static constexpr int v = 1; };",
        "if (F<int*>::v == 1) { RACE }"),
    "enable_if": (
        f"template <int N, std::enable_if_t<odd_v<N>, int> = 0> AICORE void go({TAKES}) {{ }}"
        f"template <int N, std::enable_if_t<!odd_v<N>, int> = 0> AICORE void go({TAKES}) {GO}", "go<4>(a, g);"),
    "a destructor": (
        "struct G { AICORE ~G() { WAIT; } };", "TLOAD(a, g); SET; { G one; if (n) return; } TADDS(a, a, 1.0f);"),
    "a lambda given to something unknown": ("", "auto r = apply(3, [&]() { RACE });"),
    "a method of something unknown": ("", "auto z = make(3); z.go();"),
    "an operand that is not known": ("", "TLOAD(a, g); auto z = make(3)->tile; TADDS(b, z, 1.0f);"),
    "tiles that change places from turn to turn": (
        "", "Row *q = &a; Row *r = &b; for (int i = 0; i < n; i++) { TLOAD(*q, g); Row *t = q; q = r; r = t; }"),
    "a scalar load from nobody knows where": (
        "", "TLOAD(a, g); __ubuf__ float *u = (__ubuf__ float *)0; float w = u[n];"),
    "a pointer to a function": (f"AICORE void go({TAKES}) {GO}", "void (*f)(Row &, Line &) = pick(go); f(a, g);"),
}  # fmt: skip


@pytest.mark.parametrize("name", GAPS)
def test_what_is_not_followed_is_a_gap(name: str) -> None:
    report = checked(*GAPS[name])
    assert "SYN001" in {finding.rule for finding in report.findings}
    assert report.verdict == "bounded"


@pytest.mark.parametrize(("number", "verdict"), [(2, "proved"), (4, "refuted")])
def test_the_function_is_meant_whose_condition_holds(number: int, verdict: str) -> None:
    both = (
        f"template <int N, std::enable_if_t<(N < 3), int> = 0> AICORE void go({TAKES}) {{ }}"
        f"template <int N, std::enable_if_t<(N >= 3), int> = 0> AICORE void go({TAKES}) {GO}"
    )
    assert checked(both, f"go<{number}>(a, g);").verdict == verdict


TWICE = "if ({0} == 1) {{ if ({0} == 2) {{ RACE }} }}"


def test_a_destructor_runs_where_its_block_ends() -> None:
    head = "struct G { AICORE ~G() { WAIT; } };"
    assert checked(head, "TLOAD(a, g); SET; { G one; } TADDS(a, a, 1.0f);").verdict == "proved"
    late = checked(head, "TLOAD(a, g); SET; { G one; TADDS(a, a, 1.0f); }")
    assert "RAW001" in {finding.rule for finding in late.findings}


VOLATILE = {
    "an alias": ("using V = volatile int32_t;", "auto q = (__gm__ V *)p;" + TWICE.format("q[0]")),
    "a typedef": ("typedef volatile int32_t V;", "__gm__ V *q = (__gm__ V *)p;" + TWICE.format("*q")),
    "a typedef of the pointer": ("typedef __gm__ volatile int32_t *Q;", "Q q = (Q)p;" + TWICE.format("*q")),
    "a field": ("struct S { __gm__ volatile int32_t *q; };", "S s; s.q = p;" + TWICE.format("*s.q")),
    "what a function returns": (
        "AICORE __gm__ volatile int32_t *f(__gm__ int32_t *q) { return q; }", TWICE.format("*f(p)")),
    "a template argument": (
        "template <typename T> AICORE int rd(__gm__ T *q) { return *q; }", TWICE.format("rd<volatile int32_t>(p)")),
    "a reference": ("", "__gm__ volatile int32_t &r = *p;" + TWICE.format("r")),
    "auto &": ("", "auto &r = v[1];" + TWICE.format("r")),
    "a member": ("struct M { volatile int k; };", "__gm__ M *q = (__gm__ M *)p;" + TWICE.format("q->k")),
    "the structure around": ("", "volatile __gm__ Header *q = h;" + TWICE.format("q->k")),
    "a cast": ("#define READ(p) (*reinterpret_cast<volatile __gm__ int32_t *>(p))", TWICE.format("READ(p)")),
    "a pointer read again": (
        "", "auto q = h->p; if (*q == 0) { h->p = p; auto r = h->p; if (*r == 1) { RACE } }"),
}  # fmt: skip


@pytest.mark.parametrize("name", VOLATILE)
def test_each_read_of_volatile_memory_is_another(name: str) -> None:
    assert "RAW001" in {finding.rule for finding in checked(*VOLATILE[name]).findings}


POLLED = {
    "while": "int k = *p; while (*p != 1) { } if (k == 0 && *p == 1) { RACE }",
    "break": "while (true) { if (*p == 1) break; pipe_barrier(PIPE_V); } if (*p == 0) { RACE }",
    "do": "do { pipe_barrier(PIPE_V); } while (*p == 0); if (*p == 0) { RACE }",
    "a variable": "bool done = false; while (!done) { done = *p == 1; } if (*p == 0) { RACE }",
    "a float": "int k = x[3] < 1.0f; while (x[3] < 1.0f) { } if (k && x[3] > 1.0f) { RACE }",
    "some tries": "for (int i = 0; i < 1000; i++) { if (*p == 1) break; } if (*p == 0) { RACE }",
    "a call": "while (!ready(p)) { } if (*p == 0) { RACE }",
}


@pytest.mark.parametrize("name", POLLED)
def test_what_a_loop_waits_for_is_read_anew(name: str) -> None:
    report = checked("AICORE bool ready(__gm__ int32_t *q) { return *q == 1; }", POLLED[name])
    assert "RAW001" in {finding.rule for finding in report.findings}


def test_a_loop_up_to_what_memory_says_reads_it_once() -> None:
    body = "for (int i = 0; i < *p; i++) { pipe_barrier(PIPE_V); } if (*p == 0 && *p == 1) { RACE }"
    assert checked("", body).verdict == "proved"


def test_the_lanes_read_memory_that_changes_each_for_itself() -> None:
    body = (
        "auto i = get_subblockid(); Row c; TASSIGN(c, 0x0); if ({}) {{ Line l(y + i * 64); TLOAD(c, l); }} "
        "else {{ Line l(y); TSTORE(l, c); }}"
    )
    shared = checked("", body.format("p[0] == 1"))
    each = checked("", body.format("v[0] == 1"))
    rules = [{one.rule for one in found.findings if one.severity == "error"} for found in (each, shared)]
    assert rules[0] > rules[1]


ASSUMED = {
    "apart": "Line l(y); SET; WAIT; TLOAD(a, g); set_flag(PIPE_MTE2, PIPE_S, 0); "
        "wait_flag(PIPE_MTE2, PIPE_S, 0); TSTORE(l, b);",
    "rows": "for (int i = 0; i < n; i++) { Line l(x + i * n); TSTORE(l, b); }",
    "sizes": "GlobalTensor<float, Shape<1, 1, 1, 1, DYNAMIC>, Stride<64, 64, 64, 64, 1>> l(x, Shape<1, 1, 1, 1, "
        "DYNAMIC>(n)); TSTORE(l, b); Line m(x + 64); TLOAD(a, m);",
    "fixed": "if (*p == 1) { if (*p == 2) { RACE } }",
    "calls": "Guard guard; int64_t k = make(3)->size(); if (k == 1) { TLOAD(a, g); }",
    "ranks": "pto::comm::Signal s((__gm__ int32_t *)p); TNOTIFY(s, 1, pto::comm::NotifyOp::Set);",
    "wraps": "uint8_t k = n - 1; if (n == 0 && k == 255) { RACE }",
}  # fmt: skip


@pytest.mark.parametrize("kind", ASSUMED)
def test_what_a_proof_rests_on_is_said_and_can_be_doubted(kind: str) -> None:
    report = checked("", ASSUMED[kind])
    assert report.verdict == "proved", report.reason
    mine = [one for one in report.assumed if one.kind == kind]
    assert mine
    assert mine[0].span.line >= HEAD.count("\n")
    doubted = checked("", ASSUMED[kind], (kind,))
    assert not [one for one in doubted.assumed if one.kind == kind]
    assert doubted.verdict != "proved" or kind == "apart"


def test_a_header_without_a_guard_is_read_each_time() -> None:
    texts = {
        "again.inc": "TLOAD(TILE, g);\n",
        "once.h": "#pragma once\nAICORE inline int one() { return 1; }\n",
        "guarded.h": "#ifndef GUARDED_H\n#define GUARDED_H\nAICORE inline int two() { return 2; }\n#endif\n",
    }
    body = '#define TILE b\n#include "again.inc"\n#undef TILE\n#define TILE a\n#include "again.inc"\nTADDS(a, a, 1.0f);'
    head = '#include "once.h"\n#include "once.h"\n#include "guarded.h"\n#include "guarded.h"\n'
    found = checked(head, body, find=lambda name, _: (name, texts[name]) if name in texts else None)
    assert "RAW001" in {finding.rule for finding in found.findings}


def test_a_condition_that_one_unknown_decides_is_one_answer() -> None:
    turn = "TLOAD(a, g); set_flag(PIPE_MTE2, PIPE_V, 0); wait_flag(PIPE_MTE2, PIPE_V, 0); TADDS(a, a, 1.0f);"
    back = " set_flag(PIPE_V, PIPE_MTE2, 0); wait_flag(PIPE_V, PIPE_MTE2, 0);"
    many = (
        "for (int i = 0; i < n; i++) {{ if (p[4 * i] - 3 * *p == n) {{ {0} }} if (n > p[4 * i + 1] + *p) {{ {0} }} }}"
    )
    clean = checked("", many.format(turn + back))
    assert clean.verdict == "proved"
    assert "RAW001" in {one.rule for one in checked("", many.format(turn.replace("wait_flag", "set_flag"))).findings}
    twice = "for (int i = 0; i < n; i++) { if (p[i] < n - 7) { SET; } if (p[i] >= n - 7) { SET; } WAIT; }"
    assert "FLG001" not in {one.rule for one in checked("", twice).findings}, "the two tests are opposites"
    other = "for (int i = 0; i < n; i++) { if (p[i] < n - 7) { SET; } if (p[i] >= n - 6) { SET; } WAIT; }"
    assert checked("", other).verdict != "proved", "of p[i] = n - 7 neither is true"


NAMES = {
    # what has no race is `proved`; these have one, or are gaps
    "an operand that the text does not define": ("", "TADDS(b, mystery, 1.0f);"),
    "an operand in capitals that the text does not define": ("", "TLOAD(a, g); TADDS(b, WORK_TILE, 1.0f);"),
    "a number in the place of a tile": ("", "TADDS(b, 3, 1.0f);"),
    "two constants that the text does not define": ("", "if (MODE == MODE_FAST) { RACE }"),
    "a case that the text does not define": ("", "switch (MODE) { case SLOW_MODE: break; case MODE_1: RACE break; }"),
    "enumerators that the text does not define": ("", "if (Config::kMode == Config::kFast) { RACE }"),
    "a word too many": ("", "TLOAD(a, g); SET later; WAIT; TADDS(a, a, 1.0f);"),
    "a store through an unknown pointer": ("", "int k = 0; S *q = pick(); q->k = 1; if (k == 0) {}"),
    "a store through a pointer that moves": ("", "int k[2] = {0, 0}; int *q = k; q++; *q = 1; if (k[1] == 1) { RACE }"),
    "a method that reads like a comparison": (
        f"struct S {{ template <int N> AICORE void go({TAKES}) {GO} }};", "S s; s.go<3>(a, g);"),
    "members of some bits": ("struct S { unsigned k : 3; };", "S s; s.k = 9; if (s.k == 1) { RACE }"),
    "overloads that nothing tells apart": (
        f"enum class A {{ x }}; enum class B {{ x }}; AICORE void go(A, {TAKES}) {{ }} AICORE void go(B, {TAKES}) {GO}",
        "go(B::x, a, g);"),
    "an argument with a side effect": (
        "AICORE void one(int &k) { k = 1; }", "int k[3] = {0, 0, 0}; int i = 0; one(k[i++]); if (i == 1) { RACE }"),
    "a null pointer into UB": ("", "__ubuf__ float *q = nullptr; if (!q) { RACE }"),
    "a null pointer": ("", "int *q = nullptr; if (q == nullptr) { RACE }"),
    "a loop that is left before it returns": ("", "while (true) { if (n > 3) break; return; } RACE"),
    "a loop that counts away from its bound": (
        "", "for (int i = 5; i < 8; i--) { if (i == 3) { RACE } if (i == 0) break; }"),
    "one of several tiles that nobody knows": (
        "", "Row t[2]; TASSIGN(t[0], 0x200); TASSIGN(t[1], 0x0); TLOAD(a, g); TADDS(b, t[n & 1], 1.0f);"),
    "a variable of a condition": (f"AICORE int go({TAKES}) {{ RACE return 1; }}", "if (int k = go(a, g)) {}"),
    "a variable before a condition": ("", "if (int k = n + 1; k == 3) { RACE }"),
    "a variable before a switch": ("", "switch (int k = n + 1; k) { case 3: { RACE } }"),
    "characters": ("", r"if ('\n' == 10 && '\x41' == 65 && '\0' == 0) { RACE }"),
    "members begin in the order of the class": (
        "struct S { int k = 3; int j = k; AICORE S(int x) : k(x) { } };", "S s(4); if (s.j == 4) { RACE }"),
    "a template takes what it is given": (
        "AICORE int f(int x) { return 1; } template <typename T> AICORE int f(T x) { return 2; }",
        "if (f(1.0f) == 2) { RACE }"),
    "both sides of a choice have one type": ("", "auto k = n > 0 ? -1 : 1u; if (k > 5) { RACE }"),
    "what a lambda returns has its type": (
        "", "auto f = [](int x) -> uint8_t { return x; }; if (f(258) == 2) { RACE }"),
    "a copied lambda has its own variables": (
        "", "int k = 0; auto f = [=]() mutable { return ++k; }; auto h = f; f(); if (h() == 1) { RACE }"),
    "members that share their bytes": (
        "union U { int i; unsigned u; };", "U w; w.u = 1; w.i = -1; if (w.u > 5) { RACE }"),
    "a short counter begins again": ("", "uint8_t k = 250; for (int i = 0; i < 9; i++) { k++; if (k == 1) { RACE } }"),
    "a short counter of a loop begins again": (
        "", "int k = 0; for (uint8_t i = 250; i > 5; i++) { k++; } if (k == 6) { RACE }"),
    "a type that the text does not define is given a tile": ("", "Guard guard(a);"),
    "a number becomes an object": (
        "struct S { AICORE S(int k) { WAIT; } }; AICORE void f(S s) { }", "f(3);"),
    "a list becomes an object": (
        "struct S { AICORE S(int k) { WAIT; } }; AICORE void f(S s) { }", "f({3});"),
    "an object is copied": (
        "struct S { AICORE S() { } AICORE S(const S &o) { WAIT; } };", "S s; S t = s;"),
    "an object is a condition": ("struct S { AICORE operator bool() { WAIT; return true; } };", "S s; if (s) { }"),
    "an object is a number": ("struct S { AICORE operator int() { WAIT; return 1; } };", "S s; int k = s;"),
    "a comma of an object": ("struct S { AICORE int operator,(S k) { WAIT; return 0; } };", "S s, t; s, t;"),
    "a pack that only a type tells": (
        "template <size_t... I> AICORE void f(std::index_sequence<I...>) { (wait_flag(PIPE_MTE2, PIPE_V, I), ...); }",
        "f(std::make_index_sequence<3>{});"),
    "types of a pack": (
        "template <typename T> AICORE int one() { WAIT; return 0; } "
        "template <typename... T> AICORE void f(T... t) { (one<T>(), ...); }", "f(1, 2);"),
    "a loop that counts down ends": ("", "for (int i = 3; i > 0; --i) { pipe_barrier(PIPE_V); } RACE"),
    "members that are declared together": ("struct S { int j = 0, k = 1; };", "S s; if (s.k == 1) { RACE }"),
    "static members that are declared together": (
        "struct S { static constexpr int j = 0, k = 1; };", "if (S::k == 1) { RACE }"),
    "a side that is not taken has a type": ("", "auto k = true ? -1 : 1u; if (k > 5) { RACE }"),
    "a tile somewhere at multiples of a tile": (
        "", "Row c; TASSIGN(c, n * 0x100); TLOAD(b, g); TADDS(c, c, 1.0f);"),
    "what becomes unsigned may be negative": ("", "auto k = (uint32_t)p[2]; if (p[2] < 0) { RACE }"),
    "an argument becomes unsigned": (
        f"AICORE void go(uint32_t k, __gm__ int32_t *p, {TAKES}) {{ if (p[2] < 0) {GO} }}", "go(p[2], p, a, g);"),
    "a negative number is a large unsigned one": ("", "if ((uint64_t)p[1] > 5 && p[1] < 0) { RACE }"),
    "the bits of an unsigned number": ("", "uint32_t u = p[0]; if (~u > 5 && -u > 7) { RACE }"),
    "a variable and what it was set to have one name": (
        "", "int k = 0; for (int i = 0; i < n; i++) { k += p[i]; if (k == 3) { RACE } }"),
    "a quotient by something negative": ("", "uint32_t u = p[0]; int64_t k = u / n; if (k < 0) { RACE }"),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_what_is_easily_misread_is_no_proof(name: str) -> None:
    report = checked(*NAMES[name])
    assert report.verdict in ("refuted", "bounded"), name
    assert {"RAW001", "FLG001", "SYN001"} & {finding.rule for finding in report.findings}
