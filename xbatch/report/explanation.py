"""Why a step would run: what differs from its last result here, or from the nearest result in the store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from xbatch.plan.keys import engine_version, ingredients_of
from xbatch.plan.reasons import Reason, changes, reason_text
from xbatch.plan.steps import FileInput, Plan, Step
from xbatch.plan.verdict import Verdict
from xbatch.registry import TASKS
from xbatch.run.entries import entry_folders
from xbatch.run.store import Store

__all__ = ["Explained", "Origin", "explain", "explained_text", "stored_records"]

Record = Mapping[str, Any]
_MOST = 12
_NEWEST = 300
_DIGEST = 12
_TOLD = {"cannot", "needs", "output missing", "unreadable"}
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Origin:
    """A step further up that will run, by which another has to wait; with what differs there."""

    step: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Explained:
    """What a run would do with a step, and why.

    Attributes
    ----------
    step, verdict : str
        Its name, and ``run``, ``up to date``, ``waits`` or ``blocked``.
    key : str or None
        None as long as an input is not known.
    against : str
        What it is compared with: ``last run``, ``store``, or empty where there is nothing.
    other : Mapping
        ``step``, ``key``, ``ended`` and ``wall_s`` of the result that it is compared with, or that is there.
    differences : tuple of Reason
        What differs; of a step that waits, what is known already: parameters, version, engine.
    sources : Mapping
        Role of an input to the file or the step that it comes from.
    waits : tuple of str
        Steps whose results will decide.
    origins : tuple of Origin
        The steps on the way up with which it begins.
    failed : str
        What it said when it failed in the last run here; empty where it has not.
    """

    step: str
    verdict: str
    key: str | None
    against: str = ""
    other: Mapping[str, Any] | None = None
    differences: tuple[Reason, ...] = ()
    sources: Mapping[str, str] | None = None
    waits: tuple[str, ...] = ()
    origins: tuple[Origin, ...] = ()
    failed: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Give the explanation as JSON-able data."""
        return {
            "step": self.step,
            "verdict": self.verdict,
            "key": self.key,
            "against": self.against or None,
            "other": dict(self.other) if self.other is not None else None,
            "differences": [reason.as_dict() for reason in self.differences],
            "sources": dict(self.sources or {}),
            "waits": list(self.waits),
            "origins": [
                {"step": origin.step, "reasons": [reason.as_dict() for reason in origin.reasons]}
                for origin in self.origins
            ],
            "failed": self.failed or None,
        }


def explain(
    plan: Plan,
    verdicts: Sequence[Verdict],
    names: Collection[str],
    previous: Callable[[str], Record | None],
    records: Callable[[], Iterable[Record]],
    failed: Mapping[str, str] = _NONE,
) -> list[Explained]:
    """Explain the verdicts of some steps.

    Parameters
    ----------
    plan : Plan
    verdicts : sequence of Verdict
        Of all its steps.
    names : collection of str
        The steps to explain.
    previous : callable
        Step name to the record of its last success in the run's folder, or None.
    records : callable
        Gives all records of the store; called only if a step has no last success.
    failed : Mapping
        What the steps said that failed in the last run.

    Returns
    -------
    list of Explained
        In the plan's order.
    """
    judged = {verdict.step: verdict for verdict in verdicts}
    steps = plan.by_name()
    stored = _Stored(records)
    known: dict[str, Explained] = {}

    def one(step: Step) -> Explained:
        if step.name not in known:
            known[step.name] = _explained(step, judged[step.name], previous, stored)
        return known[step.name]

    found = []
    for step in plan:
        if step.name in names:
            own = one(step)
            above = (
                [name for name in _above(step, steps) if judged[name].kind in {"run", "blocked"}] if own.waits else []
            )
            origins = tuple(Origin(name, _reasons(one(steps[name]), judged[name])) for name in above)
            said = failed.get(step.name, "") if own.verdict in {"run", "waits"} else ""
            found.append(replace(own, origins=origins, failed=said))
    return found


def _reasons(explained: Explained, verdict: Verdict) -> tuple[Reason, ...]:
    return explained.differences or tuple(reason for reason in verdict.reasons if reason.kind != "waits")


class _Stored:
    """The records of a store, read when they are first asked for; by task, the newest first."""

    def __init__(self, records: Callable[[], Iterable[Record]]) -> None:
        self._records = records
        self._found: dict[str, list[Record]] | None = None

    def alike(self, step: Step) -> list[Record]:
        """Give the records of this step, with or without the values of a sweep; else the newest of its task."""
        if self._found is None:
            self._found = {}
            for record in sorted(self._records(), key=lambda record: str(record.get("ended")), reverse=True):
                self._found.setdefault(record["task"], []).append(record)
        found = self._found.get(step.task, [])
        same = [record for record in found if _bare(record["step"]) == _bare(step.name)]
        return (same or found)[:_NEWEST]


def _bare(name: str) -> str:
    return str(name).partition("~")[0]


