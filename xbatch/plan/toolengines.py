"""Groupings and sums by HEASoft, where a spec asks for it: the same step by another engine, with the calls in it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from xbatch.base.errors import Problem
from xbatch.base.toolset import find_toolset
from xbatch.commands.call import HEASOFT, Staged, Work
from xbatch.commands.grouping import BACKGROUND, SPECTRUM, TEMPLATE, grouping_calls
from xbatch.commands.sums import sum_work
from xbatch.plan.rawmade import RawContext
from xbatch.plan.sources import Source
from xbatch.plan.steps import Step
from xbatch.spec.memo import Memo
from xbatch.spec.model import Analysis, Spec

__all__ = ["engine_context", "grouped_by_heasoft", "summed_by_heasoft"]

_ASKED = "the spec asks for HEASoft"
_STAGED = {"spectrum": SPECTRUM, "background": BACKGROUND, "template": TEMPLATE}


def engine_context(analysis: Analysis, spec: Spec, kind: str, shared: Memo | None = None) -> RawContext | None:
    """Say what is installed here, where the spec leaves a kind of work to HEASoft; None where it does not.

    Parameters
    ----------
    analysis, spec
    kind : str
        ``binning`` or ``combine``.
    shared : Memo, optional
        Keeps what was found for the other members of a sweep.
    """
    if spec.engines.get(kind) != HEASOFT:
        return None
    shared = shared if shared is not None else Memo(1)
    toolset = shared.find(("toolset",))
    if toolset is None:
        toolset = find_toolset(os.environ)
        shared.keep(("toolset",), toolset, ())
    return RawContext(analysis, spec, toolset)


def grouped_by_heasoft(context: RawContext, step: Step) -> Step:
    """Make the step of a grouping one of ftgrouppha and grppha.

    Calls that hang on a response (a range in keV) are made when it is done.
    """
    binning: Mapping[str, Any] = step.params["binning"]
    ranged = binning.get("range")
    if ranged is not None and ranged["unit"] == "keV":
        return _by_heasoft(context, step, None)
    subtracts = binning["type"] == "bmin" or ("snr" in binning and bool(binning.get("background", True)))
    try:
        calls = grouping_calls(
            binning,
            background=subtracts and "background" in step.inputs,
            files=["groups.txt"] if binning["type"] == "nutools" else [],
        )
    except ValueError as error:
        message = f"binning {step.params['name']!r}: {error}"
        problem = Problem(
            context.analysis.place(step.path), "XB412", message, "write engine: {binning: native}", step.path
        )
        return replace(_by_heasoft(context, step, None), blocked=problem)
    staged = {file: Staged(role, "copy") for role, file in _STAGED.items() if role in step.inputs}
    return _by_heasoft(context, step, Work(calls, staged))


def summed_by_heasoft(context: RawContext, step: Step, members: Sequence[Source]) -> Step:
    """Make the step of a sum one of addspec."""
    background = all(bool(member.background) for member in members)
    response = all(bool(member.response) for member in members)
    made = _by_heasoft(context, step, sum_work(len(members), background, response))
    if not response or step.params.get("response") == "exposure-weighted":
        return made
    message = "addspec weights responses by exposure alone"
    hint = "write response: exposure-weighted, or engine: {combine: native}"
    problem = Problem(context.analysis.place(step.path), "XB412", message, hint, step.path)
    return replace(made, blocked=problem)


def _by_heasoft(context: RawContext, step: Step, work: Work | None) -> Step:
    return replace(
        step,
        engine=HEASOFT,
        engine_version=context.version(HEASOFT),
        params={**step.params, **({"work": work.params()} if work is not None else {})},
        blocked=step.blocked or context.blocked(HEASOFT, step.path),
        because=_ASKED,
    )
