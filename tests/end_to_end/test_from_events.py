"""From simulated event lists to fits: the true values are found again, for both telescopes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.end_to_end.world import Desk
from xbatch.ogip.pha import read_pha
from xbatch.simulator import simulate, simulate_config
from xbatch.simulator.config import Background, Flares, ListOptions, Observation, SimulationConfig, Sky, Term

pytest.importorskip("sherpa", reason="a fit needs Sherpa")

CONFIGS = Path(__file__).parents[2] / "examples" / "configs"
XMM = """\
xbatch: 1
name: xmm
mission: xmm
obsids: ["0999900001"]
instruments: [EMOS1, EMOS2, EPN]
data: {root: data, level: events}
screening:
  default:
    flare: {band: 10-12 keV, pattern: 0, bin: 50 s, rate: "< 0.2 ct/s"}
regions:
  src: {shape: circle, frame: fk5, center: [RA, DEC], radius: 30 arcsec}
  bkg: {shape: annulus, frame: fk5, center: [RA, DEC], inner: 60 arcsec, outer: 90 arcsec}
spectra:
  src:
    region: src
    background: bkg
    response: "{obsid}/nominal/{instrument}.rmf"
    arf: "{obsid}/nominal/{instrument}.arf"
binning: {min25: {type: min, counts: 25}}
fit:
  pl:
    data: [{spectra: src, binning: min25, band: 0.3-8 keV}]
    background: {mode: profiled}
    statistic: wstat
    abundances: wilm
    cross_sections: vern
    model: tbabs.gal * powerlaw.pl
    parameters:
      gal.nH: {value: 0.1, min: 0, max: 10}
      pl.PhoIndex: {value: 2, min: 0, max: 4}
    errors: {parameters: free, method: covariance, confidence: 0.9}
"""


def _parameters(desk: Desk, fit: str) -> dict[str, tuple[float, float]]:
    """Give the free parameters of a fit: value and standard deviation, from errors of 90 %."""
    return {
        entry["name"]: (entry["value"], 0.5 * (entry["error_plus"] + entry["error_minus"]) / 1.645)
        for entry in desk.fit(fit)["parameters"]
        if not entry["frozen"] and not entry["linked"]
    }


def _agree(found: dict[str, tuple[float, float]], true: dict[str, float], within: float = 4.0) -> None:
    for name, value in true.items():
        best, sigma = found[name]
        assert 0 < sigma < value and abs(best - value) < within * sigma, name


def _truth(desk: Desk) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads((desk.data / "truth.json").read_text())["lists"]
    return told


def test_the_demo_finds_its_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk = Desk(tmp_path, capsys)
    simulate(CONFIGS / "demo-simulation.yaml", desk.data)
    text = (CONFIGS / "demo.yaml").read_text().split("# Does it matter")[0]
    desk.write(text.replace("../../out/demo-data", "data"))
    said = desk.run("--only", "fit:mean", "--only", "fit:states", "--only", "lightcurve:*")
    assert said.status == 0, said.all
    found = _parameters(desk, "mean")
    _agree(
        found,
        {"cal.factor[FPMB]": 1.04, "gal.nH": 2.0, "pl.PhoIndex": 1.85, "pl.norm": 0.008, "fe.norm": 8e-5},
        within=1.645,
    )
    states = _parameters(desk, "states")
    assert states["pl.norm[high]"][0] > 1.2 * states["pl.norm[low]"][0]
    products = desk.run_dir / "products" / "99900000001"
    for told in _truth(desk):
        spectrum = read_pha(products / told["instrument"] / "agn" / "spectrum.pha")
        assert spectrum.exposure == pytest.approx(told["livetime"], rel=1e-6)
        expected = sum(kind[2]["expected"] for kind in told["regions"][0]["expected"].values())
        counts = spectrum.counts[(spectrum.channel >= 35) & (spectrum.channel < 1935)].sum()
        assert abs(counts - expected) < 5 * np.sqrt(expected)


def test_epic_finds_its_truth_through_flares(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk = Desk(tmp_path, capsys)
    config = SimulationConfig(
        name="xmm",
        target="Test source",
        seed=4,
        observations=(
            Observation("0999900001", "2010-05-03T02:00:00", {"EMOS1": 8000.0, "EMOS2": 8000.0, "EPN": 6000.0}),
        ),
        model=(Term("tbabs", {"nH": 0.1}), Term("powerlaw", {"PhoIndex": 1.8, "norm": 0.001})),
        background=Background(1.5, ((0.3, 3.0), (2.0, 1.0), (10.0, 0.3))),
        backscal_source=1.0,
        backscal_background=1.0,
        calibration={"EMOS1": 1.0, "EMOS2": 1.0, "EPN": 1.0},
        products="events",
        sky=Sky(offset=(40.0, 30.0)),
        flares=Flares(2, 60.0),
        lists=ListOptions(radius=30.0),
    )
    simulate_config(config, desk.data)
    place = _truth(desk)[0]["positions"][0]
    centre = f"[{place['ra']:.7f}, {place['dec']:.7f}]"
    desk.write(re.sub(r"\[RA, DEC\]", centre, XMM))
    said = desk.run("--only", "fit:*")
    assert said.status == 0, said.all
    _agree(_parameters(desk, "pl"), {"gal.nH": 0.1, "pl.PhoIndex": 1.8, "pl.norm": 0.001})
    products = desk.run_dir / "products" / "0999900001"
    for told in _truth(desk):
        spectrum = read_pha(products / told["instrument"] / "src" / "spectrum.pha")
        assert 0.5 * told["livetime"] < spectrum.exposure < 0.99 * told["livetime"]
