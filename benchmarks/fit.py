"""CPU of an evaluation of the statistic and of a fit, against the same by Sherpa.

``python benchmarks/fit.py [--runs N]`` simulates a NuSTAR-like spectrum with a background (4096 channels, power law and
line, seeded) for two responses: a narrow one, of a line with Gaussian wings, and a full one, with a tail down to the
first channel (half of the matrix is not zero, as in NuSTAR's). It groups the counts, and then, in turns,

- evaluates ``chi2datavar`` for parameters that all change from one evaluation to the next, thirty in a row, as many as
  Sherpa's fit takes: the slowest case for xbatch, which keeps what a component gave for the same values;
- fits from the same start, five in a row as in a batch of them, with Sherpa's session (its data classes, models,
  statistic and ``levmar``), and with xbatch's engine, which also gives the covariance;
- finds the errors of all five parameters from the profile of the statistic with Sherpa's ``conf``, in one process, and
  with xbatch;
- fits the spectrum in twenty groupings, both with all they need in memory; xbatch folds the response for each.

Both must find the same answer, to 1e-4 in the statistic, 1 % of the error in each parameter and 2 % of each error;
exits 1 if they do not, or if xbatch takes more than the goal's share of Sherpa's time.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from xbatch.xray.fit.engine import ErrorRequest, run_fit
from xbatch.xray.fit.parameters import FitParameter, Parameters
from xbatch.xray.fit.problem import Dataset, ModelSpec, Problem
from xbatch.xray.fold import find_groups, group_sum, notice
from xbatch.xray.redistribution import Redistribution
from xbatch.xray.statistics import GroupedCounts, make_statistic

Floats = NDArray[np.float64]

CHANNELS = 4096
WIDTH, BOTTOM = 0.04, 1.6  # keV
FWHM = 0.4  # keV
EXPOSURE = 4e4  # s
SCALE = 0.5  # what a background count stands for in the source region
BAND = (3.0, 79.0)  # keV
LEAST = 30  # counts in a group
TRUTH = {"PhoIndex": 1.8, "norm": 0.02, "LineE": 6.4, "Sigma": 0.3, "line": 4e-4}
START = {"PhoIndex": 1.5, "norm": 0.01, "LineE": 6.5, "Sigma": 0.2, "line": 2e-4}
LIMITS = {"PhoIndex": (-3, 10), "norm": (0, 1e6), "LineE": (5.5, 7.5), "Sigma": (0.01, 2), "line": (0, 1e6)}
# Threads that wait for each other use CPU time, more or less of it as the machine is busy or not.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
EVALUATIONS, FITS = 30, 5  # in a row
# Shares of Sherpa's time.
GOALS = {"statistic": 1 / 8, "fit": 1 / 6, "errors": 1 / 6, "groupings": 1 / 4}
SIGMAS_IN_FWHM = 2 * np.sqrt(2 * np.log(2))


@dataclass(frozen=True)
class World:
    """A simulated observation: edges of energies and channels (keV), response, counts, flags."""

    edges: Floats
    matrix: Floats
    specresp: Floats
    source: Floats
    background: Floats
    grouping: NDArray[np.int16]


def narrow(edges: Floats, middle: Floats) -> Floats:
    """Give the share of each channel in a line at each energy: a Gaussian."""
    sigma = FWHM / SIGMAS_IN_FWHM
    below = 0.5 * (1 + erf((edges[None, :] - middle[:, None]) / (np.sqrt(2) * sigma)))
    matrix: Floats = np.diff(below, axis=1)
    matrix[matrix < 1e-8] = 0
    return matrix


def full(edges: Floats, middle: Floats) -> Floats:
    """Give the same with a tenth of the line spread over all channels below it."""
    line = narrow(edges, middle)
    return np.asarray(0.9 * line + 0.1 * np.tri(CHANNELS) / np.arange(1, CHANNELS + 1)[:, None])


MATRICES: dict[str, Callable[[Floats, Floats], Floats]] = {"narrow": narrow, "full": full}


def simulate(seed: int, kind: str) -> World:
    """Make an observation."""
    rng = np.random.default_rng(seed)
    edges = np.linspace(BOTTOM, BOTTOM + WIDTH * CHANNELS, CHANNELS + 1)
    middle = (edges[:-1] + edges[1:]) / 2
    matrix = MATRICES[kind](edges, middle)
    specresp = 400 * np.exp(-((np.log(middle / 12) / 0.9) ** 2))
    slope = 1 - TRUTH["PhoIndex"]
    photons: Floats = TRUTH["norm"] * np.diff(edges**slope) / slope
    line = 0.5 * (1 + erf((edges - TRUTH["LineE"]) / (np.sqrt(2) * TRUTH["Sigma"])))
    expected = EXPOSURE * ((photons + TRUTH["line"] * np.diff(line)) * specresp) @ matrix
    below_source = 0.4 * np.exp(-middle / 40)
    source = rng.poisson(expected + below_source).astype(float)
    background = rng.poisson(below_source / SCALE).astype(float)
    return World(edges, matrix, specresp, source, background, group(source))


def group(counts: Floats, least: float = LEAST) -> NDArray[np.int16]:
    """Group channels until each group has `least` counts; what is left over at the end joins the last group."""
    grouping = np.full(counts.size, -1, dtype=np.int16)
    total = least
    for channel, count in enumerate(counts):
        if total >= least:
            grouping[channel], total = 1, 0
        total += count
    if total < least:
        grouping[np.flatnonzero(grouping == 1)[-1]] = -1
    return grouping


class Xbatch:
    """The fit with xbatch's engine."""

    def __init__(self, world: World) -> None:
        self.world = world
        rows, columns = np.nonzero(world.matrix)
        begin = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=CHANNELS))))
        self.rows = Redistribution(begin, columns.astype(np.int32), world.matrix[rows, columns], CHANNELS)
        self.group(world.grouping)

    def group(self, grouping: NDArray[np.int16]) -> None:
        """Take a grouping."""
        world = self.world
        e_min, e_max = world.edges[:-1], world.edges[1:]
        quality = np.zeros(CHANNELS, dtype=np.int16)
        groups = notice(find_groups(grouping, quality), e_min, e_max, *BAND, edge="overlap")  # Sherpa's rule
        folding = self.rows.fold(world.specresp, groups.index, np.full(CHANNELS, EXPOSURE), groups.size)
        source, background = group_sum(groups, world.source), group_sum(groups, world.background)
        counts = GroupedCounts(
            source,
            np.zeros(groups.size),
            background,
            np.full(groups.size, SCALE),
            SCALE * background,
        )
        statistic = make_statistic(counts, "chi2", "data", subtract=True)
        self.data = Dataset(world.edges, folding, statistic, counts.net)
        tree = {"op": "+", "args": [{"component": "pl"}, {"component": "fe"}]}
        self.model = ModelSpec(tree, {"pl": "powerlaw", "fe": "gaussian"})
        names = {"PhoIndex": "pl", "norm": "pl", "LineE": "fe", "Sigma": "fe", "line": "fe"}
        self.parameters = [
            FitParameter(key, names[key], "norm" if key == "line" else key, (0,), START[key], *LIMITS[key])
            for key in START
        ]
        self.groups = groups.size
        self.kept = self.problem()

    def evaluate(self, values: Floats) -> float:
        """Give the statistic for values of all parameters."""
        return self.kept.statistic(values)

    def fit(self) -> tuple[float, Floats, int]:
        """Fit from the start; the statistic, the parameters, the number of evaluations."""
        problem = self.problem()
        found = run_fit(problem)
        return found.statistic, found.free, problem.evaluations

    def problem(self) -> Problem:
        """Give the fit as it is before anything was evaluated."""
        return Problem([self.data], self.model, Parameters(self.parameters))

    def errors(self) -> Floats:
        """Give the standard error of each parameter."""
        covariance = run_fit(self.problem(), errors=ErrorRequest()).covariance
        assert covariance is not None
        return np.sqrt(np.diag(covariance))

    def profile(self) -> Floats:
        """Fit, and give the lower and upper errors of all parameters, shape (2, 5)."""
        found = run_fit(self.problem(), errors=ErrorRequest(method="profile")).errors.values()
        return np.array([[one.minus for one in found], [one.plus for one in found]], dtype=float)

    def sweep(self, groupings: Sequence[NDArray[np.int16]]) -> Floats:
        """Fit each grouping; the statistics."""
        found = []
        for grouping in groupings:
            self.group(grouping)
            found.append(run_fit(self.kept).statistic)
        return np.array(found)


