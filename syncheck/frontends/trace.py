"""Lines of a recorded trace → actions. A line that was seen before costs one look-up: no JSON, no new objects.

Sites are interned: one for each core, source line, pipe and operation. Where events carry no source line, their on-chip
bytes tell them apart, so that the number of sites does not grow with the trace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from io import IOBase
from typing import Any

from syncheck.action import ACCESS, FrameShape, Site
from syncheck.execution import Kernel
from syncheck.frontends.trace_fields import (
    LONGEST_LINE,
    Fields,
    Malformed,
    Range,
    core_of,
    fields_of,
    number_of,
    pipe_of,
    ranges_of,
    text_of,
)  # fmt: skip
from syncheck.frontends.trace_sync import SYNC_OPS, Recorded, Synchronisation
from syncheck.layout import Layout
from syncheck.machine import Machine
from syncheck.memory_map import Atlas, Handle
from syncheck.observation import Log
from syncheck.source import Problem, Span
from syncheck.wiring import SCALAR_DATA, Wiring

CACHED = 1 << 16
"""Lines whose actions are kept."""
CACHED_FAR = 1 << 12
"""Of those that touch GM: their addresses may grow for ever."""
SHOWN_PROBLEMS = 20
_CHUNK = 1 << 18
_GM = b'["GM",'
_SYNC_KEYS = frozenset({"src", "dst", "id", "flag", "mode"})


def lines_of(source: Iterable[bytes]) -> Iterable[bytes]:
    """The lines of a stream, none much longer than LONGEST_LINE: of a longer one only the beginning is kept."""
    return _stream_lines(source.read) if isinstance(source, IOBase) else source


def _stream_lines(read: Callable[[int], bytes]) -> Iterator[bytes]:
    rest = b""
    cut = False
    while chunk := read(_CHUNK):
        lines = chunk.split(b"\n")
        if cut:
            if len(lines) == 1:
                continue
            lines[0], cut = rest, False
        else:
            lines[0] = rest + lines[0]
        rest = lines.pop()
        yield from lines
        if len(rest) > LONGEST_LINE:
            rest, cut = rest[: LONGEST_LINE + 1], True
    if rest:
        yield rest


class Template:
    """Lines that are equal but for the address of their one GM range."""

    __slots__ = ("agent", "atomic", "core", "reads", "scalar", "site", "slot", "values", "writes")

    def __init__(self, action: Recorded, slot: int) -> None:
        self.core, self.agent, self.site = action.core, action.agent, action.site
        self.reads, self.writes = action.reads, action.writes
        self.scalar, self.atomic, self.values = action.scalar, action.atomic, action.values
        self.slot = slot

    def action(self, handle: Handle) -> Recorded:
        reads, writes, slot = self.reads, self.writes, self.slot
        if slot >= len(reads):
            slot -= len(reads)
            writes = (*writes[:slot], handle, *writes[slot + 1 :]) if len(writes) > 1 else (handle,)
        elif len(reads) > 1:
            reads = (*reads[:slot], handle, *reads[slot + 1 :])
        else:
            reads = (handle,)
        return Recorded(ACCESS, self.core, self.agent, self.site, self.values, reads, writes, self.scalar, self.atomic)


class Reader:
    """Makes the Kernel of one trace while its lines come in. `known` maps lines to their actions, for the hot loop.

    `sharing` are the agents that touch GM; `before` is a reader of the same trace whose cores and agents count at once.
    """

    def __init__(self, path: str, machine: Machine, log: Log, before: Reader | None = None) -> None:
        by_destination = machine.options["flag_key"] == "src,dst,id"
        wiring = Wiring(by_destination=by_destination, lanes=int(machine.options["lanes"]))
        self.kernel = Kernel([], wiring, Atlas(), Layout(), [], {})
        self.path = path
        self.known: dict[bytes, Recorded] = {}
        self.far: dict[bytes, Recorded] = {}
        self.problems: list[Problem] = []
        self.malformed = 0
        self.news = False
        self.seen: dict[str, int] = {}
        self.sharing: dict[tuple[str, str], int] = {}
        self.gm = self.kernel.atlas.page("GM", "GM")
        self._templates: dict[tuple[bytes, bytes], Template] = {}
        self._sites: dict[tuple[Any, ...], int] = {}
        self._spaces = ("GM", *machine.spaces)
        self._pipes = tuple(dict.fromkeys(pipe for pipes in machine.pipes.values() for pipe in pipes))
        self._sync = Synchronisation(self, machine, self._pipes, log)
        if before is not None:
            for name in before.kernel.wiring.cores:
                wiring.core(name)
            for name, pipe in before.sharing:
                self.sharing[name, pipe] = wiring.agent(wiring.core(name), pipe)

    @property
    def groups(self) -> bool:
        """Whether a signal to all cores was met."""
        return self._sync.groups

    def read(self, line: bytes, number: int, *, survey: bool = False) -> Recorded | None:
        """The action of a line not in `known`; None for a blank or malformed one. `survey`: nothing will run it."""
        if line in self.far:
            return self.far[line]
        head, gm, tail = line.partition(_GM)
        key = None
        if gm:
            first, _, tail = tail.partition(b",")
            second, _, tail = tail.partition(b"]")
            start, stop = _number(first), _number(second)
            if 0 <= start < stop and _GM not in tail:
                key = head, tail
                template = self._templates.get(key)
                if template is not None:
                    return None if survey else template.action(self.gm.handle(start, stop, "GM", ""))
        try:
            action = self._event(line, number)
        except Malformed as malformed:
            self._malformed(malformed, line, number)
            return None
        if action is not None:
            self._keep(line, key, action)
        return action

    def _keep(self, line: bytes, key: tuple[bytes, bytes] | None, action: Recorded) -> None:
        handles = (*action.reads, *action.writes)
        slots = [slot for slot, handle in enumerate(handles) if handle.page is self.gm]
        if not slots:
            if len(self.known) >= CACHED:
                self.known.clear()
            self.known[line] = action
        elif key is not None and len(slots) == 1:
            if len(self._templates) >= CACHED:
                self._templates.clear()
            self._templates[key] = Template(action, slots[0])
        else:
            if len(self.far) >= CACHED_FAR:
                self.far.clear()
            self.far[line] = action

    def _event(self, line: bytes, number: int) -> Recorded | None:
        text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if not text.strip():
            return None
        self.news = True
        event = fields_of(text)
        core = core_of(event)
        op = text_of(event, "op", "the name of the instruction, like TLOAD or set_flag")
        data = "reads" in event or "writes" in event
        if op in SYNC_OPS:
            return self._sync.action(event, core, op, number)
        if not data and (_SYNC_KEYS & event.keys() or "pipe" not in event):
            what = f"there is no synchronisation {op[:40]!r}" if "pipe" in event else f"{op[:40]!r} has no 'pipe'"
            raise Malformed(what, "one of " + ", ".join(SYNC_OPS), name=op, names=SYNC_OPS, key="op")
        return self._access(event, core, op, number)

    def _access(self, event: Fields, name: str, op: str, number: int) -> Recorded:
        pipe = pipe_of(event, "pipe", self._pipes)
        reads, writes = (ranges_of(event, key, self._spaces) for key in ("reads", "writes"))
        atomic = event.get("atomic", False)
        if not isinstance(atomic, bool):
            if atomic not in (0, 1) and not isinstance(atomic, str):
                raise Malformed("'atomic' is neither true nor false", "true or false", key="atomic")
            atomic = bool(atomic) and atomic != "none"
        frames, values = _loops(event)
        near = tuple(item for item in (*reads, None, *writes) if item is None or item[0] != "GM")
        site = self.site(event, name, pipe, op, number, near, frames=frames, atomic=atomic)
        core = self.core(name)
        wiring = self.kernel.wiring
        agent = wiring.agent(core, pipe)
        if writes and pipe == "S":
            wiring.agent(core, SCALAR_DATA)
        if any(item[0] == "GM" for item in (*reads, *writes)):
            self.sharing.setdefault((name, pipe), agent)
        return Recorded(
            ACCESS, core, agent, site, values, scalar=pipe == "S", atomic=atomic,
            reads=tuple([self._handle(name, item) for item in reads]),
            writes=tuple([self._handle(name, item) for item in writes]),
        )  # fmt: skip

    def core(self, name: str) -> int:
        """The number of a core that has an event."""
        found = self.kernel.wiring.core(name)
        self.seen.setdefault(name, found)
        return found

    def _handle(self, core: str, item: Range) -> Handle:
        space, start, stop = item
        page = self.gm if space == "GM" else self.kernel.atlas.page(f"{core}:{space}", space)
        return page.handle(start, stop, space, "")

    def site(
        self, event: Fields, core: str, pipe: str, op: str, number: int, operands: tuple[Any, ...],
        *, detail: str = "", frames: tuple[FrameShape, ...] = (), atomic: bool = False,
    ) -> int:  # fmt: skip
        """The site of an event, made when it is met first; `operands` tell sites without a source line apart."""
        path = text_of(event, "file", "the name of a source file") if "file" in event else self.path
        line = number_of(event, "line", "a line number from 1", least=1) if "line" in event else 0
        key = (core, path, line or operands, pipe, op, detail, atomic, frames)
        found = self._sites.get(key)
        if found is None:
            sites = self.kernel.sites
            found = self._sites[key] = len(sites)
            span = Span(path if line else self.path, line or number, script_path=self.path, script_line=number)
            sites.append(Site(found, span, core, pipe, op, frames, False, detail, atomic))
        return found

    # ------------------------------------------------------------ problems

    def _malformed(self, malformed: Malformed, line: bytes, number: int) -> None:
        self.malformed += 1
        if self.malformed > SHOWN_PROBLEMS:
            return
        text = line[:400].decode("utf-8", "replace").rstrip("\r\n")
        shown = "".join(c if c.isprintable() else "?" for c in text)
        at = shown.find(f'"{malformed.key}"') + 1 if malformed.key else 0
        column = malformed.column or at or 1
        end = at + len(malformed.key) + 2 if at and not malformed.column else 0
        span = Span(self.path, number, min(column, len(shown) + 1), end, shown[:200])
        self.problems.append(Problem(span, malformed.message, malformed.expected, malformed.suggestion))

    def all_problems(self, lines: int) -> tuple[Problem, ...]:
        """What could not be read, at the end of a trace of so many lines."""
        problems = list(self.problems)
        more = self.malformed - len(problems)
        if more > 0:
            problems.append(Problem(problems[-1].span, f"and {more} more lines that are no events"))
        if not lines:
            problems.append(Problem(Span(self.path, 1), "this trace is empty", "one JSON object on a line"))
        return tuple(problems)


def _number(text: bytes) -> int:
    """A JSON number without sign or fraction, or -1."""
    digits = text.strip(b" ")
    return int(digits) if digits.isdigit() and len(digits) < 19 and (digits[0] != 48 or len(digits) == 1) else -1


def _loops(event: Fields) -> tuple[tuple[FrameShape, ...], tuple[Any, ...]]:
    """What `loop` says, for reports: {"i": 1}, [1, 2], 1 or a text."""
    said = event.get("loop")
    if said is None or said in ("", [], {}):
        return (), ()
    items = said.items() if isinstance(said, dict) else [("loop", said)]
    pairs = [(str(name)[:40], value if isinstance(value, int) else str(value)[:80]) for name, value in items]
    pairs = [(_plain(name), value if isinstance(value, int) else _plain(value)) for name, value in pairs]
    shown = tuple((name, slot) for slot, (name, _) in enumerate(pairs))
    return (FrameShape("loop", "", 0, shown),), tuple(value for _, value in pairs)


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)
