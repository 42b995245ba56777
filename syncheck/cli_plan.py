"""What holds for one file: command line over configuration, as settings and a filter for the findings."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterable
from itertools import chain

from syncheck.check import Settings
from syncheck.cli_arguments import CommandError
from syncheck.cli_files import Configurations, Target, inside, read_text, root
from syncheck.config import Config, ConfigError, Pairs, did_you_mean
from syncheck.finding import SEVERITIES, Finding
from syncheck.machine import Machine, MachineError, load, loads
from syncheck.proof import DEFAULT_STATES, KERNEL_STATES
from syncheck.value import Value, frozen

ALWAYS = "SYN001"  # what was not understood was not checked: no option makes that disappear
BUILT_IN = ["a2a3", "a5"]
ON_REQUEST_NAMES = ("SUR", "SUR001", "SUR002")  # named in --select, they are asked for
OUTSIDE_DETECTORS = ("SUP001", "SYN001")


@frozen
class Plan(Value):
    """How one file is checked, and which of its findings are shown and fail the run."""

    settings: Settings
    fail_on: str = "error"
    include: tuple[str, ...] = ()

    def shows(self, rule: str) -> bool:
        """`--select` first, then `--ignore`; both take prefixes."""
        if rule == ALWAYS:
            return True
        select, ignore = self.settings.select, self.settings.ignore
        return (not select or rule.startswith(select)) and not rule.startswith(ignore)

    def fails(self, finding: Finding) -> bool:
        stands = not finding.suppressed and not finding.baseline
        return stands and SEVERITIES.index(finding.severity) <= SEVERITIES.index(self.fail_on)


class Planner:
    """Plans for many files; machines and configurations are read once."""

    def __init__(self, arguments: Namespace) -> None:
        self._arguments = arguments
        self._machines: dict[tuple[str, Pairs], Machine] = {}
        self.configurations = Configurations(arguments.config or "")
        self._select = self._rules(arguments, "select")
        self._ignore = self._rules(arguments, "ignore")
        self._check_machine()

    def plan(self, target: Target) -> Plan:
        """Raises ConfigError where the configuration of this file is wrong."""
        config = self.configurations.above(target.folder)
        path = inside(config, target.path)
        rules = tuple(config.rules_for(path))
        options = _last(config.options, chain(*(rule.options for rule in rules)), self._arguments.option)
        select = self._select or known_rules(config.select, f"{config.path}: select")
        settings = Settings(
            machine=self._machine(config, [rule.machine for rule in rules], options),
            machine_forced=bool(self._arguments.machine),
            options=tuple(options),
            definitions=_last(config.define, *(rule.define for rule in rules), self._arguments.define),
            select=select,
            ignore=(self._ignore or known_rules(config.ignore, f"{config.path}: ignore", ignoring=True))
            + known_rules(config.ignored_in(path), f"{config.path}: per-file-ignores", ignoring=True),
            max_states=self._arguments.max_states or config.max_states or _allowed(target),
            doubt=tuple(getattr(self._arguments, "doubt", None) or ()),
            try_fixes=getattr(self._arguments, "try_fixes", False),
            surplus=getattr(self._arguments, "surplus", False) or any(name in ON_REQUEST_NAMES for name in select),
            witnesses=(getattr(self._arguments, "format", "") or config.format or "").startswith("json"),
        )
        fail_on = getattr(self._arguments, "fail_on", "") or config.fail_on or "error"
        return Plan(settings, fail_on, tuple(getattr(self._arguments, "include", None) or ()))

    def first(self, targets: tuple[Target, ...]) -> Config:
        """The configuration of the run as a whole (format, baseline): that of the first file."""
        for target in targets:
            try:
                return self.configurations.above(target.folder)
            except ConfigError:
                continue
        return Config()

    def _machine(self, config: Config, names: list[str], merged: Pairs) -> Machine:
        if self._arguments.machine:
            return self.machine(self._arguments.machine, merged)
        name = next((name for name in reversed([config.machine, *names]) if name), "a2a3")
        if name.endswith(".toml"):
            name = os.path.join(root(config), name)
        return self.machine(name, merged)

    def machine(self, name: str, options: Pairs) -> Machine:
        """A built-in machine, or one in a TOML file of the user. Raises ConfigError."""
        if (name, options) not in self._machines:
            self._machines[name, options] = read_machine(name, options)
        return self._machines[name, options]

    def _check_machine(self) -> None:
        """A wrong --machine or -O is a mistake of the whole command, not of each file."""
        names = [self._arguments.machine] if self._arguments.machine else BUILT_IN if self._arguments.option else []
        errors = []
        for name in names:
            try:
                self.machine(name, _last(self._arguments.option))
            except ConfigError as error:
                errors.append(error)
        if errors and len(errors) == len(names):
            raise CommandError(str(errors[0]))

    def _rules(self, arguments: Namespace, option: str) -> tuple[str, ...]:
        given = getattr(arguments, option, None) or ()
        try:
            return known_rules(tuple(chain(*given)), f"--{option}", ignoring=option == "ignore")
        except ConfigError as error:
            raise CommandError(str(error)) from None


def read_machine(name: str, options: Pairs) -> Machine:
    """Raises ConfigError, one line that names the machine or the option."""

    def extended(parent: str) -> str:
        return read_text(os.path.join(os.path.dirname(name), parent), "machine model")

    try:
        if name.endswith(".toml"):
            return loads(read_text(name, "machine model"), name, options=dict(options), read=extended)
        return load(name, options=dict(options))
    except (MachineError, CommandError) as error:
        raise ConfigError(str(error)) from None


def known_rules(ids: tuple[str, ...], place: str, ignoring: bool = False) -> tuple[str, ...]:
    """The ids and prefixes as they are, if each of them means a rule. Raises ConfigError."""
    if not ids:
        return ()
    from syncheck.detectors import RULES

    known = sorted({rule.id for rule in RULES} | set(OUTSIDE_DETECTORS))
    for text in ids:
        if text == "ALL":
            continue
        meant = [rule for rule in known if rule.startswith(text)]
        if not meant:
            raise ConfigError(f"{place}: no rule {text!r}{did_you_mean(text, known) or ' (see `syncheck rules`)'}")
        if ignoring and meant == [ALWAYS]:
            raise ConfigError(f"{place}: {ALWAYS} cannot be ignored: what was not understood was not checked")
    return tuple("" if text == "ALL" else text for text in ids)


def _last(*pairs: Iterable[tuple[str, str]]) -> Pairs:
    """For each name the last value, in the order the names first appear."""
    return tuple(dict(chain(*pairs)).items())


def _allowed(target: Target) -> int:
    return KERNEL_STATES if target.kind == "c++" else DEFAULT_STATES
