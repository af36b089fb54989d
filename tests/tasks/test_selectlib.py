"""Tests of regions written as SAS selects by: read back by a parser of that language and compared with the masks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.fakes.sas.expression import parse
from xbatch.tasks._selectlib import region_expression, shape_expression
from xbatch.xray.region_masks import RULES, Rule, selected
from xbatch.xray.regions import (
    Annulus,
    Box,
    BoxAnnulus,
    Circle,
    Ellipse,
    EllipseAnnulus,
    Panda,
    Polygon,
    Shape,
)

PLACE = st.integers(-40, 40).map(float)
SIZE = st.integers(1, 60).map(float)
ANGLE = st.integers(-360, 360).map(float)
INCLUDE = st.booleans()


def _pair() -> st.SearchStrategy[tuple[float, float]]:
    return st.tuples(SIZE, st.integers(1, 40).map(float)).map(lambda both: (both[0], both[0] + both[1]))


SHAPES = st.one_of(
    st.builds(Circle, PLACE, PLACE, SIZE, INCLUDE),
    st.builds(lambda x, y, r, include: Annulus(x, y, *r, include), PLACE, PLACE, _pair(), INCLUDE),
    st.builds(lambda x, y, r, include: Annulus(x, y, 0.0, r, include), PLACE, PLACE, SIZE, INCLUDE),
    st.builds(Ellipse, PLACE, PLACE, SIZE, SIZE, ANGLE, INCLUDE),
    st.builds(Box, PLACE, PLACE, SIZE, SIZE, ANGLE, INCLUDE),
    st.builds(
        lambda x, y, a, b, angle, include: EllipseAnnulus(x, y, (a[0], b[0]), (a[1], b[1]), angle, include),
        PLACE, PLACE, _pair(), _pair(), ANGLE, INCLUDE,
    ),
    st.builds(
        lambda x, y, a, b, angle, include: BoxAnnulus(x, y, (a[0], b[0]), (a[1], b[1]), angle, include),
        PLACE, PLACE, _pair(), _pair(), ANGLE, INCLUDE,
    ),
    st.builds(
        lambda x, y, r, start, span, include: Panda(Annulus(x, y, *r), start, start + span, include),
        PLACE, PLACE, _pair(), ANGLE, st.integers(1, 359).map(float), INCLUDE,
    ),
    st.builds(
        lambda x, y, w, h, include: Polygon(((x, y), (x + w, y), (x, y + h)), include), PLACE, PLACE, SIZE, SIZE,
        INCLUDE,
    ),
)  # fmt: skip
# off the edges of the shapes above, of which each program has its own opinion
_AXIS = np.arange(-100.0, 100.0, 3.3) + 0.137
X, Y = (values.ravel() for values in np.meshgrid(_AXIS, _AXIS + 0.071))


def chosen(expression: str) -> NDArray[np.bool_]:
    def column(name: str) -> NDArray[Any]:
        return {"X": X, "Y": Y, "": X}[name]

    def gtis(_: Path) -> NDArray[np.float64]:
        raise AssertionError("a region has no times")

    return np.broadcast_to(parse(expression, ["X", "Y"]).mask(column, gtis), X.shape)


@given(SHAPES)
def test_a_shape_is_where_it_was(shape: Shape) -> None:
    from xbatch.xray.regions import inside

    assert np.count_nonzero(chosen(shape_expression(shape)) != inside(shape, X, Y)) <= 2  # on an edge after all


@given(st.lists(SHAPES, min_size=1, max_size=5), st.sampled_from(RULES))
def test_a_region_is_where_it_was(shapes: list[Shape], rule: Rule) -> None:
    differ = chosen(region_expression(shapes, rule)) != selected(shapes, X, Y, rule)
    assert np.count_nonzero(differ) <= 2 * len(shapes)


@given(st.lists(SHAPES, min_size=1, max_size=4), st.sampled_from(RULES))
def test_a_region_may_be_followed_by_more_conditions(shapes: list[Shape], rule: Rule) -> None:
    region = region_expression(shapes, rule)
    assert np.array_equal(chosen(f"{region}&&(X>0)"), chosen(region) & (X > 0))


def test_words() -> None:
    source = Annulus(27000.5, 26000.25, 0.0, 1000.0)
    assert region_expression([source], "file-order") == "((X,Y) IN CIRCLE(27000.5,26000.25,1000))"
    ring = Annulus(27000.5, 26000.25, 60.0, 1000.0)
    assert shape_expression(ring) == "((X,Y) IN ANNULUS(27000.5,26000.25,60,1000))"
    # half the sides
    assert shape_expression(Box(10.0, 20.0, 30.0, 40.0, 15.0)) == "((X,Y) IN BOX(10,20,15,20,15))"
    both = [Circle(1.0, 2.0, 3.0), Circle(4.0, 5.0, 6.0), Circle(7.0, 8.0, 9.0, include=False)]
    assert region_expression(both, "exclude-last") == (
        "((((X,Y) IN CIRCLE(1,2,3))||((X,Y) IN CIRCLE(4,5,6)))&&!((X,Y) IN CIRCLE(7,8,9)))"
    )
    assert region_expression([Circle(7.0, 8.0, 9.0, include=False)], "file-order") == (
        "(true&&!((X,Y) IN CIRCLE(7,8,9)))"
    )
    assert shape_expression(Circle(-0.00001, 1 / 3, 2.0)) == "((X,Y) IN CIRCLE(0,0.3333,2))"


def test_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="without shapes"):
        region_expression([], "file-order")
    with pytest.raises(ValueError, match="combined by"):
        region_expression([Circle(0, 0, 1)], "any")  # type: ignore[arg-type]
