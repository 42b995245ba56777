"""What tile instructions compute, step by step as the machine's table has them."""

from __future__ import annotations

from collections.abc import Sequence

from syncheck.simulator import columns, elementwise, moves, rows
from syncheck.simulator.operands import Compute

TABLE: dict[str, Compute] = elementwise.table() | rows.table() | columns.table() | moves.table()
"""Operation, with the name of its step where it has several, to what it computes."""


def known(ops: Sequence[str]) -> list[str]:
    """Those of `ops` (operations without step names) that can be computed."""
    computed = {op.partition(".")[0] for op in TABLE}
    return [op for op in ops if op in computed]
