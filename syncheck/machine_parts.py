"""The parts of a machine besides its instructions: memory, flags, FIFOs, options; and how the options change them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from syncheck.machine_file import CORES, MachineError, Table, did_you_mean, pipes_of
from syncheck.machine_types import (
    CostRow,
    FifoLowering,
    FlagPair,
    Handshake,
    Hidden,
    Option,
    Reserved,
    Space,
    Wrapper,
)

HAZARDS = ("RAW", "WAR", "WAW")


UNREAD = "nothing yet"
"""`used_by` of an option whose first value is how the checker takes it, whatever is said: no other is accepted."""


def effective_options(
    said: Table, overrides: Sequence[str], options: Mapping[str, str], path: str
) -> tuple[tuple[Option, ...], dict[str, str]]:
    """The options a model has and their values. Raises MachineError for a name or value that does not exist, and for
    a value that nothing would follow."""
    table = tuple(
        Option(
            name, tuple(row["values"]), row["default"], row.get("meaning", ""), row.get("source", path),
            row.get("confidence", "certain"), row.get("used_by", ""),
        )
        for name, row in said.items()
    )  # fmt: skip
    chosen = {option.name: option.default for option in table}
    allowed = {option.name: option.values for option in table}
    for name, value in (*_split(overrides), *options.items()):
        if name not in allowed:
            raise MachineError(f"option {name!r}: no such option; {did_you_mean(name, allowed)}")
        if value not in allowed[name]:
            raise MachineError(f"option {name}: {value!r} is no value; expected one of {' '.join(allowed[name])}")
        chosen[name] = value
    for option in table:
        if option.used_by == UNREAD and chosen[option.name] != option.values[0]:
            text = f"option {option.name}={chosen[option.name]}"
            raise MachineError(f"{text}: nothing reads it yet, and the verdict would be that of {option.values[0]!r}")
    return table, chosen


def _split(overrides: Sequence[str]) -> list[tuple[str, str]]:
    for text in overrides:
        if "=" not in text:
            raise MachineError(f"option {text!r}: expected name=value")
    return [(name.strip(), value.strip()) for name, _, value in (text.partition("=") for text in overrides)]


class Parts:
    """Reads the sections of a complete, checked model, with the options decided."""

    def __init__(self, whole: Table, options: Mapping[str, str]) -> None:
        self.whole, self.options = whole, options

    def section(self, name: str) -> Table:
        found = self.whole.get(name, {})
        return found if isinstance(found, dict) else {}

    def chosen(self, text: str) -> str:
        return self.options.get(text[1:-1], text) if text.startswith("{") else text

    def all_pipes(self) -> tuple[str, ...]:
        return pipes_of(self.whole)

    def pipes(self) -> dict[str, tuple[str, ...]]:
        return {core: tuple(self.section("pipes").get(core, ())) for core in CORES}

    def spaces(self) -> dict[str, Space]:
        return {
            name: Space(name, row["bytes"], row["align"], row["core"], row.get("source", ""))
            for name, row in self.section("spaces").items()
        }

    def hidden(self) -> dict[str, Hidden]:
        return {
            name: Hidden(
                name,
                row["space"],
                row["start"],
                row["stop"],
                row.get("source", ""),
                row.get("bytes_per_row", 0),
                row.get("rows_at_once", 1),
            )
            for name, row in self.section("hidden").items()
        }

    def in_order(self) -> frozenset[str]:
        pipes = set(self.section("in_order").get("pipes", ()))
        forced = self.options.get("v_inorder", "auto")
        if forced != "auto":
            pipes = pipes | {"V"} if forced == "on" else pipes - {"V"}
        return frozenset(pipes)

    def same_pipe(self) -> dict[tuple[str, str], str]:
        said, policy, in_order = self.section("same_pipe"), self.options.get("same_pipe", "vendor"), self.in_order()
        found: dict[tuple[str, str], str] = {}
        for pipe in self.all_pipes():
            for hazard in HAZARDS:
                severity = said.get(pipe, {}).get(hazard, "warning")
                if (pipe, hazard) == ("MTE2", "WAW"):
                    severity = self.options.get("mte2_waw", severity)
                severity = {"strict": "error", "off": "off"}.get(policy, severity)
                found[pipe, hazard] = "off" if pipe in in_order else severity
        return found

    def queue_depth(self) -> dict[str, int]:
        return {pipe: depth for pipe, depth in self.section("queue_depth").items() if pipe != "source"}

    def reserved(self, section: str) -> tuple[Reserved, ...]:
        rows = self.section(section).get("reserved", [])
        return tuple(Reserved(row["low"], row["high"], row.get("owner", ""), row.get("source", "")) for row in rows)

    def intra_ids(self) -> tuple[int, int] | None:
        cross = self.section("cross")
        return (cross["intra_low"], cross["intra_high"]) if "intra_high" in cross else None

    def wrappers(self) -> tuple[Wrapper, ...]:
        rows = self.whole.get("wrappers", [])
        return tuple(Wrapper(tuple(row["patterns"]), row["prefix"], row.get("source", "")) for row in rows)

    def flag_pairs(self) -> dict[tuple[str, str, str], FlagPair]:
        documents_only = self.options.get("aic_s_pairs") == "doc"
        found: dict[tuple[str, str, str], FlagPair] = {}
        for row in self.whole.get("flag_pairs", []):
            status = "illegal" if documents_only and row["status"] == "accepted" else row["status"]
            for pair in row["pairs"].split():
                src, _, dst = pair.partition(">")
                key = (row["core"], src, dst)
                found[key] = FlagPair(src, dst, row["core"], status, row.get("source", ""), row.get("notes", ""))
        return found

    def costs(self) -> dict[str, CostRow]:
        return {
            name: CostRow(name, row["rate"], row.get("unit", "bytes"), row["startup"], row.get("source", ""))
            for name, row in self.section("cost").items()
        }

    def fifo(self) -> dict[str, FifoLowering]:
        return {direction: self._fifo(direction, row) for direction, row in self.section("fifo").items()}

    def _fifo(self, direction: str, row: Table) -> FifoLowering:
        said: dict[str, Any] = {"lane_stride": 0, "split_selects_lanes": False, "both_offset": 0, "full_period_to": 2}
        said |= {"primed": "none", "source": "", **row}
        for step in ("allocate", "record", "wait", "free"):
            said[step] = Handshake(said[step]["pipe"], said[step]["flag"])
        said["store"] = tuple(self.chosen(said["store"]).split("+"))
        said["primed"] = self.chosen(said["primed"])
        return FifoLowering(direction=direction, **said)

    def sources(self) -> dict[str, str]:
        flat = ("pipes", "in_order", "queue_depth", "mad", "events", "cross")
        found = {name: self.section(name)["source"] for name in flat if "source" in self.section(name)}
        rows = self.section("same_pipe").items()
        return found | {f"same_pipe.{pipe}": row["source"] for pipe, row in rows if "source" in row}
