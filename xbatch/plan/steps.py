"""The plan as data: steps, what each needs, and the order they stand in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import TopologicalSorter
from typing import Any

from xbatch.base.errors import Problem
from xbatch.registry import TaskDef

__all__ = ["FileInput", "Plan", "Step", "StepInput"]


@dataclass(frozen=True, slots=True)
class FileInput:
    """A file from outside the plan, by its absolute path."""

    path: str


@dataclass(frozen=True, slots=True)
class StepInput:
    """A file that another step makes.

    `optional` inputs are waited for but not insisted on: the step runs with those that came (a table of all fits is
    worth having when one fit of a hundred has failed).
    """

    step: str
    output: str
    optional: bool = False


Input = FileInput | StepInput


@dataclass(frozen=True)
class Step:
    """One task on one subject with fixed parameters: a node of the plan.

    Attributes
    ----------
    name : str
        ``task:subject``, stable and readable; what ``--only``, ``logs`` and ``explain`` take.
    task, subject, engine : str
        The task's name, what it is about, and who does it.
    params : Mapping
        All parameters, JSON-able; part of the key.
    inputs : Mapping
        Role to input; the roles are part of the key, the paths are not.
    product : str
        Folder of the step's outputs below a run's ``products/``.
    blocked : Problem or None
        Why this step cannot be done here (a package that is not installed); it fails with this when it is run.
    path : str
        The dotted path in the spec that asked for the step.
    members : tuple of str
        Names of the sweep's members that use the step; empty outside a sweep.
    outputs : tuple of str
        The files the step leaves, where its parameters decide that (one for each spectrum or band); empty where the
        task's own list holds. A name that ends in ``?`` may be absent.
    places : Mapping
        Folders of the user's that the step reads, by name; what they hold is part of the key by one of the inputs,
        where they lie is not.
    engine_version : str
        Version of an external toolset, as it was found here; part of the key. Empty for the native engine, which has
        its own.
    fresh : bool
        Whether it is run each time, since it looks at the world outside; what hangs on it runs only where its result
        has changed.
    because : str
        Why this engine does it, where there was a choice; not part of the key.
    remarks : tuple of str
        What is odd here, and keeps the step from nothing: of the set-up of its tools; not part of the key.
    likely : Mapping
        Where only data decide what is called: the work (as ``params["work"]`` would be) with tokens in the place of
        what they decide, to be shown and checked beforehand; not part of the key.
    """

    name: str
    task: str
    subject: str
    engine: str = "native"
    params: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Input] = field(default_factory=dict)
    product: str = ""
    blocked: Problem | None = None
    path: str = ""
    members: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)
    engine_version: str = ""
    fresh: bool = False
    because: str = ""
    remarks: tuple[str, ...] = ()
    likely: Mapping[str, Any] = field(default_factory=dict)

    def needs(self) -> tuple[str, ...]:
        """Name the steps this one cannot do without, sorted."""
        return self._needs

    def waits_for(self) -> tuple[str, ...]:
        """Name every step that must have ended before this one may start, sorted."""
        return self._waits_for

    # Plans of many steps ask for these again and again.
    @cached_property
    def _needs(self) -> tuple[str, ...]:
        return tuple(sorted({i.step for i in self.inputs.values() if isinstance(i, StepInput) and not i.optional}))

    @cached_property
    def _waits_for(self) -> tuple[str, ...]:
        return tuple(sorted({i.step for i in self.inputs.values() if isinstance(i, StepInput)}))


@dataclass(frozen=True)
class Plan:
    """The steps of a spec, each after all it waits for, in a stable order."""

    name: str
    steps: tuple[Step, ...]

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def by_name(self) -> dict[str, Step]:
        """Map names to steps."""
        return {step.name: step for step in self.steps}


def ordered(name: str, steps: list[Step]) -> Plan:
    """Make a plan of steps given in any order.

    Steps keep the order given as far as their needs allow, so that two compilations of one spec are equal.

    Raises
    ------
    ValueError
        Two steps share a name, a step needs one that is not there, or the needs form a circle (`graphlib.CycleError`).
    """
    known = {step.name: step for step in steps}
    if len(known) != len(steps):
        raise ValueError("two steps of a plan share a name")
    rank = {step.name: number for number, step in enumerate(steps)}
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for step in steps:
        missing = [need for need in step.waits_for() if need not in known]
        if missing:
            raise ValueError(f"{step.name} needs {missing[0]}, which is not in the plan")
        sorter.add(step.name, *step.waits_for())
    sorter.prepare()
    order: list[Step] = []
    while sorter.is_active():
        for ready in sorted(sorter.get_ready(), key=rank.__getitem__):
            order.append(known[ready])
            sorter.done(ready)
    return Plan(name, tuple(order))


def check_outputs(steps: Sequence[Step], tasks: Mapping[str, TaskDef]) -> None:
    """Make sure that every step leaves something, and everything that another step takes.

    Parameters
    ----------
    steps : sequence of Step
    tasks : Mapping
        Task name to its definition.

    Raises
    ------
    ValueError
        A recipe has made a step without outputs, or one that takes what is not made.
    """
    left = {step.name: {name.removesuffix("?") for name in step.outputs or tasks[step.task].outputs} for step in steps}
    for step in steps:
        if not left[step.name]:
            raise ValueError(f"{step.name} leaves no file: the task {step.task!r} lets its steps name them")
        for role, item in step.inputs.items():
            if isinstance(item, StepInput) and item.output not in left.get(item.step, {item.output}):
                raise ValueError(f"{step.name} takes {role} from {item.step}, which does not make {item.output}")
