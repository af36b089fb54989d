"""What a run tells while it goes and when it has ended, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from xbatch.plan.verdict import Reason

__all__ = ["OUTCOMES", "Event", "EventKind", "RunResult", "StepOutcome", "StepResult"]

StepOutcome = Literal["done", "up to date", "failed", "skipped", "cancelled"]
OUTCOMES: tuple[StepOutcome, ...] = ("done", "up to date", "failed", "skipped", "cancelled")


EventKind = Literal["begin", "reading", "started", "ended", "lost", "stopping", "end"]


@dataclass(frozen=True)
class StepResult:
    """What has become of a step.

    Attributes
    ----------
    name : str
    outcome : str
        ``done`` in this run, ``up to date`` from the store, ``failed``, ``skipped`` because of a failure before it, or
        ``cancelled``: not ended, or never started, when the run was stopped.
    key : str or None
        None where not all inputs came to be known.
    record : Path or None
        Its `record.json`, for ``done`` and ``up to date``.
    reasons : tuple of Reason
        Why it was run.
    message : str
        What went wrong, in one paragraph.
    log : Path or None
        Its log file, where there is one.
    seconds : float
        How long it took in this run.
    content : Mapping or None
        What is in `record`, where it is at hand.
    """

    name: str
    outcome: StepOutcome
    key: str | None = None
    record: Path | None = None
    reasons: tuple[Reason, ...] = ()
    message: str = ""
    log: Path | None = None
    seconds: float = 0.0
    content: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class RunResult:
    """What has become of a run.

    Attributes
    ----------
    name : str
        The plan's.
    run_dir, store_dir : Path
    started, ended : str
        ISO, UTC.
    steps : tuple of StepResult
        Those selected, in the plan's order.
    signal : int
        The number of the signal that stopped the run, 0 for none.
    message : str
        What stopped the run before its end, other than a signal (a full disk); empty for nothing.
    """

    name: str
    run_dir: Path
    store_dir: Path
    started: str
    ended: str
    steps: tuple[StepResult, ...]
    signal: int = 0
    message: str = ""

    @property
    def ok(self) -> bool:
        """Whether every step has its result."""
        return all(step.outcome in {"done", "up to date"} for step in self.steps)

    @property
    def exit_status(self) -> int:
        """What a command ends with: 0, 1, or 128 and the signal's number."""
        return 128 + self.signal if self.signal else 0 if self.ok else 1

    def counts(self) -> dict[StepOutcome, int]:
        """Count the steps by outcome; outcomes that do not occur are left out."""
        found = [step.outcome for step in self.steps]
        return {outcome: found.count(outcome) for outcome in OUTCOMES if outcome in found}


@dataclass(frozen=True)
class Event:
    """Something that happens during a run.

    Attributes
    ----------
    kind : str
        ``begin``, ``reading`` (of files from outside, where that takes long), ``started`` and ``ended`` (of a step),
        ``lost`` (a worker was killed, its step is tried again), ``stopping`` (asked to stop), ``end``.
    time : str
        ISO, UTC.
    step : str
    result : StepResult or None
        With ``ended``.
    reasons : tuple of Reason
        With ``started``.
    message : str
    ended, total : int
        How many of the steps have ended so far, and how many there are.
    facts : Mapping
        What else is told. With ``begin``: ``name``, ``jobs``, ``tasks`` (task to number of steps), ``process`` and
        ``host``; with ``reading``: ``files`` and ``bytes`` that were read so far, ``files_total``, ``bytes_total``, and
        ``seconds`` since the first; with ``end``: ``signal``, the number of the one that stopped the run, 0 for none.
    """

    kind: EventKind
    time: str
    step: str = ""
    result: StepResult | None = None
    reasons: tuple[Reason, ...] = ()
    message: str = ""
    ended: int = 0
    total: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Give the event as JSON-able data, without what is empty."""
        data: dict[str, Any] = {"event": self.kind, "time": self.time, "step": self.step, "message": self.message}
        if self.result is not None:
            data |= {
                "outcome": self.result.outcome,
                "key": self.result.key,
                "message": self.result.message,
                "seconds": round(self.result.seconds, 3),
            }
        reasons = self.result.reasons if self.result is not None else self.reasons
        data["reasons"] = [reason.as_dict() for reason in reasons]
        if not self.step:
            data |= {"ended": self.ended, "total": self.total, **self.facts}
        return {key: value for key, value in data.items() if value or value == 0}
