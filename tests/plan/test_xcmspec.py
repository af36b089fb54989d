from __future__ import annotations

from pathlib import Path

import pytest

from xbatch.base.errors import SpecError
from xbatch.plan.xcmspec import Seen, spec_of_xcm
from xbatch.spec.load import load
from xbatch.spec.xcm import read_xcm

HEAD = "data 1:1 a.pha 2:2 b.pha\nresponse 1:1 a.rmf 1:2 b.rmf\n"
MODEL = """\
model constant*phabs*powerlaw
1 -0.01 0 0 10 10
0.5,0.005,0,0,100,100
1.7
0.01 0.0001 0 0 1e20 1e24
1.05 0.01 0 0 10 10
= p2
= p3
= 2*p4
"""


def imported(text: str, folder: Path, background: bool = False, there: bool = True) -> str:
    bins = tuple((first, first + 3) for first in range(0, 400, 4))
    return spec_of_xcm(read_xcm(text, "a.xcm"), folder, "a", lambda _: Seen(background, bins) if there else None)


def loaded(spec: str, folder: Path):  # type: ignore[no-untyped-def]
    path = folder / "a.yaml"
    path.write_text(spec)
    return load(path).members[0].spec


def test_a_file_becomes_a_spec_that_says_the_same(tmp_path: Path) -> None:
    text = HEAD + "statistic chi\nweight model\nabund aspl\nxsect bcmc\nignore 1:1-3,90-100 2:**-3.0 10.0-**\n" + MODEL
    spec = loaded(imported(text, tmp_path), tmp_path)
    assert [one.file.name for one in spec.spectra] == ["a.pha", "b.pha"]
    fit = spec.fits[0]
    assert (fit.statistic, fit.variance, fit.background) == ("chi2", "model", "none")
    assert (fit.abundances, fit.cross_sections) == ("aspl", "bcmc")
    assert fit.model_text == "constant.constant * phabs.phabs * powerlaw.powerlaw"
    assert [(data.band.lo, data.band.hi) for data in fit.datasets] == [(0, 100000), (3, 10)]
    assert spec.binnings[fit.datasets[0].binning].params["bad"] == [[0, 11], [356, 399]]
    values = {one.name: one for one in fit.parameters}
    assert values["constant.factor[s1]"].frozen and not values["constant.factor[s2]"].frozen
    assert (values["constant.factor[s2]"].value, values["constant.factor[s2]"].max) == (1.05, 10)
    assert values["phabs.nH"].datasets == (0, 1)
    assert values["powerlaw.norm[s2]"].link == "2 * powerlaw.norm[s1]"
    assert values["powerlaw.norm[s2]"].value == 0.02


@pytest.mark.parametrize(
    ("said", "background", "ours"),
    [
        ("cstat", False, ("cstat", "none")),
        ("cstat", True, ("wstat", "profiled")),
        ("pgstat", True, ("pgstat", "subtract")),
        ("pgstat", False, ("cstat", "none")),
        ("chi", True, ("chi2", "subtract")),
        ("lstat", False, ("chi2", "none")),
    ],
)
def test_statistics_depend_on_the_background(
    tmp_path: Path, said: str, background: bool, ours: tuple[str, str]
) -> None:
    text = imported(HEAD + f"statistic {said}\n" + MODEL, tmp_path, background)
    fit = loaded(text, tmp_path).fits[0]
    assert (fit.statistic, fit.background) == ours
    assert ("No counterpart" in text) == (said == "lstat" or (said == "pgstat" and not background))


@pytest.mark.parametrize(("poisson", "told"), [((False, False), False), ((True, False), True)])
def test_errors_of_the_file_are_taken_without_counts(tmp_path: Path, poisson: tuple[bool, bool], told: bool) -> None:
    given = {"a.pha": poisson[0], "b.pha": poisson[1]}
    found = read_xcm(HEAD + "statistic chi\nweight model\n" + MODEL, "a.xcm")
    text = spec_of_xcm(found, tmp_path, "a", lambda path: Seen(False, ((0, 3),), given[path.name]))
    assert loaded(text, tmp_path).fits[0].variance == "file"
    assert ("POISSERR = F and some T" in text) == told


