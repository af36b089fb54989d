"""CPU of a joint fit to NuSTAR's spectra of both modules, from their files, against the same by Sherpa.

``python benchmarks/joint.py --rmf RMF A_sr.pha B_sr.pha`` takes spectra as ``nuproducts`` leaves them (``X_sr.pha``
with ``X_bk.pha`` and ``X_sr.arf`` beside it), groups them to 30 counts, and fits a power law with a constant between
the modules to 3-79 keV, ``chi2datavar`` of net counts. It times, in turns,

- ten evaluations of the statistic at other parameters each time;
- the fit from the same start, with ``levmar`` of each;
- reading the spectra and folding their responses once more, which Sherpa does not do apart.

Both must give the same statistic at the same parameters, to 1e-8, and the same minimum, to 1e-4; exits 1 if they do
not, or if xbatch takes more than an eighth of Sherpa's time for a statistic, or a sixth for a fit.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.ogip.pha import read_pha, write_pha
from xbatch.ogip.response import read_response, save_response
from xbatch.tasks._fit_data import FitData, read_dataset
from xbatch.xray.fit.engine import run_fit
from xbatch.xray.fit.parameters import FitParameter, Parameters
from xbatch.xray.fit.problem import ModelSpec, Problem
from xbatch.xray.grouping import group_min

Floats = NDArray[np.float64]

BAND = {"name": "main", "lo": 3.0, "hi": 79.0}
LEAST = 30
OUTSIDE = 1910  # NuSTAR's channels from here lie above its energies
START = (1.0, 1.5, 0.01)  # factor, photon index, norm
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
GOALS = {"10 statistics": 1 / 8, "fit": 1 / 6}
POINTS = 10


def prepare(source: Path, rmf: Path, folder: Path) -> dict[str, Path]:
    """Group a spectrum, and leave it with its background and its response in a folder."""
    folder.mkdir()
    stem = str(source).removesuffix("_sr.pha")
    names = {"RESPFILE": "none", "ANCRFILE": "none", "BACKFILE": "none"}
    spectrum, below = read_pha(source), read_pha(Path(f"{stem}_bk.pha"))
    quality = spectrum.quality.copy()
    quality[OUTSIDE:] = 5
    grouping, quality = group_min(spectrum.counts, quality, LEAST)
    grouped = replace(spectrum, grouping=grouping, quality=quality)
    write_pha(folder / "grouped.pha", grouped, {**spectrum.header, **names})
    write_pha(folder / "background.pha", below, {**below.header, **names})
    save_response(folder / "response.npz", read_response(rmf, Path(f"{stem}_sr.arf")))
    return {name: folder / name for name in ("grouped.pha", "background.pha", "response.npz")}


def read(files: Sequence[dict[str, Path]]) -> list[FitData]:
    """Read and fold everything, as a fit step does."""
    how = {"background": "subtract", "statistic": "chi2", "variance": "data"}
    subject = {"obsid": "1", "spectrum": "src", "binning": "min", "band": BAND, "edge": "inside", "note": ""}
    return [
        read_dataset(
            {**subject, "instrument": str(number)},
            how,
            one["grouped.pha"],
            one["response.npz"],
            one["background.pha"],
        )
        for number, one in enumerate(files)
    ]


def problem(data: Sequence[FitData]) -> Problem:
    """Give the fit: a constant for all modules but the first, and one power law."""
    everywhere = tuple(range(len(data)))
    parameters = [
        FitParameter("cal.factor[0]", "cal", "factor", (0,), 1.0, 0.0, 10.0, frozen=True),
        FitParameter("cal.factor", "cal", "factor", everywhere[1:], START[0], 0.0, 10.0),
        FitParameter("pl.PhoIndex", "pl", "PhoIndex", everywhere, START[1], -3.0, 10.0),
        FitParameter("pl.norm", "pl", "norm", everywhere, START[2], 0.0, 1e24),
    ]
    tree = {"op": "*", "args": [{"component": "cal"}, {"component": "pl"}]}
    model = ModelSpec(tree, {"cal": "constant", "pl": "powerlaw"})
    return Problem([one.dataset for one in data], model, Parameters(parameters))


class Sherpa:
    """The same in a session of Sherpa's."""

    def __init__(
        self, files: Sequence[dict[str, Path]], sources: Sequence[Path], rmf: Path, data: list[FitData]
    ) -> None:
        from sherpa.astro.data import DataARF
        from sherpa.astro.ui.utils import Session
        from sherpa.models import basic

        logging.getLogger("sherpa").setLevel(logging.CRITICAL)
        self.session = Session()
        self.session._add_model_types(basic)
        for number, (one, source) in enumerate(zip(files, sources, strict=True)):
            self.session.load_pha(number, str(one["grouped.pha"]))
            self.session.load_rmf(number, str(rmf))
            # Sherpa evaluates on the ARF's energies, which are the RMF's but for the rounding of 32-bit numbers.
            matrix = self.session.get_rmf(number)
            area = self.session.unpack_arf(str(source).removesuffix(".pha") + ".arf")
            self.session.set_arf(number, DataARF("arf", matrix.energ_lo, matrix.energ_hi, area.specresp))
            self.session.load_bkg(number, str(one["background.pha"]))
            self.session.set_analysis(number, "energy")
            self.session.ignore_bad(number)
            low, high = float(data[number].energies[0].min()), float(data[number].energies[1].max())
            self.session.notice_id(number, low + 1e-3, high - 1e-3)
            self.session.subtract(number)
        self.power = self.session.create_model_component("powlaw1d", "pl")
        self.factor = self.session.create_model_component("scale1d", "cal")
        for number in range(len(files)):
            self.session.set_source(number, self.factor * self.power if number else self.power)
        self.session.set_stat("chi2datavar")
        self.session.set_method("levmar")
        self.names = tuple(range(len(files)))

    def set(self, values: Sequence[float] | Floats) -> None:
        """Set factor, index and norm."""
        self.factor.c0, self.power.gamma, self.power.ampl = (float(value) for value in values)

    def evaluate(self, values: Floats) -> float:
        """Give the statistic."""
        self.set(values)
        return float(self.session.calc_stat(*self.names))

    def fit(self) -> float:
        """Fit from the start, and give the statistic."""
        self.set(START)
        self.session.fit(*self.names)
        return float(self.session.get_fit_results().statval)


