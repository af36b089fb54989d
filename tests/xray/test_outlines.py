"""Edges of shapes as lines: every point of a line lies on the edge of what `inside` tests."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from xbatch.xray.outlines import outline
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
    inside,
)

SHAPES: list[Shape] = [
    Circle(10.0, 20.0, 7.0),
    Ellipse(10.0, 20.0, 9.0, 4.0, 30.0),
    Box(10.0, 20.0, 9.0, 4.0, 25.0),
    Annulus(10.0, 20.0, 3.0, 7.0),
    EllipseAnnulus(10.0, 20.0, (4.0, 2.0), (8.0, 4.0), 40.0),
    BoxAnnulus(10.0, 20.0, (4.0, 2.0), (8.0, 4.0), 40.0),
    Panda(Annulus(10.0, 20.0, 3.0, 7.0), 20.0, 110.0),
    Panda(Annulus(10.0, 20.0, 3.0, 7.0), 300.0, 45.0),
    Panda(EllipseAnnulus(10.0, 20.0, (4.0, 2.0), (8.0, 4.0), 40.0), -30.0, 60.0),
    Panda(BoxAnnulus(10.0, 20.0, (4.0, 2.0), (8.0, 4.0), 15.0), 10.0, 200.0),
    Panda(BoxAnnulus(10.0, 20.0, (0.0, 0.0), (8.0, 4.0), 15.0), 10.0, 80.0),
    Polygon(((1.0, 1.0), (9.0, 2.0), (5.0, 8.0))),
    Point(3.0, 4.0),
]


def enclosed(lines: list[NDArray[np.float64]], x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which positions closed lines hold, an odd number of crossings being inside."""
    odd = np.zeros(x.shape, np.bool_)
    for line in lines:
        for (x0, y0), (x1, y1) in pairwise(line):
            crosses = (y0 > y) != (y1 > y)
            with np.errstate(divide="ignore", invalid="ignore"):
                odd ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return odd


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: type(getattr(shape, "ring", shape)).__name__)
def test_the_line_holds_what_the_shape_holds(shape: Shape) -> None:
    lines = outline(shape, 1e3)
    for line in lines:
        assert line.ndim == 2 and line.shape[1] == 2 and np.array_equal(line[0], line[-1])
    rng = np.random.default_rng(5)
    x, y = rng.uniform(-2, 22, 20_000), rng.uniform(-2, 32, 20_000)
    differ = enclosed(lines, x, y) != inside(shape, x, y)
    # chords cut a thousandth of a radius off arcs
    assert np.count_nonzero(differ) <= 12


@pytest.mark.parametrize("shape", [Annulus(1.0, 2.0, 3.0, 7.0), BoxAnnulus(0.0, 0.0, (4.0, 2.0), (8.0, 4.0))])
def test_a_ring_has_two_edges_and_without_a_hole_one(shape: Shape) -> None:
    assert len(outline(shape, 1e3)) == 2
    assert len(outline(Annulus(1.0, 2.0, 0.0, 7.0), 1e3)) == 1


def test_a_sector_without_end_reaches_as_far_as_it_is_let() -> None:
    (line,) = outline(Panda(Annulus(5.0, 5.0, 0.0, np.inf), 0.0, 90.0), 40.0)
    assert np.isfinite(line).all() and np.hypot(*(line - 5.0).T).max() == pytest.approx(40.0)


@given(st.floats(-720, 720), st.floats(1, 359))
def test_a_sector_of_any_turn(start: float, sweep: float) -> None:
    (line,) = outline(Panda(Annulus(0.0, 0.0, 2.0, 3.0), start, start + sweep), 10.0)
    area = 0.5 * abs(np.sum(line[:-1, 0] * line[1:, 1] - line[1:, 0] * line[:-1, 1]))
    assert area == pytest.approx(np.radians(sweep) * 0.5 * (9 - 4), rel=2e-3)
