"""Optical depths of cold absorbers for one unit of column: what an evaluation multiplies by nH."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.abundances import abundances
from xbatch.xray.cross_sections import (
    atom_cross_section,
    bin_cross_section,
    edge_cross_section,
    h2_yan,
    helium_yan,
    hydrogen_band,
)
from xbatch.xray.tables import read_table

__all__ = ["Grains", "absorption_table", "gas_tau", "phabs_tau", "tbabs_tau", "wabs_ranges", "wabs_tau"]

Floats = NDArray[np.float64]

_COLUMN = 1e22  # atoms / cm2 for one unit of nH
_END = 100.0  # keV; XSPEC has no photoelectric absorption above, and the fits of bcmc would rise again
_ATOMIC_MASS = 1.6605655e-24  # g

# The elements of XSPEC's absorption models, with the mass that Wilms, Allen & McCray 2000 (ApJ 542, 914) give to an
# atom in a grain, and the fraction of the element that is in the gas (their table 2).
_ELEMENTS: tuple[tuple[int, float, float], ...] = (
    (1, 1, 1.0),
    (2, 4, 1.0),
    (6, 12, 0.5),
    (7, 14, 1.0),
    (8, 16, 0.6),
    (10, 20, 1.0),
    (11, 23, 0.25),
    (12, 24, 0.2),
    (13, 27, 0.02),
    (14, 28, 0.1),
    (16, 32, 0.6),
    (17, 35, 0.5),
    (18, 40, 1.0),
    (20, 40, 0.003),
    (24, 52, 0.03),
    (26, 56, 0.3),
    (27, 59, 0.05),
    (28, 59, 0.04),
)


@dataclass(frozen=True)
class Grains:
    """Spherical grains of one mixture; the defaults are those of XSPEC's TBabs.

    Attributes
    ----------
    density : float
        g / cm3.
    smallest, largest : float
        Radius, micrometre (Mathis, Rumpl & Nordsieck 1977, ApJ 217, 425).
    index : float
        The number of grains of radius a goes as ``a**-index``.
    """

    density: float = 1.0
    smallest: float = 0.025
    largest: float = 0.25
    index: float = 3.5


def absorption_table(edges: Floats, abund: str, xsect: str, kind: str) -> Floats:
    """Give the optical depth of each bin for one unit of nH; a bin's factor is ``exp(-nH * tau)``.

    The value of a bin is XSPEC's, see `xbatch.xray.cross_sections.bin_cross_section`. As in XSPEC nothing is absorbed
    above 100 keV: ``phabs`` is 0 in bins that begin there, the others at edges that lie there. The depth does not
    depend on the parameters of a fit, so that it is computed once for a grid.

    Parameters
    ----------
    edges : ndarray, shape (k + 1,)
        keV, ascending, above 0.
    abund : str
        Abundance table, one of `xbatch.xray.abundances.ABUNDANCES`.
    xsect : str
        Cross-sections, one of `xbatch.xray.cross_sections.CROSS_SECTIONS`; ``tbabs`` always has those of Verner et al.
    kind : str
        ``phabs``, ``tbabs``, or ``ztbabs``: the medium of ``tbabs`` without grains.

    Returns
    -------
    ndarray, shape (k,)
        Per 1e22 hydrogen atoms / cm2.

    Raises
    ------
    ValueError
        An energy that is not above 0, or an unknown name.
    """
    if kind == "phabs":
        table = abundances(abund)
        ev = _electronvolts(edges)
        depth = _COLUMN * sum(
            (table[z - 1] * bin_cross_section(z, ev, xsect) for z, _mass, _gas in _ELEMENTS), np.zeros(ev.size - 1)
        )
        return np.where(edges[:-1] > _END, 0.0, depth)
    if kind in ("tbabs", "ztbabs"):
        tau = tbabs_tau(edges, abund) if kind == "tbabs" else gas_tau(edges, abund)
        tau = np.where(edges >= _END, 0.0, tau)
        return (tau[:-1] + tau[1:]) / 2
    raise ValueError(f"there is no absorption {kind!r}; there are phabs, tbabs, ztbabs")


def phabs_tau(energies: Floats, abund: str, xsect: str) -> Floats:
    """Give the optical depth of a cold gas of atoms at single energies: the sum of abundance times cross-section.

    Parameters and errors as `absorption_table`, with energies in place of edges.
    """
    ev = _electronvolts(energies)
    table = abundances(abund)
    return _COLUMN * sum(
        (table[z - 1] * atom_cross_section(z, ev, xsect) for z, _mass, _gas in _ELEMENTS), np.zeros_like(ev)
    )


def tbabs_tau(energies: Floats, abund: str, h2_fraction: float = 0.2, grains: Grains | None = None) -> Floats:
    """Give the optical depth of the interstellar medium at single energies: atoms, hydrogen molecules and grains.

    Wilms, Allen & McCray 2000 (ApJ 542, 914). The gas has each element's undepleted part; the rest is in grains, whose
    inner parts are shielded by the outer ones: a grain of radius a absorbs ``pi a^2 (1 - exp(-4/3 a n sigma))``.

    Parameters
    ----------
    energies : ndarray, shape (n,)
        keV, above 0.
    abund : str
        Abundance table.
    h2_fraction : float
        Part of the hydrogen atoms that are in molecules.
    grains : Grains, optional
        Other than the default ones.

    Returns
    -------
    ndarray, shape (n,)
        Per 1e22 hydrogen atoms / cm2.

    Raises
    ------
    ValueError
        As `absorption_table`.
    """
    ev = _electronvolts(energies)
    table = abundances(abund)
    gas = np.zeros_like(ev)
    solid = np.zeros_like(ev)
    solid_atoms = 0.0
    solid_mass = 0.0
    for z, mass, gas_fraction in _ELEMENTS:
        sigma = _tbabs_atom(z, ev)
        in_gas = table[z - 1] * gas_fraction * ((1 - h2_fraction) if z == 1 else 1.0)
        in_grains = table[z - 1] * (1 - gas_fraction)
        gas += in_gas * sigma
        solid += in_grains * sigma
        solid_atoms += in_grains
        solid_mass += in_grains * mass * _ATOMIC_MASS
    shielded = _grain_cross_section(solid / solid_atoms, solid_atoms, solid_mass, grains or Grains())
    return (gas + h2_fraction / 2 * h2_yan(ev) + shielded) * _COLUMN


def gas_tau(energies: Floats, abund: str, h2_fraction: float = 0.2) -> Floats:
    """Give the optical depth of `tbabs_tau` with every atom in the gas: XSPEC's zTBabs, which has no grains.

    Parameters and errors as `tbabs_tau`.
    """
    ev = _electronvolts(energies)
    table = abundances(abund)
    tau = h2_fraction / 2 * h2_yan(ev)
    for z, _mass, _gas in _ELEMENTS:
        tau += table[z - 1] * ((1 - h2_fraction) if z == 1 else 1.0) * _tbabs_atom(z, ev)
    return np.asarray(tau * _COLUMN)


def wabs_ranges() -> Floats:
    """Give the energies (keV) at which the polynomials of `wabs_tau` meet: absorption edges and others."""
    return np.array([float(row["to"]) for row in read_table("morrison1983")])


def wabs_tau(edges: Floats) -> tuple[Floats, Floats]:
    """Give the optical depth of the interstellar medium of Morrison & McCammon 1983 (ApJ 270, 119) in each bin.

    Above 10 keV, where their table ends, the cross-section falls as E^-3, as in XSPEC.

    Parameters
    ----------
    edges : ndarray, shape (k + 1,)
        keV, above 0. A bin has the polynomial of its middle: none of `wabs_ranges` may lie within one.

    Returns
    -------
    tuple of two ndarrays, shape (k,)
        At the lower and at the upper edge, per 1e22 hydrogen atoms / cm2.
    """
    rows = read_table("morrison1983")
    last = float(rows[-1]["to"])
    part = np.searchsorted(wabs_ranges()[:-1], (edges[:-1] + edges[1:]) / 2)
    c0, c1, c2 = (np.array([float(row[name]) for row in rows])[part] for name in ("c0", "c1", "c2"))

    def depth(energies: Floats) -> Floats:
        within = np.minimum(energies, last)
        return np.asarray((c0 + within * (c1 + within * c2)) / energies**3 * 1e-24 * _COLUMN)

    return depth(edges[:-1]), depth(edges[1:])


def _tbabs_atom(z: int, ev: Floats) -> Floats:
    """Wilms et al. take hydrogen from Band et al. 1990, helium from Yan et al. 1998, the others from Verner et al.

    The edges' fine structure is that of version 2.3 of their program (2016).
    """
    if z == 1:
        return hydrogen_band(ev)
    if z == 2:
        return helium_yan(ev)
    return edge_cross_section(z, ev)


def _grain_cross_section(sigma: Floats, atoms: float, mass: float, grains: Grains) -> Floats:
    """Integrate the grains' absorption over their radii (Wilms et al. 2000, section 2.3 and appendix A).

    The integral is done by Gauss-Legendre quadrature in ln(a); its closed form by incomplete gamma functions loses
    all digits where the grains are thin.

    Parameters
    ----------
    sigma : ndarray, shape (n,)
        Mean cross-section of an atom in a grain, cm2.
    atoms, mass : float
        In grains, number and g, for each hydrogen atom.
    grains : Grains

    Returns
    -------
    ndarray, shape (n,)
        cm2 for each hydrogen atom.
    """
    nodes, weights = np.polynomial.legendre.leggauss(24)
    low, high = np.log(grains.smallest * 1e-4), np.log(grains.largest * 1e-4)  # cm
    radius = np.exp(low + (high - low) * (nodes + 1) / 2)
    number = weights * radius ** (1 - grains.index)  # dn = a^-index da = a^(1 - index) dln(a), up to a factor
    number *= mass / (number @ (grains.density * 4 / 3 * np.pi * radius**3))
    column = 4 / 3 * radius * grains.density * atoms / mass  # atoms / cm2 along the mean chord of a sphere
    return np.asarray(-np.expm1(-np.outer(sigma, column)) @ (number * np.pi * radius**2))


def _electronvolts(energies: Floats) -> Floats:
    ev = np.asarray(energies, dtype=np.float64) * 1000
    if ev.size and not ev.min() > 0:
        raise ValueError(f"absorption needs energies above 0 keV; the lowest here is {ev.min() / 1000:g} keV")
    return ev
