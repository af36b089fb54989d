"""Whole specs of level events: long ones, and ones with something in them that should not be."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.spec.specs import EVENTS, codes, read, work
from tests.spec.test_schema import ODD, paths
from xbatch.base.errors import SpecError
from xbatch.spec import load, resolved_text

NUSTAR = """\
xbatch: 1
name: background-regions
mission: nustar
obsids: ["90201039002"]
instruments: [FPMA, FPMB]
data:
  root: data
  level: events
  events: "{obsid}/event_cl/nu{obsid}{module}01_cl.evt[.gz]"
screening:
  default: {grade: 0-26}
regions:
  src:  {file: "regions/src.reg"}
  bgd1: {file: "regions/bgd1.reg"}
  bgd2: {file: "regions/bgd2.reg"}
spectra:
  src:  {region: src, background: none, source_type: extended}
  bgd1: {region: bgd1, arf: none}
  bgd2: {region: bgd2, arf: none}
binning:
  min3:  {type: min, counts: 3}
fit:
  ulx:
    data:
      - {spectra: src, binning: min3, band: 3-50 keV}
    background: {mode: none}
    statistic: cstat
    abundances: wilm
    cross_sections: vern
    model: constant.cal * tbabs.gal * powerlaw.pl
    parameters:
      cal.factor: {value: 1, frozen: true, for: [{where: {instrument: FPMB}, frozen: false, min: 0.8, max: 1.2}]}
      gal.nH:     {value: 0.3, frozen: true}
    errors: {parameters: free, method: profile, confidence: 0.9}
"""
JOINT = """\
xbatch: 1
name: joint
target: {name: NGC 5506, position: ["14:13:14.9", "-03:12:27.3"], frame: icrs, redshift: 0.006181}
observations:
  - {mission: xmm, obsids: ["0013140101", "0201830201", "0761220101"], instruments: [EPN], tags: [xmm]}
  - {mission: nustar, obsids: ["60061323002"], instruments: [FPMA, FPMB], tags: [nustar]}
data: {root: data, level: events}
screening:
  spectral:
    for:
      - {where: {instrument: EPN}, pattern: 0-4, flag: 0, pi_range: 200-12000 eV,
         flare: {band: 10-12 keV, pattern: 0, bin: 100 s, rate: "< 0.4 ct/s"}}
  timing:
    base: spectral
    for: [{where: {instrument: EPN}, flare: {rate: "< 0.7 ct/s"}}]
regions:
  src:
    shape: annulus
    center: target
    inner: 5 arcsec
    outer: 50 arcsec
    for: [{where: {mission: nustar}, shape: circle, radius: 150 arcsec}]
  bkg:
    file: "regions/{obsid}_bgd.reg"
    for: [{where: {mission: nustar}, shape: annulus, center: target, inner: 180 arcsec, outer: 300 arcsec}]
spectra:
  agn: {region: src, background: bkg, screening: spectral}
  states: {region: src, background: bkg, screening: spectral, gti: [low, high], where: {instrument: EPN}}
combine:
  pn_mean: {of: agn, over: obsid, where: {instrument: EPN, obsid: ["0201830201", "0761220101"]}, method: sum}
keep: {min_exposure: 5 ks}
bands:
  full: 2-10 keV
  b3a:    {scheme: list, edges: 2 6 7 10 keV}
  b8a:    {scheme: log, range: 2-10 keV, n: 8,  round: 2 digits}
  b8ch:   {scheme: linear, range: 2-10 keV, n: 8,  snap: channel}
  b48cch: {scheme: equal-counts, range: 2-10 keV, n: 48, min_channels: 30, of: {spectrum: agn, obsid: "0761220101"},
           snap: {to: pn_mean}}
lightcurves:
  energy:   {spectrum: agn, screening: timing, region: {src.inner: 0 arcsec}, dt: 128 s, corrections: [gti, livetime],
             bands: [full, b3a, b8a], where: {instrument: EPN}}
  channels: {spectrum: agn, screening: timing, region: {src.inner: 0 arcsec}, dt: 128 s,
             bands: [b8ch, b48cch], where: {instrument: EPN}}
