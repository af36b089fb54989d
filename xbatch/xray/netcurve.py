"""Light curves net of background, and whether they vary.

``net = counts / exposure - f back / back_exposure`` with the background's area scaled by f, and
``error = sqrt(es^2 + (f eb)^2)``, es and eb the square roots of the counts per second of exposure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["NetCurve", "Variability", "net_curve", "variability"]

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]


@dataclass(frozen=True)
class NetCurve:
    """Rates in bins.

    Attributes
    ----------
    rate, error : ndarray, shape (n,)
        Net counts per s and its error; not a number where nothing was exposed.
    back, back_error : ndarray, shape (n,), or None
        What was subtracted, scaled to the source's area.
    """

    rate: _Floats
    error: _Floats
    back: _Floats | None
    back_error: _Floats | None


def net_curve(
    counts: _Ints,
    exposure: _Floats,
    back_counts: _Ints | None = None,
    back_exposure: _Floats | None = None,
    scale: float = 1.0,
) -> NetCurve:
    """Give the rates of a source, less its background.

    Parameters
    ----------
    counts, exposure : ndarray, shape (n,)
        Events and exposed seconds (live ones, where dead time counts) of each bin.
    back_counts, back_exposure : ndarray, shape (n,), optional
        Of the background.
    scale : float
        Area of the source over that of the background.
    """
    rate, error = _per_second(counts, exposure)
    if back_counts is None or back_exposure is None:
        return NetCurve(rate, error, None, None)
    back, back_error = (scale * values for values in _per_second(back_counts, back_exposure))
    return NetCurve(rate - back, np.hypot(error, back_error), back, back_error)


def _per_second(counts: _Ints, exposure: _Floats) -> tuple[_Floats, _Floats]:
    number = counts.astype(np.float64)
    known = exposure > 0
    rate, error = (np.full(len(number), np.nan) for _ in range(2))
    np.divide(number, exposure, out=rate, where=known)
    np.divide(np.sqrt(number), exposure, out=error, where=known)
    return rate, error


@dataclass(frozen=True)
class Variability:
    """How much a light curve varies beyond its errors.

    Attributes
    ----------
    mean : float
        Unweighted mean of the bins' rates, counts per s.
    excess : float
        Normalised excess variance; below 0 where the scatter is smaller than the errors.
    excess_error : float or None
        By the errors alone; None where the excess is not positive enough to say.
    fractional : float or None
        Square root of the excess variance: None where that is negative.
    fractional_error : float or None
    chi2 : float
        Against a constant.
    dof : int
    """

    mean: float
    excess: float
    excess_error: float | None
    fractional: float | None
    fractional_error: float | None
    chi2: float
    dof: int


def variability(rate: _Floats, error: _Floats, exposure: _Floats, back: _Floats | None = None) -> Variability | None:
    """Measure variability; None for fewer than two bins, or a mean that is not positive.

    Excess variance and its error are those of Vaughan et al. (2003, MNRAS 345, 1271):
    ``(S^2 - <error^2>) / mean^2``. In the chi-squared against a constant the variance of a bin is what the mean source
    rate and the bin's background give, not what its own counts do: bins of few counts would weigh too much.

    Parameters
    ----------
    rate, error : ndarray, shape (n,)
        Net, as of `net_curve`.
    exposure : ndarray, shape (n,)
        s.
    back : ndarray, shape (n,), optional
        Background rate scaled to the source's area.
    """
    count = len(rate)
    if count < 2:
        return None
    mean = float(rate.mean())
    if not mean > 0:
        return None
    noise = float(np.mean(error**2))
    excess = (float(rate.var(ddof=1)) - noise) / mean**2
    level = noise / mean**2
    fractional = math.sqrt(excess) if excess > 0 else None
    excess_error = fractional_error = None
    if fractional:
        excess_error = math.hypot(math.sqrt(2 / count) * level, math.sqrt(level / count) * 2 * fractional)
        fractional_error = excess_error / (2 * fractional)
    weighted = float((rate * exposure).sum() / exposure.sum())
    gross = weighted + (0.0 if back is None else back)
    # error^2 = gross rate / exposure + what the background's own error adds: the first part is replaced
    own = np.maximum(rate + (0.0 if back is None else back), 0.0) / exposure
    expected = np.maximum(error**2 - own, 0.0) + np.maximum(gross, 0.0) / exposure
    known = expected > 0
    chi2 = float((((rate - weighted) ** 2)[known] / expected[known]).sum())
    return Variability(mean, excess, excess_error, fractional, fractional_error, chi2, int(known.sum()) - 1)
