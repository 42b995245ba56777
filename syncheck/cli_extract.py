"""`syncheck extract`: the kernel as an event script."""

from __future__ import annotations

import os
from argparse import Namespace

from syncheck.cli_arguments import CommandError
from syncheck.cli_files import STDIN, SUFFIXES, Target, Unreadable, text_of
from syncheck.cli_terminal import put, put_file, say
from syncheck.frontends.script import parse
from syncheck.ir import Program
from syncheck.script_spelling import nodes
from syncheck.script_text import script_text
from syncheck.source import Span


def extract_command(arguments: Namespace) -> int:
    """0: all of it is in the script; 1: the script says with `syncheck: gap` what is not."""
    target = _target(arguments)
    _keep_the_input(target, arguments.output)
    program = _program(target)
    if not program.cores:
        reason = str(program.problems[0]) if program.problems else f"{target.path}: there is no core"
        raise CommandError(reason)
    script = script_text(program, lines=_moved(program))
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
    if kind != "script":
        raise CommandError(f"{name or 'no file'}: neither a kernel (.cpp, .cce) nor an event script (.sync)")
    return Target(name, kind, stdin=path == "-")


def _keep_the_input(target: Target, output: str | None) -> None:
    """Comments are not in a Program: a script written over itself would lose them."""
    both = output and not target.stdin and os.path.exists(output) and os.path.exists(target.path)
    if output and both and os.path.samefile(output, target.path):
        raise CommandError(f"--output {output}: that is the input; name another file")


def _program(target: Target) -> Program:
    try:
        return parse(text_of(target), target.path)
    except Unreadable as error:
        raise CommandError(f"{target.path}: {error}") from None
    except OSError as error:
        raise CommandError(f"{target.path}: {error.strerror}") from None


def _moved(program: Program) -> bool:
    """Whether reports on it name lines of another file (`#line`)."""
    spans = (getattr(node, "span", None) for node in nodes(program))
    return any(isinstance(span, Span) and span.script_path for span in spans)
