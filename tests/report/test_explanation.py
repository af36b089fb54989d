"""Why a step would run, told from verdicts and records made up."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from xbatch.base.errors import Place, Problem
from xbatch.plan.keys import ENGINE_VERSIONS, ingredients_of, key_of
from xbatch.plan.reasons import Reason
from xbatch.plan.steps import FileInput, Plan, Step, StepInput, ordered
from xbatch.plan.verdict import Evidence, judge_plan
from xbatch.registry import TASKS
from xbatch.report.explanation import Explained, Origin, explain, explained_text, stored_records
from xbatch.run.store import Store

Record = dict[str, Any]
SPECTRUM = Step("spectrum:a", "spectrum", "a", params={"note": ""}, inputs={"pha": FileInput("/a.pha")})
GROUP = Step(
    "group:a/bins",
    "group",
    "a/bins",
    params={"counts": 20},
    inputs={"spectrum": StepInput("spectrum:a", "spectrum.pha")},
)
FIT = Step("fit:pl", "fit", "pl", params={"lo": 3}, inputs={"grouped/0": StepInput("group:a/bins", "grouped.pha")})
OUTPUTS = {"spectrum": "spectrum.pha", "group": "grouped.pha", "fit": "fit.json"}


def plan_of(**params: Mapping[str, Any]) -> Plan:
    steps = [dataclasses.replace(s, params={**s.params, **params.get(s.task, {})}) for s in (SPECTRUM, GROUP, FIT)]
    return ordered("p", steps)


def records_of(
    plan: Plan, pha: str = "d0", ended: str = "2026-01-01T10:00:00.000Z", tail: str = ""
) -> dict[str, Record]:
    """Run a plan in memory: what a step makes has its key for a digest."""
    found: dict[str, Record] = {}
    for step in plan:
        digests = {
            role: pha if isinstance(item, FileInput) else f"made:{found[item.step]['key']}"
            for role, item in step.inputs.items()
        }
        ingredients = ingredients_of(step, TASKS[step.task].version, ENGINE_VERSIONS["native"], digests)
        key = key_of(ingredients)
        found[step.name] = {
            "step": step.name + tail,
            "task": step.task,
            "key": key,
            "ingredients": ingredients,
            "outputs": {OUTPUTS[step.task]: {"digest": f"made:{key}"}},
            "ended": ended,
            "wall_s": 1.5,
        }
    return found


def explained(plan: Plan, last: dict[str, Record], stored: list[Record], pha: str = "d0") -> dict[str, Explained]:
    by_key = {record["key"]: record for record in (*last.values(), *stored)}
    verdicts = judge_plan(plan, Evidence(TASKS, {"/a.pha": pha}, by_key.get, last.get))
    found = explain(plan, verdicts, [step.name for step in plan], last.get, lambda: [*last.values(), *stored])
    assert [one.step for one in found] == [step.name for step in plan]
    return {one.step: one for one in found}


def test_what_is_there_says_when_it_was_made() -> None:
    found = explained(plan_of(), records_of(plan_of()), [])
    assert {one.verdict for one in found.values()} == {"up to date"}
    text = explained_text(found["fit:pl"])
    assert text.startswith("fit:pl: up to date\n  nothing differs from the result in the store, key ")
    assert text.endswith("made 2026-01-01 10:00:00 UTC")


def test_a_changed_parameter_and_what_hangs_on_it() -> None:
    found = explained(plan_of(group={"counts": 30}, fit={"lo": 5}), records_of(plan_of()), [])
    group, fit = found["group:a/bins"], found["fit:pl"]
    assert (group.verdict, group.against) == ("run", "last run")
    assert group.differences == (Reason("parameter", "counts", 20, 30),)
    # The fit waits, but what is its own is known already, and where the rest begins.
    assert (fit.verdict, fit.key, fit.waits) == ("waits", None, ("group:a/bins",))
    assert fit.differences == (Reason("parameter", "lo", 3, 5),)
    assert fit.origins == (Origin("group:a/bins", (Reason("parameter", "counts", 20, 30),)),)
    lines = explained_text(fit).splitlines()
    assert lines[2:] == [
        "    lo 3 -> 5",
        "  waits for group:a/bins; its key is known when they have ended",
        "  begins at group:a/bins: counts 20 -> 30",
    ]


def test_a_changed_file_is_told_with_both_digests_and_its_path() -> None:
    old, new = "fits1:" + "a" * 64, "fits1:" + "b" * 64
    found = explained(plan_of(), records_of(plan_of(), old), [], new)
    assert found["spectrum:a"].differences == (Reason("input", "pha", old, new),)
    assert f"    input pha (/a.pha) fits1:{'a' * 12}… -> fits1:{'b' * 12}…" in explained_text(found["spectrum:a"])
    assert "its parameters, version and engine are the same" in explained_text(found["fit:pl"])
    assert [origin.step for origin in found["fit:pl"].origins] == ["spectrum:a"]


def test_without_a_last_run_the_nearest_of_the_store_is_taken() -> None:
    far = records_of(plan_of(group={"counts": 50, "more": 1}), ended="2026-01-03T10:00:00.000Z")
    near = records_of(plan_of(group={"counts": 40}), ended="2026-01-02T10:00:00.000Z", tail="~counts=40")
    other = {**records_of(plan_of(group={"counts": 30}))["group:a/bins"], "step": "group:b/bins", "key": "0" * 64}
    stored = [far["group:a/bins"], near["group:a/bins"], near["spectrum:a"], other]
    group = explained(plan_of(group={"counts": 30}), {}, stored)["group:a/bins"]
    assert group.against == "store"
    assert group.other is not None and group.other["step"] == "group:a/bins~counts=40"
    assert group.differences == (Reason("parameter", "counts", 40, 30),)
    assert "nearest in the store is group:a/bins~counts=40, key " in explained_text(group)
    # Without a record of the step itself, one of its task.
    alone = explained(plan_of(group={"counts": 31}), {}, [near["spectrum:a"], other])["group:a/bins"]
    assert alone.other is not None and alone.other["step"] == "group:b/bins"


def test_what_is_new_is_said_to_be_new() -> None:
    found = explained(plan_of(), {}, [])
    assert explained_text(found["spectrum:a"]).endswith("and none of its task in the store")
    assert explained_text(found["fit:pl"]).endswith("begins at spectrum:a: new")


def test_the_store_is_read_only_when_it_must_be() -> None:
    last = records_of(plan_of())
    plan = plan_of(group={"counts": 30})
    verdicts = judge_plan(plan, Evidence(TASKS, {"/a.pha": "d0"}, lambda key: None, last.get))

    def never() -> list[Record]:
        raise AssertionError("the store was read")

    found = explain(plan, verdicts, ["group:a/bins"], last.get, never)
    assert [one.step for one in found] == ["group:a/bins"]


def test_a_lost_result_and_a_step_that_cannot_be_done() -> None:
    last = records_of(plan_of())
    evidence = Evidence(TASKS, {"/a.pha": "d0"}, lambda key: None, last.get)
    (spectrum,) = explain(plan_of(), judge_plan(plan_of(), evidence), ["spectrum:a"], last.get, list)
    assert [reason.kind for reason in spectrum.differences] == ["output missing"]
    problem = Problem(Place("a.yaml"), "XB501", "needs Sherpa", "install it")
    blocked = ordered("p", [dataclasses.replace(SPECTRUM, blocked=problem), GROUP, FIT])
    none = Evidence(TASKS, {"/a.pha": "d0"}, lambda key: None, lambda step: None)
    spectrum, group, _ = explain(blocked, judge_plan(blocked, none), [s.name for s in blocked], lambda step: None, list)
    assert "cannot be done here: a.yaml:1:1: XB501 needs Sherpa" in explained_text(spectrum)
    assert "needs spectrum:a" in explained_text(group)
    near = list(records_of(plan_of()).values())  # results of the same tasks, of no use here
    (spectrum,) = explain(blocked, judge_plan(blocked, none), ["spectrum:a"], lambda step: None, lambda: near)
    assert spectrum.against == "store" and "nearest" not in explained_text(spectrum)


def test_many_differences_are_cut_short_in_text_alone() -> None:
    last = records_of(plan_of(fit={f"p{n:02}": n for n in range(20)}))
    fit = explained(plan_of(fit={f"p{n:02}": n + 1 for n in range(20)}), last, [])["fit:pl"]
    assert len(fit.differences) == 20
    assert "    and 8 more (--json has all)" in explained_text(fit).splitlines()


def test_an_explanation_is_data() -> None:
    fit = explained(plan_of(group={"counts": 30}), records_of(plan_of()), [])["fit:pl"]
    data = json.loads(json.dumps(fit.as_dict()))
    assert data["against"] == "last run"
    assert data["sources"] == {"grouped/0": "grouped.pha of group:a/bins"}
    assert data["origins"] == [
        {"step": "group:a/bins", "reasons": [{"kind": "parameter", "what": "counts", "old": 20, "new": 30}]}
    ]


@pytest.mark.parametrize("spoil", ["{", '{"record": 1, "key": "x"}', "[]"])
def test_records_that_cannot_be_read_are_passed_over(tmp_path: Path, spoil: str) -> None:
    good = {**records_of(plan_of())["fit:pl"], "record": 1}
    for key, text in ((good["key"], json.dumps(good)), ("ab" * 32, spoil)):
        path = tmp_path / key[:2] / key / "record.json"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    assert [record["key"] for record in stored_records(Store(tmp_path))] == [good["key"]]
    assert list(stored_records(Store(tmp_path / "none"))) == []
