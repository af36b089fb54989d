"""The models of a fit on the grids of its datasets; several of one dataset look like one model and one folding.

A dataset may have further models beside the first, each folded through a response of its own, and the counts add up
(what XSPEC calls several sources). Their photons then stand end to end in one array, on which fits work as on any.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.fit.model import GridModel, Kinds, Values
from xbatch.xray.folding import Folding, Operator

if TYPE_CHECKING:
    from xbatch.xray.fit.problem import Dataset, ModelSpec

__all__ = ["EnergyModel", "GridFolding", "JoinedModel", "JoinedOperator", "component_names", "place_models"]

Floats = NDArray[np.float64]
Tree = Mapping[str, Any]
# The name of a model, and which of the energies it is evaluated on.
_Key = tuple[str, int]
# The energies of a grid begin and end at a multiple of this: groupings of one spectrum, which see about the same, then
# share what is prepared for it.
_STRIDE = 64


class EnergyModel(Protocol):
    """What gives the photons of a dataset; see `GridModel`."""

    smooth: frozenset[str]

    def flux(self, values: Values) -> Floats:
        """Give photons / cm2 / s in each bin, shape (k,)."""
        ...

    def slope(self, values: Values, name: str, position: int, out: Floats) -> None:
        """Write the derivative of `flux`, shape (k,), by a parameter of one of the `smooth` components."""
        ...

    def parts(self, values: Values) -> dict[str, Floats]:
        """Give what each additive component contributes to `flux`."""
        ...

    def scales(self, values: Values) -> dict[str, float]:
        """Give the number by which each scaling multiplies what it encloses."""
        ...


@dataclass(frozen=True)
class GridFolding:
    """A response of a dataset: the edges of its energy bins, shape (m + 1,), keV, and what folds a model on them."""

    edges: Floats
    folding: Folding


class JoinedModel:
    """Several models on grids of their own, whose photons stand end to end.

    Parameters
    ----------
    models : sequence of GridModel
    names : sequence of collections of str
        The components of each.
    sizes : sequence of int
        The number of bins of each.
    """

    def __init__(self, models: Sequence[GridModel], names: Sequence[Collection[str]], sizes: Sequence[int]) -> None:
        self._models = tuple(models)
        rough = [set(own) - model.smooth for model, own in zip(models, names, strict=True)]
        self.smooth = frozenset().union(*(model.smooth for model in models)).difference(*rough)
        self._limits = np.cumsum([0, *sizes])

    def flux(self, values: Values) -> Floats:
        """Give photons / cm2 / s in each bin of all grids, shape (k1 + k2 + ...,)."""
        return np.concatenate([model.flux(values) for model in self._models])

    def slope(self, values: Values, name: str, position: int, out: Floats) -> None:
        """Write the derivative of `flux` by a parameter: nothing on the grids of models without its component."""
        for model, start, stop in zip(self._models, self._limits, self._limits[1:], strict=False):
            if name in model.smooth:
                model.slope(values, name, position, out[start:stop])
            else:
                out[start:stop] = 0.0

    def parts(self, values: Values) -> dict[str, Floats]:
        """Give what each additive component contributes to `flux`: nothing on the grids of other models."""
        parts: dict[str, Floats] = {}
        for model, start, stop in zip(self._models, self._limits, self._limits[1:], strict=False):
            for name, part in model.parts(values).items():
                parts[name] = np.zeros(self._limits[-1])
                parts[name][start:stop] = part
        return parts

    def scales(self, values: Values) -> dict[str, float]:
        """Give the number by which each scaling of the models multiplies what it encloses."""
        return {name: scale for model in self._models for name, scale in model.scales(values).items()}


class JoinedOperator:
    """The foldings of several models: their counts are added.

    Parameters
    ----------
    operators : sequence of Operator
    sizes : sequence of int
        The number of bins of each.
    """

    def __init__(self, operators: Sequence[Operator], sizes: Sequence[int]) -> None:
        limits = np.cumsum([0, *sizes]).tolist()
        self._parts = [(operator, slice(*ends)) for operator, ends in zip(operators, pairwise(limits), strict=True)]

    def fold(self, flux: Floats) -> Floats:
        """Fold photons / cm2 / s, shape (k1 + k2 + ...,) or (k1 + k2 + ..., n), to counts, shape (g,) or (g, n)."""
        if flux.ndim == 1:
            (first, place), *others = self._parts
            counts = first.fold(flux[place])
            for operator, place in others:
                counts = counts + operator.fold(flux[place])
            return counts
        total: Floats | None = None
        for operator, place in self._parts:
            # A derivative is zero on the grids of all models but one.
            seen = np.flatnonzero(flux[place].any(axis=0))
            if seen.size or total is None:
                counts = operator.fold(np.ascontiguousarray(flux[place][:, seen]))
                total = np.zeros((counts.shape[0], flux.shape[1])) if total is None else total
                total[:, seen] += counts
        assert total is not None
        return total

    def back(self, weights: Floats) -> Floats:
        """Sum the rows with weights, shape (g,), to a value for each bin of all grids."""
        return np.concatenate([operator.back(weights) for operator, _ in self._parts])


def component_names(tree: Tree) -> Iterator[str]:
    """Name the components of a model, those that enclose others too."""
    if "component" in tree:
        yield str(tree["component"])
        return
    if "by" in tree:
        yield str(tree["by"])
    for part in tree["args"]:
        yield from component_names(part)


def place_models(
    datasets: Sequence[Dataset], model: ModelSpec, kinds: Kinds
) -> tuple[list[EnergyModel], list[Operator], list[frozenset[str]]]:
    """Put the models of a fit on the grids of its datasets.

    Responses with the same energies share one grid for each model, from the first to the last bin that some dataset
    needs and a little further: what is evaluated there for one dataset need not be for the next.

    Parameters
    ----------
    datasets : sequence of Dataset
    model : ModelSpec
    kinds : Mapping
        Component name to component or scaling.

    Returns
    -------
    models : list of EnergyModel
        One for each dataset.
    operators : list of Operator
        What folds its photons.
    components : list of frozenset of str
        Which components it has.

    Raises
    ------
    ValueError
        A dataset has no model.
    """
    trees = {**({} if model.tree is None else {"": model.tree}), **model.further}
    used = {name: tuple(dict.fromkeys(component_names(tree))) for name, tree in trees.items()}
    edges: list[Floats] = []
    placed = [_terms(data, trees, edges) for data in datasets]
    if not all(placed):
        raise ValueError("a dataset has no model")
    ranges: dict[_Key, tuple[int, int]] = {}
    for key, one in chain(*placed):
        start = one.folding.first // _STRIDE * _STRIDE
        stop = min(-(-one.folding.last // _STRIDE) * _STRIDE, one.edges.size - 1)
        first, last = ranges.get(key, (start, stop))
        ranges[key] = (min(first, start), max(last, stop))
        if any(kinds[part].kind == "con" for part in used[key[0]] if part in kinds):
            # What a flux is found from is all energies of the response, as in XSPEC.
            ranges[key] = (0, one.edges.size - 1)
    grids: dict[_Key, GridModel] = {}
    for key, one in chain(*placed):
        if key not in grids:
            first, last = ranges[key]
            own = {part: kinds[part] for part in used[key[0]] if part in kinds}
            grids[key] = GridModel(
                trees[key[0]], own, one.edges[first : last + 1], model.abundances, model.cross_sections
            )
    models: list[EnergyModel] = []
    operators: list[Operator] = []
    components: list[frozenset[str]] = []
    for terms in placed:
        folds = [one.folding.operator(*ranges[key]) for key, one in terms]
        components.append(frozenset(part for (name, _), _ in terms for part in used[name]))
        if len(terms) == 1:
            models.append(grids[terms[0][0]])
            operators.append(folds[0])
        else:
            sizes = [last - first for first, last in (ranges[key] for key, _ in terms)]
            names = [used[name] for (name, _), _ in terms]
            models.append(JoinedModel([grids[key] for key, _ in terms], names, sizes))
            operators.append(JoinedOperator(folds, sizes))
    return models, operators, components


def _terms(data: Dataset, trees: Mapping[str, Tree], edges: list[Floats]) -> list[tuple[_Key, GridFolding]]:
    """List what is folded for a dataset: models on the energies of responses, and the response of each.

    `edges` are the energies so far, to which those of this dataset are added.
    """
    first = {"": GridFolding(data.edges, data.folding)} if "" in trees else {}
    further = {name: data.further[name] for name in trees if name in data.further}
    return [((name, _place(one.edges, edges)), one) for name, one in {**first, **further}.items()]


def _place(one: Floats, edges: list[Floats]) -> int:
    """Give the place of some edges among those known, and make them known."""
    for place, known in enumerate(edges):
        if known is one or np.array_equal(known, one):
            return place
    edges.append(one)
    return len(edges) - 1
