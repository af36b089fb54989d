from __future__ import annotations

import numpy as np
import pytest

from tests.xray.worlds import make_world, problem
from xbatch.xray.fit.engine import run_fit
from xbatch.xray.fit.goodness import simulated_goodness
from xbatch.xray.likelihoods import Statistic
from xbatch.xray.statistics import GroupedCounts, make_statistic


def test_fits_to_simulated_counts_scatter_as_chi_squared_does() -> None:
    one = problem(make_world(13, norm=0.2).dataset("cstat", mode="none"))
    result = run_fit(one, chi2=False)
    model = one.counts(result.values)[0]

    def draw(rng: np.random.Generator) -> list[Statistic]:
        return [make_statistic(GroupedCounts(rng.poisson(model).astype(float), np.zeros(model.size)), "cstat")]

    found = simulated_goodness(one, result.free, result.statistic, draw, 200, 3)
    assert found is not None
    assert found.median == pytest.approx(result.dof, abs=3)
    assert found.number == 200
    again = simulated_goodness(one, result.free, result.statistic, draw, 200, 3)
    assert again == found
    worse = simulated_goodness(one, result.free, 1e6, draw, 20, 3)
    assert worse is not None
    assert worse.lower == 1.0


def test_draws_without_a_statistic_are_left_out() -> None:
    one = problem(make_world(13).dataset("cstat", mode="none"))

    def draw(rng: np.random.Generator) -> list[Statistic]:
        raise ValueError("no counts")

    assert simulated_goodness(one, one.parameters.start, 1.0, draw, 3, 1) is None
