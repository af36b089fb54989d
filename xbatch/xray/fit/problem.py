"""A fit as a function: values of the free parameters in, the statistic, its contributions and its slopes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.components import Kind
from xbatch.xray.fit.datasetmodel import DatasetModel, Step, Steps
from xbatch.xray.fit.model import component_kinds
from xbatch.xray.fit.parameters import Parameters
from xbatch.xray.fit.roles import Roles
from xbatch.xray.fit.several import GridFolding, component_names, place_models
from xbatch.xray.fit.surface import Slope
from xbatch.xray.folding import Folding
from xbatch.xray.likelihoods import Statistic

__all__ = ["Dataset", "ModelSpec", "Problem"]

Floats = NDArray[np.float64]

# Points that are remembered: the one in force, and the one that was tried.
_REMEMBERED = 2
# Step of a derivative, relative to the parameter, and of a parameter of 0 as if it were this.
_STEP = 3e-7
_LEAST = 1e-3
# The same where values may be good to 32 bits only, and how many times as far second derivatives look there.
_ROUGH_STEP = 1e-4
_ROUGH_BEND = 6.0


@dataclass(frozen=True)
class ModelSpec:
    """What the model is.

    Attributes
    ----------
    tree : Mapping or None
        See `xbatch.xray.fit.model.GridModel`. None where there are further models alone.
    components : Mapping
        Component name to type, of all models.
    abundances, cross_sections : str
    tables : Mapping
        Components that are made for this model (of tables, of XSPEC's models), by name.
    further : Mapping
        Further models by name, each a tree as the first: their counts are added, see `Dataset`.
    """

    tree: Mapping[str, Any] | None
    components: Mapping[str, str]
    abundances: str = "wilm"
    cross_sections: str = "vern"
    tables: Mapping[str, Kind] = field(default_factory=dict)
    further: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Dataset:
    """One dataset of a fit.

    Attributes
    ----------
    edges : ndarray, shape (m + 1,)
        Edges of the response's energy bins, keV.
    folding : Folding
    statistic : Statistic
        From `xbatch.xray.statistics.make_statistic`.
    data : ndarray, shape (g,)
        The counts that the folded model is to meet; they set the scale of the norms to start from.
    reweigh : callable or None
        Folded counts of the best model to the statistic of the next fit, where fits are iterated.
    further : Mapping
        For each further model that this dataset has, by its name, the response that it is folded through.
    """

    edges: Floats
    folding: Folding
    statistic: Statistic
    data: Floats
    reweigh: Callable[[Floats], Statistic] | None = None
    further: Mapping[str, GridFolding] = field(default_factory=dict)


@dataclass
class _Point:
    """What was evaluated: all values, photons of each dataset on its energies, counts in its groups."""

    free: bytes
    values: list[float]
    fluxes: list[Floats]
    counts: list[Floats]
    statistic: float
    residual: Floats
    slope: Slope | None = None


class Problem:
    """Datasets, a model and its parameters.

    Attributes
    ----------
    parameters : Parameters
    further : frozenset of str
        Components of further models.
    kinds : Mapping
        Component name to component or scaling.
    bins : int
        Groups of all datasets.
    total : float
        Counts in them.
    evaluations : int
        How often the statistic has been computed.

    Datasets whose responses have the same energies share one grid: a model is evaluated once as long as their
    parameters agree.

    Raises
    ------
    ValueError
        The model cannot be evaluated, or a parameter has no value for a dataset.
    """

    def __init__(self, datasets: Sequence[Dataset], model: ModelSpec, parameters: Parameters) -> None:
        self.parameters = parameters
        self.evaluations = 0
        kinds = component_kinds(model.components, model.tables)
        models, operators, components = place_models(datasets, model, kinds)
        positions = parameters.slots({name: kind.parameters for name, kind in kinds.items()}, components)
        self.kinds = kinds
        self.further = frozenset(name for tree in model.further.values() for name in component_names(tree))
        self.bins = sum(data.data.size for data in datasets)
        self.total = float(sum(data.data.sum() for data in datasets))
        self._statistics = [data.statistic for data in datasets]
        self._reweigh = [data.reweigh for data in datasets]
        self._seen: tuple[_Point, ...] = ()
        self._roles = Roles(parameters, kinds)
        self._models = [
            DatasetModel(model, operator, slots, parameters, self._roles)
            for model, operator, slots in zip(models, operators, positions, strict=True)
        ]

    @property
    def rough(self) -> bool:
        """Whether derivatives by some free parameter are those of rounded values."""
        return bool(self._roles.rough.any())

    def dataset_values(self, values: Sequence[float], dataset: int) -> dict[str, tuple[float, ...]]:
        """Pick the values that hold for a dataset: component name to its parameters' values in order."""
        return self._models[dataset].values(values)

    def counts(self, values: Sequence[float]) -> list[Floats]:
        """Fold the model: counts in each group of each dataset, from the values of all parameters."""
        return [one.operator.fold(one.flux(values)) for one in self._models]

    def parts(self, values: Sequence[float], dataset: int) -> dict[str, Floats]:
        """Fold each additive component of a dataset's model by itself."""
        one = self._models[dataset]
        return {name: one.operator.fold(flux) for name, flux in one.model.parts(one.values(values)).items()}

    def scales(self, values: Sequence[float], dataset: int) -> dict[str, float]:
        """Give the numbers by which the scalings of a dataset's model multiply what they enclose."""
        one = self._models[dataset]
        return one.model.scales(one.values(values))

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
        self._seen = ()

    def with_statistics(self, statistics: Sequence[Statistic]) -> Problem:
        """Give the same fit to other counts, which share the model and the folding."""
        other = copy(self)
        other._statistics = list(statistics)
        other._reweigh = [None] * len(other._statistics)
        other._seen = ()
        return other

    def contributions(self, values: Sequence[float]) -> list[tuple[float, Floats]]:
        """Give statistic and signed roots of the groups' contributions for each dataset."""
        return [statistic(model) for statistic, model in zip(self._statistics, self.counts(values), strict=True)]

    def __call__(self, free: Floats) -> tuple[float, Floats]:
        """Give the statistic, and the signed roots of all contributions, from the free parameters."""
        here = self._at(free)
        return here.statistic, here.residual

    def expected(self, free: Floats) -> float:
        """Give the counts that the model has in all groups."""
        return float(sum(counts.sum() for counts in self._at(free).counts))

    def statistic(self, free: Floats) -> float:
        """Give the statistic alone."""
        return self(free)[0]

    def _at(self, free: Floats) -> _Point:
        """Evaluate, unless that was done just before."""
        key = free.tobytes()
        for point in self._seen:
            if point.free == key:
                return point
        self.evaluations += 1
        fluxes, counts, results = [], [], []
        with np.errstate(all="ignore"):  # far from the data a model may overflow; the optimiser is told so
            values = self.parameters.values(free)
            for one, statistic_of in zip(self._models, self._statistics, strict=True):
                fluxes.append(one.flux(values))
                counts.append(one.operator.fold(fluxes[-1]))
                results.append(statistic_of(counts[-1]))
        statistic = sum([stat for stat, _ in results])
        residual = results[0][1] if len(results) == 1 else np.concatenate([roots for _, roots in results])
        point = _Point(key, values, fluxes, counts, statistic, residual)
        self._seen = (point, *self._seen[: _REMEMBERED - 1])
        return point

    def slope(self, free: Floats) -> Slope:
        """Give the statistic near a point as a parabola.

        The model is differentiated on its energies, where a component that does not change costs nothing, and all
        derivatives are folded at once.
        """
        here = self._at(free)
        if here.slope is None:
            here.slope = self._slope(free, here)
        return here.slope

    def _slope(self, free: Floats, here: _Point) -> Slope:
        gradient, second = np.zeros(free.size), np.zeros((free.size,) * 2)
        expected = second  # until they differ
        with np.errstate(all="ignore"):
            steps = self._steps(free.tolist())
            for one, statistic, flux, counts in zip(
                self._models, self._statistics, here.fluxes, here.counts, strict=True
            ):
                active, rows = one.derivatives(here.values, flux, counts, steps)
                if active.size == 0:
                    continue
                slopes = statistic.slopes(counts)
                gradient[active] += rows @ slopes.first
                place = (active[:, None], active)
                bent = (rows * slopes.second) @ rows.T
                same = slopes.second is slopes.expected
                if expected is second and not same:
                    expected = second.copy()
                second[place] += bent
                if expected is not second:
                    expected[place] += bent if same else (rows * slopes.expected) @ rows.T
        return Slope(gradient, second, expected)

    def _steps(self, given: Sequence[float]) -> Steps:
        """Make what gives the steps of free parameters; those that no dataset asks for are not made."""
        made: dict[int, Step] = {}

        def step(place: int) -> Step:
            if place not in made:
                made[place] = self._step(given, place)
            return made[place]

        return step

    def _step(self, given: Sequence[float], place: int) -> Step:
        """Give a small step of a free parameter, away from a limit, and all values after it."""
        # The model is a straight line in a norm: there a large step loses nothing, and rounds least.
        at, straight = given[place], self._roles.straight[place]
        relative = _ROUGH_STEP if self._roles.rough[place] else _STEP
        step = abs(at) or 1.0 if straight else relative * max(abs(at), _LEAST)
        if not straight and at + step > self.parameters.high[place]:
            step = -step
        moved = [*given[:place], at + step, *given[place + 1 :]]
        return moved[place] - at, self.parameters.values(moved)

    def bend(self, free: Floats, steps: Floats) -> Floats:
        """Give half the second derivatives of the statistic that come from the model's own.

        The weights with which the groups enter are carried back to the energies, so nothing is folded.

        Parameters
        ----------
        free : ndarray, shape (f,)
        steps : ndarray, shape (f,)
            By how much to move each parameter to either side (further, where values are rough); 0 for those to leave
            out.
        """
        if self.rough:
            room = np.minimum(free - self.parameters.low, self.parameters.high - free)
            steps = np.where(self._roles.rough, np.minimum(_ROUGH_BEND * steps, room), steps)
        here = self._at(free)
        result = np.zeros((free.size,) * 2)
        with np.errstate(all="ignore"):
            for one, statistic, counts in zip(self._models, self._statistics, here.counts, strict=True):
                weights = one.operator.back(statistic.slopes(counts).first)
                result += one.bend(weights, free.tolist(), steps.tolist())
        return result
