"""Emission lines, integrated exactly over bins, and the absorption line."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from xbatch.xray.components.component import Component, Evaluator, Smooth, check_edges

__all__ = ["COMPONENTS"]

Floats = NDArray[np.float64]

# Beyond this many standard deviations a line has less than the last digit of a double.
_SEEN = 9.0
# A line narrower than this, relative to its energy, is narrower than two neighbouring doubles.
_NARROWEST = float(np.finfo(float).eps)
_ROOT = float(np.sqrt(2 * np.pi))

# Of an absorption line: the optical depth at which its table ends, and the table's steps in sigmas.
_DEPTH_LEFT = 1e-17
_STEP = 0.01


def _gaussian(edges: Floats, _abund: str, _xsect: str) -> Evaluator:
    """A line of `norm` photons / cm2 / s at LineE with standard deviation Sigma (keV).

    A line of width 0 lies whole in the bin with lo < LineE <= hi (in the first bin if it is on the first edge), and
    nowhere if it is off the grid. The part of a wide line that is off the grid is lost.
    """
    check_edges(edges)

    def evaluate(params: Sequence[float]) -> Floats:
        line, sigma, norm = params
        return _gauss(edges, line, sigma, norm)

    return Smooth(evaluate, lambda params, _evaluate: _gauss_slopes(edges, *params))


def _zgauss(edges: Floats, _abund: str, _xsect: str) -> Evaluator:
    """The line at LineE / (1 + z), Sigma / (1 + z) wide, of norm / (1 + z) photons / cm2 / s."""
    check_edges(edges)

    def evaluate(params: Sequence[float]) -> Floats:
        line, sigma, redshift, norm = params
        stretch = 1 + redshift
        return _gauss(edges, line / stretch, sigma / stretch, norm / stretch)

    return evaluate


def _gauss(edges: Floats, line: float, sigma: float, norm: float) -> Floats:
    if _is_narrow(line, sigma):
        return norm * _one_bin(edges, line)
    flux = np.zeros(edges.size - 1)
    first, place = _seen(edges, line, sigma)
    below = ndtr(place, out=place)
    if below.size > 1:
        np.multiply(below[1:] - below[:-1], norm, out=flux[first : first + below.size - 1])
    return flux


def _gauss_slopes(edges: Floats, line: float, sigma: float, norm: float) -> tuple[Floats, Floats]:
    """Give the derivatives by LineE and Sigma; a line without width stays in its bin."""
    by_line, by_sigma = np.zeros((2, edges.size - 1))
    if not _is_narrow(line, sigma):
        first, place = _seen(edges, line, sigma)
        inside = slice(first, first + max(place.size - 1, 0))
        density = np.exp(-0.5 * place * place)
        density *= norm / (sigma * _ROOT)
        np.subtract(density[:-1], density[1:], out=by_line[inside])
        density *= place
        np.subtract(density[:-1], density[1:], out=by_sigma[inside])
    return by_line, by_sigma


def _seen(edges: Floats, line: float, sigma: float) -> tuple[int, Floats]:
    """Give the first edge near enough to a line to see it, and how many sigmas it and those after it are away."""
    first = max(int(edges.searchsorted(line - _SEEN * sigma)) - 1, 0)
    last = int(edges.searchsorted(line + _SEEN * sigma)) + 1
    place = edges[first:last] - line
    place /= sigma
    return first, place


def _lorentz(edges: Floats, _abund: str, _xsect: str) -> Evaluator:
    """A Lorentzian of full width Width at half its height; `norm` photons / cm2 / s from 0 keV up."""
    check_edges(edges)

    def evaluate(params: Sequence[float]) -> Floats:
        line, width, norm = params
        if _is_narrow(line, width):
            return norm * _one_bin(edges, line)
        scaled = 2 / width * (edges - line)
        # The difference of two arc tangents as one: no digits are lost far from the line.
        angle = np.arctan2(np.diff(scaled), 1 + scaled[1:] * scaled[:-1])
        return np.asarray(norm * angle / (np.pi / 2 + np.arctan(2 * line / width)))

    return evaluate


def _is_narrow(line: float, width: float) -> bool:
    """Tell whether a line has no width that numbers could show."""
    return bool(width <= abs(line) * _NARROWEST)


def _one_bin(edges: Floats, line: float) -> Floats:
    flux = np.zeros(edges.size - 1)
    if edges[0] <= line <= edges[-1]:
        flux[max(int(np.searchsorted(edges, line, side="left")) - 1, 0)] = 1.0
    return flux


def _gabs(edges: Floats, _abund: str, _xsect: str) -> Evaluator:
    """``exp(-tau)``, tau a Gaussian at LineE of standard deviation Sigma and area Strength (all keV): its true mean.

    A line of width 0 absorbs nothing: it is infinitely deep in no energy at all.
    """
    check_edges(edges)
    width = np.diff(edges)

    def evaluate(params: Sequence[float]) -> Floats:
        line, sigma, strength = params
        depth = 0.0 if _is_narrow(line, sigma) else strength / (sigma * _ROOT)
        if depth <= _DEPTH_LEFT:
            return np.ones(width.size)
        passed = _passed(depth)
        return np.asarray(np.maximum(np.diff(passed((edges - line) / sigma)) * sigma / width, 0.0))

    return evaluate


def _passed(depth: float) -> Callable[[Floats], Floats]:
    """Give the integral of ``exp(-depth exp(-x^2 / 2))`` from 0 to x.

    It is tabulated with Gauss-Legendre's rule and interpolated by cubics that have its exact slope; beyond the line the
    slope is 1.
    """
    count = int(np.ceil(np.sqrt(2 * np.log(depth / _DEPTH_LEFT)) / _STEP))
    places, weights = np.polynomial.legendre.leggauss(4)
    starts = np.arange(count) * _STEP
    cells = _factor(depth, starts[:, None] + (places + 1) * (_STEP / 2)) @ weights * (_STEP / 2)
    table = np.append(0.0, np.cumsum(cells))
    slopes = _factor(depth, np.arange(count + 1) * _STEP) * _STEP

    def integral(x: Floats) -> Floats:
        place = np.abs(x) / _STEP
        cell = np.minimum(place, count - 1).astype(np.int64)
        t = np.minimum(place - cell, 1.0)
        rise, first, second = cells[cell], slopes[cell], slopes[cell + 1]
        cubic = t * (first + t * ((3 * rise - 2 * first - second) + t * (first + second - 2 * rise)))
        return np.asarray(np.sign(x) * (table[cell] + cubic + np.maximum(place - count, 0.0) * _STEP))

    return integral


def _factor(depth: float, x: NDArray[np.floating]) -> Floats:
    return np.asarray(np.exp(-depth * np.exp(-(x**2) / 2)))


COMPONENTS = (
    Component("gaussian", "add", ("LineE", "Sigma", "norm"), _gaussian),
    Component("zgauss", "add", ("LineE", "Sigma", "Redshift", "norm"), _zgauss),
    Component("lorentz", "add", ("LineE", "Width", "norm"), _lorentz),
    Component("gabs", "mul", ("LineE", "Sigma", "Strength"), _gabs),
)
