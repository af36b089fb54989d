"""Steps of images by HEASoft: exposure maps of nuexpomap, and counts by extractor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from xbatch.base.files import safe_name
from xbatch.commands.call import HEASOFT, Staged, Work
from xbatch.commands.ftools import extractor_image
from xbatch.commands.nuproducts import pi_of_energy
from xbatch.commands.nustar import nuexpomap
from xbatch.plan.eventlists import EventLists, ListInputs, identity, selected_times
from xbatch.plan.eventproducts import EXPOSURE_MAP, exposure_map_name, fixed_bands, image_step
from xbatch.plan.nustarproducts import ByList, weighed_spectra
from xbatch.plan.nustarwork import impossible, needs_caldb, not_heeded
from xbatch.plan.rawmade import RawContext, RawMade
from xbatch.plan.steps import Step
from xbatch.spec.eventmodel import ImageJob, Observed

__all__ = ["image_steps", "map_steps"]

_LIST, _TIMES = "list.evt", "times.gti"
_COLUMNS = {"sky": ("X", "Y"), "det": ("DET1X", "DET1Y")}


def map_steps(context: RawContext, observed: Mapping[str, Observed], reduced: ByList) -> RawMade:
    """Make the steps of the exposure maps that images and spectra ask for; parameters as of `spectrum_steps`."""
    wanted = {(job.observed, job.screening): job.path for job in context.images_of(observed) if job.map_made}
    for one in weighed_spectra(context, observed):
        wanted.setdefault((f"{one.subject.obsid}/{one.subject.instrument}", one.screening), one.path)
    steps = []
    for (name, screening), path in wanted.items():
        here = replace(reduced[name, screening], position=None)
        roles = [role for role in here.roles if role in {"events", "det1", "mast", "att"}]
        work = Work(
            calls=(nuexpomap(here.module, EXPOSURE_MAP),),
            staged={file: one for file, one in here.staged.items() if one.role in roles},
            kept={EXPOSURE_MAP: EXPOSURE_MAP},
        )
        subject = exposure_map_name(name, screening).partition(":")[2]
        step = Step(
            name=exposure_map_name(name, screening),
            task="nuexpomap",
            subject=subject,
            params={**identity(observed[name]), "work": work.params()},
            inputs={role: here.inputs[role] for role in roles},
            product=f"{name}/nuexpomap{subject.removeprefix(name).replace('/', '-')}",
            path=path,
            because="pixels and the aspect of the observation are known by CALDB, which nuexpomap uses",
        )
        steps.append(needs_caldb(context, step))
    return RawMade(steps=tuple(steps))


def image_steps(context: RawContext, observed: Mapping[str, Observed], reduced: ByList) -> RawMade:
    """Make the steps of images by extractor, where the spec asks for HEASoft; parameters as of `map_steps`."""
    made = RawMade()
    if context.engine("images") != HEASOFT:
        return made
    for job in context.images_of(observed):
        where = observed[job.observed]
        if {"origin", "size"} & set(job.params):
            message = f"the image {job.name!r} has an origin or a size, and extractor makes whole ones"
            hint = "remove them, or write engine: {images: native}"
            made |= RawMade(problems=(impossible(context, job.observed, message, hint, job.path),))
            continue
        refused = not_heeded(context, where, job.screening, "extractor", job.path)
        if refused is not None:
            made |= RawMade(problems=(refused,))
            continue
        step = _image_step(context, where, job, reduced)
        made |= RawMade(steps=(step,), curves=frozenset({step.name}))
    return made


def _image_step(context: RawContext, observed: Observed, job: ImageJob, reduced: ByList) -> Step:
    here = reduced[observed.subject, job.screening]
    source = here.native.events
    lists = {(observed.subject, job.screening): ListInputs(source, here.inputs["hk"])}
    native = image_step(EventLists(context.work, lists), job)
    times = selected_times(observed, job.screening, job.gti)
    staged = {_LIST: Staged("list", "copy")} | ({_TIMES: Staged("times", "copy")} if times is not None else {})
    calls = tuple(
        extractor_image(
            _LIST,
            f"{safe_name(band.name)}.img",
            channels=(pi_of_energy(band.lo), pi_of_energy(band.hi) - 1),
            times=_TIMES if times is not None else "NONE",
            binning=int(job.params.get("bin") or 1),
            columns=_COLUMNS[str(job.params.get("frame") or "sky")],
        )
        for band in fixed_bands(job.bands)
    )
    return replace(
        native,
        engine=HEASOFT,
        engine_version=context.version(HEASOFT),
        params={**native.params, "work": Work(calls, staged).params()},
        inputs={**native.inputs, "list": source, **({"times": times} if times is not None else {})},
        blocked=context.blocked(HEASOFT, job.path),
        because="the spec asks for HEASoft",
    )
