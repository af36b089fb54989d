"""What a run knows of its files from outside, while some of them are still being read.

The run looks at all of them at first, so that one that is missing is told before any is read. Those that are not
remembered are read by threads, in the order of the plan, and a step begins as soon as its own are known: the reduction
of one observation does not wait for a hundred others. Nor does it fail with them: a file that cannot be read is the end
of the steps that read it alone, at once, whatever else they read.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType

from xbatch.base.digest import DigestMemo
from xbatch.base.errors import FileError
from xbatch.plan.steps import FileInput, Plan
from xbatch.run.inputs import look_over, outside_files
from xbatch.run.reading import Reading, SeenFile

__all__ = ["Intake"]

_PATIENCE_S = 0.5
_EVERY_S = 1.0
_LOOK_S = 0.05


class Intake(AbstractContextManager["Intake"]):
    """The files that the steps of a plan read.

    Only the run's thread uses it. What takes less than half a second is waited for, with no word about it.

    Parameters
    ----------
    plan : Plan
    memo : DigestMemo
    threads : int
    stop : callable
        Asked now and then whether not to wait any longer.

    Attributes
    ----------
    seen : dict
        Path to file, of those that are known.
    digests : dict
        Path to content digest of the same.
    faults : dict
        Path to what is wrong, of those that cannot be read.
    """

    def __init__(
        self, plan: Plan, memo: DigestMemo, threads: int, stop: Callable[[], bool], patience: float = _PATIENCE_S
    ) -> None:
        found = look_over(outside_files(plan), memo)
        self.seen: dict[str, SeenFile] = found.seen
        self.digests = {path: file.digest for path, file in found.seen.items()}
        self.faults: dict[str, FileError] = found.faults
        self._readers: dict[str, list[str]] = {}
        self._open: dict[str, int] = {}
        for step in plan if found.unread else ():
            files = {source.path for source in step.inputs.values() if isinstance(source, FileInput)}
            unread = files & found.unread.keys()
            if unread and not files & found.faults.keys():
                self._open[step.name] = len(unread)
                for path in unread:
                    self._readers.setdefault(path, []).append(step.name)
        self._told_at: float | None = None
        self._reading = Reading(found.unread, memo, threads)
        try:
            until = time.monotonic() + patience
            while self.going and time.monotonic() < until and not stop():
                self._reading.wait(_LOOK_S)
                self.take()
        except BaseException:
            self._reading.close()
            raise

    @property
    def unread(self) -> frozenset[str]:
        """The steps some of whose files are not known yet, while all others can be read."""
        return frozenset(self._open)

    @property
    def going(self) -> bool:
        """Whether files are still being read."""
        return self._reading.going

    def take(self) -> list[str]:
        """Take in what was read since, and give the steps that can be judged now.

        These are the steps whose files are all known, and those of which one cannot be read.
        """
        free = []
        for path, file in self._reading.news().items():
            if isinstance(file, FileError):
                self.faults[path] = file
            else:
                self.seen[path] = file
                self.digests[path] = file.digest
            for step in self._readers.pop(path, ()):
                if step not in self._open:
                    continue  # another of its files cannot be read
                self._open[step] -= 1
                if not self._open[step] or path in self.faults:
                    del self._open[step]
                    free.append(step)
        return free

    def progress(self) -> dict[str, float] | None:
        """Say how far it has come, about once a second while it goes on and once at its end; None for nothing new."""
        reading, now = self._reading, time.monotonic()
        if self.going:
            if self._told_at is not None and now < self._told_at + _EVERY_S:
                return None
        elif self._told_at is None or reading.files < reading.files_total:
            return None
        self._told_at = now if self.going else None
        return {
            "files": reading.files,
            "files_total": reading.files_total,
            "bytes": reading.bytes,
            "bytes_total": reading.bytes_total,
            "seconds": round(reading.seconds, 3),
        }

    def close(self) -> None:
        """Read no further."""
        self._reading.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
