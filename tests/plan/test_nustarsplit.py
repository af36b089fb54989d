"""Products of the parts of mode 06: which commands are given, and what follows from a list of its own."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.plan.nustarworlds import TOOLS, commands_of, context_of, made_of, planned, tutorial, work_of
from xbatch.commands.call import Staged
from xbatch.commands.nustar import MODULES, SPLIT_MODES
from xbatch.plan.raw import raw_steps
from xbatch.plan.steps import Step, StepInput

OBSID = "60001110002"
WHO = f"{OBSID}/FPMA"
FOLDER = f"{OBSID}_p/event_cl"
PART = f"nu{OBSID}A06_chu12_N"
PARTS = 'screening: {both: {chu: "12"}, one: {chu: 3}}'
SPECTRA = (
    "spectra: {src: {region: src, background: bgd}, s12: {region: src, background: bgd, screening: both}, "
    "s3: {region: bgd, screening: one, response: a.rmf, arf: a.arf}}"
)
COMMANDS = {
    f"nusplitsc:{WHO}": [
        f"nusplitsc infile=nu{OBSID}A06_cl.evt chu123hkfile=nu{OBSID}_chu123.fits hkfile=nu{OBSID}A_fpm.hk "
        "outdir=split clobber=yes"
    ],
    f"nuproducts:{WHO}/s12": [
        f"nuproducts indir={FOLDER} outdir={OBSID}_p/spec instrument=FPMA steminputs=nu{OBSID} stemout={PART} "
        f"infile={FOLDER}/{PART}_cl.evt bkgextract=yes srcregionfile=src.reg bkgregionfile=bgd.reg phafile=DEFAULT "
        "bkgphafile=DEFAULT runbackscale=yes runmkarf=yes runmkrmf=yes imagefile=NONE lcfile=NONE bkglcfile=NONE"
    ],
    f"lightcurve:{WHO}/c12": [
        f"nuproducts indir={FOLDER} outdir={OBSID}_p/lc instrument=FPMA steminputs=nu{OBSID} stemout={PART} "
        f"infile={FOLDER}/{PART}_cl.evt binsize=256 bkgextract=yes srcregionfile=src.reg bkgregionfile=bgd.reg "
        "imagefile=none phafile=DEFAULT bkgphafile=DEFAULT runbackscale=yes correctlc=yes runmkarf=no runmkrmf=no "
        "pilow=35 pihigh=1909 lcenergy=40.5"
    ],
    f"nuexpomap:{WHO}/both": [
        f"nuexpomap infile={FOLDER}/{PART}_cl.evt vignflag=no mastaspectfile={FOLDER}/nu{OBSID}_mast.fits "
        f"attfile={FOLDER}/nu{OBSID}_att.fits det1reffile={FOLDER}/nu{OBSID}A_det1.fits expomapfile=exposure.img"
    ],
}


def _steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **changed: str) -> dict[str, Step]:
    for name in ("a.rmf", "a.arf"):
        path = tmp_path / "data" / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    given = {"screening": PARTS, "spectra": SPECTRA, "lightcurves": "", "engine": "", "binning": "", **changed}
    return {step.name: step for step in planned(context_of(tmp_path, tutorial(**given)), monkeypatch)}


def test_commands_of_a_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = _steps(
        tmp_path,
        monkeypatch,
        lightcurves="lightcurves: {c12: {spectrum: s12, bands: [3-78 keV], dt: 256 s, corrections: [gti, livetime, "
        "area]}}",
        images="images: {map: {bands: [3-10 keV], screening: both, exposure_map: pipeline}}",
    )
    given = commands_of(list(steps.values()))
    assert {name: given[name] for name in COMMANDS} == COMMANDS
    kept = work_of(steps[f"nuproducts:{WHO}/s12"]).kept
    assert kept["source.pha"] == f"{OBSID}_p/spec/{PART}_sr.pha"
    # all that belongs to the module and not to the mode stands under its own name
    staged = work_of(steps[f"nuproducts:{WHO}/s12"]).staged
    own = [f"{PART}_cl.evt", *(f"nu{OBSID}{name}" for name in ("A_det1.fits", "A_oa.fits", "A_fpm.hk", "_mast.fits"))]
    assert {f"{FOLDER}/{name}" for name in own} < set(staged)
    # the reduction is that of a spec without such parts
    plain = _steps(tmp_path, monkeypatch, screening="", spectra="spectra: {src: {region: src, background: bgd}}")
    for name in (f"nupipeline:{OBSID}", f"nuproducts:{WHO}/src", f"events:{WHO}", f"preview:{WHO}"):
        assert steps[name] == plain[name]


def test_each_part_is_a_step_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = _steps(tmp_path, monkeypatch)
    for units, screening in (("12", "both"), ("3", "one")):
        step = steps[f"chu:{WHO}/06/chu{units}"]
        assert step.params["chu"] == units
        assert step.inputs[f"list/chu{units}"] == StepInput(
            f"nusplitsc:{WHO}", f"nu{OBSID}A06_chu{units}_N_cl.evt", optional=True
        )
        assert step.inputs["made"] == StepInput(f"nusplitsc:{WHO}", "nusplitsc.json")
        assert len(step.inputs) == 1 + len(SPLIT_MODES)
        events = steps[f"events:{WHO}/{screening}"].inputs
        assert events["events"] == StepInput(step.name, "events.fits")
        assert events["livetime"] == StepInput(f"nupipeline:{OBSID}", f"nu{OBSID}A_fpm.hk")
        assert steps[f"preview:{WHO}/06/chu{units}"].inputs["events"].step == f"events:{WHO}/{screening}"  # type: ignore[union-attr]
    # regions are drawn where they are used
    drawn = {
        name.removeprefix(f"preview:{WHO}"): list(step.params["regions"])
        for name, step in steps.items()
        if "preview" in name
    }
    assert drawn == {"": ["src", "bgd"], "/06/chu12": ["src", "bgd"], "/06/chu3": ["bgd"]}
    # a spectrum that names its response is counted here
    assert f"nuproducts:{WHO}/s3" not in steps
    extract = [step for name, step in steps.items() if name.startswith("extract:")]
    assert [one.inputs["events"] for one in extract] == [StepInput(f"events:{WHO}/one", "events.bin")]


def test_what_nusplitsc_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = _steps(tmp_path, monkeypatch)[f"nusplitsc:{WHO}"]
    stem = f"nu{OBSID}"
    assert work_of(step).staged == {
        f"{stem}A06_cl.evt": Staged("events", "copy"),
        f"{stem}A_fpm.hk": Staged("hk"),
        f"{stem}_chu123.fits": Staged("raw", "part", f"hk/{stem}_chu123.fits"),
    }
    assert step.inputs["events"] == StepInput(f"nupipeline:{OBSID}", f"{stem}A06_cl.evt", optional=True)
    assert step.inputs["hk"] == StepInput(f"nupipeline:{OBSID}", f"{stem}A_fpm.hk")
    assert set(step.places) == {"raw"} and step.places["raw"].endswith(f"data/{OBSID}")
    assert (step.task, step.product, step.subject) == ("nusplitsc", f"{WHO}/nusplitsc", WHO)
    assert step.because.endswith("with ranges of CALDB, which nusplitsc uses")


def test_a_list_that_nupipeline_has_split_is_not_split_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = _steps(tmp_path, monkeypatch, data="data: {root: data, level: raw, pipeline: {split: true}}")
    assert not any(step.task == "nusplitsc" for step in steps.values())
    inputs = steps[f"chu:{WHO}/06/chu12"].inputs
    assert inputs["list/chu12"] == StepInput(f"nupipeline:{OBSID}", f"nu{OBSID}A06_chu12_cl.evt", optional=True)
    assert inputs["made"] == StepInput(f"nupipeline:{OBSID}", f"nu{OBSID}A_fpm.hk")


def test_every_reduction_and_module_has_its_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = _steps(
        tmp_path,
        monkeypatch,
        observations='observations: [{obsids: ["60001110002"]}]',
        screening='screening: {both: {chu: "12"}, again: {base: both, flare: {band: 3-79 keV, bin: 100 s, sigma: 3}}, '
        "strict: {base: both, saamode: strict}}",
        spectra="spectra: {"
        + ", ".join(
            f"{name}: {{region: src, screening: {name}, response: none}}" for name in ("both", "again", "strict")
        )
        + "}",
    )
    chosen = [name for name in steps if name.startswith("chu:")]
    assert chosen == [
        f"chu:{OBSID}/FPM{module}{more}/06/chu12" for more in ("", "/strict") for module in MODULES.values()
    ]
    split = [name for name in steps if name.startswith("nusplitsc:")]
    assert split == [f"nusplitsc:{OBSID}/FPM{module}{more}" for more in ("", "/strict") for module in MODULES.values()]
    assert steps[f"flare:{WHO}/again"].inputs["events"] == StepInput(f"chu:{WHO}/06/chu12", "events.fits")
    # nothing is made of mode 01, and its list is not read
    assert f"events:{WHO}" not in steps
    products = [step.product for step in steps.values() if step.product]
    assert len(set(products)) == len(products)


def test_times_are_selected_of_each_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = _steps(
        tmp_path,
        monkeypatch,
        gtis='gtis: {early: {time: ["2012-07-14T00:00:00", "2012-07-15T00:00:00"]}, late: {not: early}}',
        spectra="spectra: {src: {region: src, gti: early}, s12: {region: src, screening: both, gti: [early, late]}, "
        "s3: {region: src, screening: one, response: none, gti: late}}",
    )
    gtis = {name: step for name, step in steps.items() if name.startswith("gti:")}
    assert set(gtis) == {
        f"gti:{WHO}/early",
        *(f"gti:{WHO}/{name}/{screening}" for name in ("early", "late") for screening in ("both", "one")),
    }
    late = gtis[f"gti:{WHO}/late/both"]
    assert late.inputs == {
        "events": StepInput(f"events:{WHO}/both", "events.bin"),
        "gti/early": StepInput(f"gti:{WHO}/early/both", "gti.gti"),
    }
    assert steps[f"nuproducts:{WHO}/s12@late"].inputs["times"] == StepInput(late.name, "gti.gti")
    (extract,) = [step for name, step in steps.items() if name.startswith("extract:")]
    assert extract.inputs["gti"] == StepInput(f"gti:{WHO}/late/one", "gti.gti")


def test_parts_are_barycentred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = _steps(tmp_path, monkeypatch, data="data: {root: data, level: raw, pipeline: {barycentre: true}}")
    step = steps[f"barycorr:{WHO}/06/chu12"]
    assert [shlex.join(call.command[:3]) for call in work_of(step).calls] == [
        f"barycorr infile={PART}_cl.evt outfile=events.fits",
        f"barycorr infile=nu{OBSID}A_fpm.hk outfile=livetime.hk",
    ]
    assert step.inputs["events"] == StepInput(f"chu:{WHO}/06/chu12", "events.fits")
    events = steps[f"events:{WHO}/both"].inputs
    assert events["events"] == StepInput(step.name, "events.fits")
    assert events["livetime"] == StepInput(step.name, "livetime.hk")
    assert steps[f"nuproducts:{WHO}/s12"].inputs["events"] == StepInput(f"chu:{WHO}/06/chu12", "events.fits")


def test_images_by_extractor_are_of_the_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = _steps(
        tmp_path,
        monkeypatch,
        images="images: {sky: {bands: [3-10 keV], screening: both}}",
        engine="engine: {images: heasoft}",
    )
    assert steps[f"image:{WHO}/sky"].inputs["list"] == StepInput(f"chu:{WHO}/06/chu12", "events.fits")


def test_a_mode_that_is_not_reduced_has_no_parts(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    text = tutorial(
        data="data: {root: data, level: raw, pipeline: {obsmode: science}}",
        screening=PARTS,
        spectra="spectra: {s12: {region: src, background: bgd, screening: both}}",
        lightcurves="",
    )
    context = context_of(tmp_path, text)
    (problem,) = made_of(context).problems
    assert problem.code == "XB412"
    assert "makes no list of mode 06, which 'both' takes (chu)" in problem.message
    assert raw_steps(context.analysis, context.spec, toolset=TOOLS)[0] == []
