"""What will happen to each step, and why: one function that both `plan` and `run` ask.

A verdict is made of the step itself, the digests of its inputs and a look into the store. Nothing is read or written
here. Before a run the inputs of some steps are not known yet, and their verdict is that they wait; during a run each
step is judged when all it waits for has ended, by the same function, so a run cannot contradict what a plan promised.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Literal

from xbatch.base.errors import FileError
from xbatch.plan.keys import engine_version, ingredients_of, key_of
from xbatch.plan.reasons import Reason, changes, reason_text, unreadable
from xbatch.plan.steps import FileInput, Plan, Step
from xbatch.registry import TaskDef

__all__ = ["Evidence", "Gone", "Known", "Reason", "Verdict", "judge", "judge_plan", "output_digests", "reason_text"]

Record = Mapping[str, Any]
Kind = Literal["run", "up to date", "waits", "blocked"]


@dataclass(frozen=True)
class Verdict:
    """What will happen to a step.

    Attributes
    ----------
    step : str
    kind : str
        ``run``; ``up to date``; ``waits``: the result of a step before it, or files that are not read yet, will decide;
        ``blocked``: it cannot be done here, reads a file that cannot be read, or needs a step that is blocked.
    key : str or None
        None as long as an input is not known.
    reasons : tuple of Reason
        Empty for ``up to date``.
    ingredients : Mapping or None
        What the key is made of.
    record : Mapping or None
        The record of the result that is there, for ``up to date``.
    """

    step: str
    kind: Kind
    key: str | None
    reasons: tuple[Reason, ...] = ()
    ingredients: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    record: Record | None = field(default=None, compare=False, repr=False)

    def as_dict(self) -> dict[str, Any]:
        """Give the verdict as JSON-able data."""
        return {
            "step": self.step,
            "kind": self.kind,
            "key": self.key,
            "reasons": [reason.as_dict() for reason in self.reasons],
        }


@dataclass(frozen=True)
class Known:
    """A step whose result is there: the content digests of its outputs by name (an optional one may be absent)."""

    outputs: Mapping[str, str]


class Gone(Enum):
    """A step without a result."""

    LATER = "its result is not known yet"
    NEVER = "it has failed or cannot be done"


State = Known | Gone


@dataclass(frozen=True)
class Evidence:
    """What verdicts are made of, beside the step.

    Attributes
    ----------
    registry : Mapping
        Task name to its definition.
    files : Mapping
        Absolute path to content digest of every file from outside the plan.
    lookup : callable
        Key to the record in the store, None where there is none or where its outputs are not all there.
    previous : callable
        Step name to the record of its last success in this run folder, or None.
    forced : collection of str
        Names of steps to run in any case.
    unread : collection of str
        Paths of files that have no digest yet.
    faults : Mapping
        Path to what is wrong, of files that cannot be read.
    """

    registry: Mapping[str, TaskDef]
    files: Mapping[str, str]
    lookup: Callable[[str], Record | None]
    previous: Callable[[str], Record | None]
    forced: Collection[str] = ()
    unread: Collection[str] = ()
    faults: Mapping[str, FileError] = field(default_factory=dict)


def judge(step: Step, states: Mapping[str, State], evidence: Evidence) -> Verdict:
    """Judge one step.

    Parameters
    ----------
    step : Step
    states : Mapping
        What is known of each step that this one waits for.
    evidence : Evidence

    Raises
    ------
    KeyError
        The task is not registered, or a file has no digest and is neither unread nor at fault.
    """
    blocked = [need for need in step.needs() if states[need] is Gone.NEVER]
    if blocked:
        return Verdict(step.name, "blocked", None, tuple(Reason("needs", need) for need in blocked))
    if evidence.faults and (faults := _faults(step, evidence.faults)):
        return Verdict(step.name, "blocked", None, (unreadable(faults),))  # no key, so no result to be found either
    cannot = (Reason("cannot", new=str(step.blocked)),) if step.blocked else ()
    forced = (Reason("forced"),) if step.name in evidence.forced else ()
    waits = [Reason("waits", need) for need in step.waits_for() if states[need] is Gone.LATER]
    unread = _unread(step, evidence.unread) if evidence.unread else 0
    if unread:
        waits.append(Reason("unread", f"{unread} file{'s' if unread > 1 else ''}"))
    if waits:
        reasons = (*forced, *waits, *cannot)
        return Verdict(step.name, "run" if forced and not cannot else "waits", None, reasons)

    digests = dict(_digests(step, states, evidence.files))
    version = evidence.registry[step.task].version
    ingredients = ingredients_of(step, version, engine_version(step), digests)
    key = key_of(ingredients)
    record = None if forced else evidence.lookup(key)
    if record is not None:
        return Verdict(step.name, "up to date", key, (), ingredients, record)
    if cannot:
        return Verdict(step.name, "blocked", key, cannot, ingredients)
    reasons = forced or tuple(_changes(ingredients, key, evidence.previous(step.name)))
    return Verdict(step.name, "run", key, reasons, ingredients)


def judge_plan(plan: Plan, evidence: Evidence) -> list[Verdict]:
    """Judge every step of a plan before it is run, in the plan's order.

    Of steps that are the same work under several names the first is to be run, and the others wait for it.

    Raises
    ------
    KeyError
        A task is not registered, or a file has no digest.
    """
    states: dict[str, State] = {}
    verdicts = []
    doing: dict[str, str] = {}
    for step in plan:
        verdict = judge(step, states, evidence)
        if verdict.kind == "run" and verdict.key is not None:
            other = doing.setdefault(verdict.key, step.name)
            if other != step.name and step.name not in evidence.forced:
                verdict = replace(verdict, kind="waits", reasons=(Reason("waits", other),))
        verdicts.append(verdict)
        states[step.name] = Gone.NEVER if verdict.kind == "blocked" else Gone.LATER
        if verdict.record is not None:
            states[step.name] = Known(output_digests(verdict.record))
    return verdicts


def output_digests(record: Record) -> dict[str, str]:
    """Take the content digests of a step's outputs from its record."""
    return {name: output["digest"] for name, output in record["outputs"].items()}


def _unread(step: Step, unread: Collection[str]) -> int:
    """Count the files of a step that have no digest yet."""
    return sum(isinstance(source, FileInput) and source.path in unread for source in step.inputs.values())


def _faults(step: Step, faults: Mapping[str, FileError]) -> list[FileError]:
    """Say what is wrong with the files of a step, each once."""
    files = dict.fromkeys(source.path for source in step.inputs.values() if isinstance(source, FileInput))
    return [faults[path] for path in files if path in faults]


def _digests(step: Step, states: Mapping[str, State], files: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Give role and digest of each input that is there; every step waited for has ended."""
    for role, source in step.inputs.items():
        if isinstance(source, FileInput):
            yield role, files[source.path]
            continue
        state = states[source.step]
        if isinstance(state, Known) and source.output in state.outputs:
            yield role, state.outputs[source.output]


def _changes(now: Mapping[str, Any], key: str, previous: Record | None) -> Iterator[Reason]:
    """Say what differs from the last time."""
    if previous is None:
        yield Reason("new")
        return
    if previous["key"] == key:
        yield Reason("output missing")
        return
    yield from changes(previous["ingredients"], now)
