"""Several models of one spectrum, each folded through a response of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.xray.worlds import CHANNELS, MODEL, Floats, World, instrument, make_world
from xbatch.xray.components import COMPONENTS
from xbatch.xray.fit.engine import ErrorRequest, run_fit
from xbatch.xray.fit.parameters import FitParameter, Parameters
from xbatch.xray.fit.problem import Dataset, ModelSpec, Problem
from xbatch.xray.fit.several import GridFolding
from xbatch.xray.fold import Groups, fold
from xbatch.xray.statistics import GroupedCounts, make_statistic

STATISTICS = [("chi2", "subtract"), ("cstat", "none"), ("wstat", "profiled")]
NAMES = {"powerlaw": ("PhoIndex", "norm"), "gaussian": ("LineE", "Sigma", "norm"), "phabs": ("nH",)}
VALUES = {"gal": (0.8,), "pl": (1.7, 0.02), "bg": (0.3, 0.4), "line": (4.4, 0.05, 0.6)}
INSIDE = {"op": "+", "args": [{"component": "bg"}, {"component": "line"}]}
BOTH = ModelSpec(
    MODEL.tree,
    {**MODEL.components, "bg": "powerlaw", "line": "gaussian"},
    further={"inside": INSIDE},
)
ALONE = ModelSpec(None, {"bg": "powerlaw", "line": "gaussian"}, further={"inside": INSIDE})


def coarse() -> tuple[Floats, Floats]:
    """Give another grid, and a redistribution of its energies over the channels: wider, and without an area."""
    edges = np.linspace(0.3, 14.0, 91)
    one = instrument()
    middle, channel = (edges[1:] + edges[:-1]) / 2, (one.e_min + one.e_max) / 2
    full = np.exp(-0.5 * ((channel - middle[:, None]) / 0.5) ** 2) * 0.1 / (0.5 * np.sqrt(2 * np.pi))
    full[full < 1e-4] = 0
    return edges, full


def through(world: World, groups: Groups) -> GridFolding:
    edges, full = coarse()
    rows, columns = np.nonzero(full)
    indptr = np.searchsorted(rows, np.arange(edges.size))
    scale = world.exposure * world.areascal
    area = np.ones(edges.size - 1)
    folding = fold(indptr, columns.astype(np.int32), full[rows, columns], area, groups.index, scale, groups.size)
    return GridFolding(edges, folding)


def inside_counts(world: World, names: Sequence[str] = ("bg", "line")) -> Floats:
    """Counts of the second model in each channel, without the code under test."""
    edges, full = coarse()
    flux = sum(COMPONENTS[BOTH.components[name]].evaluate(edges, VALUES[name]) for name in names)
    return np.asarray(flux @ full * world.exposure * world.areascal)


def several_world(seed: int = 1, background: float = 6.0) -> World:
    world = make_world(seed, background=background)
    more = np.random.default_rng([seed, 2]).poisson(inside_counts(world))
    return replace(world, source=world.source + more)


def dataset(world: World, statistic: str = "cstat", mode: str = "none", **band: Any) -> Dataset:
    groups = world.groups(**band)
    return replace(world.dataset(statistic, mode=mode, **band), further={"inside": through(world, groups)})


def parameters(
    spec: ModelSpec = BOTH, datasets: Mapping[str, tuple[int, ...]] | None = None, **changes: Any
) -> Parameters:
    found = []
    for component, kind in spec.components.items():
        for name, value in zip(NAMES[kind], VALUES[component], strict=True):
            own = {"frozen": name in ("Sigma", "LineE"), **changes.get(f"{component}_{name}", {})}
            where = (datasets or {}).get(component, (0,))
            low = -3.0 if name == "PhoIndex" else 0.0
            full = f"{component}.{name}"
            found.append(FitParameter(full, component, name, where, value, low, 1e24, **own))
    return Parameters(found)


def grouped(values: Floats, groups: Groups) -> Floats:
    used = groups.index >= 0
    return np.bincount(groups.index[used], weights=values[used], minlength=groups.size)


def test_counts_are_those_of_both_models() -> None:
    from tests.xray.worlds import expected

    world = several_world()
    one = Problem([dataset(world)], BOTH, parameters())
    values = one.parameters.values(one.parameters.start)
    groups = world.groups()
    assert one.counts(values)[0] == pytest.approx(grouped(expected(world) + inside_counts(world), groups), rel=1e-12)
    parts = one.parts(values, 0)
    assert list(parts) == ["pl", "bg", "line"]
    assert parts["line"] == pytest.approx(grouped(inside_counts(world, ["line"]), groups), rel=1e-12)
    assert sum(parts.values()) == pytest.approx(one.counts(values)[0], rel=1e-12)


def test_counts_and_statistic_are_those_of_sherpa() -> None:
    """Sherpa's model of a spectrum with two responses: the sum of two that are folded."""
    from sherpa.astro.data import DataARF, DataPHA, DataRMF
    from sherpa.astro.instrument import RSPModelPHA
    from sherpa.data import DataSimulFit
    from sherpa.models.basic import NormGauss1D, PowLaw1D
    from sherpa.models.model import SimulFitModel
    from sherpa.stats import CStat

    world = several_world(3)
    spec = ModelSpec({"component": "pl"}, {"pl": "powerlaw", **ALONE.components}, further=BOTH.further)
    data = DataPHA("src", np.arange(1, CHANNELS + 1), world.source, grouping=world.grouping.astype(int))
    data.exposure = world.exposure
    bounds = instrument()
    sides = {"e_min": bounds.e_min, "e_max": bounds.e_max}

    def response(edges: Floats, full: Floats, area: Floats) -> tuple[Any, Any]:
        low, high = edges[:-1], edges[1:]
        size = np.count_nonzero(full, axis=1)
        first = np.argmax(full > 0, axis=1) + 1
        filled = full[full > 0]
        count = (size > 0).astype(int)
        rmf = DataRMF("r", CHANNELS, low, high, count, first[size > 0], size[size > 0], filled, **sides)
        return DataARF("a", low, high, area), rmf

    edges, full = coarse()
    sets = [response(bounds.edges, bounds.dense(), bounds.specresp), response(edges, full, np.ones(edges.size - 1))]
    data.set_response(*sets[0])
    data.units = "energy"
    data.grouped = True
    data.notice(1, 10)
    pl, bg, line = PowLaw1D("pl"), PowLaw1D("bg"), NormGauss1D("line")
    pl.gamma, pl.ampl = VALUES["pl"]
    bg.gamma, bg.ampl = VALUES["bg"]
    line.pos, line.ampl = VALUES["line"][0], VALUES["line"][2]
    line.fwhm = VALUES["line"][1] * np.sqrt(8 * np.log(2))
    one, two = (
        RSPModelPHA(arf, rmf, data, data.exposure * model)
        for (arf, rmf), model in zip(sets, (pl, bg + line), strict=True)
    )
    theirs = data.eval_model_to_fit(one + two)
    ours = Problem([dataset(world, edge="overlap")], spec, parameters(spec))
    assert ours.counts(ours.parameters.values(ours.parameters.start))[0] == pytest.approx(theirs, rel=1e-10)
    stat, _ = CStat().calc_stat(DataSimulFit("d", (data,)), SimulFitModel("m", (one + two,)))
    assert ours.statistic(ours.parameters.start) == pytest.approx(stat, rel=1e-8)


