"""Large regions by cells: nothing may differ from looking at every pixel."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.xray import region_masks
from xbatch.xray.region_cells import clearance, cut_into_cells
from xbatch.xray.region_masks import RULES, Field, Rule, mask, pixels_inside, region_parts
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

FIELD = Field(3, 53, 1, 40)
X = np.arange(FIELD.x_first, FIELD.x_last + 1.0)
Y = np.arange(FIELD.y_first, FIELD.y_last + 1.0)[:, np.newaxis]
_PLACE = st.floats(-10, 60)
_SIZE = st.floats(0.5, 40)
_ANGLE = st.floats(-400, 400)
_SIDE = st.booleans()
RINGS = st.one_of(
    st.builds(lambda x, y, a, b: Annulus(x, y, min(a, b), max(a, b)), _PLACE, _PLACE, _SIZE, _SIZE),
    st.builds(
        lambda x, y, a, b, t: EllipseAnnulus(x, y, (a, b), (2 * a, b + 9), t), _PLACE, _PLACE, _SIZE, _SIZE, _ANGLE
    ),
    st.builds(lambda x, y, a, b, t: BoxAnnulus(x, y, (a, b), (2 * a, b + 9), t), _PLACE, _PLACE, _SIZE, _SIZE, _ANGLE),
)
SHAPES = st.one_of(
    st.builds(Circle, _PLACE, _PLACE, _SIZE, _SIDE),
    st.builds(Ellipse, _PLACE, _PLACE, _SIZE, _SIZE, _ANGLE, _SIDE),
    st.builds(Box, _PLACE, _PLACE, _SIZE, _SIZE, _ANGLE, _SIDE),
    st.builds(Point, _PLACE, _PLACE, _SIDE),
    st.builds(
        lambda points, side: Polygon(tuple(points), side),
        st.lists(st.tuples(_PLACE, _PLACE), min_size=3, max_size=7),
        _SIDE,
    ),
    RINGS,
    st.builds(Panda, RINGS, _ANGLE, _ANGLE, _SIDE),
)


@given(SHAPES)
def test_no_edge_is_nearer_than_the_clearance(shape: Shape) -> None:
    bound = np.broadcast_to(clearance(shape, X, Y), (40, 51))
    held = inside(shape, X, Y)
    known = np.abs(bound) > 1e-6
    if not isinstance(shape, Polygon):
        assert np.array_equal(held[known], (bound < 0)[known])
    # neighbours on two sides are within a pixel of an edge
    assert np.all(np.abs(bound[:, :-1][held[:, :-1] != held[:, 1:]]) <= 1.0 + 1e-9)
    assert np.all(np.abs(bound[:-1][held[:-1] != held[1:]]) <= 1.0 + 1e-9)


@given(st.lists(SHAPES, min_size=1, max_size=4), st.sampled_from(RULES), st.sampled_from([3, 8]))
def test_cells_give_the_same_pixels(shapes: list[Shape], rule: Rule, size: int) -> None:
    wanted = mask(shapes, FIELD, rule)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(region_masks, "_BLOCK", 200)
        patch.setattr(region_masks, "_CELL", size)
        assert pixels_inside(shapes, FIELD, rule) == np.count_nonzero(wanted)
        drawn = np.zeros_like(wanted, dtype=int)
        for pixels, x, y in region_parts(shapes, FIELD, rule):
            side = math.isqrt(pixels // len(x)) if len(x) else 0
            for dx, dy in np.ndindex(side, side):
                left, low = x - 0.5 * (side - 1) + dx - FIELD.x_first, y - 0.5 * (side - 1) + dy - FIELD.y_first
                np.add.at(drawn, (low.astype(int), left.astype(int)), 1)
        assert np.array_equal(drawn, wanted)


def test_crossed_cells_and_others_fill_the_rectangle() -> None:
    cells = cut_into_cells([Circle(50, 40, 20)], (3, 1), (103, 90), 8)
    drawn = np.zeros((40, 51), dtype=int)
    for x, x_last, y, y_last in cells.runs():
        drawn[y - 1 : y_last, x - 3 : x_last - 2] += 1
    for x, y in zip(*cells.centres(), strict=True):
        drawn[int(y - 4.5) : int(y + 3.5), int(x - 6.5) : int(x + 1.5)] += 1
    assert np.all(drawn == 1) and 0 < np.count_nonzero(cells.crossed) < cells.crossed.size / 2


def test_a_large_field_takes_no_time() -> None:
    field = Field(1, 51840, 1, 51840)
    assert pixels_inside([Box(25920.5, 25920.5, 40000, 30000)], field) == 40000 * 30000
    assert pixels_inside([Circle(25000, 25000, 18000)], field) == pytest.approx(math.pi * 18000**2, rel=1e-6)
    whole, hole = Circle(25000, 25000, 5000), Circle(25000, 25000, 2000, include=False)
    assert pixels_inside([whole, hole], field) == pixels_inside([whole], field) - 12566345
