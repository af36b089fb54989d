"""Tests of times selected by measurements."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.xray.timeselect import by_quantile, row_gtis


def test_halves() -> None:
    rate = np.array([3.0, 1.0, np.nan, 2.0, 4.0])
    low, ends = by_quantile(rate, 0, 0.5)
    assert low.tolist() == [False, True, False, True, False] and ends == (-np.inf, 3.0)
    high, ends = by_quantile(rate, 0.5, 1)
    assert high.tolist() == [True, False, False, False, True] and ends == (3.0, np.inf)


def test_equal_rates_stay_together() -> None:
    rate = np.array([1.0, 2.0, 2.0, 2.0, 3.0, 4.0])
    assert by_quantile(rate, 0, 0.5)[0].tolist() == [True] + [False] * 5
    assert by_quantile(rate, 0.5, 1)[0].tolist() == [False] + [True] * 5
    assert not by_quantile(np.ones(4), 0, 0.5)[0].any() and by_quantile(np.ones(4), 0.5, 1)[0].all()


def test_parts_that_are_whole_numbers_of_bins() -> None:
    rate = np.arange(100.0)
    for part in range(1, 100):
        assert np.count_nonzero(by_quantile(rate, 0, part / 100)[0]) == part


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=40),
    st.lists(st.floats(0.001, 0.999), max_size=5, unique=True),
)
def test_selections_share_the_bins_out(rates: list[int], cuts: list[float]) -> None:
    rate = np.array(rates, float)
    ends = [0.0, *sorted(cuts), 1.0]
    times = sum(by_quantile(rate, low, high)[0].astype(int) for low, high in itertools.pairwise(ends))
    assert np.array_equal(times, np.ones(len(rate), int))


@pytest.mark.parametrize(("low", "high"), [(0.5, 0.5), (0.6, 0.5), (-0.1, 0.5), (0.5, 1.1), (float("nan"), 1.0)])
def test_quantiles_that_are_none(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="quantiles from"):
        by_quantile(np.ones(3), low, high)


def test_no_rate() -> None:
    with pytest.raises(ValueError, match="no bin has a rate"):
        by_quantile(np.full(3, np.nan), 0, 1)


def test_rows_hold_until_the_next() -> None:
    time = np.array([0.0, 1.0, 2.0, 3.0, 10.0, 11.0])
    chosen = np.array([True, True, False, True, False, True])
    assert row_gtis(time, chosen).tolist() == [[0, 2], [3, 4], [11, 12]]
    order = np.random.default_rng(1).permutation(6)
    assert row_gtis(time[order], chosen[order]).tolist() == [[0, 2], [3, 4], [11, 12]]
    assert row_gtis(time, chosen, 0.5).tolist() == [[0, 0.5], [1, 1.5], [3, 3.5], [11, 11.5]]
    assert len(row_gtis(time, np.zeros(6, bool))) == 0


def test_rows_a_little_late_leave_no_gap() -> None:
    time = np.array([0.0, 1.0, 2.4, 3.4, 4.4])
    assert row_gtis(time, np.ones(5, bool)).tolist() == [[0, 5.4]]


def test_one_row_alone() -> None:
    assert row_gtis(np.array([5.0]), np.array([True]), 2.0).tolist() == [[5, 7]]
    with pytest.raises(ValueError, match="one row alone"):
        row_gtis(np.array([5.0, 5.0]), np.array([True, True]))
