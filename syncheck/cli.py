"""The `syncheck` command: picks the verb, and turns whatever goes wrong into one line and exit code 2.

Only the cli modules read the user's files, print or exit; the heavy ones are imported when their verb is used.
"""

from __future__ import annotations

import gc
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import NoReturn

from syncheck.cli_arguments import CommandError, parse, split, top
from syncheck.cli_terminal import say

INTERRUPTED = 130
BETWEEN_COLLECTIONS = 1_000_000
"""Objects made between two searches for unreachable cycles: the usual 700 costs a run more than it frees."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. 0: nothing found, 1: findings, 2: something was not checked."""
    gc.set_threshold(BETWEEN_COLLECTIONS)
    try:
        verb, rest = split(sys.argv[1:] if argv is None else argv)
        if not verb:
            top().parse_args(rest)
        return _verb(verb)(parse(verb, rest))
    except CommandError as error:
        say(str(error))
    except SystemExit as done:  # argparse after --help and --version
        return done.code if isinstance(done.code, int) else 2
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        return 2
    except Exception as error:  # the last resort for a defect of ours
        if os.environ.get("SYNCHECK_DEBUG") == "1":
            import traceback

            traceback.print_exc()
        say(f"internal error: {type(error).__name__}: {error}; please report")
    return 2


def command() -> NoReturn:
    """The installed command: `main`, and no time spent on freeing every object before the end."""
    code = main()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # nobody reads any more
        code = 2
    os._exit(code)


def _verb(verb: str) -> Callable[[Namespace], int]:
    if verb == "check":
        from syncheck import cli_check

        return cli_check.run
    if verb in ("why", "graph"):
        from syncheck import cli_inspect

        return {"why": cli_inspect.why_command, "graph": cli_inspect.graph_command}[verb]
    if verb == "mutate":
        from syncheck import cli_mutate

        return cli_mutate.mutate_command
    if verb == "extract":
        from syncheck import cli_extract

        return cli_extract.extract_command
    if verb == "run":
        from syncheck import cli_run

        return cli_run.run_command
    from syncheck import cli_catalogue

    return {
        "explain": cli_catalogue.explain_command,
        "rules": cli_catalogue.rules_command,
        "machine": cli_catalogue.machine_command,
    }[verb]
