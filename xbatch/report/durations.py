"""How long steps take: what earlier runs and this one tell, and when a run may be expected to end."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from xbatch.run.journal import journal_path

__all__ = ["Durations", "past_durations", "remaining_s", "task_of"]

_ENOUGH = 5
_MOST_BYTES = 8 << 20
_DONE = b'"outcome":"done"'
_KNOWN_SHARE = 0.5


def task_of(step: str) -> str:
    """Give the task of a step by its name: ``fit`` of ``fit:powerlaw``."""
    return step.partition(":")[0]


class Durations:
    """How long steps took, by step and by task; those of this run and those of runs before it."""

    def __init__(self) -> None:
        self._steps: dict[str, float] = {}
        self._before: dict[str, tuple[int, float]] = {}
        self._now: dict[str, tuple[int, float]] = {}

    def add(self, step: str, seconds: float, before: bool = False) -> None:
        """Take in that a step took so many seconds, in this run or in one before it."""
        if not before or step not in self._steps:
            self._steps[step] = seconds
        sums = self._before if before else self._now
        count, total = sums.get(task_of(step), (0, 0.0))
        sums[task_of(step)] = count + 1, total + seconds

    def new_run(self) -> None:
        """Take all that is known as of runs before."""
        for task, (count, total) in self._now.items():
            old_count, old_total = self._before.get(task, (0, 0.0))
            self._before[task] = old_count + count, old_total + total
        self._now.clear()

    def of_task(self, task: str) -> float | None:
        """Give the mean of a task: of this run if enough have ended, else of runs before, else of what there is."""
        now, before = self._now.get(task), self._before.get(task)
        best = now if now is not None and (before is None or now[0] >= _ENOUGH) else before
        return best[1] / best[0] if best is not None else None

    def of_step(self, step: str) -> float | None:
        """Give what a step took the last time, else the mean of its task."""
        return self._steps.get(step, self.of_task(task_of(step)))

    def mean(self) -> float | None:
        """Give the mean of all steps: of this run, or as long as none has ended, of runs before."""
        for sums in (self._now, self._before):
            count = sum(count for count, _ in sums.values())
            if count:
                return sum(total for _, total in sums.values()) / count
        return None


def past_durations(run_dir: Path, end: int | None = None) -> list[tuple[str, float]]:
    """Give step and seconds of each success in a folder's journal, newest first; of a long journal, its last part.

    Parameters
    ----------
    run_dir : Path
    end : int, optional
        The byte before which to look; that of the journal's end by default.
    """
    found: list[tuple[str, float]] = []
    try:
        with journal_path(run_dir).open("rb") as stream:
            size = stream.seek(0, os.SEEK_END) if end is None else end
            start = stream.seek(max(0, size - _MOST_BYTES))
            lines = stream.read(size - start).split(b"\n")
    except OSError:
        return found
    for line in reversed(lines):
        if _DONE not in line:
            continue
        try:
            entry = json.loads(line)
            found.append((str(entry["step"]), float(entry["seconds"])))
        except (ValueError, KeyError, TypeError):  # half a line
            continue
    return found


def remaining_s(
    waiting: Mapping[str, int], running: Mapping[str, float], durations: Durations, jobs: int
) -> float | None:
    """Estimate how many seconds a run still needs.

    The work left over is shared by all jobs; a run cannot be shorter than what its longest running step still needs. A
    step that has already run for longer than expected is taken to need a quarter of its time more.

    Parameters
    ----------
    waiting : Mapping of str to int
        Task to the number of its steps that have not begun; with the name empty, steps of no known task.
    running : Mapping of str to float
        Step to the seconds for which it has been running.
    durations : Durations
    jobs : int
        How many steps may run at once.

    Returns
    -------
    float or None
        None as long as too little is known: for less than half of the steps that are left, and no mean to fall back on.
    """
    left: list[float] = []
    work = 0.0
    known = total = 0
    mean = durations.mean()
    for step, elapsed in running.items():
        usual = durations.of_step(step)
        known, total = known + (usual is not None), total + 1
        expected = usual if usual is not None else mean
        left.append(expected - elapsed if expected is not None and expected > elapsed else elapsed / 4)
    for task, count in waiting.items():
        usual = durations.of_task(task) if task else mean
        known, total = known + count * (usual is not None), total + count
        work += count * (usual if usual is not None else mean or 0.0)
    if total == 0:
        return 0.0
    if known < _KNOWN_SHARE * total:
        return None
    return max((work + sum(left)) / max(1, min(jobs, total)), max(left, default=0.0))
