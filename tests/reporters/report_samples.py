"""Reports made by hand: the race of pull request 708, a deadlock, and what else a run may say."""

from __future__ import annotations

from dataclasses import replace

from syncheck.finding import (
    FileReport,
    Finding,
    Label,
    LaneEvent,
    MemoryRange,
    Pair,
    Picture,
    Report,
    ScheduleStep,
    Witness,
)
from syncheck.source import Span

KERNEL = "paged_attention_parallel.cpp"
CAST = "    TCVT(pijBf16Tile, pijTile, RoundMode::CAST_ROUND);"
PUSH = "    TPUSH<PijPipeT, PijVecBf16Tile, TileSplitAxis::TILE_UP_DOWN>(pij_pipe, pijBf16Tile);"
BF16 = MemoryRange("UB", 0x5000, 0x5800, "pijBf16Tile")


def span(path: str, line: int, text: str = "", word: str = "") -> Span:
    """A span over `word` in `text`."""
    start = text.index(word) + 1 if word else 1
    return Span(path, line, start, start + len(word) if word else 0, text)


def pij_pair(lane: str) -> Pair:
    later = Label(
        "primary",
        span(KERNEL, 425, CAST, "pijBf16Tile"),
        lane,
        "V",
        "TCVT",
        "write",
        BF16,
        ("block i=1", "aiv_sf_step@607"),
    )
    push = replace(span(KERNEL, 434, PUSH), column=PUSH.rindex("pijBf16Tile") + 1, end_column=len(PUSH) - 1)
    earlier = Label("secondary", push, lane, "MTE3", "TPUSH", "read", BF16, ("block i=0", "aiv_sf_step@586"))
    return Pair(later, earlier, 1, (("n_blocks", "2"),))


PIJ_PICTURE = Picture(
    ("V", "MTE3"),
    (
        LaneEvent("V", "TCVT 0", "access", line=425),
        LaneEvent("V", "set", "set", line=432),
        LaneEvent("MTE3", "wait", "wait", line=433),
        LaneEvent("MTE3", "TPUSH 0", "access", "earlier", 434),
        LaneEvent("V", "TROWMAX 1", "access", line=415),
        LaneEvent("V", "TEXP 1", "access", line=420),
        LaneEvent("V", "TCVT 1", "access", "later", 425),
    ),
    ((1, 2),),
    "may still be reading",
)


PIJ_WITNESS = Witness(
    "overlap",
    (("n_blocks", "2"),),
    ("AIV0", 31),
    ("AIV0", 57),
    steps=(
        ScheduleStep("AIV0", 30, "MTE3", "wait_flag", 433, "i=0", "complete"),
        ScheduleStep("AIV0", 31, "MTE3", "TPUSH", 434, "i=0", "start"),
        ScheduleStep("AIV0", 57, "V", "TCVT", 425, "i=1", "start"),
    ),
)


def pij_race() -> Finding:
    pairs = (pij_pair("AIV0"), pij_pair("AIV1"))
    assert pairs[0].secondary
    return Finding(
        "WAR001",
        "error",
        "pijBf16Tile is overwritten while it is still being stored",
        f"TCVT at {KERNEL}:425 writes UB 0x5000..0x5800 (pijBf16Tile) on V while TPUSH at {KERNEL}:434 may still be"
        " reading it on MTE3.",
        (pairs[0].primary, pairs[0].secondary),
        "both lanes, n_blocks >= 2",
        (("n_blocks", "2"),),
        3,
        (
            "The only flag between the two runs V→MTE3 (432, 433).",
            "Nothing tells V that MTE3 has finished: TPOP(sij[1]) waits for QK[1], which the cube signals before it"
            " consumes pij[0].",
        ),
        (
            "set_flag(PIPE_MTE3, PIPE_V, EVENT_ID2) after 434, wait_flag(PIPE_MTE3, PIPE_V, EVENT_ID2) before 425;"
            " prime it once before the loop, drain it once after.",
            "Or two slots for pijBf16Tile.",
            "Or drain MTE3→S after 434.",
        ),
        (),
        PIJ_PICTURE,
        pairs,
        witness=PIJ_WITNESS,
    )


def deadlock() -> Finding:
    text = "    wait_flag_dev(2);"
    return Finding(
        "DLK001",
        "error",
        "AIC and AIV0 wait for each other",
        "AIC waits at 227 for a signal of AIV0, which waits for AIC.",
        (
            Label("primary", span("fifo.sync", 227, text, "wait_flag_dev(2)"), "AIC", "S", "wait_flag_dev(2)"),
            Label("secondary", span("fifo.sync", 434), "AIV0", "S", "wait_flag_dev(3)"),
        ),
        chain=(
            "AIC S  wait_flag_dev(2)  at 227  needs a signal on flag 2: AIV0 MTE3 at 434, third turn",
            "AIV0 MTE3  TPUSH pij[2]  at 434  is behind AIV0 S wait_flag_dev(3) at 434 (back-pressure, no free slot)",
            "AIV0 S  wait_flag_dev(3)  at 434  needs a signal on flag 3: AIC MTE2 at 227, third turn",
            "AIC MTE2  TPOP pij[2]  at 227  is behind 1, which is where we started",
        ),
        why=("The FIFO has two slots and the cube pops its third tile before the vector core may push it.",),
    )


