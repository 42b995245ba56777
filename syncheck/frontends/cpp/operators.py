"""Arithmetic of C: promotion, casts and the operators on values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from syncheck.frontends.cpp.kinds import BOOL, INT, LONG, NUMBERS, Array, Number, Pointer, Type, size_of
from syncheck.frontends.cpp.ranges import held, of_type
from syncheck.frontends.cpp.state import Pass, Unreadable
from syncheck.frontends.cpp.terms import linear, names, shown
from syncheck.frontends.cpp.values import Address, Choice, Closure, Enum, Items, Lost, Made, Object, Real, Whole
from syncheck.ir import Binary, Const, Expr, Name, Ternary, Unary

OWN_NAMES = frozenset(
    ("TileType", "BLayout", "SLayout", "Layout", "PadValue", "RoundMode", "SaturationMode", "CmpMode", "AtomicType",
     "Direction", "TileSplitAxis", "ReluPreMode", "QuantMode_t", "SyncCoreType", "SyncAllMode", "VecCoreSplitMode")
)  # fmt: skip
"""The library's enumerations: their names are all different."""
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
MOST_ARMS = 32
"""Integers that a value may be one of before nothing is known of it: a sort by unknown keys doubles them each turn."""


def wrapped(value: int, kind: Number) -> int:
    """A constant as its type keeps it."""
    bits = kind.bytes * 8
    value &= (1 << bits) - 1
    return value - (1 << bits) if kind.signed and value >> (bits - 1) else value


def whole(expr: Expr, kind: Type) -> Whole:
    if isinstance(expr, Const) and isinstance(kind, Number) and not kind.floating:
        if kind is BOOL or kind.name == "bool":
            return Whole(Const(int(bool(expr.value))), kind)
        return Whole(Const(wrapped(expr.value, kind)), kind)
    return Whole(expr, kind)


def promoted(left: Type, right: Type) -> Number:
    """The type that arithmetic on two integers is done in."""
    a = left if isinstance(left, Number) else LONG
    b = right if isinstance(right, Number) else LONG
    size = max(4, a.bytes, b.bytes)
    unsigned = any(one.bytes == size and not one.signed for one in (a, b))
    return NUMBERS[f"{'u' if unsigned else ''}int{size * 8}_t"]


def truth(run: Pass, value: Any) -> Expr:
    """A value as a condition."""
    if isinstance(value, Whole):
        if isinstance(value.expr, Const):
            return Const(int(bool(value.expr.value)))
        if value.type is not BOOL and getattr(value.type, "name", "") != "bool" and not _is_test(value.expr):
            return run.terms.binary("!=", value.expr, Const(0))
        return value.expr
    if isinstance(value, Address):
        if value.base:
            return run.terms.symbol(f"{value.base} is not null", hint=f"has_{value.base}")
        return run.unique("pointer") if run.host else run.terms.binary("!=", value.offset, Const(0))
    if isinstance(value, Closure):
        return Const(1)
    _converted(run, value)
    if isinstance(value, Made) and isinstance(value.what, str):  # a name that the text does not define
        return run.terms.symbol(f"name {value.what}", hint=value.what)
    return run.unique("condition")


def _converted(run: Pass, value: Any) -> None:
    """An object as a number: a function of its class does that."""
    if isinstance(value, Object) and run.at is not None:
        raise Unreadable(run.at, f"what {value.type.name} is as a number is not followed", "a function for it")


def _is_test(expr: Expr) -> bool:
    op = getattr(expr, "op", "")
    return op in COMPARISONS or op in ("&&", "||", "!")


