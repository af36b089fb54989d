"""The scheduler against any order of events: graphs, resources, deaths, timeouts and stops as they come."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.run.toys import plan, step
from xbatch.plan.steps import Plan
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
    Skip,
    Slots,
    Start,
    Stop,
)
from xbatch.run.scheduler import Scheduler


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Any small plan with needed and optional inputs."""
    steps = []
    for number in range(draw(st.integers(1, 12))):
        earlier = [f"join:{n}" for n in range(number)]
        needs = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=2)) if earlier else []
        optional = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=1)) if earlier else []
        steps.append(step(f"join:{number}", *needs, optional=tuple(set(optional) - set(needs))))
    return plan(*steps)


ROOMS = st.builds(
    Room,
    slots=st.integers(1, 4),
    memory_mb=st.none() | st.integers(1, 3),
    limits=st.fixed_dictionaries({"sas": st.integers(1, 2)}, optional={"caldb": st.just(1)}),
)
USES = st.builds(
    Use,
    cores=st.sampled_from([1, 1, 1, 2, 3]),
    memory_mb=st.integers(0, 3),
    limits=st.sampled_from([(), ("sas",), ("sas", "caldb")]),
    tries=st.integers(1, 3),
    late_tries=st.integers(1, 2),
)


def chain_lengths(what: Plan) -> dict[str, int]:
    """Count the steps of the longest chain from each step on, the slow and plain way."""

    def length(name: str) -> int:
        return 1 + max((length(one.name) for one in what if name in one.waits_for()), default=0)

    return {one.name: length(one.name) for one in what}


