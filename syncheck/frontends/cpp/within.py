"""Statements with those inside of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from syncheck.ir import Call, Def, For, If, Statement


def within(body: Iterable[Statement]) -> Iterator[Statement]:
    """Each statement, and behind a branch or loop those in it; calls are not followed."""
    for one in body:
        yield one
        if isinstance(one, If):
            yield from within(one.then)
            yield from within(one.otherwise)
        elif isinstance(one, For):
            yield from within(one.body)


def through_calls(body: Iterable[Statement], defs: Mapping[str, Def]) -> Iterator[Statement]:
    """Each statement that is no branch, loop or call, those of calls in their place."""
    for one in within(body):
        if isinstance(one, Call):
            yield from through_calls(defs[one.name].body, defs)
        elif not isinstance(one, If | For):
            yield one
