"""The command line: verbs, options, and how one line says what is wrong with them.

Nothing heavy is imported here: `syncheck --help` must answer at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import NoReturn

from syncheck import __version__
from syncheck.config import FORMATS, definition, did_you_mean, nearest, option
from syncheck.source import ASSUMED

MOST_CALLERS = 50
"""Kernels that one header is checked through, the nearest first, unless --callers says otherwise."""
VERBS = {
    "check": "check C++ kernels, event scripts and traces (the default: `syncheck PATH…`)",
    "mutate": "put faults into the synchronisation of a kernel: is each one noticed?",
    "explain": "what a rule means, with an example that fires and one that does not",
    "rules": "list the rules",
    "machine": "list what a machine model says: options, pipes, capacities",
    "why": "what orders two instructions, or what is missing",
    "graph": "the steady state: races, slack, what a turn takes; drawn as Graphviz or GraphML",
    "run": "run a script with data under a schedule, and compare with its golden",
    "extract": "the kernel as an event script",
}
SEVERITIES = ("error", "warning", "info")
SCHEDULES = ("program", "random", "adversarial", "witness")
CORES = ("AIC", "AIV", "AIV0", "AIV1")


class CommandError(Exception):
    """Ends the command with exit code 2 and this one line on stderr."""


class Parser(argparse.ArgumentParser):
    """argparse, but a usage error is one line and long options are never guessed from a prefix."""

    def __init__(self, verb: str, **more: str) -> None:
        super().__init__(prog=f"syncheck {verb}".strip(), allow_abbrev=False, **more)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        raise CommandError(f"{message} (see `{self.prog} --help`)")


def split(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """The verb and the rest; a bare `syncheck PATH…` is `check`."""
    if not arguments:
        raise CommandError("nothing to do: `syncheck PATH…` checks, `syncheck --help` says more")
    first = arguments[0]
    if first in VERBS:
        return first, list(arguments[1:])
    if first in ("-h", "--help", "-V", "--version"):
        return "", list(arguments)
    return "check", list(arguments)


def verb_hint(word: str) -> str:
    """`; did you mean …?` for a first word that is neither a verb nor a file."""
    guess = nearest(word, VERBS) if word.isalpha() else ""
    return f"; did you mean `syncheck {guess}`?" if guess else ""


def top() -> Parser:
    width = max(map(len, VERBS))
    verbs = "\n".join(f"  {verb:{width}}  {text}" for verb, text in VERBS.items())
    parser = Parser(
        "",
        usage="syncheck [VERB] …",
        description="Static race checker for the synchronisation inside Ascend AI-core kernels.",
        epilog=f"verbs:\n{verbs}\n\n`syncheck VERB --help` says more. "
        "Exit code: 0 nothing found, 1 findings, 2 not checked.",
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("-V", "--version", action="version", version=f"syncheck {__version__}")
    return parser


def check() -> Parser:
    parser = Parser(
        "check", usage="syncheck [check] PATH… [options]", description="Check C++ kernels, event scripts and traces."
    )
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help=".cpp kernels, .sync scripts, .jsonl traces, folders; - is stdin"
    )
    _add_settings(parser)
    rules = parser.add_argument_group("rules")
    add = rules.add_argument
    add("--select", metavar="IDS", action="append", type=_ids, help="only these rules; prefixes count: RAW001,FLG")
    add("--ignore", metavar="IDS", action="append", type=_ids, help="all but these rules")
    add("--try-fixes", action="store_true", help="prove the kernel with a flag before the report asks for it")
    add("--doubt", metavar="KINDS", type=_kinds, help=f"do not assume, in C++: {', '.join(ASSUMED)}, or all")
    add("--surplus", action="store_true", help="say which flags and barriers could go (SUR001, SUR002); takes longer")
    add("--fail-on", metavar="SEVERITY", type=_choice(SEVERITIES), help="exit 1 from there up: error (default), …")
    add("--baseline", metavar="FILE", help="only findings that are not in FILE count")
    add("--update-baseline", action="store_true", help="write the findings of this run to the baseline")
    add = parser.add_argument_group("report").add_argument
    add("--format", metavar="FORMAT", type=_choice(FORMATS), help=", ".join(FORMATS))
    add("--output", "-o", metavar="FILE", help="write the report to FILE instead of standard output")
    add("--verbose", "-v", action="store_true", help="show warnings and infos in full")
    add("--explain-coverage", action="store_true", help="say what of each C++ kernel was understood, and what was not")
    _add_color(parser)
    parser.add_argument(
        "--jobs", "-j", metavar="N", type=_count, default=1, help="files at a time; 0: one for each processor"
    )
    parser.add_argument(
        "--callers", metavar="N", type=_callers, default=MOST_CALLERS,
        help=f"check a header through its N nearest kernels (default {MOST_CALLERS}), or all",
    )  # fmt: skip
    return parser


def explain() -> Parser:
    parser = Parser("explain", description=VERBS["explain"])
    parser.add_argument("rule", metavar="RULE")
    _add_color(parser)
    return parser


def rules() -> Parser:
    parser = Parser("rules", description=VERBS["rules"])
    parser.add_argument(
        "--format", metavar="FORMAT", type=_choice(("text", "json")), default="text", help="text or json"
    )
    return parser


def machine() -> Parser:
    parser = Parser("machine", description=VERBS["machine"])
    parser.add_argument("machine", nargs="?", default="a2a3", metavar="MACHINE", help="a2a3 (default), a5 or FILE.toml")
    _add_option(parser)
    parser.add_argument(
        "--format", metavar="FORMAT", type=_choice(("text", "json")), default="text", help="text or json"
    )
    return parser


def why() -> Parser:
    usage = "syncheck why FILE:LINE FILE:LINE [options]\n       syncheck why FILE --fifo NAME [options]"
    parser = Parser("why", usage=usage, description=VERBS["why"])
    parser.add_argument("first", metavar="FILE:LINE", help="the earlier instruction")
    parser.add_argument("second", nargs="?", metavar="FILE:LINE", help="the later one; `:LINE` is in the same file")
    parser.add_argument("--fifo", metavar="NAME", help="why no tile of this FIFO is overwritten too early, or may be")
    parser.add_argument("--in", dest="script", metavar="SCRIPT", help="the script whose #line names the files above")
    parser.add_argument("--core", metavar="CORE", help="only on this core: AIC, AIV0, AIV1")
    _add_entry(parser)
    _add_settings(parser)
    return parser


def graph() -> Parser:
    parser = Parser("graph", description=VERBS["graph"])
    parser.add_argument("path", metavar="FILE")
    parser.add_argument("--output", "-o", metavar="FILE", help="draw it: out.dot or out.graphml")
    parser.add_argument("--run", action="store_true", help="the order of a small run instead, every event of it")
    _add_entry(parser)
    _add_settings(parser)
    return parser


def extract() -> Parser:
    parser = Parser("extract", description=VERBS["extract"])
    add = parser.add_argument
    add("path", metavar="FILE", help="a C++ kernel (.cpp, .cce), or a .sync script to be tidied; - is stdin")
    add("--output", "-o", metavar="FILE", help="write the script to FILE instead of standard output")
    _add_entry(parser)
    _add_kernel(add)
    parser.set_defaults(option=[], max_states=None)
    return parser


def _picture(text: str) -> str:
    if not text.endswith((".svg", ".html")):
        raise argparse.ArgumentTypeError(f"expected a name that ends in .svg or .html, got {text!r}")
    return text


def run() -> Parser:
    parser = Parser("run", description="Run a script with data, byte by byte, and compare the result with its golden.")
    parser.add_argument("path", metavar="SCRIPT", help="an event script whose tensors and tiles have shapes and types")
    add = parser.add_argument_group("schedule").add_argument
    add("--schedule", metavar="NAME", type=_choice(SCHEDULES), default="program",
        help="program (as issued), random, adversarial (as late as allowed), witness (of each error)")  # fmt: skip
    add("--seed", metavar="N", type=_count, default=0, help="which random or adversarial schedule; 0 is the first")
    add("--runs", metavar="N", type=_positive, default=1, help="this many schedules, from --seed on")
    add = parser.add_argument_group("data").add_argument
    add("--golden", metavar="FILE.py", help="inputs and expected results (else SCRIPT's .py, or golden.py beside it)")
    add("--inputs", metavar="FILE.npz", help="arrays by name: tensors, tables and values that the script does not know")
    add = parser.add_argument_group("report").add_argument
    add("--format", metavar="FORMAT", type=_choice(("text", "json")), default="text", help="text or json")
    add("--trace", metavar="FILE.json", help="the first wrong run, else the first, for Perfetto and chrome://tracing")
    add("--timeline", metavar="FILE", type=_picture, help="the same as a picture, FILE.svg or FILE.html")
    add("--output", "-o", metavar="FILE", help="write the report to FILE instead of standard output")
    _add_color(parser)
    _add_settings(parser)
    return parser


def mutate() -> Parser:
    parser = Parser("mutate", description=VERBS["mutate"])
    parser.add_argument("path", metavar="FILE", help="an event script; - is stdin")
    parser.add_argument("--core", metavar="CORE", type=_choice(CORES), help="only faults on this core: AIC, AIV, …")
    parser.add_argument(
        "--jobs", "-j", metavar="N", type=_count, default=1, help="mutants at a time; 0: all processors"
    )
    add = parser.add_argument_group("report").add_argument
    add("--format", metavar="FORMAT", type=_choice(("text", "json")), default="text", help="text or json")
    add("--output", "-o", metavar="FILE", help="write the report to FILE instead of standard output")
    add("--verbose", "-v", action="store_true", help="list every mutant")
    _add_settings(parser)
    return parser


PARSERS: dict[str, Callable[[], Parser]] = {
    "check": check, "explain": explain, "rules": rules, "machine": machine, "why": why, "graph": graph,
    "extract": extract, "run": run, "mutate": mutate,
}  # fmt: skip


def parse(verb: str, arguments: list[str]) -> argparse.Namespace:
    """The verb's options. Options and paths may be mixed; everything behind `--` is a path."""
    options, behind = arguments, list[str]()
    if verb == "check" and "--" in arguments:
        place = arguments.index("--")
        options, behind = arguments[:place], arguments[place + 1 :]
    namespace = PARSERS[verb]().parse_intermixed_args(options)
    if verb == "check":
        namespace.paths = [*namespace.paths, *behind]
        if not namespace.paths:
            raise CommandError("no PATH to check (a file, a folder or -; see `syncheck check --help`)")
    return namespace


