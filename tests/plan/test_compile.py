from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.plan.worlds import analysis_of, files_of, fit_job, observation, spec_of, subject
from xbatch.base.errors import SpecError
from xbatch.plan import spectra
from xbatch.plan.compile import compile_plan
from xbatch.plan.steps import FileInput, StepInput


@pytest.fixture
def pair(tmp_path: Path):
    subjects = [subject("FPMA"), subject("FPMB")]
    for one in subjects:
        observation(tmp_path, one.module)
    return subjects, [files_of(one, tmp_path) for one in subjects]


def test_a_joint_fit_has_its_steps_in_order(pair, tmp_path: Path) -> None:
    subjects, files = pair
    plan = compile_plan(analysis_of(({}, spec_of(files, [fit_job(subjects)]))))
    assert [step.name for step in plan] == [
        "spectrum:01/FPMA/src",
        "spectrum:01/FPMB/src",
        "group:01/FPMA/src/min30",
        "group:01/FPMB/src/min30",
        "response:01/FPMA/src",
        "response:01/FPMB/src",
        "summary:spectra",
        "fit:pl",
        "plot:pl",
        "handover:pl",
        "parameters:fits",
    ]
    steps = plan.by_name()
    read, group, fit = (steps[n] for n in ("spectrum:01/FPMB/src", "group:01/FPMB/src/min30", "fit:pl"))
    assert set(read.inputs) == {"pha", "background", "rmf", "arf"}
    assert read.inputs["arf"] == FileInput(str(tmp_path / "01B.arf"))
    assert set(group.inputs) == {"spectrum"}
    assert set(fit.inputs) == {f"{role}/{n}" for role in ("grouped", "response", "background") for n in (0, 1)}
    assert steps["parameters:fits"].needs() == ()


def test_no_path_is_among_the_parameters(pair, tmp_path: Path) -> None:
    subjects, files = pair
    plan = compile_plan(analysis_of(({}, spec_of(files, [fit_job(subjects)]))))
    assert not [step.name for step in plan if str(tmp_path) in repr(step.params)]


def test_without_a_fit_everything_is_grouped(pair) -> None:
    _, files = pair
    plan = compile_plan(analysis_of(({}, spec_of(files, []))))
    tasks = ["spectrum", "spectrum", "group", "group", "response", "response", "summary"]
    assert [s.task for s in plan] == tasks
    assert plan.by_name()["response:01/FPMA/src"].product == "01/FPMA/src"


def test_a_swept_binning_shares_the_reading(pair) -> None:
    subjects, files = pair
    members = [
        ({"binning.min30.counts": n}, spec_of(files, [fit_job(subjects)], {"type": "min", "counts": float(n)}))
        for n in (10, 20, 30)
    ]
    plan = compile_plan(analysis_of(*members))
    tasks = [step.task for step in plan]
    assert [tasks.count(t) for t in ("spectrum", "group", "fit", "plot", "parameters", "summary")] == [2, 6, 3, 3, 1, 1]
    fit = plan.by_name()["fit:pl~counts=20"]
    assert fit.inputs["grouped/0"] == StepInput("group:01/FPMA/src/min30~counts=20", "grouped.pha")
    assert fit.inputs["response/0"] == StepInput("spectrum:01/FPMA/src", "response.npz")
    assert fit.members == ("counts=20",)
    rows = plan.by_name()["parameters:fits"].params["fits"]
    assert [row["values"] for row in rows] == [{"binning.min30.counts": n} for n in (10, 20, 30)]


def test_only_the_axes_that_matter_are_in_a_name(pair) -> None:
    subjects, files = pair
    members = [
        (
            {"binning.min30.counts": counts, "fit.pl.statistic": statistic},
            spec_of(files, [fit_job(subjects, statistic=statistic)], {"type": "min", "counts": float(counts)}),
        )
        for counts in (10, 20)
        for statistic in ("chi2", "cstat")
    ]
    names = {step.name for step in compile_plan(analysis_of(*members))}
    assert "group:01/FPMA/src/min30~counts=10" in names
    assert "fit:pl~counts=10,statistic=cstat" in names


def test_a_fit_by_sherpa_without_it_is_blocked_and_the_rest_stays(pair) -> None:
    subjects, files = pair
    spec = spec_of(files, [replace(fit_job(subjects), optimiser="moncar"), fit_job(subjects, name="q")])
    steps, problems = spectra.spectra_steps(analysis_of(({}, spec)), spec, installed=lambda package: False)
    assert problems == []
    blocked = [step for step in steps if step.blocked]
    assert [step.name for step in blocked] == ["fit:pl"]
    text = str(blocked[0].blocked)
    assert text.startswith("a.yaml:12:3: XB410 ")
    assert text.index("conda install") < text.index("pip install") < text.index("gfortran")


