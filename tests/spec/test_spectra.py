"""Observations, subjects, selectors and files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.spec.specs import BASE, HEAD, SPECTRA, problems, read
from xbatch.spec.model import SpectrumFiles, Subject


def spectra(tmp_path: Path, text: str) -> dict[str, SpectrumFiles]:
    return {one.subject.path: one for one in read(tmp_path, text).members[0].spec.spectra}


def test_instruments_default_to_the_missions(tmp_path: Path) -> None:
    assert list(spectra(tmp_path, BASE)) == ["90402339002/FPMA/src", "90402339002/FPMB/src"]
    text = BASE.replace("nustar", "xmm").replace("90402339002", "0201430201").replace("{module}", "{instrument}")
    assert list(spectra(tmp_path, text)) == [f"0201430201/{one}/src" for one in ("EPN", "EMOS1", "EMOS2")]
    assert read(tmp_path, text).document["instruments"] == ["EPN", "EMOS1", "EMOS2"]
    text = BASE.replace("nustar", "other").replace("{module}", "")
    assert list(spectra(tmp_path, text)) == ["90402339002/data/src"]


def test_observations_take_from_the_top_what_they_do_not_say(tmp_path: Path) -> None:
    text = """\
xbatch: 1
name: test
mission: nustar
instruments: [FPMB]
observations:
  - {obsids: [60061323002], tags: [a]}
  - {mission: xmm, obsids: ["0761220101"], instruments: [EPN]}
data: {root: d, level: spectra}
spectra:
  src:
    file: "{mission}/{obsid}{module}.pha"
    response: none
    for: [{where: {mission: xmm}, response: "~/{obsid}_{spectrum}.rmf", note: second epoch}]
  b: {file: "/abs/{instrument}.pha", where: {tag: a, module: B}, arf: none, background: "{obsid}.bak"}
"""
    found = spectra(tmp_path, text)
    assert list(found) == ["60061323002/FPMB/src", "0761220101/EPN/src", "60061323002/FPMB/b"]
    nustar, xmm, b = found.values()
    assert nustar.subject == Subject("nustar", "60061323002", "FPMB", "src", ("a",))
    assert nustar.file == tmp_path / "d" / "nustar" / "60061323002B.pha"
    assert (nustar.response, nustar.arf, nustar.background, nustar.note) == ("none", None, None, "")
    assert xmm.file == tmp_path / "d" / "xmm" / "0761220101EPN.pha"
    assert (xmm.response, xmm.note) == (Path.home() / "0761220101_src.rmf", "second epoch")
    assert (b.file, b.arf, b.background) == (Path("/abs/FPMB.pha"), "none", tmp_path / "d" / "60061323002.bak")
    assert b.path == "spectra.b"


@pytest.mark.parametrize("obsid", ["0201430201", "'0201430201'", '"0201430201"'])
def test_obsids_are_what_is_written(tmp_path: Path, obsid: str) -> None:
    text = BASE.replace("90402339002", obsid).replace("nustar", "xmm").replace("{module}", "{instrument}")
    assert spectra(tmp_path, text)["0201430201/EPN/src"].file.name == "0201430201EPN.pha"


@pytest.mark.parametrize("obsid", ["90402339002", "1e5", "0x1F", "1_000", "12.50", "007", "true"])
def test_unquoted_obsids_of_any_form_keep_their_text(tmp_path: Path, obsid: str) -> None:
    text = BASE.replace("nustar", "other").replace("{module}", "").replace("90402339002", obsid)
    if obsid != "true":
        assert list(spectra(tmp_path, text)) == [f"{obsid}/data/src"]
    else:
        assert [problem.code for problem in problems(tmp_path, text)] == ["XB203"]


def test_odd_obsids_are_noted_and_not_refused(tmp_path: Path) -> None:
    text = BASE.replace("nustar", "xmm").replace("90402339002", "201430201").replace("{module}", "{instrument}")
    (note,) = read(tmp_path, text).notes
    assert note.code == "XB120"
    assert note.hint == "is it 0201430201?"


def test_epochs_belong_to_fits(tmp_path: Path) -> None:
    text = HEAD + 'spectra: {src: {file: "{obsid}{module}.pha", where: {epoch: early}}}\n'
    (problem,) = problems(tmp_path, text)
    assert problem.code == "XB114"


def test_wrong_observations_hide_nothing_else_and_add_nothing(tmp_path: Path) -> None:
    text = HEAD.replace("nustar", "nustr") + SPECTRA.replace("{module}", "{modul}")
    assert [problem.code for problem in problems(tmp_path, text)] == ["XB204", "XB112"]