class Sherpa:
    """The fit with a session of Sherpa's."""

    def __init__(self, world: World) -> None:
        from sherpa.astro.data import DataPHA, DataRMF
        from sherpa.astro.instrument import create_arf
        from sherpa.astro.ui.utils import Session
        from sherpa.fit import Fit
        from sherpa.models.basic import NormGauss1D, PowLaw1D
        from sherpa.stats import Chi2DataVar

        logging.getLogger("sherpa").setLevel(logging.ERROR)

        channel = np.arange(CHANNELS)
        lo, hi = world.edges[:-1], world.edges[1:]
        rows, columns = np.nonzero(world.matrix)
        number = np.bincount(rows, minlength=CHANNELS)
        first = columns[np.cumsum(number) - number]
        rmf = DataRMF(
            "rmf",
            CHANNELS,
            lo,
            hi,
            np.ones(CHANNELS, dtype=np.uint64),
            first.astype(np.uint64),
            number.astype(np.uint64),
            world.matrix[rows, columns],
            offset=0,
            e_min=lo,
            e_max=hi,
        )
        pha = DataPHA("pha", channel, world.source, exposure=EXPOSURE, backscal=SCALE, grouping=world.grouping)
        pha.set_background(DataPHA("bkg", channel, world.background, exposure=EXPOSURE, backscal=1.0))
        pha.set_rmf(rmf)
        pha.set_arf(create_arf(lo, hi, world.specresp, exposure=EXPOSURE))
        pha.grouped = True
        pha.subtract()
        self.session = Session()
        self.session.set_data(1, pha)
        self.session.set_analysis(1, "energy")
        self.session.notice(*BAND)
        self.session.set_stat("chi2datavar")
        self.session.set_method("levmar")
        self.power, self.line = PowLaw1D("pl"), NormGauss1D("fe")
        self.session.set_source(1, self.power + self.line)
        self.groups = len(self.session.get_dep(1, filter=True))
        self.kept = Fit(pha, self.session.get_model(1), Chi2DataVar())

    def profile(self) -> Floats:
        """Fit, and give the lower and upper errors of all parameters, shape (2, 5)."""
        self.set(np.array(list(START.values())))
        self.session.fit(1)
        self.session.set_conf_opt("parallel", False)
        self.session.set_conf_opt("numcores", 1)
        self.session.conf(1)
        found = self.session.get_conf_results()
        ends = dict(zip(found.parnames, zip(found.parmins, found.parmaxes, strict=True), strict=True))
        errors = [np.abs(np.array(ends[one.fullname], dtype=float)) / factor for one, _, factor in self.parameters()]
        return np.array(errors).T

    def sweep(self, groupings: Sequence[NDArray[np.int16]]) -> Floats:
        """Fit each grouping; the statistics."""
        return np.array([self.regrouped(grouping) for grouping in groupings])

    def regrouped(self, grouping: NDArray[np.int16]) -> float:
        """Take a grouping, and fit."""
        self.session.ungroup(1)
        self.session.ignore_id(1)
        self.session.notice_id(1)
        self.session.set_grouping(1, grouping)
        self.session.group(1)
        self.session.notice(*BAND)
        return self.fit()[0]

    def set(self, values: Floats) -> None:
        """Set all parameters, given in XSPEC's terms."""
        for (parameter, key, factor), value in zip(self.parameters(), values, strict=True):
            low, high = LIMITS[key]
            parameter.set(val=value * factor, min=low * factor, max=high * factor)

    def parameters(self) -> list[tuple[Any, str, float]]:
        """Give Sherpa's parameters with XSPEC's names and what XSPEC's values are to be multiplied by."""
        power, line = self.power, self.line
        return [
            (power.gamma, "PhoIndex", 1.0),
            (power.ampl, "norm", 1.0),
            (line.pos, "LineE", 1.0),
            (line.fwhm, "Sigma", SIGMAS_IN_FWHM),
            (line.ampl, "line", 1.0),
        ]

    def evaluate(self, values: Floats) -> float:
        """Give the statistic for values of all parameters."""
        for (parameter, _, factor), value in zip(self.parameters(), values, strict=True):
            parameter.val = value * factor
        return float(self.kept.calc_stat())

    def fit(self) -> tuple[float, Floats, int]:
        """Fit from the start; the statistic, the parameters in XSPEC's terms, the number of evaluations."""
        self.set(np.array(list(START.values())))
        self.session.fit(1)
        result = self.session.get_fit_results()
        found = np.array([parameter.val / factor for parameter, _, factor in self.parameters()])
        return float(result.statval), found, int(result.nfev)


