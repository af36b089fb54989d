"""The recipe of nubackscale: natively counted spectra of NuSTAR whose BACKSCAL is weighed by a map of nuexpomap."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.plan.nustarworlds import TUTORIAL, context_of, made_of, planned
from xbatch.commands.call import Work
from xbatch.plan.steps import Step, StepInput

NAMED = "{region: src, background: bgd, response: a.rmf, arf: a.arf}"
MAPPED = NAMED.replace("}", ", exposure_map: pipeline}")
#: What a spectrum is made of: without a map its step has the key it had before there were maps.
PLAIN = {"name", "region", "background", "source_type"}


def text(spectra: str, more: str = "", engine: str = "") -> str:
    found = TUTORIAL.replace("spectra: {src: {region: src, background: bgd}}", f"spectra: {spectra}")
    lines = [line for line in found.splitlines() if not line.startswith(("lightcurves:", "engine:", "binning:"))]
    return "\n".join([*lines, more, engine, ""])


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Step]:
    (tmp_path / "data").mkdir()
    for name in ("a.rmf", "a.arf"):
        (tmp_path / "data" / name).write_bytes(b"")
    given = f"{{src: {MAPPED}, plain: {NAMED}, tool: {{region: src, background: bgd, exposure_map: pipeline}}}}"
    return {step.name: step for step in planned(context_of(tmp_path, text(given)), monkeypatch)}


def test_one_call_weighs_both_spectra_of_a_pair(steps: dict[str, Step]) -> None:
    step = steps["nubackscale:60001110002/FPMA/src"]
    own = "60001110002_p/event_cl/nu60001110002"
    work = Work.of(step.params["work"])
    assert [shlex.join(call.command) for call in work.calls] == [
        "nubackscale srcphafile=counted.pha bkgphafile=counted_bkg.pha srcoutfile=source.pha bkgoutfile=background.pha "
        f"evtfile={own}A01_cl.evt mastaspectfile={own}_mast.fits attfile={own}_att.fits inexpomapfile=exposure.img "
        f"det1reffile={own}A_det1.fits"
    ]
    extract = "extract:60001110002/FPMA"
    assert step.inputs["pha"] == StepInput(extract, "src.pha")
    assert step.inputs["background"] == StepInput(extract, "src.bak.pha")
    assert step.inputs["fault"] == StepInput(extract, "src.fault.json")
    assert step.inputs["expmap"] == StepInput("nuexpomap:60001110002/FPMA", "exposure.img")
    assert {staged.role for staged in work.staged.values()} == set(step.inputs) - {"fault"}
    assert (step.engine, step.engine_version) == ("heasoft", "6.35.1")
    assert step.because == "the spec asks for a BACKSCAL that nubackscale weighs (exposure_map: pipeline)"


def test_what_follows_takes_what_it_has_made(steps: dict[str, Step]) -> None:
    spectrum = steps["spectrum:60001110002/FPMA/src"]
    weighed = "nubackscale:60001110002/FPMA/src"
    assert spectrum.inputs["pha"] == StepInput(weighed, "source.pha")
    assert spectrum.inputs["background"] == StepInput(weighed, "background.pha")
    assert {"rmf", "arf"} < set(spectrum.inputs)
    plain = steps["spectrum:60001110002/FPMA/plain"]
    assert plain.inputs["pha"] == StepInput("extract:60001110002/FPMA", "plain.pha")
    mapped, other = steps["extract:60001110002/FPMA"].params["spectra"]
    assert (mapped["name"], mapped["wmap"]) == ("src", True)
    assert set(other) == PLAIN


def test_what_nuproducts_makes_it_weighs_itself(steps: dict[str, Step]) -> None:
    assert [name for name in steps if name.startswith("nubackscale:")] == ["nubackscale:60001110002/FPMA/src"]
    assert [name for name in steps if name.startswith("nuexpomap:")] == ["nuexpomap:60001110002/FPMA"]
    assert "nuproducts:60001110002/FPMA/tool" in steps
    assert steps["spectrum:60001110002/FPMA/tool"].inputs["pha"] == StepInput(
        "nuproducts:60001110002/FPMA/tool", "source.pha"
    )


def test_nuproducts_that_does_all_needs_no_map(tmp_path: Path) -> None:
    made = made_of(context_of(tmp_path, text(f"{{src: {MAPPED}}}", engine="engine: {spectra: heasoft}")))
    assert {step.task for step in made.steps} == {"nupipeline", "nuproducts"}


def test_a_map_is_made_once_for_images_and_spectra(tmp_path: Path) -> None:
    images = "images: {map: {bands: [3-10 keV], exposure_map: pipeline}}"
    made = made_of(context_of(tmp_path, text(f"{{src: {MAPPED}, other: {MAPPED}}}", images)))
    assert [step.task for step in made.steps].count("nuexpomap") == 1
    assert [step.task for step in made.steps].count("nubackscale") == 2


def test_each_screening_and_time_selection_has_its_own(tmp_path: Path) -> None:
    spectrum = MAPPED.replace("}", ", screening: strict, gti: early}")
    more = (
        "screening: {strict: {saamode: strict}}\n"
        'gtis: {early: {time: ["2012-07-14T00:00:00", "2012-07-15T00:00:00"]}}\n'
    )
    made = made_of(context_of(tmp_path, text(f"{{src: {spectrum}}}", more)))
    (step,) = [step for step in made.steps if step.task == "nubackscale"]
    assert step.name == "nubackscale:60001110002/FPMA/src@early"
    assert step.inputs["pha"] == StepInput("extract:60001110002/FPMA/strict@early", "src_early.pha") or isinstance(
        step.inputs["pha"], StepInput
    )
    assert step.inputs["expmap"] == StepInput("nuexpomap:60001110002/FPMA/strict", "exposure.img")
