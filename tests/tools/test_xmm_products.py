"""Tests of what SAS makes of XMM-Newton beside EPIC's spectra, on a fake SAS: light curves, RGS, sources, groups."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from tests.fakes.core import calls, set_faults
from tests.fakes.sas import make_sas
from tests.fakes.sas.raw import RawExposure, make_xmm_raw
from tests.tools.sasworld import Reduced
from xbatch.base.errors import FileError, StepError
from xbatch.base.toolset import find_toolset
from xbatch.commands.call import Work
from xbatch.commands.parfile import find_parameters, problems
from xbatch.ogip.curvefile import read_curve
from xbatch.ogip.pha import read_pha
from xbatch.ogip.response import read_response
from xbatch.plan.compile import compile_plan
from xbatch.plan.steps import Step
from xbatch.simulator.config import Sky
from xbatch.spec import load

OBSID = "0761220101"
TARGET = (213.3120833, -3.2075833)
SPEC = """\
xbatch: 1
name: products
target: {position: [213.3120833, -3.2075833], frame: fk5}
mission: xmm
obsids: ["0761220101"]
instruments: [EPN, EMOS1, RGS1]
data: {root: data, level: raw, fetch: never, pipeline: {tasks: TASKS}}
regions:
  src: {shape: circle, center: target, radius: 50 arcsec}
  bkg: {shape: circle, center: [213.36, -3.24], frame: fk5, radius: 50 arcsec}
spectra:
  agn: {region: src, background: bkg, where: {instrument: EPN}}
  rgs: {region: pipeline, where: {instrument: RGS1}}
bands: {eq: {scheme: equal-counts, range: 0.5-5 keV, n: 2, of: {spectrum: agn, obsid: "0761220101"}}}
lightcurves:
  agn: {spectrum: agn, bands: [0.5-2 keV, 2-5 keV, eq], dt: 128 s, corrections: [gti, livetime, area]}
  plain: {spectrum: agn, bands: [0.5-2 keV], dt: 128 s, corrections: [gti, livetime]}
  bins: {spectrum: agn, bands: [0.5-2 keV], dt: 128 s, corrections: []}
detect:
  field:
    joint: true
    mosaic: true
    bands:
      EPN: [{band: 0.3-0.5 keV, pattern: 0, ecf: 9.5}, {band: 0.5-2 keV, ecf: 8.1}]
      EMOS1: [{band: 0.2-0.5 keV, ecf: 1.7}, {band: 0.5-2 keV, ecf: 1.9}]
binning: {sg: {type: specgroup, snr: 6, oversample: 3, MORE}}
engine: {lightcurves: sas, binning: sas}
"""
EXPOSURES = {"RGS1": (RawExposure("S004", 0.3, "SPECTROSCOPY"), RawExposure("U002", 0.7, "SPECTROSCOPY"))}


class World:
    """A fake SAS, an observation, and what has been made of it; a step is run when it is first asked for."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder, self.root = folder, root
        self.reduced = Reduced(folder / "made")

    def plan(self, tasks: str = "chain", more: str = "range: 0.5-8 keV") -> dict[str, Step]:
        spec = self.folder / "spec.yaml"
        spec.write_text(SPEC.replace("TASKS", tasks).replace("MORE", more))
        return compile_plan(load(spec)).by_name()

    def make(self, name: str, plan: dict[str, Step] | None = None) -> Path:
        """Run a step after all that it needs; give its folder."""
        steps = plan or self.plan()
        for need in steps[name].waits_for():
            if need not in self.reduced.outcomes:
                self.make(need, steps)
        self.reduced.run(steps[name])
        return self.reduced.out(name)

    def notes(self, name: str) -> tuple[str, ...]:
        return self.reduced.outcomes[name].notes


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("products")
    environment = make_sas(folder / "sas")
    sky = Sky(*TARGET, offset=(0.0, 0.0))
    cameras = ("EPN", "EMOS1", "RGS1")
    make_xmm_raw(folder / "data", OBSID, 1, cameras, seconds=4000.0, events=8000.0, exposures=EXPOSURES, sky=sky)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield World(folder, Path(environment["SAS_DIR"]))


@pytest.fixture(autouse=True)
def _no_faults(world: World) -> Iterator[None]:
    yield
    (world.root / "faults.json").unlink(missing_ok=True)


