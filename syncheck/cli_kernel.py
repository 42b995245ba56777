"""One entry point of a C++ kernel, for the verbs that look at one at a time."""

from __future__ import annotations

from dataclasses import replace

from syncheck.cli_arguments import CommandError
from syncheck.cli_files import Target
from syncheck.cli_headers import Headers
from syncheck.cli_plan import Plan
from syncheck.config import did_you_mean
from syncheck.ir import Program


def kernel_of(text: str, target: Target, plan: Plan, entry: str = "") -> tuple[Program, str, bool]:
    """The Program of one entry point, its name, and whether there are others. Raises CommandError."""
    from syncheck.frontends.cpp.library_reading import read_kernel

    headers, machine = Headers(target.path, plan.include), plan.settings.machine
    reading = read_kernel(text, target.path, machine, headers.find, dict(plan.settings.definitions), headers.library)
    if reading.machine.fifo != machine.fifo:
        raise CommandError(f"{target.path}: {reading.library}; its flags or pipes are others than {machine.name} has")
    named = dict(zip(reading.names, reading.programs, strict=True))
    if not named:
        raise CommandError(f"{target.path}: no entry point that does anything on a pipe")
    listed = ", ".join(named)
    if not entry and len(named) > 1:
        raise CommandError(f"{target.path} has {len(named)} entry points: choose one with --entry ({listed})")
    chosen = entry or listed
    if chosen not in named:
        raise CommandError(f"--entry {chosen}: {target.path} has {listed}{did_you_mean(chosen, named)}")
    program = named[chosen]
    return replace(program, problems=(*reading.problems, *program.problems)), chosen, len(named) > 1


def as_script(text: str, target: Target, plan: Plan, entry: str = "") -> str:
    """The kernel as a script whose lines are told as the kernel's own. Raises CommandError."""
    from syncheck.script_text import script_text

    program, _, _ = kernel_of(text, target, plan, entry)
    return script_text(program)