def test_spectra_with_and_without_background_are_told(tmp_path: Path) -> None:
    text = imported(HEAD + "backgrnd 1 bk.pha\nstatistic cstat\n" + MODEL, tmp_path)
    assert "some spectra have a background and some have none" in text
    assert loaded(text, tmp_path).fits[0].background == "ignore"


def test_spectra_of_one_group_share_their_values(tmp_path: Path) -> None:
    text = "data 1:1 a.pha 1:2 b.pha 2:3 c.pha\nmodel powerlaw\n2\n1\n3\n= p2\n"
    values = {one.name: one for one in loaded(imported(text, tmp_path), tmp_path).fits[0].parameters}
    assert values["powerlaw.PhoIndex[s2]"].link == "powerlaw.PhoIndex[s1]"
    assert values["powerlaw.PhoIndex[s3]"].value == 3
    assert values["powerlaw.norm"].datasets == (0, 1, 2)


def test_what_is_frozen_and_thawed_later_holds(tmp_path: Path) -> None:
    text = "data 1:1 a.pha\nmodel powerlaw\n2\n1 -1\nfreeze 1\nthaw 2\n"
    values = {one.name: one for one in loaded(imported(text, tmp_path), tmp_path).fits[0].parameters}
    assert values["powerlaw.PhoIndex"].frozen and not values["powerlaw.norm"].frozen


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        ("wobble\n", 3, "XB501"),
        ("model powerlaw\n1\n", 3, "XB502"),
        ("model powerlaw\n1\n1\n= sin(p1)\n= p2\n", 6, "XB503"),
        ("model powerlaw\n1\n1\n= p9\n= p2\n", 6, "XB503"),
        ("model powerlaw\n1\n1\n= bkg:1\n= p2\n", 6, "XB503"),
    ],
)
def test_what_is_not_understood_is_located(tmp_path: Path, text: str, place: int, code: str) -> None:
    with pytest.raises(SpecError) as raised:
        imported(HEAD + text, tmp_path)
    assert [(one.place.line, one.code) for one in raised.value.problems] == [(place, code)]


def test_a_file_without_spectra_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="loads no spectrum"):
        imported("statistic chi\n", tmp_path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("cosmo 70 0 0.73\n", "line 3: cosmo 70 0 0.73"),
        ("weight churazov\n" + MODEL, "weight churazov: variance data taken"),
        ("ignore 1:4.0-5.0\n" + MODEL, "ignored 4.0-5.0 keV inside the band"),
        ("model nuabs(po)\n1\n", "model nuabs(po): there is no component nuabs here"),
        ("model 2:bkg po\n1\n1\n= bkg:1\n= bkg:2\n", "model 2:bkg po: no spectrum has a response for it"),
        ("response 2:1 c.rmf\nmodel 2:bkg po\n1\n1\n", "some spectra have no model that has a counterpart"),
    ],
)
def test_what_has_no_counterpart_is_a_comment(tmp_path: Path, text: str, told: str) -> None:
    spec = imported(HEAD + text, tmp_path)
    assert told in spec.partition("# No counterpart:")[2]
    loaded(spec, tmp_path)


def test_groups_of_spectra_that_are_not_there_are_taken_for_channels(tmp_path: Path) -> None:
    text = imported(HEAD + "ignore 1:1-3 2:**-9\n" + MODEL, tmp_path, there=False)
    assert 'bad: ["1-3"]' in text and 'bad: ["0-9"]' in text
    assert "numbers of ignored groups are taken for channels" in text


SOURCES = """\
data 1:1 a.pha 2:2 b.pha 2:3 c.pha
response 1:1 a.rmf 1:2 b.rmf 1:3 c.rmf
response 2:1 in.rmf 2:2 in.rmf 2:3 in.rmf
arf 2:1 in.arf
response 3:2 diag.rmf 3:3 diag.rmf
model phabs*powerlaw
0.5,0.005,0,0,100,100
1.7
0.01 0.0001 0 0 1e20 1e24
= p1
= p2
= p3
model 2:inner const(powerlaw)
1 -0.01
= p2 - 1
0.3
1.1 -0.01
= inner:p2
= 2*inner:p3
model 3:lines gaussian
6.4 -1
0 -1
= 0.5*inner:p3
"""


