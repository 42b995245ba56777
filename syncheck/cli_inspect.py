"""`syncheck why` and `syncheck graph`: one file looked at closely."""

from __future__ import annotations

import os
import re
from argparse import Namespace

from syncheck.cli_arguments import CommandError
from syncheck.cli_files import STDIN, SUFFIXES, Target, Unreadable, text_of
from syncheck.cli_plan import Plan, Planner
from syncheck.cli_terminal import put, put_file
from syncheck.config import ConfigError

_PLACE = re.compile(r"(?P<path>.*):(?P<line>[0-9]{1,9})")


def why_command(arguments: Namespace) -> int:
    from syncheck.why import WhyError, why

    if arguments.fifo:
        return _why_fifo(arguments)
    if arguments.second is None:
        raise CommandError("expected two places FILE:LINE FILE:LINE, or FILE --fifo NAME")
    first, second = _place(arguments.first), _place(arguments.second)
    second = (second[0] or first[0], second[1])
    first = (first[0] or second[0], first[1])
    target = script_target(arguments.script or first[0], arguments, in_hint=not arguments.script)
    text, plan = read_script(target, arguments)
    more = {"core": arguments.core} if arguments.core else {}
    named = f"{target.path}.sync" if target.kind == "c++" else target.path  # the kernel's lines are not the script's
    try:
        answer = why(text, named, plan.settings, first, second, **more)
    except WhyError as error:
        raise CommandError(str(error)) from None
    put(answer)
    return 0


def _why_fifo(arguments: Namespace) -> int:
    from syncheck.why_fifo import why_fifo
    from syncheck.why_search import WhyError

    if arguments.second is not None or arguments.core or arguments.script:
        raise CommandError("--fifo takes one FILE, and neither --core nor --in")
    target = script_target(arguments.first, arguments)
    text, plan = read_script(target, arguments)
    try:
        put(why_fifo(text, target.path, plan.settings, arguments.fifo))
    except WhyError as error:
        raise CommandError(str(error)) from None
    return 0


def graph_command(arguments: Namespace) -> int:
    from syncheck.why import WhyError, graph, steady

    suffix = os.path.splitext(arguments.output or "out.dot")[1].lower()
    if suffix not in (".dot", ".gv", ".graphml"):
        raise CommandError(f"--output {arguments.output}: expected a name that ends in .dot or .graphml")
    target = script_target(arguments.path, arguments)
    text, plan = read_script(target, arguments)
    try:
        if not arguments.output and not arguments.run and not target.path.endswith(".jsonl"):
            put(steady(text, target.path, plan.settings))
            return 0
        format = "graphml" if suffix == ".graphml" else "dot"
        drawn = graph(text, target.path, plan.settings, format, run=arguments.run)
    except WhyError as error:
        raise CommandError(str(error)) from None
    if arguments.output:
        put_file(arguments.output, drawn)
    else:
        put(drawn)
    return 0


def _place(text: str) -> tuple[str, int]:
    found = _PLACE.fullmatch(text)
    if not found or not int(found["line"]):
        raise CommandError(f"expected FILE:LINE, got {text!r}")
    return found["path"], int(found["line"])


def script_target(path: str, arguments: Namespace, in_hint: bool = False) -> Target:
    name = (arguments.stdin_filename or STDIN) if path == "-" else path
    kind = "script" if name == STDIN else SUFFIXES.get(os.path.splitext(name)[1].lower(), "")
    if kind not in ("script", "trace", "c++"):
        hint = "; name the script whose #line means it with --in SCRIPT.sync" if in_hint else ""
        what = "neither a C++ kernel (.cpp, .cce), an event script (.sync) nor a trace (.jsonl)"
        raise CommandError(f"{name or 'no file'}: {what}{hint}")
    if in_hint and path != "-" and not os.path.exists(name):
        raise CommandError(f"{name}: no such file; name the script whose #line means it with --in SCRIPT.sync")
    return Target(name, kind, stdin=path == "-")


def read_script(target: Target, arguments: Namespace) -> tuple[str, Plan]:
    """The text of a script, or of the one that a kernel is, and what holds for it. Raises CommandError."""
    try:
        text, plan = text_of(target), Planner(arguments).plan(target)
    except (Unreadable, ConfigError) as error:
        raise CommandError(str(error) if isinstance(error, ConfigError) else f"{target.path}: {error}") from None
    except OSError as error:
        raise CommandError(f"{target.path}: {error.strerror}") from None
    if target.kind == "c++":
        from syncheck.cli_kernel import as_script

        text = as_script(text, target, plan, getattr(arguments, "entry", None) or "")
    return text, plan
