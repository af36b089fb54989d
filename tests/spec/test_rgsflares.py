"""Flares in the spectra of the RGS: whose cut it is where EPIC has one too, what it has of its own, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.spec.specs import RAW, RAW_XMM, TWO_MISSIONS, codes, problems, raw, work

HEAD = RAW_XMM + RAW
ALONE = HEAD.replace("[EPN, EMOS1, RGS1, RGS2]", "[RGS1, RGS2]")
RGS = "spectra: {rgs: {region: pipeline, NAMEDwhere: {instrument: [RGS1, RGS2]}}}\n"
OF_EPIC = 'flare: {band: 10-12 keV, bin: 50 s, rate: "< 0.4 ct/s"}'
BOTH = "where: {instrument: [RGS1, RGS2]}"


def flares(folder: Path, screening: str, named: str = "", head: str = HEAD) -> list[Any]:
    """Give the cuts of RGS1 and RGS2."""
    text = head + RGS.replace("NAMED", f"screening: {named}, " if named else "") + f"screening: {{{screening}}}\n"
    return [one.flare for one in raw(folder, text).rgs]


def test_what_is_not_said_is_as_documented(tmp_path: Path) -> None:
    screening = f'default: {{for: [{{{BOTH}, flare: {{rate: "< 0.1 ct/s"}}}}]}}'
    assert flares(tmp_path, screening) == [{"rate": ["<", 0.1], "bin": 100.0, "ccd": 9}] * 2


def test_the_instruments_may_differ(tmp_path: Path) -> None:
    one = '{where: {instrument: RGS1}, flare: {method: rate, rate: "<= 0.2 ct/s", bin: 1 min, ccd: 8}}'
    assert flares(tmp_path, f"default: {{for: [{one}]}}") == [{"rate": ["<=", 0.2], "bin": 60.0, "ccd": 8}, None]


def test_the_cut_of_epic_is_not_that_of_the_rgs(tmp_path: Path) -> None:
    assert flares(tmp_path, f"default: {{{OF_EPIC}}}") == [None, None]
    # nor are its bins
    screening = f'default: {{{OF_EPIC}, for: [{{{BOTH}, flare: {{rate: "< 0.1 ct/s"}}}}]}}'
    assert flares(tmp_path, screening) == [{"rate": ["<", 0.1], "bin": 100.0, "ccd": 9}] * 2


def test_epic_has_its_cut_beside_that_of_the_rgs(tmp_path: Path) -> None:
    screening = f'default: {{{OF_EPIC}, for: [{{{BOTH}, flare: {{rate: "< 0.1 ct/s"}}}}]}}'
    spectra = RGS.replace("NAMED", "").replace("{rgs", "{pn: {region: src, where: {instrument: EPN}}, rgs")
    (epn,) = work(tmp_path, f"{HEAD}{spectra}screening: {{{screening}}}\n").observed
    flare = epn.screenings["default"].flare
    assert flare is not None and flare["rate"] == ["<", 0.4] and flare["bin"] == 50.0


def test_a_cut_for_all_where_there_is_nothing_else(tmp_path: Path) -> None:
    screening = 'default: {flare: {bin: 50 s, rate: "< 0.3 ct/s"}, for: [{where: {instrument: RGS2}, flare: {ccd: 8}}]}'
    first, second = flares(tmp_path, screening, head=ALONE)
    assert first == {"rate": ["<", 0.3], "bin": 50.0, "ccd": 9}
    assert second == {"rate": ["<", 0.3], "bin": 50.0, "ccd": 8}
    (problem,) = problems(tmp_path, f"{ALONE}{RGS.replace('NAMED', '')}screening: {{default: {{{OF_EPIC}}}}}\n")
    assert problem.code == "XB228" and "'band' is of lists of events" in problem.message


def test_a_spectrum_names_its_screening_and_a_screening_another(tmp_path: Path) -> None:
    screening = (
        f'quiet: {{for: [{{{BOTH}, flare: {{rate: "< 0.1 ct/s", bin: 50 s}}}}]}}, '
        f'strict: {{base: quiet, for: [{{where: {{instrument: RGS1}}, flare: {{rate: "< 0.05 ct/s"}}}}]}}'
    )
    assert flares(tmp_path, screening) == [None, None]
    assert flares(tmp_path, screening, "quiet") == [{"rate": ["<", 0.1], "bin": 50.0, "ccd": 9}] * 2
    assert [one["rate"][1] for one in flares(tmp_path, screening, "strict")] == [0.05, 0.1]
    assert flares(tmp_path, screening, "strict")[0]["bin"] == 50.0
    text = HEAD + RGS.replace("NAMED", "screening: quite, ") + f"screening: {{{screening}}}\n"
    assert codes(tmp_path, text) == ["XB117"]


@pytest.mark.parametrize(
    ("flare", "message"),
    [
        ("band: 10-12 keV, rate: < 1 ct/s", "'band' is of lists of events"),
        ("pattern: 0, rate: < 1 ct/s", "'pattern' is of lists of events"),
        ('flag: "#XMMEA_EP", rate: < 1 ct/s', "'flag' is of lists of events"),
        ("sigma: 3", "'sigma' is of lists of events"),
        ("method: espfilt", "method: espfilt is of lists of events"),
        ("ccd: 9", "flare of the RGS has no 'rate'"),
        ("{}", "flare of the RGS has no 'rate'"),
        ("rate: < 1 ct/s, ccd: 4", "CCD 4 of RGS2 has failed"),
        ('rate: "> 1 ct/s"', "keeps the flares"),
        ("rate: < 1 ct/s, bin: 0 s", "the bin of flare is not above 0"),
        ("rate: < 1 ct/s, bin: 1 keV", "keV"),
        ("rate: < 1 ct/s, ccd: 10", "10"),
    ],
)
def test_what_is_refused(tmp_path: Path, flare: str, message: str) -> None:
    inner = flare if flare == "{}" else f"{{{flare}}}"
    # told once, though it is of two instruments, and though no spectrum names it
    text = f"{HEAD}{RGS.replace('NAMED', '')}screening: {{other: {{for: [{{{BOTH}, flare: {inner}}}]}}}}\n"
    (problem,) = problems(tmp_path, text)
    assert message in problem.message


@pytest.mark.parametrize("key", ["pattern: 0-4", "pi_range: 0.3-2 keV", "flag: 0"])
def test_other_cuts_are_of_lists(tmp_path: Path, key: str) -> None:
    text = f"{HEAD}{RGS.replace('NAMED', '')}screening: {{default: {{for: [{{{BOTH}, {key}}}]}}}}\n"
    (problem,) = problems(tmp_path, text)
    assert problem.code == "XB233" and problem.message.startswith("rgsproc selects the events of the RGS")


def test_a_ccd_is_of_the_rgs_alone(tmp_path: Path) -> None:
    spectra = "spectra: {pn: {region: src, where: {instrument: EPN}}}\n"
    cut = OF_EPIC.replace("band", "ccd: 9, band")
    (problem,) = problems(tmp_path, f"{HEAD}{spectra}screening: {{default: {{{cut}}}}}\n")
    assert problem.code == "XB228" and "'ccd' is of the light curves of RGS1 and RGS2" in problem.message
    (problem,) = problems(tmp_path, f"{HEAD}{spectra}screening: {{default: {{flare: {{method: espfilt, ccd: 9}}}}}}\n")
    assert "espfilt takes no 'ccd'" in problem.message
    text = TWO_MISSIONS + "images: {sky: {bands: [3-10 keV]}}\n" + f"screening: {{default: {{{cut}}}}}\n"
    assert set(codes(tmp_path, text)) == {"XB221"}
