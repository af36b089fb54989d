"""Spectra of the RGS: rgsproc makes those of both instruments, of some times if asked; rgscombine adds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from xbatch.base.files import safe_name
from xbatch.commands.call import Call, Staged, Work
from xbatch.commands.epic import tabgtigen
from xbatch.commands.rgs import (
    COMBINED,
    FOUND,
    ORDERS,
    RGS,
    TIMES,
    background_rates,
    events_name,
    flare_name,
    kept_name,
    pattern_of,
    rgscombine,
    rgsproc,
    rgsproc_again,
    rgsproc_first,
    sources_name,
)
from xbatch.plan.eventlists import file_input
from xbatch.plan.raw_sas import SasSteps
from xbatch.plan.rawmade import RawContext, RawMade
from xbatch.plan.sources import Source, spectrum_name
from xbatch.plan.spectra import spectrum_outputs, spectrum_params
from xbatch.plan.steps import Input, Step, StepInput
from xbatch.spec.eventmodel import Gtis
from xbatch.spec.gtis import members_of
from xbatch.spec.model import Subject
from xbatch.spec.rawmodel import RawObservation, RgsSpectrum, RgsSum

__all__ = ["rgs_steps"]

_MAIN = "default"
_GTI = "gti.gti"
_KINDS = ("src.pha", "bkg.pha", "rmf")
_ROLES = ("pha", "background", "rmf")
_CLOCK = {"mjdref": [50814, 0.0], "timesys": "TT", "telescop": "XMM"}
"""What XMM-Newton's seconds are counted from (1998-01-01, XMM-Newton Data Files Handbook)."""
_ALONE = "the RGS's spectra, backgrounds and responses are made of calibration that rgsproc alone has"


@dataclass(frozen=True)
class _Group:
    """Spectra that one step of rgsproc makes; `flares` is empty, or has the cut of each instrument that has one.

    `times` has their time selection, and before it those that it is made of; empty where there is none.
    """

    screening: str
    spectra: Sequence[RgsSpectrum]
    flares: Mapping[str, Mapping[str, Any]]
    times: tuple[Gtis, ...] = ()

    @property
    def gti(self) -> str:
        """The name of the time selection, empty where there is none."""
        return self.times[-1].name if self.times else ""

    @property
    def name(self) -> str:
        """What tells it from the others of its observation; empty for what neither is cut nor named."""
        return f"{self.screening}@{self.gti}" if self.gti else "" if self.screening == _MAIN else self.screening

    @property
    def wanted(self) -> list[tuple[str, int]]:
        """Instruments and orders, in their order."""
        asked = {(each.subject.instrument, each.order) for each in self.spectra}
        return [(instrument, order) for instrument in RGS for order in ORDERS if (instrument, order) in asked]

    @property
    def instruments(self) -> list[str]:
        """Those that are wanted."""
        return list(dict.fromkeys(instrument for instrument, _ in self.wanted))


def rgs_steps(context: RawContext, one: RawObservation) -> RawMade:
    """Make the steps of the RGS spectra of one observation, and of their sums.

    Parameters
    ----------
    context : RawContext
    one : RawObservation
        Of XMM-Newton.

    Returns
    -------
    RawMade
        What fits start from, beside the steps.
    """
    spectra = [each for each in context.raw.rgs if each.subject.obsid == one.obsid]
    sums = [each for each in context.raw.rgs_sums if each.subject.obsid == one.obsid]
    if not spectra:
        return RawMade()
    common = SasSteps(context, one)
    steps: list[Step] = []
    sources: list[Source] = []
    makers: dict[Subject, str] = {}
    groups = _groups(spectra)
    steps += _gti_steps(one.obsid, groups)
    for group in groups:
        made = _rgsproc_step(common, group, bool(sums))
        steps.append(made)
        for each in group.spectra:
            makers[each.subject] = made.name
            files = {
                role: StepInput(made.name, kept_name(each.subject.instrument, each.order, kind))
                for role, kind in zip(_ROLES, _KINDS, strict=True)
            }
            steps.append(_spectrum_step(each.subject, files, each.note, each.path))
            sources.append(_source(each.subject, "the background that rgsproc makes", each.note, each.path))
    orders = {each.subject: each.order for each in spectra}
    for whole in sums:
        combined = _combine_step(common, whole, orders, makers)
        files = {role: StepInput(combined.name, file) for role, file in zip(_ROLES, COMBINED, strict=True)}
        steps += [combined, _spectrum_step(whole.subject, files, "", whole.path)]
        sources.append(_source(whole.subject, "the background that rgscombine adds up", "", whole.path))
    return RawMade(steps=tuple(steps), sources={source.subject.path: source for source in sources})


