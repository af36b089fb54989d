"""How good a fit is, by fits to simulated counts: what no likelihood says of itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.fit.optimise import minimise
from xbatch.xray.fit.problem import Problem
from xbatch.xray.likelihoods import Statistic

__all__ = ["Goodness", "simulated_goodness"]

Floats = NDArray[np.float64]
#: Statistics of one set of simulated counts, one for each dataset.
Draw = Callable[[np.random.Generator], Sequence[Statistic]]

_PRECISION = 1e-3
# How often the log says how far it has come.
_TOLD = 10
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Goodness:
    """What fits to simulated counts gave.

    Attributes
    ----------
    number : int
        How many there were.
    lower : float
        The share of them with a lower statistic than the data's: near 1, the model does not describe the data.
    median : float
        Of their statistics.
    failed : int
        Draws that have no statistic (chi-squared of groups without counts), left out.
    """

    number: int
    lower: float
    median: float
    failed: int = 0


def simulated_goodness(
    problem: Problem, free: Floats, statistic: float, draw: Draw, number: int, seed: int
) -> Goodness | None:
    """Fit counts that were drawn from the best model; None if none of the draws has a statistic.

    Parameters
    ----------
    problem : Problem
    free : ndarray, shape (f,)
        The best values.
    statistic : float
        The data's, there.
    draw : callable
        Draws counts; raises ValueError for counts that have no statistic.
    number, seed : int
    """
    rng = np.random.default_rng(seed)
    found: list[float] = []
    failed = 0
    for done in range(number):
        if done % max(1, number // _TOLD) == 0:
            _LOGGER.info("simulation %d of %d", done + 1, number)
        try:
            drawn = problem.with_statistics(draw(rng))
        except ValueError:
            failed += 1
            continue
        if free.size == 0:
            found.append(drawn.statistic(free))
            continue
        low, high = problem.parameters.low, problem.parameters.high
        found.append(minimise(drawn, free, low, high, tolerance=_PRECISION).statistic)
    if not found:
        return None
    values = np.array(found)
    return Goodness(values.size, float(np.mean(values < statistic)), float(np.median(values)), failed)
