"""A real pre-commit run of our hook, in a repository made for it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_cli import CLEAN, RACE

ROOT = Path(__file__).resolve().parent.parent
LOCAL = """repos:
- repo: local
  hooks:
  - id: syncheck
    name: syncheck
    entry: {entry}
    language: system
    files: '\\.(sync|cpp|cce|h|hpp)$'
    require_serial: true
"""
PUBLISHED = """repos:
- repo: {repository}
  rev: {revision}
  hooks:
  - id: syncheck
"""


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", *identity, "-C", str(folder), *arguments]
    return subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=60, env=clean_environment()
    ).stdout


def clean_environment() -> dict[str, str]:
    """Without what git sets when the suite itself runs inside a hook."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


@pytest.fixture(scope="module")
def hook_repository(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The checkout as it is now, committed: what a user's configuration would name."""
    tree = tmp_path_factory.mktemp("hook") / "syncheck"
    tree.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore", ".pre-commit-hooks.yaml"):
        shutil.copy(ROOT / name, tree / name)
    for name in ("syncheck", "grammars", "fixtures"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__", "traces"))
    git(tree, "init", "--quiet")
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "-m", "x")
    return tree, git(tree, "rev-parse", "HEAD").strip()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pre-commit keeps the environment of the hook: made once."""
    return tmp_path_factory.mktemp("pre-commit")


@pytest.fixture
def user_repository(tmp_path: Path) -> Path:
    folder = tmp_path / "user"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / "clean.sync").write_text(CLEAN)
    (folder / "note.txt").write_text("not ours\n")
    return folder


def run_hook(
    folder: Path, home: Path, config: str, *arguments: str, every: bool = True
) -> subprocess.CompletedProcess[str]:
    """On all files, or on what is staged."""
    (folder / ".pre-commit-config.yaml").write_text(config)
    git(folder, "add", "--all")
    environment = {**clean_environment(), "PRE_COMMIT_HOME": str(home), "PRE_COMMIT_COLOR": "never"}
    command = [sys.executable, "-m", "pre_commit", "run", *(["--all-files"] if every else []), *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240)


def offline(done: subprocess.CompletedProcess[str]) -> bool:
    signs = ("No matching distribution", "Temporary failure in name resolution", "Failed to establish a new connection")
    return done.returncode == 3 and any(sign in done.stdout + done.stderr for sign in signs)


def config(hook: tuple[Path, str], folder: Path, home: Path) -> str:
    """The published hook; where no package index can be reached, the same command without an environment of its own."""
    published = PUBLISHED.format(repository=hook[0], revision=hook[1])
    if not offline(run_hook(folder, home, published)):
        return published
    return LOCAL.format(entry=f"{sys.executable} -m syncheck check")


def test_the_hook_passes_and_fails_a_commit(
    hook_repository: tuple[Path, str], user_repository: Path, home: Path
) -> None:
    chosen = config(hook_repository, user_repository, home)
    clean = run_hook(user_repository, home, chosen)
    assert clean.returncode == 0, clean.stdout + clean.stderr
    assert "Passed" in clean.stdout
    (user_repository / "race.sync").write_text(RACE)
    raced = run_hook(user_repository, home, chosen)
    assert raced.returncode == 1, raced.stdout + raced.stderr
    assert "RAW001" in raced.stdout
    assert "Traceback" not in raced.stdout


LEAVE = """#pragma once
AICORE inline void leave() {
    set_flag(PIPE_MTE3, PIPE_S, EVENT_ID0);
    wait_flag(PIPE_MTE3, PIPE_S, EVENT_ID0);
}
"""
KERNEL = """// syncheck: exit task
#include <pto/pto-inst.hpp>
#include "shared/leave.h"
using namespace pto;
extern "C" __global__ AICORE void fill(__gm__ float *out, float value) {
    Tile<TileType::Vec, float, 1, 64, BLayout::RowMajor, 1, 64> row;
    TASSIGN(row, 0x0);
    TEXPANDS(row, value);
    set_flag(PIPE_V, PIPE_MTE3, EVENT_ID0);
    wait_flag(PIPE_V, PIPE_MTE3, EVENT_ID0);
    GlobalTensor<float, Shape<1, 1, 1, 1, 64>, Stride<64, 64, 64, 64, 1>> line(out);
    TSTORE(line, row);
    leave();
}
"""


def test_a_changed_header_is_checked_through_the_kernels_that_include_it(
    hook_repository: tuple[Path, str], user_repository: Path, home: Path
) -> None:
    chosen = config(hook_repository, user_repository, home)
    (user_repository / "shared").mkdir()
    (user_repository / "host").mkdir()
    header = user_repository / "shared" / "leave.h"
    header.write_text(LEAVE)
    (user_repository / "fill.cpp").write_text(KERNEL)
    (user_repository / "host" / "main.cpp").write_text('#include "host.h"\nint main() { return 0; }\n')
    (user_repository / "host" / "host.h").write_text("#pragma once\n")
    clean = run_hook(user_repository, home, chosen, "--verbose")
    assert clean.returncode == 0, clean.stdout + clean.stderr
    assert re.search(r"^fill\.cpp +proved", clean.stdout, re.MULTILINE)
    git(user_repository, "commit", "--quiet", "--no-verify", "-m", "x")

    header.write_text(LEAVE.replace("PIPE_MTE3, PIPE_S", "PIPE_MTE2, PIPE_S"))
    raced = run_hook(user_repository, home, chosen, every=False)
    assert raced.returncode == 1, raced.stdout + raced.stderr
    assert "shared/leave.h: checked through the kernel that includes it, fill.cpp" in raced.stdout
    assert "DRN002" in raced.stdout
    assert "fill.cpp:12" in raced.stdout
    git(user_repository, "checkout", "--quiet", "HEAD", "--", "shared")

    (user_repository / "host" / "host.h").write_text("#pragma once\nint x;\n")
    host = run_hook(user_repository, home, chosen, "--verbose", every=False)
    assert host.returncode == 0, host.stdout + host.stderr
    assert "host/main.cpp" in host.stdout
