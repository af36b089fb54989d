"""Simulated observations, read, grouped and fitted by tasks and by a script of Sherpa: the same values and errors."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.tasks.fit_bench import dataset, parameter, params
from xbatch.ogip.pha import read_pha, write_pha
from xbatch.registry import Job
from xbatch.simulator import simulate_config
from xbatch.simulator.config import Background, Observation, SimulationConfig
from xbatch.simulator.instrument import make_response
from xbatch.simulator.predict import background_rate, source_rate
from xbatch.simulator.small import small_config
from xbatch.tasks import fit, group, spectrum

pytest.importorskip("sherpa", reason="a fit needs Sherpa")

Floats = NDArray[np.float64]

SEEDS = 20


@dataclass(frozen=True)
class Setup:
    """How two modules are observed and fitted: by xbatch's names, and by those of Sherpa's session."""

    exposure: float
    statistic: str
    background: str
    binning: dict[str, Any]
    sherpa_statistic: str
    sherpa_grouping: tuple[str, int]


BRIGHT = Setup(1e6, "chi2", "subtract", {"type": "min", "counts": 10000.0}, "chi2datavar", ("group_counts", 10_000))
FAINT = Setup(800.0, "wstat", "profiled", {"type": "constant", "channels": 8}, "wstat", ("group_width", 8))
MODULES = ("FPMA", "FPMB")
NAMES = ("pl.PhoIndex", "pl.norm", "cal.factor[B]")  # in the order of Sherpa's results
BAND = (4.0, 40.0)  # keV
ERRORS_EACH = 10  # seeds
# The script sets responses and backgrounds itself: Sherpa shall not read them again for each seed.
_NO_LINKS = {"RESPFILE": "none", "ANCRFILE": "none", "BACKFILE": "none"}


class Telescope:
    """Files of two modules: responses written once, spectra with new counts for each seed."""

    def __init__(self, folder: Path, setup: Setup) -> None:
        small = small_config()
        self.folder, self.setup = folder, setup
        observation = Observation("99900000001", "2019-01-10T04:20:09", dict.fromkeys(MODULES, setup.exposure))
        background = Background(0.2, small.background.shape)
        self.config: SimulationConfig = replace(
            small, observations=(observation,), model=small.model[1:], background=background
        )
        simulate_config(self.config, folder)
        self.stems = [folder / observation.obsid / f"nu{observation.obsid}{letter}01" for letter in "AB"]

    @property
    def truth(self) -> Floats:
        power_law = self.config.model[0].values
        return np.array([power_law["PhoIndex"], power_law["norm"], self.config.calibration["FPMB"]])

    @cached_property
    def rates(self) -> tuple[Floats, Floats]:
        response = make_response(self.config.detector)
        return source_rate(self.config, response), background_rate(self.config.background, response)

    def observe(self, seed: int) -> None:
        """Write spectra with other counts."""
        rng = np.random.default_rng(seed)
        net, below = (rate * self.setup.exposure for rate in self.rates)
        ratio = self.config.backscal_background / self.config.backscal_source
        for stem, module in zip(self.stems, MODULES, strict=True):
            expected = {"sr": self.config.calibration[module] * net + below, "bk": ratio * below}
            for kind, mean in expected.items():
                path = stem.with_name(f"{stem.name}_{kind}.pha")
                counts = rng.poisson(mean).astype(float)
                write_pha(path, replace(read_pha(path), counts=counts), _NO_LINKS)


def by_tasks(telescope: Telescope) -> dict[str, Any]:
    """Read, group and fit as a run does, and give the record of the fit."""
    setup, inputs = telescope.setup, {}
    for number, (stem, module) in enumerate(zip(telescope.stems, MODULES, strict=True)):
        place = telescope.folder / module
        place.mkdir(exist_ok=True)
        names = {"obsid": "99900000001", "instrument": module, "mission": "nustar", "spectrum": "src", "note": ""}
        endings = {"pha": "_sr.pha", "background": "_bk.pha", "rmf": "_sr.rmf", "arf": "_sr.arf"}
        files = {role: stem.with_name(stem.name + ending) for role, ending in endings.items()}
        spectrum.run(Job("spectrum:x", names, files, place))
        binning = {**names, "name": "bins", "binning": setup.binning}
        group.run(Job("group:x", binning, {"spectrum": place / "spectrum.pha"}, place))
        made = {"grouped": "grouped.pha", "background": "background.pha", "response": "response.npz"}
        inputs |= {f"{role}/{number}": place / name for role, name in made.items()}
    band = {"name": "main", "lo": BAND[0], "hi": BAND[1]}
    both = {"datasets": [0, 1]}
    given = params(
        datasets=[dataset(name, band=band, edge="overlap") for name in "AB"],
        model={"op": "*", "args": [{"component": "cal"}, {"component": "pl"}]},
        model_text="constant.cal * powerlaw.pl",
        components={"cal": "constant", "pl": "powerlaw"},
        parameters=[
            parameter("cal.factor[A]", 1.0, 0.0, 10.0, frozen=True),
            parameter("cal.factor[B]", 1.0, 0.0, 10.0, datasets=[1]),
            parameter("pl.PhoIndex", 1.5, -3.0, 10.0, **both),
            parameter("pl.norm", 0.005, 0.0, 1e24, **both),
        ],
        statistic=setup.statistic,
        background=setup.background,
        errors={"parameters": ["free"], "method": "covariance", "confidence": 0.6826894921370859},
    )
    fit.run(Job("fit:pl", given, inputs, telescope.folder))
    document: dict[str, Any] = json.loads((telescope.folder / "fit.json").read_text())
    return document


@pytest.fixture
def ui() -> Iterator[Any]:
    """Sherpa's session, left clean."""
    logger = logging.getLogger("sherpa")
    level = logger.level
    logger.setLevel(logging.ERROR)
    from sherpa.astro import ui

    ui.clean()
    yield ui
    ui.clean()
    logger.setLevel(level)


