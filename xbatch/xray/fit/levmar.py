"""Levenberg-Marquardt on a statistic whose slopes are known: any sum over groups, not of squares alone.

Marquardt 1963 (SIAM J. Appl. Math. 11, 431); the damping follows Nielsen 1999 (IMM-REP-1999-05). Limits are kept by an
active set: a parameter at a limit stays there as long as the statistic would fall only beyond it, and a step that leads
over a limit ends on it, or before it if that is far, with the step of the others made anew.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dposv

from xbatch.xray.fit.surface import Slope, Surface

__all__ = ["Descent", "descend"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_MOST_STEPS = 500
_FIRST_DAMPING = 1e-4
# No damping is needed where this little is left; with this much of it no step is a step.
_LEAST_DAMPING, _MOST_DAMPING = 1e-12, 1e12
# A statistic that is to fall by less than this is near its minimum: there the data's own curvature is the better guide.
_CLOSE = 0.3
# A limit that is further away than so many errors of the parameter alone is approached by this share of the way.
_FAR, _SHARE = 1.0, 0.9
# What stands for the curvature along a parameter that does nothing, and along a line on which nothing changes, relative
# to the curvature across it, so that there is an answer.
_FLOOR = 1e-30
_RIDGE = 1e-10


@dataclass(frozen=True)
class Descent:
    """Where a descent ended.

    Attributes
    ----------
    free : ndarray, shape (f,)
    statistic : float
    converged : bool
    fall : float
        By how much the statistic was still to fall.
    steps : int
    """

    free: Floats
    statistic: float
    converged: bool
    fall: float
    steps: int


def descend(
    surface: Surface, start: Floats, low: Floats, high: Floats, tolerance: float, moving: Flags | None = None
) -> Descent:
    """Go down to the minimum.

    Parameters
    ----------
    surface : Surface
    start, low, high : ndarray, shape (f,)
        A start inside the limits.
    tolerance : float
        The descent ends where the statistic would fall by no more than this.
    moving : ndarray of bool, shape (f,), or None
        The parameters that may change; all without it.
    """
    moving = np.ones(start.size, dtype=bool) if moving is None else moving
    limits, fixed = np.stack([low, high]), ~moving
    free = start.copy()
    value = _finite(surface(free)[0])
    damping, growth = _FIRST_DAMPING, 2.0
    near = False
    fall = math.inf
    for step_number in range(_MOST_STEPS):
        slope = surface.slope(free)
        gradient = slope.gradient
        inside = ~(fixed | ((free <= low) & (gradient >= 0)) | ((free >= high) & (gradient <= 0)))
        if not inside.any() or not np.isfinite(gradient).all():
            return Descent(free, value, not inside.any(), 0.0, step_number)
        second, down, scale = _guide(slope, near)
        fall = _fall(second, down, inside)
        if not near and fall < _CLOSE:
            near = True
            if slope.second is not slope.expected:
                second, down, scale = _guide(slope, near)
                fall = _fall(second, down, inside)
        if fall <= tolerance:
            return Descent(free, value, True, fall, step_number)
        room = _room(limits - free, scale)
        while True:
            step = _step(second, down, room, inside, damping)
            moved = np.minimum(np.maximum(free + step / scale, low), high)
            reached = _finite(surface(moved)[0])
            if reached < value:
                predicted = -float(step @ (2 * down + second @ step))
                gain = (value - reached) / predicted if predicted > 0 else 1.0
                damping *= min(max(1 - (2 * gain - 1) ** 3, 0.1), 2.0)
                damping, growth = max(damping, _LEAST_DAMPING), 2.0
                break
            if damping > _MOST_DAMPING:
                return Descent(free, value, False, fall, step_number)
            damping, growth = damping * growth, growth * 2
        free, value = moved, reached
    return Descent(free, value, False, fall, _MOST_STEPS)


def _finite(value: float) -> float:
    return value if math.isfinite(value) else math.inf


def _guide(slope: Slope, near: bool) -> tuple[Floats, Floats, Floats]:
    """Give curvature and gradient to go by, in units in which the curvature is 1 along each parameter, and these."""
    second = slope.second if near else slope.expected
    scale = np.sqrt(np.maximum(second.diagonal(), _FLOOR))
    return second / (scale[:, None] * scale), slope.gradient / scale, scale


def _room(away: Floats, scale: Floats) -> Floats:
    """Give how far a step may go towards the limits, shape (2, f): all the way only to those that are near.

    A line whose norm falls to 0 at once says no more where it would fit better.
    """
    room = away * scale
    return np.where(np.abs(room) > _FAR, _SHARE * room, room)


def _fall(second: Floats, down: Floats, inside: Flags) -> float:
    """Give how far the parabola's minimum lies below; infinite where it has none."""
    ridged = _raised(second, _RIDGE)
    if not inside.all():
        ridged, down = ridged[inside][:, inside], down[inside]
    way = _solved(ridged, down)
    return math.inf if way is None else max(float(down @ way), 0.0)


def _step(second: Floats, down: Floats, room: Floats, inside: Flags, damping: float) -> Floats:
    """Give the damped step, which ends on the limits that it meets; none where there is no such step.

    `room` is how far the lower and upper limits are, shape (2, f); `inside` are the parameters that may move.
    """
    damped = _raised(second, damping)
    whole = inside.all()
    way = _solved(damped, down) if whole else None
    if way is not None and ((way < -room[0]) & (way > -room[1])).all():
        return -way
    step: Floats = np.zeros(down.size)
    for _ in range(down.size):
        rest = down + second @ np.where(inside, 0.0, step)
        way = _solved(damped[inside][:, inside], rest[inside])
        if way is None:
            return np.zeros(down.size)
        step[inside] = -way
        over = inside & ((step < room[0]) | (step > room[1]))
        if not over.any():
            break
        step[over] = np.where(step < room[0], *room)[over]
        inside = inside & ~over
        if not inside.any():
            break
    return step


def _raised(second: Floats, by: float) -> Floats:
    """Add a number to the diagonal."""
    result = second.copy()
    result.ravel()[:: second.shape[0] + 1] += by
    return result


def _solved(second: Floats, right: Floats) -> Floats | None:
    """Solve for a step, where the curvature is positive along every line."""
    _, way, failed = dposv(second, right)
    return None if failed else np.asarray(way)
