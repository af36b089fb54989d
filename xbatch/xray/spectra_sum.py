"""Sums of spectra and of their backgrounds.

Counts and exposures are added (mathpha, addspec; HEASoft). addspec also scales each background to its source region
and rounds the sum to whole counts, which are then no longer those of counting; here the sum is not rounded, and stays
one of counts with Poisson's statistics wherever one scale serves all backgrounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Measured",
    "add_backgrounds",
    "add_spectra",
    "background_ratio",
    "linear_sum",
    "pool_backgrounds",
    "rebin_counts",
    "subtract_backgrounds",
]

Floats = NDArray[np.float64]

# BACKSCAL and exposures are often 32-bit numbers: scales that differ by less than this are one.
_SAME_SCALE = 1e-6


@dataclass(frozen=True)
class Measured:
    """What was counted in n channels.

    Attributes
    ----------
    counts : ndarray, shape (n,)
    error : ndarray, shape (n,), or None
        Standard deviation in counts; None where the counts are whole events with Poisson's statistics.
    exposure : float
        s, above 0.
    backscal, areascal : ndarray, shape (n,)
        Above 0.
    """

    counts: Floats
    error: Floats | None
    exposure: float
    backscal: Floats
    areascal: Floats

    @property
    def variance(self) -> Floats:
        """The square of the error; for Poisson's statistics the counts."""
        return self.counts if self.error is None else self.error**2

    @property
    def effort(self) -> Floats:
        """EXPOSURE x BACKSCAL x AREASCAL, to which the counts of a steady background are proportional."""
        return self.exposure * self.backscal * self.areascal


def linear_sum(
    counts: Sequence[Floats], variances: Sequence[Floats], coefficients: Sequence[float]
) -> tuple[Floats, Floats]:
    """Give a linear combination and its standard deviation (mathpha with Gaussian errors).

    Parameters
    ----------
    counts, variances : sequence of ndarrays, shape (n,)
    coefficients : sequence of float
        For a sum of rates, divide each by its exposure.

    Returns
    -------
    tuple of two ndarrays, shape (n,)

    Raises
    ------
    ValueError
        There is nothing to be added, or shapes or numbers of them differ.
    """
    shapes = {part.shape for part in (*counts, *variances)}
    if len(shapes) != 1 or not len(counts) == len(variances) == len(coefficients):
        raise ValueError("counts, variances and coefficients to be added must be as many and of one length")
    factors = np.asarray(coefficients, dtype=np.float64)
    return np.asarray(factors @ np.stack(counts)), np.sqrt(factors**2 @ np.stack(variances))


def add_spectra(parts: Sequence[Measured]) -> Measured:
    """Add spectra.

    Returns
    -------
    Measured
        Counts and exposures are sums, AREASCAL is the mean by exposure, BACKSCAL is 1: the backgrounds that
        `add_backgrounds` gives are scaled to that. Poisson's statistics are kept if all have them.

    Raises
    ------
    ValueError
        There is none, their channels differ in number, or an exposure or a scale is not above 0.
    """
    _check(parts)
    counts, error = linear_sum([p.counts for p in parts], [p.variance for p in parts], [1.0] * len(parts))
    poisson = all(part.error is None for part in parts)
    exposure = float(sum(part.exposure for part in parts))
    return Measured(counts, None if poisson else error, exposure, np.ones(counts.shape), _mean_areascal(parts))


def background_ratio(source: Measured, background: Measured) -> Floats:
    """Give what one background count stands for in the source region, shape (n,)."""
    return source.effort / background.effort


def add_backgrounds(sources: Sequence[Measured], backgrounds: Sequence[Measured]) -> Measured:
    """Add the backgrounds of spectra, to be the background of the spectra's sum.

    Each background counts by its own ratio, ``sum(ratio x counts)``. If the ratios of all are the same in each channel
    and all have Poisson's statistics, the counts are added as they are, and BACKSCAL is set so that the ratio of
    the sums is that ratio. Otherwise the sum is scaled to the source region, errors are added in squares, and BACKSCAL
    is 1.

    Parameters
    ----------
    sources, backgrounds : sequence of Measured
        In the same order.

    Returns
    -------
    Measured

    Raises
    ------
    ValueError
        They are not as many, their channels differ in number, or an exposure or a scale is not above 0.
    """
    if len(sources) != len(backgrounds):
        raise ValueError(f"{len(sources)} spectra need as many backgrounds, not {len(backgrounds)}")
    _check([*sources, *backgrounds])
    total = add_spectra(sources)
    ratios = [background_ratio(source, part) for source, part in zip(sources, backgrounds, strict=True)]
    alike = all(np.allclose(ratio, ratios[0], rtol=_SAME_SCALE, atol=0) for ratio in ratios)
    if alike and all(part.error is None for part in backgrounds):
        added = add_spectra(backgrounds)
        backscal = total.exposure * total.areascal / (added.exposure * added.areascal * ratios[0])
        return Measured(added.counts, None, added.exposure, backscal, added.areascal)
    counts = np.sum([ratio * part.counts for ratio, part in zip(ratios, backgrounds, strict=True)], axis=0)
    variance = np.sum([ratio**2 * part.variance for ratio, part in zip(ratios, backgrounds, strict=True)], axis=0)
    return Measured(counts, np.sqrt(variance), total.exposure, total.backscal, total.areascal)


