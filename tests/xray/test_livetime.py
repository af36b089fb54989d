"""Tests of live time from rows of housekeeping."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.xray.gti import intersection, total
from xbatch.xray.livetime import covered_seconds, live_seconds, live_seconds_bins

TIME = np.arange(100.0, 200.0)
LIVE = 0.5 + 0.4 * np.sin(np.arange(100.0))


def slow(lo: float, hi: float, gti: list[tuple[float, float]], time: np.ndarray, live: np.ndarray) -> float:
    return sum(
        max(0.0, min(t + 1, hi, stop) - max(t, lo, start)) * part
        for start, stop in gti
        for t, part in zip(time.tolist(), live.tolist(), strict=True)
    )


def test_rows_count_for_the_seconds_they_share_with_the_gtis() -> None:
    gti = [(100.25, 103.5), (150.0, 151.0)]
    expected = 0.75 * LIVE[0] + LIVE[1] + LIVE[2] + 0.5 * LIVE[3] + LIVE[50]
    assert live_seconds(gti, TIME, LIVE) == pytest.approx(expected, rel=1e-14)
    assert live_seconds([], TIME, LIVE) == 0


@given(st.lists(st.floats(101, 199), min_size=2, max_size=12, unique=True), st.integers(2, 20))
def test_bins_are_as_a_plain_sum_has_them(ends: list[float], number: int) -> None:
    ends = sorted(ends)[: len(ends) // 2 * 2]
    gti = list(zip(ends[::2], ends[1::2], strict=True))
    edges = np.linspace(95.0, 205.0, number)
    found = live_seconds_bins(edges, gti, TIME, LIVE)
    for lo, hi, seconds in zip(edges[:-1], edges[1:], found, strict=True):
        assert seconds == pytest.approx(slow(lo, hi, gti, TIME, LIVE), abs=1e-9)
    assert found.sum() == pytest.approx(live_seconds(gti, TIME, LIVE), abs=1e-9)


@given(st.floats(100, 200))
def test_splitting_by_time_adds_up(cut: float) -> None:
    gti = np.array([[100.5, 120.25], [133.0, 199.75]])
    parts = [intersection(gti, [piece]) for piece in ((0.0, cut), (cut, 300.0)) if piece[1] > piece[0]]
    whole = live_seconds(gti, TIME, LIVE)
    assert sum(live_seconds(part, TIME, LIVE) for part in parts) == pytest.approx(whole, rel=1e-12)


def test_seconds_without_rows_have_the_mean_of_the_others() -> None:
    kept = (TIME < 120) | (TIME >= 130)
    gti = [(110.0, 140.0)]
    told = LIVE[10:20].sum() + LIVE[30:40].sum()
    assert live_seconds(gti, TIME[kept], LIVE[kept]) == pytest.approx(told * 30 / 20, rel=1e-12)
    bins = live_seconds_bins(np.array([110.0, 125.0, 140.0]), gti, TIME[kept], LIVE[kept])
    assert bins == pytest.approx([LIVE[10:20].sum() + 5 * told / 20, LIVE[30:40].sum() + 5 * told / 20])
    assert covered_seconds(gti, TIME[kept]) == pytest.approx(20) and covered_seconds([], TIME) == 0
    assert covered_seconds(gti, TIME) == pytest.approx(total(gti))


def test_gtis_without_any_row_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"no live time for the GTIs \(300 s to 310 s\): its rows are of 100 s to 200 s"
    ):
        live_seconds([(300.0, 310.0)], TIME, LIVE)
    with pytest.raises(ValueError, match="no time at all"):
        live_seconds([(300.0, 310.0)], np.empty(0), np.empty(0))
    assert live_seconds_bins(np.array([0.0, 1.0]), [], TIME, LIVE).tolist() == [0.0]
