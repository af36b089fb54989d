"""Tests of when a simulated telescope observes, and how bright the source is then."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.simulator.config import Flares, Variability
from xbatch.simulator.draw import stream
from xbatch.simulator.timeline import ORBIT, brightness, first_seconds, flare_curve, orbit_gtis, without
from xbatch.xray.gti import complement, intersection, normal, total


@given(st.floats(10, 2e5), st.floats(0, 0.9), st.booleans(), st.integers(0, 1000))
def test_gtis_hold_the_time_asked_for(good: float, occulted: float, anomaly: bool, seed: int) -> None:
    gti, passages = orbit_gtis(1e8, good, occulted, anomaly, stream(seed))
    assert np.array_equal(normal(gti), gti)
    assert total(gti) == pytest.approx(good, abs=1e-3 * len(gti))
    assert gti[0, 0] >= 1e8 and len(intersection(gti, passages)) == 0
    assert anomaly or not len(passages)


def test_orbits_are_occulted() -> None:
    gti, passages = orbit_gtis(0.0, 50_000.0, 0.45, True, stream(1))
    assert 0.4 < total(gti) / gti[-1, 1] < 0.55
    starts = gti[np.concatenate([[True], np.diff(gti[:, 0]) > 0.9 * ORBIT])]
    assert len(starts) and len(passages) >= 5


def test_the_first_seconds() -> None:
    gti = np.array([(0.0, 10.0), (20.0, 30.0), (40.0, 50.0)])
    assert first_seconds(gti, 15.0).tolist() == [[0, 10], [20, 25]]
    assert first_seconds(gti, 10.0).tolist() == [[0, 10]]
    assert first_seconds(gti, 30.0).tolist() == gti.tolist()


def test_holes_are_taken_out() -> None:
    gti = np.array([(0.0, 10.0), (20.0, 30.0)])
    holes = [(2.0, 3.0), (9.0, 21.0)]
    expected = intersection(gti, complement(normal(holes), -1.0, 100.0))
    assert without(gti, holes).tolist() == expected.tolist() == [[0, 2], [3, 9], [21, 30]]


def test_the_mean_brightness_is_one_where_it_counts() -> None:
    times, weights = np.arange(0.5, 40_000.0), np.zeros(40_000)
    weights[5_000:20_000] = 1
    curve = brightness(times, weights, Variability(0.5, 4000.0, 0.4, 1000.0), stream(2))
    assert (curve * weights).sum() == pytest.approx(weights.sum()) and curve.min() > 0
    assert np.array_equal(brightness(times, weights, Variability(), stream(2)), np.ones(40_000))


def test_red_noise_has_its_deviation_and_time_scale() -> None:
    times = np.arange(0.5, 1e6, 10.0)
    curve = brightness(times, np.ones(times.size), Variability(rms=0.3, timescale=500.0), stream(4))
    assert curve.std() == pytest.approx(0.3, rel=0.15)
    log = np.log(curve) - np.log(curve).mean()
    # correlation falls to 1/e after a time scale
    assert (log[50:] * log[:-50]).mean() / log.var() == pytest.approx(np.exp(-1), abs=0.1)


def test_flares_rise_and_fall_in_good_time() -> None:
    times, gti = np.arange(0.5, 20_000.0), np.array([(1000.0, 4000.0), (9000.0, 15_000.0)])
    curve = flare_curve(times, gti, Flares(1, 20.0, 300.0), stream(3))
    peak = int(curve.argmax())
    assert 10 <= curve[peak] <= 20 and np.any((gti[:, 0] <= times[peak] + 1) & (times[peak] - 1 < gti[:, 1]))
    assert curve[peak + 300] / curve[peak] == pytest.approx(np.exp(-1), rel=0.01)
    assert curve[peak - 75] / curve[peak] == pytest.approx(np.exp(-1), rel=0.02)
    assert not flare_curve(times, gti, Flares(), stream(3)).any()
