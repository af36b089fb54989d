"""The spectral model of a fit on a grid of energies: a tree of components, each evaluated no more often than needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.components import COMPONENTS, SCALINGS, Component, Convolution, Kind, Scaling
from xbatch.xray.fit.remembering import place_component, remember_convolver

__all__ = ["ABSORBERS", "GridModel", "Kinds", "additive_terms", "component_kinds", "without"]

Floats = NDArray[np.float64]
Tree = Mapping[str, Any]
Values = Mapping[str, tuple[float, ...]]
Kinds = Mapping[str, Kind]

#: Component types that a flux "without absorption" leaves out.
ABSORBERS = frozenset(
    {"pcfabs", "phabs", "tbabs", "wabs", "zphabs", "ztbabs", "zwabs"}
    | {f"xs:{name}" for name in ("pcfabs", "phabs", "tbabs", "tbfeo", "tbgas", "tbgrain", "tbpcf", "tbrel", "tbvarabs")}
    | {
        f"xs:{name}"
        for name in ("varabs", "vphabs", "wabs", "zpcfabs", "zphabs", "ztbabs", "zvarabs", "zvphabs", "zwabs")
    }
)


def component_kinds(components: Mapping[str, str], made: Kinds | None = None) -> dict[str, Kind]:
    """Look up the components of a model.

    Parameters
    ----------
    components : Mapping
        Component name to type: ``{"pl": "powerlaw"}``.
    made : Mapping, optional
        Those made for this model (of tables, of XSPEC's models), by their names in it.

    Raises
    ------
    ValueError
        There is no such type.
    """
    known: Kinds = {**COMPONENTS, **SCALINGS}
    own: Kinds = made or {}
    unknown = [kind for name, kind in components.items() if kind not in known and name not in own]
    if unknown:
        raise ValueError(f"there is no component {unknown[0]!r}; there are {', '.join(known)}")
    return {name: own[name] if name in own else known[kind] for name, kind in components.items()}


def additive_terms(tree: Tree, kinds: Kinds) -> tuple[tuple[str, tuple[Tree, ...]], ...]:
    """Name the additive components of a model in order, each with the parts of the model that multiply it.

    A part that encloses the component is among them: it multiplies by a number.

    Raises
    ------
    ValueError
        The model is not additive (it has no source of photons), or adds or multiplies what cannot be.
    """
    terms = _terms(tree, kinds)
    if not terms:
        raise ValueError("the model has no additive component, so it gives no photons")
    return terms


def _terms(tree: Tree, kinds: Kinds) -> tuple[tuple[str, tuple[Tree, ...]], ...]:
    if "component" in tree:
        name = str(tree["component"])
        if name not in kinds:
            raise ValueError(f"the model names a component {name!r} that has no type")
        return ((name, ()),) if kinds[name].kind == "add" else ()
    if tree["op"] == "con":
        inside = _terms(tree["args"][0], kinds)
        if not inside and not isinstance(kinds.get(tree["by"]), Convolution):
            raise ValueError(f"{tree['by']} encloses no additive component")
        return tuple((name, (*inner, tree)) for name, inner in inside)
    parts = [(part, _terms(part, kinds)) for part in tree["args"]]
    sources = sum(bool(terms) for _, terms in parts)
    if tree["op"] == "+":
        if 0 < sources < len(parts):
            raise ValueError("the model adds an additive component to a multiplicative one")
        return tuple(term for _, terms in parts for term in terms)
    if sources > 1:
        raise ValueError("the model multiplies two additive components")
    factors = tuple(part for part, terms in parts if not terms)
    return tuple((name, (*inner, *factors)) for _, terms in parts for name, inner in terms)


def without(tree: Tree, names: frozenset[str] | set[str]) -> Tree | None:
    """Take multiplicative components out of a model; None if nothing is left."""
    if "component" in tree:
        return None if tree["component"] in names else tree
    parts = [part for part in (without(part, names) for part in tree["args"]) if part is not None]
    return {**tree, "args": parts} if parts else None


class GridModel:
    """A model on one grid.

    Each component keeps what it gave for its last few parameter values: a step along one parameter of a fit, or a
    second dataset on the same grid, evaluates nothing twice.

    Parameters
    ----------
    tree : Mapping
        ``{"op": "*" | "+", "args": [tree, ...]}``, ``{"component": "pl"}``, or for a component that encloses a part of
        the model ``{"op": "con", "by": "f", "args": [tree]}``.
    kinds : Mapping
        Component name to component, scaling or convolution.
    edges : ndarray, shape (k + 1,)
        keV, ascending.
    abundances, cross_sections : str
        Names of the tables.
    scales : Mapping, optional
        Numbers by which scalings multiply, by name, where they are known from another grid.

    Attributes
    ----------
    smooth : frozenset of str
        Components whose parameters `slope` can tell the derivatives by: those that know their own, and stand in one
        place of the model, which nothing encloses.
    """

    def __init__(
        self,
        tree: Tree,
        kinds: Kinds,
        edges: Floats,
        abundances: str,
        cross_sections: str,
        scales: Mapping[str, float] | None = None,
    ) -> None:
        self._tree = tree
        self._scales = scales or {}
        key = edges.tobytes()
        self._scalers = {name: kind.prepare(edges) for name, kind in kinds.items() if isinstance(kind, Scaling)}
        self._convolvers = {
            name: remember_convolver(kind.prepare(edges, abundances, cross_sections))
            for name, kind in kinds.items()
            if isinstance(kind, Convolution)
        }
        self._scaling = {name for name, kind in kinds.items() if isinstance(kind, Convolution) and kind.scales}
        self._terms = additive_terms(tree, kinds)
        self._factors = {name for name, kind in kinds.items() if kind.kind == "mul"}
        placed = {
            name: place_component(kind, edges, key, abundances, cross_sections)
            for name, kind in kinds.items()
            if isinstance(kind, Component)
        }
        self._components = {name: one.evaluate for name, one in placed.items()}
        self._flux = self._function(tree)
        self._slopes = {
            name: (one.slopes, around)
            for name, one in placed.items()
            if one.slopes is not None and (around := self._cofactor(tree, name)) is not None
        }
        self.smooth = frozenset(self._slopes)

    def flux(self, values: Values) -> Floats:
        """Give photons / cm2 / s in each bin, shape (k,).

        Parameters
        ----------
        values : Mapping
            Component name to the values of its parameters, in the component's order.
        """
        return self._flux(values)

    def slope(self, values: Values, name: str, position: int, out: Floats) -> None:
        """Write the derivative of `flux` by a parameter of one of the `smooth` components, at its position there."""
        own, around = self._slopes[name]
        slope, number = own(values[name])[position]
        np.multiply(slope, number * around(values), out=out)

    def parts(self, values: Values) -> dict[str, Floats]:
        """Give what each additive component contributes to `flux`, with all that multiplies it.

        A convolution is made of each by itself, which adds up as long as it is linear.
        """
        result = {}
        for name, factors in self._terms:
            part = self._components[name](values[name])
            for factor in factors:
                part = (
                    self._enclosed(factor, part, values)
                    if self._encloses(factor)
                    else part * self._function(factor)(values)
                )
            result[name] = part
        return result

    def scales(self, values: Values) -> dict[str, float]:
        """Give the number by which each scaling of the model multiplies what it encloses."""
        return {tree["by"]: self._scale(tree, values) for tree in _enclosing(self._tree) if tree["by"] in self._scalers}

    def _encloses(self, tree: Tree) -> bool:
        """Tell whether a part of the model is one that encloses additive components."""
        return "by" in tree and not _names(tree) <= self._factors

    def _enclosed(self, tree: Tree, part: Floats, values: Values) -> Floats:
        """Give what becomes of one of the additive components that a part encloses."""
        name = tree["by"]
        if name in self._scalers:
            return np.asarray(part * self._scale(tree, values))
        if name in self._scaling:
            whole = self._function(tree["args"][0])(values)
            return np.asarray(part * (self._convolvers[name](values[name], whole).sum() / whole.sum()))
        return self._convolvers[name](values[name], part)

    def _scale(self, tree: Tree, values: Values) -> float:
        name = tree["by"]
        if name in self._scales:
            return self._scales[name]
        return self._scalers[name](values[name], self._function(tree["args"][0])(values))

    def _cofactor(self, tree: Tree, name: str) -> Callable[[Values], Floats | float] | None:
        """Make the function that gives what multiplies a component; None if it is enclosed, or in several places."""
        if "component" in tree:
            return (lambda _values: 1.0) if tree["component"] == name else None
        holding = [part for part in tree["args"] if name in _names(part)]
        if tree["op"] == "con" or len(holding) != 1:
            return None
        inside = self._cofactor(holding[0], name)
        others = [self._function(part) for part in tree["args"] if part is not holding[0]]
        if inside is None or tree["op"] == "+":
            return inside
        return lambda values: prod((other(values) for other in others), start=inside(values))

    def _function(self, tree: Tree) -> Callable[[Values], Floats]:
        """Make the function that evaluates a part of the model, so that a fit need not read its tree each time."""
        if "component" in tree:
            name = tree["component"]
            evaluate = self._components[name]
            return lambda values: evaluate(values[name])
        if tree["op"] == "con":
            return self._enclosing_function(tree)
        first, *others = (self._function(part) for part in tree["args"])
        join = np.multiply if tree["op"] == "*" else np.add

        def joined(values: Values) -> Floats:
            result = first(values)
            for other in others:
                result = join(result, other(values))
            return result

        return joined

    def _enclosing_function(self, tree: Tree) -> Callable[[Values], Floats]:
        name, inside = tree["by"], self._function(tree["args"][0])
        if name in self._convolvers:
            convolve = self._convolvers[name]
            return lambda values: convolve(values[name], inside(values))
        return lambda values: self._scale(tree, values) * inside(values)


def _enclosing(tree: Tree) -> tuple[Tree, ...]:
    """Find the parts of a model that a scaling encloses."""
    if "component" in tree:
        return ()
    inside = tuple(found for part in tree["args"] for found in _enclosing(part))
    return (tree, *inside) if tree["op"] == "con" else inside


def _names(tree: Tree) -> set[str]:
    """Name the components of a part of a model, without those that enclose."""
    return {tree["component"]} if "component" in tree else {name for part in tree["args"] for name in _names(part)}
