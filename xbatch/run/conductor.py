"""Brings a plan to its end: what the scheduler asks for is done, what happens is told to the scheduler."""

from __future__ import annotations

import shutil
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any

from xbatch.plan.steps import Plan
from xbatch.plan.verdict import Evidence, judge, reason_text
from xbatch.run.intake import Intake
from xbatch.run.ledger import Ledger
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
    Read,
    Same,
    Skip,
    Slots,
    Start,
    Stop,
)
from xbatch.run.orders import make_order
from xbatch.run.pool import Finished, Lost, Pool
from xbatch.run.products import Products
from xbatch.run.result import Event, EventKind, StepResult
from xbatch.run.scheduler import Scheduler
from xbatch.run.signals import caught
from xbatch.run.store import Store
from xbatch.run.twins import Twins
from xbatch.run.workers import Hopeless, MakeWorkers, Message, Workers

__all__ = ["Conductor"]

_LOOK_S = 0.1  # how long a step may wait for the run to see that its files are known


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
        self._grace = grace
        self._tell_event = tell
        self._flush = flush
        self._uses = uses
        self._ledger = Ledger(
            plan, store, products, run_dir, lambda result: self.tell("ended", result.name, result=result)
        )
        self._scheduler = Scheduler(plan, room, uses, fail_fast)
        self._signals: deque[int] = deque()
        self._stack = ExitStack()
        wake = self._stack.enter_context(caught(self._signals.append))
        self._pool: Workers = self._stack.enter_context((make_workers or Pool)(store.scratch, wake))
        self._twins = Twins()
        self._causes: dict[str, str] = {}
        self._scratch: dict[str, Path] = {}
        self._due: dict[str, tuple[float, int]] = {}  # of steps that run: when their time is over, and their slot
        self._stopping = False
        self._deadline: float | None = None
        self.signal = 0
        self.message = ""

    def __enter__(self) -> Conductor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        self._store.leave()

    @property
    def results(self) -> Mapping[str, StepResult]:
        """Step name to result of each step that has ended."""
        return self._ledger.results

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
        verdict = self._ledger.verdicts.get(step)
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

    def conduct(self, evidence: Evidence, intake: Intake) -> None:
        """Go through the plan until every step has ended or was stopped.

        Parameters
        ----------
        evidence : Evidence
            What verdicts are made of.
        intake : Intake
            The files from outside; evidence has the digests of those that are known, and what is wrong with others.

        Raises
        ------
        FileError
            The run's folder or the store cannot be written.
        """
        actions: deque[Action] = deque(self._scheduler.begin(intake.unread))
        messages: deque[Message | Late] = deque()
        while actions or messages or self._ledger.unplaced or not self._scheduler.over:
            if self._signals:
                actions.extend(self._take_signal(self._signals.popleft()))
            elif messages:
                actions.extend(self._take_message(messages.popleft()))
            elif actions:
                actions.extend(self._act(actions.popleft(), evidence, intake))
            else:
                messages.extend(self._listen(_LOOK_S if intake.going else None))
            if intake.going:
                actions.extend(self._take_in(intake))
            self._ledger.keep_up()
        for step in self._scheduler.stopped:
            self._ledger.cancel(step)
        self._ledger.sync()

    def _take_in(self, intake: Intake) -> list[Action]:
        """Take in the files that were read since, and say now and then how many there are."""
        if self._stopping:
            intake.close()
            return []
        steps = intake.take()
        progress = intake.progress()
        if progress is not None:
            self.tell("reading", facts=progress)
        return [action for step in steps for action in self._scheduler.tell(Read(step))]

    # ---- what the scheduler asks for ----------------------------------------------------------------------------

    def _act(self, action: Action, evidence: Evidence, intake: Intake) -> list[Action]:
        match action:
            case Judge(step):
                return self._judge(step, evidence)
            case Start(step, slot):
                return self._start(step, slot, evidence, intake)
            case Skip(step, because):
                which = "has" if len(because) == 1 else "have"
                self._ledger.lose(step, "skipped", f"needs {', '.join(because)}, which {which} no result")
            case GiveUp(step):
                note(self._ledger.log_path(step), self._causes[step])
                self._ledger.lose(step, "failed", self._causes[step])
        return []

    def _judge(self, step: str, evidence: Evidence) -> list[Action]:
        if self._stopping:
            return self._scheduler.tell(Judged(step, "run"))  # and stopped there
        verdict = self._ledger.verdicts[step] = judge(self._steps[step], self._ledger.states, evidence)
        if verdict.kind == "up to date" and verdict.record is not None:
            self._ledger.have(step, verdict.record, fresh=False)
            return self._scheduler.tell(Judged(step, "done"))
        if verdict.kind == "blocked":
            self._ledger.lose(step, "failed", "; ".join(reason_text(reason) for reason in verdict.reasons))
            return self._scheduler.tell(Judged(step, "failed"))
        other = self._twins.other(verdict.key or step, step, self.results)
        return self._scheduler.tell(Judged(step, "run") if other is None else Same(step, other))

    def _start(self, step: str, slot: int, evidence: Evidence, intake: Intake) -> list[Action]:
        if self._stopping:
            return self._scheduler.tell(Died(step))  # never born
        log = self._ledger.log_path(step)
        order = make_order(
            self._steps[step],
            self._ledger.verdicts[step],
            evidence.registry[self._steps[step].task],
            intake.seen,
            self._ledger.records,
            self._store,
            self._store.unmade_scratch(),
            log,
        )
        self._scratch[step] = order.out
        begun = self._ledger.begin(step)
        timeout = self._uses[step].timeout
        if timeout is not None:
            self._due[step] = (begun + timeout, slot)
        self.tell("started", step)
        self._pool.start(slot, order)
        return []

    # ---- what happens -------------------------------------------------------------------------------------------

    def _listen(self, most: float | None) -> Sequence[Message | Late]:
        """Give what has come back; while nothing has, place products, and then wait.

        The wait ends with a message, a signal, or the end of the time that a running step or all of them were given; it
        is no longer than `most` seconds.
        """
        if self._ledger.unplaced:
            messages = self._pool.wait(0)
            if not messages:
                self._ledger.place_one()  # only now, so that no slot waits for it
            return [*messages, *self._overdue(messages)]
        self._flush()
        now_s = time.monotonic()
        ends = [when for when, _ in self._due.values()]
        ends += [] if self._deadline is None else [self._deadline]
        ends += [] if most is None else [now_s + most]
        messages = self._pool.wait(max(0.0, min(ends) - now_s) if ends else None)
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
        log = self._ledger.log_path(step)
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
            self._ledger.have(step, answer.record, fresh=True)
            return self._scheduler.tell(Ended(step, ok=True))
        self._ledger.lose(step, "failed", answer.message)
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
            if number != signal.SIGHUP:  # which comes from the terminal and once more from the shell
                self._deadline = 0.0
            return []
        self._deadline = time.monotonic() + self._grace
        self._stopping = True
        running = len(self._scheduler.running)
        words = ["the terminal was closed"] if number == signal.SIGHUP else []
        words += [f"{running} steps still run and are given {self._grace:g} s"] if running else []
        self.tell("stopping", message="; ".join(words))
        return self._scheduler.tell(Stop())
