"""Members of a sweep share the steps that they agree on; the others are told apart by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.plan.worlds import analysis_of, files_of, fit_job, observation, spec_of, subject, write_pha_header
from tests.spec.specs import read
from tests.spec.sweeps import SPEC, VALUES, blocks, swept
from xbatch.base.errors import SpecError
from xbatch.plan.compile import compile_plan
from xbatch.plan.steps import FileInput, Plan, Step
from xbatch.plan.variants import Variants
from xbatch.spec.model import Analysis, Member

COUNTS, SNR, BINNING = "binning.a.counts", "binning.b.snr", "fit.one.data[0].binning"
EACH = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the headers of all files that the spec may name."""
    path = tmp_path_factory.mktemp("data")
    for name in ("0201430201A", "0201430201B", "90402339002A", "90402339002B", "90402339004A", "90402339004B", "b"):
        write_pha_header(path / f"{name}.pha")
    for name in ("r.rmf", "r.arf"):
        write_pha_header(path / name)
    return path


def content(step: Step, plan: Plan, known: dict[str, str]) -> str:
    """Write out what a step is, through all that it hangs on, without names that a sweep gives."""
    if step.name not in known:
        steps = plan.by_name()
        inputs = {
            role: item.path if isinstance(item, FileInput) else [item.output, content(steps[item.step], plan, known)]
            for role, item in step.inputs.items()
        }
        params = {key: value for key, value in step.params.items() if key not in {"title", "datasets"}}
        params |= {"data": [one.get("band") for one in step.params.get("datasets", ())]}
        known[step.name] = json.dumps([step.task, step.name.partition("~")[0], params, inputs], sort_keys=True)
    return known[step.name]


def contents(plan: Plan) -> dict[str, str]:
    """Give what each step is by its name; the tables of everything are left out."""
    known: dict[str, str] = {}
    return {step.name: content(step, plan, known) for step in plan if step.task not in {"summary", "parameters"}}


def planned(folder: Path, sweep: dict[str, Any]) -> tuple[Analysis, Plan] | None:
    try:
        analysis = read(folder, swept(sweep))
    except SpecError:
        return None
    return analysis, compile_plan(analysis)


@EACH
@given(blocks())
def test_there_are_as_many_steps_as_differ(folder: Path, sweep: dict[str, Any]) -> None:
    found = planned(folder, sweep)
    if found is None:
        return
    analysis, plan = found
    alone: set[str] = set()
    for member in analysis.members:
        values = [f"{path}={json.dumps(value)}" for path, value in member.values.items() if path != "case"]
        mine = contents(compile_plan(read(folder, SPEC, values)))
        alone |= set(mine.values())
        # Each member finds all its steps in the plan of all.
        steps = {content for name, content in contents(plan).items() if member.name in plan.by_name()[name].members}
        assert set(mine.values()) == steps
    assert sorted(contents(plan).values()) == sorted(alone)


@EACH
@given(blocks(), st.data())
def test_a_new_value_leaves_the_steps_there_are_as_they_were(
    folder: Path, sweep: dict[str, Any], data: st.DataObject
) -> None:
    grid = {path: VALUES[path][:2] for path in sweep.get("grid", {})}
    if not grid:
        return
    sweep = {**sweep, "grid": grid}
    path = data.draw(st.sampled_from(sorted(path for path in grid)))
    if len(VALUES[path]) < 3:
        return
    more = {**sweep, "grid": {**grid, path: [VALUES[path][2], *VALUES[path][:2]]}}
    before, after = planned(folder, sweep), planned(folder, more)
    if before is None or after is None:
        return
    old, new = contents(before[1]), contents(after[1])
    assert old.items() <= new.items()
    old_steps, new_steps = before[1].by_name(), after[1].by_name()
    for name in old:
        assert new_steps[name].params == old_steps[name].params
        assert new_steps[name].product == old_steps[name].product


def names(folder: Path, sweep: dict[str, Any], task: str) -> list[str]:
    found = planned(folder, sweep)
    assert found is not None
    return [step.name for step in found[1] if step.task == task]


def test_a_zip_is_named_by_what_the_step_was_asked_for_by(folder: Path) -> None:
    sweep = {"zip": {COUNTS: [10, 20], "fit.one.statistic": ["chi2", "pgstat"]}}
    assert names(folder, sweep, "fit") == ["fit:one~statistic=chi2", "fit:one~statistic=pgstat"]
    assert [name.partition("~")[2] for name in names(folder, sweep, "group")] == 2 * ["counts=10", "counts=10"][:1] + [
        "counts=20",
        "counts=20",
    ]


