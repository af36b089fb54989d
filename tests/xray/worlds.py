"""Small instruments and spectra made up for tests, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.components import COMPONENTS
from xbatch.xray.fit.parameters import FitParameter, Parameters
from xbatch.xray.fit.problem import Dataset, ModelSpec, Problem
from xbatch.xray.fold import Groups, find_groups, fold, group_middle, group_sum, notice
from xbatch.xray.folding import Folding
from xbatch.xray.statistics import GroupedCounts, make_statistic

Floats = NDArray[np.float64]
CHANNELS, ENERGIES = 120, 160
NH, GAMMA, NORM = 0.8, 1.7, 0.02


@dataclass(frozen=True)
class Instrument:
    """A response of 120 channels of 0.1 keV from 0.5 keV: a Gaussian of 0.25 keV, and an area that falls."""

    edges: Floats
    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    matrix: Floats
    specresp: Floats
    e_min: Floats
    e_max: Floats

    def dense(self) -> Floats:
        full = np.zeros((self.edges.size - 1, self.e_min.size))
        rows = np.repeat(np.arange(self.edges.size - 1), np.diff(self.indptr))
        full[rows, self.indices] = self.matrix
        return full


@lru_cache(maxsize=1)
def instrument() -> Instrument:
    edges = np.linspace(0.4, 13.2, ENERGIES + 1)
    bounds = np.linspace(0.5, 12.5, CHANNELS + 1)
    middle = (edges[1:] + edges[:-1]) / 2
    channel = (bounds[1:] + bounds[:-1]) / 2
    full = np.exp(-0.5 * ((channel - middle[:, None]) / 0.25) ** 2) * 0.1 / (0.25 * np.sqrt(2 * np.pi))
    full[full < 1e-6] = 0
    rows, columns = np.nonzero(full)
    indptr = np.searchsorted(rows, np.arange(ENERGIES + 1))
    area = 300 * np.exp(-(((middle - 4) / 5) ** 2))
    return Instrument(edges, indptr, columns.astype(np.int32), full[rows, columns], area, bounds[:-1], bounds[1:])


def by_fours(channels: int) -> NDArray[np.int16]:
    return np.where(np.arange(channels) % 4 == 0, 1, -1).astype(np.int16)


@dataclass(frozen=True)
class World:
    """A spectrum with its background, both as counts in channels."""

    source: Floats
    background: Floats
    exposure: float = 5000.0
    background_exposure: float = 7000.0
    backscal: Floats = field(default_factory=lambda: np.full(CHANNELS, 1e-3))
    background_backscal: Floats = field(default_factory=lambda: np.full(CHANNELS, 4e-3))
    areascal: Floats = field(default_factory=lambda: np.ones(CHANNELS))
    background_areascal: Floats = field(default_factory=lambda: np.ones(CHANNELS))
    grouping: NDArray[np.int16] = field(default_factory=lambda: by_fours(CHANNELS))
    quality: NDArray[np.int16] = field(default_factory=lambda: np.zeros(CHANNELS, dtype=np.int16))
    systematic: float = 0.0

    @property
    def scale(self) -> Floats:
        return (
            self.exposure
            * self.backscal
            * self.areascal
            / (self.background_exposure * self.background_backscal * self.background_areascal)
        )

    def groups(self, lo: float = 1.0, hi: float = 10.0, edge: str = "inside") -> Groups:
        found = find_groups(self.grouping, self.quality)
        return notice(found, instrument().e_min, instrument().e_max, lo, hi, edge)

    def folding(self, groups: Groups) -> Folding:
        one = instrument()
        scale = self.exposure * self.areascal
        return fold(one.indptr, one.indices, one.matrix, one.specresp, groups.index, scale, groups.size)

    def counts(self, groups: Groups, background: bool = True) -> GroupedCounts:
        source = group_sum(groups, self.source)
        systematic = group_sum(groups, (self.systematic * self.source) ** 2)
        if not background:
            return GroupedCounts(source, systematic)
        middle = [
            group_middle(groups, values)
            for values in (self.backscal, self.areascal, self.background_backscal, self.background_areascal)
        ]
        scale = self.exposure * middle[0] * middle[1] / (self.background_exposure * middle[2] * middle[3])
        return GroupedCounts(
            source=source,
            systematic=systematic,
            background=group_sum(groups, self.background),
            scale=scale,
            subtracted=group_sum(groups, self.scale * self.background),
        )

    def dataset(self, statistic: str, variance: str = "data", mode: str = "subtract", **band: float) -> Dataset:
        groups = self.groups(**band)  # type: ignore[arg-type]
        below = mode in ("subtract", "profiled")
        counts = self.counts(groups, below)
        subtract = mode == "subtract" and statistic == "chi2"
        return Dataset(
            edges=instrument().edges,
            folding=self.folding(groups),
            statistic=make_statistic(counts, statistic, variance, subtract),
            data=counts.net,
        )


def expected(world: World, nh: float = NH, gamma: float = GAMMA, norm: float = NORM) -> Floats:
    """Counts that an absorbed power law gives in each channel, with the background of the source region."""
    one = instrument()
    flux = COMPONENTS["powerlaw"].evaluate(one.edges, (gamma, norm)) * COMPONENTS["phabs"].evaluate(one.edges, (nh,))
    return np.asarray((flux * one.specresp) @ one.dense() * world.exposure * world.areascal)


def make_world(seed: int = 1, norm: float = NORM, background: float = 6.0, **changes: object) -> World:
    """Draw a spectrum: `background` counts in each channel of the background region on average."""
    rng = np.random.default_rng(seed)
    empty = replace(World(np.zeros(CHANNELS), np.zeros(CHANNELS)), **changes)  # type: ignore[arg-type]
    rate = np.full(CHANNELS, background)
    source = rng.poisson(expected(empty, norm=norm) + empty.scale * rate).astype(float)
    return replace(empty, source=source, background=rng.poisson(rate).astype(float))


MODEL = ModelSpec(
    {"op": "*", "args": [{"component": "gal"}, {"component": "pl"}]},
    {"gal": "phabs", "pl": "powerlaw"},
    "wilm",
    "vern",
)


def parameters(nh: float = 0.5, gamma: float = 1.2, norm: float = 1.0, **frozen: bool) -> Parameters:
    return Parameters(
        [
            FitParameter("gal.nH", "gal", "nH", (0,), nh, 0.0, 1e6, frozen=frozen.get("nh", False)),
            FitParameter("pl.PhoIndex", "pl", "PhoIndex", (0,), gamma, -3.0, 10.0, frozen=frozen.get("gamma", False)),
            FitParameter("pl.norm", "pl", "norm", (0,), norm, 0.0, 1e24, frozen=frozen.get("norm", False)),
        ]
    )


def problem(dataset: Dataset, **start: float) -> Problem:
    return Problem([dataset], MODEL, parameters(**start))  # type: ignore[arg-type]
