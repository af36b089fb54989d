"""Shapes against geometry worked out in other ways: complex numbers, matplotlib's paths, areas, symmetries."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.path import Path as Outline
from numpy.typing import NDArray

from xbatch.xray.polygons import draw_polygon, in_polygon
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
    bounds,
    inside,
)

SIDE = 41
COLUMNS = np.arange(1, SIDE + 1)
ROWS = COLUMNS[:, np.newaxis]
GRID = COLUMNS + 1j * ROWS

CENTRES = st.floats(5.0, 37.0)
SIZES = st.floats(0.25, 25.0)
ANGLES = st.floats(-400.0, 400.0)


def _away(distance: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where rounding cannot matter."""
    return np.abs(distance) > 1e-6


def _agree(shape: Shape, distance: NDArray[np.float64]) -> None:
    """A shape holds what lies at a negative distance from its edge."""
    far = _away(distance)
    np.testing.assert_array_equal(inside(shape, COLUMNS, ROWS)[far], (distance < 0)[far])


@given(x=CENTRES, y=CENTRES, radius=SIZES)
def test_circle(x: float, y: float, radius: float) -> None:
    _agree(Circle(x, y, radius), np.abs(GRID - complex(x, y)) - radius)


@given(x=CENTRES, y=CENTRES, a=SIZES, b=SIZES, angle=ANGLES)
def test_ellipse_by_its_foci(x: float, y: float, a: float, b: float, angle: float) -> None:
    along = angle if a >= b else angle + 90.0
    focus = math.sqrt(abs(a * a - b * b)) * np.exp(1j * np.radians(along))
    from_centre = GRID - complex(x, y)
    _agree(Ellipse(x, y, a, b, angle), np.abs(from_centre - focus) + np.abs(from_centre + focus) - 2 * max(a, b))


@given(x=CENTRES, y=CENTRES, width=SIZES, height=SIZES, angle=ANGLES)
def test_box(x: float, y: float, width: float, height: float, angle: float) -> None:
    turned = (GRID - complex(x, y)) * np.exp(-1j * np.radians(angle))
    _agree(
        Box(x, y, width, height, angle), np.maximum(np.abs(turned.real) - width / 2, np.abs(turned.imag) - height / 2)
    )


@given(x=CENTRES, y=CENTRES, inner=SIZES, more=SIZES)
def test_annulus_is_a_circle_less_a_circle(x: float, y: float, inner: float, more: float) -> None:
    radius = np.abs(GRID - complex(x, y))
    _agree(Annulus(x, y, inner, inner + more), np.maximum(inner - radius, radius - inner - more))


@given(x=CENTRES, y=CENTRES, a=SIZES, b=SIZES, factor=st.floats(1.01, 3.0), angle=ANGLES)
def test_rings_are_the_outer_shape_less_the_inner(
    x: float, y: float, a: float, b: float, factor: float, angle: float
) -> None:
    inner, within, outer = (a, b), (a * 0.999, b * 0.999), (a * factor, b * factor)
    ring = inside(EllipseAnnulus(x, y, inner, outer, angle), COLUMNS, ROWS)
    hole = inside(Ellipse(x, y, *inner, angle), COLUMNS, ROWS)
    np.testing.assert_array_equal(ring | hole, inside(Ellipse(x, y, *outer, angle), COLUMNS, ROWS))
    assert not (ring & inside(Ellipse(x, y, *within, angle), COLUMNS, ROWS)).any()
    boxes = inside(Box(x, y, *outer, angle), COLUMNS, ROWS) & ~inside(Box(x, y, *inner, angle), COLUMNS, ROWS)
    np.testing.assert_array_equal(inside(BoxAnnulus(x, y, inner, outer, angle), COLUMNS, ROWS), boxes)


@given(x=CENTRES, y=CENTRES, start=ANGLES, sweep=st.floats(1.0, 359.0))
def test_panda_by_the_angle_from_its_start(x: float, y: float, start: float, sweep: float) -> None:
    ring = Annulus(x, y, 3.0, 17.0)
    from_start = np.angle((GRID - complex(x, y)) * np.exp(-1j * np.radians(start)), deg=True) % 360.0
    near = np.minimum(np.minimum(from_start, 360.0 - from_start), np.abs(from_start - sweep)) < 1e-6
    found = inside(Panda(ring, start, start + sweep), COLUMNS, ROWS)
    wanted = inside(ring, COLUMNS, ROWS) & (from_start < sweep)
    np.testing.assert_array_equal(found[~near], wanted[~near])


