"""The statistic's second derivatives at a minimum: the covariance of the parameters, and the last step down."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dtrtri

from xbatch.xray.fit.surface import Surface

__all__ = ["Curvature", "curvature", "newton"]

Floats = NDArray[np.float64]

# Steps of second derivatives of the model, in errors of each parameter alone.
_STEP = 0.05
# A free parameter nearer to a limit than this fraction of its error is at it.
_AT_LIMIT = 1e-4
# Where the statistic bends this much less along some line than across it, it does not bend at all.
_LEAST_PIVOT = 1e-11
# Newton's steps, the fall of the statistic that is worth one, and one too short for the curvature to change.
_STEPS = 4
_ENOUGH = 1e-10
_SHORT = 1e-4


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


def curvature(surface: Surface, point: Floats, low: Floats, high: Floats) -> Curvature:
    """Measure the statistic around a point.

    Parameters
    ----------
    surface : Surface
    point, low, high : ndarray, shape (f,)
    """
    slope = surface.slope(point)
    size = np.sqrt(np.maximum(slope.expected.diagonal(), 0.0))
    felt = (size > 0) & np.isfinite(size)
    reach = np.full(point.size, np.inf)
    reach[felt] = 1 / size[felt]
    near = np.where(felt, _AT_LIMIT * reach, 0.0)
    at_limit = (point - low <= near) | (high - point <= near)
    covariance, step = np.full((point.size, point.size), np.nan), np.zeros(point.size)
    unknown = Curvature(covariance, step, np.nan, at_limit, reach)
    inside = np.flatnonzero(felt & ~at_limit)
    if inside.size == 0:
        return unknown
    place = (inside[:, None], inside)
    scale = size[inside]
    scales = scale[:, None] * scale
    flat = np.linalg.eigvalsh(slope.expected[place] / scales)
    if not flat[0] > _LEAST_PIVOT * flat[-1]:
        return unknown
    steps = np.zeros(point.size)
    room = np.minimum(point - low, high - point)[inside]
    steps[inside] = np.minimum(_STEP * reach[inside], room / 2)
    whole = (slope.second + surface.bend(point, steps))[place] / scales
    root, failed = dpotrf(whole, lower=True, clean=True)
    if failed:
        return unknown
    half = dtrtri(root, lower=True)[0] / scale
    covariance[place] = half.T @ half
    fallen = half @ slope.gradient[inside]
    step[inside] = -half.T @ fallen
    return Curvature(covariance, step, float(fallen @ fallen), at_limit, reach)


def newton(surface: Surface, point: Floats, low: Floats, high: Floats) -> tuple[Floats, float, Curvature]:
    """Step from a point that an optimiser has found to the minimum of the parabola there, as long as it goes down.

    Returns
    -------
    tuple
        The point, its statistic, and the curvature there.
    """
    value = surface(point)[0]
    shape = curvature(surface, point, low, high)
    for _ in range(_STEPS):
        if not shape.fall > _ENOUGH:
            break
        moved = np.clip(point + shape.step, low, high)
        lower = surface(moved)[0]
        if not lower < value:
            break
        point, value = moved, lower
        if shape.fall <= _SHORT:
            return point, value, replace(shape, step=np.zeros(point.size), fall=0.0)
        shape = curvature(surface, point, low, high)
    return point, value, shape
