"""Declarations of memory in event scripts: tensors, tiles and FIFOs."""

from __future__ import annotations

from dataclasses import field

from lark import Token, Tree

from syncheck.frontends.script_expressions import Expressions
from syncheck.frontends.script_fold import fold
from syncheck.frontends.script_names import DTYPES, SPACES, Child, Cursor, Names, Node, trees, word
from syncheck.ir import Const, Expr, Fifo, Tensor, Tile
from syncheck.source import Problem
from syncheck.value import Record, mutable

DIRECTIONS = ("C2V", "V2C", "C2V_GM", "V2C_GM")
SPLITS = ("none", "up_down", "left_right")
_WORDS = {"split": SPLITS, "back_pressure": ("on", "off"), "record": ("auto", "manual")}
_SIZES = ("slots", "local_slots", "local_stride", "period")
_SETTINGS = (
    "slots",
    "flag",
    "local",
    "local_slots",
    "local_stride",
    "split",
    "back_pressure",
    "record",
    "wait_from",
    "period",
    "instead_of",
)
_REQUIRED = ("slots", "flag", "local")
_TILE_SPACES = tuple(space for space in SPACES if space != "GM")


@mutable
class _Settings(Record):
    """The parts of one FIFO, as far as they were read."""

    values: dict[str, Expr] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    space: str = "UB"
    others: tuple[str, ...] = ()


