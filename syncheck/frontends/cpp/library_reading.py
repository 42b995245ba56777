"""A kernel read with the library's own text for its FIFOs, where the user has that text (header mode)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from syncheck.frontends.cpp.library_fifo import Followed, Library, as_followed, follow, with_flags
from syncheck.frontends.cpp.preprocess import Find
from syncheck.frontends.cpp.reader import Reading, fifo_key, read
from syncheck.ir import Program
from syncheck.machine import Machine
from syncheck.source import Problem

BUILT_IN = "FIFOs: built in, TPUSH and TPOP as the machine model says (--include reads the library's)"


def read_kernel(
    text: str, path: str, machine: Machine, find: Find, definitions: Mapping[str, str] | None = None,
    library: Library | None = None, doubt: Iterable[str] = (),
) -> Reading:  # fmt: skip
    """As `read`; with `library` its FIFOs are what that text says. Which it is, is a line of the coverage."""
    reading = read(text, path, machine, find, definitions, doubt)
    pipes = {
        f"{number} {fifo.name}": (reading.coverage.pipes[fifo_key(fifo)], fifo)
        for number, program in enumerate(reading.programs) for fifo in program.fifos
    }  # fmt: skip
    if not pipes:
        return reading
    if library is None:
        reading.coverage.notes.append(BUILT_IN)
        return reading
    followed = follow(pipes, machine, library)
    reading.coverage.notes.append(followed.line())
    reading.library = followed.line()
    reading.machine = with_flags(machine, followed.rings.values())
    reading.programs = [_with(program, number, followed) for number, program in enumerate(reading.programs)]
    return reading


def _with(program: Program, number: int, followed: Followed) -> Program:
    if not program.fifos:
        return program
    rings = [followed.rings.get(f"{number} {fifo.name}") for fifo in program.fifos]
    both = list(zip(program.fifos, rings, strict=True))
    differs = {one: fifo.span for fifo, ring in both if ring for one in ring.unlike(fifo.back_pressure)}
    problems = tuple(
        Problem(span, f"{followed.path}: {one}: that is not followed", "a version without that")
        for one, span in differs.items()
    )
    fifos = tuple(as_followed(fifo, ring) for fifo, ring in both)
    return replace(program, fifos=fifos, problems=(*program.problems, *problems))
