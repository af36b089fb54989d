"""Tests of net rates and of measures of variability."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.xray.netcurve import net_curve, variability


def test_rates_and_errors() -> None:
    counts, back = np.array([100, 0, 9]), np.array([40, 10, 0])
    exposure = np.array([10.0, 5.0, 0.0])
    net = net_curve(counts, exposure, back, 2 * exposure, 0.5)
    assert net.rate[:2].tolist() == [10 - 0.5 * 2, -0.5] and np.isnan(net.rate[2]) and np.isnan(net.error[2])
    assert net.error[0] == pytest.approx(np.hypot(1.0, 0.5 * np.sqrt(40) / 20))
    assert net.back is not None and net.back_error is not None
    assert net.back[:2].tolist() == [1.0, 0.5] and net.back_error[1] == pytest.approx(0.5 * np.sqrt(10) / 10)
    alone = net_curve(counts, exposure)
    assert alone.rate[:2].tolist() == [10, 0] and alone.back is None and alone.back_error is None


@given(st.lists(st.integers(0, 500), min_size=1, max_size=20), st.floats(0.1, 5))
def test_a_background_like_the_source_leaves_nothing(counts: list[int], scale: float) -> None:
    given_counts = np.array(counts)
    exposure = np.linspace(10, 20, len(counts))
    net = net_curve(given_counts, exposure, given_counts, scale * exposure, scale)
    assert net.rate == pytest.approx(np.zeros(len(counts)), abs=1e-12 * max(counts) + 1e-15)


def test_a_constant_source_does_not_vary() -> None:
    rng = np.random.default_rng(2)
    chi2, excess = [], []
    for _ in range(400):
        exposure = np.full(50, 100.0)
        source, back = rng.poisson(150, 50) + rng.poisson(20, 50), rng.poisson(80, 50)
        net = net_curve(source, exposure, back, exposure, 0.25)
        found = variability(net.rate, net.error, exposure, net.back)
        assert found is not None and found.dof == 49
        chi2.append(found.chi2)
        excess.append(found.excess)
    assert np.mean(chi2) == pytest.approx(49, abs=1.5)
    assert np.mean(excess) == pytest.approx(0, abs=5e-4)


def test_variability_is_recovered() -> None:
    rng = np.random.default_rng(3)
    found = []
    for _ in range(300):
        true = np.maximum(1.0 + 0.2 * rng.standard_normal(100), 0)
        exposure = np.full(100, 1000.0)
        net = net_curve(rng.poisson(1000 * true), exposure)
        one = variability(net.rate, net.error, exposure)
        assert one is not None and one.fractional is not None and one.fractional_error is not None
        assert one.chi2 > one.dof and one.excess == pytest.approx(one.fractional**2)
        assert one.excess_error == pytest.approx(2 * one.fractional * one.fractional_error)
        found.append(one.fractional)
    assert np.mean(found) == pytest.approx(0.2, abs=0.005)


def test_errors_of_the_fractional_variability() -> None:
    # the formula written out, with N = 4, mean 10, S^2 = 26/3, <error^2> = 1
    rate, error = np.array([7.0, 9.0, 10.0, 14.0]), np.ones(4)
    one = variability(rate, error, np.full(4, 10.0))
    assert one is not None and one.mean == 10 and one.excess == pytest.approx((26 / 3 - 1) / 100)
    fractional = np.sqrt((26 / 3 - 1) / 100)
    expected = np.hypot(np.sqrt(1 / 8) * 1 / (100 * fractional), np.sqrt(1 / 4) / 10)
    assert one.fractional == pytest.approx(fractional) and one.fractional_error == pytest.approx(expected)


def test_nothing_to_measure() -> None:
    one = np.array([1.0])
    assert variability(one, one, one) is None
    assert variability(-np.ones(3), np.ones(3), np.ones(3)) is None
    flat = variability(np.full(3, 2.0), np.ones(3), np.ones(3))
    assert flat is not None and flat.excess < 0 and flat.fractional is None and flat.excess_error is None
