"""The statistic's second derivatives at a minimum: the covariance of the parameters, and the last step to the minimum.

Derivatives are taken along axes in which the statistic is nearly round (from the contributions' first derivatives),
so that strongly correlated parameters cost no digits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cholesky, solve_triangular

from xbatch.xray.fit.optimise import Function

__all__ = ["Curvature", "curvature", "newton"]

Floats = NDArray[np.float64]

# Steps of second derivatives, in standard deviations, and of first derivatives, relative to the parameter.
_STEP = 0.05
_SLOPE_STEP = 1e-6
# A free parameter nearer to a limit than this fraction of its error is at it.
_AT_LIMIT = 1e-4
_LEAST_PIVOT = 1e-12
# Newton's steps, and the fall of the statistic that is worth another.
_STEPS = 4
_ENOUGH = 1e-9


@dataclass(frozen=True)
class Curvature:
    """The statistic near a point, as a parabola.

    Attributes
    ----------
    covariance : ndarray, shape (f, f)
        Inverse of half the second derivatives. NaN in rows and columns of parameters at a limit or without any
        effect, and everywhere if the statistic has no minimum in some direction (two parameters that do the same).
    step : ndarray, shape (f,)
        From the point to the parabola's minimum.
    fall : float
        By how much the parabola falls on that step; NaN where there is no such minimum.
    at_limit : ndarray of bool, shape (f,)
    reach : ndarray, shape (f,)
        By how much a parameter alone must change to raise the statistic by about 1; infinite if it does nothing.
    """

    covariance: Floats
    step: Floats
    fall: float
    at_limit: NDArray[np.bool_]
    reach: Floats


def curvature(function: Function, point: Floats, low: Floats, high: Floats) -> Curvature:
    """Measure the statistic around a point.

    Parameters
    ----------
    function : callable
        Free parameters to the statistic and the signed roots of its contributions.
    point, low, high : ndarray, shape (f,)
    """
    centre, residual = function(point)
    slopes = np.column_stack([_slope(function, point, n, low, high, residual) for n in range(point.size)])
    size = np.nan_to_num(np.sqrt(np.einsum("ij,ij->j", slopes, slopes)), posinf=0.0)
    reach = np.divide(1.0, size, out=np.full_like(size, np.inf), where=size > 0)
    near = np.where(np.isfinite(reach), _AT_LIMIT * reach, 0.0)
    at_limit = (point - low <= near) | (high - point <= near)
    unknown = Curvature(np.full((point.size, point.size), np.nan), np.zeros(point.size), np.nan, at_limit, reach)
    inside = np.flatnonzero(~at_limit & (size > 0))
    if inside.size == 0:
        return unknown
    axes = _round_axes(slopes[:, inside] / size[inside])
    if axes is None:
        return unknown
    axes = axes / size[inside][:, None]
    lengths = np.array([_length(axis, point[inside], low[inside], high[inside]) for axis in axes.T])

    def statistic(offset: Floats) -> float:
        moved = point.copy()
        moved[inside] += axes @ (offset * lengths)
        return function(moved)[0]

    gradient, second = _derivatives(statistic, centre, inside.size)
    try:
        root = cholesky(second / 2, lower=True)
    except (LinAlgError, ValueError):
        return unknown
    half = solve_triangular(root, (axes * lengths).T, lower=True)
    covariance, step = unknown.covariance.copy(), unknown.step.copy()
    covariance[np.ix_(inside, inside)] = half.T @ half
    slope = solve_triangular(root, gradient, lower=True)
    step[inside] = -half.T @ slope / 2
    return Curvature(covariance, step, float(slope @ slope) / 4, at_limit, reach)


def _slope(function: Function, point: Floats, number: int, low: Floats, high: Floats, residual: Floats) -> Floats:
    """Differentiate the contributions' roots by one parameter, away from a limit that is too near."""
    step = _SLOPE_STEP * max(abs(float(point[number])), _SLOPE_STEP)
    if point[number] + step > high[number]:
        step = -step
    moved = point.copy()
    moved[number] += step
    if moved[number] < low[number]:
        return np.zeros_like(residual)
    return np.asarray((function(moved)[1] - residual) / (moved[number] - point[number]))


def _round_axes(slopes: Floats) -> Floats | None:
    """Give directions, as columns, along which the contributions change by one; None if some do not change at all."""
    values, vectors = np.linalg.eigh(slopes.T @ slopes)
    if values[0] <= _LEAST_PIVOT * values[-1]:
        return None
    return np.asarray(vectors / np.sqrt(values))


def _length(axis: Floats, point: Floats, low: Floats, high: Floats) -> float:
    """Give how far to step along an axis: a fraction of an error, and half as far as leads to a limit."""
    room = np.minimum(point - low, high - point)
    share = np.abs(axis)
    limit = np.min(np.divide(room, share, out=np.full_like(room, np.inf), where=share > 0))
    return float(min(_STEP, limit / (2 * np.sqrt(point.size))))


def _derivatives(statistic: Callable[[Floats], float], centre: float, size: int) -> tuple[Floats, Floats]:
    """Give first and second differences of the statistic for unit steps."""
    unit = np.eye(size)
    up = [statistic(axis) for axis in unit]
    down = [statistic(-axis) for axis in unit]
    gradient = np.array([(u - d) / 2 for u, d in zip(up, down, strict=True)])
    second = np.diag([u + d - 2 * centre for u, d in zip(up, down, strict=True)])
    for i in range(size):
        for j in range(i):
            both = statistic(unit[i] + unit[j]) + statistic(-unit[i] - unit[j])
            second[i, j] = second[j, i] = (both - up[i] - up[j] + 2 * centre - down[i] - down[j]) / 2
    return gradient, second


def newton(function: Function, point: Floats, low: Floats, high: Floats) -> tuple[Floats, float, Curvature]:
    """Step from a point that an optimiser has found to the minimum of the parabola there, as long as it goes down.

    Returns
    -------
    tuple
        The point, its statistic, and the curvature there.
    """
    value = function(point)[0]
    for _ in range(_STEPS):
        shape = curvature(function, point, low, high)
        moved = np.clip(point + shape.step, low, high)
        lower = function(moved)[0]
        if not lower < value - _ENOUGH:
            return point, value, shape
        point, value = moved, lower
    return point, value, curvature(function, point, low, high)
