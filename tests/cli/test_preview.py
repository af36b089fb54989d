"""``xbatch preview``: pictures of regions before anything is extracted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.ogip.eventfiles import nustar_file
from xbatch.base.errors import UsageError
from xbatch.cli.main import main
from xbatch.cli.preview import previews
from xbatch.plan.steps import Plan, Step

OBSIDS = ("99900000001", "99900000002")
SPEC = """\
xbatch: 1
name: desk
mission: nustar
obsids: ["99900000001", "99900000002"]
instruments: [FPMA]
data: {root: data, level: events, events: {file: "{obsid}.evt"}}
regions:
  src: {shape: circle, center: [321.938 deg, 56.944 deg], frame: fk5, radius: 60 arcsec}
  bkg: {shape: annulus, center: src, inner: 120 arcsec, outer: 300 arcsec}
spectra:
  agn: {region: src, background: bkg}
"""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a spec and two event lists, and the place where the command is given."""
    (tmp_path / "data").mkdir()
    for number, obsid in enumerate(OBSIDS):
        file = nustar_file(2000)
        file.cards["OBS_ID"] = obsid
        rng = np.random.default_rng(number)
        for axis in "XY":
            file.columns[axis][::2] = rng.normal(500, 15, 1000).round().astype(np.int16)
        file.write(tmp_path / "data" / f"{obsid}.evt")
    (tmp_path / "desk.yaml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def xbatch(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


def outcomes(folder: Path) -> dict[str, str]:
    manifest = json.loads((folder / "out" / "desk" / "manifest.json").read_text())
    return {step["name"]: step["outcome"] for step in manifest["steps"]}


def test_only_what_the_pictures_need_is_done(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert xbatch("preview", "desk.yaml") == 0
    said = capsys.readouterr().out
    done = {name for name, outcome in outcomes(desk).items() if outcome == "done"}
    assert done == {f"{task}:{obsid}/FPMA" for task in ("events", "preview") for obsid in OBSIDS}
    for obsid in OBSIDS:
        picture = desk / "out" / "desk" / "products" / obsid / "FPMA" / "preview" / "regions.png"
        assert picture.is_file() and f"\n{picture}\n" in said
    facts = json.loads(picture.with_name("regions.json").read_text())["regions"]
    for name, role in (("src", "source of agn"), ("bkg", "background of agn")):
        line = [line for line in said.splitlines() if line.strip().startswith(name)][-1]
        assert all(word in line for word in (role, str(facts[name]["counts"]), str(facts[name]["pixels"])))
    assert "4 steps: 4 done" in said
    assert "Regions" in (desk / "out" / "desk" / "report.html").read_text(encoding="utf-8")


def test_a_run_takes_what_a_preview_has_made(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert xbatch("preview", "desk.yaml") == 0
    assert xbatch("run", "desk.yaml") == 0
    found = outcomes(desk)
    assert {found[f"{task}:{obsid}/FPMA"] for task in ("events", "preview") for obsid in OBSIDS} == {"up to date"}
    assert found[f"extract:{OBSIDS[0]}/FPMA"] == "done"
    capsys.readouterr()
    assert xbatch("preview", "desk.yaml", "--quiet") == 0
    said = capsys.readouterr().out.splitlines()
    assert [Path(line).name for line in said] == ["regions.png", "regions.png"]


def test_one_observation(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert xbatch("preview", "desk.yaml", "--obsid", OBSIDS[1]) == 0
    assert outcomes(desk)[f"preview:{OBSIDS[0]}/FPMA"] == "not selected"
    assert OBSIDS[0] not in capsys.readouterr().out


def test_an_observation_that_is_not_there(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert xbatch("preview", "desk.yaml", "--obsid", "1") == 2
    assert f"the spec has no such observation; it has {', '.join(OBSIDS)}" in capsys.readouterr().err
    assert not (desk / "out").exists()


def test_a_spec_that_starts_at_spectra() -> None:
    with pytest.raises(UsageError, match="the spec has no event lists"):
        previews(Plan("desk", (Step("spectrum:1/FPMA/src", "spectrum", "1/FPMA/src"),)), [])


def test_a_region_without_area_fails_and_is_named(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (desk / "desk.yaml").write_text(SPEC.replace("321.938 deg", "300 deg"))
    assert xbatch("preview", "desk.yaml") == 1
    said = capsys.readouterr()
    assert "selects no pixel of the field" in said.out and "'src'" in said.out
