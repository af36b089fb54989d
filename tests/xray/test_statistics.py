from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from tests.xray.fit.peers import STATS, sherpa_data, sherpa_model, sherpa_stat
from tests.xray.worlds import CHANNELS, World, make_world, problem
from xbatch.xray.statistics import (
    GroupedCounts,
    chi2_variance,
    delta_statistic,
    make_statistic,
    null_probability,
    reweighted_chi2,
)

MODES = {"chi2": ("none", "subtract"), "cstat": ("none",), "cash": ("none",), "wstat": ("profiled",)}
# Sherpa's chi2modvar of net counts leaves the background's variance out; ours does not, and has its own test.
CASES = [
    (statistic, variance, mode)
    for statistic, variance in STATS
    for mode in MODES[statistic]
    if (variance, mode) != ("model", "subtract")
]
COUNTS = st.integers(0, 400)
WORLDS: dict[str, World] = {
    "plain": make_world(2),
    "sparse": make_world(3, norm=1e-4, background=0.5),
    "scales": make_world(4, areascal=np.linspace(0.8, 1.1, CHANNELS), backscal=np.linspace(1e-3, 1.2e-3, CHANNELS)),
    "bad": make_world(
        5,
        quality=np.where(np.isin(np.arange(CHANNELS), [21, 40, 41, 42, 43, 70]), 5, 0).astype(np.int16),
        systematic=0.03,
    ),
}


def counts(source: float, background: float | None = None, scale: float = 0.25) -> GroupedCounts:
    one = GroupedCounts(np.array([float(source)]), np.zeros(1))
    if background is None:
        return one
    below = np.array([float(background)])
    return replace(one, background=below, scale=np.array([scale]), subtracted=scale * below)


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize(("statistic", "variance", "mode"), CASES)
def test_values_are_those_of_sherpa(world: str, statistic: str, variance: str, mode: str) -> None:
    from sherpa.fit import Fit

    one = WORLDS[world]
    start = {"nh": 0.6, "gamma": 1.5, "norm": 0.015 if world != "sparse" else 7e-5}
    if world == "sparse" and (variance, mode) == ("data", "none") and statistic == "chi2":
        with pytest.raises(ValueError, match="3 of 23 groups have no counts"):
            one.dataset(statistic, variance, mode, edge="overlap")
        return
    ours = problem(one.dataset(statistic, variance, mode, edge="overlap"), **start)
    data = sherpa_data(one, mode)
    theirs = Fit(data, sherpa_model(data, start), stat=sherpa_stat(statistic, variance))
    assert ours.statistic(ours.parameters.start) == pytest.approx(theirs.calc_stat(), rel=1e-11)


def test_model_variance_of_net_counts_is_what_poisson_expects() -> None:
    model = np.array([30.0])
    one = counts(50, 80)
    value, residual = make_statistic(one, "chi2", "model", subtract=True)(model)
    # 30 + 0.25 * 80 counts in the source region, and 0.25**2 * 80 from the background subtracted.
    assert value == pytest.approx((50 - 20 - 30) ** 2 / (30 + 20 + 5))
    value, residual = make_statistic(counts(60, 80), "chi2", "model", subtract=True)(model)
    assert value == pytest.approx(100 / 55)
    assert residual[0] == pytest.approx(10 / np.sqrt(55))


@given(COUNTS, COUNTS, st.floats(1e-3, 1e3), st.floats(0.01, 20))
def test_wstat_is_two_deviances_at_the_best_background(s: int, b: int, m: float, scale: float) -> None:
    value, _ = make_statistic(counts(s, b, scale), "wstat")(np.array([m]))

    def at(log_rate: float) -> float:
        rate = np.exp(log_rate)
        source = make_statistic(counts(s), "cstat")(np.array([m + rate]))[0]
        below = make_statistic(counts(b), "cstat")(np.array([rate / scale]))[0]
        return float(source + below)

    best = min(
        minimize_scalar(at, bounds=(-30, 12), method="bounded", options={"xatol": 1e-9}).fun,
        at(-60.0),
    )
    assert value == pytest.approx(best, rel=1e-6, abs=1e-6)


@given(COUNTS, COUNTS, st.floats(1e-3, 1e3), st.floats(0.01, 20))
def test_pgstat_is_the_lowest_over_backgrounds_that_are_not_negative(s: int, b: int, m: float, scale: float) -> None:
    one = replace(counts(s, b, scale), background_variance=np.array([b + 1.0]))
    value, _ = make_statistic(one, "pgstat")(np.array([m]))

    def at(rate: float) -> float:
        source = make_statistic(counts(s), "cstat")(np.array([m + rate]))[0]
        return float(source + (b - rate / scale) ** 2 / (b + 1.0))

    rates = np.linspace(0, s + scale * b + 10 * scale + 10, 4001)
    values = [at(rate) for rate in rates]
    near = int(np.argmin(values))
    low, high = rates[max(near - 1, 0)], rates[min(near + 1, rates.size - 1)]
    best = min(minimize_scalar(at, bounds=(low, high), method="bounded", options={"xatol": 1e-10}).fun, at(0.0))
    assert value == pytest.approx(best, rel=1e-6, abs=1e-6)


