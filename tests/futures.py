"""Whether two states that the proof takes for one have the same future, step by step (docs/proofs.md, "Canonical
states").

Where a path ends because its form was met before, both paths are kept here and followed on, in lockstep: the same
cores, the same answers. They must find the same at the same lines, ask the same questions, and have one form again at
each. So what a form leaves out is missed as soon as two states differ in it, whether or not the script has a finding
that hangs on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from syncheck.build import kernels
from syncheck.deadlock import stuck_heads
from syncheck.execution import CoreRun, Kernel, Stopped
from syncheck.fold import _Turn
from syncheck.frontends.script import parse
from syncheck.machine import load
from syncheck.observation import Log
from syncheck.proof import Explorer, Path, _next_core
from syncheck.replay import Rules
from syncheck.symbolic import Open, Test

A2A3 = load("a2a3")


class Twins(Explorer):
    """An exploration that keeps a path of each form, and each pair of paths of one form (at most `most`)."""

    def __init__(self, kernel: Kernel, rules: Rules, *, max_states: int, most: int) -> None:
        super().__init__(kernel, rules, Log(), max_states=max_states)
        self._first: dict[object, Path] = {}
        self._most = most
        self.pairs: list[tuple[int, Path, Path]] = []
        self.kernel = kernel
        self.left = 0

    def _unseen(self, path: Path, core: CoreRun) -> bool:
        kept = path.copy(path.store)
        form = self.form(core.code.index, path)
        if form not in self._first:
            self._first[form] = kept
        elif len(self.pairs) < self._most:
            self.pairs.append((core.code.index, self._first[form], kept))
        return super()._unseen(path, core)

    def form(self, core: int, path: Path) -> object:
        return core, self._folder.canonical(path.cores, path.replay, path.store, path.loose)[0]

    def _turn(self, path: Path, core: CoreRun) -> bool:
        return super()._turn(path, core) if path.replay.log is self._log else True

    def _push(self, path: Path) -> None:
        if path.replay.log is self._log:
            super()._push(path)

    def _apart(self, one: Path, other: Path) -> dict[Any, int]:
        """For each running loop, by how many turns more it is moved back in the second state."""
        turns = [_Turn(self._folder, self.kernel, p.cores, p.replay, p.store, p.loose) for p in (one, other)]
        first, second = ({loop: group.shift for loop, group in turn._of_loop.items()} for turn in turns)
        return {loop: second[loop] - shift for loop, shift in first.items() if loop in second}

    # ------------------------------------------------------------ two paths in lockstep

    def difference(self, asked: int, one: Path, other: Path, depth: int) -> str:
        """What tells the futures of two paths apart, as far as `depth` more questions; "" where nothing does."""
        one, other = one.copy(one.store), other.copy(other.store)
        if self.form(asked, one) != self.form(asked, other):
            return ""  # one was met before it was known after how many turns a loop repeats itself
        return self._differ(one, other, depth, self._apart(one, other), left=False)

    def _differ(self, one: Path, other: Path, depth: int, apart: dict[Any, int], *, left: bool) -> str:
        """`left`: a loop is over. Then the value that ended it is no longer told relative to its turns, so values, and
        what is known of them, may differ. `apart`: by how many turns the loops were; where they are not moved by as
        many any more, since addresses hold them, forms may differ."""
        picks: list[int] = []
        before = self.left
        seen, test = self._run(one, picks, None)
        again, same = self._run(other, picks, picks)
        if seen != again:
            return f"findings: {sorted(seen ^ again, key=repr)}"
        if (test is None) != (same is None):
            return f"asks: {test}, {same}"
        if test is None or same is None:
            return ""
        if (test.op, _names(test)) != (same.op, _names(same)):
            return f"asks: {test}, {same}"
        forms = [self.form(picks[-1], path) for path in (one, other)]
        left = left or self.left > before
        if left:
            forms = [_without_values(form) for form in forms]
        if forms[0] != forms[1] and all(apart.get(loop, by) == by for loop, by in self._apart(one, other).items()):
            return f"forms: {_where(*forms)}"
        if not depth:
            return ""
        for answer in (False, True):
            store, like = one.store.assume(test, answer), other.store.assume(same, answer)
            if (store is None) != (like is None):
                return f"possible: {test} {answer}, {same}"
            if store is None or like is None:
                continue
            pair = one.copy(store), other.copy(like)
            for path, assumed in zip(pair, (store, like), strict=True):
                self._go_on(path, assumed)
            if said := self._differ(*pair, depth - 1, apart, left=left):
                return f"{answer} {said}"
        return ""

    def _run(self, path: Path, picks: list[int], given: list[int] | None) -> tuple[set[Any], Test | None]:
        """Follow a path to its next question or its end: what it found, and the question. `given`: which core goes."""
        log = path.replay.log = Log()
        order = iter(list(given)) if given is not None else None
        while True:
            core = _next_core(path)
            if order is not None and core is not None:
                core = path.cores[next(order, core.code.index)]
                if core.done or path.replay.blocked(core.code.index):
                    return {"held"}, None
            if core is None:
                if path.replay.stalls or path.replay.queues:
                    stuck = stuck_heads(self.kernel, path.cores, path.replay, path.store)
                    return self._words(log) | {("stuck", self._place(h.at.site)) for h in stuck.heads.values()}, None
                path.replay.finish()
                return self._words(log), None
            if given is None:
                picks.append(core.code.index)
            inside = _loops(core)
            try:
                if not self._advance(path, core):
                    return self._words(log), None
            except Open as question:
                return self._words(log), question.test
            except Stopped as stopped:
                return self._words(log) | {str(stopped.problem)}, None
            finally:
                self.left += not inside <= _loops(core)

    def _place(self, site: int) -> tuple[str, int, str]:
        where = self.kernel.sites[site]
        return where.core, where.span.line, where.op

    def _words(self, log: Log) -> set[Any]:
        found: set[Any] = set()
        for clash in log.clashes.values():
            sides = [(self._place(a.site), a.writes) for a in (clash.earlier, clash.later)]
            found.add((clash.kind, *(sides if clash.kind == "reversed" else sorted(sides))))
        for remark in log.remarks.values():
            found.add((remark.kind, *map(self._place, (place.site for place in remark.places))))
        return found


def _loops(core: CoreRun) -> set[int]:
    return {info.head for info in core.code.ops[core.pc].loops}


def _names(test: Test) -> list[str]:
    return sorted(name.partition("@")[0] for (name, _), _ in test.form.terms)


def _without_values(form: Any) -> Any:
    asked, (cores, _, *rest) = form
    return asked, [core and (core[0], *core[2:4]) for core in cores], rest


def _where(one: Any, other: Any) -> str:
    """The first place where two forms differ."""
    if isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        for number, (a, b) in enumerate(zip(one, other, strict=True)):
            if a != b:
                return f"{number}.{_where(a, b)}"
    if isinstance(one, frozenset) and isinstance(other, frozenset):
        return f"{sorted(one - other, key=repr)} and {sorted(other - one, key=repr)}"
    return f"{one} and {other}"


PLAIN = Rules(in_order=frozenset("S"), counter_limit=15)


def twins(text: str, rules: Rules = PLAIN, *, states: int = 400, most: int = 1000, depth: int = 2) -> Iterator[str]:
    """What each pair of states of one form has different futures in; "" for those that have the same."""
    program = parse(text, "twins.sync")
    for kernel in kernels(program, A2A3, {}):
        explorer = Twins(kernel, rules, max_states=states, most=most)
        explorer.run()
        for pair in explorer.pairs:
            yield explorer.difference(*pair, depth)


def alike(text: str, most: int, rules: Rules = PLAIN) -> None:
    """So many pairs of states of one form have the same future."""
    differ = [said for said in twins(text, rules, states=150, most=most, depth=3) if said]
    assert not differ, (text, differ)