# ---- light curves ----------------------------------------------------------------------------------------------------


def curve_name(name: str) -> str:
    return f"lightcurve:{OBSID}/EPN/{name}"


def native(world: World, name: str) -> Path:
    """Make the same light curve natively."""
    steps = {step.name: step for step in compile_plan(load(_native_spec(world, name)))}
    out = Reduced(world.folder / "native")
    for need in steps[curve_name(name)].waits_for():
        if not out.out(need).exists():
            out.out(need).parent.mkdir(exist_ok=True)
            out.out(need).symlink_to(world.reduced.out(need))
    out.run(steps[curve_name(name)])
    return out.out(curve_name(name))


def _native_spec(world: World, name: str) -> Path:
    text = SPEC.replace("TASKS", "chain").replace(", MORE", "")
    text = text.replace("engine: {lightcurves: sas, binning: sas}\n", "")
    spec = world.folder / "native.yaml"
    spec.write_text(text)
    return spec


@pytest.mark.parametrize("name", ["plain", "bins"])
def test_curves_are_the_native_ones(world: World, name: str) -> None:
    made = world.make(curve_name(name))
    here, there = (read_curve(folder / "0.5-2_keV.lc") for folder in (made, native(world, name)))
    assert np.array_equal(here.time, there.time) and here.width == there.width == 128.0
    counts, others = (fits.getdata(curve.path, "RATE")["COUNTS"] for curve in (here, there))
    assert np.array_equal(counts, others) and counts.sum() > 1000
    assert np.allclose(here.fracexp, there.fracexp, atol=1e-6)
    # dead time is corrected by epiclccorr whether it is asked for or not
    live = 1.0 if name == "plain" else np.mean(here.rate / there.rate)
    assert 1.0 <= live < 1.1
    assert np.allclose(here.rate, there.rate * live, rtol=2e-3, atol=2e-3)
    assert np.allclose(here.error, there.error * live, rtol=2e-3)
    notes = " ".join(world.notes(curve_name(name)))
    assert ("'livetime' is not asked for" in notes) == (name == "bins")


def test_facts_and_header_are_those_of_a_light_curve(world: World) -> None:
    made, other = world.make(curve_name("plain")), native(world, "plain")
    here, there = (json.loads((folder / "lightcurves.json").read_text()) for folder in (made, other))
    assert here.keys() == there.keys()
    for key in ("dt", "start", "bins", "bins_in_all", "corrections", "min_fracexp"):
        assert here[key] == there[key], key
    for one, two in zip(here["bands"], there["bands"], strict=True):
        assert one.keys() == two.keys()
        assert [one[key] for key in ("band", "file", "pi", "counts", "background_counts", "bins")] == [
            two[key] for key in ("band", "file", "pi", "counts", "background_counts", "bins")
        ]
    head = fits.getheader(made / "0.5-2_keV.lc", "RATE")
    assert (head["CHANMIN"], head["CHANMAX"], head["AREACORR"], head["DEADAPP"]) == (500, 1999, False, True)
    assert (made / "lightcurves.png").stat().st_size > 10_000


def test_area_is_corrected_for_and_bands_are_found(world: World) -> None:
    made, plain = world.make(curve_name("agn")), world.make(curve_name("plain"))
    corrected, before = (read_curve(folder / "0.5-2_keV.lc") for folder in (made, plain))
    factor = corrected.rate / before.rate
    assert np.allclose(factor, factor[0], rtol=1e-4) and factor[0] > 1.02
    assert fits.getheader(made / "2-5_keV.lc", "RATE")["AREACORR"] is True
    facts = json.loads((made / "lightcurves.json").read_text())
    assert [one["band"] for one in facts["bands"]] == ["0.5-2 keV", "2-5 keV", "eq.1", "eq.2"]
    first, second = facts["bands"][2:]
    assert first["pi"][1] + 1 == second["pi"][0] and abs(first["counts"] - second["counts"]) < 100
    # each band has worked in a folder of its own
    folders = {Path(call["cwd"]).name for call in calls(world.root, "epiclccorr")}
    assert {"0.5-2_keV", "2-5_keV", "eq.1", "eq.2"} <= folders


def test_a_band_that_is_not_made(world: World) -> None:
    set_faults(world.root, {"epiclccorr": {"kind": "error-line"}})
    with pytest.raises(StepError, match="epiclccorr"):
        world.make(curve_name("plain"))


