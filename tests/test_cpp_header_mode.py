"""Header mode: FIFOs are what the library's text says, where --include has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncheck.check import Settings, check_cpp
from syncheck.cli import main
from syncheck.finding import FileReport
from syncheck.frontends.cpp.library_reading import read_kernel
from syncheck.ir import Const
from syncheck.machine import load

KERNEL = """
using namespace pto;
using Sums = TPipe<0, Direction::DIR_C2V, 4096, 2, 2>;
__global__ void kernel(__gm__ float *out, __gm__ void *fifo, int tiles) {
    Sums sums(fifo, 0x0, 0x0);
#if defined(__DAV_CUBE__)
    TileAcc<float, 16, 64> sum;
    TASSIGN(sum, 0x0);
    for (int t = 0; t < tiles; ++t) {
        TPUSH<Sums, TileAcc<float, 16, 64>, TileSplitAxis::TILE_UP_DOWN>(sums, sum);
    }
    set_flag(PIPE_FIX, PIPE_S, EVENT_ID0);
    wait_flag(PIPE_FIX, PIPE_S, EVENT_ID0);
#else
    using Half = Tile<TileType::Vec, float, 8, 64>;
    Half half;
    Half scaled;
    TASSIGN(scaled, 0x2000);
    set_flag(PIPE_MTE3, PIPE_V, EVENT_ID0);
    for (int t = 0; t < tiles; ++t) {
        TPOP<Sums, Half, TileSplitAxis::TILE_UP_DOWN>(sums, half);
        set_flag(PIPE_MTE2, PIPE_V, EVENT_ID0);
        wait_flag(PIPE_MTE2, PIPE_V, EVENT_ID0);
        wait_flag(PIPE_MTE3, PIPE_V, EVENT_ID0);
        TMULS(scaled, half, 2.0f);
        set_flag(PIPE_V, PIPE_S, EVENT_ID0);
        wait_flag(PIPE_V, PIPE_S, EVENT_ID0);
        using Rows = GlobalTensor<float, Shape<1, 1, 1, 8, 64>, Stride<512, 512, 512, 64, 1>>;
        Rows rows(out + (2 * t + get_subblockid()) * 512);
        TSTORE(rows, scaled);
        set_flag(PIPE_MTE3, PIPE_V, EVENT_ID0);
    }
    wait_flag(PIPE_MTE3, PIPE_V, EVENT_ID0);
    set_flag(PIPE_MTE3, PIPE_S, EVENT_ID0);
    wait_flag(PIPE_MTE3, PIPE_S, EVENT_ID0);
#endif
}
"""
NARROW = KERNEL.replace("0x2000", "0x1000")
"""Its ring of two tiles of 2 KB has slots of 4 KB: room for slots a tile apart, not for slots a slot apart."""

WORDS = """
namespace pto {
enum Direction : uint8_t { DIR_C2V = 1, DIR_V2C = 2, DIR_BOTH = 3 };
enum TileSplitAxis : uint8_t { TILE_NO_SPLIT, TILE_UP_DOWN, TILE_LEFT_RIGHT };
}
"""
PUSH = """
namespace pto {
template <int Flag, int Dir, int Bytes, int Count, int Own = 2>
struct TPipe {
    static constexpr int EVERY = PERIOD;
    struct Side {
        uint32_t tileIndex = 0;
        bool sends = true;

        void setRecordStatus(bool on) { sends = on; }
        void record() const { ffts_cross_core_sync(RECORD, word(Flag)); }
    };
    Side prod;
    Side cons;
    __gm__ void *room;
    uint32_t inUb;
    uint32_t inL1;

