"""Which events a detector counts, and when: Poisson processes, with the dead time that each event costs.

The work is cut into blocks of seconds by what is expected alone, and each block has a random stream of its own: what
is drawn does not depend on how it is worked through, and memory holds one block however long the observation is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Drawn", "apply_dead_time", "blocks", "disorder", "draw_events", "stream"]

Floats = NDArray[np.float64]

#: Events that a block is expected to hold.
BLOCK_EVENTS = 1 << 16


@dataclass(frozen=True)
class Drawn:
    """Events in order of time.

    Attributes
    ----------
    second : ndarray, shape (n,)
        Index into the rates.
    part : ndarray, shape (n,)
        Where in its second, 0 to 1.
    kind : ndarray, shape (n,)
        Row of the rates that each is of.
    """

    second: NDArray[np.int64]
    part: Floats
    kind: NDArray[np.int8]


def stream(seed: int, *key: int) -> np.random.Generator:
    """Give the random stream of a key; streams of other keys are independent of it."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


def blocks(rates: Floats, most: int = BLOCK_EVENTS) -> Iterator[slice]:
    """Cut seconds into runs that are expected to hold about `most` events.

    Parameters
    ----------
    rates : ndarray, shape (kinds, seconds)
        Events/s.
    """
    total = np.cumsum(rates.sum(axis=0))
    first, seconds = 0, rates.shape[1]
    while first < seconds:
        before = total[first - 1] if first else 0.0
        last = int(np.searchsorted(total, before + most, side="right"))
        last = min(max(last, first + 1), seconds)
        yield slice(first, last)
        first = last


def draw_events(rates: Floats, rng: np.random.Generator) -> Drawn:
    """Draw the events of some seconds.

    Parameters
    ----------
    rates : ndarray, shape (kinds, seconds)
        Events/s, constant within a second.
    """
    total = rates.sum(axis=0)
    counts = rng.poisson(total)
    second = np.repeat(np.arange(total.size), counts)
    when = second + rng.random(second.size)
    when.sort()
    # a sum that rounds up to the next second is put back
    part = np.minimum(when - second, np.nextafter(1.0, 0.0))
    above = rng.random(second.size) * total[second]
    kind = np.zeros(second.size, np.int8)
    limit = np.zeros(total.size)
    for rate in rates[:-1]:
        limit = limit + rate
        kind += above >= limit[second]
    return Drawn(second, part, kind)


def apply_dead_time(
    second: NDArray[np.int64], part: Floats, seconds: int, dead_time: float
) -> tuple[NDArray[np.bool_], Floats, NDArray[np.int64], Floats]:
    """Let each event blind the detector for a while (not prolonged by what it does not see).

    Within a second the events of a constant rate are a Poisson process in live time: the k-th stands k dead times later
    on the clock, and those that fall out of the second are not counted. What blinds beyond its second is cut off there.

    Parameters
    ----------
    second, part : ndarray, shape (n,)
        Of all events that trigger, ascending.
    seconds : int
        How many there are.
    dead_time : float
        s for each event.

    Returns
    -------
    counted : ndarray of bool, shape (n,)
    part : ndarray, shape (n,)
        Where in its second each is, on the clock.
    counts : ndarray, shape (seconds,)
        Counted events.
    live : ndarray, shape (seconds,)
        Live part of each second.
    """
    number = np.bincount(second, minlength=seconds)
    first = np.concatenate([[0], np.cumsum(number)[:-1]])
    rank = np.arange(second.size) - first[second]
    clock = part + rank * dead_time
    counted = clock < 1.0
    counts = np.bincount(second[counted], minlength=seconds)
    live = np.ones(seconds)
    some = counts > 0
    last = clock[(first + counts - 1)[some]]
    live[some] -= (counts[some] - 1) * dead_time + np.minimum(dead_time, 1.0 - last)
    return counted, clock, counts, live


def disorder(rows: NDArray[Any], share: float, rng: np.random.Generator) -> None:
    """Let a share of the rows of a block change places with each other."""
    if share:
        chosen = np.flatnonzero(rng.random(len(rows)) < share)
        rows[chosen] = rows[rng.permutation(chosen)]
