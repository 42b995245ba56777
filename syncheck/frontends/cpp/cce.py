"""Raw intrinsics: pointers and burst parameters turned into the bytes they touch."""

from __future__ import annotations

from typing import Any

from syncheck.frontends.cpp.state import Pass
from syncheck.frontends.cpp.syntax import Node


def raw(run: Pass, node: Node, name: str, values: list[Any]) -> bool:
    """Emit an intrinsic that is given pointers; False if this is none."""
    return False
