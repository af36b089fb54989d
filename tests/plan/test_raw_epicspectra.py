"""Spectra of EPIC that SAS makes: which, why, of which times, and by which commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.plan.epicworlds import STUDY, by_name, changed, made_of, work_of
from xbatch.plan.steps import StepInput


def test_a_search_enlarges_the_region_of_the_spectrum_and_no_other(tmp_path: Path) -> None:
    steps = by_name(made_of(tmp_path, STUDY))
    start, final = (steps[f"selection:0013140201/EPN/src{end}"] for end in ("@pn", "+bkg"))
    assert set(start.params["regions"]) == {"src"} and set(start.inputs) == {"events"}
    assert set(final.params["regions"]) == {"src", "bkg"}
    assert final.inputs["pileup/src"] == StepInput("pileup:0013140201/EPN/pn", "pileup.json")
    assert steps["epicspectrum:0013140201/EPN/agn"].because == (
        "the inner radius of 'src' is what the search 'pn' finds"
    )


def test_a_spectrum_hangs_on_its_own_regions_alone(tmp_path: Path) -> None:
    more = "wide: {shape: circle, center: target, radius: 80 arcsec}"
    text = changed("regions:\n", f"regions:\n  {more}\n")
    text = changed(
        "spectra: {agn:",
        "spectra: {wide: {region: wide, screening: spectral}, next: {region: wide, screening: spectral}, agn:",
        text,
    )
    before, after = (by_name(made_of(tmp_path, spec)) for spec in (STUDY, text))
    assert {name: step for name, step in after.items() if name in before} == before
    wide = after["selection:0013140201/EPN/wide"]
    # the search for pile-up in another region is nothing to it
    assert set(wide.params["regions"]) == {"wide"} and set(wide.inputs) == {"events"}
    for name in ("wide", "next"):
        assert after[f"epicspectrum:0013140201/EPN/{name}"].inputs["selection"] == StepInput(
            wide.name, "selection.json"
        )
    folders = [step.product for step in after.values() if step.product]
    assert len(folders) == len(set(folders))


def test_a_picture_that_is_left_out_is_a_parameter_and_one_that_is_drawn_is_none(tmp_path: Path) -> None:
    drawn = by_name(made_of(tmp_path, STUDY))["pileup:0013140201/EPN/pn"]
    text = changed("max: 15 arcsec}", "max: 15 arcsec, figure: false}")
    left_out = by_name(made_of(tmp_path, text))["pileup:0013140201/EPN/pn"]
    assert left_out.params == {**drawn.params, "figure": False} and "figure" not in drawn.params


SPECTRUM = "spectra: {agn: {region: src, background: bkg, screening: spectral}}"


@pytest.mark.parametrize(
    ("changes", "tools", "because"),
    [
        ({}, ["evselect", "backscale", "evselect", "backscale", "rmfgen", "arfgen"], "rmfgen and arfgen"),
        ({"background": "none"}, ["evselect", "backscale", "rmfgen", "arfgen"], "rmfgen and arfgen"),
        ({"response": '"{obsid}/pn.rmf"'}, [], ""),
        ({"response": "none"}, [], ""),
        ({"arf": "none"}, ["evselect", "backscale", "evselect", "backscale", "rmfgen"], "rmfgen and arfgen"),
    ],
)
def test_who_makes_a_spectrum(tmp_path: Path, changes: dict[str, str], tools: list[str], because: str) -> None:
    given: dict[str, Any] = {"region": "src", "background": "bkg", "screening": "spectral", **changes}
    line = ", ".join(f"{key}: {value}" for key, value in given.items())
    text = changed("pileup: {pn: {region: src, band: 2-10 keV, max: 15 arcsec}}\n", "")
    text = changed(SPECTRUM, f"spectra: {{agn: {{{line}}}}}", text)
    made = made_of(tmp_path, text)
    step = by_name(made).get("epicspectrum:0013140201/EPN/agn")
    assert (step is None) == (not tools) == ("0013140201/EPN/agn" not in made.spectra)
    if step is not None:
        assert [call.tool for call in work_of(step).calls] == tools
        assert because in step.because


def test_engines_asked_for(tmp_path: Path) -> None:
    text = changed("pileup: {pn: {region: src, band: 2-10 keV, max: 15 arcsec}}\n", "")
    native = made_of(tmp_path, text + "engine: {spectra: native}\n")
    assert not native.spectra
    response = changed("screening: spectral}}", 'screening: spectral, response: "pn.rmf"}}', text)
    asked = made_of(tmp_path, response + "engine: {spectra: sas}\n")
    step = by_name(asked)["epicspectrum:0013140201/EPN/agn"]
    assert step.because == "the spec says so"
    assert [call.tool for call in work_of(step).calls] == ["evselect", "backscale"] * 2
    assert asked.spectra["0013140201/EPN/agn"].rmf is None  # the spec's own


def test_extended_source(tmp_path: Path) -> None:
    text = changed("screening: spectral}}", "screening: spectral, source_type: extended}}")
    step = by_name(made_of(tmp_path, text))["epicspectrum:0013140201/EPN/agn"]
    assert work_of(step).calls[-1].command[-2:] == ("extendedsource=yes", "detmaptype=flat")


def test_a_map_that_backscale_does_not_weigh_by_is_told(tmp_path: Path) -> None:
    text = changed("screening: spectral}}", "screening: spectral, exposure_map: there.img}}")
    plain, step = (by_name(made_of(tmp_path, spec))["epicspectrum:0013140201/EPN/agn"] for spec in (STUDY, text))
    assert [remark for remark in step.remarks if remark not in plain.remarks] == [
        "backscale of SAS counts pixels, and does not weigh them by the 'exposure_map' that the spec names"
    ]
    assert step.params == plain.params


def test_times_of_a_spectrum(tmp_path: Path) -> None:
    text = changed("screening: spectral}}", "screening: spectral, gti: [dim]}}")
    text += 'gtis: {dim: {time: ["2015-07-08T03:00:00", "2015-07-08T05:30:00"]}}\n'
    step = by_name(made_of(tmp_path, text))["epicspectrum:0013140201/EPN/agn@dim"]
    assert step.inputs["gti"] == StepInput("gti:0013140201/EPN/dim", "gti.gti")
    expressions = [dict(call.args).get("expression") for call in work_of(step).calls if call.tool == "evselect"]
    assert expressions == [
        "{selection:src.expression}&&gti(times.gti,TIME)",
        "{selection:bkg.expression}&&gti(times.gti,TIME)",
    ]
