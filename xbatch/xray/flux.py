"""Fluxes of a model in an energy band."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["ERG_PER_KEV", "band_flux", "band_grid", "padded_grid"]

Floats = NDArray[np.float64]

#: 1 keV in erg, exact since the SI of 2019. XSPEC 12.9 has the older 1.602192e-9, which is 1e-5 more.
ERG_PER_KEV = 1.602176634e-9
# Bins of the grid are at most this wide relative to their energy: the energy of their middle then stands for that of
# their photons to 1e-6 for any spectrum that a response could tell from a line.
_WIDEST = 0.005


def band_grid(edges: Floats, lo: float, hi: float) -> Floats:
    """Make the grid that a flux is summed on.

    The grid has the response's edges between the band's, the band's own edges, and more where these are far apart or
    where the band reaches beyond the response.

    Parameters
    ----------
    edges : ndarray, shape (m + 1,)
        Edges of the response's energy bins, keV, ascending.
    lo, hi : float
        The band, keV.

    Returns
    -------
    ndarray
        Ascending from `lo` to `hi`.

    Raises
    ------
    ValueError
        The band is empty or does not begin above 0 keV.
    """
    if not 0 < lo < hi:
        raise ValueError(f"a flux needs a band from above 0 keV to a higher energy, not {lo:g}-{hi:g} keV")
    inside = edges[(edges > lo) & (edges < hi)]
    coarse = np.concatenate(([lo], inside, [hi]))
    parts = np.ceil(np.log(coarse[1:] / coarse[:-1]) / _WIDEST).astype(np.int64).clip(1)
    within = np.arange(int(parts.sum())) - np.repeat(np.cumsum(parts) - parts, parts)
    share = within / np.repeat(parts, parts)
    low = np.repeat(coarse[:-1], parts)
    fine = low * np.repeat(coarse[1:] / coarse[:-1], parts) ** share
    return np.append(fine, hi)


def padded_grid(edges: Floats, grid: Floats) -> tuple[Floats, slice]:
    """Put the grid of a band among the energies of a response: a convolution looks beyond the band.

    Parameters
    ----------
    edges : ndarray, shape (m + 1,)
        Edges of the response's energy bins, keV, ascending.
    grid : ndarray, shape (k + 1,)
        As from `band_grid`.

    Returns
    -------
    grid : ndarray
        Ascending, over both.
    inside : slice
        The bins of the band.
    """
    below, above = edges[edges < grid[0]], edges[edges > grid[-1]]
    return np.concatenate([below, grid, above]), slice(below.size, below.size + grid.size - 1)


def band_flux(photons: Floats, grid: Floats) -> tuple[float, float]:
    """Sum a model over a grid.

    Parameters
    ----------
    photons : ndarray, shape (k,)
        Photons / cm2 / s in each bin.
    grid : ndarray, shape (k + 1,)
        keV.

    Returns
    -------
    tuple of two floats
        Energy flux, erg / cm2 / s, and photon flux, photons / cm2 / s.
    """
    middle = (grid[1:] + grid[:-1]) / 2
    return float(photons @ middle) * ERG_PER_KEV, float(photons.sum())
