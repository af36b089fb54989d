"""The spectra of a spec of level events: subjects, regions, time selections, responses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.spec.specs import BINNING, EVENTS, TWO_MISSIONS, codes, fit, jobs, problems, work
from xbatch.spec.labels import labelled

REGIONS = (
    "regions:\n  src: {shape: circle, center: [10, 20], radius: 50 arcsec}\n"
    "  bkg: {shape: annulus, center: src, inner: 60 arcsec, outer: 90 arcsec}\n"
)
GTIS = "gtis: {low: {file: low.gti}, high: {file: high.gti}}\n"


def test_spectra_for_each_observation_instrument_and_time_selection(tmp_path: Path) -> None:
    text = TWO_MISSIONS + REGIONS + GTIS + (
        "spectra:\n"
        "  agn: {region: src, background: bkg, note: all}\n"
        "  states: {region: src, background: none, gti: [low, high], where: {instrument: EPN}, source_type: extended,\n"
        "    for: [{where: {gti: high}, background: bkg, note: bright}]}\n"
    )  # fmt: skip
    found = {one.subject.path: one for one in work(tmp_path, text).spectra}
    assert list(found) == [
        "90402339002/FPMA/agn",
        "90402339002/FPMB/agn",
        "0201430201/EPN/agn",
        "0201430201/EMOS1/agn",
        "0201430201/EPN/states@low",
        "0201430201/EPN/states@high",
    ]
    low, high = found["0201430201/EPN/states@low"], found["0201430201/EPN/states@high"]
    assert (low.region, low.background, low.gti, low.source_type, low.note) == ("src", "", "low", "extended", "")
    assert (high.background, high.note, high.subject.gti) == ("bkg", "bright", "high")
    assert found["90402339002/FPMA/agn"].source_type == "point"
    observed = {one.subject: one for one in work(tmp_path, text).observed}
    assert list(observed["0201430201/EPN"].gtis) == ["low", "high"]
    assert not observed["0201430201/EMOS1"].gtis
    assert observed["0201430201/EPN"].tags == ()
    assert observed["90402339002/FPMB"].tags == ("hard",)


def test_files_of_a_spectrum(tmp_path: Path) -> None:
    text = EVENTS.replace("level", 'root: sub, events: "{obsid}/{module}.evt[.gz]", level') + REGIONS + (
        'spectra: {s: {region: src, response: "{obsid}/{spectrum}.rmf", arf: none, exposure_map: "{module}.img",\n'
        "  for: [{where: {module: B}, arf: b.arf}]}}\n"
    )  # fmt: skip
    found = work(tmp_path, text)
    first, second = found.spectra
    assert first.response == tmp_path / "sub/90402339002/s.rmf"
    assert (first.arf, second.arf) == ("none", tmp_path / "sub/b.arf")
    assert second.exposure_map == tmp_path / "sub/B.img"
    assert found.observed[0].events == tmp_path / "sub/90402339002/A.evt[.gz]"
    assert found.observed[0].livetime is None
    assert found.observed[0].root == tmp_path / "sub"


def test_lists_by_exception(tmp_path: Path) -> None:
    files = '{file: "nu{obsid}{module}.evt", for: [{where: {mission: xmm}, file: "{obsid}/{instrument}.fits"}]}'
    text = TWO_MISSIONS.replace("level", f'events: {files}, livetime: "{{obsid}}{{module}}.hk", level')
    found = work(tmp_path, text + "images: {sky: {bands: [3-10 keV]}}\n").observed
    assert [one.events.name for one in found if one.events] == [
        "nu90402339002A.evt",
        "nu90402339002B.evt",
        "EPN.fits",
        "EMOS1.fits",
    ]
    assert found[0].livetime == tmp_path / "90402339002A.hk"


def test_fits_know_the_background(tmp_path: Path) -> None:
    spectra = "spectra: {s: {region: src, background: bkg}, t: {region: src, where: {module: A}}}\n"
    base = EVENTS + REGIONS + spectra + BINNING
    data = "{spectra: NAME, binning: min30, band: 3-79 keV}"
    (job,) = jobs(tmp_path, base + fit(mode="profiled", statistic="wstat", data=data.replace("NAME", "s")))
    assert [one.subject.path for one in job.datasets] == ["90402339002/FPMA/s", "90402339002/FPMB/s"]
    none = fit(mode="none", statistic="cstat", data=data.replace("NAME", "s"))
    assert codes(tmp_path, base + none) == ["XB316"]
    subtract = fit(data=data.replace("NAME", "t"))
    assert codes(tmp_path, base + subtract) == ["XB316"]
    for binning in ("type: bmin, counts: 3", "type: snmin, snr: 3, background: true"):
        grouped = base.replace("type: min, counts: 30", binning)
        left_out = fit(mode="ignore", statistic="cstat", data=data.replace("NAME", "t"))
        assert codes(tmp_path, grouped + left_out) == ["XB316"]


def test_fits_select_time_selections(tmp_path: Path) -> None:
    spectra = "spectra: {s: {region: src, background: bkg, gti: [low, high]}}\n"
    base = EVENTS + REGIONS + GTIS + spectra + BINNING
    data = "{spectra: s, where: {gti: low}, binning: min30, band: 3-79 keV}"
    (job,) = jobs(tmp_path, base + fit(data=data))
    assert [one.subject.label for one in job.datasets] == ["s@low", "s@low"]
    found = jobs(tmp_path, base + fit(data="{spectra: s, binning: min30, band: 3-79 keV}", more="group_by: [gti]"))
    assert [one.group for one in found] == ["low", "high"]
    (job,) = jobs(
        tmp_path,
        base + fit("powerlaw.pl", "{pl.norm: {vary: [gti]}}", data="{spectra: s, binning: min30, band: 3-79 keV}"),
    )
    assert [one.name for one in job.parameters] == ["pl.PhoIndex", "pl.norm[low]", "pl.norm[high]"]


@pytest.mark.parametrize(
    ("text", "code", "hint"),
    [
        ("region: sorc", "XB103", "did you mean 'src'?"),
        ("region: src, background: bgd", "XB103", "did you mean 'bkg'?"),
        ("region: src, background: src", "XB216", "name another region"),
        ("region: src, screening: defalut", "XB117", "did you mean 'default'?"),
        ("region: src, gti: lo", "XB116", "did you mean 'low'?"),
        ("region: src, gti: [low, low]", "XB108", "remove one"),
        ("region: src}, images: {region: src", "XB123", "rename it"),
        ("region: src}, gti-low: {region: src", "XB123", "rename it"),
        ('region: src, response: "{x}.rmf"', "XB112", "known: obsid"),
        ("region: src, for: [{where: {gti: low}, note: a}]", "XB105", "there is none"),
    ],
)
def test_what_is_no_spectrum(tmp_path: Path, text: str, code: str, hint: str) -> None:
    (problem,) = problems(tmp_path, f"{EVENTS}{REGIONS}{GTIS}spectra: {{s: {{{text}}}}}\n")
    assert problem.code == code
    assert hint in problem.hint


def test_instruments_that_do_not_image_or_have_no_name(tmp_path: Path) -> None:
    rgs = TWO_MISSIONS.replace("EMOS1", "RGS1") + REGIONS
    (problem,) = problems(tmp_path, rgs + "spectra: {s: {region: src}}\n")
    assert (problem.code, "RGS1" in problem.message) == ("XB220", True)
    assert not codes(tmp_path, rgs + "spectra: {s: {region: src, where: {instrument: EPN}}}\n")
    other = EVENTS.replace("nustar", "other")
    assert codes(tmp_path, other + REGIONS + "spectra: {s: {region: src}}\n") == ["XB111"]
    assert not codes(
        tmp_path, other.replace("data:", "instruments: [XRT]\ndata:") + REGIONS + "spectra: {s: {region: src}}\n"
    )


def test_a_spectrum_with_the_name_of_its_time_selection_has_it_once(tmp_path: Path) -> None:
    text = (
        EVENTS + "regions: {src: {shape: circle, center: [10, 20], radius: 50 arcsec}}\n"
        "gtis: {high: {time: [100 s, 250 s]}, low: {not: high}}\n"
        "spectra: {high: {region: src, gti: [high, low]}}\n"
        "lightcurves: {low: {spectrum: high, bands: [3-10 keV], dt: 100 s}}\n"
    )
    found = work(tmp_path, text)
    assert {one.subject.label for one in found.spectra} == {"high", "high@low"}
    assert {labelled(one.name, one.gti) for one in found.lightcurves} == {"low@high", "low"}
