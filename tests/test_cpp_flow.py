"""Values, arrays and variables of C++ across calls, branches and loops."""

from __future__ import annotations

from test_cpp import HEAD, LAST, LOAD, checked, errors


def rules(body: str, head: str = HEAD) -> list[str]:
    return sorted({rule for rule, _ in errors(body, head)})


def test_an_array_is_passed_by_its_address() -> None:
    head = HEAD + (
        "AICORE void place(Row t[2]) { TASSIGN(t[0], 0x0); TASSIGN(t[1], 0x100); }\n"
        "AICORE void load(Row t[2], __gm__ float *x) { Line g(x); TLOAD(t[1], g); }\n"
    )
    body = f"Row t[2];\nplace(t);\nload(t, x);\nTADDS(t[0], t[0], 1.0f);\n{LAST}"
    assert rules(body, head) == []
    assert rules(body.replace("t[0], t[0]", "t[0], t[1]"), head) == ["RAW001"]


def test_a_pointer_passed_by_reference_is_changed_for_the_caller() -> None:
    head = HEAD + "AICORE void go(__gm__ float *&to, __gm__ float *from) { to = from + 64; }\n"
    flow = "Row a;\nTASSIGN(a, 0x0);\n__gm__ float *p = nullptr;\ngo(p, x);\nLine g(p), h(x + {});\n"
    use = f"TSTORE(g, a);\nTLOAD(a, h);\n{LAST}"
    assert rules(flow.format(64) + use, head) == ["RAW001", "WAR001"]
    assert rules(flow.format(256) + use, head) == ["WAR001"]


START = "int first = static_cast<int>(n) * static_cast<int>(n);\n"


def test_a_loop_from_an_unknown_start_may_have_another_test_beside_its_bound() -> None:
    turn = f"Line g(x + i * 64);\n{LOAD}TADDS(a, a, 1.0f);\n"
    loop = "Row a;\nTASSIGN(a, 0x0);\nfor (int i = first; i < first + n && i < 100; i++) {\n"
    assert rules(f"{START}{loop}{turn}pipe_barrier(PIPE_ALL);\n}}") == []
    assert rules(f"{START}{loop}{turn}}}\n{LAST}") == ["BAR001", "WAR001", "WAW001"]


def test_a_loop_that_steps_by_an_argument() -> None:
    turn = f"Line g(x + i * 64);\n{LOAD}TADDS(a, a, 1.0f);\n"
    loop = "Row a;\nTASSIGN(a, 0x0);\nfor (int i = get_block_idx(); i < 100; i += n) {\n"
    assert rules(f"{loop}{turn}pipe_barrier(PIPE_ALL);\n}}") == []
    assert rules(f"{loop}{turn}}}\n{LAST}") == ["BAR001", "WAR001", "WAW001"]


DRAIN = """AICORE bool drain(int count, int &done, __gm__ float *x) {
    if (done >= count) { return false; }
    Row a;
    TASSIGN(a, 0x0);
    for (int k = 0; k < count; ++k) {
        if (x[k] > 1.0f) { continue; }
        Line g(x + 64 * k);
        TLOAD(a, g);
        pipe_barrier(PIPE_ALL);
        done = done + 2;
    }
    return true;
}
"""


def test_what_a_call_with_an_early_return_counts_is_known_behind_it() -> None:
    body = "int done = 0;\nif (n > 4) { drain(n, done, x); }\nif (done > 5) { pipe_barrier(PIPE_ALL); }\n"
    report = checked(body + LAST, HEAD + DRAIN)
    assert [f.title for f in report.findings if f.severity == "error"] == []


def test_a_value_returned_from_a_loop_is_one_value_behind_it() -> None:
    head = (
        HEAD + "AICORE int find(__gm__ int *y, int n) {\n"
        "    for (int k = 0; k < n; ++k) { if (y[k] > 3) return k; }\n    return -1;\n}\n"
    )
    found = "int at = find((__gm__ int *)x, n);\nif (at >= 0) { pipe_barrier(PIPE_MTE2); }\n"
    body = f"{found}for (int i = 0; i < at; ++i) {{\n"
    report = checked(f"{body}pipe_barrier(PIPE_ALL);\n}}\n", head)
    assert [f.title for f in report.findings if f.severity == "error"] == []


def test_a_comparison_as_event_id_is_a_number() -> None:
    flags = "set_flag(PIPE_MTE2, PIPE_V, n > 3);\npipe_barrier(PIPE_ALL);\n"
    said = [str(f) for f in checked(flags).findings]
    assert any("EVENT_ID0 is still set" in one for one in said)
    assert not any("EVENT_IDTrue" in one or "EVENT_IDFalse" in one for one in said)