def _add_settings(parser: Parser) -> None:
    add = parser.add_argument_group("kernel and machine").add_argument
    _add_kernel(add)
    _add_option(parser)
    add("--max-states", metavar="N", type=_positive, help="how much to explore before saying `bounded`")


def _add_entry(parser: Parser) -> None:
    parser.add_argument("--entry", metavar="NAME", help="the entry point, where a C++ kernel has several")


def _add_kernel(add: Callable[..., argparse.Action]) -> None:
    add("-D", dest="define", metavar="NAME=VALUE", action="append", default=[], type=_pair(definition),
        help="pin a parameter: 3, 1..8 or [1,3]")  # fmt: skip
    add("--include", metavar="DIR", action="append", default=[], help="where the headers of C++ kernels are looked for")
    add("--machine", metavar="NAME", help="a2a3, a5 or FILE.toml")
    add("--config", metavar="FILE", help="this configuration, and no search for others")
    add("--stdin-filename", metavar="NAME", help="what standard input is called; its suffix says what it is")


def _add_option(parser: Parser) -> None:
    parser.add_argument("-O", dest="option", metavar="OPTION=VALUE", action="append", default=[], type=_pair(option),
                        help="an option of the machine model (see `syncheck machine`)")  # fmt: skip


def _add_color(parser: Parser) -> None:
    choices = ("auto", "always", "never")
    parser.add_argument("--color", metavar="WHEN", type=_choice(choices), default="auto", help=", ".join(choices))


def _choice(choices: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text in choices:
            return text
        hint = did_you_mean(text, choices)
        raise argparse.ArgumentTypeError(f"{text!r} is not one of {', '.join(choices)}{hint}")

    return parse


def _pair(parse: Callable[[str], tuple[str, str]]) -> Callable[[str], tuple[str, str]]:
    def checked(text: str) -> tuple[str, str]:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return checked


def _ids(text: str) -> list[str]:
    ids = [part.strip().upper() for part in text.split(",") if part.strip()]
    if not ids:
        raise argparse.ArgumentTypeError("expected rule ids separated by commas")
    return ids


def _kinds(text: str) -> tuple[str, ...]:
    kinds = tuple(part.strip() for part in text.split(",") if part.strip())
    if kinds == ("all",):
        return tuple(ASSUMED)
    return tuple(map(_choice((*ASSUMED, "all")), kinds))


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}")
    return int(text)


def _callers(text: str) -> int | None:
    """How many kernels a header is checked through; None: all."""
    if text == "all":
        return None
    try:
        return _count(text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"expected a number or all, got {text!r}") from None


def _positive(text: str) -> int:
    if not _count(text):
        raise argparse.ArgumentTypeError("expected a number above 0")
    return _count(text)
