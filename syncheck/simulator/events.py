"""Instances: what one core issues, one after the other, and when each of them started and ended."""

from __future__ import annotations

from typing import Any

from syncheck.action import Action, Site
from syncheck.execution import frames_of
from syncheck.simulator.binding import Effect


class Event:
    """One instance of an instruction, flag, barrier or signal of one core; the same `number` under every schedule.

    `order`: its place in what its core issues, from 1 (hidden ones count).
    `start` and `end` are ticks: its start, and its completion (a set or signal: when it fires; a wait: when it passes).
    -1: not yet. `released_by`: for a wait, the set or signal whose token it took.
    """

    __slots__ = ("action", "behind", "effect", "end", "number", "order", "released_by", "site", "start", "values")

    def __init__(self, number: int, order: int, action: Action, site: Site, values: tuple[Any, ...]) -> None:
        self.number = number
        self.order = order
        self.action = action
        self.site = site
        self.values = values
        self.start = -1
        self.end = -1
        self.effect: Effect | None = None
        self.behind = 0  # how many instructions of its pipe must complete before it may
        self.released_by: Event | None = None

    @property
    def core(self) -> str:
        """AIC, AIV0 or AIV1."""
        return self.site.core

    @property
    def pipe(self) -> str:
        return self.site.pipe

    @property
    def op(self) -> str:
        return self.site.op

    @property
    def frames(self) -> tuple[str, ...]:
        """Loops and calls around it, outermost first, as reports print them."""
        return frames_of(self.site, self.values)

    def __repr__(self) -> str:
        return f"{self.core} {self.pipe} {self.op} line {self.site.span.line} {' '.join(self.frames)} #{self.number}"
