"""From raw data of XMM-Newton to a fit, by a fake SAS: a published study of NGC 5506, as its spec has it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from matplotlib.image import imread

from tests.end_to_end.test_page_in_browser import BROWSER, shown
from tests.end_to_end.world import Desk
from tests.fakes.core import calls, set_faults
from tests.fakes.sas import make_sas, set_pileup
from tests.fakes.sas.raw import RawExposure, copy_observation, make_xmm_raw
from tests.plan.epicworlds import EVSELECT_FILTER, EVSELECT_FLARE
from xbatch.base.files import safe_name
from xbatch.ogip.imagefile import read_image
from xbatch.ogip.pha import read_pha
from xbatch.simulator.config import Sky

SPEC = """\
xbatch: 1
name: desk
target: {name: NGC 5506, position: ["14:13:14.9", "-03:12:27.3"], frame: fk5, redshift: 0.00618}
observations:
  - {mission: xmm, obsids: [OBSIDS], instruments: [EPN]}
data:
  root: data
  level: raw
  fetch: never
  pipeline: {tasks: chain}
  exposures: {default: merge, for: [{where: {obsid: "0761220101"}, use: [2]}]}
screening:
  spectral:
    pattern: 0-4
    flag: 0
    pi_range: 200-12000 eV
    flare: {band: 10-12 keV, pattern: 0, flag: "#XMMEA_EP", bin: 100 s, rate: "< 0.4 ct/s"}
regions:
  src: {shape: annulus, center: target, inner: 0 arcsec, outer: 50 arcsec}
  bkg: {shape: circle, center: ["14:13:25", "-03:14:27.3"], frame: fk5, radius: 50 arcsec}
pileup: {pn: {region: src, max: 5 arcsec, accept: {n_sigma: 3, direction: notebook}}}
spectra: {agn: {region: src, background: bkg, screening: spectral}}
binning: {min20: {type: min, counts: 20}}
fit:
  pl:
    data: [{spectra: agn, binning: min20, band: 1-8 keV}]
    group_by: [obsid]
    background: {mode: subtract}
    statistic: chi2
    variance: data
    model: powerlaw.pl
    errors: {parameters: free, method: covariance}
"""
#: As published: singles, doubles, with their errors, at radius 0; no observation was found to be piled up.
PATTERNS = {
    "0013140101": (1.010, 0.011, 0.971, 0.015),
    "0013140201": (1.020, 0.011, 0.958, 0.014),
    "0201830201": (1.000, 0.011, 0.993, 0.014),
    "0201830301": (0.998, 0.011, 0.992, 0.015),
    "0201830401": (0.996, 0.011, 0.998, 0.015),
    "0201830501": (1.000, 0.009, 0.994, 0.012),
    "0554170101": (0.996, 0.004, 0.999, 0.005),
    "0554170201": (1.001, 0.004, 0.990, 0.006),
    "0761220101": (1.002, 0.005, 0.991, 0.006),
}
FIRST, SECOND = "0013140201", "0761220101"
INDEX = 1.8


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two observations; of one the second exposure is wanted."""
    folder = tmp_path_factory.mktemp("raw")
    sky = Sky(ra=213.3120833, dec=-3.2075833, offset=(0.0, 0.0))
    make_xmm_raw(folder, FIRST, 1, seconds=4000.0, events=8000.0, sky=sky)
    two = {"EPN": (RawExposure("S003", 0.2), RawExposure("U014", 0.8))}
    make_xmm_raw(folder, SECOND, 2, seconds=6000.0, events=12000.0, sky=sky, exposures=two)
    return folder


