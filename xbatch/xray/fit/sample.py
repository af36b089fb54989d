"""The posterior of the parameters by Markov chains. The one place where emcee is imported.

The affine-invariant sampler of Goodman & Weare 2010 (CAMCoS 5, 65) as emcee has it (Foreman-Mackey et al. 2013, PASP
125, 306). The prior is flat between the limits, the likelihood exp(-statistic / 2).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.fit.surface import Surface

__all__ = ["Chain", "sample"]

Floats = NDArray[np.float64]

# The walkers begin this much nearer to the best values than the posterior reaches.
_BEGIN = 0.5
# How often the log says how far it has come.
_TOLD = 10
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Chain:
    """What the walkers saw.

    Attributes
    ----------
    samples : ndarray, shape (n, f)
        Of all walkers, after the burn-in: those of one step follow each other.
    statistic : ndarray, shape (n,)
        At each of them.
    acceptance : float
        The share of steps that were taken; about 0.2 to 0.5 is well.
    autocorrelation : float
        The longest autocorrelation time of a parameter, in steps.
    """

    samples: Floats
    statistic: Floats
    acceptance: float
    autocorrelation: float

    def interval(self, confidence: float) -> Floats:
        """Give lower end, median and upper end of the central interval of each parameter, shape (3, f)."""
        tail = (1 - confidence) / 2
        return np.asarray(np.quantile(self.samples, [tail, 0.5, 1 - tail], axis=0))


def sample(
    surface: Surface,
    best: Floats,
    covariance: Floats,
    low: Floats,
    high: Floats,
    walkers: int,
    steps: int,
    burn: int,
    seed: int,
) -> Chain:
    """Walk through the posterior.

    Parameters
    ----------
    surface : Surface
    best, low, high : ndarray, shape (f,)
    covariance : ndarray, shape (f, f)
        Where the walkers begin.
    walkers, steps, burn, seed : int
        The first `burn` of all `steps` are left out.

    Raises
    ------
    ImportError
        emcee is not installed.
    ValueError
        The covariance is not known, or there are too few walkers or steps.
    """
    import emcee

    if not np.isfinite(covariance).all():
        raise ValueError("chains need a start: a parameter is at a limit, or the data do not determine it")
    if walkers < 2 * best.size:
        raise ValueError(f"chains of {best.size} free parameters need at least {2 * best.size} walkers")
    if burn >= steps:
        raise ValueError(f"{steps} steps leave nothing after a burn-in of {burn}")

    def posterior(free: Floats) -> float:
        if np.any(free < low) or np.any(free > high):
            return -np.inf
        value = surface(np.asarray(free, dtype=np.float64))[0]
        return -value / 2 if np.isfinite(value) else -np.inf

    rng = np.random.default_rng(seed)
    start = rng.multivariate_normal(best, _BEGIN**2 * covariance, size=walkers, method="eigh")
    sampler = emcee.EnsembleSampler(walkers, best.size, posterior)
    sampler.random_state = np.random.RandomState(seed).get_state()
    for done, _ in enumerate(sampler.sample(np.clip(start, low, high), iterations=steps), 1):
        if done % max(1, steps // _TOLD) == 0:
            _LOGGER.info("chains: step %d of %d", done, steps)
    times = sampler.get_autocorr_time(discard=burn, quiet=True, tol=0)
    return Chain(
        np.asarray(sampler.get_chain(discard=burn, flat=True), dtype=np.float64),
        -2 * np.asarray(sampler.get_log_prob(discard=burn, flat=True), dtype=np.float64),
        float(np.mean(sampler.acceptance_fraction)),
        float(np.max(times)),
    )
