"""The spectral components: XSPEC's definitions, and XSPEC's value of a bin.

Additive components give photons / cm2 / s in each bin, multiplicative ones the factor of each bin. What does not
depend on the parameters is computed once for a grid by `Component.prepare`; the function it returns is what a fit
calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.special import exprel, ndtr

from xbatch.xray.absorption import absorption_table

__all__ = ["COMPONENTS", "Component", "Evaluator"]

Floats = NDArray[np.float64]
Evaluator = Callable[[Sequence[float]], Floats]


@dataclass(frozen=True)
class Component:
    """One kind of spectral component.

    Attributes
    ----------
    name : str
        As a spec writes it.
    kind : str
        ``add`` or ``mul``.
    parameters : tuple of str
        XSPEC's names in XSPEC's order; an additive component's last is ``norm``.
    prepare : callable
        ``prepare(edges, abund, xsect) -> evaluator``: `edges` of shape (k + 1,) in keV, ascending and above 0; the
        names of the abundance table and of the cross-sections (used by absorption alone). The evaluator takes the
        parameters' values in order and gives an array of shape (k,). Raises ValueError for edges that cannot be
        used or for an unknown table.
    """

    name: str
    kind: str
    parameters: tuple[str, ...]
    prepare: Callable[[Floats, str, str], Evaluator]

    def evaluate(self, edges: Floats, params: Sequence[float], abund: str = "wilm", xsect: str = "vern") -> Floats:
        """Evaluate once, with nothing kept.

        Raises
        ------
        ValueError
            The number of parameters is wrong, the edges cannot be used, or a table is unknown.
        """
        if len(params) != len(self.parameters):
            raise ValueError(
                f"{self.name} has {len(self.parameters)} parameters ({', '.join(self.parameters)}), not {len(params)}"
            )
        return self.prepare(np.asarray(edges, dtype=np.float64), abund, xsect)(params)


def _powerlaw(edges: Floats, _abund: str, _xsect: str) -> Evaluator:
    """``norm * E**-PhoIndex`` photons / cm2 / s / keV (E in keV), integrated exactly over each bin.

    With a = 1 - PhoIndex and L = ln(hi / lo) the integral is ``lo**a * L * (exp(a L) - 1) / (a L)``, which has no
    special case at PhoIndex = 1 and loses no digits in narrow bins.
    """
    _check(edges)
    log_low = np.log(edges[:-1])
    log_ratio = np.log1p(np.diff(edges) / edges[:-1])

    def evaluate(params: Sequence[float]) -> Floats:
        index, norm = params
        power = 1.0 - index
        return np.asarray(norm * np.exp(power * log_low) * log_ratio * exprel(power * log_ratio))

    return evaluate


def _gaussian(edges: Floats, _abund: str, _xsect: str) -> Evaluator:
    """A line of `norm` photons / cm2 / s at LineE with standard deviation Sigma (keV), integrated exactly.

    A line of width 0 lies whole in the bin with lo < LineE <= hi (in the first bin if it is on the first edge), and
    nowhere if it is off the grid. The part of a wide line that is off the grid is lost.
    """
    _check(edges)

    def evaluate(params: Sequence[float]) -> Floats:
        line, sigma, norm = params
        if sigma <= abs(line) * np.finfo(float).eps:  # narrower than two neighbouring doubles
            flux = np.zeros(edges.size - 1)
            if edges[0] <= line <= edges[-1]:
                flux[max(int(np.searchsorted(edges, line, side="left")) - 1, 0)] = norm
            return flux
        return np.asarray(norm * np.diff(ndtr((edges - line) / sigma)))

    return evaluate


def _constant(edges: Floats, _abund: str, _xsect: str) -> Evaluator:
    """The same factor everywhere."""
    size = edges.size - 1

    def evaluate(params: Sequence[float]) -> Floats:
        return np.full(size, params[0], dtype=np.float64)

    return evaluate


def _absorption(kind: str) -> Callable[[Floats, str, str], Evaluator]:
    def prepare(edges: Floats, abund: str, xsect: str) -> Evaluator:
        """``exp(-nH tau)`` with XSPEC's optical depth of a bin; nH in 1e22 / cm2."""
        _check(edges)
        tau = absorption_table(edges, abund, xsect, kind)

        def evaluate(params: Sequence[float]) -> Floats:
            return np.asarray(np.exp(-params[0] * tau))

        return evaluate

    return prepare


def _check(edges: Floats) -> None:
    """Raise ValueError unless the edges ascend from above 0."""
    if edges.ndim != 1 or edges.size < 2:
        raise ValueError("a grid needs at least two edges")
    if not edges[0] > 0:
        raise ValueError(f"the first energy of the grid is {edges[0]:g} keV; it must be above 0")
    if not np.all(np.diff(edges) > 0):
        raise ValueError("the energies of the grid do not ascend")


#: The components there are, by name.
COMPONENTS: Mapping[str, Component] = MappingProxyType(
    {
        component.name: component
        for component in (
            Component("constant", "mul", ("factor",), _constant),
            Component("gaussian", "add", ("LineE", "Sigma", "norm"), _gaussian),
            Component("phabs", "mul", ("nH",), _absorption("phabs")),
            Component("powerlaw", "add", ("PhoIndex", "norm"), _powerlaw),
            Component("tbabs", "mul", ("nH",), _absorption("tbabs")),
        )
    }
)
