"""Agents and channels of one analysis: which (core, pipe) has which clock component, which flag has which queue."""

from __future__ import annotations

from syncheck.value import Value, frozen

SCALAR_DATA = "S.data"
"""The pseudo pipe of scalar stores: they leave the scalar unit in order, but others see them only through a flag."""


@frozen
class Channel(Value):
    """A flag (src, dst, event of one core) or the counter `event` of a core that others signal (`cross`)."""

    core: str
    src: str
    dst: str
    event: int
    cross: bool = False

    def __str__(self) -> str:
        if self.cross:
            return f"cross-core flag {self.event} of {self.core}"
        return f"({self.src}, {self.dst}, {self.event}) on {self.core}"


@frozen
class Signal(Value):
    """A cross-core signal: fires once every core of `sources` has sent it, and adds one to each of `targets`
    (channels)."""

    flag: int
    mode: int
    sources: tuple[int, ...]
    targets: tuple[int, ...]


class Wiring:
    """Numbers for cores, agents, channels and signals, handed out as they are met.

    A core is named AIC, AIV0, AIV1, or with a block number AIC.3. `by_destination` False keys flags by (src, event).
    `fences`: the sites of dsb.
    """

    def __init__(self, *, by_destination: bool = True, lanes: int = 2) -> None:
        self.cores: list[str] = []
        self.core_index: dict[str, int] = {}
        self.agents: list[tuple[int, str]] = []
        self.agent_index: dict[tuple[int, str], int] = {}
        self.scalar: list[int] = []
        self.channels: list[Channel] = []
        self._channel_index: dict[Channel, int] = {}
        self.rivals: dict[int, list[int]] = {}
        """For a flag, the flags of the same source pipe and id towards other pipes: one where dst is not in the key."""
        self.signals: list[Signal] = []
        self._signal_index: dict[tuple[int, int, int], int] = {}
        self.by_destination = by_destination
        self.fences: set[int] = set()
        self._lanes = lanes

    def core(self, name: str) -> int:
        found = self.core_index.get(name)
        if found is None:
            found = self.core_index[name] = len(self.cores)
            self.cores.append(name)
            self.scalar.append(self.agent(found, "S"))
        return found

    def agent(self, core: int, pipe: str) -> int:
        found = self.agent_index.get((core, pipe))
        if found is None:
            found = self.agent_index[core, pipe] = len(self.agents)
            self.agents.append((core, pipe))
        return found

    def flag(self, core: int, src: str, dst: str, event: int) -> int:
        return self._channel(Channel(self.cores[core], src, dst if self.by_destination else "", event))

    def counter(self, core: int, flag: int) -> int:
        return self._channel(Channel(self.cores[core], "", "", flag, cross=True))

    def signal(self, core: int, mode: int, flag: int) -> int:
        """The signal that `core` sends with this mode and flag (decoded, hardware.md §3.2; mode 4: §3.3)."""
        found = self._signal_index.get((core, mode, flag))
        if found is None:
            sources, targets = self._route(core, mode, flag)
            whole = Signal(flag, mode, sources, targets)
            found = self.signals.index(whole) if whole in self.signals else len(self.signals)
            if found == len(self.signals):
                self.signals.append(whole)
            self._signal_index[core, mode, flag] = found
        return found

    def name(self, agent: int) -> tuple[str, str]:
        core, pipe = self.agents[agent]
        return self.cores[core], "S" if pipe == SCALAR_DATA else pipe

    def _channel(self, channel: Channel) -> int:
        found = self._channel_index.get(channel)
        if found is None:
            found = self._channel_index[channel] = len(self.channels)
            self.channels.append(channel)
            if channel.dst and channel.event >= 0:
                self._meet_rivals(found, channel)
        return found

    def _meet_rivals(self, number: int, channel: Channel) -> None:
        name = (channel.core, channel.src, channel.event)
        for other, known in enumerate(self.channels[:number]):
            if known.dst and (known.core, known.src, known.event) == name:
                self.rivals.setdefault(number, []).append(other)
                self.rivals.setdefault(other, []).append(number)

    def _route(self, core: int, mode: int, flag: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        name, _, block = self.cores[core].partition(".")
        tail = f".{block}" if block else ""
        cube = f"AIC{tail}"
        lanes = [f"AIV{lane}{tail}" for lane in range(self._lanes)]
        if mode == 2 and name == "AIC":
            return (core,), tuple(self.counter(self.core(lane), flag) for lane in lanes)
        if mode == 2:
            return tuple(self.core(lane) for lane in lanes), (self.counter(self.core(cube), flag),)
        if mode == 1:
            group = tuple(self.core(lane) for lane in lanes)
            return group, tuple(self.counter(member, flag) for member in group)
        if mode == 4:
            return (core,), (self._intra_target(name, tail, flag),)
        kind = name[:3]
        group = tuple(i for i, other in enumerate(self.cores) if other.startswith(kind))
        return group, tuple(self.counter(member, flag) for member in group)

    def _intra_target(self, name: str, tail: str, flag: int) -> int:
        if name == "AIC":
            return self.counter(self.core(f"AIV{flag // 16}{tail}"), flag % 16)
        lane = int(name[3:] or 0)
        return self.counter(self.core(f"AIC{tail}"), flag + 16 * lane)
