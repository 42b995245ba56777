"""Statements with those inside of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from syncheck.ir import For, If, Statement


def within(body: Iterable[Statement]) -> Iterator[Statement]:
    """Each statement, and behind a branch or loop those in it; calls are not followed."""
    for one in body:
        yield one
        if isinstance(one, If):
            yield from within(one.then)
            yield from within(one.otherwise)
        elif isinstance(one, For):
            yield from within(one.body)
