"""Searches for sources with EPIC: images in bands, edetect_chain by camera and with all together, the mosaic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xbatch.base.files import safe_name
from xbatch.commands.call import Staged, Work
from xbatch.commands.detect import (
    ATTITUDE,
    MOSAIC,
    SOURCES,
    CameraBands,
    atthkgen,
    edetect_chain,
    emosaic,
    events_file,
    full_file,
    image_calls,
)
from xbatch.plan.raw_sas import SasSteps, events_name, filter_name
from xbatch.plan.rawmade import RawContext, RawMade
from xbatch.plan.steps import Input, Step, StepInput
from xbatch.registry import TASKS
from xbatch.spec.rawmodel import Detection, RawObservation

__all__ = ["detection_steps"]

_PICTURE = "picture"
_BARYCENTRED = (
    "edetect_chain makes exposure maps of barycentred lists and the attitude by the spacecraft's clock, "
    "up to 500 s apart: search with barycentre: false where the pointing moved"
)
_TOGETHER = "EPIC"
"""What several cameras together are called."""


def detection_steps(context: RawContext, one: RawObservation) -> RawMade:
    """Make the steps of the searches for sources in one observation.

    Parameters
    ----------
    context : RawContext
    one : RawObservation
        Of XMM-Newton.
    """
    searches = [each for each in context.raw.detections if each.obsid == one.obsid]
    if not searches:
        return RawMade()
    common = SasSteps(context, one)
    attitude, steps = _attitude(common, searches)
    made: dict[str, Step] = {}
    for search in searches:
        cameras = [CameraBands.of(camera, search.params["bands"][camera]) for camera in search.instruments]
        for camera in cameras:
            step = _images_step(common, search, camera)
            made.setdefault(step.name, step)
        if search.mosaic:
            step = _mosaic_step(common, search, cameras)
            made[step.name] = step
        step = _search_step(common, search, cameras, attitude)
        made[step.name] = step
    return RawMade(steps=(*steps, *made.values()))


def _attitude(common: SasSteps, searches: Sequence[Detection]) -> tuple[StepInput, tuple[Step, ...]]:
    """Say where the attitude comes from: epproc and emproc leave it beside their lists, the chains not always do."""
    camera = searches[0].instruments[0]
    if common.params_of(camera)["tasks"] == "proc":
        return StepInput(events_name(f"{common.one.obsid}/{camera}"), "attitude.fits"), ()
    step = common.step(
        "attitude",
        common.one.obsid,
        searches[0].path,
        Work((atthkgen(),), common.staged(unpack=True), kept={ATTITUDE: ATTITUDE}, environment=common.environment),
        common.calibration,
        product=f"{common.one.obsid}/sas/attitude",
    )
    return StepInput(step.name, ATTITUDE), (step,)


def _images_name(search: Detection, camera: str) -> str:
    return f"detectimages:{search.obsid}/{camera}/{search.name}"


def _list(search: Detection, camera: str) -> StepInput:
    return StepInput(filter_name(f"{search.obsid}/{camera}", search.screening), "filtered.fits")


def _images_step(common: SasSteps, search: Detection, one: CameraBands) -> Step:
    """Make the step of the images of a camera: of each band, and of all bands together."""
    names = (*one.images, full_file(one.camera))
    name = _images_name(search, one.camera)
    return common.step(
        "detectimages",
        name.partition(":")[2],
        search.path,
        Work(
            image_calls(one, int(search.params["pixels"])),
            {**common.staged(), events_file(one.camera): Staged("events")},
            kept={file: file for file in names},
            environment=common.environment,
        ),
        {**common.calibration, "events": _list(search, one.camera)},
        outputs=names,
        because="edetect_chain reads from images how they were selected, as evselect writes it into them",
        product=f"{search.obsid}/{one.camera}/detect-{safe_name(search.name)}/images",
    )


def _mosaic_step(common: SasSteps, search: Detection, cameras: Sequence[CameraBands]) -> Step:
    """Make the step that puts the images of all cameras together."""
    files = [full_file(one.camera) for one in cameras]
    inputs: dict[str, Input] = {
        full_file(one.camera): StepInput(_images_name(search, one.camera), full_file(one.camera)) for one in cameras
    }
    return common.step(
        "emosaic",
        f"{search.obsid}/{search.name}",
        search.path,
        Work(
            (emosaic(files),),
            {**common.staged(), **{file: Staged(file) for file in files}},
            kept={"mosaic.img": MOSAIC},
            environment=common.environment,
        ),
        {**common.calibration, **inputs},
        product=f"{search.obsid}/detect-{safe_name(search.name)}/mosaic",
    )


def _search_step(common: SasSteps, search: Detection, cameras: Sequence[CameraBands], attitude: StepInput) -> Step:
    """Make the step of a search, with one camera or with several.

    The exposure maps of a joint search are those of the searches with one camera, and not kept again.
    """
    params = search.params
    several = len(cameras) > 1
    own_maps = bool(params["exposure_maps"]) or not several
    call = edetect_chain(
        cameras,
        likelihood=float(params["likelihood"]),
        splines=int(params["splines"]),
        exposure_maps=own_maps,
        sensitivity=params.get("sensitivity"),
    )
    inputs: dict[str, Input] = {"attitude": attitude}
    staged = {ATTITUDE: Staged("attitude")}
    for one in cameras:
        inputs[f"events/{one.camera}"] = _list(search, one.camera)
        staged[events_file(one.camera)] = Staged(f"events/{one.camera}")
        for file in one.images:
            inputs[file] = StepInput(_images_name(search, one.camera), file)
            staged[file] = Staged(file)
        for kept, file in () if own_maps else one.maps("exposure").items():
            inputs[file] = StepInput(f"detect:{search.obsid}/{one.camera}/{search.name}", kept)
            staged[file] = Staged(file)
    shown = cameras[0].camera
    inputs[_PICTURE] = (
        StepInput(f"emosaic:{search.obsid}/{search.name}", "mosaic.img", optional=True)
        if search.mosaic
        else StepInput(_images_name(search, shown), full_file(shown))
    )
    where = search.obsid if several else f"{search.obsid}/{shown}"
    needed = {} if several else _maps(cameras, "exposure")
    needed |= _maps(cameras, "background")
    sensitivity = _maps(cameras, "sensitivity")
    asked = "sensitivity" in params
    shifted = any(common.params_of(one.camera).get("barycentre") for one in cameras)
    outputs = (*TASKS["detect"].outputs, *needed, *(name if asked else f"{name}?" for name in sensitivity))
    step = common.step(
        "detect",
        f"{where}/{search.name}",
        search.path,
        Work(
            (call,),
            {**common.staged(), **staged},
            kept={"sources.fits": SOURCES, **needed, **sensitivity},
            environment=common.environment,
        ),
        {**common.calibration, **inputs},
        params={
            "mission": common.one.mission,
            "obsid": search.obsid,
            "instrument": _TOGETHER if several else shown,
            "name": search.name,
            "instruments": list(search.instruments),
        },
        because="the light of a point is fitted with the PSF of the calibration, which edetect_chain uses",
        outputs=outputs,
        product=f"{where}/detect-{safe_name(search.name)}",
    )
    return replace(step, remarks=(*step.remarks, _BARYCENTRED)) if shifted else step


def _maps(cameras: Sequence[CameraBands], what: str) -> dict[str, str]:
    return {name: file for one in cameras for name, file in one.maps(what).items()}
