"""Light curves of EPIC that SAS makes: those corrected for the effective area, and all where the spec says so."""

from __future__ import annotations

from xbatch.base.files import safe_name
from xbatch.commands.call import SAS, Call, Staged, Work
from xbatch.commands.epic import CAMERAS
from xbatch.commands.epiccurves import LIST, TIMES, EpicCurves
from xbatch.plan.eventlists import curve_name, identity, selection_of
from xbatch.plan.eventproducts import band_inputs, curve_outputs, curve_params, fixed_bands
from xbatch.plan.raw_sas import SasSteps, filter_name, selection_name
from xbatch.plan.rawmade import RawContext, RawMade
from xbatch.plan.sourceposition import source_arguments
from xbatch.plan.steps import Input, Step, StepInput
from xbatch.spec.channels import pi_of_band
from xbatch.spec.eventmodel import LightCurveJob, Observed
from xbatch.spec.model import Subject
from xbatch.spec.rawmodel import RawObservation

__all__ = ["epic_curve_steps", "why_sas"]

_ASKED = "the spec asks for SAS"
_CORRECTED = "the correction 'area' needs PSF, vignetting and bad pixels of the calibration, which epiclccorr uses"


def epic_curve_steps(context: RawContext, one: RawObservation) -> RawMade:
    """Make the steps of the light curves of one observation that SAS makes; the others are made natively.

    Parameters
    ----------
    context : RawContext
    one : RawObservation
        Of XMM-Newton.
    """
    common = SasSteps(context, one)
    mine = [each for each in context.work.observed if each.obsid == one.obsid]
    cameras = {each.subject: each for each in mine if each.instrument in CAMERAS}
    steps: dict[str, Step] = {}
    names: set[str] = set()
    for job in context.curves_of(cameras):
        observed = cameras[job.observed]
        because = why_sas(context, job)
        if because:
            bins = _bins_step(observed, job)
            curve = _curve_step(common, observed, job, bins.name, because)
            steps |= {bins.name: bins, curve.name: curve}
            names.add(curve.name)
    return RawMade(steps=tuple(steps.values()), curves=frozenset(names))


def why_sas(context: RawContext, job: LightCurveJob) -> str:
    """Say why SAS makes a light curve; empty where xbatch does."""
    for one in context.raw.pileups:
        if one.observed == job.observed and one.region in {job.region, job.background}:
            return f"the inner radius of {one.region!r} is what the search {one.name!r} finds"
    if "area" in job.params.get("corrections", ()):
        return _CORRECTED
    return _ASKED if context.engine("lightcurves") == SAS else ""


def _table(job: LightCurveJob) -> StepInput:
    screened = "" if job.screening == "default" else f"/{job.screening}"
    return StepInput(f"events:{job.observed}{screened}", "events.bin")


def _times(observed: Observed, job: LightCurveJob) -> dict[str, Input]:
    """Give the time selection as an input, if there is one."""
    return {"gti": selection_of(observed, job.gti, job.screening)} if job.gti else {}


def _bins_step(observed: Observed, job: LightCurveJob) -> Step:
    """Make the step that says when bins begin and end; light curves of the same times and bins share it."""
    dt = float(job.params["dt"])
    # neither sign can be in a name: no two of them are one
    times = f"@{job.gti}" if job.gti else ""
    screened = "" if job.screening == "default" else f"+{job.screening}"
    which = f"bins{times}{screened}-{dt:.10g}s"
    return Step(
        name=f"timebins:{observed.subject}/{which}",
        task="timebins",
        subject=f"{observed.subject}/{which}",
        params={**identity(observed), "dt": dt},
        inputs={"events": _table(job), **_times(observed, job)},
        product=f"{observed.subject}/lightcurves/{safe_name(which)}",
        path=job.path,
    )


def _curve_step(common: SasSteps, observed: Observed, job: LightCurveJob, bins: str, because: str) -> Step:
    absolute = "area" in job.params.get("corrections", ())
    curves = EpicCurves(
        f"{{selection:{job.region}.expression}}",
        f"{{selection:{job.background}.expression}}" if job.background else "",
        float(job.params["dt"]),
        absolute=absolute,
        times=bool(job.gti),
        position=source_arguments(observed, job, common.one.target) if absolute else (),
    )
    inputs: dict[str, Input] = {
        **common.calibration,
        **_times(observed, job),
        "events": StepInput(filter_name(observed.subject, job.screening), "filtered.fits"),
        "table": _table(job),
        "bins": StepInput(bins, "bins.json"),
        "selection": StepInput(selection_name(observed.subject, (job.region, job.background)), "selection.json"),
        **band_inputs(job.bands),
    }
    staged = {**common.staged(), LIST: Staged("events")}
    if job.gti:
        staged[TIMES] = Staged("gti")
    name = curve_name(job.observed, job.name, job.gti)
    subject = name.partition(":")[2]
    return common.step(
        "lightcurve",
        subject,
        job.path,
        Work(_fixed_calls(curves, observed, job), staged, environment=common.environment),
        inputs,
        name=name,
        params={**curve_params(job, observed), "curves": curves.params()},
        outputs=curve_outputs(job),
        product=f"{job.observed}/lightcurves/{subject.rpartition('/')[2]}",
        because=because,
    )


def _fixed_calls(curves: EpicCurves, observed: Observed, job: LightCurveJob) -> tuple[Call, ...]:
    """Give the calls for the bands that are known; those whose edges data decide are called in the same way."""
    subject = Subject(observed.mission, observed.obsid, observed.instrument, job.name)
    return tuple(
        call
        for band in fixed_bands(job.bands)
        for call in curves.calls(safe_name(band.name), pi_of_band(subject, band.lo, band.hi))
    )