def test_a_case_names_its_steps_and_shared_values_those_of_several(folder: Path) -> None:
    cases = {
        "soft": {"bands.full": "3-9 keV", COUNTS: 10},
        "mild": {"bands.full": "3-20 keV", COUNTS: 10},
        "hard": {"bands.full": "9-20 keV", COUNTS: 20},
    }
    sweep = {"cases": cases}
    assert names(folder, sweep, "fit") == ["fit:one~case=soft", "fit:one~case=mild", "fit:one~case=hard"]
    assert {name.partition("~")[2] for name in names(folder, sweep, "group")} == {"counts=10", "counts=20"}


def test_an_axis_of_some_members_is_in_the_names_of_their_steps_alone(folder: Path) -> None:
    sweep = {"grid": {BINNING: ["a", "b"]}, "when": [{"if": {BINNING: "b"}, "grid": {SNR: [4, 5]}}]}
    assert names(folder, sweep, "fit") == ["fit:one~binning=a", "fit:one~snr=4,binning=b", "fit:one~snr=5,binning=b"]


def test_members_left_out_do_not_change_the_names_of_steps(folder: Path) -> None:
    sweep: dict[str, Any] = {"grid": {COUNTS: [10, 20], "fit.one.statistic": ["chi2", "pgstat"]}}
    whole = names(folder, sweep, "group")
    sweep["exclude"] = [{COUNTS: 20, "fit.one.statistic": "pgstat"}]
    assert names(folder, sweep, "group") == whole


def test_steps_that_no_value_tells_apart_have_a_digest(tmp_path: Path) -> None:
    """Two axes whose combination counts, not each by itself: the fit is one where both are 0 or both are 1."""
    one = subject("FPMA")
    observation(tmp_path, "A")

    def member(x: int, y: int) -> tuple[dict[str, Any], Any]:
        job = fit_job([one], statistic="chi2" if x == y else "cstat")
        return {"p.x": x, "p.y": y}, spec_of([files_of(one, tmp_path)], [job])

    plan = compile_plan(analysis_of(*(member(x, y) for x in (0, 1) for y in (0, 1))))
    fits = [step for step in plan if step.task == "fit"]
    assert [step.members for step in fits] == [("x=0,y=0", "x=1,y=1"), ("x=0,y=1", "x=1,y=0")]
    assert len({step.name for step in fits}) == 2
    assert all(len(step.name) == len("fit:pl~") + 12 for step in fits)


def test_the_row_of_a_fit_has_the_values_that_its_members_share(folder: Path) -> None:
    found = planned(folder, {"grid": {COUNTS: [10, 20], SNR: [4, 5]}})
    assert found is not None
    rows = found[1].by_name()["parameters:fits"].params["fits"]
    assert [row["values"] for row in rows] == [{COUNTS: 10}, {COUNTS: 20}]
    assert rows[0]["member"] == "counts=10,snr=4, counts=10,snr=5"


def test_members_may_have_different_paths(tmp_path: Path) -> None:
    one = subject("FPMA")
    observation(tmp_path, "A")
    specs = [spec_of([files_of(one, tmp_path)], [fit_job([one], starts=number)]) for number in (1, 2, 3)]
    analysis = analysis_of(({"a.n": 1}, specs[0]), ({"a.n": 2, "b.m": 1}, specs[1]), ({"a.n": 2, "b.m": 2}, specs[2]))
    assert all(isinstance(member, Member) for member in analysis.members)
    fits = [step.name for step in compile_plan(analysis) if step.task == "fit"]
    assert fits == ["fit:pl~a.n=1", "fit:pl~a.n=2,m=1", "fit:pl~a.n=2,m=2"]


def test_a_step_that_works_in_a_folder_of_each_member_is_one_for_each() -> None:
    variants = Variants()
    for root in ("/a", "/b"):
        step = Step("observation:1", "fetch", "1", places={"raw": f"{root}/1"})
        variants.add(Member(f"root={root}", {"data.root": root}, spec_of([], [])), [step])
    made = variants.steps()
    assert len(made) == 2 == len({step.name for step in made})
