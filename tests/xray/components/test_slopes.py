"""The derivatives that components know are those of their values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from xbatch.xray.components import COMPONENTS, Smooth

Floats = NDArray[np.float64]

WIDE, FINE = np.geomspace(0.3, 80.0, 30), np.linspace(2.0, 12.0, 400)
indices, columns = st.floats(-3, 9), st.floats(0, 30)
PARAMETERS = {
    "cabs": st.tuples(columns),
    "constant": st.tuples(st.floats(0.1, 10)),
    "gaussian": st.tuples(st.floats(1, 20), st.floats(0.01, 3), st.floats(0.1, 10)),
    "phabs": st.tuples(columns),
    "powerlaw": st.tuples(indices, st.floats(0.1, 10)),
    "tbabs": st.tuples(columns),
}


def smooth(name: str, edges: Floats) -> Smooth:
    evaluator = COMPONENTS[name].prepare(edges, "wilm", "vern")
    assert isinstance(evaluator, Smooth)
    return evaluator


def difference(evaluate: Smooth, params: tuple[float, ...], place: int, step: float) -> Floats:
    """The derivative by one parameter, from four points around it."""

    def at(number: int) -> Floats:
        moved = [*params]
        moved[place] += number * step
        return evaluate(moved)

    return np.asarray((8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step))


def test_all_that_know_their_derivatives_are_looked_at() -> None:
    know = {name for name, kind in COMPONENTS.items() if isinstance(kind.prepare(WIDE, "wilm", "vern"), Smooth)}
    assert know == set(PARAMETERS)


@pytest.mark.parametrize("edges", [WIDE, FINE], ids=["wide", "fine"])
@pytest.mark.parametrize("name", PARAMETERS)
@given(st.data())
def test_a_known_derivative_is_that_of_the_values(name: str, edges: Floats, data: st.DataObject) -> None:
    params = data.draw(PARAMETERS[name])
    evaluator = smooth(name, edges)
    slopes = evaluator.slopes(params, evaluator)
    additive = COMPONENTS[name].kind == "add"
    assert len(slopes) == len(params) - additive
    # A line changes within its width.
    step = 0.003 * (params[1] if name == "gaussian" else 1.0)
    rounding = 1e-14 * max(np.abs(evaluator(params)).max(), params[-1] if additive else 0.0) / step
    for place, slope in enumerate(slopes):
        expected = difference(evaluator, params, place, step)
        np.testing.assert_allclose(slope, expected, rtol=1e-6, atol=1e-8 * np.abs(expected).max() + rounding)


@pytest.mark.parametrize("index", [1.0, 1 + 1e-9, 0.999, 1.02, 0.5, 2.5, -40.0, 60.0])
def test_the_slope_of_a_power_law_has_no_special_index(index: float) -> None:
    """Also in one wide bin, where it is that of the closed form."""
    edges = np.array([0.5, 40.0, 40.1])
    evaluator = smooth("powerlaw", edges)
    (slope,) = evaluator.slopes((index, 1.0), evaluator)
    logarithm = np.linspace(np.log(edges[:-1]), np.log(edges[1:]), 200_001)
    photons = np.exp((1 - index) * logarithm)
    expected = -np.trapezoid(logarithm * photons, logarithm, axis=0)
    np.testing.assert_allclose(slope, expected, rtol=1e-6)


@pytest.mark.parametrize("line", [1.0, 6.4, 200.0])
def test_a_line_without_width_stays_in_its_bin(line: float) -> None:
    evaluator = smooth("gaussian", FINE)
    for slope in evaluator.slopes((line, 0.0, 1.0), evaluator):
        np.testing.assert_array_equal(slope, np.zeros(FINE.size - 1))
