"""Which values may be loose (docs/proofs.md, "Loops in a row"): where one may not, no turns of its loop are alike."""

from __future__ import annotations

import pytest
from judging import look

AHEAD = "for (k = 0; k < n; k += 1) { pipe_barrier(PIPE_ALL); }"
ONE_TURN = "for (k = 0; k < n; k += 1) { break; }"
TIED = {
    "left early": f"core AIV0 {{ for (i = 0; i < n; i += 1) {{ if (t[i]) {{ break; }} }} {AHEAD} }}",
    "left early on one of two cores": f"""
        core AIC {{ for (i = 0; i < n; i += 1) {{ if (t[i]) {{ break; }} }} {AHEAD} }}
        core AIV0 {{ for (j = 0; j < n; j += 1) {{ pipe_barrier(PIPE_V); }} {AHEAD} }}
    """,
    "steps of two": f"core AIV0 {{ for (i = 0; i < n; i += 2) {{ pipe_barrier(PIPE_V); }} {AHEAD} }}",
    "steps of two on one of two cores": f"""
        core AIC {{ for (i = 0; i < n; i += 1) {{ pipe_barrier(PIPE_M); }} {AHEAD} }}
        core AIV0 {{ for (j = 0; j < n; j += 2) {{ pipe_barrier(PIPE_V); }} {AHEAD} }}
    """,
    "one inside the other, left at once": f"""
        core AIV0 {{ for (i = 0; i < n; i += 1) {{ {ONE_TURN} {ONE_TURN} }} }}
    """,
    "one inside the other": f"core AIV0 {{ for (i = 0; i < n; i += 1) {{ {AHEAD} }} }}",
    "told by their turns": """
        core AIV0 { for (o = 0; o < 2; o += 1) { for (b = p; b < n; b += q) { pipe_barrier(PIPE_V); } } }
    """,
    "a core whose loop may be over the same member": """
        core AIC { for (b = 0; b < 1; b += 1) { b = p; for (i = 0; i < f[b]; i += 1) { pipe_barrier(PIPE_M); } } }
        core AIV0 { for (d = 0; d < 1; d += 1) { for (j = 0; j < f[d]; j += 1) { pipe_barrier(PIPE_V); } } }
    """,
    "a core that has not come to it": f"""
        core AIC {{ wait_flag_dev(0); {AHEAD} }}
        core AIV {{ for (i = 0; i < n; i += 1) {{ pipe_barrier(PIPE_V); }} ffts_cross_core_sync(PIPE_V, 2, 0); }}
    """,
}
HEADER = "param n in 0..; param f[b] in 0..; param p in 0..; param q in 1..; unknown t[]; unknown c;"


@pytest.mark.parametrize("name", TIED)
def test_loops_whose_value_stays_tied(name: str) -> None:
    looked = look(f"{HEADER}\n{TIED[name]}", states=80)
    assert (looked.states, ["stopped" in gap for gap in looked.gaps]) == (81, [True])


LOOSE = {
    "in a row": (f"core AIV0 {{ for (i = 0; i < n; i += 1) {{ pipe_barrier(PIPE_V); }} {AHEAD} }}", 11),
    "begun again": (
        "core AIV0 { for (o = 0; o < 3; o += 1) { for (i = 0; i < n; i += 1) { pipe_barrier(PIPE_V); } } }",
        34,
    ),
    "beside a core that has none": (
        f"core AIC {{ wait_flag_dev(0); }} core AIV {{ {AHEAD} {AHEAD} ffts_cross_core_sync(PIPE_V, 2, 0); }}",
        41,
    ),
    "beside a core that has another loop": (
        f"core AIC {{ wait_flag_dev(0); for (o = 0; o < 2; o += 1) {{ pipe_barrier(PIPE_M); }} }} "
        f"core AIV {{ {AHEAD} {AHEAD} ffts_cross_core_sync(PIPE_V, 2, 0); }}",
        55,
    ),
    "on two cores": (f"core AIC {{ {AHEAD} {AHEAD} }} core AIV0 {{ {AHEAD} {AHEAD} }}", 41),
}


@pytest.mark.parametrize("name", LOOSE)
def test_loops_whose_value_is_loose(name: str) -> None:
    text, states = LOOSE[name]
    looked = look(f"{HEADER}\n{text}", states=300)
    assert (looked.gaps, looked.states) == ([], states)
