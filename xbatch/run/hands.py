"""What a Dask worker does for a run: each of its threads has steps done by a process of ours, as on one machine.

So a step that is killed, hangs or leaks costs the Dask worker nothing, and it finds the same surroundings as anywhere:
one thread for sums, a fixed order of sets, a process group that is ended with it, a log of its own.
"""

from __future__ import annotations

import os
import pickle
import secrets
import shutil
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from xbatch import __version__
from xbatch.run.letters import Answer, Order
from xbatch.run.measure import environment
from xbatch.run.pool import Finished, Lost, Pool
from xbatch.run.processes import Starter, make_starter

__all__ = ["Hands", "Probe", "Sight"]

_REST_S = 60.0


@dataclass(frozen=True)
class Probe:
    """A file that the run has left in a folder that every worker must see.

    Attributes
    ----------
    folder, file : Path
    text : str
        What is in the file.
    option : str
        The option that names the folder.
    """

    folder: Path
    file: Path
    text: str
    option: str


@dataclass(frozen=True)
class Sight:
    """What a Dask worker is and sees.

    Attributes
    ----------
    host, python, xbatch : str
    packages : Mapping of str to str
    fault : str
        Why it cannot work for the run; empty if it can.
    """

    host: str
    python: str
    xbatch: str
    packages: Mapping[str, str] = field(default_factory=dict)
    fault: str = ""


class Hands:
    """The processes of one Dask worker for one run.

    Parameters
    ----------
    temporary : Path
        A folder of this machine, which becomes the processes' TMPDIR.
    version : str
        The run's version of xbatch.
    probes : sequence of Probe

    Where nothing is done for a while, the processes end and others are started when they are needed: a run that is
    killed cannot dismiss them.
    """

    def __init__(self, temporary: Path, version: str, probes: Sequence[Probe]) -> None:
        self.sight = _sight(version, probes)
        self._temporary = temporary
        self._nursery = _OneStarter()
        self._lock = threading.Lock()
        self._idle: list[_Hand] = []
        self._busy: dict[str, _Hand] = {}
        self._ended: set[str] = set()
        self._closed = False
        self._resting = _daemon_timer(self._rest)

    def perform(self, key: str, message: bytes) -> bytes:
        """Do a step; called in a thread that has nothing else to do meanwhile.

        Parameters
        ----------
        key : str
            Names the step for `end`.
        message : bytes
            A pickled `Order`.

        Returns
        -------
        bytes
            A pickled `Finished` or `Lost`, of slot 0.
        """
        order: Order = pickle.loads(message)  # noqa: S301 - from the run
        if self.sight.fault:
            return pickle.dumps(Finished(order.step, 0, Answer(None, self.sight.fault, hopeless=True)))
        # Dask may start a step anew whose worker it has lost while that still works: each has a folder of its own.
        order = replace(order, out=order.out.with_name(f"{order.out.name}-{secrets.token_hex(4)}"))
        hand = self._take(key)
        try:
            result = self._done(hand, key, order)
        finally:
            self._give_back(key, hand)
        if isinstance(result, Lost):
            shutil.rmtree(order.out, ignore_errors=True)
        return pickle.dumps(result)

    def end(self, key: str) -> None:
        """End a step and all that it has started, if it is here."""
        with self._lock:
            self._ended.add(key)
            if key in self._busy:
                self._busy[key].wake()

    def close(self) -> None:
        """End everything."""
        with self._lock:
            self._closed = True
            self._resting.cancel()
            idle, self._idle = self._idle, []
            for hand in self._busy.values():
                hand.wake()
        for hand in idle:
            hand.close()
        self._nursery.shut()
        shutil.rmtree(self._temporary, ignore_errors=True)

    def _done(self, hand: _Hand, key: str, order: Order) -> Finished | Lost:
        if not self._is_over(key):
            try:
                hand.pool.start(0, order)
            except OSError:
                if not self._is_over(key):  # else the Dask worker was closed just now
                    raise
        while not self._is_over(key):
            for message in hand.pool.wait(None):
                return message
        hand.pool.end(0)
        return Lost(order.step, 0, "its run has ended it")

    def _is_over(self, key: str) -> bool:
        with self._lock:
            return self._closed or key in self._ended

    def _take(self, key: str) -> _Hand:
        with self._lock:
            self._resting.cancel()
            hand = self._busy[key] = self._idle.pop() if self._idle else _Hand(self._temporary, self._nursery)
            return hand

    def _give_back(self, key: str, hand: _Hand) -> None:
        with self._lock:
            del self._busy[key]
            self._ended.discard(key)
            closed = self._closed
            if not closed:
                self._idle.append(hand)
            if not closed and not self._busy:
                self._resting = _daemon_timer(self._rest)
                self._resting.start()
        if closed:
            hand.close()

    def _rest(self) -> None:
        with self._lock:
            if self._busy or self._closed:
                return
            for hand in self._idle:
                hand.close()
            self._idle.clear()
            self._nursery.rest()


