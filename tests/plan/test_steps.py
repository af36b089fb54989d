from __future__ import annotations

from dataclasses import replace
from graphlib import CycleError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.plan.steps import Step, StepInput, check_outputs, ordered
from xbatch.registry import TaskDef


def step(name: str, *needs: str, optional: bool = False) -> Step:
    return Step(name, "t", name, inputs={f"in/{n}": StepInput(need, "o", optional) for n, need in enumerate(needs)})


def test_order_is_by_need_and_then_as_given() -> None:
    plan = ordered("p", [step("z"), step("b", "a"), step("a")])
    assert [s.name for s in plan] == ["z", "a", "b"]


def test_a_missing_need_is_named() -> None:
    with pytest.raises(ValueError, match="b needs a"):
        ordered("p", [step("b", "a")])


def test_a_circle_and_a_double_name_are_refused() -> None:
    with pytest.raises(CycleError):
        ordered("p", [step("a", "b"), step("b", "a")])
    with pytest.raises(ValueError, match="share a name"):
        ordered("p", [step("a"), step("a")])


def test_optional_inputs_are_waited_for_but_not_needed() -> None:
    table = step("t", "a", optional=True)
    assert table.needs() == ()
    assert table.waits_for() == ("a",)


@given(st.data())
def test_every_step_stands_after_all_it_waits_for(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 12))
    edges = {n: data.draw(st.sets(st.integers(0, n - 1), max_size=3)) if n else set[int]() for n in range(size)}
    steps = [step(str(n), *map(str, sorted(needs)), optional=bool(n % 2)) for n, needs in edges.items()]
    shuffled = data.draw(st.permutations(steps))
    names = [s.name for s in ordered("p", list(shuffled))]
    assert sorted(names) == sorted(edges_name.name for edges_name in steps)
    for n, needs in edges.items():
        assert all(names.index(str(need)) < names.index(str(n)) for need in needs)


def test_a_step_without_outputs_and_one_that_takes_what_is_not_made_are_refused() -> None:
    tasks = {"t": TaskDef("t", 1, (), {}, ""), "u": TaskDef("u", 1, ("o", "p?"), {}, "")}
    made, open_ended = Step("a", "u", "a"), Step("b", "t", "b", inputs={"in": StepInput("a", "p")})
    with pytest.raises(ValueError, match="b leaves no file"):
        check_outputs([made, open_ended], tasks)
    check_outputs([made, replace(open_ended, outputs=("x",))], tasks)
    with pytest.raises(ValueError, match="does not make q"):
        check_outputs([made, replace(open_ended, outputs=("x",), inputs={"in": StepInput("a", "q")})], tasks)
