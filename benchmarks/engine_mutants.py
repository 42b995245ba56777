"""Mutation testing of the engine: does the ordinary suite notice when a part of the order or the proof is wrong?

    python benchmarks/engine_mutants.py [--sample N] [--seed S] [--only fold] [--budget SECONDS] [--others]

Each mutant changes one place of one module: a comparison or an operator, a number, a condition, a statement or an
element of a tuple dropped, two branches swapped. A child process runs with it what the ordinary suite asks
(tests/engine_corpus.py: the random programs of tests/test_judge.py, and the other tests); the first test that fails
kills it. Tests that noticed mutants lately, and cheap ones, come first. What survives is listed, to be explained in
docs/mutation.md; `--again` tries the mutants of such a list.
"""

from __future__ import annotations

import argparse
import ast
import os
import pickle
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType

from engine_trial import FOLDERS, Change, Order, tried

ROOT = Path(__file__).resolve().parent.parent
MODULES = (
    "fold", "reopening", "replay", "proof", "execution", "symbolic", "shapes", "vector_clock", "happens_before",
)  # fmt: skip


# ---------------------------------------------------------------- mutants


@dataclass(frozen=True)
class Mutant:
    """One change: of node `number` of a module, on `line`; what it was and what it is."""

    module: str
    line: int
    number: int
    was: ast.AST
    now: ast.AST | None

    @property
    def change(self) -> Change:
        """Its module with the change."""
        tree = _Replace(self.number, self.now).visit(ast.parse(_text(self.module)))
        return Change(f"syncheck.{self.module}", _code(self.module), _compiled(tree, self.module))

    def __str__(self) -> str:
        now = "gone" if self.now is None else _shown(self.now)
        return f"{self.module}.py:{self.line}: {_shown(self.was)}  ->  {now}"


@cache
def _text(module: str) -> str:
    return (ROOT / "syncheck" / f"{module}.py").read_text(encoding="utf-8")


@cache
def _code(module: str) -> CodeType:
    return _compiled(ast.parse(_text(module)), module)


def _compiled(tree: ast.AST, module: str) -> CodeType:
    assert isinstance(tree, ast.Module)
    return compile(ast.fix_missing_locations(tree), f"{module}.py", "exec", dont_inherit=True)


_COMPARE: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE,), ast.LtE: (ast.Lt,), ast.Gt: (ast.GtE,), ast.GtE: (ast.Gt,), ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
}  # fmt: skip
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Mod: ast.Add,
    ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip
_CALLS = {"min": "max", "max": "min", "any": "all", "all": "any", "join": "meet", "popleft": "pop", "lcm": "max"}


