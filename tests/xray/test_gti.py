"""Laws of GTIs: what must hold for any lists of intervals."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from xbatch.xray.gti import complement, from_bins, inside, intersection, normal, overlap, total, union

# whole seconds make intervals touch and repeat, which is where laws break
SECONDS = st.integers(-20, 60).map(float)
INTERVALS = st.lists(st.tuples(SECONDS, SECONDS), max_size=8).map(lambda rows: np.array(rows, float).reshape(-1, 2))
TIMES = st.lists(st.one_of(SECONDS, st.floats(-25, 65)), max_size=30).map(lambda rows: np.array(rows, float))


def slow_inside(times: NDArray[np.float64], gti: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.array([any(start <= t < stop for start, stop in gti) for t in times], np.bool_)


@given(INTERVALS)
def test_normal_lists_are_sorted_disjoint_and_apart(a: NDArray[np.float64]) -> None:
    gti = normal(a)
    assert np.all(gti[:, 1] > gti[:, 0]) and np.all(gti[1:, 0] > gti[:-1, 1])
    assert np.array_equal(normal(gti), gti)


@given(INTERVALS, TIMES)
def test_normal_holds_the_same_times(a: NDArray[np.float64], times: NDArray[np.float64]) -> None:
    assert np.array_equal(slow_inside(times, a), inside(times, a))


@given(INTERVALS, INTERVALS)
def test_union_is_idempotent_and_commutes(a: NDArray[np.float64], b: NDArray[np.float64]) -> None:
    assert np.array_equal(union(a, a), normal(a))
    assert np.array_equal(union(a, b), union(b, a))
    assert np.array_equal(union(a, union(a, b)), union(a, b))


@given(INTERVALS, INTERVALS, INTERVALS)
def test_intersection_commutes_and_is_associative(
    a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]
) -> None:
    assert np.array_equal(intersection(a, b), intersection(b, a))
    assert np.array_equal(intersection(a, intersection(b, c)), intersection(intersection(a, b), c))
    assert np.array_equal(intersection(a, a), normal(a))
    assert np.array_equal(intersection(a, union(b, c)), union(intersection(a, b), intersection(a, c)))


@given(INTERVALS, INTERVALS, TIMES)
def test_a_time_is_in_the_intersection_if_it_is_in_both(
    a: NDArray[np.float64], b: NDArray[np.float64], times: NDArray[np.float64]
) -> None:
    assert np.array_equal(inside(times, intersection(a, b)), inside(times, a) & inside(times, b))
    assert np.array_equal(inside(times, union(a, b)), inside(times, a) | inside(times, b))


@given(INTERVALS, TIMES)
def test_complement_twice_is_the_list(a: NDArray[np.float64], times: NDArray[np.float64]) -> None:
    within = intersection(a, [[-10, 50]])
    other = complement(a, -10, 50)
    assert np.array_equal(complement(other, -10, 50), within)
    assert total(within) + total(other) == 60 and len(intersection(within, other)) == 0
    held = (times >= -10) & (times < 50)
    assert np.array_equal(inside(times, other), held & ~inside(times, a))


@given(INTERVALS, INTERVALS)
def test_totals_add_up(a: NDArray[np.float64], b: NDArray[np.float64]) -> None:
    assert total(union(a, b)) + total(intersection(a, b)) == total(a) + total(b)


@given(INTERVALS, TIMES)
def test_order_of_the_times_makes_no_difference(a: NDArray[np.float64], times: NDArray[np.float64]) -> None:
    ordered = np.sort(times)
    assert np.array_equal(inside(ordered, a, in_order=True), inside(ordered, a, in_order=False))


@given(INTERVALS, st.floats(0.1, 7), st.integers(1, 40), SECONDS)
def test_overlap_of_bins(a: NDArray[np.float64], width: float, count: int, start: float) -> None:
    edges = start + width * np.arange(count + 1)
    seconds = overlap(edges, a)
    slow = [total(intersection(a, [[lo, hi]])) for lo, hi in itertools.pairwise(edges)]
    assert np.allclose(seconds, slow, rtol=0, atol=1e-9)
    assert np.all(seconds >= 0) and np.all(seconds <= np.diff(edges))
    assert seconds.sum() == pytest.approx(total(intersection(a, [[edges[0], edges[-1]]])), abs=1e-9)


def test_a_bin_wholly_inside_has_its_width_to_the_last_bit() -> None:
    edges = 80_000_000.1 + 0.3 * np.arange(1001)
    gti = np.array([[79_999_000.7, 80_000_000.05], [80_000_000.06, 90_000_000.0]])
    assert np.array_equal(overlap(edges, gti), np.diff(edges))


def test_a_start_is_in_and_a_stop_is_out() -> None:
    gti = [[1.0, 2.0], [3.0, 4.0]]
    times = np.array([0.5, 1.0, 2.0, 2.5, 3.0, np.nextafter(4.0, 0), 4.0])
    expected = [False, True, False, False, True, True, False]
    assert inside(times, gti).tolist() == expected
    shuffled = np.random.default_rng(1).permutation(7)
    assert inside(times[shuffled], gti).tolist() == np.array(expected)[shuffled].tolist()


def test_no_number_is_in_no_interval() -> None:
    assert inside(np.array([3.0, np.nan, 1.0]), [[0, 10]]).tolist() == [True, False, True]


def test_nothing() -> None:
    assert len(union()) == 0 and len(normal([])) == 0 and total([]) == 0
    assert inside(np.array([1.0]), []).tolist() == [False]
    assert overlap(np.array([0.0, 1.0]), []).tolist() == [0.0]
    assert complement([], 1, 3).tolist() == [[1, 3]]
    assert len(complement([], 3, 3)) == 0


@pytest.mark.parametrize("bad", [[[0, np.nan]], [[np.inf, 2]], [[1, 2, 3]], [1, 2]])
def test_what_is_no_list_of_intervals_is_refused(bad: list[object]) -> None:
    with pytest.raises(ValueError, match="GTI"):
        normal(np.array(bad, float))


def test_gtis_of_a_rate_curve() -> None:
    time = np.array([50.0, 150, 250, 450, 550])
    rate = np.array([0.5, 0.2, 0.51, np.nan, 0.1])
    gti = from_bins(time, rate, 100.0, lambda values: values <= 0.5)
    assert gti.tolist() == [[0, 200], [500, 600]]
    assert len(from_bins(time, rate, 100.0, lambda values: values < 0)) == 0


def test_a_missing_bin_is_a_gap() -> None:
    gti = from_bins(np.array([50.0, 250.0]), np.zeros(2), 100.0, lambda values: values < 1)
    assert gti.tolist() == [[0, 100], [200, 300]]


@pytest.mark.parametrize("width", [0.0, -1.0, 60.0])
def test_bins_that_cannot_be_are_refused(width: float) -> None:
    with pytest.raises(ValueError, match="bins of"):
        from_bins(np.array([0.0, 50.0]), np.zeros(2), width, lambda values: values < 1)
