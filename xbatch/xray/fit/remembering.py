"""Components on a grid that remember what they gave: a step along one parameter of a fit evaluates nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.components import COMPONENTS, Component, Convolver, Evaluator, Smooth

__all__ = ["GridComponent", "place_component", "remember_convolver"]

Floats = NDArray[np.float64]
Parameters = tuple[float, ...]
Scaled = tuple[Floats, float]

# Enough for the values in force and those of the step that a derivative tries.
_KEPT = 3
# Components on grids that are kept prepared: the fits of a sweep share them.
_GRIDS = 32


@dataclass(frozen=True)
class GridComponent:
    """A component on a grid.

    Attributes
    ----------
    evaluate : callable
        The values of its parameters, in order, to an array of shape (k,).
    slopes : callable or None
        The same to the derivatives of that array by all parameters, each as an array and the number that scales it;
        None where the component does not know them.
    """

    evaluate: Callable[[Parameters], Floats]
    slopes: Callable[[Parameters], Sequence[Scaled]] | None


def place_component(kind: Component, edges: Floats, key: bytes, abundances: str, cross_sections: str) -> GridComponent:
    """Put a component on a grid, where it remembers the last few results.

    Of an additive one only the shape is evaluated, and its norm scales that.

    Parameters
    ----------
    kind : Component
    edges : ndarray, shape (k + 1,)
        keV, ascending.
    key : bytes
        Those of `edges`.
    abundances, cross_sections : str
    """
    evaluator = _evaluator(kind, edges, key, abundances, cross_sections)
    known = lru_cache(maxsize=_KEPT)(evaluator)
    slopes = _known_slopes(evaluator, known) if isinstance(evaluator, Smooth) else None
    if kind.kind != "add":
        return GridComponent(known, slopes)

    def scaled(values: Parameters) -> Floats:
        return values[-1] * known((*values[:-1], 1.0))

    def with_norm(values: Parameters) -> list[Scaled]:
        assert slopes is not None
        shape = (*values[:-1], 1.0)
        return [*((one, values[-1]) for one, _ in slopes(shape)), (known(shape), 1.0)]

    return GridComponent(scaled, with_norm if slopes else None)


def _known_slopes(evaluator: Smooth, known: Evaluator) -> Callable[[Parameters], Sequence[Scaled]]:
    """Make the function that gives a component's derivatives; `known` evaluates it, or remembers."""

    @lru_cache(maxsize=_KEPT)
    def slopes(values: Parameters) -> list[Scaled]:
        return [(one, 1.0) for one in evaluator.slopes(values, known)]

    return slopes


def _evaluator(kind: Component, edges: Floats, key: bytes, abundances: str, cross_sections: str) -> Evaluator:
    """Prepare a component for a grid: once for all fits of a process that use it there, unless it is a table."""
    if COMPONENTS.get(kind.name) is not kind:
        return kind.prepare(edges, abundances, cross_sections)
    return _prepared(kind.name, key, abundances, cross_sections)


@lru_cache(maxsize=_GRIDS)
def _prepared(name: str, edges: bytes, abundances: str, cross_sections: str) -> Evaluator:
    return COMPONENTS[name].prepare(np.frombuffer(edges), abundances, cross_sections)


def remember_convolver(convolver: Convolver) -> Convolver:
    """Make a convolution remember the last few results, for parameters and a spectrum together."""

    @lru_cache(maxsize=_KEPT)
    def remembering(values: Parameters, photons: bytes) -> Floats:
        return convolver(values, np.frombuffer(photons))

    return lambda values, photons: remembering(tuple(values), photons.tobytes())
