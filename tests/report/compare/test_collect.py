from __future__ import annotations

import fcntl
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.provenance.runs import Fit, make_run
from tests.tasks.fits import dataset, fit_record, parameter
from xbatch.base.errors import FileError, UsageError
from xbatch.report.compare import collect
from xbatch.report.compare.data import shown_names

AXIS = "binning.bins.counts"


def member(counts: int, index: float = 1.9, **changes: Any) -> Fit:
    changes = {"parameters": [parameter("pl.PhoIndex", index, error_minus=-0.02, error_plus=0.03)], **changes}
    record = fit_record(name="cutoff", **changes) if changes.get("record", 1) is not None else None
    return Fit(f"cutoff~counts={counts}", record, {AXIS: counts}, f"counts={counts}", params={"counts": counts})


def sweep(folder: Path) -> Path:
    poor = member(50, good_fit=False, reduced=9.3)
    return make_run(folder, [member(20, 1.9), member(30, 1.95), poor, member(80, record=None)]).write()


def test_members_of_a_sweep(tmp_path: Path) -> None:
    found = collect([sweep(tmp_path)])
    assert [(dict(row.values), row.result) for row in found.rows] == [
        ({AXIS: 20}, "good"),
        ({AXIS: 30}, "good"),
        ({AXIS: 50}, "poor"),
        ({AXIS: 80}, "failed"),
    ]
    first, second, _, failed = found.rows
    assert (first.stat_value, first.dof, first.bins, first.counts) == (82.5, 77, 80, 24690)
    index = first.parameters["pl.PhoIndex"]
    assert (index.value, index.minus, index.plus, index.state) == (1.9, 0.02, 0.03, "free")
    assert first.fluxes["flux 3-79 keV unabsorbed"].value == 3.43e-10
    assert "holds no good channel" in failed.message
    assert found.reference == "counts=20"
    assert (first.reference, second.reference, failed.reference) == (None, 0, 0)
    assert [(d.task, d.reason.what, d.reason.old, d.reason.new) for d in second.differs] == [("fit", "counts", 20, 30)]
    assert second.through == ("fit:cutoff~counts=30",)


def test_a_member_that_is_asked_for_is_the_reference(tmp_path: Path) -> None:
    found = collect([sweep(tmp_path)], against="counts=30")
    assert (found.reference, found.asked) == ("counts=30", True)
    assert [row.reference for row in found.rows] == [1, None, 1, 1]
    with pytest.raises(UsageError, match=r"no member or run 'counts=31' .* did you mean 'counts=30'"):
        collect([tmp_path / "out" / "vela-x1"], against="counts=31")


def test_runs_of_different_specs_are_matched_by_name(tmp_path: Path) -> None:
    more = fit_record(parameters=[parameter("pl.PhoIndex", 1.8), parameter("pl.HighECut", 40.0)])
    before = make_run(tmp_path / "before", [Fit(), Fit("line")]).write()
    after = make_run(
        tmp_path / "after", [Fit("edge"), Fit("cutoff", more, params={"model_text": "cutoffpl.pl"})]
    ).write()
    found = collect([before, after])
    # Both folders are called vela-x1, so that their labels are their paths.
    assert [run.label for run in found.runs] == [str(before), str(after)]
    assert [(row.run, row.fit, row.reference) for row in found.rows] == [(0, "cutoff", None), (1, "cutoff", 0)]
    assert found.alone == (("line", str(before)), ("edge", str(after)))
    assert [d.reason.what for d in found.rows[1].differs] == ["model_text"]
    assert "pl.HighECut" in shown_names(list(found.rows))[0]
    by_run = collect([before, after], against=str(after))
    assert [row.reference for row in by_run.rows] == [1, None]


def test_a_sweep_and_a_plain_run(tmp_path: Path) -> None:
    plain = make_run(tmp_path / "plain", [Fit(params={"counts": 20})]).write()
    found = collect([plain, sweep(tmp_path / "sweep")])
    assert [row.reference for row in found.rows] == [None, 0, 0, 0, 0]
    assert found.rows[1].differs == ()  # the same ingredients under another name
    assert [d.reason.new for d in found.rows[2].differs] == [30]


def test_names_and_patterns_choose(tmp_path: Path) -> None:
    folder = make_run(tmp_path, [Fit(), Fit("line")]).write()
    assert {row.fit for row in collect([folder], fits=["l*"]).rows} == {"line"}
    found = collect([folder], parameters=["cal.factor", "flux*"])
    assert found.parameters == ("cal.factor[FPMA]", "cal.factor[FPMB]", "flux 3-79 keV unabsorbed")
    assert shown_names(list(found.rows), found.parameters)[0] == ["cal.factor[FPMA]", "cal.factor[FPMB]"]
    with pytest.raises(UsageError, match="no fit 'lime'; did you mean 'line'"):
        collect([folder], fits=["lime"])
    with pytest.raises(UsageError, match=r"no parameter 'gal\.nH'; the fits have cal\.factor"):
        collect([folder], parameters=["gal.nH"])
    with pytest.raises(UsageError, match="no members to compare against: its spec has no sweep"):
        collect([folder], against="counts=20")


