"""What the terminal is like, and writing to it: width, colour, progress, reports that arrive whole or not at all."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from typing import TextIO

from syncheck.cli_arguments import CommandError

PLAIN_WIDTH = 100
QUIET_SECONDS = 1.0


def width(to_file: bool = False) -> int:
    """Columns of the terminal, or of COLUMNS, or 100: piped reports do not depend on the window they were made in."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns[:6]):
        return max(40, int(columns[:6]))
    if not to_file and _is_terminal(sys.stdout):
        with contextlib.suppress(OSError, ValueError):
            return max(40, os.get_terminal_size(sys.stdout.fileno()).columns)
    return PLAIN_WIDTH


def color(when: str, to_file: bool = False) -> bool:
    """--color beats NO_COLOR beats FORCE_COLOR beats what the output is."""
    if when != "auto":
        return when == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if to_file:
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return os.environ.get("TERM") != "dumb" and _is_terminal(sys.stdout)


def links() -> bool:
    """May places in the report be links? Only on a terminal, and not in a CI log, which shows the escapes."""
    return _is_terminal(sys.stdout) and not os.environ.get("CI")


def unicode() -> bool:
    """Can standard output show the lines and arrows of the pictures?"""
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("_", "-")
    return encoding.startswith("utf")


def on_terminal() -> bool:
    """Whether the report goes to someone who looks at it now."""
    return _is_terminal(sys.stdout)


def say(line: str) -> None:
    """One line on stderr."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            print(f"syncheck: {_printable(line)}", file=sys.stderr)


def put(text: str) -> None:
    """The report on standard output. A reader that went away is no error; a full disk is a CommandError."""
    if sys.stdout is None or not text:
        return
    try:
        _write(sys.stdout, text if text.endswith("\n") else text + "\n")
    except BrokenPipeError:
        _abandon_output()
    except OSError as error:
        _abandon_output()
        raise CommandError(f"cannot write the report: {error.strerror}") from None


def put_file(path: str, text: str) -> None:
    """The report in a file, replaced in one step. Devices and pipes are written to as they are."""
    try:
        place = os.path.realpath(path)
        if os.path.exists(place) and not os.path.isfile(place):
            with open(place, "w", encoding="utf-8", errors="backslashreplace") as stream:
                stream.write(text)
        else:
            _replace(place, text)
    except OSError as error:
        raise CommandError(f"{path}: cannot write: {error.strerror}") from None


def _replace(path: str, text: str) -> None:
    import tempfile

    mode = os.stat(path).st_mode & 0o777 if os.path.exists(path) else 0o666 & ~_umask()
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".syncheck-")
    try:
        with open(handle, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
            stream.write(text)
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _write(stream: TextIO, text: str) -> None:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def _abandon_output() -> None:
    """Nothing more can be written: keep the interpreter from complaining about it at exit."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _printable(line: str) -> str:
    """One line whatever is in it: file names may hold anything."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in line)


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


class Progress:
    """A line on stderr for work that takes longer than a second, only on a terminal; gone when the work is done."""

    def __init__(self, total: int, verb: str = "checking") -> None:
        self._verb = verb
        self._total, self._done, self._name = total, 0, ""
        self._start = time.monotonic()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Progress:
        if _is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb":
            self._thread = threading.Thread(target=self._draw, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()

    def at(self, done: int, name: str) -> None:
        self._done, self._name = done, name

    def _draw(self) -> None:
        if self._stop.wait(QUIET_SECONDS):
            return
        while True:
            seconds = time.monotonic() - self._start
            line = f"{self._verb} {self._done + 1}/{self._total}  {self._name}  {seconds:.0f} s"
            sys.stderr.write(f"\r\x1b[2K{_printable(line)[:78]}")
            sys.stderr.flush()
            if self._stop.wait(0.25):
                break
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()
