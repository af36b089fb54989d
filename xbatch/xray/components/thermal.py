"""Black bodies, the disc of black bodies, and thermal bremsstrahlung."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from xbatch.xray.components.component import Component, Evaluator, check_edges
from xbatch.xray.components.gaunt import gaunt_factor
from xbatch.xray.components.quadrature import nodes, trapezium

__all__ = ["COMPONENTS"]

Floats = NDArray[np.float64]

# XSPEC's constants, to its digits: bbody's for 1e39 erg / s at 10 kpc, bbodyrad's for a radius of 1 km at 10 kpc.
_LUMINOSITY = 8.0525
_RADIUS = 1.0344e-3
# One over XSPEC's constant of diskbb: 8 / 3 of bbodyrad's would be 0.42 % less, today's constants give 361.25.
_DISC = 1 / 361.0
# Beyond this E / kT XSPEC's black bodies are 0, and so is its bremsstrahlung.
_LAST_BLACK, _LAST_BREMSS = 60.0, 50.0
# Helium atoms for each hydrogen atom in XSPEC's bremss.
_HELIUM = 0.085
# The disc's integral is tabulated in ln(E / Tin) between these.
_DISC_FROM, _DISC_TO = -14.0, np.log(690.0)


def _bbody(edges: Floats, _abund: str, _xsect: str) -> Evaluator:
    """``norm * 8.0525 E^2 / kT^4 / (exp(E / kT) - 1)``."""
    check_edges(edges)

    def evaluate(params: Sequence[float]) -> Floats:
        temperature, norm = params
        return norm * _LUMINOSITY / temperature**4 * _black(edges, temperature)

    return evaluate


def _zbbody(edges: Floats, _abund: str, _xsect: str) -> Evaluator:
    """The density of `bbody` at E (1 + z)."""
    check_edges(edges)

    def evaluate(params: Sequence[float]) -> Floats:
        temperature, redshift, norm = params
        stretch = 1 + redshift
        return norm * _LUMINOSITY / temperature**4 / stretch * _black(edges * stretch, temperature)

    return evaluate


def _bbodyrad(edges: Floats, _abund: str, _xsect: str) -> Evaluator:
    """``norm * 1.0344e-3 E^2 / (exp(E / kT) - 1)``."""
    check_edges(edges)

    def evaluate(params: Sequence[float]) -> Floats:
        temperature, norm = params
        return norm * _RADIUS * _black(edges, temperature)

    return evaluate


def _black(edges: Floats, temperature: float) -> Floats:
    """Integrate ``E^2 / (exp(E / kT) - 1)`` by the trapezium rule; a bin with an edge beyond 60 kT is 0."""
    flux = trapezium(lambda energy: energy**2 / np.expm1(np.minimum(energy / temperature, _LAST_BLACK)), edges)
    return np.where(edges[1:] > _LAST_BLACK * temperature, 0.0, flux)


def _diskbb(edges: Floats, _abund: str, _xsect: str) -> Evaluator:
    """``norm / 361 Tin^2 x^(-2/3) * integral from x of y^(5/3) / (exp(y) - 1) dy``, x = E / Tin: T goes as r^-3/4.

    Mitsuda et al. 1984 (PASJ 36, 741), Makishima et al. 1986 (ApJ 308, 635), with a disc that has no outer end.
    """
    check_edges(edges)
    energies, weights = nodes(edges)
    logarithms = np.log(energies)

    def evaluate(params: Sequence[float]) -> Floats:
        temperature, norm = params
        if temperature <= 0:
            return np.zeros(edges.size - 1)
        place = logarithms - np.log(temperature)
        shape = np.exp(_disc_spline()(np.clip(place, _DISC_FROM, _DISC_TO)) - 2 / 3 * place - energies / temperature)
        return np.asarray(norm * _DISC * temperature**2 * np.einsum("ij,ij->j", weights, shape))

    return evaluate


@cache
def _disc_spline() -> Callable[[Floats], Floats]:
    """Tabulate ln(exp(x) * integral from x of y^(5/3) / (exp(y) - 1) dy) against ln(x)."""
    places, weights = np.polynomial.legendre.leggauss(8)
    step = 0.02
    starts = np.arange(_DISC_FROM, np.log(730.0), step)
    y = np.exp(starts[:, None] + (places + 1) * (step / 2))
    cells = (y ** (8 / 3) * np.exp(-y) / -np.expm1(-y)) @ weights * (step / 2)
    beyond = np.cumsum(cells[::-1])[::-1]
    used = starts <= _DISC_TO + step
    spline = CubicSpline(starts[used], np.log(beyond[used]) + np.exp(starts[used]))
    return lambda place: np.asarray(spline(place))


def _bremss(edges: Floats, _abund: str, _xsect: str) -> Evaluator:
    """``norm * kT^-1/2 exp(-E / kT) / E`` times the Gaunt factors of hydrogen and, with its charge squared, helium."""
    check_edges(edges)

    def evaluate(params: Sequence[float]) -> Floats:
        temperature, norm = params
        return norm * trapezium(lambda energy: _free_free(energy, temperature), edges)

    return evaluate


def _zbremss(edges: Floats, _abund: str, _xsect: str) -> Evaluator:
    """The density of `bremss` at E (1 + z)."""
    check_edges(edges)

    def evaluate(params: Sequence[float]) -> Floats:
        temperature, redshift, norm = params
        return norm * trapezium(lambda energy: _free_free(energy * (1 + redshift), temperature), edges)

    return evaluate


def _free_free(energy: Floats, temperature: float) -> Floats:
    gaunt = gaunt_factor(energy, temperature, 1) + 4 * _HELIUM * gaunt_factor(energy, temperature, 2)
    ratio = energy / temperature
    return np.where(ratio < _LAST_BREMSS, gaunt * np.exp(-ratio) / (energy * np.sqrt(temperature)), 0.0)


COMPONENTS = (
    Component("bbody", "add", ("kT", "norm"), _bbody),
    Component("zbbody", "add", ("kT", "Redshift", "norm"), _zbbody),
    Component("bbodyrad", "add", ("kT", "norm"), _bbodyrad),
    Component("diskbb", "add", ("Tin", "norm"), _diskbb),
    Component("bremss", "add", ("kT", "norm"), _bremss),
    Component("zbremss", "add", ("kT", "Redshift", "norm"), _zbremss),
)
