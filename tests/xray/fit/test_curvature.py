from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.xray.fit.surfaces import Squares
from xbatch.xray.fit.curvature import curvature, newton

WIDE = np.array([1e9, 1e9, 1e9])


def quadratic(matrix: np.ndarray, centre: np.ndarray) -> Squares:
    return Squares(lambda x: np.asarray(matrix @ (x - centre)))


@given(st.floats(-0.9999, 0.9999), st.floats(1e-6, 1e6))
def test_the_covariance_of_a_parabola_is_exact(correlation: float, scale: float) -> None:
    sigma = np.array([1.0, 2.0, 0.5]) * scale
    corr = np.array([[1, correlation, 0.1], [correlation, 1, 0.1 * correlation], [0.1, 0.1 * correlation, 1]])
    covariance = corr * np.outer(sigma, sigma)
    root = np.linalg.inv(np.linalg.cholesky(covariance))
    centre = np.array([3.0, -2.0, 1.0]) * scale
    shape = curvature(quadratic(root, centre), centre, -WIDE * scale, WIDE * scale)
    assert np.allclose(shape.covariance / np.outer(sigma, sigma), corr, rtol=1e-4, atol=1e-8)
    assert np.allclose(shape.step / sigma, 0, atol=1e-4)


def test_the_step_leads_to_the_minimum() -> None:
    function = quadratic(np.diag([2.0, 3.0, 1.0]), np.array([1.0, 2.0, 3.0]))
    begin = np.array([1.3, 1.5, 2.9])
    shape = curvature(function, begin, -WIDE, WIDE)
    assert shape.fall == pytest.approx(0.36 + 2.25 + 0.01, rel=1e-6)
    point, value, shape = newton(function, begin, -WIDE, WIDE)
    assert point == pytest.approx([1, 2, 3], abs=1e-6)
    assert value == pytest.approx(0, abs=1e-9)
    assert shape.fall < 1e-9
    assert np.sqrt(np.diag(shape.covariance)) == pytest.approx([0.5, 1 / 3, 1], rel=1e-6)


def test_a_parameter_at_a_limit_has_no_covariance() -> None:
    function = quadratic(np.diag([2.0, 3.0, 1.0]), np.array([-1.0, 2.0, 3.0]))
    low = np.array([0.0, -10.0, -10.0])
    point, _, shape = newton(function, np.array([0.0, 1.5, 2.9]), low, WIDE)
    assert point == pytest.approx([0, 2, 3], abs=1e-6)
    assert shape.at_limit.tolist() == [True, False, False]
    assert np.isnan(shape.covariance[0]).all()
    assert np.sqrt(np.diag(shape.covariance)[1:]) == pytest.approx([1 / 3, 1], rel=1e-6)
    assert shape.reach[0] == pytest.approx(0.5, rel=1e-4)


def test_a_parameter_without_effect_leaves_the_others_theirs() -> None:
    function = quadratic(np.diag([2.0, 0.0, 1.0]), np.zeros(3))
    shape = curvature(function, np.zeros(3), -WIDE, WIDE)
    assert np.sqrt(np.diag(shape.covariance)) == pytest.approx([0.5, np.nan, 1], nan_ok=True)
    assert np.isinf(shape.reach[1])


def test_two_parameters_that_do_the_same_have_no_covariance() -> None:
    function = quadratic(np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), np.zeros(3))
    shape = curvature(function, np.ones(3), -WIDE, WIDE)
    assert np.isnan(shape.covariance).all()
    assert np.isnan(shape.fall)
    assert not shape.at_limit.any()


def test_steps_stay_within_the_limits() -> None:
    surface = quadratic(np.diag([1.0, 1.0, 1.0]), np.zeros(3))
    low, high = np.full(3, -0.01), np.full(3, 0.02)
    curvature(surface, np.zeros(3), low, high)
    assert np.all(np.array(surface.seen) >= low)
    assert np.all(np.array(surface.seen) <= high)


def test_residuals_that_bend_are_in_the_covariance() -> None:
    """(x^2 - 1)^2 with a residual left over: half its second derivative at x is 6 x^2 - 2."""
    surface = Squares(lambda x: np.array([x[0] ** 2 - 1.0]))
    shape = curvature(surface, np.array([1.2]), np.array([-9.0]), np.array([9.0]))
    assert shape.covariance[0, 0] == pytest.approx(1 / (6 * 1.44 - 2), rel=1e-5)
