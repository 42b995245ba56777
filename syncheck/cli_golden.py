"""What a run is given: a golden module beside the script, arrays from a file, or inputs drawn at random."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from syncheck.cli_arguments import CommandError
from syncheck.cli_files import read_text
from syncheck.ir import Program
from syncheck.value import Value, frozen

FOLDER = "golden.py"
"""One module for several scripts of a folder; its KERNELS names them."""


@frozen
class Golden(Value):
    """A golden module (docs/simulator.md).

    `inputs(pins, seed)`: tensors, tables, unknown values and parameters by name. `golden(given)`: the expected contents
    of output tensors. `parts(given)`: (name, tensor, first row, end) of each logical block.
    """

    path: str
    inputs: Callable[[Mapping[str, Any], int], Mapping[str, Any]]
    golden: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None
    parts: Callable[[Mapping[str, Any]], Sequence[tuple[str, str, int, int]]] | None
    tolerance: float


def found(named: str, script: str) -> Golden | None:
    """The module that --golden names, or the one beside the script; None if there is none. Raises CommandError."""
    if named:
        return _loaded(named, "")
    stem = os.path.splitext(os.path.basename(script))[0]
    folder = os.path.dirname(script)
    for name, kernel in ((f"{stem}.py", ""), (FOLDER, stem)):
        path = os.path.join(folder, name)
        if os.path.isfile(path) and (module := _loaded(path, kernel)) is not None:
            return module
    return None


def _loaded(path: str, kernel: str) -> Golden | None:
    module = ModuleType("syncheck_golden")
    module.__file__ = path
    source = read_text(path, "golden module")
    try:
        exec(compile(source, path, "exec"), module.__dict__)  # not imported: that would leave a __pycache__ beside it
    except Exception as error:
        raise CommandError(f"{path}: {said(error)}") from None
    if kernel and kernel not in getattr(module, "KERNELS", ()):
        return None
    if not callable(getattr(module, "inputs", None)):
        raise CommandError(f"{path}: a golden module has a function inputs(pins, seed)")
    tolerance = getattr(module, "TOLERANCE", 0.0)
    golden, parts = getattr(module, "golden", None), getattr(module, "parts", None)
    return Golden(path, module.inputs, golden, parts, float(tolerance))


def asked(golden: Golden, question: Callable[..., Any], *arguments: Any) -> Any:
    """What a function of a golden module says. Raises CommandError, one line, where it fails."""
    try:
        return question(*arguments)
    except Exception as error:
        raise CommandError(f"{golden.path}: {said(error)}") from None


def said(error: Exception) -> str:
    """An exception of the user's code, with the line it comes from."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    line = f"line {trace.tb_lineno}: " if trace is not None else ""
    return f"{line}{type(error).__name__}: {error}"


def from_file(path: str) -> dict[str, Any]:
    """The arrays of an .npz file. Raises CommandError."""
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}") from None
    except Exception as error:
        raise CommandError(f"{path}: no archive of numpy arrays ({error})") from None


MOST = 1 << 22
"""Elements of a tensor that are drawn; of larger ones the first rows."""
TABLE = 4096


def drawn(
    program: Program, written: frozenset[str], extents: Mapping[str, tuple[int | None, ...]], seed: int
) -> dict[str, Any]:
    """Tensors that nothing writes, at random (floats in ±1, integers in -8..7); tables that count up (t[i] = i); 0."""
    import numpy as np

    random = np.random.default_rng(seed)
    values: dict[str, Any] = {each.name: np.arange(TABLE) if each.arity else 0 for each in program.unknowns}
    for tensor in program.tensors:
        shape = [extent or 1 for extent in extents.get(tensor.name, ())]
        if tensor.name in written or tensor.view_of or not shape:
            continue
        row = int(np.prod(shape[1:], dtype=np.int64))
        shape[0] = max(1, min(shape[0], MOST // max(row, 1)))
        if "fp" in tensor.dtype or "bf" in tensor.dtype:
            values[tensor.name] = random.uniform(-1, 1, shape).astype(np.float32)
        else:
            values[tensor.name] = random.integers(-8 if tensor.dtype.startswith("int") else 0, 8, shape)
    return values
