"""Where the statements of an event script begin and end, when the parser cannot say."""

from __future__ import annotations

import re

from syncheck.frontends.script_pieces import KEYWORDS, Piece


def statement_start(piece: Piece, at: int) -> int:
    """Where the statement that holds `at` begins; the semicolons of a `for` do not end it."""
    start, parentheses = piece.first, 0
    for mark in re.compile(r"[(){};]").finditer(piece.text, start, at):
        parentheses += (mark[0] == "(") - (mark[0] == ")")
        if mark[0] in "{}" or (mark[0] == ";" and parentheses <= 0):
            start, parentheses = mark.end(), 0
    blank = re.compile(r"\s*").match(piece.text, start)
    return min(blank.end() if blank else start, at)


def statement_end(piece: Piece, start: int, stuck: int) -> int:
    """Where the statement that begins at `start` ends: behind its semicolon or blocks. Parsing stopped at `stuck`."""
    text = piece.text
    inside = re.compile(r"[{}]").search(text, 0, start) is not None
    if not inside and piece.keyword in KEYWORDS:
        return len(text)
    at, ends = start, "[;{}]"
    if re.compile(r"(?:for|if|while|switch)\b").match(text, start):
        at, ends = _behind_header(text, start)
    mark = re.compile(ends).search(text, at)
    while mark and mark[0] == ";" and mark.start() < stuck:
        mark = re.compile(ends).search(text, mark.end())
    if mark is None:
        return len(text)
    if mark[0] == "{":
        return _behind_blocks(text, mark.start())
    return mark.end() if mark[0] == ";" else max(mark.start(), start)


def _behind_header(text: str, start: int) -> tuple[int, str]:
    """Where the body of a `for` or `if` begins and what can end it; without a closing parenthesis, only a block can."""
    depth = 0
    for mark in re.compile(r"[(){}]").finditer(text, start):
        if mark[0] in "{}":
            break
        depth += 1 if mark[0] == "(" else -1
        if depth <= 0:
            return mark.end(), "[;{}]"
    return start, "[{}]"


def _behind_blocks(text: str, at: int) -> int:
    """Behind the block that opens at `at`, and every `else { … }` that follows it."""
    depth = 0
    chain = re.compile(r"\s*else\b[^;{}]*(?=\{)")
    for mark in re.compile(r"[{}]").finditer(text, at):
        depth += 1 if mark[0] == "{" else -1
        if depth == 0 and not chain.match(text, mark.end()):
            return mark.end()
    return len(text)
