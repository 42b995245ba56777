"""The options of the machine model that change what is ordered; see `syncheck machine`."""

from __future__ import annotations

from syncheck.value import Value, frozen


@frozen
class Rules(Value):
    """`in_order` pipes complete in order; waits at `ignored_waits` (sites) do not hold issue (REL001 asks that way).

    `dsb_between_cores`, `dsb_within_core`: other cores, and loads of the own core, see GM stores only after a dsb.
    """

    advisory_scalar_wait: bool = False
    scalar_store_needs_flag: bool = True
    in_order: frozenset[str] = frozenset({"S"})
    counter_limit: int = 15
    task_exit: bool = True
    ignored_waits: frozenset[int] = frozenset()
    dsb_between_cores: bool = False
    dsb_within_core: bool = False
