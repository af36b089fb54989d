"""What a run needs of those who do its steps: the processes of this machine, or a cluster's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from xbatch.run.letters import Order
from xbatch.run.moves import Slots
from xbatch.run.pool import Finished, Lost

__all__ = ["Hopeless", "MakeWorkers", "Message", "Workers"]


@dataclass(frozen=True)
class Hopeless:
    """No further step can be done; why."""

    message: str


Message = Finished | Lost | Slots | Hopeless


class Workers(Protocol):
    """Slots that work on steps; `xbatch.run.pool.Pool` says what each method does."""

    def start(self, slot: int, order: Order) -> None:
        """Start a step in a slot that is free."""

    def wait(self, timeout: float | None) -> Sequence[Message]:
        """Wait until something has happened, the run is woken, or time is up."""

    def end(self, slot: int) -> None:
        """End what a slot works on; it does not come back."""

    def kill(self) -> Sequence[Lost]:
        """End everything; give the steps that are lost."""


# Made of a callable that makes a folder for temporary files on this machine, and of a handle that ends a wait.
MakeWorkers = Callable[[Callable[[], Path], int | None], AbstractContextManager[Workers]]
