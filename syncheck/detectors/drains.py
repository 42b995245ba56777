"""Data handed on before it is complete: signals behind the wrong pipe, stores still under way at the end.

DRN001
------
Data is published from a pipe, or after a drain of a pipe, that is not the one that wrote it. A cross-core signal
(ffts_cross_core_sync, record, set_intra_block) says: everything earlier on its own pipe is complete. A drain
(set_flag(X, S), wait_flag(X, S), or pipe_barrier(X)) completes X and nothing else. If another pipe stored the data,
the reader on the other core is told too early.

The question behind most of these: an accumulator tile (L0C → GM) is stored by FIX, not by MTE3, on A2/A3. Draining
MTE3, or signalling from it, orders nothing. The pipe of accumulator stores is an option of the machine: `-O
acc_store=FIX+MTE3` is the conservative reading that the store needs both. Under `-O xcore_visibility=needs-dsb` the
rule also asks for a dsb on the writing core, after S knows that the store is complete and before the signal.

Silent when the signal is sent by the pipe that wrote, or after that pipe was drained.

What to do: send the signal from the pipe that wrote the data: ffts_cross_core_sync(PIPE_FIX, …) after an accumulator
store, PIPE_MTE3 after a store from UB.

Seen: the review of PR #629 asked whether PIPE_FIX after TPUSH should be PIPE_MTE3. It should not: FIX is right, MTE3
would be this error (fixtures/seeds/pr629_mte3_drain.sync).

DRN002
------
A store to GM may still be under way when the kernel returns. Under a task runtime the next task starts as soon as the
function returns, on this core or another, and reads what is not there yet.

A `__global__` function of a C++ kernel is launched, and the end of a launch is taken to wait for all pipes: there the
rule is a warning, for the vendor asks for pipe_barrier(PIPE_ALL) at the end all the same. It is a warning too where
another pipe than S waited for the store (set_flag(MTE3, MTE2), wait_flag(MTE3, MTE2)): kernels run with that, but the
return, which S runs, is not held. `-O exit=launch` says that
every kernel is launched and waited for, and turns the rule off; `-O exit=task` makes it an error for every kernel;
`// syncheck: exit task` (or launch) says it for one file.

Silent when every pipe that stores to GM is drained to S (or by PIPE_ALL) after its last store.

What to do: set_flag(PIPE_MTE3, PIPE_S, id) after the last store and wait_flag(PIPE_MTE3, PIPE_S, id) before the
return; FIX in place of MTE3 for accumulator stores.

Seen: the path for a request of length 0 in all TPUSH versions of paged attention: TSTORE, then
pipe_barrier(PIPE_MTE3), which does not hold the return (fixtures/seeds/zero_length_block.sync). simpler #620 drained
the stores of paged attention to MTE2; its kernels drain to S today.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from syncheck.analysis import Analysis
from syncheck.detectors import unseen
from syncheck.detectors.causes import Spot, cores_of, grouped, pairs, place, unpublished
from syncheck.detectors.words import agent, buffer, bytes_of, doer, plain_core, smallest
from syncheck.finding import Finding, Label
from syncheck.observation import Access, Clash, Remark
from syncheck.recorded import recorded, witness_of_store
from syncheck.remedy import free_event, legal


def unpublished_stores(analysis: Analysis) -> Iterator[Finding]:
    """DRN001: one for each store whose readers are told too early."""
    mine = [c for c in analysis.log.clashes.values() if c.kind == "unordered" and unpublished(c)]
    for group in grouped(mine, lambda c: (_store(analysis, c), plain_core(analysis.site(c.later).core))):
        yield _finding(analysis, group)
    yield from unseen.between_cores(analysis)


def _store(analysis: Analysis, clash: Clash) -> tuple[object, ...]:
    site = analysis.site(clash.earlier)
    return place(site.span), plain_core(site.core), site.pipe


def drained_pipe(analysis: Analysis, drain: Access) -> str:
    """The pipe that a drain completes: "FIX" of wait_flag(FIX, S), of pipe_barrier(FIX); "ALL"."""
    return analysis.site(drain).detail.split(", ")[0].removeprefix("PIPE_")


def _publisher(analysis: Analysis, clash: Clash) -> tuple[Access, str]:
    """Where it goes wrong, and how: the drain between store and signal, else the signal."""
    signal = analysis.site(clash.heard[0])
    if clash.drains:
        pipe = drained_pipe(analysis, clash.drains[-1])
        return clash.drains[-1], f"after draining {pipe}"
    return clash.heard[0], f"from {signal.pipe}"


def _finding(analysis: Analysis, group: Sequence[Clash]) -> Finding:
    first = group[0]
    _, store = analysis.labels(first)
    culprit, how = _publisher(analysis, first)
    every = [_spot(analysis, clash) for clash in group]
    spots = [spot for spot in every if spot.primary.span == every[0].primary.span]
    readers = _readers(analysis, group)
    run = recorded(analysis, first)
    values = analysis.parameters(first.case)
    signal = analysis.site(first.heard[0])
    title = f"{buffer(store.region)} is published {how}, but {store.pipe} wrote it"
    message = (
        f"{bytes_of(store.region)} is written by {doer(store)} and published {how} at {spots[0].primary.span.path}:"
        f"{spots[0].primary.span.line}; {doer(readers[0])} may read it before {store.pipe} is done{smallest(values)}."
    )
    why = [
        f"The signal is sent by {signal.pipe} at {signal.span.line}: it says that {signal.pipe} is done, not that "
        f"{store.pipe} is." if signal.pipe != store.pipe
        else f"{store.op} at {store.span.line} is not complete when {signal.pipe} signals at {signal.span.line}."
    ]  # fmt: skip
    if culprit is not first.heard[0]:
        pipe = drained_pipe(analysis, culprit)
        why.append(f"The drain at {spots[0].primary.span.line} completes {pipe} only; {store.op} runs on {store.pipe}.")
    return Finding(
        "DRN001", "error", title, message, (spots[0].primary, store, *readers),
        where=analysis.where(cores_of(spots), [c.case for c in group]), parameters=values,
        occurrences=sum(c.count for c in group), why=tuple(why), order=_orders(analysis, store, signal.op),
        pairs=pairs(analysis, spots), witness=None if run is None else run.witness,
    )  # fmt: skip


def _spot(analysis: Analysis, clash: Clash) -> Spot:
    _, store = analysis.labels(clash)
    culprit, _ = _publisher(analysis, clash)
    note = "publishes" if culprit is clash.heard[0] else f"drains {drained_pipe(analysis, culprit)}"
    return Spot(analysis.label("primary", culprit, note=note), store, clash.case, clash.count, clash)


def _readers(analysis: Analysis, group: Sequence[Clash]) -> tuple[Label, ...]:
    found: dict[object, Label] = {}
    for clash in group:
        later, _ = analysis.labels(clash)
        note = Label(
            "note", later.span, later.core, later.pipe, later.op, later.access, later.region, later.frames, "reads it"
        )
        found.setdefault(place(later.span), note)
    return tuple(found.values())


def _orders(analysis: Analysis, store: Label, op: str) -> tuple[str, ...]:
    if op == "set_intra_block":
        sent = f"set_intra_block(PIPE_{store.pipe}, …)"
    elif op == "ffts_cross_core_sync":
        sent = f"ffts_cross_core_sync(PIPE_{store.pipe}, 2, …)"
    else:
        sent = f"Signal from {store.pipe}"
    found = [f"{sent} after {store.span.line}: the pipe that wrote sends the signal."]
    if legal(analysis, store.core, store.pipe, "S"):
        triple = _triple(analysis, store.core, store.pipe)
        found.append(f"Or set_flag({triple}) and wait_flag({triple}) after {store.span.line}, before the signal.")
    return tuple(found)


def _triple(analysis: Analysis, core: str, pipe: str) -> str:
    event = free_event(analysis, core, pipe, "S")
    return f"PIPE_{pipe}, PIPE_S, {'EVENT_IDn' if event is None else f'EVENT_ID{event}'}"


# ---------------------------------------------------------------- the end of the kernel


def stores_in_flight(analysis: Analysis) -> Iterator[Finding]:
    """DRN002: one for each store that the return may overtake."""
    mine = [remark for remark in analysis.log.remarks.values() if remark.kind in ("in flight", "told elsewhere")]
    for found in grouped(mine, lambda r: _position(analysis, r)):
        group = [remark for remark in found if remark.kind == "in flight"]
        told = not group and analysis.machine.options["exit"] == "auto"  # to another pipe, on every path
        group = group or list(found)
        first = group[0]
        label = _store_label(analysis, first.places[0])
        values = analysis.parameters(first.case)
        spots = [Spot(_store_label(analysis, r.places[0]), None, r.case, r.count) for r in group]
        name = buffer(label.region) if label.region is not None else "the store to GM"
        launched = _launched(analysis)
        title = (
            f"{name} is not drained: the end of the launch is taken to wait for it" if launched
            else f"{name} is drained, but not to S: the kernel may return before it is stored" if told
            else f"{name} may still be being stored when the kernel returns"
        )  # fmt: skip
        yield Finding(
            "DRN002", "warning" if launched or told else "error", title,
            f"{doer(label)} stores {bytes_of(label.region)}, and {'S does not wait' if told else 'nothing waits'} "
            f"for it before the kernel returns{smallest(values)}.",
            (label,), where=analysis.where(cores_of(spots), [r.case for r in group]), parameters=values,
            occurrences=sum(r.count for r in group),
            why=(*_why(analysis, label), *((_OF_A_LAUNCH,) if launched else ())), order=_drain(analysis, label),
            pairs=pairs(analysis, spots), witness=witness_of_store(analysis, first.places[0], first.case),
        )  # fmt: skip


_OF_A_LAUNCH = (
    "The kernel is launched: that the end of a launch waits for all pipes is assumed. The vendor asks for "
    "pipe_barrier(PIPE_ALL) there; -O exit=task takes that as a must."
)


def _launched(analysis: Analysis) -> bool:
    """Whether the kernel ends with its launch, as far as its text tells and no option says otherwise."""
    said = "" if analysis.program is None else analysis.program.exit
    return analysis.machine.options["exit"] == "auto" and said == "launch"


def _position(analysis: Analysis, remark: Remark) -> tuple[object, ...]:
    site = analysis.site(remark.places[0])
    return place(site.span), plain_core(site.core), site.pipe


def _store_label(analysis: Analysis, access: Access) -> Label:
    """The label of a store, with the GM bytes it writes."""
    handle = next((h for h in access.action.writes if h.page.space == "GM"), None)
    return analysis.label("primary", Access(access.action, access.values, access.seq, handle, True), verb="write")


def _why(analysis: Analysis, label: Label) -> tuple[str, ...]:
    barriers = [
        site for site in analysis.kernel.sites
        if site.core == label.core and site.op == "pipe_barrier" and site.detail == f"PIPE_{label.pipe}"
    ]  # fmt: skip
    after = [site for site in barriers if site.span.line > label.span.line]
    if after:
        line = after[0].span.line
        return (
            f"pipe_barrier(PIPE_{label.pipe}) at {line} orders {label.pipe} against itself; it does not hold the "
            "return.",
        )
    told = [
        site for site in analysis.kernel.sites
        if site.core == label.core and site.op == "wait_flag" and site.span.line > label.span.line
        and site.detail.startswith(f"PIPE_{label.pipe}, ")
    ]  # fmt: skip
    if told:
        pipe = told[0].pipe
        return (f"wait_flag({told[0].detail}) at {told[0].span.line} holds {pipe} until then, not the return.",)
    return (f"No drain of {label.pipe} to S follows on {agent(label).split(' ')[0]}.",)


def _drain(analysis: Analysis, label: Label) -> tuple[str, ...]:
    if label.pipe == "S":
        return ("pipe_barrier(PIPE_ALL) before the return.",)
    triple = _triple(analysis, label.core, label.pipe)
    return (f"set_flag({triple}) after {label.span.line} and wait_flag({triple}) before the return.",)
