"""What a report says: findings, files, the whole report. Plain values; reporters see nothing else."""

from __future__ import annotations

from dataclasses import field

from syncheck.source import Assumed, Span
from syncheck.value import Value, frozen

SEVERITIES = ("error", "warning", "info")


@frozen
class MemoryRange(Value):
    """Bytes [start, stop) of a space. `name` is the tile, tensor or FIFO slot they belong to, "" if they have none.

    `symbol` is set where the start depends on an unknown ("hw + hw_num"): then start and stop are relative to it.
    """

    space: str
    start: int
    stop: int
    name: str = ""
    symbol: str = ""

    def __str__(self) -> str:
        base = f"{self.symbol} + " if self.symbol else ""
        return f"{self.space} {base}0x{self.start:x}..0x{self.stop:x}"


@frozen
class Label(Value):
    """One place a finding points at. role: primary (the later in issue order), secondary (the earlier), note.

    `access` is read, write or "" (no memory access); `frames` are outermost first, like "sf_step@40 i=1" or "i=1".
    `note` says in a few words what happens here ("sets the flag", "drains PIPE_FIX").
    """

    role: str
    span: Span
    core: str = ""
    pipe: str = ""
    op: str = ""
    access: str = ""
    region: MemoryRange | None = None
    frames: tuple[str, ...] = ()
    note: str = ""


@frozen
class LaneEvent(Value):
    """One box in the picture: `kind` is access, set, wait, barrier, signal or other; `mark` is earlier, later or ""."""

    lane: str
    text: str
    kind: str
    mark: str = ""
    line: int = 0


@frozen
class Picture(Value):
    """A few events of the lanes involved, in one order that the synchronisation allows.

    `lanes` name (core, pipe) rows from top to bottom; `events` are in time order, each on one lane; `arrows` are
    pairs of
    indices into `events` (a set and the wait it releases); `gap` says what may happen ("may still be reading").
    """

    lanes: tuple[str, ...]
    events: tuple[LaneEvent, ...]
    arrows: tuple[tuple[int, int], ...] = ()
    gap: str = ""


@frozen
class ScheduleStep(Value):
    """One step of a schedule, of the instruction that `core` issues as its `number`-th (from 1; hidden ones count).

    `does`: an access will "start" and "complete"; a scalar store is "visible" to others later than that; sets and
    signals "complete" when they fire, waits and barriers when they are passed. `turn`: "b=0, i=1".
    """

    core: str
    number: int
    pipe: str
    op: str
    line: int
    turn: str
    does: str


@frozen
class Witness(Value):
    """A schedule that the synchronisation allows, with `parameters` pinned, and what it `shows` after its last step.

    overlap: `later` has started and `earlier` is not complete. backwards: `later` is complete, and `earlier` has only
    started. exit: the core of `earlier` has returned, and that is not complete. stuck: nothing can happen any more, and
    `waiting` cannot be passed. An instruction is (core, its number in issue order). `steps` has only what must come
    before the last step in every schedule, and of a standstill all that happens.
    """

    shows: str
    parameters: tuple[tuple[str, str], ...] = ()
    earlier: tuple[str, int] | None = None
    later: tuple[str, int] | None = None
    waiting: tuple[tuple[str, int], ...] = ()
    steps: tuple[ScheduleStep, ...] = ()


@frozen
class Pair(Value):
    """One pair of source positions that a finding covers."""

    primary: Label
    secondary: Label | None
    occurrences: int = 1
    parameters: tuple[tuple[str, str], ...] = ()
    witness: Witness | None = None


@frozen
class Finding(Value):
    """One root cause. `labels[0]` is the primary label of the first pair.

    title: a short clause for the head line ("pijBf16 is overwritten while it is still being stored").
    message: the same as one full sentence, with both places and the bytes (JSON, SARIF, annotations).
    where: short context for the head line ("both lanes, n_blocks >= 2"). parameters: the smallest that show it.
    why: sentences, most important first. order: what would order it, sentences to type. chain: numbered lines
    (deadlocks).
    pairs: every pair of source positions with the same cause (the first is this finding's own labels).
    """

    rule: str
    severity: str
    title: str
    message: str
    labels: tuple[Label, ...]
    where: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    occurrences: int = 1
    why: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    chain: tuple[str, ...] = ()
    picture: Picture | None = None
    pairs: tuple[Pair, ...] = ()
    suppressed: bool = False
    suppression_reason: str = ""
    baseline: bool = False
    witness: Witness | None = None

    @property
    def primary(self) -> Label:
        return self.labels[0]

    @property
    def fingerprint_key(self) -> tuple[str, ...]:
        """What stays the same when unrelated lines move: rule, file, the texts of the lines, ops, pipes."""
        parts = [self.rule]
        for label in self.labels[:2]:
            text = label.span.text.strip() or str(label.span.line)
            parts += [label.span.path, text, label.core, label.pipe, label.op]
        return tuple(parts)


@frozen
class Gap(Value):
    """A place where the exploration did not go on, and how far it had come: one sentence."""

    span: Span
    message: str


@frozen
class FileReport(Value):
    """The verdict on one file: proved, refuted, bounded or unreadable.

    `parameters`: name → what was asked about (">=1", "{64, 128}", "<=4"). `gaps`: all that keeps the verdict from
    speaking of the whole of that; cases are followed smallest first, and `cut` is the smallest that was not followed
    to its end. `reason`: why it is bounded, or unreadable, in
    one
    sentence ("" otherwise). `states`: states explored; `events`: instructions executed; `ordered`: conflicting pairs of
    source positions that are ordered in every case. `seconds`: wall time of the analysis. `strangers`: names given
    with -D
    that are no parameter here, each with the nearest one; `parameters_known`: the file is a script, so it could tell.
    `undecided`: why it was not decided what could go, where that was asked. `coverage`: for C++, what was understood of
    it, in lines to be read. `remarks`: what else the user is told of how it was read. `assumed`: what a kernel was read
    with, kind by kind.
    """

    path: str
    verdict: str
    machine: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    states: int = 0
    events: int = 0
    ordered: int = 0
    seconds: float = 0.0
    gaps: tuple[Gap, ...] = ()
    cut: tuple[tuple[str, str], ...] = ()
    strangers: tuple[tuple[str, str], ...] = ()
    parameters_known: bool = False
    undecided: str = ""
    coverage: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    assumed: tuple[Assumed, ...] = ()


@frozen
class Report(Value):
    """Everything one run says, in the order it is printed."""

    files: tuple[FileReport, ...] = ()
    machine: str = ""
    verbose: bool = False
    version: str = field(default="")

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for file in self.files for finding in file.findings)

    def count(self, severity: str) -> int:
        """How many findings of this severity stand (neither suppressed nor in the baseline)."""
        return sum(1 for f in self.findings if f.severity == severity and not f.suppressed and not f.baseline)
