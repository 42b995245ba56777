"""What tile instructions compute, family by family, on kernels of one or two instructions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from syncheck.frontends.script import parse
from syncheck.machine import load
from syncheck.simulator.data import Run, RunError, prepare

A2A3 = load("a2a3")
ROWS, COLUMNS = 8, 64
LANES = "set_flag(PIPE_MTE2, PIPE_V, 0); wait_flag(PIPE_MTE2, PIPE_V, 0);"
BACK = "set_flag(PIPE_V, PIPE_MTE3, 0); wait_flag(PIPE_V, PIPE_MTE3, 0);"


def run(text: str, **given: Any) -> Run:
    return prepare(parse(text, "one.sync"), A2A3, inputs=given).run()


def vector(
    statement: str, *sources: Any, out: tuple[int, int] = (ROWS, COLUMNS), dtype: str = "fp32", to: str = ""
) -> Any:
    """The result of one vector instruction on tiles a, b, c (the sources), into `d`; `t` is a temporary."""
    lines, loads = [], []
    for number, (name, source) in enumerate(zip("abc", sources, strict=False)):
        lines += [f"gm g{name} : {dtype}[{source.shape[0]}, {source.shape[1]}];"]
        lines += [f"tile {name} : UB {dtype}[{source.shape[0]}, {source.shape[1]}] at {0x4000 * (number + 1):#x};"]
        loads.append(f"TLOAD({name}, g{name});")
    size = f"{to or dtype}[{out[0]}, {out[1]}]"
    lines += [f"gm result : {size};", f"tile d : UB {size} at 0x0;", f"tile t : UB {dtype}[{ROWS}, 128] at 0x20000;"]
    body = f"{' '.join(loads)} {LANES} {statement} {BACK} TSTORE(result, d);"
    return run(
        "\n".join([*lines, f"core AIV0 {{ {body} }}"]), **dict(zip(("ga", "gb", "gc"), sources, strict=False))
    ).tensors["result"]


def floats(*shape: int, seed: int = 0, low: float = 0.5, high: float = 2.0) -> Any:
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)


X, Y = floats(ROWS, COLUMNS), floats(ROWS, COLUMNS, seed=1)
SIGNED = floats(ROWS, COLUMNS, seed=2, low=-2.0)
COLUMN, LINE = floats(ROWS, 1, seed=3), floats(1, COLUMNS, seed=4)

BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "TADD": np.add, "TSUB": np.subtract, "TMUL": np.multiply, "TDIV": np.divide, "TMAX": np.maximum, "TMIN": np.minimum,
    "TPARTADD": np.add, "TPARTMUL": np.multiply, "TPARTMAX": np.maximum, "TPARTMIN": np.minimum, "TFMOD": np.fmod,
    "TSUBRELU": lambda a, b: np.maximum(a - b, 0),
}  # fmt: skip
UNARY: dict[str, Callable[[Any], Any]] = {
    "TABS": np.abs, "TNEG": np.negative, "TRELU": lambda a: np.maximum(a, 0), "TEXP": np.exp, "TMOV": lambda a: a,
}  # fmt: skip
POSITIVE: dict[str, Callable[[Any], Any]] = {
    "TLOG": np.log, "TSQRT": np.sqrt, "TRECIP": lambda a: 1 / a, "TRSQRT": lambda a: 1 / np.sqrt(a),
}  # fmt: skip
SCALAR: dict[str, Callable[[Any, int], Any]] = {
    "TADDS": lambda a, s: a + s, "TSUBS": lambda a, s: a - s, "TMULS": lambda a, s: a * s, "TDIVS": lambda a, s: a / s,
    "TMINS": np.minimum, "TMAXS": np.maximum, "TFMODS": np.fmod, "TLRELU": lambda a, s: np.where(a > 0, a, a * s),
}  # fmt: skip


@pytest.mark.parametrize("op", BINARY)
def test_two_tiles(op: str) -> None:
    assert np.array_equal(vector(f"{op}(d, a, b);", SIGNED, Y), BINARY[op](SIGNED, Y).astype(np.float32))


@pytest.mark.parametrize("op", [*UNARY, *POSITIVE])
def test_one_tile(op: str) -> None:
    source = SIGNED if op in UNARY else X
    assert np.array_equal(vector(f"{op}(d, a);", source), (UNARY | POSITIVE)[op](source).astype(np.float32))


@pytest.mark.parametrize("op", SCALAR)
def test_a_tile_and_a_number(op: str) -> None:
    assert np.array_equal(vector(f"{op}(d, a, 3);", SIGNED), SCALAR[op](SIGNED, 3).astype(np.float32))


def test_a_number_divided_by_a_tile_and_an_accumulating_step() -> None:
    assert np.array_equal(vector("TDIVS(d, 3, a);", X), np.float32(3) / X)
    assert np.array_equal(vector("TMULS(d, b, 1); pipe_barrier(PIPE_V); TAXPY(d, a, 2);", X, Y), Y + X * np.float32(2))
    fused = "TMULS(d, c, 1); pipe_barrier(PIPE_V); {}(d, a, b);"
    assert np.array_equal(vector(fused.format("TMULADDDST"), X, Y, SIGNED), X * Y + SIGNED)
    assert np.array_equal(vector(fused.format("TFUSEDMULADD"), X, Y, SIGNED), X * SIGNED + Y)


def test_integers_and_bits() -> None:
    a = np.arange(ROWS * COLUMNS, dtype=np.int32).reshape(ROWS, COLUMNS)
    b = (a * 7 % 5 + 1).astype(np.int32)
    for op, wanted in {"TAND": a & b, "TOR": a | b, "TSHL": a << b, "TSHR": a >> b, "TDIV": a // b}.items():
        assert np.array_equal(vector(f"{op}(d, a, b);", a, b, dtype="int32"), wanted), op
    assert np.array_equal(vector("TNOT(d, a);", a, dtype="int32"), ~a)
    assert np.array_equal(vector("TXOR(d, a, b, t);", a, b, dtype="int32"), a ^ b)


@pytest.mark.parametrize("columns", [16, 64, 100, 128, 300])
@pytest.mark.parametrize(("op", "function"), [("TROWSUM", np.sum), ("TROWMAX", np.max), ("TROWMIN", np.min)])
def test_rows_reduced(op: str, function: Any, columns: int) -> None:
    source = floats(ROWS, columns, low=-1.0)
    found = vector(f"{op}(d, a, t);", source, out=(ROWS, 1))
    assert np.allclose(found[:, 0], function(source, axis=1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("op", "function"),
    [("SUB", np.subtract), ("MUL", np.multiply), ("DIV", np.divide), ("ADD", np.add), ("MAX", np.maximum),
     ("EXPDIF", lambda a, b: np.exp(a - b))],
)  # fmt: skip
def test_rows_and_columns_expanded(op: str, function: Any) -> None:
    assert np.array_equal(vector(f"TROWEXPAND{op}(d, a, b);", X, COLUMN), function(X, COLUMN))
    assert np.array_equal(vector(f"TROWEXPAND{op}(d, a, b, t);", X, COLUMN), function(X, COLUMN))
    assert np.array_equal(vector(f"TCOLEXPAND{op}(d, a, b);", X, LINE), function(X, LINE))
    block = floats(ROWS, 8, seed=5)
    assert np.array_equal(vector(f"TROWEXPAND{op}(d, a, b);", X, block), function(X, np.tile(block, (1, 8))))


def test_one_value_over_a_row_or_a_column() -> None:
    assert np.array_equal(vector("TROWEXPAND(d, a);", COLUMN), np.tile(COLUMN, (1, COLUMNS)))
    assert np.array_equal(vector("TCOLEXPAND(d, a);", LINE), np.tile(LINE, (ROWS, 1)))


@pytest.mark.parametrize(("op", "function"), [("TCOLSUM", np.sum), ("TCOLMAX", np.max), ("TCOLMIN", np.min)])
def test_columns_reduced(op: str, function: Any) -> None:
    found = vector(f"{op}(d, a);", SIGNED, out=(1, COLUMNS))
    assert np.allclose(found[0], function(SIGNED, axis=0), atol=1e-5)


def test_the_place_of_the_greatest() -> None:
    found = vector("TROWARGMAX(d, a, t);", SIGNED, out=(ROWS, 1), to="int32")
    assert np.array_equal(found[:, 0], SIGNED.argmax(axis=1))


def test_conversions_take_their_mode() -> None:
    source = floats(ROWS, COLUMNS, low=-3.0, high=3.0)
    up = vector("TCVT(d, a, 4);", source, to="int32")
    assert np.array_equal(up, np.ceil(source).astype(np.int32))
    nearest = vector("TCVT(d, a, 1);", source, to="bf16")
    assert np.array_equal(nearest.view(np.uint16), source.astype(ml_dtypes.bfloat16).view(np.uint16))


def test_padding_fills_what_is_beyond_the_valid_part() -> None:
    filled = vector("TFILLPAD(d, a[0:6, 0:40]);", SIGNED)
    assert np.array_equal(filled[:6, :40], SIGNED[:6, :40])
    assert np.isneginf(filled[6:]).all()
    assert np.isneginf(filled[:, 40:]).all()
    text = "TMULS(d, a, 1); pipe_barrier(PIPE_V); TFILLPAD_INPLACE(d, d[0:8, 0:1], 1);"
    assert np.array_equal(vector(text, SIGNED), np.where(np.arange(COLUMNS) < 1, SIGNED, 0))


def test_transposed_loads_products_and_the_way_through_the_cube() -> None:
    text = """
    const DN = 1;
    gm ga : bf16[16, 32]; gm gb : bf16[48, 32]; gm result : fp32[16, 48];
    tile a : L1 bf16[16, 32] at 0x0;   tile left  : L0A bf16[16, 32] at 0x0;
    tile b : L1 bf16[32, 48] at 0x8000; tile right : L0B bf16[32, 48] at 0x0;
    tile c : L0C fp32[16, 48] at 0x0;
    core AIC {
        TLOAD(a, ga); TLOAD(b, gb, DN);
        set_flag(PIPE_MTE2, PIPE_MTE1, 0); wait_flag(PIPE_MTE2, PIPE_MTE1, 0);
        TMOV(left, a); TMOV(right, b);
        set_flag(PIPE_MTE1, PIPE_M, 0); wait_flag(PIPE_MTE1, PIPE_M, 0);
        TMATMUL(c, left, right); pipe_barrier(PIPE_M); TMATMUL_ACC(c, left, right);
        set_flag(PIPE_M, PIPE_FIX, 0); wait_flag(PIPE_M, PIPE_FIX, 0);
        TSTORE(result, c);
    }
    """
    rng = np.random.default_rng(0)
    a, b = (rng.uniform(-1, 1, shape).astype(ml_dtypes.bfloat16) for shape in ((16, 32), (48, 32)))
    found = run(text, ga=a, gb=b).tensors["result"]
    assert np.allclose(found, 2 * (a.astype(np.float32) @ b.astype(np.float32).T), atol=1e-5)


@pytest.mark.parametrize("split", ["up_down", "left_right"])
def test_a_fifo_there_and_back_by_both_lanes(split: str) -> None:
    """Scores to two lanes, which add 1 and their lane, and back to the cube."""
    half = "[8, 32]" if split == "up_down" else "[16, 16]"
    text = f"""
    gm g : bf16[16, 32]; gm i : bf16[32, 32]; gm result : fp32[16, 32];
    fifo down : C2V fp32[16, 32] {{ slots = 2; flag = 0; local = UB at 0x0; local_slots = 2; split = {split}; }}
    fifo up : V2C fp32[16, 32] {{ slots = 2; flag = 2; local = L1 at 0x8000; local_slots = 2; split = {split}; }}
    tile a : L1 bf16[16, 32] at 0x0; tile e : L1 bf16[32, 32] at 0x4000;
    tile left : L0A bf16[16, 32] at 0x0; tile right : L0B bf16[32, 32] at 0x0; tile c : L0C fp32[16, 32] at 0x0;
    tile p : L1 fp32[16, 32] from up;
    tile s : UB fp32{half} from down; tile r : UB fp32{half} at 0x8000;
    core AIC {{
        TLOAD(a, g); TLOAD(e, i);
        set_flag(PIPE_MTE2, PIPE_MTE1, 0); wait_flag(PIPE_MTE2, PIPE_MTE1, 0);
        TMOV(left, a); TMOV(right, e);
        set_flag(PIPE_MTE1, PIPE_M, 0); wait_flag(PIPE_MTE1, PIPE_M, 0);
        TMATMUL(c, left, right);
        set_flag(PIPE_M, PIPE_FIX, 0); wait_flag(PIPE_M, PIPE_FIX, 0);
        TPUSH(down, c); TPOP(up, p);
        set_flag(PIPE_MTE2, PIPE_MTE3, 0); wait_flag(PIPE_MTE2, PIPE_MTE3, 0);
        TSTORE(result, p);
    }}
    core AIV {{
        TPOP(down, s);
        set_flag(PIPE_MTE2, PIPE_V, 0); wait_flag(PIPE_MTE2, PIPE_V, 0);
        TADDS(r, s, 1 + lane);
        set_flag(PIPE_V, PIPE_MTE3, 0); wait_flag(PIPE_V, PIPE_MTE3, 0);
        TPUSH(up, r);
    }}
    """
    source = np.random.default_rng(0).uniform(-1, 1, (16, 32)).astype(ml_dtypes.bfloat16)
    added = np.ones((16, 32), np.float32)
    added[(slice(8, None), slice(None)) if split == "up_down" else (slice(None), slice(16, None))] = 2
    kernel = prepare(parse(text, "fifo.sync"), A2A3, inputs={"g": source, "i": np.eye(32)})
    for schedule, seed in (("program", 0), ("random", 0), ("adversarial", 0), ("adversarial", 1)):
        assert np.array_equal(kernel.run(schedule, seed).tensors["result"], source.astype(np.float32) + added)


@pytest.mark.parametrize("split", ["up_down", "left_right"])
def test_on_a5_the_slots_of_a_fifo_are_in_the_memory_that_reads_them(split: str) -> None:
    """Stored by the cube into both lanes' UB, changed there, stored back into L1, moved from there without a load."""
    half = "[8, 32]" if split == "up_down" else "[16, 16]"
    text = f"""
    machine a5;
    gm g : bf16[16, 32]; gm i : bf16[32, 32]; gm result : fp32[16, 32];
    fifo down : C2V fp32[16, 32] {{ slots = 2; flag = 0; local = UB at 0x0; local_slots = 2; split = {split}; }}
    fifo up : V2C bf16[16, 32] {{ slots = 2; flag = 2; local = L1 at 0x8000; local_slots = 2; split = {split}; }}
    tile a : L1 bf16[16, 32] at 0x0; tile e : L1 bf16[32, 32] at 0x4000;
    tile left : L0A bf16[16, 32] at 0x0; tile right : L0B bf16[32, 32] at 0x0; tile c : L0C fp32[16, 32] at 0x0;
    tile p : L1 bf16[16, 32] from up;
    tile s : UB fp32{half} from down; tile r : UB bf16{half} at 0x8000;
    core AIC {{
        TLOAD(a, g); TLOAD(e, i);
        set_flag(PIPE_MTE2, PIPE_MTE1, 0); wait_flag(PIPE_MTE2, PIPE_MTE1, 0);
        TMOV(left, a); TMOV(right, e);
        set_flag(PIPE_MTE1, PIPE_M, 0); wait_flag(PIPE_MTE1, PIPE_M, 0);
        TMATMUL(c, left, right);
        set_flag(PIPE_M, PIPE_FIX, 0); wait_flag(PIPE_M, PIPE_FIX, 0);
        TPUSH(down, c);
        set_flag(PIPE_M, PIPE_MTE1, 0); wait_flag(PIPE_M, PIPE_MTE1, 0);
        set_flag(PIPE_FIX, PIPE_M, 0); wait_flag(PIPE_FIX, PIPE_M, 0);
        TPOP(up, p); TMOV(left, p); TFREE(up);
        set_flag(PIPE_MTE1, PIPE_M, 1); wait_flag(PIPE_MTE1, PIPE_M, 1);
        TMATMUL(c, left, right);
        set_flag(PIPE_M, PIPE_FIX, 1); wait_flag(PIPE_M, PIPE_FIX, 1);
        TSTORE(result, c);
    }}
    core AIV {{
        TPOP(down, s);
        TADDS(s, s, 1 + lane); TCVT(r, s, 1);
        TFREE(down);
        set_flag(PIPE_V, PIPE_MTE3, 0); wait_flag(PIPE_V, PIPE_MTE3, 0);
        TPUSH(up, r);
    }}
    """
    source = np.random.default_rng(0).integers(-8, 8, (16, 32)).astype(ml_dtypes.bfloat16)
    added = np.ones((16, 32), np.float32)
    added[(slice(8, None), slice(None)) if split == "up_down" else (slice(None), slice(16, None))] = 2
    kernel = prepare(parse(text, "fifo.sync"), load("a5"), inputs={"g": source, "i": np.eye(32)})
    for schedule, seed in (("program", 0), ("random", 0), ("adversarial", 0), ("adversarial", 1)):
        found = kernel.run(schedule, seed)
        assert found.stuck == []
        assert np.array_equal(found.tensors["result"], source.astype(np.float32) + added)


