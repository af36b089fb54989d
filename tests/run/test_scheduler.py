from __future__ import annotations

import pytest

from tests.run.toys import plan, step
from xbatch.plan.steps import Plan
from xbatch.run.limits import Room, Use
from xbatch.run.moves import Action, Died, Ended, GiveUp, Judge, Judged, Late, Read, Same, Skip, Slots, Start
from xbatch.run.scheduler import Scheduler


def started(actions: list[Action]) -> list[tuple[str, int]]:
    return [(action.step, action.slot) for action in actions if isinstance(action, Start)]


def begin(
    what: Plan, room: int | Room, uses: dict[str, Use] | None = None, fail_fast: bool = False
) -> tuple[Scheduler, list[tuple[str, int]]]:
    scheduler = Scheduler(what, Room(room) if isinstance(room, int) else room, uses, fail_fast)
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


def test_a_step_whose_files_cannot_be_read_fails_when_it_is_judged() -> None:
    what = plan(step("a:1"), step("b:1", "a:1"), step("c:1"), step("t:1", optional=("b:1", "c:1")))
    scheduler = Scheduler(what, Room(1))
    assert scheduler.begin({"a:1", "c:1"}) == []
    assert scheduler.tell(Read("c:1")) == [Judge("c:1")]
    assert scheduler.tell(Judged("c:1", "run")) == [Start("c:1", 0)]
    assert scheduler.tell(Read("a:1")) == [Judge("a:1")]
    assert scheduler.tell(Judged("a:1", "failed")) == [Skip("b:1", ("a:1",))]
    assert scheduler.tell(Ended("c:1", ok=True)) == [Judge("t:1")]


def test_a_killed_worker_costs_one_try() -> None:
    scheduler, _ = begin(plan(step("a:1"), step("b:1", "a:1")), 1)
    assert scheduler.tell(Died("a:1")) == [Start("a:1", 0)]
    assert scheduler.tell(Died("a:1")) == [GiveUp("a:1"), Skip("b:1", ("a:1",))]
    assert scheduler.over


def test_time_that_is_over_is_a_failure_at_once() -> None:
    scheduler, _ = begin(plan(step("a:1"), step("b:1", "a:1")), 1)
    assert scheduler.tell(Late("a:1")) == [GiveUp("a:1"), Skip("b:1", ("a:1",))]


def test_unless_more_tries_are_asked_for() -> None:
    scheduler, _ = begin(plan(step("a:1")), 1, {"a:1": Use(tries=3, late_tries=3)})
    assert scheduler.tell(Late("a:1")) == [Start("a:1", 0)]
    assert scheduler.tell(Died("a:1")) == [Start("a:1", 0)]
    assert scheduler.tell(Late("a:1")) == [GiveUp("a:1")]


def test_a_large_step_waits_for_room_and_small_ones_pass_it() -> None:
    what = plan(step("a:1"), step("a:2", "a:1"), step("b:large"), step("c:1"))
    scheduler, starts = begin(what, 2, {"b:large": Use(cores=2)})
    assert starts == [("a:1", 0), ("c:1", 1)]
    assert end(scheduler, "a:1") == [("a:2", 0)]
    assert end(scheduler, "c:1") == []
    assert end(scheduler, "a:2") == [("b:large", 0)]


def test_memory_and_tools_are_shared_out() -> None:
    what = plan(*(step(f"a:{number}") for number in range(4)))
    tool, memory = Use(limits=("sas",)), Use(memory_mb=600)
    uses = {"a:0": tool, "a:1": tool, "a:2": memory, "a:3": memory}
    scheduler, starts = begin(what, Room(4, 1000, {"sas": 1}), uses)
    assert starts == [("a:0", 0), ("a:2", 1)]
    assert end(scheduler, "a:2") == [("a:3", 1)]
    assert end(scheduler, "a:0") == [("a:1", 0)]
    _, starts = begin(what, 4, uses)
    assert len(starts) == 4, "what nobody counts is never short"


def test_what_never_fits_is_refused() -> None:
    for use in (Use(cores=3), Use(memory_mb=11), Use(limits=("sas",))):
        with pytest.raises(ValueError, match="a:1 takes"):
            Scheduler(plan(step("a:1")), Room(2, 10, {"sas": 0}), {"a:1": use})


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
        Scheduler([], Room(0))


def test_an_empty_plan_is_over() -> None:
    assert Scheduler([], Room(1)).over


def test_slots_may_become_more_and_fewer() -> None:
    what = plan(*(step(f"a:{number}") for number in range(8)))
    scheduler, starts = begin(what, 2)
    assert starts == [("a:0", 0), ("a:1", 1)]
    assert started(scheduler.tell(Slots(4))) == [("a:2", 2), ("a:3", 3)]
    assert scheduler.tell(Slots(1)) == [], "what runs goes on"
    for name in ("a:0", "a:1", "a:2"):
        assert end(scheduler, name) == []
    assert end(scheduler, "a:3") == [("a:4", 0)]
    assert started(scheduler.tell(Slots(3))) == [("a:5", 1), ("a:6", 2)]


def test_what_takes_more_slots_than_are_left_has_them_all() -> None:
    what = plan(step("a:0"), step("a:1"), step("a:2"))
    scheduler, starts = begin(what, 4, {"a:1": Use(cores=3)})
    assert starts == [("a:0", 0), ("a:1", 1)]
    scheduler.tell(Slots(2))
    assert started(scheduler.tell(Died("a:1"))) == [("a:2", 1)]
    assert end(scheduler, "a:2") == []
    assert end(scheduler, "a:0") == [("a:1", 0)]
    assert end(scheduler, "a:1") == []
    assert scheduler.over


def test_without_slots_a_run_waits() -> None:
    scheduler, _ = begin(plan(step("a:0"), step("a:1", "a:0")), 1)
    assert scheduler.tell(Slots(0)) == []
    assert end(scheduler, "a:0") == []
    assert not scheduler.over
    assert started(scheduler.tell(Slots(5))) == [("a:1", 0)]


def test_a_step_that_is_the_same_work_as_another_waits_for_it() -> None:
    machine = Scheduler(plan(step("join:a"), step("join:b"), step("join:c", "join:b")), Room(2))
    assert machine.begin() == [Judge("join:a"), Judge("join:b")]
    assert machine.tell(Judged("join:a", "run")) == []
    assert machine.tell(Same("join:b", "join:a")) == [Start("join:a", 0)]
    assert machine.tell(Ended("join:a", ok=True)) == [Judge("join:b")]
    assert machine.tell(Judged("join:b", "done")) == [Judge("join:c")]


def test_a_step_waits_for_no_other_that_has_ended() -> None:
    machine = Scheduler(plan(step("join:a"), step("join:b")), Room(2))
    machine.begin()
    machine.tell(Judged("join:a", "done"))
    with pytest.raises(ValueError, match="cannot wait for join:a"):
        machine.tell(Same("join:b", "join:a"))
