"""The screenings of a spec: missions' defaults, bases, exceptions, flares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.spec.specs import EVENTS, RAW_NUSTAR, TWO_MISSIONS, codes, problems, work
from xbatch.spec.eventmodel import Screening

IMAGES = "images: {sky: {bands: [3-10 keV], screening: NAME}}\n"


def screenings(folder: Path, block: str, name: str = "default", head: str = TWO_MISSIONS) -> dict[str, Screening]:
    """Give a screening of each instrument."""
    text = head + (f"screening:\n{block}" if block else "") + IMAGES.replace("NAME", name)
    return {one.instrument: one.screenings[name] for one in work(folder, text).observed}


def params(folder: Path, block: str, name: str = "default") -> dict[str, Any]:
    return {instrument: one.params for instrument, one in screenings(folder, block, name).items()}


def test_missions_bring_their_own(tmp_path: Path) -> None:
    assert params(tmp_path, "") == {
        "FPMA": {"grade": [0, 26]},
        "FPMB": {"grade": [0, 26]},
        "EPN": {"pattern": [0, 4], "flag": "#XMMEA_EP"},
        "EMOS1": {"pattern": [0, 12], "flag": "#XMMEA_EM"},
    }


def test_what_is_not_said_stays_and_none_switches_off(tmp_path: Path) -> None:
    block = (
        "  default:\n    pi_range: 0.3-10 keV\n    for:\n"
        "      - {where: {mission: xmm}, flag: none, pattern: 0}\n"
        "      - {where: {module: B}, grade: none, status: b0000x00xx0xx0000}\n"
    )
    assert params(tmp_path, block) == {
        "FPMA": {"grade": [0, 26], "pi_range": [0, 210]},
        "FPMB": {"status": "b0000x00xx0xx0000", "pi_range": [0, 210]},
        "EPN": {"pattern": [0, 0], "pi_range": [300, 10000]},
        "EMOS1": {"pattern": [0, 0], "pi_range": [300, 10000]},
    }


def test_a_screening_upon_another(tmp_path: Path) -> None:
    block = (
        "  timing: {base: spectral, pi_range: 35-1909, for: [{where: {instrument: EPN}, flare: {rate: < 0.7 ct/s}}]}\n"
        "  spectral: {for: [{where: {instrument: EPN}, flag: 0,\n"
        "    flare: {band: 10-12 keV, pattern: 0, bin: 100 s, sigma: 3}}]}\n"
    )
    found = screenings(tmp_path, block, "timing")
    assert found["EPN"].params == {"pattern": [0, 4], "flag": 0, "pi_range": [35, 1909]}
    assert found["EPN"].flare == {
        "pi_range": [10000, 11999],
        "pattern": [0, 0],
        "flag": 0,
        "bin": 100.0,
        "rate": ["<", 0.7],
    }
    assert found["EMOS1"].flare is None
    below = screenings(tmp_path, block, "spectral")["EPN"].flare
    assert below is not None
    assert (below["sigma"], "rate" in below) == (3.0, False)


def test_a_flare_of_nustar_has_its_grades(tmp_path: Path) -> None:
    block = "  default: {flare: {band: 3-10 keV, bin: 1 min, rate: <= 2}}\n"
    flare = screenings(tmp_path, block, head=EVENTS)["FPMA"].flare
    assert flare == {"pi_range": [35, 209], "pattern": [0, 26], "flag": None, "bin": 60.0, "rate": ["<=", 2.0]}


def test_a_cut_of_another_mission_matters_where_it_is_used(tmp_path: Path) -> None:
    block = "screening: {epic: {pattern: 0-4}}\n"
    (problem,) = problems(tmp_path, TWO_MISSIONS + block + IMAGES.replace("NAME", "epic"))
    assert problem.code == "XB222"
    assert "where: {mission: xmm}, pattern: 0-4" in problem.hint
    only = "images: {sky: {bands: [3-10 keV], screening: epic, where: {mission: xmm}}}\n"
    assert not codes(tmp_path, TWO_MISSIONS + block + only)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("grade: 26-0", "XB211"),
        ("grade: good", "XB210"),
        ("pi_range: 3-10 kev", "XB212"),
        ("flare: {band: 3-10 keV, bin: 0 s, sigma: 3}", "XB205"),
        ("flare: {band: 3-10 keV, bin: 10 s, rate: 3 ct/s}", "XB228"),
        ("flare: {band: 3-10 keV, bin: 10 s, rate: < 3 ct}", "XB210"),
        ("flare: {bin: 10 s, sigma: 3}", "XB202"),
        ("flare: {band: 3-10 keV, bin: 10 s, rate: '> 3 ct/s'}", "XB228"),
        ("status: b00", "XB228"),
        ("status: good", "XB228"),
    ],
)
def test_what_is_no_screening(tmp_path: Path, text: str, code: str) -> None:
    found = codes(tmp_path, f"{EVENTS}screening: {{default: {{{text}}}}}\nimages: {{sky: {{bands: [3-10 keV]}}}}\n")
    assert found == [code]


@pytest.mark.parametrize("block", ["flag: #XMMEA_SM", "flare:\n      flag: #XMMEA_SM", "for:\n    - flag: #XMMEA_SM"])
def test_an_unquoted_selection_is_a_comment(tmp_path: Path, block: str) -> None:
    text = f"{TWO_MISSIONS}images: {{sky: {{bands: [3-10 keV]}}}}\nscreening:\n  default:\n    {block}\n"
    assert "what begins with # is a comment" in "".join(one.message for one in problems(tmp_path, text))


def test_another_mission_has_no_cuts_of_its_own(tmp_path: Path) -> None:
    head = EVENTS.replace("nustar", "other").replace("data:", "instruments: [XRT]\ndata:")
    spectra = "regions: {src: {shape: circle, center: [10, 20], radius: 50 arcsec}}\nspectra: {src: {region: src}}\n"
    assert dict(work(tmp_path, head + spectra).observed[0].screenings["default"].params) == {}
    energies = "screening: {default: {pi_range: 3-10 keV}}\n"
    assert codes(tmp_path, head + energies + spectra) == ["XB228"]
    assert codes(tmp_path, head + IMAGES.replace(", screening: NAME", "")) == ["XB228"]


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("statusexpr: STATUS==b0000xx00xx0xx000", ""),
        ("statusexpr: status==b0000xx00xx0xx000", ""),
        ("statusexpr: DEFAULT", ""),
        ("statusexpr: none", ""),
        ("gradeexpr: (GRADE>=0)&&(GRADE<=26)", ""),
        ("hkevtexpr: NONE", ""),
        ("statusexpr: b0000xx00xx0xx000", "which does not name STATUS"),
        ("gradeexpr: GARDE<=26", "which does not name GRADE"),
        ("statusexpr: STATUS==b0000xx00xx0xx000)", "which has brackets that do not close"),
    ],
)
def test_expressions_of_nupipeline_are_of_their_column(tmp_path: Path, said: str, fault: str) -> None:
    text = f"{RAW_NUSTAR}data: {{root: ., level: raw}}\nscreening: {{default: {{{said}}}}}\n"
    found = problems(tmp_path, text) if fault else ()
    assert [one.code for one in found] == (["XB228"] if fault else [])
    assert all(fault in one.message for one in found)
    if not fault:
        work(tmp_path, text)
