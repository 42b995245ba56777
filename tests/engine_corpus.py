"""What the ordinary suite asks of the engine, as items that run in milliseconds: for benchmarks/engine_mutants.py.

A random program of tests/test_judge.py needs no judge here: what the engine says of it today is what the judge says.
Where a changed engine says something else, the test itself decides. Every other test is called as it is.
"""

from __future__ import annotations

import importlib
import pickle
import resource
import signal
import time
import zlib
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from types import FrameType
from typing import Any

import hypothesis
import judging
import pytest
import test_futures
import test_judge
from futures import PLAIN
from judging import FEW, HARDWARE, STATES, look

from syncheck.replay import Rules
from syncheck.simulator.program import Script, unrolled, written

TESTS = Path(__file__).parent
LEFT_OUT = (
    "baseline", "callers", "catalogue", "cli", "config", "cpp", "cpp_doc", "cpp_kernels", "extract", "fuzz",
    "invariants", "kernels", "language_doc", "machine", "numeric", "options", "packaging", "precommit", "script",
    "script_text", "suppressions", "syntax_errors", "table", "tiles",
)  # fmt: skip
"""Tests that start processes, or that ask about texts rather than about the order."""
MOST = 3.0
"""Seconds that one item may take."""


@dataclass(frozen=True)
class Item:
    """One question to the engine: `blob` is its pickled data, `seconds` what it takes."""

    title: str
    seconds: float
    blob: bytes


def corpus() -> list[Item]:
    """All items, each of which passes today."""
    return [*_programs(), *_tests()]


def fails(item: Item) -> str:
    """Whether the item shows that the engine is changed: in what, or ""."""
    kind, *data = pickle.loads(item.blob)
    return _program_fails(*data) if kind == "program" else _test_fails(*data)


def load_tests(items: list[Item]) -> None:
    """Import all test modules and with them the engine."""
    for kind, module, *_ in (pickle.loads(item.blob) for item in items):
        if kind == "test":
            importlib.import_module(module)


# ---------------------------------------------------------------- random programs


def _programs() -> list[Item]:
    """The very programs of the ordinary suite."""
    found: dict[bytes, Item] = {}

    def keeping(name: str) -> Callable[..., str]:
        def keep(*inputs: Any) -> str:
            values = inputs[1] if name == "compare_pinned" else None
            hardware = inputs[1] if name == "compare_straight" and len(inputs) > 1 else HARDWARE
            text, script = written(inputs[0])
            if name == "compare_straight" and judging.shared_flag(unrolled(script, {})):
                return "two owners"
            pins = {key: v if isinstance(v, tuple) else (v,) for key, v in (values or {}).items()}
            asked = (text, pins, hardware, FEW if name == "compare_open" else STATES)
            start = time.process_time()
            looked = look(*asked)
            seconds = time.process_time() - start
            blob = pickle.dumps(("program", name, inputs, asked, looked.seen, bool(looked.gaps)))
            found[blob] = Item(f"{name} {zlib.crc32(blob):08x}", seconds, blob)
            return ""

        return keep

    names = ("compare_open", "compare_straight", "compare_pinned")
    real = {name: getattr(test_judge, name) for name in names}
    try:
        for name in names:
            setattr(test_judge, name, keeping(name))
        for name, test in vars(test_judge.TestAgainstTheEngine).items():
            if name.startswith("test_"):
                test(test_judge.TestAgainstTheEngine(), 1)
    finally:
        for name, function in real.items():
            setattr(test_judge, name, function)
    return [item for item in (*found.values(), *_futures()) if item.seconds <= MOST]


def _futures() -> list[Item]:
    """The programs of tests/test_futures.py, one by one."""
    found: list[Item] = []

    def keep(script: Script, rules: Rules = PLAIN) -> None:
        params = {"script": script, "rules": rules}
        blob = pickle.dumps(("test", "test_futures", "", "on_program", params))
        start = time.process_time()
        on_program(script, rules)
        found.append(Item(f"on_program {zlib.crc32(blob):08x}", time.process_time() - start, blob))

    on_program = test_futures.on_program
    try:
        test_futures.on_program = keep
        for name, test in vars(test_futures.TestRandomPrograms).items():
            if name.startswith("test_"):
                test(test_futures.TestRandomPrograms(), 1)
    finally:
        test_futures.on_program = on_program
    return found


def _program_fails(name: str, inputs: tuple[Any, ...], asked: Any, seen: Any, open_: bool) -> str:
    looked = look(*asked)
    if looked.seen == seen and bool(looked.gaps) == open_:
        return ""
    try:
        getattr(judging, name)(*inputs)
    except AssertionError:
        return "what is found"
    return ""


# ---------------------------------------------------------------- tests


def _tests() -> list[Item]:
    """Tests without fixtures of pytest's own, each timed."""

    class Collected:
        def __init__(self) -> None:
            self.items: list[pytest.Item] = []

        def pytest_collection_finish(self, session: pytest.Session) -> None:
            self.items = session.items

    collected = Collected()
    files = [path for path in sorted(TESTS.rglob("test_*.py")) if path.stem.removeprefix("test_") not in LEFT_OUT]
    quiet = ["--collect-only", "-q", "-p", "no:cacheprovider", "--assert=plain", "-W", "ignore"]
    with redirect_stdout(StringIO()):
        code = pytest.main([*quiet, *map(str, files)], plugins=[collected])
    assert code == 0, code
    found = []
    for test in collected.items:
        assert isinstance(test, pytest.Function)
        params = getattr(getattr(test, "callspec", None), "params", {})
        if set(test.fixturenames) - set(params) or test.get_closest_marker("xfail"):
            continue
        module, owner = test.module.__name__, "" if test.cls is None else test.cls.__name__
        if owner in ("TestAgainstTheEngine", "TestRandomPrograms"):
            continue
        try:
            blob = pickle.dumps(("test", module, owner, test.originalname, dict(params)))
        except (pickle.PicklingError, AttributeError, TypeError):
            continue
        seconds = _timed(Item(test.nodeid, 0, blob))
        if seconds is not None:
            found.append(Item(test.nodeid, seconds, blob))
    return found


class _TooLong(BaseException):
    pass


def _timed(item: Item) -> float | None:
    """What an item takes; None where that is too much, where it fails outside pytest or starts a process."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise _TooLong

    signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST, 0.2)  # again and again: some places swallow it
    start, children = time.process_time(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    try:
        said = fails(item)
    except _TooLong:
        return None
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    seconds = time.process_time() - start
    return None if said or resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime > children else seconds


def _test_fails(module: str, owner: str, name: str, params: dict[str, Any]) -> str:
    loaded = importlib.import_module(module)
    function = getattr(getattr(loaded, owner)() if owner else loaded, name)
    if getattr(function, "is_hypothesis_test", False):
        hypothesis.seed(0)(function)
    try:
        function(**params)
    except pytest.skip.Exception:
        return ""
    except pytest.fail.Exception as failed:
        return str(failed)[:80]
    except Exception as error:
        return f"{type(error).__name__}: {str(error).strip().splitlines()[:1]}"[:80]
    return ""
