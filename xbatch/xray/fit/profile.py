"""Confidence intervals from the profile of the statistic: one parameter held, all others fitted again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.fit.curvature import Curvature
from xbatch.xray.fit.optimise import minimise
from xbatch.xray.fit.surface import Surface

__all__ = ["LOWER", "Limit", "LowerMinimumError", "profile_limit"]

Floats = NDArray[np.float64]

# The root of the statistic's rise is found to this fraction of its aim: 0.05 % of an error bar.
_TOLERANCE = 5e-4
#: A statistic this much lower than the minimum is another minimum.
LOWER = 1e-3
_PRECISION = 1e-4
_TRIES = 40
_FURTHEST = 4.0
_BEYOND = 1.1
_NEAREST = 0.01


class LowerMinimumError(Exception):
    """The statistic is lower than at the supposed minimum; `free` says where."""

    def __init__(self, free: Floats, statistic: float) -> None:
        super().__init__(f"a lower minimum was found: {statistic:.6g}")
        self.free = free
        self.statistic = statistic


@dataclass(frozen=True)
class Limit:
    """One end of an interval.

    Attributes
    ----------
    value : float or None
        The parameter's value, or None where the statistic does not rise enough.
    note : str
        Why there is none: ``pegged at min``, ``not found``.
    """

    value: float | None
    note: str = ""


def profile_limit(
    surface: Surface,
    best: Floats,
    statistic: float,
    shape: Curvature,
    number: int,
    sign: int,
    low: Floats,
    high: Floats,
    delta: float,
) -> Limit:
    """Find where the profile of the statistic has risen by `delta` on one side of the best value.

    The root of the rise is close to a straight line in the parameter: the method of Illinois finds where it crosses,
    always between two values that are known to be on either side.

    Parameters
    ----------
    surface : Surface
    best : ndarray, shape (f,)
    statistic : float
        Its value at `best`.
    shape : Curvature
        Of the statistic at `best`, for the first step and for where the other parameters are looked for.
    number : int
        The parameter.
    sign : int
        -1 for the lower end, 1 for the upper.
    low, high : ndarray, shape (f,)
    delta : float

    Raises
    ------
    LowerMinimumError
        `best` is not the minimum.
    """
    wall = float(high[number] if sign > 0 else low[number])
    aim = float(np.sqrt(delta))
    ridge = np.nan_to_num(shape.covariance[:, number] / shape.covariance[number, number])
    profile = _Profile(surface, best, statistic, number, low, high, ridge)
    start = float(best[number])
    inner, below = start, -aim
    outer, above = wall, np.nan
    error = float(np.sqrt(shape.covariance[number, number]))
    step = aim * (error if np.isfinite(error) else float(shape.reach[number]))
    side = 0
    for _ in range(_TRIES):
        at = inner + sign * step if np.isnan(above) else outer - (outer - inner) * _share(below, above)
        clipped = np.isnan(above) and not sign * at < sign * wall
        at = wall if clipped else at
        off = profile.rise(at) - aim
        if abs(off) <= _TOLERANCE * aim:
            return Limit(at)
        if off > 0:
            below = below / 2 if side > 0 else below
            outer, above, side = at, off, 1
        elif clipped:
            return Limit(None, f"pegged at {'max' if sign > 0 else 'min'}")
        else:
            # A little further than a straight line says: to be beyond is worth more than to be near.
            wanted = _BEYOND * abs(at - inner) * -off / (off - below) if off > below else np.inf
            step = min(wanted, _FURTHEST * max(step, abs(at - start)))
            above = above / 2 if side < 0 else above
            inner, below, side = at, off, -1
    return Limit(None, "not found")


def _share(below: float, above: float) -> float:
    """Give how far from the outer end to the inner one a straight line crosses, not too near to either."""
    share = above / (above - below) if np.isfinite(above) else 0.5
    return float(np.clip(share, _NEAREST, 1 - _NEAREST))


class _Profile:
    """The lowest statistic for a value of one parameter."""

    def __init__(
        self,
        surface: Surface,
        best: Floats,
        statistic: float,
        number: int,
        low: Floats,
        high: Floats,
        ridge: Floats,
    ) -> None:
        self._surface, self._best, self._statistic, self._number = surface, best, statistic, number
        self._ridge = ridge
        self._others = np.arange(best.size) != number
        self._low, self._high = low, high
        self._known: list[tuple[float, Floats]] = [(float(best[number]), best)]

    def rise(self, at: float) -> float:
        """Give the root of the rise of the statistic over the minimum.

        Raises
        ------
        LowerMinimumError
            The rise is negative.
        """
        free, value = self._lowest(at)
        if value < self._statistic - LOWER:
            raise LowerMinimumError(free, value)
        return float(np.sqrt(max(value - self._statistic, 0.0)))

    def _lowest(self, at: float) -> tuple[Floats, float]:
        start = np.clip(self._start(at), self._low, self._high)
        start[self._number] = at
        found = minimise(self._surface, start, self._low, self._high, tolerance=_PRECISION, moving=self._others)
        self._known.append((at, found.free))
        return found.free, found.statistic

    def _start(self, at: float) -> Floats:
        """Give where the other parameters are looked for: along the ridge from the nearest value that is known."""
        known, free = min(self._known, key=lambda item: abs(item[0] - at))
        return np.asarray(free + self._ridge * (at - known))
