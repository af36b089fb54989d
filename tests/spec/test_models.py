"""Several models in a fit: which spectra have which, and what their names stand for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.spec.specs import BINNING, EVENTS, HEAD, codes, jobs, problems, read, work
from xbatch.spec.model import ResponseFiles

SPECTRA = """\
spectra:
  src:
    file: "{obsid}{module}.pha"
    arf: none
    responses:
      detector: {arf: "be{module}.arf"}
      aperture: {response: diag.rmf, arf: none}
    for:
    - {where: {module: B}, responses: {detector: {response: "{obsid}.rmf"}, aperture: {response: none}}}
"""
FIT = """\
fit:
  one:
    data: [{spectra: src, binning: min30, band: 3-79 keV}]
    background: {mode: none}
    statistic: cstat
    model: tbabs.gal * powerlaw.pl
    models:
      inside: {response: detector, model: constant.det * (powerlaw.bg + gaussian.line)}
      aside: {response: aperture, model: cutoffpl.cxb, where: {instrument: FPMA}}
      same: {model: bbody.bb}
    parameters:
      det.factor: {value: 1, frozen: true}
      bg.PhoIndex: {vary: [instrument]}
      cxb.PhoIndex: {link: bg.PhoIndex - 1}
"""
GOOD = HEAD + SPECTRA + BINNING + FIT


def test_responses_of_each_spectrum(tmp_path: Path) -> None:
    first, second = read(tmp_path, GOOD).members[0].spec.spectra
    assert first.responses == {
        "detector": ResponseFiles(None, tmp_path / "beA.arf"),
        "aperture": ResponseFiles(tmp_path / "diag.rmf", None),
    }
    assert second.responses == {"detector": ResponseFiles(tmp_path / "90402339002.rmf", tmp_path / "beB.arf")}


def test_models_of_each_spectrum(tmp_path: Path) -> None:
    (job,) = jobs(tmp_path, GOOD)
    assert [(one.name, one.response, one.datasets) for one in job.models] == [
        ("inside", "detector", (0, 1)),
        ("aside", "aperture", (0,)),
        ("same", "", (0, 1)),
    ]
    assert job.model_text.startswith("tbabs.gal * powerlaw.pl; inside: constant.det * (")
    assert list(job.components) == ["gal", "pl", "det", "bg", "line", "cxb", "bb"]
    by_name = {one.name: one for one in job.parameters}
    assert by_name["bg.PhoIndex[FPMB]"].datasets == (1,)
    assert by_name["cxb.PhoIndex"].datasets == (0,)
    assert by_name["cxb.PhoIndex"].link == "bg.PhoIndex[FPMA] - 1"
    assert by_name["bb.norm"].datasets == (0, 1)


def test_a_group_has_the_components_of_its_models(tmp_path: Path) -> None:
    first, second = jobs(tmp_path, GOOD.replace("    statistic", "    group_by: [instrument]\n    statistic"))
    assert [one.name for one in first.models] == ["inside", "aside", "same"]
    assert [one.name for one in second.models] == ["inside", "same"]
    assert "cxb" not in second.components
    assert not any(one.component == "cxb" for one in second.parameters)


def test_the_document_has_all_defaults(tmp_path: Path) -> None:
    document = read(tmp_path, GOOD).document
    assert document["fit"]["one"]["parameters"]["bb.kT"]["value"] == 3.0


def test_there_may_be_no_first_model(tmp_path: Path) -> None:
    (job,) = jobs(tmp_path, GOOD.replace("    model: tbabs.gal * powerlaw.pl\n", ""))
    assert job.model is None
    assert job.model_text.startswith("inside: ")
    bare = GOOD[: GOOD.index("    model: ")]
    assert codes(tmp_path, bare) == ["XB202"]
    assert codes(tmp_path, bare + "    models: {}\n")[0] == "XB202"


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("where: {instrument: FPMA}}\n      same", "}\n      same", "XB323", "90402339002/FPMB/src has no response"),
        ("response: detector, ", "response: detektor, ", "XB323", "nor have 1 more of the fit"),
        ("where: {instrument: FPMA}", "where: {instrument: FPMC}", "XB105", "FPMC"),
        ("bbody.bb", "bbody.PL", "XB304", "called 'pl'"),
        ("bbody.bb", "bbody", "XB303", ""),
        ("link: bg.PhoIndex - 1", "link: bq.PhoIndex - 1", "XB311", "bq"),
        ("cxb.PhoIndex: {link: bg.PhoIndex - 1}", "bg.norm: {link: cxb.norm}", "XB311", "FPMB"),
        ("diag.rmf", '"{obs}.rmf"', "XB112", "{obs}"),
        ('"be{module}.arf"', '""', "XB208", "empty"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, old: str, new: str, code: str, words: str) -> None:
    assert GOOD.count(old) == 1
    found = problems(tmp_path, GOOD.replace(old, new))
    assert [one.code for one in found][:1] == [code], found
    assert words in str(found[0])


def test_two_exceptions_may_change_two_responses_and_not_one(tmp_path: Path) -> None:
    more = "    - {where: {obsid: 90402339002}, responses: {detector: {arf: other.arf}}}\n"
    both = GOOD.replace(BINNING, more + BINNING)
    assert codes(tmp_path, both) == []
    assert codes(tmp_path, both.replace("arf: other.arf", "response: other.rmf")) == ["XB107"]


def test_events_have_further_responses_by_template(tmp_path: Path) -> None:
    text = (
        EVENTS
        + 'regions: {src: {shape: circle, center: ["21:27:44.9", "+56:56:40"], frame: fk5, radius: 50 arcsec}}\n'
        + 'spectra: {src: {region: src, response: "{module}.rmf", responses: {det: {arf: "{module}be.arf"}}}}\n'
    )
    first, second = work(tmp_path, text).spectra
    assert first.responses == {"det": ResponseFiles(None, tmp_path / "Abe.arf")}
    assert second.responses == {"det": ResponseFiles(None, tmp_path / "Bbe.arf")}


def test_drawn_spectra_and_sums_have_the_responses_of_what_they_are_made_of(tmp_path: Path) -> None:
    fake = "fake: {drawn: {like: src, models: {in: {response: detector, model: powerlaw.bg}}}}\n"
    combine = "combine: {all: {of: src}}\n"
    fit = FIT.replace("spectra: src", "spectra: drawn").replace(", where: {instrument: FPMA}", "")
    text = HEAD + SPECTRA + fake + combine + BINNING + fit
    assert codes(tmp_path, text) == ["XB323"]
    fit = fit.replace("aside: {response: aperture", "aside: {response: detector")
    spec = read(tmp_path, HEAD + SPECTRA + fake + combine + BINNING + fit).members[0].spec
    assert [one.models[0].response for one in spec.fakes] == ["detector", "detector"]
    assert all(one.model is None for one in spec.fakes)
    summed = fit.replace("spectra: drawn", "spectra: all")
    assert codes(tmp_path, HEAD + SPECTRA + fake + combine + BINNING + summed) == []
