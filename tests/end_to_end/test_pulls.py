"""Two hundred simulated spectra for each statistic, fitted here and in plain Sherpa.

Values scatter about the truth as widely as their errors say, and both programs find the same ones. Where a statistic is
known to be biased, it is so in the direction that is known.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.xray.fit.peers import STATS, sherpa_data, sherpa_model
from tests.xray.worlds import CHANNELS, GAMMA, MODEL, NH, World, expected, make_world
from xbatch.xray.fit.engine import ErrorRequest, FitResult, run_fit
from xbatch.xray.fit.parameters import FitParameter, Parameters
from xbatch.xray.fit.problem import Dataset, Problem
from xbatch.xray.fold import group_sum
from xbatch.xray.statistics import make_statistic, reweighted_chi2

Floats = NDArray[np.float64]

SETS = 200
ONE_SIGMA = 0.6826894921370859
# What two hundred draws leave open, 3.5 times: of a mean, of a width, of a share that should be 68 percent.
MEAN, WIDTH = 3.5 / np.sqrt(SETS), 3.5 / np.sqrt(2 * SETS)
SHARE = 3.5 * np.sqrt(ONE_SIGMA * (1 - ONE_SIGMA) / SETS)
START = {"nh": 0.7, "gamma": 1.9, "norm": 0.9}  # the norm as a part of the true one
# A background region like the source's, so that few counts in it matter.
SAME_REGION = np.full(CHANNELS, 1e-3)


@dataclass(frozen=True)
class Case:
    """How spectra are drawn and fitted.

    Attributes
    ----------
    statistic, variance, mode : str
    norm : float
        Of the power law; 0.02 gives 19000 counts in 23 groups.
    background : float
        Counts in a channel of the background region.
    free : tuple of str
    peer : bool
        Sherpa has the statistic.
    profile : bool
        Errors are those of profiles.
    """

    statistic: str
    variance: str
    mode: str
    norm: float
    background: float = 0.0
    free: tuple[str, ...] = ("nh", "gamma", "norm")
    peer: bool = True
    profile: bool = False
    backscal: Floats | None = None

    def __str__(self) -> str:
        return f"{self.statistic}-{self.variance}-{self.mode}-{self.norm:g}-{self.background:g}"

    def world(self, seed: int) -> World:
        changes = {} if self.backscal is None else {"background_backscal": self.backscal}
        world = make_world(seed, norm=self.norm, background=self.background, **changes)
        if self.variance != "file":
            return world
        noise = np.random.default_rng(seed).normal(size=CHANNELS) * self.errors(world)
        return replace(world, source=expected(world, norm=self.norm) + noise)

    def errors(self, world: World) -> Floats:
        """Give the errors of the channels of a spectrum that has its own."""
        return 3.0 + 0.02 * expected(world, norm=self.norm)

    def dataset(self, world: World) -> Dataset:
        one = world.dataset(
            self.statistic, "data" if self.variance == "file" else self.variance, self.mode, edge="overlap"
        )
        groups = world.groups(edge="overlap")
        counts = world.counts(groups, self.mode in ("subtract", "profiled"))
        if self.variance == "primini":
            return replace(one, reweigh=partial(reweighted_chi2, counts, subtract=self.mode == "subtract"))
        if self.variance == "file":
            counts = replace(counts, source_variance=group_sum(groups, self.errors(world) ** 2))
            return replace(one, statistic=make_statistic(counts, "chi2", "file", False))
        return one

    @property
    def truth(self) -> dict[str, float]:
        return {"nh": NH, "gamma": GAMMA, "norm": self.norm}

    @property
    def start(self) -> dict[str, float]:
        start = {**START, "norm": START["norm"] * self.norm}
        return {name: start[name] if name in self.free else true for name, true in self.truth.items()}

    def fit(self, world: World) -> FitResult:
        names = {
            "nh": ("gal", "nH", 0.0, 1e6),
            "gamma": ("pl", "PhoIndex", -3.0, 10.0),
            "norm": ("pl", "norm", 0.0, 1e24),
        }
        parameters = []
        for name, (component, word, low, high) in names.items():
            where = (f"{component}.{word}", component, word, (0,), self.start[name], low, high)
            parameters.append(FitParameter(*where, frozen=name not in self.free))
        wanted = ErrorRequest(method="profile" if self.profile else "covariance", confidence=ONE_SIGMA)
        return run_fit(Problem([self.dataset(world)], MODEL, Parameters(parameters)), errors=wanted, chi2=False)


class Peer:
    """The same spectra as objects of Sherpa's session, made once; counts change from set to set."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.data = sherpa_data(case.world(0), case.mode)
        self.model = sherpa_model(self.data, case.start)
        for name, parameter in zip(case.start, self.model.pars, strict=True):
            parameter.frozen = name not in case.free

    def fit(self, world: World) -> tuple[Floats, float]:
        """Give the best values and the statistic."""
        import sherpa.stats
        from sherpa.fit import Fit
        from sherpa.optmethods import LevMar

        self.data.counts = world.source
        if self.case.mode in ("subtract", "profiled"):
            self.data.get_background().counts = world.background
        name = "Chi2" if self.case.variance == "file" else STATS[self.case.statistic, self.case.variance]
        if self.case.variance == "file":
            self.data.staterror = self.case.errors(world)
        for parameter, value in zip(self.model.pars, self.case.start.values(), strict=True):
            parameter.val = value
        method = LevMar()
        method.config["epsfcn"] = 1e-13  # the default's steps leave it some 1e-3 of an error off the minimum
        found = Fit(self.data, self.model, getattr(sherpa.stats, name)(), method).fit()
        return np.array(found.parvals), float(found.statval)


