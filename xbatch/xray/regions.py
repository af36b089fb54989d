"""Shapes on a plane of pixels, and which positions lie in them. Edges belong to a shape, as the ftools have it.

Positions are in pixels, and pixel n has its centre at n. Angles are in degrees, counter-clockwise from +x. The tests
are those of the FITS region filter (CFITSIO, as used by `extractor`), down to the order of the rounding, so that
positions on an edge fall on the same side. Only the hole of a box annulus owns its edge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.polygons import in_polygon

__all__ = [
    "Annulus",
    "Bounds",
    "Box",
    "BoxAnnulus",
    "Circle",
    "Ellipse",
    "EllipseAnnulus",
    "Panda",
    "Point",
    "Polygon",
    "Ring",
    "Shape",
    "bounds",
    "inside",
]

Bounds: TypeAlias = tuple[float, float, float, float]
_Bools: TypeAlias = NDArray[np.bool_]
_Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Circle:
    """All within `radius` of the centre."""

    x: float
    y: float
    radius: float
    include: bool = True

    def __post_init__(self) -> None:
        _sizes(self.radius)


@dataclass(frozen=True)
class Ellipse:
    """Semi-axis `a` along `angle`, semi-axis `b` across it."""

    x: float
    y: float
    a: float
    b: float
    angle: float = 0.0
    include: bool = True

    def __post_init__(self) -> None:
        _sizes(self.a, self.b)


@dataclass(frozen=True)
class Box:
    """A rectangle of full `width` along `angle` and full `height` across it."""

    x: float
    y: float
    width: float
    height: float
    angle: float = 0.0
    include: bool = True

    def __post_init__(self) -> None:
        _sizes(self.width, self.height)


@dataclass(frozen=True)
class Annulus:
    """All between two radii."""

    x: float
    y: float
    inner: float
    outer: float
    include: bool = True

    def __post_init__(self) -> None:
        _sizes(self.inner, self.outer)
        _nested((self.inner, self.outer))


@dataclass(frozen=True)
class EllipseAnnulus:
    """All between two ellipses of one centre and angle; each is a pair of semi-axes."""

    x: float
    y: float
    inner: tuple[float, float]
    outer: tuple[float, float]
    angle: float = 0.0
    include: bool = True

    def __post_init__(self) -> None:
        _sizes(*self.inner, *self.outer)
        _nested(*zip(self.inner, self.outer, strict=True))


@dataclass(frozen=True)
class BoxAnnulus:
    """All between two boxes of one centre and angle; each is a full width and a full height."""

    x: float
    y: float
    inner: tuple[float, float]
    outer: tuple[float, float]
    angle: float = 0.0
    include: bool = True

    def __post_init__(self) -> None:
        _sizes(*self.inner, *self.outer)
        _nested(*zip(self.inner, self.outer, strict=True))


Ring: TypeAlias = Annulus | EllipseAnnulus | BoxAnnulus


@dataclass(frozen=True)
class Panda:
    """The part of a ring from `start` to `stop`, counter-clockwise; the angles count from the ring's own angle."""

    ring: Ring
    start: float
    stop: float
    include: bool = True


@dataclass(frozen=True)
class Polygon:
    """A closed polygon; the last vertex is joined to the first. Inside is where the winding crosses an odd number."""

    vertices: tuple[tuple[float, float], ...]
    include: bool = True

    def __post_init__(self) -> None:
        if len(self.vertices) < 3:
            raise ValueError(f"a polygon has at least 3 vertices, not {len(self.vertices)}")
        if not all(math.isfinite(value) for vertex in self.vertices for value in vertex):
            raise ValueError("a polygon has finite vertices")


@dataclass(frozen=True)
class Point:
    """The one pixel that holds a position."""

    x: float
    y: float
    include: bool = True


Shape: TypeAlias = Circle | Ellipse | Box | Annulus | EllipseAnnulus | BoxAnnulus | Panda | Polygon | Point


def inside(shape: Shape, x: NDArray[Any], y: NDArray[Any]) -> _Bools:
    """Say which positions lie in a shape or on its edge, whether it includes or excludes.

    Parameters
    ----------
    shape : Shape
        What to test.
    x, y : array
        Positions in pixels; their shapes are broadcast, so a row and a column make a grid. Taken as 64-bit floats.

    Returns
    -------
    array of bool
    """
    px = np.asarray(x, dtype=np.float64)
    py = np.asarray(y, dtype=np.float64)
    match shape:
        case Polygon():
            found = in_polygon(np.asarray(shape.vertices, dtype=np.float64), px, py)
        case Point():
            dx, dy = px - shape.x, py - shape.y
            found = np.asarray((dx >= -0.5) & (dx < 0.5) & (dy >= -0.5) & (dy < 0.5))
        case Circle():
            found = np.asarray(_square(shape.x, shape.y, px, py) <= shape.radius * shape.radius)
        case Ellipse():
            found = _in_ellipse((shape.a, shape.b), *_along(shape, px, py))
        case Box():
            found = _in_box((shape.width, shape.height), *_along(shape, px, py))
        case Panda():
            found = _in_panda(shape, px, py)
        case _:
            found = _in_ring(shape, px, py)
    return found


