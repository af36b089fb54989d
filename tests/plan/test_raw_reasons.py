"""Who does what is said with its reason: of every step of a mission's tools, and of what xbatch does in their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plan.epicworlds import SAS, context_of
from tests.plan.nustarworlds import TOOLS
from xbatch.base.toolset import Toolset
from xbatch.plan.raw import raw_steps
from xbatch.plan.steps import Step, StepInput

CONFIGS = Path(__file__).parents[2] / "examples" / "configs"
OWN = {"extract", "image", "lightcurve", "combine", "group"}


def steps_of(tmp_path: Path, text: str) -> list[Step]:
    context = context_of(tmp_path, text)
    tools = Toolset(TOOLS.heasoft, SAS, TOOLS.caldb, "digest")
    steps, problems = raw_steps(context.analysis, context.spec, toolset=tools)
    assert problems == []
    return steps


@pytest.mark.parametrize("name", ["nustar-raw", "ngc5506-raw", "xmm-python"])
def test_every_choice_has_a_reason(tmp_path: Path, name: str) -> None:
    steps = steps_of(tmp_path, (CONFIGS / f"{name}.yaml").read_text())
    chosen = [step for step in steps if step.engine != "native" or step.task in OWN]
    assert len(chosen) > 5
    assert [step.name for step in chosen if not step.because] == []


def test_a_spec_that_names_the_engine_is_the_reason(tmp_path: Path) -> None:
    text = (CONFIGS / "ngc5506-raw.yaml").read_text() + "\nengine: {binning: native}\n"
    reasons = {step.task: step.because for step in steps_of(tmp_path, text) if step.engine == "native"}
    assert reasons["group"] == "the spec asks for xbatch's own"
    assert reasons["lightcurve"].startswith("to count events needs no calibration")


def test_an_engine_holds_for_the_missions_that_it_serves(tmp_path: Path) -> None:
    text = (CONFIGS / "ngc5506-raw.yaml").read_text()
    for engine in ("sas", "heasoft"):
        steps = steps_of(tmp_path, f"{text}\nengine: {{spectra: {engine}}}\n")
        made = {step.task for step in steps if step.task in {"nuproducts", "epicspectrum", "extract"}}
        assert made == {"nuproducts", "epicspectrum"}


def test_the_picture_of_regions_has_what_a_search_finds(tmp_path: Path) -> None:
    steps = {step.name: step for step in steps_of(tmp_path, (CONFIGS / "ngc5506-raw.yaml").read_text())}
    shown = steps["preview:0013140101/EPN"].inputs
    # where no radius is free of pile-up, the region is drawn as the spec has it
    assert shown["pileup/src"] == StepInput("pileup:0013140101/EPN/pn", "pileup.json", optional=True)
    assert [role for role in steps["preview:60061323002/FPMA"].inputs if role.startswith("pileup/")] == []
