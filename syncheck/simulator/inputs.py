"""What a run is given: values of parameters and unknowns, contents of tensors; and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from syncheck.build import Given, Pins
from syncheck.execution import Kernel
from syncheck.ir import Param, Program, Tensor
from syncheck.simulator.numeric import CAST_RINT, DTYPES, Array, convert
from syncheck.source import Problem


class RunError(Exception):
    """The kernel cannot be run; `problem` says where, what and what to write instead."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class Ungiven(Exception):
    """An index of a table for which no value was given."""


def parameters(program: Program, pins: Pins, inputs: Mapping[str, Any]) -> dict[str, int | tuple[int, ...]]:
    known = {param.name for param in program.params}
    for name in pins:
        if name not in known:
            span = program.cores[0].span if program.cores else program.params[0].span
            raise RunError(Problem(span, f"there is no parameter {name}", ", ".join(sorted(known))))
    chosen: dict[str, int | tuple[int, ...]] = {}
    for param in program.params:
        if param.name in inputs:
            value = np.asarray(inputs[param.name])
            chosen[param.name] = tuple(int(v) for v in value.reshape(-1)) if param.index else int(value)
        elif param.name in pins:
            chosen[param.name] = tuple(pins[param.name]) if param.index else pins[param.name][0]
        else:
            least = param.domain.values[0] if param.domain.values else param.domain.low
            chosen[param.name] = (least,) if param.index else least
        _inside(param, chosen[param.name])
    return chosen


def _inside(param: Param, chosen: int | tuple[int, ...]) -> None:
    domain = param.domain
    for value in chosen if isinstance(chosen, tuple) else (chosen,):
        if domain.values:
            fits = value in domain.values
        else:
            fits = value >= domain.low and (domain.high is None or value <= domain.high)
        if not fits:
            raise RunError(Problem(param.span, f"{param.name} = {value} is not in its domain", str(domain)))


def given_to(program: Program, chosen: Mapping[str, int | tuple[int, ...]], inputs: Mapping[str, Any]) -> Given:
    given: dict[str, int | Callable[[int], int]] = {}
    for name, values in chosen.items():
        if isinstance(values, tuple):
            given[name] = _repeated(name, values)
    for unknown in program.unknowns:
        if unknown.name not in inputs:
            continue
        value = np.asarray(inputs[unknown.name])
        if not unknown.arity:
            given[unknown.name] = int(value)
        else:
            given[unknown.name] = _listed(unknown.name, [int(v) for v in value.reshape(-1)])
    return given


def _repeated(name: str, values: tuple[int, ...]) -> Callable[[int], int]:
    return lambda index: values[min(max(_known(name, index), 0), len(values) - 1)]


def _listed(name: str, values: list[int]) -> Callable[[int], int]:
    def get(index: int) -> int:
        if not 0 <= _known(name, index) < len(values):
            raise Ungiven(f"{name}[{index}] has no value: the inputs give {len(values)}")
        return values[index]

    return get


def _known(name: str, index: object) -> int:
    if isinstance(index, int):
        return index
    raise Ungiven(f"{name}[{index}] depends on {index}, which has no value: give it in the inputs")


def content(tensor: Tensor, kernel: Kernel, value: Any) -> Array:
    array = np.asarray(value)
    name, dtype = tensor.name, DTYPES[tensor.dtype]
    if tensor.view_of:
        raise RunError(Problem(tensor.span, f"{name} is a view: give the input for {tensor.view_of}"))
    wanted = kernel.layout.tensors[name].extents
    first = wanted[0] if wanted else None
    if array.ndim != len(wanted) or array.shape[1:] != wanted[1:] or (first is not None and array.shape[0] > first):
        shape = " x ".join(map(str, array.shape))
        form = " x ".join("any" if extent is None else str(extent) for extent in wanted)
        raise RunError(Problem(tensor.span, f"the input for {name} is {shape}", form))
    if array.dtype == dtype:
        return array
    with np.errstate(all="ignore"):
        return convert(array.astype(np.float32) if array.dtype == np.float64 else array, dtype, CAST_RINT)
