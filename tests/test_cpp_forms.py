"""Random small programs, each written in several forms of C++: whatever the form, what is reached has a race.

A program is a tree of statements over three integers and the argument `n`. Python runs it for some `n` and says which
of its marks are reached; the checker must report each of them, or say why it cannot. What a function leaves early
comes first; behind its call the variables are compared with all that they can be there.
"""

from __future__ import annotations

from contextlib import suppress
from random import Random
from typing import Any

import pytest
from test_cpp_sound import checked

NAMES = ("u", "v", "w")
VALUES = range(-1, 6)
CALLED = ("lambda", "function", "method", "nested", "value")
LOADED = "pipe_barrier(PIPE_ALL); TLOAD(a, g);"
FORMS = ("plain", "macro", "array", "pointer", "object", *CALLED)


def expression(draw: Random, deep: int) -> str:
    if deep == 0 or draw.random() < 0.3:
        return draw.choice((*NAMES, "n", str(draw.randint(0, 3))))
    a, b = expression(draw, deep - 1), expression(draw, deep - 1)
    return draw.choice(
        (f"({a} + {b})", f"({a} - {b})", f"({a} * 2)", f"({a} & 1)", f"({a} ^ 1)", f"({a} < {b})", f"({a} == {b})")
    )


def block(draw: Random, deep: int, marks: list[int]) -> list[Any]:
    return [statement(draw, deep, marks) for _ in range(draw.randint(1, 3))]


def statement(draw: Random, deep: int, marks: list[int]) -> Any:
    kind = draw.choice(("set", "set", "mark") + (("if", "if", "loop", "leave", "stop", "skip") if deep else ()))
    if kind == "mark":
        marks.append(len(marks))
        return kind, marks[-1]
    if kind == "set":
        return kind, draw.choice(NAMES), expression(draw, 2)
    if kind in JUMPS:
        return kind, expression(draw, 2)
    if kind == "if":
        return kind, expression(draw, 2), block(draw, deep - 1, marks), block(draw, deep - 1, marks)
    return kind, draw.choice(("n", "2", "3")), block(draw, deep - 1, marks), f"i{draw.randrange(10**6)}"


class Left(Exception):
    """The function returns."""


class Stopped(Exception):
    """The loop ends."""


class Skipped(Exception):
    """The turn ends."""


JUMPS = {"leave": Left, "stop": Stopped, "skip": Skipped}
WORDS = {"leave": "return;", "stop": "break;", "skip": "continue;"}


def called(program: list[Any], held: dict[str, int], found: set[int]) -> None:
    with suppress(Left):
        reached(program, held, found)


def allowed(program: list[Any], jumps: frozenset[str]) -> list[Any]:
    """The program with those jumps only that something here takes: a call, or a loop."""
    made: list[Any] = []
    for one in program:
        inner = jumps | {"stop", "skip"} if one[0] == "loop" else jumps
        if one[0] not in JUMPS or one[0] in jumps:
            made.append(tuple(allowed(part, inner) if isinstance(part, list) else part for part in one))
    return made


def stops(program: list[Any]) -> bool:
    """Whether a loop around ends here."""
    return any(one[0] == "stop" or (one[0] == "if" and (stops(one[2]) or stops(one[3]))) for one in program)


def reached(program: list[Any], held: dict[str, int], found: set[int]) -> None:
    for one in program:
        if one[0] == "mark":
            found.add(one[1])
        elif one[0] in JUMPS:
            if eval(one[1], {}, held):
                raise JUMPS[one[0]]
        elif one[0] == "set":
            held[one[1]] = int(eval(one[2], {}, held))
        elif one[0] == "if":
            reached(one[2] if eval(one[1], {}, held) else one[3], held, found)
        else:
            with suppress(Stopped):
                for _ in range(int(eval(one[1], {}, held))):
                    with suppress(Skipped):
                        reached(one[2], held, found)


HELPERS = """struct Pair { int one; int two; };
AICORE int same(int held) { if (held > 3) { return held; } int copied = held; return copied; }
AICORE void change(int &held, int given) { if (given == held) return; held = given; }
"""
SETS = (
    "{name} = {value};",
    "int &{to} = {name}; {to} = {value};",
    "{name} += ({value}) - {name};",
    "{name} = same({value});",
    "change({name}, {value});",
    "change(({name}), {value});",
    "auto to = [&](int given) {{ {name} = given; }}; to({value});",
    "auto to = [](int &held, int given) {{ held = given; }}; to(({name}), {value});",
    "{name} = (n > 2) ? {value} : {value};",
    "int two[2] = {{0, 0}}; two[(n > 1) ? 1 : 0] = {value}; {name} = two[0] + two[1];",
    "Pair made; made.one = {value}; Pair other = made; other.one++; {name} = made.one;",
    "Pair made{{{value}, 2}}; Pair &other = made; other.two = 7; {name} = other.one;",
    "int held = {value}; int *at = &held; {name} = *at;",
    "int held; held = {name} = {value};",
    "int once = 0; if (once++ == 0 && once == 1) {{ {name} = {value}; }}",
    "switch (n & 3) {{ case 0: case 1: {name} = {value}; break; case 2: {{ {name} = {value}; break; }} "
    "default: {name} = {value}; }}",
)
"""Ways to set a variable."""


