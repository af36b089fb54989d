"""Fits: data, groups, statistics, errors and fluxes asked for."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from tests.spec.specs import BASE, TWO_EPOCHS, codes, fit, jobs
from xbatch.spec.fits import ALLOWED


def test_a_fit_as_data(tmp_path: Path) -> None:
    (job,) = jobs(tmp_path, BASE + fit("TBabs.gal  *\n      powerlaw.pl"))
    assert (job.name, job.group, job.subject, job.path) == ("one", "", "one", "fit.one")
    assert job.model_text == "TBabs.gal * powerlaw.pl"
    assert dict(job.components) == {"gal": "tbabs", "pl": "powerlaw"}
    assert (job.background, job.statistic, job.variance) == ("subtract", "chi2", "data")
    assert (job.abundances, job.cross_sections, job.optimiser) == ("wilm", "vern", "levmar")
    assert (job.errors.parameters, job.errors.method) == (("free",), "covariance")
    assert job.errors.confidence == pytest.approx(0.6827, abs=1e-4)


@pytest.mark.parametrize(("statistic", "mode"), list(product(ALLOWED, ["none", "ignore", "subtract", "profiled"])))
def test_pairs_of_statistic_and_background(tmp_path: Path, statistic: str, mode: str) -> None:
    expected = [] if mode in ALLOWED[statistic] else ["XB314"]
    assert codes(tmp_path, BASE + fit(mode=mode, statistic=statistic)) == expected


def test_starts_contours_and_goodness(tmp_path: Path) -> None:
    more = "starts: 5\ngoodness: {n: 50}\nerrors: {contours: [[pl.PhoIndex, pl.norm]]}"
    more += "\nmcmc: {steps: 3000}"
    (job,) = jobs(tmp_path, BASE + fit(more=more))
    assert job.mcmc == {"walkers": 32, "steps": 3000, "burn": 500, "seed": 1}
    assert (job.starts, job.goodness) == (5, {"n": 50, "seed": 1})
    assert job.errors.contours == (("pl.PhoIndex", "pl.norm"),)
    (plain,) = jobs(tmp_path, BASE + fit())
    assert (plain.starts, plain.goodness, plain.errors.contours) == (1, None, ())


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ("errors: {contours: [[pl.PhoIndex, pl.nrm]]}", "XB307"),
        ("errors: {contours: [[px.PhoIndex, pl.norm]]}", "XB306"),
        ("errors: {contours: [[pl.norm, pl.norm]]}", "XB307"),
    ],
)
def test_contours_that_cannot_be(tmp_path: Path, more: str, code: str) -> None:
    assert codes(tmp_path, BASE + fit(more=more)) == [code]


def test_groups_are_fits_of_their_own(tmp_path: Path) -> None:
    found = jobs(tmp_path, TWO_EPOCHS + fit(more="group_by: [spectrum, obsid]"))
    assert [job.subject for job in found] == ["one/src/90402339002", "one/src/90402339004"]
    assert [[data.subject.instrument for data in job.datasets] for job in found] == [["FPMA", "FPMB"]] * 2
    assert [[one.datasets for one in job.parameters][-1] for job in found] == [(0, 1), (0, 1)]


def test_groups_by_epoch(tmp_path: Path) -> None:
    more = "group_by: [epoch]\nepochs: {early: {tag: early}, late: {tag: late}}"
    found = jobs(tmp_path, TWO_EPOCHS + fit(more=more))
    assert [(job.subject, job.datasets[0].subject.epoch) for job in found] == [
        ("one/early", "early"),
        ("one/late", "late"),
    ]


def test_several_entries_of_data(tmp_path: Path) -> None:
    data = (
        "{spectra: src, binning: min30, band: 3-20 keV, where: {module: A}}, "
        "{spectra: src, binning: min30, band: 3-79 keV, where: {module: B}, edge: overlap}, "
        "{spectra: [src], binning: min30, band: 20-79 keV, where: {instrument: [FPMA]}}"
    )
    (job,) = jobs(tmp_path, BASE + fit(data=data))
    assert [(one.subject.instrument, one.band.name, one.edge) for one in job.datasets] == [
        ("FPMA", "3-20 keV", "inside"),
        ("FPMB", "3-79 keV", "overlap"),
        ("FPMA", "20-79 keV", "inside"),
    ]
    assert job.parameters[0].datasets == (0, 2)


def test_errors_asked_for(tmp_path: Path) -> None:
    more = "errors: {parameters: [pl.*, gal.nH], method: profile, confidence: 90 %}"
    (job,) = jobs(tmp_path, BASE + fit(more=more))
    assert job.errors.parameters == ("pl.PhoIndex", "pl.norm", "gal.nH")
    assert (job.errors.method, job.errors.confidence) == ("profile", 0.9)
    (job,) = jobs(tmp_path, BASE + fit(more="errors: {parameters: none}"))
    assert job.errors.parameters == ()


def test_fluxes_asked_for(tmp_path: Path) -> None:
    more = (
        "flux: [{bands: [3-10 keV]}, {bands: [3-10 keV], absorbed: false, errors: sample, n: 50, seed: 2, "
        "luminosity: {redshift: 0.1, H0: 73}}]"
    )
    (job,) = jobs(tmp_path, BASE + fit(more=more))
    plain, drawn = job.flux
    assert (plain.absorbed, plain.errors, plain.n, plain.seed, plain.luminosity) == (True, "none", 500, 1, None)
    assert (drawn.absorbed, drawn.errors, drawn.n, drawn.seed) == (False, "sample", 50, 2)
    assert drawn.luminosity == {"redshift": 0.1, "H0": 73.0, "Om0": 0.3}
    assert codes(tmp_path, BASE + fit(more="flux: [{bands: [3-10 keV], luminosity: {redshift: -1}}]"))


def test_plots_asked_for(tmp_path: Path) -> None:
    (job,) = jobs(tmp_path, BASE + fit())
    assert (job.residuals, job.unfolded) == ("delchi", False)
    (job,) = jobs(tmp_path, BASE + fit(more="plots: {residuals: ratio, unfolded: true}"))
    assert (job.residuals, job.unfolded) == ("ratio", True)
    assert codes(tmp_path, BASE + fit(more="plots: {residuals: chi}"))


def test_only_what_can_be_told_is_told(tmp_path: Path) -> None:
    text = fit(
        data="{spectra: scr, binning: min30, band: 3-79 keV}",
        parameters="{gal.nH: {for: [{where: {instrument: FPMB}, value: 2}]}}",
    )
    assert codes(tmp_path, BASE + text) == ["XB101"]
    text = BASE.replace("counts: 30", "count: 30")
    assert codes(tmp_path, text + fit()) == ["XB201"]
