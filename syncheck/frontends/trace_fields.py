"""What one line of a trace must be: its JSON, its keys, their types. Everything else is `Malformed`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from syncheck.machine_file import nearest

LONGEST_LINE = 1 << 20
"""Bytes. A longer line is no event."""
HIGHEST_ADDRESS = 1 << 64

_CORE = re.compile(r"(AIC|AIV[01])(?:\.(0|[1-9][0-9]{0,5}))?")
Fields = Mapping[str, Any]


class Malformed(Exception):
    """A line that is no event: what is wrong, what was expected, the key or the column where it shows.

    `name` is what was written where one of `names` was expected.
    """

    def __init__(
        self, message: str, expected: str = "", *, name: str = "", names: Iterable[str] = (), key: str = "",
        column: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.message = message
        self.expected = expected
        self.key = key
        self.column = column
        self._name = name
        self._names = names

    @property
    def suggestion(self) -> str:
        return nearest(self._name[:40], self._names) if self._name else ""


def fields_of(text: bytes) -> Fields:
    """The JSON object that a line holds."""
    if len(text) > LONGEST_LINE:
        raise Malformed(f"this line is longer than {LONGEST_LINE} bytes", "one JSON object on a line")
    try:
        event = json.loads(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Malformed(f"byte {error.start + 1} of this line is not UTF-8", "JSON in UTF-8") from None
    except json.JSONDecodeError as error:
        raise Malformed(f"this is not JSON: {error.msg}", "one JSON object on a line", column=error.colno) from None
    except (ValueError, RecursionError):
        raise Malformed("this is not JSON that can be read", "one JSON object on a line") from None
    if not isinstance(event, dict):
        raise Malformed(f"an event is a JSON object, not {_kind(event)}", '{"core": …, "op": …}')
    return event


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", int: "a number", float: "a fraction"}
    return "true or false" if isinstance(value, bool) else names.get(type(value), "null")


def _missing(event: Fields, key: str, expected: str) -> Malformed:
    return Malformed(f"this event has no {key!r}", expected)


def text_of(event: Fields, key: str, expected: str) -> str:
    """The text under `key`, without what a terminal could not show."""
    if key not in event:
        raise _missing(event, key, expected)
    value = event[key]
    if not isinstance(value, str) or not value:
        what = "is empty" if value == "" else f"is {_kind(value)}"
        raise Malformed(f"{key!r} {what}", expected, key=key)
    return value if value.isprintable() else "".join(c if c.isprintable() else "?" for c in value)


def number_of(event: Fields, key: str, expected: str, *, least: int | None = None) -> int:
    if key not in event:
        raise _missing(event, key, expected)
    value = event[key]
    if not isinstance(value, int) or isinstance(value, bool):
        raise Malformed(f"{key!r} is {_kind(value)}", expected, key=key)
    if (least is not None and value < least) or abs(value) >= HIGHEST_ADDRESS:
        shown = str(value) if abs(value) < HIGHEST_ADDRESS else "too large"
        raise Malformed(f"{key!r} is {shown}", expected, key=key)
    return value


def core_of(event: Fields) -> str:
    expected = "AIC, AIV0 or AIV1, or with a block number: AIC.3"
    name = text_of(event, "core", expected)
    if not _CORE.fullmatch(name):
        kind, names = name.partition(".")[0], ("AIC", "AIV0", "AIV1")
        raise Malformed(f"there is no core {name[:40]!r}", expected, name=kind, names=names, key="core")
    return name


def pipe_of(event: Fields, key: str, pipes: Iterable[str]) -> str:
    """A pipe, written MTE2 or PIPE_MTE2."""
    known = tuple(pipes)
    name = text_of(event, key, ", ".join(known)).removeprefix("PIPE_")
    if name not in known:
        raise Malformed(f"there is no pipe {name[:40]!r} here", ", ".join(known), name=name, names=known, key=key)
    return name


Range = tuple[str, int, int]


def ranges_of(event: Fields, key: str, spaces: Iterable[str]) -> tuple[Range, ...]:
    """The [space, start, stop) ranges under `key`; none where the key is missing."""
    value = event.get(key, ())
    if not isinstance(value, list | tuple):
        raise Malformed(f"{key!r} is {_kind(value)}", '[["UB", 0, 64], …]', key=key)
    return tuple([_range(item, key, tuple(spaces)) for item in value])


def _range(item: object, key: str, spaces: tuple[str, ...]) -> Range:
    expected = '["UB", start, stop] in bytes, 0 <= start < stop'
    if not isinstance(item, list) or len(item) != 3:
        raise Malformed(f"a range in {key!r} is not a list of three", expected, key=key)
    space, start, stop = item
    if not isinstance(space, str) or type(start) is not int or type(stop) is not int:
        raise Malformed(f"a range in {key!r} is not a memory and two numbers", expected, key=key)
    if space not in spaces:
        raise Malformed(f"there is no memory {space[:40]!r}", ", ".join(spaces), name=space, names=spaces, key=key)
    if start < 0 or stop > HIGHEST_ADDRESS:
        raise Malformed(f"a range in {key!r} lies outside every memory", expected, key=key)
    if start >= stop:
        what = "is empty" if start == stop else "ends before it starts"
        raise Malformed(f"a range in {key!r} {what}: {start} to {stop}", expected, key=key)
    return space, start, stop
