"""The rate below which there are no flares, found by clipping what lies far above the rest."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Clipped", "clip_flares"]

#: Bins that are exposed by less say little of what is usual: they are judged, but do not set the limit.
_WHOLE = 0.5
_NORMAL = 1.4826  # standard deviation of a normal distribution over its median absolute deviation
_MOST_ROUNDS = 200


@dataclass(frozen=True)
class Clipped:
    """A limit found by clipping.

    Attributes
    ----------
    limit : float
        Rates up to it, itself included, are kept.
    mean, sigma : float
        Of the bins that are kept.
    rounds : int
    settled : bool
        Whether the last round changed nothing; if not, rounds came back to an earlier set of bins, and the lowest
        limit among them was taken.
    """

    limit: float
    mean: float
    sigma: float
    rounds: int
    settled: bool


def clip_flares(rate: NDArray[np.float64], fracexp: NDArray[np.float64], sigmas: float) -> Clipped:
    """Find the limit ``mean + sigmas x standard deviation`` of the bins that are not above it.

    The first limit is ``median + sigmas x 1.4826 x median absolute deviation``, which flares hardly move. Then mean and
    standard deviation of the bins up to the limit give the next one, until the bins are the same twice. Every round
    looks at all bins, so one that was left out may come back. Only upper outliers are clipped: flares add counts.

    Parameters
    ----------
    rate : ndarray, shape (n,)
        Counts per exposed s; not a number where nothing was exposed.
    fracexp : ndarray, shape (n,)
        Bins with less than 0.5 are not looked at, as long as there are others.
    sigmas : float

    Raises
    ------
    ValueError
        No bin was exposed, or `sigmas` is not positive.
    """
    if not sigmas > 0:
        raise ValueError(f"clipping at {sigmas} sigma leaves nothing")
    known = np.isfinite(rate) & (fracexp > 0)
    whole = known & (fracexp >= _WHOLE)
    used = rate[whole if whole.any() else known]
    if not used.size:
        raise ValueError("no bin is exposed")
    middle = float(np.median(used))
    spread = _NORMAL * float(np.median(np.abs(used - middle)))
    # of few counts more than half of the bins may be equal
    limit = middle + sigmas * (spread or float(used.std()))
    seen: dict[bytes, float] = {}
    kept = used <= limit
    for rounds in range(1, _MOST_ROUNDS + 1):
        mean, sigma = float(used[kept].mean()), float(used[kept].std())
        limit = mean + sigmas * sigma
        after = _up_to(used, limit)
        if np.array_equal(after, kept):
            return Clipped(limit, mean, sigma, rounds, True)
        if after.tobytes() in seen:
            break
        seen[after.tobytes()] = limit
        kept = after
    lowest = min(seen.values())
    kept = _up_to(used, lowest)
    return Clipped(lowest, float(used[kept].mean()), float(used[kept].std()), rounds, False)


def _up_to(rate: NDArray[np.float64], limit: float) -> NDArray[np.bool_]:
    """Say which rates are kept: equal ones are, whatever rounding did to their mean."""
    kept: NDArray[np.bool_] = rate <= limit + 8 * math.ulp(abs(limit))
    return kept
