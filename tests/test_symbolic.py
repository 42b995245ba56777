"""Linear forms and assumptions against plain numbers: every small assignment is tried."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncheck import symbolic
from syncheck.observation import Case
from syncheck.symbolic import EXCESS, Linear, Store, Value, atom
from syncheck.symbolic import Test as Question

X, Y = atom("x"), atom("y")
SPAN = range(-3, 6)
QUICK = settings(max_examples=150, deadline=None, derandomize=True, database=None)


def c_divide(a: int, b: int) -> int:
    return int(a / b)


def c_remainder(a: int, b: int) -> int:
    return a - b * c_divide(a, b)


NUMBERS: dict[str, Any] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": c_divide, "%": c_remainder,
    "<<": lambda a, b: a << b, ">>": lambda a, b: a >> b, "&": lambda a, b: a & b, "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b, "<": lambda a, b: a < b, "==": lambda a, b: a == b,
}  # fmt: skip
FORMS: dict[str, Any] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": symbolic.divide,
    "%": symbolic.remainder, "<": symbolic.less, "==": symbolic.equal,
    **{op: (lambda a, b, op=op: symbolic.bitwise(op, a, b)) for op in ("<<", ">>", "&", "|", "^")},
}  # fmt: skip


def number(value: Any, known: dict[str, int]) -> Any:
    """What a form, or a question, is for these values of its parameters."""
    if isinstance(value, Question):
        return NUMBERS[value.op](number(value.form, known), 0)
    if not isinstance(value, Linear):
        return value
    total = value.constant
    for (name, index), coefficient in value.terms:
        part = known[name] if name in known else NUMBERS[name[1:-1]](*(number(each, known) for each in index))
        total += coefficient * part
    return total


@st.composite
def values(draw: Any, depth: int = 2) -> Any:
    if not depth or draw(st.integers(0, 2)) == 0:
        return draw(st.sampled_from((X, Y, 0, 1, 2, 3, 5, -2)))
    left, right = draw(values(depth - 1)), draw(values(depth - 1))
    return FORMS[draw(st.sampled_from(("+", "-", "*")))](left, right)


@QUICK
@given(values(), values(), st.sampled_from(sorted(FORMS)))
def test_an_operation_gives_what_it_gives_on_numbers(left: Value, right: Value, op: str) -> None:
    if op in ("<<", ">>") or (op in ("/", "%") and not right):
        right = 2
    made = FORMS[op](left, right)
    for x, y in product((-3, 0, 1, 4), repeat=2):
        known = {"x": x, "y": y}
        a, b = number(left, known), number(right, known)
        if op not in ("/", "%") or b:
            assert number(made, known) == NUMBERS[op](a, b), (left, op, right)


def test_what_is_not_linear_is_one_unknown_wherever_it_is_formed() -> None:
    assert X * Y == X * Y
    assert symbolic.divide(X * 4 + 8, 2) == X * 2 + 4
    assert symbolic.divide(X * 4 + 6, 4) == symbolic.divide(X * 4 + 6, 4) != X + 1
    assert symbolic.divide(X * 3 + 4, 2) != symbolic.divide(X * 3 + 6, 2)
    assert symbolic.divide(X * 2 + Y * 3, 2) == symbolic.opaque("/", X * 2 + Y * 3, 2)
    assert (symbolic.divide(X, 0), symbolic.divide(4, X)) == (symbolic.opaque("/", X, 0), symbolic.opaque("/", 4, X))
    assert symbolic.names_of(symbolic.divide(X, Y)) == {"(/)", "x", "y"}
    for op, places in (("<<", 64), (">>", 64), ("<<", -1), (">>", -1)):
        with pytest.raises(ZeroDivisionError):
            symbolic.bitwise(op, 1, places)
    assert symbolic.bitwise("<<", 1, 63) == 1 << 63
    assert symbolic.bitwise("<<", X, 0) == X
    assert symbolic.bitwise("<<", X, 64) == symbolic.opaque("<<", X, 64)
    assert symbolic.bitwise("<<", X, Y) == symbolic.opaque("<<", X, Y)
    assert (X - X, X + Y - X, 0 - (-X), 3 - X + X) == (0, Y, X, 3)
    term = ((("x", ()), 1),)
    assert symbolic.equal(2, X) == symbolic.equal(X, 2) == Question("==", Linear(-2, term))
    assert symbolic.less(X, 2) == Question("<", Linear(-2, term))
    assert symbolic.less(2, X) == Question("<", Linear(2, ((("x", ()), -1),)))
    assert (symbolic.equal(X + 1, X), symbolic.equal(X, X), symbolic.less(X, X + 1)) == (False, True, True)
    assert (symbolic.less(X, X), symbolic.equal(2, 2), symbolic.less(2, 2)) == (False, True, False)
    assert (X == 0) is False


@pytest.mark.parametrize("by", [2, 3])
def test_a_question_is_divided_by_what_its_coefficients_share(by: int) -> None:
    """2 * x < 5 and 2 * x == 4 bound x itself."""
    assert symbolic.less(X * by, 2 * by + 1) == symbolic.less(X, 3)
    assert symbolic.less(-1 - 2 * by, X * by) == symbolic.less(-3, X)
    assert symbolic.equal(X * by, 2 * by) == symbolic.equal(X, 2)
    assert symbolic.equal(X * by, Y * by * 2) == symbolic.equal(X, Y * 2)


def test_a_form_is_told_as_its_author_wrote_it() -> None:
    assert str(X * 2 + Y - 3) == "2*x + y + -3"
    assert str(X) == "x"
    assert str(atom("t", 3)) == "t[3]"
    assert str(atom("t", X + 1, 2)) == "t[x + 1, 2]"
    assert str(atom("b@first|1|n", 2)) == "b[2]"


@st.composite
def questions(draw: Any) -> Question:
    a, b = draw(st.sampled_from((-3, -2, -1, 1, 2))), draw(st.sampled_from((0, 0, 0, -1, 1)))
    form = X * a + Y * b + draw(st.integers(-5, 5))
    assert isinstance(form, Linear)
    return Question(draw(st.sampled_from(("<", "=="))), form)


@QUICK
@given(st.lists(questions(), min_size=1, max_size=5), st.integers(-2, 4), st.integers(-2, 4), st.booleans())
def test_a_path_keeps_every_value_that_gives_its_answers(asked: list[Question], x: int, y: int, ends: bool) -> None:
    """And once a question about x alone is answered, no others than those; `size` only grows."""
    known, low, high = {"x": x, "y": y}, -2, 4 if ends else None
    store = Store(lambda _: (low, high))
    for test in asked:
        answer = number(test, known)
        decided = store.decides(test)
        assert decided in (None, answer)
        if decided is not None or test in store.facts:
            assert store.truth(test) == answer
            continue
        with pytest.raises(symbolic.Open):
            store.truth(test)
        after = store.assume(test, answer)
        assert after is not None, "a possible path is given up"
        assert after.size >= store.size
        assert after.truth(test) == answer
        for name, value in known.items():
            at_least, at_most = after.bounds_of((name, ()))
            assert at_least is None or at_least <= value
            assert at_most is None or value <= at_most
        store = after
    at_least, at_most = store.range_of(Linear(0, ((("x", ()), 1), (("y", ()), -1))))
    assert at_least is None or at_least <= x - y
    assert at_most is None or x - y <= at_most


@pytest.mark.parametrize("ends", [(None, None), (0, None), (-2, 4), (None, 4)])
@pytest.mark.parametrize(("op", "a", "c"), list(product(("<", "=="), (-1, 1), (-3, -1, 0, 2))))
def test_one_question_about_one_value_is_a_bound(op: str, a: int, c: int, ends: tuple[Any, Any]) -> None:
    form = X * a + c
    assert isinstance(form, Linear)
    test, store = Question(op, form), Store(lambda _: ends)
    for answer in (True, False) if store.decides(test) is None else ():
        low, high = ends
        fitting = [
            x for x in range(-9, 10)
            if (low is None or x >= low) and (high is None or x <= high) and number(test, {"x": x}) == answer
        ]  # fmt: skip
        after = store.assume(test, answer)
        if after is None:
            assert not fitting
            continue
        found = after.bounds_of(("x", ()))
        ends_of = (None if min(fitting) == -9 else min(fitting), None if max(fitting) == 9 else max(fitting))
        assert found == ends_of
        least = found[0] if found[0] is not None else min(found[1] or 0, 0)
        start = low if low is not None else min(high or 0, 0)
        assert after.size == abs(least - start) * EXCESS + 1 + len(after.facts)


def test_a_later_answer_may_contradict_an_earlier_one() -> None:
    store = Store(lambda _: (0, None))

    def assume(store: Store, value: Any, answer: bool) -> Store | None:
        return store.assume(value, answer)

    product_ = symbolic.less(X * Y, 4)
    first = assume(store, product_, True)
    assert first is not None
    two = assume(first, symbolic.equal(X, 2), True)
    assert two is not None
    assert assume(two, symbolic.equal(Y, 2), True) is None
    assert assume(two, symbolic.equal(Y, 1), True) is not None
    apart = assume(store, symbolic.less(X, Y), True)
    assert apart is not None
    low = assume(apart, symbolic.less(X, 3), False)
    assert low is not None
    assert assume(low, symbolic.less(Y, 3), True) is None
    assert store.settle(X) == X
    three = assume(store, symbolic.equal(X, 3), True)
    assert three is not None
    assert (three.settle(X), three.settle(X * 2 + 1), three.settle(X + Y), three.settle(5)) == (3, 7, X + Y, 5)
    for op, operands, wanted in (
        ("/", (7, 2), 3), ("%", (7, 2), 1), ("<<", (1, 3), 8), (">>", (8, 1), 4), ("&", (6, 3), 2), ("|", (6, 3), 7),
        ("^", (6, 3), 5), ("*", (6, 3), 18),
    ):  # fmt: skip
        made = symbolic.opaque(op, X, Y)
        path: Store | None = assume(store, symbolic.less(made, wanted + 1), False)
        for name, value in zip((X, Y), operands, strict=True):
            assert path is not None
            path = assume(path, symbolic.equal(name, value), True)
        assert path is None, op
        path = assume(assume(store, symbolic.less(made, wanted), False) or store, symbolic.equal(X, operands[0]), True)
        assert path is not None
        assert assume(path, symbolic.equal(Y, operands[1]), True) is not None, op


@pytest.mark.parametrize(("op", "right"), [("/", 0), ("%", 0), ("<<", 64), (">>", 64)])
def test_an_operation_without_a_result_rules_nothing_out(op: str, right: int) -> None:
    path: Store | None = Store(lambda _: (0, None))
    made = symbolic.opaque(op, X, Y)
    for question, answer in (
        (symbolic.less(made, 3), True),
        (symbolic.equal(X, 1), True),
        (symbolic.equal(Y, right), True),
    ):
        assert path is not None
        assert isinstance(question, Question)
        path = path.assume(question, answer)
    assert path is not None


def test_a_key_is_the_name_of_a_parameter_alone() -> None:
    assert (symbolic.key_of(X), symbolic.key_of(3)) == ("x", "3")
    others = (X * 2, X + 1, atom("x", 3), atom("x@1|s|n"), X + Y, Y)
    assert len({symbolic.key_of(value) for value in (X, *others)}) == 7


def test_a_condition_is_true_where_it_is_not_zero() -> None:
    store = Store(lambda _: (0, 1))
    assert [store.truth(value) for value in (0, 2, True, X + 1)] == [False, True, True, True]
    zero = store.assume(Question("==", X), True)
    one = store.assume(Question("==", X), False)
    assert zero is not None
    assert one is not None
    assert (zero.truth(X), one.truth(X), zero.truth(-X), one.truth(-X)) == (False, True, False, True)
    assert (one.bounds_of(("x", ())), zero.bounds_of(("x", ()))) == ((1, 1), (0, 0))


def test_distances_of_addresses() -> None:
    """Turns of one loop are at least their number apart; anything else by its domain alone."""
    early, late = atom("b@0|s|n", 1), atom("b@0|s|n", 4)

    def domain(item: symbolic.Atom) -> symbolic.Bounds:
        return {"x": (1, 3), "y": (0, None)}.get(item[0], (0, None))

    def distance(a: Any, b: Any) -> symbolic.Bounds:
        return symbolic.distance(domain, a, b)

    assert distance(8, 24) == (16, 16)
    assert distance(None, 24) == (24, 24)
    assert distance(8, None) == (-8, -8)
    assert distance(None, None) == (0, 0)
    assert distance(early * 64, late * 64) == (192, None)
    assert distance(late * 64, early * 64) == (None, -192)
    assert distance(early * 64 + 32, late * 64) == (160, None)
    assert distance(early * 32, late * 64) == (None, None)
    assert distance(None, early * 64) == (0, None)
    assert distance(early * 64, None) == (None, 0)
    assert distance(None, X * 8 + 4) == (12, 28)
    assert distance(X * 8, None) == (-24, -8)
    assert distance(X, Y) == (-3, None)
    assert distance(Y, X) == (None, 3)
    assert distance(early * 64 + X, late * 64 + X * 3) == (194, None)
    assert distance(atom("c@0|s|n", 1), late) == (None, None)
    ninth, tenth = atom("b@0|s|n", 9), atom("b@0|s|n", 10)
    assert (distance(ninth * 64, tenth * 64), distance(tenth * 64, ninth * 64)) == ((64, None), (None, -64))
    assert distance(atom("t", 1) * 64, atom("t", 4) * 64) == (None, None)
    assert [symbolic.spacing(a, b) for a, b in ((X * 12, Y * 8), (X * 12, X * 4), (None, None), (None, 6), (6, 0))] == [
        4, 8, 1, 6, 6
    ]  # fmt: skip


def store(bounds: dict[str, tuple[int | None, int | None]], **facts: bool) -> Store:
    """What is known of x and y, and `less`, `sum`: whether x < y, whether x + y < 4."""
    questions = {"less": Question("<", _form(X - Y)), "sum": Question("<", _form(X + Y - 4))}
    known = {(name, ()): of for name, of in bounds.items()}
    return Store(lambda _: (None, None), known, {questions[name]: answer for name, answer in facts.items()})


def _form(value: Value) -> Linear:
    assert isinstance(value, Linear)
    return value


CASES = [
    store({"x": (low, high), "y": y}, **facts)
    for low, high in ((None, None), (0, None), (1, None), (None, 3), (None, 2), (0, 3), (1, 2))
    for y in ((None, None), (0, 5))
    for facts in ({}, {"less": True}, {"less": False}, {"less": True, "sum": False}, {"less": True, "sum": True})
]


def _holds(inner: symbolic.Bounds, outer: symbolic.Bounds) -> bool:
    (low, high), (least, most) = inner, outer
    return (least is None or (low is not None and low >= least)) and (
        most is None or (high is not None and high <= most)
    )


@pytest.mark.parametrize("one", CASES, ids=lambda case: f"{case.bounds}{list(case.facts.values())}")
def test_what_a_path_implies(one: Store) -> None:
    """What holds of the other's values holds of its own, and it has answered each of the other's questions alike."""
    for other in CASES:
        inside = all(_holds(one.bounds[item], bounds) for item, bounds in other.bounds.items())
        answered = all(one.facts.get(test, one.decides(test)) is answer for test, answer in other.facts.items())
        assert one.implies(other) == (inside and answered)
    assert not one.implies(Case())


@pytest.mark.parametrize(
    ("bounds", "least"),
    [((None, None), 0), ((None, 5), 0), ((None, 0), 0), ((None, -3), -3), ((2, 9), 2), ((-4, None), -4), ((1, 1), 1)],
)
def test_the_value_that_a_report_names(bounds: tuple[int | None, int | None], least: int) -> None:
    assert symbolic._least_of(*bounds) == least


@pytest.mark.parametrize(
    ("bounds", "possible"),
    [
        ((None, 5), False),
        ((None, 6), True),
        ((6, None), True),
        ((7, None), False),
        ((6, 6), True),
        ((None, None), True),
    ],
)
def test_a_product_of_known_numbers_is_a_number(bounds: tuple[int | None, int | None], possible: bool) -> None:
    known = {("x", ()): (2, 2), ("y", ()): (3, 3), _form(X * Y).terms[0][0]: bounds}
    assert Store(lambda _: (None, None), known)._possible() == possible


def _assumed(store: Store, test: object, answer: bool = True) -> Store | None:
    assert isinstance(test, Question)
    return store.assume(test, answer)


def test_a_path_is_as_large_as_what_it_has_assumed() -> None:
    """A question about two values, and a value that nothing was known of, count one each."""
    found, sizes = Store(lambda _: (0, None)), []
    for test in (symbolic.less(X, Y), symbolic.less(X + Y, 9), symbolic.less(X, 7), symbolic.less(X, 5)):
        after = _assumed(found, test)
        assert after is not None
        sizes.append(after.size)
        found = after
    assert sizes == [1, 2, 3, 3]


def test_an_answer_that_bounds_rule_out_is_no_path() -> None:
    three = Store(lambda _: (3, 5))
    for test in (symbolic.less(X, 3), symbolic.less(5, X)):
        assert _assumed(three, test) is None
        assert _assumed(three, test, answer=False) is not None


OPERATIONS = {"(*)": X * Y, "(/)": symbolic.divide(X, Y), "(%)": symbolic.remainder(X, Y)} | {
    f"({op})": symbolic.bitwise(op, X, Y) for op in ("<<", ">>", "&", "|", "^")
}


@pytest.mark.parametrize("x", [0, 5, None])
@pytest.mark.parametrize("y", [0, 1, 2, 63, 64, -1, None])
@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_on_known_numbers_is_worked_out(name: str, x: int | None, y: int | None) -> None:
    """And one that C does not define, or whose operands are not known, is not."""
    item = _form(OPERATIONS[name]).terms[0][0]
    found = Store(lambda _: (None, None), {("x", ()): (x, x), ("y", ()): (y, y)})._worked_out(item)
    undefined = (name in ("(/)", "(%)") and y == 0) or (name in ("(<<)", "(>>)") and y not in range(64))
    wanted = None if x is None or y is None or undefined else NUMBERS[name[1:-1]](x, y)
    assert found == wanted


def test_what_is_no_operation_on_two_values_is_not_worked_out() -> None:
    known = Store(lambda _: (1, 1))
    for item in (("t", (1, 2)), ("n", (1,)), ("x", ()), ("(~)", (X,)), ("(min)", (X, Y, 3))):
        assert known._worked_out(item) is None


def test_nothing_is_known_where_nothing_is_assumed() -> None:
    assert symbolic.NOTHING.bounds_of(("x", ())) == (None, None)
    assert symbolic.NOTHING.settle(X) is X
