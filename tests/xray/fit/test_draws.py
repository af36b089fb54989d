from __future__ import annotations

import numpy as np
import pytest

from xbatch.xray.fit.draws import draw_free, spread

WIDE = np.array([-1e9, -1e9])


def test_draws_have_the_covariance_of_the_fit() -> None:
    best = np.array([1.7, 1e-5])
    covariance = np.array([[0.04, 0.8 * 0.2 * 1e-6], [0.8 * 0.2 * 1e-6, 1e-12]])
    drawn = draw_free(best, covariance, WIDE, -WIDE, 20000, 3)
    # The error of a variance from n draws is sqrt(2 / n) of it: 1 %.
    assert np.cov(drawn.T) == pytest.approx(covariance, rel=0.05)
    assert drawn.mean(axis=0) == pytest.approx(best, rel=0.01)


def test_equal_seeds_give_equal_draws_and_others_do_not() -> None:
    best, covariance = np.array([1.0, 2.0]), np.eye(2)
    one, same, other = (draw_free(best, covariance, WIDE, -WIDE, 5, seed) for seed in (1, 1, 2))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_draws_stay_within_limits_and_unknown_parameters_stay() -> None:
    covariance = np.array([[1.0, np.nan], [np.nan, np.nan]])
    drawn = draw_free(np.array([0.1, 7.0]), covariance, np.array([0.0, 7.0]), np.array([9.0, 9.0]), 200, 1)
    assert drawn[:, 0].min() == 0.0
    assert np.all(drawn[:, 1] == 7.0)
    nothing = draw_free(np.array([7.0]), np.array([[np.nan]]), np.array([0.0]), np.array([9.0]), 3, 1)
    assert np.all(nothing == 7.0)


def test_a_matrix_that_is_no_covariance_is_refused() -> None:
    with pytest.raises(ValueError, match="negative variance"):
        draw_free(np.zeros(2), np.array([[1.0, 2.0], [2.0, 1.0]]), WIDE, -WIDE, 3, 1)


def test_the_middle_of_draws_holds_the_fraction_asked_for() -> None:
    values = np.arange(1001.0)
    assert spread(values, 0.9) == pytest.approx((50.0, 500.0, 950.0))
