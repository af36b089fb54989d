"""Observations reduced with the fake SAS, step by step: what a recipe has planned, run in the order of its needs."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from xbatch.base.toolset import find_toolset
from xbatch.plan.observation import observation_steps
from xbatch.plan.rawmade import RawContext, RawMade
from xbatch.plan.steps import FileInput, Step, ordered
from xbatch.registry import Job, Outcome, task_function
from xbatch.spec import load
from xbatch.spec.rawmodel import RawObservation

__all__ = ["Reduced", "context_of", "planned", "reduce"]

Recipe = Callable[[RawContext, RawObservation], RawMade]


@dataclass
class Reduced:
    """What was made: for each step its folder and its outcome."""

    folder: Path
    steps: dict[str, Step] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def out(self, step: str) -> Path:
        return self.folder / step.replace("/", "_").replace(":", "-")

    def run(self, step: Step) -> Outcome:
        """Run one step whose needs have been run, in the place of what it has made before."""
        out = self.out(step.name)
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        inputs = {
            role: Path(item.path) if isinstance(item, FileInput) else self.out(item.step) / item.output
            for role, item in step.inputs.items()
        }
        there = {role: path for role, path in inputs.items() if path.exists()}
        places = {name: Path(path) for name, path in step.places.items()}
        outcome = task_function(step.task, step.engine)(Job(step.name, step.params, there, out, places))
        self.steps[step.name], self.outcomes[step.name] = step, outcome
        return outcome


def context_of(spec: Path, environment: Mapping[str, str]) -> RawContext:
    """Load a spec, and look for the tools in an environment."""
    analysis = load(spec)
    return RawContext(analysis, analysis.members[0].spec, find_toolset(environment))


def planned(context: RawContext, recipes: Iterable[Recipe]) -> dict[str, Step]:
    """Give all steps of all observations of a spec, by name."""
    made = RawMade()
    for one in context.raw.observations:
        made |= observation_steps(context, one)
        for recipe in recipes:
            made |= recipe(context, one)
    return {step.name: step for step in made.steps}


def reduce(context: RawContext, folder: Path, recipes: Iterable[Recipe], but: Iterable[str] = ()) -> Reduced:
    """Run all steps of all observations of a spec.

    Parameters
    ----------
    context : RawContext
    folder : Path
        Where each step has its folder.
    recipes : iterable of Recipe
    but : iterable of str
        Tasks that are left out, with what hangs on them.
    """
    reduced = Reduced(folder)
    steps = list(planned(context, recipes).values())
    left, names = set(but), {step.name for step in steps}
    gone = {step.name for step in steps if step.task in left or not {*step.needs()} <= names}
    while further := {step.name for step in steps if {*step.needs()} & gone} - gone:
        gone |= further
    for step in ordered("reduction", [step for step in steps if step.name not in gone]):
        reduced.run(step)
    return reduced
