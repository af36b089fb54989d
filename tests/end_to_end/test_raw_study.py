"""The example of a study of one source, from raw data of both missions on, by a fake SAS and a fake HEASoft.

The example is run as it is, but for regions that fit into the small field of the simulated NuSTAR, and, where it would
take minutes, for its size: two observations with XMM-Newton for nine, some schemes of bands for twenty-five.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from tests.end_to_end.world import Desk
from tests.fakes import make_headas, make_sas
from tests.fakes.core import calls
from tests.fakes.headas.raw import make_nustar_raw
from tests.fakes.sas import set_pileup
from tests.fakes.sas.raw import RawExposure, copy_observation, make_xmm_raw
from xbatch.simulator.config import Sky

pytest.importorskip("sherpa", reason="a fit needs Sherpa")

EXAMPLE = Path(__file__).parents[2] / "examples" / "configs" / "ngc5506-raw.yaml"
FIRST, SECOND, NUSTAR = "0554170101", "0761220101", "60061323002"
ALL = (
    *("0013140101", "0013140201", "0201830201", "0201830301", "0201830401", "0201830501"),
    *(FIRST, "0554170201", SECOND),
)
FEWER = {
    "bands: [full, b1a, b3a, b4a, b8a, b12a, b16a, b24a, b32a, b16lin, b24log]": "bands: [full, b3a]",
    "bands: [b8ch, b12ch, b16ch, b24ch, b32ch, b8lch, b12lch, b16lch, b24lch, b32lch, b48lch, b12cch, b24cch, b32cch, "
    "b48cch]": "bands: [b8lch, b12cch]",
}
MOVED = {
    "shape: circle, radius: 150 arcsec": "shape: circle, radius: 100 arcsec",
    "inner: 180 arcsec, outer: 300 arcsec": "inner: 240 arcsec, outer: 320 arcsec",
    "../../data": "data",
    "fetch: missing": "fetch: never",
}


def example(truth: dict[str, Any], changes: dict[str, str]) -> str:
    """Give the example's text with changes, and of a source where the simulation has it."""
    text = EXAMPLE.read_text()
    for old, new in {**MOVED, **changes}.items():
        assert old in text, old
        text = text.replace(old, new)
    text = text.replace('["14:13:14.9", "-03:12:27.3"], frame: icrs', f"[{truth['ra']}, {truth['dec']}], frame: fk5")
    return text.replace("[213.2890, -3.2630]", f"[{truth['ra'] - 0.04}, {truth['dec'] - 0.03}]") + "\n"


def cut(text: str) -> str:
    """Leave two observations in the example, and schemes that these have bands for."""
    gone = {f'- "{obsid}"' for obsid in ALL if obsid not in (FIRST, SECOND)}
    lines = [line for line in text.splitlines() if line.strip() not in gone]
    # schemes on channels must be used to know whose channels they are on
    lines = [line for line in lines if "snap: channel" not in line or "b8lch" in line]
    text = "\n".join(lines)
    listed = next(line for line in lines if line.strip().startswith('obsid: ["0201830201"'))
    return text.replace(listed.strip(), f'obsid: ["{FIRST}", "{SECOND}"]') + "\n"


def root(desk: Desk, suite: str) -> Path:
    return desk.folder / "sas" / "sas" if suite == "sas" else next((desk.folder / "heasoft").glob("heasoft-*/*"))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    for make, name in ((make_headas, "heasoft"), (make_sas, "sas")):
        for variable, value in make(tmp_path / name).items():
            monkeypatch.setenv(variable, value)
    desk = Desk(tmp_path, capsys)
    truth = make_nustar_raw(desk.data, NUSTAR)
    sky = Sky(truth["ra"], truth["dec"], offset=(0.0, 0.0))
    cameras = ("EPN", "RGS1", "RGS2")
    make_xmm_raw(desk.data, FIRST, 1, cameras, seconds=7000.0, events=12000.0, sky=sky)
    two = {"EPN": (RawExposure("S003", 0.1), RawExposure("U014", 0.9))}
    make_xmm_raw(desk.data, SECOND, 2, cameras, seconds=7000.0, events=12000.0, sky=sky, exposures=two)
    desk.write(cut(example(truth, FEWER)))
    return desk


