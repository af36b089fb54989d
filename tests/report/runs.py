"""Entries of a journal, a clock that is set by hand, and a terminal that keeps what it shows."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

START = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC).timestamp()
_CODE = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])")


@dataclass
class Clock:
    """Seconds since 1970, set by hand."""

    now: float = START

    def __call__(self) -> float:
        return self.now


def at(seconds: float) -> str:
    """Give the ISO time so many seconds after the start."""
    return datetime.fromtimestamp(START + seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def begin(total: int, seconds: float = 0.0, **facts: Any) -> dict[str, Any]:
    return {"event": "begin", "time": at(seconds), "ended": 0, "total": total, **facts}


def started(step: str, seconds: float = 0.0) -> dict[str, Any]:
    return {"event": "started", "time": at(seconds), "step": step}


def ended(
    step: str, outcome: str = "done", took: float = 1.5, message: str = "", seconds: float = 0.0
) -> dict[str, Any]:
    entry = {"event": "ended", "time": at(seconds), "step": step, "outcome": outcome, "seconds": took}
    return entry | ({"message": message} if message else {})


def end(seconds: float, **facts: Any) -> dict[str, Any]:
    return {"event": "end", "time": at(seconds), **facts}


@dataclass
class Terminal(io.StringIO):
    """A terminal of so many columns, without an end at its top; it breaks lines that are too long."""

    columns: int = 80
    rows: int = 24
    lines: list[str] = field(default_factory=lambda: [""])
    row: int = 0
    column: int = 0
    written: str = ""

    def isatty(self) -> bool:
        return True

    def size(self) -> tuple[int, int]:
        return self.columns, self.rows

    def write(self, text: str) -> int:
        self.written += text
        place = 0
        while place < len(text):
            code = _CODE.match(text, place)
            if code is not None:
                self._obey(code[1], code[2], code[3])
                place = code.end()
                continue
            self._put(text[place])
            place += 1
        return len(text)

    def _obey(self, private: str, number: str, letter: str) -> None:
        if private or letter == "m":
            return
        if letter == "A":
            self.row = max(0, self.row - int(number or 1))
        elif letter == "K":
            self.lines[self.row] = self.lines[self.row][: self.column]
        elif letter == "J":
            self.lines[self.row :] = [self.lines[self.row][: self.column]]
        else:
            raise AssertionError(f"unknown code {letter}")

    def _put(self, character: str) -> None:
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self._down()
        else:
            if self.column == self.columns:
                self._down()
            line = self.lines[self.row].ljust(self.column)
            self.lines[self.row] = line[: self.column] + character + line[self.column + 1 :]
            self.column += 1

    def _down(self) -> None:
        self.row, self.column = self.row + 1, 0
        if self.row == len(self.lines):
            self.lines.append("")

    def shown(self) -> list[str]:
        """Give the lines, without blanks at their ends and empty ones at the end."""
        found = [line.rstrip() for line in self.lines]
        while found and not found[-1]:
            found.pop()
        return found


def entries_of_a_run() -> Iterator[dict[str, Any]]:
    """Give a run of four steps: one up to date, one tried twice, one failed, one left out."""
    yield begin(4, jobs=2, tasks={"spectrum": 1, "group": 1, "fit": 1, "plot": 1})
    yield ended("spectrum:a", "up to date", 0.0)
    yield started("group:a", 1)
    yield {"event": "lost", "time": at(2), "step": "group:a", "message": "killed by SIGKILL; tried again"}
    yield started("group:a", 2)
    yield ended("group:a", "done", 1.5, seconds=4)
    yield started("fit:[red]a", 4)
    yield ended("fit:[red]a", "failed", 1.5, "f.pha: is empty", seconds=6)
    yield ended("plot:a", "skipped", 0.0, "needs fit:[red]a, which has no result", seconds=6)
    yield {"event": "stopping", "time": at(6), "message": "1 running"}
    yield end(7)