def bounds(shape: Shape) -> Bounds:
    """Give the smallest and largest x, then the smallest and largest y of a shape, in pixels; a sector has no end."""
    match shape:
        case Polygon():
            xs, ys = zip(*shape.vertices, strict=True)
            edges = (min(xs), max(xs), min(ys), max(ys))
        case Point():
            edges = (shape.x - 0.5, shape.x + 0.5, shape.y - 0.5, shape.y + 0.5)
        case Panda():
            edges = bounds(shape.ring)
        case Circle():
            edges = _around(shape.x, shape.y, shape.radius, shape.radius)
        case Annulus():
            edges = _around(shape.x, shape.y, shape.outer, shape.outer)
        case Ellipse():
            edges = _ellipse_bounds(shape.x, shape.y, (shape.a, shape.b), shape.angle)
        case EllipseAnnulus():
            edges = _ellipse_bounds(shape.x, shape.y, shape.outer, shape.angle)
        case Box():
            edges = _box_bounds(shape.x, shape.y, (shape.width, shape.height), shape.angle)
        case BoxAnnulus():
            edges = _box_bounds(shape.x, shape.y, shape.outer, shape.angle)
    return edges


def _sizes(*values: float) -> None:
    if any(math.isnan(value) or value < 0 for value in values):
        raise ValueError(f"a size is a number that is not negative, not {min(values):g}")


def _nested(*pairs: tuple[float, float]) -> None:
    for inner, outer in pairs:
        if inner > outer:
            raise ValueError(f"the inner size {inner:g} is larger than the outer one, {outer:g}")


def _turn(angle: float) -> tuple[float, float]:
    """Give cosine and sine of an angle; whole turns are taken off first, which rounds nothing."""
    radians = math.pi * (math.fmod(angle, 360.0) / 180.0)
    return math.cos(radians), math.sin(radians)


def _square(x: float, y: float, px: _Floats, py: _Floats) -> _Floats:
    dx, dy = px - x, py - y
    return np.asarray(dx * dx + dy * dy)


def _along(
    shape: Ellipse | Box | EllipseAnnulus | BoxAnnulus | Annulus, px: _Floats, py: _Floats
) -> tuple[_Floats, _Floats]:
    """Give positions from the centre of a shape, along its angle and across it."""
    dx, dy = px - shape.x, py - shape.y
    if isinstance(shape, Annulus):
        return dx, dy
    cosine, sine = _turn(shape.angle)
    return np.asarray(dx * cosine + dy * sine), np.asarray(-dx * sine + dy * cosine)


def _ellipse_square(axes: tuple[float, float], u: _Floats, v: _Floats) -> _Floats:
    s, t = u / axes[0], v / axes[1]
    return np.asarray(s * s + t * t)


def _in_ellipse(axes: tuple[float, float], u: _Floats, v: _Floats) -> _Bools:
    if min(axes) == 0.0:
        return np.zeros(np.broadcast_shapes(u.shape, v.shape), dtype=np.bool_)
    return np.asarray(_ellipse_square(axes, u, v) <= 1.0)


def _in_box(sides: tuple[float, float], u: _Floats, v: _Floats) -> _Bools:
    return np.asarray((np.abs(u) <= 0.5 * sides[0]) & (np.abs(v) <= 0.5 * sides[1]))


def _in_ring(ring: Ring, px: _Floats, py: _Floats) -> _Bools:
    if isinstance(ring, Annulus):
        square = _square(ring.x, ring.y, px, py)
        return np.asarray((square >= ring.inner * ring.inner) & (square <= ring.outer * ring.outer))
    u, v = _along(ring, px, py)
    hole = min(ring.inner) > 0.0
    if isinstance(ring, EllipseAnnulus):
        whole = _in_ellipse(ring.outer, u, v)
        return np.asarray(whole & (_ellipse_square(ring.inner, u, v) >= 1.0)) if hole else whole
    whole = _in_box(ring.outer, u, v)
    return np.asarray(whole & ~_in_box(ring.inner, u, v)) if hole else whole


def _in_panda(panda: Panda, px: _Floats, py: _Floats) -> _Bools:
    ring = _in_ring(panda.ring, px, py)
    if abs(panda.stop - panda.start) >= 360.0:
        return ring
    u, v = _along(panda.ring, px, py)
    angle = np.degrees(np.arctan2(v, u))
    start, stop = _half_turn(panda.start), _half_turn(panda.stop)
    after, before = angle >= start, angle <= stop
    wedge = (after & before) if start <= stop else (after | before)
    centre = (u == 0.0) & (v == 0.0)
    return np.asarray(ring & (wedge | centre))


def _half_turn(angle: float) -> float:
    """Bring an angle to more than -180 and at most 180 degrees."""
    turned = math.fmod(angle, 360.0)
    if turned > 180.0:
        return turned - 360.0
    return turned + 360.0 if turned <= -180.0 else turned


def _around(x: float, y: float, half_x: float, half_y: float) -> Bounds:
    return x - half_x, x + half_x, y - half_y, y + half_y


def _ellipse_bounds(x: float, y: float, axes: tuple[float, float], angle: float) -> Bounds:
    cosine, sine = _turn(angle)
    a, b = axes
    return _around(x, y, math.hypot(a * cosine, b * sine), math.hypot(a * sine, b * cosine))


def _box_bounds(x: float, y: float, sides: tuple[float, float], angle: float) -> Bounds:
    cosine, sine = (abs(value) for value in _turn(angle))
    width, height = sides
    return _around(x, y, 0.5 * (width * cosine + height * sine), 0.5 * (width * sine + height * cosine))
