"""Tests of the recipe of searches for sources: every command of a published script, from the example spec."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.commands.test_detect import ECF, EDGES
from tests.plan.epicworlds import by_name, commands, context_of, words
from xbatch.base.toolset import Suite
from xbatch.commands.call import Work
from xbatch.plan.raw_detect import detection_steps
from xbatch.plan.raw_epic import epic_steps
from xbatch.plan.rawmade import RawMade
from xbatch.plan.steps import StepInput, check_outputs
from xbatch.registry import TASKS

EXAMPLE = Path(__file__).parents[2] / "examples" / "configs" / "xmm-python.yaml"
OBSID = "0123700101"
CAMERAS = ("EMOS1", "EMOS2", "EPN")
LARGEST = {"EPN": 4, "EMOS1": 12, "EMOS2": 12}


def low_of(camera: str) -> int:
    return 300 if camera == "EPN" else 200


def image(camera: str, name: str, lo: int, hi: int, pattern: str) -> str:
    flag = "#XMMEA_EP" if camera == "EPN" else "#XMMEA_EM"
    file = f"{camera}_full.fits" if name == "full" else f"{camera}_image_{name}.fits"
    return (
        f"evselect table={camera}_clean.fits:EVENTS withimageset=yes imageset={file} xcolumn=X ycolumn=Y "
        "imagebinning=imageSize ximagesize=600 yimagesize=600 "
        f"'expression={flag}&&(PI IN [{lo}:{hi}))&&{pattern}&&(FLAG==0)'"
    )


def images(camera: str) -> list[str]:
    every = f"(PATTERN IN [0:{LARGEST[camera]}])"
    made = []
    for number, (lo, hi) in enumerate(EDGES, 1):
        first = number == 1
        pattern = "(PATTERN==0)" if first and camera == "EPN" else every
        made.append(image(camera, f"b{number}", low_of(camera) if first else lo, hi, pattern))
    return [*made, image(camera, "full", low_of(camera), 12000, every)]


def chain(*cameras: str) -> str:
    files = " ".join(f'"{camera}_image_b{number}.fits"' for camera in cameras for number in range(1, 6))
    lists = " ".join(f'"{camera}_clean.fits:EVENTS"' for camera in cameras)
    lists = lists if len(cameras) > 1 else lists.strip('"')
    lows = [low_of(camera) if lo == 200 else lo for camera in cameras for lo, _ in EDGES]
    highs = [hi for _ in cameras for _, hi in EDGES]
    ecf = [value for camera in cameras for value in ECF[camera]]
    return (
        f"edetect_chain imagesets='{files}' eventsets='{lists}' attitudeset=attitude.ds "
        f"pimin='{' '.join(map(str, lows))}' pimax='{' '.join(map(str, highs))}' ecf='{' '.join(map(str, ecf))}' "
        "eboxl_list=eboxlist_l.fits eboxm_list=eboxlist_m.fits esp_nsplinenodes=16 eml_list=emllist.fits "
        "esen_mlmin=15 likemin=10 witheexpmap=yes"
    )


EXPECTED = {
    **{f"detectimages:{OBSID}/{camera}/field": images(camera) for camera in CAMERAS},
    **{f"detect:{OBSID}/{camera}/field": [chain(camera)] for camera in CAMERAS},
    f"detect:{OBSID}/field": [chain("EPN", "EMOS1", "EMOS2")],
    f"emosaic:{OBSID}/field": [
        "emosaic imagesets='EPN_full.fits EMOS1_full.fits EMOS2_full.fits' mosaicedset=mosaic.ds"
    ],
}


def made_of(tmp_path: Path, text: str, suite: Suite | None = None) -> RawMade:
    context = context_of(tmp_path, text, suite or Suite("sas", "21.0.0", Path("/opt/sas")))
    made = RawMade()
    for one in context.raw.observations:
        made |= detection_steps(context, one)
    return made


@pytest.fixture
def made(tmp_path: Path) -> RawMade:
    return made_of(tmp_path, EXAMPLE.read_text())


def test_every_command_of_the_script(made: RawMade) -> None:
    assert commands(made) == words(EXPECTED)


def test_cleaned_lists_are_those_of_the_script(tmp_path: Path) -> None:
    context = context_of(tmp_path, EXAMPLE.read_text())
    epic = commands(epic_steps(context, context.raw.observations[0]))
    for camera, flag, limit in (("EPN", "#XMMEA_EP", 0.4), ("EMOS1", "#XMMEA_EM", 0.35), ("EMOS2", "#XMMEA_EM", 0.35)):
        rates, times, clean = epic[f"epicfilter:{OBSID}/{camera}"]
        assert f"(PATTERN==0)&&{flag}" in " ".join(rates) and "timebinsize=100" in rates
        assert times[-1] == f"expression=RATE<={limit}"
        assert f"expression=gti(flare.gti,TIME)&&(PI IN [151:15000])&&{flag}" in clean


def test_where_files_come_from(made: RawMade) -> None:
    steps = by_name(made)
    single, joint = steps[f"detect:{OBSID}/EPN/field"], steps[f"detect:{OBSID}/field"]
    # the attitude that epproc leaves beside its lists
    assert single.inputs["attitude"] == StepInput(f"epicevents:{OBSID}/EPN", "attitude.fits")
    assert single.inputs["picture"] == StepInput(f"detectimages:{OBSID}/EPN/field", "EPN_full.fits")
    # the joint search uses the images of each camera, and can do without the mosaic
    assert joint.inputs["EMOS2_image_b5.fits"] == StepInput(f"detectimages:{OBSID}/EMOS2/field", "EMOS2_image_b5.fits")
    assert joint.inputs["picture"] == StepInput(f"emosaic:{OBSID}/field", "mosaic.img", optional=True)
    assert joint.inputs["events/EMOS1"] == StepInput(f"epicfilter:{OBSID}/EMOS1", "filtered.fits")
    staged = Work.of(joint.params["work"]).staged
    assert staged["EMOS1_clean.fits"].role == "events/EMOS1" and staged["attitude.ds"].role == "attitude"


def test_outputs_and_engines(made: RawMade) -> None:
    check_outputs(made.steps, TASKS)
    for step in made.steps:
        assert step.engine in TASKS[step.task].engines and step.engine_version == "21.0.0"
    products = [step.product for step in made.steps]
    assert len(set(products)) == len(products)


def test_maps_of_each_image_are_kept(tmp_path: Path, made: RawMade) -> None:
    steps = by_name(made)
    single, joint = steps[f"detect:{OBSID}/EPN/field"], steps[f"detect:{OBSID}/field"]
    names = [f"b{number}" for number in range(1, 6)]
    kept = Work.of(single.params["work"]).kept
    for what, ending in (("exposure", "exp"), ("background", "bkg"), ("sensitivity", "sen")):
        for name in names:
            assert kept[f"{what}-EPN-{name}.img"] == f"EPN_image_{name}{ending}.fits"
            assert f"{what}-EPN-{name}.img" in single.outputs
    # exposure maps know nothing of other cameras, backgrounds and sensitivities do
    together = [name for name in joint.outputs if name.endswith(".img")]
    assert len(together) == 30 and not any(name.startswith("exposure") for name in together)
    # where the spec names no likelihood for them, a search is whole without maps of the sensitivity
    plain = by_name(made_of(tmp_path, EXAMPLE.read_text().replace("    sensitivity: 15\n", "")))
    assert "sensitivity-EPN-b1.img?" in plain[single.name].outputs
    assert "background-EPN-b1.img" in plain[single.name].outputs


def test_a_joint_search_can_take_the_exposure_maps_of_the_single_ones(tmp_path: Path, made: RawMade) -> None:
    text = EXAMPLE.read_text().replace("    sensitivity: 15\n", "    sensitivity: 15\n    exposure_maps: false\n")
    steps = by_name(made_of(tmp_path, text))
    single, joint = steps[f"detect:{OBSID}/EPN/field"], steps[f"detect:{OBSID}/field"]
    assert single.params == by_name(made)[single.name].params
    assert joint.inputs["EPN_image_b2exp.fits"] == StepInput(single.name, "exposure-EPN-b2.img")
    work = Work.of(joint.params["work"])
    assert "witheexpmap=no" in work.calls[0].command
    assert sum(name.endswith("exp.fits") for name in work.staged) == 15


def test_attitude_of_the_chains_is_made(tmp_path: Path) -> None:
    made = made_of(tmp_path, EXAMPLE.read_text().replace("tasks: proc", "tasks: chain"))
    steps = by_name(made)
    assert commands(made)[f"attitude:{OBSID}"] == [shlex.split("atthkgen atthkset=attitude.ds timestep=1")]
    assert steps[f"detect:{OBSID}/EPN/field"].inputs["attitude"] == StepInput(f"attitude:{OBSID}", "attitude.ds")
    assert Work.of(steps[f"attitude:{OBSID}"].params["work"]).staged["odf"].how == "tree-unpack"


def test_lists_by_another_clock_than_the_attitude_are_told(tmp_path: Path, made: RawMade) -> None:
    text = EXAMPLE.read_text().replace("pipeline: {", "pipeline: {barycentre: true, ")
    shifted = made_of(tmp_path, text)
    for before, after in zip(made.steps, shifted.steps, strict=True):
        told = [remark for remark in after.remarks if remark not in before.remarks]
        assert len(told) == (after.task == "detect") and all("barycentre: false" in remark for remark in told)


def test_what_changes_a_search_leaves_its_images(tmp_path: Path) -> None:
    before, after = (
        by_name(made_of(tmp_path, EXAMPLE.read_text().replace("likelihood: 10", f"likelihood: {value}")))
        for value in (10, 6)
    )
    name = f"detectimages:{OBSID}/EPN/field"
    assert before[name] == after[name]
    assert before[f"detect:{OBSID}/EPN/field"].params != after[f"detect:{OBSID}/EPN/field"].params


def test_nothing_where_nothing_is_asked(tmp_path: Path) -> None:
    text = EXAMPLE.read_text()
    assert made_of(tmp_path, text[: text.index("detect:")]) == RawMade()
