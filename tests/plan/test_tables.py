"""Fits with table models in a plan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.plan.worlds import analysis_of, files_of, fit_job, observation, spec_of, subject
from xbatch.plan.compile import compile_plan
from xbatch.plan.steps import FileInput
from xbatch.spec.tablemodels import table_kind


def test_the_file_of_a_table_is_an_input_and_no_parameter(tmp_path: Path) -> None:
    one = subject("FPMA")
    observation(tmp_path, one.module)
    file = tmp_path / "refl.fits"
    job = replace(fit_job([one]), components={"pl": "powerlaw", "r": table_kind("atable", file)})
    plan = compile_plan(analysis_of(({}, spec_of([files_of(one, tmp_path)], [job]))))
    (fit,) = [step for step in plan if step.task == "fit"]
    assert fit.inputs["table/r"] == FileInput(str(file))
    assert fit.params["components"] == {"pl": "powerlaw", "r": "atable"}
    # Only scripts for other programs name files outside the run.
    assert [step.task for step in plan if str(tmp_path) in repr(step.params)] == ["handover"]
    (handover,) = [step for step in plan if step.task == "handover"]
    assert handover.params["tables"] == {"r": str(file)}
