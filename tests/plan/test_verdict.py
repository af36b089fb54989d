from __future__ import annotations

import dataclasses
from types import MappingProxyType
from typing import Any

import pytest

from xbatch.base.errors import FileError, Place, Problem
from xbatch.plan.keys import RECIPE, key_of
from xbatch.plan.steps import FileInput, Plan, Step, StepInput, ordered
from xbatch.plan.verdict import Evidence, Gone, Known, Reason, Verdict, judge, judge_plan, reason_text
from xbatch.registry import TaskDef

REGISTRY = {
    name: TaskDef(name, 1, ("out",), MappingProxyType({"native": "m:f"}), "") for name in ("spectrum", "group", "fit")
}
SPECTRUM = Step("spectrum:a", "spectrum", "a", inputs={"pha": FileInput("/a.pha")})
GROUP = Step("group:a", "group", "a", params={"min": {"counts": 20}}, inputs={"pha": StepInput("spectrum:a", "out")})
FIT = Step("fit:a", "fit", "a", params={"bands": [3, 79]}, inputs={"grouped": StepInput("group:a", "out")})
PLAN = ordered("p", [SPECTRUM, GROUP, FIT])


class Results:
    """A store and a run folder in memory, where a step's output is a function of its key."""

    def __init__(self, files: dict[str, str] | None = None, forced: tuple[str, ...] = ()) -> None:
        self.store: dict[str, dict[str, Any]] = {}
        self.last: dict[str, dict[str, Any]] = {}
        self.evidence = Evidence(
            REGISTRY, {"/a.pha": "d0"} if files is None else files, self.store.get, self.last.get, forced
        )

    def change(self, **values: Any) -> None:
        self.evidence = dataclasses.replace(self.evidence, **values)

    def judge(self, plan: Plan = PLAN) -> dict[str, Verdict]:
        return {verdict.step: verdict for verdict in judge_plan(plan, self.evidence)}

    def run(self, plan: Plan = PLAN, output: str = "") -> list[str]:
        """Do what `judge` says and name the steps that ran."""
        states: dict[str, Known | Gone] = {}
        ran = []
        for step in plan:
            verdict = judge(step, states, self.evidence)
            if verdict.kind == "blocked":
                states[step.name] = Gone.NEVER
                continue
            assert verdict.key is not None
            assert verdict.ingredients is not None
            if verdict.kind == "run":
                ran.append(step.name)
                digest = output if step.name == output.partition("=")[0] else verdict.key
                self.store[verdict.key] = {
                    "key": verdict.key,
                    "ingredients": dict(verdict.ingredients),
                    "outputs": {"out": {"digest": output or digest}},
                }
            record = self.last[step.name] = self.store[verdict.key]
            states[step.name] = Known({"out": record["outputs"]["out"]["digest"]})
        return ran


def changed(step: Step, **params: Any) -> Plan:
    return ordered("p", [dataclasses.replace(s, params=params) if s is step else s for s in PLAN])


def test_at_first_the_roots_run_and_the_rest_waits() -> None:
    verdicts = Results().judge()
    assert verdicts["spectrum:a"].reasons == (Reason("new"),)
    assert verdicts["spectrum:a"].key is not None
    assert [verdict.kind for verdict in verdicts.values()] == ["run", "waits", "waits"]
    assert verdicts["fit:a"] == Verdict("fit:a", "waits", None, (Reason("waits", "group:a"),))


def test_after_a_run_all_is_up_to_date() -> None:
    results = Results()
    assert results.run() == ["spectrum:a", "group:a", "fit:a"]
    assert {verdict.kind for verdict in results.judge().values()} == {"up to date"}
    assert results.run() == []


def test_a_changed_parameter_runs_what_hangs_on_it() -> None:
    results = Results()
    results.run()
    plan = changed(GROUP, min={"counts": 30})
    verdicts = results.judge(plan)
    assert verdicts["spectrum:a"].kind == "up to date"
    assert verdicts["group:a"].reasons == (Reason("parameter", "min.counts", 20, 30),)
    assert verdicts["fit:a"].kind == "waits"
    assert results.run(plan) == ["group:a", "fit:a"]
    assert results.run() == []  # and back again


def test_equal_outputs_stop_a_rerun_from_spreading() -> None:
    results = Results()
    results.run(output="same")
    assert results.run(changed(GROUP, min={"counts": 30}), output="same") == ["group:a"]


