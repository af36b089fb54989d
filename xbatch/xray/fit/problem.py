"""A fit as a function: values of the free parameters in, the statistic, its contributions and its slopes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.components import Component, Convolution, Kind
from xbatch.xray.fit.model import component_kinds
from xbatch.xray.fit.parameters import Parameters
from xbatch.xray.fit.several import GridFolding, component_names, place_models
from xbatch.xray.fit.surface import Slope
from xbatch.xray.folding import Folding
from xbatch.xray.likelihoods import Statistic

__all__ = ["Dataset", "ModelSpec", "Problem"]

Floats = NDArray[np.float64]

_NORM = "norm"
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
        self._models, self._operators, components = place_models(datasets, model, kinds)
        self._slots = parameters.slots({name: kind.parameters for name, kind in kinds.items()}, components)
        self.kinds = kinds
        self.further = frozenset(name for tree in model.further.values() for name in component_names(tree))
        self.bins = sum(data.data.size for data in datasets)
        self.total = float(sum(data.data.sum() for data in datasets))
        self._statistics = [data.statistic for data in datasets]
        self._reweigh = [data.reweigh for data in datasets]
        self._seen: tuple[_Point, ...] = ()
        # A component that is neither added nor multiplied may make anything depend on anything.
        plain = all(kind.kind in ("add", "mul") for kind in kinds.values())
        self._alone = [plain and parameters.all[number].name not in parameters.used for number in parameters.free]
        # The additive component that a parameter alone belongs to.
        owners = [parameters.all[number].component for number in parameters.free]
        self._of_term = [
            owner if alone and kinds[owner].kind == "add" else None
            for owner, alone in zip(owners, self._alone, strict=True)
        ]
        self._straight = [self._is_straight(place) for place in range(len(parameters.free))]
        self._norms = [self._all_norms(slots) for slots in self._slots]
        self._rough = np.array([self._is_rough(place) for place in range(len(parameters.free))], dtype=np.bool_)

    @property
    def rough(self) -> bool:
        """Whether derivatives by some free parameter are those of rounded values."""
        return bool(self._rough.any())

    def _is_straight(self, place: int) -> bool:
        """Tell whether the model is a straight line in a free parameter: a norm or a factor that no link uses."""
        one = self.parameters.all[self.parameters.free[place]]
        kind = self.kinds[one.component]
        scales = (kind.kind == "add" and one.parameter == _NORM) or kind.name == "constant"
        return scales and self._alone[place]

    def _all_norms(self, slots: Mapping[str, tuple[int, ...]]) -> list[int]:
        """Give the norms of a dataset's model among the free parameters, or nothing if not all are free to change."""
        numbers = {position[-1] for name, position in slots.items() if self.kinds[name].kind == "add"}
        places = [place for place, number in enumerate(self.parameters.free) if number in numbers]
        return places if len(places) == len(numbers) and all(self._straight[place] for place in places) else []

    def _is_rough(self, place: int) -> bool:
        """Tell whether derivatives by a free parameter need large steps: for all, if a convolution is rough."""
        one = self.parameters.all[self.parameters.free[place]]
        linked = one.name in self.parameters.used
        used = [kind for name, kind in self.kinds.items() if linked or name == one.component or kind.kind == "con"]
        return any(isinstance(kind, Component | Convolution) and kind.rough for kind in used)

    def _are_apart(self, one: int, other: int) -> bool:
        """Tell whether two free parameters belong to different terms of the model's sum."""
        first, second = self._of_term[one], self._of_term[other]
        return first is not None and second is not None and first != second

    def _is_norm_of(self, norm: int, other: int) -> bool:
        """Tell whether one free parameter is the norm of the component that the other belongs to."""
        if not self._straight[norm] or self._straight[other] or not self._alone[other]:
            return False
        first, second = (self.parameters.all[self.parameters.free[place]] for place in (norm, other))
        return first.component == second.component and first.datasets == second.datasets

    def dataset_values(self, values: Sequence[float], dataset: int) -> dict[str, tuple[float, ...]]:
        """Pick the values that hold for a dataset: component name to its parameters' values in order."""
        return {name: tuple([values[n] for n in slots]) for name, slots in self._slots[dataset].items()}

    def _fluxes(self, values: Sequence[float]) -> list[Floats]:
        return [model.flux(self.dataset_values(values, number)) for number, model in enumerate(self._models)]

    def counts(self, values: Sequence[float]) -> list[Floats]:
        """Fold the model: counts in each group of each dataset, from the values of all parameters."""
        return [operator.fold(flux) for operator, flux in zip(self._operators, self._fluxes(values), strict=True)]

    def parts(self, values: Sequence[float], dataset: int) -> dict[str, Floats]:
        """Fold each additive component of a dataset's model by itself."""
        parts = self._models[dataset].parts(self.dataset_values(values, dataset))
        return {name: self._operators[dataset].fold(flux) for name, flux in parts.items()}

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
            for number, (model, operator) in enumerate(zip(self._models, self._operators, strict=True)):
                fluxes.append(model.flux(self.dataset_values(values, number)))
                counts.append(operator.fold(fluxes[-1]))
                results.append(self._statistics[number](counts[-1]))
        statistic = sum([stat for stat, _ in results])
        residual = results[0][1] if len(results) == 1 else np.concatenate([one for _, one in results])
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
        gradient, second, expected = np.zeros(free.size), np.zeros((free.size,) * 2), np.zeros((free.size,) * 2)
        with np.errstate(all="ignore"):
            stepped = self._stepped(free)
            for dataset, (statistic, counts) in enumerate(zip(self._statistics, here.counts, strict=True)):
                active, rows = self._derivatives(here, stepped, dataset)
                if active.size == 0:
                    continue
                slopes = statistic.slopes(counts)
                gradient[active] += rows @ slopes.first
                place = (active[:, None], active)
                bent = (rows * slopes.second) @ rows.T
                second[place] += bent
                same = slopes.second is slopes.expected
                expected[place] += bent if same else (rows * slopes.expected) @ rows.T
        return Slope(gradient, second, expected)

    def _stepped(self, free: Floats) -> list[tuple[float, list[float]]]:
        """Give for each free parameter a small step, away from a limit, and all values after it."""
        given = free.tolist()
        stepped = []
        for number, at in enumerate(given):
            # The model is a straight line in a norm: there a large step loses nothing, and rounds least.
            straight, relative = self._straight[number], _ROUGH_STEP if self._rough[number] else _STEP
            step = abs(at) or 1.0 if straight else relative * max(abs(at), _LEAST)
            if not straight and at + step > self.parameters.high[number]:
                step = -step
            moved = [*given[:number], at + step, *given[number + 1 :]]
            stepped.append((moved[number] - at, self.parameters.values(moved)))
        return stepped

    def _derivatives(
        self, here: _Point, stepped: Sequence[tuple[float, list[float]]], dataset: int
    ) -> tuple[NDArray[np.int64], Floats]:
        """Give the free parameters that a dataset's model depends on, and its counts' derivatives by them, (n, g)."""
        model, flux, known = self._models[dataset], here.fluxes[dataset], self.dataset_values(here.values, dataset)
        norms = {place: here.values[self.parameters.free[place]] for place in self._norms[dataset]}
        # The model is proportional to its norms, so what the others leave of the counts is the derivative by the last.
        last = next((place for place, norm in norms.items() if norm != 0), None)
        active: list[int] = []
        steps: list[float] = []
        differences = np.empty((len(stepped), flux.size))
        for number, (step, values) in enumerate(stepped):
            changed = self.dataset_values(values, dataset)
            if changed != known and number != last:
                np.subtract(model.flux(changed), flux, out=differences[len(active)])
                active.append(number)
                steps.append(step)
        others = len(active)
        rows = np.empty((others + (last is not None), here.counts[dataset].size))
        folded = self._operators[dataset].fold(differences[:others].T).T
        np.divide(folded, np.array(steps)[:, None], out=rows[:others])
        if last is not None:
            weights = np.array([norms.get(number, 0.0) for number in active])
            rows[-1] = (here.counts[dataset] - weights @ rows[:others]) / norms[last]
            active.append(last)
        return np.array(active, dtype=np.int64), rows

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
        if self._rough.any():
            room = np.minimum(free - self.parameters.low, self.parameters.high - free)
            steps = np.where(self._rough, np.minimum(_ROUGH_BEND * steps, room), steps)
        here = self._at(free)
        result = np.zeros((free.size,) * 2)
        moving = np.flatnonzero(steps).tolist()
        with np.errstate(all="ignore"):
            for dataset, (statistic, counts) in enumerate(zip(self._statistics, here.counts, strict=True)):
                weights = self._operators[dataset].back(statistic.slopes(counts).first)
                result += self._bend_of(dataset, weights, here, free.tolist(), steps.tolist(), moving)
        return result

    def _bend_of(
        self,
        dataset: int,
        weights: Floats,
        here: _Point,
        free: Sequence[float],
        steps: Sequence[float],
        moving: Sequence[int],
    ) -> Floats:
        model, known = self._models[dataset], self.dataset_values(here.values, dataset)
        centre = float(weights @ here.fluxes[dataset])

        def at(numbers: Sequence[int], sign: int) -> float:
            moved = [*free]
            for number in numbers:
                moved[number] += sign * steps[number]
            values = self.dataset_values(self.parameters.values(moved), dataset)
            return centre if values == known else float(weights @ model.flux(values))

        sides = {n: (at((n,), -1), at((n,), 1)) for n in moving if not self._straight[n]}
        both = {n: sum(sides[n]) - 2 * centre if n in sides else 0.0 for n in moving}
        result = np.zeros((len(free),) * 2)
        for place, i in enumerate(moving):
            result[i, i] = both[i] / steps[i] ** 2
            for j in moving[:place]:
                if self._are_apart(i, j):
                    continue
                norm, other = (i, j) if self._straight[i] else (j, i)
                if self._is_norm_of(norm, other) and free[norm] != 0:
                    # One norm scales all that the other parameter changes.
                    mixed = (sides[other][1] - sides[other][0]) / (2 * steps[other] * free[norm])
                else:
                    square = at((i, j), 1) + at((i, j), -1) - 2 * centre - both[i] - both[j]
                    mixed = square / (2 * steps[i] * steps[j])
                result[i, j] = result[j, i] = mixed
        return result
