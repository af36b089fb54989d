"""CPU of one fit, against the same fit by Sherpa's own ``ui.fit``.

``python benchmarks/fit.py [--runs N]`` simulates a NuSTAR-like spectrum with a background (4096 channels, power law and
line, seeded), groups it, and fits it twice from the same start: with Sherpa's session (its data classes, models,
statistic ``chi2datavar`` and ``levmar``), and with xbatch's folding and statistic behind the same ``levmar``. The fits
alternate. Both must find the same answer, to 1e-4 in the statistic and 1 % of the error in each parameter; exits 1 if
they do not, or if xbatch is the slower one.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import sys
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from xbatch.xray.fit.engine import ErrorRequest, run_fit
from xbatch.xray.fit.parameters import FitParameter, Parameters
from xbatch.xray.fit.problem import Dataset, ModelSpec, Problem
from xbatch.xray.fold import find_groups, fold, group_sum, notice
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


def simulate(seed: int) -> World:
    """Make an observation."""
    rng = np.random.default_rng(seed)
    edges = np.linspace(BOTTOM, BOTTOM + WIDTH * CHANNELS, CHANNELS + 1)
    middle = (edges[:-1] + edges[1:]) / 2
    sigma = FWHM / SIGMAS_IN_FWHM
    below = 0.5 * (1 + erf((edges[None, :] - middle[:, None]) / (np.sqrt(2) * sigma)))
    matrix = np.diff(below, axis=1)
    matrix[matrix < 1e-8] = 0
    specresp = 400 * np.exp(-((np.log(middle / 12) / 0.9) ** 2))
    slope = 1 - TRUTH["PhoIndex"]
    photons: Floats = TRUTH["norm"] * np.diff(edges**slope) / slope
    line = 0.5 * (1 + erf((edges - TRUTH["LineE"]) / (np.sqrt(2) * TRUTH["Sigma"])))
    expected = EXPOSURE * ((photons + TRUTH["line"] * np.diff(line)) * specresp) @ matrix
    below_source = 0.4 * np.exp(-middle / 40)
    source = rng.poisson(expected + below_source).astype(float)
    background = rng.poisson(below_source / SCALE).astype(float)
    return World(edges, matrix, specresp, source, background, group(source))


def group(counts: Floats) -> NDArray[np.int16]:
    """Group channels until each group has `LEAST` counts; what is left over at the end joins the last group."""
    grouping = np.full(counts.size, -1, dtype=np.int16)
    total = LEAST
    for channel, count in enumerate(counts):
        if total >= LEAST:
            grouping[channel], total = 1, 0
        total += count
    if total < LEAST:
        grouping[np.flatnonzero(grouping == 1)[-1]] = -1
    return grouping


class Xbatch:
    """The fit with xbatch's engine."""

    def __init__(self, world: World) -> None:
        e_min, e_max = world.edges[:-1], world.edges[1:]
        quality = np.zeros(CHANNELS, dtype=np.int16)
        groups = notice(find_groups(world.grouping, quality), e_min, e_max, *BAND, edge="overlap")  # Sherpa's rule
        rows, columns = np.nonzero(world.matrix)
        folding = fold(
            np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=CHANNELS)))),
            columns.astype(np.int32),
            world.matrix[rows, columns],
            world.specresp,
            groups.index,
            np.full(CHANNELS, EXPOSURE),
            groups.size,
        )
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


class Sherpa:
    """The fit with a session of Sherpa's."""

    def __init__(self, world: World) -> None:
        from sherpa.astro.data import DataPHA, DataRMF
        from sherpa.astro.instrument import create_arf
        from sherpa.astro.ui.utils import Session
        from sherpa.models.basic import NormGauss1D, PowLaw1D

        logging.getLogger("sherpa").setLevel(logging.ERROR)
        channel = np.arange(CHANNELS)
        lo, hi = world.edges[:-1], world.edges[1:]
        rows, columns = np.nonzero(world.matrix)
        first = np.array([columns[rows == row][0] for row in range(CHANNELS)])
        number = np.bincount(rows, minlength=CHANNELS)
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

    def fit(self) -> tuple[float, Floats, int]:
        """Fit from the start; the statistic, the parameters in XSPEC's terms, the number of evaluations."""
        power, line = self.power, self.line
        for parameter, key, factor in (
            (power.gamma, "PhoIndex", 1.0),
            (power.ampl, "norm", 1.0),
            (line.pos, "LineE", 1.0),
            (line.fwhm, "Sigma", SIGMAS_IN_FWHM),
            (line.ampl, "line", 1.0),
        ):
            low, high = LIMITS[key]
            parameter.set(val=START[key] * factor, min=low * factor, max=high * factor)
        self.session.fit(1)
        result = self.session.get_fit_results()
        found = [power.gamma.val, power.ampl.val, line.pos.val, line.fwhm.val / SIGMAS_IN_FWHM, line.ampl.val]
        return float(result.statval), np.array(found), int(result.nfev)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print the table, and give the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=15, help="fits of each kind [default: 15]")
    parser.add_argument("--seed", type=int, default=1, help="seed of the simulation [default: 1]")
    options = parser.parse_args(arguments)
    world = simulate(options.seed)
    ours_fit, theirs_fit = Xbatch(world), Sherpa(world)
    if ours_fit.groups != theirs_fit.groups:
        raise SystemExit(f"{ours_fit.groups} and {theirs_fit.groups} groups: not the same fit")
    fits: dict[str, Sherpa | Xbatch] = {"Sherpa ui.fit": theirs_fit, "xbatch": ours_fit}
    results = {name: fit.fit() for name, fit in fits.items()}
    times: dict[str, list[float]] = {name: [] for name in fits}
    for _ in range(options.runs):
        for name, fit in fits.items():
            start = time.process_time()
            fit.fit()
            times[name].append(time.process_time() - start)
    (theirs, theirs_at, _), (ours, ours_at, _) = results.values()
    distance = np.abs(ours_at - theirs_at) / ours_fit.errors()
    same = abs(ours - theirs) < 1e-4 * theirs and bool(np.all(distance < 0.01))
    base = statistics.median(times["Sherpa ui.fit"])
    title = f"fit of {ours_fit.groups} groups"
    print(f"{title:<28}{'CPU ms':>8}{'faster':>8}{'chi2':>14}{'evaluations':>13}")
    for name, (value, _, evaluations) in results.items():
        median = statistics.median(times[name])
        print(f"{name:<28}{median * 1e3:>8.1f}{base / median:>7.1f}x{value:>14.6f}{evaluations:>13}")
    print(
        f"largest difference of a parameter: {distance.max():.1e} of its error{'' if same else '  NOT THE SAME ANSWER'}"
    )
    return int(not same or statistics.median(times["xbatch"]) > base)


if __name__ == "__main__":
    sys.exit(main())