def binary(run: Pass, op: str, left: Any, right: Any) -> Any:
    """left op right."""
    if isinstance(left, Choice):
        arms = binary(run, op, left.then, right), binary(run, op, left.otherwise, right)
        return one_of_few(run, Choice(left.condition, *arms))
    if isinstance(right, Choice):
        arms = binary(run, op, left, right.then), binary(run, op, left, right.otherwise)
        return one_of_few(run, Choice(right.condition, *arms))
    if isinstance(left, Items) and left.cells and isinstance(left.cells[0].value, Address):
        left = left.cells[0].value
    if op in ("&&", "||"):
        return Whole(run.terms.binary(op, truth(run, left), truth(run, right)), BOOL)
    if isinstance(left, Address) or isinstance(right, Address):
        return _pointers(run, op, left, right)
    if isinstance(left, Enum) and isinstance(right, Enum) and op in ("==", "!="):
        return Whole(_names_compared(run, op, left, right), BOOL)
    if isinstance(left, Real) or isinstance(right, Real):
        if op in COMPARISONS:
            return _compared(run, op, left, right)
        return real(run, left.type if isinstance(left, Real) else right.type, op, left, right)
    if isinstance(left, Whole) and isinstance(right, Whole):
        if op in COMPARISONS:
            return Whole(_compared_wholes(run, op, left, right), BOOL)
        kind = promoted(left.type, right.type) if op not in ("<<", ">>") else promoted(left.type, INT)
        if op in ("/", "%", ">>"):
            left, right = _unsigned(run, left, kind), _unsigned(run, right, kind)
        first = _not_negative(run, left.expr, right) if op == "%" and not kind.signed else left.expr
        made = whole(run.terms.binary(op, first, right.expr), kind)
        if op == "-" and not kind.signed:
            made = replace(made, expr=held(run, made.expr, kind))
        narrow = _narrow(run, made) if op == "*" and kind.bytes == 4 else None
        narrow = narrow or left.narrow or right.narrow
        return replace(made, narrow=narrow) if narrow is not None and op in ("*", "+", "-") else made
    known = left if isinstance(left, Whole) else right if isinstance(right, Whole) else None
    if op in COMPARISONS:
        return Whole(run.unique("comparison"), BOOL)
    own = next((one for one in (left, right) if isinstance(one, Lost) and one.own), None)
    if own is not None and op in ("+", "-"):
        return own
    return Lost("it is computed from something unknown", known.type if known else None)


def _names_compared(run: Pass, op: str, left: Enum, right: Enum) -> Expr:
    """Whether two names mean the same; those of the library differ, others may be two names for one number."""
    if left.name == right.name:
        return Const(int(op == "=="))
    if left.of == right.of and (left.of in OWN_NAMES or (left.name + right.name).startswith("PIPE_")):
        return Const(int(op == "!="))
    equal = run.terms.symbol(" is ".join(sorted((left.name, right.name))))
    return run.terms.binary("==" if op == "!=" else "!=", equal, Const(0))


def _unsigned(run: Pass, value: Whole, kind: Number) -> Whole:
    """A signed value where something unsigned of 8 bytes is asked of it."""
    plain = kind.signed or kind.bytes < 8 or isinstance(value.expr, Const)
    return value if plain or not isinstance(value.expr, Name) else replace(value, expr=held(run, value.expr, kind))


def _compared_wholes(run: Pass, op: str, left: Whole, right: Whole) -> Expr:
    """left op right; where that is done unsigned, what is negative on the left is large."""
    kind = promoted(left.type, right.type)
    left, right = _unsigned(run, left, kind), _unsigned(run, right, kind)
    if kind.signed:
        run.terms.compared |= names(left.expr) | names(right.expr)
        return run.terms.binary(op, left.expr, right.expr)
    a, b = (Const(wrapped(one.value, kind)) if isinstance(one, Const) else one for one in (left.expr, right.expr))
    test, terms = run.terms.binary(op, a, b), run.terms
    least, other = terms.least(a), terms.least(b)
    if least is None or least >= 0 or other is None or other < 0 or op in ("==", "!="):
        return test
    small = terms.binary(">=", a, Const(0))
    return terms.binary("&&", small, test) if op in ("<", "<=") else terms.binary("||", terms.negation(small), test)


def _compared(run: Pass, op: str, left: Any, right: Any) -> Whole:
    """A comparison of floats: the same value wherever the same known values are compared."""
    a, b = keyed(run, left), keyed(run, right)
    if a is None or b is None:
        return Whole(run.unique("comparison"), BOOL)
    return Whole(run.terms.symbol(f"compare {a[0]} {op} {b[0]}", a[1] | b[1], low=0), BOOL)


def _rounded(run: Pass, value: Real, kind: Number) -> Whole:
    found = keyed(run, value)
    if found is None:
        return Whole(run.unique("rounded"), kind)
    return Whole(run.terms.symbol(f"rounded {kind.name} {found[0]}", found[1], low=None if kind.signed else 0), kind)


def keyed(run: Pass, value: Any) -> tuple[str, frozenset[str]] | None:
    """(how a value came about, the loops it depends on); None if that is not known."""
    if isinstance(value, Whole):
        return shown(value.expr), run.terms.depends(value.expr)
    return (value.key, value.over) if isinstance(value, Real) and value.key else None


def real(run: Pass, kind: Type, op: str, *operands: Any) -> Real:
    """A float computed from others."""
    keys = [keyed(run, one) for one in operands]
    known = [one for one in keys if one is not None]
    if len(known) < len(keys):
        return Real(kind)
    return Real(kind, f"{op}({', '.join(key for key, _ in known)})", frozenset().union(*[over for _, over in known]))