def test_lists_and_added_parameters_have_paths() -> None:
    results = Results()
    results.run()
    reasons = results.judge(changed(FIT, bands=[3, 10, 79], model={"type": "pl", "empty": {}}))["fit:a"].reasons
    assert reasons == (
        Reason("parameter", "bands[1]", 79, 10),
        Reason("parameter", "bands[2]", None, 79),
        Reason("parameter", "model.empty", None, {}),
        Reason("parameter", "model.type", None, "pl"),
    )


def test_a_changed_file_a_task_version_and_an_engine_are_told() -> None:
    results = Results()
    results.run()
    results.change(files={"/a.pha": "d1"})
    assert results.judge()["spectrum:a"].reasons == (Reason("input", "pha", "d0", "d1"),)
    results.change(
        files={"/a.pha": "d0"}, registry={**REGISTRY, "fit": dataclasses.replace(REGISTRY["fit"], version=2)}
    )
    assert results.judge()["fit:a"].reasons == (Reason("task version", "fit", 1, 2),)
    other = ordered("p", [dataclasses.replace(SPECTRUM, engine="sas"), GROUP, FIT])
    assert results.judge(other)["spectrum:a"].reasons == (Reason("engine", "", "native 1", "sas"),)


@pytest.mark.parametrize("before", [None, RECIPE - 1, RECIPE + 1])
def test_another_recipe_of_keys_is_told_for_every_step_that_it_runs_again(before: int | None) -> None:
    results = Results()
    results.run()
    old: dict[str, dict[str, Any]] = {}
    for record in results.store.values():  # as a program of another recipe would have left them
        record["ingredients"] = {**record["ingredients"], "recipe": before}
        if before is None:
            del record["ingredients"]["recipe"]
        record["key"] = key_of(record["ingredients"])
        old[record["key"]] = record
    results.store = dict(old)
    results.change(lookup=results.store.get)
    reason = Reason("recipe", "", before or 0, RECIPE)
    assert results.judge()["spectrum:a"].reasons == (reason,)
    assert results.run() == ["spectrum:a", "group:a", "fit:a"]
    assert results.run() == []
    assert all(old[key] is results.store[key] for key in old)


def test_an_input_that_comes_and_goes() -> None:
    results = Results()
    results.run()
    more = dataclasses.replace(SPECTRUM, inputs={**SPECTRUM.inputs, "rmf": FileInput("/a.rmf")})
    results.change(files={"/a.pha": "d0", "/a.rmf": "d2"})
    plan = ordered("p", [more, GROUP, FIT])
    assert results.judge(plan)["spectrum:a"].reasons == (Reason("input", "rmf", None, "d2"),)
    results.run(plan)
    results.store.clear()
    assert results.judge()["spectrum:a"].reasons == (Reason("input", "rmf", "d2", None),)


def test_files_that_are_not_read_yet_are_waited_for() -> None:
    results = Results()
    results.run()
    results.change(unread={"/a.pha"})
    found = results.judge()
    assert [verdict.kind for verdict in found.values()] == ["waits", "waits", "waits"]
    assert found["spectrum:a"].reasons == (Reason("unread", "1 file"),)
    assert found["group:a"].reasons == (Reason("waits", "spectrum:a"),)
    assert found["spectrum:a"].key is None
    results.change(forced={"spectrum:a"})
    assert results.judge()["spectrum:a"].kind == "run"
    results.change(unread={"/another.pha"}, forced=())
    assert {verdict.kind for verdict in results.judge().values()} == {"up to date"}


def test_a_file_that_cannot_be_read_blocks_what_needs_it() -> None:
    results = Results()
    results.run()
    fault = FileError("/a.pha", "cannot be read: Permission denied", "Give yourself permission")
    text = "/a.pha: cannot be read: Permission denied. Give yourself permission"
    results.change(files={}, faults={"/a.pha": fault})
    blocked = Verdict("spectrum:a", "blocked", None, (Reason("unreadable", "/a.pha", new=text),))
    for more in ({}, {"forced": {"spectrum:a"}}, {"unread": {"/another.rmf"}}):
        results.change(**more)
        found = results.judge()
        assert found["spectrum:a"] == blocked
        assert found["group:a"] == Verdict("group:a", "blocked", None, (Reason("needs", "spectrum:a"),))
    results.change(files={"/a.pha": "d0"}, faults={"/another.pha": fault}, forced=(), unread=())
    assert {verdict.kind for verdict in results.judge().values()} == {"up to date"}


def test_a_step_that_waits_for_another_and_has_an_unreadable_file_is_blocked() -> None:
    more = dataclasses.replace(GROUP, inputs={**GROUP.inputs, "rmf": FileInput("/a.rmf"), "again": FileInput("/a.rmf")})
    results = Results()
    results.change(faults={"/a.rmf": FileError("/a.rmf", "is not a file")})
    found = results.judge(ordered("p", [SPECTRUM, more, FIT]))
    assert [verdict.kind for verdict in found.values()] == ["run", "blocked", "blocked"]
    assert reason_text(found["group:a"].reasons[0]) == "/a.rmf: is not a file"