class Script:
    """What a user would type into Sherpa; the responses are read once."""

    def __init__(self, ui: Any, telescope: Telescope) -> None:
        self.ui, self.telescope = ui, telescope
        self.responses = [
            (ui.unpack_rmf(f"{stem}_sr.rmf"), ui.unpack_arf(f"{stem}_sr.arf")) for stem in telescope.stems
        ]
        self.power_law, self.factor = ui.powlaw1d("pl"), ui.scale1d("cal")
        self.power_law.ampl.min = 0

    def parameters(self) -> list[Any]:
        return [self.power_law.gamma, self.power_law.ampl, self.factor.c0]

    def set(self, values: Any) -> None:
        for one, value in zip(self.parameters(), values, strict=True):
            one.val = value

    def load(self) -> None:
        ui, setup = self.ui, self.telescope.setup
        grouping, number = setup.sherpa_grouping
        for name, (stem, (rmf, arf)) in enumerate(zip(self.telescope.stems, self.responses, strict=True), start=1):
            ui.load_pha(name, f"{stem}_sr.pha")
            ui.load_bkg(name, f"{stem}_bk.pha")
            ui.set_rmf(name, rmf)
            ui.set_arf(name, arf)
            ui.set_analysis(name, "energy")
            getattr(ui, grouping)(name, number)
            ui.notice_id(name, *BAND)
            if setup.background == "subtract":
                ui.subtract(name)
        ui.set_source(1, self.power_law)
        ui.set_source(2, self.factor * self.power_law)
        ui.set_stat(setup.sherpa_statistic)

    def fit(self) -> tuple[Floats, float]:
        """Give the best values and the statistic."""
        ui = self.ui
        self.set((1.5, 0.005, 1.0))
        ui.set_method("levmar")
        ui.set_method_opt("epsfcn", 1e-13)  # the default's steps leave it some 1e-3 of an error off the minimum
        ui.fit(1, 2)
        return np.array([p.val for p in self.parameters()]), float(ui.get_fit_results().statval)

    def errors(self) -> Floats:
        self.ui.covar(1, 2)
        return np.array(self.ui.get_covar_results().parmaxes)


@pytest.mark.parametrize("setup", [BRIGHT, FAINT], ids=["chi2", "wstat"])
def test_observations_are_fitted_as_by_a_sherpa_script(tmp_path: Path, ui: Any, setup: Setup) -> None:
    telescope = Telescope(tmp_path, setup)
    script = Script(ui, telescope)
    pulls = []
    for seed in range(SEEDS):
        telescope.observe(seed)
        document = by_tasks(telescope)
        rows = {row["name"]: row for row in document["parameters"]}
        value, error = (np.array([rows[name][key] for name in NAMES]) for key in ("value", "error_plus"))
        script.load()
        script.set(value)
        assert ui.calc_stat(1, 2) == pytest.approx(document["stat_value"], rel=1e-8)
        their_value, their_statistic = script.fit()
        assert their_statistic == pytest.approx(document["stat_value"], rel=1e-8, abs=1e-6)
        assert np.all(np.abs(their_value - value) < 1e-3 * error)
        if seed % ERRORS_EACH == 0:
            assert script.errors() == pytest.approx(error, rel=1e-3)
        pulls.append((value - telescope.truth) / error)
    assert np.all(np.abs(np.mean(pulls, axis=0)) < 3.5 / np.sqrt(SEEDS))
