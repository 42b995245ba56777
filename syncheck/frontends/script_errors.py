"""What is wrong where the parser of event scripts stopped, and how much text to leave out to go on behind it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from lark import Token, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from syncheck.frontends.script_lines import Source
from syncheck.frontends.script_pieces import KEYWORDS, Piece
from syncheck.frontends.script_recovery import statement_end, statement_start
from syncheck.source import Problem
from syncheck.value import Value, frozen

_WORD = re.compile(r"[A-Za-z_]\w*")
_TOKEN = re.compile(
    r"[A-Za-z_]\w*|0[xX][0-9a-fA-F]+|[0-9]+(?:\.[0-9]+)?f?|::|\.\.|<<|>>|&&|\|\||[-+*/%&|^<>=!]=|\+\+|--|\S"
)
_STATEMENT = re.compile(r"(?:if|for|return|break|continue|let|instr)\b|[A-Za-z_]\w*(?:\s*\.\s*\w+)?\s*\(")
_TYPES = {"int", "auto", "uint32_t", "int32_t", "uint64_t", "int64_t", "size_t", "uint16_t", "event_t", "float", "bool"}
_CASTS = ("static_cast", "reinterpret_cast", "const_cast", "dynamic_cast")
FOREIGN = {
    "while": "for (i = 0; i < n; i += 1) { … }",
    "do": "for (i = 0; i < n; i += 1) { … }",
    "switch": "if (…) { … } else { … }",
    "case": "if (…) { … } else { … }",
    "goto": "if, else and for",
    "const": "let x = …;",
    "else": "an if in front of it",
}
_SHOWN = {
    "NAME": "a name",
    "NUMBER": "a number",
    "SEMICOLON": "';'",
    "RPAR": "')'",
    "RSQB": "']'",
    "LPAR": "'('",
    "LSQB": "'['",
    "LBRACE": "'{'",
    "RBRACE": "'}'",
    "COMMA": "','",
    "COLON": "':'",
    "EQUAL": "'='",
    "DOT": "'.'",
    "__ANON_0": "'..'",
    "$END": "the end of the declaration",
}
_OPERATORS = {"BINARY", "PLUS", "MINUS", "QMARK", "AUGMENT", "INCREMENT", "NOT"}


@frozen
class Mistake(Value):
    """A Problem, and the stretch of the piece's text to leave out."""

    problem: Problem
    start: int
    stop: int


def nearest(name: str, names: Iterable[str], alike: float = 0.6) -> str:
    """The name most like `name`, or ""."""
    if len(name) > 100:
        return ""
    known = sorted(set(names))
    found = get_close_matches(name, known, 1, alike)
    if not found:  # `pipe_v` for `PIPE_V`
        folded = {one.lower(): one for one in reversed(known)}
        found = [folded[one] for one in get_close_matches(name.lower(), sorted(folded), 1, max(alike, 0.75))]
    return found[0] if found else ""


@frozen
class _Place(Value):
    """Where the parser stopped: `at` the first character it could not use, `before` the end of what it could use."""

    piece: Piece
    at: int
    allowed: frozenset[str]

    @property
    def text(self) -> str:
        return self.piece.text

    @property
    def token(self) -> str:
        found = _TOKEN.match(self.text, self.at)
        return found[0] if found else ""

    @property
    def before(self) -> int:
        return len(self.text[: self.at].rstrip())

    @property
    def last(self) -> str:
        """The token in front of the place."""
        line = self.text[max(self.text.rfind("\n", 0, self.before), self.before - 200, 0) : self.before]
        tokens = _TOKEN.findall(line)
        return tokens[-1] if tokens else ""

    @property
    def apart(self) -> bool:
        """Whether a line ends in front of the place."""
        return "\n" in self.text[self.before : self.at]


def mistake(error: UnexpectedInput, piece: Piece, source: Source) -> Mistake:
    """What `error` says about the piece, in the words of the language."""
    place = _place(error, piece)
    start = statement_start(piece, place.at)
    for look in (_foreign, _outside, _unclosed, _cast, _semicolon, _comparison, _word):
        found = look(place, start)
        if found:
            break
    else:
        found = _unexpected(place)
    begin, end, problem = found
    span = source.span(piece.start + begin, piece.start + min(end, max(begin + 1, len(place.text))))
    told = Problem(span, *problem)
    if place.before > start and place.token != "else" and (look is _semicolon or (look is _unclosed and place.apart)):
        return Mistake(told, start, place.before)
    return Mistake(told, start, statement_end(piece, start, place.at))


_Found = tuple[int, int, tuple[str, str, str]]


def _place(error: UnexpectedInput, piece: Piece) -> _Place:
    allowed: Iterable[str] = ()
    at = len(piece.text.rstrip())
    if isinstance(error, UnexpectedToken):
        allowed = error.accepts or error.expected or ()
        token = error.token
        if isinstance(token, Token) and token.type != "$END" and token.start_pos is not None:
            at = token.start_pos
    elif isinstance(error, UnexpectedCharacters):
        parser = getattr(error, "interactive_parser", None)
        allowed = parser.accepts() if parser is not None else error.allowed or ()
        at = error.pos_in_stream or 0
    return _Place(piece, at, frozenset(allowed))


