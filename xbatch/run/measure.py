"""What a step cost, and what software it ran with."""

from __future__ import annotations

import os
import resource
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from xbatch.base.packages import installed

__all__ = ["Cost", "Meter", "environment", "now"]

_PACKAGES = ("xbatch", "numpy", "scipy", "astropy", "sherpa", "matplotlib", "pyyaml")


@dataclass(frozen=True)
class Cost:
    """Start and end (ISO, UTC), wall-clock and processor time in s, the largest memory in MB."""

    started: str
    ended: str
    wall_s: float
    cpu_s: float
    max_rss_mb: float


def now() -> str:
    """Give the time as ISO text in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Meter:
    """Measures this process, and the children that it has waited for, from its making to `read`."""

    def __init__(self) -> None:
        _forget_peak()
        self._started = now()
        self._wall = time.perf_counter()
        self._cpu = _cpu()

    def seconds(self) -> float:
        """Give the wall-clock time so far."""
        return round(time.perf_counter() - self._wall, 6)

    def read(self) -> Cost:
        """Give the cost so far."""
        return Cost(
            self._started,
            now(),
            self.seconds(),
            round(_cpu() - self._cpu, 6),
            round(_peak_mb(), 1),
        )


def _cpu() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _forget_peak() -> None:
    """Start the peak anew where the system can (Linux, proc(5) clear_refs); a worker does many steps."""
    with suppress(OSError):
        handle = os.open("/proc/self/clear_refs", os.O_WRONLY)
        try:
            os.write(handle, b"5")
        finally:
            os.close(handle)


def _peak_mb() -> float:
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage(2): bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1024**2


@cache
def environment() -> dict[str, Any]:
    """Name the Python, the system and the packages; those that are not installed are left out."""
    there = installed()
    return {
        "python": sys.version.split()[0],
        "platform": f"{os.uname().sysname} {os.uname().release} {os.uname().machine}",
        "packages": {name: there[name] for name in _PACKAGES if name in there},
    }
