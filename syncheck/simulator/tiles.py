"""What tile instructions compute, step by step as the machine's table has them."""

from __future__ import annotations

from collections.abc import Sequence

from syncheck.simulator import columns, elementwise, moves, rows
from syncheck.simulator.operands import Compute

TABLE: dict[str, Compute] = elementwise.table() | rows.table() | columns.table() | moves.table()
"""Operation, with the name of its step where it has several, to what it computes."""


def describes(op: str, spaces: Sequence[str | None], writes: int) -> bool:
    """Whether this form of an operation is in the table: not those that quantise (FB), scale, or fill two tiles."""
    name = op.partition(".")[0]
    if op not in TABLE or {"FB", "L0A_SCALE", "L0B_SCALE"}.intersection(space or "" for space in spaces):
        return False
    if name.startswith("TFILLPAD"):
        return len(spaces) > 1 and spaces[1] is not None
    if name == "TMOV":
        return len(spaces) == 2
    return name not in ("TEXTRACT", "TINSERT") or (writes == 1 and len(spaces) <= 4)


def known(ops: Sequence[str]) -> list[str]:
    """Those of `ops` (operations without step names) that can be computed."""
    computed = {op.partition(".")[0] for op in TABLE}
    return [op for op in ops if op in computed]