@pytest.fixture
def study(tmp_path: Path, raw: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    for name, value in make_sas(tmp_path / "sas").items():
        monkeypatch.setenv(name, value)
    (tmp_path / "data").symlink_to(raw)
    desk = Desk(tmp_path, capsys)
    desk.write(spec(FIRST, SECOND))
    return desk


def spec(*obsids: str) -> str:
    return SPEC.replace("OBSIDS", ", ".join(f'"{obsid}"' for obsid in obsids))


def sas(desk: Desk) -> Path:
    return desk.folder / "sas" / "sas"


def products(desk: Desk, name: str) -> Any:
    return json.loads((desk.run_dir / "products" / name).read_text())


def test_the_study_runs_from_raw_data_to_a_fit(study: Desk) -> None:
    pytest.importorskip("sherpa", reason="a fit needs Sherpa")
    said = study.run("--jobs", 2)
    assert said.status == 0, said.all
    assert set(study.outcomes().values()) == {"done"}
    for obsid in (FIRST, SECOND):
        parameter = next(one for one in study.fit(f"pl/{obsid}")["parameters"] if one["name"] == "pl.PhoIndex")
        assert abs(parameter["value"] - INDEX) < 4 * parameter["error_plus"]
    found = products(study, f"{SECOND}/EPN/sas/events/epicevents.json")
    assert found["taken"] == ["U014"]
    # what was run is what was planned: with the expression of the region in the place of a token
    ran = sorted(" ".join([call["tool"], *call["args"]]) for call in calls(sas(study), "evselect"))
    plain = [text.replace("'", "") for text in (EVSELECT_FLARE, EVSELECT_FILTER)]
    assert [ran.count(text) for text in plain] == [2, 2]
    spectra = [text for text in ran if "spectrumset=source.pha" in text]
    for text in spectra:
        circle = re.search(r"expression=\(\(X,Y\) IN CIRCLE\(([\d.]+),([\d.]+),([\d.]+)\)\) ", text)
        assert circle is not None
        assert [float(number) for number in circle.groups()] == pytest.approx([25920.5, 25920.5, 1000.0], abs=0.5)
    chains = sorted(" ".join(call["args"]) for call in calls(sas(study), "epchain"))
    assert chains == ["exposure=2 runradmonfix=N", "odfaccess=all runradmonfix=N"]
    _repeat_by_hand(study)
    # nothing is done twice, and nothing is left behind
    before = len(calls(sas(study)))
    again = study.run()
    assert again.status == 0 and len(calls(sas(study))) == before
    assert study.leftovers() == []


def _repeat_by_hand(study: Desk) -> None:
    """Run the plan's script: bash has the tools make the same."""
    work = study.folder / "by-hand"
    done = study.by_hand(work)
    assert done.returncode == 0, done.stderr[-2000:]
    for obsid in (FIRST, SECOND):
        made = read_pha(work / "products" / safe_name(f"epicspectrum:{obsid}/EPN/agn") / "source.pha")
        ours = read_pha(study.run_dir / "products" / obsid / "EPN" / "sas" / "spectrum-agn" / "source.pha")
        assert made.counts.sum() > 1000 and (made.counts == ours.counts).all() and made.exposure == ours.exposure


def test_a_core_that_cannot_be_freed_leaves_the_other_observation_alone(study: Desk) -> None:
    set_pileup(sas(study), {FIRST: [[0.0, 1.2, 0.01, 0.9, 0.01]]})
    said = study.run("--only", "spectrum:*", "--jobs", 2)
    assert said.status != 0
    assert "no inner radius of 'src' up to 5 arcsec is free of pile-up" in said.all
    outcomes = study.outcomes()
    assert outcomes[f"spectrum:{SECOND}/EPN/agn"] == "done"
    assert outcomes[f"pileup:{FIRST}/EPN/pn"] == "failed"
    # another rule is another search, and all that was made before it is used again
    before = len(calls(sas(study), "epchain"))
    study.write(spec(FIRST, SECOND).replace("notebook", "task"))
    assert study.run("--only", "spectrum:*").status == 0
    assert len(calls(sas(study), "epchain")) == before


def test_a_tool_that_makes_nothing_is_said_and_mended(study: Desk) -> None:
    set_faults(sas(study), {"arfgen": {"kind": "no-product"}})
    said = study.run("--only", "spectrum:*")
    assert said.status != 0 and "arfgen" in said.all
    linked = set(re.findall(r'href="(logs/[^"]+)"', (study.run_dir / "report.html").read_text()))
    wanted = {f"logs/epicspectrum.{obsid}%2BEPN%2Bagn.{end}" for obsid in (FIRST, SECOND) for end in ("log", "sh")}
    assert linked == wanted and all((study.run_dir / unquote(one)).is_file() for one in linked)
    set_faults(sas(study), {})
    before = len(calls(sas(study), "epchain"))
    assert study.run("--only", "spectrum:*").status == 0
    assert len(calls(sas(study), "epchain")) == before


@pytest.mark.skipif(BROWSER is None, reason="needs Chromium or Chrome")
@pytest.mark.parametrize("width", [1200, 420])
def test_the_page_shows_the_search_for_pile_up(study: Desk, tmp_path: Path, width: int) -> None:
    set_pileup(sas(study), {FIRST: [[0.0, 1.2, 0.01, 0.9, 0.01], [3.0, 1.0, 0.01, 1.0, 0.01]]})
    said = study.run("--only", "pileup:*", "--jobs", 2)
    assert said.status == 0, said.all
    page, picture = study.run_dir / "report.html", tmp_path / "page.png"
    assert "Exposure U014, Medium, PrimeFullWindow" in page.read_text()
    done = shown(page, tmp_path / "profile", f"--screenshot={picture}", f"--window-size={width},2400")
    assert "CONSOLE" not in done.stderr, done.stderr
    drawn = (imread(picture)[..., :3] * 255).astype(int)
    # what is accepted, the radius taken, and what is not accepted
    for colour in ((187, 225, 246), (0, 158, 115), (213, 94, 0)):
        assert np.any(np.all(np.abs(drawn - np.array(colour)) < 30, axis=-1)), colour
    assert np.ptp(drawn[:, -4:].reshape(-1, 3), axis=0).max() < 50


def test_none_of_nine_observations_is_piled_up_as_published(study: Desk, raw: Path) -> None:
    (study.folder / "data").unlink()
    for obsid in PATTERNS:
        copy_observation(raw / (SECOND if obsid == SECOND else FIRST), study.folder / "data", obsid)
    set_pileup(sas(study), {obsid: [[0.0, *row]] for obsid, row in PATTERNS.items()})
    study.write(spec(*PATTERNS))
    said = study.run("--only", "pileup:*", "--jobs", 2)
    assert said.status == 0, said.all
    table = {obsid: products(study, f"{obsid}/EPN/sas/pileup-pn/pileup.json") for obsid in PATTERNS}
    for obsid, row in PATTERNS.items():
        found = table[obsid]
        assert (found["inner"], len(found["table"])) == (0.0, 1)
        first = found["table"][0]
        assert tuple(first[key] for key in ("singles", "singles_error", "doubles", "doubles_error")) == row
        assert first["piled_up"] is False
    assert [obsid for obsid, found in table.items() if found["table"][0]["borderline"]] == ["0013140201"]


def test_images_by_evselect_are_those_of_xbatch(study: Desk) -> None:
    images = spec(FIRST, SECOND) + "images: {some: {bands: [0.5-2 keV, 2-8 keV], screening: spectral}}\n"
    found = []
    for engine in ("native", "sas"):
        study.write(f"{images}engine: {{images: {engine}}}\n")
        said = study.run("--only", f"image:{FIRST}/*", "--jobs", 2)
        assert said.status == 0, said.all
        folder = study.run_dir / "products" / FIRST / "EPN" / "images" / "some"
        found.append([read_image(folder / f"{name}.img").data for name in ("0.5-2_keV", "2-8_keV")])
    assert [call for call in calls(sas(study), "evselect") if "imageset=2-8_keV.img" in call["args"]]
    for native, by_sas in zip(*found, strict=True):
        assert native.sum() > 100 and (native == by_sas).all()
