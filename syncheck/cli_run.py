"""`syncheck run`: asks for what it needs before anything is imported that needs it."""

from __future__ import annotations

from argparse import Namespace
from importlib.util import find_spec

from syncheck.cli_arguments import CommandError

NEEDED = ("numpy", "ml_dtypes")


def run_command(arguments: Namespace) -> int:
    """0: every run is right. 1: one is not, or does not end. 2: it cannot be run."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise CommandError(f"syncheck run needs {' and '.join(missing)}: pip install 'syncheck[run]'")
    from syncheck.cli_run_job import execute

    return execute(arguments)
