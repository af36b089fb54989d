from __future__ import annotations

import numpy as np
import pytest

from tests.xray.fit.surfaces import Squares
from xbatch.xray.fit.curvature import curvature
from xbatch.xray.fit.profile import Limit, LowerMinimumError, profile_limit

LOW, HIGH = np.array([0.0, -100.0]), np.array([100.0, 100.0])
BEST = np.array([4.0, 4.0])
DELTA = 2.705543454095404


def log_and_line(x: np.ndarray) -> np.ndarray:
    """(ln x0 - ln 4)**2 / 0.1**2 + (x1 - x0)**2: the profile of x0 is the first term alone."""
    return np.array([np.log(max(x[0], 1e-300) / 4) / 0.1, x[1] - x[0]])


valley = Squares(log_and_line)


def limit(sign: int, number: int = 0, low: np.ndarray = LOW, high: np.ndarray = HIGH, best: np.ndarray = BEST) -> Limit:
    shape = curvature(valley, best, low, high)
    return profile_limit(valley, best, valley(best)[0], shape, number, sign, low, high, DELTA)


@pytest.mark.parametrize("sign", [-1, 1])
def test_an_end_is_where_the_profile_has_risen(sign: int) -> None:
    found = limit(sign).value
    assert found == pytest.approx(4 * np.exp(sign * 0.1 * np.sqrt(DELTA)), rel=1e-3)


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_limit_before_the_end_is_told(sign: int) -> None:
    low, high = np.array([3.9, -100.0]), np.array([4.1, 100.0])
    assert limit(sign, low=low, high=high) == Limit(None, f"pegged at {'max' if sign > 0 else 'min'}")


def test_a_lower_minimum_is_raised_with_its_place() -> None:
    with pytest.raises(LowerMinimumError) as caught:
        limit(1, best=np.array([3.0, 3.0]))
    assert caught.value.statistic < valley(np.array([3.0, 3.0]))[0]
    assert 3.0 < caught.value.free[0] < 5.0


def test_one_parameter_alone_needs_no_other_fits() -> None:
    parabola = Squares(lambda x: x - 1)
    best, low, high = np.ones(1), np.array([-50.0]), np.array([50.0])
    shape = curvature(parabola, best, low, high)
    found = profile_limit(parabola, best, 0.0, shape, 0, -1, low, high, 4.0)
    assert found.value == pytest.approx(-1.0, abs=1e-3)


def test_a_parameter_without_effect_is_pegged_on_both_sides() -> None:
    flat = Squares(lambda x: np.array([x[1], 0.0]))
    best = np.array([5.0, 0.0])
    shape = curvature(flat, best, LOW, HIGH)
    ends = [profile_limit(flat, best, 0.0, shape, 0, sign, LOW, HIGH, 1.0) for sign in (-1, 1)]
    assert [end.note for end in ends] == ["pegged at min", "pegged at max"]


def test_a_best_value_at_its_limit_has_an_upper_end() -> None:
    rising = Squares(lambda x: np.array([(x[0] + 0.3) / 1e-5, x[1]]))
    best, high = np.zeros(2), np.array([1e24, 100.0])
    shape = curvature(rising, best, LOW, high)
    found = profile_limit(rising, best, rising(best)[0], shape, 0, 1, LOW, high, 1.0)
    assert found.value == pytest.approx(1e-10 / 0.6, rel=2e-3)
