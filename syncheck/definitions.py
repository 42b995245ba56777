"""-D name=value: what a definition says, and whether the script has such a parameter."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches

from syncheck.ir import Domain, Param, Program

_NUMBER = r"[-+]?(?:0[xX][0-9a-fA-F]+|\d+)"
_VALUE = re.compile(rf"(?:{_NUMBER}|\[{_NUMBER}(?:,{_NUMBER})*\])$")
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})?$")


class DefinitionError(Exception):
    """A definition that does not fit the script; one sentence."""


def narrowed(definitions: Iterable[tuple[str, str]], program: Program) -> Program:
    """The program with the domains that `-D name=low..high` narrows. Raises DefinitionError."""
    params = {param.name: param for param in program.params}
    for name, text in definitions:
        found = _RANGE.match(text.replace(" ", ""))
        param = params.get(name)
        if found is None or param is None:
            continue
        low, high = int(found[1], 0), int(found[2], 0) if found[2] else param.domain.high
        _fits(param, low, text)
        if high is not None:
            _fits(param, high, text)
        values = tuple(v for v in param.domain.values if low <= v and (high is None or v <= high))
        if (high is not None and low > high) or (param.domain.values and not values):
            raise DefinitionError(f"-D {name}={text}: this range holds no value of {name}")
        params[name] = replace(param, domain=Domain(low, high, values))
    return replace(program, params=tuple(params.values()))


def pins_of(definitions: Iterable[tuple[str, str]], program: Program) -> dict[str, tuple[int, ...]]:
    """The values that -D gives the parameters of this script. One it does not have is another file's.

    Raises DefinitionError for a value that is no number, no list, or outside the parameter's domain.
    """
    pins: dict[str, tuple[int, ...]] = {}
    params = {param.name: param for param in program.params}
    for name, text in definitions:
        param = params.get(name)
        if param is None or _RANGE.match(text.replace(" ", "")):
            continue
        values = _values(name, text.replace(" ", ""))
        if len(values) > 1 and not param.index:
            raise DefinitionError(f"-D {name}={text}: {name} is one value; a list is for a family, {name}[…]")
        for value in values:
            _fits(param, value, text)
        pins[name] = values
    return pins


def strangers_of(definitions: Iterable[tuple[str, str]], program: Program) -> tuple[tuple[str, str], ...]:
    """Names given with -D that are no parameter of this script, each with the nearest one or ""."""
    names = [param.name for param in program.params]
    strangers = []
    for name, _ in definitions:
        if name not in names:
            close = get_close_matches(name, names, 1)
            strangers.append((name, close[0] if close else ""))
    return tuple(strangers)


def _values(name: str, text: str) -> tuple[int, ...]:
    if not _VALUE.match(text):
        raise DefinitionError(f"-D {name}={text}: expected a number, 1..8, or for a family a list like [1,3]")
    return tuple(int(part, 0) for part in text.strip("[]").split(","))


def _fits(param: Param, value: int, text: str) -> None:
    domain = param.domain
    inside = (
        value in domain.values
        if domain.values
        else value >= domain.low and (domain.high is None or value <= domain.high)
    )
    fixed = domain.low == domain.high and not domain.values
    if not inside and not fixed:
        raise DefinitionError(f"-D {param.name}={text}: {value} is outside {domain}, the values of {param.name}")
