"""Frozen values and mutable records: dataclasses with slots, made without compiling code for each class.

`dataclasses` writes and compiles the methods of every class anew, which was a sixth of a whole run. Here they are
written once; fields, `replace`, `field` and `match` work as for any dataclass.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

if sys.version_info >= (3, 11):
    from typing import dataclass_transform
else:
    from typing_extensions import dataclass_transform

T = TypeVar("T")


class Value:
    """Base of frozen values: equal, hashed and printed by their fields, except those with `field(compare=False)`."""

    __slots__: tuple[str, ...] = ()
    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other):
            return NotImplemented
        return _parts(self) == _parts(other)

    def __hash__(self) -> int:
        return hash((type(self), _parts(self)))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__dataclass_fields__)
        return f"{type(self).__qualname__}({shown})"

    def __setattr__(self, name: str, value: object) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")

    def __getstate__(self) -> list[Any]:
        return [getattr(self, name) for name in self.__dataclass_fields__]

    def __setstate__(self, state: list[Any]) -> None:
        for name, value in zip(self.__dataclass_fields__, state, strict=True):
            object.__setattr__(self, name, value)


class Record:
    """Base of mutable records, compared by identity; it says only that they are dataclasses."""

    __slots__: tuple[str, ...] = ()
    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def frozen(cls: type[T]) -> type[T]:
    """A class of frozen values; it derives from `Value`."""
    return _made(cls)


@dataclass_transform(eq_default=False, field_specifiers=(dataclasses.field,))
def mutable(cls: type[T]) -> type[T]:
    """A class of mutable records; it derives from `Record`."""
    return _made(cls)


def _made(cls: type[T]) -> type[T]:
    cls.__doc__ = cls.__doc__ or cls.__name__
    made = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    made.__init__ = _initialiser(made)  # type: ignore[method-assign]
    return made


def _initialiser(cls: type[Any]) -> Callable[..., None]:
    fields = dataclasses.fields(cls)
    puts = tuple([getattr(cls, field.name).__set__ for field in fields])
    width = len(puts)
    tails = _tails(fields)
    finish = getattr(cls, "__post_init__", None)

    def initialise(self: Any, *arguments: Any, **named: Any) -> None:
        given = len(arguments)
        if named or given != width:
            tail = tails.get(given)
            if named or tail is None:
                arguments = _completed(cls, fields, arguments, named)
            else:
                arguments += tail
        for put, value in zip(puts, arguments):  # noqa: B905 - of equal length by now
            put(self, value)
        if finish is not None:
            finish(self)

    return initialise


def _tails(fields: tuple[dataclasses.Field[Any], ...]) -> dict[int, tuple[Any, ...]]:
    """For each number of values given, the defaults of all the others, where they have plain ones."""
    found: dict[int, tuple[Any, ...]] = {}
    tail: tuple[Any, ...] = ()
    for number in range(len(fields) - 1, -1, -1):
        if fields[number].default is dataclasses.MISSING:
            break
        tail = (fields[number].default, *tail)
        found[number] = tail
    return found


def _completed(
    cls: type[Any], fields: tuple[dataclasses.Field[Any], ...], arguments: tuple[Any, ...], named: dict[str, Any]
) -> tuple[Any, ...]:
    """All values in the order of the fields. Raises TypeError as a compiled `__init__` does."""
    values = list(arguments)
    for field in fields[len(arguments) :]:
        if field.name in named:
            values.append(named.pop(field.name))
        elif field.default is not dataclasses.MISSING:
            values.append(field.default)
        elif field.default_factory is not dataclasses.MISSING:
            values.append(field.default_factory())
        else:
            raise TypeError(f"{cls.__name__}() misses {field.name!r}")
    if named or len(values) != len(fields):
        raise TypeError(f"{cls.__name__}() takes {len(fields)} fields; {', '.join(named) or 'too many'} given")
    return tuple(values)


_COMPARED: dict[type, tuple[str, ...]] = {}


def _parts(value: Value) -> tuple[object, ...]:
    kind = type(value)
    names = _COMPARED.get(kind)
    if names is None:
        compared = [field.name for field in dataclasses.fields(value) if field.compare]
        names = _COMPARED[kind] = tuple(compared)
    return tuple([getattr(value, name) for name in names])
