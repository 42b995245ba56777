"""`syncheck run` as a user meets it: exit codes, the report, JSON, golden modules, and one line where it cannot run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from syncheck import cli_run
from syncheck.cli import main

ROOT = Path(__file__).resolve().parents[2]
PR708 = "fixtures/seeds/pr708.sync"
COPY = """
param n in 1..4;
unknown first;
unknown order[];
gm x : fp32[4, 32];
gm y : fp32[4, 32];
tile t : UB fp32[1, 32] at 0x0;
core AIV0 {
    for (i = 0; i < n; i++) {
        TLOAD(t, x[order[first + i]]);
        set_flag(PIPE_MTE2, PIPE_MTE3, 0); wait_flag(PIPE_MTE2, PIPE_MTE3, 0);
        TSTORE(y[i], t);
        %s
    }
}
"""
SAFE = "set_flag(PIPE_MTE3, PIPE_MTE2, 0); wait_flag(PIPE_MTE3, PIPE_MTE2, 0);"


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")


def run(*arguments: str | os.PathLike[str]) -> int:
    return main(["run", *map(str, arguments)])


def test_a_race_is_played_out_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(PR708, "--schedule", "witness") == 1
    shown = capsys.readouterr().out
    assert shown.startswith("WAR001  pijBf16 is overwritten while it is still being stored\n  with     hw = 0")
    assert "n_blocks = 2" in shown
    order = [shown.index(word) for word in ("  as issued", "  witness", "  stale", "  found", "  wanted")]
    assert order == sorted(order)
    assert "484 │     TPUSH(pij, pijBf16);" in shown
    assert f"{PR708}  wrong   1 of 2 runs   golden ± 0.002" in shown


def test_as_issued_it_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(PR708, "-D", "n_blocks=[2,1]", "-D", "total=2") == 0
    shown = capsys.readouterr().out
    assert "within 0.002 of golden" in shown
    assert "right   1 run   golden" in shown


def test_a_proved_kernel_has_nothing_to_play_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("fixtures/seeds/pr708_fixed_slots.sync", "--schedule", "witness", "-D", "n_blocks=1") == 0
    assert "not run" in capsys.readouterr().out


def test_json_says_who_read_what(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(PR708, "--schedule", "witness", "--format", "json") == 1
    case = json.loads(capsys.readouterr().out)["cases"][0]
    issued, witness = case["runs"]
    assert (case["finding"]["rule"], case["parameters"]["n_blocks"]) == ("WAR001", [2])
    assert not issued["wrong"]
    assert witness["wrong"]
    assert witness["parts"][0]["rows"] == [0, 7]
    stale = witness["stale"][0]
    assert [stale[who]["line"] for who in ("reader", "writer", "expected")] == [484, 475, 475]
    assert stale["writer"]["frames"][-1].endswith("i=1")
    assert stale["expected"]["frames"][-1].endswith("i=0")


def test_without_golden_the_issue_order_is_the_measure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "given.npz", order=np.array([9, 3, 2, 1, 0]), first=np.array(1))
    for text, code in ((COPY % "", 1), (COPY % SAFE, 0)):
        (tmp_path / "copy.sync").write_text(text)
        options = ("--inputs", tmp_path / "given.npz", "-D", "n=4", "--schedule", "adversarial", "--runs", "8")
        assert run(tmp_path / "copy.sync", *options) == code
        shown = capsys.readouterr().out
        assert "no golden: held against the issue order" in shown.replace("\n    ", "")
        assert ("y is wrong under" in shown) == bool(code)
        assert ("same bits as issued" in shown) or code


def test_a_golden_module_beside_the_script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "copy.sync").write_text(COPY % SAFE)
    (tmp_path / "copy.py").write_text(
        "import numpy as np\nTOLERANCE = 1e-6\n"
        "def inputs(pins, seed):\n"
        "    return {'x': np.arange(128.0).reshape(4, 32), 'order': [3, 2, 1, 0], 'first': 0, 'n': pins.get('n', 4)}\n"
        "def golden(given):\n    return {'y': given['x'][::-1]}\n"
    )
    assert run(tmp_path / "copy.sync", "--schedule", "random", "--runs", "5") == 0
    assert "all 5: the same bits as issued" in capsys.readouterr().out
    assert run(tmp_path / "copy.sync", "-D", "n=3") == 1
    assert "y is wrong as issued" in capsys.readouterr().out


def test_what_cannot_run_is_one_line_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "copy.sync"
    (tmp_path / "copy.py").write_text("def inputs(pins, seed):\n    return {'order': [3, 2, 1]}\n")
    known = (COPY % SAFE).replace("first + ", "")
    bad = {
        COPY % SAFE: "copy.sync:10: order[first] depends on first, which has no value",
        known.replace("param n in 1..4", "param n in 4..4"): "order[3] has no value: the inputs give 3",
        known.replace("x[order[i]]", "x[9]"): "reaches beyond|0x",
        known.replace("fp32[1, 32] at", "fp32[2, 8] at"): "copy.sync:10: TLOAD moves 1 x 32 into 2 x 8",
        "core AIV0 { TADD(nothing, 1); }": "nothing",
    }
    for text, words in bad.items():
        script.write_text(text)
        assert run(script) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1
        assert any(word in captured.err for word in words.split("|")), captured.err
        assert f"{script}:" in captured.err


def test_a_golden_module_that_fails_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "copy.sync").write_text(COPY % SAFE)
    module = tmp_path / "copy.py"
    for text, words in {
        "def inputs(pins, seed):\n    return {'z': 1}\n": "no tensor, table or parameter z",
        "def inputs(pins, seed):\n    return {'n': 9}\n": "n = 9 is not in its domain",
        "def inputs(pins, seed):\n    return {'x': [[1.0] * 31]}\n": "the input for x is 1 x 31",
        "def inputs(pins, seed):\n    return 1 / 0\n": "line 2: ZeroDivisionError",
        "import nothing_like_it\n": "ModuleNotFoundError",
        "TOLERANCE = 1\n": "inputs(pins, seed)",
    }.items():
        module.write_text(text)
        assert run(tmp_path / "copy.sync") == 2
        captured = capsys.readouterr()
        assert words in captured.err
        assert captured.err.count("\n") == 1


def test_a_misspelled_parameter_and_a_loop_without_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(PR708, "-D", "nblocks=2") == 2
    assert "no parameter nblocks; did you mean 'n_blocks'?" in capsys.readouterr().err
    script = tmp_path / "endless.sync"
    script.write_text("param n in 1..;\ncore AIV0 {\n    for (i = 0; i < n; i += 0) { }\n}\n")
    assert run(script) == 2
    assert "endless.sync:3: this loop has run 1000000 turns and issued nothing" in capsys.readouterr().err


def test_what_it_needs_is_asked_for(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(cli_run, "find_spec", lambda name: None if name == "numpy" else name)
    assert run(PR708) == 2
    assert "needs numpy: pip install 'syncheck[run]'" in capsys.readouterr().err


ONCE = """machine %s;
gm x : fp32[4, 32];
gm y : fp32[4, 32];
tile t : UB fp32[1, 32] at 0x0;
core AIV0 { TLOAD(t, x[0]); %s wait_flag(PIPE_MTE2, PIPE_MTE3, 0); TSTORE(y[0], t); }
"""
SET = "set_flag(PIPE_MTE2, PIPE_MTE3, 0);"


def test_the_time_is_that_of_the_cost_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A load of 128 bytes is complete after 200 + 3 cycles, a flag takes one, a store 50 + 2."""
    (path := tmp_path / "k.sync").write_text(ONCE % ("a2a3", SET), encoding="utf-8")
    assert run(path) == 0
    shown = capsys.readouterr().out
    assert "  time     256 cycles in the cost model, 1.00 times what data and pipes alone would take\n" in shown
    assert "  busy     AIV0  MTE2 1 %  MTE3 1 %\n" in shown
    assert run(path, "--format", "json") == 0
    load = {"core": "AIV0", "pipe": "MTE2", "busy": 3, "utilisation": round(3 / 256, 4)}
    store = {"core": "AIV0", "pipe": "MTE3", "busy": 2, "utilisation": round(2 / 256, 4)}
    time = json.loads(capsys.readouterr().out)["cases"][0]["time"]
    assert time == {"makespan": 256, "bound": 255, "pipes": [load, store]}


