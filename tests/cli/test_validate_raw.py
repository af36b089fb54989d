"""``xbatch validate`` of a spec that starts from raw observations."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from xbatch.cli.main import cli

JOINT = Path(__file__).parents[1] / "spec" / "joint_raw.yaml"


def test_a_joint_study_is_valid_without_data_and_tools() -> None:
    done = CliRunner().invoke(cli, ["validate", str(JOINT)])
    assert done.exit_code == 0, done.output
    assert "10 raw observations, 11 event lists, 47 spectra, 10 sums, 9 searches for pile-up" in done.output


def test_resolved_it_shows_what_was_not_said() -> None:
    done = CliRunner().invoke(cli, ["validate", str(JOINT), "--resolved"])
    assert done.exit_code == 0, done.output
    for line in ('analysis_date: "2026-01-01"', "tasks: proc", "pointing: object", "n_sigma: 3", "engine: auto"):
        assert line in done.output