def test_what_was_never_written_is_nan_and_told() -> None:
    text = "gm y : fp32[1, 8]; tile a : UB fp32[1, 8] at 0x40; core AIV0 { TSTORE(y, a); }"
    found = run(text)
    assert np.isnan(found.tensors["y"]).all()
    (poison,) = found.poison
    assert (poison.memory, poison.start, poison.stop, poison.name) == ("AIV0:UB", 0x40, 0x60, "a")


def test_tiles_at_one_address_share_their_bytes() -> None:
    text = """
    gm y : uint16[1, 16]; tile a : UB fp32[1, 8] at 0x0; tile b : UB uint16[1, 16] at 0x0 alias a;
    core AIV0 { TEXPANDS(a, 1); set_flag(PIPE_V, PIPE_MTE3, 0); wait_flag(PIPE_V, PIPE_MTE3, 0); TSTORE(y, b); }
    """
    assert run(text).tensors["y"].tolist() == [[0, 0x3F80] * 8]


def test_shapes_that_do_not_fit_are_told() -> None:
    with pytest.raises(RunError, match="a matrix of 16 columns is multiplied by one of 32 rows"):
        run("""
        tile l : L0A bf16[16, 16] at 0x0; tile r : L0B bf16[32, 16] at 0x0; tile c : L0C fp32[16, 16] at 0x0;
        core AIC { TMATMUL(c, l, r); }
        """)
