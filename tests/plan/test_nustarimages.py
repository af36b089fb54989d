"""Steps of images by HEASoft: exposure maps of nuexpomap, and counts by extractor."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.plan.nustarworlds import by_task, context_of, made_of, planned, tutorial, work_of
from xbatch.commands.call import Staged
from xbatch.plan.steps import StepInput


def test_exposure_maps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = tutorial(images="images: {map: {bands: [3-10 keV], exposure_map: pipeline}}", engine="", lightcurves="")
    steps = {step.name: step for step in planned(context_of(tmp_path, text), monkeypatch)}
    maps = steps["nuexpomap:60001110002/FPMA"]
    assert [shlex.join(call.command) for call in work_of(maps).calls] == [
        "nuexpomap infile=60001110002_p/event_cl/nu60001110002A01_cl.evt vignflag=no "
        "mastaspectfile=60001110002_p/event_cl/nu60001110002_mast.fits "
        "attfile=60001110002_p/event_cl/nu60001110002_att.fits "
        "det1reffile=60001110002_p/event_cl/nu60001110002A_det1.fits expomapfile=exposure.img"
    ]
    assert steps["image:60001110002/FPMA/map"].inputs["expmap"] == StepInput(maps.name, "exposure.img")


def test_images_by_extractor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = tutorial(
        images="images: {map: {bands: [3-10 keV], bin: 4}, det: {bands: [10-20 keV], frame: det}}",
        engine="engine: {images: heasoft}",
        lightcurves="",
    )
    steps = {step.name: step for step in planned(context_of(tmp_path, text), monkeypatch)}
    expected = {"map": (35, 209, 4, "X", "Y"), "det": (210, 459, 1, "DET1X", "DET1Y")}
    for name, (first, last, binning, x, y) in expected.items():
        step = steps[f"image:60001110002/FPMA/{name}"]
        (call,) = work_of(step).calls
        args = dict(call.args)
        assert args["filename"] == f"list.evt[PI={first}:{last}]"
        assert (args["binf"], args["xcolf"], args["ycolf"]) == (str(binning), x, y)
        assert step.inputs["list"] == StepInput("nupipeline:60001110002", "nu60001110002A01_cl.evt")
        assert step.engine == "heasoft"


def test_images_of_one_screening_share_a_map(tmp_path: Path) -> None:
    text = tutorial(
        screening="screening: {calm: {saamode: strict}}",
        images="images: {a: {bands: [3-10 keV], exposure_map: pipeline}, b: {bands: [10-79 keV], exposure_map: "
        "pipeline}, c: {bands: [3-79 keV], exposure_map: pipeline, screening: calm}, d: {bands: [3-79 keV]}}",
        engine="",
        lightcurves="",
    )
    maps = by_task(made_of(context_of(tmp_path, text)), "nuexpomap")
    assert [step.name for step in maps] == ["nuexpomap:60001110002/FPMA", "nuexpomap:60001110002/FPMA/calm"]
    assert len({step.product for step in maps}) == 2
    for step, made in zip(maps, ("nupipeline:60001110002", "nupipeline:60001110002/calm"), strict=True):
        known = {role: item.step for role, item in step.inputs.items() if isinstance(item, StepInput)}
        assert known == dict.fromkeys(("events", "det1", "mast", "att"), made)
        assert {one.role for one in work_of(step).staged.values()} == set(known)


def test_an_image_of_selected_times_is_given_them(tmp_path: Path) -> None:
    text = tutorial(
        gtis='gtis: {early: {time: ["2012-07-14T00:00:00", "2012-07-15T00:00:00"]}}',
        images="images: {all: {bands: [3-10 keV]}, part: {bands: [3-10 keV], gti: early}}",
        engine="engine: {images: heasoft}",
        lightcurves="",
    )
    made = made_of(context_of(tmp_path, text))
    steps = {step.name: step for step in by_task(made, "image")}
    assert set(steps) == {"image:60001110002/FPMA/all", "image:60001110002/FPMA/part"} == set(made.curves)
    for name, step in steps.items():
        selected = name.endswith("/part")
        work = work_of(step)
        args = dict(work.calls[0].args)
        # what a spec leaves out: each pixel of the list, on the sky
        assert (args["binf"], args["xcolf"], args["ycolf"]) == ("1", "X", "Y")
        assert args["timefile"] == ("times.gti" if selected else "NONE")
        times = {"times.gti": Staged("times", "copy")} if selected else {}
        assert work.staged == {"list.evt": Staged("list", "copy"), **times}
        assert step.inputs.get("times") == (StepInput("gti:60001110002/FPMA/early", "gti.gti") if selected else None)


@pytest.mark.parametrize("key", ["size: [100, 100]", "origin: [400, 400]"])
def test_extractor_makes_whole_images(tmp_path: Path, key: str) -> None:
    text = tutorial(
        images=f"images: {{map: {{bands: [3-10 keV], {key}}}}}",
        engine="engine: {images: heasoft}",
        lightcurves="",
    )
    made = made_of(context_of(tmp_path, text))
    (problem,) = made.problems
    assert problem.code == "XB412" and "extractor makes whole ones" in problem.message
    assert problem.hint == "remove them, or write engine: {images: native}"
    assert by_task(made, "image") == []


def test_a_range_of_pi_that_extractor_would_not_heed_is_refused(tmp_path: Path) -> None:
    text = tutorial(
        screening="screening: {default: {pi_range: 35-210}}",
        spectra="",
        lightcurves="",
        images="images: {soft: {bands: [3-30 keV]}}",
        engine="engine: {images: heasoft}",
    )
    (problem,) = made_of(context_of(tmp_path, text)).problems
    assert problem.code == "XB412" and "'default' has a pi_range, which extractor does not heed" in problem.message
