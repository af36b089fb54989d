"""Likelihoods of counts, group by group: their values, and how these change with the model.

Formulas: Cash 1979 (ApJ 228, 939) in the form of XSPEC's ``cstat``; the W and PG statistics of the XSPEC manual
(appendix B), which are profile likelihoods.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Slopes", "Statistic", "cash", "cstat", "pgstat", "wstat"]

Floats = NDArray[np.float64]

# A model that is not positive counts as this much, as in Sherpa: a logarithm needs something.
_SMALLEST_MODEL = 1e-25


@dataclass(frozen=True)
class Slopes:
    """How each group's half contribution changes with the model's counts there.

    Attributes
    ----------
    first : ndarray, shape (g,)
        The first derivative.
    second : ndarray, shape (g,)
        The second derivative, not negative.
    expected : ndarray, shape (g,)
        What the second derivative would be if the data were as the model says: the safer guide far from the minimum.
    """

    first: Floats
    second: Floats
    expected: Floats


@dataclass(frozen=True)
class Statistic:
    """A statistic that is a sum over groups.

    Attributes
    ----------
    values : callable
        Folded model counts, shape (g,), to the statistic and the signed root of each group's contribution
        (data - model).
    slopes : callable
        Folded model counts to `Slopes`.
    """

    values: Callable[[Floats], tuple[float, Floats]]
    slopes: Callable[[Floats], Slopes]

    def __call__(self, model: Floats) -> tuple[float, Floats]:
        """Give the statistic and the signed roots of its contributions."""
        return self.values(model)


def _signed(
    data: Floats, contributions: Callable[[Floats], Floats], slopes: Callable[[Floats], Slopes], constant: float = 0.0
) -> Statistic:
    """Make a statistic of half the contributions; the root of each gets the sign of `data` - model.

    With its sign a root is a smooth function of the parameters. `constant` is added to the statistic alone.
    """

    def evaluate(model: Floats) -> tuple[float, Floats]:
        half = contributions(model)
        return 2 * float(half.sum()) + constant, np.copysign(np.sqrt(2 * np.abs(half)), data - model)

    return Statistic(evaluate, slopes)


def _deviance(data: Floats, model: Floats) -> Floats:
    """Give ``model - data + data ln(data / model)``, exact to the last digits where the two are near each other."""
    positive = np.where(model <= 0, _SMALLEST_MODEL, model)  # a model that is NaN stays so: a fit must see it
    safe = np.where(data > 0, data, 1.0)
    ratio = (positive - data) / safe
    # log1p keeps the digits of a small difference; where the model is far below the data it has none to lose.
    close = np.where(data > 0, ratio, 0.0)
    logarithm = np.where(close > -0.5, np.log1p(np.maximum(close, -0.5)), np.log(positive / safe))
    return np.asarray(positive - data - data * logarithm)


def _deviance_or_zero(data: Floats, model: Floats) -> Floats:
    """Give the deviance, exactly `model` where there are no counts."""
    return np.where(data > 0, _deviance(data, model), model)


def cstat(source: Floats) -> Statistic:
    """Make C, twice the deviance."""
    return _signed(source, lambda model: _deviance(source, model), lambda model: _cstat_slopes(source, model))


def cash(source: Floats) -> Statistic:
    """Make Cash's statistic, ``2 sum(m - N ln m)``: C without the terms that do not depend on the model."""
    counts = source[source > 0]
    constant = 2 * float((counts - counts * np.log(counts)).sum())
    return _signed(source, lambda model: _deviance(source, model), lambda model: _cstat_slopes(source, model), constant)


def _cstat_slopes(source: Floats, model: Floats) -> Slopes:
    positive = np.maximum(model, _SMALLEST_MODEL)
    ratio = source / positive
    return Slopes(1 - ratio, ratio / positive, 1 / positive)