def test_curves_of_other_bins_are_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xbatch.tools.epic_curves._SAME", -1.0)
    with pytest.raises(FileError, match="has other bins than those of 128 s"):
        world.make(curve_name("plain"))


# ---- RGS -------------------------------------------------------------------------------------------------------------


def test_the_longest_exposure_is_taken(world: World) -> None:
    name = f"rgsproc:{OBSID}"
    made = world.make(name)
    about = json.loads((made / "rgsproc.json").read_text())
    assert about["taken"] == {"RGS1": "U002"} and set(about["seconds"]["RGS1"]) == {"S004", "U002"}
    assert world.notes(name) == ("RGS1: exposure U002 taken, the longest of 2 (S004 1.2 ks, U002 2.8 ks)",)
    assert {path.name for path in made.iterdir()} == {
        "rgsproc.json",
        *(f"RGS1_o{order}.{kind}" for order in (1, 2) for kind in ("src.pha", "bkg.pha", "rmf")),
    }
    source, background = (read_pha(made / f"RGS1_o1.{kind}.pha") for kind in ("src", "bkg"))
    assert source.exposure == background.exposure == pytest.approx(2800.0)
    assert read_response(made / "RGS1_o1.rmf", None).energ_lo.size == 4000


def test_an_instrument_that_was_not_on(world: World) -> None:
    world.make(f"rgsproc:{OBSID}")
    step = world.plan()[f"rgsproc:{OBSID}"]
    wrong = replace(step, name="rgsproc:other", params={**step.params, "wanted": [["RGS1", 1], ["RGS2", 1]]})
    with pytest.raises(StepError, match="no spectrum of RGS2: the observation has no exposure"):
        world.reduced.run(wrong)
    wrong = replace(step, name="rgsproc:other", params={**step.params, "wanted": [["RGS1", 3]]})
    with pytest.raises(StepError, match="no spectrum of RGS1 in order 3"):
        world.reduced.run(wrong)


# ---- sources ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tasks", ["chain", "proc"])
def test_the_source_is_found_with_one_camera(world: World, tmp_path: Path, tasks: str) -> None:
    if tasks == "proc":
        world = World(world.folder, world.root)
        world.reduced = Reduced(tmp_path)
    name = f"detect:{OBSID}/EPN/field"
    made = world.make(name, world.plan(tasks))
    sources = Table.read(made / "sources.ecsv")
    assert len(sources) == 1 and "rate_EPN" not in sources.colnames
    assert (sources["ra"][0], sources["dec"][0]) == pytest.approx(TARGET, abs=2e-3)
    assert sources["likelihood"][0] > 1000 and str(sources["flux"].unit) == "erg / (s cm2)"
    text = (made / "sources.reg").read_text().splitlines()
    assert text[2] == "fk5" and text[3].startswith("circle(213.31") and text[3].endswith('25.2") # text={1}')
    assert (made / "sources.png").stat().st_size > 10_000
    outcome = world.reduced.outcomes[name]
    assert outcome.facts["sources"] == 1 and outcome.notes == ()
    assert {path.name for path in made.glob("*.img")} == {
        f"{what}-EPN-{band}.img" for what in ("exposure", "background", "sensitivity") for band in ("b1", "b2")
    }


def test_joint_search_uses_all_images(world: World) -> None:
    name = f"detect:{OBSID}/field"
    made = world.make(name)
    sources = Table.read(made / "sources.ecsv")
    assert {"rate_EPN", "rate_EMOS1"} <= set(sources.colnames) and sources["rate_EPN"][0] > 0
    for camera, band in (("EPN", "b1"), ("EMOS1", "b2")):
        maps = {what: made / f"{what}-{camera}-{band}.img" for what in ("background", "sensitivity", "exposure")}
        assert [path.exists() for path in maps.values()] == [True, True, False]
        single = world.reduced.out(f"detectimages:{OBSID}/{camera}/field") / f"{camera}_image_{band}.fits"
        assert fits.getdata(maps["background"]).shape == fits.getdata(single).shape
    chain = dict(word.split("=", 1) for word in calls(world.root, "edetect_chain")[-1]["args"])
    assert len(chain["imagesets"].split()) == len(chain["pimin"].split()) == len(chain["ecf"].split()) == 4
    mosaic = fits.getdata(world.reduced.out(f"emosaic:{OBSID}/field") / "mosaic.img")
    parts = [
        fits.getdata(world.reduced.out(f"detectimages:{OBSID}/{camera}/field") / f"{camera}_full.fits")
        for camera in ("EPN", "EMOS1")
    ]
    assert mosaic.shape == parts[0].shape and 590 <= mosaic.shape[0] <= 600
    assert mosaic.sum() == pytest.approx(sum(part.sum() for part in parts))


