from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.plan.eventworlds import OBSID
from tests.plan.test_eventstarter import tree
from xbatch.base.errors import SpecError
from xbatch.cli import plan
from xbatch.cli.validate import command as validate

SPEC = f"""
xbatch: 1
name: e
mission: nustar
obsids: ["{OBSID}"]
instruments: [FPMA]
data: {{level: events}}
regions:
  src: {{shape: circle, frame: fk5, center: [10, -20.5], radius: 60 arcsec}}
spectra:
  agn: {{region: src}}
bands:
  b9: {{scheme: equal-counts, range: 3-10 keV, n: 9, of: {{spectrum: agn}}}}
lightcurves:
  all: {{spectrum: agn, dt: 100 s, bands: [b9]}}
binning:
  min25: {{type: min, counts: 25}}
"""
FIT = """
fit:
  pl:
    data: [{spectra: agn, binning: min25, band: 3-10 keV}]
    background: {mode: none}
    statistic: cstat
    abundances: wilm
    cross_sections: vern
    model: powerlaw.pl
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    tree(tmp_path, modules="A")
    path = tmp_path / "e.yaml"
    path.write_text(SPEC)
    return path


def test_a_plan_says_what_data_will_decide(spec: Path) -> None:
    arguments = [str(spec), "--out", str(spec.parent / "out")]
    text = CliRunner().invoke(plan.command, arguments).output
    lines = text.splitlines()
    curve = next(number for number, line in enumerate(lines) if line.startswith("lightcurve:"))
    assert lines[curve].endswith(f"waits for bands:b9, events:{OBSID}/FPMA")
    assert lines[curve + 1].strip() == "at most 9 bands: edges known after bands:b9"
    answer = json.loads(CliRunner().invoke(plan.command, [*arguments, "--json"]).output)
    (made,) = (step for step in answer["steps"] if step["task"] == "lightcurve")
    assert made["details"] == ["at most 9 bands: edges known after bands:b9"]


def test_large_files_are_left_to_the_run(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "_MOST_READ", 100)
    answer = CliRunner().invoke(plan.command, [str(spec), "--out", str(spec.parent / "out")])
    assert answer.exit_code == 0
    assert "file not read yet" in answer.output or "files not read yet" in answer.output
    assert answer.output.splitlines()[-1].endswith("waiting")


def test_facts_of_other_tasks_are_not_taken_for_those_of_a_fit(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "_facts", lambda verdicts, store: {step: {"kept": 3} for step in verdicts})
    answer = CliRunner().invoke(plan.command, [str(spec), "--out", str(spec.parent / "out")])
    assert answer.exception is None


def test_validate_counts_what_is_asked_for_and_refuses_a_fit_without_a_response(spec: Path) -> None:
    assert "valid (1 event list, 1 spectrum, 1 set of light curves)" in CliRunner().invoke(validate, [str(spec)]).output
    spec.write_text(SPEC + FIT)
    answer = CliRunner().invoke(validate, [str(spec)])
    assert answer.exit_code == SpecError.exit_status
    assert "XB403 fit 'pl' needs a response" in answer.output + answer.stderr
