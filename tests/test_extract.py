"""`syncheck extract`: a kernel as a script, written once and for all the same."""

from __future__ import annotations

from pathlib import Path

from test_cli import CLEAN, RACE, Run, here, run

__all__ = ["here", "run"]


def test_a_script_in_its_plain_form(run: Run, here: Path) -> None:
    code, out, err = run("extract", "race.sync")
    assert (code, err) == (0, "")
    assert out == (
        "machine a2a3;\n\ncore AIV0 {\n    instr ld on PIPE_MTE2 writes UB[0:64];\n"
        "    instr vadd on PIPE_V reads UB[0:64] writes UB[64:128];\n}\n"
    )
    (here / "plain.sync").write_text(out)
    assert run("extract", "plain.sync") == (0, out, "")
    assert run("check", "plain.sync")[0] == 1


def test_lines_of_another_file_stay(run: Run, here: Path) -> None:
    (here / "moved.sync").write_text('#line 40 "kernel.cpp"\n' + CLEAN)
    code, out, _ = run("extract", "moved.sync", "--output", "out.sync")
    assert (code, out) == (0, "")
    assert '#line 41 "kernel.cpp"\ncore AIV0 {' in (here / "out.sync").read_text()


def test_standard_input_and_files_that_are_none(run: Run, here: Path) -> None:
    for arguments, said in (
        (("extract", "note.txt"), "neither a C++ kernel"),
        (("extract", "nowhere.sync"), "No such file"),
        (("extract", "race.sync", "-o", "./race.sync"), "that is the input"),
        (("extract",), "FILE"),
    ):
        code, out, err = run(*arguments)
        assert (code, out) == (2, "")
        assert said in err, err
        assert err.count("\n") == 1
    assert (here / "race.sync").read_text() == RACE


def test_gaps_are_said(run: Run, here: Path) -> None:
    (here / "gap.sync").write_text(CLEAN.replace("vadd on PIPE_V", "vadd on PIPE_X"))
    code, out, err = run("extract", "gap.sync")
    assert code == 1
    assert "syncheck: gap" in out
    assert "1 place was not understood" in err
    assert "gap.sync:6" in err
    (here / "out.sync").write_text(out)
    assert run("check", "out.sync", "--select", "SYN001")[0] == 1
    (here / "none.sync").write_text("machine a7;\n")
    code, out, err = run("extract", "none.sync")
    assert (code, out) == (2, "")
    assert "none.sync:1" in err


KERNELS = Path(__file__).resolve().parent.parent / "fixtures" / "kernels"
TWO = """#include <pto/pto-inst.hpp>
#ifndef LATER
#define LATER 64
#endif
using namespace pto;
using Row = Tile<TileType::Vec, float, 1, 64, BLayout::RowMajor, 1, 64>;
template <int AT> AICORE void twice(int n) {
    Row a;
    TASSIGN(a, AT);
    for (int i = 0; i < n; i++) { TADDS(a, a, 1.0f); pipe_barrier(PIPE_V); }
}
extern "C" __global__ AICORE void one(int n) { twice<0>(n); }
extern "C" __global__ AICORE void other(int n) { twice<LATER>(n); }
"""


def test_a_kernel_as_a_script(run: Run, here: Path) -> None:
    code, out, err = run("extract", str(KERNELS / "softmax.cpp"))
    assert (code, err) == (0, "")
    assert out.startswith(f"// Extracted from {KERNELS / 'softmax.cpp'}\nmachine a2a3;\n")
    assert "def softmax_rows(" in out
    assert "tile scratch : UB fp32[16, 256] at 0x4000;" in out


def test_entry_points_and_definitions(run: Run, here: Path) -> None:
    (here / "two.cpp").write_text(TWO)
    for arguments, said in (
        ((), "two.cpp has 2 entry points: choose one with --entry (one, other)"),
        (("--entry", "othr"), "--entry othr: two.cpp has one, other; did you mean 'other'?"),
    ):
        code, out, err = run("extract", "two.cpp", "-D", "LATER=256", *arguments)
        assert (code, out, err) == (2, "", f"syncheck: {said}\n")
    code, out, err = run("extract", "two.cpp", "--entry", "other", "-D", "LATER=256", "-D", "n=4")
    assert (code, err) == (0, "")
    assert "// Extracted from two.cpp, other" in out
    assert "for (i = 0; i < 4; i++) {" in out
    assert "at 0x100;" in out
    (here / "none.cpp").write_text("int main() { return 0; }\n")
    assert run("extract", "none.cpp") == (2, "", "syncheck: none.cpp: no entry point that does anything on a pipe\n")


def test_parameters_of_a_script(run: Run, here: Path) -> None:
    (here / "loop.sync").write_text(
        "param n in 1..; param k[i] in 0..;\ncore AIV { for (i = 0; i < n; i++) { pipe_barrier(PIPE_V); } }\n"
    )
    assert "param n    in 2..8;" in run("extract", "loop.sync", "-D", "n=2..8")[1]
    assert "param n    = 2;" in run("extract", "loop.sync", "-D", "n=2")[1]
    assert run("extract", "loop.sync", "-D", "n=0")[0] == 2
    assert run("extract", "loop.sync", "-D", "k=[1,2]")[0] == 2


def test_a_kernel_is_asked_by_its_own_lines(run: Run, here: Path) -> None:
    kernel = str(KERNELS / "softmax.cpp")
    code, out, err = run("why", f"{kernel}:25", ":27")
    assert (code, err) == (0, "")
    assert out.startswith("TROWMAX at 25 is complete before TROWEXPANDSUB at 27 starts")
    code, out, err = run("why", f"{kernel}:1", ":27")
    assert (code, out) == (2, "")
    assert "no instruction at this line; nearest:" in err
    assert run("graph", kernel)[0] == 0