def _groups(spectra: Sequence[RgsSpectrum]) -> list[_Group]:
    """Put together what one run of rgsproc makes: the spectra of a screening; of all screenings that cut no flares.

    Each time selection has runs of its own.
    """
    by_name: dict[tuple[str, str], list[RgsSpectrum]] = {}
    for each in spectra:
        by_name.setdefault((each.screening, each.subject.gti), []).append(each)
    cut: list[_Group] = []
    whole: dict[str, list[RgsSpectrum]] = {}
    for (name, gti), mine in by_name.items():
        found = {each.subject.instrument: each.flare for each in mine if each.flare is not None}
        flares = {instrument: found[instrument] for instrument in RGS if instrument in found}
        if flares:
            cut.append(_Group(name, mine, flares, mine[0].times))
        else:
            whole.setdefault(gti, []).extend(mine)
    uncut: list[_Group] = []
    for gti, mine in whole.items():
        taken = any((group.screening, group.gti) == (_MAIN, gti) for group in cut)
        uncut.append(_Group(mine[0].screening if taken else _MAIN, mine, {}, mine[0].times))
    return [*uncut, *cut]


def _gti_steps(obsid: str, groups: Sequence[_Group]) -> list[Step]:
    """Make the steps of time selections, of the mission's clock: there is no list yet that they could be cut to."""
    found = {one.name: one for group in groups for one in group.times}
    return [
        Step(
            name=_gti_name(obsid, one.name),
            task="gti",
            subject=f"{obsid}/RGS/{one.name}",
            params={
                **one.params,
                "name": one.name,
                "mission": "xmm",
                "instrument": "RGS",
                "obsid": obsid,
                "clock": _CLOCK,
            },
            inputs={
                **({"file": file_input(one.file)} if one.file is not None else {}),
                **{f"gti/{other}": StepInput(_gti_name(obsid, other), _GTI) for other in members_of(one.params)},
            },
            product=f"{obsid}/RGS/gti-{one.name}",
            path=one.path,
        )
        for one in found.values()
    ]


def _gti_name(obsid: str, name: str) -> str:
    return f"gti:{obsid}/RGS/{name}"


