"""Large regions by cells: squares of pixels that no edge of a shape crosses are settled by one test of their centre.

A region of XMM-Newton's 0.05 arcsec pixels may hold a thousand million of them, but only those near an edge need to be
looked at one by one. Whether an edge may cross a cell is told by a bound on the distance to it, with a pixel to spare,
so that what comes out is the same to the last pixel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
    Shape,
)

__all__ = ["Cells", "clearance", "cut_into_cells"]

_Floats = NDArray[np.float64]
_SPARE = 1.0


@dataclass(frozen=True)
class Cells:
    """A rectangle of pixels cut into squares of `size` pixels a side.

    Attributes
    ----------
    size : int
    first, last : tuple of two int
        Lowest and highest column and row of the rectangle.
    crossed : ndarray of bool, shape (rows of cells, columns of cells)
        Cells to be looked into; of the others all pixels are as their centre is.
    """

    size: int
    first: tuple[int, int]
    last: tuple[int, int]
    crossed: NDArray[np.bool_]

    def centres(self) -> tuple[_Floats, _Floats]:
        """Give the centres of the cells that are not crossed, in pixels."""
        row, column = (place.astype(np.float64) for place in np.nonzero(~self.crossed))
        middle = 0.5 * (self.size - 1)
        x: _Floats = self.size * column + (self.first[0] + middle)
        y: _Floats = self.size * row + (self.first[1] + middle)
        return x, y

    def runs(self) -> Iterator[tuple[int, int, int, int]]:
        """Give first and last column, first and last row of rectangles that hold the crossed cells and no others."""
        padded = np.pad(self.crossed, ((0, 0), (1, 1))).astype(np.int8)
        rows, begins = np.nonzero(np.diff(padded, axis=1) == 1)
        ends = np.nonzero(np.diff(padded, axis=1) == -1)[1]
        for row, begin, end in zip(rows.tolist(), begins.tolist(), ends.tolist(), strict=True):
            x, y = self.first[0] + self.size * begin, self.first[1] + self.size * row
            x_last, y_last = self.first[0] + self.size * end - 1, y + self.size - 1
            yield x, min(x_last, self.last[0]), y, min(y_last, self.last[1])


def cut_into_cells(shapes: Sequence[Shape], first: tuple[int, int], last: tuple[int, int], size: int) -> Cells:
    """Cut a rectangle of pixels into cells, and find those that an edge may cross.

    Parameters
    ----------
    shapes : sequence of Shape
    first, last : tuple of two int
        Lowest and highest column and row; cells that reach beyond the highest are among the crossed ones.
    size : int
        Pixels a side.
    """
    starts = [np.arange(low, high + 1, size, dtype=np.float64) for low, high in zip(first, last, strict=True)]
    ends = [start + size - 1 <= high for start, high in zip(starts, last, strict=True)]
    clear = ends[0] & ends[1][:, np.newaxis]
    x, y = (start + 0.5 * (size - 1) for start in starts)
    reach = size * np.sqrt(0.5) + _SPARE
    for shape in shapes:
        clear &= np.abs(clearance(shape, x, y[:, np.newaxis])) > reach
    return Cells(size, first, last, ~clear)


def clearance(shape: Shape, x: _Floats, y: _Floats) -> _Floats:
    """Give a lower bound of the distance from positions to the edge of a shape, in pixels.

    Its sign is that of the side for all but polygons, negative inside. No place nearer than the bound is on another
    side: the functions used change by no more than 1 a pixel.
    """
    match shape:
        case Circle():
            bound = np.hypot(x - shape.x, y - shape.y) - shape.radius
        case Ellipse():
            bound = _ellipse((shape.a, shape.b), *_along(shape.x, shape.y, shape.angle, x, y))
        case Box():
            bound = _box((shape.width, shape.height), *_along(shape.x, shape.y, shape.angle, x, y))
        case Annulus() | EllipseAnnulus() | BoxAnnulus():
            bound = _ring(shape, x, y)
        case Panda():
            bound = _panda(shape, x, y)
        case Point():
            bound = np.maximum(np.abs(x - shape.x), np.abs(y - shape.y)) - 0.5
        case Polygon():
            bound = _polygon(np.asarray(shape.vertices, dtype=np.float64), x, y)
    return np.asarray(bound, dtype=np.float64)


def _along(x: float, y: float, angle: float, px: _Floats, py: _Floats) -> tuple[_Floats, _Floats]:
    turn = np.radians(angle)
    dx, dy = px - x, py - y
    return dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)


def _ellipse(axes: tuple[float, float], u: _Floats, v: _Floats) -> _Floats:
    if min(axes) == 0.0:
        return np.full(np.broadcast_shapes(u.shape, v.shape), np.inf)
    # the level grows by no more than 1 over the shorter axis a pixel
    return np.asarray((np.hypot(u / axes[0], v / axes[1]) - 1.0) * min(axes))


def _box(sides: tuple[float, float], u: _Floats, v: _Floats) -> _Floats:
    return np.asarray(np.maximum(np.abs(u) - 0.5 * sides[0], np.abs(v) - 0.5 * sides[1]))


def _ring(ring: Annulus | EllipseAnnulus | BoxAnnulus, x: _Floats, y: _Floats) -> _Floats:
    if isinstance(ring, Annulus):
        distance = np.hypot(x - ring.x, y - ring.y)
        outer = distance - ring.outer
        return outer if ring.inner == 0.0 else np.maximum(outer, ring.inner - distance)
    u, v = _along(ring.x, ring.y, ring.angle, x, y)
    bound = _ellipse if isinstance(ring, EllipseAnnulus) else _box
    whole = bound(ring.outer, u, v)
    return whole if min(ring.inner) == 0.0 else np.maximum(whole, -bound(ring.inner, u, v))


def _panda(panda: Panda, x: _Floats, y: _Floats) -> _Floats:
    ring = _ring(panda.ring, x, y)
    if abs(panda.stop - panda.start) >= 360.0:
        return ring
    u, v = _along(panda.ring.x, panda.ring.y, getattr(panda.ring, "angle", 0.0), x, y)
    start, stop = np.radians(panda.start), np.radians(panda.stop)
    after = np.sin(start) * u - np.cos(start) * v
    before = np.cos(stop) * v - np.sin(stop) * u
    wide = (panda.stop - panda.start) % 360.0 > 180.0
    wedge = np.minimum(after, before) if wide else np.maximum(after, before)
    return np.asarray(np.maximum(ring, wedge))


def _polygon(vertices: _Floats, x: _Floats, y: _Floats) -> _Floats:
    nearest = np.full(np.broadcast_shapes(x.shape, y.shape), np.inf)
    for (x0, y0), (x1, y1) in zip(vertices, np.roll(vertices, -1, axis=0), strict=True):
        dx, dy = x1 - x0, y1 - y0
        length = dx * dx + dy * dy
        part = np.clip(((x - x0) * dx + (y - y0) * dy) / length, 0.0, 1.0) if length else np.zeros(())
        nearest = np.minimum(nearest, np.hypot(x - x0 - part * dx, y - y0 - part * dy))
    return nearest
