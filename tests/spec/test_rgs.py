"""Spectra of the RGS: orders, selection in fits, sums of RGS1 and RGS2."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.spec.specs import RAW, RAW_XMM, codes, fit, jobs, problems, raw, read

HEAD = RAW_XMM.replace('["0761220101"]', '["0761220101", "0554170101"]') + RAW
RGS = "spectra:\n  pn: {region: src, where: {instrument: EPN}}\n"
RGS += "  rgs: {region: pipeline, orders: [1, 2], note: both, where: {instrument: [RGS1, RGS2]}}\n"
SUM = "combine: {both: {of: rgs, over: instrument, method: rgscombine}}\n"
BINNING = "binning: {min30: {type: min, counts: 30}}\n"


def test_one_spectrum_for_each_observation_instrument_and_order(tmp_path: Path) -> None:
    found = raw(tmp_path, HEAD + RGS).rgs
    assert [(one.subject.path, one.order) for one in found if one.subject.obsid == "0761220101"] == [
        ("0761220101/RGS1/rgs", 1),
        ("0761220101/RGS1/rgs-o2", 2),
        ("0761220101/RGS2/rgs", 1),
        ("0761220101/RGS2/rgs-o2", 2),
    ]
    assert len(found) == 8 and {one.note for one in found} == {"both"}
    assert [one.order for one in raw(tmp_path, HEAD + RGS.replace("[1, 2]", "[2]")).rgs] == [2] * 4


def test_only_region_spectra_are_extracted(tmp_path: Path) -> None:
    spec = read(tmp_path, HEAD + RGS).members[0].spec
    assert spec.work is not None
    assert [one.subject.instrument for one in spec.work.spectra] == ["EPN", "EPN"]


def test_an_exception_may_ask_for_the_pipeline(tmp_path: Path) -> None:
    text = HEAD + "spectra: {all: {region: src, for: [{where: {instrument: [RGS1, RGS2]}, region: pipeline}]}}\n"
    assert {one.subject.instrument for one in raw(tmp_path, text).rgs} == {"RGS1", "RGS2"}


def test_sums_are_of_one_observation_and_order(tmp_path: Path) -> None:
    sums = raw(tmp_path, HEAD + RGS + SUM).rgs_sums
    assert [one.subject.path for one in sums] == [
        "0761220101/RGS/both",
        "0761220101/RGS/both-o2",
        "0554170101/RGS/both",
        "0554170101/RGS/both-o2",
    ]
    assert [one.path for one in sums[1].members] == ["0761220101/RGS1/rgs-o2", "0761220101/RGS2/rgs-o2"]


def test_fits_select_spectra_and_sums_by_name(tmp_path: Path) -> None:
    def paths(data: str, mode: str = "subtract") -> list[str]:
        text = (
            HEAD
            + RGS
            + SUM
            + BINNING
            + fit("powerlaw.pl", data=f"{{{data}, binning: min30, band: 0.5-2 keV}}", mode=mode)
        )
        (job,) = jobs(tmp_path, text)
        return [one.subject.path for one in job.datasets]

    assert len(paths("spectra: rgs")) == 8
    assert paths("spectra: rgs-o2, where: {instrument: RGS1}") == ["0761220101/RGS1/rgs-o2", "0554170101/RGS1/rgs-o2"]
    assert paths('spectra: rgs, where: {spectrum: rgs, obsid: "0554170101"}') == [
        "0554170101/RGS1/rgs",
        "0554170101/RGS2/rgs",
    ]
    assert paths("spectra: both, where: {spectrum: both}") == ["0761220101/RGS/both", "0554170101/RGS/both"]
    assert paths("spectra: [pn, both], where: {instrument: EPN}", "ignore") == [
        "0761220101/EPN/pn",
        "0554170101/EPN/pn",
    ]


def test_sums_of_observations_stay_beside_those_of_instruments(tmp_path: Path) -> None:
    more = SUM.rstrip("}\n") + "}, all: {of: [pn, both]}}\n"
    spec = read(tmp_path, HEAD + RGS + more).members[0].spec
    assert [one.subject.path for one in spec.combinations] == ["all/EPN/pn", "all/RGS/both", "all/RGS/both-o2"]
    assert spec.raw is not None and len(spec.raw.rgs_sums) == 4


GTIS = """\
gtis:
  early: {time: [5.0e8 s, 5.1e8 s]}
  own: {file: times.gti}
  rest: {not: own}
  both: {all_of: [early, rest]}
  high: {flux: {lightcurve: all, band: 2-10 keV, quantile: 0.5-1}}
  pulse: {phase: {ephemeris: {epoch: 57000.0 TDB, period: 5 s}, range: 0-0.5}}
  pulsed: {any_of: [own, pulse]}
"""
CURVE = "lightcurves: {all: {spectrum: pn, bands: [2-10 keV], dt: 128 s}}\n"
TIMED = HEAD + CURVE + GTIS.replace("5.0e8", "500000000").replace("5.1e8", "510000000")
TIMED += RGS.replace("orders: [1, 2]", "orders: [1], gti: [NAMES]")


def test_time_selections_that_rgsproc_can_be_told(tmp_path: Path) -> None:
    found = [one for one in raw(tmp_path, TIMED.replace("NAMES", "early, both")).rgs if one.subject.obsid[0:3] == "076"]
    assert [one.subject.path for one in found] == [
        "0761220101/RGS1/rgs@early",
        "0761220101/RGS1/rgs@both",
        "0761220101/RGS2/rgs@early",
        "0761220101/RGS2/rgs@both",
    ]
    assert [[times.name for times in one.times] for one in found[:2]] == [["early"], ["early", "own", "rest", "both"]]
    assert found[1].times[1].file == tmp_path / "times.gti"
    assert [one.times for one in raw(tmp_path, HEAD + RGS).rgs] == [()] * 8


def test_sums_are_of_one_time_selection(tmp_path: Path) -> None:
    sums = raw(tmp_path, TIMED.replace("NAMES", "early, own") + SUM).rgs_sums
    assert [one.subject.path for one in sums][:2] == ["0761220101/RGS/both@early", "0761220101/RGS/both@own"]
    assert [one.path for one in sums[1].members] == ["0761220101/RGS1/rgs@own", "0761220101/RGS2/rgs@own"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pulse", "and 'pulse' selects phases of barycentred events"),
        ("pulsed", "and 'pulse', which 'pulsed' is made of, selects phases"),
        ("high", "and 'high' selects by the flux of a light curve, and an RGS has none here"),
    ],
)
def test_time_selections_that_it_cannot_be_told(tmp_path: Path, name: str, words: str) -> None:
    (found,) = problems(tmp_path, TIMED.replace("NAMES", name))
    assert (found.code, found.path) == ("XB233", "spectra.rgs.gti[0]")
    assert found.message.startswith("rgsproc makes 'rgs'") and words in found.message and found.hint


def test_both_instruments_have_the_same_times(tmp_path: Path) -> None:
    text = TIMED.replace("NAMES", "own").replace("file: times.gti", "file: '{instrument}.gti'")
    (found,) = problems(tmp_path, text)
    assert (found.code, found.path) == ("XB233", "gtis.own")
    assert "'own' differs between RGS1 and RGS2 of 0761220101" in found.message
    assert codes(tmp_path, text.replace("[RGS1, RGS2]", "RGS1")) == []
