from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ogip.tablefiles import TableFile
from xbatch.spec.xcm import read_xcm
from xbatch.spec.xcmmodel import Piece, link_pieces, translate
from xbatch.spec.xspecmodels import XspecModels, installed_models

SAVED = """\
statistic cstat
data 1:1 a.pha
backgrnd 1 a_bk.pha
response  1:1 a.rmf
response  2:1 b.rmf
arf 1:1 a.arf
data 2:2 b.pha
ignore 1:1-35,371-400 2:**-3.0 10.0-**
ignore bad

method leven 10 0.01
abund wilm
xsect vern
cosmo 70 0 0.73
model  TBabs*powerlaw
            0.5      0.005          0          0     100000      1e+06
            1.7         -1         -3         -2          9         10
           0.01     0.0001          0          0      1e+20      1e+24
= p1
= p2
= 1.05*p3
newpar 2 1.9
freeze 1
thaw 2
bayes off
"""


def test_a_saved_file_is_read() -> None:
    found = read_xcm(SAVED, "a.xcm")
    assert found.problems == []
    assert found.groups == 2 and found.ignore_bad
    one, two = found.spectra[1], found.spectra[2]
    assert (one.file, one.background, one.responses, one.arfs) == (
        "a.pha", "a_bk.pha", {1: "a.rmf", 2: "b.rmf"}, {1: "a.arf"},
    )  # fmt: skip
    assert one.ignored == [("1", "35"), ("371", "400")]
    assert two.ignored == [("**", "3.0"), ("10.0", "**")]
    assert found.settings == {"statistic": "cstat", "method": "leven", "abund": "wilm", "xsect": "vern"}
    model = found.models[0]
    assert (model.source, model.name, model.expression, model.place.line) == (1, "", "TBabs*powerlaw", 15)
    assert [setting.link for setting in model.settings] == ["", "", "", "p1", "p2", "1.05*p3"]
    assert model.settings[1].numbers == (1.9, -1, -3, -2, 9, 10)
    assert found.frozen == {("", 1): True, ("", 2): False}
    assert [text for _, text in found.unused] == ["cosmo 70 0 0.73", "bayes off"]


def test_models_of_other_sources_have_their_parameters_apart() -> None:
    text = "data 1:1 a.pha\nmodel 2:bkg po\n1 0.1 -3 -3 10 10\n2\nmodel src:x po\nmodel po\n1,-1\n= bkg:2\n"
    found = read_xcm(text, "a.xcm")
    assert [(one.source, one.name, len(one.settings)) for one in found.models] == [(2, "bkg", 2), (1, "", 2)]
    assert [(one.place.line, one.code) for one in found.problems] == [(5, "XB501")]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("wobble 3", "'wobble' is no command"),
        ("response 4 x.rmf", "there is no spectrum 4"),
        ("data x.pha{3}", "type II"),
        ("data", "names no file"),
        ("ignore 1:a-b", "is no range"),
        ("ignore x:1-2", "names no spectra"),
        ("newpar 9 1", "names no parameter"),
        ("freeze x", "names no parameters"),
    ],
)
def test_lines_that_are_not_understood_are_named(line: str, told: str) -> None:
    found = read_xcm(f"data 1:1 a.pha\n{line}\n", "a.xcm")
    assert len(found.problems) == 1
    problem = found.problems[0]
    assert (problem.place.file, problem.place.line, problem.code) == ("a.xcm", 2, "XB501")
    assert told in problem.message


def test_a_new_value_that_is_none_is_named() -> None:
    found = read_xcm("model po\n1\n1\nnewpar 1 hot\n", "a.xcm")
    assert found.problems[0].message == "'hot' is no value"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("po", "powerlaw.powerlaw"),
        ("TBabs(powerlaw + gaussian)", "tbabs.tbabs * (powerlaw.powerlaw + gaussian.gaussian)"),
        ("phabs*(po+po)", "phabs.phabs * (powerlaw.powerlaw1 + powerlaw.powerlaw2)"),
        ("(po+ga)phabs", "(powerlaw.powerlaw + gaussian.gaussian) * phabs.phabs"),
        ("constant*cflux*phabs*po", "constant.constant * cflux.cflux(phabs.phabs * powerlaw.powerlaw)"),
        ("cflux(po)", "cflux.cflux((powerlaw.powerlaw))"),
    ],
)
def test_models_are_written_as_the_spec_has_them(theirs: str, ours: str) -> None:
    assert translate(theirs).text == ours


