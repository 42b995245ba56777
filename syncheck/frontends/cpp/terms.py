"""Integers of a kernel: expressions in a normal form, and symbols for what cannot be expressed by loops and constants.

Sums are kept linear. A product, quotient or load that depends on something unknown becomes a symbol; the same
expression is the same symbol wherever it is formed, also on the other core's pass.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from syncheck.ir import Binary, Const, Expr, Function, Index, Name, Ternary, Unary
from syncheck.source import Span

NOWHERE = Span("", 0)
PITCH = 1 << 20
"""What an unknown distance between rows is taken to be in addresses: more elements than any tile has."""
SMALL = 16
"""A remainder by up to this much is left to the checker, also of something unknown."""
MOST_TERMS = 12
"""Terms of a sum beyond which a product is not multiplied out."""


@dataclass(slots=True)
class Symbol:
    """A value that is not known. `key` says how it came about; `over` are the variables (of loops) it depends on;
    `low` is the least it can be, None if nothing is known; `factors` are those of a product."""

    name: str
    key: str
    over: frozenset[str]
    low: int | None = None
    hint: str = ""
    otherwise: str = ""
    factors: tuple[Expr, ...] = ()


def unused(hint: str, taken: Collection[str]) -> str:
    name, number = hint, 1
    while name in taken:
        number += 1
        name = f"{hint}_{number}"
    return name


def linear(expr: Expr) -> tuple[int, dict[Expr, int]]:
    """constant + Σ coefficient · term."""
    match expr:
        case Const(value):
            return value, {}
        case Binary("+" | "-" as op, left, right):
            constant, terms = linear(left)
            more, others = linear(right)
            sign = 1 if op == "+" else -1
            total = dict(terms)
            for term, coefficient in others.items():
                total[term] = total.get(term, 0) + sign * coefficient
            return constant + sign * more, {t: c for t, c in total.items() if c}
        case Binary("*", left, Const(value)):
            constant, terms = linear(left)
            return constant * value, {t: c * value for t, c in terms.items() if c * value}
        case Unary("-", operand):
            constant, terms = linear(operand)
            return -constant, {t: -c for t, c in terms.items()}
    return 0, {expr: 1}


def total(constant: int, terms: Iterable[tuple[Expr, int]]) -> Expr:
    """The expression of a sum, positive terms first."""
    parts = sorted(((t, c) for t, c in terms if c), key=lambda part: part[1] < 0)
    result: Expr | None = None
    for term, coefficient in parts:
        size = abs(coefficient)
        piece = term if size == 1 else Binary("*", term, Const(size))
        if result is None:
            result = piece if coefficient > 0 else Binary("*", term, Const(coefficient))
        else:
            result = Binary("+" if coefficient > 0 else "-", result, piece)
    if result is None:
        return Const(constant)
    if constant:
        return Binary("+" if constant > 0 else "-", result, Const(abs(constant)))
    return result


def names(expr: object) -> set[str]:
    """Every name in an expression."""
    match expr:
        case Name(name):
            return {name}
        case Index(name, indices):
            return {name}.union(*map(names, indices))
        case Unary(_, operand):
            return names(operand)
        case Binary(_, left, right):
            return names(left) | names(right)
        case Ternary(condition, then, otherwise):
            return names(condition) | names(then) | names(otherwise)
        case Function(_, arguments):
            return set().union(*map(names, arguments))
    return set()


def renamed(expr: Expr, change: Callable[[str], Expr | None]) -> Expr:
    """The expression with names replaced."""
    match expr:
        case Name(name):
            return change(name) or expr
        case Unary(op, operand):
            return Unary(op, renamed(operand, change))
        case Binary(op, left, right):
            return Binary(op, renamed(left, change), renamed(right, change))
        case Ternary(condition, then, otherwise):
            return Ternary(renamed(condition, change), renamed(then, change), renamed(otherwise, change))
        case Function(name, arguments, span):
            return Function(name, tuple(renamed(a, change) for a in arguments), span)
    return expr


def size(expr: Expr) -> int:
    match expr:
        case Unary(_, operand):
            return 1 + size(operand)
        case Binary(_, left, right):
            return 1 + size(left) + size(right)
        case Ternary(condition, then, otherwise):
            return 1 + size(condition) + size(then) + size(otherwise)
        case Function(_, arguments):
            return 1 + sum(map(size, arguments))
    return 1


def divide(a: int, b: int) -> int:
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


_FOLD: dict[str, Callable[[int, int], int]] = {
    "&": lambda a, b: a & b, "|": lambda a, b: a | b, "^": lambda a, b: a ^ b,
    "<<": lambda a, b: a << min(max(b, 0), 512), ">>": lambda a, b: a >> min(max(b, 0), 512),
    "/": divide, "%": lambda a, b: a - b * divide(a, b),
}  # fmt: skip
_TESTS: dict[str, Callable[[int], bool]] = {
    "<": lambda d: d < 0, "<=": lambda d: d <= 0, ">": lambda d: d > 0, ">=": lambda d: d >= 0,
    "==": lambda d: d == 0, "!=": lambda d: d != 0,
}  # fmt: skip
NEGATED = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}


@dataclass(slots=True)
class Terms:
    """Forms expressions. `over`: what a variable that is no symbol depends on; `lows`, `highs`: the least and the most
    it can be; `open`: the names whose value is no number when the kernel runs; `here`: the variables of this pass;
    `taken`: name → hint; `compared`: symbols that a comparison of signed numbers has asked for; `apart`: whether a
    symbol is another number where it becomes unsigned."""

    symbols: dict[str, Symbol] = field(default_factory=dict)
    by_key: dict[str, Symbol] = field(default_factory=dict)
    over: dict[str, frozenset[str]] = field(default_factory=dict)
    lows: dict[str, int] = field(default_factory=dict)
    highs: dict[str, int] = field(default_factory=dict)
    compared: set[str] = field(default_factory=set)
    apart: dict[str, bool] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    taken: dict[str, str] = field(default_factory=dict)
    here: set[str] = field(default_factory=set)
    locals: set[str] = field(default_factory=set)
    numbers: dict[str, int] = field(default_factory=dict)
    pitch: int = PITCH

    def symbol(self, key: str, over: frozenset[str] = frozenset(), hint: str = "", low: int | None = None,
               factors: tuple[Expr, ...] = ()) -> Name:  # fmt: skip
        """The symbol of what `key` describes."""
        found = self.by_key.get(key)
        if found is not None and found.over != over:  # the same words, said elsewhere of a variable of a loop
            key = f"{key} over {' '.join(sorted(over))}"
            found = self.by_key.get(key)
        if found is None:
            name = self.fresh("value")
            found = Symbol(name, key, over, low, "", hint, factors)
            self.symbols[name] = self.by_key[key] = found
            self.open.add(name)
        return Name(found.name, NOWHERE)

    def is_apart(self, symbol: Symbol) -> bool:
        """Whether a symbol that becomes unsigned is another number there, of which nothing is known: it may have been
        negative. What was compared before is taken to be none (`wraps`), since a guard may have seen to that."""
        return self.apart.setdefault(symbol.name, symbol.name not in self.compared)

    def call(self, expr: Expr, name: str) -> None:
        """Call a symbol after the first variable that holds it."""
        symbol = self.symbols.get(expr.name) if isinstance(expr, Name) else None
        if symbol is not None and not symbol.hint:
            symbol.hint = name

    def fresh(self, hint: str) -> str:
        number = self.numbers.get(hint, 0) + 1
        name = hint if number == 1 else f"{hint}_{number}"
        while name in self.taken or name in self.locals:
            number += 1
            name = f"{hint}_{number}"
        self.numbers[hint] = number
        self.taken[name] = hint
        return name

    def local(self, hint: str) -> str:
        """A name for a variable of this pass: the other pass calls its own the same."""
        name = unused(hint, {*self.taken, *self.here})
        self.here.add(name)
        self.locals.add(name)
        return name

    def depends(self, expr: Expr) -> frozenset[str]:
        """The loop variables (and `lane`) that an expression depends on."""
        found: set[str] = set()
        for name in names(expr):
            symbol = self.symbols.get(name)
            found |= symbol.over if symbol is not None else self.over.get(name, frozenset())
        return frozenset(found)

    def is_open(self, expr: Expr) -> bool:
        """Whether the value is no number when the kernel runs; tests and small remainders are settled there."""
        match expr:
            case Name(name):
                return name in self.open
            case Unary("!", _):
                return False
            case Unary(_, operand):
                return self.is_open(operand)
            case Binary(op, left, right):
                if op in _TESTS or op in ("&&", "||") or (op == "%" and isinstance(right, Const)):
                    return False
                return self.is_open(left) or self.is_open(right)
            case Ternary(_, then, otherwise):
                return self.is_open(then) or self.is_open(otherwise)
            case Function(_, arguments):
                return any(map(self.is_open, arguments))
        return False

    def opaque(self, op: str, *operands: Expr, low: int | None = None, hint: str = "") -> Name:
        over = frozenset().union(*map(self.depends, operands))
        return self.symbol(f"{op}({', '.join(map(shown, operands))})", over, hint, low)

    # ------------------------------------------------------------ operators

    def binary(self, op: str, left: Expr, right: Expr) -> Expr:
        if op in ("+", "-"):
            (a, terms), (b, others) = linear(left), linear(right)
            sign = 1 if op == "+" else -1
            merged = dict(terms)
            for term, coefficient in others.items():
                merged[term] = merged.get(term, 0) + sign * coefficient
            return total(a + sign * b, merged.items())
        if op == "*":
            return self.product(left, right)
        if op in _TESTS:
            return self._test(op, left, right)
        if op in ("&&", "||"):
            return self._logic(op, left, right)
        if isinstance(left, Const) and isinstance(right, Const):
            if op in ("/", "%") and not right.value:
                return self.opaque(op, left, right)
            return Const(_FOLD[op](left.value, right.value))
        return self._arithmetic(op, left, right)

    def _arithmetic(self, op: str, left: Expr, right: Expr) -> Expr:
        if isinstance(right, Const):
            if op == "<<" and 0 <= right.value < 63:
                return self.product(left, Const(1 << right.value))
            constant, terms = linear(left)
            if op in ("/", "%") and right.value and all(c % right.value == 0 for c in (constant, *terms.values())):
                if op == "%":
                    return Const(0)
                return total(constant // right.value, [(t, c // right.value) for t, c in terms.items()])
            if op in ("|", "^") and right.value == 0:
                return left
            if op == "|" and terms and right.value > 0 and constant >= 0:
                bits = 1 << right.value.bit_length()
                if all(c % bits == 0 for c in (constant, *terms.values())):
                    return total(constant + right.value, terms.items())
        if isinstance(left, Const) and op in ("|", "&", "^"):
            return self._arithmetic(op, right, left)
        if isinstance(left, Const) and left.value == 0 and op not in ("|", "^"):
            return Const(0)
        if isinstance(left, Const) and left.value == 0:
            return right
        if op == "%" and isinstance(right, Const) and 1 < right.value <= SMALL and size(left) < 8:
            return Binary(op, left, right)
        if self.is_open(left) or self.is_open(right) or size(left) + size(right) > 20:
            lows = [self.least(left)] + ([self.least(right)] if op in ("/", "|", "^") else [])
            return self.opaque(op, left, right, low=0 if all(one is not None and one >= 0 for one in lows) else None)
        return Binary(op, left, right)

    def least(self, expr: Expr) -> int | None:
        """The least an expression can be, as far as that is easily told."""
        constant, terms = linear(expr)
        for term, coefficient in terms.items():
            symbol = self.symbols.get(term.name) if isinstance(term, Name) else None
            low = symbol.low if symbol is not None else self.lows.get(getattr(term, "name", ""))
            if low is None or coefficient < 0:
                return None
            constant += low * coefficient
        return constant

    def product(self, left: Expr, right: Expr) -> Expr:
        (a, terms), (b, others) = linear(left), linear(right)
        if not terms or not others:
            factor, (constant, kept) = (a, (b, others)) if not terms else (b, (a, terms))
            return total(constant * factor, [(t, c * factor) for t, c in kept.items()])
        if len(terms) * len(others) > MOST_TERMS:
            return self.opaque("*", left, right)
        merged: dict[Expr, int] = {}
        for term, coefficient in others.items():
            merged[term] = merged.get(term, 0) + a * coefficient
        for term, coefficient in terms.items():
            merged[term] = merged.get(term, 0) + b * coefficient
            for other, more in others.items():
                piece = self._monomial(term, other)
                merged[piece] = merged.get(piece, 0) + coefficient * more
        return total(a * b, merged.items())

    def _monomial(self, left: Expr, right: Expr) -> Expr:
        factors = tuple(sorted((*self._factors(left), *self._factors(right)), key=shown))
        over = frozenset().union(*map(self.depends, factors))
        lows = [self.least(factor) for factor in factors]
        low = 0 if all(one is not None and one >= 0 for one in lows) else None
        return self.symbol(f"*({', '.join(map(shown, factors))})", over, low=low, factors=factors)

    def _factors(self, expr: Expr) -> tuple[Expr, ...]:
        symbol = self.symbols.get(expr.name) if isinstance(expr, Name) else None
        return symbol.factors if symbol is not None and symbol.factors else (expr,)

    def _test(self, op: str, left: Expr, right: Expr) -> Expr:
        constant, terms = linear(self.binary("-", left, right))
        if not terms:
            return Const(int(_TESTS[op](constant)))
        least = self.least(self.binary("-", left, right))
        if least is not None and least >= 0 and op in ("<", ">="):
            return Const(int(op == ">="))
        if least is not None and least > 0 and op in ("==", "!=", "<=", ">"):
            return Const(int(op in ("!=", ">")))
        return Binary(op, left, right)

    def _logic(self, op: str, left: Expr, right: Expr) -> Expr:
        decides = op == "||"
        for one, other in ((left, right), (right, left)):
            if isinstance(one, Const):
                return Const(int(decides)) if bool(one.value) == decides else self.truth(other)
        return left if left == right else Binary(op, left, right)

    def truth(self, expr: Expr) -> Expr:
        return Const(int(bool(expr.value))) if isinstance(expr, Const) else expr

    def negation(self, expr: Expr) -> Expr:
        match expr:
            case Const(value):
                return Const(int(not value))
            case Unary("!", operand):
                return operand
            case Binary(op, left, right) if op in NEGATED:
                return Binary(NEGATED[op], left, right)
        return Unary("!", expr)

    def choice(self, condition: Expr, then: Expr, otherwise: Expr) -> Expr:
        if isinstance(condition, Const):
            return then if condition.value else otherwise
        if then == otherwise:
            return then
        if then == Const(1) and otherwise == Const(0):
            return condition
        if then == Const(0) and otherwise == Const(1):
            return self.negation(condition)
        if self.is_open(then) or self.is_open(otherwise) or size(then) + size(otherwise) > 40:
            lows = [self.least(then), self.least(otherwise)]
            low = 0 if all(one is not None and one >= 0 for one in lows) else None
            return self.opaque("?", condition, then, otherwise, low=low)
        return Ternary(condition, then, otherwise)


def shown(expr: object) -> str:
    """A text that is the same for the same expression."""
    match expr:
        case Const(value):
            return str(value)
        case Name(name):
            return name
        case Unary(op, operand):
            return f"{op}({shown(operand)})"
        case Binary(op, left, right):
            return f"({shown(left)} {op} {shown(right)})"
        case Ternary(condition, then, otherwise):
            return f"({shown(condition)} ? {shown(then)} : {shown(otherwise)})"
        case Function(name, arguments):
            return f"{name}({', '.join(map(shown, arguments))})"
    return repr(expr)


def replaced(terms: Terms, expr: Expr, name: str, value: Expr) -> Expr:
    """The expression with one name replaced, in its normal form again."""
    constant, parts = linear(expr)
    made: Expr = Const(constant)
    for term, coefficient in parts.items():
        made = terms.binary("+", made, terms.product(_without(terms, term, name, value), Const(coefficient)))
    return made


def _without(terms: Terms, term: Expr, name: str, value: Expr) -> Expr:
    factors = terms.symbols[term.name].factors if isinstance(term, Name) and term.name in terms.symbols else ()
    if name in names(term):
        return value if isinstance(term, Name) else renamed(term, lambda one: value if one == name else None)
    if not any(name in names(factor) for factor in factors):
        return term
    product: Expr = Const(1)
    for factor in factors:
        product = terms.product(product, replaced(terms, factor, name, value))
    return product
