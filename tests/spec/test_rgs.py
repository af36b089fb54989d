"""Spectra of the RGS: orders, selection in fits, sums of RGS1 and RGS2."""

from __future__ import annotations

from pathlib import Path

from tests.spec.specs import RAW, RAW_XMM, fit, jobs, raw, read

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
