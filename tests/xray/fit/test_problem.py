from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

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
