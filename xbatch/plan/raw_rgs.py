"""Spectra of the RGS: rgsproc makes those of both instruments at once, rgscombine adds them."""

from __future__ import annotations

from xbatch.base.files import safe_name
from xbatch.commands.call import Staged, Work
from xbatch.commands.rgs import COMBINED, ORDERS, RGS, kept_name, pattern_of, rgscombine, rgsproc
from xbatch.plan.raw_sas import SasSteps
from xbatch.plan.rawmade import RawContext, RawMade
from xbatch.plan.sources import Source, spectrum_name
from xbatch.plan.spectra import spectrum_outputs, spectrum_params
from xbatch.plan.steps import Input, Step, StepInput
from xbatch.spec.model import Subject
from xbatch.spec.rawmodel import RawObservation, RgsSpectrum, RgsSum

__all__ = ["rgs_steps"]

_KINDS = ("src.pha", "bkg.pha", "rmf")
_ROLES = ("pha", "background", "rmf")
_ALONE = "the RGS's spectra, backgrounds and responses are made of calibration that rgsproc alone has"


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
    made = _rgsproc_step(common, spectra, bool(sums))
    steps, sources = [made], []
    for each in spectra:
        files = {
            role: StepInput(made.name, kept_name(each.subject.instrument, each.order, kind))
            for role, kind in zip(_ROLES, _KINDS, strict=True)
        }
        steps.append(_spectrum_step(each.subject, files, each.note, each.path))
        sources.append(_source(each.subject, "the background that rgsproc makes", each.note, each.path))
    orders = {each.subject: each.order for each in spectra}
    for whole in sums:
        combined = _combine_step(common, whole, orders, made.name)
        files = {role: StepInput(combined.name, file) for role, file in zip(_ROLES, COMBINED, strict=True)}
        steps += [combined, _spectrum_step(whole.subject, files, "", whole.path)]
        sources.append(_source(whole.subject, "the background that rgscombine adds up", "", whole.path))
    return RawMade(steps=tuple(steps), sources={source.subject.path: source for source in sources})


def _rgsproc_step(common: SasSteps, spectra: list[RgsSpectrum], combined: bool) -> Step:
    """Make the step of rgsproc, which keeps both orders: what is asked for must be there, the rest may."""
    wanted = {(each.subject.instrument, each.order) for each in spectra}
    every = [(instrument, order) for instrument in RGS for order in ORDERS]
    files = [(instrument, order, kind) for instrument, order in every for kind in _KINDS]
    outputs = [f"{kept_name(*file)}{'' if file[:2] in wanted else '?'}" for file in files]
    kept = {kept_name(*file): pattern_of(*file) for file in files}
    obsid = common.one.obsid
    return common.step(
        "rgsproc",
        obsid,
        spectra[0].path,
        Work((rgsproc(combined),), common.staged(unpack=True), kept=kept, environment=common.environment),
        common.calibration,
        params={"obsid": obsid, "wanted": [list(pair) for pair in every if pair in wanted]},
        outputs=(*outputs, "rgsproc.json"),
        product=f"{obsid}/sas/rgs",
        because=_ALONE,
    )


def _combine_step(common: SasSteps, whole: RgsSum, orders: dict[Subject, int], made: str) -> Step:
    members = [(one.instrument, orders[one]) for one in whole.members]
    names = [kept_name(instrument, order, kind) for instrument, order in members for kind in _KINDS]
    subject = f"{common.one.obsid}/{whole.subject.spectrum}"
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
        {**common.calibration, **{name: StepInput(made, name) for name in names}},
        product=f"{common.one.obsid}/sas/rgs-{safe_name(whole.subject.spectrum)}",
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
