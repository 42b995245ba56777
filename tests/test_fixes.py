"""The flag that a report asks for, tried before it is offered."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncheck.check import Settings, check
from syncheck.finding import Finding
from syncheck.machine import load

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
PROVED = "Tried: the kernel is proved with it."

GUARDED = """\
param n in 1..;
gm y : fp32[n, 1024];
tile b : UB fp32[1, 512] at 0x0;
core AIV {
    for (i = 0; i < n; i++) {
        if (i % 2 == 0) {
            TEXPANDS(b, i);
        }
        set_flag(PIPE_V, PIPE_MTE3, EVENT_ID0);
        wait_flag(PIPE_V, PIPE_MTE3, EVENT_ID0);
        TSTORE(y[i, lane * 512:(lane + 1) * 512], b);
        pipe_barrier(PIPE_MTE3);
    }
    set_flag(PIPE_MTE3, PIPE_S, EVENT_ID0);
    wait_flag(PIPE_MTE3, PIPE_S, EVENT_ID0);
}
"""


def races(text: str, *, try_fixes: bool = True) -> list[Finding]:
    report = check(text, "k.sync", Settings(load("a2a3"), try_fixes=try_fixes))
    return [f for f in report.findings if f.rule in ("WAR001", "RAW001", "WAW001")]


@pytest.mark.parametrize("name", ["seeds/pr708", "WAR001/fires_store_loop", "RAW001/fires_load_compute"])
def test_the_flag_is_proved(name: str) -> None:
    (race,) = races((FIXTURES / f"{name}.sync").read_text(encoding="utf-8"))
    assert race.order[0].startswith("set_flag(PIPE_")
    assert race.order[0].endswith(PROVED)


def test_what_remains_is_named() -> None:
    """One of two races goes; the set stands in an arm that not every turn takes, so it may be left."""
    found = races((FIXTURES / "seeds" / "pr331_before.sync").read_text(encoding="utf-8"))
    assert len(found) == 2
    for race in found:
        assert "Tried: this race goes, " in race.order[0]
        assert race.order[0].endswith(" remain.")


def test_a_flag_that_does_not_order_them_is_not_offered() -> None:
    """The wait stands in an arm that only every second turn takes, the set in every turn: it takes an older set."""
    (race,) = races(GUARDED)
    assert race.order == ("Two slots for b.", "Or drain MTE3→S after 11.")


def test_nothing_is_tried_unasked() -> None:
    (race,) = races(GUARDED, try_fixes=False)
    assert "Tried" not in "".join(race.order)