def variants(node: ast.AST) -> Iterator[ast.AST | None]:
    """The mutants that the tests are held to."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for kind in _COMPARE.get(type(node.ops[0]), ()):
            yield ast.Compare(node.left, [kind()], node.comparators)
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        yield ast.BinOp(node.left, _OPERATORS[type(node.op)](), node.right)
    elif isinstance(node, ast.BoolOp):
        for position in range(len(node.values)):
            rest = node.values[:position] + node.values[position + 1 :]
            yield ast.BoolOp(node.op, rest) if len(rest) > 1 else rest[0]
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        yield ast.Constant(node.value + 1)
    elif isinstance(node, ast.Constant) and type(node.value) is bool:
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.If):
        yield ast.If(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
    elif isinstance(node, ast.IfExp):
        yield ast.IfExp(node.test, node.orelse, node.body)
    elif isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load) and len(node.elts) > 1:
        for position in range(len(node.elts)):
            yield ast.Tuple([*node.elts[:position], ast.Constant(0), *node.elts[position + 1 :]], node.ctx)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CALLS:
        yield ast.Call(ast.Name(_CALLS[node.func.id], ast.Load()), node.args, node.keywords)
    elif isinstance(node, ast.comprehension) and node.ifs:
        for position in range(len(node.ifs)):
            rest = node.ifs[:position] + node.ifs[position + 1 :]
            yield ast.comprehension(node.target, node.iter, rest, node.is_async)
    elif isinstance(node, ast.Assign | ast.AugAssign | ast.Continue) or (
        isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)
    ):
        yield None
    elif isinstance(node, ast.Return) and node.value is not None and not isinstance(node.value, ast.Constant):
        yield ast.Return(ast.Constant(None))


Kind = Callable[[ast.AST], Iterator[ast.AST | None]]
"""What a node may become; None: the statement goes."""
_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE}
_NONE = ast.Tuple([], ast.Load())


def others(node: ast.AST) -> Iterator[ast.AST | None]:
    """Mutants of another kind: how much were the tests fitted to the first one?"""
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _TURNED:
        yield ast.Compare(node.left, [_TURNED[type(node.ops[0])]()], node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        yield ast.Constant(node.value - 1)
    elif isinstance(node, ast.If):
        yield ast.If(ast.Constant(True), node.body, node.orelse)
        yield ast.If(ast.Constant(False), node.body, node.orelse)
    elif isinstance(node, ast.IfExp):
        yield from (node.body, node.orelse)
    elif isinstance(node, ast.Break):
        yield None
    elif isinstance(node, ast.For):
        yield ast.For(node.target, _NONE, node.body, node.orelse)
    elif isinstance(node, ast.comprehension):
        yield ast.comprehension(node.target, _NONE, node.ifs, node.is_async)
    elif isinstance(node, ast.AugAssign) and type(node.op) in _OPERATORS:
        yield ast.AugAssign(node.target, _OPERATORS[type(node.op)](), node.value)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "copy":
        yield node.func.value
    elif isinstance(node, ast.Call) and len(node.args) > 1 and not isinstance(node.args[0], ast.Starred):
        yield ast.Call(node.func, [node.args[1], node.args[0], *node.args[2:]], node.keywords)


class _Replace(ast.NodeTransformer):
    def __init__(self, number: int, new: ast.AST | None) -> None:
        self.number = number
        self.new = new
        self.count = -1

    def visit(self, node: ast.AST) -> ast.AST:
        self.count += 1
        if self.count == self.number:
            return ast.copy_location(ast.Pass() if self.new is None else self.new, node)
        return self.generic_visit(node)


def mutants(module: str, kind: Kind = variants) -> list[Mutant]:
    """Every mutant of one module, in the order of the text."""
    tree = ast.parse(_text(module))
    words = _words(tree)
    found = []
    for number, node in enumerate(_visited(tree)):
        if id(node) in words:
            continue
        found += [Mutant(module, _line(node), number, node, new) for new in kind(node)]
    return found


def _visited(tree: ast.AST) -> list[ast.AST]:
    """The nodes in the order in which a NodeTransformer meets them."""
    order: list[ast.AST] = []

    class Walk(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            order.append(node)
            return self.generic_visit(node)

    Walk().visit(tree)
    return order


def _words(tree: ast.Module) -> set[int]:
    """Nodes that decide nothing: annotations, declarations, what stands at the level of the module."""
    found = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        declared = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        if isinstance(node, ast.AnnAssign) and node.value is None:
            declared.append(node)
        if isinstance(node, ast.Assign) and "__slots__" in ast.dump(node.targets[0]):
            declared.append(node)
        found |= {id(part) for item in declared if isinstance(item, ast.AST) for part in ast.walk(item)}
    return found


def _line(node: ast.AST) -> int:
    return getattr(node, "lineno", 0) or next((_line(child) for child in ast.iter_child_nodes(node)), 0)


def _shown(node: ast.AST) -> str:
    if isinstance(node, ast.comprehension):
        return " ".join(f"if {ast.unparse(test)}" for test in node.ifs) or "no condition"
    return " ".join(ast.unparse(ast.fix_missing_locations(node)).split())[:90]


# ---------------------------------------------------------------- the run


def collect(path: Path) -> None:
    """Write all items of the corpus, in a process of its own; takes minutes."""
    child = os.fork()
    if child == 0:
        import engine_corpus

        path.write_bytes(pickle.dumps(engine_corpus.corpus()))
        os._exit(0)
    os.waitpid(child, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, default=400, help="how many mutants (0: all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", choices=MODULES, help="a module (repeatable)")
    parser.add_argument("--budget", type=float, default=0, help="seconds for one mutant (0: all items)")
    parser.add_argument("--others", action="store_true", help="mutants of another kind")
    parser.add_argument("--again", type=Path, help="only the mutants of this list")
    parser.add_argument("--corpus", type=Path, default=ROOT / ".venv" / "engine_corpus.pickle")
    parser.add_argument("--output", type=Path, help="write survivors there, one a line")
    options = parser.parse_args()
    start = time.time()
    sys.path[:0] = [*map(str, FOLDERS), str(ROOT)]
    if not options.corpus.exists():
        collect(options.corpus)
    import engine_corpus

    with options.corpus.open("rb") as file:
        items = pickle.load(file)
    engine_corpus.load_tests(items)
    order = Order(items, options.corpus.with_suffix(".json"), options.budget)
    chosen = _chosen(
        options.only or MODULES, others if options.others else variants, options.sample, options.seed, options.again
    )
    print(f"{len(items)} items of {sum(item.seconds for item in items):.0f} s; {len(chosen)} mutants", flush=True)
    assert not any(said := tried(None, order)), f"the engine itself fails: {said}"
    survivors, totals, lost = [], Counter[str](), Counter[str]()
    for number, mutant in enumerate(chosen, 1):
        totals[mutant.module] += 1
        title, _ = tried(mutant.change, order)
        if number % 50 == 0:
            _print_totals(totals, lost)
        if title:
            order.learn(title)
            continue
        lost[mutant.module] += 1
        survivors.append(mutant)
        print(f"{number:5} survives  {mutant}", flush=True)
        if options.output:
            with options.output.open("a", encoding="utf-8") as file:
                file.write(f"{mutant}\n")
    _print_totals(totals, lost)
    killed = len(chosen) - len(survivors)
    print(
        f"killed {killed} of {len(chosen)} ({100 * killed / max(len(chosen), 1):.1f} %) in {time.time() - start:.0f} s"
    )


def _print_totals(totals: Counter[str], lost: Counter[str]) -> None:
    print(
        ", ".join(f"{module}: killed {totals[module] - lost[module]} of {totals[module]}" for module in sorted(totals)),
        flush=True,
    )


def _chosen(modules: Sequence[str], kind: Kind, sample: int, seed: int, again: Path | None) -> list[Mutant]:
    """A random choice in random order, so that what is done by any time is a sample; of a list that survived before,
    all that are still there, of either kind."""
    if again is not None:
        names = set(again.read_text(encoding="utf-8").splitlines())
        whole = [mutant for module in modules for of in (variants, others) for mutant in mutants(module, of)]
        return [mutant for mutant in whole if str(mutant) in names]
    whole = [mutant for module in modules for mutant in mutants(module, kind)]
    random.Random(seed).shuffle(whole)
    return whole[: sample or None]


if __name__ == "__main__":
    main()
