"""Ways to make a bin's value of a function of energy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["edge_mean", "log_nodes", "nodes", "trapezium"]

Floats = NDArray[np.float64]

# Five points integrate what a model does within a bin to far more digits than any of XSPEC's own rules.
_POINTS = 5


def nodes(edges: Floats) -> tuple[Floats, Floats]:
    """Give the energies and weights of Gauss-Legendre's rule in each bin.

    Parameters
    ----------
    edges : ndarray, shape (k + 1,)

    Returns
    -------
    energies, weights : ndarray, shape (5, k)
        The integral over each bin is ``(weights * f(energies)).sum(axis=0)``.
    """
    place, weight = np.polynomial.legendre.leggauss(_POINTS)
    half = np.diff(edges) / 2
    return (edges[:-1] + half) + np.multiply.outer(place, half), np.multiply.outer(weight, half)


def log_nodes(edges: Floats) -> tuple[Floats, Floats]:
    """Give the same for an integral that is done in the logarithm of energy: better for what is near a power law.

    Returns
    -------
    logarithms, weights : ndarray, shape (5, k)
        The integral of f dE over each bin is ``(weights * f).sum(axis=0)``; the weights hold dE / dln(E).
    """
    logarithms, weights = nodes(np.log(edges))
    return logarithms, weights * np.exp(logarithms)


def trapezium(density: Callable[[Floats], Floats], edges: Floats) -> Floats:
    """Give XSPEC's photons in each bin where it takes width times the mean of the density at the two edges."""
    return edge_mean(density(edges)) * np.diff(edges)


def edge_mean(at_edges: Floats) -> Floats:
    """Give the mean of the values at the two edges of each bin: shape (k + 1,) to (k,)."""
    return (at_edges[:-1] + at_edges[1:]) / 2
