"""Sums of spectra over observations, and which spectra are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.spec.specs import BASE, BINNING, TWO_EPOCHS, codes, fit, jobs, problems, read
from xbatch.spec.derivedmodel import Combination
from xbatch.spec.model import Spec

YEARS = "combine: {years: {of: src, groups: {e1: {tag: early}, e2: {tag: late}}}}\n"
SUMMED = "{spectra: years, binning: min30, band: 3-79 keV}"


def spec(tmp_path: Path, text: str) -> Spec:
    return read(tmp_path, text).members[0].spec


def sums(tmp_path: Path, text: str) -> dict[str, Combination]:
    return {one.subject.path: one for one in spec(tmp_path, text).combinations}


def test_a_sum_is_made_of_each_spectrum_and_instrument(tmp_path: Path) -> None:
    text = TWO_EPOCHS.replace("[90402339004]", "[90402339004, 90402339006]") + "combine: {all: {of: src}}\n"
    found = sums(tmp_path, text)
    assert list(found) == ["all/FPMA/src", "all/FPMB/src"]
    one = found["all/FPMB/src"]
    assert [member.path for member in one.members] == [
        f"{obsid}/FPMB/src" for obsid in ("90402339002", "90402339004", "90402339006")
    ]
    assert (one.name, one.subject.epoch, one.subject.tags, one.path) == ("all", "", (), "combine.all")
    assert one.params == {
        "response": "exposure-weighted",
        "background": "keep",
        "on_missing": "error",
        "rate_sigma": None,
        "detectors_differ": False,
        "min_exposure": 0.0,
    }


def test_groups_are_obsids_and_epochs_of_their_sums(tmp_path: Path) -> None:
    found = sums(tmp_path, TWO_EPOCHS + YEARS)
    assert list(found) == ["e1/FPMA/src", "e1/FPMB/src", "e2/FPMA/src", "e2/FPMB/src"]
    subject = found["e2/FPMA/src"].subject
    assert (subject.epoch, subject.tags, subject.mission) == ("e2", ("late",), "nustar")


def test_members_are_selected(tmp_path: Path) -> None:
    text = TWO_EPOCHS + "combine: {b: {of: [src], where: {module: B}, groups: {late: {obsid: 90402339004}}}}\n"
    (one,) = sums(tmp_path, text).values()
    assert [member.path for member in one.members] == ["90402339004/FPMB/src"]


def test_what_is_said_of_sums_is_their_parameters(tmp_path: Path) -> None:
    text = (
        BASE + "combine: {all: {of: src, response: counts-weighted, background: subtract, on_missing: skip, "
        "warn_if: {rate_differs: 3 sigma, detectors_differ: true}}}\nkeep: {min_exposure: 5 ks}\n"
    )
    assert sums(tmp_path, text)["all/FPMA/src"].params == {
        "response": "counts-weighted",
        "background": "subtract",
        "on_missing": "skip",
        "rate_sigma": 3.0,
        "detectors_differ": True,
        "min_exposure": 5000.0,
    }


def test_the_least_exposure_is_the_specs(tmp_path: Path) -> None:
    assert spec(tmp_path, BASE).min_exposure == 0.0
    assert spec(tmp_path, BASE + "keep: {min_exposure: 90 min}\n").min_exposure == 5400.0
    assert codes(tmp_path, BASE + "keep: {min_exposure: -5 ks}\n") == ["XB205"]


def test_a_fit_takes_sums_by_their_name(tmp_path: Path) -> None:
    (job,) = jobs(tmp_path, TWO_EPOCHS + YEARS + fit(data=SUMMED))
    assert [data.subject.path for data in job.datasets] == ["e1/FPMA/src", "e1/FPMB/src", "e2/FPMA/src", "e2/FPMB/src"]


def test_fits_of_sums_are_grouped_by_epoch(tmp_path: Path) -> None:
    found = jobs(tmp_path, TWO_EPOCHS + YEARS + fit(data=SUMMED, more="group_by: [spectrum, epoch]"))
    assert [job.subject for job in found] == ["one/src/e1", "one/src/e2"]
    assert [data.subject.path for data in found[1].datasets] == ["e2/FPMA/src", "e2/FPMB/src"]


def test_parameters_vary_and_are_tied_along_the_epochs_of_sums(tmp_path: Path) -> None:
    parameters = (
        "{pl.norm: {vary: [epoch]}, "
        "cal.factor: {value: 1, frozen: true, for: [{where: {instrument: FPMB}, frozen: false, tie: [epoch]}]}}"
    )
    (job,) = jobs(tmp_path, TWO_EPOCHS + YEARS + fit(data=SUMMED, parameters=parameters))
    names = [one.name for one in job.parameters]
    assert "pl.norm[e1]" in names and "pl.norm[e2]" in names
    assert [name for name in names if name.startswith("cal")] == ["cal.factor[FPMA]", "cal.factor[FPMB]"]


def test_a_fits_own_epochs_overrule_groups(tmp_path: Path) -> None:
    more = "epochs: {all: {instrument: [FPMA, FPMB]}}\ngroup_by: [epoch]"
    assert [job.subject for job in jobs(tmp_path, TWO_EPOCHS + YEARS + fit(data=SUMMED, more=more))] == ["one/all"]


def test_a_sum_is_not_fitted_with_what_is_in_it(tmp_path: Path) -> None:
    text = TWO_EPOCHS + YEARS
    both = "{spectra: [src, years], binning: min30, band: 3-9 keV}"
    (found,) = problems(tmp_path, text + fit(data=both))
    assert found.code == "XB317"
    assert found.message == "90402339002/FPMA/src is fitted twice: alone and in e1/FPMA/src"
    assert codes(tmp_path, text + fit(data=both, more="group_by: [obsid]")) == []
    apart = both + ", {spectra: years, binning: min30, band: 9-20 keV}"
    assert codes(tmp_path, text + fit(data=apart.replace("[src, years]", "src"))) == []
    overlapping = text.replace("combine: {", "combine: {all: {of: src}, ")
    assert codes(tmp_path, overlapping + fit(data=both.replace("src, years", "all, years"))) == ["XB317"]


def test_sums_and_single_spectra_can_be_selected_by_obsid(tmp_path: Path) -> None:
    data = "{spectra: [src, years], where: {obsid: [e2, 90402339002], instrument: FPMA}, binning: min30, band: 3-9 keV}"
    (job,) = jobs(tmp_path, TWO_EPOCHS + YEARS + fit(data=data))
    assert [one.subject.path for one in job.datasets] == ["90402339002/FPMA/src", "e2/FPMA/src"]


@pytest.mark.parametrize(
    ("mode", "statistic", "more", "wrong"),
    [
        ("none", "chi2", "variance: file", False),
        ("ignore", "chi2", "variance: file", False),
        ("none", "chi2", "", True),
        ("subtract", "chi2", "variance: file", True),
        ("profiled", "wstat", "", True),
        ("none", "cstat", "", True),
    ],
)
def test_a_subtracted_sum_needs_chi2_with_its_own_errors(
    tmp_path: Path, mode: str, statistic: str, more: str, wrong: bool
) -> None:
    text = BASE + "combine: {years: {of: src, background: subtract}}\n"
    found = codes(tmp_path, text + fit(data=SUMMED, mode=mode, statistic=statistic, more=more))
    assert found == (["XB320"] if wrong else [])


def test_that_members_have_no_background_is_known_of_the_sum(tmp_path: Path) -> None:
    spectra = '{src: {file: "{obsid}{module}.pha", background: none}}'
    text = BASE.replace('{src: {file: "{obsid}{module}.pha"}}', spectra) + "combine: {years: {of: src}}\n"
    assert codes(tmp_path, text + fit(data=SUMMED)) == ["XB316"]
    assert codes(tmp_path, text + fit(data=SUMMED, mode="none")) == []
    named = text.replace("background: none", "background: b.pha")
    assert codes(tmp_path, named + fit(data=SUMMED, mode="none")) == ["XB316"]


def test_a_group_that_selects_nothing_is_a_problem(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, TWO_EPOCHS + "combine: {a: {of: src, groups: {x: {tag: lat}}}}\n")
    assert (found.code, found.hint) == ("XB105", "did you mean 'late'?")


def test_nothing_more_is_said_of_a_sum_that_is_wrong(tmp_path: Path) -> None:
    text = BASE + "combine: {years: {of: scr}}\n" + fit(data=SUMMED.replace("}", ", where: {obsid: e1}}"))
    assert codes(tmp_path, text) == ["XB101"]
    assert codes(tmp_path, BASE + "combine: {years: 3}\n" + fit(data=SUMMED)) == ["XB203"]


def test_rgscombine_is_of_level_raw(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, BASE + "combine: {rgs: {of: src, method: rgscombine}}\n")
    assert found.code == "XB221" and "rgscombine" in found.message


def test_a_spec_may_sum_without_fits(tmp_path: Path) -> None:
    text = BASE.replace(BINNING, "") + "combine: {all: {of: src}}\n"
    assert spec(tmp_path, text).fits == () and len(spec(tmp_path, text).combinations) == 2
