"""What every plain value can do: be compared, hashed and printed.

Written once, because dataclasses compiles it anew for each class, which start-up would notice.
"""

from __future__ import annotations

from dataclasses import fields


class Value:
    """Base of frozen, slotted dataclasses declared with eq=False and repr=False; honours `field(compare=False)`."""

    __slots__: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other):
            return NotImplemented
        return _parts(self) == _parts(other)

    def __hash__(self) -> int:
        return hash((type(self), _parts(self)))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in type(self).__slots__)
        return f"{type(self).__qualname__}({shown})"


_COMPARED: dict[type, tuple[str, ...]] = {}


def _parts(value: Value) -> tuple[object, ...]:
    kind = type(value)
    names = _COMPARED.get(kind)
    if names is None:
        known = fields(value)  # type: ignore[arg-type]
        compared = [field.name for field in known if field.compare]
        names = _COMPARED[kind] = tuple(compared)
    return tuple([getattr(value, name) for name in names])
