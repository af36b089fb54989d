"""The edges of shapes as closed lines, for drawing: the same shapes that events are tested against."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.regions import (
    Annulus,
    Box,
    BoxAnnulus,
    Circle,
    Ellipse,
    EllipseAnnulus,
    Panda,
    Point,
    Polygon,
    Ring,
    Shape,
)

__all__ = ["outline"]

Line = NDArray[np.float64]

#: Points to a full turn: a chord is less than a thousandth of the radius off the arc.
_POINTS = 180


def outline(shape: Shape, reach: float) -> list[Line]:
    """Give the edges of a shape.

    Parameters
    ----------
    shape : Shape
    reach : float
        Pixels; what takes the place of an outer radius that has no end.

    Returns
    -------
    list of ndarray, each of shape (n, 2)
        Closed lines in pixels: one, or two for a ring with a hole.
    """
    match shape:
        case Polygon():
            lines = [np.asarray(shape.vertices, dtype=np.float64)]
        case Point():
            lines = [_corners(shape.x, shape.y, (1.0, 1.0), 0.0)]
        case Circle():
            lines = [_arc(shape.x, shape.y, (shape.radius, shape.radius), 0.0)]
        case Ellipse():
            lines = [_arc(shape.x, shape.y, (shape.a, shape.b), shape.angle)]
        case Box():
            lines = [_corners(shape.x, shape.y, (shape.width, shape.height), shape.angle)]
        case Panda():
            lines = [_panda(shape, reach)]
        case _:
            lines = [_edge(shape, outer, reach) for outer in (True, False) if outer or _inner(shape) > 0.0]
    return [np.concatenate([line, line[:1]]) for line in lines]


def _inner(ring: Ring) -> float:
    return ring.inner if isinstance(ring, Annulus) else min(ring.inner)


def _sizes(ring: Ring, outer: bool, reach: float) -> tuple[float, float]:
    sizes = ring.outer if outer else ring.inner
    pair = (sizes, sizes) if isinstance(sizes, float | int) else sizes
    return min(pair[0], reach), min(pair[1], reach)


def _edge(ring: Ring, outer: bool, reach: float) -> Line:
    sizes = _sizes(ring, outer, reach)
    if isinstance(ring, BoxAnnulus):
        return _corners(ring.x, ring.y, sizes, ring.angle)
    return _arc(ring.x, ring.y, sizes, ring.angle if isinstance(ring, EllipseAnnulus) else 0.0)


def _panda(panda: Panda, reach: float) -> Line:
    """Go along the outer edge from the first angle to the last, and back along the inner one."""
    ring = panda.ring
    sweep = panda.stop - panda.start
    if abs(sweep) < 360.0:
        sweep %= 360.0
    steps = max(math.ceil(abs(sweep) / 360.0 * _POINTS), 1)
    turn: Line = panda.start + sweep * (np.arange(steps + 1) / steps)
    if isinstance(ring, BoxAnnulus):
        # corners lie between the steps
        corners = [angle for each in (True, False) for angle in _corner_angles(_sizes(ring, each, reach), panda, sweep)]
        turn = np.unique(np.concatenate([turn, np.array(corners)]))
    angle = 0.0 if isinstance(ring, Annulus) else ring.angle
    parts = []
    for outer, along in ((True, turn), (False, turn[::-1])):
        radius = _radius(ring, _sizes(ring, outer, reach), along)
        parts.append(_placed(ring.x, ring.y, radius * _cos(along), radius * _sin(along), angle))
    return np.concatenate(parts)


def _radius(ring: Ring, sizes: tuple[float, float], degrees: Line) -> Line:
    """Give how far an edge is from the centre in some directions."""
    if min(sizes) == 0.0:
        return np.zeros(len(degrees))
    cosine, sine = np.abs(_cos(degrees)), np.abs(_sin(degrees))
    if isinstance(ring, BoxAnnulus):
        with np.errstate(divide="ignore"):
            return np.minimum(0.5 * sizes[0] / cosine, 0.5 * sizes[1] / sine)
    return np.asarray(1.0 / np.hypot(cosine / sizes[0], sine / sizes[1]))


def _corner_angles(sizes: tuple[float, float], panda: Panda, sweep: float) -> list[float]:
    corner = math.degrees(math.atan2(sizes[1], sizes[0]))
    found = []
    for angle in (corner, 180.0 - corner, 180.0 + corner, 360.0 - corner):
        at = panda.start + (angle - panda.start) % 360.0
        if at <= panda.start + sweep:
            found.append(at)
    return found


def _arc(x: float, y: float, axes: tuple[float, float], angle: float) -> Line:
    turn = np.arange(_POINTS) * (360.0 / _POINTS)
    return _placed(x, y, axes[0] * _cos(turn), axes[1] * _sin(turn), angle)


def _corners(x: float, y: float, sides: tuple[float, float], angle: float) -> Line:
    u = 0.5 * sides[0] * np.array([-1.0, 1.0, 1.0, -1.0])
    v = 0.5 * sides[1] * np.array([-1.0, -1.0, 1.0, 1.0])
    return _placed(x, y, u, v, angle)


def _placed(x: float, y: float, u: Line, v: Line, angle: float) -> Line:
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return np.column_stack([x + u * cosine - v * sine, y + u * sine + v * cosine])


def _cos(degrees: NDArray[Any]) -> Line:
    return np.asarray(np.cos(np.radians(degrees)))


def _sin(degrees: NDArray[Any]) -> Line:
    return np.asarray(np.sin(np.radians(degrees)))
