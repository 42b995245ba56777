"""The preprocessor: one pass for each core type, local headers pasted in, and a map from each line to where it stands.

The vendor's headers are not needed: what they would define (address spaces, core qualifiers) is defined here, and a
header that cannot be found is left out and remembered.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pcpp

from syncheck.frontends.cpp.headers import LIBRARY, UNREAD

SPACES = {
    "__gm__": "GM", "__ubuf__": "UB", "__cbuf__": "L1", "__ca__": "L0A", "__cb__": "L0B", "__cc__": "L0C",
    "__biasbuf__": "BT", "__fbuf__": "FB",
}  # fmt: skip
"""Address space qualifiers: alignas(SPACE) is what the C++ grammar takes in their place."""

_QUALIFIERS = {
    **{name: f"alignas({space})" for name, space in SPACES.items()},
    "__aicore__": "", "AICORE": "", "__global__": "__declspec(global)", "__inline__": "inline", "__sync_alias__": "",
    "__sync_out__": "", "__sync_in__": "", "__simd_vf__": "__declspec(vf)", "__simt_vf__": "__declspec(vf)",
    "__VEC_SCOPE__": "", "__sk__": "", "PTO_INTERNAL": "inline", "PTO_INST": "inline", "__tf__": "", "__in__": "",
    "__out__": "", "__inout__": "", "__cce_scalar": "", "__no_simd_vf_fusion__": "", "__host_aicore__": "",
    "__force_inline__": "inline", "__always_inline__": "inline", "__noinline__": "", "AICORE_INLINE": "inline",
}  # fmt: skip

CUBE = {
    "__DAV_CUBE__": "1", "__DAV_C220_CUBE__": "1", "__CCE_AICORE_CUBE__": "1",
}  # fmt: skip
VECTOR = {
    "__DAV_VEC__": "1", "__DAV_C220_VEC__": "1", "__CCE_AICORE_VEC__": "1",
}  # fmt: skip
_A5 = {"__DAV_C220_CUBE__": "__DAV_C310_CUBE__", "__DAV_C220_VEC__": "__DAV_C310_VEC__"}
_MACHINES = {
    "a2a3": {"__NPU_ARCH__": "2201", "__CCE_AICORE__": "220", "__DAV_C220__": "1", "PTO_NPU_ARCH_A2A3": "1"},
    "a5": {"__NPU_ARCH__": "3510", "__CCE_AICORE__": "310", "__DAV_C310__": "1", "PTO_NPU_ARCH_A5": "1"},
}

Find = Callable[[str, str], "tuple[str, str] | None"]
"""(header as written, file that includes it) → (path, text), or None."""


@dataclass(slots=True)
class Source:
    """Preprocessed text. `places[k]` is (path, line) of its line k + 1; `texts` are the files by path, by lines."""

    text: str
    places: list[tuple[str, int]]
    texts: dict[str, list[str]]
    missing: list[str] = field(default_factory=list)
    errors: list[tuple[str, int, str]] = field(default_factory=list)
    undefined: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Macros that a condition asks for and that nothing defines, with the first line that asks."""


def macros_for(core: str, machine: str) -> dict[str, str]:
    """What the compiler defines for one core type (AIC or AIV) of a machine."""
    defined = dict(CUBE if core == "AIC" else VECTOR)
    if machine == "a5":
        defined = {_A5.get(name, name): value for name, value in defined.items()}
    arch = _MACHINES.get(machine, _MACHINES["a2a3"])
    return {**arch, **defined, "__CCE__": "1", "__CCE_IS_AICORE__": "1", "__cplusplus": "201703L", "MEMORY_BASE": "1"}


