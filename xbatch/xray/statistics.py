"""Fit statistics: how far folded models lie from grouped counts.

Chi-squared with its variances (Gehrels 1986, ApJ 303, 336; Churazov et al. 1996, ApJ 471, 673), and one name for each
likelihood of `xbatch.xray.likelihoods`. Values equal Sherpa's statistics of the same data, constant terms included, for
any model that is not negative; what differs is said where it does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, chdtri

from xbatch.xray.likelihoods import Slopes, Statistic, cash, cstat, pgstat, wstat

__all__ = [
    "STATISTICS",
    "VARIANCES",
    "GroupedCounts",
    "chi2_variance",
    "delta_statistic",
    "make_statistic",
    "null_probability",
    "reweighted_chi2",
]

Floats = NDArray[np.float64]

STATISTICS = ("chi2", "cstat", "cash", "wstat", "pgstat")
VARIANCES = ("data", "constant", "model", "gehrels", "xspec", "file", "primini")


@dataclass(frozen=True)
class GroupedCounts:
    """The counts of a dataset's groups.

    Attributes
    ----------
    source : ndarray, shape (g,)
        Counts in the source region.
    background : ndarray, shape (g,), or None
        Counts in the background region.
    scale : ndarray, shape (g,), or None
        What a background count stands for in the source region: the ratio of EXPOSURE x BACKSCAL x AREASCAL.
    subtracted : ndarray, shape (g,), or None
        The background expected in the source region, summed channel by channel.
    source_variance, background_variance : ndarray, shape (g,), or None
        Squares of the errors that the files give (STAT_ERR), where they give them.
    systematic : ndarray, shape (g,)
        Variance that is added for SYS_ERR.
    """

    source: Floats
    systematic: Floats
    background: Floats | None = None
    scale: Floats | None = None
    subtracted: Floats | None = None
    source_variance: Floats | None = None
    background_variance: Floats | None = None

    @property
    def net(self) -> Floats:
        """Counts less the expected background, where there is one."""
        return self.source if self.subtracted is None else self.source - self.subtracted


def chi2_variance(counts: GroupedCounts, variance: str, subtract: bool) -> Floats:
    """Give the variance of each group where it does not depend on the model.

    Parameters
    ----------
    counts : GroupedCounts
    variance : str
        ``data``: N; ``constant``: the mean N, for all groups; ``gehrels``: (1 + sqrt(N + 0.75))**2; ``xspec``: N, and
        1 where N is 0; ``file``: STAT_ERR. With `subtract` the background's, times the square of the scale, is added;
        there STAT_ERR wins where a file has it.
        ``xspec`` leaves a term of no counts out if the other has some, and takes the smaller of 1 and the squared
        scale if both have none (XSPEC's ``ChiSquare``, Sherpa's ``chi2xspecvar``).
    subtract : bool
        The statistic is of net counts.

    Returns
    -------
    ndarray, shape (g,)
        Counts squared, with the systematic part; 0 where `data` has no counts at all.

    Raises
    ------
    ValueError
        `file` without errors in the file, `subtract` without a background, or another `variance`.
    """
    source = _variance_of(counts.source, counts.source_variance, variance)
    if not subtract:
        return source + counts.systematic
    if counts.background is None or counts.scale is None:
        raise ValueError("there is no background to subtract")
    own = counts.background_variance
    below = (
        own if own is not None else _variance_of(counts.background, None, "data" if variance == "file" else variance)
    )
    square = counts.scale**2
    if variance == "xspec" and own is None:
        none, nothing = counts.source == 0, counts.background == 0
        source = np.where(none, np.where(nothing, np.minimum(1.0, square), 0.0), source)
        below = np.where(nothing, 0.0, below)
    return np.asarray(source + square * below + counts.systematic)


def _variance_of(counts: Floats, given: Floats | None, variance: str) -> Floats:
    if variance == "data":
        return counts
    if variance == "constant":
        mean = float(counts.mean()) if counts.size else 0.0
        return np.full(counts.size, mean if mean > 0 else 1.0)
    if variance == "gehrels":
        return np.asarray((1 + np.sqrt(counts + 0.75)) ** 2)
    if variance == "xspec":
        return np.where(counts > 0, counts, 1.0)
    if variance == "file":
        if given is None:
            raise ValueError("the file gives no errors (STAT_ERR)")
        return given
    raise ValueError(f"there is no variance {variance!r}; there are {', '.join(VARIANCES)}")


def make_statistic(counts: GroupedCounts, statistic: str, variance: str = "data", subtract: bool = False) -> Statistic:
    """Make the function that a fit calls: folded model counts to the statistic and its contributions.

    Parameters
    ----------
    counts : GroupedCounts
    statistic : str
        ``chi2``, ``cstat`` (the background does not enter), ``cash`` (the same but for a constant), ``wstat`` (a free
        background rate in each group, profiled), ``pgstat`` (the same, with a background of Gaussian errors).
    variance : str
        For ``chi2``: see `chi2_variance`; or ``model``: the model's counts, at least 1 (Sherpa's ``chi2modvar``), to
        which `subtract` adds what the background adds to the variance of net counts; ``primini`` begins as
        ``model`` and goes on with `reweighted_chi2`.
    subtract : bool
        ``chi2`` of net counts.

    Returns
    -------
    Statistic

    Raises
    ------
    ValueError
        The statistic needs a background and there is none, some variance is not positive, or an unknown name.
    """
    if statistic not in STATISTICS:
        raise ValueError(f"there is no statistic {statistic!r}; there are {', '.join(STATISTICS)}")
    if statistic == "chi2":
        of_model = variance in ("model", "primini")
        return _chi2_of_model(counts, subtract) if of_model else _chi2(counts, variance, subtract)
    if statistic in ("cstat", "cash"):
        return cstat(counts.source) if statistic == "cstat" else cash(counts.source)
    if counts.background is None or counts.scale is None:
        raise ValueError(f"{statistic} needs a background")
    if statistic == "wstat":
        return wstat(counts.source, counts.background, counts.scale)
    given = counts.background if counts.background_variance is None else counts.background_variance
    return pgstat(counts.source, counts.background, given, counts.scale)


def _chi2(counts: GroupedCounts, variance: str, subtract: bool) -> Statistic:
    square = chi2_variance(counts, variance, subtract)
    bad = int(np.count_nonzero(~(square > 0)))
    if bad:
        raise ValueError(f"{bad} of {square.size} groups have no counts, so chi-squared has no error for them")
    return _weighted(counts.net if subtract else counts.source, square)


def _weighted(data: Floats, square: Floats) -> Statistic:
    """Make chi-squared with variances that stay as they are."""
    weight = 1 / np.sqrt(square)

    def evaluate(model: Floats) -> tuple[float, Floats]:
        residual = (data - model) * weight
        return float(residual @ residual), residual

    inverse = 1 / square
    return Statistic(evaluate, lambda model: Slopes((model - data) * inverse, inverse, inverse))


def _model_variance(counts: GroupedCounts, subtract: bool) -> Callable[[Floats], tuple[Floats, Floats]]:
    """Make the function that gives the variance that a model expects of the (net) counts, and its derivative."""
    below, extra = np.zeros(counts.source.size), counts.systematic
    if subtract:
        if counts.background is None or counts.scale is None or counts.subtracted is None:
            raise ValueError("there is no background to subtract")
        own = counts.background if counts.background_variance is None else counts.background_variance
        below, extra = counts.subtracted, counts.scale**2 * own + counts.systematic

    def variance(model: Floats) -> tuple[Floats, Floats]:
        whole = model + below
        return np.maximum(whole, 1.0) + extra, (whole > 1.0).astype(np.float64)

    return variance


def _chi2_of_model(counts: GroupedCounts, subtract: bool) -> Statistic:
    data = counts.net if subtract else counts.source
    variance = _model_variance(counts, subtract)

    def evaluate(model: Floats) -> tuple[float, Floats]:
        residual = (data - model) / np.sqrt(variance(model)[0])
        return float(residual @ residual), residual

    def slopes(model: Floats) -> Slopes:
        (square, follows), distance = variance(model), data - model
        first = -distance / square - distance**2 * follows / (2 * square**2)
        return Slopes(first, (square + distance * follows) ** 2 / square**3, 1 / square)

    return Statistic(evaluate, slopes)


def reweighted_chi2(counts: GroupedCounts, model: Floats, subtract: bool = False) -> Statistic:
    """Make chi-squared with the variance that one fixed model expects: a step of Primini's method.

    Fitting, taking the best model's variance and fitting again until nothing changes has neither the bias of ``data``
    (which believes low counts too much) nor that of ``model`` (which the fit can lower by making the model large).
    Kearns, Primini & Alexander 1995 (ADASS IV, ASP Conf. 77, 331).

    Parameters
    ----------
    counts : GroupedCounts
    model : ndarray, shape (g,)
        Folded counts of the model that gives the variance.
    subtract : bool
        ``chi2`` of net counts.
    """
    return _weighted(counts.net if subtract else counts.source, _model_variance(counts, subtract)(model)[0])


@cache
def delta_statistic(confidence: float, parameters: int = 1) -> float:
    """Give by how much the statistic rises at the ends of a confidence interval of one parameter (0.9: 2.7055).

    At the edge of a region of so many `parameters` together it rises by more (of two, 0.9: 4.6052).

    Raises
    ------
    ValueError
        `confidence` is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1; {confidence:g} does not")
    return float(chdtri(parameters, 1 - confidence))


def null_probability(statistic: float, dof: int) -> float | None:
    """Give the probability that chi-squared is at least this large by chance; None without degrees of freedom."""
    return float(chdtrc(dof, statistic)) if dof > 0 else None
