"""What a run prints, one module a format. A reporter is a pure function from a Report to a string.

A format's module is imported when the format is asked for: JSON never pays for rich.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field

from syncheck.finding import Report
from syncheck.value import Value, frozen


@frozen
class Options(Value):
    """How to print. `width` in terminal cells; `rules` (id → one-line summary) describes the rules in SARIF.

    `help_uri` is where a rule is documented, with `{rule}` for its id; "" if nowhere. Text looks at the first five,
    SARIF at the last two.
    """

    width: int = 80
    color: bool = False
    verbose: bool = False
    hyperlinks: bool = False
    ascii: bool = False
    rules: Mapping[str, str] = field(default_factory=dict)
    help_uri: str = ""


Renderer = Callable[[Report, Options], str]


def _text(report: Report, options: Options) -> str:
    from syncheck.reporters import text

    return text.render(
        report,
        options.width,
        options.color,
        verbose=options.verbose,
        hyperlinks=options.hyperlinks,
        ascii=options.ascii,
    )


def _concise(report: Report, options: Options) -> str:
    from syncheck.reporters import concise

    return concise.render(report)


def _json(report: Report, options: Options) -> str:
    from syncheck.reporters import json_document

    return json_document.render(report)


def _json_lines(report: Report, options: Options) -> str:
    from syncheck.reporters import json_lines

    return json_lines.render(report)


def _sarif(report: Report, options: Options) -> str:
    from syncheck.reporters import sarif

    return sarif.render(report, options.rules, options.help_uri)


def _github(report: Report, options: Options) -> str:
    from syncheck.reporters import github

    return github.render(report)


def _gitlab(report: Report, options: Options) -> str:
    from syncheck.reporters import gitlab

    return gitlab.render(report)


def _junit(report: Report, options: Options) -> str:
    from syncheck.reporters import junit

    return junit.render(report)


FORMATS: dict[str, Renderer] = {
    "text": _text,
    "concise": _concise,
    "json": _json,
    "json-lines": _json_lines,
    "sarif": _sarif,
    "github": _github,
    "gitlab": _gitlab,
    "junit": _junit,
}


def render(
    format: str,
    report: Report,
    *,
    width: int = 80,
    color: bool = False,
    verbose: bool = False,
    hyperlinks: bool = False,
    ascii: bool = False,
    rules: Mapping[str, str] | None = None,
    help_uri: str = "",
) -> str:
    """The report in `format`, ending in a newline ("" if there is nothing to say). KeyError for an unknown format."""
    options = Options(width, color, verbose, hyperlinks, ascii, rules or {}, help_uri)
    return FORMATS[format](report, options)
