"""Counts drawn from a fit's best model, as the data were: what the goodness of a fit is measured with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.tasks._fit_data import FitData
from xbatch.xray.fit.engine import FitResult
from xbatch.xray.fit.goodness import simulated_goodness
from xbatch.xray.fit.problem import Problem
from xbatch.xray.likelihoods import Statistic
from xbatch.xray.statistics import GroupedCounts, make_statistic, reweighted_chi2

__all__ = ["goodness"]

Floats = NDArray[np.float64]


def goodness(
    params: Mapping[str, Any], problem: Problem, result: FitResult, data: Sequence[FitData]
) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """Fit simulated counts where the spec asks for it; what was found, and what is to be said."""
    asked = params.get("goodness")
    if not asked:
        return None, ()
    models = problem.counts(result.values)

    def draw(rng: np.random.Generator) -> list[Statistic]:
        return [_statistic(params, one.counts, model, rng) for one, model in zip(data, models, strict=True)]

    found = simulated_goodness(problem, result.free, result.statistic, draw, asked["n"], asked["seed"])
    if found is None:
        return None, ("goodness is not computed: no simulated counts have a statistic, for lack of counts in groups",)
    share = f"{100 * found.lower:.3g} % of {found.number} simulated data sets fit better than the data"
    left = f"; {found.failed} more have groups without counts" if found.failed else ""
    return {**asdict(found), "seed": asked["seed"]}, (share + left,)


def _statistic(params: Mapping[str, Any], counts: GroupedCounts, model: Floats, rng: np.random.Generator) -> Statistic:
    """Draw counts as the data were, and give their statistic."""
    statistic, variance = params["statistic"], params["variance"]
    subtract = params["background"] == "subtract" and statistic == "chi2"
    below = np.zeros(model.size) if counts.subtracted is None else counts.subtracted
    if statistic == "chi2" and variance == "file":
        square = counts.source_variance if counts.source_variance is not None else counts.source
        drawn = replace(counts, source=rng.normal(model + below, np.sqrt(square)))
        return make_statistic(drawn, statistic, variance, subtract)
    drawn = replace(counts, source=rng.poisson(np.maximum(model + below, 0.0)).astype(np.float64))
    if counts.background is not None and counts.subtracted is not None and counts.scale is not None:
        background = rng.poisson(np.maximum(counts.background, 0.0)).astype(np.float64)
        drawn = replace(drawn, background=background, subtracted=counts.scale * background)
    if statistic == "chi2" and variance == "primini":
        return reweighted_chi2(drawn, model, subtract)
    return make_statistic(drawn, statistic, variance, subtract)