def warning() -> Finding:
    text = "        set_flag V MTE3 0"
    return Finding(
        "FLG003",
        "warning",
        "set_flag(V, MTE3, 0) may come before the previous one was consumed",
        "set_flag(V, MTE3, 0) at loop.sync:12 may come before the set of the previous turn was consumed.",
        (Label("primary", span("loop.sync", 12, text, "set_flag V MTE3 0"), "AIV0", "V", "set_flag"),),
        where="i >= 1",
        why=("The vendor's text leaves this undefined.",),
    )


def remark(line: int = 30) -> Finding:
    return Finding(
        "SUR001",
        "info",
        "the pair set_flag/wait_flag MTE2→V 1 orders nothing new",
        f"The flag MTE2→V 1 (loop.sync:{line}) orders nothing that is not ordered without it.",
        (Label("primary", span("loop.sync", line, "  set_flag MTE2 V 1", "set_flag"), "AIV0", "MTE2", "set_flag"),),
    )


def suppressed() -> Finding:
    return replace(pij_race(), suppressed=True, suppression_reason="the runtime drains MTE3 here")


def known() -> Finding:
    return replace(pij_race(), baseline=True)


def many_pairs(count: int) -> Finding:
    """One cause, `count` pairs of source positions, some in an included file."""
    first = pij_race()
    extra = []
    for number in range(count - 2):
        pair = pij_pair("AIV0")
        moved = replace(pair.primary, span=replace(pair.primary.span, line=500 + number))
        if number % 2:
            moved = replace(moved, span=replace(moved.span, path="include/softmax.h"))
        extra.append(replace(pair, primary=moved, occurrences=number + 1))
    return replace(first, pairs=(*first.pairs, *extra))


def refuted(*findings: Finding) -> FileReport:
    return FileReport(
        KERNEL, "refuted", "a2a3", (("n_blocks", ">=1"),), findings or (pij_race(),), "", 14, 412, 41, 0.21
    )


PROVED = FileReport(
    "clean.sync", "proved", "a2a3", (("n_blocks", ">=1"), ("q_tile", "{16, 64}")), (), "", 14, 412, 41, 0.08
)
BOUNDED = FileReport(
    "loop.sync",
    "bounded",
    "a2a3",
    (("n", "<=64"),),
    (warning(), remark(), remark(31)),
    "the flag id depends on polled memory",
    4000,
    90000,
    7,
    1.5,
)
UNREADABLE = FileReport("gone.cpp", "unreadable", "a2a3", reason="cannot read the file: it is a folder")


def everything() -> Report:
    fifo = FileReport("fifo.sync", "refuted", "a2a3", (), (deadlock(), suppressed(), known()), "", 3, 40, 0, 0.02)
    return Report((refuted(many_pairs(9)), fifo, BOUNDED, PROVED, UNREADABLE), "a2a3", version="0.1.0")


def race_only() -> Report:
    return Report((refuted(),), "a2a3", version="0.1.0")


def nasty() -> Report:
    """What a report may contain at worst: wide and invisible characters, controls, markup, very long lines."""
    words = "100% \x1b[31mred\x00 ]]> <b>&amp;\"'</b> 竞争 e\u0301 \u202eturned\ud800 [bold]x[/bold] {0}\n2nd, line: x"
    text = "\tif (数据) { " + "f(a); " * 60 + "TCVT(目标, 源);\t" + "g(b); " * 60
    start = text.index("TCVT")
    where = Span("dir,a:b/ker nel%.cpp", 7, start + 1, start + 12, text)
    labels = (
        Label("primary", where, "AIV0", "V", "TCVT\x07", "write", MemoryRange("UB", 0, 64, "数据\n", "hw + n"), ("f",)),
        Label("secondary", Span("dir,a:b/ker nel%.cpp", 0), "AIV0", "V", "x" * 150, "read", note=words),
        Label("note", Span("other.h", 3, 99, 120, "short"), note="sets the flag"),
    )
    picture = Picture(
        ("V",),
        (LaneEvent("V", words, "access", "earlier"), LaneEvent("V", "目标" * 30, "access", "later")),
        gap=words,
    )
    finding = Finding("RAW001", "error", words, words, labels, words, (("n", words),), why=(words,), picture=picture)
    broken = replace(finding, rule="SYN001", chain=(words, "b  c"), order=("y" * 300,), picture=None)
    return Report((FileReport("dir,a:b/ker nel%.cpp", "bounded", findings=(finding, broken), reason=words),))