class _Hand:
    """A pool of one slot, and a way to wake who waits for it."""

    def __init__(self, temporary: Path, nursery: _OneStarter) -> None:
        self._heard, self._said = socket.socketpair()
        self.pool = Pool(lambda: temporary, self._heard.fileno(), nursery.begin)

    def wake(self) -> None:
        with suppress(OSError):
            self._said.send(b"x")

    def close(self) -> None:
        self.pool.__exit__(None, None, None)
        self._heard.close()
        self._said.close()


class _OneStarter:
    """Starts the processes of all pools of a Dask worker, whose threads take turns."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._make: Callable[[], Starter] | None = None
        self._starter: Starter | None = None
        self._shut = False

    def begin(self, environment: Mapping[str, str], preload: Sequence[str]) -> Starter:
        """Give itself to a pool; all pools have the same surroundings."""
        with self._lock:
            self._make = partial(make_starter, environment, preload)
        return self

    def start(self) -> socket.socket:
        with self._lock:
            if self._make is None or self._shut:
                raise OSError("the run is over")
            if self._starter is None:
                self._starter = self._make()
            return self._starter.start()

    def reap(self, pid: int) -> int:
        with self._lock:
            return 0 if self._starter is None else self._starter.reap(pid)

    def close(self) -> None:
        """Close nothing: other pools go on."""

    def rest(self) -> None:
        """Kill all workers that are left, and what they have started."""
        with self._lock:
            if self._starter is not None:
                self._starter.close()
                self._starter = None

    def shut(self) -> None:
        """Do so for good."""
        self._shut = True
        self.rest()


def _daemon_timer(function: Callable[[], None]) -> threading.Timer:
    timer = threading.Timer(_REST_S, function)
    timer.daemon = True
    return timer


def _sight(version: str, probes: Sequence[Probe]) -> Sight:
    """Look around; what is wrong is told, not raised: Dask would only log it."""
    host = os.uname().nodename
    fault = next(filter(None, (_unseen(probe, host) for probe in probes)), "")
    if version != __version__:
        fault = (
            f"the Dask worker on {host} has xbatch {__version__}, and the run has {version}. "
            "Start the workers in the environment of the run"
        )
    return Sight(host, sys.version.split()[0], __version__, environment()["packages"], fault)


def _unseen(probe: Probe, host: str) -> str:
    """Say why a folder is not the run's, or cannot be written; empty if all is well."""
    cure = (
        f"The run and all workers must see it under the same path: name a folder of a shared disk with {probe.option}"
    )
    mine = probe.file.with_name(f"{probe.file.name}-{secrets.token_hex(4)}")
    try:
        if probe.file.read_text(encoding="utf-8") != probe.text:
            return f"{probe.folder}: is another folder on {host}, where a Dask worker is. {cure}"
        mine.touch()
        mine.unlink()
    except FileNotFoundError:
        return f"{probe.folder}: is not seen on {host}, where a Dask worker is. {cure}"
    except OSError as error:
        return f"{probe.folder}: cannot be used on {host}, where a Dask worker is: {error.strerror or error}. {cure}"
    return ""
