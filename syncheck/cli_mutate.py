"""`syncheck mutate`: is every fault in the synchronisation of a kernel noticed?

Exit code 0: each mutant is refuted, warned about or proved to change nothing; 1: the checker has a gap; 2: not done.
"""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator

from syncheck.check import conditions_of, machine_for
from syncheck.cli_arguments import CommandError
from syncheck.cli_files import STDIN, SUFFIXES, Target, Unreadable, text_of
from syncheck.cli_plan import Plan, Planner
from syncheck.cli_terminal import Progress, put, put_file, width
from syncheck.config import ConfigError
from syncheck.definitions import DefinitionError, narrowed, pins_of, strangers_of
from syncheck.faults import Mutant
from syncheck.frontends.script import parse
from syncheck.ir import Program
from syncheck.mutation import MOST, Fate, mutants, tried
from syncheck.mutation_text import document, text
from syncheck.trial import Conditions, Ground

_ground: Ground | None = None
"""The kernel that a worker process puts faults into."""


def mutate_command(arguments: Namespace) -> int:
    target = _target(arguments)
    program, conditions = _kernel(target, arguments)
    ground = Ground(program, conditions)
    if ground.undecided:
        raise CommandError(f"{target.path}: its faults cannot be told from what it has already: {ground.undecided}")
    every = mutants(ground, arguments.core or "")
    if not every:
        where = f" on {arguments.core}" if arguments.core else ""
        raise CommandError(f"{target.path}: there is no synchronisation{where} to put a fault into")
    work, left = every[:MOST], len(every[MOST:])
    with Progress(len(work)) as progress:
        fates = list(_tried(ground, work, arguments.jobs, progress))
    if arguments.format == "json":
        report = document(target.path, conditions.machine.name, fates, left)
    else:
        report = text(target.path, fates, width(bool(arguments.output)), verbose=arguments.verbose, left=left)
    if arguments.output:
        put_file(arguments.output, f"{report}\n")
    else:
        put(report)
    return int(left > 0 or any(fate.fate == "gap" for fate in fates))


def _target(arguments: Namespace) -> Target:
    path = arguments.path
    name = (arguments.stdin_filename or STDIN) if path == "-" else path
    kind = "script" if name == STDIN else SUFFIXES.get(os.path.splitext(name)[1].lower(), "")
    if kind == "trace":
        raise CommandError(f"{name}: a trace is one run; faults are put into event scripts (.sync)")
    if kind != "script":
        hint = "; `syncheck extract` writes one" if kind == "c++" else ""
        raise CommandError(f"{name}: not an event script (.sync){hint}")
    return Target(name, kind, stdin=path == "-")


def _kernel(target: Target, arguments: Namespace) -> tuple[Program, Conditions]:
    try:
        script, plan = text_of(target), Planner(arguments).plan(target)
        return _pinned(parse(script, target.path), target, plan)
    except Unreadable as error:
        raise CommandError(f"{target.path}: {error}") from None
    except (ConfigError, DefinitionError) as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"{target.path}: {error.strerror}") from None


def _pinned(program: Program, target: Target, plan: Plan) -> tuple[Program, Conditions]:
    settings = plan.settings
    if not program.cores:
        reason = str(program.problems[0]) if program.problems else f"{target.path}: there is no core"
        raise CommandError(reason)
    program = narrowed(settings.definitions, program)
    for name, near in strangers_of(settings.definitions, program):
        raise CommandError(f"-D {name}: no parameter of that name{f'; did you mean {near}?' if near else ''}")
    pins = pins_of(settings.definitions, program)
    return program, conditions_of(machine_for(program, settings), pins, settings)


# ---------------------------------------------------------------- many at a time


def _tried(ground: Ground, work: tuple[Mutant, ...], jobs: int, progress: Progress) -> Iterator[Fate]:
    """In the order of `work`, whatever finishes first."""
    workers = min(jobs or os.cpu_count() or 1, len(work))
    if workers < 2:
        for number, mutant in enumerate(work):
            progress.at(number, mutant.edit)
            yield tried(ground, mutant)
        return
    yield from _parallel(ground, work, workers, progress)


def _parallel(ground: Ground, work: tuple[Mutant, ...], workers: int, progress: Progress) -> Iterator[Fate]:
    import multiprocessing
    from concurrent.futures import BrokenExecutor, ProcessPoolExecutor

    with ProcessPoolExecutor(workers, initializer=_begin, initargs=(ground.program, ground.conditions)) as pool:
        try:
            for number, fate in enumerate(pool.map(_in_worker, work, chunksize=4)):
                progress.at(number, fate.mutant.edit)
                yield fate
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise
        except BrokenExecutor:
            raise CommandError("a worker process died (out of memory?); try --jobs 1") from None


def _begin(program: Program, conditions: Conditions) -> None:
    import signal

    global _ground  # noqa: PLW0603 - a worker process has one kernel
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _ground = Ground(program, conditions)


def _in_worker(mutant: Mutant) -> Fate:
    assert _ground is not None
    return tried(_ground, mutant)
