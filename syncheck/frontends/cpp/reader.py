"""One C++ file → one Program for each of its entry points, with what was understood of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from syncheck.frontends.cpp import calls, expressions, fifo, selection, statements, types
from syncheck.frontends.cpp.assumptions import assumed
from syncheck.frontends.cpp.comments import Comments, comments
from syncheck.frontends.cpp.cores import cores_of, half
from syncheck.frontends.cpp.coverage import Coverage
from syncheck.frontends.cpp.emission import address_operand, uneven
from syncheck.frontends.cpp.entries import Entry, entries, left_out, other_half
from syncheck.frontends.cpp.independent import independent
from syncheck.frontends.cpp.preprocess import Find, Source, macros_for, preprocess
from syncheck.frontends.cpp.program import Finisher, free_names, read_names, without_unread
from syncheck.frontends.cpp.rank_notes import rank_notes
from syncheck.frontends.cpp.rank_walk import Walk, followed
from syncheck.frontends.cpp.scopes import Scope, declare
from syncheck.frontends.cpp.state import (
    MOST_STEPS,
    MOST_STEPS_OF_FILE,
    Declared,
    Hooks,
    Pass,
    TooMuch,
    Unreadable,
    lies_in,
)
from syncheck.frontends.cpp.syntax import Unit
from syncheck.frontends.cpp.terms import NOWHERE, Terms, unused
from syncheck.frontends.cpp.text_notes import notes
from syncheck.ir import (
    Call,
    Core,
    Def,
    Domain,
    Fifo,
    For,
    If,
    Name,
    Program,
    Statement,
    Tile,
)
from syncheck.machine import Machine
from syncheck.machine_types import FENCES
from syncheck.source import Problem, Span

HOOKS = Hooks(
    value=expressions.value, target=expressions.target, type=types.type_of, statement=statements.statement,
    invoke=calls.invoke, either=selection.either, bound=calls.bound_value, member=calls.member,
    construct=calls.construct, pipe=fifo.make, operand=address_operand,
    operator=calls.operator, fold=calls.fold, destroy=calls.destroy,
)  # fmt: skip


@dataclass(slots=True)
class Reading:
    """The programs of one file (one for each entry point), what the entry points are called, and the coverage.
    `machine`: the one to check them with; `library`: which text its FIFOs come from, where one was asked for."""

    programs: list[Program]
    coverage: Coverage
    machine: Machine
    problems: list[Problem] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    library: str = ""


def fifo_key(one: Fifo) -> tuple[object, ...]:
    """What tells the FIFOs of one file apart."""
    return one.name, one.span, one.direction, one.flag, one.shape, one.slots, one.local_slots


def read(
    text: str, path: str, machine: Machine, find: Find, definitions: Mapping[str, str] | None = None,
    doubt: Iterable[str] = (),
) -> Reading:  # fmt: skip
    """Read a kernel. Nothing is raised: what is not understood is in the problems of the programs. `doubt`: kinds of
    assumptions (source.ASSUMED) not to make."""
    said = comments(text, path)
    given = {
        name: value for name, value in (definitions or {}).items() if re.search(rf"#.*\b{re.escape(name)}\b", text)
    }
    sources = {
        core: preprocess(text, path, [*macros_for(core, machine.name).items(), *given.items()], find)
        for core in ("AIC", "AIV")
    }
    same = sources["AIC"].text == sources["AIV"].text
    units = {core: Unit(source) for core, source in sources.items() if core == "AIV" or not same}
    units.setdefault("AIC", units["AIV"])
    coverage = _coverage(sources["AIV"], path)
    coverage.pinned.update(given)
    domains = {**said.domains, **_pinned(definitions or {})}
    listed = entries(units["AIC"], path)
    known = {entry.name for entry in listed}
    listed += [entry for entry in entries(units["AIV"], path) if entry.name not in known]
    listed, started = _launched(listed, units["AIV"], machine)
    more, left = left_out(units["AIV"], path, started)
    listed += more
    coverage.entries = list(dict.fromkeys(entry.name for entry in listed))
    pins = {name: int(value, 0) for name, value in (definitions or {}).items() if re.fullmatch(r"-?\d+", value)}
    programs: list[Program] = []
    names: list[str] = []
    for entry in listed:
        program = _program(entry, units, path, machine, said, domains, coverage, pins, frozenset(doubt))
        if program is not None and all(_body_of(program) != _body_of(other) for other in programs):
            programs.append(program)
            names.append(entry.name)
    problems = [
        Problem(Span(where, line), f"the preprocessor: {message}") for where, line, message in sources["AIV"].errors
    ]
    return Reading(programs, coverage, machine, problems + left, names)


def _launched(listed: list[Entry], unit: Unit, machine: Machine) -> tuple[list[Entry], set[str]]:
    """Each launch of a function of the host as an entry of its own; and the kernels that are started."""
    found: list[Entry] = []
    started: set[str] = set()
    for entry in listed:
        started.add(entry.name)
        if entry.launch < 0:
            found.append(entry)
            continue
        run = Pass(unit, "AIV", machine, Terms(), Declared(), HOOKS)
        scope = Scope(None, "file")
        declare(unit.root, scope)
        try:
            kernels = entry.launches(run, scope)
        except (TooMuch, RecursionError):
            kernels = []
        found += [replace(entry, launch=number) for number in range(len(kernels))]
        started.update(kernels)
    return found, started


def _body_of(program: Program) -> tuple[object, ...]:
    return (program.cores, program.defs, program.tiles, program.tensors, program.fifos, program.problems)


def _coverage(source: Source, path: str) -> Coverage:
    found = Coverage()
    found.headers = [one for one in source.texts if one != path]
    found.missing = list(source.missing)
    found.undefined = {name: line for name, (asker, line) in source.undefined.items() if asker == path}
    return found


def _pinned(definitions: Mapping[str, str]) -> dict[str, Domain]:
    return {name: Domain(-(1 << 63)) for name in definitions}


def _program(
    entry: Entry, units: dict[str, Unit], path: str, machine: Machine, said: Comments,
    domains: Mapping[str, Domain], coverage: Coverage, pins: dict[str, int], doubt: frozenset[str],
    changing: frozenset[str] = frozenset(),
    instead: tuple[str, tuple[str, str]] = ("", ("", "")), reshaped: frozenset[tuple[Span, int]] = frozenset(),
    named: frozenset[tuple[str, int]] | None = None,
) -> Program | None:  # fmt: skip
    declared, terms = Declared(changing=changing, reshaped=reshaped, named=named, doubt=doubt), Terms()
    bodies: dict[str, tuple[Statement, ...]] = {}
    passes: dict[str, Pass] = {}
    problems: dict[str, dict[tuple[str, int, str], Problem]] = {}
    for core in ("AIC", "AIV"):
        most = max(min(MOST_STEPS, MOST_STEPS_OF_FILE - coverage.steps), 0)
        run = Pass(units[core], core, machine, terms, declared, HOOKS, pins=pins, most=most)
        run.instead = instead[1] if core == instead[0] else run.instead
        terms.here = set()
        declared.problems = {}
        bodies[core] = tuple(_follow(run, entry))
        coverage.steps += run.steps
        passes[core] = run
        problems[core] = declared.problems
    chosen = cores_of(bodies, passes, declared)
    more = _changing(Finisher(terms, declared, machine, {}, entry.span), chosen) - changing
    fresh = declared.crowded and named is None
    if more or declared.unsteady or fresh:
        named = frozenset(declared.places) if fresh else named
        known = changing | more, instead, reshaped | declared.unsteady, named
        return _program(entry, units, path, machine, said, domains, coverage, pins, doubt, *known)
    lonely = half(chosen, declared)
    pair = other_half(units["AIV"], path, entry) if lonely and not instead[0] else None
    if pair is not None:
        core = "AIC" if "AIC" not in chosen else "AIV"
        known = changing, (core, pair), reshaped, named
        whole = _program(entry, units, path, machine, said, domains, coverage, pins, doubt, *known)
        mine = [one for table in problems.values() for one in table.values()]
        if whole is not None and len(whole.cores) > 1 and all(one in mine for one in whole.problems):
            coverage.notes.append(f"the other half of the kernel, on {core}: {pair[1]}, in the place of {pair[0]}")
            return whole
    kept = {core[:3] for core in chosen} or set(problems)
    problems_found = tuple(
        {key: one for core in ("AIC", "AIV") if core in kept for key, one in problems[core].items()}.values()
    )
    problems_found += (*fifo.one_sided(declared), *uneven(declared), *map(fifo.unanswered, lonely))
    if not chosen and not problems_found:
        return None
    for kind, table in declared.understood.items():
        total = coverage.counts.setdefault(kind, {})
        for name, count in table.items():
            total[name] = total.get(name, 0) + count
    coverage.pinned.update((name, str(pins[name])) for name in sorted(declared.pinned))
    coverage.notes += [note for note in declared.notes if note not in coverage.notes]
    coverage.pipes.update((fifo_key(declared.fifos[name]), kind) for name, kind in declared.pipes.items())
    return _finished(entry, chosen, declared, terms, path, machine, said, domains, problems_found)


def _changing(finisher: Finisher, bodies: dict[str, tuple[Statement, ...]]) -> frozenset[str]:
    """The pointers whose memory may hold another integer at each read: what the kernel itself writes, reads as
    volatile, or drops from its data cache in a loop that reads it."""
    declared = finisher.declared
    if "fixed" in declared.doubt:
        return frozenset(declared.loaded)
    for body in bodies.values():
        finisher.find_written(body)
    found = {base for base, owner in declared.bases.items() if owner in finisher.written}
    dropped: dict[str, set[str]] = {}
    for base, loop in declared.cleaned_in:
        dropped.setdefault(loop, set()).add(base)
    found |= {base for base, loop in declared.steady if lies_in(base, dropped.get(loop, ()))}
    found |= set(declared.volatile)
    return frozenset(base for base in declared.loaded if lies_in(base, found))


def _follow(run: Pass, entry: Entry) -> list[Statement]:
    """One pass over one entry point."""
    scope = Scope(None, "file")
    try:
        declare(run.unit.root, scope)
        entry.start(run, scope)
    except Unreadable as gap:
        run.problem(gap.node, gap.message, gap.expected)
    except TooMuch:
        run.problem(
            entry.span,
            "too large to follow, with all its calls and those of the entry points before it",
            "fewer calls, or fewer entry points in a file",
        )
    except RecursionError:
        run.problem(entry.span, "this is nested too deeply to be followed", "less nesting")
    return run.out


# ---------------------------------------------------------------- the program


def _finished(
    entry: Entry, chosen: dict[str, tuple[Statement, ...]], declared: Declared, terms: Terms, path: str,
    machine: Machine, said: Comments, domains: Mapping[str, Domain], problems: tuple[Problem, ...],
) -> Program:  # fmt: skip
    chosen = independent(chosen, terms, declared, (*domains, *declared.pinned))
    finisher = Finisher(terms, declared, machine, dict(domains), entry.span)
    finisher.taken = set(terms.locals) | set(declared.tiles) | set(declared.tensors) | set(declared.fifos)
    finisher.taken |= set(declared.defs) | set(terms.over)
    for body in chosen.values():
        finisher.find_written(body)
    made = {core: finisher.body(body) for core, body in chosen.items()}
    walks = tuple(walk for body in chosen.values() if (walk := followed(finisher, body)) is not None)
    problems += _ranks(finisher, walks)
    _splits(finisher)
    made, defs = _tidy(made, finisher)
    params, unknowns = finisher.values()
    tensors = tuple(one for name, one in declared.tensors.items() if name in finisher.memory)
    used = [one for name, one in declared.tiles.items() if name in finisher.memory]
    tiles = _aliased(sorted(used, key=lambda one: (one.span.path, one.span.line)))  # as the text has them
    fifos = tuple(_used(one, finisher) for name, one in declared.fifos.items() if name in finisher.memory)
    return Program(
        path, machine.name, params, (), unknowns, tensors, tiles, fifos, defs,
        tuple(Core(core, body, entry.span) for core, body in made.items()), said.suppressions, problems,
        (*notes(finisher), *rank_notes(walks)), said.exit or ("launch" if entry.launched else ""),
        assumed(finisher),
    )  # fmt: skip


def _ranks(finisher: Finisher, walks: Iterable[Walk]) -> tuple[Problem, ...]:
    """What other ranks do to the memory that is shared with them is taken to be in order with the waits for them; a gap
    if that is doubted."""
    shared = [touch.span for walk in walks for touch in walk.met if touch.shared]
    if not shared:
        return ()
    if "ranks" in finisher.declared.doubt:
        return (Problem(shared[0], "what other ranks do to this memory is not followed"),)
    finisher.assumed["ranks", "what other ranks do to this memory is in order with the waits for them"] = shared[0]
    return ()


def _used(one: Fifo, finisher: Finisher) -> Fifo:
    """A FIFO that is used; where no tile is popped from its slots in GM, it has no ring on the chip."""
    instead = tuple(name for name in one.instead_of if name in finisher.memory)
    ringless = finisher.machine.fifo[one.direction].slot_space == "GM" and one.name not in finisher.popped
    return replace(one, instead_of=instead, local_address=None if ringless else one.local_address)


def _splits(finisher: Finisher) -> None:
    """A FIFO is split as its vector side says."""
    declared = finisher.declared
    for name, said in declared.splits.items():
        vector = [split for core, split in said if core == "AIV"]
        split = next((one for one in (*vector, *(s for _, s in said)) if one != "none"), "none")
        declared.fifos[name] = replace(declared.fifos[name], split=split)


def _tidy(
    made: dict[str, tuple[Statement, ...]], finisher: Finisher
) -> tuple[dict[str, tuple[Statement, ...]], tuple[Def, ...]]:
    """Leave out variables that nothing reads, and give calls what their bodies need."""
    defs = finisher.defs
    read = set(finisher.declared.fifos) - {one.fifo for one in half(made, finisher.declared)}
    for body in made.values():
        read |= read_names(body, defs)
    for name, one in defs.items():
        defs[name] = replace(one, body=without_unread(one.body, read))
    made = {core: without_unread(body, read) for core, body in made.items()}
    known = frozenset(finisher.called.values()) | {"lane"} | frozenset(finisher.memory) | frozenset(FENCES)
    parameters: dict[str, tuple[str, ...]] = {}

    def given(one: Call) -> Call | None:
        needed = of(one.name)
        arguments = tuple(Name(name, NOWHERE) for name in needed)
        return replace(one, arguments=arguments) if defs[one.name].body else None

    def of(name: str) -> tuple[str, ...]:
        if name not in parameters:
            body = _with_calls(defs[name].body, given)
            parameters[name] = tuple(sorted(free_names(body, defs, known)))
            defs[name] = replace(defs[name], body=body, parameters=parameters[name])
        return parameters[name]

    made = {core: _with_calls(body, given) for core, body in made.items()}
    kept = tuple(one for name, one in defs.items() if name in parameters and one.body)
    taken = finisher.taken | set(finisher.called.values()) | set(finisher.memory)
    return _renumbered(made, kept, finisher.terms.taken, taken - set(finisher.declared.defs))


def _with_calls(body: Iterable[Statement], change: Callable[[Call], Call | None]) -> tuple[Statement, ...]:
    """The same with other calls; without those that become None."""
    result: list[Statement] = []
    for one in body:
        if isinstance(one, Call):
            result += [called] if (called := change(one)) is not None else []
        elif isinstance(one, If):
            then, otherwise = _with_calls(one.then, change), _with_calls(one.otherwise, change)
            result.append(replace(one, then=then, otherwise=otherwise))
        elif isinstance(one, For):
            result.append(replace(one, body=_with_calls(one.body, change)))
        else:
            result.append(one)
    return tuple(result)


def _renumbered(
    made: dict[str, tuple[Statement, ...]], defs: tuple[Def, ...], hints: Mapping[str, str], taken: set[str]
) -> tuple[dict[str, tuple[Statement, ...]], tuple[Def, ...]]:
    """The same with the numbers of those functions that are left, from the name that the text has for them."""
    called: dict[str, str] = {}
    for one in defs:
        called[one.name] = unused(hints.get(one.name, one.name), taken)
        taken.add(called[one.name])

    def again(one: Call) -> Call:
        return replace(one, name=called.get(one.name, one.name))

    if all(name == new for name, new in called.items()):
        return made, defs
    renamed = tuple(replace(one, name=called[one.name], body=_with_calls(one.body, again)) for one in defs)
    return {core: _with_calls(body, again) for core, body in made.items()}, renamed


def _aliased(tiles: list[Tile]) -> tuple[Tile, ...]:
    """Tiles at one address are one buffer seen as different tiles: on purpose."""
    first: dict[tuple[object, ...], str] = {}
    made = []
    for tile in tiles:
        if tile.address is None:
            made.append(tile)
            continue
        owner = first.setdefault((tile.space, tile.address), tile.name)
        made.append(tile if owner == tile.name else replace(tile, aliases=(owner,)))
    return tuple(made)


__all__ = ["Coverage", "Reading", "read"]
