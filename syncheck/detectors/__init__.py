"""Every rule there is, and what all of them find in an analysis."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType

from syncheck.analysis import Analysis
from syncheck.detectors import (
    cross,
    deadlock,
    drains,
    fifo,
    flags,
    hazards,
    input,
    kernel_text,
    memory,
    same_pipe,
    suppressed,
    surplus,
    tokens,
)
from syncheck.finding import Finding
from syncheck.rule import Detector, Rule, documentation_of


def _rule(
    name: str, severity: str, summary: str, module: ModuleType, detector: Detector | None, firing: str, silent: str
) -> Rule:
    text = documentation_of(name, module.__doc__)
    first, second = (f"{name}/{one}" if "." in one else f"{name}/{one}.sync" for one in (firing, silent))
    return Rule(name, severity, summary, text, first, second, detector)


RULES: tuple[Rule, ...] = (
    _rule("RAW001", "error", "bytes are read before another pipe or core has written them", hazards, hazards.races,
          "fires_load_compute", "silent_load_compute"),
    _rule("WAR001", "error", "bytes are overwritten while another pipe or core reads them", hazards, hazards.races,
          "fires_store_loop", "silent_store_loop"),
    _rule("WAW001", "error", "two pipes or cores write the same bytes in no order", hazards, hazards.races,
          "fires_load_expand", "silent_load_expand"),
    _rule("ORD001", "error", "two accesses are ordered, but backwards", hazards, hazards.inversions,
          "fires_shared_flag", "silent_shared_flag"),
    _rule("BAR001", "error", "dependent instructions of one pipe without pipe_barrier between", same_pipe,
          same_pipe.missing_barriers, "fires_vector", "silent_vector"),
    _rule("DRN001", "error", "data is published from, or after a drain of, a pipe that did not write it", drains,
          drains.unpublished_stores, "fires_wrong_pipe", "silent_right_pipe"),
    _rule("DRN002", "error", "a GM store may be in flight when the kernel returns", drains, drains.stores_in_flight,
          "fires_barrier_only", "silent_drained"),
    _rule("FLG001", "error", "a wait that no set can ever release", flags, deadlock.standstills,
          "fires_other_id", "silent_same_id"),
    _rule("FLG002", "error", "a flag is left set at exit", flags, flags.left_set, "fires_primed", "silent_drained"),
    _rule("FLG003", "warning", "a flag may be set again before the previous set was consumed", flags, flags.overtaking,
          "fires_loop", "silent_two_ids"),
    _rule("FLG004", "error", "a flag between two pipes that have none on this core", flags, flags.pairs_and_ids,
          "fires_no_wire", "silent_chain"),
    _rule("FLG005", "error", "an event id out of range, or reserved", flags, flags.pairs_and_ids,
          "fires_reserved", "silent_free"),
    _rule("FLG006", "error", "a library instruction uses a flag that the kernel has pending", flags, flags.stolen,
          "fires_library", "silent_library"),
    _rule("FLG007", "warning", "right only while flags are counters with the destination in their key", flags,
          flags.keys_and_tokens, "fires_one_id", "silent_other_id"),
    _rule("FLG008", "error", "a turn of a loop, or an arm of a branch, leaves a flag unbalanced", tokens,
          tokens.unbalanced, "fires_arms", "silent_primed"),
    _rule("DLK001", "error", "deadlock: a circle of waits", deadlock, deadlock.standstills,
          "fires_two_cores", "silent_two_cores"),
    _rule("XCR001", "error", "a cross-core counter overflows or does not balance", cross, cross.unbalanced,
          "fires_left", "silent_balanced"),
    _rule("XCR002", "error", "one cross-core flag with two owners or two modes", cross, cross.two_owners,
          "fires_two_pipes", "silent_one_pipe"),
    _rule("FIF001", "error", "a FIFO slot is overwritten before it was read", fifo, fifo.overwritten_slots,
          "fires_depth_one", "silent_back_pressure"),
    _rule("FIF002", "error", "producer and consumer of a FIFO disagree on the split", fifo, fifo.disagreements,
          "fires_split", "silent_split"),
    _rule("FIF003", "error", "flag ids or local rings of two FIFOs overlap", fifo, fifo.disagreements,
          "fires_flags", "silent_flags"),
    _rule("MEM001", "error", "a tile or slot beyond the end of its memory", memory, memory.declared,
          "fires_capacity", "silent_capacity"),
    _rule("MEM002", "warning", "two tiles share bytes and are both live", memory, memory.foreign,
          "fires_overlap", "silent_alias"),
    _rule("MEM003", "error", "a misaligned address", memory, memory.declared, "fires_misaligned", "silent_aligned"),
    _rule("MEM004", "warning", "bytes are read that nothing wrote", memory, memory.unwritten,
          "fires_unwritten", "silent_written"),
    _rule("SUR001", "info", "a flag that orders nothing new for any parameters (with --surplus)", surplus,
          surplus.surplus_flags, "fires_two_flags", "silent_needed"),
    _rule("SUR002", "info", "a barrier that orders nothing new, or is wider than needed (with --surplus)", surplus,
          surplus.surplus_barriers, "fires_twice", "silent_needed"),
    _rule("SUR003", "warning", "a barrier with nothing pending on its pipe", surplus, surplus.idle_barriers,
          "fires_wrong_pipe", "silent_pending"),
    _rule("REL001", "info", "pairs are ordered only through one coarse drain", surplus, surplus.reliances,
          "fires_drain", "silent_flags"),
    _rule("OVF001", "error", "a 32-bit offset into GM that can overflow", kernel_text, kernel_text.noted,
          "fires_block_table.cpp", "silent_wide.cpp"),
    _rule("MEM005", "error", "a scalar GM store without dcci", kernel_text, kernel_text.noted,
          "fires_no_dcci.cpp", "silent_dcci.cpp"),
    _rule("PRF001", "info", "a scalar loop where a tile instruction does the job", kernel_text, kernel_text.noted,
          "fires_zero_loop.cpp", "silent_tile.cpp"),
    _rule("RNK001", "error", "a signal is cleared that other ranks may already have notified", kernel_text,
          kernel_text.noted, "fires_cleared.cpp", "silent_growing.cpp"),
    _rule("RNK002", "error", "another rank's memory is used while its owner uses it", kernel_text, kernel_text.noted,
          "fires_next_round.cpp", "silent_barrier.cpp"),
    _rule("SUP001", "warning", "a comment that suppresses nothing", suppressed, None, "fires_unused", "silent_used"),
    _rule("SYN001", "error", "input that could not be understood", input, None, "fires_pipe", "silent_pipe"),
)  # fmt: skip
"""All rules, by family."""


def findings(analysis: Analysis, rules: Iterable[Rule] = RULES) -> tuple[Finding, ...]:
    """What the rules find, in source order, then by rule id. Each detector runs once, whoever shares it."""
    rules = tuple(rules)
    wanted = {rule.id for rule in rules}
    detectors = dict.fromkeys(rule.detector for rule in rules if rule.detector is not None)
    found = [finding for detector in detectors for finding in detector(analysis) if finding.rule in wanted]
    return tuple(sorted(found, key=in_order))


def in_order(finding: Finding) -> tuple[str, int, int, str, str]:
    """The order in which findings are told: file, line, column, rule id."""
    path, line = finding.primary.span.home
    return (path, line, finding.primary.span.column, finding.rule, finding.title)
