"""`syncheck explain`, `syncheck rules`, `syncheck machine`: what syncheck itself knows."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from dataclasses import asdict
from textwrap import fill

import syncheck
from syncheck.cli_arguments import CommandError
from syncheck.cli_terminal import color, put, width
from syncheck.config import ConfigError, did_you_mean
from syncheck.explain import Example, explain
from syncheck.machine import Machine
from syncheck.rule import Rule


def rules_command(arguments: Namespace) -> int:
    rules = sorted(_rules().values(), key=lambda rule: rule.id)
    if arguments.format == "json":
        rows = [{"id": rule.id, "severity": rule.severity, "summary": rule.summary} for rule in rules]
        put(json.dumps({"version": 1, "rules": rows}, indent=2))
    else:
        put("\n".join(f"{rule.id}  {rule.severity:7}  {rule.summary}" for rule in rules))
    return 0


def explain_command(arguments: Namespace) -> int:
    from syncheck.check import ON_REQUEST, Settings, check, check_cpp
    from syncheck.machine import load
    from syncheck.reporters import render

    rules = _rules()
    rule = rules.get(arguments.rule.upper())
    if rule is None:
        hint = did_you_mean(arguments.rule.upper(), rules) or " (see `syncheck rules`)"
        raise CommandError(f"no rule {arguments.rule!r}{hint}")
    settings = Settings(machine=load("a2a3"), surplus=rule.id in ON_REQUEST)
    columns, colored = width(), color(arguments.color)
    page = explain(
        rule,
        _example(rule.firing),
        _example(rule.silent),
        lambda text, path: (
            check_cpp(text, path, settings, lambda *_: None) if path.endswith(".cpp") else check(text, path, settings)
        ),
        lambda report: render("text", report, width=columns, color=colored, verbose=True),
    )
    put(page)
    return 0


def machine_command(arguments: Namespace) -> int:
    from syncheck.cli_plan import read_machine

    try:
        machine = read_machine(arguments.machine, tuple(arguments.option))
    except ConfigError as error:
        raise CommandError(str(error)) from None
    put(json.dumps(_machine_json(machine), indent=2) if arguments.format == "json" else _machine_text(machine))
    return 0


def _rules() -> dict[str, Rule]:
    from syncheck.detectors import RULES

    return {rule.id: rule for rule in RULES}


def _example(name: str) -> Example | None:
    """A fixture by its path under fixtures/: inside the package in a wheel, beside it in a checkout."""
    package = os.path.dirname(os.path.abspath(syncheck.__file__))
    for folder in (os.path.join(package, "fixtures"), os.path.join(os.path.dirname(package), "fixtures")):
        path = os.path.join(folder, name)
        if name and os.path.isfile(path):
            with open(path, encoding="utf-8") as stream:
                return Example(f"fixtures/{name}", stream.read())
    return None


def _machine_json(machine: Machine) -> dict[str, object]:
    return {
        "version": 1,
        "machine": machine.name,
        "options": [{**asdict(row), "value": machine.options[row.name]} for row in machine.option_table],
        "pipes": {core: list(pipes) for core, pipes in machine.pipes.items()},
        "spaces": [asdict(space) for space in machine.spaces.values()],
        "costs": [asdict(row) for row in machine.costs.values()],
    }


def _machine_text(machine: Machine) -> str:
    columns = width()
    lines = [f"machine {machine.name}", "", "pipes"]
    lines += [f"  {core}  {' '.join(pipes)}" for core, pipes in machine.pipes.items()]
    lines += ["", "memory"]
    spaces = machine.spaces.values()
    lines += [f"  {s.name:9}  {s.bytes:>8} bytes  aligned to {s.align:<4} {s.core}  {s.source}" for s in spaces]
    lines += ["", "options (-O option=value)"]
    for row in machine.option_table:
        now = machine.options[row.name]
        changed = "" if now == row.default else f", now {now}"
        values = f"one of {', '.join(row.values)}" if row.values else "any text"
        lines.append(f"  {row.name} = {row.default}{changed}   {values}   {row.confidence}")
        lines += [_paragraph(text, columns) for text in (row.meaning, f"source: {row.source}") if text]
    if machine.costs:
        lines += ["", "costs in cycles (`syncheck run --timeline`; they rank schedules)"]
    for cost in machine.costs.values():
        size = f"{cost.unit} / {cost.rate}" if cost.rate else ""
        shown = " + ".join(part for part in (str(cost.startup) if cost.startup or not size else "", size) if part)
        lines += [f"  {cost.name:20} {shown}", _paragraph(f"source: {cost.source}", columns)]
    return "\n".join(line.rstrip() for line in lines)


def _paragraph(text: str, columns: int) -> str:
    indent = "      "
    return fill(text, columns, initial_indent=indent, subsequent_indent=indent, break_long_words=False)
