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