def test_values_that_do_not_matter_are_no_values(tmp_path: Path) -> None:
    world = make_run(tmp_path, [member(20), member(30)])
    steps = [
        replace(s, members=("counts=20", "counts=30")) if s.subject == "cutoff~counts=20" else s for s in world.plan
    ]
    world.plan = replace(world.plan, steps=tuple(steps))
    found = collect([world.write()])
    assert dict(found.rows[0].values) == {}
    assert found.rows[0].members == ("counts=20", "counts=30")


def test_fixed_parameters_are_shown_where_they_differ(tmp_path: Path) -> None:
    fits = [
        member(counts, parameters=[parameter("a.x", 1.0, frozen=True), parameter("a.y", counts, frozen=True)])
        for counts in (20, 30)
    ]
    assert shown_names(list(collect([make_run(tmp_path, fits).write()]).rows))[0] == ["a.y"]


def test_left_out_and_lost_results(tmp_path: Path) -> None:
    folder = make_run(
        tmp_path, [Fit("short", fit_record(datasets=[], notes=["too short"])), Fit(), Fit("line")]
    ).write()
    (folder / "products" / "fit.cutoff" / "fit.json").unlink()
    path = folder / "products" / "fit.line" / "fit.json"
    path.chmod(0o644)
    path.write_text('{"notes": []}')
    rows = {row.fit: row for row in collect([folder]).rows}
    assert (rows["short"].result, rows["short"].message) == ("left out", "too short")
    assert rows["cutoff"].result == rows["line"].result == "lost"
    assert rows["cutoff"].message == "products/fit.cutoff/fit.json is missing or not JSON; run the spec again"
    assert "products/fit.line/fit.json is damaged" in rows["line"].message


def test_counts_are_those_of_all_spectra(tmp_path: Path) -> None:
    record = fit_record(datasets=[dataset(counts=10), dataset("FPMB", counts=7)])
    assert collect([make_run(tmp_path, [Fit(record=record)]).write()]).rows[0].counts == 17


def _spoil_json(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"manifest": 1,')


def _spoil_version(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"manifest": 7}')


def _spoil_step(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["steps"][2]["params"]
    (folder / "manifest.json").write_text(json.dumps(manifest))


def _spoil_members(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["spec"]["members"] = 3
    (folder / "manifest.json").write_text(json.dumps(manifest))


def _cut_off(folder: Path) -> None:
    (folder / "journal.jsonl").write_text('{"event": "begin", "time": "2026-11-21T12:00:00.000Z", "total": 3}\n')


def _cut_off_at_first(folder: Path) -> None:
    _cut_off(folder)
    (folder / "manifest.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_spoil_json, r"manifest\.json: is not JSON.*Run the spec again"),
        (_spoil_version, r"manifest\.json: is not a manifest of version 1"),
        (_spoil_step, r"manifest\.json: is damaged: it lacks 'params' of the step summary:spectra.*Run the spec again"),
        (_spoil_members, r"manifest\.json: is damaged"),
        (_cut_off, r"vela-x1: its last run was cut off before its end\. Run its spec again"),
        (_cut_off_at_first, r"vela-x1: has no manifest\.json: its run was cut off\. Run its spec again"),
    ],
)
def test_what_is_wrong_with_a_run_names_the_file_and_the_cure(tmp_path: Path, spoil: Any, words: str) -> None:
    folder = make_run(tmp_path, [Fit()]).write()
    spoil(folder)
    with pytest.raises(FileError, match=words):
        collect([folder])


def test_a_run_that_goes_on_is_not_compared(tmp_path: Path) -> None:
    folder = make_run(tmp_path, [Fit()]).write()
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(FileError, match="is being run now"):
            collect([folder])
    assert collect([folder]).rows


def test_folders_that_cannot_be_compared(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a", [Fit()]).write()
    with pytest.raises(UsageError, match="there is no such folder"):
        collect([tmp_path / "none"])
    with pytest.raises(UsageError, match="is not the folder of a run"):
        collect([tmp_path])
    with pytest.raises(UsageError, match="named twice"):
        collect([folder, tmp_path / "a" / "out" / ".." / "out" / "vela-x1"])
    with pytest.raises(UsageError, match="holds no fits to compare"):
        collect([make_run(tmp_path / "b", []).write()])
    other = make_run(tmp_path / "c", [Fit("line"), Fit("edge")]).write()
    with pytest.raises(UsageError, match=r"has no fit in common with the others.* has cutoff; .* has line, edge"):
        collect([folder, other])
