"""A hundred simulated spectra fitted: values scatter about the truth as widely as their errors say."""

from __future__ import annotations

import time

import numpy as np
import pytest

from tests.xray.worlds import GAMMA, NH, make_world, problem
from xbatch.xray.fit.engine import ErrorRequest, run_fit

SEEDS = 100
# Statistic, variance, background, norm: chi-squared with the counts' own variance needs many of them.
CASES = [
    ("chi2", "data", "subtract", 1.0),
    ("chi2", "model", "subtract", 0.1),
    ("cstat", "data", "none", 0.02),
    ("wstat", "data", "profiled", 0.004),
]


@pytest.mark.parametrize(("statistic", "variance", "mode", "norm"), CASES)
def test_pulls_are_normal(statistic: str, variance: str, mode: str, norm: float) -> None:
    pytest.importorskip("sherpa", reason="a fit needs Sherpa")
    background = 0.0 if mode == "none" else 20.0
    truth = np.array([NH, GAMMA, norm])
    pulls, inside, times = [], [], []
    for seed in range(SEEDS):
        dataset = make_world(1000 + seed, norm=norm, background=background).dataset(statistic, variance, mode)
        began = time.perf_counter()
        result = run_fit(
            problem(dataset, nh=0.3, gamma=2.2),
            errors=ErrorRequest(method="profile", confidence=0.6826894921370859),
            chi2=False,
        )
        times.append(time.perf_counter() - began)
        assert result.covariance is not None
        pulls.append((result.free - truth) / np.sqrt(np.diag(result.covariance)))
        errors = list(result.errors.values())
        low, high = (np.array([getattr(e, side) for e in errors], dtype=float) for side in ("minus", "plus"))
        inside.append((truth > result.free - low) & (truth < result.free + high))
    scatter = np.array(pulls)
    assert np.all(np.abs(scatter.mean(axis=0)) < 3.5 / np.sqrt(SEEDS))
    assert np.all(np.abs(scatter.std(axis=0) - 1) < 3.5 / np.sqrt(2 * SEEDS))
    assert np.all(np.abs(np.mean(inside, axis=0) - 0.683) < 3.5 * np.sqrt(0.683 * 0.317 / SEEDS))
    assert np.median(times) < 0.05
