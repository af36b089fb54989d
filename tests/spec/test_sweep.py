"""Sweeps over combinations."""

from __future__ import annotations

from pathlib import Path

from tests.spec.specs import BASE, fit, problems, read


def test_members_are_all_combinations(tmp_path: Path) -> None:
    grid = '{binning.min30.counts: [20, 30], "fit.one.data[0].band": [3-79 keV, 3-50 keV]}'
    analysis = read(tmp_path, BASE + fit() + f"sweep: {{grid: {grid}}}\n")
    assert [member.name for member in analysis.members] == [
        "counts=20,band=3-79keV",
        "counts=20,band=3-50keV",
        "counts=30,band=3-79keV",
        "counts=30,band=3-50keV",
    ]
    last = analysis.members[-1]
    assert last.values == {"binning.min30.counts": 30, "fit.one.data[0].band": "3-50 keV"}
    assert last.spec.binnings["min30"].params["counts"] == 30.0
    assert last.spec.fits[0].datasets[0].band.hi == 50.0
    assert "sweep" in analysis.document


def test_without_a_sweep_there_is_one_member_without_a_name(tmp_path: Path) -> None:
    (member,) = read(tmp_path, BASE).members
    assert (member.name, dict(member.values)) == ("", {})


def test_swept_obsids_stay_text(tmp_path: Path) -> None:
    analysis = read(tmp_path, BASE + "sweep: {grid: {obsids: [[0201430201], [90402339002]]}}\n")
    assert [member.values["obsids"] for member in analysis.members] == [["0201430201"], ["90402339002"]]
    assert [member.name for member in analysis.members] == ["obsids=0201430201", "obsids=90402339002"]


def test_a_value_missing_in_the_file_may_come_from_the_sweep(tmp_path: Path) -> None:
    text = BASE.replace(", counts: 30", "") + "sweep: {grid: {binning.min30.counts: [1, 2]}}\n"
    assert len(read(tmp_path, text).members) == 2


def test_problems_of_members_are_told_once_and_at_the_value(tmp_path: Path) -> None:
    text = BASE + fit() + "sweep: {grid: {binning.min30.counts: [1, 0], fit.one.model: [powerlaw.pl, powrlaw.pl]}}\n"
    found = problems(tmp_path, text)
    assert [problem.code for problem in found] == ["XB205", "XB302"]
    line = text.splitlines()[found[0].place.line - 1]
    assert line[found[0].place.column - 1] == "0"
    assert line[found[1].place.column - 1 :].startswith("powrlaw.pl")


def test_a_map_as_a_value_is_laid_over(tmp_path: Path) -> None:
    text = BASE + "sweep: {grid: {binning.min30: [{counts: 5}, {type: snmin, snr: 3}]}}\n"
    first, second = (member.spec.binnings["min30"].params for member in read(tmp_path, text).members)
    assert first == {"type": "min", "counts": 5.0}
    assert second == {"type": "snmin", "snr": 3.0, "background": True}
