"""Real spectra through the command, against what the missions' own tools and XSPEC's manual give."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from astropy.table import Table

from tests.end_to_end.world import Desk

pytestmark = pytest.mark.real_data
pytest.importorskip("sherpa", reason="a fit needs Sherpa")

CONFIGS = Path(__file__).resolve().parents[2] / "examples" / "configs"
Run = Callable[..., "Result"]


class Result:
    """A run folder with short ways to what is in it."""

    def __init__(self, folder: Path, said: str) -> None:
        self.folder = folder
        self.said = said
        self.page = (folder / "report.html").read_text()

    def fit(self, subject: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.folder / "products" / "fits" / subject / "fit.json").read_text())
        return document

    def grouping(self, subject: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.folder / "products" / subject / "grouping.json").read_text())
        return document

    def table(self, name: str) -> Table:
        return Table.read(self.folder / "products" / "tables" / f"{name}.ecsv", format="ascii.ecsv")

    def steps(self) -> list[dict[str, Any]]:
        steps: list[dict[str, Any]] = json.loads((self.folder / "manifest.json").read_text())["steps"]
        return steps

    def tasks(self) -> list[str]:
        return [step["task"] for step in self.steps()]

    def facts(self, name: str) -> dict[str, Any]:
        return next(step["facts"] for step in self.steps() if step["name"] == name)


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], real_data: Path) -> Run:
    def go(config: str, root: str, *more: str) -> Result:
        desk = Desk(tmp_path, capsys)
        arguments = [CONFIGS / config, "--set", f"data.root={real_data / root}", *more]
        said = desk.xbatch("run", *arguments, "--out", tmp_path / "out" / "run")
        assert said.status == 0, said.all
        return Result(tmp_path / "out" / "run", said.out)

    return go


def test_exosat_gives_what_the_xspec_manual_prints(run: Run) -> None:
    """XSPEC 12.9.1 manual: phabs*powerlaw, 1 sigma errors, 90 % intervals and flux of its first walk-through."""
    result = run("exosat.yaml", "exosat", "--only", "fit:*", "--only", "summary:*")
    fit = result.fit("powerlaw")
    printed = {
        "gal.nH": (0.537846, 0.270409, (0.1076, 1.0072)),
        "pl.PhoIndex": (2.23646, 0.126458, (2.0378, 2.4492)),
        "pl.norm": (1.30320e-2, 2.5617e-3, None),
    }
    parameters = {p["name"]: p for p in fit["parameters"]}
    order = {name: number for number, name in enumerate(fit["free_names"])}
    for name, (value, sigma, interval) in printed.items():
        found = parameters[name]
        assert found["value"] == pytest.approx(value, abs=0.01 * sigma)
        assert fit["covariance"][order[name]][order[name]] ** 0.5 == pytest.approx(sigma, rel=0.02)
        if interval is not None:
            low, high = found["value"] - found["error_minus"], found["value"] + found["error_plus"]
            width = interval[1] - interval[0]
            assert (low, high) == pytest.approx(interval, abs=0.01 * width)
    assert (fit["bins"], fit["dof"]) == (45, 42)
    assert fit["stat_value"] == pytest.approx(43.80, abs=0.01)
    assert fit["flux"][0]["energy_flux"] == pytest.approx(2.2321e-11, rel=1e-3)
    assert result.table("summary")["rate"][0] == pytest.approx(3.783, abs=5e-4)
    facts = result.facts("spectrum:s54405/ME/me")
    assert f"{facts['rate']:.3e} +/- {facts['rate_error']:.3e}" == "3.783e+00 +/- 1.367e-01"
    assert f"{facts['good_rate']:.4f} +/- {facts['good_rate_error']:.4f}" == "3.7589 +/- 0.1315"
    assert (facts["channels"], facts["good_channels"]) == (125, 85)


def test_exosat_with_absorption_fixed(run: Run) -> None:
    """XSPEC 12.9.1 manual: nH fixed at 4 gives Gamma 3.59784 and chi-squared 136.04."""
    held = ("--set", "fit.powerlaw.parameters.gal.nH={value: 4, frozen: true}", "--only", "fit:*")
    fit = run("exosat.yaml", "exosat", *held).fit("powerlaw")
    index = next(p for p in fit["parameters"] if p["name"] == "pl.PhoIndex")
    assert index["value"] == pytest.approx(3.59784, abs=1e-3)
    assert fit["stat_value"] == pytest.approx(136.04, abs=0.01)


def test_three_cameras_keep_their_own_grouping(run: Run) -> None:
    """The grouping of specgroup: 114, 110 and 109 good groups with at least 20 counts."""
    result = run("ngc7793.yaml", "xmm", "--only", "fit:*", "--only", "parameters:*")
    groups, good = {}, {}
    for instrument in ("EPN", "EMOS1", "EMOS2"):
        grouping = result.grouping(f"0693760101/{instrument}/ulx/asis")
        groups[instrument] = grouping["good_groups"]
        assert grouping["min_counts"] >= 20
        good[instrument] = result.facts(f"spectrum:0693760101/{instrument}/ulx")["good_channels"]
    assert groups == {"EPN": 114, "EMOS1": 110, "EMOS2": 109}
    assert good == {"EPN": 2980, "EMOS1": 1976, "EMOS2": 1976}
    fit = result.fit("powerlaw")
    assert [d["instrument"] for d in fit["datasets"]] == ["EPN", "EMOS1", "EMOS2"]
    assert {p["name"] for p in fit["parameters"] if not p["frozen"]} == {
        "cal.factor[EMOS1]",
        "cal.factor[EMOS2]",
        "gal.nH",
        "pl.PhoIndex",
        "pl.norm",
    }


def test_a_poor_fit_and_a_stand_in_matrix_are_said_everywhere(run: Run) -> None:
    result = run("vela-x1.yaml", "nustar")
    assert result.tasks().count("spectrum") == 2
    fit = result.fit("cutoff/binning=min30")
    assert fit["reduced"] > 100 and not fit["good_fit"]
    assert all(p["error_plus"] is None for p in fit["parameters"])
    table = result.table("parameters")
    free = table[table["state"] == "free"]
    assert all("reduced chi-squared" in note and "stand-in matrix" in note for note in free["note"])
    assert "stand-in matrix of 2012" in result.page
    assert "reduced chi-squared" in result.page
    assert "stand-in matrix of 2012" in result.said


def test_a_sweep_of_three_binnings_reads_once(run: Run) -> None:
    result = run("vela-x1-sweep.yaml", "nustar", "--only", "parameters:*")
    tasks = result.tasks()
    assert [tasks.count(t) for t in ("spectrum", "group", "fit", "parameters")] == [2, 6, 3, 1]
    table = result.table("parameters")
    per_member = {tuple(row) for row in table["binning.bins.counts", "bins"]}
    assert len(per_member) == 3
    assert len({bins for _, bins in per_member}) == 3
