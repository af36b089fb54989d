"""Workers that are no processes: each step is done at once, by the same function, in the process that asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from xbatch.run.letters import Order
from xbatch.run.pool import Finished, Lost
from xbatch.run.worker import perform

__all__ = ["inline_workers"]


class _Inline:
    def __init__(self) -> None:
        self._finished: list[Finished] = []

    def start(self, slot: int, order: Order) -> None:
        self._finished.append(Finished(order.step, slot, perform(order)))

    def wait(self, timeout: float | None) -> list[Finished]:
        finished, self._finished = self._finished, []
        return finished

    def end(self, slot: int) -> None:
        raise AssertionError("nothing runs that could be ended")

    def kill(self) -> list[Lost]:
        return []


@contextmanager
def inline_workers(temporary: Callable[[], Path], wake: int | None) -> Iterator[_Inline]:
    """Make workers for `xbatch.run.session.execute`."""
    yield _Inline()
