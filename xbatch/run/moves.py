"""What the scheduler is told, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "Action",
    "Died",
    "Ended",
    "Event",
    "GiveUp",
    "Judge",
    "Judged",
    "Late",
    "Read",
    "Same",
    "Skip",
    "Slots",
    "Start",
    "Stop",
]


@dataclass(frozen=True)
class Read:
    """The files that a step was held back for are known."""

    step: str


@dataclass(frozen=True)
class Judged:
    """A step was looked at: it has to be done (``run``), is there already (``done``), or cannot be (``failed``)."""

    step: str
    answer: Literal["run", "done", "failed"]


@dataclass(frozen=True)
class Same:
    """A step was looked at: it is the same work as another that has not ended, and is looked at again after that."""

    step: str
    other: str


@dataclass(frozen=True)
class Ended:
    """A started step has ended."""

    step: str
    ok: bool


@dataclass(frozen=True)
class Died:
    """The worker of a started step was killed; its slot is whole again."""

    step: str


@dataclass(frozen=True)
class Late:
    """The time of a started step is over, and its worker was killed for that; its slot is whole again."""

    step: str


@dataclass(frozen=True)
class Stop:
    """No step shall be started any more."""


@dataclass(frozen=True)
class Slots:
    """There are so many slots from now on; where they have become fewer, what runs goes on."""

    count: int


Event = Read | Judged | Same | Ended | Died | Late | Stop | Slots


@dataclass(frozen=True)
class Judge:
    """Look whether a step has to be done; all it waits for has ended."""

    step: str


@dataclass(frozen=True)
class Start:
    """Start a step in a slot."""

    step: str
    slot: int


@dataclass(frozen=True)
class Skip:
    """Leave a step out, because steps that it needs have failed or were left out."""

    step: str
    because: tuple[str, ...]


@dataclass(frozen=True)
class GiveUp:
    """Take a step as failed: its worker was killed, or its time over, once too often."""

    step: str


Action = Judge | Start | Skip | GiveUp