@pytest.fixture(autouse=True)
def quiet_sherpa() -> Iterator[None]:
    logger = logging.getLogger("sherpa")
    level = logger.level
    logger.setLevel(logging.ERROR)
    yield
    logger.setLevel(level)


def pulls_of(case: Case) -> Floats:
    """Fit all sets, by Sherpa too where it has the statistic; give the distances from the truth in errors."""
    if case.peer:
        pytest.importorskip("sherpa", reason="the same fits are made in Sherpa")
    peer = Peer(case) if case.peer else None
    truth = np.array([case.truth[name] for name in case.free])
    pulls, inside = [], []
    for seed in range(SETS):
        world = case.world(1000 + seed)
        result = case.fit(world)
        assert result.covariance is not None
        error = np.sqrt(np.diag(result.covariance))
        pulls.append((result.free - truth) / error)
        if peer is not None:
            values, statistic = peer.fit(world)
            assert np.all(np.abs(values - result.free) < 0.01 * error)
            assert statistic == pytest.approx(result.statistic, rel=1e-8, abs=1e-6)
        if case.profile:
            errors = list(result.errors.values())
            low, high = (np.array([getattr(one, side) for one in errors], dtype=float) for side in ("minus", "plus"))
            inside.append((truth > result.free - low) & (truth < result.free + high))
    if case.profile:
        assert np.all(np.abs(np.mean(inside, axis=0) - ONE_SIGMA) < SHARE)
    return np.array(pulls)


HOLD = [
    # Chi-squared with variances of the data needs many counts in a group.
    Case("chi2", "data", "subtract", 1.0, 20.0, profile=True),
    Case("chi2", "xspec", "subtract", 1.0, 20.0),
    Case("chi2", "gehrels", "subtract", 1.0, 20.0),
    Case("chi2", "model", "none", 0.1),
    Case("chi2", "model", "subtract", 0.1, 20.0, peer=False),
    Case("chi2", "primini", "subtract", 0.02, 20.0, peer=False),
    Case("chi2", "file", "none", 0.02),
    Case("cash", "data", "none", 0.02),
    Case("cash", "data", "none", 5e-4, free=("gamma", "norm")),
    Case("cstat", "data", "none", 0.02, profile=True),
    Case("cstat", "data", "none", 5e-4, free=("gamma", "norm")),
    Case("wstat", "data", "profiled", 0.004, 20.0, profile=True),
    # Some three counts in a group of the background region, twenty in one of the source's.
    Case("wstat", "data", "profiled", 5e-4, 0.8, free=("gamma", "norm")),
    Case("pgstat", "data", "subtract", 0.004, 20.0, peer=False),
    Case("pgstat", "data", "subtract", 0.001, 5.0, free=("gamma", "norm"), peer=False),
]


@pytest.mark.parametrize("case", HOLD, ids=str)
def test_pulls_have_mean_0_and_width_1(case: Case) -> None:
    pulls = pulls_of(case)
    assert np.all(np.abs(pulls.mean(axis=0)) < MEAN)
    assert np.all(np.abs(pulls.std(axis=0) - 1) < WIDTH)


NORM = ("norm",)
# The mean of the pulls of the norm lies between these: the direction is known, and about how far.
BIASED = [
    # A group that fluctuates down weighs more: about one count too few in each.
    (Case("chi2", "data", "subtract", 0.001, 5.0, free=NORM), -1.2, -0.25),
    (Case("chi2", "xspec", "subtract", 0.001, 5.0, free=NORM), -1.2, -0.25),
    (Case("chi2", "gehrels", "subtract", 0.001, 5.0, free=NORM), -1.2, -0.25),
    # A higher model has larger variances: about half a count too many.
    (Case("chi2", "model", "none", 0.001, free=NORM), 0.1, 0.8),
    # Neither the one nor the other.
    (Case("chi2", "primini", "none", 0.001, free=NORM, peer=False), -MEAN, MEAN),
    # Four of five groups of the background region are empty.
    (Case("wstat", "data", "profiled", 5e-5, 0.05, free=NORM, backscal=SAME_REGION), -0.6, -0.08),
    # The background's few counts are no Gaussian's.
    (Case("pgstat", "data", "subtract", 5e-5, 0.5, free=NORM, peer=False, backscal=SAME_REGION), 0.08, 0.6),
]


@pytest.mark.parametrize(("case", "low", "high"), BIASED, ids=[str(one[0]) for one in BIASED])
def test_known_biases_have_their_known_direction(case: Case, low: float, high: float) -> None:
    pulls = pulls_of(case)
    assert low < pulls.mean() < high
    if case.variance != "gehrels":
        assert abs(pulls.std() - 1) < WIDTH


def test_gehrels_errors_are_too_large_for_few_counts() -> None:
    few = pulls_of(Case("chi2", "gehrels", "none", 5e-5, free=NORM))
    assert few.std() < 0.85


def test_equal_variances_do_not_tell_the_errors_of_unequal_counts() -> None:
    pulls = pulls_of(Case("chi2", "constant", "subtract", 1.0, 20.0))
    assert np.all(np.abs(pulls.mean(axis=0)) < 2 * MEAN)
    assert pulls.std(axis=0).max() > 1.2
