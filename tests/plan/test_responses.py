"""Further responses in plans: inputs, outputs and files that are missing, at both levels; and what they leave alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.plan.eventworlds import OBSID, event_analysis, event_spec, nustar_list, observed, spectrum
from tests.plan.worlds import analysis_of, files_of, fit_job, observation, spec_of, subject
from xbatch.base.errors import SpecError
from xbatch.plan.compile import compile_plan
from xbatch.plan.steps import FileInput, StepInput
from xbatch.registry import TASKS
from xbatch.spec.derivedmodel import Combination, Fake
from xbatch.spec.eventmodel import EventWork
from xbatch.spec.model import FluxRequest, FurtherModel, ResponseFiles, Subject

LINES = FurtherModel("lines", "det", {"component": "bg"}, "powerlaw.bg", (0,))
OWN = FurtherModel("own", "", {"component": "bb"}, "bbody.bb", (0,))


def codes_of(analysis) -> list[tuple[str, str]]:  # type: ignore[no-untyped-def]
    with pytest.raises(SpecError) as caught:
        compile_plan(analysis)
    return [(problem.code, problem.path) for problem in caught.value.problems]


def test_a_spectrum_brings_its_responses_to_the_fit_that_asks_for_them(tmp_path: Path) -> None:
    observation(tmp_path)
    for name in ("be.arf", "diag.rmf"):
        (tmp_path / name).write_bytes(b"x")
    one = subject()
    responses = {
        "det": ResponseFiles(None, tmp_path / "be.arf"),
        "gap": ResponseFiles(tmp_path / "diag.rmf", None),
    }
    job = fit_job([one], models=(LINES, OWN), flux=(FluxRequest((), model="lines"), FluxRequest(())))
    steps = compile_plan(analysis_of(({}, spec_of([files_of(one, tmp_path, responses=responses)], [job])))).by_name()
    read = steps["spectrum:01/FPMA/src"]
    assert read.inputs["rmf/det"] == read.inputs["rmf"] == FileInput(str(tmp_path / "r.rmf"))
    assert read.inputs["arf/det"] == FileInput(str(tmp_path / "be.arf"))
    assert read.inputs["rmf/gap"] == FileInput(str(tmp_path / "diag.rmf"))
    assert "arf/gap" not in read.inputs
    assert read.outputs == (*TASKS["spectrum"].outputs, "response_det.npz", "response_gap.npz")
    fit = steps["fit:pl"]
    assert {role for role in fit.inputs if "further" in role} == {"further/0/det"}
    assert fit.inputs["further/0/det"] == StepInput(read.name, "response_det.npz")
    assert [one["name"] for one in fit.params["models"]] == ["lines", "own"]
    assert [one.get("model") for one in fit.params["flux"]] == ["lines", None]
    handed = steps["handover:pl"].params["datasets"][0]
    assert handed["further"] == {
        "det": {
            "rmf": "../../01/FPMA/src/responses/det/response.rmf",
            "arf": "../../01/FPMA/src/responses/det/response.arf",
        }
    }
    assert steps["response:01/FPMA/src/responses/det"].product == "01/FPMA/src/responses/det"


def test_without_further_responses_steps_are_as_they_were(tmp_path: Path) -> None:
    observation(tmp_path)
    one = subject()
    steps = compile_plan(analysis_of(({}, spec_of([files_of(one, tmp_path)], [fit_job([one])])))).by_name()
    assert steps["spectrum:01/FPMA/src"].outputs == ()
    assert set(steps["spectrum:01/FPMA/src"].inputs) == {"pha", "background", "rmf", "arf"}
    assert "models" not in steps["fit:pl"].params
    assert "models" not in steps["handover:pl"].params
    assert "further" not in steps["handover:pl"].params["datasets"][0]


def test_each_missing_file_is_told_with_its_path(tmp_path: Path) -> None:
    observation(tmp_path)
    responses = {
        "det": ResponseFiles(None, tmp_path / "be.arf"),
        "gap": ResponseFiles(tmp_path / "diag.rmf", None),
    }
    one = subject()
    spec = spec_of([files_of(one, tmp_path, responses=responses)], [fit_job([one], models=(LINES,))])
    assert codes_of(analysis_of(({}, spec))) == [
        ("XB401", "spectra.src.responses.det.arf"),
        ("XB401", "spectra.src.responses.gap.response"),
    ]


def test_events_take_further_responses_as_they_take_the_first(tmp_path: Path) -> None:
    nustar_list(tmp_path)
    responses = {
        "det": ResponseFiles(None, tmp_path / "be.arf[.gz]"),
        "gap": ResponseFiles(tmp_path / "diag.rmf", None),
    }
    (tmp_path / "n.rmf").write_bytes(b"x")
    one = spectrum(response=tmp_path / "n.rmf", responses=responses)
    job = fit_job([one.subject], models=(LINES,))
    analysis = event_analysis(event_spec(EventWork((observed(tmp_path),), (one,)), (job,)))
    assert codes_of(analysis) == [
        ("XB401", "spectra.agn.responses.det.arf"),
        ("XB401", "spectra.agn.responses.gap.response"),
    ]
    (tmp_path / "be.arf.gz").write_bytes(b"x")
    (tmp_path / "diag.rmf").write_bytes(b"x")
    steps = compile_plan(analysis).by_name()
    read = steps[f"spectrum:{OBSID}/FPMA/agn"]
    assert read.inputs["rmf/det"] == FileInput(str(tmp_path / "n.rmf"))
    assert read.inputs["arf/det"] == FileInput(str(tmp_path / "be.arf.gz"))
    assert read.outputs[-2:] == ("response_det.npz", "response_gap.npz")
    assert steps["fit:pl"].inputs["further/0/det"] == StepInput(read.name, "response_det.npz")


def test_sums_and_draws_have_the_responses_of_what_they_are_made_of(tmp_path: Path) -> None:
    for name in ("n.rmf", "be.arf"):
        (tmp_path / name).write_bytes(b"x")
    obsids = (OBSID, "90402339004")
    for obsid in obsids:
        nustar_list(tmp_path, obsid=obsid)
    det = {"det": ResponseFiles(None, tmp_path / "be.arf")}
    more = {**det, "gap": ResponseFiles(tmp_path / "n.rmf", None)}
    first, second = (
        spectrum(obsid=obsid, response=tmp_path / "n.rmf", responses=some)
        for obsid, some in zip(obsids, (det, more), strict=True)
    )
    total = Subject("nustar", "both", "FPMA", "agn")
    params = {"response": "exposure-weighted", "background": "keep", "on_missing": "skip"}
    added = Combination(total, "years", (first.subject, second.subject), params, "combine.years")
    drawn = Fake(replace(total, spectrum="drawn"), total, None, {"bg": "powerlaw"}, {"bg": [1.0, 1.0]}, models=(LINES,))
    work = EventWork(tuple(observed(tmp_path, obsid=obsid) for obsid in obsids), (first, second))
    spec = event_spec(work, (fit_job([drawn.subject], models=(LINES,)),), combinations=(added,), fakes=(drawn,))
    steps = compile_plan(event_analysis(spec)).by_name()
    combine = steps["combine:both/FPMA/agn"]
    assert {role for role in combine.inputs if "further" in role} == {"further/det/0", "further/det/1"}
    assert combine.inputs["further/det/1"] == StepInput(
        f"spectrum:{obsids[1]}/FPMA/agn", "response_det.npz", optional=True
    )
    assert combine.outputs[-1] == "response_det.npz"
    fake = steps["fake:both/FPMA/drawn"]
    assert fake.inputs["further/det"] == StepInput(combine.name, "response_det.npz")
    assert fake.params["model"] is None
    assert [one["name"] for one in fake.params["models"]] == ["lines"]
    assert fake.outputs[-1] == "response_det.npz"
    assert steps["fit:pl"].inputs["further/0/det"] == StepInput(fake.name, "response_det.npz")
