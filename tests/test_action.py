"""The step of action.yml that runs syncheck, run for real; a script that shows its arguments stands for syncheck."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from test_precommit import clean_environment, git

ROOT = Path(__file__).resolve().parent.parent
SHOW = '#!/bin/sh\nfor one; do echo "<$one>"; done\nexit 1\n'


@pytest.fixture(scope="module")
def action() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    return read


def run(action: dict[str, Any], folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """The last step, with these inputs and the others at their defaults."""
    program = folder.parent / "runner" / "syncheck" / "bin" / "syncheck"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(SHOW)
    program.chmod(0o755)
    step = action["runs"]["steps"][-1]
    values = {name: one.get("default", "") for name, one in action["inputs"].items()} | inputs
    given = {name: values[text.split("inputs.")[1].split(" ")[0]] for name, text in step["env"].items()}
    environment = {**clean_environment(), "RUNNER_TEMP": str(folder.parent / "runner"), **given}
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    return subprocess.run(shell, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


@pytest.fixture
def repository(tmp_path: Path) -> tuple[Path, str]:
    """A branch with changes, and the commit it began at."""
    folder = tmp_path / "work"
    folder.mkdir()
    git(folder, "init", "--quiet")
    for name in ("gone.cpp", "same.cpp", "changed.h"):
        (folder / name).write_text("int x;\n")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "x")
    start = git(folder, "rev-parse", "HEAD").strip()
    (folder / "gone.cpp").unlink()
    (folder / "changed.h").write_text("int y;\n")
    (folder / "notes.md").write_text("y\n")
    (folder / "a new.cpp").write_text("int y;\n")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "y")
    return folder, start


def test_what_has_changed(action: dict[str, Any], repository: tuple[Path, str]) -> None:
    folder, start = repository
    done = run(action, folder, **{"changed-since": start, "args": "-D n=1..8"})
    assert done.stdout.split("\n")[:-1] == [
        "<check>", "<--format>", "<github>", "<--fail-on>", "<error>", "<-D>", "<n=1..8>", "<-->",
        "<a new.cpp>", "<changed.h>",
    ]  # fmt: skip
    assert done.returncode == 1


def test_nothing_has_changed(action: dict[str, Any], repository: tuple[Path, str]) -> None:
    folder, _ = repository
    done = run(action, folder, **{"changed-since": git(folder, "rev-parse", "HEAD").strip()})
    assert (done.returncode, done.stdout) == (0, "syncheck: nothing that it reads has changed\n")


def test_a_commit_that_is_not_there_fails(action: dict[str, Any], repository: tuple[Path, str]) -> None:
    done = run(action, repository[0], **{"changed-since": "f" * 40})
    assert done.returncode not in (0, 1)
    assert "<check>" not in done.stdout


def test_the_paths_as_they_are(action: dict[str, Any], repository: tuple[Path, str]) -> None:
    done = run(action, repository[0], paths="kernels *.cpp\nmore", **{"fail-on": "warning", "format": "sarif"})
    assert done.stdout.split("\n")[3:-1] == ["<--fail-on>", "<warning>", "<-->", "<kernels>", "<*.cpp>", "<more>"]


def test_every_input_is_used_and_described(action: dict[str, Any]) -> None:
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name, said in action["inputs"].items():
        assert f"inputs.{name} }}}}" in text
        assert said["description"]
        assert f"`{name}`" in readme