class Promises(RuleBasedStateMachine):
    """Does what a scheduler asks in any order, and watches that no promise is broken."""

    @initialize(what=plans(), room=ROOMS, data=st.data(), fail_fast=st.booleans())
    def begin(self, what: Plan, room: Room, data: st.DataObject, fail_fast: bool) -> None:
        fitting = USES.filter(lambda use: not misfit(use, room))
        self.what, self.room, self.fail_fast = what, room, fail_fast
        self.steps = what.by_name()
        self.uses = {name: data.draw(st.just(Use()) | fitting) for name in self.steps}
        self.lengths = chain_lengths(what)
        self.slots = self.most_slots = room.slots
        self.scheduler = Scheduler(what, room, self.uses, fail_fast)
        self.running: dict[str, int] = {}
        self.made_in: dict[str, int] = {}
        self.starts = dict.fromkeys(self.steps, 0)
        self.deaths = dict.fromkeys(self.steps, 0)
        self.judged: set[str] = set()
        self.to_judge: set[str] = set()
        self.ready: set[str] = set()
        self.given_up: set[str] = set()
        self.outcome: dict[str, str] = {}
        self.stopped = False
        self.held = set(data.draw(st.lists(st.sampled_from(sorted(self.steps)), unique=True)))
        self.take(self.scheduler.begin(frozenset(self.held)))

    # ---- what may happen ----------------------------------------------------------------------------------------

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def read(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.held)))
        self.held.remove(name)
        self.tell(Read(name))

    @precondition(lambda self: self.to_judge)
    @rule(data=st.data(), answer=st.sampled_from(["run", "run", "run", "done", "failed"]))
    def judge(self, data: st.DataObject, answer: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.to_judge)))
        self.to_judge.remove(name)
        match answer:
            case "run":
                if not self.stopped:
                    self.ready.add(name)
                self.tell(Judged(name, "run"))
            case "done":
                self.end(name, "done")
                self.tell(Judged(name, "done"))
            case _:
                self.end(name, "failed")
                self.tell(Judged(name, "failed"))

    @precondition(lambda self: self.running)
    @rule(data=st.data(), ok=st.sampled_from([True, True, True, False]))
    def finish(self, data: st.DataObject, ok: bool) -> None:
        name = self.leave(data)
        self.end(name, "done" if ok else "failed")
        self.tell(Ended(name, ok))

    @precondition(lambda self: self.running)
    @rule(data=st.data(), late=st.booleans())
    def cut_short(self, data: st.DataObject, late: bool) -> None:
        name = self.leave(data)
        tries = self.uses[name].late_tries if late else self.uses[name].tries
        last = self.starts[name] >= tries and (late or not self.stopped)
        if last:
            self.end(name, "failed")
        elif not self.stopped:
            self.ready.add(name)
        self.tell(Late(name) if late else Died(name))
        assert (name in self.given_up) == last

    @precondition(lambda self: not self.stopped)
    @rule(rarely=st.integers(0, 9))
    def stop(self, rarely: int) -> None:
        if rarely == 0:
            self.stopped = True
            self.ready.clear()
            self.tell(Stop())

    @rule(count=st.integers(1, 6))
    def resize(self, count: int) -> None:
        self.slots = max(count, *(use.cores for use in self.uses.values()), 1)
        self.most_slots = max(self.most_slots, self.slots)
        self.tell(Slots(self.slots))

    @rule(data=st.data())
    def refuse(self, data: st.DataObject) -> None:
        """Tell of something that cannot have happened: it is refused and changes nothing."""
        name = data.draw(st.sampled_from(sorted(self.steps)))
        events = [Read(name), Judged(name, "run"), Ended(name, True), Died(name), Late(name)]
        event = data.draw(st.sampled_from(events))
        whom = self.held if isinstance(event, Read) else self.to_judge if isinstance(event, Judged) else self.running
        if name not in whom:
            with pytest.raises(ValueError, match=f"{name} is not"):
                self.scheduler.tell(event)

    # ---- what must hold -----------------------------------------------------------------------------------------

    def leave(self, data: st.DataObject) -> str:
        name = data.draw(st.sampled_from(sorted(self.running)))
        self.made_in[name] = self.running.pop(name)
        return str(name)

    def end(self, name: str, outcome: str) -> None:
        assert name not in self.outcome, "a step ends once"
        self.outcome[name] = outcome
        if outcome == "failed" and self.fail_fast:
            self.stopped = True
            self.ready.clear()

    def tell(self, event: Event) -> None:
        self.take(self.scheduler.tell(event))

    def take(self, actions: list[Action]) -> None:
        for action in actions:
            name, waits = action.step, self.steps[action.step].waits_for()
            match action:
                case Judge():
                    assert name not in self.judged, "a step is judged once"
                    assert name not in self.held, "a step whose files are not known is not judged"
                    assert all(self.outcome[need] == "done" for need in self.steps[name].needs())
                    assert all(need in self.outcome for need in waits)
                    self.judged.add(name)
                    self.to_judge.add(name)
                case Start(_, slot):
                    assert name in self.ready, "nothing starts that was not judged, or has ended, or after a stop"
                    assert not self.to_judge
                    assert 0 <= slot < self.most_slots
                    assert slot not in self.running.values()
                    assert self.fits(name), "nothing takes more than there is"
                    free = set(range(self.most_slots)) - set(self.running.values())
                    rivals = [rival for rival in self.ready if self.fits(rival)]
                    assert self.lengths[name] == max(self.lengths[rival] for rival in rivals), "longest chain first"
                    assert slot == self.home(name) or self.home(name) not in free, "work goes where its data is"
                    if slot != self.home(name):
                        equals = [rival for rival in rivals if self.lengths[rival] == self.lengths[name]]
                        assert not any(self.home(rival) in free for rival in equals)
                    self.ready.remove(name)
                    self.running[name] = slot
                    self.starts[name] += 1
                    assert self.starts[name] <= max(self.uses[name].tries, self.uses[name].late_tries)
                case Skip(_, because):
                    assert name not in self.held
                    assert because
                    assert all(self.outcome[need] != "done" for need in because)
                    self.end(name, "skipped")
                case GiveUp():
                    assert self.outcome[name] == "failed"
                    self.given_up.add(name)

    def fits(self, name: str) -> bool:
        """Tell whether there is room for a step beside those that run, counted from the beginning."""
        uses = [self.uses[one] for one in (*self.running, name)]
        if sum(use.cores for use in uses) > self.slots:
            return False
        if self.room.memory_mb is not None and sum(use.memory_mb for use in uses) > self.room.memory_mb:
            return False
        counts = self.room.limits.items()
        return not any(sum(tool in use.limits for use in uses) > n for tool, n in counts if tool in uses[-1].limits)

    def home(self, name: str) -> int:
        """Give the slot that made most of a step's inputs in this run, -1 for none."""
        slots = [self.made_in[need] for need in self.steps[name].waits_for() if need in self.made_in]
        return min(slots, key=lambda slot: (-slots.count(slot), slot), default=-1)

    @invariant()
    def nothing_that_fits_waits(self) -> None:
        if hasattr(self, "scheduler") and not self.to_judge:
            assert not any(self.fits(name) for name in self.ready)

    @invariant()
    def it_is_over_when_nothing_is_left(self) -> None:
        if not hasattr(self, "scheduler"):
            return
        assert set(self.scheduler.running) == set(self.running)
        nothing = not self.to_judge and not self.running and (self.stopped or not self.held)
        assert self.scheduler.over == nothing, "it never waits for nothing"
        if self.scheduler.over:
            stopped = set(self.scheduler.stopped)
            assert not stopped or self.stopped
            assert self.outcome.keys() | stopped == set(self.steps)
            assert not self.outcome.keys() & stopped
            for name, outcome in self.outcome.items():
                lost = any(self.outcome.get(need) != "done" for need in self.steps[name].needs())
                assert (outcome == "skipped") == lost, "a failure stops what needs it and nothing else"

    def teardown(self) -> None:
        """Bring what is left to its end."""
        if not hasattr(self, "scheduler"):
            return
        while self.held or self.to_judge or self.running:
            if self.held:
                self.tell(Read(self.held.pop()))
            elif self.to_judge:
                name = min(self.to_judge)
                self.to_judge.remove(name)
                if not self.stopped:
                    self.ready.add(name)
                self.tell(Judged(name, "run"))
            else:
                name = min(self.running)
                self.made_in[name] = self.running.pop(name)
                self.end(name, "done")
                self.tell(Ended(name, ok=True))
            self.nothing_that_fits_waits()
        self.it_is_over_when_nothing_is_left()


TestPromises = Promises.TestCase
TestPromises.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
