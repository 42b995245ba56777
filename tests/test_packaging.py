"""What is in the wheel: everything the installed command needs, and nothing that only a checkout does."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

import syncheck

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ("pyproject.toml", "README.md", "LICENSE", ".gitignore", "syncheck", "grammars", "fixtures")


def names(folder: str, pattern: str) -> Iterable[Path]:
    return (path.relative_to(ROOT) for path in sorted((ROOT / folder).rglob(pattern)))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in a wheel built, without the network, from a copy of the checkout."""
    tree, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("dist")
    for name in SHIPPED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tree / name)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(tree)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.iterdir()
    assert built.name == f"syncheck-{syncheck.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(built) as archive:
        return set(archive.namelist())


def test_every_module_is_in_the_wheel(wheel: set[str]) -> None:
    assert {str(path) for path in names("syncheck", "*.py")} <= wheel
    assert "syncheck/py.typed" in wheel


def test_the_grammar_and_the_machines_are_in_the_wheel(wheel: set[str]) -> None:
    data = [f"syncheck/{path}" for path in names("grammars", "*.lark")]
    data += [str(path) for path in names("syncheck/machines", "*.toml")]
    assert set(data) <= wheel
    assert any(name.endswith(".lark") for name in wheel)


def test_the_fixtures_that_explain_shows_are_in_the_wheel(wheel: set[str]) -> None:
    rules = [path for path in names("fixtures", "*.sync") if re.fullmatch(r"[A-Z]{3}\d{3}", path.parts[1])]
    assert {f"syncheck/{path}" for path in rules} <= wheel
    assert not [name for name in wheel if name.startswith(("syncheck/fixtures/seeds", "syncheck/fixtures/kernels"))]


def test_nothing_lands_beside_the_package(wheel: set[str]) -> None:
    version = syncheck.__version__
    assert {name.partition("/")[0] for name in wheel} == {"syncheck", f"syncheck-{version}.dist-info"}
    assert f"syncheck-{version}.dist-info/licenses/LICENSE" in wheel