@given(cuts=st.lists(st.floats(0.0, 360.0), min_size=1, max_size=6, unique=True), angle=ANGLES)
def test_pandas_around_the_circle_make_the_ring(cuts: list[float], angle: float) -> None:
    edges = sorted(cuts)
    for ring in (
        Annulus(20.3, 21.1, 4.0, 15.0),
        EllipseAnnulus(20.3, 21.1, (4.0, 5.0), (15.0, 9.0), angle),
        BoxAnnulus(20.3, 21.1, (4.0, 5.0), (15.0, 9.0), angle),
    ):
        parts = [inside(Panda(ring, *pair), COLUMNS, ROWS) for pair in pairwise([*edges, edges[0] + 360.0])]
        np.testing.assert_array_equal(np.logical_or.reduce(parts), inside(ring, COLUMNS, ROWS))


def test_panda_turns_with_its_ring() -> None:
    ring = EllipseAnnulus(20.0, 20.0, (2.0, 2.0), (10.0, 5.0), 90.0)
    found = inside(Panda(ring, -10.0, 10.0), COLUMNS, ROWS)
    assert set(np.flatnonzero(found.any(axis=0)) + 1) <= {19, 20, 21}
    assert set(np.flatnonzero(found.any(axis=1)) + 1) == set(range(22, 31))


def test_sector_has_no_end() -> None:
    sector = Panda(Annulus(1.0, 1.0, 0.0, math.inf), 0.0, 45.0)
    np.testing.assert_array_equal(inside(sector, COLUMNS, ROWS), ROWS <= COLUMNS)


@given(turns=st.integers(0, 3), angle=st.integers(-359, 359))
def test_whole_turns_change_nothing(turns: int, angle: int) -> None:
    for make in (
        lambda a: Ellipse(20.0, 21.0, 12.0, 5.0, a),
        lambda a: Box(20.0, 21.0, 12.0, 6.0, a),
        lambda a: BoxAnnulus(20.0, 21.0, (4.0, 2.0), (12.0, 6.0), a),
        lambda a: Panda(Annulus(20.0, 21.0, 2.0, 10.0), a, a + 30.0),
    ):
        once, again = make(float(angle)), make(float(angle + math.copysign(360 * turns, angle)))
        np.testing.assert_array_equal(inside(once, COLUMNS, ROWS), inside(again, COLUMNS, ROWS))


@pytest.mark.parametrize(
    ("shape", "edge"),
    [
        (Circle(20, 20, 5), [(25, 20), (15, 20), (23, 24), (20, 25)]),
        (Annulus(20, 20, 5, 10), [(25, 20), (23, 24), (30, 20), (26, 28)]),
        (Ellipse(20, 20, 8, 4, 0), [(28, 20), (12, 20), (20, 24)]),
        (EllipseAnnulus(20, 20, (8, 4), (16, 8), 0), [(28, 20), (20, 24), (36, 20)]),
        (Box(20, 20, 8, 4, 0), [(24, 22), (16, 18), (20, 22)]),
        (BoxAnnulus(20, 20, (4, 2), (8, 4), 0), [(24, 22), (16, 18)]),
        (
            Polygon(((10, 10), (20, 10), (20, 20), (10, 30))),
            [(10, 10), (15, 10), (20, 15), (14, 26), (10, 30), (10, 20)],
        ),
        (Panda(Annulus(20, 20, 0, 10), 0, 90), [(20, 20), (30, 20), (20, 30), (25, 20), (20, 25)]),
    ],
)
def test_edges_belong_to_a_shape(shape: Shape, edge: list[tuple[int, int]]) -> None:
    xs, ys = (np.array(values) for values in zip(*edge, strict=True))
    assert inside(shape, xs, ys).all()


def test_hole_of_a_box_annulus_owns_its_edge_as_in_the_ftools() -> None:
    assert not inside(BoxAnnulus(20, 20, (4, 2), (8, 4), 0), np.array([22, 18, 20]), np.array([20, 21, 19])).any()


def test_point_is_one_pixel_half_open() -> None:
    found = inside(Point(20.0, 20.5), COLUMNS, ROWS)
    assert np.argwhere(found).tolist() == [[19, 19]]


def test_whole_numbers_of_any_size_do_not_overflow() -> None:
    x = np.array([30000, 29000, -30000], dtype=np.int16)
    assert inside(Circle(29500, 0, 600), x, np.zeros(3, dtype=np.int16)).tolist() == [True, True, False]


