"""Steps that make images, mosaics and light curves of events, in bands that are fixed or that data decide."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from xbatch.base.errors import Problem
from xbatch.base.files import safe_name
from xbatch.base.fitsheader import find_file
from xbatch.plan.archive import optional_gz
from xbatch.plan.eventlists import EventLists, curve_name, file_input, identity
from xbatch.plan.links import missing_file
from xbatch.plan.steps import Input, Step, StepInput
from xbatch.spec.derivedmodel import BandSet
from xbatch.spec.eventmodel import ImageJob, LightCurveJob, MosaicJob, Observed
from xbatch.spec.model import Analysis, Band

__all__ = [
    "EXPOSURE_MAP",
    "band_files",
    "band_inputs",
    "band_params",
    "curve_outputs",
    "curve_params",
    "exposure_map_name",
    "fixed_bands",
    "image_file_problems",
    "image_name",
    "image_step",
    "product_steps",
]

EXPOSURE_MAP = "exposure.img"
"""What the step of `exposure_map_name` leaves."""


def product_steps(lists: EventLists, made: Collection[str] = ()) -> list[Step]:
    """Make the steps of all images, mosaics and light curves, but for those whose names are in `made`."""
    return [
        *(image_step(lists, job) for job in lists.work.images if image_name(job) not in made),
        *(_mosaic_step(lists, job) for job in lists.work.mosaics),
        *(_curve_step(lists, job) for job in lists.work.lightcurves if _curve_of(job) not in made),
    ]


def image_file_problems(images: Sequence[ImageJob], analysis: Analysis) -> list[Problem]:
    """Say which exposure maps of images are named and missing."""
    return [
        missing_file(optional_gz(job.exposure_map), analysis, f"{job.path}.exposure_map", job.observed, "exposure maps")
        for job in images
        if job.exposure_map is not None and find_file(optional_gz(job.exposure_map)) is None
    ]


def band_params(sets: Sequence[BandSet]) -> list[dict[str, Any]]:
    """Give bands as parameters of a step."""
    params: list[dict[str, Any]] = []
    for one in sets:
        params += [{"name": band.name, "lo": band.lo, "hi": band.hi} for band in one.bands]
        params += [{"scheme": one.scheme, "most": one.most}] if one.scheme else []
    return params


def band_inputs(sets: Sequence[BandSet]) -> dict[str, Input]:
    """Give the edges that data decide as inputs."""
    return {f"bands/{one.scheme}": StepInput(f"bands:{one.scheme}", "bands.json") for one in sets if one.scheme}


def band_files(sets: Sequence[BandSet], *endings: str) -> tuple[str, ...]:
    """Name the files of all bands; those of bands that there may not be end in ``?``."""
    files = {
        f"{safe_name(name)}{ending}{'?' if one.scheme else ''}": None
        for one in sets
        for name in one.names
        for ending in endings
    }
    return tuple(files)


def fixed_bands(sets: Sequence[BandSet]) -> list[Band]:
    """Give the bands whose edges are known before anything runs, each name once."""
    return list({band.name: band for one in sets if not one.scheme for band in one.bands}.values())


def curve_params(job: LightCurveJob, observed: Observed) -> dict[str, Any]:
    """Give the parameters of a step of light curves that do not hang on who makes them."""
    return {
        **job.params,
        "name": job.name,
        **identity(observed),
        "region": job.region,
        "background": job.background,
        "bands": band_params(job.bands),
    }


def curve_outputs(job: LightCurveJob) -> tuple[str, ...]:
    """Name what a step of light curves leaves, whoever makes them."""
    return (*band_files(job.bands, ".lc"), "lightcurves.json", *_picture(job.params, "lightcurves.png"))


def exposure_map_name(observed: str, screening: str) -> str:
    """Name the step of the mission's tools that makes an exposure map of an event list."""
    return f"nuexpomap:{observed}{'' if screening == 'default' else f'/{screening}'}"


def _expmap(job: ImageJob) -> Input | None:
    if job.map_made:
        return StepInput(exposure_map_name(job.observed, job.screening), EXPOSURE_MAP)
    if job.exposure_map is None:
        return None
    plain = optional_gz(job.exposure_map)
    return file_input(find_file(plain) or plain)


def _endings(maps: Sequence[Input | None]) -> tuple[str, ...]:
    return (".img", ".rate.img") if all(one is not None for one in maps) else (".img",)


def _table_inputs(lists: EventLists, job: ImageJob) -> dict[str, Input]:
    live = lists.livetime_inputs(job.observed, job.screening)
    return lists.events_inputs(job.observed, job.screening, job.gti) | live


def image_name(job: ImageJob) -> str:
    """Name the step that makes images."""
    return f"image:{job.observed}/{job.name}"


def image_step(lists: EventLists, job: ImageJob) -> Step:
    """Make the step that makes images of an event list in some bands."""
    inputs = _table_inputs(lists, job) | band_inputs(job.bands)
    expmap = _expmap(job)
    if expmap is not None:
        inputs["expmap"] = expmap
    return Step(
        name=image_name(job),
        task="image",
        subject=f"{job.observed}/{job.name}",
        params={
            **job.params,
            "name": job.name,
            **identity(lists.observed[job.observed]),
            "bands": band_params(job.bands),
        },
        inputs=inputs,
        product=f"{job.observed}/images/{job.name}",
        path=job.path,
        outputs=(*band_files(job.bands, *_endings([expmap])), "images.json", *_picture(job.params, "images.png")),
    )


def _picture(params: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return (name,) if params.get("figure", True) else ()


def _mosaic_step(lists: EventLists, job: MosaicJob) -> Step:
    images = {one.observed: one for one in lists.work.images if one.name == job.name}
    members = [images[observed] for observed in job.members]
    inputs: dict[str, Input] = {}
    for number, image in enumerate(members):
        for role, item in _table_inputs(lists, image).items():
            inputs[f"{role}/{number}"] = item
        expmap = _expmap(image)
        if expmap is not None:
            inputs[f"expmap/{number}"] = expmap
    sets = list({one.names: one for image in members for one in image.bands}.values())
    subject = f"{job.name}/{job.group}" if job.group else job.name
    return Step(
        name=f"mosaic:{subject}",
        task="mosaic",
        subject=subject,
        params={
            **job.params,
            "name": job.name,
            "group": job.group,
            "mission": lists.observed[members[0].observed].mission,
            "members": [identity(lists.observed[image.observed]) for image in members],
            "bands": band_params(sets),
        },
        inputs=inputs | band_inputs(sets),
        product=f"mosaics/{subject}",
        path=job.path,
        outputs=(*band_files(sets, *_endings([_expmap(one) for one in members])), "mosaic.json", "mosaic.png"),
    )


def _curve_of(job: LightCurveJob) -> str:
    return curve_name(job.observed, job.name, job.gti)


def _curve_step(lists: EventLists, job: LightCurveJob) -> Step:
    regions = (job.region, job.background)
    name = _curve_of(job)
    subject = name.partition(":")[2]
    return Step(
        name=name,
        task="lightcurve",
        subject=subject,
        params={
            **curve_params(job, lists.observed[job.observed]),
            "regions": lists.region_params(job.observed, regions),
        },
        inputs={
            **lists.events_inputs(job.observed, job.screening, job.gti),
            **lists.livetime_inputs(job.observed, job.screening),
            **lists.region_inputs(job.observed, regions),
            **band_inputs(job.bands),
        },
        product=f"{job.observed}/lightcurves/{subject.rpartition('/')[2]}",
        path=job.path,
        outputs=curve_outputs(job),
    )
