"""Steps of a run done by Dask's workers, with the interface of the pool of this machine's processes.

Dask does what it wants in threads of its own; what it tells goes through one queue to the run's thread, with a byte in
a socket that ends the run's wait.
"""

from __future__ import annotations

import os
import pickle
import secrets
import selectors
import socket
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from xbatch.run import plugin
from xbatch.run.letters import Answer, Order
from xbatch.run.moves import Slots
from xbatch.run.pool import Finished, Lost
from xbatch.run.store import RECORD, Store
from xbatch.run.workers import Hopeless, Message

if TYPE_CHECKING:
    from distributed import Future

__all__ = ["DaskPool", "Scheduler"]

_LOOK_S = 5.0
_PIPE = 4096
_PAUSES_S = (0.0, 0.01, 0.1, 0.3, 1.0, 3.0)


class Scheduler(Protocol):
    """What a pool needs of the connection to Dask's scheduler."""

    address: str
    patience: float | None

    @property
    def slots(self) -> int:
        """How many steps may run at once now."""

    @property
    def alive(self) -> bool:
        """Whether the scheduler is there."""

    def submit(self, key: str, message: bytes) -> Future:
        """Hand a step to Dask."""

    def cancel(self, futures: Sequence[Future]) -> None:
        """Tell the workers to end steps."""

    def listen(self, hear: Any) -> None:
        """Have a function told when workers come and go, and when they begin a step."""

    def recount(self) -> None:
        """Ask how many threads there are."""

    def dismiss(self) -> None:
        """End the run's processes on all workers."""


@dataclass(frozen=True)
class _Back:
    """Dask is through with a step: what came of it, or why nothing did."""

    key: str
    result: Finished | Lost | str


@dataclass(frozen=True)
class _Began:
    """A worker has begun a step."""

    key: str


@dataclass(frozen=True)
class _Changed:
    """Workers have come, or one has gone with steps of these keys."""

    worker: str = ""
    keys: frozenset[str] = frozenset()


@dataclass
class _Given:
    """A step that Dask was given, and whether a worker has begun it."""

    step: str
    key: str
    future: Future
    begun: bool = False


