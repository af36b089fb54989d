"""Brings a plan to its end: what the scheduler asks for is done, what happens is told to the scheduler."""

from __future__ import annotations

import shutil
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Literal

from xbatch.plan.steps import Plan
from xbatch.plan.verdict import Evidence, Gone, Known, State, Verdict, judge, output_digests, reason_text
from xbatch.run.inputs import SeenFile
from xbatch.run.letters import Answer
from xbatch.run.limits import Room, Use
from xbatch.run.losses import killed_text, late_text, note
from xbatch.run.measure import now
from xbatch.run.moves import (
    Action,
    Died,
    Ended,
    GiveUp,
    Judge,
    Judged,
    Late,
    Same,
    Skip,
    Slots,
    Start,
    Stop,
)
from xbatch.run.orders import make_order
from xbatch.run.pool import Finished, Lost, Pool
from xbatch.run.products import Products, log_path
from xbatch.run.result import Event, EventKind, StepResult
from xbatch.run.scheduler import Scheduler
from xbatch.run.signals import caught
from xbatch.run.store import RECORD, Record, Store
from xbatch.run.twins import Twins
from xbatch.run.workers import Hopeless, MakeWorkers, Message, Workers

__all__ = ["Conductor"]

_SYNC_S = 30.0
_SAVE_S = 1.0
_SAVE_SHARE = 50  # a save writes of all steps: what it takes of a run's time stays a fiftieth


