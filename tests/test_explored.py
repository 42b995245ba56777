"""What the exploration of a small script finds, why it stops and how many states it takes, all exact.

`fixtures/explored.txt` holds scripts of which random ones were shortened for as long as they told the proof from one
with a mistake in it (docs/mutation.md): each begins with what is found, and ends before the next `// states:`.
`python tests/test_explored.py` writes anew what is found, for a change that is meant to change it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from futures import alike
from judging import Looked, Seen, look

EXPLORED = Path(__file__).parents[1] / "fixtures" / "explored.txt"


def scripts() -> list[str]:
    """The scripts, each with its first lines."""
    first, *others = EXPLORED.read_text(encoding="utf-8").split("// states: ")
    assert not first, "it begins with // states:"
    return [f"// states: {text}" for text in others]


def body(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("// "))


def outcome(looked: Looked) -> str:
    """The first lines of a script, from what was seen."""
    lines = [f"states: {looked.states}", *(f"bounded: {gap}" for gap in looked.gaps)]
    for name in Seen.__dataclass_fields__:
        found = getattr(looked.seen, name)
        if found is True:
            lines.append(f"{name}: yes")
        elif found:
            lines.append(f"{name}: {'; '.join(sorted(map(_told, found)))}")
    return "".join(f"// {line}\n" for line in lines)


def _told(found: object) -> str:
    """Places as `core:line`, an access as `core:line R`."""
    if isinstance(found, tuple) and isinstance(found[0], str):
        return f"{found[0]}:{found[1]}" + (f" {found[2]}" if len(found) > 2 else "")
    assert isinstance(found, tuple | frozenset)
    parts = list(map(_told, found))
    return " and ".join(parts if isinstance(found, tuple) else sorted(parts))


@pytest.mark.parametrize("number", range(len(scripts())))
def test_what_is_found(number: int) -> None:
    text = scripts()[number]
    assert outcome(look(body(text), states=120)) + body(text) == text


@pytest.mark.parametrize("number", range(len(scripts())))
def test_states_of_one_form_have_one_future(number: int) -> None:
    alike(body(scripts()[number]), 20)


if __name__ == "__main__":
    parts = [body(text) for text in scripts()]
    EXPLORED.write_text("".join(outcome(look(text, states=120)) + text for text in parts), encoding="utf-8")
