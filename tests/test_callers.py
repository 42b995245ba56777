"""A changed header is checked through the kernels that include it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from syncheck.cli import main
from syncheck.cli_callers import Callers, repository, with_callers


def written(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    written(
        tmp_path,
        {
            "common/sync.h": "inline void leave();\n",
            "common/steps.hpp": '#pragma once\n  # include "sync.h"\n',
            "b/kernel.cpp": '#include <pto/pto-inst.hpp>\n#include "steps.hpp"\n',
            "a/kernel.cpp": '#include "common/sync.h"\n#include "sync.h"\n',
            "a/other.cpp": '#include "helpers/sync.h"\n// #include no "sync.h"\n',
            "a/own/sync.h": "\n",
            "a/own/kernel.cce": '#include "sync.h"\n',
            ".build/copy.cpp": '#include "common/sync.h"\n',
            "node_modules/copy.cpp": '#include "common/sync.h"\n',
            "circle/one.h": '#include "two.h"\n',
            "circle/two.h": '#include "one.h"\n',
        },
    )
    return tmp_path


def of(tree: Path, header: str) -> list[str]:
    found = Callers(lambda path: os.path.basename(path) == "node_modules").of(str(tree / header))
    assert found.whole
    return [Path(kernel).relative_to(tree).as_posix() for kernel in found.kernels]


def test_directly_and_through_other_headers(tree: Path) -> None:
    assert of(tree, "common/sync.h") == ["a/kernel.cpp", "b/kernel.cpp"]
    assert of(tree, "common/steps.hpp") == ["b/kernel.cpp"]


def test_the_header_beside_the_kernel_comes_first(tree: Path) -> None:
    """Where it is not beside, the include path is not known: every header whose path ends so may be meant."""
    assert of(tree, "a/own/sync.h") == ["a/own/kernel.cce", "a/kernel.cpp"]


def test_circles_end(tree: Path) -> None:
    assert of(tree, "circle/one.h") == []


def test_the_repository_is_the_nearest_one(tree: Path) -> None:
    assert repository(str(tree / "common" / "sync.h")) == str(tree)
    inner = tree / "a" / "own"
    (inner / ".git").write_text("gitdir: elsewhere\n")
    assert of(tree, "a/own/sync.h") == ["a/own/kernel.cce"]


def test_headers_among_the_arguments(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    written(tree, {"common/entry.h": 'extern "C" __global__ void k();\n', "x.cpp": '#include "common/entry.h"\n'})
    own = str(tree / "a/own/sync.h")
    given = ["b/kernel.cpp", "common/sync.h", "circle/one.h", "gone.h", "common", "common/entry.h", own]
    chosen = with_callers(given, lambda path: path.endswith("node_modules"))
    notes = chosen.notes
    assert chosen.paths == [
        "b/kernel.cpp", "a/kernel.cpp", "b/kernel.cpp", "gone.h", "common", "common/entry.h", "x.cpp",
        str(tree / "a/kernel.cpp"), str(tree / "a/own/kernel.cce"),
    ]  # fmt: skip
    assert notes[:2] == [
        "common/sync.h: checked through the 2 kernels that include it, a/kernel.cpp, b/kernel.cpp",
        "circle/one.h: no kernel includes it, so nothing of it is checked",
    ]


def test_a_note_is_short(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    written(tree, {f"k{number}.cpp": '#include "common/sync.h"\n' for number in range(5)})
    monkeypatch.setattr("syncheck.cli_callers.MOST_FILES", 6)
    chosen = with_callers(["common/sync.h"], lambda path: "/k" in path and path.endswith("k0.cpp"))
    assert len(chosen.paths) <= 6
    assert "source files of" in chosen.notes[0]


def test_the_nearest_kernels_first_and_what_is_left_is_said(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    written(tree, {f"common/deep/k{number}.cpp": '#include "common/sync.h"\n' for number in range(3)})
    chosen = with_callers(["common/sync.h"], lambda _: False, 2)
    assert chosen.paths == ["common/deep/k0.cpp", "common/deep/k1.cpp"]
    assert chosen.partly == [
        ("common/sync.h", "2 of 6 kernels checked, --callers all for the rest")
    ]  # fmt: skip
    assert chosen.notes == [
        "common/sync.h: checked through 2 of the 6 kernels that include it, the nearest first (--callers all checks "
        "every one): common/deep/k0.cpp, common/deep/k1.cpp"
    ]
    assert with_callers(["common/sync.h"], lambda _: False, None).partly == []
    nothing = with_callers(["common/sync.h"], lambda _: False, 0)
    assert (nothing.paths, len(nothing.partly)) == ([], 1)


def test_the_text_of_the_tile_library_is_not_read_and_that_is_said(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    written(
        tree,
        {
            "include/pto/pto-inst.hpp": "#include <pto/npu/push.hpp>\n",
            "include/pto/npu/push.hpp": "\n",
            "kernels/tiles.cpp": "#include <pto/npu/push.hpp>\n",
        },
    )
    chosen = with_callers(["include/pto/npu/push.hpp"], lambda _: False)
    assert chosen.paths == []
    ((path, reason),) = chosen.partly
    assert path == "include/pto/npu/push.hpp"
    assert reason == "for 2 kernels its text is built in, not read"
    assert "no kernel is read with it, so nothing of it is checked; not through the 2 kernels" in chosen.notes[0]
    chosen = with_callers(["include/pto/npu/push.hpp"], lambda _: False, 1, ["include"])
    assert (chosen.paths, len(chosen.partly)) == (["b/kernel.cpp"], 1)


ENTRY = """extern "C" __global__ AICORE void k(__gm__ float *x) {
    wait_flag(PIPE_V, PIPE_S, EVENT_ID0);
}
"""


def test_the_command_line(tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tree)
    written(tree, {"entry.hpp": ENTRY, "uses.cpp": '#include "common/sync.h"\n' + ENTRY})

    def check(*arguments: str) -> tuple[int, str, str]:
        code = main(["check", "--format", "concise", *arguments])
        return code, *capsys.readouterr()

    code, out, err = check("circle/one.h")
    assert (code, out) == (0, "")
    assert err == "syncheck: circle/one.h: no kernel includes it, so nothing of it is checked\n"
    code, out, err = check("common/sync.h")
    assert code == 1
    assert out.startswith("uses.cpp:3:5: FLG001 error")
    assert "common/sync.h: checked through the 3 kernels that include it, a/kernel.cpp, b/kernel.cpp, uses.cpp" in err
    assert check("common/sync.h", "uses.cpp")[1] == out
    code, out, err = check("entry.hpp")
    assert (code, out[:24]) == (1, "entry.hpp:2:5: FLG001 er")
    assert check("circle")[0] == 2
    written(tree, {"bare.h": "\n", "clean.cpp": '#include "bare.h"\n', "second.cpp": '#include "bare.h"\n' + ENTRY})
    assert main(["check", "--format", "json", "--callers", "1", "bare.h"]) == 0
    out, err = capsys.readouterr()
    (file,) = json.loads(out)["files"]
    assert (file["path"], file["verdict"]) == ("bare.h", "bounded")
    assert file["reason"] == "1 of 2 kernels checked, --callers all for the rest"
    assert "bare.h: checked through 1 of the 2 kernels that include it, the nearest first" in err
    assert main(["check", "--format", "json", "--callers", "all", "bare.h"]) == 1
    capsys.readouterr()
    assert main(["check", "--callers", "some", "bare.h"]) == 2
    assert "expected a number or all, got 'some'" in capsys.readouterr().err


def test_a_file_of_host_code_is_no_error(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tree)
    assert main(["check", "--format", "json", "b/kernel.cpp", "common/steps.hpp"]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == []
    assert main(["check", "--format", "json", "b/kernel.cpp"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["files"] == []
    assert err == "syncheck: 1 C++ file passed over: no kernel in it\n"
    assert main(["check", "b/kernel.cpp"]) == 0
    assert capsys.readouterr().out == ""


def test_findings_in_headers_have_the_path_that_the_kernels_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A relative kernel has relative headers, so that an annotation finds its file; what is outside stays as named."""
    (tmp_path / "own/.git").mkdir(parents=True)
    step = "inline AICORE void {name}(Row &a) {{\n    TADDS(a, a, 1.0f);\n    TADDS(a, a, 2.0f);\n}}\n"
    kernel = """#include "steps/first.h"
#include "outer.h"
extern "C" __global__ AICORE void kernel_entry(__gm__ float *x) {
    Row a;
    TASSIGN(a, 0x0);
    first(a);
    pipe_barrier(PIPE_V);
    outer(a);
    pipe_barrier(PIPE_ALL);
}
"""
    row = "using Row = pto::Tile<TileType::Vec, float, 1, 64, BLayout::RowMajor, 1, 64>;\n"
    written(tmp_path, {
        "own/k/kernel.cpp": kernel, "own/k/steps/first.h": row + '#include "second.h"\n' + step.format(name="first"),
        "own/k/steps/second.h": "inline void nothing() {}\n", "include/outer.h": step.format(name="outer"),
    })  # fmt: skip
    monkeypatch.chdir(tmp_path / "own")
    assert main(["check", "--format", "json", "--include", str(tmp_path / "include"), "k/kernel.cpp"]) == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    places = {(one["rule"], one["labels"][0]["path"], one["labels"][0]["line"]) for one in found}
    assert {("BAR001", "k/steps/first.h", 5), ("BAR001", str(tmp_path / "include/outer.h"), 3)} <= places
