"""A fit as a function: values of the free parameters in, the statistic and its contributions out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.fit.model import GridModel, component_kinds
from xbatch.xray.fit.parameters import Parameters
from xbatch.xray.fold import Folding
from xbatch.xray.statistics import Evaluate

__all__ = ["Dataset", "ModelSpec", "Problem"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ModelSpec:
    """What the model is.

    Attributes
    ----------
    tree : Mapping
        See `xbatch.xray.fit.model.GridModel`.
    components : Mapping
        Component name to type.
    abundances, cross_sections : str
    """

    tree: Mapping[str, Any]
    components: Mapping[str, str]
    abundances: str = "wilm"
    cross_sections: str = "vern"


@dataclass(frozen=True)
class Dataset:
    """One dataset of a fit.

    Attributes
    ----------
    edges : ndarray, shape (m + 1,)
        Edges of the response's energy bins, keV.
    folding : Folding
    statistic : callable
        From `xbatch.xray.statistics.make_statistic`.
    data : ndarray, shape (g,)
        The counts that the folded model is to meet; they set the scale of the norms to start from.
    reweigh : callable or None
        Folded counts of the best model to the statistic of the next fit, where fits are iterated.
    """

    edges: Floats
    folding: Folding
    statistic: Evaluate
    data: Floats
    reweigh: Callable[[Floats], Evaluate] | None = None


class Problem:
    """Datasets, a model and its parameters.

    Attributes
    ----------
    parameters : Parameters
    kinds : Mapping
        Component name to component or scaling.
    bins : int
        Groups of all datasets.
    total : float
        Counts in them.
    evaluations : int
        How often the statistic has been computed.

    Datasets whose responses have the same energies share one grid: their model is evaluated once as long as their
    parameters agree.

    Raises
    ------
    ValueError
        The model cannot be evaluated, or a parameter has no value for a dataset.
    """

    def __init__(self, datasets: Sequence[Dataset], model: ModelSpec, parameters: Parameters) -> None:
        self.parameters = parameters
        self.evaluations = 0
        kinds = component_kinds(model.components)
        self._slots = parameters.slots({name: kind.parameters for name, kind in kinds.items()}, len(datasets))
        self.kinds = kinds
        self.bins = sum(data.data.size for data in datasets)
        self.total = float(sum(data.data.sum() for data in datasets))
        self._statistics = [data.statistic for data in datasets]
        self._reweigh = [data.reweigh for data in datasets]
        self._models: list[GridModel] = []
        self._operators = []
        ranges: dict[bytes, tuple[int, int]] = {}
        for data in datasets:
            key = data.edges.tobytes()
            first, last = ranges.get(key, (data.folding.first, data.folding.last))
            ranges[key] = (min(first, data.folding.first), max(last, data.folding.last))
        if any(kind.kind == "con" for kind in kinds.values()):
            # What a flux is found from is all energies of the response, as in XSPEC.
            ranges = {data.edges.tobytes(): (0, data.edges.size - 1) for data in datasets}
        grids: dict[bytes, GridModel] = {}
        for data in datasets:
            key = data.edges.tobytes()
            first, last = ranges[key]
            if key not in grids:
                grids[key] = GridModel(
                    model.tree, kinds, data.edges[first : last + 1], model.abundances, model.cross_sections
                )
            self._models.append(grids[key])
            self._operators.append(data.folding.operator(first, last))

    def dataset_values(self, values: Sequence[float], dataset: int) -> dict[str, tuple[float, ...]]:
        """Pick the values that hold for a dataset: component name to its parameters' values in order."""
        return {name: tuple(values[n] for n in slots) for name, slots in self._slots[dataset].items()}

    def counts(self, values: Sequence[float]) -> list[Floats]:
        """Fold the model: counts in each group of each dataset, from the values of all parameters."""
        return [
            np.asarray(operator @ model.flux(self.dataset_values(values, number)))
            for number, (model, operator) in enumerate(zip(self._models, self._operators, strict=True))
        ]

    def parts(self, values: Sequence[float], dataset: int) -> dict[str, Floats]:
        """Fold each additive component of a dataset's model by itself."""
        parts = self._models[dataset].parts(self.dataset_values(values, dataset))
        return {name: np.asarray(self._operators[dataset] @ flux) for name, flux in parts.items()}

    def scales(self, values: Sequence[float], dataset: int) -> dict[str, float]:
        """Give the numbers by which the scalings of a dataset's model multiply what they enclose."""
        return self._models[dataset].scales(self.dataset_values(values, dataset))

    @property
    def iterated(self) -> bool:
        """Whether fits are to be repeated with the weights of the one before."""
        return any(reweigh is not None for reweigh in self._reweigh)

    def reweigh(self, values: Sequence[float]) -> None:
        """Take the statistic's weights from the model with these values of all parameters."""
        self._statistics = [
            statistic if reweigh is None else reweigh(counts)
            for statistic, reweigh, counts in zip(self._statistics, self._reweigh, self.counts(values), strict=True)
        ]

    def contributions(self, values: Sequence[float]) -> list[tuple[float, Floats]]:
        """Give statistic and signed roots of the groups' contributions for each dataset."""
        return [statistic(model) for statistic, model in zip(self._statistics, self.counts(values), strict=True)]

    def __call__(self, free: Floats) -> tuple[float, Floats]:
        """Give the statistic, and the signed roots of all contributions, from the free parameters."""
        self.evaluations += 1
        with np.errstate(all="ignore"):  # far from the data a model may overflow; the optimiser is told so
            results = self.contributions(self.parameters.values(free))
        if len(results) == 1:
            return results[0]
        return sum(stat for stat, _ in results), np.concatenate([residual for _, residual in results])

    def statistic(self, free: Floats) -> float:
        """Give the statistic alone."""
        return self(free)[0]