def wstat(source: Floats, background: Floats, scale: Floats) -> Statistic:
    """Make W: two deviances, of the source region and of the background region, at the best background rate.

    With the source's time taken as 1 and the background's as t = 1 / scale, the rate f is the root of
    (1 + t) f**2 - (S + B - (1 + t) m) f - B m = 0 that is not negative. With S = 0 that root is B / (1 + t); there f
    makes up for a negative m, because nothing can have a rate below 0 (Sherpa's W falls below 0 without end).
    """
    time = 1 / scale
    total = 1 + time

    def rates(model: Floats) -> Floats:
        middle = source + background - total * model
        root = np.sqrt(np.maximum(middle**2 + 4 * total * background * model, 0.0))
        below = root - middle
        # Of the two forms of the root the one is taken that subtracts no like numbers.
        other = 2 * background * model / np.where(below > 0, below, 1.0)
        rate = np.where(middle >= 0, (middle + root) / (2 * total), other)
        return np.where(source == 0, np.maximum(background / total, -model), rate)

    def contributions(model: Floats) -> Floats:
        rate = rates(model)
        return np.where(source > 0, _deviance(source, model + rate), model + rate) + _deviance_or_zero(
            background, time * rate
        )

    def slopes(model: Floats) -> Slopes:
        rate = rates(model)
        # With f at its best only the source's deviance changes with m; f then follows m, which flattens the curve.
        curve = np.where(rate > 0, background / np.maximum(rate, _SMALLEST_MODEL) ** 2, np.inf)
        return _profile_slopes(source, model + rate, curve, np.where(rate > 0, time / _positive(rate), np.inf))

    return _signed(source - scale * background, contributions, slopes)


def pgstat(source: Floats, background: Floats, variance: Floats, scale: Floats) -> Statistic:
    """Make PG: a Poisson deviance and a Gaussian term, at the best background rate that is not negative.

    With times as for W, and v the variance of B, f is the larger root of
    t**2 f**2 + (v - t B + t**2 m) f + v m - S v - t B m = 0. Without an error (v = 0) the background is B / t.
    """
    time = 1 / scale

    def rates(model: Floats) -> Floats:
        linear = variance - time * background + time**2 * model
        constant = variance * model - source * variance - time * background * model
        root = np.sqrt(np.maximum(linear**2 - 4 * time**2 * constant, 0.0))
        above = root + linear
        rate = np.where(linear > 0, -2 * constant / np.where(above > 0, above, 1.0), (root - linear) / (2 * time**2))
        rate = np.where(source == 0, np.maximum((background - variance / time) / time, -model), rate)
        return np.where(variance > 0, np.maximum(rate, 0.0), background / time)

    def contributions(model: Floats) -> Floats:
        rate = rates(model)
        distance = background - time * rate
        gaussian = np.where(variance > 0, distance**2 / (2 * np.where(variance > 0, variance, 1.0)), 0.0)
        return np.asarray(_deviance_or_zero(source, np.maximum(model + rate, 0.0)) + gaussian)

    def slopes(model: Floats) -> Slopes:
        rate = rates(model)
        curve = np.where((variance > 0) & (rate > 0), time**2 / np.where(variance > 0, variance, 1.0), np.inf)
        return _profile_slopes(source, model + rate, curve, curve)

    return _signed(source - scale * background, contributions, slopes)


def _positive(values: Floats) -> Floats:
    return np.maximum(values, _SMALLEST_MODEL)


def _profile_slopes(source: Floats, whole: Floats, curve: Floats, expected: Floats) -> Slopes:
    """Give the slopes of a deviance of which one part of the model is at its best.

    Parameters
    ----------
    source, whole : ndarray, shape (g,)
        Counts, and what the model expects with the part that is at its best.
    curve, expected : ndarray, shape (g,)
        Second derivatives by that part of what else depends on it; infinite where it cannot move.
    """
    positive = _positive(whole)
    ratio = np.where(source > 0, source / positive, 0.0)
    return Slopes(1 - ratio, _in_series(ratio / positive, curve), _in_series(1 / positive, expected))


def _in_series(one: Floats, other: Floats) -> Floats:
    """Give ``a b / (a + b)``, which is a for an infinite b."""
    free = np.isinf(other)
    total = one + np.where(free, 1.0, other)
    return np.where(free, one, one * np.where(free, 1.0, other) / np.where(total > 0, total, 1.0))