@mutable
class Memory(Record):
    """Lowers tensors, tiles and FIFOs, and remembers them in `names.objects`."""

    names: Names
    cursor: Cursor
    expressions: Expressions

    def tensor(self, node: Node) -> Tensor:
        name, dtype, shape, stride, view, at = node.children
        span = self.cursor.span(name)
        self._one_of(word(dtype), "type", DTYPES)
        sizes = self._shape(shape)
        offset: Expr = Const(0)
        if view is not None:
            self._declared(word(view), "tensor")
            if view == name:
                raise self.cursor.refuse(view, f"'{name}' is a view of itself", "another tensor")
        if isinstance(at, Tree):
            offset = self._amount(at.children[0], "an offset", 0)
        apart = None if stride is None else self._amount(stride, "a stride", 0)
        if apart is not None and len(sizes) != 2:
            raise self.cursor.refuse(stride, f"'{name}' has {len(sizes)} dimensions", "a stride with two dimensions")
        made = Tensor(str(word(name)), str(dtype), sizes, span, str(view or ""), offset, apart)
        self.names.objects[made.name] = made
        return made

    def cyclic_views(self, tensors: tuple[Tensor, ...]) -> dict[str, Problem]:
        """The tensors that are views of themselves through others."""
        of = {tensor.name: tensor.view_of for tensor in tensors}
        settled: set[str] = {""}
        cyclic: dict[str, Problem] = {}
        for tensor in tensors:
            path: list[str] = []
            name = tensor.name
            while name in of and name not in settled and name not in path:
                path.append(name)
                name = of[name]
            if name in path:
                message = f"'{tensor.name}' is a view of itself"
                cyclic[tensor.name] = Problem(tensor.span, message, "a tensor that is not a view of this one")
            settled.update(path)
        return cyclic

    def tile(self, node: Node) -> Tile:
        name, slots, space, dtype, shape, *places = node.children
        self._one_of(word(space), "space", _TILE_SPACES)
        self._one_of(word(dtype), "type", DTYPES)
        sizes = self._shape(shape)
        count = Const(1) if slots is None else self._amount(slots, "a number of slots", 1)
        address: Expr | None = None
        source, aliases = "", list[str]()
        for place in places:
            assert isinstance(place, Tree)
            if place.data == "alias":
                aliases += [str(self._alias(word(one), word(name))) for one in place.children]
            elif address is not None or source:
                raise self.cursor.refuse(place, f"'{name}' has two places", "one 'at' or one 'from'")
            elif place.data == "at":
                address = self._amount(place.children[0], "an address", 0)
            else:
                source = str(self._declared(word(place.children[0]), "fifo"))
        if address is None and not source and slots is not None:
            raise self.cursor.refuse(name, f"'{name}' has slots, but no address", "'at' and an address")
        made = Tile(
            str(name), str(space), str(dtype), sizes, address, self.cursor.span(name), count, tuple(aliases), source
        )
        self.names.objects[made.name] = made
        return made

    def fifo(self, node: Node) -> Fifo:
        name, direction, dtype = (word(child) for child in node.children[:3])
        self._one_of(direction, "direction", DIRECTIONS)
        self._one_of(dtype, "type", DTYPES)
        shape = self._shape(node.children[3])
        settings = _Settings()
        for setting in trees(node)[1:]:
            self._setting(setting, settings)
        missing = [part for part in _REQUIRED if part not in settings.values]
        if missing:
            listed = " and ".join(f"'{part}'" for part in missing)
            example = {"slots": "slots = 2;", "flag": "flag = 0;", "local": "local = UB at 0x0;"}
            raise self.cursor.refuse(
                name, f"the FIFO '{name}' lacks {listed}", " ".join(example[part] for part in missing)
            )
        made = self._made(name, direction, dtype, shape, settings)
        self.names.objects[made.name] = made
        return made

    def _made(self, name: Token, direction: Token, dtype: Token, shape: tuple[Expr, ...], given: _Settings) -> Fifo:
        values, words = given.values, given.words
        return Fifo(
            str(name), str(direction), str(dtype), shape, self.cursor.span(name),
            slots=values["slots"],
            flag=values["flag"],
            local_space=given.space,
            local_address=values["local"],
            local_slots=values.get("local_slots", Const(2)),
            local_stride=values.get("local_stride"),
            split=words.get("split", "none"),
            back_pressure=words.get("back_pressure", "on") == "on",
            record_auto=words.get("record", "auto") == "auto",
            wait_from=values.get("wait_from"),
            period=values.get("period"),
            instead_of=given.others,
        )  # fmt: skip

    def _setting(self, node: Node, settings: _Settings) -> None:
        key, value, *more, at = word(node.children[0]), *node.children[1:]
        self._one_of(key, "FIFO setting", _SETTINGS)
        if key in settings.values or key in settings.words:
            raise self.cursor.refuse(key, f"'{key}' is set twice", "one value")
        if more and key != "instead_of":
            raise self.cursor.refuse(more[0], f"'{key}' has one value", f"{key} = value;")
        if at is not None and key != "local":
            raise self.cursor.refuse(at, f"'{key}' has no address", f"{key} = value;")
        if key in _WORDS:
            if not isinstance(value, Token):
                raise self.cursor.refuse(value, f"unknown value of '{key}'", ", ".join(_WORDS[key]))
            self._one_of(value, f"value of '{key}'", _WORDS[key])
            settings.words[str(key)] = str(value)
        elif key == "instead_of":
            if not isinstance(value, Token):
                raise self.cursor.refuse(value, "this is no FIFO", "the name of a FIFO")
            settings.others = tuple(str(self._declared(word(one), "fifo")) for one in (value, *more))
            settings.words[str(key)] = ""
        elif key == "local":
            if not isinstance(value, Token) or not isinstance(at, Tree):
                raise self.cursor.refuse(
                    value, "the local ring is given by a space and an address", "local = UB at 0x0;"
                )
            self._one_of(value, "space", _TILE_SPACES)
            settings.space, settings.values["local"] = str(value), self._amount(at.children[0], "an address", 0)
        else:
            settings.values[str(key)] = self._amount(value, f"'{key}'", int(key in _SIZES))

    def _one_of(self, token: Token, kind: str, known: tuple[str, ...]) -> None:
        if token not in known:
            raise self.cursor.unknown(token, kind, known, ", ".join(known))

    def _declared(self, token: Token, kind: str) -> Token:
        """The name of a tile, tensor or FIFO."""
        there = self.names.memory.get(token)
        if there is not None and there.kind == kind:
            return token
        if there is None and token in self.names.broken:
            return token
        known = tuple(name for name, one in self.names.memory.items() if one.kind == kind)
        shown = "FIFO" if kind == "fifo" else kind
        raise self.cursor.unknown(token, shown, known, f"a declared {shown}")

    def _alias(self, token: Token, name: Token) -> Token:
        if token == name:
            raise self.cursor.refuse(token, f"'{name}' is an alias of itself", "another tile")
        return self._declared(token, "tile")

    def _shape(self, node: Child) -> tuple[Expr, ...]:
        assert isinstance(node, Tree)
        return tuple(self._amount(child, "a size", 1) for child in node.children)

    def _amount(self, node: Child, what: str, least: int) -> Expr:
        """A number that must not be less than `least` where the text alone decides it."""
        expression = self.expressions.value(node)
        value = fold(expression, self.names.numbers)
        if value is not None and value < least:
            raise self.cursor.refuse(node, f"{what} of {value} makes no sense", f"{least} or more")
        return expression
