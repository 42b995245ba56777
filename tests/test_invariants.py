"""What is never there (README, "Architecture"): read off the source, not off a run."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "syncheck"

LAYERS: dict[str, int] = {
    # 0 ground
    "source": 0, "grammar": 0, "vector_clock": 0, "wiring": 0, "ordering": 0, "memory_map": 0, "config": 0,
    "machine_file": 0, "machine_types": 0, "value": 0,
    # 1 words
    "ir": 1, "action": 1, "machine": 1, "machine_check": 1, "machine_isa": 1, "machine_parts": 1, "observation": 1,
    "symbolic": 1, "definitions": 1, "finding": 1, "fingerprint": 1,
    # 2 kernel
    "frontends": 2, "expressions": 2, "shapes": 2, "layout": 2, "places": 2, "lowering": 2, "fifo_lowering": 2,
    "instructions": 2, "execution": 2, "build": 2, "script_text": 2, "declaration_text": 2, "expression_text": 2,
    "script_layout": 2, "script_spelling": 2, "edits": 2, "repeats": 2, "cost": 2,
    # 3 order
    "sightings": 3, "replay": 3, "reopening": 3, "fold": 3, "deadlock": 3, "proof": 3, "trace_run": 3, "recording": 3,
    "trace_recording": 3, "reasons": 3, "happens_before": 3, "timing": 3,
    "steady_state": 3, "event_graph": 3, "event_order": 3, "event_cycles": 3, "event_verdict": 3,
    "event_cover": 3, "event_throughput": 3,
    # 4 analysis
    "analysis": 4, "rule": 4, "smallest": 4, "recorded": 4, "recorded_picture": 4, "remedy": 4, "drawing": 4,
    "explanation": 4, "token_balance": 4, "witness": 4, "visibility": 3,
    # 5 rules, 6 output, 7 the road, 8 questions, 9 the command line
    "detectors": 5,
    "reporters": 6, "suppressions": 6, "baseline": 6, "explain": 6,
    "timeline": 6, "timeline_trace": 6, "timeline_svg": 6, "timeline_html": 6,
    "trial": 6, "narrowing": 6, "removal": 6, "fixes": 6, "faults": 6, "mutation": 6,
    "check": 7,
    "mutation_text": 8,
    "why": 8, "why_search": 8, "why_text": 8, "why_export": 8, "why_fifo": 8, "why_fifo_text": 8,
    "event_text": 8, "event_drawing": 8,
    "cli": 9, "cli_arguments": 9, "cli_baseline": 9, "cli_callers": 9, "cli_catalogue": 9, "cli_check": 9,
    "cli_extract": 9, "cli_files": 9, "cli_golden": 9, "cli_headers": 9, "cli_inspect": 9, "cli_kernel": 9,
    "cli_mutate": 9,
    "cli_plan": 9, "cli_run": 9, "cli_run_job": 9, "cli_run_text": 9, "cli_run_time": 9,
    "cli_terminal": 9, "cli_timeline": 9, "__main__": 9,
}  # fmt: skip
"""Every module of the package, a folder by its name; a module that is missing here fails the test."""


JUDGE = {
    "simulator",
    *(f"simulator.{name}" for name in ("entries", "board", "fifos", "judge", "program", "held", "schedule")),
}
"""The judge of the order: shares nothing with what it judges."""
WITH_NUMBERS = (
    "numeric", "memory", "elementwise", "rows", "columns", "moves", "binding", "data", "inputs", "comparison",
    "attention",
)  # fmt: skip
NUMERIC = {f"simulator.{name}" for name in WITH_NUMBERS} | {"cli_golden"}

READERS = {"grammar", "machine_file"}
"""Below the command line these alone open files: the packaged grammar with its cache, the packaged machines."""

MAKES_FILES = {"open", "print", "input", "exit", "quit", "breakpoint"}
TOUCHES = {
    "read_text", "read_bytes", "write_text", "write_bytes", "unlink", "mkdir", "touch", "iterdir", "glob", "rglob",
    "open", "fdopen", "walk", "listdir", "scandir", "basicConfig", "getLogger", "_exit",
}  # fmt: skip
STREAMS = {"stdout", "stderr", "stdin", "exit"}
NAMES_WITHOUT_MEANING = {"util", "utils", "helper", "helpers", "common", "base", "manager", "core", "context"}


def modules() -> Iterator[tuple[str, Path]]:
    """(dotted name below syncheck, file)."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        yield ".".join(part for part in parts if part != "__init__"), path


