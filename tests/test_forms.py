"""What the canonical form of a state tells, part by part (docs/proofs.md, "Canonical states"): two histories that
differ in one thing only. Where what comes finds something after one of them that it does not find after the other,
their forms differ; where nothing can tell, they are one.

In each script `t[m]` chooses the history, and the state is that in which `c` is asked. The loop around the choice is
over by then, so the form does not tell the answer; `w` is 1 where it was yes, and out of scope.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from futures import PLAIN, Twins

from syncheck import symbolic
from syncheck.build import kernels
from syncheck.execution import CoreRun, Kernel, Pin
from syncheck.frontends.script import parse
from syncheck.machine import load
from syncheck.observation import Log
from syncheck.proof import Explorer, Path
from syncheck.reopening import Loose
from syncheck.replay import Rules

MACHINES = {name: load(name) for name in ("a2a3", "a5")}


class Reached(Exception):
    def __init__(self, core: int, path: Path) -> None:
        self.core = core
        self.path = path


class Walk(Explorer):
    """Follows one path: `t` is answered by the next of `choices` and no afterwards, everything else with yes where
    that is possible. It ends where `c`, or a member of `again`, is asked once more than `skip` times."""

    def __init__(self, kernel: Kernel, rules: Rules, choices: Iterable[bool], skip: int) -> None:
        super().__init__(kernel, rules, Log())
        self.choices = iter(choices)
        self.skip = skip

    def _split(self, path: Path, core: CoreRun, test: symbolic.Test) -> None:
        name = test.form.terms[0][0][0]
        answer = True
        if name in ("c", "again"):
            if not self.skip:
                raise Reached(core.code.index, path)
            self.skip -= 1
        elif name == "t":
            answer = not next(self.choices, False)  # it is asked whether the value is 0
        store = path.store.assume(test, answer) or path.store.assume(test, not answer)
        assert store is not None
        self._go_on(path, store)


class Ahead(Twins):
    """All that can still be found from a state on."""

    def found(self, path: Path) -> set[Any]:
        log = path.replay.log = self._log = Log()
        self._push(path)
        outcome = self.go_on(200)
        assert not outcome.gaps, outcome.gaps
        stuck = {("stuck", tuple(self._place(h.at.site) for h in s.heads.values())) for s in log.stuck}
        idle = {("idle", self._place(site)) for site in log.idle_barriers.keys() - log.busy_barriers}
        return self._words(log) | stuck | idle


def kernel_of(text: str, machine: str = "a2a3") -> Kernel:
    for word, meaning in WORDS.items():
        text = text.replace(word, meaning)
    program = parse(f"{GIVEN}\n{text}", "forms.sync")
    (kernel,) = kernels(program, MACHINES[machine], {})
    assert not program.problems, program.problems
    assert not kernel.problems, kernel.problems
    return kernel


def state(kernel: Kernel, choices: Iterable[bool], rules: Rules = PLAIN, skip: int = 0) -> tuple[int, Path]:
    walk = Walk(kernel, rules, choices, skip)
    try:
        walk.run()
    except Reached as reached:
        return reached.core, reached.path
    raise AssertionError("c is not asked")


def told(
    kernel: Kernel, states: Iterable[tuple[int, Path]], rules: Rules = PLAIN
) -> tuple[list[object], list[set[Any]]]:
    """The form of each state, and what can be found from there on."""
    states = list(states)
    forms = [Twins(kernel, rules, max_states=1, most=0).form(core, path) for core, path in states]
    return forms, [Ahead(kernel, rules, max_states=200, most=0).found(path) for _, path in states]


GIVEN = "unknown t[]; unknown c; unknown again[]; param p in 0..; param q in 0..; param n in 0..; param u in 0..;"
WORDS = {
    "ONCE": "if (1) { let w = 0; for (m = 0; m < 1; m += 1) { if (t[m]) { w = 1; } }",
    "ASKED": "if (c) { pipe_barrier(PIPE_ALL); }",
    "ONE": "slots = 1; local_slots = 1; period = 1; split = up_down; back_pressure = off; record = manual;",
    "CREDIT": "slots = 1; local_slots = 1; period = 1; split = up_down; wait_from = 1;",
    "TWO": "slots = 2; local_slots = 2; period = 1; split = up_down; back_pressure = off; record = manual;",
    "EMPTY": "acc[0:2, 0:0]",
    "TILES": "tile acc : L0C fp32[2, 64] at 0x0; tile s : UB fp32[1, 64] from f;",
    "LATER": "for (k = 0; k < 6; k += 1) { pipe_barrier(PIPE_MTE2); }",
    "RACE": "instr a on PIPE_MTE2 writes UB[0:64]; instr b on PIPE_V reads UB[0:64];",
}

APART = {
    "how two parameters were compared": """core AIV0 {
        ONCE if (w) { if (p < q) { let x = 0; } } else { if (p == q) { let x = 0; } } }
        ASKED if (p == q) { let x = 0; } else { RACE }
    }""",
    "the most that a parameter can be": """core AIV0 {
        ONCE if (w) { if (p < 5) { let x = 0; } } else { if (p < 7) { let x = 0; } } }
        ASKED if (p == 5) { RACE }
    }""",
    "which of two held back in three queues was issued first": """core AIV0 {
        wait_flag(PIPE_S, PIPE_MTE2, 0); wait_flag(PIPE_MTE2, PIPE_MTE3, 0); wait_flag(PIPE_S, PIPE_V, 0);
        ONCE for (k = 0; k < 2; k += 1) {
            if (k == w) { instr w on PIPE_MTE2 writes UB[0:64]; }
            else { instr r on PIPE_MTE3 reads UB[0:64]; }
        } }
        ASKED set_flag(PIPE_S, PIPE_V, 0); set_flag(PIPE_S, PIPE_MTE2, 0); set_flag(PIPE_MTE2, PIPE_MTE3, 0);
    }""",
    "what S read of a memory that it writes too": """
    core AIV0 {
        instr l on PIPE_S reads UB[0:64]; ONCE if (w) { instr r on PIPE_S reads GM[0:64]; } }
        ASKED instr s on PIPE_S writes GM[64:128];
    }
    core AIV1 { LATER instr w on PIPE_MTE3 writes GM[0:64]; }
    """,
    "of which core's copy of a line a third core was told": """
    def r() { instr r on PIPE_MTE3 reads GM[0:64]; }
    core AIC { wait_flag_dev(0); LATER ASKED instr w on PIPE_FIX writes GM[0:64]; }
    core AIV0 {
        instr l on PIPE_MTE3 reads UB[0:64];
        ONCE for (k = 0; k < 2; k += 1) { if (k == w) { r(); } else { ffts_cross_core_sync(PIPE_MTE3, 2, 0); } } }
    }
    core AIV1 {
        ffts_cross_core_sync(PIPE_MTE3, 2, 0);
        for (k = 0; k < 5; k += 1) { instr l on PIPE_MTE3 reads UB[0:64]; } r();
    }
    """,
    "which core's copy of a line has read": """
    def r() { instr r on PIPE_MTE3 reads GM[0:64]; }
    core AIV0 {
        instr l on PIPE_MTE3 reads UB[0:64]; ONCE if (w) { r(); } }
        LATER ASKED instr w on PIPE_MTE2 writes GM[0:64];
    }
    core AIV1 { instr l on PIPE_MTE3 reads UB[0:64]; ONCE if (w == 0) { r(); } } LATER }
    """,
    "which of two lanes has sent its half of a round": """
    def half() { ffts_cross_core_sync(PIPE_V, 2, 0); }
    core AIV0 { ONCE if (w) { half(); } } LATER ASKED half(); }
    core AIV1 { ONCE if (w == 0) { half(); } } LATER }
    core AIC { wait_flag_dev(0); }
    """,
    "which line set a flag last": """core AIV0 {
        ONCE
            if (w) { set_flag(PIPE_V, PIPE_MTE2, 0); }
            else { set_flag(PIPE_V, PIPE_MTE2, 0); }
            wait_flag(PIPE_V, PIPE_MTE2, 0);
        }
        ASKED set_flag(PIPE_V, PIPE_MTE2, 0); wait_flag(PIPE_V, PIPE_MTE2, 0);
    }""",
    "which of two lines set the flag whose wait is open": """core AIV0 {
        set_flag(PIPE_MTE2, PIPE_V, 5); wait_flag(PIPE_MTE2, PIPE_V, 5);
        ONCE
            for (k = 0; k < 3; k += 1) {
                if (k == w) { set_flag(PIPE_V, PIPE_MTE2, k); }
                if (k == w + 1) { set_flag(PIPE_V, PIPE_MTE2, k); }
            }
            wait_flag(PIPE_V, PIPE_MTE2, w + w);
            set_flag(PIPE_MTE2, PIPE_V, 5); wait_flag(PIPE_MTE2, PIPE_V, 5);
            wait_flag(PIPE_V, PIPE_MTE2, 1);
        }
        ASKED set_flag(PIPE_V, PIPE_MTE2, 1); wait_flag(PIPE_V, PIPE_MTE2, 1);
    }""",
    "which of two flags has the wait that is open": """core AIV0 {
        ONCE
            for (k = 0; k < 2; k += 1) { set_flag(PIPE_V, PIPE_MTE2, k); }
            for (k = 0; k < 2; k += 1) {
                wait_flag(PIPE_V, PIPE_MTE2, w + k - 2 * w * k);
                if (k == 0) { set_flag(PIPE_MTE2, PIPE_V, 5); wait_flag(PIPE_MTE2, PIPE_V, 5); }
            }
        }
        ASKED set_flag(PIPE_V, PIPE_MTE2, 0); wait_flag(PIPE_V, PIPE_MTE2, 0);
    }""",
    "which line sent the signal that is there": """
    core AIC {
        ONCE
            if (w) { ffts_cross_core_sync(PIPE_FIX, 2, 0); }
            else { ffts_cross_core_sync(PIPE_FIX, 2, 0); }
        }
        ASKED
    }
    core AIV { LATER }
    """,
    "which flag an instruction that is held back sets": """core AIV0 {
        wait_flag(PIPE_S, PIPE_MTE2, 0); ONCE set_flag(PIPE_MTE2, PIPE_V, w); }
        ASKED set_flag(PIPE_S, PIPE_MTE2, 0); wait_flag(PIPE_MTE2, PIPE_V, 0);
    }""",
    "at which counter a core is stopped": """
    core AIV0 { ONCE wait_flag_dev(w); } }
    core AIC { for (k = 0; k < 2; k += 1) { pipe_barrier(PIPE_M); } ASKED ffts_cross_core_sync(PIPE_FIX, 2, 0); }
    core AIV1 { wait_flag_dev(0); }
    """,
    "which bytes were written before a pipe was told": """core AIV0 {
        ONCE for (k = 0; k < 2; k += 1) {
            instr w on PIPE_MTE2 writes UB[64 * (w + k - 2 * w * k):64 * (w + k - 2 * w * k) + 64];
            if (k == 0) { set_flag(PIPE_MTE2, PIPE_V, 0); wait_flag(PIPE_MTE2, PIPE_V, 0); }
        } }
        ASKED instr r on PIPE_V reads UB[0:64];
    }""",
    "whose tile some bytes hold": """
    tile one[2] : UB fp32[1, 64] at 0x0; tile two[2] : UB fp32[1, 64] at 0x0;
    core AIV0 {
        ONCE
            for (k = 0; k < 2; k += 1) { if (k == w) { TEXPANDS(one[k], 0); } else { TEXPANDS(two[k], 0); } }
            pipe_barrier(PIPE_ALL);
        }
        ASKED TADDS(one[0], one[0], 1);
    }""",
    "which of two stores in flight came first": """core AIV0 {
        ONCE for (k = 0; k < 2; k += 1) {
            if (k == w) { instr one on PIPE_MTE3 writes GM[0:64]; }
            else { instr two on PIPE_MTE3 writes GM[64:128]; }
            if (k == 0) { set_flag(PIPE_MTE3, PIPE_V, 0); wait_flag(PIPE_MTE3, PIPE_V, 0); }
        } pipe_barrier(PIPE_MTE3); }
        ASKED set_flag(PIPE_V, PIPE_S, 0); wait_flag(PIPE_V, PIPE_S, 0);
    }""",
    "at which of two addresses bytes were written": """core AIV0 {
        ONCE let at = p; if (w) { at = q; } instr w on PIPE_MTE2 writes GM[at * 64:at * 64 + 64]; }
        ASKED instr r on PIPE_V reads GM[p * 64 + 64:p * 64 + 128];
    }""",
    "where the bytes begin that are held back": """core AIV0 {
        wait_flag(PIPE_S, PIPE_MTE2, 0); ONCE instr w on PIPE_MTE2 writes UB[w * 64:128]; }
        ASKED set_flag(PIPE_S, PIPE_MTE2, 0); instr r on PIPE_V reads UB[0:64];
    }""",
    "where the bytes end that are held back": """core AIV0 {
        wait_flag(PIPE_S, PIPE_MTE2, 0); ONCE instr w on PIPE_MTE2 writes UB[0:w * 64 + 64]; }
        ASKED set_flag(PIPE_S, PIPE_MTE2, 0); instr r on PIPE_V reads UB[64:128];
    }""",
    "how many tiles were pushed": """
    fifo f : C2V fp32[2, 64] { flag = 0; local = UB at 0x0; TWO } TILES
    core AIC { TPUSH(f, EMPTY); ONCE if (w) { TPUSH(f, EMPTY); } } LATER ASKED f.record(); TPUSH(f, acc); }
    core AIV { TPOP(f, s); }
    """,
    "into which FIFO a tile was pushed": """
    fifo f : C2V fp32[2, 64] { flag = 0; local = UB at 0x0; TWO }
    fifo g : C2V fp32[2, 64] { flag = 2; local = UB at 0x1000; TWO } TILES
    tile z : UB fp32[1, 64] from g;
    core AIC { ONCE if (w) { TPUSH(f, EMPTY); } else { TPUSH(g, EMPTY); } } LATER ASKED f.record(); TPUSH(f, acc); }
    core AIV { TPOP(f, s); }
    """,
    "which of two tiles is in a slot": """
    fifo f : C2V fp32[2, 64] { flag = 0; local = UB at 0x0; ONE } TILES
    core AIC {
        ONCE for (k = 0; k < 2; k += 1) { if (k == w) { TPUSH(f, acc); } else { TPUSH(f, EMPTY); } } }
        pipe_barrier(PIPE_ALL); ASKED f.record();
    }
    core AIV { TPOP(f, s); }
    """,
    "which of two tiles is held back": """
    fifo f : C2V fp32[2, 64] { flag = 0; local = UB at 0x0; ONE } TILES
    core AIC {
        wait_flag(PIPE_M, PIPE_FIX, 0);
        ONCE for (k = 0; k < 2; k += 1) { if (k == w) { TPUSH(f, acc); } else { TPUSH(f, EMPTY); } } }
        ASKED set_flag(PIPE_M, PIPE_FIX, 0); f.record();
    }
    core AIV { TPOP(f, s); }
    """,
    "which of two tiles that are popped is in a slot": """
    fifo f : C2V fp32[2, 64] { flag = 0; local = UB at 0x0; ONE } TILES
    core AIC {
        ONCE for (k = 0; k < 2; k += 1) {
            if (k == w) { TPUSH(f, acc); } else { TPUSH(f, EMPTY); }
        } }
        f.record(); f.record(); pipe_barrier(PIPE_ALL);
    }
    core AIV { wait_flag(PIPE_V, PIPE_MTE2, 0); TPOP(f, s); TPOP(f, s); LATER ASKED set_flag(PIPE_V, PIPE_MTE2, 0); }
    """,
    "which of two tiles is held back when one is popped": """
    fifo f : C2V fp32[2, 64] { flag = 0; local = UB at 0x0; ONE } TILES
    core AIC {
        f.record(); wait_flag(PIPE_M, PIPE_FIX, 0);
        ONCE for (k = 0; k < 2; k += 1) { if (k == w) { TPUSH(f, acc); } else { TPUSH(f, EMPTY); } } }
        wait_flag_dev(6); set_flag(PIPE_M, PIPE_FIX, 0); ffts_cross_core_sync(PIPE_FIX, 2, 5);
    }
    core AIV {
        wait_flag(PIPE_V, PIPE_MTE2, 0); TPOP(f, s);
        LATER ASKED ffts_cross_core_sync(PIPE_V, 2, 6); wait_flag_dev(5); set_flag(PIPE_V, PIPE_MTE2, 0);
    }
    """,
    "which tile a push waits to store": """
    fifo f : C2V fp32[2, 64] {
        slots = 1; flag = 0; local = UB at 0x0; local_slots = 1; period = 1; split = up_down; wait_from = 0;
    }
    tile acc[2] : L0C fp32[2, 64] at 0x0; tile s : UB fp32[1, 64] from f;
    core AIC { instr m on PIPE_M writes L0C[0:512]; ONCE TPUSH(f, acc[w]); } }
    core AIV { LATER ASKED f.free(); TPOP(f, s); }
    """,
    "whether a pipe has done anything since its barrier": """core AIV0 {
        ONCE if (w) { instr r on PIPE_V reads UB[0:64]; } } if (c) { let x = 0; } pipe_barrier(PIPE_V);
    }""",
    "whether bytes were written before a library instruction or after it": """
    tile a : UB fp32[16, 128] at 0x0; tile d : UB fp32[16, 1] at 0x4000; tile b : UB fp32[16, 128] at 0x8000;
    core AIV0 {
        wait_flag(PIPE_S, PIPE_V, 0);
        ONCE for (k = 0; k < 2; k += 1) {
            if (k == w) { TROWSUM(d, a, b); } else { instr x on PIPE_V writes UB[0:64]; }
        } }
        ASKED set_flag(PIPE_S, PIPE_V, 0);
    }
    """,
    "how often a FIFO was used before it waits for credits": """
    fifo f : C2V fp32[2, 64] {
        slots = 1; flag = 0; local = UB at 0x0; local_slots = 1; period = 1; split = up_down; wait_from = 3;
    } TILES
    core AIC {
        ONCE if (w) { TPUSH(f, EMPTY); f.allocate(); } } TPUSH(f, EMPTY); f.allocate();
        ASKED TPUSH(f, EMPTY); TPUSH(f, EMPTY);
    }
    core AIV { ONCE if (w) { TPOP(f, s); } } TPOP(f, s); }
    """,
    "which of three tiles waits for every second credit": """
    fifo f : C2V fp32[2, 64] {
        slots = 3; flag = 0; local = UB at 0x0; local_slots = 3; period = 2; split = up_down; wait_from = 1;
    } TILES
    core AIC {
        ONCE
            for (k = 0; k < 3 + 3 * w; k += 1) { TPUSH(f, EMPTY); }
            wait_flag_dev(5); if (w) { f.allocate(); }
        }
        ffts_cross_core_sync(PIPE_FIX, 2, 7); LATER ASKED TPUSH(f, EMPTY);
    }
    core AIV {
        ONCE for (k = 0; k < 3 + 3 * w; k += 1) { TPOP(f, s); } }
        ffts_cross_core_sync(PIPE_MTE2, 2, 5); pipe_barrier(PIPE_MTE2); wait_flag_dev(7);
    }
    """,
    "bytes that one read has passed and another has not": """
    core AIV0 {
        LATER
        for (i = 0; i < 3; i += 1) {
            ASKED instr r on PIPE_MTE2 reads GM[i * 64:i * 64 + 64];
            instr x on PIPE_MTE2 reads GM[i * 64 + 128:i * 64 + 192];
        }
    }
    core AIV1 { ONCE if (w) { instr w on PIPE_MTE3 writes GM[64:128]; } } pipe_barrier(PIPE_ALL); }
    """,
    "what was written a value away from an earlier block": """
    core AIV0 {
        let turns = 0;
        for (b = p; b < n; b += q + 1) {
            if (turns == 1) { ASKED }
            turns = turns + 1; instr r on PIPE_MTE2 reads GM[b * 64:b * 64 + 64]; if (turns == 4) { break; }
        }
    }
    core AIV1 { ONCE let turns = 0; for (b = p; b < n; b += q + 1) {
        if (w) { instr w on PIPE_MTE3 writes GM[b * 64 + u * 64:b * 64 + u * 64 + 64]; }
        turns = turns + 1; if (turns == 1) { break; } } } pipe_barrier(PIPE_ALL); }
    """,
    "what was written by blocks that come down": """
    core AIV0 {
        let turns = 0;
        for (b = p; b < n; b += q + 1) {
            if (turns == 1) { ASKED }
            turns = turns + 1; instr r on PIPE_MTE2 reads GM[640 - b * 64:704 - b * 64]; if (turns == 4) { break; }
        }
    }
    core AIV1 { ONCE let turns = 0; for (b = p; b < n; b += q + 1) {
        if (w) { instr w on PIPE_MTE3 writes GM[512 - b * 64:576 - b * 64]; }
        turns = turns + 1; if (turns == 1) { break; } } } pipe_barrier(PIPE_ALL); }
    """,
    "what was written by a block that a later loop comes to": """
    core AIV0 {
        let turns = 0;
        for (b = p; b < n; b += q + 1) {
            if (turns == 1) { ASKED }
            turns = turns + 1; instr r on PIPE_MTE2 reads GM[b * 64:b * 64 + 64]; if (turns == 2) { break; }
        }
        for (d = p; d < n; d += q + 1) { instr r on PIPE_MTE2 reads GM[d * 64:d * 64 + 64]; break; }
    }
    core AIV1 { ONCE let turns = 0; for (b = p; b < n; b += q + 1) {
        if (w) { instr w on PIPE_MTE3 writes GM[b * 64:b * 64 + 64]; }
        turns = turns + 1; if (turns == 1) { break; } } } pipe_barrier(PIPE_ALL); }
    """,
}

TWO_COUNTERS = """
    core AIC {
        ffts_cross_core_sync(PIPE_FIX, 2, 0); ffts_cross_core_sync(PIPE_FIX, 2, 1); wait_flag_dev(3);
        LATER ASKED ffts_cross_core_sync(PIPE_FIX, 2, 0);
    }
    core AIV {
        ONCE for (k = 0; k < 2; k += 1) {
            wait_flag_dev(w + k - 2 * w * k); if (k == 0) { ffts_cross_core_sync(PIPE_V, 2, 3); }
        } }