    explicit TPipe(__gm__ void *slots, uint32_t ub, uint32_t l1) : room(slots), inUb(ub), inL1(l1) {}
    static uint16_t word(int flag) { return 1 + (2 << 4) + (flag << 8); }
    static bool asks(uint32_t n) { return n >= Count && n % EVERY == 0; }
    static bool gives(uint32_t n) { return (n + 1) % EVERY == 0; }
    static uint64_t slotOf(uint32_t n) { return (n % Count) * Bytes; }
    int freed() const { return Flag + 1; }
    int filled() const { return Flag; }
    int own() const { return Own; }
    int bytes() const { return Bytes; }
    ~TPipe() {
#if defined(__DAV_CUBE__)
        const uint32_t pushed = prod.tileIndex;
        const uint32_t asked = pushed > Count ? (pushed - 1 - Count) / EVERY + 1 : 0;
        for (uint32_t n = asked; n < pushed / EVERY + MORE; n++) {
            wait_flag_dev(Flag + 1);
        }
#endif
    }
};

template <typename Pipe, typename T, int Split, std::enable_if_t<is_global_data_v<T>, int> = 0>
inline void TPUSH_IMPL(Pipe &pipe, T &tensor) {
    pipe.prod.record();
}

template <typename Pipe, typename T, typename How>
inline void TPUSH_IMPL(Pipe &pipe, T &tile) {
    How::push(pipe, tile);
}

template <typename Pipe, typename T, int Split, std::enable_if_t<is_tile_data_v<T>, int> = 0>
inline void TPUSH_IMPL(Pipe &pipe, T &tile) {
    if (Pipe::asks(pipe.prod.tileIndex)) {
        wait_flag_dev(pipe.freed());
    }
    using Rows = pto::Shape<1, 1, 1, -1, -1>;
    using Apart = pto::Stride<1, 1, 1, -1, 1>;
    __gm__ float *to = (__gm__ float *)((uint64_t)pipe.room + Pipe::slotOf(pipe.prod.tileIndex));
    GlobalTensor<float, Rows, Apart> slot(to, Rows(tile.GetValidRow(), tile.GetValidCol()), Apart(tile.GetValidCol()));
    TSTORE_IMPL(slot, tile);
    pipe.prod.tileIndex++;
    if (pipe.prod.sends) {
        pipe.prod.record();
    }
}
}
"""
POP = """
namespace pto {
template <typename Pipe, typename T, int Split>
inline void TPOP_IMPL(Pipe &pipe, T &tile) {
    wait_flag_dev(pipe.filled());
    constexpr uint32_t BYTES = T::Rows * T::Cols * sizeof(float);
    uint32_t n = pipe.cons.tileIndex;
    using Rows = pto::Shape<1, 1, 1, -1, -1>;
    using Apart = pto::Stride<1, 1, 1, -1, 1>;
    __gm__ float *from = (__gm__ float *)((uint64_t)pipe.room + Pipe::slotOf(n) + get_subblockid() * BYTES);
    Rows rows(tile.GetValidRow(), tile.GetValidCol());
    GlobalTensor<float, Rows, Apart> slot(from, rows, Apart(tile.GetValidCol()));
    TASSIGN_IMPL(tile, pipe.inUb + (n % pipe.own()) * APART);
    TLOAD_IMPL(tile, slot);
    if (Pipe::gives(n)) {
        ffts_cross_core_sync(PIPE_MTE2, Pipe::word(pipe.freed()));
    }
    pipe.cons.tileIndex++;
}
}
"""
TILE, SLOT = "BYTES", "pipe.bytes()"


def library(
    apart: str = SLOT, record: str = "PIPE_FIX", period: str = "(Count <= 2 ? Count : Count / 2)", more: str = "0"
) -> dict[str, str]:
    push = PUSH.replace("PERIOD", period).replace("RECORD", record).replace("MORE", more)
    return {
        "pto/common/fifo.hpp": WORDS,
        "pto/npu/a2a3/TPush.hpp": push,
        "pto/npu/a2a3/TPop.hpp": POP.replace("APART", apart),
    }


def checked(kernel: str, texts: dict[str, str]) -> FileReport:
    def find(name: str) -> tuple[str, str] | None:
        return (f"lib/{name}", texts[name]) if name in texts else None

    return check_cpp(kernel, "kernel.cpp", Settings(load("a2a3"), timed=False), lambda *_: None, find)


def errors(report: FileReport) -> list[str]:
    return sorted({finding.rule for finding in report.findings if finding.severity == "error"})


def test_two_versions_of_the_library_give_two_verdicts() -> None:
    """The consumer's ring has slots a tile apart in one version and a slot apart in the other."""
    old, new = checked(NARROW, library(apart=TILE)), checked(NARROW, library(apart=SLOT))
    assert (old.verdict, errors(old)) == ("proved", [])
    assert (new.verdict, errors(new)) == ("refuted", ["WAR001"])
    assert old.remarks[0].startswith("FIFOs: as in lib/pto/npu/a2a3/TPush.hpp (blob ")
    assert old.remarks[0].endswith("), slots of the consumer's ring the popped tile apart")
    assert new.remarks[0].endswith("), slots of the consumer's ring a slot apart")
    assert checked(KERNEL, library(apart=SLOT)).verdict == "proved"


def test_the_pipe_that_signals_is_the_librarys() -> None:
    report = checked(KERNEL, library(record="PIPE_MTE3"))
    assert report.verdict == "refuted"
    assert "DRN001" in errors(report)


