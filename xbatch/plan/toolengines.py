"""Groupings and sums by HEASoft or SAS, where a spec asks for it: the same step by another engine, with its calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from xbatch.base.errors import Problem
from xbatch.commands import sas, specgroup
from xbatch.commands.call import HEASOFT, SAS, Staged, Work
from xbatch.commands.epic import CAMERAS
from xbatch.commands.grouping import grouping_calls, grouping_staged
from xbatch.commands.sums import sum_work
from xbatch.plan.rawmade import RawContext
from xbatch.plan.sources import Source
from xbatch.plan.steps import Step, StepInput
from xbatch.spec.model import Subject

__all__ = ["grouped_by_tool", "summed_by_heasoft"]

#: What only data decide of a grouping, as tokens.
_FOUND_CHANNELS = ("{range:first}", "{range:last}")
_FOUND_GROUPS = {"groups.txt": "{groups:lines}"}
_ASKED = {HEASOFT: "the spec asks for HEASoft", SAS: "the spec asks for SAS"}


def grouped_by_tool(context: RawContext, step: Step, subject: Subject) -> Step:
    """Make the step of a grouping one of the toolset that the spec asks for.

    Parameters
    ----------
    context : RawContext
    step : Step
        The native one.
    subject : Subject
        Of the spectrum; what SAS does not serve stays native.
    """
    if context.engine("binning") == HEASOFT:
        return _grouped_by_heasoft(context, step)
    return _grouped_by_sas(context, step, subject) if subject.instrument in CAMERAS else step


def _grouped_by_sas(context: RawContext, step: Step, subject: Subject) -> Step:
    """Make the step of a grouping one of specgroup, which has to find the calibration of the observation."""
    call = specgroup.specgroup(
        step.params["binning"], background="background" in step.inputs, response="response" in step.inputs
    )
    files = {"spectrum": specgroup.SPECTRUM, "background": specgroup.BACKGROUND}
    staged = {file: Staged(role, "copy") for role, file in files.items() if role in step.inputs}
    if "response" in step.inputs:
        staged[specgroup.RESPONSE] = Staged("response", "rmf")
    staged[sas.CIF] = Staged("cif")
    work = Work((call,), staged, environment={"SAS_CCF": f"{{scratch}}/{sas.CIF}"})
    made = _by_tool(context, SAS, step, work)
    raw = context.spec.raw
    if raw is not None and any(one.obsid == subject.obsid for one in raw.observations):
        return replace(made, inputs={**step.inputs, "cif": StepInput(f"cifbuild:{subject.obsid}", sas.CIF)})
    message = f"binning {step.params['name']!r}: specgroup needs the calibration index of {subject.path}"
    hint = "it is made at level raw, for single observations: write engine: {binning: native}"
    problem = Problem(context.analysis.place(step.path), "XB412", message, hint, step.path)
    return replace(made, blocked=problem)


def _grouped_by_heasoft(context: RawContext, step: Step) -> Step:
    """Make the step of a grouping one of ftgrouppha and grppha.

    Calls that only data decide are made when it is done: a range in keV hangs on a response, the files of groups of
    type nutools on the counts. What they will be like is said all the same, so that they can be shown and checked.
    """
    binning: Mapping[str, Any] = step.params["binning"]
    ranged = binning.get("range")
    nutools = binning["type"] == "nutools"
    in_kev = ranged is not None and ranged["unit"] == "keV"
    subtracts = binning["type"] == "bmin" or ("snr" in binning and bool(binning.get("background", True)))
    try:
        calls = grouping_calls(
            binning,
            background=subtracts and "background" in step.inputs,
            channels=_FOUND_CHANNELS if in_kev else None,
            files=list(_FOUND_GROUPS) if nutools else (),
        )
    except ValueError as error:
        message = f"binning {step.params['name']!r}: {error}"
        problem = Problem(
            context.analysis.place(step.path), "XB412", message, "write engine: {binning: native}", step.path
        )
        return replace(_by_tool(context, HEASOFT, step, None), blocked=problem)
    work = Work(calls, grouping_staged(step.inputs), _FOUND_GROUPS if nutools else {})
    if nutools or in_kev:
        return replace(_by_tool(context, HEASOFT, step, None), likely=work.params())
    return _by_tool(context, HEASOFT, step, work)


def summed_by_heasoft(context: RawContext, step: Step, members: Sequence[Source]) -> Step:
    """Make the step of a sum one of addspec."""
    background = all(bool(member.background) for member in members)
    response = all(bool(member.response) for member in members)
    made = _by_tool(context, HEASOFT, step, sum_work(range(len(members)), background, response))
    if not response or step.params.get("response") == "exposure-weighted":
        return made
    message = "addspec weights responses by exposure alone"
    hint = "write response: exposure-weighted, or engine: {combine: native}"
    problem = Problem(context.analysis.place(step.path), "XB412", message, hint, step.path)
    return replace(made, blocked=problem)


def _by_tool(context: RawContext, engine: str, step: Step, work: Work | None) -> Step:
    return replace(
        step,
        engine=engine,
        engine_version=context.version(engine),
        params={**step.params, **({"work": work.params()} if work is not None else {})},
        blocked=step.blocked or context.blocked(engine, step.path),
        because=_ASKED[engine],
        remarks=context.remarks(engine),
    )
