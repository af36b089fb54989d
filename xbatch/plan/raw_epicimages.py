"""Images of EPIC cameras by SAS, where the spec asks for it; what is otherwise made natively of the same lists."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from xbatch.base.errors import Problem
from xbatch.base.files import safe_name
from xbatch.commands import epic
from xbatch.commands.call import SAS, Staged, Work
from xbatch.plan.eventlists import EventLists, ListInputs, selection_of
from xbatch.plan.eventproducts import fixed_bands, image_step
from xbatch.plan.raw_sas import SasSteps
from xbatch.plan.rawmade import RawMade
from xbatch.plan.steps import Step
from xbatch.spec.eventmodel import ImageJob, Observed
from xbatch.spec.model import Band

__all__ = ["epic_images"]

_LIST, _TIMES = "events.fits", "times.gti"
_COLUMNS = {"sky": ("X", "Y"), "det": ("DETX", "DETY")}
_BIN = 80


def epic_images(common: SasSteps, observed: Observed, lists: Mapping[tuple[str, str], ListInputs]) -> RawMade:
    """Make the steps of the images of one camera by evselect, where the spec asks for SAS.

    Parameters
    ----------
    common : SasSteps
    observed : Observed
    lists : Mapping
        The filtered lists, by `Observed.subject` and screening.
    """
    context = common.context
    made = RawMade()
    for job in context.images_of([observed.subject]) if context.engine("images") == SAS else ():
        if {"origin", "size"} & set(job.params):
            message = f"{job.observed}: the image {job.name!r} has an origin or a size, and evselect makes whole ones"
            hint = "remove them, or write engine: {images: native}"
            problem = Problem(context.analysis.place(job.path), "XB412", message, hint, job.path)
            made |= RawMade(problems=(problem,))
            continue
        step = _image_step(common, observed, job, lists)
        made |= RawMade(steps=(step,), curves=frozenset({step.name}))
    return made


def _image_step(
    common: SasSteps, observed: Observed, job: ImageJob, lists: Mapping[tuple[str, str], ListInputs]
) -> Step:
    native = image_step(EventLists(common.context.work, lists), job)
    source = lists[job.observed, job.screening].events
    times = selection_of(observed, job.gti, job.screening) if job.gti else None
    staged = {**common.staged(), _LIST: Staged("list")} | ({_TIMES: Staged("times")} if times is not None else {})
    calls = tuple(
        epic.evselect_image(
            _LIST,
            f"{safe_name(band.name)}.img",
            epic.all_of(
                epic.expression_of({"pi_range": _pi(band, job.observed.rpartition("/")[2])}),
                epic.gti_expression(_TIMES) if times is not None else "",
            ),
            binsize=int(job.params.get("bin") or _BIN),
            columns=_COLUMNS[str(job.params.get("frame") or "sky")],
        )
        for band in fixed_bands(job.bands)
    )
    step = common.step(
        native.task,
        native.subject,
        native.path,
        Work(calls, staged, environment=common.environment),
        {**native.inputs, **common.calibration, "list": source, **({"times": times} if times is not None else {})},
        params=native.params,
        product=native.product,
        outputs=native.outputs,
        because="the spec asks for SAS",
    )
    return replace(step, name=native.name)


def _pi(band: Band, camera: str) -> tuple[int, int]:
    """Give the first and the last PI (eV) of a band, whose upper edge is not in it."""
    first, end = (math.floor(round(edge * 1000.0, 6)) for edge in (band.lo, band.hi))
    return first, min(end - 1, epic.MOST_CHANNEL[camera])
