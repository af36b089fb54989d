"""A checked analysis to one plan: the steps of every member of a sweep, shared where they are the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from graphlib import CycleError
from hashlib import sha256
from typing import Any

from xbatch.base.errors import Problem, SpecError
from xbatch.base.files import canonical_json
from xbatch.plan.events import events_steps
from xbatch.plan.handover import handover_steps
from xbatch.plan.sources import SPECTRUM
from xbatch.plan.spectra import spectra_steps
from xbatch.plan.steps import FileInput, Input, Plan, Step, StepInput, check_outputs, ordered
from xbatch.registry import TASKS
from xbatch.spec.model import Analysis, Member, Spec
from xbatch.spec.labels import member_label

__all__ = ["compile_plan"]

Recipe = Callable[[Analysis, Spec], tuple[list[Step], list[Problem]]]
_RECIPES: Mapping[str, Recipe] = {"spectra": spectra_steps, "events": events_steps}
_SPECTRA = {"spectrum", "combine", "fake"}
"""Tasks that make a spectrum for groupings and fits; all of them are in the table of spectra."""


@dataclass(frozen=True)
class _Variant:
    """A step as some members have it: equal definitions under one name are one variant."""

    step: Step
    signature: str
    members: tuple[Member, ...]


def compile_plan(analysis: Analysis) -> Plan:
    """Compile an analysis to its plan.

    Raises
    ------
    SpecError
        Files that are named and missing, fits that no engine here can do: everything, at once.
    """
    variants: dict[tuple[str, str], _Variant] = {}
    problems: list[Problem] = []
    names: dict[tuple[str, str], str] = {}
    for member in analysis.members:
        steps, refused = _RECIPES[member.spec.level](analysis, member.spec)
        problems += refused
        try:
            signatures = _signatures(steps)
        except CycleError as error:
            problems.append(_circle(error.args[1], steps, analysis))
            continue
        for step in steps:
            signature = signatures[step.name]
            known = variants.get((step.name, signature))
            members = (*known.members, member) if known else (member,)
            variants[step.name, signature] = _Variant(step, signature, members)
            names[member.name, step.name] = signature
    if problems:
        raise SpecError(problems)
    shared = _named(list(variants.values()), analysis.members, names)
    steps = [*shared, *handover_steps(shared), *_table_steps(shared, analysis)]
    check_outputs(steps, TASKS)
    return ordered(analysis.name, steps)


def _circle(names: list[str], steps: list[Step], analysis: Analysis) -> Problem:
    """Say which steps wait for each other: a time selection by a light curve in bands of a spectrum of those times."""
    path = next(step.path for step in steps if step.name == names[0])
    message = f"steps wait for each other: {' waits for '.join(reversed(names))}"
    hint = "take bands or times from a spectrum or light curve that does not depend on them"
    return Problem(analysis.place(path), "XB409", message, hint, path)


def _signatures(steps: list[Step]) -> dict[str, str]:
    """Digest what defines each step of one member, through all that it hangs on."""
    result: dict[str, str] = {}

    def defined(item: Input) -> str:
        if isinstance(item, FileInput):
            return f"file {item.path}"
        return f"{result[item.step]} {item.output}"

    for step in ordered("", steps):
        content = {
            "task": step.task,
            "engine": step.engine,
            "params": step.params,
            "inputs": {role: defined(item) for role, item in step.inputs.items()},
        }
        result[step.name] = sha256(canonical_json(content)).hexdigest()
    return result


def _named(
    variants: list[_Variant], members: tuple[Member, ...], signature_of: Mapping[tuple[str, str], str]
) -> list[Step]:
    """Give each variant a name of its own: the plain one, or with the swept values that make it differ."""
    count: dict[str, int] = {}
    for variant in variants:
        count[variant.step.name] = count.get(variant.step.name, 0) + 1
    suffix = {
        (v.step.name, v.signature): _suffix(v, variants, members) if count[v.step.name] > 1 else "" for v in variants
    }

    def renamed(item: Input, member: Member) -> Input:
        if isinstance(item, FileInput):
            return item
        return replace(item, step=item.step + suffix[item.step, signature_of[member.name, item.step]])

    steps = []
    for variant in variants:
        step, tail = variant.step, suffix[variant.step.name, variant.signature]
        steps.append(
            replace(
                step,
                name=step.name + tail,
                subject=step.subject + tail,
                product=f"{step.product}/{tail[1:]}" if tail and step.product else step.product,
                params=_titled(step.params, tail),
                inputs={role: renamed(item, variant.members[0]) for role, item in step.inputs.items()},
                members=tuple(member.name for member in variant.members if member.name),
            )
        )
    return steps


def _titled(params: Mapping[str, Any], tail: str) -> Mapping[str, Any]:
    """Put the swept values into the title of a figure, which tells the members' figures apart."""
    return {**params, "title": f"{params['title']} ({tail[1:]})"} if tail and "title" in params else params


def _suffix(variant: _Variant, variants: list[_Variant], members: tuple[Member, ...]) -> str:
    values = {axis: variant.members[0].values[axis] for axis in _axes(variant, variants)}
    return "~" + member_label(values, tuple(members[0].values))


def _axes(variant: _Variant, variants: list[_Variant]) -> list[str]:
    """Name the swept paths whose value is the same in all members of a variant and differs in another's."""
    mine = variant.members
    others = [m for v in variants if v.step.name == variant.step.name and v is not variant for m in v.members]
    fixed = [axis for axis in mine[0].values if len({canonical_json(m.values[axis]) for m in mine}) == 1]
    return [axis for axis in fixed if any(m.values[axis] != mine[0].values[axis] for m in others)]


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
    if fits:
        tables.append(
            Step(
                name="parameters:fits",
                task="parameters",
                subject="fits",
                params={"fits": [_fit_row(f"fit/{n}", step, analysis) for n, step in enumerate(fits)]},
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


def _fit_row(role: str, step: Step, analysis: Analysis) -> dict[str, Any]:
    """Describe a fit for the table: which it is, and the swept values that all its members share."""
    members = [member for member in analysis.members if member.name in step.members]
    values = {
        axis: value
        for axis, value in (members[0].values.items() if members else ())
        if all(canonical_json(member.values[axis]) == canonical_json(value) for member in members)
    }
    return {"role": role, "fit": step.subject, "member": ", ".join(step.members), "values": values}
