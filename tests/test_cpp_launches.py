"""Kernels that the host launches: which of them are followed, and that none is left out unsaid."""

from __future__ import annotations

from test_cpp import HEAD

from syncheck.check import Settings, check_cpp
from syncheck.finding import FileReport
from syncheck.machine import load

KERNEL = """template <typename T, int kRows> __global__ AICORE void NAME(__gm__ T *x) {
    Tile<TileType::Vec, T, kRows, 64> t;
    TASSIGN(t, 0x0);
    GlobalTensor<T, Shape<1, 1, 1, kRows, 64>, Stride<1, 1, 1, 64, 1>> g(x);
    TLOAD(t, g);
    TADDS(t, t, 1.0f);
    pipe_barrier(PIPE_ALL);
}
"""


def checked(text: str) -> FileReport:
    return check_cpp(HEAD + text, "k.cpp", Settings(load("a2a3"), timed=False), lambda name, includer: None)


def errors(report: FileReport) -> list[str]:
    return sorted({f.rule for f in report.findings if f.severity == "error"})


def test_a_launch_that_a_macro_makes() -> None:
    macro = (
        'extern "C" __global__ AICORE void run_##N(__gm__ T *x) { work<T, ROWS>(x); } '
        "void launch_##N(T *x, void *stream) { run_##N<<<1, nullptr, stream>>>(x); }"
    )
    work = KERNEL.replace("__global__ AICORE void NAME", "AICORE void work")
    report = checked(f"{work}#define ONE(N, T, ROWS) {macro}\nONE(a, float, 8)\nONE(b, half, 16)\n")
    assert errors(report) == ["RAW001", "WAW001"]
    assert report.coverage[0] == "entry points: launch_a, launch_b"


def test_a_launch_behind_templates_and_callbacks_of_the_host() -> None:
    host = """template <typename T, int kRows> bool go(T *x) {
    if (!x) return false;
    run<T, kRows><<<1, nullptr, 0>>>(x);
}
template <typename T> bool all(T *x, int n) {
    for (int i = 0; i < n; ++i) { if (!go<T, 8>(x)) return false; }
    return go<T, 16>(x);
}
bool start(int n) { return fork_each(n, [&](int rank) { return all<float>(nullptr, n); }); }
"""
    report = checked(KERNEL.replace("NAME", "run") + host)
    assert errors(report) == ["RAW001", "WAW001"]
    assert report.coverage[0] == "entry points: start"
    assert "(run 4)" in report.coverage[1] or "run 4" in report.coverage[1]  # two launches, two core types


def test_of_two_kernels_of_a_name_the_one_that_takes_the_template_arguments() -> None:
    other = KERNEL.replace("typename T, int", "typename T, typename U, int").replace("NAME", "run")
    host = "void start(float *x) { run<float, half, 8><<<1, nullptr, 0>>>(x); }\n"
    report = checked(KERNEL.replace("NAME", "run") + other + host)
    assert {f.primary.span.line for f in report.findings if f.severity == "error"} == {HEAD.count("\n") + 8 + 6}


def test_a_kernel_whose_template_arguments_nothing_tells_is_a_gap() -> None:
    alone = checked(KERNEL.replace("NAME", "run"))
    assert (errors(alone), alone.verdict) == (["SYN001"], "unreadable")
    plain = 'extern "C" __global__ AICORE void second(__gm__ float *x) { pipe_barrier(PIPE_ALL); }\n'
    host = "void start(float *x) { second<<<1, nullptr, 0>>>(x); }\n"
    beside = checked(KERNEL.replace("NAME", "run") + plain + host)
    assert (errors(beside), beside.verdict) == (["SYN001"], "bounded")
    told = checked(KERNEL.replace("NAME", "run") + "template void run<float, 8>(__gm__ float *x);\n")
    assert errors(told) == ["RAW001", "WAW001"]


def test_a_kernel_that_no_launch_here_names_is_followed_all_the_same() -> None:
    first = 'extern "C" __global__ AICORE void first(__gm__ float *x) { pipe_barrier(PIPE_ALL); }\n'
    second = KERNEL.replace("template <typename T, int kRows> ", 'extern "C" ').replace("NAME", "second")
    second = second.replace("T *x", "float *x").replace("<T,", "<float,").replace("Vec, T", "Vec, float")
    report = checked(first + second.replace("kRows", "8") + "void start(float *x) { first<<<1, nullptr, 0>>>(x); }\n")
    assert errors(report) == ["RAW001", "WAW001"]


GIVEN = """struct Inner { int widths[2]; float scale; };
struct Given { uint32_t count; int depth = 2; Inner inner; __gm__ float *from; };
extern "C" __global__ AICORE void kernel_entry(__gm__ float *x, Given given) {
    Tile<TileType::Vec, float, 1, 64> t;
    TASSIGN(t, 0x0);
    GlobalTensor<float, Shape<1, 1, 1, 1, 64>, Stride<64, 64, 64, 64, 1>> g(given.from);
    TLOAD(t, g);
    if (CONDITION) { TADDS(t, t, 1.0f); }
    pipe_barrier(PIPE_ALL);
}
"""


def test_the_host_sets_all_members_of_what_it_gives_whatever_they_begin_with() -> None:
    for condition in ("given.depth == 3", "given.inner.widths[1] > 4", "given.inner.scale < 0.5f", "given.count == 0"):
        assert errors(checked(GIVEN.replace("CONDITION", condition))) == ["RAW001", "WAW001"], condition
    assert errors(checked(GIVEN.replace("CONDITION", "given.count < 0"))) == []
    assert errors(checked(GIVEN.replace("CONDITION", "given.depth > given.depth"))) == []
