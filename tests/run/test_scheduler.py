from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.run.toys import plan, step
from xbatch.plan.steps import Plan
from xbatch.run.scheduler import Action, Died, Ended, GiveUp, Judge, Judged, Scheduler, Skip, Start, Stop


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Any small plan with needed and optional inputs."""
    steps = []
    for number in range(draw(st.integers(1, 9))):
        earlier = [f"join:{n}" for n in range(number)]
        needs = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=3)) if earlier else []
        optional = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=2)) if earlier else []
        steps.append(step(f"join:{number}", *needs, optional=tuple(set(optional) - set(needs))))
    return plan(*steps)


class Machine:
    """Does what a scheduler asks, in an order that hypothesis chooses, and watches that no promise is broken."""

    def __init__(self, what: Plan, slots: int, tries: int = 2, fail_fast: bool = False) -> None:
        self.plan = what
        self.slots = slots
        self.tries = tries
        self.scheduler = Scheduler(what, slots, tries, fail_fast)
        self.running: dict[str, int] = {}
        self.starts: dict[str, int] = {}
        self.died: dict[str, int] = {}
        self.to_judge: list[str] = []
        self.outcome: dict[str, str] = {}
        self.ready: set[str] = set()
        self.stopped = False
        self.take(self.scheduler.begin())

    def take(self, actions: list[Action]) -> None:
        steps = self.plan.by_name()
        for action in actions:
            match action:
                case Judge(name):
                    assert name not in self.to_judge
                    assert all(self.outcome[need] == "done" for need in steps[name].needs())
                    assert all(need in self.outcome for need in steps[name].waits_for())
                    self.to_judge.append(name)
                case Start(name, slot):
                    assert name in self.ready
                    assert slot not in self.running.values()
                    assert not self.stopped
                    self.ready.remove(name)
                    self.running[name] = slot
                    self.starts[name] = self.starts.get(name, 0) + 1
                case Skip(name, because):
                    assert because
                    assert all(self.outcome[need] != "done" for need in because)
                    self.outcome[name] = "skipped"
                case GiveUp(name):
                    assert self.died[name] == self.tries
                    self.outcome[name] = "failed"
        assert len(self.running) <= self.slots
        idle = len(self.running) < self.slots and not self.to_judge
        assert self.stopped or not (idle and self.ready), "a step waits while a slot is free"

    def judge(self, answer: str) -> None:
        name = self.to_judge.pop(0)
        if answer == "run":
            if not self.stopped:
                self.ready.add(name)
            self.take(self.scheduler.tell(Judged(name, "run")))
        else:
            self.outcome[name] = "done" if answer == "done" else "failed"
            self.take(self.scheduler.tell(Judged(name, "done" if answer == "done" else "failed")))

    def end(self, name: str, how: str) -> None:
        del self.running[name]
        if how == "die":
            self.died[name] = self.died.get(name, 0) + 1
            if self.died[name] < self.tries and not self.stopped:
                self.ready.add(name)
            self.take(self.scheduler.tell(Died(name)))
        else:
            self.outcome[name] = "done" if how == "ok" else "failed"
            self.take(self.scheduler.tell(Ended(name, how == "ok")))

    def stop(self) -> None:
        self.stopped = True
        self.ready.clear()
        self.take(self.scheduler.tell(Stop()))

    def go(self, choose: Callable[[list[str]], str], end_with: Callable[[], str]) -> None:
        while self.to_judge or self.running:
            if self.to_judge and choose(["judge", "end"] if self.running else ["judge"]) == "judge":
                self.judge(choose(["run", "run", "run", "done", "failed"]))
            else:
                self.end(choose(sorted(self.running)), end_with())


@given(plans(), st.integers(1, 3), st.data())
def test_every_step_ends_once_and_never_before_what_it_needs(what: Plan, slots: int, data: st.DataObject) -> None:
    machine = Machine(what, slots)
    machine.go(
        lambda options: data.draw(st.sampled_from(options)),
        lambda: data.draw(st.sampled_from(["ok", "ok", "fail", "die"])),
    )
    assert machine.scheduler.over
    assert machine.outcome.keys() == what.by_name().keys()
    for name, outcome in machine.outcome.items():
        lost = [need for need in what.by_name()[name].needs() if machine.outcome[need] != "done"]
        assert (outcome == "skipped") == bool(lost), "a failure stops what needs it and nothing else"
        assert machine.starts.get(name, 0) <= 1 + machine.died.get(name, 0)


@given(plans(), st.integers(1, 3), st.integers(0, 12), st.data())
def test_after_a_stop_nothing_starts_and_all_comes_to_an_end(
    what: Plan, slots: int, when: int, data: st.DataObject
) -> None:
    machine = Machine(what, slots)
    count = 0

    def choose(options: list[str]) -> str:
        nonlocal count
        count += 1
        if count == when:
            machine.stop()
        return data.draw(st.sampled_from(options))

    machine.go(choose, lambda: data.draw(st.sampled_from(["ok", "fail", "die"])))
    assert machine.scheduler.over
    assert set(machine.outcome) | set(machine.scheduler.stopped) == set(what.by_name())
    assert not set(machine.outcome) & set(machine.scheduler.stopped)


def started(actions: list[Action]) -> list[tuple[str, int]]:
    return [(action.step, action.slot) for action in actions if isinstance(action, Start)]


def begin(what: Plan, slots: int, fail_fast: bool = False) -> tuple[Scheduler, list[tuple[str, int]]]:
    scheduler = Scheduler(what, slots, fail_fast=fail_fast)
    starts = []
    for action in scheduler.begin():
        assert isinstance(action, Judge)
        starts += started(scheduler.tell(Judged(action.step, "run")))
    return scheduler, starts


def end(scheduler: Scheduler, name: str, ok: bool = True) -> list[tuple[str, int]]:
    """End a step, say of all that can be judged then that it has to run, and give what starts."""
    actions = scheduler.tell(Ended(name, ok))
    starts = started(actions)
    for action in actions:
        if isinstance(action, Judge):
            starts += started(scheduler.tell(Judged(action.step, "run")))
    return starts


def test_the_longest_chain_goes_first() -> None:
    what = plan(step("a:0"), step("a:short"), step("a:long"), step("a:next", "a:long"), step("a:last", "a:next"))
    scheduler, starts = begin(what, 1)
    assert starts == [("a:long", 0)]
    assert end(scheduler, "a:long") == [("a:next", 0)]
    assert scheduler.running == ("a:next",)
    assert end(scheduler, "a:next") == [("a:last", 0)]
    assert end(scheduler, "a:last") == [("a:0", 0)]


def test_a_step_goes_where_its_inputs_were_made() -> None:
    what = plan(step("a:1"), step("a:2"), step("b:1", "a:1"), step("b:2", "a:2"), step("c:1", "a:1"))
    scheduler, starts = begin(what, 2)
    assert starts == [("a:1", 0), ("a:2", 1)]
    assert end(scheduler, "a:2") == [("b:2", 1)]
    assert end(scheduler, "a:1") == [("b:1", 0)]
    assert end(scheduler, "b:1") == [("c:1", 0)]


def test_but_never_waits_for_that_slot() -> None:
    what = plan(step("a:1"), step("b:1", "a:1"), step("b:2", "a:1"))
    scheduler, _ = begin(what, 2)
    assert end(scheduler, "a:1") == [("b:1", 0), ("b:2", 1)]


def test_a_failure_skips_all_that_follows_and_optional_inputs_only_wait() -> None:
    what = plan(step("a:1"), step("b:1", "a:1"), step("c:1", "b:1"), step("t:1", optional=("c:1", "a:1")))
    scheduler, _ = begin(what, 1)
    actions = scheduler.tell(Ended("a:1", ok=False))
    assert actions == [Skip("b:1", ("a:1",)), Skip("c:1", ("b:1",)), Judge("t:1")]


def test_a_killed_worker_costs_one_try() -> None:
    scheduler, _ = begin(plan(step("a:1"), step("b:1", "a:1")), 1)
    assert scheduler.tell(Died("a:1")) == [Start("a:1", 0)]
    assert scheduler.tell(Died("a:1")) == [GiveUp("a:1"), Skip("b:1", ("a:1",))]
    assert scheduler.over


def test_fail_fast_starts_nothing_more() -> None:
    scheduler, _ = begin(plan(step("a:1"), step("a:2"), step("a:3")), 2, fail_fast=True)
    assert scheduler.tell(Ended("a:1", ok=False)) == []
    assert scheduler.stopped == ("a:3",)
    assert not scheduler.over
    assert scheduler.tell(Ended("a:2", ok=True)) == []
    assert scheduler.over


def test_what_cannot_have_happened_is_refused() -> None:
    scheduler, _ = begin(plan(step("a:1")), 1)
    with pytest.raises(ValueError, match="a:2 is not running"):
        scheduler.tell(Ended("a:2", ok=True))
    with pytest.raises(ValueError, match="a:1 is not judging"):
        scheduler.tell(Judged("a:1", "done"))
    with pytest.raises(ValueError, match="at least one slot"):
        Scheduler([], 0)


def test_an_empty_plan_is_over() -> None:
    assert Scheduler([], 1).over
