"""Cold absorbers: ``exp(-nH tau)`` with XSPEC's optical depth of a bin, and what is made of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.absorption import absorption_table, wabs_ranges, wabs_tau
from xbatch.xray.components.component import Component, Evaluator, Prepare, Smooth, check_edges

__all__ = ["COMPONENTS"]

Floats = NDArray[np.float64]

# Redshifts whose optical depths are kept: the one in force, and those that a derivative tries.
_KEPT = 3


def _absorber(kind: str) -> Prepare:
    """Prepare ``exp(-nH tau)``; nH in 1e22 / cm2."""

    def prepare(edges: Floats, abund: str, xsect: str) -> Evaluator:
        check_edges(edges)
        tau = absorption_table(edges, abund, xsect, kind)

        def evaluate(params: Sequence[float]) -> Floats:
            depth = -params[0] * tau
            return np.asarray(np.exp(depth, out=depth))

        return Smooth(evaluate, lambda params, evaluate: (-tau * evaluate(params),))

    return prepare


def _redshifted(kind: str) -> Prepare:
    """Prepare the same with the optical depth at E (1 + z)."""

    def prepare(edges: Floats, abund: str, xsect: str) -> Evaluator:
        check_edges(edges)
        tau = lru_cache(maxsize=_KEPT)(lambda stretch: absorption_table(edges * stretch, abund, xsect, kind))
        return lambda params: np.asarray(np.exp(-params[0] * tau(1 + params[1])))

    return prepare


def _pcfabs(edges: Floats, abund: str, xsect: str) -> Evaluator:
    """``1 - f + f exp(-nH tau)``: `phabs` before the part f of the source."""
    whole = _absorber("phabs")(edges, abund, xsect)
    return lambda params: np.asarray(1 - params[1] * (1 - whole(params[:1])))


def _wabs(edges: Floats, _abund: str, _xsect: str) -> Evaluator:
    """Morrison & McCammon 1983, with their abundances and cross-sections: the mean of the factors at a bin's edges."""
    check_edges(edges)
    factor = _morrison(edges)
    return lambda params: factor(params[0])


def _zwabs(edges: Floats, _abund: str, _xsect: str) -> Evaluator:
    """`wabs` at E (1 + z)."""
    check_edges(edges)
    factor = lru_cache(maxsize=_KEPT)(lambda stretch: _morrison(edges * stretch))
    return lambda params: factor(1 + params[1])(params[0])


def _morrison(edges: Floats) -> Callable[[float], Floats]:
    """Prepare the factor for a column; a bin in which two polynomials meet is averaged over its parts."""
    meet = wabs_ranges()
    fine = np.union1d(edges, meet[(meet > edges[0]) & (meet < edges[-1])])
    starts = np.searchsorted(fine, edges[:-1])
    share = np.diff(fine) / np.repeat(np.diff(edges), np.diff(np.append(starts, fine.size - 1))) / 2
    low, high = wabs_tau(fine)

    def factor(column: float) -> Floats:
        parts = share * (np.exp(-column * low) + np.exp(-column * high))
        return np.asarray(parts if starts.size == parts.size else np.add.reduceat(parts, starts))

    return factor


COMPONENTS = (
    Component("phabs", "mul", ("nH",), _absorber("phabs")),
    Component("zphabs", "mul", ("nH", "Redshift"), _redshifted("phabs")),
    Component("tbabs", "mul", ("nH",), _absorber("tbabs")),
    Component("ztbabs", "mul", ("nH", "Redshift"), _redshifted("ztbabs")),
    Component("wabs", "mul", ("nH",), _wabs),
    Component("zwabs", "mul", ("nH", "Redshift"), _zwabs),
    Component("pcfabs", "mul", ("nH", "CvrFract"), _pcfabs),
)