@pytest.mark.parametrize("text", ["nuabs(po)", "po +", "phabs*(po", "po)", "phabs", "2*po"])
def test_models_that_cannot_be_written_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        translate(text)


@pytest.mark.parametrize(
    ("link", "numbers"),
    [("p3", [3]), ("3", [3]), ("6*2.39", [6]), ("2 * (p5 + 0.001) / p1", [5, 1]), ("bkg:6*2", [6]), ("x:p4", [4])],
)
def test_links_name_their_parameters(link: str, numbers: list[int]) -> None:
    assert [piece.number for piece in link_pieces(link) if piece.number] == numbers


def test_a_link_keeps_the_name_of_another_model() -> None:
    assert link_pieces("apbgd:6*2.39")[0] == Piece("", "apbgd", 6)


@pytest.mark.parametrize("link", ["sin(p1)", "2*3", "1.5", "p1 ^ 2"])
def test_links_that_are_not_clear_are_refused(link: str) -> None:
    with pytest.raises(ValueError, match="link"):
        link_pieces(link)


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    read_xcm("data 1:1 a.pha\nmodel po\n1\n" + text, "a.xcm")


@pytest.mark.real_data
def test_a_file_of_nuskybgd_is_read_whole(real_data: Path) -> None:
    found = read_xcm((real_data / "nustar" / "bgd_20013036002.xcm").read_text(), "bgd.xcm")
    assert found.problems == []
    assert len(found.spectra) == found.groups == 8
    assert found.spectra[5].responses.keys() == {2, 3, 4, 5, 6}
    assert [(one.source, one.name) for one in found.models] == [(2, "apbgd"), (3, "intbgd"), (4, "fcxb"), (5, "intn")]
    # For each of 8 spectra: nuabs has 4 parameters, powerlaw and highecut 2, 29 lorentz 3, apec and bknpower 4.
    assert [len(one.settings) for one in found.models] == [8 * 8, 8 * (4 + 29 * 3 + 4), 8 * 8, 8 * 4]


def test_models_that_sherpa_has_of_xspec_get_its_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    source = installed_models().source
    if source is None:
        pytest.skip("Sherpa is not installed")
    monkeypatch.setattr("xbatch.spec.expression.installed_models", lambda: XspecModels(source, True))
    found = translate("TBabs*kdblur(apec + vapec + apec)")
    assert found.text == "tbabs.tbabs * xs:kdblur.kdblur((xs:apec.apec1 + xs:vapec.vapec + xs:apec.apec2))"
    assert found.components["apec2"] == "xs:apec"
    monkeypatch.setattr("xbatch.spec.expression.installed_models", lambda: XspecModels(source, False))
    with pytest.raises(ValueError, match=r"xs:apec is one of XSPEC's own models, and .* built without XSPEC: conda"):
        translate("TBabs*apec")


def test_table_models_keep_their_files(tmp_path: Path) -> None:
    (tmp_path / "grids").mkdir()
    path = tmp_path / "grids" / "t.fits"
    TableFile().write(path)
    found = translate("phabs*(po + atable{grids/t.fits})", folder=tmp_path)
    assert found.text == f"phabs.phabs * (powerlaw.powerlaw + atable{{{path}}}.atable)"
    assert found.components["atable"] == f"atable{{{path}}}"
    with pytest.raises(ValueError, match=r"none\.fits is not there"):
        translate("phabs*atable{none.fits}", folder=tmp_path)
    with pytest.raises(ValueError, match="no table model rtable here; there are atable"):
        translate("phabs*rtable{t.fits}", folder=tmp_path)