def test_the_study_runs_from_raw_data_to_its_fits(desk: Desk) -> None:
    # the core of one observation is piled up
    piled = [[0.0, 0.9, 0.01, 1.2, 0.01], [3.0, 1.0, 0.01, 1.0, 0.01]]
    set_pileup(root(desk, "sas"), {FIRST: piled, SECOND: piled[1:]})
    said = desk.run("--jobs", 2, "--only", "fit:*", "--only", "lightcurve:*")
    assert said.status == 0, said.all
    assert set(desk.outcomes().values()) <= {"done", "up to date", "not selected"}
    products = desk.run_dir / "products"
    assert json.loads((products / FIRST / "EPN/sas/pileup-pn/pileup.json").read_text())["inner"] == 3.0
    # what is piled up is cut out of spectra, and is there in light curves
    curves = {
        (obsid, name): products / obsid / "EPN/lightcurves" / name
        for obsid in (FIRST, SECOND)
        for name in ("energy", "channels")
    }
    commands = [" ".join(call["args"]) for call in calls(root(desk, "sas"), "evselect")]
    spectra = [text for text in commands if "spectrumset=source.pha" in text]
    rates = [text for text in commands if "rateset=source.fits" in text]
    assert sum("ANNULUS" in text for text in spectra) == len(spectra) / 2
    assert rates and not any("ANNULUS" in text for text in rates)
    corrected = [" ".join(call["args"]) for call in calls(root(desk, "sas"), "epiclccorr")]
    assert len(corrected) == 2 * 4 and all("applyabsolutecorrections=yes" in text for text in corrected)
    for (obsid, name), folder in curves.items():
        bands = json.loads((folder / "lightcurves.json").read_text())["bands"]
        assert len(bands) == (4 if name == "energy" else 20), obsid
        # bands of one scheme share no event and leave none out
        scheme = [one for one in bands if one["band"].startswith("b3a" if name == "energy" else "b8lch")]
        assert [one["pi"][0] for one in scheme[1:]] == [one["pi"][1] + 1 for one in scheme[:-1]]
    whole = [fits.getdata(curves[FIRST, "energy"] / f"{name}.lc", "RATE")["COUNTS"] for name in ("full", "b3a.1")]
    parts = [fits.getdata(curves[FIRST, "energy"] / f"b3a.{number}.lc", "RATE")["COUNTS"] for number in (1, 2, 3)]
    assert np.array_equal(whole[0], sum(parts)) and whole[0].sum() > 500
    # a fit of both missions with two epochs, and one of the RGS for each observation
    names = {one["name"] for one in desk.fit("joint")["parameters"]}
    assert {"pl.norm[y2014]", "pl.norm[y2015]"} <= names
    for obsid in (FIRST, SECOND):
        index = next(one for one in desk.fit(f"rgs/{obsid}")["parameters"] if one["name"] == "pl.PhoIndex")
        assert 1.0 < index["value"] < 3.0
    assert len(calls(root(desk, "heasoft"), "nuproducts")) == 2
    assert desk.leftovers() == []


@pytest.mark.slow
def test_the_whole_study_runs_from_raw_data_to_its_fits(desk: Desk) -> None:
    for obsid in ALL:
        if obsid not in (FIRST, SECOND):
            copy_observation(desk.data / FIRST, desk.data, obsid)
    truth = make_nustar_raw(desk.data, NUSTAR)
    desk.write(example(truth, {}))
    said = desk.run("--jobs", 2)
    assert said.status == 0, said.all
    outcomes = desk.outcomes()
    assert set(outcomes.values()) <= {"done", "up to date"} and len(outcomes) > 300
    products = desk.run_dir / "products"
    for obsid in ALL:
        bands = [
            one["band"]
            for name in ("energy", "channels")
            for one in json.loads((products / obsid / f"EPN/lightcurves/{name}/lightcurves.json").read_text())["bands"]
        ]
        assert len({band.partition(".")[0] for band in bands}) == 26, obsid
        assert {f"rgs/{obsid}"} <= {name.removeprefix("fit:") for name in outcomes if name.startswith("fit:")}
    assert len(calls(root(desk, "sas"), "epiclccorr")) == 9 * 141
    assert desk.leftovers() == []