binning:
  og6:  {type: ogrppha, snr: 6, oversample: 3}
gtis:
  low:   {flux: {lightcurve: energy, band: full, quantile: 0-0.5}}
  high:  {flux: {lightcurve: energy, band: full, quantile: 0.5-1}}
  pulse: {phase: {ephemeris: {epoch: 57000.0 TDB, period: 12.3 s, pdot: 0}, range: 0.1-0.4}}
  flare: {time: ["2015-07-08T03:00:00", "2015-07-08T05:30:00"], scale: tt}
fit:
  joint:
    data:
      - {spectra: agn, where: {instrument: EPN}, binning: og6, band: 2.5-10 keV}
      - {spectra: agn, where: {mission: nustar}, binning: og6, band: 3-79 keV}
    epochs:
      y2014: {obsid: ["60061323002"]}
      y2015: {obsid: ["0761220101"]}
    background: {mode: subtract}
    statistic: chi2
    model: constant.cal * tbabs.gal * powerlaw.pl
    parameters:
      cal.factor: {value: 1, frozen: true, for: [{where: {instrument: FPMB}, frozen: false}]}
      pl.norm: {vary: [epoch]}
    flux: [{bands: [full], absorbed: false}]
"""
SUMMED = """\
xbatch: 1
name: two-years
mission: nustar
observations:
  - {obsids: ["30001002001", "30001002004"], instruments: [FPMA],       tags: [y2012]}
  - {obsids: ["30001002003"],                instruments: [FPMA, FPMB], tags: [y2012]}
  - {obsids: ["30302006006"],                instruments: [FPMA, FPMB], tags: [y2017]}
  - {obsids: ["30302006004", "30302007002", "30302007004"], instruments: [FPMA], tags: [y2017]}
data: {root: data, level: events}
regions:
  NE:  {file: "regions/Source_NE.reg"}
  SW:  {file: "regions/Source_SW.reg"}
  bkg: {file: "regions/bg_{obsid}{module}.reg"}
spectra:
  NE: {region: NE, background: bkg, source_type: extended}
  SW: {region: SW, background: bkg, source_type: extended}
combine:
  years:
    of: [NE, SW]
    over: obsid
    groups:
      e2012: {tag: y2012}
      e2017: {tag: y2017}
    method: sum
    response: exposure-weighted
    background: keep
    on_missing: skip
    warn_if: {rate_differs: 3 sigma, detectors_differ: true}
binning:
  net20: {type: nutools, net_counts: 20, form: mended}
bands: {hard: 10-20 keV}
fit:
  each: &pl
    data: [{spectra: [NE, SW], binning: net20, band: 10-20 keV}]
    group_by: [spectrum, obsid]
    background: {mode: subtract}
    statistic: chi2
    variance: data
    model: constant.cal * tbabs.gal * powerlaw.pl
    parameters:
      cal.factor: {value: 1, frozen: true, for: [{where: {instrument: FPMB}, frozen: false}]}
      gal.nH: {value: 16.4, frozen: true}
    flux: [{bands: [hard], absorbed: true}]
  summed:
    <<: *pl
    data: [{spectra: years, binning: net20, band: 10-20 keV}]
    group_by: [spectrum, epoch]
  tied:
    <<: *pl
    data: [{spectra: years, binning: net20, band: 10-20 keV}]
    group_by: [spectrum]
    parameters:
      cal.factor: {value: 1, frozen: true, for: [{where: {instrument: FPMB}, frozen: false, tie: [epoch]}]}
      gal.nH: {value: 16.4, frozen: true}
      pl.norm: {vary: [epoch]}
sweep:
  grid:
    binning.net20.net_counts: [20, 30, 50]
    binning.net20.form: [mended, faithful]