def test_the_period_of_credits_is_the_librarys() -> None:
    four = KERNEL.replace("DIR_C2V, 4096, 2, 2>", "DIR_C2V, 4096, 4, 2>")
    for period, numbers in (("Count", (4, 4)), ("(Count <= 2 ? Count : Count / 2)", (4, 2)), ("1", (4, 1))):
        texts = library(period=period)
        reading = read_kernel(
            four, "kernel.cpp", load("a2a3"), lambda *_: None, {},
            lambda name, texts=texts: (name, texts[name]) if name in texts else None,  # type: ignore[misc]
        )  # fmt: skip
        assert reading.library.startswith("FIFOs: as in")
        (fifo,) = reading.programs[0].fifos
        assert (fifo.wait_from, fifo.period) == tuple(map(Const, numbers))
        assert fifo.local_stride == Const(4096)


BY_HAND = KERNEL.replace("0x0, 0x0);", "0x0, 0x0);\n    sums.prod.setRecordStatus(false);").replace(
    "(sums, sum);", "(sums, sum);\n        sums.prod.record();"
)
SENDS = ("        pipe.prod.record();", "        ffts_cross_core_sync(PIPE_FIX, Pipe::word(0));")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ((), ""),
        ((SENDS,), ""),
        ((SENDS, ("record() const { ffts", "record() const {} void x() { ffts")), "record() does not send the signal"),
        ((("{ sends = on; }", "{}"),), "its switches (setRecordStatus, setFreeStatus …) do more than leave out"),
    ],
)
def test_signals_sent_by_hand_are_the_librarys(changes: tuple[tuple[str, str], ...], why: str) -> None:
    texts = library()
    for change in changes:
        texts["pto/npu/a2a3/TPush.hpp"] = texts["pto/npu/a2a3/TPush.hpp"].replace(*change)
    report = checked(BY_HAND, texts)
    assert report.verdict == "proved"
    assert why in report.remarks[0]
    assert ("FIFOs: as in" in report.remarks[0]) == (not why)


def test_a_destructor_that_waits_for_nothing_is_a_gap() -> None:
    report = checked(KERNEL, library(more="1"))
    assert report.verdict == "bounded"
    (gap,) = [finding for finding in report.findings if finding.rule == "SYN001"]
    assert "waits for 1 credit after 0 tiles, where 0 are left" in gap.message
    assert gap.labels[0].span.line == 5


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("TLOAD_IMPL(tile, slot);", "mystery(tile);"), "mystery is not known, and it is given a tile"),
        (("(n % pipe.own()) * BYTES", "(n / 2) * BYTES"), "where popped tiles lie follows no ring"),
        (("TLOAD_IMPL(tile, slot);", "TLOAD_IMPL(tile, slot); pipe_barrier(PIPE_MTE2);"), "which call issues what"),
        (("if (Pipe::gives(n))", "if (false)"), "it gives no credits back"),
    ],
)
def test_what_cannot_be_followed_is_built_in_and_said(change: tuple[str, str], why: str) -> None:
    texts = library(apart=TILE)
    texts["pto/npu/a2a3/TPop.hpp"] = texts["pto/npu/a2a3/TPop.hpp"].replace(*change)
    report = checked(KERNEL, texts)
    assert report.verdict == "proved"
    assert report.remarks[0].startswith("FIFOs: built in; lib/pto/npu/a2a3/TPush.hpp (blob ")
    assert why in report.remarks[0]


def test_the_command_says_which_lowering_it_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kernel = tmp_path / "kernel.cpp"
    kernel.write_text(NARROW)
    (tmp_path / ".git").mkdir()
    include = tmp_path / "lib/include"
    for name, text in library(apart=SLOT).items():
        (include / name).parent.mkdir(parents=True, exist_ok=True)
        (include / name).write_text(text)
    assert main(["check", "--format", "concise", "--include", str(include), str(kernel)]) == 1
    shown = capsys.readouterr()
    assert f"syncheck: FIFOs: as in {include}/pto/npu/a2a3/TPush.hpp (blob " in shown.err
    assert "WAR001" in shown.out
    assert main(["check", "--explain-coverage", "--include", str(tmp_path), str(kernel)]) == 0
    said = "syncheck: FIFOs: built in; no folder of --include has pto/npu/a2a3/TPush.hpp\n"
    assert capsys.readouterr().err.count(said) == 2  # once for the run, once in what was understood of the file
    assert main(["check", "--explain-coverage", str(kernel)]) == 0
    assert "syncheck: FIFOs: built in, TPUSH and TPOP as the machine model says" in capsys.readouterr().err
    assert main(["extract", "--include", str(include), str(kernel)]) == 0
    assert "local_stride = 4096" in capsys.readouterr().out
