"""Places as SARIF writes them."""

from __future__ import annotations

import re
from urllib.parse import quote

from syncheck.finding import Label
from syncheck.reporters.entries import Json, readable
from syncheck.source import Span

_DRIVE = re.compile(r"[A-Za-z]:/")


def location(label: Label, number: int | None = None, text: str = "") -> dict[str, Json]:
    """A location object; `number` is its id, which a message may refer to."""
    place: dict[str, Json] = {
        "physicalLocation": {"artifactLocation": artifact(label.span.path), "region": _region(label.span)}
    }
    if label.core or label.pipe:
        agent = " ".join(filter(None, (label.core, label.pipe)))
        place["logicalLocations"] = [{"name": agent, "fullyQualifiedName": "/".join((agent, *label.frames))}]
    if number is not None:
        place["id"] = number
    if text:
        place["message"] = {"text": text}
    return place


def artifact(path: str) -> dict[str, Json]:
    """A relative path is relative to the root of the sources; an absolute one is a file URI."""
    slashed = readable(path).replace("\\", "/").removeprefix("./")
    if _DRIVE.match(slashed):
        return {"uri": f"file:///{quote(slashed, safe='/:')}"}
    if slashed.startswith("/"):
        return {"uri": f"file://{quote(slashed)}"}
    return {"uri": quote(slashed), "uriBaseId": "%SRCROOT%"}


def _region(span: Span) -> dict[str, Json]:
    found: dict[str, Json] = {"startLine": max(span.line, 1), "startColumn": max(span.column, 1)}
    if span.end_column > span.column:
        found["endColumn"] = span.end_column
    if span.text:
        found["snippet"] = {"text": span.text}
    return found
