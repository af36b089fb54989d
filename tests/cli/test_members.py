"""How many members a sweep has, said before it is run, and asked where they are many."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tests.plan.worlds import observation
from tests.spec.specs import HEAD, fit
from xbatch.base.errors import SpecError
from xbatch.cli.options import read_spec
from xbatch.cli.plan import command as plan
from xbatch.cli.validate import command as validate

SPEC = (
    HEAD.replace("90402339002", '"01"')
    + 'spectra: {src: {file: "{obsid}{module}_sr.pha"}}\nbinning: {min30: {type: min, counts: 30}}\n'
    + fit()
)
SWEEP = "sweep: {grid: {binning.min30.counts: [20, 30, 40], fit.one.optimiser: [levmar, neldermead]}}\n"
MANY = f"sweep: {{grid: {{binning.min30.counts: {list(range(1, 1002))}}}}}\n"


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "s.yaml"
    path.write_text(SPEC + SWEEP)
    return path


def test_members_and_distinct_steps_are_counted(spec: Path) -> None:
    said = CliRunner().invoke(validate, [str(spec)]).output
    assert said.endswith("valid (2 spectra, 1 fit, 6 members; their steps can be counted where the files are)\n")
    for module in "AB":
        observation(spec.parent, module)
    # 2 spectra, 2 responses, 2 x 3 groupings, 6 fits with a plot and scripts each, 2 tables
    assert "6 members, 30 distinct steps)" in CliRunner().invoke(validate, [str(spec)]).output
    answer = json.loads(CliRunner().invoke(validate, [str(spec), "--format", "json"]).output)
    assert (answer["members"], answer["steps"]) == (6, 30)
    arguments = [str(spec), "--out", str(spec.parent / "out")]
    assert "\n6 members, 30 distinct steps: 2 to run, 28 waiting" in CliRunner().invoke(plan, arguments).output
    assert json.loads(CliRunner().invoke(plan, [*arguments, "--json"]).output)["members"] == 6


def test_without_a_sweep_steps_are_counted_by_the_plan_alone(spec: Path) -> None:
    spec.write_text(SPEC)
    assert CliRunner().invoke(validate, [str(spec)]).output.endswith("valid (2 spectra, 1 fit)\n")
    answer = json.loads(CliRunner().invoke(validate, [str(spec), "--format", "json"]).output)
    assert (answer["members"], answer["steps"]) == (1, None)


def test_more_than_the_limit_want_a_number(spec: Path) -> None:
    spec.write_text(SPEC + MANY)
    refused = CliRunner().invoke(validate, [str(spec)])
    assert refused.exit_code == 2
    assert "XB132 the sweep has 1001 members, more than 1000" in refused.output
    assert "--members 1001" in refused.output and "'limit: 1001'" in refused.output
    assert CliRunner().invoke(validate, [str(spec), "--members", "1000"]).exit_code == 2
    assert "1001 members" in CliRunner().invoke(validate, [str(spec), "--members", "1001"]).output


@pytest.mark.parametrize("answer", [True, False])
def test_on_a_terminal_it_is_asked(spec: Path, monkeypatch: pytest.MonkeyPatch, answer: bool) -> None:
    spec.write_text(SPEC + MANY)
    asked: list[str] = []

    def confirm(text: str, err: bool) -> bool:
        asked.append(text)
        return answer

    monkeypatch.setattr(click, "confirm", confirm)
    with pytest.raises(SpecError):
        read_spec(spec, ())
    assert not asked
    for stream in ("stdin", "stderr"):
        monkeypatch.setattr(f"sys.{stream}.isatty", lambda: True)
    if answer:
        assert len(read_spec(spec, ()).members) == 1001
    else:
        with pytest.raises(SpecError):
            read_spec(spec, ())
    assert asked == ["The sweep has 1001 members. Do you want them all?"]
