"""Whole process: `syncheck --help` and one script, time and peak memory; and which imports take how long.

python benchmarks/startup.py [--repeat 5]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "fixtures" / "seeds" / "pr708.sync"
SHOWN_IMPORTS = 12


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5)
    repeat = parser.parse_args().repeat
    print(f"{'process':<44}{'seconds':>9}{'peak MB':>9}")
    processes = {"python -c pass": [], "--help": ["--help"], "check pr708.sync": ["check", str(SCRIPT)]}
    for name, arguments in processes.items():
        command = [sys.executable, "-m", "syncheck", *arguments] if arguments else [sys.executable, "-c", "pass"]
        runs = [_process(command) for _ in range(repeat)]
        print(f"{name:<44}{min(time for time, _ in runs):>9.3f}{min(peak for _, peak in runs):>9.0f}")
    print(f"\nimports of `check {SCRIPT.name}`, each without what it imports itself")
    for micros, module in _imports(["check", str(SCRIPT)])[:SHOWN_IMPORTS]:
        print(f"  {module:<42}{micros / 1000:>9.1f} ms")


def _process(command: list[str]) -> tuple[float, float]:
    """Wall time and peak memory of one process."""
    started = perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)
    _, _, usage = os.wait4(process.pid, 0)
    return perf_counter() - started, usage.ru_maxrss / 1024


def _imports(arguments: list[str]) -> list[tuple[int, str]]:
    command = [sys.executable, "-X", "importtime", "-m", "syncheck", *arguments]
    lines = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT).stderr.splitlines()
    found = []
    for line in lines:
        parts = line.removeprefix("import time:").split("|")
        if len(parts) == 3 and parts[0].strip().isdigit():
            found.append((int(parts[0]), parts[2].strip()))
    return sorted(found, reverse=True)


if __name__ == "__main__":
    main()
