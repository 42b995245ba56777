"""What an unknown value is called in scripts and reports: as the text calls it, or after what it was computed from."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from syncheck.frontends.cpp.terms import Symbol
from syncheck.ir import Const, Expr

GRID = {
    "get_block_idx": ("block_idx", 0), "GetBlockIdx": ("block_idx", 0), "get_block_num": ("block_num", 1),
    "GetBlockNum": ("block_num", 1), "block_idx": ("block_idx", 0), "get_task_id": ("task_id", 0),
    "get_block_dim": ("block_num", 1), "GetBlockDim": ("block_num", 1), "get_taskid": ("task_id", 0),
    "block_num": ("block_num", 1), "get_blockid": ("block_idx", 0),
}  # fmt: skip
"""Which block runs, and how many there are: call or variable → (what it is called, the least it can be)."""
GRID_KEYS = frozenset(key for key, _ in GRID.values())
LONGEST = 40
"""Characters of a name that is made up; what would be longer is called by its kind."""
_UNNAMED = re.compile(r"value(_\d+)?")
_BEHIND = re.compile(r"\d+ (\w+) behind the loop.*")
_OPERATOR = re.compile(r"([*/%&|^]|<<|>>)\((.*)\)")
_WORDS = {
    "*": "times", "/": "div", "%": "mod", "&": "and", "|": "or", "^": "xor", "<<": "shl", ">>": "shr",
}  # fmt: skip
_KINDS = {"condition": "condition", "comparison": "condition", "?": "choice", "sum": "sum", "rounded": "rounded"}


def spoken(symbol: Symbol, symbols: Mapping[str, Symbol], wanted: Collection[str] = ()) -> str:
    """An identifier for a symbol, not yet unique. `wanted`: the names that the user speaks of; the variable that holds
    the symbol is called so if it is one of them, else a block's number is `block_idx` whatever holds it."""
    if symbol.hint in wanted:
        return symbol.hint
    if symbol.key in GRID_KEYS:
        return symbol.otherwise
    found = symbol.hint or symbol.otherwise or _made(symbol.key, symbols, 2)
    return found if found.isidentifier() else "value"


def _made(key: str, symbols: Mapping[str, Symbol], depth: int) -> str:
    """A name after how a value came about: `rows / 16` is rows_div_16."""
    if found := _BEHIND.fullmatch(key):
        return found[1]
    if (found := _OPERATOR.fullmatch(key)) and depth:
        parts = [_operand(one.strip(), symbols, depth - 1) for one in found[2].split(",")]
        name = f"_{_WORDS[found[1]]}_".join(parts)
        if all(parts) and len(name) <= LONGEST and not name[0].isdigit():
            return name
        return {"*": "product", "/": "quotient", "%": "remainder"}.get(found[1], "bits")
    return next((name for kind, name in _KINDS.items() if key.startswith(kind)), "value")


def _operand(text: str, symbols: Mapping[str, Symbol], depth: int) -> str:
    if text.isdigit():
        return text
    symbol = symbols.get(text)
    if symbol is None:
        return text if text.isidentifier() else ""
    name = symbol.otherwise if symbol.key in GRID_KEYS else symbol.hint or symbol.otherwise
    made = name or _made(symbol.key, symbols, depth)
    return "" if _UNNAMED.fullmatch(made) else made


def loaded_name(base: str, offset: Expr, size: int) -> str:
    """A name for an element of `size` bytes at an offset: `args[3]` is args_3, `tensor->shapes[i]` tensor_shapes."""
    words = re.findall(r"[A-Za-z_]\w*|\d+", re.sub(r"\[[^\]]*\D[^\]]*\]", "", base))
    words = words[1:] if len(words) > 1 and _UNNAMED.fullmatch(words[0]) else words
    if isinstance(offset, Const) and (offset.value or "->" not in base) and size:
        words.append(str(offset.value // size))
    while len("_".join(words)) > LONGEST and len(words) > 1:
        words = words[1:]
    name = "_".join(words)
    return name if name.isidentifier() else "loaded"
