"""Worker processes: a slot holds one, and one step at a time.

Each slot's worker has a socket of its own, so that one that is killed takes nothing with it but its own step. A worker
is started when its slot gets its first step: a run with nothing to do has none. The run waits for all of them at once,
in its one thread.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from pickle import PicklingError
from types import MappingProxyType, TracebackType

from xbatch.run.channel import pack, receive
from xbatch.run.letters import Answer, Order
from xbatch.run.processes import Starter, kill_group, make_starter

__all__ = ["WORKER_ENVIRONMENT", "Finished", "Lost", "Pool"]

_PRELOAD = ("numpy",)
_PIPE = 512
WORKER_ENVIRONMENT: Mapping[str, str] = MappingProxyType(
    {
        # one thread each: there are as many workers as cores, and sums must not depend on the number of threads
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "BLIS_NUM_THREADS": "1",
        "VECLIB_MAXIMUM_THREADS": "1",
        "NUMEXPR_NUM_THREADS": "1",
        "NUMBA_NUM_THREADS": "1",
        # What an array of a chunk's size frees, the next one takes. By default glibc gives it back to the system, which
        # clears and maps every page anew, until it has learnt from such chunks; these are the numbers it arrives at.
        "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
        "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
        "MPLBACKEND": "Agg",
        "PYTHONHASHSEED": "0",  # the order of a set must not depend on the process
        "PYTHONSAFEPATH": "1",  # a file numpy.py in the user's folder must not be taken for numpy
    }
)


@dataclass(frozen=True)
class Finished:
    """A step has come back."""

    step: str
    slot: int
    answer: Answer


@dataclass(frozen=True)
class Lost:
    """A step has not come back: its worker was killed. `cause` names the signal if it is known."""

    step: str
    slot: int
    cause: str


@dataclass
class _Worker:
    """One worker: its socket, its process once it has said its number, and the step it is at, if any."""

    channel: socket.socket
    pid: int = 0
    step: str = ""


class Pool(AbstractContextManager["Pool"]):
    """Slots that work on steps.

    Parameters
    ----------
    temporary : callable
        Makes the workers' TMPDIR; called when the first is started.
    wake : int or None
        A file handle that ends a `wait` when there is something to read from it.
    begin : callable
        Chooses how workers are started, given their environment and the modules they should have.
    """

    def __init__(
        self,
        temporary: Callable[[], Path],
        wake: int | None = None,
        begin: Callable[[Mapping[str, str], Sequence[str]], Starter] = make_starter,
    ) -> None:
        self._temporary = temporary
        self._begin = begin
        self._starter: Starter | None = None
        self._workers: dict[int, _Worker] = {}
        self._unsent: list[Finished | Lost] = []
        self._selector = selectors.DefaultSelector()
        if wake is not None:
            self._selector.register(wake, selectors.EVENT_READ, None)

    def start(self, slot: int, order: Order) -> None:
        """Start a step in a slot that is free."""
        try:
            message = pack(order)
        except (PicklingError, TypeError, AttributeError) as error:
            answer = Answer(None, f"internal error: the step could not be sent to a worker: {error}")
            self._unsent.append(Finished(order.step, slot, answer))
            return
        worker = self._workers.get(slot) or self._new_worker(slot)
        try:
            worker.channel.sendall(message)
        except OSError:
            self._bury(slot)  # the worker was killed while it had nothing to do
            worker = self._new_worker(slot)
            try:
                worker.channel.sendall(message)
            except OSError:  # and so was this one, before it had anything
                self._unsent.append(Lost(order.step, slot, self._bury(slot)))
                return
        worker.step = order.step

    def wait(self, timeout: float | None) -> list[Finished | Lost]:
        """Wait until steps have come back, there is something at `wake`, or time is up.

        Parameters
        ----------
        timeout : float or None
            In seconds; None to wait for ever.

        Returns
        -------
        list of Finished or Lost
            Perhaps empty.
        """
        messages, self._unsent = self._unsent, []
        for key, _ in self._selector.select(0 if messages else timeout):
            if key.data is None:
                os.read(key.fd, _PIPE)
            else:
                messages += self._hear(key.data)
        return messages

    def _hear(self, slot: int) -> list[Finished | Lost]:
        """Take in what a worker says, or that it is dead."""
        worker = self._workers[slot]
        try:
            message = receive(worker.channel)
        except EOFError:
            step, cause = worker.step, self._bury(slot)
            return [Lost(step, slot, cause)] if step else []
        if isinstance(message, Answer):
            step, worker.step = worker.step, ""
            return [Finished(step, slot, message)]
        worker.pid = message
        return []

    def end(self, slot: int) -> None:
        """Kill the worker of a slot and all it has started; its step does not come back."""
        worker = self._workers.get(slot)
        if worker is None:
            return
        with suppress(EOFError):
            while not worker.pid:
                worker.pid = receive(worker.channel)
        self._bury(slot)

    def kill(self) -> list[Lost]:
        """Kill all workers and what they have started; give the steps that are lost."""
        lost = [Lost(worker.step, slot, "") for slot, worker in self._workers.items() if worker.step]
        for worker in self._workers.values():
            if worker.pid:
                kill_group(worker.pid)
        if self._starter is not None:
            self._starter.close()
        for slot in list(self._workers):
            self._forget(slot)
        return lost

    def _new_worker(self, slot: int) -> _Worker:
        if self._starter is None:
            self._starter = self._begin({**WORKER_ENVIRONMENT, "TMPDIR": str(self._temporary())}, _PRELOAD)
        worker = self._workers[slot] = _Worker(self._starter.start())
        self._selector.register(worker.channel, selectors.EVENT_READ, slot)
        return worker

    def _bury(self, slot: int) -> str:
        """Kill a worker, or what a dead one has left; name the signal that it has died of."""
        worker = self._workers[slot]
        self._forget(slot)
        if not worker.pid or self._starter is None:
            return ""  # it had not even begun
        kill_group(worker.pid)
        return _cause(self._starter.reap(worker.pid))

    def _forget(self, slot: int) -> None:
        worker = self._workers.pop(slot)
        self._selector.unregister(worker.channel)
        worker.channel.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self._selector.close()


def _cause(status: int) -> str:
    if status >= 0:
        return f"EXIT {status}" if status else ""
    try:
        return f"{signal.Signals(-status).name} {-status}"
    except ValueError:
        return f"signal {-status}"
