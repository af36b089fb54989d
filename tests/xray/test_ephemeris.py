"""Tests of phases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.xray.ephemeris import Ephemeris, phase_gtis
from xbatch.xray.gti import inside, intersection, total, union

GTI = np.array([[1000.0, 1400.0], [1500.0, 2000.0]])


@given(st.floats(0.5, 300), st.floats(-1e-5, 1e-5), st.floats(-5000, 5000))
def test_times_of_cycles_and_back(period: float, pdot: float, epoch: float) -> None:
    ephemeris = Ephemeris(epoch, period, pdot)
    times = np.linspace(1000, 2000, 50)
    assert ephemeris.times(ephemeris.cycles(times)) == pytest.approx(times, abs=1e-6)


def test_the_period_changes_as_pdot_says() -> None:
    ephemeris = Ephemeris(100.0, 10.0, 1e-5)
    starts = ephemeris.times(np.array([0.0, 1.0, 1000.0, 1001.0]))
    assert starts[0] == 100 and starts[1] - starts[0] == pytest.approx(10, rel=1e-5)
    # after 10000 s the period has grown by 0.1 s
    assert starts[3] - starts[2] - 10 == pytest.approx(1e-5 * (starts[2] - 100), rel=0.02)


@given(
    st.floats(1, 90),
    st.floats(-1e-4, 1e-4),
    st.floats(-500, 3000),
    st.integers(0, 100).map(lambda n: n / 100),
    st.integers(0, 100).map(lambda n: n / 100),
)
def test_what_is_selected_has_the_phase(period: float, pdot: float, epoch: float, low: float, high: float) -> None:
    if low == high:
        return
    ephemeris = Ephemeris(epoch, period, pdot)
    gti = phase_gtis(ephemeris, low, high, GTI)
    times = np.linspace(1000, 2000, 997)
    phase = ephemeris.cycles(times) % 1
    wanted = (phase >= low) & (phase < high) if low < high else (phase >= low) | (phase < high)
    near = np.minimum(np.abs(phase - low), np.abs(phase - high)) < 1e-6
    near |= np.minimum(phase, 1 - phase) < 1e-6
    assert np.array_equal(inside(times, gti)[~near], (wanted & inside(times, GTI))[~near])


def test_two_selections_make_the_whole() -> None:
    ephemeris = Ephemeris(3.0, 7.3, 1e-6)
    first, second = phase_gtis(ephemeris, 0.2, 0.7, GTI), phase_gtis(ephemeris, 0.7, 0.2, GTI)
    assert total(intersection(first, second)) == pytest.approx(0, abs=1e-6)
    assert total(union(first, second)) == pytest.approx(900, abs=1e-6)
    assert len(phase_gtis(ephemeris, 0.2, 0.7, np.empty((0, 2)))) == 0


@pytest.mark.parametrize(("low", "high"), [(0.3, 0.3), (-0.1, 0.5), (0.5, 1.2), (float("nan"), 0.5)])
def test_phases_that_are_none(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="phases from"):
        phase_gtis(Ephemeris(0.0, 10.0), low, high, GTI)


def test_ephemerides_that_are_none() -> None:
    for period in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="a period of"):
            Ephemeris(0.0, period)
    with pytest.raises(ValueError, match="no number"):
        Ephemeris(float("nan"), 1.0)
    with pytest.raises(ValueError, match="runs backwards"):
        phase_gtis(Ephemeris(0.0, 1.0, 1e-3), 0.0, 0.5, GTI)
    with pytest.raises(ValueError, match="cycles are too many"):
        phase_gtis(Ephemeris(0.0, 1e-5), 0.0, 0.5, GTI)