class Conductor:
    """The state of one run while it goes.

    Parameters
    ----------
    plan : Plan
        The steps to do.
    store : Store
    products : Products
    run_dir : Path
    room : Room
    uses : Mapping of str to Use
        What there is for all steps that run at once, and what each takes.
    fail_fast : bool
    grace : float
        Seconds that running steps are given when the run is asked to stop.
    tell : callable
        Gets each event.
    flush : callable
        Called before the run waits for anything.
    make_workers : callable or None
        Makes those who do the steps; None for processes of this machine.

    Attributes
    ----------
    results : dict
        Step name to result of each step that has ended.
    signal : int
        The first signal that asked the run to stop, or 0.
    message : str
        Why the run had to stop, other than a signal.
    """

    def __init__(
        self,
        plan: Plan,
        store: Store,
        products: Products,
        run_dir: Path,
        room: Room,
        uses: Mapping[str, Use],
        fail_fast: bool,
        grace: float,
        tell: Callable[[Event], None],
        flush: Callable[[], None],
        make_workers: MakeWorkers | None = None,
    ) -> None:
        self._plan = plan
        self._steps = plan.by_name()
        self._store = store
        self._products = products
        self._run_dir = run_dir
        self._grace = grace
        self._tell_event = tell
        self._flush = flush
        self._uses = uses
        self._scheduler = Scheduler(plan, room, uses, fail_fast)
        self._signals: deque[int] = deque()
        self._stack = ExitStack()
        wake = self._stack.enter_context(caught(self._signals.append))
        self._pool: Workers = self._stack.enter_context((make_workers or Pool)(store.scratch, wake))
        self._verdicts: dict[str, Verdict] = {}
        self._states: dict[str, State] = {}
        self._records: dict[str, Record] = {}
        self._twins = Twins()
        self._begun: dict[str, float] = {}
        self._causes: dict[str, str] = {}
        self._logs: dict[str, Path] = {}
        self._scratch: dict[str, Path] = {}
        self._due: dict[str, tuple[float, int]] = {}  # of steps that run: when their time is over, and their slot
        self._unplaced: deque[tuple[str, Path, Record, bool]] = deque()
        self._unsynced: list[str] = []
        self._synced = time.monotonic()
        self._save_at = self._synced + _SAVE_S
        self._stopping = False
        self._deadline: float | None = None
        self.results: dict[str, StepResult] = {}
        self.signal = 0
        self.message = ""

    def __enter__(self) -> Conductor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        self._store.leave()

    def asked_to_stop(self) -> bool:
        """Tell whether a signal has come that was not looked at yet."""
        return bool(self._signals)

    def tell(
        self,
        kind: EventKind,
        step: str = "",
        message: str = "",
        result: StepResult | None = None,
        facts: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Tell the world of something."""
        verdict = self._verdicts.get(step)
        self._tell_event(
            Event(
                kind,
                now(),
                step,
                result,
                verdict.reasons if verdict and kind == "started" else (),
                message,
                len(self.results),
                len(self._plan),
                facts,
            )
        )

    def conduct(self, evidence: Evidence, seen: Mapping[str, SeenFile]) -> None:
        """Go through the plan until every step has ended or was stopped.

        Parameters
        ----------
        evidence : Evidence
            What verdicts are made of.
        seen : Mapping
            The files from outside, by path.

        Raises
        ------
        FileError
            The run's folder or the store cannot be written.
        """
        actions: deque[Action] = deque(self._scheduler.begin())
        messages: deque[Message | Late] = deque()
        while actions or messages or self._unplaced or not self._scheduler.over:
            if self._signals:
                actions.extend(self._take_signal(self._signals.popleft()))
            elif messages:
                actions.extend(self._take_message(messages.popleft()))
            elif actions:
                actions.extend(self._act(actions.popleft(), evidence, seen))
            else:
                messages.extend(self._listen())
            self._keep_up()
        for step in self._scheduler.stopped:
            self._note(StepResult(step, "cancelled", self._key(step), log=self._log(step)))
        self._store.sync(self._unsynced)

    # ---- what the scheduler asks for ----------------------------------------------------------------------------

    def _act(self, action: Action, evidence: Evidence, seen: Mapping[str, SeenFile]) -> list[Action]:
        match action:
            case Judge(step):
                return self._judge(step, evidence)
            case Start(step, slot):
                return self._start(step, slot, evidence, seen)
            case Skip(step, because):
                self._lose(step, "skipped", f"needs {', '.join(because)}, which has no result")
            case GiveUp(step):
                note(self._log_path(step), self._causes[step])
                self._lose(step, "failed", self._causes[step])
        return []

    def _judge(self, step: str, evidence: Evidence) -> list[Action]:
        if self._stopping:
            return self._scheduler.tell(Judged(step, "run"))  # and stopped there
        verdict = self._verdicts[step] = judge(self._steps[step], self._states, evidence)
        if verdict.kind == "up to date" and verdict.record is not None:
            self._have(step, verdict.record, fresh=False)
            return self._scheduler.tell(Judged(step, "done"))
        if verdict.kind == "blocked":
            self._lose(step, "failed", "; ".join(reason_text(reason) for reason in verdict.reasons))
            return self._scheduler.tell(Judged(step, "failed"))
        other = self._twins.other(verdict.key or step, step, self.results)
        return self._scheduler.tell(Judged(step, "run") if other is None else Same(step, other))

    def _start(self, step: str, slot: int, evidence: Evidence, seen: Mapping[str, SeenFile]) -> list[Action]:
        if self._stopping:
            return self._scheduler.tell(Died(step))  # never born
        log = self._log_path(step)
        order = make_order(
            self._steps[step],
            self._verdicts[step],
            evidence.registry[self._steps[step].task],
            seen,
            self._records,
            self._store,
            self._store.unmade_scratch(),
            log,
        )
        self._scratch[step] = order.out
        self._begun[step] = time.monotonic()
        timeout = self._uses[step].timeout
        if timeout is not None:
            self._due[step] = (self._begun[step] + timeout, slot)
        self.tell("started", step)
        self._pool.start(slot, order)
        return []

    # ---- what happens -------------------------------------------------------------------------------------------

    def _listen(self) -> Sequence[Message | Late]:
        """Give what has come back; while nothing has, place products, and then wait.

        The wait ends with a message, a signal, or the end of the time that a running step or all of them were given.
        """
        if self._unplaced:
            messages = self._pool.wait(0)
            if not messages:
                self._place(*self._unplaced.popleft())  # only now, so that no slot waits for it
            return [*messages, *self._overdue(messages)]
        self._flush()
        ends = [when for when, _ in self._due.values()]
        if self._deadline is not None:
            ends.append(self._deadline)
        messages = self._pool.wait(max(0.0, min(ends) - time.monotonic()) if ends else None)
        if not messages and not self._signals and self._deadline is not None and time.monotonic() >= self._deadline:
            return self._pool.kill()
        return [*messages, *self._overdue(messages)]

    def _overdue(self, messages: Sequence[Message]) -> list[Late]:
        """End the steps whose time is over and that have not just come back, with all they have started."""
        if not self._due:
            return []
        now_s = time.monotonic()
        back = {message.step for message in messages if isinstance(message, (Finished, Lost))}
        late = [(step, slot) for step, (when, slot) in self._due.items() if when <= now_s and step not in back]
        for _, slot in late:
            self._pool.end(slot)
        return [Late(step) for step, _ in late]

    def _take_message(self, message: Message | Late) -> list[Action]:
        """Take in that a step has come back, is lost, or had to be ended, or what there is for all of them."""
        match message:
            case Slots():
                return self._scheduler.tell(message)
            case Hopeless(why):
                return self._give_up(why)
        step = message.step
        self._due.pop(step, None)
        scratch = self._scratch.pop(step)
        log = self._log_path(step)
        match message:
            case Finished(_, _, answer):
                return self._take_answer(step, answer)
            case Lost(_, _, cause):
                killed, self._causes[step] = killed_text(cause, log)
            case Late():
                killed, self._causes[step] = late_text(step, self._uses[step].timeout or 0.0, log)
        shutil.rmtree(scratch, ignore_errors=True)
        actions = self._scheduler.tell(message if isinstance(message, Late) else Died(step))
        if not self._stopping:
            self.tell("lost", step, killed if GiveUp(step) in actions else f"{killed}; tried again")
        return actions

    def _take_answer(self, step: str, answer: Answer) -> list[Action]:
        if answer.record is not None:
            self._unsynced.append(answer.record["key"])
            self._have(step, answer.record, fresh=True)
            return self._scheduler.tell(Ended(step, ok=True))
        self._lose(step, "failed", answer.message)
        actions = self._scheduler.tell(Ended(step, ok=False))
        return actions + (self._give_up(answer.message) if answer.hopeless else [])

    def _give_up(self, why: str) -> list[Action]:
        """Start nothing more, for a reason that no step can get around."""
        if self._stopping:
            return []
        self._stopping = True
        self.message = why
        self.tell("stopping", message=why)
        return self._scheduler.tell(Stop())

    def _take_signal(self, number: int) -> list[Action]:
        self.signal = self.signal or number
        if self._deadline is not None:
            self._deadline = 0.0
            return []
        self._deadline = time.monotonic() + self._grace
        self._stopping = True
        running = len(self._scheduler.running)
        self.tell("stopping", message=f"{running} steps still run and are given {self._grace:g} s" if running else "")
        return self._scheduler.tell(Stop())

    # ---- results ------------------------------------------------------------------------------------------------

    def _have(self, step: str, record: Record, fresh: bool) -> None:
        """Take in a step's result."""
        entry = self._store.entry(record["key"])
        self._states[step] = Known(output_digests(record))
        self._records[step] = record
        self._unplaced.append((step, entry, record, fresh))
        self._note(
            StepResult(
                step,
                "done" if fresh else "up to date",
                self._key(step),
                Path(f"{entry}/{RECORD}"),
                self._verdicts[step].reasons,
                log=self._log_path(step),
                seconds=self._seconds(step),
                content=record,
            )
        )

    def _place(self, step: str, entry: Path, record: Record, fresh: bool) -> None:
        """Put a result where people find it."""
        self._products.place(step, self._steps[step].product, entry, record, fresh)

    def _lose(self, step: str, outcome: Literal["failed", "skipped"], message: str) -> None:
        """Take in that a step has no result."""
        self._states[step] = Gone.NEVER
        self._products.withdraw(step)
        verdict = self._verdicts.get(step)
        reasons = verdict.reasons if verdict else ()
        self._note(
            StepResult(step, outcome, self._key(step), None, reasons, message, self._log(step), self._seconds(step))
        )

    def _note(self, result: StepResult) -> None:
        self.results[result.name] = result
        self.tell("ended", result.name, result=result)

    def _key(self, step: str) -> str | None:
        verdict = self._verdicts.get(step)
        return verdict.key if verdict else None

    def _log(self, step: str) -> Path | None:
        log = self._log_path(step)
        return log if log.is_file() else None

    def _log_path(self, step: str) -> Path:
        if step not in self._logs:
            self._logs[step] = log_path(self._run_dir, step)
        return self._logs[step]

    def _seconds(self, step: str) -> float:
        return time.monotonic() - self._begun[step] if step in self._begun else 0.0

    def _keep_up(self) -> None:
        """Now and then make safe what was done."""
        now_s = time.monotonic()
        if now_s > self._save_at:
            self._products.save()
            saved = time.monotonic()
            self._save_at = saved + max(_SAVE_S, _SAVE_SHARE * (saved - now_s))
        if self._unsynced and now_s - self._synced > _SYNC_S:
            self._store.sync(self._unsynced)
            self._unsynced.clear()
            self._synced = time.monotonic()