@dataclass(frozen=True)
class Line:
    """A line of the table: what was done, median CPU seconds of Sherpa and xbatch, the goal, what else to say."""

    name: str
    theirs: float
    ours: float
    goal: float
    said: str

    @property
    def ratio(self) -> float:
        """xbatch's time over Sherpa's."""
        return self.ours / self.theirs


def medians(runs: int, theirs: Callable[[int], Any], ours: Callable[[int], Any]) -> tuple[float, float]:
    """Do both in turn, `runs` times (its number is given to them), and give the median CPU seconds of each."""
    times: tuple[list[float], list[float]] = ([], [])
    for run in range(runs):
        for call, taken in zip((theirs, ours), times, strict=True):
            start = time.process_time()
            call(run)
            taken.append(time.process_time() - start)
    return statistics.median(times[0]), statistics.median(times[1])


def compare_evaluations(kind: str, theirs: Sherpa, ours: Xbatch, runs: int, seed: int) -> tuple[Line, bool]:
    """Measure the statistic; the flag says whether the values agree."""
    steps = np.random.default_rng(seed).uniform(0.99, 1.01, (runs, EVALUATIONS, len(TRUTH)))
    points = np.array(list(TRUTH.values())) * steps
    same = all(np.isclose(theirs.evaluate(point), ours.evaluate(point), rtol=1e-8) for point in points[0])

    def several(evaluate: Callable[[Floats], float]) -> Callable[[int], list[float]]:
        return lambda run: [evaluate(point) for point in points[run]]

    times = medians(runs, several(theirs.evaluate), several(ours.evaluate))
    return Line(f"{EVALUATIONS} statistics, {kind}", *times, GOALS["statistic"], f"{ours.groups} groups"), same


