"""The baseline file on disk: read before the report, rewritten when asked, and what left it."""

from __future__ import annotations

import os
from argparse import Namespace

from syncheck.baseline import BaselineError, Entry, Key, collect, dumps, loads, mark
from syncheck.cli_arguments import CommandError
from syncheck.cli_files import read_text, relative, root
from syncheck.cli_plan import Plan
from syncheck.cli_terminal import put_file, say
from syncheck.config import Config
from syncheck.finding import FileReport

Checked = list[tuple[FileReport, Plan | None]]


def apply_baseline(arguments: Namespace, config: Config, checked: Checked) -> list[FileReport]:
    """The reports with the findings of the baseline marked; says on stderr what the baseline no longer needs."""
    path = arguments.baseline or (os.path.join(root(config), config.baseline) if config.baseline else "")
    reports = [report for report, _ in checked]
    if not path:
        if arguments.update_baseline:
            raise CommandError("--update-baseline needs --baseline FILE, or `baseline` in the configuration")
        return reports

    folder = os.path.dirname(os.path.abspath(path))

    def from_baseline(name: str) -> str:
        return relative(name, folder)

    entries = _read(path, arguments.update_baseline)
    plans = {from_baseline(report.path): plan for report, plan in checked if report.verdict != "unreadable"}

    def judged(key: Key) -> bool:
        """Could this run have found the entry again?"""
        plan = plans.get(key[0])
        return plan.shows(entries[key].rule) if plan else not os.path.exists(os.path.join(folder, key[0]))

    present = collect(reports, from_baseline)
    gone = {key for key in entries if key not in present and judged(key)}
    _tell(len(gone), arguments.update_baseline)
    if arguments.update_baseline:
        entries = {key: entry for key, entry in entries.items() if key not in gone} | present
        put_file(path, dumps(entries))
    return [mark(report, entries, from_baseline) for report in reports]


def _tell(gone: int, updating: bool) -> None:
    if gone and not updating:
        one = gone == 1
        say(f"{gone} baseline {'entry no longer occurs' if one else 'entries no longer occur'}; "
            f"--update-baseline removes {'it' if one else 'them'}")  # fmt: skip


def _read(path: str, may_be_missing: bool) -> dict[Key, Entry]:
    if not os.path.exists(path):
        if may_be_missing:
            return {}
        raise CommandError(f"{path}: no such baseline; --update-baseline makes one")
    try:
        return loads(read_text(path, "baseline"), path)
    except BaselineError as error:
        raise CommandError(str(error)) from None
