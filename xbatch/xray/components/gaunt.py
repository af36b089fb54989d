"""The free-free Gaunt factor that XSPEC's bremss uses."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import k0e

from xbatch.xray.tables import read_table

__all__ = ["gaunt_factor"]

Floats = NDArray[np.float64]

_RYDBERG = 0.01358  # keV, as in the fit
# Above this ratio of the ion's Rydberg to kT the plasma is cold; below the other the Born approximation holds.
_COLD, _BORN = 0.1, 1e-3
# The fits' ranges of E / kT end here; the last has no end.
_RANGES = (0.03, 0.3, 1.0, 5.0, 15.0)
_LOWEST = 0.003


def gaunt_factor(energies: Floats, temperature: float, charge: int) -> Floats:
    """Give the Gaunt factor, averaged over a thermal plasma.

    Born's approximation, corrected by the polynomials of Kellogg, Baldwin & Koch 1975 (ApJ 199, 299) to the figures of
    Karzas & Latter 1961 (ApJS 6, 167) where that is needed, and Kurucz's table for a cold plasma; see
    ``data/kellogg1975.csv`` and ``data/kurucz1970.csv``.

    Parameters
    ----------
    energies : ndarray, shape (n,)
        keV, above 0.
    temperature : float
        keV.
    charge : int
        Of the ions.

    Returns
    -------
    ndarray, shape (n,)
        Zero for a plasma colder than the table.
    """
    ratio = energies / temperature
    rydbergs = charge**2 * _RYDBERG / temperature
    if rydbergs > _COLD:
        return _cold(ratio, rydbergs)
    half = ratio / 2
    # 0.5513 is sqrt(3) / pi: the Bessel function times exp(E / 2 kT).
    born = 0.5513 * k0e(half)
    if rydbergs < _BORN:
        return np.asarray(born)
    gammas, coefficients = _kellogg()
    gamma = min(rydbergs * 1000, gammas[-1])
    at = [
        [np.interp(gamma, gammas, coefficients[:, part, order]) for part in range(len(_RANGES) + 1)]
        for order in range(3)
    ]
    part = np.searchsorted(_RANGES, ratio, side="left")
    u = np.maximum(ratio, _LOWEST)
    constant, linear, square = (np.array(values)[part] for values in at)
    return np.asarray(born * (constant + u * (linear + u * square)))


@cache
def _kellogg() -> tuple[Floats, Floats]:
    """Give the gammas (1000 Rydbergs / kT), shape (7,), and coefficients, shape (7, 6 ranges, 3 orders)."""
    rows = read_table("kellogg1975")
    gammas = np.array(sorted({float(row["gamma"]) for row in rows}))
    values = np.array([[float(row[f"a{order}"]) for order in range(3)] for row in rows])
    return gammas, values.reshape(gammas.size, len(_RANGES) + 1, 3)


@cache
def _kurucz() -> tuple[Floats, Floats, Floats]:
    """Give log(E / kT), shape (12,), log(Rydbergs / kT), shape (7,), and the factors, shape (12, 7)."""
    rows = read_table("kurucz1970")
    names = [name for name in rows[0] if name != "log_u"]
    factors = np.array([[float(row[name]) for name in names] for row in rows])
    return np.array([float(row["log_u"]) for row in rows]), np.array([float(name) for name in names]), factors


def _cold(ratio: Floats, rydbergs: float) -> Floats:
    """Interpolate in Kurucz's table, linearly in both logarithms; below its least E / kT its slope is kept."""
    log_u, log_gamma, factors = _kurucz()
    gamma = np.log10(rydbergs)
    if not log_gamma[0] <= gamma < log_gamma[-1]:
        return np.zeros_like(ratio)
    column = np.array([np.interp(gamma, log_gamma, row) for row in factors])
    place = np.log10(ratio)
    cell = np.clip(np.searchsorted(log_u, place, side="right") - 1, 0, log_u.size - 2)
    t = (place - log_u[cell]) / (log_u[cell + 1] - log_u[cell])
    return np.where(place < log_u[-1], (1 - t) * column[cell] + t * column[cell + 1], 0.0)