def test_a_lost_result_is_made_again() -> None:
    results = Results()
    results.run()
    results.store.clear()
    assert results.judge()["spectrum:a"].reasons == (Reason("output missing"),)


def test_forced_steps_run_and_what_follows_waits() -> None:
    results = Results()
    results.run()
    results.change(forced={"group:a"})
    assert [verdict.kind for verdict in results.judge().values()] == ["up to date", "run", "waits"]
    assert results.run() == ["group:a"]
    results.change(forced={"group:a", "fit:a"})
    fit = results.judge()["fit:a"]
    assert (fit.kind, fit.key) == ("run", None)
    assert fit.reasons == (Reason("forced"), Reason("waits", "group:a"))


PROBLEM = Problem(Place("a.yaml"), "XB900", "sherpa is not installed", "pip install xbatch[fit]")


def test_a_step_that_cannot_be_done_here() -> None:
    blocked = dataclasses.replace(GROUP, blocked=PROBLEM)
    plan = ordered("p", [SPECTRUM, blocked, FIT])
    results = Results()
    cannot = Reason("cannot", new="a.yaml:1:1: XB900 sherpa is not installed; pip install xbatch[fit]")
    assert results.judge(plan)["group:a"].reasons == (Reason("waits", "spectrum:a"), cannot)
    results.run(plan)
    verdicts = results.judge(plan)
    assert (verdicts["group:a"].kind, verdicts["group:a"].reasons) == ("blocked", (cannot,))
    assert verdicts["fit:a"] == Verdict("fit:a", "blocked", None, (Reason("needs", "group:a"),))


def test_a_result_that_is_there_needs_no_doing() -> None:
    results = Results()
    results.run()
    plan = ordered("p", [SPECTRUM, dataclasses.replace(GROUP, blocked=PROBLEM), FIT])
    assert {verdict.kind for verdict in results.judge(plan).values()} == {"up to date"}
    results.change(forced={"group:a"})
    assert results.judge(plan)["group:a"].kind == "blocked"


def test_optional_inputs_are_waited_for_and_left_out() -> None:
    table = Step("fit:t", "fit", "t", inputs={"a": StepInput("group:a", "out", optional=True)})
    plan = ordered("p", [SPECTRUM, GROUP, table])
    results = Results()
    assert results.judge(plan)["fit:t"].kind == "waits"
    results.run(plan)
    verdict = judge(table, {"group:a": Gone.NEVER}, results.evidence)
    assert verdict.kind == "run"
    assert verdict.reasons[0].kind == "input"
    assert verdict.ingredients is not None
    assert verdict.ingredients["inputs"] == {}
    absent = judge(table, {"group:a": Known({"other": "d"})}, results.evidence)
    assert absent.key == verdict.key


def test_verdicts_are_data() -> None:
    verdict = Verdict("fit:a", "run", "k", (Reason("parameter", "x", 1, 2),))
    assert verdict.as_dict() == {
        "step": "fit:a",
        "kind": "run",
        "key": "k",
        "reasons": [{"kind": "parameter", "what": "x", "old": 1, "new": 2}],
    }


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (Reason("new"), "new"),
        (Reason("forced"), "forced"),
        (Reason("unread", "35 files"), "35 files not read yet"),
        (Reason("output missing"), "its result is no longer in the store, or was changed there"),
        (Reason("parameter", "min.counts", 20, 30.5), "min.counts 20 -> 30.5"),
        (Reason("parameter", "note", "", None), "note '' -> none"),
        (Reason("input", "pha", "a", "b"), "input pha changed"),
        (Reason("input", "arf", None, "b"), "input arf is there now"),
        (Reason("input", "arf", "b", None), "input arf is no longer there"),
        (Reason("task version", "fit", 1, 2), "task fit 1 -> 2"),
        (Reason("engine", "", "native 1", "sas 21"), "engine native 1 -> sas 21"),
        (Reason("recipe", "", 0, 1), "recipe of keys changed: 0 -> 1"),
        (Reason("waits", "group:a"), "waits for group:a"),
        (Reason("needs", "group:a"), "needs group:a"),
        (Reason("cannot", new="no sherpa"), "cannot be done here: no sherpa"),
    ],
)
def test_reasons_read_as_clauses(reason: Reason, text: str) -> None:
    assert reason_text(reason) == text
