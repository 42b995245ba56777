"""One changed engine in a process of its own: which item of tests/engine_corpus.py notices."""

from __future__ import annotations

import gc
import inspect
import json
import os
import resource
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import machinery
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine_corpus import Item

TESTS = Path(__file__).resolve().parent.parent / "tests"
FOLDERS = [TESTS, *(TESTS / name for name in ("detectors", "reporters", "simulator"))]


class TooLong(BaseException):
    """An item took ten times as long as it should."""


class Order:
    """Items that noticed changes lately, and cheap ones, come first; `path` keeps what was learnt."""

    def __init__(self, items: Sequence[Item], path: Path, budget: float) -> None:
        self._path = path
        self._budget = budget
        self._items = {item.title: item for item in sorted(items, key=lambda item: item.seconds)}
        self._kills: dict[str, float] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def of(self, module: str) -> Iterator[Item]:
        """Until `budget` seconds (0: no end) are used up. The first of each file and what is named after the module
        have some advantage."""
        ranks = Counter[str]()

        def worth(item: Item) -> float:
            file = item.title.split()[0].partition("::")[0]
            ranks[file] += 1
            hope = 0.3 if f"test_{module}.py" in file else 0.1 / (1 + ranks[file] / 8)
            return (self._kills.get(item.title, 0.0) + hope) / (item.seconds + 0.002)

        left = self._budget or float("inf")
        for item in sorted(self._items.values(), key=worth, reverse=True):
            if left >= item.seconds:
                left -= item.seconds
                yield item

    def learn(self, title: str) -> None:
        self._kills = {name: 0.98 * kills for name, kills in self._kills.items() if kills > 0.001}
        self._kills[title] = self._kills.get(title, 0.0) + 1.0
        self._path.write_text(json.dumps(self._kills), encoding="utf-8")


# ---------------------------------------------------------------- a changed module


@dataclass(frozen=True)
class Change:
    """A module of the engine, by its full name, and its code without and with a change."""

    name: str
    old: CodeType
    new: CodeType

    def put_in(self) -> None:
        """Change the loaded module; one that does something else when it is loaded is loaded anew."""
        functions, before = _functions(self.name), dict(_codes(self.old))
        changed = [(qualified, code) for qualified, code in _codes(self.new) if code != before.get(qualified)]
        try:
            if _outside(self.new) != _outside(self.old):
                raise KeyError
            for qualified, code in changed:
                functions[qualified].__code__ = code
        except (KeyError, ValueError):
            _load_anew(self.name, self.new)


@cache
def _functions(module: str) -> dict[str, FunctionType]:
    """The functions and methods of a loaded module by their qualified names."""
    found = {}
    for item in gc.get_objects():
        if type(item) is FunctionType and item.__module__ == module and "<locals>" not in item.__qualname__:
            found[item.__qualname__] = item
    return found


def _codes(code: CodeType, prefix: str = "") -> Iterator[tuple[str, CodeType]]:
    """The code of each function and method, by qualified name."""
    for item in code.co_consts:
        if isinstance(item, CodeType) and item.co_flags & inspect.CO_OPTIMIZED:
            yield prefix + item.co_name, item
        elif isinstance(item, CodeType):
            yield from _codes(item, f"{prefix}{item.co_name}.")


def _outside(code: CodeType) -> tuple[object, ...]:
    """What a module does when it is loaded, without its functions."""
    consts = [item for item in code.co_consts if not isinstance(item, CodeType)]
    inner = [_outside(i) for i in code.co_consts if isinstance(i, CodeType) and not i.co_flags & inspect.CO_OPTIMIZED]
    return code.co_code, repr(consts), code.co_names, tuple(inner)


def _load_anew(name: str, code: CodeType) -> None:
    class Loader:
        @staticmethod
        def find_spec(full: str, path: object, target: object = None) -> object:
            return machinery.ModuleSpec(full, Loader()) if full == name else None  # type: ignore[arg-type]

        @staticmethod
        def create_module(spec: object) -> None:
            return None

        @staticmethod
        def exec_module(module: object) -> None:
            exec(code, vars(module))

    sys.meta_path.insert(0, Loader)  # type: ignore[arg-type]
    for loaded, module in list(sys.modules.items()):
        ours = loaded.partition(".")[0] == "syncheck" or str(getattr(module, "__file__", "")).startswith(str(TESTS))
        if ours and loaded != "engine_corpus":
            del sys.modules[loaded]


# ---------------------------------------------------------------- in a child


def tried(change: Change | None, order: Order) -> tuple[str, str]:
    """Which item notices the change in a child of this process, and what; ("", "") where none does."""
    if change is not None:
        _functions(change.name)  # found once, for all children
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(readable)
        title, said = "", "dies"
        try:
            gc.disable()  # else all memory is copied
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
            title, said = _attempt(change, order)
        finally:
            os.write(writable, f"{title}\n{said}"[:600].encode())
            os._exit(0)
    os.close(writable)
    with os.fdopen(readable, "rb") as pipe:
        title, _, said = pipe.read().decode(errors="replace").partition("\n")
    os.waitpid(child, 0)
    return title, said


def _attempt(change: Change | None, order: Order) -> tuple[str, str]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise TooLong

    signal.signal(signal.SIGVTALRM, stop)
    if change is not None:
        change.put_in()
    import engine_corpus

    for item in order.of("" if change is None else change.name.rpartition(".")[2]):
        signal.setitimer(signal.ITIMER_VIRTUAL, 2 + 10 * item.seconds, 0.2)
        try:
            said = engine_corpus.fails(item)
        except TooLong:
            said = "does not end"
        except BaseException as error:
            said = f"raises {type(error).__name__}"
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        if said:
            return item.title, said
    return "", ""
