"""Steps that add spectra up, and steps that find bands of equal counts in them."""

from __future__ import annotations

from collections.abc import Sequence

from xbatch.plan.sources import Source, response_file
from xbatch.plan.steps import Input, Step
from xbatch.registry import TASKS
from xbatch.spec.derivedmodel import Combination, EqualBands
from xbatch.spec.model import Subject

__all__ = ["bands_step", "combine_name", "combine_step", "shared_responses"]


def combine_name(subject: Subject) -> str:
    """Name the step that makes a sum."""
    return f"combine:{subject.path}"


def combine_step(one: Combination, members: Sequence[Source]) -> Step:
    """Make the step that adds up some spectra.

    Parameters
    ----------
    one : Combination
    members : sequence of Source
        What is summed, in order. A member without a result is left out where ``on_missing`` is ``skip``.
    """
    subject = one.subject
    optional = one.params.get("on_missing") == "skip"
    responses, further = all(member.response for member in members), shared_responses(members)
    inputs: dict[str, Input] = {}
    for number, member in enumerate(members):
        inputs[f"spectrum/{number}"] = member.spectrum_input(optional)
        if member.background:
            inputs[f"background/{number}"] = member.background_input(optional)
        if responses:
            inputs[f"response/{number}"] = member.response_input(optional)
        for name in further:
            inputs[f"further/{name}/{number}"] = member.further_input(name, optional)
    return Step(
        name=combine_name(subject),
        task="combine",
        subject=subject.path,
        params={
            **one.params,
            "obsid": subject.obsid,
            "instrument": subject.instrument,
            "mission": subject.mission,
            "spectrum": subject.label,
            "members": [member.subject.path for member in members],
        },
        inputs=inputs,
        product=subject.path,
        path=one.path,
        outputs=(*TASKS["combine"].outputs, *map(response_file, further)) if further else (),
    )


def shared_responses(members: Sequence[Source]) -> tuple[str, ...]:
    """Name the further responses that all of some spectra have."""
    return tuple(name for name in members[0].responses if all(name in member.responses for member in members))


def bands_step(one: EqualBands, of: Source, to: Source | None) -> Step:
    """Make the step that finds a scheme's edges in a spectrum.

    Parameters
    ----------
    one : EqualBands
    of : Source
        The spectrum whose counts are shared out.
    to : Source or None
        The spectrum whose channels the edges go to.
    """
    inputs: dict[str, Input] = {"spectrum": of.spectrum_input()}
    if of.background:
        inputs["background"] = of.background_input()
    if of.response:
        inputs["response"] = of.response_input()
    if to is not None:
        inputs["to/spectrum"] = to.spectrum_input()
        if to.response:
            inputs["to/response"] = to.response_input()
    params = {**one.params, "name": one.name, "mission": of.subject.mission, "instrument": of.subject.instrument}
    if to is not None:
        params["to"] = {"mission": to.subject.mission, "instrument": to.subject.instrument}
    return Step(
        name=f"bands:{one.name}",
        task="bands",
        subject=one.name,
        params=params,
        inputs=inputs,
        product=f"bands/{one.name}",
        path=one.path,
    )
