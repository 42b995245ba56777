"""The text of an event script: where things stand in it, its comments and its `#line` directives.

The grammar knows neither comments nor directives: they are blanked out, so that every offset stays what it was.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import field

from syncheck.ir import Noted, Suppression
from syncheck.source import ASSUMED, Assumed, Problem, Span
from syncheck.value import Value, frozen

_NOTE = re.compile(r"^[ \t]*#[^\n]*|//[^\n]*|/\*.*?\*/|/\*", re.MULTILINE | re.DOTALL)
_DIRECTIVE = re.compile(r'[ \t]*#[ \t]*line[ \t]+([0-9]{1,9})(?:[ \t]+"([^"\n]+)")?[ \t]*(?://.*|/\*.*\*/[ \t]*)?\r?')
_REMARK = re.compile(r"//[ \t]*syncheck[ \t]*:[ \t]*(.*)")
_IGNORE = re.compile(r"ignore[ \t]*\[([^\]]*)\][ \t]*(.*)")
_EXIT = re.compile(r"exit[ \t]+(task|launch)")
_GAP = re.compile(r"gap[ \t]+(.+)")
_NOTED = re.compile(r"note[ \t]+(OVF001|MEM005|PRF001)[ \t]+(error|warning|info)[ \t]+(.+) \| (.+) \| (.+)")
_ASSUMED = re.compile(rf"assume[ \t]+({'|'.join(ASSUMED)})[ \t]+(.+)")
_RULE = re.compile(r"[A-Z]{3}[0-9]{3}")
_IGNORE_SHAPE = "// syncheck: ignore[RULE, …] reason"
_LINE_SHAPE = '#line N "file"'


@frozen
class Source(Value):
    """A script's text. Offsets count characters from 0.

    `moves` are (real line, line, file): the lines behind that real line count on from `line` of `file`.
    """

    path: str
    text: str
    starts: tuple[int, ...]
    moves: tuple[tuple[int, int, str], ...] = ()
    _lines: dict[int, tuple[str, int, str]] = field(default_factory=dict, compare=False, repr=False)

    def line_of(self, offset: int) -> int:
        return bisect_right(self.starts, offset)

    def span(self, start: int, stop: int) -> Span:
        """The stretch from `start` up to `stop`, cut at the end of its first line."""
        real = bisect_right(self.starts, start)
        first = self.starts[real - 1]
        cached = self._lines.get(real)
        if cached is None:
            cached = self._lines[real] = (*self._shown(real), self._line_text(real))
        path, line, text = cached
        column = start - first + 1
        end = max(min(stop - first, len(text)) + 1, column)
        if path == self.path and line == real:
            return Span(path, line, column, end, text)
        return Span(path, line, column, end, text, self.path, real)

    def code_at(self, offset: int) -> Span:
        """The first word at or behind an offset."""
        word = re.compile(r"\s*(\S+)?").match(self.text, offset)
        assert word is not None
        return self.span(*word.span(1)) if word[1] else self.span(offset, offset)

    def _line_text(self, real: int) -> str:
        stop = self.starts[real] if real < len(self.starts) else len(self.text)
        return self.text[self.starts[real - 1] : stop].rstrip("\r\n")

    def _shown(self, real: int) -> tuple[str, int]:
        at = bisect_right(self.moves, (real, -1, ""))  # a directive holds for the lines after its own
        if at == 0:
            return self.path, real
        origin, line, path = self.moves[at - 1]
        return path, line + real - origin - 1


@frozen
class Cleaned(Value):
    """A script without comments and directives: `code` has the same length and the same lines as the text."""

    source: Source
    code: str
    suppressions: tuple[Suppression, ...]
    problems: tuple[Problem, ...]
    noted: tuple[Noted, ...] = ()
    exit: str = ""
    assumed: tuple[Assumed, ...] = ()


def cleaned(text: str, path: str) -> Cleaned:
    """Take comments and directives out of `text` and say what they mean."""
    starts = (0, *(match.end() for match in re.finditer("\n", text)))
    notes = list(_NOTE.finditer(text))
    code, unclosed = _code(text, notes)
    source = Source(path, text, starts, tuple(_moves(notes, Source(path, text, starts))))
    problems = [] if unclosed is None else [_unclosed_comment(source, unclosed)]
    suppressions, noted, assumed, exit_ = [], [], [], ""
    for note in notes:
        if note[0].lstrip(" \t").startswith("#"):
            problems += _directive_problem(note, source)
            continue
        remark = _REMARK.match(note[0])
        if remark and (found := _NOTED.fullmatch(remark[1].rstrip())):
            noted.append(Noted(found[1], found[2], _whole(note, source), *found.groups()[2:]))
        elif remark and (said := _EXIT.fullmatch(remark[1].rstrip())):
            exit_ = said[1]
        elif remark and (taken := _ASSUMED.fullmatch(remark[1].rstrip())):
            assumed.append(Assumed(taken[1], taken[2], _whole(note, source)))
        elif remark and not remark[1].startswith("param"):
            problem, suppression = _remark(note, remark[1].rstrip(), source, code)
            problems += [problem] if problem else []
            suppressions += [suppression] if suppression else []
    return Cleaned(source, code, tuple(suppressions), tuple(problems), tuple(noted), exit_, tuple(assumed))


def _whole(note: re.Match[str], source: Source) -> Span:
    return source.span(note.start(), note.start() + len(note[0].rstrip()))


def _code(text: str, notes: list[re.Match[str]]) -> tuple[str, int | None]:
    """The text with its notes blanked out, and where a comment starts that never ends."""
    parts, at = [], 0
    for note in notes:
        unclosed = note[0] == "/*"
        stop = len(text) if unclosed else note.end()
        parts += [text[at : note.start()], blanked(text[note.start() : stop])]
        at = stop
        if unclosed:
            del notes[notes.index(note) :]
            return "".join(parts), note.start()
    return "".join((*parts, text[at:])), None


def blanked(text: str) -> str:
    """Spaces in place of everything but the ends of lines."""
    return re.sub(r"[^\n]", " ", text)


def _unclosed_comment(source: Source, start: int) -> Problem:
    return Problem(source.span(start, start + 2), "the comment that starts here never ends", "'*/'")


def _moves(notes: list[re.Match[str]], bare: Source) -> list[tuple[int, int, str]]:
    moves: list[tuple[int, int, str]] = []
    path = bare.path
    for note in notes:
        directive = _DIRECTIVE.fullmatch(note[0])
        if directive:
            path = directive[2] or path
            moves.append((bare.line_of(note.start()), int(directive[1]), path))
    return moves


def _directive_problem(note: re.Match[str], source: Source) -> list[Problem]:
    if _DIRECTIVE.fullmatch(note[0]):
        return []
    words = note[0].split()
    start = note.end() - len(note[0].lstrip(" \t"))
    span = source.span(start, start + len(note[0].strip()))
    if re.match(r"\s*#\s*line\b", note[0]):
        return [Problem(span, "malformed #line directive", _LINE_SHAPE)]
    name = words[0] if len(words[0]) > 1 or len(words) < 2 else "#" + words[1]
    return [Problem(span, f"unknown directive '{name}'", _LINE_SHAPE)]


def _remark(note: re.Match[str], said: str, source: Source, code: str) -> tuple[Problem | None, Suppression | None]:
    """What `// syncheck: …` asks for: a suppression, or why it is not one; a gap is a Problem as it stands."""
    span = _whole(note, source)
    gap = _GAP.fullmatch(said)
    if gap is not None:
        return Problem(span, gap[1]), None
    ignore = _IGNORE.fullmatch(said)
    if ignore is None:
        word = said.split("[", maxsplit=1)[0].split()[:1]
        message = "'ignore' needs the rules in brackets" if word == ["ignore"] else "unknown syncheck comment"
        return Problem(span, message, _IGNORE_SHAPE), None
    rules = [rule.strip() for rule in ignore[1].split(",")]
    for rule in rules:
        if not _RULE.fullmatch(rule):
            near = rule.upper() if _RULE.fullmatch(rule.upper()) else ""
            message = f"'{rule}' is not a rule id" if rule else "a rule id is missing in 'ignore[…]'"
            return Problem(span, message, "three letters and three digits, as in ignore[RAW001]", near), None
    target = _target(note, source, code)
    return None, Suppression(tuple(dict.fromkeys(rules)), ignore[2], span, target)


def _target(note: re.Match[str], source: Source, code: str) -> int:
    """The real line a suppression is about: its own if code precedes it there, else the next that holds code."""
    own = source.line_of(note.start())
    if code[source.starts[own - 1] : note.start()].strip():
        return own
    following = re.compile(r"\S").search(code, note.end())
    return source.line_of(following.start()) if following else own
