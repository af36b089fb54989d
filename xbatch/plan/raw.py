"""The recipe of level ``raw``: the missions' tools make event lists and what needs calibration; the rest is as at level
``events``, with steps in the place of files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from xbatch.base.errors import Problem
from xbatch.base.toolset import Toolset
from xbatch.commands.epic import CAMERAS
from xbatch.plan.beginnings import Beginning, member_steps
from xbatch.plan.engines import installed_here, native_because
from xbatch.plan.eventlists import EventLists
from xbatch.plan.eventproducts import product_steps
from xbatch.plan.events import file_problems
from xbatch.plan.eventspectra import event_source, extraction_steps, spectrum_step
from xbatch.plan.fitting import Installed, is_installed
from xbatch.plan.observation import observation_steps
from xbatch.plan.raw_detect import detection_steps
from xbatch.plan.raw_epic import epic_steps
from xbatch.plan.raw_epiccurves import epic_curve_steps
from xbatch.plan.raw_nustar import nustar_steps
from xbatch.plan.raw_rgs import rgs_steps
from xbatch.plan.rawmade import RawContext, RawMade, SpectrumInputs
from xbatch.plan.sources import Source
from xbatch.plan.steps import Input, Step, StepInput
from xbatch.plan.sums import edge_steps, sum_steps, with_sums
from xbatch.spec.eventmodel import EventSpectrum
from xbatch.spec.memo import Memo
from xbatch.spec.model import Analysis, Spec
from xbatch.spec.rawmodel import RawObservation

__all__ = ["raw_steps"]

#: Tasks of xbatch's own that a mission's tools could do too, and the kind of work that they are.
_KINDS = {"extract": "spectra", "image": "images", "lightcurve": "lightcurves"}
ToolRecipe = Callable[[RawContext, RawObservation], RawMade]
_RECIPES: Mapping[str, tuple[ToolRecipe, ...]] = {
    "nustar": (nustar_steps,),
    "xmm": (epic_steps, epic_curve_steps, rgs_steps, detection_steps),
}


def raw_steps(
    analysis: Analysis,
    spec: Spec,
    shared: Memo | None = None,
    installed: Installed = is_installed,
    toolset: Toolset | None = None,
) -> tuple[list[Step], list[Problem]]:
    """Make the steps of one member whose work starts at raw data, as `member_steps`.

    Parameters
    ----------
    analysis, spec, shared, installed
    toolset : Toolset or None
        What is installed here; None to look.
    """

    def begin(memo: Memo) -> Beginning:
        return _made(RawContext(analysis, spec, installed_here(memo) if toolset is None else toolset), memo)

    parts = (spec.work, spec.raw, spec.combinations, spec.fakes, spec.equal_bands, spec.engines)
    return member_steps(analysis, spec, shared, installed, begin, parts)


def _made(context: RawContext, shared: Memo) -> Beginning:
    work = context.work
    made = RawMade()
    for one in context.raw.observations:
        made |= observation_steps(context, one)
        for recipe in _RECIPES[one.mission]:
            made |= recipe(context, one)
    lists = EventLists(work, made.lists)
    problems = [*made.problems, *file_problems(lists, {}, context.analysis)]
    sources = with_sums(context.spec, {**_event_sources(context, made), **made.sources})
    if problems:
        return Beginning(sources, [], problems)
    by_tool = [(one, made.spectra.get(one.subject.path)) for one in work.spectra]
    native = [one for one, files in by_tool if files is None]
    tools = [_tool_spectrum(one, files) for one, files in by_tool if files is not None]
    steps = [
        *made.steps,
        *(_as_found(context, step) if step.task == "preview" else step for step in lists.steps()),
        *_explained(context, extraction_steps(lists, native)),
        *tools,
        *sum_steps(context.analysis, context.spec, sources, shared),
        *edge_steps(context.spec, sources),
        *_explained(context, product_steps(lists, made.curves)),
    ]
    return Beginning(sources, steps)


def _as_found(context: RawContext, step: Step) -> Step:
    """Have a picture of regions show the inner radius that a search finds, where it finds one."""
    found: dict[str, Input] = {
        f"pileup/{one.region}": StepInput(f"pileup:{one.observed}/{one.name}", "pileup.json", optional=True)
        for one in context.raw.pileups
        if one.observed == step.subject and one.region in step.params["regions"]
    }
    return replace(step, inputs={**step.inputs, **found})


def _explained(context: RawContext, steps: Iterable[Step]) -> list[Step]:
    """Say of steps why they are not of the mission's tools."""
    engines = context.spec.engines
    return [
        replace(step, because=native_because(engines, _KINDS[step.task])) if step.task in _KINDS else step
        for step in steps
    ]


def _event_sources(context: RawContext, made: RawMade) -> dict[str, Source]:
    """Give the spectra of regions; those that tools make have a response."""
    sources = {}
    for one in context.work.spectra:
        source = event_source(one)
        tool = made.spectra.get(one.subject.path)
        # where something keeps a tool from making it, that is the problem, and not that there is no response
        kept_from = tool is None and one.response is None and bool(made.problems)
        response = source.response or kept_from or (tool is not None and tool.rmf is not None)
        sources[one.subject.path] = _explained_lack(replace(source, response=response), one)
    return sources


def _explained_lack(source: Source, one: EventSpectrum) -> Source:
    """Say of a spectrum without a response why it has none, and how it would get one."""
    if isinstance(one.response, str):
        why, how = "the spec says 'response: none'", "remove 'response: none'"
    elif one.response is None:
        why, how = "by 'engine: {spectra: native}' xbatch counts it, and makes none", "engine: {spectra: auto}"
    else:
        return source
    return replace(source, no_response=f" ({why})", response_cure=f"{_made_by(one)}: {how}")


def _made_by(one: EventSpectrum) -> str:
    return f", or have {'SAS' if one.subject.instrument in CAMERAS else 'nuproducts'} make it"


def _tool_spectrum(one: EventSpectrum, files: SpectrumInputs) -> Step:
    """Make the step that checks and reads a spectrum that a tool has made."""
    named: dict[str, Input | None] = vars(files)
    return spectrum_step(one, {role: item for role, item in named.items() if item is not None})