def cpu(call: Callable[[], Any], runs: int) -> float:
    """Give the median CPU seconds of a call."""
    taken = []
    for _ in range(runs):
        start = time.process_time()
        call()
        taken.append(time.process_time() - start)
    return statistics.median(taken)


def main(arguments: list[str] | None = None) -> int:
    """Measure in a process of one thread, print the table, and give the exit status."""
    if any(os.environ.get(name) != "1" for name in THREADS):
        command = [sys.executable, __file__, *(sys.argv[1:] if arguments is None else arguments)]
        return subprocess.run(command, env={**os.environ, **dict.fromkeys(THREADS, "1")}, check=False).returncode
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("sources", nargs="+", type=Path, metavar="X_sr.pha")
    parser.add_argument("--rmf", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=3, help="of each [default: 3]")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        files = [
            prepare(source, options.rmf, Path(folder) / str(number)) for number, source in enumerate(options.sources)
        ]
        data = read(files)
        theirs, ours = Sherpa(files, options.sources, options.rmf, data), problem(data)
        best = run_fit(problem(data))
        points = best.free * np.random.default_rng(1).uniform(0.99, 1.01, (POINTS, best.free.size))
        same = bool(np.allclose([theirs.evaluate(p) for p in points], [ours.statistic(p) for p in points], rtol=1e-8))
        same = same and abs(theirs.fit() - best.statistic) < 1e-4 * best.statistic
        lines = [
            (
                "10 statistics",
                lambda: [theirs.evaluate(p) for p in points],
                lambda: [ours.statistic(p) for p in points],
            ),
            ("fit", theirs.fit, lambda: run_fit(problem(data))),
        ]
        missed = not same
        print(f"{'CPU ms':<20}{'sherpa':>10}{'xbatch':>10}{'ratio':>8}{'goal':>8}  {ours.bins} groups")
        for name, their_call, our_call in lines:
            times = cpu(their_call, options.runs), cpu(our_call, options.runs)
            ratio = times[1] / times[0]
            missed = missed or ratio > GOALS[name]
            print(f"{name:<20}{times[0] * 1e3:>10.1f}{times[1] * 1e3:>10.1f}{ratio:>8.3f}{GOALS[name]:>8.3f}")
        print(f"{'read and fold':<20}{'':>10}{cpu(lambda: read(files), options.runs) * 1e3:>10.1f}")
        print("the answers are the same" if same else "NOT THE SAME ANSWER")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
