"""A model of one dataset with a few parameters, some of them free, made up for tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tests.xray.fit.trees import Tree, leaf, plus, times
from xbatch.xray.fit.datasetmodel import DatasetModel, Steps
from xbatch.xray.fit.model import GridModel, Kinds, component_kinds
from xbatch.xray.fit.parameters import FitParameter, Parameters
from xbatch.xray.fit.roles import Roles

Floats = NDArray[np.float64]

EDGES = np.geomspace(0.5, 12.0, 61)
KINDS: Kinds = component_kinds({"cal": "constant", "gal": "phabs", "pl": "powerlaw", "line": "gaussian"})
TREE: Tree = times(leaf("cal"), leaf("gal"), plus(leaf("pl"), leaf("line")))
START = {
    "cal.factor": 1.1,
    "gal.nH": 0.7,
    "pl.PhoIndex": 1.8,
    "pl.norm": 0.02,
    "line.LineE": 6.2,
    "line.Sigma": 0.9,
    "line.norm": 2e-3,
}


class Matrix:
    """A folding that is nothing but a matrix."""

    def __init__(self, matrix: Floats) -> None:
        self.matrix = matrix

    def fold(self, flux: Floats) -> Floats:
        return np.asarray(self.matrix @ flux)

    def back(self, weights: Floats) -> Floats:
        return np.asarray(weights @ self.matrix)


@dataclass(frozen=True)
class SmallFit:
    """A fit of one dataset.

    `frozen` and `links` name parameters of `START`; `values` replace some of it.
    """

    frozen: frozenset[str] = frozenset()
    links: Mapping[str, str] | None = None
    values: Mapping[str, float] | None = None
    kinds: Kinds | None = None
    tree: Tree | None = None

    @cached_property
    def parameters(self) -> Parameters:
        links, values = self.links or {}, {**START, **(self.values or {})}
        return Parameters(
            [
                FitParameter(name, *name.split("."), (0,), value, frozen=name in self.frozen, link=links.get(name, ""))
                for name, value in values.items()
                if name.split(".")[0] in self._kinds
            ]
        )

    @property
    def _kinds(self) -> Kinds:
        return self.kinds or KINDS

    @cached_property
    def slots(self) -> dict[str, tuple[int, ...]]:
        names = {name: kind.parameters for name, kind in self._kinds.items()}
        return self.parameters.slots(names, [set(self._kinds)])[0]

    @cached_property
    def roles(self) -> Roles:
        return Roles(self.parameters, self._kinds)

    @cached_property
    def model(self) -> DatasetModel:
        grid = GridModel(self.tree or TREE, self._kinds, EDGES, "wilm", "vern")
        matrix = np.random.default_rng(3).random((8, EDGES.size - 1))
        return DatasetModel(grid, Matrix(matrix), self.slots, self.parameters, self.roles)

    @property
    def free(self) -> list[float]:
        return [float(one) for one in self.parameters.start]

    def place(self, name: str) -> int:
        return self.parameters.free_names.index(name)

    def flux(self, free: list[float]) -> Floats:
        return self.model.flux(self.parameters.values(free))

    def moved(self, **by: float) -> Floats:
        """Give the photons where some free parameters, by place (``p0``), are moved."""
        free = self.free
        for place, step in by.items():
            free[int(place[1:])] += step
        return self.flux(free)

    def steps(self, part: float = 1e-6) -> Steps:
        """Small steps of each free parameter, as a fit makes them."""

        def step(place: int) -> tuple[float, list[float]]:
            moved = self.free
            size = part * max(abs(moved[place]), 1e-3)
            moved[place] += size
            return size, self.parameters.values(moved)

        return step