def test_two_equal_responses_give_what_one_gives_with_the_sum() -> None:
    sum_of = ModelSpec({"op": "+", "args": [MODEL.tree, INSIDE]}, BOTH.components)
    plain = make_world(4).dataset("cstat", mode="none")
    (counts,) = Problem([plain], sum_of, parameters()).counts([value for one in VALUES.values() for value in one])
    drawn = GroupedCounts(np.random.default_rng(4).poisson(counts).astype(float), np.zeros(counts.size))
    plain = replace(plain, statistic=make_statistic(drawn, "cstat", "data", False), data=drawn.source)
    twice = replace(plain, further={"inside": GridFolding(plain.edges, plain.folding)})
    changes = {"bg_PhoIndex": {"frozen": True}, "line_LineE": {"frozen": False}}
    split = run_fit(Problem([twice], BOTH, parameters(**changes)), errors=ErrorRequest(), chi2=False)
    whole = run_fit(Problem([plain], sum_of, parameters(**changes)), errors=ErrorRequest(), chi2=False)
    assert split.statistic == pytest.approx(whole.statistic, rel=1e-10)
    errors = np.array([whole.errors[name].plus or np.inf for name in whole.errors])
    assert np.all(np.abs(split.free - whole.free) < 1e-4 * errors)
    assert np.diag(split.covariance) == pytest.approx(np.diag(whole.covariance), rel=1e-5)  # type: ignore[arg-type]