def test_pgstat_without_an_error_takes_the_background_as_it_is() -> None:
    one = replace(counts(30, 40), background_variance=np.zeros(1))
    assert make_statistic(one, "pgstat")(np.array([15.0]))[0] == pytest.approx(
        make_statistic(counts(30), "cstat")(np.array([25.0]))[0]
    )


@given(COUNTS, st.floats(1e-3, 1e3))
def test_cstat_is_never_negative_and_zero_at_the_data(s: int, m: float) -> None:
    evaluate = make_statistic(counts(s), "cstat")
    value, residual = evaluate(np.array([m]))
    assert value >= 0
    assert residual[0] ** 2 == pytest.approx(value, rel=1e-12)
    assert np.sign(residual[0]) == (np.sign(s - m) if value > 0 else np.sign(residual[0]))
    assert evaluate(np.array([float(s)]))[0] == pytest.approx(0, abs=1e-20)


@pytest.mark.parametrize("nearness", [1e-4, 1e-8, 1e-12])
def test_a_likelihood_keeps_its_digits_near_the_data(nearness: float) -> None:
    data = 1e6
    model = data * (1 + nearness)
    exact = (model - data) ** 2 / data
    assert make_statistic(counts(data), "cstat")(np.array([model]))[0] == pytest.approx(exact, rel=1e-3)


def test_a_model_that_is_not_positive_is_the_smallest_number_of_sherpa() -> None:
    value, _ = make_statistic(counts(2), "cstat")(np.array([0.0]))
    assert value == pytest.approx(2 * (1e-25 - 2 + 2 * np.log(2 / 1e-25)))


@pytest.mark.parametrize("statistic", ["chi2", "cstat", "wstat", "pgstat"])
def test_a_model_without_a_value_has_no_statistic(statistic: str) -> None:
    for source in (0, 4):
        value, _ = make_statistic(counts(source, 3), statistic, "gehrels")(np.array([np.nan]))
        assert np.isnan(value)


@given(COUNTS, COUNTS, st.floats(-50, 0), st.floats(0.01, 20))
def test_a_negative_model_is_never_better_than_none(s: int, b: int, m: float, scale: float) -> None:
    for statistic in ("wstat", "pgstat"):
        evaluate = make_statistic(counts(s, b, scale), statistic)
        (value, residual), none = evaluate(np.array([m])), evaluate(np.array([0.0]))[0]
        assert value >= -1e-9
        assert residual[0] ** 2 == pytest.approx(value, rel=1e-9, abs=1e-9)
        if s >= scale * b:
            assert value >= none * (1 - 1e-9) - 1e-9


def test_variances() -> None:
    one = replace(counts(9, 16), source_variance=np.array([4.0]), systematic=np.array([0.5]))
    assert chi2_variance(one, "data", True)[0] == pytest.approx(9 + 16 / 16 + 0.5)
    assert chi2_variance(one, "file", True)[0] == pytest.approx(4 + 16 / 16 + 0.5)
    assert chi2_variance(one, "gehrels", False)[0] == pytest.approx((1 + np.sqrt(9.75)) ** 2 + 0.5)
    with_own = replace(one, background_variance=np.array([8.0]))
    assert chi2_variance(with_own, "gehrels", True)[0] == pytest.approx((1 + np.sqrt(9.75)) ** 2 + 8 / 16 + 0.5)


@pytest.mark.parametrize(
    ("source", "background", "expected"), [(0, 0, 1 / 16), (0, 4, 4 / 16), (5, 0, 5.0), (5, 4, 5.25)]
)
def test_the_variance_of_xspec_where_counts_are_none(source: int, background: int, expected: float) -> None:
    assert chi2_variance(counts(source, background), "xspec", True)[0] == pytest.approx(expected)


def test_fixed_weights_are_the_expected_variance_of_a_model() -> None:
    evaluate = reweighted_chi2(counts(50, 80), np.array([35.0]), subtract=True)
    assert evaluate(np.array([25.0]))[0] == pytest.approx(25 / (35 + 20 + 5))


@pytest.mark.parametrize(
    ("statistic", "variance", "message"),
    [
        ("chi2", "data", "1 of 1 groups have no counts"),
        ("chi2", "file", "no errors"),
        ("chi2", "nice", "there is no variance 'nice'"),
        ("wstat", "data", "wstat needs a background"),
        ("pgstat", "data", "pgstat needs a background"),
    ],
)
def test_what_cannot_be_is_refused(statistic: str, variance: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_statistic(counts(0), statistic, variance)


@pytest.mark.parametrize("variance", ["data", "model"])
def test_nothing_to_subtract_is_refused(variance: str) -> None:
    with pytest.raises(ValueError, match="no background to subtract"):
        make_statistic(counts(5), "chi2", variance, subtract=True)


def test_an_unknown_statistic_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no statistic 'lstat'"):
        make_statistic(counts(5, 5), "lstat")


@pytest.mark.parametrize(("confidence", "delta"), [(0.6826894921370859, 1.0), (0.9, 2.705543), (0.9544997361036416, 4)])
def test_rise_of_the_statistic(confidence: float, delta: float) -> None:
    assert delta_statistic(confidence) == pytest.approx(delta, rel=1e-6)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 90.0])
def test_a_confidence_is_a_probability(confidence: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        delta_statistic(confidence)


def test_null_probability() -> None:
    assert null_probability(43.80, 42) == pytest.approx(0.3949, abs=2e-3)
    assert null_probability(1.0, 0) is None
