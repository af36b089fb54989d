"""Searches for the inner radius that leaves no pile-up."""

from __future__ import annotations

from pathlib import Path

from tests.spec.specs import RAW, RAW_XMM, codes, problems, raw, work

HEAD = RAW_XMM + RAW
SPECTRUM = "spectra: {agn: {region: src, where: {instrument: [EPN, EMOS1]}}}\n"


def test_defaults(tmp_path: Path) -> None:
    (found,) = raw(tmp_path, HEAD + "pileup: {pn: {region: src, where: {instrument: EPN}}}\n").pileups
    assert (found.name, found.observed, found.region, found.screening) == ("pn", "0761220101/EPN", "src", "default")
    assert found.params == {
        "events": "unfiltered",
        "band": [2000, 10000],
        "start": 0.0,
        "first": 3.0,
        "step": 0.5,
        "max": 15.0,
        "n_sigma": 3.0,
        "direction": "two-sided",
    }
    assert found.figure


def test_the_picture_may_be_left_out(tmp_path: Path) -> None:
    text = HEAD + "pileup: {pn: {region: src, where: {instrument: EPN}, figure: false}}\n"
    (found,) = raw(tmp_path, text).pileups
    assert not found.figure and "figure" not in found.params


def test_a_circle_becomes_an_annulus_where_it_is_enlarged(tmp_path: Path) -> None:
    text = HEAD + SPECTRUM + "pileup: {pn: {region: src, where: {instrument: EPN}}}\n"
    shapes = {one.instrument: one.regions["src"].params["shapes"][0] for one in work(tmp_path, text).observed}
    assert (shapes["EPN"]["shape"], shapes["EPN"]["sizes"]) == ("annulus", [0.0, 50.0])
    assert (shapes["EMOS1"]["shape"], shapes["EMOS1"]["sizes"]) == ("circle", [50.0])


def test_filtered_events_are_those_of_a_screening_that_is_then_in_use(tmp_path: Path) -> None:
    text = HEAD + "screening: {sharp: {pattern: 0}}\n"
    text += "pileup: {pn: {region: src, events: filtered, screening: sharp, band: 0.5-2 keV, start: 5 arcsec,\n"
    text += "  first: 0.1 arcmin, accept: {direction: task}, where: {instrument: EPN}}}\n"
    (found,) = raw(tmp_path, text).pileups
    assert (found.screening, found.params["band"], found.params["first"]) == ("sharp", [500, 2000], 6.0)
    assert (found.params["direction"], found.params["n_sigma"]) == ("task", 3.0)
    (seen,) = work(tmp_path, text).observed
    assert list(seen.screenings) == ["sharp"] and list(seen.regions) == ["src"]


def test_a_light_curve_keeps_the_region_that_it_changes(tmp_path: Path) -> None:
    text = HEAD.replace(
        "shape: circle, center: target, radius: 50", "shape: annulus, center: target, inner: 0, outer: 50"
    )
    text += SPECTRUM
    curves = "lightcurves: {lc: {spectrum: agn, bands: [2-10 keV], dt: 100 s, region: {src.inner: 0 arcsec}}}\n"
    search = "pileup: {pn: {region: src, where: {instrument: EPN}}}\n"
    assert {one.region for one in work(tmp_path, text + curves).lightcurves} == {"src"}
    regions = {one.observed: one.region for one in work(tmp_path, text + curves + search).lightcurves}
    assert regions == {"0761220101/EPN": "src.lc", "0761220101/EMOS1": "src"}


def test_an_arf_made_before_may_be_insisted_on(tmp_path: Path) -> None:
    text = HEAD + SPECTRUM.replace("region: src,", "region: src, arf: a.arf, response: a.rmf,")
    search = "pileup: {pn: {region: src, where: {instrument: EPN}, needs_arf: true}}\n"
    (problem,) = problems(tmp_path, text + search)
    assert problem.code == "XB236" and problem.place.line == text.count("\n") + 1
    assert codes(tmp_path, text + search.replace("true", "false")) == []
