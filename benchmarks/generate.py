"""Traces to measure with: as long as wanted, on any number of agents, every line made when it is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count, islice

Lines = Iterator[bytes]
PIPES = 4
"""Agents of a vector core: S, MTE2, V, MTE3."""
TILE = 4096


def _line(core: str, op: str, **keys: object) -> bytes:
    return json.dumps({"core": core, "op": op, **keys, "file": "kernel.cpp"}).encode() + b"\n"


def _flag(core: str, op: str, src: str, dst: str, identity: int, line: int) -> bytes:
    return _line(core, op, src=src, dst=dst, id=identity, line=line)


def _access(core: str, pipe: str, op: str, line: int, reads: list[object], writes: list[object]) -> bytes:
    return _line(core, op, pipe=pipe, reads=reads, writes=writes, line=line)


def vector_loop(core: str, region: int, *, growing: bool = True, sync_every: int = 0) -> Iterator[list[bytes]]:
    """The double-buffered MTE2 → V → MTE3 loop, 14 events a turn, for ever; GM addresses grow from `region` on.

    With `sync_every`, all vector cores wait for each other after so many turns.
    """
    yield [_flag(core, "set_flag", src, dst, i, 9) for src, dst in (("V", "MTE2"), ("MTE3", "V")) for i in (0, 1)]
    middles = [_compute(core, slot) for slot in (0, 1)]
    meet = [_line(core, "ffts_cross_core_sync", pipe="MTE3", mode=0, flag=0, line=24)]
    meet.append(_line(core, "wait_flag_dev", flag=0, line=25))
    for number in count():
        slot = number % 2
        near_in, near_out = slot * TILE, (2 + slot) * TILE
        at = region + (number if growing else slot) * TILE
        out = at + (1 << 40)
        yield [
            _flag(core, "wait_flag", "V", "MTE2", slot, 11),
            _access(core, "MTE2", "TLOAD", 12, [["GM", at, at + TILE]], [["UB", near_in, near_in + TILE]]),
            *middles[slot],
            _access(core, "MTE3", "TSTORE", 22, [["UB", near_out, near_out + TILE]], [["GM", out, out + TILE]]),
            _flag(core, "set_flag", "MTE3", "V", slot, 23),
            *(meet if sync_every and number % sync_every == sync_every - 1 else ()),
        ]


def _compute(core: str, slot: int) -> list[bytes]:
    near_in, near_out = slot * TILE, (2 + slot) * TILE
    return [
        _flag(core, "set_flag", "MTE2", "V", slot, 13),
        _flag(core, "wait_flag", "MTE2", "V", slot, 14),
        _flag(core, "wait_flag", "MTE3", "V", slot, 15),
        _access(core, "V", "TADDS", 16, [["UB", near_in, near_in + TILE]], [["UB", near_out, near_out + TILE]]),
        _line(core, "pipe_barrier", pipe="V", line=17),
        _access(core, "V", "TEXP", 18, [["UB", near_out, near_out + TILE]], [["UB", near_out, near_out + TILE]]),
        _flag(core, "set_flag", "V", "MTE2", slot, 19),
        _flag(core, "set_flag", "V", "MTE3", slot, 20),
        _flag(core, "wait_flag", "V", "MTE3", slot, 21),
    ]


def loops(events: int, agents: int, *, growing: bool = True, sync_every: int = 0) -> Lines:
    """agents / 4 vector cores, each in its own double-buffered loop, a turn of each in turns."""
    cores = max(1, agents // PIPES)
    names = [f"AIV{i % 2}.{i // 2}" for i in range(cores)] if cores > 1 else ["AIV0"]
    streams = [vector_loop(name, i << 44, growing=growing, sync_every=sync_every) for i, name in enumerate(names)]
    yield from _woven(streams, events)


def _woven(streams: list[Iterator[list[bytes]]], events: int) -> Lines:
    yield from islice((line for _ in count() for stream in streams for line in next(stream)), events)


def one_after_the_other(events: int, agents: int) -> Lines:
    """The same as `loops`, but the lines of each core follow those of the core before."""
    cores = max(1, agents // PIPES)
    for i in range(cores):
        yield from _woven([vector_loop(f"AIV{i % 2}.{i // 2}", i << 44)], events // cores)


def attention(events: int, blocks: int = 1) -> Lines:
    """Like paged attention: the cube makes products, both lanes turn them into weights; FIFOs through GM."""
    tails = [f".{block}" for block in range(blocks)] if blocks > 1 else [""]
    yield from _woven([_attention(tail, i << 44) for i, tail in enumerate(tails)], events)


def _attention(tail: str, region: int) -> Iterator[list[bytes]]:
    for number in count():
        yield [
            *_cube_turn(f"AIC{tail}", region, number),
            *_lane_turn(f"AIV0{tail}", region, number, 0),
            *_lane_turn(f"AIV1{tail}", region, number, 1),
            *_cube_end(f"AIC{tail}", region, number),
        ]


def _cube_turn(core: str, region: int, number: int) -> list[bytes]:
    slot = number % 2
    key = region + (1 << 32) + number * 32768
    table = region + (1 << 36) + number * 4
    out = region + slot * 8192
    return [
        _access(core, "S", "scalar_load", 50, [["GM", table, table + 4]], []),
        _access(core, "MTE2", "TLOAD", 51, [["GM", key, key + 32768]], [["L1", slot * 32768, slot * 32768 + 32768]]),
        _flag(core, "set_flag", "MTE2", "MTE1", 0, 52), _flag(core, "wait_flag", "MTE2", "MTE1", 0, 53),
        _access(core, "MTE1", "TMOV", 54, [["L1", slot * 32768, slot * 32768 + 32768]], [["L0B", 0, 32768]]),
        _flag(core, "set_flag", "MTE1", "M", 0, 55), _flag(core, "wait_flag", "MTE1", "M", 0, 56),
        _access(core, "M", "TMATMUL", 57, [["L0B", 0, 32768]], [["L0C", 0, 8192]]),
        _flag(core, "set_flag", "M", "FIX", 0, 58), _flag(core, "wait_flag", "M", "FIX", 0, 59),
        _access(core, "FIX", "TPUSH", 60, [["L0C", 0, 8192]], [["GM", out, out + 8192]]),
        _flag(core, "set_flag", "FIX", "S", 7, 61), _flag(core, "wait_flag", "FIX", "S", 7, 62),
        _line(core, "ffts_cross_core_sync", pipe="FIX", mode=2, flag=0, line=63),
    ]  # fmt: skip


def _cube_end(core: str, region: int, number: int) -> list[bytes]:
    slot = number % 2
    weights = region + (1 << 20) + slot * 4096
    return [
        _line(core, "wait_flag_dev", flag=2, line=70),
        _access(core, "MTE2", "TPOP", 71, [["GM", weights, weights + 4096]], [["L1", 65536, 69632]]),
        _flag(core, "set_flag", "MTE2", "S", 6, 72), _flag(core, "wait_flag", "MTE2", "S", 6, 73),
    ]  # fmt: skip


def _lane_turn(core: str, region: int, number: int, lane: int) -> list[bytes]:
    slot = number % 2
    inward = region + slot * 8192 + lane * 4096
    outward = region + (1 << 20) + slot * 4096 + lane * 2048
    steps = [(op, 32768 + 4096 * i) for i, op in enumerate(("TMULS", "TMAX", "TSUB", "TEXP", "TADD", "TCVT"))]
    compute = []
    before = slot * 4096
    for line, (op, at) in enumerate(steps, 85):
        compute.append(_access(core, "V", op, line, [["UB", before, before + 4096]], [["UB", at, at + 4096]]))
        compute.append(_line(core, "pipe_barrier", pipe="V", line=line))
        before = at
    return [
        _line(core, "wait_flag_dev", flag=0, line=80),
        _access(core, "MTE2", "TPOP", 81, [["GM", inward, inward + 4096]], [["UB", slot * 4096, slot * 4096 + 4096]]),
        _flag(core, "set_flag", "MTE2", "V", 0, 82), _flag(core, "wait_flag", "MTE2", "V", 0, 83),
        *compute,
        _flag(core, "set_flag", "V", "MTE3", 0, 92), _flag(core, "wait_flag", "V", "MTE3", 0, 93),
        _access(core, "MTE3", "TPUSH", 94, [["UB", before, before + 2048]], [["GM", outward, outward + 2048]]),
        _line(core, "ffts_cross_core_sync", pipe="MTE3", mode=2, flag=2, line=95),
        _flag(core, "set_flag", "MTE3", "S", 7, 96), _flag(core, "wait_flag", "MTE3", "S", 7, 97),
    ]  # fmt: skip


CASES: dict[str, Callable[[int, int], Lines]] = {
    "loop": lambda events, agents: loops(events, agents, growing=agents <= PIPES),
    "in step": lambda events, agents: loops(events, agents, sync_every=8),
    "apart": loops,
    "attention": lambda events, agents: attention(events, max(1, agents // 12)),
}
"""Name → trace of so many events on so many agents.

loop: cores that never meet, each on two tiles of GM of its own; a single core on ever new ones.
in step: ever new tiles; all cores wait for each other every eight turns.
apart: ever new tiles, and cores that never meet: nothing of GM is ever ordered between them.
"""
