"""Factors other than cold absorption: a constant, edges, cut-offs, Compton scattering."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.components.component import Component, Evaluator, Smooth, check_edges
from xbatch.xray.components.quadrature import edge_mean

__all__ = ["COMPONENTS"]

Floats = NDArray[np.float64]

# XSPEC's cabs: electrons for each hydrogen atom times Thomson's cross-section for a column of 1e22 / cm2, and the
# electron's rest energy in keV.
_THOMSON = 1.21 * 0.665e-2
_REST = 510.999
# Below this E / 511 keV the closed form of Klein and Nishina loses digits, and its series is as good.
_SERIES_TO = 0.025


def _constant(edges: Floats, _abund: str, _xsect: str) -> Evaluator:
    """The same factor everywhere."""
    ones = np.ones(edges.size - 1)
    return Smooth(lambda params: params[0] * ones, lambda _params, _evaluate: (ones,))


def _edge(edges: Floats, _abund: str, _xsect: str) -> Evaluator:
    """1 below edgeE, ``exp(-MaxTau (E / edgeE)^-3)`` from there up: the mean of a bin's edges."""
    check_edges(edges)
    return lambda params: _edge_factor(edges, params[0], params[1])


def _zedge(edges: Floats, _abund: str, _xsect: str) -> Evaluator:
    """`edge` at E (1 + z)."""
    check_edges(edges)
    return lambda params: _edge_factor(edges * (1 + params[2]), params[0], params[1])


def _edge_factor(edges: Floats, energy: float, depth: float) -> Floats:
    """Average over the two edges of each bin; a bin with the absorption edge in it is averaged over its two parts."""
    above = edges >= energy
    factor = np.ones(edges.size)
    factor[above] = np.exp(-depth * (energy / edges[above]) ** 3)
    mean = edge_mean(factor)
    if edges[0] < energy < edges[-1]:
        split = int(np.searchsorted(edges, energy, side="left")) - 1
        low, high = edges[split], edges[split + 1]
        beyond = (np.exp(-depth) + factor[split + 1]) / 2
        mean[split] = ((energy - low) + (high - energy) * beyond) / (high - low)
    return mean


def _highecut(edges: Floats, _abund: str, _xsect: str) -> Evaluator:
    """1 up to cutoffE, ``exp((cutoffE - E) / foldE)`` above: the mean of a bin's edges."""
    check_edges(edges)

    def evaluate(params: Sequence[float]) -> Floats:
        start, fold = params
        return edge_mean(np.exp(-np.maximum(edges - start, 0.0) / fold))

    return evaluate


def _expabs(edges: Floats, _abund: str, _xsect: str) -> Evaluator:
    """``exp(-LowECut / E)``: the mean of a bin's edges."""
    check_edges(edges)
    return lambda params: edge_mean(np.exp(-params[0] / edges))


def _cabs(edges: Floats, _abund: str, _xsect: str) -> Evaluator:
    """``exp(-nH sigma)`` with the cross-section of Klein and Nishina, 1.21 electrons for each hydrogen atom.

    Scattered photons are lost, whatever their new energy; a bin has the factor of its middle.
    """
    check_edges(edges)
    tau = _THOMSON * _klein_nishina(edge_mean(edges) / _REST)
    return Smooth(
        lambda params: np.asarray(np.exp(-params[0] * tau)), lambda params, evaluate: (-tau * evaluate(params),)
    )


def _klein_nishina(x: Floats) -> Floats:
    """Give the cross-section over Thomson's; x is the energy over the electron's rest energy."""
    series = np.polynomial.polynomial.polyval(x, [1, -2, 26 / 5, -133 / 10, 1144 / 35, -544 / 7])
    w = np.maximum(x, _SERIES_TO)
    wide = 1 + 2 * w
    logarithm = np.log(wide)
    closed = (1 + w) / w**3 * (2 * w * (1 + w) / wide - logarithm) + logarithm / (2 * w) - (1 + 3 * w) / wide**2
    return np.where(x < _SERIES_TO, series, 0.75 * closed)


COMPONENTS = (
    Component("constant", "mul", ("factor",), _constant),
    Component("edge", "mul", ("edgeE", "MaxTau"), _edge),
    Component("zedge", "mul", ("edgeE", "MaxTau", "Redshift"), _zedge),
    Component("highecut", "mul", ("cutoffE", "foldE"), _highecut),
    Component("expabs", "mul", ("LowECut",), _expabs),
    Component("cabs", "mul", ("nH",), _cabs),
)
