"""Optical depths of cold absorbers for one unit of column: what an evaluation multiplies by nH."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.abundances import abundances
from xbatch.xray.cross_sections import CROSS_SECTIONS, atom_cross_section, h2_yan, helium_yan, hydrogen_band

__all__ = ["absorption_table", "phabs_tau", "tbabs_tau"]

Floats = NDArray[np.float64]

_COLUMN = 1e22  # atoms / cm2 for one unit of nH
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


def absorption_table(energies: Floats, abund: str, xsect: str, kind: str) -> Floats:
    """Give the optical depth for one unit of nH; a factor is ``exp(-nH * tau)``.

    Parameters
    ----------
    energies : ndarray, shape (n,)
        keV, above 0.
    abund : str
        Abundance table, one of `xbatch.xray.abundances.ABUNDANCES`.
    xsect : str
        Cross-sections, one of `xbatch.xray.cross_sections.CROSS_SECTIONS`; ``tbabs`` has its own and only checks it.
    kind : str
        ``phabs`` or ``tbabs``.

    Returns
    -------
    ndarray, shape (n,)
        Per 1e22 hydrogen atoms / cm2.

    Raises
    ------
    ValueError
        An energy that is not above 0, or an unknown name.
    """
    if xsect not in CROSS_SECTIONS:
        raise ValueError(f"there is no set of cross-sections {xsect!r}; there are {', '.join(CROSS_SECTIONS)}")
    if kind == "phabs":
        return phabs_tau(energies, abund, xsect)
    if kind == "tbabs":
        return tbabs_tau(energies, abund)
    raise ValueError(f"there is no absorption {kind!r}; there are phabs, tbabs")


def phabs_tau(energies: Floats, abund: str, xsect: str) -> Floats:
    """Give the optical depth of a cold gas of atoms: the sum of abundance times cross-section.

    Parameters and errors as `absorption_table`.
    """
    ev = _electronvolts(energies)
    table = abundances(abund)
    sigma = np.zeros_like(ev)
    for z, _mass, _gas in _ELEMENTS:
        sigma += table[z - 1] * atom_cross_section(z, ev, xsect)
    return sigma * _COLUMN


def tbabs_tau(
    energies: Floats,
    abund: str,
    *,
    h2_fraction: float = 0.2,
    density: float = 1.0,
    smallest: float = 0.025,
    largest: float = 0.25,
    index: float = 3.5,
) -> Floats:
    """Give the optical depth of the interstellar medium: atoms, hydrogen molecules and grains.

    Wilms, Allen & McCray 2000 (ApJ 542, 914). The gas has each element's undepleted part; the rest is in spherical
    grains of one mixture whose radii follow ``a**-index`` (Mathis, Rumpl & Nordsieck 1977), and the inner parts of a
    grain are shielded by the outer ones: a grain of radius a absorbs ``pi a^2 (1 - exp(-4/3 a n sigma))``. The default
    values are XSPEC's. The fine structure at the K edges of O and Ne and the L edges of Fe is not in these fits.

    Parameters
    ----------
    energies : ndarray, shape (n,)
        keV, above 0.
    abund : str
        Abundance table.
    h2_fraction : float
        Part of the hydrogen atoms that are in molecules.
    density : float
        Of a grain, g / cm3.
    smallest, largest : float
        Radii of the grains, micrometre.
    index : float
        Of the power law of the radii.

    Returns
    -------
    ndarray, shape (n,)
        Per 1e22 hydrogen atoms / cm2.
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
    grains = _grain_cross_section(
        solid / solid_atoms, solid_mass, solid_mass / solid_atoms, density, (smallest * 1e-4, largest * 1e-4), index
    )
    return (gas + h2_fraction / 2 * h2_yan(ev) + grains) * _COLUMN


def _tbabs_atom(z: int, ev: Floats) -> Floats:
    """Wilms et al. take hydrogen from Band et al. 1990, helium from Yan et al. 1998, the others from Verner et al."""
    if z == 1:
        return hydrogen_band(ev)
    if z == 2:
        return helium_yan(ev)
    return atom_cross_section(z, ev, "vern")


def _grain_cross_section(
    sigma: Floats, mass: float, atom_mass: float, density: float, radii: tuple[float, float], index: float
) -> Floats:
    """Integrate the grains' absorption over their radii (Wilms et al. 2000, section 2.3 and appendix A).

    The integral is done by Gauss-Legendre quadrature in ln(a); its closed form by incomplete gamma functions loses
    all digits where the grains are thin.

    Parameters
    ----------
    sigma : ndarray, shape (n,)
        Mean cross-section of an atom in a grain, cm2.
    mass : float
        In grains, g for each hydrogen atom.
    atom_mass : float
        Mean mass of an atom in a grain, g.
    density : float
        g / cm3.
    radii : (float, float)
        Smallest and largest, cm.
    index : float

    Returns
    -------
    ndarray, shape (n,)
        cm2 for each hydrogen atom.
    """
    nodes, weights = np.polynomial.legendre.leggauss(24)
    low, high = np.log(radii)
    radius = np.exp(low + (high - low) * (nodes + 1) / 2)
    number = weights * radius ** (1 - index)  # dn = a^-index da = a^(1 - index) dln(a), up to a factor
    number *= mass / (number @ (density * 4 / 3 * np.pi * radius**3))
    column = 4 / 3 * radius * density / atom_mass  # atoms / cm2 along the mean chord of a sphere
    shielded = -np.expm1(-np.outer(sigma, column))
    return np.asarray(shielded @ (number * np.pi * radius**2))


def _electronvolts(energies: Floats) -> Floats:
    ev = np.asarray(energies, dtype=np.float64) * 1000
    if ev.size and not ev.min() > 0:
        raise ValueError(f"absorption needs energies above 0 keV; the lowest here is {ev.min() / 1000:g} keV")
    return ev
