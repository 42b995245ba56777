"""What `why` and `graph` say, to the letter for the two kernels everyone asks about."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from syncheck.check import Settings
from syncheck.machine import load
from syncheck.why import WhyError, graph, why

SEEDS = Path(__file__).parent.parent / "fixtures" / "seeds"
KERNEL = "paged_attention_parallel.cpp"


def ask(seed: str, first: int, second: int, core: str = "", file: str = KERNEL) -> str:
    path = SEEDS / seed
    text = path.read_text(encoding="utf-8")
    return why(text, str(path), Settings(load("a2a3")), (file, first), (file, second), core)


