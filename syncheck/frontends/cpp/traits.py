"""Questions about types that C++ answers when it compiles: `std::is_same_v<A, B>`, `std::is_integral<T>::value`, …"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from syncheck.frontends.cpp.kinds import BOOL, Named, Number, Pointer, key_of
from syncheck.frontends.cpp.scopes import Meant
from syncheck.frontends.cpp.values import Lost, Made, Whole
from syncheck.ir import Const


def _same(kinds: list[Any]) -> bool | None:
    a, b = kinds
    if key_of(a) == key_of(b):
        return True
    return None if isinstance(a, Named) or isinstance(b, Named) else False


def _of_numbers(test: Callable[[Number], bool]) -> Callable[[list[Any]], bool | None]:
    def asked(kinds: list[Any]) -> bool | None:
        (kind,) = kinds
        return test(kind) if isinstance(kind, Number) else None if isinstance(kind, Named) else False

    return asked


_TRAITS: dict[str, tuple[int, Callable[[list[Any]], bool | None]]] = {
    "is_same": (2, _same),
    "is_integral": (1, _of_numbers(lambda kind: not kind.floating)),
    "is_floating_point": (1, _of_numbers(lambda kind: kind.name in ("float", "double", "float32_t"))),
    "is_unsigned": (1, _of_numbers(lambda kind: not kind.signed and not kind.floating)),
    "is_pointer": (1, lambda kinds: None if isinstance(kinds[0], Named) else isinstance(kinds[0], Pointer)),
}


def asks(name: str) -> bool:
    """Whether a template is such a question."""
    return name.removesuffix("_v") in _TRAITS


def answer(name: str, arguments: list[Any]) -> Any:
    """1 or 0; Lost where a type is not known."""
    count, asked = _TRAITS[name.removesuffix("_v")]
    kinds = [one.type if isinstance(one, Meant) else one.what if isinstance(one, Made) else None for one in arguments]
    if len(kinds) != count or any(kind is None for kind in kinds):
        return Lost(f"{name} of a type that is not known", BOOL)
    found = asked(kinds)
    return Lost(f"{name} of a type that is not known", BOOL) if found is None else Whole(Const(int(found)), BOOL)
