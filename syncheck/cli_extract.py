"""`syncheck extract`: the kernel as an event script."""

from __future__ import annotations

import os
from argparse import Namespace
from dataclasses import replace

from syncheck.cli_arguments import CommandError
from syncheck.cli_files import STDIN, SUFFIXES, Target, Unreadable, text_of
from syncheck.cli_kernel import kernel_of
from syncheck.cli_plan import Plan, Planner
from syncheck.cli_terminal import put, put_file, say
from syncheck.config import ConfigError
from syncheck.definitions import DefinitionError, narrowed, pins_of
from syncheck.frontends.script import parse
from syncheck.ir import Domain, Program
from syncheck.script_spelling import nodes
from syncheck.script_text import script_text
from syncheck.source import Span


def extract_command(arguments: Namespace) -> int:
    """0: all of it is in the script; 1: the script says with `syncheck: gap` what is not."""
    target = _target(arguments)
    _keep_the_input(target, arguments.output)
    program, title = _program(target, arguments)
    script = script_text(program, lines=bool(title) or _moved(program), title=title)
    if arguments.output:
        put_file(arguments.output, script)
    else:
        put(script)
    if program.problems:
        count, first = len(program.problems), program.problems[0]
        places = "1 place was" if count == 1 else f"{count} places were"
        say(f"{places} not understood, see `syncheck: gap` in the script; first {first}")
    return int(bool(program.problems))


def _target(arguments: Namespace) -> Target:
    path = arguments.path
    name = (arguments.stdin_filename or STDIN) if path == "-" else path
    kind = "script" if name == STDIN else SUFFIXES.get(os.path.splitext(name)[1].lower(), "")
    if kind not in ("script", "c++"):
        raise CommandError(f"{name or 'no file'}: neither a C++ kernel (.cpp, .cce) nor an event script (.sync)")
    return Target(name, kind, stdin=path == "-")


def _keep_the_input(target: Target, output: str | None) -> None:
    """Comments are not in a Program: a script written over itself would lose them."""
    both = output and not target.stdin and os.path.exists(output) and os.path.exists(target.path)
    if output and both and os.path.samefile(output, target.path):
        raise CommandError(f"--output {output}: that is the input; name another file")


def _program(target: Target, arguments: Namespace) -> tuple[Program, str]:
    """What the file says, and a title for it that is empty for a script. Raises CommandError."""
    try:
        plan = Planner(arguments).plan(target)
        text = text_of(target)
    except ConfigError as error:
        raise CommandError(str(error)) from None
    except Unreadable as error:
        raise CommandError(f"{target.path}: {error}") from None
    except OSError as error:
        raise CommandError(f"{target.path}: {error.strerror}") from None
    if target.kind == "script":
        program, title = parse(text, target.path), ""
    else:
        program, entry, others = kernel_of(text, target, plan, arguments.entry or "")
        title = f"Extracted from {target.path}" + (f", {entry}" if others else "")
    if not program.cores:
        reason = f": {program.problems[0]}" if program.problems else ""
        raise CommandError(f"{target.path}: there is no core to write down{reason}")
    return _pinned(program, plan), title


def _pinned(program: Program, plan: Plan) -> Program:
    """With the parameters that -D gives. Raises CommandError."""
    given = plan.settings.definitions
    try:
        program = narrowed(given, program)
        pins = pins_of(given, program)
    except DefinitionError as error:
        raise CommandError(str(error)) from None
    lists = [name for name, values in pins.items() if len(values) > 1]
    if lists:
        raise CommandError(f"-D {lists[0]}: a script has one value for all members of a family")
    fixed = {name: Domain(values[0], values[0]) for name, values in pins.items()}
    params = [replace(param, domain=fixed.get(param.name, param.domain)) for param in program.params]
    return replace(program, params=tuple(params))


def _moved(program: Program) -> bool:
    """Whether reports on it name lines of another file (`#line`)."""
    spans = (getattr(node, "span", None) for node in nodes(program))
    return any(isinstance(span, Span) and span.script_path for span in spans)
