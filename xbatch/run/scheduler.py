"""Which step comes next: a state machine that is told what happened and answers what to do.

It reads no file, knows no clock and starts nothing, so that every order of events can be tried in a test.

A step is judged as soon as all it waits for has ended (`Judge`); one that has to be done then gets a slot (`Start`) as
soon as one is free and no judgement is outstanding. Of the steps that could start, one at the head of the longest chain
goes first; among equals, one whose inputs were made in the free slot, because that worker still holds what it read for
them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Literal

from xbatch.plan.steps import Step

__all__ = ["Action", "Died", "Ended", "Event", "GiveUp", "Judge", "Judged", "Scheduler", "Skip", "Start", "Stop"]


@dataclass(frozen=True)
class Judged:
    """A step was looked at: it has to be done (``run``), is there already (``done``), or cannot be (``failed``)."""

    step: str
    answer: Literal["run", "done", "failed"]


@dataclass(frozen=True)
class Ended:
    """A started step has ended."""

    step: str
    ok: bool


@dataclass(frozen=True)
class Died:
    """The worker of a started step was killed; its slot is whole again."""

    step: str


@dataclass(frozen=True)
class Stop:
    """No step shall be started any more."""


Event = Judged | Ended | Died | Stop


@dataclass(frozen=True)
class Judge:
    """Look whether a step has to be done; all it waits for has ended."""

    step: str


@dataclass(frozen=True)
class Start:
    """Start a step in a slot."""

    step: str
    slot: int


@dataclass(frozen=True)
class Skip:
    """Leave a step out, because steps that it needs have failed or were left out."""

    step: str
    because: tuple[str, ...]


@dataclass(frozen=True)
class GiveUp:
    """Take a step as failed: its worker was killed once too often."""

    step: str


Action = Judge | Start | Skip | GiveUp

_Phase = Literal["waiting", "judging", "ready", "running", "done", "failed", "skipped", "stopped"]


class Scheduler:
    """The state of a run.

    Parameters
    ----------
    steps : iterable of Step
        Each after all it waits for; steps waited for that are not among them are taken as done.
    slots : int
        How many steps may run at once.
    tries : int
        How often a step is started in all when its worker is killed.
    fail_fast : bool
        Whether the first failure is also a `Stop`.
    """

    def __init__(self, steps: Iterable[Step], slots: int, tries: int = 2, fail_fast: bool = False) -> None:
        if slots < 1 or tries < 1:
            raise ValueError("a run needs at least one slot and one try")
        self._tries = tries
        self._fail_fast = fail_fast
        self._stopped = False
        self._phase: dict[str, _Phase] = {}
        self._rank: dict[str, int] = {}
        self._needs: dict[str, tuple[str, ...]] = {}
        self._open: dict[str, int] = {}
        self._feeds: dict[str, list[str]] = {}
        self._inputs: dict[str, tuple[str, ...]] = {}
        for rank, step in enumerate(steps):
            before = tuple(name for name in step.waits_for() if name in self._phase)
            self._phase[step.name] = "waiting"
            self._rank[step.name] = rank
            self._needs[step.name] = tuple(name for name in step.needs() if name in self._phase)
            self._inputs[step.name] = before
            self._open[step.name] = len(before)
            self._feeds[step.name] = []
            for name in before:
                self._feeds[name].append(step.name)
        self._length = self._chain_lengths()
        self._live = len(self._phase)
        self._judging = 0
        self._starts = dict.fromkeys(self._phase, 0)
        self._free = list(range(slots))
        self._slot: dict[str, int] = {}
        # length of chain -> slot that made the inputs (-1: none) -> heap of (rank, step)
        self._ready: dict[int, dict[int, list[tuple[int, str]]]] = {}

    @property
    def over(self) -> bool:
        """Whether every step has ended, been left out or been stopped, and none runs."""
        return self._live == 0

    @property
    def running(self) -> tuple[str, ...]:
        """The steps that run, in the plan's order."""
        return tuple(step for step, phase in self._phase.items() if phase == "running")

    @property
    def stopped(self) -> tuple[str, ...]:
        """The steps that were never started because of a `Stop`, in the plan's order."""
        return tuple(step for step, phase in self._phase.items() if phase == "stopped")

    def begin(self) -> list[Action]:
        """Give the first actions."""
        actions: list[Action] = []
        for step, count in self._open.items():
            if count == 0:
                self._ask(step, actions)
        return actions

    def tell(self, event: Event) -> list[Action]:
        """Take in what happened and give what is to be done.

        Raises
        ------
        ValueError
            The event does not fit the state: a step ended that does not run.
        """
        actions: list[Action] = []
        match event:
            case Stop():
                self._stop()
            case Judged(step, answer):
                self._expect(step, "judging")
                self._judging -= 1
                if answer == "run":
                    self._make_ready(step)
                else:
                    self._end(step, answer == "done", actions)
            case Ended(step, ok):
                self._release(step)
                self._end(step, ok, actions)
            case Died(step):
                self._release(step)
                if self._stopped:
                    self._close(step, "stopped")
                elif self._starts[step] < self._tries:
                    self._make_ready(step)
                else:
                    actions.append(GiveUp(step))
                    self._end(step, False, actions)
        if not self._judging:
            self._fill(actions)
        return actions

    def _expect(self, step: str, phase: _Phase) -> None:
        if self._phase.get(step) != phase:
            raise ValueError(f"{step} is not {phase} but {self._phase.get(step)}")

    def _release(self, step: str) -> None:
        self._expect(step, "running")
        self._free.append(self._slot[step])
        self._free.sort()

    def _stop(self) -> None:
        self._stopped = True
        self._ready.clear()
        for step, phase in self._phase.items():
            if phase in {"waiting", "ready"}:
                self._close(step, "stopped")

    def _ask(self, step: str, actions: list[Action]) -> None:
        self._phase[step] = "judging"
        self._judging += 1
        actions.append(Judge(step))

    def _close(self, step: str, phase: _Phase) -> None:
        self._phase[step] = phase
        self._live -= 1

    def _make_ready(self, step: str) -> None:
        if self._stopped:
            self._close(step, "stopped")
            return
        self._phase[step] = "ready"
        buckets = self._ready.setdefault(self._length[step], {})
        heappush(buckets.setdefault(self._home(step), []), (self._rank[step], step))

    def _home(self, step: str) -> int:
        """Give the slot that made most of a step's inputs, -1 for none."""
        made: dict[int, int] = {}
        for name in self._inputs[step]:
            if name in self._slot:
                made[self._slot[name]] = made.get(self._slot[name], 0) + 1
        return max(sorted(made), key=made.__getitem__) if made else -1

    def _end(self, step: str, ok: bool, actions: list[Action]) -> None:
        """Mark a step as ended; judge or leave out what waited for it."""
        self._close(step, "done" if ok else "failed")
        if not ok and self._fail_fast:
            self._stop()
        ended = [step]
        while ended:
            for name in self._feeds[ended.pop()]:
                self._open[name] -= 1
                if self._open[name] or self._phase[name] != "waiting":
                    continue
                lost = tuple(need for need in self._needs[name] if self._phase[need] != "done")
                if lost:
                    self._close(name, "skipped")
                    actions.append(Skip(name, lost))
                    ended.append(name)
                else:
                    self._ask(name, actions)

    def _fill(self, actions: list[Action]) -> None:
        """Start steps as long as there are any and slots are free."""
        while self._free and self._ready:
            length = max(self._ready)
            buckets = self._ready[length]
            home = next((slot for slot in self._free if slot in buckets), -1)
            if home not in buckets:
                home = min(buckets, key=lambda slot: buckets[slot][0])
            _, step = heappop(buckets[home])
            if not buckets[home]:
                del buckets[home]
            if not buckets:
                del self._ready[length]
            slot = home if home in self._free else self._free[0]
            self._free.remove(slot)
            self._slot[step] = slot
            self._starts[step] += 1
            self._phase[step] = "running"
            actions.append(Start(step, slot))

    def _chain_lengths(self) -> Mapping[str, int]:
        """Count the steps of the longest chain that begins with each step."""
        lengths: dict[str, int] = {}
        for step in reversed(self._feeds):
            lengths[step] = 1 + max((lengths[name] for name in self._feeds[step]), default=0)
        return lengths