"""


def test_background_regions_of_two_modules(tmp_path: Path) -> None:
    found = work(tmp_path, NUSTAR)
    assert [one.subject.path for one in found.spectra] == [
        f"90201039002/{module}/{name}" for name in ("src", "bgd1", "bgd2") for module in ("FPMA", "FPMB")
    ]
    assert [one.arf for one in found.spectra] == [None, None, "none", "none", "none", "none"]
    first = found.observed[0]
    assert first.events == tmp_path / "data/90201039002/event_cl/nu90201039002A01_cl.evt[.gz]"
    assert {name: one.file for name, one in first.regions.items()} == {
        name: tmp_path / f"data/regions/{name}.reg" for name in ("src", "bgd1", "bgd2")
    }


def test_two_missions_with_states_sums_and_bands_of_equal_counts(tmp_path: Path) -> None:
    spec = read(tmp_path, JOINT).members[0].spec
    found = spec.work
    assert found is not None
    assert [one.subject for one in found.observed][2:4] == ["0761220101/EPN", "60061323002/FPMA"]
    first, last = found.observed[0], found.observed[-1]
    assert list(first.screenings) == ["spectral", "timing"]
    assert list(first.regions) == ["src", "bkg", "src.energy", "src.channels"]
    assert list(first.gtis) == ["low", "high"]
    assert list(last.screenings) == ["spectral"]
    assert last.screenings["spectral"].params == {"grade": [0, 26]}
    assert not last.gtis
    energy, channels = found.lightcurves[0], found.lightcurves[3]
    assert (energy.region, channels.region, energy.gti) == ("src.energy", "src.channels", "")
    assert [(one.scheme, one.most) for one in channels.bands] == [("", 0), ("b48cch", 48)]
    assert [one.subject.path for one in spec.combinations] == ["pn_mean/EPN/agn"]
    assert spec.min_exposure == 5000.0
    assert len(spec.fits[0].datasets) == 5


def test_sums_of_two_years(tmp_path: Path) -> None:
    analysis = read(tmp_path, SUMMED)
    assert len(analysis.members) == 6
    spec = analysis.members[0].spec
    assert {one.subject.path for one in spec.combinations} == {
        f"{epoch}/{module}/{name}"
        for epoch in ("e2012", "e2017")
        for module in ("FPMA", "FPMB")
        for name in ("NE", "SW")
    }
    groups = {job.group for job in spec.fits if job.name == "summed"}
    assert groups == {"NE/e2012", "NE/e2017", "SW/e2012", "SW/e2017"}
    (tied, _) = [job for job in spec.fits if job.name == "tied"]
    assert [one.name for one in tied.parameters if one.parameter == "norm"] == ["pl.norm[e2012]", "pl.norm[e2017]"]
    found = spec.work
    assert found is not None
    assert len(found.observed) == 9
    assert {one.regions["bkg"].file for one in found.observed if one.obsid == "30302006006"} == {
        tmp_path / f"data/regions/bg_30302006006{module}.reg" for module in "AB"
    }


@pytest.mark.parametrize("text", [NUSTAR, JOINT, SUMMED])
def test_resolved_specs_read_to_the_same(tmp_path: Path, text: str) -> None:
    analysis = read(tmp_path, text)
    (tmp_path / "resolved.yaml").write_text(resolved_text(analysis))
    again = load(tmp_path / "resolved.yaml")

    def asked(one: Any) -> list[Any]:
        return [
            [(job.subject, job.region, job.screening) for job in member.spec.work.spectra] for member in one.members
        ]

    def observed(one: Any) -> list[Any]:
        found = one.members[-1].spec.work
        return [
            [
                [
                    {name: (held.params, held.flare) for name, held in part.screenings.items()}
                    for part in found.observed
                ],
                [{name: held.params for name, held in part.regions.items()} for part in found.observed],
                [{name: held.params for name, held in part.gtis.items()} for part in found.observed],
            ],
            [(job.observed, job.region, job.bands, job.params) for job in found.lightcurves],
        ]

    assert asked(again) == asked(analysis)
    assert observed(again) == observed(analysis)


def test_what_missions_bring_is_printed(tmp_path: Path) -> None:
    text = resolved_text(read(tmp_path, EVENTS + "images: {sky: {bands: [3-10 keV]}}\n"))
    assert 'grade: "0-26"' in text
    assert "default" in text.partition('grade: "0-26"')[2].splitlines()[0]


def test_observations_that_nothing_is_made_of_are_left_alone(tmp_path: Path) -> None:
    assert not work(tmp_path, EVENTS).observed
    image = "images: {sky: {bands: [3-10 keV], where: {module: B}}}\n"
    assert [one.instrument for one in work(tmp_path, EVENTS + image).observed] == ["FPMB"]


def test_one_list_for_two_modules(tmp_path: Path) -> None:
    text = EVENTS.replace("level", 'events: "{obsid}.evt", level') + "images: {sky: {bands: [3-10 keV]}}\n"
    assert codes(tmp_path, text) == ["XB119"]


BASE: dict[str, Any] = {
    "xbatch": 1,
    "name": "test",
    "target": {"name": "X", "position": ["14:13:14.9", -3.2]},
    "mission": "nustar",
    "obsids": ["90402339002"],
    "data": {"level": "events", "events": {"file": "a{module}", "for": [{"where": {"module": "B"}, "file": "b"}]}},
    "screening": {
        "default": {"grade": "0-26", "pi_range": "35-1909"},
        "timing": {"base": "default", "flare": {"band": "3-10 keV", "bin": "100 s", "sigma": 3}},
    },
    "regions": {
        "a": {"shape": "circle", "center": "target", "radius": "20 arcsec"},
        "b": {"shape": "ellipse", "center": "a", "radii": ["20 arcsec", "0.01 deg"], "angle": 30},
        "d": {"shape": "polygon", "vertices": [[1, 2], [2, 3], ["3", "4"]]},
        "e": {"file": "{obsid}.reg", "for": [{"where": {"module": "A"}, "shape": "point", "center": "a"}]},
        "f": {"shapes": [{"shape": "box", "center": [1, 2], "size": ["3 arcsec", "4 arcsec"]}]},
    },
    "gtis": {
        "t": {"time": [["2015-07-08", "2015-07-09"], [57000, 57001.5]], "scale": "tt"},
        "u": {"flux": {"lightcurve": "l", "band": "full", "quantile": "0-0.5"}},
        "n": {"not": "t", "for": [{"where": {"module": "A"}, "any_of": ["t", "u"]}]},
    },
    "bands": {"full": "3-10 keV"},
    "spectra": {"src": {"region": "a", "background": "e", "gti": ["t", "n"]}, "all": {"region": "f"}},
    "images": {"sky": {"bands": "full", "mosaic": {"over": ["instrument"], "pixel": "4 arcsec"}}},
    "lightcurves": {"l": {"spectrum": "all", "bands": ["full"], "dt": "10 s", "screening": "timing"}},
}
WORDS = ["src", "a", "t", "target", "none", "3-10 keV", "50 arcsec", "{obsid}", "{x", "0-4", ["a", "b"], 1e300, "-3"]


@st.composite
def changed(draw: st.DrawFn) -> dict[str, Any]:
    """Give the spec with one to three values replaced, keys removed or added."""
    document = copy.deepcopy(BASE)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([path for path in paths(document) if path]))
        holder = document
        for key in path[:-1]:
            holder = holder[key]
        action = draw(st.sampled_from(["replace", "remove", "add"]))
        value = copy.deepcopy(draw(st.sampled_from([*ODD, *WORDS])))
        if action == "replace":
            holder[path[-1]] = value
        elif action == "remove":
            del holder[path[-1]]
        elif isinstance(holder, dict):
            holder[draw(st.sampled_from(["file", "shape", "shapes", "gti", "flux", "base", "frame", "for"]))] = value
    return document


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(changed())
def test_whatever_stands_in_a_spec_is_told_or_taken(tmp_path: Path, document: dict[str, Any]) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(json.dumps(document))
    try:
        analysis = load(path)
    except SpecError as error:
        assert all(problem.message and problem.place.line for problem in error.problems)
    else:
        assert analysis.members[0].spec.work is not None


def test_the_spec_that_is_changed_is_sound(tmp_path: Path) -> None:
    assert not codes(tmp_path, json.dumps(BASE))
