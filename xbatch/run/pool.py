"""Worker processes: a slot holds one, and one step at a time.

Each slot is an executor of its own (loky, which joblib is made of, with one process), so that a worker that is killed
takes nothing with it but its own step. loky is imported and a process is started when a slot gets its first step: a run
with nothing to do has neither. A loky worker does not run the caller's main module again.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any

from xbatch.run.signals import kept_back
from xbatch.run.worker import Answer, Order, perform, prepare

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["WORKER_ENVIRONMENT", "Finished", "Lost", "Pool"]

_SENT_S = 1.0
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


class Pool(AbstractContextManager["Pool"]):
    """Slots that work on steps.

    Parameters
    ----------
    deliver : callable
        Gets a `Finished` or `Lost` for every step that was started, in another thread.
    temporary : Path
        The workers' TMPDIR.
    """

    def __init__(self, deliver: Callable[[Finished | Lost], None], temporary: Path) -> None:
        self._deliver = deliver
        self._environment = {**WORKER_ENVIRONMENT, "TMPDIR": str(temporary)}
        self._executors: dict[int, Any] = {}
        self._sent: dict[int, Future[Answer]] = {}

    def start(self, slot: int, order: Order) -> None:
        """Start a step in a slot that is free."""
        from loky.process_executor import BrokenProcessPool, ShutdownExecutorError

        try:
            future = self._submit(slot, order)
        except (BrokenProcessPool, ShutdownExecutorError):
            self.renew(slot)  # the worker was killed while it had nothing to do
            future = self._submit(slot, order)
        future.add_done_callback(lambda done: self._deliver(_outcome(order.step, slot, done)))

    def _submit(self, slot: int, order: Order) -> Future[Answer]:
        if slot not in self._executors:
            self._executors[slot] = _new_executor(self._environment)
        with kept_back():  # the first step of an executor starts its process
            future: Future[Answer] = self._executors[slot].submit(perform, order)
        self._sent[slot] = future
        return future

    def renew(self, slot: int) -> None:
        """Give a slot a new worker in place of one that was killed."""
        executor = self._executors.pop(slot, None)
        if executor is not None:
            self._wait_until_sent(slot)
            executor.shutdown(wait=True, kill_workers=True)

    def _wait_until_sent(self, slot: int) -> None:
        """Wait until the executor has taken up the last step of a slot.

        An executor that is shut down a moment after a step was submitted looks for it in vain, in a thread of its own,
        whose traceback would reach the user (loky 3.5).
        """
        future = self._sent.pop(slot, None)
        deadline = time.monotonic() + _SENT_S
        while future is not None and not (future.running() or future.done()) and time.monotonic() < deadline:
            time.sleep(0.001)

    def kill(self) -> None:
        """Kill all workers and what they have started; their steps are delivered as lost."""
        for slot in list(self._executors):
            self.renew(slot)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


def _new_executor(environment: Mapping[str, str]) -> Any:
    from multiprocessing import resource_tracker

    from loky.backend import resource_tracker as loky_tracker
    from loky.process_executor import ProcessPoolExecutor

    # when they start, the trackers let SIGINT through again; so they are started before it is kept back
    resource_tracker.ensure_running()
    loky_tracker.ensure_running()
    return ProcessPoolExecutor(max_workers=1, env=dict(environment), initializer=prepare, initargs=(os.getpid(),))


def _outcome(step: str, slot: int, future: Future[Answer]) -> Finished | Lost:
    from loky.process_executor import BrokenProcessPool, ShutdownExecutorError

    error = future.exception()
    if error is None:
        return Finished(step, slot, future.result())
    if isinstance(error, (BrokenProcessPool, ShutdownExecutorError)):
        named = re.search(r"\b(SIG[A-Z0-9]+|EXIT)\((-?\d+)\)", str(error))
        return Lost(step, slot, f"{named[1]} {named[2].lstrip('-')}" if named else "")
    return Finished(step, slot, Answer(None, f"internal error: the step could not be sent to a worker: {error}"))