def test_the_time_of_all_cores_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(PR708, "--format", "json") == 0
    time = json.loads(capsys.readouterr().out)["cases"][0]["time"]
    assert 0 < time["bound"] < time["makespan"]
    assert [one["core"] for one in time["pipes"]] == ["AIC"] * 4 + ["AIV0"] * 3 + ["AIV1"] * 3
    assert [one["pipe"] for one in time["pipes"]][:7] == ["MTE2", "MTE1", "M", "FIX", "MTE2", "V", "MTE3"]
    assert all(one["busy"] == round(one["utilisation"] * time["makespan"]) for one in time["pipes"])


@pytest.mark.parametrize(
    ("machine", "flag", "code", "reason"),
    [("a5", SET, 0, "a5 says nothing about costs"), ("a2a3", "", 1, "the kernel does not end")],
)
def test_where_there_is_no_time_it_says_why(
    machine: str, flag: str, code: int, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (path := tmp_path / "k.sync").write_text(ONCE % (machine, flag), encoding="utf-8")
    assert run(path) == code
    assert f"  time     not known: {reason}" in capsys.readouterr().out
    assert run(path, "--format", "json") == code
    assert json.loads(capsys.readouterr().out)["cases"][0]["time"] is None


def test_a_kernel_that_does_not_wait_for_its_data_is_not_called_fast(capsys: pytest.CaptureFixture[str]) -> None:
    run("fixtures/seeds/pr499_softmax.sync")
    assert "): something starts before what it reads is complete" in " ".join(capsys.readouterr().out.split())