class DaskPool(AbstractContextManager["DaskPool"]):
    """Slots that work on steps somewhere in a cluster.

    Parameters
    ----------
    scheduler : Scheduler
    wake : int or None
        A file handle that ends a `wait` when there is something to read from it.
    """

    def __init__(self, scheduler: Scheduler, wake: int | None = None) -> None:
        self._scheduler = scheduler
        self._slots = scheduler.slots
        self._name = secrets.token_hex(4)
        self._starts = 0
        self._given: dict[int, _Given] = {}
        self._unsent: list[Message] = []
        self._news: deque[_Back | _Began | _Changed] = deque()
        self._counted_at = time.monotonic()
        self._lost_all_at: float | None = None
        self._hopeless = False
        self._heard, self._said = socket.socketpair()
        self._heard.setblocking(False)
        self._said.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._heard, selectors.EVENT_READ)
        if wake is not None:
            self._selector.register(wake, selectors.EVENT_READ)
        scheduler.listen(self._hear)
        self._tell(_Changed())  # who came before it listened

    def start(self, slot: int, order: Order) -> None:
        """Start a step in a slot that is free."""
        try:
            message = pickle.dumps(order, protocol=pickle.HIGHEST_PROTOCOL)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            answer = Answer(None, f"internal error: the step could not be sent to a worker: {error}")
            self._unsent.append(Finished(order.step, slot, answer))
            return
        if not self._scheduler.alive:
            self._unsent.append(Lost(order.step, slot, "Dask's scheduler is gone"))
            return
        self._starts += 1
        key = f"{order.step}-{self._name}-{self._starts}"
        future = self._scheduler.submit(key, message)
        self._given[slot] = _Given(order.step, key, future)
        entry = Store(order.store).entry(str(order.head["key"]))
        future.add_done_callback(partial(self._take_back, key, entry))

    def wait(self, timeout: float | None) -> list[Message]:
        """Wait until steps have come back, workers have come or gone, there is something at `wake`, or time is up.

        Parameters
        ----------
        timeout : float or None
            In seconds; None to wait for ever.

        Returns
        -------
        list of Finished, Lost, Slots or Hopeless
            Perhaps empty.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _LOOK_S if end is None else max(0.0, end - time.monotonic())
            ready = self._selector.select(0 if self._unsent else min(left, _LOOK_S))
            if time.monotonic() > self._counted_at + _LOOK_S:
                self._recount()  # in case that anything was not heard of
            woken = False
            for key, _ in ready:
                woken = woken or key.fileobj is not self._heard
                with suppress(BlockingIOError):
                    os.read(key.fd, _PIPE)
            messages, self._unsent = self._unsent, []
            while self._news:
                messages += self._take_in(self._news.popleft())
            messages = [*self._look(), *messages]  # no step is to be started again in a slot that is gone
            if messages or woken or (end is not None and time.monotonic() >= end):
                return messages

    def end(self, slot: int) -> None:
        """End a step and all that it has started; it does not come back."""
        given = self._given.pop(slot, None)
        if given is not None:
            self._scheduler.cancel([given.future])

    def kill(self) -> list[Lost]:
        """End all steps and what they have started; give those that are lost."""
        lost = [Lost(given.step, slot, "") for slot, given in self._given.items()]
        self._scheduler.cancel([given.future for given in self._given.values()])
        self._given.clear()
        if lost:
            self._scheduler.dismiss()
        return lost

    def _take_in(self, news: _Back | _Began | _Changed) -> list[Message]:
        slots = {given.key: slot for slot, given in self._given.items()}
        if isinstance(news, _Back):
            slot = slots.get(news.key)
            if slot is None:
                return []  # it was ended
            given = self._given.pop(slot)
            match news.result:
                case Finished(_, _, answer):
                    return [Finished(given.step, slot, answer)]
                case Lost(_, _, cause) | str(cause):
                    return [Lost(given.step, slot, cause)]
        if isinstance(news, _Began):
            if news.key in slots:
                self._given[slots[news.key]].begun = True
            return []
        lost: list[Message] = []
        for slot in sorted(slots[key] for key in news.keys & slots.keys()):
            if self._given[slot].begun:  # Dask does all again by itself; only what had not begun is left to it
                given = self._given.pop(slot)
                self._scheduler.cancel([given.future])
                lost.append(Lost(given.step, slot, f"Dask has lost its worker {news.worker}"))
        self._recount()
        return lost

    def _recount(self) -> None:
        self._scheduler.recount()
        self._counted_at = time.monotonic()

    def _look(self) -> list[Message]:
        """Say how many slots there are if that has changed, and whether there is hope."""
        if self._hopeless:
            return []
        if not self._scheduler.alive:
            return self._give_up(f"the connection to the Dask scheduler at {self._scheduler.address} was lost")
        count = self._scheduler.slots
        if count:
            self._lost_all_at = None
        elif self._lost_all_at is None:
            self._lost_all_at = time.monotonic()
        elif self._scheduler.patience is not None and time.monotonic() > self._lost_all_at + self._scheduler.patience:
            return self._give_up(f"the Dask scheduler at {self._scheduler.address} has no workers left")
        if count == self._slots:
            return []
        self._slots = count
        return [Slots(count)]

    def _give_up(self, why: str) -> list[Message]:
        self._hopeless = True
        return [Hopeless(f"{why}. What is finished is kept; run again to go on"), *self.kill()]

    # ---- in Dask's threads --------------------------------------------------------------------------------------

    def _take_back(self, key: str, entry: Path, future: Future) -> None:
        self._tell(_Back(key, _result(future, entry)))

    def _hear(self, event: Mapping[str, Any]) -> None:
        match event.get("action"):
            case "add-worker":
                self._tell(_Changed())
            case "remove-worker":
                keys = frozenset(str(key) for key in event.get("processing-tasks", ()))
                self._tell(_Changed(str(event.get("worker", "")), keys))
            case plugin.BEGAN:
                self._tell(_Began(str(event.get("key", ""))))

    def _tell(self, news: _Back | _Began | _Changed) -> None:
        self._news.append(news)
        with suppress(OSError):  # full: the run will wake anyway; closed: the run is over
            self._said.send(b"x")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self._selector.close()
        self._heard.close()
        self._said.close()


def _result(future: Future, entry: Path) -> Finished | Lost | str:
    """Fetch what came of a step."""
    from distributed import KilledWorker

    if future.status == "cancelled":
        return "Dask has cancelled it"
    try:
        result: Finished | Lost = pickle.loads(future.result())  # noqa: S301 - from a worker of ours
    except KilledWorker as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - whatever Dask raises in its thread must reach the run
        step = "".join(str(error).splitlines()[:1]) or type(error).__name__
        return Finished("", 0, Answer(None, f"Dask could not have it done: {step}", hopeless=True))
    if isinstance(result, Finished) and result.answer.record is not None:
        _await(entry)
    return result


def _await(entry: Path) -> None:
    """Wait until a folder that another machine has made is seen here: NFS remembers for seconds what was not there."""
    for pause in _PAUSES_S:
        time.sleep(pause)
        with suppress(OSError):
            entry.parent.stat()
            next(entry.parent.iterdir(), None)  # opening a folder makes NFS look anew
            if (entry / RECORD).is_file():
                return
