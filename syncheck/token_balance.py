"""What each part of a text does to one flag: sets less waits, of a turn of a loop, of the arms of a branch.

Read off the Program, not off a run. It names causes; whether anything is wrong is for the exploration to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from syncheck import symbolic
from syncheck.build import names_in
from syncheck.edits import statements
from syncheck.expressions import Compiler, Meaning, Misused
from syncheck.ir import (
    Break,
    Call,
    Continue,
    Expr,
    For,
    If,
    Program,
    Return,
    SetFlag,
    Statement,
    WaitFlag,
)
from syncheck.source import Span
from syncheck.value import Record, Value, frozen, mutable

Range = tuple[int, int]
_DEEP = 40
"""Calls within calls that are followed."""


@frozen
class Turn(Value):
    """A loop of which no turn leaves the flag as it found it: sets less waits of a turn, the least of them. `open`: how
    many turns there are is not in the text."""

    loop: For
    effect: int
    open: bool


@frozen
class Arms(Value):
    """A branch whose arms do different things to the flag: sets less waits of each."""

    branch: If
    then: int
    otherwise: int


@mutable
class Balance(Record):
    """Where the flag (src, dst, event) of one core is set and waited for, and the parts that do not balance."""

    sets: list[Span] = field(default_factory=list)
    waits: list[Span] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    arms: list[Arms] = field(default_factory=list)


def balance(program: Program, core: str, src: str, dst: str, event: int) -> Balance:
    """Of the flag that `core` (AIC, AIV0, …) knows by these. Where an id of the two pipes changes, all their ids count
    as one: the text does not say which is meant."""
    counter = _Counter(program, src, dst, event)
    for each in program.cores:
        if core.startswith(each.kind):
            counter.effect(each.body, 0)
    return counter.balance


class _Counter:
    def __init__(self, program: Program, src: str, dst: str, event: int) -> None:
        self._defs = {definition.name: definition for definition in program.defs}
        self._constants: dict[str, Meaning] = {constant.name: constant.value for constant in program.constants}
        for param in program.params:
            if not param.index and param.domain.low == param.domain.high:
                self._constants[param.name] = param.domain.low
        self._pair, self._event = (src, dst), event
        self._called: dict[str, Range | None] = {}
        self.balance = Balance()
        mine = [s for _, s in statements(program) if isinstance(s, SetFlag | WaitFlag) and (s.src, s.dst) == self._pair]
        self._all_ids = any(self._number(statement.event) is None for statement in mine)

    def effect(self, body: Sequence[Statement], depth: int) -> Range | None:
        """Sets less waits, at least and at most; None where nothing bounds it or the body may be left early."""
        parts = [self._part(statement, depth) for statement in body]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        return sum(low for low, _ in known), sum(high for _, high in known)

    def _part(self, statement: Statement, depth: int) -> Range | None:
        match statement:
            case SetFlag():
                return self._flag(statement, 1, self.balance.sets)
            case WaitFlag():
                return self._flag(statement, -1, self.balance.waits)
            case Call(name) if name in self._defs and depth < _DEEP:
                if name not in self._called:
                    self._called[name] = self.effect(self._defs[name].body, depth + 1)
                return self._called[name]
            case For():
                return self._loop(statement, depth)
            case If():
                return self._branch(statement, depth)
            case Return() | Break() | Continue():
                return None
        return 0, 0

    def _flag(self, statement: SetFlag | WaitFlag, count: int, spans: list[Span]) -> Range:
        if (statement.src, statement.dst) != self._pair:
            return 0, 0
        if not self._all_ids and self._number(statement.event) != self._event:
            return 0, 0
        if statement.span not in spans:
            spans.append(statement.span)
        return count, count

    def _loop(self, loop: For, depth: int) -> Range | None:
        effects = self.effect(loop.body, depth)
        if effects is None or effects == (0, 0):
            return effects
        low, high = effects
        effect = low if low > 0 else min(high, 0)
        if effect:
            bounded = all(self._known(name) or name == loop.var for name in names_in(loop.condition))
            turn = Turn(loop, effect, not bounded)
            if turn not in self.balance.turns:
                self.balance.turns.append(turn)
        return None

    def _known(self, name: str) -> bool:
        return name in self._constants

    def _branch(self, branch: If, depth: int) -> Range | None:
        chosen = self._number(branch.condition)
        if chosen is not None:
            return self.effect(branch.then if chosen else branch.otherwise, depth)
        then, otherwise = self.effect(branch.then, depth), self.effect(branch.otherwise, depth)
        if then is None or otherwise is None:
            return None
        exact = then[0] == then[1] and otherwise[0] == otherwise[1]
        if exact and then != otherwise and "lane" not in names_in(branch.condition):
            arms = Arms(branch, then[0], otherwise[0])
            if arms not in self.balance.arms:
                self.balance.arms.append(arms)
        return min(then[0], otherwise[0]), max(then[1], otherwise[1])

    def _number(self, expression: Expr) -> int | None:
        """The value, where the text alone says it."""
        if not all(self._known(name) for name in names_in(expression)):
            return None
        try:
            value = Compiler(self._constants).compile(expression)[0]([], symbolic.NOTHING)
        except (symbolic.Open, ZeroDivisionError, Misused):
            return None
        return int(value) if isinstance(value, int) else None
