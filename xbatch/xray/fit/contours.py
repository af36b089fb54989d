"""Confidence regions of two parameters: both held on a grid, all others fitted again at each of its points."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.fit.curvature import Curvature
from xbatch.xray.fit.optimise import minimise
from xbatch.xray.fit.profile import LOWER, LowerMinimumError, profile_limit
from xbatch.xray.fit.surface import Surface

__all__ = ["Contour", "UndeterminedError", "contour", "contours"]

Floats = NDArray[np.float64]

# Of the statistic; a contour needs no more.
_PRECISION = 1e-3
# How far the grid reaches, in errors of one parameter: beyond 99 % of both together, which is 3.03.
_REACH = 4.0
_POINTS = 25
_LOGGER = logging.getLogger(__name__)


class UndeterminedError(ValueError):
    """The data do not determine one of the two parameters."""


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


def contours(
    surface: Surface,
    best: Floats,
    statistic: float,
    shape: Curvature,
    pairs: Sequence[tuple[str, str]],
    names: Sequence[str],
    low: Floats,
    high: Floats,
) -> tuple[tuple[Contour, ...], tuple[str, ...]]:
    """Measure the rise over each pair of parameters; a pair that has no contours has a note that says why.

    Parameters
    ----------
    surface, best, statistic, shape, low, high
        As `contour`.
    pairs : sequence of two str
    names : sequence of str
        Those of all free parameters, in order.

    Raises
    ------
    LowerMinimumError
        `best` is not the minimum.
    ValueError
        A parameter of a pair is not free.
    """
    missing = [name for pair in pairs for name in pair if name not in names]
    if missing:
        raise ValueError(f"there are no contours of {missing[0]}: it is not free; free are {', '.join(names)}")
    found, notes = [], []
    for pair in pairs:
        numbers = (names.index(pair[0]), names.index(pair[1]))
        try:
            found.append(contour(surface, best, statistic, shape, numbers, pair, low, high))
        except UndeterminedError as error:
            notes.append(str(error))
    return tuple(found), tuple(notes)


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

    The grid reaches four errors to either side, or to a limit. From a parameter that is at its limit it reaches to
    where the statistic has risen as far with all others at their best.

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
    UndeterminedError
        The data do not determine one of the two.
    """
    axes = [
        np.linspace(*_ends(surface, best, statistic, shape, number, name, low, high), points)
        for number, name in zip(pair, names, strict=True)
    ]
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


def _ends(
    surface: Surface,
    best: Floats,
    statistic: float,
    shape: Curvature,
    number: int,
    name: str,
    low: Floats,
    high: Floats,
) -> tuple[float, float]:
    """Give where the grid of a parameter begins and ends."""
    start, bottom, top = float(best[number]), float(low[number]), float(high[number])
    error = float(np.sqrt(shape.covariance[number, number]))
    if np.isfinite(error):
        return max(start - _REACH * error, bottom), min(start + _REACH * error, top)
    if not shape.at_limit[number]:
        raise UndeterminedError(f"there are no contours of {name}: the data do not determine it")
    sign = 1 if start - bottom <= top - start else -1
    found = profile_limit(surface, best, statistic, shape, number, sign, low, high, _REACH**2)
    if found.value is None and not found.note.startswith("pegged"):
        raise UndeterminedError(f"there are no contours of {name}: it is at a limit, and no end of it was found")
    end = (top if sign > 0 else bottom) if found.value is None else found.value
    return (start, end) if sign > 0 else (end, start)


def _ridge(shape: Curvature, pair: tuple[int, int], moving: NDArray[np.bool_]) -> Floats:
    """Give how the others follow the two, shape (f - 2, 2); none follow one that is at its limit."""
    ridge = np.zeros((int(moving.sum()), 2))
    known = np.isfinite(shape.covariance.diagonal()[list(pair)])
    there = np.array(pair)[known]
    if there.size:
        own = shape.covariance[np.ix_(there, there)]
        ridge[:, known] = np.nan_to_num(shape.covariance[np.ix_(moving, there)]) @ np.linalg.pinv(own)
    return ridge
