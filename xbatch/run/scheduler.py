"""Which step comes next: a state machine that is told what happened and answers what to do.

It reads no file, knows no clock and starts nothing, so that every order of events can be tried in a test.

A step is judged as soon as all it waits for has ended (`Judge`); one that has to be done then gets a slot (`Start`) as
soon as there is room for it and no judgement is outstanding. Of the steps that fit, one at the head of the longest
chain goes first; among equals, one whose inputs were made in a free slot, because that worker still holds what it read
for them. A step that takes much waits for room, but nothing that fits meanwhile waits for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from heapq import heappop, heappush
from typing import Literal

from xbatch.plan.steps import Step
from xbatch.run.limits import Room, Use, misfit
from xbatch.run.moves import (
    Action,
    Died,
    Ended,
    Event,
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

__all__ = ["Scheduler"]


_Phase = Literal["waiting", "judging", "ready", "running", "done", "failed", "skipped", "stopped"]


class Scheduler:
    """The state of a run.

    Parameters
    ----------
    steps : iterable of Step
        Each after all it waits for; steps waited for that are not among them are taken as done.
    room : Room
        What there is for the steps that run at once; slots count from 0.
    uses : Mapping of str to Use
        What each step takes; one core for those not named.
    fail_fast : bool
        Whether the first failure is also a `Stop`.

    Raises
    ------
    ValueError
        There is no slot, or a step takes more than there is.
    """

    def __init__(
        self, steps: Iterable[Step], room: Room, uses: Mapping[str, Use] | None = None, fail_fast: bool = False
    ) -> None:
        if room.slots < 1:
            raise ValueError("a run needs at least one slot")
        usual = Use()
        self._fail_fast = fail_fast
        self._stopped = False
        self._phase: dict[str, _Phase] = {}
        self._rank: dict[str, int] = {}
        self._needs: dict[str, tuple[str, ...]] = {}
        self._open: dict[str, int] = {}
        self._feeds: dict[str, list[str]] = {}
        self._inputs: dict[str, tuple[str, ...]] = {}
        self._use: dict[str, Use] = {}
        for rank, step in enumerate(steps):
            self._use[step.name] = (uses or {}).get(step.name, usual)
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
        self._held: set[str] = set()
        self._judging = 0
        self._starts = dict.fromkeys(self._phase, 0)
        self._free = list(range(room.slots))
        self._slot: dict[str, int] = {}
        self._slots = room.slots
        self._cores = room.slots
        self._memory = room.memory_mb
        self._left = dict(room.limits)
        # Steps that take the same fit or do not fit together: they queue together.
        kinds: dict[tuple[object, ...], _Queue] = {}
        self._queue: dict[str, _Queue] = {}
        for name, use in self._use.items():
            takes = (use.cores, use.memory_mb, use.limits)
            if takes not in kinds:
                if misfit(use, room):
                    raise ValueError(f"{name} {misfit(use, room)}")
                kinds[takes] = _Queue(use)
            self._queue[name] = kinds[takes]
        self._queues = list(kinds.values())

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

    def begin(self, held: Collection[str] = ()) -> list[Action]:
        """Give the first actions.

        Parameters
        ----------
        held : collection of str
            Steps that also wait for a `Read`.
        """
        actions: list[Action] = []
        self._held = set(held)
        for step in self._held:
            self._open[step] += 1
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
            case Slots(count):
                self._resize(count)
            case Read(step):
                self._release_held(step, actions)
            case Judged(step, answer):
                self._expect(step, "judging")
                self._judging -= 1
                if answer == "run":
                    self._make_ready(step)
                else:
                    self._end(step, answer == "done", actions)
            case Same(step, other):
                self._expect(step, "judging")
                self._judging -= 1
                self._wait_for(step, other)
            case Ended(step, ok):
                self._release(step)
                self._end(step, ok, actions)
            case Died(step):
                self._release(step)
                self._retry(step, self._stopped or self._starts[step] < self._use[step].tries, actions)
            case Late(step):
                self._release(step)
                self._retry(step, self._starts[step] < self._use[step].late_tries, actions)
        if not self._judging:
            self._fill(actions)
        return actions

    def _release_held(self, step: str, actions: list[Action]) -> None:
        """Have a step wait for its files no longer."""
        if step not in self._held:
            raise ValueError(f"{step} is not held back")
        self._held.remove(step)
        if self._let_go(step, actions):
            self._tell_users(step, actions)

    def _wait_for(self, step: str, other: str) -> None:
        """Have a step wait for one that it does not need."""
        if self._phase[other] not in {"ready", "running"}:
            raise ValueError(f"{step} cannot wait for {other}, which is {self._phase[other]}")
        self._phase[step] = "waiting"
        self._open[step] = 1
        self._feeds[other].append(step)

    def _expect(self, step: str, phase: _Phase) -> None:
        if self._phase.get(step) != phase:
            raise ValueError(f"{step} is not {phase} but {self._phase.get(step)}")

    def _release(self, step: str) -> None:
        self._expect(step, "running")
        self._free.append(self._slot[step])
        self._free.sort()
        self._count(self._use[step], 1)

    def _count(self, use: Use, sign: int) -> None:
        """Give what a step takes back, or take it (-1)."""
        self._cores += sign * use.cores
        if self._memory is not None:
            self._memory += sign * use.memory_mb
        for name in use.limits:
            if name in self._left:
                self._left[name] += sign

    def _fits(self, use: Use) -> bool:
        return (
            min(use.cores, self._slots or 1) <= self._cores  # where slots were lost, it has all that are left
            and (self._memory is None or use.memory_mb <= self._memory)
            and all(self._left.get(name, 1) > 0 for name in use.limits)
        )

    def _resize(self, count: int) -> None:
        """Have more or fewer slots. None loses its number: what limits is how many cores are left."""
        self._cores += count - self._slots
        self._slots = count
        self._free += range(len(self._free) + len(self.running), count)

    def _retry(self, step: str, again: bool, actions: list[Action]) -> None:
        """Start a step once more that was cut short, unless that was its last try."""
        if again:
            self._make_ready(step)
        else:
            actions.append(GiveUp(step))
            self._end(step, False, actions)

    def _stop(self) -> None:
        self._stopped = True
        for queue in self._queues:
            queue.clear()
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
        self._queue[step].add(self._length[step], self._home(step), self._rank[step], step)

    def _home(self, step: str) -> int:
        """Give the slot that made most of a step's inputs, -1 for none."""
        made: dict[int, int] = {}
        for name in self._inputs[step]:
            if name in self._slot:
                made[self._slot[name]] = made.get(self._slot[name], 0) + 1
        return max(sorted(made), key=made.__getitem__) if made else -1

    def _end(self, step: str, ok: bool, actions: list[Action]) -> None:
        """Mark a step as ended, and look at what waited for it."""
        self._close(step, "done" if ok else "failed")
        if not ok and self._fail_fast:
            self._stop()
        self._tell_users(step, actions)

    def _tell_users(self, step: str, actions: list[Action]) -> None:
        """Judge or leave out what waited for a step that has ended."""
        ended = [step]
        while ended:
            ended += [name for name in self._feeds[ended.pop()] if self._let_go(name, actions)]

    def _let_go(self, step: str, actions: list[Action]) -> bool:
        """Have a step wait for one thing less; judge it if it was the last, or leave it out, and say whether it was."""
        self._open[step] -= 1
        if self._open[step] or self._phase[step] != "waiting":
            return False
        lost = tuple(need for need in self._needs[step] if self._phase[need] != "done")
        if not lost:
            self._ask(step, actions)
            return False
        self._close(step, "skipped")
        actions.append(Skip(step, lost))
        return True

    def _fill(self, actions: list[Action]) -> None:
        """Start steps as long as there are any that fit."""
        while self._free:
            fitting = [queue for queue in self._queues if queue and self._fits(queue.use)]
            if not fitting:
                return
            queue = min(fitting, key=lambda queue: queue.urgency(self._free))
            home, step = queue.take(self._free)
            slot = home if home in self._free else self._free[0]
            self._free.remove(slot)
            self._count(self._use[step], -1)
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


