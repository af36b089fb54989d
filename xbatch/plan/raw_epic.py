"""What SAS does with the EPIC cameras of an observation before spectra and images: lists of events, filters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from xbatch.commands import epic
from xbatch.commands.call import Call, Staged, Work
from xbatch.commands.espfilt import ESPFILT_GTI, espfilt, own_band, takes_out_of_time
from xbatch.plan.eventlists import ListInputs, identity, screenings_of
from xbatch.plan.raw_epicimages import epic_images
from xbatch.plan.raw_epicspectra import epic_spectra
from xbatch.plan.raw_sas import SasSteps, events_name, filter_name
from xbatch.plan.rawmade import RawContext, RawMade
from xbatch.plan.steps import Input, Step, StepInput
from xbatch.spec.eventmodel import Observed, Screening
from xbatch.spec.rawmodel import RawObservation

__all__ = ["epic_steps"]

_MAIN = "default"
_RATES, _GTI, _FILTERED = "flare.lc", "flare.gti", "filtered.fits"
_OUT_OF_TIME = "oot.fits"


def epic_steps(context: RawContext, one: RawObservation) -> RawMade:
    """Make the steps of the EPIC cameras of one observation, and those that all of SAS starts with.

    Parameters
    ----------
    context : RawContext
    one : RawObservation
        Of XMM-Newton.

    Returns
    -------
    RawMade
        Lists of events for each camera and screening, from which native steps go on, and the spectra that SAS makes.
    """
    common = SasSteps(context, one)
    made = RawMade(steps=(common.cifbuild(), common.odfingest()))
    for observed in context.work.observed:
        if observed.obsid != one.obsid or observed.instrument not in epic.CAMERAS:
            continue
        made |= RawMade(steps=(_events_step(common, observed),))
        for screening in screenings_of(observed).values():
            made |= _filtered(common, observed, screening)
        made |= epic_spectra(common, observed)
        made |= epic_images(common, observed, made.lists)
    return made


# ---- lists of events -----------------------------------------------------------------------------------------------


def _events_step(common: SasSteps, observed: Observed) -> Step:
    how = common.params_of(observed.instrument)
    made, chosen = _pipeline(observed.instrument, how, common.version)
    calls, noting = common.parts(made, [observed.instrument])
    step = common.step(
        "epicevents",
        observed.subject,
        observed.path,
        Work(calls, common.staged(unpack=True), environment=common.environment),
        common.calibration,
        params={**identity(observed), "mode": how["mode"], "exposures": how["exposures"], "chosen": chosen, **noting},
        product=f"{observed.subject}/sas/events",
    )
    return replace(step, blocked=step.blocked or common.other_mode(observed.instrument, how["mode"], observed.path))


def _pipeline(instrument: str, how: Mapping[str, Any], version: str) -> tuple[tuple[Call, ...], bool]:
    """Give the calls that make the lists of a camera, and whether they make those exposures alone that are wanted."""
    twice = _has_out_of_time(instrument, how)
    if how["tasks"] == "proc":
        if instrument != "EPN":
            return (epic.emproc(instrument),), False
        passes = (epic.epproc(), epic.epproc(True, "oot")) if twice else (epic.epproc(),)
        return passes, False
    if instrument != "EPN":
        return (epic.emchain(instrument),), False
    exposures = how["exposures"]
    numbers = [None] if isinstance(exposures, str) else [int(number) for number in exposures]
    order = ("make", "after") if twice else ("",)
    calls = [epic.epchain(how["mode"], number, turn, version) for number in numbers for turn in order]
    return tuple(calls), not isinstance(exposures, str)


def _has_out_of_time(instrument: str, how: Mapping[str, Any]) -> bool:
    """Say whether a list of out-of-time events is made too: there are none of the MOS."""
    return instrument == "EPN" and bool(how.get("out_of_time"))


# ---- filters -------------------------------------------------------------------------------------------------------


def _filtered(common: SasSteps, observed: Observed, screening: Screening) -> RawMade:
    """Make the steps that filter a list, and say where native steps find what is left."""
    name = filter_name(observed.subject, screening.name)
    inputs: dict[str, Input] = {"events": _events(observed)}
    barycentre = bool(common.params_of(observed.instrument).get("barycentre"))
    staged = {**common.staged(unpack=barycentre), "events.fits": Staged("events")}
    calls: list[Call] = []
    kept = {_FILTERED: _FILTERED}
    flare = screening.flare or {}
    flares = _flare_step(common, observed, screening)
    if flares is not None:
        inputs["gti"] = StepInput(flares.name, _GTI)
        staged[_GTI] = Staged("gti")
    elif flare:
        calls += _rate_cut(flare)
        kept |= {_GTI: _GTI, _RATES: _RATES}
    times = epic.gti_expression(_GTI) if flare else ""
    condition = epic.all_of(times, epic.expression_of(screening.params)) or "true"
    calls.append(epic.evselect_filter("events.fits", _FILTERED, condition))
    if barycentre:
        calls.append(epic.barycen(_FILTERED, common.one.target))
    step = common.step(
        "epicfilter",
        name.partition(":")[2],
        screening.path or observed.path,
        Work(tuple(calls), staged, kept=kept, environment=common.environment),
        {**common.calibration, **inputs},
        params={**identity(observed), **({"flare": {"rate": flare["rate"]}} if "rate" in flare else {})},
        name=name,
        product=f"{observed.subject}/sas/filtered{_with(screening, '-')}",
        because="evselect: responses are made for the list that it leaves",
    )
    sky = common.params_of(observed.instrument)["mode"] == "imaging"
    lists = {(observed.subject, screening.name): ListInputs(StepInput(name, _FILTERED), cut=True, sky=sky)}
    return RawMade((step,) if flares is None else (flares, step), lists)


def _events(observed: Observed) -> StepInput:
    return StepInput(events_name(observed.subject), "events.fits")


def _with(screening: Screening, sign: str) -> str:
    return "" if screening.name == _MAIN else f"{sign}{screening.name}"


def _rate_cut(flare: Mapping[str, Any]) -> list[Call]:
    """Give the calls that find the times at which a rate is below a limit."""
    cuts = {key: flare[key] for key in ("pi_range", "pattern", "flag") if key in flare}
    test, limit = flare["rate"]
    return [
        epic.evselect_rate("events.fits", _RATES, epic.expression_of(cuts) or "true", float(flare["bin"])),
        epic.tabgtigen(_RATES, _GTI, str(test), float(limit)),
    ]


def _flare_step(common: SasSteps, observed: Observed, screening: Screening) -> Step | None:
    """Make the step that finds times without flares by their scatter; None where a rate is given, or nothing."""
    flare = screening.flare or {}
    subject = f"{observed.subject}{_with(screening, '/')}"
    product = f"{observed.subject}/flare{_with(screening, '-')}"
    path = screening.path or observed.path
    if flare.get("method") == "espfilt":
        twice = _has_out_of_time(observed.instrument, common.params_of(observed.instrument))
        notes = _espfilt_notes(common.version, twice)
        inputs = {"events": _events(observed)}
        if twice and takes_out_of_time(common.version):
            inputs["oot"] = StepInput(events_name(observed.subject), _OUT_OF_TIME)
        lists = {"events.fits": Staged("events"), **({_OUT_OF_TIME: Staged("oot")} if "oot" in inputs else {})}
        call = espfilt("events.fits", flare, common.version, _OUT_OF_TIME if "oot" in inputs else "")
        return common.step(
            "flare",
            subject,
            path,
            Work(
                (call,),
                {**common.staged(), **lists},
                kept={_GTI: ESPFILT_GTI},
                environment=common.environment,
            ),
            {**common.calibration, **inputs},
            params={"notes": notes} if notes else {},
            outputs=(_GTI,),
            product=product,
            because="; ".join(["espfilt, as the spec says", *notes]),
        )
    if "sigma" not in flare:
        return None
    return Step(
        name=f"flare:{subject}",
        task="flare",
        subject=subject,
        params={**identity(observed), "flare": flare},
        inputs={"events": _events(observed)},
        product=product,
        path=path,
        because="a limit found by clipping needs no calibration",
    )


def _espfilt_notes(version: str, out_of_time: bool) -> list[str]:
    """Say that flares are not looked for quite as the spec says, where the version of SAS is told less."""
    notes = []
    if own_band(version):
        notes.append(
            f"espfilt of SAS {version} is left its own band and limits: band, sigma and range_scale are not heeded"
        )
    if out_of_time and not takes_out_of_time(version):
        notes.append(f"espfilt of SAS {version} is not given the list of out-of-time events")
    return notes
