"""Files that grow while one looks: the journal of a run, the logs of its steps."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xbatch.report.screen import clean
from xbatch.run.products import log_path

__all__ = ["LastLines", "Tail", "last_place", "new_entries", "tail_lines"]

_LAST_BYTES = 4096
_CHUNK = 1 << 20
# What stands before a message of the package logging: level and logger.
_LOGGED = re.compile(r"^INFO [\w.]+: ")
# The clock of files may be a tick behind that of the journal.
_TICK_S = 0.05


class Tail:
    """Reads what is added to a file. A file that takes the place of another is read from its beginning.

    Parameters
    ----------
    path : Path
        It need not be there yet.
    not_before : float
        A file last changed before this time (seconds since 1970) is an old one, and is taken as not there.
    start : int
        The byte to begin with, in the file that is there at first.
    """

    def __init__(self, path: Path, not_before: float = 0.0, start: int = 0) -> None:
        self.path = path
        self._not_before = not_before - _TICK_S
        self._inode = 0
        self._place = start
        self._rest = b""

    def read(self) -> list[bytes]:
        """Give the whole lines that have come since the last time, without their ends."""
        try:
            with self.path.open("rb") as stream:
                status = os.fstat(stream.fileno())
                if status.st_mtime < self._not_before:
                    return []
                another = self._inode and status.st_ino != self._inode
                if another or status.st_size < self._place:
                    self._place, self._rest = 0, b""
                self._inode = status.st_ino
                stream.seek(self._place)
                data = stream.read()
        except OSError:
            return []
        self._place += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        return lines

    def rest(self) -> list[bytes]:
        """Give a last line without an end, if there is one."""
        rest, self._rest = self._rest, b""
        return [rest] if rest else []

    def last(self, count: int) -> list[bytes]:
        """Read all there is and give the last lines of it."""
        lines = self.read()
        return lines[-count:] if count else []


def new_entries(tail: Tail) -> Iterator[dict[str, Any]]:
    """Give the entries that were added to a journal; lines that are no entries are passed over."""
    for line in tail.read():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield entry


def last_place(path: Path, mark: bytes) -> int:
    """Give the byte where the last line begins that holds a mark; 0 if there is none.

    Parameters
    ----------
    path : Path
    mark : bytes
        Without a line's end.
    """
    try:
        with path.open("rb") as stream:
            end = stream.seek(0, os.SEEK_END)
            after = b""
            while end:
                start = max(0, end - _CHUNK)
                stream.seek(start)
                data = stream.read(end - start) + after
                found = data.rfind(mark)
                line = data.rfind(b"\n", 0, found) if found >= 0 else -1
                if line >= 0:
                    return start + line + 1
                # what may be the end of a mark, or the beginning of its line, is in the chunk before
                after, end = data if found >= 0 else data[: len(mark)], start
    except OSError:
        pass
    return 0


def tail_lines(path: Path, count: int) -> list[str]:
    """Give the last lines of a file; none if it cannot be read."""
    data = b""
    try:
        with path.open("rb") as stream:
            end = stream.seek(0, os.SEEK_END)
            while end and data.count(b"\n") <= count:
                start = max(0, end - _CHUNK)
                stream.seek(start)
                data = stream.read(end - start) + data
                end = start
    except OSError:
        return []
    lines = data.decode("utf-8", errors="replace").split("\n")
    if lines and not lines[-1]:
        lines.pop()
    return lines[-count:] if count else []


class LastLines:
    """The last lines of the logs of running steps, read only where a log has grown.

    Parameters
    ----------
    run_dir : Path
    """

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._known: dict[str, tuple[tuple[int, int], str]] = {}

    def get(self, step: str, started: float) -> str:
        """Give the last line that is not empty of what a step has said since it was started."""
        try:
            with log_path(self._run_dir, step).open("rb") as stream:
                status = os.fstat(stream.fileno())
                if status.st_mtime < started - _TICK_S:
                    return ""
                mark = status.st_ino, status.st_size
                known = self._known.get(step)
                if known is None or known[0] != mark:
                    stream.seek(max(0, status.st_size - _LAST_BYTES))
                    known = self._known[step] = mark, _last_line(stream.read())
        except OSError:
            return ""
        return known[1]


def _last_line(data: bytes) -> str:
    """Give the last line with anything in it; of one that was written over (as progress bars are), its last state."""
    for line in reversed(data.decode("utf-8", errors="replace").splitlines()):  # also at carriage returns
        said = _LOGGED.sub("", clean(line).strip())
        if said:
            return said
    return ""
