"""Verbs that look at a spec or a run, and mistakes in how they are called."""

from __future__ import annotations

import json

import pytest

from tests.end_to_end.world import OBSIDS, SPEC, Desk


def test_everything_wrong_is_said_at_once_with_its_place(desk: Desk) -> None:
    desk.write(SPEC.replace("binning: min30,", "binning: min3O,").replace("pl.PhoIndex:", "pl.PhoIndx:"))
    said = desk.xbatch("validate", desk.folder / "desk.yaml")
    assert said.status == 2
    lines = said.err.splitlines()
    assert any(":13:36: XB1" in line and "'min30'" in line for line in lines), said.err
    assert any("PhoIndx" in line and "PhoIndex" in line for line in lines), said.err
    as_json = desk.xbatch("validate", desk.folder / "desk.yaml", "--format", "json")
    problems = json.loads(as_json.out)["problems"]
    assert as_json.status == 2
    assert len(problems) == len([line for line in lines if ": XB" in line])


def test_resolved_says_where_each_value_came_from(desk: Desk) -> None:
    said = desk.xbatch("validate", desk.folder / "desk.yaml", "--resolved", "--set", "binning.min30.counts=77")
    assert said.status == 0
    (line,) = [line for line in said.out.splitlines() if "counts: 77" in line]
    assert "--set" in line
    assert any("default" in line for line in said.out.splitlines())


def test_missing_files_are_all_named_before_anything_runs(desk: Desk) -> None:
    desk.pha(module="A").unlink()
    desk.pha(module="B", kind="bk.pha").unlink()
    said = desk.run()
    assert said.status == 2
    assert "XB401" in said.err and "nu99900000001A01_sr.pha" in said.err
    assert "XB402" in said.err and "nu99900000001B01_bk.pha" in said.err and "background: none" in said.err
    assert not desk.run_dir.exists()


def test_a_wrong_root_is_named_with_the_option_that_mends_it(desk: Desk) -> None:
    said = desk.run("--set", "data.root=nowhere")
    assert said.status == 2
    assert "data.root" in said.err and "nowhere" in said.err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["validte", "x.yaml"], "Did you mean 'validate'?"),
        (["run"], "SPEC"),
        (["run", "absent.yaml"], "absent.yaml"),
        (["status", "nowhere"], "not the folder of a run"),
        (["report", "nowhere"], "not the folder of a run"),
        (["plan", "x.yaml", "--graph", "ascii"], "mermaid"),
    ],
)
def test_a_wrong_call_is_one_clear_error(desk: Desk, arguments: list[str], word: str) -> None:
    said = desk.xbatch(*arguments)
    assert said.status == 2
    assert word in said.err
    assert "Traceback" not in said.all


def test_plan_draws_and_explains(desk: Desk) -> None:
    spec = desk.folder / "desk.yaml"
    assert "spectrum:99900000001/FPMA/src" in desk.xbatch("plan", spec).out
    assert desk.xbatch("plan", spec, "--graph", "mermaid").out.startswith("flowchart LR")
    assert desk.xbatch("plan", spec, "--graph", "dot").out.startswith('digraph "desk"')
    steps = json.loads(desk.xbatch("plan", spec, "--json").out)["steps"]
    assert {step["verdict"] for step in steps} == {"run", "waits"}
    assert not desk.run_dir.exists()


def test_plan_prints_the_groups_that_a_fit_kept(finished: Desk) -> None:
    desk = finished
    said = desk.xbatch("plan", desk.folder / "desk.yaml", "--out", desk.run_dir)
    lines = [line for line in said.out.splitlines() if "groups, channels" in line]
    assert len(lines) == 4
    assert lines[0].strip().startswith(f"{OBSIDS[0]}/FPMA/src min30: ")
    assert "keV) to channels" in lines[0]


def test_status_and_logs_tell_of_the_last_run(desk: Desk) -> None:
    desk.run("--only", "spectrum:*")
    said = desk.xbatch("status", desk.run_dir)
    assert f"spectrum:{OBSIDS[0]}/FPMA/src" in said.out and "4 done" in said.out
    assert json.loads(desk.xbatch("status", desk.run_dir, "--json").out)["running"] == []
    names = desk.xbatch("logs", "--run", desk.run_dir).out.split()
    assert len(names) == 4
    assert desk.xbatch("logs", names[0], "--run", desk.run_dir).status == 0
    wrong = desk.xbatch("logs", "spectrum:99900000001/FPMA/scr", "--run", desk.run_dir)
    assert wrong.status == 2 and "did you mean" in wrong.err


def test_init_writes_a_spec_that_plans(desk: Desk) -> None:
    target = desk.folder / "new.yaml"
    assert desk.xbatch("init", desk.data, "--output", target, "--name", "mine").status == 0
    assert desk.xbatch("validate", target).status == 0
    said = desk.xbatch("plan", target, "--out", desk.folder / "out" / "mine")
    assert said.status == 0, said.err
    assert "fit:powerlaw" in said.out
    again = desk.xbatch("init", desk.data, "--output", target)
    assert again.status == 2 and "--overwrite" in again.err


def test_report_can_be_written_again(desk: Desk) -> None:
    desk.run("--only", "group:*")
    page = desk.run_dir / "report.html"
    page.unlink()
    said = desk.xbatch("report", desk.run_dir)
    assert said.status == 0
    assert said.out.strip() == str(page)
    assert page.is_file()
