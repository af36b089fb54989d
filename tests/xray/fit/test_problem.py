from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.xray.fit.peers import sherpa_data, sherpa_model
from tests.xray.worlds import CHANNELS, ENERGIES, MODEL, expected, instrument, make_world, parameters, problem
from xbatch.xray.fit.parameters import FitParameter, Parameters
from xbatch.xray.fit.problem import ModelSpec, Problem
from xbatch.xray.fold import group_sum

CAL = ModelSpec(
    {"op": "*", "args": [{"component": "cal"}, *MODEL.tree["args"]]}, {"cal": "constant", **MODEL.components}
)


def joint() -> Problem:
    world = make_world()
    datasets = [world.dataset("chi2", lo=1.0, hi=8.0), world.dataset("chi2", lo=3.0, hi=10.0)]
    own = [replace(p, datasets=(0, 1)) for p in parameters(nh=0.8, gamma=1.7, norm=0.02).all]
    cal = [
        FitParameter("cal.factor[A]", "cal", "factor", (0,), 1.0, 0.0, 10.0, frozen=True),
        FitParameter("cal.factor[B]", "cal", "factor", (1,), 1.1, 0.0, 10.0),
    ]
    return Problem(datasets, CAL, Parameters([*cal, *own]))


def test_folded_counts_are_those_of_the_whole_response() -> None:
    world = make_world()
    one = problem(world.dataset("chi2"), nh=0.8, gamma=1.7, norm=0.02)
    ours = one.counts(one.parameters.values(one.parameters.start))[0]
    assert ours == pytest.approx(group_sum(world.groups(), expected(world)), rel=1e-12)


@pytest.mark.parametrize("wide", [False, True])
def test_folded_counts_are_those_of_sherpa(wide: bool) -> None:
    """Also where few groups see all energies, and the matrix is applied as a dense one."""
    groups = {"grouping": np.where(np.arange(CHANNELS) % 40 == 0, 1, -1).astype(np.int16)} if wide else {}
    world = make_world(6, **groups)
    start = {"nh": 0.6, "gamma": 1.5, "norm": 0.015}
    one = problem(world.dataset("cstat", mode="none", lo=0.5, hi=12.5, edge="overlap"), **start)  # type: ignore[arg-type]
    data = sherpa_data(world, "none", 0.5, 12.5)
    theirs = data.eval_model_to_fit(sherpa_model(data, start))
    assert one.counts(one.parameters.values(one.parameters.start))[0] == pytest.approx(theirs, rel=1e-10)


def nudged(one: Problem, free: np.ndarray, number: int, step: float) -> float:
    moved = free.copy()
    moved[number] += step
    return one.statistic(moved)


@pytest.mark.parametrize("statistic", ["chi2", "cstat", "wstat", "pgstat"])
def test_slopes_and_bends_are_the_derivatives(statistic: str) -> None:
    world = make_world(7)
    mode = {"chi2": "subtract", "cstat": "none"}.get(statistic, "profiled")
    one = problem(world.dataset(statistic, mode=mode), nh=0.55, gamma=1.75, norm=0.018)
    free = one.parameters.start
    slope = one.slope(free)
    steps = 0.02 / np.sqrt(np.diag(slope.expected))
    second = slope.second + one.bend(free, steps)
    for number, step in enumerate(steps):
        up, down = nudged(one, free, number, step), nudged(one, free, number, -step)
        assert 2 * slope.gradient[number] == pytest.approx((up - down) / (2 * step), rel=1e-4)
        assert 2 * second[number, number] == pytest.approx((up + down - 2 * one.statistic(free)) / step**2, rel=2e-3)
    assert np.allclose(second, second.T)


def test_datasets_have_their_own_parameters_and_share_the_grid() -> None:
    one = joint()
    values = one.parameters.values(one.parameters.start)
    assert one.dataset_values(values, 1)["cal"] == (1.1,)
    first, second = one.counts(values)
    world = make_world()
    assert first == pytest.approx(group_sum(world.groups(1, 8), expected(world)), rel=1e-12)
    assert second == pytest.approx(1.1 * group_sum(world.groups(3, 10), expected(world)), rel=1e-12)


def test_the_statistic_is_the_sum_over_datasets() -> None:
    one = joint()
    values = one.parameters.values(one.parameters.start)
    parts = one.contributions(values)
    total, residual = one(one.parameters.start)
    assert total == pytest.approx(sum(stat for stat, _ in parts))
    assert residual.size == one.bins
    assert residual @ residual == pytest.approx(total)
    assert one.evaluations == 1


def test_an_overflow_is_no_warning() -> None:
    one = problem(make_world().dataset("cstat", mode="none"))
    assert not np.isfinite(one.statistic(np.array([0.0, -400.0, 1e300])))


def test_a_component_without_values_is_refused() -> None:
    with pytest.raises(ValueError, match=r"cal\.factor has no value"):
        Problem([make_world().dataset("chi2")], CAL, parameters())


def test_the_world_is_what_it_says() -> None:
    one = instrument()
    assert one.dense().shape == (ENERGIES, CHANNELS)
