"""What `why --fifo` says, as plain text for 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

from syncheck import smallest
from syncheck.action import ACCESS, HEAR, SIGNAL
from syncheck.detectors.words import plain_core
from syncheck.happens_before import Step, name, place
from syncheck.layout import PlacedFifo
from syncheck.recording import Event, Recording, turn
from syncheck.source import Problem
from syncheck.value import Value, frozen

_WIDTH = 79
_SHOWN = 3
"""Different chains that are printed."""


@frozen
class Depth(Value):
    """Whether `slots` are enough: `holds` is proved; else the parameters that show it, or why it is not settled."""

    slots: int
    holds: bool
    parameters: tuple[tuple[str, str], ...] = ()
    gap: str = ""


@frozen
class Meeting(Value):
    """An older tile and a newer one in one slot, and nothing puts the newer one's write after the other."""

    recording: Recording
    old: Event
    new: Event

    @property
    def parameters(self) -> tuple[tuple[str, str], ...]:
        return smallest.parameters(self.recording.kernel, self.recording.case)


@frozen
class Chain(Value):
    """Why the write of tile t + `apart` starts after the read of tile t is complete, in one run; `tile` is that t.

    `lanes`: the vector lanes that were seen to take these steps.
    """

    recording: Recording
    fifo: str
    tile: int
    apart: int
    read: Event
    write: Event
    steps: tuple[Step, ...]
    lanes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[tuple[str, str, int], ...]:
        """The lines it runs through: chains of two lanes, or of two turns, are one."""
        sites = [self.recording.kernel.sites[step.event.action.site] for step in self.steps]
        return tuple((plain_core(site.core), site.span.path, site.span.line) for site in sites)


@frozen
class FifoAnswer(Value):
    """All there is to say. `ring`: whether the consumer's ring of local tiles is safe; `pinned`: with values of -D."""

    fifo: PlacedFifo
    here: Depth
    depths: tuple[Depth, ...]
    chains: tuple[Chain, ...]
    meeting: Meeting | None
    ring: bool
    pinned: bool = False
    problems: tuple[Problem, ...] = ()


def answer_text(answer: FifoAnswer) -> str:
    lines = [*_head(answer), ""]
    if answer.meeting is not None:
        lines += [*_missing(answer, answer.meeting), ""]
    if not answer.chains and any(depth.holds for depth in answer.depths):
        lines += ["No slot is used a second time in any of the runs looked at.", ""]
    for number, chain in enumerate(answer.chains[:_SHOWN]):
        lines += [*_chain(answer, chain, number), ""]
    if len(answer.chains) > _SHOWN:
        lines += [f"… and {len(answer.chains) - _SHOWN} more ways through other lines.", ""]
    return "\n".join([*lines, *_depths(answer), *_ring(answer)]) + "\n"


def _head(answer: FifoAnswer) -> Iterator[str]:
    fifo, here = answer.fifo, answer.here
    pressure = "back-pressure" if fifo.back_pressure else "no back-pressure"
    what = f"{fifo.name} ({fifo.direction}, {_slots(fifo.slots)}, {pressure})"
    if answer.problems:
        place = answer.problems[0].span
        said = f"not everything was understood, first {place.path}:{place.line}; what follows leaves that out"
    elif here.holds:
        cases = "for these values of -D" if answer.pinned else "in any case"
        said = f"no tile is overwritten before it was read, {cases} (proved)"
    elif here.gap:
        said = f"no tile was seen overwritten before it was read, but not everything was explored: {here.gap}"
    else:
        said = "a tile may be overwritten before it was read"
    yield from _wrapped(f"{what}: {said}", "", "  ")


def _missing(answer: FifoAnswer, meeting: Meeting) -> Iterator[str]:
    recording, old, new = meeting.recording, meeting.old, meeting.new
    label = f"{answer.fifo.name}[t+{new.action.tag - old.action.tag}]"
    reads = "reads" if any(h.page.space == "GM" for h in old.action.reads) else "writes"
    yield from _field("older", f"{place(recording, old)} {reads} {answer.fifo.name}[t]")
    yield from _field("newer", f"{place(recording, new)} writes {label} into the same slot")
    yield from _field("with", _values(meeting.parameters))
    yield from _field("gap", f"Nothing makes the write wait until {name(recording, old)} is complete.")


def _chain(answer: FifoAnswer, chain: Chain, number: int) -> Iterator[str]:
    fifo, apart = answer.fifo, chain.apart
    if number:
        yield "Or, by another way:"
    elif apart == fifo.slots:
        text = f"{fifo.name}[t+{apart}] goes into the slot of {fifo.name}[t]. It is written after that was read:"
        yield from _wrapped(text, "")
    else:
        reach = f"The chain of signals reaches {apart} tiles back, not {fifo.slots}"
        yield from _wrapped(f"{reach}: {fifo.name}[t+{apart}] is written after {fifo.name}[t] was read:", "")
    tiles = tile_names(chain)
    for position, step in enumerate(chain.steps, 1):
        head = f"{position:3}  "
        yield from _wrapped(_step(chain, step, tiles), head, " " * len(head))
    yield from _wrapped(f"In words: {in_words(chain, tiles)}", "     ", "     ")
    run = smallest.parameters(chain.recording.kernel, chain.recording.case)
    lanes = f" {' and '.join(chain.lanes)} alike." if len(chain.lanes) > 1 else ""
    yield from _wrapped(f"(for example t = {chain.tile} with {_values(run)}.{lanes})", "     ", "     ")


