"""Chains of SAS whose parts fail, from raw data by a fake SAS: a failure with a way out, or notes on the page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.end_to_end.world import Desk
from tests.fakes import make_sas
from tests.fakes.core import calls, set_faults
from tests.fakes.sas.raw import make_xmm_raw
from xbatch.simulator.config import Sky

OBSID = "0761220101"
SPEC = """\
xbatch: 1
name: desk
mission: xmm
obsids: ["0761220101"]
instruments: [EPN, EMOS1, RGS1, RGS2]
target: {name: NGC 5506, position: ["14:13:14.9", "-03:12:27.3"], frame: fk5}
data:
  root: data
  level: raw
  fetch: never
  pipeline: {tasks: TASKS}
regions: {src: {shape: circle, center: target, radius: 50 arcsec}}
spectra:
  agn: {region: src, where: {instrument: [EPN, EMOS1]}, response: none}
  rgs: {region: pipeline, where: {instrument: [RGS1, RGS2]}}
"""
#: As told of the parts of a chain by name: one CCD of pn is lost with it.
BADPIX = {"kind": "part-error", "part": "badpixfind", "message": "(noFile), CCD 10 is not there", "ccd": 10}
NOISE = {"kind": "part-error", "part": "emtaglenoise", "message": "(IllegalIdentifier), No match"}
GRATING = {"kind": "part-error", "part": "rgsframes", "message": "(noHousekeeping), none"}


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    sky = Sky(ra=213.3120833, dec=-3.2075833, offset=(0.0, 0.0))
    make_xmm_raw(folder, OBSID, 1, ("EPN", "EMOS1", "RGS1", "RGS2"), seconds=2000.0, events=4000.0, sky=sky)
    return folder


@pytest.fixture
def desk(tmp_path: Path, raw: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    for name, value in make_sas(tmp_path / "sas").items():
        monkeypatch.setenv(name, value)
    (tmp_path / "data").symlink_to(raw)
    return Desk(tmp_path, capsys)


def sas(desk: Desk) -> Path:
    return desk.folder / "sas" / "sas"


def step(desk: Desk, name: str) -> dict[str, object]:
    return next(one for one in desk.manifest()["steps"] if one["name"] == name)


@pytest.mark.parametrize(("tasks", "pn", "mos"), [("chain", "epchain", "emchain"), ("proc", "epproc", "emproc")])
def test_parts_fail_and_their_errors_are_made_notes(desk: Desk, tasks: str, pn: str, mos: str) -> None:
    spec = SPEC.replace("TASKS", tasks)
    set_faults(sas(desk), {pn: BADPIX, mos: NOISE, "rgsproc": GRATING})
    desk.write(spec)
    said = desk.run("--jobs", 2)
    assert said.status != 0
    text = " ".join(said.all.split())
    assert "** emtaglenoise: error (IllegalIdentifier), No match" in text
    assert "A part of the chain failed" in text and "write data.pipeline.part_errors: note" in text
    failed = {f"epicevents:{OBSID}/EPN", f"epicevents:{OBSID}/EMOS1", f"rgsproc:{OBSID}"}
    outcomes = desk.outcomes()
    assert {name for name, outcome in outcomes.items() if outcome == "failed"} == failed
    keys = {name: step(desk, name)["key"] for name in outcomes}

    # the list of one camera is good nevertheless, the other's is not
    camera = "for: [{where: {instrument: EMOS1}, part_errors: note}]"
    desk.write(spec.replace(f"tasks: {tasks}", f"tasks: {tasks}, {camera}"))
    assert desk.run("--jobs", 2).status != 0
    assert {name for name, outcome in desk.outcomes().items() if outcome == "failed"} == failed - {
        f"epicevents:{OBSID}/EMOS1"
    }
    assert step(desk, f"epicevents:{OBSID}/EPN")["key"] == keys[f"epicevents:{OBSID}/EPN"]

    before = len(calls(sas(desk), mos))
    desk.write(spec.replace(f"tasks: {tasks}", f"tasks: {tasks}, part_errors: note"))
    planned = desk.xbatch("plan", desk.folder / "desk.yaml", "--out", desk.run_dir)
    assert "become notes (data.pipeline.part_errors), where there are products (3 steps)" in planned.out
    said = desk.run("--jobs", 2)
    assert said.status == 0, said.all
    assert len(calls(sas(desk), mos)) == before
    notes = step(desk, f"epicevents:{OBSID}/EPN")["notes"]
    assert isinstance(notes, list)
    assert notes[0].startswith(f"{pn} went on after errors of its parts (2 lines), and may lack a CCD or an exposure: ")
    assert notes[1].startswith("EPN has no events of CCD 10") and "of 12 (" in notes[1]
    page = (desk.run_dir / "report.html").read_text()
    first = page[page.index("Read this first</h2>") :]
    for told in (f"{pn} went on", f"{mos} went on", "rgsproc went on", "No match", "EPN has no events of CCD 10"):
        assert told in first, told
    kept = json.loads((desk.run_dir / "products" / OBSID / "EPN" / "sas" / "events" / "epicevents.json").read_text())
    assert 10 not in kept["ccds"] and {1, 12} <= {*kept["ccds"]}
    assert desk.leftovers() == []


@pytest.mark.parametrize("kind", ["partial", "full-disk"])
def test_what_is_no_error_of_a_part_fails_all_the_same(desk: Desk, kind: str) -> None:
    set_faults(sas(desk), {"epchain": {"kind": kind}})
    desk.write(SPEC.replace("TASKS", "chain, part_errors: note"))
    assert desk.run("--only", "epicevents:*/EPN").status != 0
    assert desk.outcomes()[f"epicevents:{OBSID}/EPN"] == "failed"
