"""Components remember the last few results, and give what they would give without a memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from xbatch.xray.components import COMPONENTS, Component, Evaluator, Smooth
from xbatch.xray.fit.remembering import GridComponent, place_component, remember_convolver

Floats = NDArray[np.float64]
EDGES = np.geomspace(0.5, 12.0, 31)


def _placed(kind: Component) -> GridComponent:
    return place_component(kind, EDGES, EDGES.tobytes(), "wilm", "vern")


def _counted(kind: Component) -> tuple[Component, list[tuple[float, ...]]]:
    """Give a component that says what it is asked for; it is none of those that all fits share."""
    asked: list[tuple[float, ...]] = []

    def prepare(edges: Floats, abund: str, xsect: str) -> Evaluator:
        inner = kind.prepare(edges, abund, xsect)

        def evaluate(params: Sequence[float]) -> Floats:
            asked.append(tuple(params))
            return inner(params)

        return Smooth(evaluate, inner.slopes) if isinstance(inner, Smooth) else evaluate

    return replace(kind, prepare=prepare), asked


@given(st.lists(st.tuples(st.floats(-2.0, 4.0), st.floats(-1.0, 5.0)), min_size=1, max_size=12))
def test_results_are_those_without_a_memory(asked: list[tuple[float, float]]) -> None:
    placed, kind = _placed(COMPONENTS["powerlaw"]), COMPONENTS["powerlaw"]
    for values in (*asked, *asked):
        np.testing.assert_allclose(placed.evaluate(values), kind.evaluate(EDGES, values), rtol=1e-13, atol=1e-300)


def test_a_norm_scales_what_is_there() -> None:
    kind, asked = _counted(COMPONENTS["powerlaw"])
    placed = _placed(kind)
    one, two = placed.evaluate((1.8, 1.0)), placed.evaluate((1.8, 2.5))
    assert np.array_equal(two, 2.5 * one)
    assert asked == [(1.8, 1.0)]


def test_a_few_results_are_kept_and_no_more() -> None:
    kind, asked = _counted(COMPONENTS["phabs"])
    placed = _placed(kind)
    for column in (0.1, 0.2, 0.1, 0.2):
        placed.evaluate((column,))
    assert asked == [(0.1,), (0.2,)]
    for column in (0.3, 0.4, 0.5, 0.1):
        placed.evaluate((column,))
    assert asked.count((0.1,)) == 2


@pytest.mark.parametrize(
    ("name", "values"),
    [("powerlaw", (1.8, 0.03)), ("gaussian", (6.4, 0.8, 2e-3)), ("phabs", (0.7,)), ("constant", (1.2,))],
)
def test_derivatives_are_those_of_the_values(name: str, values: tuple[float, ...]) -> None:
    placed = _placed(COMPONENTS[name])
    assert placed.slopes is not None
    slopes = placed.slopes(values)
    assert len(slopes) == len(values)
    for place, (slope, number) in enumerate(slopes):
        size = 1e-5 * values[place]
        ends = [
            placed.evaluate((*values[:place], values[place] + step, *values[place + 1 :])) for step in (-size, size)
        ]
        expected = (ends[1] - ends[0]) / (2 * size)
        np.testing.assert_allclose(slope * number, expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())


def test_a_component_that_knows_no_derivatives_says_so() -> None:
    assert _placed(COMPONENTS["highecut"]).slopes is None


def test_a_component_of_the_users_own_is_prepared_each_time() -> None:
    grids: list[int] = []

    def prepare(edges: Floats, abund: str, xsect: str) -> Evaluator:
        grids.append(edges.size)
        return COMPONENTS["powerlaw"].prepare(edges, abund, xsect)

    own = replace(COMPONENTS["powerlaw"], prepare=prepare)  # of the same name, and another table
    _placed(own)
    _placed(own)
    assert grids == [EDGES.size, EDGES.size]


def test_a_convolution_remembers_values_and_spectrum_together() -> None:
    asked: list[float] = []

    def convolve(values: Sequence[float], photons: Floats) -> Floats:
        asked.append(values[0])
        return values[0] * photons[::-1]

    convolver = remember_convolver(convolve)
    one, two = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0])
    assert convolver([2.0], one).tolist() == [6.0, 4.0, 2.0]
    assert convolver((2.0,), one.copy()).tolist() == [6.0, 4.0, 2.0]
    assert asked == [2.0]
    assert convolver([2.0], two).tolist() == [8.0, 4.0, 2.0]
    assert convolver([3.0], two).tolist() == [12.0, 6.0, 3.0]
    assert asked == [2.0, 2.0, 3.0]