def _rgsproc_step(common: SasSteps, group: _Group, combined: bool) -> Step:
    """Make the step of rgsproc, which keeps both orders: what is asked for must be there, the rest may."""
    wanted, flares, obsid = group.wanted, group.flares, common.one.obsid
    # what is made anew of some times is made of the instruments that are wanted
    again = bool(flares or group.times)
    every = [(instrument, order) for instrument in group.instruments if again for order in ORDERS]
    every = every or [(instrument, order) for instrument in RGS for order in ORDERS]
    files = [(instrument, order, kind) for instrument, order in every for kind in _KINDS]
    outputs = [f"{kept_name(*file)}{'' if file[:2] in wanted else '?'}" for file in files]
    kept = {kept_name(*file): pattern_of(*file) for file in files}
    params: dict[str, Any] = {"obsid": obsid, "wanted": [list(pair) for pair in wanted]}
    calls: tuple[Call, ...] = (rgsproc(combined),)
    inputs: dict[str, Input] = {**common.calibration}
    staged = {**common.staged(unpack=True)}
    if group.times:
        params["times"] = group.gti
        inputs["gti"] = StepInput(_gti_name(obsid, group.gti), _GTI)
        staged[TIMES] = Staged("gti")
    if again:
        calls = tuple(_calls_for_some_times(flares, bool(group.times), combined))
    if flares:
        params |= {"flares": flares, FOUND: dict(_patterns(flares))}
        kept |= {flare_name(each, kind): flare_name(each, kind) for each in flares for kind in ("lc", "gti")}
        outputs += [flare_name(each, kind) for each in flares for kind in ("lc", "gti", "png")]
    calls, noting = common.parts(calls, group.instruments)
    name = group.name
    step = common.step(
        "rgsproc",
        f"{obsid}/{name}" if name else obsid,
        group.spectra[0].path,
        Work(calls, staged, kept=kept, environment=common.environment),
        inputs,
        params={**params, **noting},
        outputs=(*outputs, "rgsproc.json"),
        product=f"{obsid}/sas/rgsproc-{safe_name(name)}" if name else f"{obsid}/sas/rgs",
        because=_ALONE,
    )
    other = (common.other_mode(each, "spectroscopy", step.path) for each in group.instruments)
    return replace(step, blocked=step.blocked or next(filter(None, other), None))


def _calls_for_some_times(flares: Mapping[str, Mapping[str, Any]], times: bool, combined: bool) -> Iterator[Call]:
    """Give the calls that find the times without flares, and make spectra of these, within a selection if asked."""
    in_wavelengths = combined or bool(flares)
    yield rgsproc_first(in_wavelengths)
    for instrument, flare in flares.items():
        events, sources = (f"{{{FOUND}:{instrument}.{what}}}" for what in ("events", "sources"))
        rates, good = (flare_name(instrument, kind) for kind in ("lc", "gti"))
        yield background_rates(instrument, events, sources, rates, int(flare["ccd"]), float(flare["bin"]))
        test, limit = flare["rate"]
        yield tabgtigen(rates, good, str(test), float(limit))
    gtis = [*([TIMES] if times else []), *(flare_name(instrument, "gti") for instrument in flares)]
    yield rgsproc_again(gtis, in_wavelengths)


def _patterns(flares: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Say for the script which files the tokens of the calls stand for."""
    for instrument in flares:
        yield f"{instrument}.events", events_name(instrument)
        yield f"{instrument}.sources", sources_name(instrument)


def _combine_step(
    common: SasSteps, whole: RgsSum, orders: Mapping[Subject, int], makers: Mapping[Subject, str]
) -> Step:
    members = [(one.instrument, orders[one]) for one in whole.members]
    names = {kept_name(one.instrument, orders[one], kind): makers[one] for one in whole.members for kind in _KINDS}
    subject = f"{common.one.obsid}/{whole.subject.label}"
    return common.step(
        "rgscombine",
        subject,
        whole.path,
        Work(
            (rgscombine(members),),
            {**common.staged(), **{name: Staged(name) for name in names}},
            kept={file: file for file in COMBINED},
            environment=common.environment,
        ),
        {**common.calibration, **{name: StepInput(made, name) for name, made in names.items()}},
        product=f"{common.one.obsid}/sas/rgs-{safe_name(whole.subject.label)}",
        because=_ALONE,
    )


def _spectrum_step(subject: Subject, files: dict[str, StepInput], note: str, path: str) -> Step:
    inputs: dict[str, Input] = {**files}
    return Step(
        name=spectrum_name(subject),
        task="spectrum",
        subject=subject.path,
        params=spectrum_params(subject, note),
        inputs=inputs,
        product=subject.path,
        path=path,
        outputs=spectrum_outputs({}),
    )


def _source(subject: Subject, background: str, note: str, path: str) -> Source:
    return Source(
        subject=subject,
        step=spectrum_name(subject),
        background=True,
        response=True,
        title=subject.path,
        note=note,
        path=path,
        background_name=background,
    )