def test_a_fit_with_chains_leaves_them(pair) -> None:
    subjects, files = pair
    chains = {"walkers": 32, "steps": 2000, "burn": 500, "seed": 1}
    for asked, outputs in ((chains, ("fit.json", "bins.ecsv", "chain.fits?")), (None, ())):
        spec = spec_of(files, [replace(fit_job(subjects), mcmc=asked)])
        steps, _ = spectra.spectra_steps(analysis_of(({}, spec)), spec, installed=lambda package: True)
        assert [step.outputs for step in steps if step.task == "fit"] == [outputs]
        (plot,) = (step for step in steps if step.task == "plot")
        assert ("chain" in plot.inputs, "corner.png?" in plot.outputs) == (asked is not None, asked is not None)


def test_chains_without_emcee_are_blocked(pair) -> None:
    subjects, files = pair
    chains = {"walkers": 32, "steps": 2000, "burn": 500, "seed": 1}
    spec = spec_of(files, [replace(fit_job(subjects), mcmc=chains)])
    steps, _ = spectra.spectra_steps(analysis_of(({}, spec)), spec, installed=lambda package: package != "emcee")
    (blocked,) = [step for step in steps if step.blocked]
    assert "needs emcee, which is not installed" in str(blocked.blocked)
    assert "xbatch[mcmc]" in str(blocked.blocked)


def test_what_the_files_cannot_give_is_refused_at_once(tmp_path: Path) -> None:
    subjects = [subject("FPMA"), subject("FPMB")]
    observation(tmp_path, "A", BACKFILE="none", RESPFILE="none")
    observation(tmp_path, "B")
    files = [files_of(one, tmp_path) for one in subjects]
    fits = [fit_job(subjects), fit_job([subjects[1]], name="q", background="none", path="fit.q")]
    with pytest.raises(SpecError) as caught:
        compile_plan(analysis_of(({}, spec_of(files, fits))))
    assert sorted(problem.code for problem in caught.value.problems) == ["XB403", "XB404", "XB405"]


def test_optimal_grouping_takes_the_response_and_snmin_the_background(pair) -> None:
    _, files = pair
    for params, roles in (
        ({"type": "opt"}, {"spectrum", "response"}),
        ({"type": "optsnmin", "snr": 6.0}, {"spectrum", "response", "background"}),
        ({"type": "snmin", "snr": 6.0, "background": False}, {"spectrum"}),
        ({"type": "min", "counts": 5.0, "range": {"unit": "keV", "lo": 3.0, "hi": 9.0}}, {"spectrum", "response"}),
        ({"type": "ogrppha", "snr": 6.0, "oversample": 3.0}, {"spectrum", "response", "background"}),
        ({"type": "specgroup", "counts": 25.0}, {"spectrum"}),
        ({"type": "specgroup", "counts": 25.0, "oversample": 3.0}, {"spectrum", "response"}),
        ({"type": "specgroup", "snr": 6.0}, {"spectrum", "background"}),
        ({"type": "nutools", "net_counts": 20.0, "form": "mended"}, {"spectrum", "background"}),
    ):
        plan = compile_plan(analysis_of(({}, spec_of(files, [], params))))
        assert set(plan.by_name()["group:01/FPMA/src/min30"].inputs) == roles


def test_scripts_name_responses_by_where_these_will_lie(pair, tmp_path: Path) -> None:
    subjects, files = pair
    coarse = {"type": "min", "counts": 50.0}
    members = [
        ({"binning.min30.counts": 30}, spec_of(files, [fit_job(subjects)])),
        ({"binning.min30.counts": 50}, spec_of(files, [fit_job(subjects)], coarse)),
    ]
    plan = compile_plan(analysis_of(*members)).by_name()
    handover = plan["handover:pl~counts=50"]
    assert handover.product == "fits/pl/counts=50"
    assert handover.params["datasets"][1]["rmf"] == "../../../01/FPMB/src/response.rmf"
    assert plan["response:01/FPMB/src"].product == "01/FPMB/src"
    assert plan["response:01/FPMB/src"].members == ("counts=30", "counts=50")
    assert handover.outputs[-2:] == ("spectrum_2.pha?", "background_2.pha?")