def compare_fits(kind: str, theirs: Sherpa, ours: Xbatch, runs: int) -> tuple[Line, bool]:
    """Measure the fit; the flag says whether the answers agree."""
    (value, at, evaluations), (our_value, our_at, our_evaluations) = theirs.fit(), ours.fit()
    distance = float(np.max(np.abs(our_at - at) / ours.errors()))
    same = bool(abs(our_value - value) < 1e-4 * value) and distance < 0.01

    def several(fit: Callable[[], Any]) -> Callable[[int], Any]:
        return lambda _: [fit() for _ in range(FITS)]

    times = medians(max(runs // FITS, 3), several(theirs.fit), several(ours.fit))
    said = f"chi2 {value:.4f} {our_value:.4f}, evaluations {evaluations} {our_evaluations}, apart {distance:.0e} sigma"
    return Line(f"{FITS} fits, {kind}", *times, GOALS["fit"], said), same


def compare_profiles(kind: str, theirs: Sherpa, ours: Xbatch, runs: int) -> tuple[Line, bool]:
    """Measure the errors of all parameters; the flag says whether they agree."""
    apart = float(np.max(np.abs(ours.profile() / theirs.profile() - 1)))
    times = medians(max(runs // 15, 1), lambda _: theirs.profile(), lambda _: ours.profile())
    return Line(f"errors of 5, {kind}", *times, GOALS["errors"], f"apart {apart:.1e}"), apart < 0.02


def compare_sweeps(kind: str, theirs: Sherpa, ours: Xbatch, groupings: int) -> tuple[Line, bool]:
    """Measure fits of one spectrum grouped in many ways."""
    several = [group(ours.world.source, LEAST + number) for number in range(groupings)]
    found: dict[int, Floats] = {}

    def keep(number: int, sweep: Callable[[Sequence[NDArray[np.int16]]], Floats]) -> Callable[[int], None]:
        return lambda _: found.update({number: sweep(several)})

    times = medians(1, keep(0, theirs.sweep), keep(1, ours.sweep))
    same = bool(np.allclose(found[0], found[1], rtol=1e-4))
    return Line(f"{groupings} groupings, {kind}", *times, GOALS["groupings"], ""), same


def main(arguments: list[str] | None = None) -> int:
    """Measure in a process of one thread, as xbatch's workers are, print the table, and give the exit status."""
    if any(os.environ.get(name) != "1" for name in THREADS):
        command = [sys.executable, __file__, *(sys.argv[1:] if arguments is None else arguments)]
        return subprocess.run(command, env={**os.environ, **dict.fromkeys(THREADS, "1")}, check=False).returncode
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=15, help="fits of each kind [default: 15]")
    parser.add_argument("--seed", type=int, default=1, help="seed of the simulation [default: 1]")
    parser.add_argument("--groupings", type=int, default=20, help="groupings of one spectrum [default: 20]")
    options = parser.parse_args(arguments)
    print(f"{'CPU ms':<28}{'sherpa':>10}{'xbatch':>10}{'ratio':>8}{'goal':>8}")
    missed = False
    for kind in MATRICES:
        world = simulate(options.seed, kind)
        ours, theirs = Xbatch(world), Sherpa(world)
        if ours.groups != theirs.groups:
            raise SystemExit(f"{ours.groups} and {theirs.groups} groups: not the same fit")
        for line, same in (
            compare_evaluations(kind, theirs, ours, options.runs, options.seed),
            compare_fits(kind, theirs, ours, options.runs),
            compare_profiles(kind, theirs, ours, options.runs),
            compare_sweeps(kind, theirs, ours, options.groupings),
        ):
            bad = "  NOT THE SAME ANSWER" if not same else "  MISSED" if line.ratio > line.goal else ""
            missed = missed or bool(bad)
            times = f"{line.theirs * 1e3:>10.2f}{line.ours * 1e3:>10.2f}{line.ratio:>8.3f}{line.goal:>8.3f}"
            print(f"{line.name:<28}{times}{bad}  {line.said}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
