"""Files that are read by threads, to digest them, while the thread that asked for it does something else."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from xbatch.base.digest import DigestMemo, FileMark, Told
from xbatch.base.errors import FileError

__all__ = ["Reading", "SeenFile", "not_allowed", "unusable"]

_MOST_THREADS = 8  # more gain nothing where files come from a disk, and make one with a moving head slow
_END_S = 1.0
_NO_RIGHT = "Give yourself permission to read it and run again"
_GONE = "Put it back and run again"
_CURES = {errno.EACCES: _NO_RIGHT, errno.EPERM: _NO_RIGHT, errno.ENOENT: _GONE, errno.ENOTDIR: _GONE}
_CURE = "Put a whole copy of it there and run again"


@dataclass(frozen=True)
class SeenFile:
    """A file as it was when it was digested."""

    mark: FileMark
    digest: str


def unusable(path: str, error: FileError | OSError) -> FileError:
    """Say of a file why it cannot be read and what to do; what is said already stays."""
    if isinstance(error, FileError) and error.cure:
        return error
    cause = error.__cause__ if isinstance(error, FileError) else error
    number = cause.errno if isinstance(cause, OSError) else None
    what = error.what if isinstance(error, FileError) else f"cannot be read: {error.strerror or error}"
    return FileError(path, what, _CURE if number is None else _CURES.get(number, _CURE))


def not_allowed(path: str) -> FileError | None:
    """Say of a file that is there that it may not be read; None if it may."""
    if os.access(path, os.R_OK):
        return None
    return unusable(path, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))


class _LeftOffError(Exception):
    """The reading of a file was given up."""


class Reading(AbstractContextManager["Reading"]):
    """Digests files in the order given, several at a time: hashing releases the interpreter's lock.

    It begins at once; leaving the context ends it, in the middle of a file too. A file that cannot be read is told
    among the others, and holds up none of them.

    Parameters
    ----------
    sizes : Mapping of str to int
        Path to size in bytes of each file.
    memo : DigestMemo
    threads : int
        At most eight are used.

    Attributes
    ----------
    files, files_total : int
        How many files are read or cannot be, and how many there are.
    bytes, bytes_total : int
    """

    def __init__(self, sizes: Mapping[str, int], memo: DigestMemo, threads: int) -> None:
        self.files, self.files_total = 0, len(sizes)
        self.bytes, self.bytes_total = 0, sum(sizes.values())
        self._memo = memo
        self._left = iter(tuple(sizes.items()))
        self._changed = threading.Condition()
        self._news: dict[str, SeenFile | FileError] = {}
        self._wrong: Exception | None = None
        self._off = not sizes
        self._begun = time.monotonic()
        count = min(max(1, threads), _MOST_THREADS, len(sizes))
        self._threads = [threading.Thread(target=self._work, name="reading", daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    @property
    def going(self) -> bool:
        """Whether there is more to come: files, or what went wrong."""
        with self._changed:
            return not self._off and (bool(self._news) or self._wrong is not None or self.files < self.files_total)

    @property
    def seconds(self) -> float:
        """How long it has been going on."""
        return time.monotonic() - self._begun

    def wait(self, timeout: float) -> None:
        """Wait until all files are read, or for some seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._wrong is not None or self.files == self.files_total, timeout)

    def news(self) -> dict[str, SeenFile | FileError]:
        """Give the files that were digested since this was asked last, and why others cannot be: by path.

        What is no matter of one file is raised.
        """
        with self._changed:
            if self._wrong is not None:
                raise self._wrong
            news, self._news = self._news, {}
        return news

    def _work(self) -> None:
        while (following := self._next()) is not None:
            path, size = following
            count = _Count(self._add, size)
            found: SeenFile | FileError
            try:
                found = SeenFile(*self._memo.digest(Path(path), time.time_ns(), count.add))
            except _LeftOffError:
                return
            except (FileError, OSError) as error:
                found = unusable(path, error)
            except Exception as error:  # noqa: BLE001 - it is raised where somebody waits for it
                with self._changed:
                    self._wrong = self._wrong or error
                    self._changed.notify_all()
                return
            with self._changed:
                self._news[path] = found
                self.files += 1
                self.bytes += count.left
                self._changed.notify_all()

    def _next(self) -> tuple[str, int] | None:
        with self._changed:
            return None if self._off or self._wrong is not None else next(self._left, None)

    def _add(self, count: int) -> None:
        with self._changed:
            if self._off or self._wrong is not None:
                raise _LeftOffError
            self.bytes += count

    def close(self) -> None:
        """Read no further."""
        with self._changed:
            self._off = True
        for thread in self._threads:
            thread.join(_END_S)  # one that waits for a disk that does not answer is left to the end of the process

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Count:
    """Counts what is read of a file, which may be gone through twice, up to its size."""

    def __init__(self, told: Told, size: int) -> None:
        self._told = told
        self.left = size

    def add(self, count: int) -> None:
        """Take in that so many bytes were read."""
        count = min(count, self.left)
        self.left -= count
        self._told(count)
