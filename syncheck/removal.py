"""Which synchronisation could go: the Program is proved again without it (docs/proofs.md, "Surplus").

What belongs together is seen in one exploration: the sets and waits that meet, primes and drains included.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from syncheck.action import Action, Site
from syncheck.analysis import Surplus
from syncheck.build import kernels
from syncheck.edits import Place, edited, statements
from syncheck.execution import Kernel
from syncheck.ir import Barrier, SetFlag, Statement, WaitFlag
from syncheck.narrowing import narrower
from syncheck.observation import Log
from syncheck.proof import Explorer
from syncheck.replay import Replay
from syncheck.sightings import Token, Values
from syncheck.trial import Ground, Spot, spot
from syncheck.value import Record, Value, frozen, mutable


@frozen
class Removable(Value):
    """Statements that can only go together, in the order of the text; `sites` has one site of each.

    `flag`: (src, dst, event ids) that they use; None for a barrier.
    """

    places: tuple[Place, ...]
    sites: tuple[Site, ...]
    flag: tuple[str, str, tuple[int, ...]] | None = None

    @property
    def name(self) -> str:
        if self.flag is None:
            return ""
        src, dst, events = self.flag
        return f"{src}→{dst}, {', '.join(f'EVENT_ID{event}' for event in events)}"


class _Meetings(Log):
    """A log that also keeps which set released which wait: (site of the set, site of the wait, channel)."""

    def __init__(self) -> None:
        super().__init__()
        self.met: set[tuple[int, int, int]] = set()


class _Watching(Replay):
    """A replay that tells who met whom."""

    __slots__ = ()

    def _consumed(self, action: Action, values: Values, token: Token, number: int) -> None:
        if isinstance(self.log, _Meetings):
            self.log.met.add((token[1].site, action.site, action.channel))
        super()._consumed(action, values, token, number)


def removables(ground: Ground) -> tuple[Removable, ...]:
    """Every barrier that is reached and every group of sets and waits that meet, in the order of the text."""
    found: dict[tuple[Place, ...], Removable] = {}
    for kernel, log in _watched(ground):
        text = _Text(ground, kernel)
        for number in sorted({*log.busy_barriers, *log.idle_barriers}):
            site = kernel.sites[number]
            if (places := text.places(site)) and not site.hidden:
                found.setdefault(places, Removable(places, (site,)))
        for group in text.groups(log.met):
            found.setdefault(group.places, group)
    return tuple(sorted(found.values(), key=lambda r: spot(r.sites[0].span)))


def _watched(ground: Ground) -> Iterable[tuple[Kernel, _Meetings]]:
    conditions = ground.conditions
    for kernel in kernels(ground.program, conditions.machine, conditions.pins):
        log = _Meetings()
        Explorer(
            kernel, conditions.rules, log, max_states=conditions.max_states, bound=conditions.bound, game=_Watching
        ).run()
        yield kernel, log


class _Text:
    """From the sites of a Kernel back to the statements of the Program."""

    def __init__(self, ground: Ground, kernel: Kernel) -> None:
        self._kernel = kernel
        self._places: dict[tuple[Spot, str], list[Place]] = {}
        for place, statement in statements(ground.program):
            if verb := verb_of(statement):
                self._places.setdefault((spot(statement.span), verb), []).append(place)

    def places(self, site: Site) -> tuple[Place, ...]:
        return tuple(self._places.get((spot(site.span), site.op), ()))

    def groups(self, met: Iterable[tuple[int, int, int]]) -> list[Removable]:
        """Statements that meet, also through others."""
        group = _Groups()
        events: dict[Place, set[tuple[str, str, int]]] = {}
        first: dict[Place, Site] = {}
        for one, other, number in sorted(met):
            channel = self._kernel.wiring.channels[number]
            sites = (self._kernel.sites[one], self._kernel.sites[other])
            places = [self.places(site) for site in sites]
            if channel.cross or not all(places):
                continue
            for site, mine in zip(sites, places, strict=True):
                for place in mine:
                    group.join(places[0][0], place)
                    events.setdefault(place, set()).add((channel.src, channel.dst, channel.event))
                    first.setdefault(place, site)
        return [_removable(together, first, events) for together in group.all()]


def _removable(
    places: Sequence[Place], first: Mapping[Place, Site], events: Mapping[Place, set[tuple[str, str, int]]]
) -> Removable:
    ordered = sorted(places, key=lambda place: (spot(first[place].span), place))
    flags = sorted({flag for place in places for flag in events[place]})
    ids = tuple(sorted({event for _, _, event in flags}))
    return Removable(tuple(ordered), tuple(first[place] for place in ordered), (flags[0][0], flags[0][1], ids))


def verb_of(statement: Statement) -> str:
    """The name of a flag's or barrier's statement, as its sites have it; "" for others."""
    match statement:
        case SetFlag():
            return "set_flag"
        case WaitFlag():
            return "wait_flag"
        case Barrier():
            return "pipe_barrier"
    return ""


@mutable
class _Groups(Record):
    """Places joined two by two."""

    _parent: dict[Place, Place] = field(default_factory=dict)

    def join(self, one: Place, other: Place) -> None:
        self._parent[self._root(one)] = self._root(other)

    def _root(self, place: Place) -> Place:
        parent = self._parent.setdefault(place, place)
        while parent != self._parent[parent]:
            parent = self._parent[parent]
        return parent

    def all(self) -> list[list[Place]]:
        groups: dict[Place, list[Place]] = {}
        for place in sorted(self._parent):
            groups.setdefault(self._root(place), []).append(place)
        return list(groups.values())


# ---------------------------------------------------------------- what could go


def without(ground: Ground, going: Iterable[Removable]) -> bool:
    """Whether the Program without all of these is proved to show nothing new."""
    changes: dict[Place, Sequence[Statement]] = {place: () for removable in going for place in removable.places}
    return ground.change(edited(ground.program, changes)).none


def surplus(ground: Ground) -> tuple[Surplus, ...]:
    """Each that could go alone, and which of them can go together: a set to which none of the others can be added.

    A PIPE_ALL that cannot go may have narrower flags that do the same.
    """
    if ground.undecided:
        return ()
    every = removables(ground)
    alone = [removable for removable in every if without(ground, [removable])]
    going = alone if len(alone) > 1 and without(ground, alone) else _greedy(ground, alone)
    found = {r: Surplus(r.sites, r.name, r in going and len(going) > 1) for r in alone}
    for removable in every:
        if removable not in found and (flags := narrower(ground, removable.places, removable.sites[0])):
            found[removable] = Surplus(removable.sites, instead=flags)
    return tuple(found[removable] for removable in every if removable in found)


def _greedy(ground: Ground, alone: Sequence[Removable]) -> list[Removable]:
    going: list[Removable] = []
    for removable in alone:
        if not going or without(ground, [*going, removable]):
            going.append(removable)
    return going
