"""Spectra of the RGS from raw data by a fake SAS, with flares: what a screening cuts of them, what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from astropy.io import fits

from tests.end_to_end.world import Desk
from tests.fakes.core import calls
from tests.fakes.sas import make_sas
from tests.fakes.sas.raw import RawExposure, make_xmm_raw
from xbatch.base.files import safe_name
from xbatch.ogip.pha import read_pha

OBSID = "0761220101"
SPEC = """\
xbatch: 1
name: desk
mission: xmm
obsids: ["0761220101"]
instruments: [RGS1, RGS2]
data: {root: data, level: raw, fetch: never}
spectra: {rgs: {region: pipeline, where: {instrument: [RGS1, RGS2]}}}
combine: {rgs12: {of: rgs, over: instrument, method: rgscombine}}
"""
CUT = 'screening: {default: {for: [{where: {instrument: [RGS1, RGS2]}, flare: {rate: "< LIMIT ct/s"}}]}}\n'


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    for name, value in make_sas(tmp_path / "sas").items():
        monkeypatch.setenv(name, value)
    make_xmm_raw(tmp_path / "data", OBSID, 1, ("RGS1", "RGS2"), seconds=3000.0, grating_flares=((800.0, 1400.0),))
    desk = Desk(tmp_path, capsys)
    desk.write(SPEC)
    return desk


def exposures(study: Desk) -> list[float]:
    paths = ("RGS1/rgs", "RGS2/rgs", "RGS/rgs12")
    products = study.run_dir / "products" / OBSID
    return [read_pha(products / path / "spectrum.pha").exposure for path in paths]


def test_flares_are_cut_and_nothing_else_is_done_anew(study: Desk) -> None:
    said = study.run("--jobs", 2)
    assert said.status == 0, said.all
    assert exposures(study) == [3000.0, 3000.0, 6000.0]
    sas = study.folder / "sas" / "sas"
    study.write(SPEC + CUT.replace("LIMIT", "0.5"))
    said = study.run("--jobs", 2)
    assert said.status == 0, said.all
    first, second, both = exposures(study)
    # bins begin at the first event that evselect counts: those at the edges of a flare may be whole or cut
    assert first == second == pytest.approx(2400.0, abs=160.0) and both == pytest.approx(2 * first)
    assert len(calls(sas, "cifbuild")) == len(calls(sas, "odfingest")) == 1 and len(calls(sas, "rgsproc")) == 3
    page = (study.run_dir / "report.html").read_text()
    assert "Flares in RGS1" in page and " s kept" in page
    assert f"RGS1: {first:.6g} of 3000 s are free of flares" in page
    # the spectra that have all times are still known
    study.write(SPEC)
    assert study.run().status == 0 and len(calls(sas, "rgsproc")) == 3
    assert exposures(study) == [3000.0, 3000.0, 6000.0]
    assert study.leftovers() == []


def test_the_script_does_the_same(study: Desk) -> None:
    study.write(SPEC + CUT.replace("LIMIT", "0.5"))
    assert study.run("--jobs", 2).status == 0
    work = study.folder / "by-hand"
    done = study.by_hand(work)
    assert done.returncode == 0, done.stderr[-2000:]
    made = read_pha(work / "products" / safe_name(f"rgscombine:{OBSID}/rgs12") / "source.pha")
    ours = read_pha(study.run_dir / "products" / OBSID / "RGS" / "rgs12" / "spectrum.pha")
    assert made.exposure == ours.exposure == pytest.approx(4800.0, abs=320.0) and (made.counts == ours.counts).all()


def test_a_cut_that_leaves_nothing_is_told_once(study: Desk) -> None:
    study.write(SPEC + CUT.replace("LIMIT", "0"))
    said = study.run("--jobs", 2)
    assert said.status != 0
    outcomes = study.outcomes()
    assert [name for name, outcome in outcomes.items() if outcome == "failed"] == [f"rgsproc:{OBSID}"]
    assert "RGS1 has no good time with a rate < 0 counts/s: its 30 bins of 100 s have" in said.all
    assert "Choose a higher rate, or leave the observation out" in said.all
    assert study.leftovers() == []


def test_a_time_selection_and_flares_cut_the_spectra(study: Desk) -> None:
    start = float(fits.getheader(next((study.folder / "data").glob("**/*R1S*SPE.FIT")))["TSTART"])
    spans = ((start + 500, start + 1000), (start + 2000, start + 2600))
    listed = ", ".join(f"[{low:.3f} s, {high:.3f} s]" for low, high in spans)
    timed = SPEC.replace("region: pipeline,", "region: pipeline, gti: [chosen, rest],")
    timed += f"gtis: {{chosen: {{time: [{listed}]}}, rest: {{not: chosen}}}}\n"
    study.write(timed + CUT.replace("LIMIT", "0.5"))
    said = study.run("--jobs", 2)
    assert said.status == 0, said.all
    products = study.run_dir / "products" / OBSID

    def exposure(path: str) -> float:
        return read_pha(products / path / "spectrum.pha").exposure

    # 200 s of the first span are flares, and all of what is left of these is in the rest
    chosen, rest = (exposure(f"RGS1/rgs@{name}") for name in ("chosen", "rest"))
    assert chosen == exposure("RGS2/rgs@chosen") == pytest.approx(900.0, abs=100.0)
    assert rest == pytest.approx(1500.0, abs=160.0)
    assert exposure("RGS/rgs12@rest") == pytest.approx(2 * rest)
    page = (study.run_dir / "report.html").read_text()
    assert f"RGS1: {chosen:.6g} of 3000 s are in the time selection chosen, free of flares" in page
    # the selection is in the key: other times are made anew, and nothing else
    sas = study.folder / "sas" / "sas"
    before = len(calls(sas, "rgsproc"))
    study.write(timed.replace(f"{spans[1][1]:.3f}", f"{spans[1][1] - 100:.3f}") + CUT.replace("LIMIT", "0.5"))
    assert study.run("--jobs", 2).status == 0
    assert exposure("RGS1/rgs@chosen") == pytest.approx(chosen - 100.0, abs=0.01)
    assert len(calls(sas, "rgsproc")) == before + 4 and len(calls(sas, "cifbuild")) == 1
    assert study.leftovers() == []


def test_an_instrument_in_another_mode_is_told_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in make_sas(tmp_path / "sas").items():
        monkeypatch.setenv(name, value)
    fast = {
        "RGS1": (RawExposure("S004", mode="HIGH TIME RESOLUTION"),),
        "EPN": (RawExposure("S003", mode="BURST"),),
    }
    cameras = ("EPN", "RGS1", "RGS2")
    make_xmm_raw(tmp_path / "data", OBSID, 1, cameras, seconds=300.0, events=300.0, exposures=fast)
    desk = Desk(tmp_path, capsys)
    desk.write(SPEC)
    said = desk.xbatch("plan", desk.folder / "desk.yaml", "--out", desk.run_dir)
    assert f"RGS1 of {OBSID} has observed in high time resolution mode alone" in said.all
    assert "spectroscopy is asked for" in said.all and f"leave RGS1 of {OBSID} out" in said.all
    # lists alone are asked for: those of burst mode cannot be had
    lists = SPEC[: SPEC.index("spectra:")].replace("[RGS1, RGS2]", "[EPN]")
    desk.write(lists.replace("fetch: never", "fetch: never, pipeline: {mode: timing}"))
    said = desk.run("--jobs", 2)
    assert said.status != 0
    assert (
        f"EPN of {OBSID} has observed in burst mode alone (2345_{OBSID}_PNS00304BUE.FIT), and timing is asked for"
        in (said.all)
    )
    assert calls(tmp_path / "sas" / "sas", "epproc") == []
