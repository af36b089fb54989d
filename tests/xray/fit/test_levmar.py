from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.xray.fit.surfaces import Squares
from xbatch.xray.fit.levmar import descend

LOW, HIGH = np.full(2, -10.0), np.full(2, 10.0)
valley = Squares(lambda x: np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]]))


@given(st.floats(-10, 10), st.floats(-10, 10))
def test_a_curved_valley_is_followed_from_anywhere(x: float, y: float) -> None:
    found = descend(valley, np.array([x, y]), LOW, HIGH, 1e-12)
    assert found.converged
    assert found.free == pytest.approx([1, 1], abs=1e-4)
    assert found.fall <= 1e-12


def test_what_is_held_stays() -> None:
    found = descend(valley, np.array([2.0, 0.0]), LOW, HIGH, 1e-12, np.array([False, True]))
    assert found.free == pytest.approx([2, 4])
    assert found.free[0] == 2
    assert found.statistic == pytest.approx(1)


def test_nothing_that_moves_is_only_evaluated() -> None:
    found = descend(valley, np.array([2.0, 0.0]), LOW, HIGH, 1e-12, np.zeros(2, dtype=bool))
    assert (found.converged, found.steps, found.statistic) == (True, 0, 1601.0)


def test_a_limit_in_the_way_is_met_and_left_again() -> None:
    """The first step leads over the limit of the first parameter; its minimum is inside."""
    surface = Squares(lambda x: np.array([np.exp(x[0]) - 1 - x[1], x[1] - 1, 0.1 * x[0] * x[1]]))
    low = np.array([0.0, -10.0])
    found = descend(surface, np.array([3.0, -9.0]), low, HIGH, 1e-12)
    inside = descend(surface, np.array([0.7, 1.0]), LOW, HIGH, 1e-12)
    assert found.free == pytest.approx(inside.free, abs=1e-4)


def test_a_far_limit_is_not_met_at_once() -> None:
    seen = Squares(lambda x: np.array([100 * (x[0] + 5), x[1]]))
    found = descend(seen, np.array([8.0, 1.0]), np.array([0.0, -10.0]), HIGH, 1e-10)
    assert found.free == pytest.approx([0, 0])
    assert found.converged
    first = next(x for x in seen.seen if x[0] != 8.0)
    assert first[0] == pytest.approx(0.8, abs=1e-6)


def test_parameters_that_do_the_same_are_no_obstacle() -> None:
    surface = Squares(lambda x: np.array([x[0] + x[1] - 3, 2 * (x[0] + x[1]) - 6.5]))
    found = descend(surface, np.zeros(2), LOW, HIGH, 1e-9)
    assert found.converged
    assert found.free.sum() == pytest.approx(16 / 5)


def test_a_start_without_a_value_is_given_back() -> None:
    surface = Squares(lambda x: np.array([np.nan, x[0]]))
    found = descend(surface, np.array([1.0, 1.0]), LOW, HIGH, 1e-9)
    assert not found.converged
    assert found.statistic == np.inf
