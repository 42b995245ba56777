"""Which loop or branch is the cause where sets and waits do not balance, and where none can be named."""

from __future__ import annotations

import pytest

from syncheck.check import Settings, check
from syncheck.finding import FileReport
from syncheck.machine import load

HEAD = "param n in 0..;\nunknown c;\nunknown d;\ncore AIV {\n"
SET, WAIT = "set_flag(PIPE_V, PIPE_MTE3, 0);", "wait_flag(PIPE_V, PIPE_MTE3, 0);"


def report(body: str) -> FileReport:
    return check(f"{HEAD}{body}\n}}\n", "k.sync", Settings(load("a2a3")))


def errors(body: str) -> list[tuple[str, int]]:
    return [(f.rule, f.primary.span.line) for f in report(body).findings if f.severity == "error"]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (f"if (c) {{ {SET} }}\n{WAIT}", [("FLG008", 5)]),
        (f"{SET}\nif (c) {{ {WAIT} }}", [("FLG008", 6)]),
        (f"if (c) {{ {SET} }}\nif (c) {{ {WAIT} }}", []),
        (f"if (c) {{ {SET} }} else {{ {SET} {WAIT} {SET} }}\n{WAIT}", []),
        (f"for (i = 0; i < n; i++) {{ {SET} }}\n{WAIT}", [("FLG008", 5)]),
        (f"{SET}\nfor (i = 0; i < n; i++) {{ {WAIT} }}", [("FLG008", 6)]),
        (f"for (i = 0; i < n; i++) {{ {SET} }}\nfor (j = 0; j < n; j++) {{ {WAIT} }}", [("FLG008", 5)]),
        (f"for (i = 0; i < 3; i++) {{ {SET} }}\nfor (j = 0; j < 3; j++) {{ {WAIT} }}", []),
        (f"for (i = 0; i < n; i++) {{ if (i > 0) {{ {WAIT} }} {SET} {SET} }}", [("FLG008", 5)]),
        ("for (i = 0; i < n; i++) {\nwait_flag(PIPE_V, PIPE_S, 0);\nset_flag(PIPE_V, PIPE_S, 0);\n}", [("FLG008", 6)]),
        # no one cause: a drain is missing, a lane differs, a body is left early, two branches differ
        (f"{SET}\nfor (i = 0; i < n; i++) {{ if (c) {{ {WAIT} }} if (c) {{ {SET} }} }}",
         [("FLG002", 5), ("FLG002", 6)]),
        (f"if (lane == 0) {{ {SET} }}\n{WAIT}", [("FLG001", 6)]),
        (f"{SET}\nif (c) {{ return; }}\n{WAIT}", [("FLG002", 5)]),
        (f"if (c) {{ {SET} }}\nif (d) {{ {WAIT} }}", [("FLG002", 5), ("FLG001", 6)]),
    ],
)  # fmt: skip
def test_the_cause(body: str, found: list[tuple[str, int]]) -> None:
    assert errors(body) == found


def test_ids_that_change_are_counted_together() -> None:
    """Each turn sets two ids and waits for both; that one of them is named and the other computed is no leak."""
    turn = "set_flag(PIPE_V, PIPE_MTE3, i % 2); set_flag(PIPE_V, PIPE_MTE3, (i + 1) % 2);"
    waits = "wait_flag(PIPE_V, PIPE_MTE3, 0); wait_flag(PIPE_V, PIPE_MTE3, 1);"
    loop, flag = "for (j = 0; j < n; j++)", "flag(PIPE_V, PIPE_MTE2, 0);"
    grows = f"{loop} {{ set_{flag} }}\n{loop} {{ wait_{flag} }}"
    assert errors(f"for (i = 0; i < n; i++) {{ {turn} {waits} }}\n{grows}") == [("FLG008", 6)]


def test_what_follows_from_a_leak_is_not_told_beside_it() -> None:
    found = report(f"for (i = 0; i < n; i++) {{ {SET} }}\nfor (j = 0; j < n; j++) {{ {WAIT} }}")
    assert [finding.rule for finding in found.findings] == ["FLG008"]
    assert found.verdict == "refuted"


def test_the_report_says_what_to_type() -> None:
    (finding,) = report(
        "for (i = 0; i < n; i++) {\nwait_flag(PIPE_V, PIPE_S, 0);\nset_flag(PIPE_V, PIPE_S, 0);\n}"
    ).findings
    assert finding.order == (
        "set_flag(PIPE_V, PIPE_S, EVENT_ID0) once before the loop at 5, wait_flag(PIPE_V, PIPE_S, EVENT_ID0) once "
        "after it.",
    )
