"""What will happen to each step, and why: one function that both `plan` and `run` ask.

A verdict is made of the step itself, the digests of its inputs and a look into the store. Nothing is read or written
here. Before a run the inputs of some steps are not known yet, and their verdict is that they wait; during a run each
step is judged when all it waits for has ended, by the same function, so a run cannot contradict what a plan promised.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

from xbatch.plan.keys import ENGINE_VERSIONS, ingredients_of, key_of, plain
from xbatch.plan.steps import FileInput, Plan, Step
from xbatch.registry import TaskDef

__all__ = ["Evidence", "Gone", "Known", "Reason", "Verdict", "judge", "judge_plan", "output_digests", "reason_text"]

Record = Mapping[str, Any]
Kind = Literal["run", "up to date", "waits", "blocked"]
ReasonKind = Literal[
    "new", "parameter", "input", "task version", "engine", "forced", "output missing", "waits", "cannot", "needs"
]


@dataclass(frozen=True)
class Reason:
    """One reason, as data.

    Attributes
    ----------
    kind : str
        ``new``, ``parameter``, ``input``, ``task version``, ``engine``, ``forced``, ``output missing``, ``waits`` (for
        a step whose result will decide), ``cannot`` (be done here), ``needs`` (a step that cannot be done here).
    what : str
        The dotted path of a parameter, the role of an input, or the name of a step.
    old, new : JSON-able
        The value before and now; None where there was or is none.
    """

    kind: ReasonKind
    what: str = ""
    old: Any = None
    new: Any = None

    def as_dict(self) -> dict[str, Any]:
        """Give the reason as JSON-able data."""
        return {"kind": self.kind, "what": self.what, "old": self.old, "new": self.new}


@dataclass(frozen=True)
class Verdict:
    """What will happen to a step.

    Attributes
    ----------
    step : str
    kind : str
        ``run``; ``up to date``; ``waits``: the result of a step before it will decide; ``blocked``: it cannot be done
        here, or needs a step that cannot.
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
    """

    registry: Mapping[str, TaskDef]
    files: Mapping[str, str]
    lookup: Callable[[str], Record | None]
    previous: Callable[[str], Record | None]
    forced: Collection[str] = ()


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
        The task is not registered, or a file has no digest.
    """
    blocked = [need for need in step.needs() if states[need] is Gone.NEVER]
    if blocked:
        return Verdict(step.name, "blocked", None, tuple(Reason("needs", need) for need in blocked))
    cannot = (Reason("cannot", new=str(step.blocked)),) if step.blocked else ()
    forced = (Reason("forced"),) if step.name in evidence.forced else ()
    waits = [need for need in step.waits_for() if states[need] is Gone.LATER]
    if waits:
        reasons = (*forced, *(Reason("waits", need) for need in waits), *cannot)
        return Verdict(step.name, "run" if forced and not cannot else "waits", None, reasons)

    digests = dict(_digests(step, states, evidence.files))
    version = evidence.registry[step.task].version
    ingredients = ingredients_of(step, version, ENGINE_VERSIONS.get(step.engine, ""), digests)
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

    Raises
    ------
    KeyError
        A task is not registered, or a file has no digest.
    """
    states: dict[str, State] = {}
    verdicts = []
    for step in plan:
        verdict = judge(step, states, evidence)
        verdicts.append(verdict)
        states[step.name] = Gone.NEVER if verdict.kind == "blocked" else Gone.LATER
        if verdict.record is not None:
            states[step.name] = Known(output_digests(verdict.record))
    return verdicts


def output_digests(record: Record) -> dict[str, str]:
    """Take the content digests of a step's outputs from its record."""
    return {name: output["digest"] for name, output in record["outputs"].items()}


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
    before = previous["ingredients"]
    if before["version"] != now["version"]:
        yield Reason("task version", now["task"], before["version"], now["version"])
    if (before["engine"], before["engine_version"]) != (now["engine"], now["engine_version"]):
        yield Reason(
            "engine",
            "",
            f"{before['engine']} {before['engine_version']}".strip(),
            f"{now['engine']} {now['engine_version']}".strip(),
        )
    yield from _differences("parameter", dict(_flat(before["params"])), dict(_flat(now["params"])))
    yield from _differences("input", before["inputs"], now["inputs"])


def _differences(kind: ReasonKind, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Reason]:
    for what in sorted(old.keys() | new.keys()):
        if what not in old or what not in new or plain(old[what]) != plain(new[what]):
            yield Reason(kind, what, old.get(what), new.get(what))


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Give each leaf of nested data by its dotted path: ``data[0].band.lo``; an empty container is a leaf."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _flat(item, f"{path}.{key}" if path else key)
    elif isinstance(value, (list, tuple)) and value:
        for number, item in enumerate(value):
            yield from _flat(item, f"{path}[{number}]")
    else:
        yield path, value


def reason_text(reason: Reason) -> str:
    """Turn a reason into a clause for people."""
    if reason.kind == "parameter":
        return f"{reason.what} {_value(reason.old)} -> {_value(reason.new)}"
    if reason.kind == "input":
        if reason.old is None:
            return f"input {reason.what} is there now"
        if reason.new is None:
            return f"input {reason.what} is no longer there"
        return f"input {reason.what} changed"
    if reason.kind in {"task version", "engine"}:
        name = f"task {reason.what}" if reason.kind == "task version" else "engine"
        return f"{name} {_value(reason.old)} -> {_value(reason.new)}"
    return {
        "new": "new",
        "forced": "forced",
        "output missing": "its result is no longer in the store, or was changed there",
        "waits": f"waits for {reason.what}",
        "needs": f"needs {reason.what}",
        "cannot": f"cannot be done here: {reason.new}",
    }[reason.kind]


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, str):
        return value or "''"
    return repr(value)
