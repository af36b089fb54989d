"""What all steps of SAS for one observation have in common."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.plan.epicworlds import SAS, STUDY, by_name, changed, context_of, made_of, work_of
from xbatch.base.toolset import Toolset
from xbatch.commands.call import Work
from xbatch.plan.raw_epic import epic_steps
from xbatch.plan.raw_sas import SasSteps, events_name, filter_name, selection_name
from xbatch.plan.steps import StepInput


def test_what_each_command_has_around_it(tmp_path: Path) -> None:
    steps = by_name(made_of(tmp_path, STUDY))
    summary = "odf/0000_0013140201_SCX00000SUM.SAS"
    chain = work_of(steps["epicevents:0013140201/EPN"])
    # the chains are given the folder, with the summary in it; files that are packed are unpacked
    assert chain.calls[0].environment == {"SAS_CCF": "{scratch}/ccf.cif", "SAS_ODF": "{scratch}/odf"}
    assert {name: one.how for name, one in chain.staged.items()} == {
        "odf": "tree-unpack",
        "ccf.cif": "link",
        summary: "summary",
    }
    spectrum = work_of(steps["epicspectrum:0013140201/EPN/agn"])
    assert spectrum.environment == {"SAS_CCF": "{scratch}/ccf.cif", "SAS_ODF": f"{{scratch}}/{summary}"}
    assert {name: one.how for name, one in spectrum.staged.items()} == {
        "odf": "tree",
        "ccf.cif": "link",
        summary: "summary",
        "events.fits": "link",
    }
    assert steps["epicspectrum:0013140201/EPN/agn"].inputs["events"] == StepInput(
        "epicfilter:0013140201/EPN/spectral", "filtered.fits"
    )
    # patterns are looked at in the list as it comes
    assert steps["pileup:0013140201/EPN/pn"].inputs["events"] == StepInput("epicevents:0013140201/EPN", "events.fits")


@pytest.mark.parametrize(("shell", "told"), [(None, None), ("", None), ("1", None), ("7", "7")])
def test_a_seed_of_the_shell_belongs_to_the_steps(tmp_path: Path, shell: str | None, told: str | None) -> None:
    common = _common(tmp_path)
    environ = {} if shell is None else {"SAS_RAND_SEED": shell}
    own = replace(common.context, toolset=Toolset(sas=SAS, ccf="digest", environ=environ))
    for step in epic_steps(own, common.one).steps:
        if "work" in step.params and step.task not in {"cifbuild", "odfingest"}:
            assert work_of(step).environment.get("SAS_RAND_SEED") == told


def test_sas_that_is_not_here_blocks_its_steps(tmp_path: Path) -> None:
    made = made_of(tmp_path, STUDY, None)
    blocked = [step for step in made.steps if step.blocked is not None]
    assert {step.engine for step in blocked} == {"sas"}
    assert {step.task for step in made.steps if step.blocked is None} == {"selection"}
    assert blocked[0].blocked is not None and "SAS" in blocked[0].blocked.message


def test_files_in_small_letters_are_found(tmp_path: Path) -> None:
    (tmp_path / "data/0013140201/odf").mkdir(parents=True)
    steps = by_name(made_of(tmp_path, STUDY))
    assert steps["cifbuild:0013140201"].places == {"odf": str(tmp_path / "data/0013140201/odf")}
    assert steps["cifbuild:0761220101"].places == {"odf": str(tmp_path / "data/0761220101/ODF")}


def test_date_of_the_observation(tmp_path: Path) -> None:
    made = made_of(tmp_path, changed('"2019-05-28"', "observation"))
    cifbuild = by_name(made)["cifbuild:0013140201"]
    assert "analysisdate={observation:date}" in work_of(cifbuild).calls[0].command


def test_names_of_steps() -> None:
    assert events_name("1/EPN") == "epicevents:1/EPN"
    assert filter_name("1/EPN", "default") == "epicfilter:1/EPN"
    assert filter_name("1/EPN", "calm") == "epicfilter:1/EPN/calm"
    assert selection_name("1/EPN", ("src", "bkg")) == "selection:1/EPN/src+bkg"
    assert selection_name("1/EPN", ("src", "")) == selection_name("1/EPN", ("src", "src")) == "selection:1/EPN/src"


def _common(tmp_path: Path) -> SasSteps:
    context = context_of(tmp_path, STUDY)
    return SasSteps(context, context.raw.observations[0])


def test_a_step_has_the_observation_its_folder_and_its_work(tmp_path: Path) -> None:
    step = _common(tmp_path).step(
        "epicevents", "1/EPN", "data", Work(()), {"cif": StepInput("a", "b")}, params={"x": 1}
    )
    assert step.name == "epicevents:1/EPN" and (step.engine, step.engine_version) == ("sas", "17.0.0")
    assert step.params == {"x": 1, "work": Work(()).params()}
    assert step.inputs == {
        "observation": StepInput("observation:0013140201", "observation.json"),
        "cif": StepInput("a", "b"),
    }
    assert step.places == {"odf": str(tmp_path / "data/0013140201/ODF")}
    assert "calibrated with the CCF" in step.because
    named = _common(tmp_path).step("pileup", "1/EPN", "data", Work(()), {}, name="other", because="so")
    assert (named.name, named.because) == ("other", "so")


def test_calibration_that_is_not_here_blocks_the_index(tmp_path: Path) -> None:
    common = _common(tmp_path)
    assert common.cifbuild().blocked is None
    bare = SasSteps(replace(common.context, toolset=Toolset(sas=SAS)), common.one)
    blocked = bare.cifbuild().blocked
    assert blocked is not None and blocked.code == "XB411" and "SAS_CCFPATH" in f"{blocked.message} {blocked.hint}"
    # which files there are to choose from is part of the key
    assert common.cifbuild().params["ccf"] == "digest" and bare.cifbuild().params["ccf"] == ""


def test_the_summary_follows_the_index(tmp_path: Path) -> None:
    common = _common(tmp_path)
    index, summary = common.cifbuild(), common.odfingest()
    assert summary.inputs["cif"] == StepInput(index.name, "ccf.cif") == common.calibration["cif"]
    assert common.calibration["summary"] == StepInput(summary.name, "summary.SAS")
    assert work_of(index).kept == {"ccf.cif": "ccf.cif"} and work_of(summary).kept == {"summary.SAS": "*SUM.SAS"}
    assert index.product != summary.product
