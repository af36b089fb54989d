"""Tests of binned light curves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.xray.gti import inside, intersection, total
from xbatch.xray.lightcurve import bin_counts, bin_edges, light_curve

GTI = np.array([[100.0, 160.0], [175.0, 230.0]])
TIMES = np.array([100.0, 109.99, 110.0, 150.0, 159.0, 175.0, 180.0, 229.9])


def test_counts_exposures_rates_and_errors() -> None:
    curve = light_curve(TIMES, GTI, 20.0)
    assert curve.edges.tolist() == [100, 120, 140, 160, 180, 200, 220, 240]
    assert curve.time.tolist() == [110, 130, 150, 170, 190, 210, 230]
    assert curve.counts.tolist() == [3, 0, 2, 1, 1, 0, 1]
    assert curve.fracexp.tolist() == [1, 1, 1, 0.25, 1, 1, 0.5]
    assert curve.exposure.tolist() == [20, 20, 20, 5, 20, 20, 10]
    assert curve.rate.tolist() == [0.15, 0, 0.1, 0.2, 0.05, 0, 0.1]
    assert curve.error == pytest.approx(np.sqrt([3, 0, 2, 1, 1, 0, 1]) / curve.exposure)


def test_a_bin_holds_its_start_and_not_its_end() -> None:
    assert bin_counts(np.array([0.0, 1.0, 1.0, 2.0]), np.array([0.0, 1.0, 2.0])).tolist() == [1, 2]


def test_an_unexposed_bin_has_no_rate() -> None:
    curve = light_curve(np.array([1.0]), np.array([[0.0, 10.0], [30.0, 40.0]]), 10.0)
    assert curve.counts.tolist() == [1, 0, 0, 0]
    assert np.isnan(curve.rate).tolist() == [False, True, True, False] == np.isnan(curve.error).tolist()
    assert curve.above(0.0).number.tolist() == [0, 3]


def test_the_cut_is_strict() -> None:
    curve = light_curve(TIMES, GTI, 20.0)
    assert curve.above(0.25).number.tolist() == [0, 1, 2, 4, 5, 6]
    assert curve.above(0.5).time.tolist() == [110, 130, 150, 190, 210]
    assert curve.above(0.5).above(0.999).counts.tolist() == [3, 0, 2, 1, 0]
    assert len(curve.above(1.0).counts) == 0


def test_start_and_stop_may_be_given() -> None:
    curve = light_curve(TIMES, GTI, 20.0, start=105.0, stop=185.0)
    assert curve.edges.tolist() == [105, 125, 145, 165, 185]
    assert curve.counts.tolist() == [2, 0, 2, 2]
    assert light_curve(TIMES, GTI, 20.0, start=0.0).above(0.0).edges[0] == 0


@given(
    st.lists(st.floats(0, 200), max_size=60),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), min_size=1, max_size=6),
    st.floats(0.5, 300),
)
def test_no_event_and_no_second_is_lost(times: list[float], rows: list[tuple[int, int]], width: float) -> None:
    gti = intersection(np.array(rows, float), [[0, 200]])
    if not len(gti):
        return
    given_times = np.sort(np.array(times, float))
    held = given_times[inside(given_times, gti)]
    curve = light_curve(held, gti, width)
    assert curve.counts.sum() == len(held)
    assert curve.exposure.sum() == pytest.approx(total(gti), rel=1e-9)
    assert np.all(curve.counts[curve.fracexp == 0] == 0)


def test_rounding_adds_no_bin() -> None:
    assert len(bin_edges(80_000_000.1, 80_000_000.1 + 3 * 0.1, 0.1)) == 4
    assert bin_edges(0.0, 5.0, 10.0).tolist() == [0, 10]
    third = 66.66666666666666
    assert third * 3 < 200 and bin_edges(0.0, 200.0, third).tolist() == [0, third, 2 * third, 200]


@pytest.mark.parametrize(
    ("start", "stop", "width", "words"),
    [
        (0, 10, 0, "a bin of 0 s"),
        (0, 10, float("nan"), "a bin of nan s"),
        (10, 10, 1, "nothing lies between"),
        (0, float("inf"), 1, "nothing lies between"),
        (0, 1e9, 1e-3, "choose longer ones"),
    ],
)
def test_bins_that_make_no_sense_are_refused(start: float, stop: float, width: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        bin_edges(start, stop, width)


def test_without_gtis_there_is_no_light_curve() -> None:
    with pytest.raises(ValueError, match="needs GTIs"):
        light_curve(TIMES, [], 20.0)