def test_images_hold_each_event_once(world: World) -> None:
    made = world.make(f"detectimages:{OBSID}/EMOS1/field")
    first, second, full = (fits.getdata(made / f"EMOS1_{name}.fits").sum() for name in ("image_b1", "image_b2", "full"))
    assert first + second == full > 0


def test_search_goes_on_without_its_picture(world: World) -> None:
    name = f"detect:{OBSID}/field"
    step = world.plan()[name]
    world.make(name)
    alone = replace(step, name="detect:apart", inputs={k: v for k, v in step.inputs.items() if k != "picture"})
    world.reduced.run(alone)
    assert not (world.reduced.out("detect:apart") / "sources.png").exists()


def test_no_source_is_said(world: World) -> None:
    name = f"detect:{OBSID}/EMOS1/field"
    world.make(name)
    step = world.plan()[name]
    work = Work.of(step.params["work"])
    call = work.calls[0]
    high = tuple((key, "1e9" if key == "likemin" else value) for key, value in call.args)
    strict = replace(work, calls=(replace(call, args=high),)).params()
    outcome = world.reduced.run(replace(step, name="detect:strict", params={**step.params, "work": strict}))
    assert outcome.facts["sources"] == 0 and outcome.notes == ("no source reaches the likelihood asked for",)


# ---- groups ----------------------------------------------------------------------------------------------------------


def test_groups_by_specgroup(world: World) -> None:
    name = f"group:{OBSID}/EPN/agn/sg"
    made = world.make(name, world.plan(more="bad: [400-410]"))
    spectrum = read_pha(made / "grouped.pha")
    facts = json.loads((made / "grouping.json").read_text())
    assert facts["type"] == "specgroup" and facts["good_groups"] > 10
    assert (spectrum.quality[400:411] == 5).all() and (spectrum.grouping[400:412] == 1).all()
    assert "setbad=400:410" in calls(world.root, "specgroup")[-1]["args"]
    assert spectrum.header["BACKFILE"] == "../background.pha"
    assert "specgroup" in world.reduced.outcomes[name].facts["calls"][0]["command"]


def test_channels_outside_of_a_range_stay_as_they_are(world: World) -> None:
    name = f"group:{OBSID}/EPN/agn/sg"
    made = world.make(name, world.plan(more="range: 0.5-8 keV"))
    spectrum = read_pha(made / "grouped.pha")
    assert (spectrum.quality[:100] == 0).all() and (spectrum.grouping[:101] == 1).all()
    assert json.loads((made / "grouping.json").read_text())["first"]["channels"][0] == 100
    assert "setbad=0:99,1600:4095" in calls(world.root, "specgroup")[-1]["args"]


def test_channels_are_those_of_the_calibration_unless_said(world: World) -> None:
    made = world.make(f"group:{OBSID}/EPN/agn/sg", world.plan(more="range: null"))
    assert not any(word.startswith("setbad") for word in calls(world.root, "specgroup")[-1]["args"])
    assert (read_pha(made / "grouped.pha").quality[:30] == 1).all()


def test_specgroup_that_fails(world: World) -> None:
    set_faults(world.root, {"specgroup": {"kind": "no-product"}})
    with pytest.raises(StepError, match=r"specgroup has not made|has not made grouped.pha"):
        world.make(f"group:{OBSID}/EPN/agn/sg")


def test_every_call_is_known_to_the_tools(world: World) -> None:
    steps = [step for step in world.plan().values() if step.engine == "sas"]
    toolset = find_toolset(os.environ)
    assert toolset.sas is not None
    seen = set()
    for step in steps:
        for call in Work.of(step.params["work"]).calls:
            known = find_parameters(call.tool, call.suite, toolset.sas.parameters)
            assert known is not None and problems(call, known) == []
            seen.add(call.tool)
    assert {"rgsproc", "epiclccorr", "edetect_chain", "emosaic", "atthkgen", "specgroup"} <= seen
