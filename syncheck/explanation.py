"""Why two accesses are not in order, what would order them, and the picture of it."""

from __future__ import annotations

from syncheck.analysis import Analysis
from syncheck.drawing import picture
from syncheck.execution import frames_of
from syncheck.finding import Label, Picture, Witness
from syncheck.observation import Clash
from syncheck.recorded import Recorded, recorded
from syncheck.recording import latest_known
from syncheck.remedy import remedies
from syncheck.value import Value, frozen


@frozen
class Told(Value):
    """What a report says about a clash besides the two places: sentences, most important first."""

    why: tuple[str, ...]
    order: tuple[str, ...]
    picture: Picture | None
    witness: Witness | None = None


def explained(analysis: Analysis, clash: Clash, later: Label, earlier: Label, *, single: bool = True) -> Told:
    """The explanation of one clash, whose labels these are. `single`: its cause concerns one buffer only."""
    run = recorded(analysis, clash)
    drawn = picture(clash, later, earlier, run)
    witness = None if run is None else run.witness
    return Told(
        reasons(analysis, clash, later, earlier, run), remedies(analysis, clash, later, earlier, single), drawn, witness
    )


def reasons(
    analysis: Analysis, clash: Clash, later: Label, earlier: Label, run: Recorded | None = None
) -> tuple[str, ...]:
    """Which order there is, and where it falls short."""
    if clash.kind == "reversed":
        return (_reversed(later, earlier),)
    if clash.kind == "same_pipe":
        return (_overlap(analysis, later),)
    found = [
        _signals(analysis, clash, later, earlier) if later.core != earlier.core else _flags(analysis, later, earlier)
    ]
    found.append(_known(analysis, clash, later, earlier, run))
    return tuple(sentence for sentence in found if sentence)


def _flags(analysis: Analysis, later: Label, earlier: Label) -> str:
    core, x, y = later.core, earlier.pipe, later.pipe
    there, back = _shown(analysis, core, x, y), _shown(analysis, core, y, x)
    if there:
        none = f"none that is set after {earlier.span.line} is waited for before {later.span.line}"
        return f"{x}→{y} flags run here ({there}), but {none}."
    if back:
        return f"The only flags between the two run {y}→{x} ({back}). Nothing tells {y} that {x} has finished."
    drain = _shown(analysis, core, x, "S")
    if drain and y != "S":
        return f"No flag runs between {x} and {y}; {x} is drained to S ({drain}), but not between the two."
    return f"No flag runs between {x} and {y} on {core}."


def _shown(analysis: Analysis, core: str, src: str, dst: str) -> str:
    sets, waits = analysis.flags.get((core, src, dst), ((), ()))
    numbers = sorted({site.span.line for site in (*sets, *waits)})
    return ", ".join(map(str, numbers[:6])) + (", …" if len(numbers) > 6 else "")


def _signals(analysis: Analysis, clash: Clash, later: Label, earlier: Label) -> str:
    if not clash.heard:
        return f"{later.core} has heard no signal from {earlier.core} that was sent after {earlier.span.line}."
    sites = [analysis.site(signal) for signal in clash.heard]
    numbers = ", ".join(dict.fromkeys(f"{site.pipe} at {site.span.line}" for site in sites))
    return (
        f"The signals that {later.core} has heard from {earlier.core} since were sent by {numbers}: "
        f"they say nothing about {earlier.pipe} at {earlier.span.line}."
    )


def _known(analysis: Analysis, clash: Clash, later: Label, earlier: Label, run: Recorded | None) -> str:
    """What of the earlier pipe is known complete where the later access starts."""
    whose = earlier.pipe if earlier.core == later.core else f"{earlier.core} {earlier.pipe}"
    newest = latest_known(run.recording, run.later, run.earlier.agent) if run is not None else None
    if run is not None and newest is not None:
        site = run.recording.kernel.sites[newest.action.site]
        turn = ", ".join(frame for frame in frames_of(site, newest.values) if frame and "@" not in frame)
        of_turn = f" of {turn}" if turn else ""
        return f"The last {whose} work known complete here is {site.op}{of_turn}, line {site.span.line}."
    agent = clash.earlier.action.agent
    known = clash.known[agent] if agent < len(clash.known) else 0
    if not known:
        return f"Nothing of {whose} is known complete here."
    return f"The newest {whose} work known complete here is older than {earlier.op} at {earlier.span.line}."


def _reversed(later: Label, earlier: Label) -> str:
    first = earlier.pipe if earlier.core == later.core else f"{earlier.core} {earlier.pipe}"
    return (
        f"{later.op} at {later.span.line} is issued after {earlier.op} at {earlier.span.line}, but {first} waits there "
        f"for something that comes only after {later.op} is complete."
    )


def _overlap(analysis: Analysis, later: Label) -> str:
    if later.pipe == "M":
        return "Small matrix multiplications that depend on each other may overlap; only large ones are kept apart."
    return (
        f"{later.pipe} starts its instructions in order, but a later one may start before the earlier one has finished."
    )