def test_sources_become_models_through_responses_of_their_own(tmp_path: Path) -> None:
    spec = loaded(imported(SOURCES, tmp_path), tmp_path)
    first, second, third = spec.spectra
    assert list(first.responses) == ["inner"]
    assert list(second.responses) == list(third.responses) == ["inner", "lines"]
    assert first.responses["inner"].arf == tmp_path / "in.arf"
    assert second.responses["inner"].arf is None
    (fit,) = spec.fits
    assert fit.model_text.split("; ") == [
        "phabs.phabs * powerlaw.powerlaw",
        "inner: constant.constant * (powerlaw.inner_powerlaw)",
        "lines: gaussian.gaussian",
    ]
    assert [(one.name, one.datasets) for one in fit.models] == [("inner", (0, 1, 2)), ("lines", (1, 2))]
    values = {one.name: one for one in fit.parameters}
    assert values["inner_powerlaw.PhoIndex"].link == "powerlaw.PhoIndex - 1"
    assert values["inner_powerlaw.norm[s2]"].link == "2 * inner_powerlaw.norm[s1]"
    assert values["inner_powerlaw.norm[s3]"].link == "inner_powerlaw.norm[s2]"
    assert values["constant.factor[s2]"].value == values["constant.factor[s3]"].value == 1.1
    assert values["gaussian.norm"].link == "0.5 * inner_powerlaw.norm[s1]"
    assert values["gaussian.norm"].datasets == (1, 2)


def test_a_link_to_a_model_without_a_counterpart_is_a_comment(tmp_path: Path) -> None:
    text = SOURCES.replace("model 2:inner const(powerlaw)", "model 2:inner nuabs(powerlaw)")
    text = imported(text, tmp_path)
    told = text.partition("# No counterpart:")[2]
    assert "there is no component nuabs here" in told
    assert "gaussian.norm is linked to inner:3: give it a value" in told
    assert "The file has more models than these" in text
    (fit,) = loaded(text, tmp_path).fits
    assert [one.name for one in fit.models] == ["lines"]


@pytest.mark.real_data
def test_a_file_of_nuskybgd_gives_its_spectra(real_data: Path, tmp_path: Path) -> None:
    found = read_xcm((real_data / "nustar" / "bgd_20013036002.xcm").read_text(), "bgd.xcm")
    text = spec_of_xcm(found, tmp_path, "bgd", lambda _: None)
    spec = loaded(text, tmp_path)
    assert len(spec.spectra) == 8
    for one in spec.spectra:
        assert list(one.responses) == ["apbgd", "intbgd", "fcxb", "intn", "source6"]
        files = {name: (str(two.response.name), two.arf and two.arf.name) for name, two in one.responses.items()}  # type: ignore[union-attr]
        own = one.file.name.replace("pha", "rmf")
        module = own[4]
        assert files == {
            "apbgd": (own, "be.arf"),
            "intbgd": (own, None),
            "fcxb": (own, f"fcxb{module}.arf"),
            "intn": ("diag.rmf", None),
            "source6": (own, "be.arf"),
        }
    assert next(iter(spec.binnings.values())).params["bad"] == [[1, 35], [3710, 4096]]
    assert text.count("there is no component nuabs here") == 3
    (fit,) = spec.fits
    assert fit.model is None
    assert [(one.name, one.response, one.datasets) for one in fit.models] == [("intn", "intn", tuple(range(8)))]
    values = {one.name: one for one in fit.parameters}
    assert (values["bknpower.norm[s1]"].value, values["bknpower.norm[s1]"].frozen) == (0.000192101, False)
    assert values["bknpower.norm[s2]"].link == "bknpower.norm[s1] * 0.966199"
    assert values["bknpower.norm[s6]"].link == "bknpower.norm[s5] * 1.03478"
