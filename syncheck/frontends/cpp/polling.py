"""Memory that a loop reads again and again until something else is there: others change it meanwhile."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from syncheck.frontends.cpp.state import Pass
from syncheck.frontends.cpp.terms import Terms, names
from syncheck.frontends.cpp.within import within
from syncheck.ir import Binary, Break, Const, Expr, For, If, Let, Return, Statement, Unary


def polled(run: Pass, body: Iterable[Statement], var: str, test: Expr | None) -> dict[str, None]:
    """The pointers through which a loop reads what it waits for: what ends it does not depend on its turn (`var`).
    `test` is its condition, None for a loop that counts."""
    asked = [] if test is None else _parts(test)
    asked += [part for one in _leaving(body, returns=test is not None) for part in _parts(one)]
    kept: dict[str, list[Expr]] = {}
    for one in within(body):
        if isinstance(one, Let):
            kept.setdefault(one.name, []).append(one.value)
    seen: set[str] = set()
    found: dict[str, None] = {}
    while asked:
        part = asked.pop()
        for name in names(part) & kept.keys() - seen:
            seen.add(name)
            asked += kept[name]
        if not isinstance(part, Const) and var not in run.terms.depends(part):
            found.update(dict.fromkeys(sorted(loaded_by(run.terms, run.declared.loaded, names(part)))))
    return found


def _parts(test: Expr) -> list[Expr]:
    """The questions that a condition is made of."""
    match test:
        case Binary("&&" | "||", left, right):
            return _parts(left) + _parts(right)
        case Unary("!", operand):
            return _parts(operand)
    return [test]


def _leaving(body: Iterable[Statement], *, returns: bool, inner: bool = False) -> list[Expr]:
    """The conditions under which a loop's body leaves the loop."""
    found: list[Expr] = []
    for one in body:
        if isinstance(one, If):
            for side in (one.then, one.otherwise):
                under = _leaving(side, returns=returns, inner=inner)
                leaves = any((isinstance(o, Break) and not inner) or (returns and isinstance(o, Return)) for o in side)
                found += [*under, one.condition] if leaves or under else []
        elif isinstance(one, For) and returns:
            found += _leaving(one.body, returns=True, inner=True)
    return found


def loaded_by(terms: Terms, loaded: Iterable[str], names: Collection[str]) -> set[str]:
    """The pointers that the values of these names were read through."""
    keys, seen = list[str](), set[str]()
    waiting = [name for name in names if name in terms.symbols]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            keys.append(f"{terms.symbols[name].key} ")
            waiting += [word for word in _WORD.findall(keys[-1]) if word in terms.symbols]
    return {
        base for base in loaded
        if any(re.search(rf"load (\w* )?{re.escape(base)}[\[) ,]", key) for key in keys)
    }  # fmt: skip


_WORD = re.compile(r"[A-Za-z_]\w*")
