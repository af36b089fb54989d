"""Steps of nuproducts: spectra with their responses, and light curves that are corrected for effective area."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from xbatch.base.errors import Problem
from xbatch.base.files import safe_name
from xbatch.commands.call import HEASOFT, Call, Work
from xbatch.commands.nuproducts import Curves, spectrum_call
from xbatch.commands.nustar import Module
from xbatch.plan.eventlists import curve_name, identity
from xbatch.plan.eventproducts import band_inputs, curve_outputs, curve_params, fixed_bands
from xbatch.plan.nustarwork import Reduced, Wanted, impossible, located, needs_caldb
from xbatch.plan.rawmade import RawContext, RawMade, SpectrumInputs
from xbatch.plan.steps import Step, StepInput
from xbatch.spec.eventmodel import EventSpectrum, LightCurveJob, Observed

__all__ = ["ByList", "curve_steps", "spectrum_steps", "weighed_spectra"]

_ASKED = "the spec asks for HEASoft"
_CALIBRATED = "ARF, RMF and a BACKSCAL weighted by exposure need CALDB, which nuproducts uses"
_CORRECTED = "the correction 'area' needs PSF and vignetting of CALDB, which nuproducts uses"
_BY_LCMATH = "{}; the background is subtracted by lcmath, scaled by the BACKSCAL of the spectra that the step makes"
_HERE = "{}; the background is subtracted by xbatch"
_OWN_MAP = "nuproducts weighs BACKSCAL by exposure maps of its own, and not by the 'exposure_map' that the spec names"
_GHOST_RAYS = "the ARF is not corrected for ghost rays, which numkarf can in circles alone"
#: The ratio of the BACKSCAL of source and background: only data have it, and the step itself finds it.
_SCALE = "{backscal:ratio}"

ByList = Mapping[tuple[str, str], Reduced]
"""Reduced modules by `Observed.subject` and the name of a screening."""


def spectrum_steps(context: RawContext, observed: Mapping[str, Observed], reduced: ByList) -> RawMade:
    """Make the steps of the spectra that nuproducts makes; the others are extracted natively.

    Parameters
    ----------
    context : RawContext
    observed : Mapping of str to Observed
        The modules of one observation by `Observed.subject`.
    reduced : Mapping
    """
    made = RawMade()
    for one in context.spectra_of(observed):
        where = observed[f"{one.subject.obsid}/{one.subject.instrument}"]
        because = _why_spectrum(context, one)
        if because:
            made |= _spectrum(context, where, one, reduced[where.subject, one.screening], because)
    return made


def weighed_spectra(context: RawContext, observed: Collection[str]) -> list[EventSpectrum]:
    """Give the spectra of some modules that are counted natively, and whose BACKSCAL nubackscale weighs.

    What nuproducts makes it weighs itself.
    """
    return [one for one in context.spectra_of(observed) if one.map_made and not _why_spectrum(context, one)]


def _why_spectrum(context: RawContext, one: EventSpectrum) -> str:
    """Say why nuproducts makes a spectrum; empty where it is extracted natively, since its response is there."""
    engine = context.engine("spectra")
    if engine == HEASOFT:
        return _ASKED
    return _CALIBRATED if engine != "native" and one.response is None else ""


def _spectrum(context: RawContext, observed: Observed, one: EventSpectrum, here: Reduced, because: str) -> RawMade:
    rmf = one.response is None
    arf = rmf and one.arf is None
    extended = one.source_type == "extended"
    wanted = Wanted(observed, one.region, one.background, one.screening, one.gti, arf and not extended, one.path)
    place = located(context, wanted)
    if isinstance(place, Problem):
        return RawMade(problems=(place,))
    outdir = f"{observed.obsid}_p/spec"
    call = spectrum_call(
        here.module,
        outdir,
        place.area,
        extended=extended,
        arf=arf,
        rmf=rmf,
        ghost_rays=place.ghost_rays,
        barycentre=here.barycentre,
    )
    notes = {} if place.ghost_rays else {"notes": [_GHOST_RAYS]}
    kept = _spectrum_files(here.module, outdir, bool(one.background), arf, rmf)
    bench = (here.bench_staged, here.bench_inputs) if arf else ({}, {})
    work = Work((call,), {**here.staged, **bench[0], **place.staged}, place.written, kept)
    step = Step(
        name=f"nuproducts:{one.subject.path}",
        task="nuproducts",
        subject=one.subject.path,
        params={**identity(observed), "spectrum": one.subject.label, "work": work.params(), **notes},
        inputs={**here.inputs, **bench[1], **place.inputs},
        product=f"{one.subject.path}/nuproducts",
        path=one.path,
        outputs=tuple(kept),
        because=because,
        remarks=(_OWN_MAP,) if one.exposure_map is not None else (),
    )
    files = {name: StepInput(step.name, name) for name in kept}
    inputs = SpectrumInputs(
        files["source.pha"], files.get("background.pha"), files.get("response.rmf"), files.get("response.arf")
    )
    return RawMade(steps=(needs_caldb(context, step),), spectra={one.subject.path: inputs})


def _spectrum_files(module: Module, outdir: str, background: bool, arf: bool, rmf: bool) -> dict[str, str]:
    """Give the files of a spectrum that later steps take, and what nuproducts calls them."""
    wanted = {
        "source.pha": ("sr.pha", True),
        "background.pha": ("bk.pha", background),
        "response.rmf": ("sr.rmf", rmf),
        "response.arf": ("sr.arf", arf),
    }
    return {name: f"{outdir}/{module.products}_{ending}" for name, (ending, there) in wanted.items() if there}


def curve_steps(context: RawContext, observed: Mapping[str, Observed], reduced: ByList) -> RawMade:
    """Make the steps of the light curves that nuproducts makes; parameters as of `spectrum_steps`."""
    made = RawMade()
    for job in context.curves_of(observed):
        where = observed[job.observed]
        area = "area" in job.params.get("corrections", ())
        engine = context.engine("lightcurves")
        if not (area or engine == HEASOFT):
            continue
        if engine == "native":
            message = "a light curve is corrected for 'area' by nuproducts alone"
            hint = "write engine: {lightcurves: auto}, or corrections: [gti, livetime]"
            made |= RawMade(problems=(impossible(context, job.observed, message, hint, job.path),))
            continue
        because = _ASKED if engine == HEASOFT else _CORRECTED
        if job.background:
            because = (_BY_LCMATH if engine == HEASOFT else _HERE).format(because)
        made |= _curve(context, where, job, reduced[where.subject, job.screening], because)
    return made


def _curve(context: RawContext, observed: Observed, job: LightCurveJob, here: Reduced, because: str) -> RawMade:
    corrections = job.params.get("corrections", ())
    area = "area" in corrections
    extended = job.source_type == "extended"
    wanted = Wanted(observed, job.region, job.background, job.screening, job.gti, area and not extended, job.path)
    place = located(context, wanted)
    if isinstance(place, Problem):
        return RawMade(problems=(place,))
    curves = Curves(
        here.module,
        place.area,
        float(job.params["dt"]),
        corrected=area or "livetime" in corrections,
        effective_area=None if area or "livetime" not in corrections else False,
        extended=extended,
        barycentre=here.barycentre,
        energy=job.params.get("energy"),
        lcmath=bool(job.background) and context.engine("lightcurves") == HEASOFT,
    )
    folder = f"{observed.obsid}_p/lc"
    work = Work(_fixed_calls(curves, folder, job), {**here.staged, **place.staged}, place.written)
    name = curve_name(job.observed, job.name, job.gti)
    subject = name.partition(":")[2]
    inputs = {**here.inputs, **place.inputs, **band_inputs(job.bands)}
    if here.barycorr:
        inputs["list"] = StepInput(here.barycorr, "events.fits")  # whose clock the curves are counted by
    step = Step(
        name=name,
        task="lightcurve",
        subject=subject,
        params={
            **curve_params(job, observed),
            "folder": folder,
            "curves": curves.params(),
            "work": work.params(),
        },
        inputs=inputs,
        product=f"{job.observed}/lightcurves/{subject.rpartition('/')[2]}",
        path=job.path,
        outputs=curve_outputs(job),
        because=because,
    )
    return RawMade(steps=(needs_caldb(context, step),), curves=frozenset({name}))


def _fixed_calls(curves: Curves, folder: str, job: LightCurveJob) -> tuple[Call, ...]:
    """Give the calls for the bands that are known; those whose edges data decide are called in the same way."""
    first = bool(job.bands) and not job.bands[0].scheme
    calls: list[Call] = []
    for number, band in enumerate(fixed_bands(job.bands)):
        own = curves.folder(folder, safe_name(band.name), number == 0 and first)
        calls.append(curves.call(own, (band.lo, band.hi), spectra=number == 0 and first))
        calls += [curves.subtraction(own, _SCALE)] if curves.lcmath else []
    return tuple(calls)
