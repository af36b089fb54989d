"""The last run of a folder as one looks on from outside: its journal, who holds the folder, what is expected."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from xbatch.report.durations import past_durations
from xbatch.report.follow import LastLines, Tail, last_place, new_entries
from xbatch.report.watch import Watch
from xbatch.run.journal import journal_path
from xbatch.run.lock import held_by
from xbatch.run.products import log_path

__all__ = ["STATUS_VERSION", "Looker", "iso"]

STATUS_VERSION = 1
"""Version of the form that `Looker.as_dict` gives."""

# A journal may tell of many runs before the last.
_BEGIN = b'"event":"begin"'

State = Literal["running", "ended", "cut off"]


def iso(seconds: float) -> str:
    """Give seconds since 1970 as ISO time in UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class Looker:
    """Looks at a run's folder, again and again.

    Parameters
    ----------
    run_dir : Path
    clock : callable
        Seconds since 1970.

    Attributes
    ----------
    watch : Watch
    owner : str
        Who holds the folder (``process 123 on host``); empty for nobody.
    """

    def __init__(self, run_dir: Path, clock: Callable[[], float] = time.time) -> None:
        self.run_dir = run_dir
        self.watch = Watch()
        self.owner = ""
        self._clock = clock
        path = journal_path(run_dir)
        start = last_place(path, _BEGIN)
        self._tail = Tail(path, start=start)
        for step, seconds in past_durations(run_dir, start):
            self.watch.durations.add(step, seconds, before=True)
        self._logs = LastLines(run_dir)

    def look(self) -> list[dict[str, Any]]:
        """Take in what is new, and give the new entries of the journal."""
        entries: list[dict[str, Any]] = []
        for _ in range(2):
            self.owner = held_by(self.run_dir)  # first: what a run writes before it lets go is read then
            new = list(new_entries(self._tail))
            for entry in new:
                self.watch.take(entry)
            entries += new
            if self.owner or self.watch.ended or not self.watch.started:
                break  # else it may have begun, or begun and ended, since it was asked who holds the folder
        return entries

    @property
    def state(self) -> State:
        """What the run is at: one that nobody holds and that has not told its end was cut off."""
        if self.watch.ended:
            return "ended"
        return "running" if self.owner else "cut off"

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.state != "running"

    @property
    def ok(self) -> bool:
        """Whether each step has a result."""
        counts = self.watch.counts
        good = counts["done"] + counts["up to date"]
        return self.state == "ended" and good == sum(counts.values()) and not self.watch.signal

    def said(self, step: str) -> str:
        """Give the last line of a running step's log."""
        since = self.watch.running.get(step)
        return self._logs.get(step, since) if since is not None else ""

    def now(self) -> float:
        """Give the time, in seconds since 1970."""
        return self._clock()

    def as_dict(self) -> dict[str, Any]:
        """Give all as JSON-able data."""
        watch, now = self.watch, self._clock()
        alive = self.state == "running"
        left = watch.remaining(now) if alive else None
        return {
            "status": STATUS_VERSION,
            "run": str(self.run_dir),
            "name": watch.facts.get("name"),
            "state": self.state,
            "held_by": self.owner or None,
            "started": watch.started,
            "ended": watch.ended or None,
            "message": watch.message,
            "stopping": watch.stopping and alive,
            "total": watch.total,
            "counts": dict(watch.counts),
            "reading": None if watch.reading is None or not alive else vars(watch.reading),
            "remaining_s": None if left is None else round(left, 1),
            "expected_end": None if left is None else iso(now + left),
            "running": [
                {
                    "name": step,
                    "started": iso(watch.running[step]),
                    "seconds": round(elapsed, 1) if alive else None,
                    "log": str(log_path(self.run_dir, step)),
                    "last_line": self.said(step),
                }
                for step, elapsed in watch.elapsed(now).items()
            ],
            "steps": [
                {"name": step, "outcome": end.outcome, "seconds": end.seconds, "message": end.message}
                for step, end in watch.steps.items()
            ],
        }
