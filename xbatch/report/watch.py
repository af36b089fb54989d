"""The state of a run as its journal tells it, entry by entry: for who runs it and for who looks on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from xbatch.report.durations import Durations, remaining_s, task_of
from xbatch.run.result import OUTCOMES

__all__ = ["Ending", "Inputs", "Watch", "seconds_of"]

_COUNTS = ("files", "files_total", "bytes", "bytes_total")


def seconds_of(time: str) -> float:
    """Give an ISO time as seconds since 1970."""
    return datetime.fromisoformat(time).timestamp()


@dataclass(frozen=True)
class Ending:
    """How a step has ended: its outcome, how long it took, and what went wrong."""

    outcome: str
    seconds: float = 0.0
    message: str = ""


@dataclass(frozen=True)
class Inputs:
    """How far a run has come with reading its files from outside; the seconds are those since it began with it."""

    files: int
    files_total: int
    bytes: int
    bytes_total: int
    seconds: float

    @property
    def over(self) -> bool:
        """Whether all are read."""
        return self.files >= self.files_total


@dataclass
class Watch:
    """What is known of a run that goes on, or of the last one in a folder.

    Attributes
    ----------
    started, ended : str
        ISO, UTC; empty for not yet.
    facts : Mapping
        What the run said of itself when it began: ``name``, ``jobs``, ``process``, ``host``, ``tasks`` (task to number
        of steps).
    total : int
        How many steps there are.
    steps : dict
        Step to its end, in the order of the ends.
    running : dict
        Step to the time it was started (seconds since 1970).
    counts : Counter
        Outcome to number of steps.
    reading : Inputs or None
        How far it has come with reading its inputs, as long as it is at that and that takes long.
    message : str
        Why the run has stopped or is stopping.
    signal : int
        Which signal has stopped it, 0 for none.
    stopping : bool
        Whether it was asked to stop.
    most : int
        How many steps have run at once, at most.
    durations : Durations
    """

    started: str = ""
    ended: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    total: int = 0
    steps: dict[str, Ending] = field(default_factory=dict)
    running: dict[str, float] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    reading: Inputs | None = None
    message: str = ""
    signal: int = 0
    stopping: bool = False
    most: int = 0
    durations: Durations = field(default_factory=Durations)
    _tasks: Counter[str] = field(default_factory=Counter)

    def take(self, entry: Mapping[str, Any]) -> None:
        """Take in an entry of the journal; one that is not understood is passed over."""
        step = entry.get("step", "")
        match entry.get("event"):
            case "begin":
                self._begin(entry)
            case "reading":
                inputs = _inputs(entry)
                self.reading = None if inputs.over else inputs
            case "started":
                self.running[step] = seconds_of(entry["time"])
                self.most = max(self.most, len(self.running))
            case "lost":
                self.running.pop(step, None)
            case "ended" if entry.get("outcome") in OUTCOMES:
                self._end_step(step, entry)
            case "stopping":
                self.stopping, self.message, self.reading = True, entry.get("message", ""), None
            case "end":
                self.ended, self.reading = entry["time"], None
                self.message, self.signal = entry.get("message", ""), entry.get("signal", 0)

    def _begin(self, entry: Mapping[str, Any]) -> None:
        self.started, self.ended = entry["time"], ""
        self.facts = {key: entry[key] for key in ("name", "jobs", "process", "host", "tasks") if key in entry}
        self.total = entry.get("total", 0)
        self.message, self.signal, self.stopping, self.most, self.reading = "", 0, False, 0, None
        for known in (self.steps, self.running, self.counts, self._tasks):
            known.clear()
        self.durations.new_run()

    def _end_step(self, step: str, entry: Mapping[str, Any]) -> None:
        self.running.pop(step, None)
        if step in self.steps:
            return
        ending = Ending(entry["outcome"], entry.get("seconds", 0.0), entry.get("message", ""))
        self.steps[step] = ending
        self.counts[ending.outcome] += 1
        self._tasks[task_of(step)] += 1
        if ending.outcome == "done":
            self.durations.add(step, ending.seconds)

    @property
    def started_s(self) -> float:
        """When the run was begun, in seconds since 1970."""
        return seconds_of(self.started) if self.started else 0.0

    @property
    def jobs(self) -> int:
        """How many steps may run at once; if the run did not say it, how many did."""
        return int(self.facts.get("jobs", 0)) or max(1, self.most)

    def failed(self) -> dict[str, Ending]:
        """Give the steps that failed, in the order in which they did."""
        return {step: ending for step, ending in self.steps.items() if ending.outcome == "failed"}

    def elapsed(self, now: float) -> dict[str, float]:
        """Give the seconds for which each running step has been at it, the oldest first."""
        return {step: max(0.0, now - since) for step, since in sorted(self.running.items(), key=lambda item: item[1])}

    def remaining(self, now: float) -> float | None:
        """Estimate the seconds until the end; None while too little is known, or when it was asked to stop."""
        if self.stopping or self.ended or not self.started:
            return None
        waiting = Counter[str](self.facts.get("tasks", {}))
        if waiting:
            waiting.subtract(self._tasks)
            waiting.subtract(map(task_of, self.running))
        else:
            waiting = self._unnamed()
        return remaining_s(+waiting, self.elapsed(now), self.durations, self.jobs)

    def _unnamed(self) -> Counter[str]:
        """Count the steps that wait where the run did not say of which tasks they are: as of one with a mean length."""
        return Counter({"": self.total - len(self.steps) - len(self.running)})


def _inputs(entry: Mapping[str, Any]) -> Inputs:
    files, files_total, read, bytes_total = (entry.get(key, 0) for key in _COUNTS)
    return Inputs(files, files_total, read, bytes_total, entry.get("seconds", 0.0))
