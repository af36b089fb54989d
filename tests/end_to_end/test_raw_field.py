"""From raw data of XMM-Newton to sources in a field and to spectra of the RGS, by a fake SAS."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from astropy.table import Table

from tests.end_to_end.world import Desk
from tests.fakes.core import calls
from tests.fakes.sas import make_sas
from tests.fakes.sas.raw import copy_observation, make_xmm_raw
from xbatch.simulator.config import Sky

EXAMPLE = Path(__file__).parents[2] / "examples" / "configs" / "xmm-python.yaml"
FIELD = "0123700101"
FIRST, SECOND, WITHOUT = "0201830201", "0554170101", "0761220101"
TARGET = (213.3120833, -3.2075833)
RGS = f"""\
xbatch: 1
name: desk
mission: xmm
obsids: ["{FIRST}", "{SECOND}", "{WITHOUT}"]
instruments: [RGS1, RGS2]
data: {{root: data, level: raw, fetch: never}}
spectra: {{rgs: {{region: pipeline, orders: [1, 2]}}}}
combine: {{rgs12: {{of: rgs, over: instrument, method: rgscombine}}}}
binning: {{min20: {{type: min, counts: 20}}}}
fit:
  sum:
    data: [{{spectra: rgs12, binning: min20, band: 0.5-1.8 keV}}]
    group_by: [obsid]
    background: {{mode: subtract}}
    statistic: chi2
    variance: data
    model: powerlaw.pl
    errors: {{parameters: free, method: covariance}}
"""
INDEX = 1.8


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    for name, value in make_sas(tmp_path / "sas").items():
        monkeypatch.setenv(name, value)
    return Desk(tmp_path, capsys)


def sas(desk: Desk) -> Path:
    return desk.folder / "sas" / "sas"


def test_sources_of_a_field(desk: Desk) -> None:
    sky = Sky(*TARGET, offset=(0.0, 0.0))
    make_xmm_raw(desk.data, FIELD, 1, ("EPN", "EMOS1", "EMOS2"), seconds=4000.0, events=8000.0, sky=sky)
    text = EXAMPLE.read_text().replace("fetch: missing", "fetch: never").replace("../../data", "data")
    desk.write(text)
    said = desk.run("--jobs", 2)
    assert said.status == 0, said.all
    assert set(desk.outcomes().values()) == {"done"}
    products = desk.run_dir / "products" / FIELD
    for folder, cameras in (("EPN", ()), ("EMOS1", ()), ("EMOS2", ()), (".", ("EPN", "EMOS1", "EMOS2"))):
        place = products / folder / "detect-field"
        sources = Table.read(place / "sources.ecsv")
        assert (sources["ra"][0], sources["dec"][0]) == pytest.approx(TARGET, abs=2e-3)
        assert [name for name in sources.colnames if name.startswith("rate_E")] == [f"rate_{one}" for one in cameras]
        assert (place / "sources.reg").read_text().count("circle(") == len(sources)
        assert (place / "sources.png").exists() and (place / "sources.fits").exists()
        for camera in cameras or (folder,):
            assert (place / f"sensitivity-{camera}-b5.img").exists()
            assert (place / f"background-{camera}-b1.img").exists()
    assert (products / "detect-field" / "mosaic" / "mosaic.img").exists()
    # what was cut as flares is drawn, and shown on the page
    assert (products / "EPN" / "sas" / "filtered" / "flare.png").exists()
    filtered = next(one for one in desk.manifest()["steps"] if one["name"] == f"epicfilter:{FIELD}/EPN")
    assert 30 < filtered["facts"]["bins_kept"] < filtered["facts"]["bins"]
    assert "High-energy light curve of" in (desk.run_dir / "report.html").read_text()
    chains = [dict(word.split("=", 1) for word in call["args"]) for call in calls(sas(desk), "edetect_chain")]
    assert sorted(len(one["imagesets"].split()) for one in chains) == [5, 5, 5, 15]
    assert len(calls(sas(desk), "evselect")) == 3 * (2 + 6)
    # another likelihood is another search in the same images; the joint one can do with the exposure maps of the others
    before = len(calls(sas(desk), "evselect"))
    desk.write(text.replace("likelihood: 10", "likelihood: 12\n    exposure_maps: false"))
    assert desk.run().status == 0
    chains = calls(sas(desk), "edetect_chain")
    assert len(calls(sas(desk), "evselect")) == before and len(chains) == 8
    assert [one["args"][-1] for one in chains[4:]] == ["witheexpmap=yes"] * 3 + ["witheexpmap=no"]
    assert desk.leftovers() == []


def test_an_observation_without_one_rgs_leaves_the_others(desk: Desk) -> None:
    pytest.importorskip("sherpa", reason="a fit needs Sherpa")
    whole = make_xmm_raw(desk.data, FIRST, 3, ("RGS1", "RGS2"), seconds=20_000.0)
    copy_observation(whole, desk.data, SECOND)
    copy_observation(whole, desk.data, WITHOUT)
    for path in (desk.data / WITHOUT / "ODF").glob("*_R2S*"):
        path.unlink()
    desk.write(RGS)
    said = desk.run("--jobs", 2)
    assert said.status != 0
    assert "rgsproc has made no spectrum of RGS2" in said.all and f"Leave RGS2 of {WITHOUT} out" in said.all
    outcomes = desk.outcomes()
    assert outcomes[f"rgsproc:{WITHOUT}"] == "failed"
    assert {outcomes[name] for name in outcomes if name.startswith("fit:") and WITHOUT in name} == {"skipped"}
    for obsid in (FIRST, SECOND):
        assert outcomes[f"fit:sum/{obsid}"] == "done"
        found = {one["name"]: one for one in desk.fit(f"sum/{obsid}")["parameters"]}
        index = found["pl.PhoIndex"]
        assert abs(index["value"] - INDEX) < 4 * index["error_plus"]
    # both orders of both instruments; orders are summed apart
    sums = [dict(word.split("=", 1) for word in call["args"]) for call in calls(sas(desk), "rgscombine")]
    assert sorted(one["pha"] for one in sums) == sorted(
        2 * [f"RGS1_o{order}.src.pha RGS2_o{order}.src.pha" for order in (1, 2)]
    )
    page = (desk.run_dir / "report.html").read_text()
    assert "rgsproc has made no spectrum of RGS2" in page
    summary = json.loads((desk.run_dir / "products" / FIRST / "sas" / "rgs" / "rgsproc.json").read_text())
    assert set(summary["taken"]) == {"RGS1", "RGS2"}
