"""Stands in for the parts of the engine that do not exist yet, so that the command line can be tested on its own.

`install()` replaces only modules that cannot be imported; the fake `check` finds what `// expect: RULE` comments say.
Delete it, but for `command`, once syncheck.check, machine, rule, detectors, reporters and why exist.
"""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
import types
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from syncheck.finding import FileReport, Finding, Label, Report
from syncheck.source import Span

ROOT = Path(__file__).resolve().parent.parent
SEVERITY = {"BAR001": "warning", "FLG003": "warning", "SUP001": "warning", "REL001": "info", "SUR001": "info"}
RULES = ("RAW001", "WAR001", "WAW001", "FLG001", "FLG003", "BAR001", "REL001", "SYN001", "SUP001")


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    severity: str
    summary: str
    documentation: str = "What goes wrong on the hardware."
    firing: str = ""
    silent: str = ""


class MachineError(Exception):
    pass


@dataclass(frozen=True)
class Row:
    name: str
    values: tuple[str, ...]
    default: str
    meaning: str = "Where an accumulator store runs."
    source: str = "hardware.md"
    confidence: str = "likely"


@dataclass(frozen=True)
class Space:
    name: str
    bytes: int
    align: int
    core: str
    source: str


@dataclass(frozen=True)
class Machine:
    name: str
    options: dict[str, str]
    option_table: tuple[Row, ...] = (Row("acc_store", ("FIX", "FIX+MTE3"), "FIX"),)
    pipes: dict[str, tuple[str, ...]] = field(default_factory=lambda: {"AIV": ("S", "V", "MTE2", "MTE3")})
    spaces: dict[str, Space] = field(default_factory=lambda: {"UB": Space("UB", 196608, 32, "AIV", "vendor")})


def load(name: str, options: Any = None) -> Machine:
    if name not in ("a2a3", "a5"):
        raise MachineError(f"unknown machine {name!r}; did you mean 'a2a3'?")
    return loads("", name, options)


def loads(text: str, path: str, options: Any = None) -> Machine:
    for key in options or {}:
        if key != "acc_store":
            raise MachineError(f"{path}: unknown option {key!r}; did you mean 'acc_store'?")
    return Machine(path, {"acc_store": "FIX", **(options or {})})


@dataclass(frozen=True, slots=True)
class Settings:
    machine: Any
    definitions: tuple[tuple[str, str], ...] = ()
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    max_states: int = 20000
    bound: int = 4


def check(text: str, path: str, settings: Settings) -> FileReport:
    findings = []
    for number, line in enumerate(text.splitlines(), 1):
        expected = re.search(r"// expect: (.*)", line)
        for rule in expected[1].split(",") if expected else []:
            findings.append(_finding(rule.strip(), Span(path, number, 1, 0, line)))
    if "machine" not in text and "core" not in text:
        findings.append(_finding("SYN001", Span(path, 1, 1, 0, text.partition("\n")[0])))
    verdict = "refuted" if findings else "proved"
    return FileReport(path, verdict, settings.machine.name, settings.definitions, tuple(findings), seconds=0.01)


def check_trace(lines: Iterable[bytes], path: str, settings: Settings, reopen: Any = None) -> FileReport:
    return FileReport(path, "proved", settings.machine.name, events=sum(1 for _ in lines), seconds=0.01)


def _finding(rule: str, span: Span) -> Finding:
    label = Label("primary", span, "AIV0", "V", "vadd")
    return Finding(rule, SEVERITY.get(rule, "error"), f"{rule} here", f"{rule} at {span}.", (label,))


def render(format: str, report: Report, *, color: bool = False, **_: Any) -> str:
    if format == "json":
        files = [{"path": f.path, "verdict": f.verdict} for f in report.files]
        findings = [
            {"rule": f.rule, "suppressed": f.suppressed, "labels": [asdict(label.span) for label in f.labels]}
            for f in report.findings
        ]
        summary = {s: report.count(s) for s in ("error", "warning", "info")}
        body = {"version": 1, "machine": report.machine, "files": files, "findings": findings, "summary": summary}
        return json.dumps(body) + "\n"
    lines = [f"{f.primary.span}: {f.rule} {f.title}" for f in report.findings if not f.baseline]
    lines += [f"{f.path}  {f.verdict}" for f in report.files]
    return "\n".join(f"\x1b[1m{line}\x1b[0m" if color else line for line in lines) + "\n"


FAKES: dict[str, dict[str, object]] = {
    "syncheck.rule": {"Rule": Rule},
    "syncheck.machine": {"Machine": Machine, "MachineError": MachineError, "load": load, "loads": loads},
    "syncheck.check": {"Settings": Settings, "check": check, "check_trace": check_trace},
    "syncheck.detectors": {"RULES": tuple(Rule(id, SEVERITY.get(id, "error"), f"what {id} finds") for id in RULES)},
    "syncheck.reporters": {"render": render},
    "syncheck.why": {
        "why": lambda text, path, settings, first, second, **more: f"{first} and {second} in {path} {more}",
        "graph": lambda text, path, settings, format: f"{format} of {path}",
    },
}


def missing() -> list[str]:
    """The modules that a fake has to stand in for."""
    return [name for name, content in FAKES.items() if not _real(name, next(iter(content)))]


def _real(name: str, attribute: str) -> bool:
    try:
        for part in ("text", "concise", "json_document") if name == "syncheck.reporters" else ():
            importlib.import_module(f"{name}.{part}")
        return hasattr(importlib.import_module(name), attribute)
    except ImportError:
        return False


def install() -> None:
    for name in missing():
        module = types.ModuleType(name)
        vars(module).update(FAKES[name])
        sys.modules[name] = module
        setattr(sys.modules["syncheck"], name.rpartition(".")[2], module)


def command(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """The `syncheck` command in a process of its own."""
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, **more)


_START = f"import sys; sys.path[:0] = {[str(ROOT / 'tests'), str(ROOT)]!r}; import engine_fake; engine_fake.install(); "
COMMAND = [sys.executable, "-c", _START + "from syncheck.cli import main; sys.exit(main())"]
