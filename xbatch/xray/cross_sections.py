"""Photoelectric cross-sections of neutral atoms, from the fits that their papers print.

Energies are in eV in this module, as in the papers; cross-sections in cm2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.tables import read_table

__all__ = [
    "CROSS_SECTIONS",
    "atom_cross_section",
    "bin_cross_section",
    "edge_cross_section",
    "h2_yan",
    "helium_yan",
    "hydrogen_band",
]

Floats = NDArray[np.float64]

#: XSPEC's names of the sets: Verner et al. 1995/1996, and Balucinska-Church & McCammon 1992 with helium of 1998.
CROSS_SECTIONS = ("vern", "bcmc")

_MEGABARN = 1e-18  # cm2


def atom_cross_section(z: int, energies: Floats, xsect: str) -> Floats:
    """Give the photoelectric cross-section of one neutral atom.

    Parameters
    ----------
    z : int
        Nuclear charge, 1 to 30.
    energies : ndarray, shape (n,)
        eV, above 0.
    xsect : str
        One of `CROSS_SECTIONS`.

    Returns
    -------
    ndarray, shape (n,)
        cm2; zero where the set has no figures for the element.

    Raises
    ------
    ValueError
        There is no such set.
    """
    _check(xsect)
    return _verner(z, energies) if xsect == "vern" else _balucinska(z, energies, energies)


def bin_cross_section(z: int, edges: Floats, xsect: str) -> Floats:
    """Give the cross-section that XSPEC takes for each bin of a grid.

    ``vern``: the mean of the values at the bin's two edges. ``bcmc``: the value at the middle of the bin; in a bin that
    holds an absorption edge the mean of the logarithms on both sides, each weighted by its part of the bin.

    Parameters
    ----------
    z : int
        Nuclear charge.
    edges : ndarray, shape (k + 1,)
        eV, ascending, above 0.
    xsect : str
        One of `CROSS_SECTIONS`.

    Returns
    -------
    ndarray, shape (k,)
        cm2.

    Raises
    ------
    ValueError
        There is no such set.
    """
    _check(xsect)
    if xsect == "vern":
        at_edges = _verner(z, edges)
        return (at_edges[:-1] + at_edges[1:]) / 2
    return _balucinska(z, edges[:-1], edges[1:])


def _check(xsect: str) -> None:
    if xsect not in CROSS_SECTIONS:
        raise ValueError(f"there is no set of cross-sections {xsect!r}; there are {', '.join(CROSS_SECTIONS)}")


def _verner(z: int, energies: Floats) -> Floats:
    """Sum the shells: Verner & Yakovlev 1995 (A&AS 109, 125), the outermost shell by Verner et al. 1996 (ApJ 465, 487).

    Between the threshold of the outermost shell and that of the highest inner one, the 1996 fit of the outermost
    shell stands for all outer shells together.
    """
    shells = [row for row in read_table("verner1995") if row["Z"] == str(z)]
    outer = next((row for row in read_table("verner1996") if row["Z"] == str(z)), None)
    below = float(outer["below"]) if outer else 0.0
    total = np.zeros_like(energies)
    for row in shells:
        at = energies >= max(float(row["threshold"]), below)
        total[at] += _verner_1995(row, energies[at])
    if outer:
        at = (energies >= float(shells[-1]["threshold"])) & (energies < below)
        total[at] += _verner_1996(outer, energies[at])
    return total * _MEGABARN


def _verner_1995(row: dict[str, str], energies: Floats) -> Floats:
    """Equation 1 of Verner & Yakovlev 1995, in Mb."""
    sigma0, ya, power, yw = (float(row[key]) for key in ("sigma0", "ya", "P", "yw"))
    y = energies / float(row["E0"])
    q = 5.5 + float(row["l"]) - power / 2
    return np.asarray(sigma0 * ((y - 1) ** 2 + yw**2) * y**-q * (1 + np.sqrt(y / ya)) ** -power)


def _verner_1996(row: dict[str, str], energies: Floats) -> Floats:
    """Equation 1 of Verner et al. 1996, in Mb."""
    sigma0, ya, power, yw, y0, y1 = (float(row[key]) for key in ("sigma0", "ya", "P", "yw", "y0", "y1"))
    x = energies / float(row["E0"]) - y0
    y = np.sqrt(x**2 + y1**2)
    q = 5.5 - power / 2
    return np.asarray(sigma0 * ((x - 1) ** 2 + yw**2) * y**-q * (1 + np.sqrt(y / ya)) ** -power)


def _balucinska(z: int, low: Floats, high: Floats) -> Floats:
    """Balucinska-Church & McCammon 1992 (ApJ 400, 699), helium after Yan et al. 1998, for each bin [low, high].

    The fits are polynomials X of ln(E) between the absorption edges, sigma E^3 = exp(X).
    """
    middle = (low + high) / 2
    if z == 2:
        return helium_yan(middle, rydberg=12398.54 / 911.2671, ends=12398.54 / 503.97)
    log_energy = np.log(middle)
    exponent = np.zeros_like(middle)
    found = np.zeros(middle.shape, dtype=bool)
    weight = 0.0
    for row in read_table("balucinska1992"):
        if row["Z"] != str(z):
            continue
        start, stop, weight = (float(row[key]) for key in ("from", "to", "weight"))
        width = high - low
        inside = np.minimum(high, stop) - np.maximum(low, start)
        at = np.where(width > 0, inside > 0, (low >= start) & (low < stop))
        part = np.where(width > 0, inside / np.where(width > 0, width, 1.0), 1.0)
        coefficients = [float(row[f"c{i}"]) for i in range(9) if row[f"c{i}"]]
        exponent[at] += part[at] * np.polynomial.polynomial.polyval(log_energy[at], coefficients)
        found |= at
    # 55.26204 is ln(1e24): the fits are in 1e-24 cm2.
    return np.where(found, weight * np.exp(exponent - 3 * log_energy - 55.26204), 0.0)


def edge_cross_section(z: int, energies: Floats) -> Floats:
    """Give an atom's cross-section with the fine structure of its edge where that is tabulated.

    K edges of O and Ne, L edges of Fe, after the papers named in ``data/edges2000.csv``; elsewhere it is the
    cross-section of Verner et al.

    Parameters
    ----------
    z : int
    energies : ndarray, shape (n,)
        eV, above 0.

    Returns
    -------
    ndarray, shape (n,)
        cm2.
    """
    plain = _verner(z, energies)
    rows = [row for row in read_table("edges2000") if row["Z"] == str(z)]
    if not rows:
        return plain
    at, sigma = (np.array([float(row[key]) for row in rows]) for key in ("E", "sigma"))
    return np.where((energies >= at[0]) & (energies <= at[-1]), np.interp(energies, at, sigma) * _MEGABARN, plain)


def helium_yan(energies: Floats, rydberg: float = 13.598, ends: float = 24.58) -> Floats:
    """Give helium's cross-section, Yan, Sadeghpour & Dalgarno 1998 (ApJ 496, 1044, eq. 14), with its resonances.

    The four autoionisation resonances near 60 eV are Fano profiles after Oza 1986 and Fernley et al. 1987.

    Parameters
    ----------
    energies : ndarray, shape (n,)
        eV.
    rydberg : float
        eV; the unit of the resonances' places.
    ends : float
        eV; the cross-section is zero below.
    """
    rows = read_table("helium1998")
    out = np.zeros_like(energies)
    at = energies >= ends
    energy = energies[at]
    series = np.polynomial.polynomial.polyval(np.sqrt(24.58 / energy), [1.0, *(float(row["c"]) for row in rows)])
    sigma = 733e-24 * (energy / 1000) ** -3.5 * series
    for row in rows:
        if row["q"]:
            place = 3 - 1 / float(row["nu"]) ** 2 + 1.807317
            x = 2 * (energy / rydberg - place) / float(row["gamma"])
            sigma *= (x - float(row["q"])) ** 2 / (1 + x**2)
    out[at] = sigma
    return out


def hydrogen_band(energies: Floats) -> Floats:
    """Give atomic hydrogen's cross-section after Band et al. 1990 (A&A 237, 267), threshold 13.599 eV."""
    y = 2 * energies / 13.599
    sigma = 605 * _MEGABARN * y**-1.5 * (1 + np.sqrt(y)) ** -4
    return np.asarray(np.where(energies >= 13.599, sigma, 0.0))


def h2_yan(energies: Floats) -> Floats:
    """Give the hydrogen molecule's cross-section above 85 eV: Yan, Sadeghpour & Dalgarno 1998 (ApJ 496, 1044, eq. 18).

    Below 85 eV, where their formula does not hold, 2.85 times the atom's is taken: the ratio of the two at 0.3 keV.
    """
    x = energies / 15.4
    series = np.polynomial.polynomial.polyval(x**-0.5, [1, -2.003, -4.806, 50.577, -171.044, 231.608, -81.885])
    sigma = 45.57e-24 * (energies / 1000) ** -3.5 * series
    return np.asarray(np.where(energies >= 85, sigma, 2.85 * hydrogen_band(energies)))
