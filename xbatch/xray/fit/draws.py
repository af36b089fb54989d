"""Values of the free parameters drawn from the errors of a fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["draw_free", "spread"]

Floats = NDArray[np.float64]


def draw_free(best: Floats, covariance: Floats, low: Floats, high: Floats, count: int, seed: int) -> Floats:
    """Draw from the normal distribution that the covariance describes; what falls beyond a limit is put on it.

    This is what Sherpa's ``sample_flux`` does with ``correlated=True``. Parameters of which the covariance knows
    nothing (NaN on its diagonal) stay where they are.

    Parameters
    ----------
    best, low, high : ndarray, shape (f,)
        Best values and limits.
    covariance : ndarray, shape (f, f)
        1 sigma.
    count : int
    seed : int
        Equal seeds give equal draws.

    Returns
    -------
    ndarray, shape (count, f)

    Raises
    ------
    ValueError
        The covariance is not one: it has a negative eigenvalue.
    """
    known = np.flatnonzero(np.isfinite(np.diag(covariance)))
    result = np.tile(np.asarray(best, dtype=np.float64), (count, 1))
    if known.size == 0:
        return result
    scale = np.sqrt(np.diag(covariance)[known])
    scale[scale == 0] = 1.0
    # Of the correlations, as norms and indices may differ by many powers of ten.
    correlation = covariance[np.ix_(known, known)] / np.outer(scale, scale)
    values, vectors = np.linalg.eigh((correlation + correlation.T) / 2)
    if values[0] < -1e-8 * values[-1]:
        raise ValueError("the covariance of the fit has a direction of negative variance")
    normal = np.random.default_rng(seed).standard_normal((count, known.size))
    result[:, known] += (normal * np.sqrt(np.clip(values, 0.0, None))) @ vectors.T * scale
    return np.clip(result, low, high)


def spread(values: Floats, confidence: float) -> tuple[float, float, float]:
    """Give the quantiles that enclose a fraction `confidence` of draws in the middle, and the median between them.

    Parameters
    ----------
    values : ndarray, shape (n,)
    confidence : float
    """
    low, middle, high = np.quantile(values, [(1 - confidence) / 2, 0.5, (1 + confidence) / 2])
    return float(low), float(middle), float(high)