def _not_negative(run: Pass, expr: Expr, right: Whole) -> Expr:
    """What an unsigned remainder is taken of: a power of two divides 2**32, so what wraps keeps its remainder."""
    least, by = run.terms.least(expr), right.number
    if least is None or least >= 0 or by is None or by < 1 or by & (by - 1):
        return expr
    return run.terms.binary("+", expr, Const(-(least // by) * by))


def _narrow(run: Pass, made: Whole) -> Any:
    """The largest multiple of an unknown value in a 32-bit product: (where, symbol, factor, limit)."""
    if isinstance(made.expr, Const) or run.at is None or not run.terms.is_open(made.expr):
        return None
    terms = linear(made.expr)[1]
    open_ = [(abs(factor), term.name) for term, factor in terms.items() if isinstance(term, Name)
             and term.name in run.terms.symbols]  # fmt: skip
    if not open_:
        return None
    factor, name = max(open_)
    return (run.at.span, name, factor, 1 << (31 if made.type.signed else 32)) if factor > 1 else None


def _pointers(run: Pass, op: str, left: Any, right: Any) -> Any:
    if op in COMPARISONS:
        if isinstance(left, Address) and isinstance(right, Address) and left.base == right.base:
            return Whole(run.terms.binary(op, left.offset, right.offset), BOOL)
        return Whole(_pointers_compared(run, op, left, right), BOOL)
    if isinstance(left, Address) and isinstance(right, Whole) and op in ("+", "-"):
        return moved(run, left, right, op)
    if isinstance(right, Address) and isinstance(left, Whole) and op == "+":
        return moved(run, right, left, op)
    if isinstance(left, Address) and isinstance(right, Address) and op == "-" and left.base == right.base:
        step = size_of(left.to) or 1
        return Whole(run.terms.binary("/", run.terms.binary("-", left.offset, right.offset), Const(step)), LONG)
    if isinstance(left, Address) and isinstance(right, Whole):  # masking of an address kept as a number
        return Address(left.space, left.base, run.terms.opaque(op, left.offset, right.expr), left.to)
    return Lost("it is computed from pointers")


def _pointers_compared(run: Pass, op: str, left: Any, right: Any) -> Expr:
    """How two pointers compare that do not point into one tensor: a value of its own for each pair."""
    at = [f"{one.space} {one.base} {shown(one.offset)}" if isinstance(one, Address) else _number(one)
          for one in (left, right)]  # fmt: skip
    over = frozenset().union(*[run.terms.depends(one.offset) for one in (left, right) if isinstance(one, Address)])
    if op not in ("==", "!="):
        return run.terms.symbol(f"{at[0]} {op} {at[1]}", over)
    if "0" in at:
        known = left if isinstance(left, Address) else right
        if not known.base:
            return run.terms.binary(op, known.offset, Const(0))
        set_ = run.terms.symbol(f"{known.base} is not null", hint=f"has_{known.base}")
        test = run.terms.binary("!=", set_, Const(0)) if known.offset == Const(0) else run.unique("pointer")
        return test if op == "!=" else run.terms.negation(test)
    equal = run.terms.symbol(" is ".join(sorted(at)), over)
    return run.terms.negation(equal) if op == "!=" else equal


def _number(value: Any) -> str:
    return shown(value.expr) if isinstance(value, Whole) else "?"


def moved(run: Pass, address: Address, by: Whole, op: str = "+") -> Address:
    """A pointer and a number of elements."""
    step = size_of(address.to) or 1
    if by.narrow is not None and address.space in ("GM", ""):
        span, name, factor, limit = by.narrow
        run.declared.overflows.setdefault(span, (name, factor, limit))
    distance = run.terms.product(by.expr, Const(step))
    return Address(address.space, address.base, run.terms.binary(op, address.offset, distance), address.to)


def one_of_few(run: Pass, made: Choice) -> Any:
    """The choice; where it is one of more than MOST_ARMS integers, an integer that nothing is known of. Elements that
    are not set yet count as well."""
    arms: list[Any] = []
    open_ = [made.then, made.otherwise]
    while open_ and len(arms) <= MOST_ARMS:
        arm = open_.pop()
        open_ += [arm.then, arm.otherwise] if isinstance(arm, Choice) else []
        arms += [] if isinstance(arm, Choice) else [arm]
    kinds = {arm.type for arm in arms if isinstance(arm, Whole)}
    if len(arms) <= MOST_ARMS or len(kinds) > 1 or not all(isinstance(arm, Whole | Lost) for arm in arms):
        return made
    if not all(isinstance(arm, Whole) for arm in arms):
        return Lost("one of many values", next(iter(kinds), None))
    return Whole(run.unique("one of many values"), kinds.pop())


def unary(run: Pass, op: str, value: Any) -> Any:
    if isinstance(value, Choice):
        return Choice(value.condition, unary(run, op, value.then), unary(run, op, value.otherwise))
    if op == "!":
        return Whole(run.terms.negation(truth(run, value)), BOOL)
    if isinstance(value, Whole):
        kind = promoted(value.type, INT)
        if op == "-" and not kind.signed and not isinstance(value.expr, Const):
            return Whole(run.terms.opaque("minus", value.expr, low=0), kind)
        if op == "-":
            return whole(run.terms.binary("-", Const(0), value.expr), kind)
        if op == "~" and not kind.signed:
            return whole(run.terms.binary("-", Const(of_type(kind)[1]), value.expr), kind)
        if op == "~":
            return whole(run.terms.binary("-", Const(-1), value.expr), kind)
        return Whole(value.expr, kind)
    return real(run, value.type, op, value) if isinstance(value, Real) and op == "-" else value


def cast(run: Pass, value: Any, kind: Type, *, said: bool = False) -> Any:
    """(kind)value; `said`: the text says it, and sums of 8 bytes are the same signed or not."""
    if said and isinstance(value, Whole) and isinstance(kind, Number) and kind.name == "uint64_t":
        return value if isinstance(value.expr, Const) else replace(value, type=kind)
    if isinstance(value, Choice):
        return Choice(value.condition, cast(run, value.then, kind), cast(run, value.otherwise, kind))
    if isinstance(kind, Pointer):
        if isinstance(value, Items) and value.cells and isinstance(value.cells[0].value, Address):
            value = value.cells[0].value
        if isinstance(value, Address):
            return Address(kind.space or value.space, value.base, value.offset, kind.to)
        if isinstance(value, Whole):
            return _pointer_from(run, value, kind)
        return value
    if isinstance(kind, Array):
        return value
    if not isinstance(kind, Number):
        return value
    _converted(run, value)
    if kind.floating:
        if isinstance(value, Real) and value.type == kind:
            return value
        if isinstance(value, Whole | Real):
            return real(run, kind, kind.name, value)
        return Real(kind) if isinstance(value, Lost) else value
    if isinstance(value, Whole):
        made = whole(_as_bool(run, value) if kind.name == "bool" else held(run, value.expr, kind), kind)
        return replace(made, narrow=value.narrow) if value.narrow is not None else made
    if isinstance(value, Real):
        return _rounded(run, value, kind)
    if isinstance(value, Address):
        return Address(value.space, value.base, value.offset) if kind.bytes == 8 else value
    if isinstance(value, Enum):
        return value
    if isinstance(value, Lost):
        return Lost(value.why, kind)
    return value


def _as_bool(run: Pass, value: Whole) -> Expr:
    """Anything but 0 becomes 1."""
    if isinstance(value.expr, Const) or getattr(value.type, "name", "") == "bool" or is_bit(value.expr):
        return value.expr
    return run.terms.binary("!=", value.expr, Const(0))


def is_bit(expr: Expr) -> bool:
    """Whether an expression is 0 or 1 whatever its variables are."""
    match expr:
        case Const(0 | 1) | Unary("!"):
            return True
        case Binary("&", _, Const(1)) | Binary("&", Const(1), _):
            return True
        case Binary("-", Const(1), other) | Binary("^", other, Const(1)):
            return is_bit(other)
        case Ternary(_, then, otherwise):
            return is_bit(then) and is_bit(otherwise)
    return _is_test(expr)


def _pointer_from(run: Pass, value: Whole, kind: Pointer) -> Address:
    """A number taken for an address: in on-chip memory it is one; in GM it is somewhere a symbol tells."""
    if kind.space and kind.space != "GM":
        if value.number is not None:
            run.declared.places.add((kind.space, value.number))
        return Address(kind.space, "", value.expr, kind.to)
    terms = linear(value.expr)[1]
    base = next((term for term in terms if terms[term] == 1 and run.terms.is_open(term)), None)
    if base is None:
        return Address(kind.space, "", value.expr, kind.to)
    name = getattr(base, "name", "")
    rest = run.terms.binary("-", value.expr, base)
    return Address(kind.space or "GM", name, rest, kind.to)
