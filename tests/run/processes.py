"""Processes that a test has started, or that were started for it, and how they end."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import psutil

__all__ = ["begun_by", "children", "gone"]


def children(before: Collection[int] = ()) -> set[int]:
    """Give the processes that were started from this one, all generations, but for those that were there before."""
    return {one.pid for one in psutil.Process().children(recursive=True)} - set(before)


def gone(pid: int, seconds: float = 30.0, seen: float = math.inf) -> bool:
    """Wait until a process is no more, at most for some seconds; a zombie is none.

    Numbers are used again: one that was started after the time `seen` (seconds since 1970) is another process.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            process = psutil.Process(pid)
            # the system knows the second in which it was started itself, and counts from there
            if process.status() == psutil.STATUS_ZOMBIE or process.create_time() > seen + 2.0:
                return True
        except psutil.NoSuchProcess:
            return True
        if time.monotonic() >= end:
            return False
        time.sleep(0.02)


def begun_by(mark: Path) -> Iterator[float]:
    """Give time limits in s, longer and longer, for what leaves a file when it begins, and is to be ended by its limit.

    The last is the first by whose end the file is there: how soon something begins on a busy machine, nobody knows.
    """
    for limit in (1.5, 6.0, 24.0, 96.0):
        yield limit
        if mark.exists() and mark.read_text():
            return
    raise AssertionError(f"{mark} is not there")