class _Queue:
    """Steps that are ready and take the same, the most urgent first."""

    def __init__(self, use: Use) -> None:
        self.use = use
        # length of chain -> slot that made the inputs (-1: none) -> heap of (rank, step)
        self._ready: dict[int, dict[int, list[tuple[int, str]]]] = {}

    def __bool__(self) -> bool:
        return bool(self._ready)

    def clear(self) -> None:
        """Forget all."""
        self._ready.clear()

    def add(self, length: int, home: int, rank: int, step: str) -> None:
        """Add a step."""
        heappush(self._ready.setdefault(length, {}).setdefault(home, []), (rank, step))

    def urgency(self, free: list[int]) -> tuple[int, bool, int]:
        """Give what the next step is compared by with those of other queues; the least goes first."""
        length, home = self._next(free)
        return (-length, home not in free, self._ready[length][home][0][0])

    def take(self, free: list[int]) -> tuple[int, str]:
        """Take the next step out: one with the longest chain, if possible one whose inputs were made in a free slot.

        Returns
        -------
        tuple of int and str
            The slot that made its inputs (-1: none), and the step.
        """
        length, home = self._next(free)
        buckets = self._ready[length]
        _, step = heappop(buckets[home])
        if not buckets[home]:
            del buckets[home]
        if not buckets:
            del self._ready[length]
        return home, step

    def _next(self, free: list[int]) -> tuple[int, int]:
        length = max(self._ready)
        buckets = self._ready[length]
        for slot in free:
            if slot in buckets:
                return length, slot
        return length, min(buckets, key=lambda slot: buckets[slot][0])
