"""Tests of drawing events: rates, kinds, dead time, blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from xbatch.simulator.draw import apply_dead_time, blocks, disorder, draw_events, stream


@given(arrays(np.float64, (2, 40), elements=st.floats(0, 1e5)), st.integers(1, 100_000))
def test_blocks_hold_each_second_once(rates: np.ndarray, most: int) -> None:
    parts = list(blocks(rates, most))
    assert [second for part in parts for second in range(part.start, part.stop)] == list(range(40))
    total = rates.sum(axis=0)
    assert all(total[part].sum() <= most * (1 + 1e-9) or part.stop - part.start == 1 for part in parts)


def test_events_follow_their_rates() -> None:
    rates = np.vstack([np.full(1000, 20.0), np.linspace(0, 60, 1000), np.full(1000, 5.0)])
    drawn = draw_events(rates, stream(3, 1))
    when = drawn.second + drawn.part
    assert np.all(np.diff(when) >= 0) and drawn.part.min() >= 0 and drawn.part.max() < 1
    for kind, rate in enumerate(rates):
        mine = drawn.kind == kind
        mean = rate.sum()
        assert abs(mine.sum() - mean) < 5 * np.sqrt(mean)
        late = mine & (drawn.second >= 500)
        assert abs(late.sum() - rate[500:].sum()) < 5 * np.sqrt(rate[500:].sum())


def test_no_rate_gives_no_events() -> None:
    drawn = draw_events(np.zeros((2, 10)), stream(1))
    assert drawn.second.size == drawn.kind.size == 0


def test_dead_time_lets_through_what_it_should() -> None:
    rate, dead_time, seconds = 300.0, 0.0025, 4000
    drawn = draw_events(np.full((1, seconds), rate), stream(5))
    counted, clock, counts, live = apply_dead_time(drawn.second, drawn.part, seconds, dead_time)
    assert counts.sum() == counted.sum() and np.all((live > 0) & (live <= 1))
    # counted events over live time is the rate, whatever the dead time
    assert counts.sum() / live.sum() == pytest.approx(rate, rel=5 / np.sqrt(counts.sum()))
    assert counts.mean() == pytest.approx(rate / (1 + rate * dead_time), rel=5e-3)
    # and they are more even than those of a Poisson process (Mueller 1974: variance / mean = 1 / (1 + rate x dead)^2)
    assert counts.var() / counts.mean() == pytest.approx((1 + rate * dead_time) ** -2, rel=0.15)
    gaps = np.diff((drawn.second + clock)[counted])
    same = np.diff(drawn.second[counted]) == 0
    assert gaps[same].min() >= dead_time * (1 - 1e-9)
    assert clock[counted].max() < 1


def test_live_time_is_cut_off_at_the_second() -> None:
    second, part = np.array([0, 0, 2]), np.array([0.1, 0.2, 0.999])
    counted, clock, counts, live = apply_dead_time(second, part, 4, 0.01)
    assert counted.all() and counts.tolist() == [2, 0, 1, 0]
    assert clock == pytest.approx([0.1, 0.21, 0.999])
    assert live == pytest.approx([0.98, 1, 0.999, 1])


def test_without_dead_time_all_are_counted() -> None:
    drawn = draw_events(np.full((1, 5), 1000.0), stream(2))
    counted, clock, _, live = apply_dead_time(drawn.second, drawn.part, 5, 0.0)
    assert counted.all() and np.array_equal(clock, drawn.part) and live.tolist() == [1] * 5


def test_disorder_moves_rows_and_loses_none() -> None:
    rows = np.arange(1000)
    disorder(rows, 0.1, stream(1))
    assert 30 < (rows != np.arange(1000)).sum() < 140
    assert np.array_equal(np.sort(rows), np.arange(1000))