@pytest.mark.parametrize(("statistic", "mode"), STATISTICS)
def test_slopes_and_bends_are_the_derivatives(statistic: str, mode: str) -> None:
    """Also by a parameter that one model takes from the other by a link."""
    world = several_world(7)
    linked = {"line_LineE": {"frozen": False}, "bg_PhoIndex": {"link": "0.2 * pl.PhoIndex", "frozen": False}}
    one = Problem([dataset(world, statistic, mode)], BOTH, parameters(**linked))
    free = one.parameters.start
    slope = one.slope(free)
    steps = 0.02 / np.sqrt(np.diag(slope.expected))
    second = slope.second + one.bend(free, steps)

    def at(*moves: tuple[int, float]) -> float:
        moved = free.copy()
        for number, step in moves:
            moved[number] += step
        return one.statistic(moved)

    for i, step in enumerate(steps):
        up, down = at((i, step)), at((i, -step))
        assert 2 * slope.gradient[i] == pytest.approx((up - down) / (2 * step), rel=1e-4)
        assert 2 * second[i, i] == pytest.approx((up + down - 2 * one.statistic(free)) / step**2, rel=2e-3)
        for j, other in enumerate(steps[:i]):
            square = at((i, step), (j, other)) + at((i, -step), (j, -other))
            square -= at((i, step), (j, -other)) + at((i, -step), (j, other))
            scale = np.sqrt(second[i, i] * second[j, j])
            assert 2 * second[i, j] == pytest.approx(square / (4 * step * other), abs=4e-3 * scale)


def test_a_model_may_be_that_of_some_datasets_alone() -> None:
    world = several_world(5)
    both, first, second = dataset(world), make_world(6).dataset("cstat", mode="none"), dataset(world, lo=3.0, hi=9.0)
    where = {"gal": (0, 1, 2), "pl": (0, 1, 2), "bg": (0, 2), "line": (0, 2)}
    one = Problem([both, first, second], BOTH, parameters(datasets=where))
    values = one.parameters.values(one.parameters.start)
    assert set(one.dataset_values(values, 1)) == {"gal", "pl"}
    assert list(one.parts(values, 1)) == ["pl"]
    alone = Problem([both], BOTH, parameters())
    assert one.counts(values)[0] == pytest.approx(alone.counts(alone.parameters.values(alone.parameters.start))[0])
    assert one.counts(values)[2] == pytest.approx(
        grouped(np.add(*(grouped_all(world, n) for n in (0, 1))), world.groups(3.0, 9.0)), rel=1e-12
    )


def grouped_all(world: World, number: int) -> Floats:
    from tests.xray.worlds import expected

    return expected(world) if number == 0 else inside_counts(world)


def test_there_may_be_no_first_model() -> None:
    world = several_world(8)
    one = Problem([dataset(world)], ALONE, parameters(ALONE))
    values = one.parameters.values(one.parameters.start)
    assert one.counts(values)[0] == pytest.approx(grouped(inside_counts(world), world.groups()), rel=1e-12)
    with pytest.raises(ValueError, match="a dataset has no model"):
        Problem([world.dataset("cstat", mode="none")], ALONE, parameters(ALONE))


def test_errors_are_as_large_as_the_scatter() -> None:
    """The values of 60 draws lie about the truth as their errors say."""
    names = ("gal.nH", "pl.PhoIndex", "pl.norm", "bg.norm", "line.norm")
    pulls = []
    for seed in range(60):
        one = Problem([dataset(several_world(100 + seed, 0.0))], BOTH, parameters(bg_PhoIndex={"frozen": True}))
        found = run_fit(one, errors=ErrorRequest(), chi2=False)
        assert found.converged
        assert one.parameters.free_names == names
        error = np.array([found.errors[name].plus for name in names], dtype=float)
        pulls.append((found.free - one.parameters.start) / error)
    middle, width = np.mean(pulls, axis=0), np.std(pulls, axis=0)
    assert np.all(np.abs(middle) < 4 / np.sqrt(60)), middle
    assert np.all(np.abs(width - 1) < 0.4), width