@st.composite
def polygons(draw: st.DrawFn) -> NDArray[np.float64]:
    whole = draw(st.booleans())
    number = st.integers(-5, 47).map(float) if whole else st.floats(-5.0, 47.0)
    return np.array(draw(st.lists(st.tuples(number, number), min_size=3, max_size=12)))


@given(vertices=polygons())
def test_drawn_polygon_is_the_tested_one(vertices: NDArray[np.float64]) -> None:
    tested = in_polygon(vertices, COLUMNS.astype(float), ROWS.astype(float))
    np.testing.assert_array_equal(draw_polygon(vertices, 1, 1, SIDE, SIDE), tested)


@given(seed=st.integers(0, 2**32 - 1), corners=st.integers(3, 40))
def test_star_shaped_polygon_against_matplotlib(seed: int, corners: int) -> None:
    random = np.random.default_rng(seed)
    angles = np.sort(random.uniform(0, 2 * np.pi, corners))
    radii = random.uniform(2, 20, corners)
    vertices = np.stack([20.5 + radii * np.cos(angles), 20.5 + radii * np.sin(angles)], axis=1)
    points = np.stack([GRID.real.ravel(), GRID.imag.ravel()], axis=1)
    closed = Outline(np.vstack([vertices, vertices[:1]]), closed=True)
    wanted = closed.contains_points(points).reshape(SIDE, SIDE)
    ends = np.roll(vertices, 1, axis=0) @ np.array([1, 1j]), vertices @ np.array([1, 1j])
    along = (GRID[..., np.newaxis] - ends[0]) / (ends[1] - ends[0])
    distance = np.abs(along - np.clip(along.real, 0, 1)) * np.abs(ends[1] - ends[0])
    far = distance.min(axis=-1) > 1e-6
    np.testing.assert_array_equal(draw_polygon(vertices, 1, 1, SIDE, SIDE)[far], wanted[far])


@given(
    x=st.integers(5, 30),
    y=st.integers(5, 30),
    width=st.integers(1, 9),
    height=st.integers(1, 9),
    first=st.integers(0, 3),
)
def test_rectangle_as_polygon_is_the_box(x: int, y: int, width: int, height: int, first: int) -> None:
    corners = [(x, y), (x + 2 * width, y), (x + 2 * width, y + 2 * height), (x, y + 2 * height)]
    polygon = Polygon(tuple((float(a), float(b)) for a, b in corners[first:] + corners[:first]))
    box = Box(x + width, y + height, 2 * width, 2 * height)
    np.testing.assert_array_equal(inside(polygon, COLUMNS, ROWS), inside(box, COLUMNS, ROWS))


@given(x=CENTRES, y=CENTRES, a=SIZES, b=SIZES, angle=ANGLES)
def test_nothing_lies_outside_the_bounds(x: float, y: float, a: float, b: float, angle: float) -> None:
    shapes: list[Shape] = [
        Circle(x, y, a),
        Ellipse(x, y, a, b, angle),
        Box(x, y, a, b, angle),
        EllipseAnnulus(x, y, (a / 2, b / 2), (a, b), angle),
        BoxAnnulus(x, y, (a / 2, b / 2), (a, b), angle),
        Panda(Annulus(x, y, a / 2, a), angle, angle + 100),
        Point(x, y),
        Polygon(((x, y), (x + a, y - b), (x - b, y + a))),
    ]
    for shape in shapes:
        x_low, x_high, y_low, y_high = bounds(shape)
        rows, columns = np.nonzero(inside(shape, COLUMNS, ROWS))
        assert ((columns + 1 >= math.floor(x_low)) & (columns + 1 <= math.ceil(x_high))).all()
        assert ((rows + 1 >= math.floor(y_low)) & (rows + 1 <= math.ceil(y_high))).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Circle(1, 1, -2),
        lambda: Ellipse(1, 1, 2, math.nan),
        lambda: Annulus(1, 1, 3, 2),
        lambda: BoxAnnulus(1, 1, (3, 1), (2, 2)),
        lambda: EllipseAnnulus(1, 1, (1, 3), (2, 2)),
        lambda: Polygon(((1, 1), (2, 2))),
        lambda: Polygon(((1, 1), (2, 2), (math.inf, 2))),
    ],
)
def test_impossible_shapes_are_refused(make: object) -> None:
    with pytest.raises(ValueError, match=r"size|inner|vertices"):
        make()  # type: ignore[operator]