MODULES = dict(modules())


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


@cache
def imports(name: str) -> frozenset[str]:
    """The modules of the package that this one imports, anywhere in its text."""
    found = set()
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name.removeprefix("syncheck").lstrip(".") for alias in node.names if _ours(alias.name)}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name} imports relatively"
            if node.module and _ours(node.module):
                base = node.module.removeprefix("syncheck").lstrip(".")
                for alias in node.names:
                    inner = f"{base}.{alias.name}".lstrip(".")
                    found.add(inner if inner in MODULES else base)
    return frozenset(found - {name, ""})


def _ours(module: str) -> bool:
    return module == "syncheck" or module.startswith("syncheck.")


def room(name: str) -> str:
    return name.partition(".")[0]


def layer(name: str) -> int:
    return LAYERS[room(name)]


ON_A_LAYER = [name for name in MODULES if name and room(name) != "simulator"]


def test_every_module_has_its_room() -> None:
    assert {room(name) for name in ON_A_LAYER} == set(LAYERS)


@pytest.mark.parametrize("name", ON_A_LAYER)
def test_imports_point_down(name: str) -> None:
    wrong = [other for other in sorted(imports(name)) if room(other) != "simulator" and layer(other) > layer(name)]
    assert wrong == []


def test_only_the_command_line_runs_the_simulator() -> None:
    """It starts slowly (numpy), and nothing that checks may depend on what it is checked with."""
    for name in ON_A_LAYER:
        used = {other for other in imports(name) if room(other) == "simulator"}
        assert not used or layer(name) == 9, f"{name} imports {used}"
        assert not used & JUDGE, name


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = {name: {other for other in imports(name) if other in MODULES} for name in MODULES if name}
    assert list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("name", [name for name in ON_A_LAYER if layer(name) < 9])
def test_nothing_below_the_command_line_reads_prints_or_exits(name: str) -> None:
    found = []
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id in MAKES_FILES:
                found.append(f"{called.id} at {node.lineno}")
            if isinstance(called, ast.Attribute) and called.attr in TOUCHES:
                found.append(f".{called.attr} at {node.lineno}")
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "sys":
            found += [f"sys.{node.attr} at {node.lineno}"] if node.attr in STREAMS else []
        if isinstance(node, ast.Name) and node.id == "SystemExit":
            found.append(f"SystemExit at {node.lineno}")
    assert (found == []) != (name in READERS), found


def test_the_judge_shares_nothing_with_what_it_judges() -> None:
    for name in JUDGE:
        assert imports(name) <= JUDGE, name


def test_the_simulator_with_data_knows_kernels_and_no_order() -> None:
    """It runs what the lowering emits; replay, fold, proof, the graph and the detectors are what it is held against."""
    for name in MODULES:
        if room(name) == "simulator" and name not in JUDGE:
            others = imports(name)
            assert not others & JUDGE, name
            assert {other for other in others if room(other) != "simulator" and layer(other) > 2} == set(), name


def test_only_the_simulator_with_data_uses_numpy() -> None:
    for name in MODULES:
        nodes = list(ast.walk(tree(name)))
        used = {alias.name.partition(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        used |= {(node.module or "").partition(".")[0] for node in nodes if isinstance(node, ast.ImportFrom)}
        if used & {"numpy", "ml_dtypes"}:
            assert name in NUMERIC, name


def test_reporters_see_findings_only() -> None:
    for name in MODULES:
        if room(name) == "reporters":
            others = {other for other in imports(name) if room(other) != "reporters"}
            assert others <= {"finding", "source", "fingerprint", "value"}, name


def test_names_say_something() -> None:
    for name in MODULES:
        assert not NAMES_WITHOUT_MEANING & set(name.replace(".", "_").split("_")), name


def test_no_import_is_for_types_only() -> None:
    for name in MODULES:
        assert not [node for node in ast.walk(tree(name)) if isinstance(node, ast.Name) and node.id == "TYPE_CHECKING"]


def test_checking_imports_neither_numpy_nor_networkx() -> None:
    code = (
        "import sys, syncheck.check, syncheck.trace_run, syncheck.reporters\n"
        "sys.exit(bool({'numpy', 'networkx'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60).returncode == 0
