from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.tasks.fit_bench import Bench, params
from tests.tasks.test_handover import hand_over, joint, put_two
from xbatch.base.errors import FileError, UsageError
from xbatch.cli.importing import command
from xbatch.spec.load import load


@pytest.mark.parametrize(("statistic", "mode"), [("wstat", "profiled"), ("chi2", "subtract"), ("cstat", "ignore")])
def test_a_fit_that_is_handed_over_comes_back(tmp_path: Path, statistic: str, mode: str) -> None:
    bench = Bench(tmp_path)
    put_two(bench)
    folder, _ = hand_over(bench, joint(statistic=statistic, background=mode))
    out = tmp_path / "back.yaml"
    answer = CliRunner().invoke(command, [str(folder / "fit.xcm"), "--name", "back", "-o", str(out)])
    assert answer.exit_code == 0, answer.output
    fit = load(out).members[0].spec.fits[0]
    assert (fit.statistic, fit.background) == (statistic, "none" if mode == "ignore" else mode)
    record = json.loads((tmp_path / "out" / "fit.json").read_text())
    kept = {}
    for number, one in enumerate(record["datasets"]):
        bad = load(out).members[0].spec.binnings[fit.datasets[number].binning].params["bad"]
        kept[number] = (bad[0][1] + 1, bad[-1][0] - 1)
        assert kept[number] == (one["first"]["channels"][0], one["last"]["channels"][1])
    theirs = {
        (one["component"], one["parameter"], n): one["value"] for one in record["parameters"] for n in one["datasets"]
    }
    names = {"constant": "cal", "powerlaw1": "pl-a", "powerlaw2": "ui"}
    for one in fit.parameters:
        for number in one.datasets:
            assert one.value == pytest.approx(theirs[names[one.component], one.parameter, number], rel=1e-14)
    free = [one.name for one in fit.parameters if not one.frozen and not one.link]
    assert len(free) == record["free"]


def test_a_spec_goes_to_the_screen_or_to_a_new_file(tmp_path: Path) -> None:
    folder, _ = hand_over(Bench(tmp_path), params())
    file = str(folder / "fit.xcm")
    runner = CliRunner()
    assert "name: fit" in runner.invoke(command, [file]).output
    out = tmp_path / "fit.yaml"
    assert "next: xbatch validate" in runner.invoke(command, [file, "-o", str(out)]).output
    assert isinstance(runner.invoke(command, [file, "-o", str(out)]).exception, UsageError)
    assert runner.invoke(command, [file, "-o", str(out), "--overwrite"]).exit_code == 0


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.xcm"
    path.write_bytes(b"\xff\xfe\x00")
    assert isinstance(CliRunner().invoke(command, [str(path)]).exception, FileError)
