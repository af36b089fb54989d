from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from xbatch.xray.components import COMPONENTS


def test_gaussian_closed_form() -> None:
    flux = COMPONENTS["gaussian"].evaluate(np.array([6.3, 6.4, 6.5]), (6.4, 0.1, 2.0))
    np.testing.assert_allclose(flux, [0.6826894921370859] * 2, rtol=1e-13)


def test_a_redshifted_line_has_its_energy_width_and_photons_divided() -> None:
    edges = np.linspace(2, 8, 200)
    moved = COMPONENTS["zgauss"].evaluate(edges, (6.4, 0.2, 0.6, 3.0))
    np.testing.assert_allclose(moved, COMPONENTS["gaussian"].evaluate(edges, (4.0, 0.125, 1.875)), rtol=1e-13)


@pytest.mark.parametrize("name", ["gaussian", "lorentz"])
@pytest.mark.parametrize(
    ("line", "place"), [(6.25, 0), (6.3, 0), (6.5, 1), (6.50000001, 2), (7.0, 3), (6.0, 0), (5.99, None), (7.01, None)]
)
def test_a_line_without_width_lies_in_one_bin(name: str, line: float, place: int | None) -> None:
    flux = COMPONENTS[name].evaluate(np.array([6.0, 6.4, 6.5, 6.75, 7.0]), (line, 0.0, 3.0))
    expected = np.zeros(4)
    if place is not None:
        expected[place] = 3.0
    np.testing.assert_array_equal(flux, expected)


def test_half_of_a_lorentzian_lies_within_its_width() -> None:
    flux = COMPONENTS["lorentz"].evaluate(np.array([99.5, 100.5]), (100.0, 1.0, 1.0))
    assert flux[0] == pytest.approx(0.5 * np.pi / (np.pi / 2 + np.arctan(200.0)), rel=1e-13)


def test_all_of_a_lorentzian_lies_above_no_energy() -> None:
    flux = COMPONENTS["lorentz"].evaluate(np.array([1e-9, 6.4, 1e9]), (6.4, 1.0, 5.0))
    assert flux.sum() == pytest.approx(5.0, rel=1e-8)


@pytest.mark.parametrize(("sigma", "strength"), [(0.1, 0.5), (0.001, 0.01), (0.3, 20.0), (2.0, 1e-6), (0.02, 3.0)])
def test_an_absorption_line_is_the_mean_of_its_factor(sigma: float, strength: float) -> None:
    edges = np.arange(5.9, 6.95, 0.05)
    factor = COMPONENTS["gabs"].evaluate(edges, (6.42, sigma, strength))
    depth = strength / (sigma * np.sqrt(2 * np.pi))
    for low, high, found in zip(edges, edges[1:], factor, strict=False):
        points = [p for p in 6.42 + sigma * np.array([-4, -2, -1, 0, 1, 2, 4]) if low < p < high]
        exact, _ = quad(
            lambda energy: np.exp(-depth * np.exp(-(((energy - 6.42) / sigma) ** 2) / 2)),
            low,
            high,
            points=points or None,
            epsabs=1e-15,
            limit=200,
        )
        assert found == pytest.approx(exact / (high - low), rel=3e-6, abs=1e-12)


@given(st.floats(0.1, 90), st.floats(0, 20), st.floats(0, 1e6))
def test_an_absorption_line_is_a_factor(line: float, sigma: float, strength: float) -> None:
    factor = COMPONENTS["gabs"].evaluate(np.geomspace(0.3, 80.0, 60), (line, sigma, strength))
    assert np.all((factor >= 0) & (factor <= 1 + 1e-12))


def test_an_absorption_line_without_width_absorbs_nothing() -> None:
    np.testing.assert_array_equal(COMPONENTS["gabs"].evaluate(np.array([6.0, 6.4, 7.0]), (6.4, 0.0, 1.0)), [1, 1])
