"""Where a fit starts: at the values given, with the norms scaled, or at the best of several points."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.fit.optimise import minimise
from xbatch.xray.fit.problem import Problem

__all__ = ["NEAR", "Starts", "chosen_start"]

Floats = NDArray[np.float64]

#: How near to the minimum an optimiser is to come: from there one step with exact second derivatives does the rest.
NEAR = 1e-4
# A statistic that another start makes lower by less than this is the same.
_WORTH = 0.01
_NORM = "norm"
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Starts:
    """More than one start: how many, by what factor at most they differ from the one given, and the seed."""

    number: int = 1
    seed: int = 1
    spread: float = 3.0


def chosen_start(problem: Problem, optimiser: str, starts: Starts) -> tuple[Floats, tuple[str, ...]]:
    """Give the start from which the lowest minimum is reached, and a note where it is not the one given."""
    given = _renormalised(problem, problem.parameters.start)
    if starts.number <= 1:
        return given, ()
    low, high = problem.parameters.low, problem.parameters.high
    ends = [minimise(problem, given, low, high, optimiser, NEAR)]
    rng = np.random.default_rng(starts.seed)
    for number in range(1, starts.number):
        _LOGGER.info("start %d of %d: statistic %.6g", number, starts.number, ends[-1].statistic)
        factor = starts.spread ** rng.uniform(-1, 1, given.size)
        # A parameter that starts at 0 has no scale of its own but its limits.
        aside = rng.uniform(low, np.minimum(high, np.maximum(low, 0) + 1))
        drawn = np.clip(np.where(problem.parameters.start == 0, aside, problem.parameters.start * factor), low, high)
        if np.isfinite(problem.statistic(drawn)):
            ends.append(minimise(problem, _renormalised(problem, drawn), low, high, optimiser, NEAR))
    best = min(ends, key=lambda end: end.statistic)
    gained = ends[0].statistic - best.statistic
    if gained <= _WORTH:
        return ends[0].free, ()
    return best.free, (
        f"of {starts.number} starts another than the one given led to a statistic lower by {gained:.3g}",
    )


def _renormalised(problem: Problem, start: Floats) -> Floats:
    """Scale the free norms to give the model as many counts as the data, where that is nearer (XSPEC's `renorm`)."""
    parameters = problem.parameters
    norms = [
        place
        for place, number in enumerate(parameters.free)
        if parameters.all[number].parameter == _NORM and problem.kinds[parameters.all[number].component].kind == "add"
    ]
    if not norms:
        return start
    before = problem.statistic(start)
    model = problem.expected(start)
    if not model > 0 or not problem.total > 0:
        return start
    scaled = start.copy()
    scaled[norms] *= problem.total / model
    scaled = np.clip(scaled, parameters.low, parameters.high)
    return scaled if problem.statistic(scaled) < before else start