def written(draw: Random, program: list[Any]) -> list[str]:
    lines: list[str] = []
    for one in program:
        if one[0] == "mark":
            lines += [f"/* {one[1]} */ TADDS(b, a, 1.0f);"]
        elif one[0] == "set":
            name, value = one[1:]
            lines += [f"{{ {draw.choice(SETS).format(name=name, value=value, to=f'r{name}')} }}"]
        elif one[0] in JUMPS:
            word = WORDS[one[0]]
            lines += draw.choice(([f"if ({one[1]}) {word}"], [f"if (!({one[1]})) {{ ; }} else {{ {word} }}"]))
        elif one[0] == "if":
            then, other, leaves = written(draw, one[2]), written(draw, one[3]), stops([one])
            forms = (
                [f"if ({one[1]}) {{", *then, "} else {", *other, "}"],
                [f"if (!({one[1]})) {{", *other, "} else {", *then, "}"],
                [f"switch (({one[1]}) ? 1 : 0) {{ case 1: {{", *then, "break; }", "default: {", *other, "} }"],
                [f"if (bool c = {one[1]}; c) {{", *then, "} else {", *other, "}"],
            )
            lines += draw.choice([one for one in forms if not one[0].startswith("switch") or not leaves])
        else:
            body, i = written(draw, one[2]), one[3]
            lines += draw.choice(
                (
                    [f"for (int {i} = 0; {i} < {one[1]}; {i}++) {{", *body, "}"],
                    [f"for (int64_t {i} = {one[1]}; {i} > 0; --{i}) {{", *body, "}"],
                    [f"int {i} = 0; while ({i}++ < {one[1]}) {{", *body, "}"],
                    [f"int {i} = 1; if ({one[1]} > 0) {{ do {{", *body, f"}} while ({i}++ < {one[1]}); }}"],
                )
            )
    return lines


def in_form(form: str, lines: list[str]) -> tuple[str, list[str]]:
    """(what stands before the kernel, its body)."""
    start = "int u = 0, v = 1, w = 2; TLOAD(a, g);"
    if form == "lambda":
        return "", [start, "auto go = [&]() {", *lines, "};", "go();"]
    if form == "function":
        head = "AICORE void go(int &u, int &v, int &w, int64_t n, Row &a, Row &b) {"
        return "\n".join((head, *lines, "}")), [start, "go(u, v, w, n, a, b);"]
    if form == "method":
        head = "struct S { int u = 0, v = 1, w = 2; AICORE void go(int64_t n, Row &a, Row &b) {"
        call = "TLOAD(a, g); S s; s.go(n, a, b); int &u = s.u, &v = s.v, &w = s.w;"
        return "\n".join((head, *lines, "} };")), [call]
    if form == "nested":
        inner = "AICORE void in(int &i0, int &i1, int &i2, int64_t n, Row &a, Row &b) {"
        names = "#define u i0\n#define v i1\n#define w i2\n"
        outer = "\n#undef u\n#undef v\n#undef w\nAICORE void go(int &z, int &x, int &y, int64_t n, Row &a, Row &b) {"
        body = (names + inner, *lines, "}", outer, "in(x, y, z, n, a, b);", "}")
        return "\n".join(body), [start, "go(w, u, v, n, a, b);"]
    if form == "value":
        head = "AICORE int go(int u, int &v, int &w, int64_t n, Row &a, Row &b) {"
        lines = [line.replace("return;", "return u;") for line in lines]
        return "\n".join((head, *lines, "return u;", "}")), [start, "u = go(u, v, w, n, a, b);"]
    if form in ("array", "pointer", "object"):
        at, made = {
            "array": ("s[{}]", "int s[3] = {0, 1, 2};"),
            "pointer": ("(*p{})", "int s0 = 0, s1 = 1, s2 = 2; int *p0 = &s0, *p1 = &s1, *p2 = &s2;"),
            "object": ("t.s{}", "T t; t.s0 = 0; t.s1 = 1; t.s2 = 2;"),
        }[form]
        names = "\n".join(f"#define {name} {at.format(number)}" for number, name in enumerate(NAMES))
        lines = [line.replace("&ru", "&q0").replace("&rv", "&q1").replace("&rw", "&q2") for line in lines]
        lines = [line.replace(" ru =", " q0 =").replace(" rv =", " q1 =").replace(" rw =", " q2 =") for line in lines]
        return f"struct T {{ int s0, s1, s2; }};\n{names}", [made, "TLOAD(a, g);", *lines]
    if form == "macro":
        return "#define TWICE(x) x", [start, *[f"TWICE({line})" if line.startswith("/*") else line for line in lines]]
    return "", [start, *lines]


@pytest.mark.parametrize("form", FORMS)
def test_what_a_program_reaches_is_found_in_every_form(form: str) -> None:
    told = 0
    for seed in range(12):
        draw, marks = Random(seed), list[int]()
        program = block(draw, 2, marks)
        program = allowed(program, frozenset({"leave"} if form in CALLED else ()))
        expected: set[int] = set()
        left: set[tuple[str, int]] = set()
        for n in VALUES:
            held = {"u": 0, "v": 1, "w": 2, "n": n}
            called(program, held, expected)
            left |= {(name, held[name]) for name in NAMES}
        expected |= set(range(len(marks), len(marks) + len(left)))
        head, body = in_form(form, written(Random(f"{form}{seed}"), program))
        for number, (name, value) in enumerate(sorted(left)):
            mark = ("mark", len(marks) + number)
            body += [LOADED, *written(Random(seed + value), [("if", f"{name} == {value}", [mark], [])])]
        report = checked(HELPERS + head, "\n".join(body))
        races = [one for one in report.findings if one.rule == "RAW001"]
        texts = [pair.primary.span.text for one in races for pair in one.pairs]
        found = {int(text.split("/*")[1].split("*/")[0]) for text in texts if "/*" in text}
        if report.gaps or report.cut or any(one.rule == "SYN001" for one in report.findings):
            continue
        told += 1
        assert expected <= found, (seed, expected - found, head, body)
    assert told >= 4
