"""A checked analysis to one plan: the steps of every member of a sweep, shared where they are the same."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from graphlib import CycleError
from typing import Any

from xbatch.base.collection import no_collection
from xbatch.base.errors import Problem, SpecError
from xbatch.plan.handover import handover_steps
from xbatch.plan.sources import SPECTRUM
from xbatch.plan.steps import Plan, Step, StepInput, check_outputs, ordered
from xbatch.plan.twins import remarked
from xbatch.plan.variants import Variants, common_values
from xbatch.registry import TASKS
from xbatch.spec.memo import Memo
from xbatch.spec.model import Analysis, Member, Spec

__all__ = ["compile_plan"]

Recipe = Callable[[Analysis, Spec, Memo], tuple[list[Step], list[Problem]]]
# By name, as tasks are: a plan from event lists on has no use for what plans from raw data on, which is slow to load.
_RECIPES: Mapping[str, str] = {
    "spectra": "xbatch.plan.spectra:spectra_steps",
    "events": "xbatch.plan.events:events_steps",
    "raw": "xbatch.plan.raw:raw_steps",
}
_SPECTRA = {"spectrum", "combine", "fake"}
"""Tasks that make a spectrum for groupings and fits; all of them are in the table of spectra."""
_KEPT = 5000
"""How many answers are kept of what members share."""


def compile_plan(analysis: Analysis) -> Plan:
    """Compile an analysis to its plan.

    Raises
    ------
    SpecError
        Files that are named and missing, fits that no engine here can do: everything, at once.
    """
    with no_collection():
        made = _member_steps(analysis)
        steps = [*made, *handover_steps(made), *_table_steps(made, analysis)]
        check_outputs(steps, TASKS)
        return ordered(analysis.name, steps)


def _member_steps(analysis: Analysis) -> list[Step]:
    """Make the steps of all members, shared where they are the same."""
    variants = Variants()
    problems: dict[Problem, None] = {}
    shared = Memo(_KEPT)
    for member in analysis.members:
        steps, refused = _recipe(member.spec.level)(analysis, member.spec, shared)
        problems |= dict.fromkeys(refused)
        try:
            variants.add(member, steps)
        except CycleError as error:
            problems[_circle(error.args[1], steps, analysis)] = None
    if problems:
        raise SpecError(list(problems))
    return remarked(_checked(variants.steps(), analysis, shared), analysis)


def _checked(steps: list[Step], analysis: Analysis, shared: Memo) -> list[Step]:
    """Hold what external tools are told against those that are here."""
    if all(step.engine == "native" for step in steps):
        return steps
    from xbatch.plan.callcheck import checked_calls  # for plans that use such tools
    from xbatch.plan.engines import installed_here

    checked, problems = checked_calls(steps, installed_here(shared), analysis)
    if problems:
        raise SpecError(problems)
    return checked


def _recipe(level: str) -> Recipe:
    module, _, name = _RECIPES[level].partition(":")
    recipe: Recipe = getattr(importlib.import_module(module), name)
    return recipe


def _circle(names: list[str], steps: list[Step], analysis: Analysis) -> Problem:
    """Say which steps wait for each other: a time selection by a light curve in bands of a spectrum of those times."""
    path = next(step.path for step in steps if step.name == names[0])
    message = f"steps wait for each other: {' waits for '.join(reversed(names))}"
    hint = "take bands or times from a spectrum or light curve that does not depend on them"
    return Problem(analysis.place(path), "XB409", message, hint, path)


def _table_steps(steps: list[Step], analysis: Analysis) -> list[Step]:
    """Make the steps that put all spectra, and all fits of all members, into one table each."""
    tables = []
    spectra = [step for step in steps if step.task in _SPECTRA]
    if spectra:
        tables.append(
            Step(
                name="summary:spectra",
                task="summary",
                subject="spectra",
                params={
                    "spectra": [
                        {"role": f"spectrum/{n}"}
                        | {key: step.params.get(key, "") for key in ("obsid", "instrument", "spectrum", "note")}
                        for n, step in enumerate(spectra)
                    ],
                    **_keep(analysis),
                },
                inputs={
                    f"spectrum/{n}": StepInput(step.name, SPECTRUM, optional=True) for n, step in enumerate(spectra)
                },
                product="tables",
                path="spectra",
            )
        )
    fits = [step for step in steps if step.task == "fit"]
    members = {member.name: member for member in analysis.members}
    if fits:
        tables.append(
            Step(
                name="parameters:fits",
                task="parameters",
                subject="fits",
                params={"fits": [_fit_row(f"fit/{n}", step, members) for n, step in enumerate(fits)]},
                inputs={f"fit/{n}": StepInput(step.name, "fit.json", optional=True) for n, step in enumerate(fits)},
                product="tables",
                path="fit",
            )
        )
    return tables


def _keep(analysis: Analysis) -> dict[str, float]:
    """Give the least exposure to the table of spectra, where one is asked for; of a sweep's, the least."""
    least = min(member.spec.min_exposure for member in analysis.members)
    return {"min_exposure": least} if least > 0 else {}


def _fit_row(role: str, step: Step, members: Mapping[str, Member]) -> dict[str, Any]:
    """Describe a fit for the table: which it is, and the swept values that all its members share."""
    values = common_values([members[name] for name in step.members])
    return {"role": role, "fit": step.subject, "member": ", ".join(step.members), "values": values}
