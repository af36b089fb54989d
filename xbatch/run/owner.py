"""Which process a folder belongs to, and whether that process still lives."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["Owner", "this_process"]


@dataclass(frozen=True)
class Owner:
    """A process: its host, its number there, and when it was started (a number can be used again)."""

    host: str
    pid: int
    started: str

    def text(self) -> str:
        """Give the owner as one word that can be a folder's name."""
        return f"{self.host}~{self.pid}~{self.started}"

    @staticmethod
    def parse(text: str) -> Owner | None:
        """Read what `text` gave; None for anything else."""
        host, _, rest = text.partition("~")
        pid, _, started = rest.partition("~")
        return Owner(host, int(pid), started) if host and pid.isdigit() and started else None

    def is_here(self) -> bool:
        """Tell whether the process is, or was, one of this host."""
        return self.host == _host()

    def is_dead(self) -> bool:
        """Tell whether the process is surely gone; of one on another host nothing is sure."""
        if not self.is_here():
            return False
        return _started(self.pid) != self.started


def this_process() -> Owner:
    """Name the process that asks."""
    return Owner(_host(), os.getpid(), _started(os.getpid()))


@cache
def _host() -> str:
    return os.uname().nodename.replace("~", "-").replace("/", "-") or "localhost"


def _started(pid: int) -> str:
    """Give the start time of a process in the system's own form, empty if there is no such process.

    Linux counts clock ticks since the boot, in field 22 of ``/proc/PID/stat`` (proc(5)); the name in field 2 may hold
    blanks and brackets. Zombies are dead.
    """
    if Path("/proc/self/stat").exists():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if fields[0] in "ZX" else fields[19]
    import psutil

    try:
        return str(int(psutil.Process(pid).create_time()))
    except psutil.Error:
        return ""