def _step(chain: Chain, step: Step, tiles: dict[int, str]) -> str:
    event, recording = step.event, chain.recording
    if event is chain.read or event is chain.write:
        return f"{place(recording, event)} {'reads' if event is chain.read else 'writes'} {tiles[event.index]}"
    around = turn(recording, event)
    about = ", ".join(filter(None, (tiles.get(event.index, ""), around)))
    head = name(recording, event)
    return step.text.replace(head, f"{head} ({about})", 1) if about else step.text


def tile_names(chain: Chain) -> dict[int, str]:
    """For events that push, pop, signal or wait for a tile of any FIFO: "sij[t+2]". The n-th signal is for the n-th."""
    recording = chain.recording
    counts: dict[tuple[int, int, str], int] = {}
    found: dict[int, str] = {}
    for event in recording.events:
        action = event.action
        if action.code == ACCESS and action.tag >= 0:
            owners = [h.owner for h in (*action.reads, *action.writes) if h.owner.startswith("fifo:")]
            if owners:
                found[event.index] = _tile(owners[0].removeprefix("fifo:"), action.tag - chain.tile)
        elif action.code in (SIGNAL, HEAR):
            fifo = _published(chain, event)
            if fifo is not None:
                key = (action.core, action.code, fifo.name)
                counts[key] = counts.get(key, -1) + 1
                found[event.index] = _tile(fifo.name, counts[key] - chain.tile)
    return found


def _published(chain: Chain, event: Event) -> PlacedFifo | None:
    """The FIFO whose tiles this signal announces, or this wait waits for."""
    wiring, action = chain.recording.kernel.wiring, event.action
    sends = action.code == SIGNAL
    flag = wiring.signals[action.channel].flag if sends else wiring.channels[action.channel].event
    cube = wiring.cores[action.core].startswith("AIC")
    for fifo in chain.recording.kernel.layout.fifos.values():
        produces = fifo.direction.startswith("C2V") == cube
        if fifo.flag == flag % 16 and produces == sends:
            return fifo
    return None


def _tile(fifo: str, apart: int) -> str:
    return f"{fifo}[t{f'{apart:+d}' if apart else ''}]"


def in_words(chain: Chain, tiles: dict[int, str]) -> str:
    """Backwards, a core at a time: "AIC writes sij[t+2] (192) after it waited for pij[t] (214); AIV0 signals …"."""
    parts: list[list[Event]] = []
    for step in chain.steps:
        if parts and parts[-1][-1].action.core == step.event.action.core:
            parts[-1].append(step.event)
        else:
            parts.append([step.event])
    said = [_part(chain, part[0], part[-1], tiles) for part in reversed(parts)]
    return "; ".join(said) + "."


def _part(chain: Chain, first: Event, last: Event, tiles: dict[int, str]) -> str:
    kernel = chain.recording.kernel
    core = kernel.wiring.cores[last.action.core]

    def told(event: Event) -> str:
        site = kernel.sites[event.action.site]
        what = tiles.get(event.index)
        if what is None:
            what = "a free slot" if site.op == "TPUSH" else f"a signal by {site.op}"
            what = "that its slot is free" if site.op == "TPOP" else what
        return f"{what} ({site.span.line})"

    does = "writes" if last is chain.write else "signals"
    before = "read" if first is chain.read else "waited for"
    return f"{core} {does} {told(last)} after it {before} {told(first)}"


# ---------------------------------------------------------------- depths


def _depths(answer: FifoAnswer) -> Iterator[str]:
    said = [_depth(depth) for depth in answer.depths]
    enough = next((depth.slots for depth in answer.depths if depth.holds), None)
    if not answer.fifo.back_pressure and enough is not None:
        said.append(
            f"{enough + 1} slots and more: proved too, for a push starts after the push before it, and without "
            "back-pressure no signal depends on the depth."
        )
    for sentence in said:
        yield from _field("depth" if sentence is said[0] else "", sentence)


def _depth(depth: Depth) -> str:
    if depth.holds:
        return f"{_slots(depth.slots)}: proved."
    if depth.gap:
        return f"{_slots(depth.slots)}: not settled ({depth.gap})."
    return f"{_slots(depth.slots)}: refuted{f', with {_values(depth.parameters)}' if depth.parameters else ''}."


def _ring(answer: FifoAnswer) -> Iterator[str]:
    fifo = answer.fifo
    if not fifo.local_slots:
        return
    tiles = f"The consumer's ring of {_count(fifo.local_slots, 'tile')} in {fifo.local_space}"
    if not answer.ring:
        yield from _field("ring", f"{tiles} is not safe: `syncheck check` has the finding (FIF001).")
    elif answer.here.holds:
        yield from _field("ring", f"{tiles} is safe as well.")
    else:
        yield from _field("ring", f"{tiles}: nothing was seen overwritten too early there.")


def _slots(count: int) -> str:
    return _count(count, "slot")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _values(parameters: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{key} = {value}" for key, value in parameters) or "any parameters"


def _field(label: str, sentence: str) -> list[str]:
    return _wrapped(sentence, f"  {label:9}", " " * 11)


def _wrapped(text: str, head: str, rest: str = "") -> list[str]:
    return wrap(text, _WIDTH, initial_indent=head, subsequent_indent=rest, break_long_words=False)
