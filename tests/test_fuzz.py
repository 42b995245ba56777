"""Any bytes as input: no traceback, no hang, always exit 0, 1 or 2."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from syncheck.cli import main

SEEDS = Path(__file__).resolve().parent.parent / "fixtures"
TOKENS = [
    "for (i = 0; i < n; i += 1) {", "}", "{", ";", "set_flag(PIPE_V, PIPE_MTE3, 0);",
    "wait_flag(PIPE_MTE3, PIPE_S, 1);",
    "pipe_barrier(PIPE_ALL);", "i / 0", "i % 3", "<<", "99999999999999999999", "-1", "any", "if (i > n) {", "return;",
    "core AIV {", "def f(x) {", "f(i);", "TPUSH(sij, acc);", "TPOP(pij, p);", "param z in 0..;", "UB[0:64]", "GM[i:n]",
    "wait_flag_dev(3);", "ffts_cross_core_sync(PIPE_FIX, 2, 1);", "let i = i * i;", "PIPE_MTE4", "// expect: RAW001",
    "#line 5", "\x00", "\u4e00", "instr x on PIPE_V writes UB[0:1];", "min(i, n)", "n_blocks[i]", "[", "]", "(", ")",
]  # fmt: skip


def mutated(text: str, rng: random.Random) -> str:
    """A real script with a few accidents: lines dropped, doubled, swapped; tokens and numbers changed."""
    lines = text.split("\n")
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(lines))
        kind = rng.randrange(7)
        if kind == 0:
            del lines[at : at + rng.randint(1, 3)]
        elif kind == 1:
            lines.insert(at, rng.choice(TOKENS))
        elif kind == 2:
            other = rng.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        elif kind == 3:
            lines[at] = re.sub(r"\d+", lambda _: str(rng.choice([0, 1, 2, 7, 8, 16, 99, 1 << 40])), lines[at], count=1)
        elif kind == 4:
            cut = rng.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:cut] + rng.choice(TOKENS) + lines[at][cut:]
        elif kind == 5:
            old, new = rng.sample(["0", "1", "i", "PIPE_V", "PIPE_MTE2", "PIPE_S", "AIC", "AIV"], 2)
            lines[at] = lines[at].replace(old, new)
        else:
            lines[at] = lines[at][: len(lines[at]) // 2]
        if not lines:
            lines = [""]
    return "\n".join(lines)


def noise(rng: random.Random) -> bytes:
    if rng.random() < 0.5:
        return rng.randbytes(rng.randrange(400))
    return "".join(rng.choice(TOKENS) + " " for _ in range(rng.randrange(60))).encode()


def cases(count: int, seed: int) -> list[tuple[str, bytes]]:
    rng = random.Random(seed)
    scripts = [path.read_text(encoding="utf-8") for path in sorted(SEEDS.rglob("*.sync")) if "syntax" not in path.parts]
    traces = [path.read_text(encoding="utf-8") for path in sorted((SEEDS / "seeds" / "traces").glob("*.jsonl"))]
    made: list[tuple[str, bytes]] = []
    for _ in range(count):
        kind = rng.random()
        if kind < 0.15:
            made.append((rng.choice(("sync", "jsonl")), noise(rng)))
        elif kind < 0.35:
            made.append(("jsonl", mutated(rng.choice(traces), rng).encode()))
        else:
            made.append(("sync", mutated(rng.choice(scripts), rng).encode()))
    return made


def survive(count: int, seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, (suffix, data) in enumerate(cases(count, seed)):
        path = tmp_path / f"case.{suffix}"
        path.write_bytes(data)
        code = main(["check", str(path), "--format", "json", "--jobs", "1", "--max-states", "300"])
        shown = capsys.readouterr()
        assert code in (0, 1, 2), (number, data)
        assert "internal error" not in shown.err, (number, shown.err, data)
        assert "Traceback" not in shown.out + shown.err, (number, data)


def test_a_few_hundred_accidents_end_in_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    survive(200, 1, tmp_path, capsys)


@pytest.mark.deep
def test_ten_thousand_accidents_end_in_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    survive(10_000, 2, tmp_path, capsys)
