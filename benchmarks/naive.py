"""What other engines do, to compare with: a clock for every event, every pair of accesses to one memory compared."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Iterable


def races(lines: Iterable[bytes]) -> int:
    """How many pairs of accesses on different pipes are not ordered; flags only, lines in a possible order."""
    agents: dict[tuple[str, str], int] = {}
    clocks: dict[int, dict[int, int]] = defaultdict(dict)
    counts: dict[int, int] = defaultdict(int)
    flags: dict[tuple[str, str, str, int], deque[dict[int, int]]] = defaultdict(deque)
    accesses: dict[str, list[tuple[int, int, dict[int, int], int, int, bool]]] = defaultdict(list)
    for line in lines:
        event = json.loads(line)
        core, op = event["core"], event["op"]
        if op == "pipe_barrier":
            agent = agents.setdefault((core, event["pipe"]), len(agents))
            clocks[agent] = {**clocks[agent], agent: counts[agent]}
            continue
        pipe = event["pipe"] if "pipe" in event else event["src" if op == "set_flag" else "dst"]
        agent = agents.setdefault((core, pipe), len(agents))
        counts[agent] += 1
        clock = dict(clocks[agent])
        if op in ("set_flag", "wait_flag"):
            queue = flags[core, event["src"], event["dst"], event["id"]]
            if op == "set_flag":
                queue.append({**clock, agent: counts[agent]})
            else:
                for other, count in queue.popleft().items():
                    clock[other] = max(count, clock.get(other, 0))
        clocks[agent] = clock
        for key in ("reads", "writes"):
            for space, start, stop in event.get(key, ()):
                page = space if space == "GM" else f"{core}:{space}"
                accesses[page].append((agent, counts[agent], clock, start, stop, key == "writes"))
    return sum(map(_pairs, accesses.values()))


def _pairs(items: list[tuple[int, int, dict[int, int], int, int, bool]]) -> int:
    found = 0
    for i, (agent, count, _, start, stop, writes) in enumerate(items):
        for other, _, clock, start_too, stop_too, writes_too in items[i + 1 :]:
            if (
                start < stop_too and start_too < stop and (writes or writes_too) and agent != other
                and clock.get(agent, 0) < count
            ):  # fmt: skip
                found += 1
    return found
