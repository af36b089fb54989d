"""Includes and ``--set``: what overrules what, and where values came from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.spec.specs import BASE, HEAD, SPECTRA, codes, fit, problems, read


def test_included_files_are_laid_over_in_order(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.yaml").write_text("note: a\nbinning: {min30: {counts: 20}}\ninclude: b.yaml\n")
    (tmp_path / "sub" / "b.yaml").write_text("title: b\nnote: b\n")
    (tmp_path / "c.yaml").write_text("title: c\n")
    analysis = read(tmp_path, BASE + "note: spec\ninclude: [sub/a.yaml, c.yaml]\n")
    assert (analysis.document["note"], analysis.document["title"]) == ("b", "c")
    assert analysis.document["binning"]["min30"] == {"type": "min", "counts": 20}
    assert "include" not in analysis.document
    assert analysis.origins["note"].endswith("b.yaml:2:7")
    assert sorted(Path(name).name for name in analysis.files) == ["a.yaml", "b.yaml", "c.yaml", "spec.yaml"]


def test_set_overrules_all_and_the_last_wins(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("note: a\n")
    analysis = read(tmp_path, BASE + "include: a.yaml\n", ["note=b", "note=c: d".replace(": ", "-")])
    assert analysis.document["note"] == "c-d"
    assert analysis.origins["note"] == "--set"
    assert analysis.overrides == ("note=b", "note=c-d")


def test_set_takes_yaml(tmp_path: Path) -> None:
    overrides = ["obsids=[0201430201]", "binning.min30={type: snmin, snr: 3}", "data.root=~/x"]
    analysis = read(tmp_path, BASE, overrides)
    assert analysis.document["obsids"] == ["0201430201"]
    assert analysis.document["binning"]["min30"]["snr"] == 3
    assert analysis.members[0].spec.spectra[0].file == Path.home() / "x" / "0201430201A.pha"


def test_a_spec_may_be_an_overlay_of_another(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(BASE)
    assert read(tmp_path, "include: base.yaml\n").name == "test"


def test_two_files_that_include_each_other(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("include: spec.yaml\n")
    (problem,) = problems(tmp_path, BASE + "include: a.yaml\n")
    assert problem.code == "XB020"
    assert problem.place.file.endswith("a.yaml")
    assert "spec.yaml -> a.yaml -> spec.yaml" in problem.message


def test_the_same_file_twice_is_no_circle(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("note: a\n")
    assert codes(tmp_path, BASE + "include: [a.yaml, a.yaml]\n") == []


def test_duplicate_keys_are_told_with_all_else(tmp_path: Path) -> None:
    text = HEAD + SPECTRA + "binning: {a: {type: mni, type: min}}\nname: again\n" + fit()
    assert set(codes(tmp_path, text)) == {"XB012", "XB104", "XB204"}


def test_text_that_no_file_could_hold(tmp_path: Path) -> None:
    assert codes(tmp_path, BASE, ["note=\udcff"]) == ["XB004"]
    assert codes(tmp_path, BASE, ["note=a\0b"]) == ["XB004"]


def test_a_root_on_the_command_line_starts_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    text = HEAD.replace("{level", "{root: d, level") + SPECTRA
    roots = {
        "data": here / "data",
        "/somewhere": Path("/somewhere"),
        "~/x": Path.home() / "x",
    }
    for given, root in roots.items():
        analysis = read(tmp_path, text, [f"data.root={given}"])
        assert analysis.members[0].spec.spectra[0].file.parent == root
    assert read(tmp_path, text).members[0].spec.spectra[0].file.parent == tmp_path / "d"