def _foreign(place: _Place, start: int) -> _Found | None:
    """Words of C++ that event scripts do not have."""
    word = _WORD.match(place.text, start)
    if word and word[0] in FOREIGN and start > place.piece.first:
        message = "'else' without an 'if'" if word[0] == "else" else f"event scripts have no '{word[0]}'"
        return word.start(), word.end(), (message, FOREIGN[word[0]], "")
    for cast in re.compile(r"\b(?:" + "|".join(_CASTS) + r")\b").finditer(place.text, start, place.at + 20):
        return cast.start(), cast.end(), (f"event scripts have no '{cast[0]}'", "the bare expression", "")
    return None


def _outside(place: _Place, start: int) -> _Found | None:
    """Mistakes in the first word of a declaration."""
    word = _WORD.match(place.text, place.at)
    if place.at != place.piece.first or place.piece.keyword in KEYWORDS:
        return None
    if _STATEMENT.match(place.text, place.at) and not nearest(place.piece.keyword, ("core", "def")):
        end = word.end() if word else place.at + 1
        return place.at, end, ("a statement stands outside of every core and def", "core AIC { … }", "")
    if word:
        message = f"unknown declaration '{word[0]}'"
        return place.at, word.end(), (message, ", ".join(KEYWORDS), nearest(word[0], KEYWORDS))
    return None


def _unclosed(place: _Place, start: int) -> _Found | None:
    if not (place.apart or place.token in (";", "{", "}", "")) or not place.allowed & {"RPAR", "RSQB", "COMMA"}:
        return None
    opened: list[int] = []
    for mark in re.compile(r"[()\[\]]").finditer(place.text, start, place.at):
        if mark[0] in "([":
            opened.append(mark.start())
        elif opened:
            opened.pop()
    if not opened:
        return None
    sign = place.text[opened[-1]]
    return opened[-1], opened[-1] + 1, (f"'{sign}' is never closed", "')'" if sign == "(" else "']'", "")


def _lacks_semicolon(place: _Place) -> bool:
    if not place.allowed & {"SEMICOLON"} or place.before == 0:
        return False
    return place.apart or place.token in ("}", "") or (place.last == ")" and _WORD.match(place.token) is not None)


def _semicolon(place: _Place, start: int) -> _Found | None:
    if not _lacks_semicolon(place):
        return None
    return place.before, place.before + 1, (f"expected ';' after '{place.last}'", "';'", "")


def _comparison(place: _Place, start: int) -> _Found | None:
    if place.token != "=" or ("SEMICOLON" in place.allowed and place.text[start : start + 3] != "for"):
        return None
    if not re.match(r"(?:if|for)\b|(?:let\s+)?\w+\s*=", place.text[start : place.at]):
        return None
    return place.at, place.at + 1, ("'=' assigns, it does not compare", "'=='", "==")


def _cast(place: _Place, start: int) -> _Found | None:
    """`(uint32_t)x` and `0.5`."""
    line = place.text[place.text.rfind("\n", 0, place.at) + 1 : place.at].rstrip()
    cast = re.search(r"\(\s*(\w+)\s*\)$", line[-100:])
    if cast and (cast[1] in _TYPES or cast[1].endswith("_t")):
        begin = place.at - (len(place.text[: place.at]) - place.before) - len(cast[0])
        return begin, place.before, (f"event scripts have no casts, '{cast[0]}'", "the bare expression", "")
    if place.token == "." and line[-1:].isdigit():
        begin = place.at - len(line) + len(line.rstrip("0123456789"))
        number = re.compile(r"[0-9.]+f?").match(place.text, begin)
        end = number.end() if number else place.at + 1
        message = f"'{place.text[begin:end]}' is not an integer"
        return begin, end, (message, "an integer expression, or 'any' where the value does not matter", "any")
    return None


def _word(place: _Place, start: int) -> _Found | None:
    """A keyword where a name should be, and a misspelt keyword."""
    if not place.token or not _WORD.match(place.token):
        return None
    end = place.at + len(place.token)
    words = [name.lower() for name in place.allowed if name.isalpha() and name not in _OPERATORS and name not in _SHOWN]
    near = nearest(place.token, words)
    if near:
        return place.at, end, (f"unexpected '{place.token}'", f"'{near}'", near)
    return None


def _unexpected(place: _Place) -> _Found:
    if place.at >= len(place.text.rstrip()):
        end = place.before
        return max(end - 1, 0), end, (f"the declaration ends after '{place.last}'", _expected(place), "")
    token = place.token
    what = f"unexpected '{token}'" if token.isprintable() else f"unexpected character U+{ord(token[0]):04X}"
    behind = f" after '{place.last}'" if place.last and place.before > 0 else ""
    return place.at, place.at + max(len(token), 1), (what + behind, _expected(place), "")


def _expected(place: _Place) -> str:
    """What the parser would have taken, in words."""
    allowed = place.allowed
    shown = {_SHOWN.get(name, f"'{name.lower()}'") for name in allowed - _OPERATORS if not name.startswith("__")}
    if "NUMBER" in allowed:
        shown = {"an expression"}
    elif allowed & {"BINARY"}:
        shown |= {"an operator"}
    if "FOR" in allowed:
        shown = {"a statement"}
    if "PARAM" in allowed:
        shown = {"a declaration"}
    return " or ".join(sorted(shown)[:5])