def _explained(step: Step, verdict: Verdict, previous: Callable[[str], Record | None], stored: _Stored) -> Explained:
    sources = {
        role: item.path if isinstance(item, FileInput) else f"{item.output} of {item.step}"
        for role, item in step.inputs.items()
    }
    waits = tuple(reason.what for reason in verdict.reasons if reason.kind == "waits")
    base = Explained(step.name, verdict.kind, verdict.key, sources=sources, waits=waits)
    if verdict.record is not None:
        return replace(base, other=_other(verdict.record))
    told = tuple(reason for reason in verdict.reasons if reason.kind in _TOLD)
    now = verdict.ingredients or ingredients_of(step, TASKS[step.task].version, engine_version(step), {})
    known = verdict.ingredients is not None
    last = previous(step.name)
    if last is not None:
        return replace(base, against="last run", other=_other(last), differences=told or _changes(last, now, known))
    # Of two that are equally near the newer one, which comes first.
    near = min(stored.alike(step), key=lambda record: len(_changes(record, now, known)), default=None)
    if near is None:
        return replace(base, differences=told)
    return replace(base, against="store", other=_other(near), differences=told or _changes(near, now, known))


def _other(record: Record) -> dict[str, Any]:
    return {name: record.get(name) for name in ("step", "key", "ended", "wall_s")}


def _changes(record: Record, now: Mapping[str, Any], known: bool) -> tuple[Reason, ...]:
    """Say what differs from a record; inputs only when all of them are known."""
    before: Mapping[str, Any] = record["ingredients"]
    return tuple(changes(before if known else {**before, "inputs": {}}, now))


def _above(step: Step, steps: Mapping[str, Step]) -> list[str]:
    """Name all steps that a step hangs on, the nearest first."""
    found: dict[str, None] = {}
    ahead = [step]
    while ahead:
        for name in ahead.pop(0).waits_for():
            if name not in found:
                found[name] = None
                ahead.append(steps[name])
    return list(found)


def stored_records(store: Store) -> Iterator[Record]:
    """Read the records of all entries of a store; what cannot be read is passed over."""
    for folder in entry_folders(store.root) if store.root.is_dir() else ():
        record = store.record(folder.name)
        if record is not None and {"step", "task", "ingredients"} <= record.keys():
            yield record


def explained_text(explained: Explained) -> str:
    """Write an explanation for a terminal: the verdict, what it is compared with, a line for each difference."""
    lines = [f"{explained.step}: {explained.verdict}", *(f"  {line}" for line in _lines(explained))]
    return "\n".join(lines)


def _lines(explained: Explained) -> Iterator[str]:
    if explained.verdict == "up to date" and explained.other is not None:
        yield f"nothing differs from the result in the store, {_when(explained.other)}"
        return
    if explained.failed:
        yield f"failed in the last run here: {explained.failed}"
    if not explained.against and not explained.differences:
        yield "new: no result in this run's folder, and none of its task in the store"
    elif explained.against == "last run" and explained.other is not None:
        yield f"compared with its last result here, {_when(explained.other)}:"
    elif explained.other is not None and explained.verdict != "blocked":  # what keeps it is no difference from another
        near = f"{explained.other['step']}, {_when(explained.other)}"
        yield f"no result in this run's folder; nearest in the store is {near}:"
    for reason in explained.differences[:_MOST]:
        yield f"  {_reason(reason, explained.sources or {})}"
    if len(explained.differences) > _MOST:
        yield f"  and {len(explained.differences) - _MOST} more (--json has all)"
    if explained.against and not explained.differences:
        yield "  its parameters, version and engine are the same" if explained.waits else "  nothing"
    if explained.waits:
        more = f" and {len(explained.waits) - 3} more" if len(explained.waits) > 3 else ""
        yield f"waits for {', '.join(explained.waits[:3])}{more}; its key is known when they have ended"
    for origin in explained.origins[:_MOST]:
        clauses = [_reason(reason, {}) for reason in origin.reasons[:3]]
        clauses += [f"{len(origin.reasons) - 3} more"] if len(origin.reasons) > 3 else []
        yield f"begins at {origin.step}: {'; '.join(clauses) or 'new'}"
    if len(explained.origins) > _MOST:
        yield f"and at {len(explained.origins) - _MOST} more steps"


def _when(other: Mapping[str, Any]) -> str:
    ended = str(other.get("ended") or "")[:19].replace("T", " ")
    return f"key {str(other['key'])[:_DIGEST]}…{f', made {ended} UTC' if ended else ''}"


def _reason(reason: Reason, sources: Mapping[str, str]) -> str:
    if reason.kind == "input" and reason.old is not None and reason.new is not None:
        source = f" ({sources[reason.what]})" if reason.what in sources else ""
        return f"input {reason.what}{source} {_short(reason.old)} -> {_short(reason.new)}"
    return reason_text(reason)


def _short(digest: str) -> str:
    kind, _, hexadecimal = digest.partition(":")
    return f"{kind}:{hexadecimal[:_DIGEST]}…" if hexadecimal else digest
