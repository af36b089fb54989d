"""Confidence regions of two parameters: both held on a grid, all others fitted again at each of its points."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.fit.curvature import Curvature
from xbatch.xray.fit.optimise import minimise
from xbatch.xray.fit.profile import LOWER, LowerMinimumError
from xbatch.xray.fit.surface import Surface

__all__ = ["Contour", "contour"]

Floats = NDArray[np.float64]

# Of the statistic; a contour needs no more.
_PRECISION = 1e-3
# How far the grid reaches, in errors of one parameter: beyond 99 % of both together, which is 3.03.
_REACH = 4.0
_POINTS = 25
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Contour:
    """The rise of the statistic over two parameters.

    Attributes
    ----------
    names : tuple of two str
    x, y : ndarray, shape (n,), (m,)
        Values of the first and the second.
    rise : ndarray, shape (m, n)
        How far the statistic lies above its minimum with all other parameters at their best.
    """

    names: tuple[str, str]
    x: Floats
    y: Floats
    rise: Floats


def contour(
    surface: Surface,
    best: Floats,
    statistic: float,
    shape: Curvature,
    pair: tuple[int, int],
    names: tuple[str, str],
    low: Floats,
    high: Floats,
    points: int = _POINTS,
) -> Contour:
    """Measure the rise of the statistic around a minimum.

    Parameters
    ----------
    surface : Surface
    best : ndarray, shape (f,)
    statistic : float
        Its value at `best`.
    shape : Curvature
        Of the statistic at `best`: it says how far the grid reaches.
    pair : tuple of two int
        The parameters.
    names : tuple of two str
        Theirs.
    low, high : ndarray, shape (f,)
    points : int
        Along each axis.

    Raises
    ------
    LowerMinimumError
        `best` is not the minimum.
    ValueError
        The data do not determine one of the two.
    """
    axes = [_axis(best, shape, number, name, low, high, points) for number, name in zip(pair, names, strict=True)]
    moving = np.ones(best.size, dtype=bool)
    moving[list(pair)] = False
    ridge = _ridge(shape, pair, moving)
    rise = np.empty((points, points))
    for row, y in enumerate(axes[1]):
        _LOGGER.info("contours of %s and %s: row %d of %d", *names, row + 1, points)
        for column in range(points):
            at = np.array([axes[0][column], y])
            start = best.copy()
            start[list(pair)] = at
            start[moving] += ridge @ (at - best[list(pair)])
            found = minimise(surface, start, low, high, tolerance=_PRECISION, moving=moving)
            if found.statistic < statistic - LOWER:
                raise LowerMinimumError(found.free, found.statistic)
            rise[row, column] = max(found.statistic - statistic, 0.0)
    return Contour(names, axes[0], axes[1], rise)


def _axis(best: Floats, shape: Curvature, number: int, name: str, low: Floats, high: Floats, points: int) -> Floats:
    error = float(np.sqrt(shape.covariance[number, number]))
    if not np.isfinite(error):
        raise ValueError(f"there are no contours of {name}: it is at a limit, or the data do not determine it")
    ends = np.clip(best[number] + _REACH * error * np.array([-1, 1]), low[number], high[number])
    return np.linspace(ends[0], ends[1], points)


def _ridge(shape: Curvature, pair: tuple[int, int], moving: NDArray[np.bool_]) -> Floats:
    """Give how the others follow the two, shape (f - 2, 2)."""
    columns = shape.covariance[:, [pair[0], pair[1]]]
    own = columns[[pair[0], pair[1]]]
    return np.asarray(np.nan_to_num(columns[moving]) @ np.linalg.pinv(own))
