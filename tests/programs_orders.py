"""Random scripts in which two histories do the same things in another order, or the same thing with another number.

So little tells the two states apart, and what does is told by one part of a state only.
"""

from __future__ import annotations

from random import Random

PIPES = ("MTE2", "V", "MTE3")
CORE = {"AIV0": ("UB", PIPES), "AIC": ("L1", ("MTE2", "MTE1", "M"))}


def _bytes(chance: Random, space: str, turn: str) -> str:
    if chance.random() < 0.3:
        space = "GM"
    size = chance.choice((64, 64, 32, 1))
    start = chance.choice((f"{size} * {turn}", f"{64 * chance.randint(0, 1)}", f"{size} * {turn} + {size}"))
    return f"{space}[{start}:{start} + {size}]"


def _flag(chance: Random, pipes: tuple[str, ...], turn: str) -> tuple[str, str, str]:
    src, dst = chance.sample((*pipes, "S"), 2)
    return src, dst, chance.choice(("0", "1", turn))


def _step(chance: Random, core: str, turn: str) -> str:
    """One statement; `turn` is 0 or 1, or the variable of a loop of two turns."""
    space, pipes = CORE[core]
    kind = chance.randint(0, 11)
    if kind < 4:
        access = chance.choice(("reads", "writes"))
        return f"instr {access} on PIPE_{chance.choice(pipes)} {access} {_bytes(chance, space, turn)};"
    if kind < 6:
        src, dst, event = _flag(chance, pipes, turn)
        pair = f"(PIPE_{src}, PIPE_{dst}, {event});"
        return f"set_flag{pair}" if chance.random() < 0.3 else f"set_flag{pair} wait_flag{pair}"
    if kind < 7:
        return f"pipe_barrier(PIPE_{chance.choice((*pipes, 'ALL'))});"
    if kind < 9:
        sums = (f"p + q < {chance.randint(2, 4)}", f"p + q < {turn} + 3")
        asked = chance.choice((f"u[{turn}]", "u[0]", "p < 3", "p < q", *sums, "p % 2 == 1", "q % 4 == 1"))
        return f"if ({asked}) {{ {chance.choice(('', 'return;', 'pipe_barrier(PIPE_ALL);'))} }}"
    if core == "AIC":
        return f"ffts_cross_core_sync(PIPE_{chance.choice(pipes)}, 2, {turn});"
    return f"pipe_barrier(PIPE_{chance.choice(pipes)});"


def _history(chance: Random, core: str, loop: str) -> str:
    """Two steps in one order or the other, or one step for one of two numbers."""
    one, other = _step(chance, core, "k"), _step(chance, core, "k")
    if chance.random() < 0.5:
        chosen = f"if (k == when) {{ {one} }} else {{ {other} }}"
    else:
        chosen = f"if (k == when) {{ {one} }}"
    more = _step(chance, core, loop) if chance.random() < 0.3 else ""
    return f"let when = 0; if (t[{loop}] == 0) {{ when = 1; }} for (k = 0; k < 2; k += 1) {{ {chosen} }} {more}"


def orders(chance: Random) -> str:
    core = chance.choice(("AIV0", "AIV0", "AIV0", "AIC"))
    _, pipes = CORE[core]
    held = [pipe for pipe in pipes[:: chance.choice((1, 2))] if chance.random() < 0.4]
    lines = [f"wait_flag(PIPE_S, PIPE_{pipe}, 3);" for pipe in held]
    lines += [_step(chance, core, "0") for _ in range(chance.randint(0, 1))]
    loop = chance.choice((*["m = 0; m < 1; m += 1"] * 4, "m = 0; m < n; m += 1", "m = p; m < n; m += step"))
    lines.append(f"for ({loop}) {{ {_history(chance, core, 'm')} }}")
    lines += ["pipe_barrier(PIPE_ALL);"] if not held and chance.random() < 0.4 else []
    lines += [f"if (c) {{ pipe_barrier(PIPE_{pipes[1]}); }}"]
    after = [_step(chance, core, chance.choice("01")) for _ in range(chance.randint(1, 3))]
    after += [f"set_flag(PIPE_S, PIPE_{pipe}, 3);" for pipe in held]
    src, dst, event = _flag(chance, pipes, "0")
    after += [f"wait_flag(PIPE_{src}, PIPE_{dst}, {event});"] if chance.random() < 0.4 else []
    chance.shuffle(after)
    body = "\n    ".join([*lines, *after])
    lanes = ""
    if core == "AIC" and "ffts" in body:
        waits = [f"wait_flag_dev({chance.randint(0, 1)});" for _ in range(chance.randint(1, 2))]
        lanes = f"core AIV {{ {' '.join(waits)} instr w on PIPE_MTE2 writes UB[0:64]; }}\n"
    header = "param n in 0..; param p in 0..; param q in 0..; param step in 1..; unknown t[]; unknown u[]; unknown c;\n"
    return f"{header}core {core} {{\n    {body}\n}}\n{lanes}"
