"""The numbers of shapes, and how far two shapes are apart."""

from __future__ import annotations

import numpy as np

from xbatch.xray.regions import (
    BoxAnnulus,
    EllipseAnnulus,
    Panda,
    Polygon,
    Shape,
)

__all__ = ["difference", "numbers"]


def numbers(shape: Shape) -> list[float]:
    match shape:
        case Polygon():
            return [value for vertex in shape.vertices for value in vertex]
        case Panda():
            return [*numbers(shape.ring), shape.start, shape.stop]
        case EllipseAnnulus() | BoxAnnulus():
            return [shape.x, shape.y, *shape.inner, *shape.outer, shape.angle]
        case _:
            return [float(value) for name, value in vars(shape).items() if name != "include"]


def difference(shape: Shape, other: Shape) -> float:
    """The largest difference of the numbers of two shapes; whole turns do not count."""
    assert type(shape) is type(other)
    assert shape.include is other.include
    apart = np.array(numbers(shape)) - np.array(numbers(other))
    return float(np.abs((apart + 180.0) % 360.0 - 180.0).max())
