"""What steps of NuSTAR's tools have in common: files where they look, regions, times, and what is not installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.plan.nustarworlds import HEASOFT, TUTORIAL, context_of, made_of, planned, tutorial, work_of
from xbatch.base.toolset import Toolset
from xbatch.plan.steps import FileInput, StepInput


def test_regions_are_written_with_their_system(tmp_path: Path) -> None:
    (step,) = [one for one in made_of(context_of(tmp_path, TUTORIAL)).steps if one.task == "nuproducts"]
    text = work_of(step).written
    assert text["src.reg"].splitlines()[1:] == ["fk5", 'circle(187.27791667,2.05238889,150")']
    assert text["bgd.reg"].splitlines()[1:] == ["fk5", 'annulus(187.27791667,2.05238889,180",300")']


def test_what_nuproducts_looks_for_is_laid_where_it_looks(tmp_path: Path) -> None:
    (step,) = [one for one in made_of(context_of(tmp_path, TUTORIAL)).steps if one.task == "nuproducts"]
    stem = "60001110002_p/event_cl/nu60001110002"
    names = {
        f"{stem}{end}" for end in ("A01_cl.evt", "A_det1.fits", "A_oa.fits", "A_fpm.hk", "_mast.fits", "_att.fits")
    }
    staged = work_of(step).staged
    assert set(staged) == names
    assert {role: item.step for role, item in step.inputs.items() if isinstance(item, StepInput)} == dict.fromkeys(
        ("events", "det1", "oa", "hk", "mast", "att"), "nupipeline:60001110002"
    )
    # xselect follows a link to its end, and has no room for a long path
    assert staged[f"{stem}A01_cl.evt"].how == "copy"
    assert step.inputs["caldb"] == FileInput("/caldb/data/nustar/fpm/caldb.indx")


def test_times_are_given_to_the_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = tutorial(
        gtis='gtis: {early: {time: ["2012-07-14T00:00:00", "2012-07-15T00:00:00"]}}',
        screening='screening: {calm: {flare: {band: 3-79 keV, bin: 100 s, rate: "< 9 ct/s"}}}',
        spectra="spectra: {src: {region: src, background: bgd, gti: early}, calm: {region: src, screening: calm}}",
        engine="",
    )
    context = context_of(tmp_path, text)
    steps = {step.name: step for step in planned(context, monkeypatch)}
    selected = steps["nuproducts:60001110002/FPMA/src@early"]
    assert selected.inputs["times"] == StepInput("gti:60001110002/FPMA/early", "gti.gti")
    assert ("usrgtifile", "times.gti") in work_of(selected).calls[0].args
    calm = steps["nuproducts:60001110002/FPMA/calm"]
    assert calm.inputs["times"] == StepInput("flare:60001110002/FPMA/calm", "flare.gti")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"data": "data: {root: data, level: raw, pipeline: {stages: [1, 1]}}"}, "make no screened list"),
        ({"data": "data: {root: data, level: raw, pipeline: {obsmode: slew}}"}, "no list of mode 01"),
        (
            {
                "data": "data: {root: data, level: raw, pipeline: {barycentre: true}}",
                "target": "",
                "regions": "regions: {src: {shape: circle, center: [10, 10], radius: 9 arcsec}, bgd: {shape: circle, "
                "center: [10, 10], radius: 9 arcsec}}",
            },
            "need the position of the source",
        ),
        ({"screening": "screening: {default: {pi_range: 35-1909}}"}, "a pi_range, which nuproducts does not heed"),
        (
            {
                "regions": "regions: {src: {shape: box, center: target, size: [9 arcsec, 9 arcsec]}, bgd: {shape: "
                "circle, center: target, radius: 9 arcsec}}"
            },
            "'src' is a box",
        ),
        (
            {
                "regions": "regions: {src: {shape: circle, center: [10, 10], frame: galactic, radius: 9 arcsec}, bgd: "
                "{shape: circle, center: target, radius: 9 arcsec}}"
            },
            "not in galactic",
        ),
    ],
)
def test_what_the_tools_cannot_do(tmp_path: Path, changed: dict[str, Any], words: str) -> None:
    lines = TUTORIAL.splitlines()
    if "regions" in changed:
        lines = [line for line in lines if not line.startswith("  ")]
    text = "\n".join(lines) + "\n"
    for key, line in changed.items():
        old = [one for one in text.splitlines() if one.startswith(f"{key}:")]
        text = text.replace(old[0] + "\n", line + "\n" if line else "") if old else f"{text}{line}\n"
    problems = made_of(context_of(tmp_path, text)).problems
    assert problems
    assert {problem.code for problem in problems} == {"XB412"}
    assert all(words in problem.message for problem in problems)
    assert all(problem.hint for problem in problems)


def test_what_is_not_installed_blocks_the_steps(tmp_path: Path) -> None:
    for toolset, words in ((Toolset(), "needs HEASoft"), (Toolset(heasoft=HEASOFT), "CALDB")):
        steps = made_of(context_of(tmp_path, TUTORIAL, toolset)).steps
        assert steps
        for step in steps:
            assert step.blocked is not None
            assert step.blocked.code == "XB411"
            assert words in step.blocked.message
