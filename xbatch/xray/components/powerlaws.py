"""Power laws, broken, cut off, curved and redshifted: integrals over bins."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import exprel

from xbatch.xray.components.component import Component, Evaluator, Smooth, check_edges
from xbatch.xray.components.quadrature import log_nodes

__all__ = ["COMPONENTS"]

Floats = NDArray[np.float64]

# Below this square of y the next term of ln(sinh(y) / y), y**8 / 37800, is less than the last digit of a double.
_SMALL = 2e-3
# Below this y the series of coth(y) - 1 / y is good to 1e-12, and so is the bracket itself above.
_NEAR_ZERO = 0.05


def _integral(edges: Floats) -> Callable[[float], Floats]:
    """Prepare the exact integral of ``E**-index`` over each bin.

    With a = 1 - index and L = ln(hi / lo) it is ``lo**a * L * (exp(a L) - 1) / (a L)``, which has no special case at
    index = 1 and loses no digits in narrow bins. There it is ``(lo hi)**(a / 2) * L * sinh(y) / y`` with y = a L / 2,
    and its logarithm is a polynomial of a: ``ln L + a ln(lo hi) / 2 + y^2 / 6 - y^4 / 180 + y^6 / 2835``, exact to the
    last digit and found with one product.
    """
    check_edges(edges)
    log_low = np.log(edges[:-1])
    log_ratio = np.log1p(np.diff(edges) / edges[:-1])
    square = log_ratio**2 / 4
    largest = float(square.max())
    series = np.stack(
        [np.log(log_ratio), log_low + log_ratio / 2, *(square**n / of for n, of in ((1, 6), (2, -180), (3, 2835)))]
    )

    def integrate(index: float) -> Floats:
        power = 1.0 - index
        a2 = power * power
        if a2 * largest < _SMALL:
            logarithm = np.array((1.0, power, a2, a2 * a2, a2 * a2 * a2)) @ series
            return np.asarray(np.exp(logarithm, out=logarithm))
        return np.asarray(np.exp(power * log_low) * log_ratio * exprel(power * log_ratio))

    return integrate


def _mean_logarithm(edges: Floats) -> Callable[[float], Floats]:
    """Prepare the mean of ln E in each bin, weighted with ``E**-index``: minus the logarithmic slope of `_integral`.

    With a, L and y as there it is ``ln(lo hi) / 2 + (coth(y) - 1 / y) L / 2``, and ``y / 3 - y^3 / 45 + 2 y^5 / 945``
    is the bracket where it would lose digits.
    """
    half = np.log1p(np.diff(edges) / edges[:-1]) / 2
    middle = np.log(edges[:-1]) + half
    square = half**2
    largest = float(square.max())
    series = np.stack([middle, *(square**n * of for n, of in ((1, 1 / 3), (2, -1 / 45), (3, 2 / 945)))])

    def mean(index: float) -> Floats:
        power = 1.0 - index
        a2 = power * power
        if a2 * largest < _SMALL:
            return np.asarray(np.array((1.0, power, power * a2, power * a2 * a2)) @ series)
        y = power * half
        low = np.abs(y) < _NEAR_ZERO
        wide = np.where(low, 1.0, y)
        near = y * (1 / 3 - y**2 * (1 / 45 - 2 * y**2 / 945))
        return np.asarray(middle + half * np.where(low, near, 1 / np.tanh(wide) - 1 / wide))

    return mean


def _powerlaw(edges: Floats, _abund: str, _xsect: str) -> Evaluator:
    """``norm * E**-PhoIndex`` photons / cm2 / s / keV, E in keV."""
    integrate, logarithm = _integral(edges), _mean_logarithm(edges)

    def evaluate(params: Sequence[float]) -> Floats:
        index, norm = params
        photons = integrate(index)
        photons *= norm
        return photons

    return Smooth(evaluate, lambda params, evaluate: (-evaluate(params) * logarithm(params[0]),))


def _zpowerlw(edges: Floats, _abund: str, _xsect: str) -> Evaluator:
    """``norm * (E (1 + z))**-PhoIndex``."""
    integrate = _integral(edges)

    def evaluate(params: Sequence[float]) -> Floats:
        index, redshift, norm = params
        return np.asarray(norm * (1 + redshift) ** -index * integrate(index))

    return evaluate


def _bknpower(edges: Floats, _abund: str, _xsect: str) -> Evaluator:
    """``norm * E**-PhoIndx1`` up to BreakE, ``norm * BreakE**(PhoIndx2 - PhoIndx1) * E**-PhoIndx2`` above."""
    integrate = _integral(edges)

    def evaluate(params: Sequence[float]) -> Floats:
        first, at, second, norm = params
        if at <= edges[0]:
            return norm * _joined(at, first, second) * integrate(second)
        low = norm * integrate(first)
        if at >= edges[-1]:
            return low
        scale = norm * _joined(at, first, second)
        flux = np.where(edges[:-1] >= at, scale * integrate(second), low)
        split = int(np.searchsorted(edges, at, side="right")) - 1
        if edges[split] < at:
            below = _integral(np.array([edges[split], at]))(first)
            above = _integral(np.array([at, edges[split + 1]]))(second)
            flux[split] = norm * below[0] + scale * above[0]
        return flux

    return evaluate


def _joined(at: float, first: float, second: float) -> float:
    """Give the factor that joins two power laws at an energy; at 0 keV there is nothing to join."""
    return float(at ** (second - first)) if at > 0 else 1.0


def _cutoffpl(edges: Floats, _abund: str, _xsect: str) -> Evaluator:
    """``norm * E**-PhoIndex * exp(-E / HighECut)``."""
    cut = _cut(edges)

    def evaluate(params: Sequence[float]) -> Floats:
        index, fold, norm = params
        return np.asarray(norm * cut(index, fold))

    return evaluate


def _zcutoffpl(edges: Floats, _abund: str, _xsect: str) -> Evaluator:
    """``norm * (E (1 + z))**-PhoIndex * exp(-E (1 + z) / HighECut)``."""
    cut = _cut(edges)

    def evaluate(params: Sequence[float]) -> Floats:
        index, fold, redshift, norm = params
        return np.asarray(norm * (1 + redshift) ** -index * cut(index, fold / (1 + redshift)))

    return evaluate


def _cut(edges: Floats) -> Callable[[float, float], Floats]:
    check_edges(edges)
    logarithms, weights = log_nodes(edges)
    energies = np.exp(logarithms)

    def integrate(index: float, fold: float) -> Floats:
        return np.asarray(np.einsum("ij,ij->j", weights, np.exp(-index * logarithms - energies / fold)))

    return integrate


def _logpar(edges: Floats, _abund: str, _xsect: str) -> Evaluator:
    """``norm * (E / pivotE)**(-alpha - beta log10(E / pivotE))``, Massaro et al. 2004 (A&A 413, 489)."""
    check_edges(edges)
    logarithms, weights = log_nodes(edges)

    def evaluate(params: Sequence[float]) -> Floats:
        alpha, beta, pivot, norm = params
        ratio = logarithms - np.log(pivot)
        return np.asarray(norm * np.einsum("ij,ij->j", weights, np.exp(-ratio * (alpha + beta / np.log(10) * ratio))))

    return evaluate


COMPONENTS = (
    Component("powerlaw", "add", ("PhoIndex", "norm"), _powerlaw),
    Component("zpowerlw", "add", ("PhoIndex", "Redshift", "norm"), _zpowerlw),
    Component("cutoffpl", "add", ("PhoIndex", "HighECut", "norm"), _cutoffpl),
    Component("zcutoffpl", "add", ("PhoIndex", "HighECut", "Redshift", "norm"), _zcutoffpl),
    Component("bknpower", "add", ("PhoIndx1", "BreakE", "PhoIndx2", "norm"), _bknpower),
    Component("logpar", "add", ("alpha", "beta", "pivotE", "norm"), _logpar),
)
