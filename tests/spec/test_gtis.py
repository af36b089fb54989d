"""Time selections of a spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.spec.specs import EVENTS, codes, work

REGIONS = "regions: {src: {shape: circle, center: [10, 20], radius: 50 arcsec}}\n"
CURVE = "lightcurves: {curve: {spectrum: all, bands: [3-10 keV], dt: 100 s}}\n"


def selections(folder: Path, block: str, name: str = "a") -> dict[str, Any]:
    """Give the time selections of FPMA that a spectrum needs, by name."""
    text = f"{EVENTS}{REGIONS}gtis:\n{block}spectra: {{all: {{region: src}}, s: {{region: src, gti: {name}}}}}\n{CURVE}"
    return dict(work(folder, text).observed[0].gtis)


@pytest.mark.parametrize(
    ("text", "params"),
    [
        ('time: ["2015-07-08T03:00:00", "2015-07-08T05:30:00Z"]',
         {"time": [["2015-07-08T03:00:00", "2015-07-08T05:30:00"]], "scale": "utc"}),
        ("time: [[57000, 57000.5], [57001, 57002]], scale: tt",
         {"time": [[57000.0, 57000.5], [57001.0, 57002.0]], "scale": "tt"}),
        ("time: [100 s, 250.5 s]", {"time": [[{"met": 100.0}, {"met": 250.5}]], "scale": "utc"}),
        ('file: "{obsid}_{module}.gti"', {"file": "90402339002_A.gti"}),
        ("flux: {lightcurve: curve, band: 3-10 keV, quantile: 0-0.5}",
         {"flux": {"band": "3-10 keV", "quantile": [0.0, 0.5]}}),
        ("flux: {lightcurve: curve, band: 3-10 keV, rate: < 0.4 ct/s}",
         {"flux": {"band": "3-10 keV", "rate": [None, 0.4], "strict": True}}),
        ("flux: {lightcurve: curve, band: 3-10 keV, rate: '>= 0.4 ct/s'}",
         {"flux": {"band": "3-10 keV", "rate": [0.4, None]}}),
        ("flux: {lightcurve: curve, band: 3-10 keV, rate: 0.1-0.4 ct/s}",
         {"flux": {"band": "3-10 keV", "rate": [0.1, 0.4]}}),
        ('hk: {file: "{obsid}.hk", extension: HK1FPM, expression: "ELV > 3 && !(SAA == 1)"}',
         {"hk": {"expression": "ELV > 3 && !(SAA == 1)", "extension": "HK1FPM"}}),
        ("phase: {ephemeris: {epoch: 57000.0 TDB, period: 12.3 s, pdot: 1.0e-12}, range: 0.9-0.1}",
         {"phase": {"epoch": 57000.0, "period": 12.3, "pdot": 1e-12, "range": [0.9, 0.1]}}),
    ],
)  # fmt: skip
def test_kinds(tmp_path: Path, text: str, params: dict[str, Any]) -> None:
    found = selections(tmp_path, f"  a: {{{text}}}\n")["a"]
    assert found.params == params
    assert found.lightcurve == ("curve" if "flux" in params else "")
    assert (found.file is not None) == ("file" in params or "hk" in params)


@pytest.mark.parametrize("name", ["all", "None"])
def test_words_that_stand_for_no_time_selection_are_no_names(name: str, tmp_path: Path) -> None:
    text = f"{EVENTS}{REGIONS}gtis: {{{name}: {{time: [100 s, 250 s]}}}}\nspectra: {{s: {{region: src}}}}\n"
    assert "XB206" in codes(tmp_path, text)


def test_an_algebra_brings_its_members_first(tmp_path: Path) -> None:
    block = "  a: {all_of: [b, c]}\n  b: {not: d}\n  c: {file: c.gti}\n  d: {file: d.gti}\n  e: {file: e.gti}\n"
    found = selections(tmp_path, block)
    assert list(found) == ["d", "b", "c", "a"]
    assert found["a"].params == {"all_of": ["b", "c"]}
    assert found["b"].params == {"not": "d"}


def test_an_exception_replaces_the_whole(tmp_path: Path) -> None:
    block = '  a: {file: "x.gti", for: [{where: {module: A}, time: ["2015-07-08", "2015-07-09"]}]}\n'
    text = f"{EVENTS}{REGIONS}gtis:\n{block}spectra: {{s: {{region: src, gti: [a]}}}}\n"
    first, second = work(tmp_path, text).observed
    assert first.gtis["a"].params == {"time": [["2015-07-08", "2015-07-09"]], "scale": "utc"}
    assert second.gtis["a"].params == {"file": "x.gti"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("time: [100 s, 57000]", "XB226"),
        ("time: [300 s, 200 s]", "XB211"),
        ("time: ['2015-13-01', '2015-14-01']", "XB226"),
        ("time: ['2015-07-08T25:00:00', '2015-07-09']", "XB226"),
        ("hk: {file: x.hk, expression: open('x')}", "XB226"),
        ("hk: {file: x.hk, expression: 3 > 2}", "XB226"),
        ("flux: {lightcurve: curve, band: 3-20 keV, quantile: 0-0.5}", "XB102"),
        ("flux: {lightcurve: curve, band: 3-10 keV, quantile: 0.5-0.5}", "XB211"),
        ("phase: {ephemeris: {epoch: 57000.0 UTC, period: 12.3 s}, range: 0-0.1}", "XB226"),
        ("phase: {ephemeris: {epoch: 57000.0 TDB, period: 12.3}, range: 0-0.1}", "XB212"),
        ("not: a", "XB122"),
        ("any_of: []", "XB209"),
    ],
)
def test_what_is_no_time_selection(tmp_path: Path, text: str, code: str) -> None:
    block = f"gtis: {{a: {{{text}}}}}\nspectra: {{all: {{region: src}}, s: {{region: src, gti: a}}}}\n"
    found = codes(tmp_path, EVENTS + REGIONS + block + CURVE)
    assert found == [code]


def test_a_band_at_fault_is_told_of_once(tmp_path: Path) -> None:
    block = "gtis: {a: {flux: {lightcurve: curve, band: BAND, quantile: 0-0.5}}}\n"
    spectra = "spectra: {all: {region: src}, s: {region: src, gti: a}}\n"
    curve = CURVE.replace("[3-10 keV]", "[full, soft]")
    text = f"{EVENTS}{REGIONS}bands: {{full: 79-3 keV, soft: 3-10 keV}}\n{block}{spectra}{curve}"
    assert codes(tmp_path, text.replace("BAND", "full")) == ["XB211"]
    assert codes(tmp_path, text.replace("BAND", "hard")) == ["XB211", "XB102"]


def test_a_light_curve_that_is_not_made_of_an_observation(tmp_path: Path) -> None:
    curve = CURVE.replace("dt:", "where: {module: A}, dt:")
    block = "gtis: {a: {flux: {lightcurve: curve, band: 3-10 keV, quantile: 0-0.5}}}\n"
    spectra = "spectra: {all: {region: src}, s: {region: src, gti: a}}\n"
    assert codes(tmp_path, EVENTS + REGIONS + block + spectra + curve) == ["XB121"]