"""

COUNTERS = {
    "of which counter the wait is not known": TWO_COUNTERS + "}",
    "of which counter the wait is known to its own side only": (
        TWO_COUNTERS + "ffts_cross_core_sync(PIPE_V, 1, 4); wait_flag_dev(4); }"
    ),
    "of which counter two waits are not known": """
    core AIC {
        for (k = 0; k < 2; k += 1) { ffts_cross_core_sync(PIPE_FIX, 2, 0); ffts_cross_core_sync(PIPE_FIX, 2, 1); }
        wait_flag_dev(3); LATER ASKED ffts_cross_core_sync(PIPE_FIX, 2, 0);
    }
    core AIV {
        ONCE for (k = 0; k < 4; k += 1) {
            if (k < 2) { wait_flag_dev(w); } else { wait_flag_dev(1 - w); }
            if (k == 0) { ffts_cross_core_sync(PIPE_V, 2, 3); }
        } }
    }
    """,
    "which wait half a round tells": """
    core AIC {
        ffts_cross_core_sync(PIPE_FIX, 2, 0); ffts_cross_core_sync(PIPE_FIX, 2, 1);
        LATER ASKED ffts_cross_core_sync(PIPE_FIX, 2, 2); wait_flag_dev(3); ffts_cross_core_sync(PIPE_FIX, 2, 0);
    }
    core AIV0 {
        ONCE for (k = 0; k < 2; k += 1) {
            wait_flag_dev(w + k - 2 * w * k); if (k == 0) { ffts_cross_core_sync(PIPE_V, 2, 3); }
        } }
        wait_flag_dev(2);
    }
    core AIV1 { wait_flag_dev(0); wait_flag_dev(1); wait_flag_dev(2); ffts_cross_core_sync(PIPE_V, 2, 3); }
    """,
}

A5 = {
    "what was known of an instruction held back when it was issued": """
    core AIV0 {
        instr v on PIPE_V writes UB[0:64]; wait_intra_block(PIPE_MTE3, 0);
        ONCE for (k = 0; k < 2; k += 1) {
            if (k == w) { instr r on PIPE_MTE3 reads UB[0:64]; }
            else { set_flag(PIPE_V, PIPE_S, 0); wait_flag(PIPE_V, PIPE_S, 0); }
        } }
        ASKED
    }
    core AIC { wait_intra_block(PIPE_FIX, 17); set_intra_block(PIPE_FIX, 0); }
    core AIV1 { for (k = 0; k < 9; k += 1) { pipe_barrier(PIPE_V); } set_intra_block(PIPE_V, 1); }
    """,
    "what S issues with where its waits do not hold": """
    core AIV0 {
        instr v on PIPE_V writes UB[0:64]; pipe_barrier(PIPE_V); set_intra_block(PIPE_V, 2);
        wait_intra_block(PIPE_MTE3, 0); wait_intra_block(PIPE_S, 1); wait_intra_block(PIPE_V, 5);
        set_flag(PIPE_V, PIPE_S, 0); wait_flag(PIPE_V, PIPE_S, 0); wait_intra_block(PIPE_S, 4);
        instr r on PIPE_MTE3 reads UB[0:64];
    }
    core AIC {
        ONCE for (k = 0; k < 3; k += 1) {
            if (k == 1) { wait_intra_block(PIPE_M, 2); }
            else { let flag = 5; if (k == 2 * w) { flag = 1; } set_intra_block(PIPE_M, flag); }
        } }
        LATER ASKED set_intra_block(PIPE_MTE1, 4); set_intra_block(PIPE_FIX, 0);
    }
    """,
}

ALIKE = {
    "a store that is drained, and none": """core AIV0 {
        ONCE if (w) { instr s on PIPE_MTE3 writes GM[0:64]; } pipe_barrier(PIPE_ALL); } ASKED
    }""",
    "whether MTE3 knows of a wait that its setter knows": """
    core AIC { LATER }
    core AIV0 {
        ONCE for (k = 0; k < 2; k += 1) {
            if (k == w) { set_flag(PIPE_V, PIPE_MTE2, 0); wait_flag(PIPE_V, PIPE_MTE2, 0); }
            else { set_flag(PIPE_MTE2, PIPE_MTE3, 1); wait_flag(PIPE_MTE2, PIPE_MTE3, 1); }
        } }
        set_flag(PIPE_MTE2, PIPE_V, 2); wait_flag(PIPE_MTE2, PIPE_V, 2);
        set_flag(PIPE_MTE3, PIPE_MTE2, 3); wait_flag(PIPE_MTE3, PIPE_MTE2, 3); ASKED
    }
    """,
    "whether a lane knows of a wait that its sender knows": """
    core AIC { ffts_cross_core_sync(PIPE_FIX, 2, 0); wait_flag_dev(5); LATER ASKED }
    core AIV0 {
        ONCE for (k = 0; k < 2; k += 1) {
            if (k == w) { wait_flag_dev(0); } else { ffts_cross_core_sync(PIPE_V, 1, 3); }
        } }
        ffts_cross_core_sync(PIPE_V, 2, 5);
    }
    core AIV1 {
        wait_flag_dev(0); ffts_cross_core_sync(PIPE_V, 1, 3);
        wait_flag_dev(3); ffts_cross_core_sync(PIPE_V, 2, 5);
    }
    """,
    "a round of two lanes that is heard, and a signal of the cube to itself": """
    def signal(mode) { ffts_cross_core_sync(PIPE_MTE2, mode, 0); }
    core AIC { ONCE if (w) { signal(0); } } wait_flag_dev(0); LATER ASKED }
    core AIV { ONCE if (w == 0) { signal(2); } } }
    """,
    "bytes below all that comes": """
    core AIV0 { LATER ASKED instr r on PIPE_MTE2 reads GM[640:704]; }
    core AIV1 { ONCE if (w) { instr w on PIPE_MTE3 writes GM[0:64]; } } pipe_barrier(PIPE_ALL); }
    """,
    "bytes that two loops have passed": """
    core AIV0 { for (i = 0; i < 3; i += 1) { for (j = 0; j < 2; j += 1) {
        if (i == 1) { ASKED } instr r on PIPE_MTE2 reads GM[i * 128 + j * 64:i * 128 + j * 64 + 64];
    } } }
    core AIV1 { ONCE if (w) { instr w on PIPE_MTE3 writes GM[0:64]; } } pipe_barrier(PIPE_ALL); }
    """,
    "one tile or two, of those that wait for a credit": """
    fifo f : C2V fp32[2, 64] {
        slots = 1; flag = 0; local = UB at 0x0; local_slots = 1; period = 1; split = up_down; wait_from = 1;
    } TILES
    core AIC { ONCE for (k = 0; k < 1 + w; k += 1) { TPUSH(f, EMPTY); } } LATER ASKED }
    core AIV { ONCE for (k = 0; k < 1 + w; k += 1) { TPOP(f, s); } } }
    """,
}


TURNS: dict[str, tuple[str, str, str]] = {
    "a parameter that is five turns off": (
        """core AIV0 { for (i = 0; i < n; i += 1) {
            if (t[i]) { if (n == i + 5) { let x = 0; } }
            if (again[i]) { RACE }
        } }""",
        "00001", "000001",
    ),
    "tiles that are held back": (
        """fifo f : C2V fp32[2, 64] { flag = 0; local = UB at 0x0; CREDIT } TILES
        core AIC { for (i = 0; i < n; i += 1) {
            wait_flag(PIPE_M, PIPE_FIX, 0); TPUSH(f, acc); if (again[i]) { let x = 0; } set_flag(PIPE_M, PIPE_FIX, 0);
        } }
        core AIV { for (i = 0; i < n; i += 1) { TPOP(f, s); } }""",
        "0000", "00000",
    ),
    "uses of tiles that are held back": (
        """fifo f : C2V fp32[2, 64] { flag = 0; local = UB at 0x0; CREDIT } TILES
        core AIC { for (i = 0; i < n; i += 1) { TPUSH(f, acc); } }
        core AIV { for (i = 0; i < n; i += 1) {
            TPOP(f, s); wait_flag(PIPE_MTE3, PIPE_V, 0); TADDS(s, s, 1);
            if (again[i]) { let x = 0; } set_flag(PIPE_MTE3, PIPE_V, 0);
        } }""",
        "0000", "00000",
    ),
}  # fmt: skip
"""A script, and the answers to `t` in two turns that are alike."""


def apart(kernel: Kernel, rules: Rules = PLAIN) -> None:
    forms, found = told(kernel, [state(kernel, [choice], rules) for choice in (False, True)], rules)
    assert found[0] != found[1], "nothing that comes tells them apart"
    assert forms[0] != forms[1]


def one(kernel: Kernel, states: Iterable[tuple[int, Path]]) -> None:
    forms, found = told(kernel, states)
    assert found[0] == found[1]
    assert forms[0] == forms[1]


@pytest.mark.parametrize("name", APART)
def test_what_tells_two_states_apart(name: str) -> None:
    apart(kernel_of(APART[name]))


@pytest.mark.parametrize("name", COUNTERS)
def test_what_is_told_of_counters(name: str) -> None:
    apart(kernel_of(COUNTERS[name]), Rules(in_order=frozenset("S"), counter_limit=1 + ("two" in name)))


@pytest.mark.parametrize("name", A5)
def test_what_is_told_where_pipes_wait_for_other_cores(name: str) -> None:
    apart(kernel_of(A5[name], "a5"), Rules(in_order=frozenset("S"), advisory_scalar_wait="do not hold" in name))


@pytest.mark.parametrize("name", ALIKE)
def test_what_tells_no_states_apart(name: str) -> None:
    kernel = kernel_of(ALIKE[name])
    one(kernel, [state(kernel, [choice]) for choice in (False, True)])


@pytest.mark.parametrize("name", TURNS)
def test_turns_that_are_alike(name: str) -> None:
    text, *turns = TURNS[name]
    kernel = kernel_of(text)
    one(kernel, [state(kernel, [answer == "1" for answer in answers], skip=len(answers) - 1) for answers in turns])


def test_where_a_loop_ends_and_which_values_are_loose() -> None:
    """What `reopened` will do: a number that ends the loop of one core, and which values a loop leaves open, from
    where on, and with which remainder."""
    kernel = kernel_of(
        "core AIC { for (j = 0; j < q; j += 1) { pipe_barrier(PIPE_M); } }"
        "core AIV0 { for (i = 0; i < n; i += 1) { if (again[i]) { let x = 0; } } }"
    )
    core, path = state(kernel, [])
    n, q = ("n", ()), ("q", ())
    (loop,) = kernel.cores[core].loops
    states = []
    marks: list[dict[symbolic.Atom, Loose]] = [
        {}, {n: Loose(1, 1)}, {n: Loose(1, 2)}, {n: Loose(2, 1)}, {q: Loose(1, 1)}, {n: Loose(1, 1), q: Loose(1, 1)},
    ]  # fmt: skip
    for loose in marks:
        states.append(path.copy(path.store))
        states[-1].loose = loose
    for number in (5, 7):
        states.append(path.copy(path.store))
        states[-1].cores[core].pins = (Pin(n, number, loop),)
    forms = {Twins(kernel, PLAIN, max_states=1, most=0).form(core, each) for each in states}
    assert len(forms) == len(states)


def test_which_loop_ends_where() -> None:
    kernel = kernel_of(
        "core AIV0 { for (i = 0; i < n; i += 1) { for (j = 0; j < q; j += 1) { if (again[i]) { let x = 0; } } } }"
    )
    core, path = state(kernel, [])
    outer, inner = (Pin((name, ()), 5, loop) for name, loop in zip("nq", kernel.cores[core].loops, strict=True))
    forms = []
    for pins in ((outer, replace(inner, number=7)), (replace(inner, number=5), replace(outer, number=7))):
        each = path.copy(path.store)
        each.cores[core].pins = pins
        forms.append(Twins(kernel, PLAIN, max_states=1, most=0).form(core, each))
    assert forms[0] != forms[1]


def test_a_form_leaves_its_state_alone() -> None:
    """S alone uses UB, so all that S knows of itself is settled there; what others learn of S is not."""
    kernel = kernel_of("""
    core AIC { wait_flag_dev(0); instr w on PIPE_FIX writes GM[0:64]; }
    core AIV0 {
        pipe_barrier(PIPE_ALL); instr s on PIPE_S writes UB[0:64];
        LATER if (c) { let x = 0; }
        ffts_cross_core_sync(PIPE_V, 2, 0); instr r on PIPE_S reads GM[0:64];
    }
    core AIV1 { ffts_cross_core_sync(PIPE_V, 2, 0); }
    """)
    _, (found,) = told(kernel, [state(kernel, [])])
    assert ("unordered", (("AIC", 3, "w"), True), (("AIV0", 7, "r"), False)) in found


@pytest.mark.parametrize("after", ["", "pipe_barrier(PIPE_ALL);"])
def test_a_form_of_more_bytes_is_more_work(after: str) -> None:
    """Whether they are compared, or only looked at: otherwise large states would not count for what they cost."""
    kernel = kernel_of(
        "core AIV0 { ONCE for (k = 0; k < 20 * w; k += 1) { instr a on PIPE_V writes UB[k * 64:k * 64 + 64]; } }"
        f"{after} ASKED instr b on PIPE_MTE2 reads UB[0:4096]; }}"
    )
    work = []
    for choice in (False, True):
        core, path = state(kernel, [choice])
        explorer = Twins(kernel, PLAIN, max_states=1, most=0)
        explorer.form(core, path)
        work.append(explorer._folder.work)
    assert 0 < work[0] < work[1]
