"""Schemes of bands whose edges are found in a spectrum."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.spec.specs import BASE, TWO_EPOCHS, codes, fit, problems, read
from xbatch.base.errors import Place
from xbatch.spec.bands import Bands, find_bands
from xbatch.spec.derivedmodel import BandSet, EqualBands
from xbatch.spec.model import Band, Subject
from xbatch.spec.nodes import Table, from_data
from xbatch.spec.report import Report
from xbatch.spec.spectra import SpectraFound

A, B = (Subject("nustar", "1", name, "src") for name in ("FPMA", "FPMB"))
SUM = Subject("nustar", "e1", "FPMA", "src", epoch="e1")
FOUND = SpectraFound(subjects={"src": [A, B], "years": [SUM]})


def bands(text: dict[str, object]) -> tuple[Bands, Report]:
    root, report = from_data({"bands": text}, Place("f"), ""), Report()
    assert isinstance(root, Table)
    return find_bands(root, report, (), FOUND), report


def scheme(**changes: object) -> dict[str, object]:
    return {"scheme": "equal-counts", "range": "3-79 keV", "n": 12, "of": "years", **changes}


def test_a_scheme_is_resolved_to_its_reference(tmp_path: Path) -> None:
    text = (
        TWO_EPOCHS
        + "combine: {mean: {of: src, where: {module: A}}}\n"
        + "bands:\n"
        + "  c: {scheme: equal-counts, range: 3000-79000 eV, n: 12, min_channels: 30, snap: {to: mean}, "
        + "of: {spectrum: src, obsid: 90402339004, module: B}}\n"
        + "  s: {scheme: equal-snr, range: 3-10 keV, n: 4, of: mean, form: faithful}\n"
    )
    found = read(tmp_path, text).members[0].spec.equal_bands
    assert found["c"] == EqualBands(
        "c",
        Subject("nustar", "90402339004", "FPMB", "src", ("late",)),
        Subject("nustar", "mean", "FPMA", "src"),
        {"scheme": "equal-counts", "lo": 3.0, "hi": 79.0, "n": 12, "min_channels": 30, "form": "mended"},
        "bands.c",
    )
    assert found["s"].of.path == "mean/FPMA/src" and found["s"].to is None
    assert found["s"].params["scheme"] == "equal-snr" and found["s"].params["form"] == "faithful"


def test_a_sum_is_told_by_its_group(tmp_path: Path) -> None:
    found, report = bands({"b": scheme(of={"spectrum": "src", "obsid": "e1"})})
    assert found.equal["b"].of == SUM and not report.problems
    found, report = bands({"b": scheme(of={"spectrum": "src", "epoch": "e1"})})
    assert found.equal["b"].of == SUM and not report.problems


def test_bands_are_asked_for_where_they_depend_on_data() -> None:
    found, report = bands({"full": "3-79 keV", "two": {"scheme": "list", "edges": "3 10 79 keV"}, "equal": scheme(n=5)})
    nodes = [from_data(text, Place("f"), "") for text in ("equal", "two", "full", "4-5 keV")]
    sets = found.sets(nodes, report)
    assert not report.problems
    assert sets[0] == BandSet(scheme="equal", most=5) and sets[0].names == tuple(f"equal.{n}" for n in range(1, 6))
    assert [one.names for one in sets[1:]] == [("two.1", "two.2"), ("full",), ("4-5 keV",)]
    assert sets[3].bands == (Band("4-5 keV", 4.0, 5.0),)


def test_edges_that_a_run_finds_are_not_for_fits(tmp_path: Path) -> None:
    text = BASE + "bands: {few: {scheme: equal-counts, range: 3-79 keV, n: 4, of: {spectrum: src, module: A}}}\n"
    for band in ("few", "few.2"):
        (found,) = problems(tmp_path, text + fit(data=f"{{spectra: src, binning: min30, band: {band}}}"))
        assert found.code == "XB118" and "'few' are found in a spectrum when the analysis runs" in found.message
    assert codes(tmp_path, text + fit(more="flux: [{bands: [few]}]")) == ["XB118"]


def test_a_reference_is_one_spectrum() -> None:
    _, report = bands({"b": scheme(of="src"), "c": scheme(of={"spectrum": "src", "obsid": "2"})})
    assert [(one.code, one.hint) for one in report.problems] == [
        ("XB142", "add instrument: {spectrum: src, instrument: ..}"),
        ("XB142", "known: 1/FPMA/src, 1/FPMB/src"),
    ]
    assert report.problems[1].message == "no spectrum 'src' has obsid '2'"
    both = SpectraFound(subjects={"all": [SUM, replace(SUM, spectrum="bkg", obsid="e1")]})
    root, report = from_data({"bands": {"b": scheme(of="all")}}, Place("f"), ""), Report()
    assert isinstance(root, Table)
    find_bands(root, report, (), both)
    assert [one.hint for one in report.problems] == ["write {spectrum: src, obsid: e1}"]


def test_nothing_is_said_of_a_reference_to_what_is_broken(tmp_path: Path) -> None:
    text = BASE.replace("{obsid}", "{obsd}") + "bands: {b: {scheme: equal-snr, range: 3-79 keV, n: 4, of: src}}\n"
    assert codes(tmp_path, text) == ["XB112"]
    empty = BASE + "bands: {b: {scheme: equal-snr, range: 79-3 keV, n: 4, of: {spectrum: src, module: A}}}\n"
    assert codes(tmp_path, empty) == ["XB211"]