def pool_backgrounds(sources: Sequence[Measured], backgrounds: Sequence[Measured]) -> Measured:
    """Add the counts of backgrounds as they are, to be the background of the spectra's sum with Poisson's statistics.

    One ratio serves the sum: the mean of the backgrounds' own ratios, weighted by their counts in all channels. So the
    background expected in the summed source regions is in all ``sum(ratio x counts)``, as with `add_backgrounds`, and
    the same in each channel where all ratios are one or all backgrounds have one shape.

    Parameters
    ----------
    sources, backgrounds : sequence of Measured
        In the same order; the backgrounds without errors of their own.

    Returns
    -------
    Measured
        Counts and exposures are sums, AREASCAL is the mean by exposure, BACKSCAL gives the ratio to a sum of spectra
        whose BACKSCAL is 1.

    Raises
    ------
    ValueError
        As `add_backgrounds`, or a background has errors of its own.
    """
    if len(sources) != len(backgrounds):
        raise ValueError(f"{len(sources)} spectra need as many backgrounds, not {len(backgrounds)}")
    if any(part.error is not None for part in backgrounds):
        raise ValueError("backgrounds with errors of their own cannot be added as counts")
    _check([*sources, *backgrounds])
    total, added = add_spectra(sources), add_spectra(backgrounds)
    ratios = np.stack([background_ratio(source, part) for source, part in zip(sources, backgrounds, strict=True)])
    counts = np.array([part.counts.sum() for part in backgrounds])
    if counts.sum() > 0:
        ratio = counts @ ratios / counts.sum()
    else:
        ratio = sum(part.effort for part in sources) / sum(part.effort for part in backgrounds)
    backscal = total.exposure * total.areascal / (added.exposure * added.areascal * ratio)
    return Measured(added.counts, None, added.exposure, backscal, added.areascal)


def subtract_backgrounds(sources: Sequence[Measured], backgrounds: Sequence[Measured]) -> Measured:
    """Add spectra, each less its own background; errors are added in squares, BACKSCAL is 1.

    Parameters
    ----------
    sources, backgrounds : sequence of Measured
        In the same order.

    Raises
    ------
    ValueError
        As `add_backgrounds`.
    """
    if len(sources) != len(backgrounds):
        raise ValueError(f"{len(sources)} spectra need as many backgrounds, not {len(backgrounds)}")
    _check([*sources, *backgrounds])
    total = add_spectra(sources)
    ratios = [background_ratio(source, part) for source, part in zip(sources, backgrounds, strict=True)]
    below = np.sum([ratio * part.counts for ratio, part in zip(ratios, backgrounds, strict=True)], axis=0)
    noise = np.sum([ratio**2 * part.variance for ratio, part in zip(ratios, backgrounds, strict=True)], axis=0)
    variance = np.sum([part.variance for part in sources], axis=0) + noise
    return Measured(total.counts - below, np.sqrt(variance), total.exposure, total.backscal, total.areascal)


def rebin_counts(counts: Floats, starts: NDArray[np.int64]) -> Floats:
    """Add the counts of each bin of channels (rbnpha).

    Parameters
    ----------
    counts : ndarray, shape (n,)
    starts : ndarray, shape (b,)
        The position of the first channel of each bin, ascending from 0; each bin ends where the next begins.

    Returns
    -------
    ndarray, shape (b,)

    Raises
    ------
    ValueError
        `starts` is no division of the channels.
    """
    if starts.size == 0 or starts[0] != 0 or starts[-1] >= counts.size or np.any(np.diff(starts) <= 0):
        raise ValueError(f"bins must begin at 0, ascend and stay below {counts.size}")
    return np.asarray(np.add.reduceat(counts, starts))


def _mean_areascal(parts: Sequence[Measured]) -> Floats:
    exposures = np.array([part.exposure for part in parts])
    return np.asarray(exposures @ np.stack([part.areascal for part in parts]) / exposures.sum())


def _check(parts: Sequence[Measured]) -> None:
    if not parts:
        raise ValueError("there is no spectrum to be added")
    if len({part.counts.shape for part in parts}) > 1:
        raise ValueError(f"spectra to be added have {sorted({part.counts.size for part in parts})} channels")
    if not all(np.all(part.effort > 0) and np.all(np.isfinite(part.effort)) for part in parts):
        raise ValueError("EXPOSURE, BACKSCAL and AREASCAL of spectra to be added must be above 0")
