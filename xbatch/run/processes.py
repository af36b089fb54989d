"""How worker processes are started, and how they have ended.

On Linux they are forked from a nursery, which has imported the heavy modules once for all. Elsewhere each is a fresh
interpreter: macOS' libraries do not bear a fork. Either way a worker has one socket to the run, and a process group of
its own, which holds all that it starts.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from xbatch.run.nursery import COMMAND, FORK, REAP, STATUS
from xbatch.run.signals import kept_back

if TYPE_CHECKING:
    import subprocess

__all__ = ["Forking", "Spawning", "Starter", "kill_group", "make_starter"]

_PATIENCE_S = 10.0
# The interpreter begins without the caller's folder in its path (PYTHONSAFEPATH) and takes over that of the run.
_BEGIN = (
    "import json, socket, sys; sys.path[:] = json.loads(sys.argv[2]); "
    "channel = socket.socket(fileno=int(sys.argv[1])); "
)
# Loading modules makes much that stays and little garbage, and the nursery does nothing else.
_NURSERY = (
    f"import gc; gc.disable(); {_BEGIN}from xbatch.run.nursery import keep; keep(channel, json.loads(sys.argv[3]))"
)
_WORKER = f"{_BEGIN}from xbatch.run.worker import serve; serve(channel)"


class Starter(Protocol):
    """Starts workers."""

    def start(self) -> socket.socket:
        """Start a worker and give the run's end of its socket; its first message is its process number."""

    def reap(self, pid: int) -> int:
        """Wait for the end of a worker that dies; give its exit status, or less the number of the signal."""

    def close(self) -> None:
        """Kill all workers that are left, and what they have started."""


def make_starter(environment: Mapping[str, str], preload: Sequence[str]) -> Starter:
    """Choose the way that this system bears."""
    return Forking(environment, preload) if sys.platform == "linux" else Spawning(environment)


def kill_group(pid: int) -> None:
    """Kill a worker and all that it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


class Forking:
    """Has workers forked from a nursery.

    Parameters
    ----------
    environment : Mapping
        Variables beside those of this process.
    preload : sequence of str
        Modules that the nursery imports.
    """

    def __init__(self, environment: Mapping[str, str], preload: Sequence[str]) -> None:
        self._environment = environment
        self._preload = preload
        self._nursery: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def start(self) -> socket.socket:
        """Start a worker; a nursery that was killed is replaced."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self._open(), [COMMAND.pack(FORK, 0)], [theirs.fileno()])
            except OSError:
                self.close()
                socket.send_fds(self._open(), [COMMAND.pack(FORK, 0)], [theirs.fileno()])
        return ours

    def reap(self, pid: int) -> int:
        """Wait for the end of a worker; 0 where nobody can tell, because the nursery was killed too."""
        if self._control is None:
            return 0
        try:
            self._control.sendall(COMMAND.pack(REAP, pid))
            answer = self._control.recv(STATUS.size, socket.MSG_WAITALL)
        except OSError:
            return 0
        return int(STATUS.unpack(answer)[0]) if len(answer) == STATUS.size else 0

    def close(self) -> None:
        """Close the nursery, which kills the workers."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._nursery is not None:
            from subprocess import TimeoutExpired

            try:
                self._nursery.wait(_PATIENCE_S)
            except TimeoutExpired:
                self._nursery.kill()
                self._nursery.wait()
            self._nursery = None

    def _open(self) -> socket.socket:
        if self._control is None:
            self._control, theirs = socket.socketpair()
            with theirs:
                self._nursery = _interpreter(_NURSERY, theirs, self._environment, json.dumps(list(self._preload)))
        return self._control


class Spawning:
    """Starts each worker as an interpreter of its own.

    Parameters
    ----------
    environment : Mapping
        Variables beside those of this process.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._workers: dict[int, subprocess.Popen[bytes]] = {}

    def start(self) -> socket.socket:
        """Start a worker."""
        ours, theirs = socket.socketpair()
        with theirs:
            worker = _interpreter(_WORKER, theirs, self._environment)
        self._workers[worker.pid] = worker
        return ours

    def reap(self, pid: int) -> int:
        """Wait for the end of a worker."""
        return self._workers.pop(pid).wait()

    def close(self) -> None:
        """Kill the workers that are left."""
        for pid, worker in self._workers.items():
            kill_group(pid)
            worker.kill()  # one that has no group yet
            worker.wait()
        self._workers.clear()


def _interpreter(
    program: str, channel: socket.socket, environment: Mapping[str, str], *arguments: str
) -> subprocess.Popen[bytes]:
    import subprocess  # slow, and a run with nothing to do starts no process

    path = [entry or str(Path.cwd()) for entry in sys.path]
    with kept_back():
        return subprocess.Popen(
            [sys.executable, "-c", program, str(channel.fileno()), json.dumps(path), *arguments],
            stdin=subprocess.DEVNULL,
            env={**os.environ, **environment},
            pass_fds=[channel.fileno()],
        )
