"""Pictures that are hard to draw."""

from __future__ import annotations

from syncheck.finding import LaneEvent, Picture

E = LaneEvent

UPWARD = Picture(
    ("MTE2", "V", "MTE3"),
    (
        E("MTE2", "TLOAD 0", "access"),
        E("MTE2", "set", "set"),
        E("V", "wait", "wait"),
        E("V", "TADD 0", "access", "earlier"),
        E("MTE3", "wait", "wait"),
        E("MTE3", "TSTORE 0", "access"),
        E("MTE3", "set", "set"),
        E("MTE2", "wait", "wait"),
        E("MTE2", "TLOAD 1", "access", "later"),
    ),
    ((1, 2), (6, 7)),
    "may still be reading",
)
SAME_LANE = Picture(
    ("V",), (E("V", "TADD 0", "access", "earlier"), E("V", "TMUL 0", "access", "later")), gap="may still be writing"
)
EARLIER_ABOVE = Picture(
    ("MTE2", "V"),
    (
        E("MTE2", "TLOAD 0", "access", "earlier"),
        E("V", "pipe_barrier", "barrier"),
        E("V", "TADD 0", "access", "later"),
    ),
    gap="may still be writing",
)
FAR = Picture(
    ("M", "FIX", "MTE1", "MTE2"),
    (
        E("MTE1", "TMOV 0", "access"),
        E("FIX", "TSTORE", "access", "earlier"),
        E("MTE1", "set", "set"),
        E("M", "TMATMUL 0", "access"),
        E("M", "wait 0", "wait"),
        E("MTE2", "TLOAD", "access"),
        E("M", "set", "set"),
        E("MTE2", "wait", "wait"),
        E("M", "TMATMUL 1", "access", "later"),
    ),
    ((2, 4), (6, 7)),
    "may still be storing",
)
BACKWARD = Picture(
    ("V", "S"),
    (E("S", "wait", "wait"), E("V", "set", "set"), E("V", "set", "set"), E("S", "wait", "wait")),
    ((1, 0), (2, 3), (9, 0)),
)
UNKNOWN_LANE = Picture((), (E("AIC FIX", "TPUSH 0", "access", "earlier"), E("AIV0 MTE2", "TPOP 0", "access", "later")))
EMPTY = Picture(("V",), ())
LONG = Picture(
    ("V", "MTE3"),
    (
        *(E("V", f"TVERYLONGNAME {number}", "access") for number in range(12)),
        E("V", "set_flag(PIPE_V, PIPE_MTE3, EVENT_ID0)", "set"),
        E("MTE3", "wait_flag(PIPE_V, PIPE_MTE3, EVENT_ID0)", "wait"),
        E("MTE3", "TSTORE(gm[0], tile)", "access", "earlier"),
        *(E("V", f"TADD {number}", "access") for number in range(12)),
        E("V", "TCVT 1", "access", "later"),
    ),
    ((12, 13),),
    "may still be reading",
)
CASES = {name.lower(): value for name, value in list(globals().items()) if isinstance(value, Picture)}
