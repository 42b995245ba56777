"""The synchronisation events of a trace: flags, barriers, cross-core signals; what the machine says about them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from syncheck.action import ALL, BARRIER, HEAR, SET, SIGNAL, WAIT, Action, FrameShape
from syncheck.execution import Kernel
from syncheck.frontends.trace_fields import Fields, Malformed, number_of, pipe_of
from syncheck.machine import Machine
from syncheck.memory_map import Handle
from syncheck.observation import Access, Case, Log, Remark

SYNC_OPS = (
    "set_flag", "wait_flag", "pipe_barrier", "ffts_cross_core_sync", "wait_flag_dev", "set_intra_block",
    "wait_intra_block",
)  # fmt: skip


class Recorded(Action):
    """An action of a trace, and the loop values that its line told."""

    __slots__ = ("values",)

    def __init__(
        self,
        code: int,
        core: int,
        agent: int,
        site: int,
        values: tuple[Any, ...] = (),
        reads: tuple[Handle, ...] = (),
        writes: tuple[Handle, ...] = (),
        scalar: bool = False,
        atomic: bool = False,
        channel: int = -1,
    ) -> None:
        self.met = frozenset()
        self.code = code
        self.core = core
        self.agent = agent
        self.site = site
        self.channel = channel
        self.reads = reads
        self.writes = writes
        self.tag = -1
        self.scalar = scalar
        self.atomic = atomic
        self.hidden_flags = ()
        self.values = values


class Sites(Protocol):
    """What this needs of the reader."""

    kernel: Kernel

    def core(self, name: str) -> int: ...

    def site(
        self, event: Fields, core: str, pipe: str, op: str, number: int, operands: tuple[Any, ...],
        *, detail: str = "", frames: tuple[FrameShape, ...] = (), atomic: bool = False,
    ) -> int: ...  # fmt: skip


class Synchronisation:
    """Makes the actions of synchronisation events; each oddity of a kind of core is remarked on once."""

    def __init__(self, reader: Sites, machine: Machine, pipes: tuple[str, ...], log: Log) -> None:
        self._reader = reader
        self._machine = machine
        self._pipes = pipes
        self._log = log
        self._told: set[tuple[Any, ...]] = set()
        self.groups = False
        """Whether a signal to all cores (mode 0) was met: it means the cores known by then."""

    def action(self, event: Fields, core: str, op: str, number: int) -> Recorded:
        if op == "pipe_barrier":
            return self._barrier(event, core, number)
        if op in ("set_flag", "wait_flag"):
            return self._flag(event, core, op, number)
        return self._cross(event, core, op, number)

    def _flag(self, event: Fields, name: str, op: str, number: int) -> Recorded:
        src, dst = (pipe_of(event, key, self._pipes) for key in ("src", "dst"))
        identity = number_of(event, "id", "an event id")
        code, pipe = (SET, src) if op == "set_flag" else (WAIT, dst)
        site = self._reader.site(event, name, pipe, op, number, (identity,), detail=f"PIPE_{src}, PIPE_{dst}")
        core, wiring = self._reader.core(name), self._reader.kernel.wiring
        action = Recorded(
            code, core, wiring.agent(core, pipe), site, scalar=pipe == "S",
            channel=wiring.flag(core, src, dst, identity),
        )  # fmt: skip
        self._check_pair(action, name, op, src, dst)
        low, high = self._machine.event_ids
        reserved = [(entry.low, entry.high, entry.owner) for entry in self._machine.reserved_events]
        self._check_id(action, name, "event id", identity, low, high, reserved)
        return action

    def _barrier(self, event: Fields, name: str, number: int) -> Recorded:
        pipe = pipe_of(event, "pipe", (*self._pipes, "ALL"))
        on = "S" if pipe == "ALL" else pipe
        site = self._reader.site(event, name, on, "pipe_barrier", number, (), detail=f"PIPE_{pipe}")
        core = self._reader.core(name)
        agent = self._reader.kernel.wiring.agent(core, on)
        action = Recorded(ALL if pipe == "ALL" else BARRIER, core, agent, site, scalar=on == "S")
        if isinstance(note := event.get("note"), str) and note.startswith("inside "):
            action.tag = 1  # a library instruction's own
        if pipe == "S":
            text = "pipe_barrier(PIPE_S) faults: the scalar unit is in order"
            self._tell("pair illegal", (name[:3], "S", "S"), action, text)
        return action

    def _cross(self, event: Fields, name: str, op: str, number: int) -> Recorded:
        machine = self._machine
        intra = op.endswith("intra_block")
        if intra and machine.intra_ids is None:
            raise Malformed(f"{machine.name} has no {op}", "ffts_cross_core_sync, wait_flag_dev", key="op")
        sends = op in ("ffts_cross_core_sync", "set_intra_block")
        key = "id" if "flag" not in event and "id" in event else "flag"
        flag = number_of(event, key, "a cross-core flag")
        holds = not sends and (machine.cross_wait == "S" or "pipe" not in event)
        pipe = "S" if holds else pipe_of(event, "pipe", self._pipes)
        mode = 4 if intra else number_of(event, "mode", "0, 1 or 2") if sends else -1
        if sends and mode not in machine.cross_modes:
            modes = ", ".join(map(str, machine.cross_modes))
            raise Malformed(f"there is no cross-core mode {mode}", modes, key="mode")
        high = 31 if name.startswith("AIC") else 15
        if intra and not 0 <= flag <= high:
            raise Malformed(f"there is no intra-block flag {flag}", f"0 to {high} on {name}", key=key)
        self.groups = self.groups or mode == 0
        site = self._reader.site(event, name, pipe, op, number, (mode, flag))
        core, wiring = self._reader.core(name), self._reader.kernel.wiring
        channel = wiring.signal(core, mode, flag) if sends else wiring.counter(core, flag)
        action = Recorded(
            SIGNAL if sends else HEAR, core, wiring.agent(core, pipe), site, channel=channel, scalar=pipe == "S"
        )
        self._note_owner(action)
        if sends and pipe == "S" and machine.cross_wait == "S":
            self._tell("pair illegal", (name[:3], op), action, f"{op} cannot be sent by PIPE_S")
        reserved = [(entry.low, entry.high, entry.owner) for entry in machine.reserved_cross]
        self._check_id(action, name, "cross-core flag", flag % 16 if intra else flag, *machine.cross_ids, reserved)
        return action

    def _note_owner(self, action: Recorded) -> None:
        """Who signals and who waits on which channel (XCR002)."""
        log, place = self._log, Access(action, (), 0)
        if action.code == HEAR:
            log.listeners.setdefault(action.channel, {}).setdefault(action.agent, place)
            return
        signal = self._reader.kernel.wiring.signals[action.channel]
        for target in signal.targets:
            log.senders.setdefault(target, {}).setdefault((action.core, action.agent), place)
            log.modes.setdefault(target, {}).setdefault(signal.mode, place)

    # ------------------------------------------------------------ what the machine does not have

    def _check_pair(self, action: Recorded, name: str, op: str, src: str, dst: str) -> None:
        machine = self._machine
        pair = machine.pair(name, src, dst)
        status = "illegal" if pair is None else pair.status
        if status == "accepted":
            status = "legal" if machine.options["aic_s_pairs"] == "accept" else "illegal"
        if status == "legal":
            return
        text = f"{op}(PIPE_{src}, PIPE_{dst}) on {name[:3]} of {machine.name}"
        if src == dst:
            text += ": a pipe orders itself with pipe_barrier"
        kind = "pair undocumented" if status == "undocumented" else "pair illegal"
        self._tell(kind, (name[:3], src, dst), action, text)

    def _check_id(
        self, action: Recorded, name: str, what: str, number: int, low: int, high: int,
        reserved: Iterable[tuple[int, int, str]],
    ) -> None:  # fmt: skip
        if not low <= number <= high:
            text = f"{what} {number} is out of range: {self._machine.name} has {low} to {high}"
            self._tell("id range", (name[:3], what, number), action, text)
            return
        for first, last, owner in reserved:
            if first <= number <= last:
                text = f"{what} {number} is reserved by {owner}"
                self._tell("id reserved", (name[:3], what, number), action, text)

    def _tell(self, kind: str, key: tuple[Any, ...], action: Recorded, text: str) -> None:
        if (kind, *key) not in self._told and len(self._told) < 1000:
            self._told.add((kind, *key))
            self._reader.kernel.remarks.append(Remark(kind, (Access(action, (), 0),), Case(), text=text))