class _Preprocessor(pcpp.Preprocessor):  # type: ignore[misc]
    """pcpp with our includes, and with its complaints kept."""

    def __init__(self, find: Find, found: Source) -> None:
        super().__init__()
        self._find, self._found = find, found
        self.source: str = ""
        self.line_directive = None
        self.rewrite_paths: list[tuple[str, str]] = []
        self._active: list[str] = []

    def on_include_not_found(self, is_malformed: bool, is_system_include: bool, curdir: str, includepath: str) -> None:
        if includepath not in self._found.missing:
            self._found.missing.append(includepath)
        raise pcpp.OutputDirective(pcpp.Action.IgnoreAndRemove)

    def on_error(self, file: str, line: int, msg: str) -> None:
        self._found.errors.append((file, line, " ".join(msg.split())))

    def on_directive_handle(self, directive: Any, toks: Any, ifpassthru: bool, precedingtoks: Any) -> Any:
        if directive.value in ("define", "undef"):
            named = next((tok.value for tok in toks if tok.type == "CPP_ID"), "")
            if named in _QUALIFIERS:
                raise pcpp.OutputDirective(pcpp.Action.IgnoreAndRemove)
        if directive.value == "pragma" and _PACKED.search("".join(tok.value for tok in toks)):
            self.on_error(str(directive.source), directive.lineno, "how members are packed is not followed")
        if directive.value in ("pragma", "warning", "error"):
            raise pcpp.OutputDirective(pcpp.Action.IgnoreAndRemove)
        return super().on_directive_handle(directive, toks, ifpassthru, precedingtoks)

    def on_unknown_macro_in_defined_expr(self, tok: Any) -> bool:
        self._found.undefined.setdefault(tok.value, (str(self.source), tok.lineno))
        return False

    def on_unknown_macro_in_expr(self, ident: str) -> int:
        self._found.undefined.setdefault(ident, (str(self.source), 0))
        return 0

    def on_unknown_macro_function_in_expr(self, ident: str) -> Any:
        return lambda *_: 0

    def include(self, tokens: Any, original_line: Any = None) -> Any:
        """The tokens of an included file; a second time only if nothing guards against that."""
        written = "".join(tok.value for tok in tokens).strip()
        match = re.match(r'[<"]([^>"]*)[>"]', written)
        name = match.group(1) if match else written
        found = None if name.startswith(LIBRARY) else self._find(name, str(self.source))
        if found is None:
            self.on_include_not_found(False, written.startswith("<"), "", name)
        assert found is not None
        path, text = found
        if UNREAD in path.replace(os.sep, "/"):
            self.on_include_not_found(False, False, "", name)
        if path in self._active or (path in self._found.texts and self._guarded(text)):
            return
        self._found.texts[path] = text.split("\n")
        before: str = self.source
        self._active.append(path)
        yield from self.parsegen(text, path, path)
        self._active.pop()
        self.source = before

    def _guarded(self, text: str) -> bool:
        """Whether a header that was read before says nothing the second time."""
        match = _GUARD.match(text)
        return match is not None and (match.group(1) is None or match.group(1) in self.macros)


_GUARD = re.compile(r"(?:\s|/\*.*?\*/|//[^\n]*\n)*#\s*(?:pragma\s+once|ifndef\s+(\w+))", re.DOTALL)
"""How a header begins that is read once."""

LAUNCH = "syncheck_launch"
"""`kernel<<<blocks, …>>>(a, b)` is read as `syncheck_launch(kernel, blocks, a, b)`."""
_LAUNCH = re.compile(r"([A-Za-z_][\w:]*\s*(?:<[^;{}()]*>)?)\s*<<<([^;{}]*?)>>>\s*\((\s*\))?", re.DOTALL)


def _launched(match: re.Match[str]) -> str:
    lines = "\n" * match.group(0).count("\n")
    name = " ".join(match.group(1).split())
    blocks = " ".join(_first(match.group(2)).split()) or "0"
    return f"{LAUNCH}({name}, {blocks}{')' if match.group(3) else ', '}{lines}"


_PACKED = re.compile(r"pack\s*\(.*\b[124]\s*\)")
"""Members closer to each other than they lie by themselves (at multiples of at most 8)."""


def _first(listed: str) -> str:
    """What stands before the first comma that is in no brackets."""
    depth = 0
    for place, letter in enumerate(listed):
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and not depth:
            return listed[:place]
    return listed


def preprocess(text: str, path: str, macros: Iterable[tuple[str, str]], find: Find) -> Source:
    """One pass. Never raises for what the text says: what the preprocessor cannot read is in `errors`."""
    found = Source("", [], {path: text.split("\n")})
    engine = _Preprocessor(find, found)
    for name, value in [*_QUALIFIERS.items(), *macros]:
        engine.define(f"{name} {value}")
    engine.parse(text, path)
    pieces: list[str] = []
    places: list[tuple[str, int]] = [(path, 1)]
    fresh = True
    try:
        while (token := engine.token()) is not None:
            value = token.value
            if fresh and value.strip():
                places[-1] = (getattr(token, "source", "") or places[-1][0], token.lineno)
                fresh = False
            pieces.append(value)
            for _ in range(value.count("\n")):
                places.append((places[-1][0], places[-1][1] + 1))
                fresh = True
    except Exception as error:  # the library's own mistakes must not become ours
        found.errors.append((path, places[-1][1], f"the preprocessor gave up: {error}"))
    given = {os.path.abspath(name): name for name in found.texts}  # the library makes paths absolute
    asked = ((name, place) for name, place in found.undefined.items() if name not in engine.macros)
    found.undefined = {name: (given.get(file, file), line) for name, (file, line) in asked}
    text = "".join(pieces)
    found.text = _LAUNCH.sub(_launched, text) if "<<<" in text else text
    found.places = [(given.get(name, name), line) for name, line in places]
    return found
