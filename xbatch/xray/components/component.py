"""What a spectral component is: its name, its parameters, and how it is evaluated on a grid of energies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Component",
    "Convolution",
    "Convolver",
    "Evaluator",
    "Kind",
    "Prepare",
    "Scaler",
    "Scaling",
    "Slopes",
    "Smooth",
    "check_edges",
]

Floats = NDArray[np.float64]
Evaluator = Callable[[Sequence[float]], Floats]
Slopes = Callable[[tuple[float, ...], Evaluator], Sequence[Floats]]
Prepare = Callable[[Floats, str, str], Evaluator]
Scaler = Callable[[Sequence[float], Floats], float]
Convolver = Callable[[Sequence[float], Floats], Floats]


@dataclass(frozen=True)
class Smooth:
    """An evaluator that knows its derivatives.

    Attributes
    ----------
    evaluate : callable
        As any evaluator.
    slopes : callable
        ``slopes(params, evaluate) -> arrays``: the derivatives of each bin's value by each parameter, in order, but
        for an additive component's norm, which only scales; `evaluate` does the same as that here, and may know the
        answer already.
    """

    evaluate: Evaluator
    slopes: Slopes

    def __call__(self, params: Sequence[float]) -> Floats:
        """Evaluate."""
        return self.evaluate(params)


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
        names of the abundance table and of the cross-sections (used by absorption alone). What does not depend on the
        parameters is done here, once for a grid. The evaluator takes the parameters' values in order and gives an
        array of shape (k,): photons / cm2 / s in each bin, or the factor of each bin. Raises ValueError for edges
        that cannot be used or for an unknown table. An evaluator that knows its derivatives is a `Smooth`; those of
        any other are found by small steps.
    rough : bool
        Values may be good to 32 bits only, so that derivatives need larger steps.
    """

    name: str
    kind: str
    parameters: tuple[str, ...]
    prepare: Prepare
    rough: bool = False

    def evaluate(self, edges: Floats, params: Sequence[float], abund: str = "wilm", xsect: str = "vern") -> Floats:
        """Evaluate once, with nothing kept.

        Raises
        ------
        ValueError
            The number of parameters is wrong, the edges cannot be used, or a table is unknown.
        """
        _check_count(self.name, self.parameters, params)
        return self.prepare(np.asarray(edges, dtype=np.float64), abund, xsect)(params)


@dataclass(frozen=True)
class Scaling:
    """A component that multiplies a part of a model by one number, which it finds from that part (XSPEC's ``con``).

    Attributes
    ----------
    name : str
    parameters : tuple of str
    prepare : callable
        ``prepare(edges) -> scaler``; the scaler takes the parameters' values and the photons / cm2 / s of the part in
        each bin, shape (k,), and gives the number.
    """

    name: str
    parameters: tuple[str, ...]
    prepare: Callable[[Floats], Scaler]
    kind: str = "con"

    def evaluate(self, edges: Floats, params: Sequence[float], photons: Floats) -> float:
        """Evaluate once, with nothing kept.

        Raises
        ------
        ValueError
            As `Component.evaluate`.
        """
        _check_count(self.name, self.parameters, params)
        return self.prepare(np.asarray(edges, dtype=np.float64))(params, photons)


@dataclass(frozen=True)
class Convolution:
    """A component that makes another spectrum of the part of a model that it encloses (XSPEC's convolutions).

    Attributes
    ----------
    name : str
    parameters : tuple of str
    prepare : callable
        ``prepare(edges, abund, xsect) -> convolver``; the convolver takes the parameters' values and the part's
        photons / cm2 / s (or its factors) in each bin, shape (k,), and gives what becomes of them.
    scales : bool
        It multiplies all bins by one number that it finds from all of them.
    rough : bool
        As `Component.rough`.
    """

    name: str
    parameters: tuple[str, ...]
    prepare: Callable[[Floats, str, str], Convolver]
    scales: bool = False
    rough: bool = False
    kind: str = "con"


Kind = Component | Scaling | Convolution


def check_edges(edges: Floats) -> None:
    """Raise ValueError unless the edges ascend from above 0."""
    if edges.ndim != 1 or edges.size < 2:
        raise ValueError("a grid needs at least two edges")
    if not edges[0] > 0:
        raise ValueError(f"the first energy of the grid is {edges[0]:g} keV; it must be above 0")
    if not np.all(np.diff(edges) > 0):
        raise ValueError("the energies of the grid do not ascend")


def _check_count(name: str, parameters: Sequence[str], params: Sequence[float]) -> None:
    if len(params) != len(parameters):
        raise ValueError(f"{name} has {len(parameters)} parameters ({', '.join(parameters)}), not {len(params)}")
