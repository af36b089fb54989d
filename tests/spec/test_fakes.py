from __future__ import annotations

from pathlib import Path

import pytest

from xbatch.base.errors import SpecError
from xbatch.plan.compile import compile_plan
from xbatch.spec.load import load

BASE = """\
xbatch: 1
name: drawn
mission: nustar
obsids: ["90402339002"]
data: {level: spectra}
spectra: {src: {file: "{obsid}{module}.pha"}}
"""
FAKE = """\
fake:
  pl:
    like: src
    model: constant.cal * powerlaw.pl
    parameters:
      cal.factor: {value: 1, for: [{where: {instrument: FPMB}, value: 1.05}]}
      pl.norm: {link: "2 * pl.PhoIndex"}
    exposure: 50 ks
    seed: 3
"""


def read(folder: Path, text: str):  # type: ignore[no-untyped-def]
    path = folder / "a.yaml"
    path.write_text(text)
    return load(path)


def test_a_spectrum_is_drawn_for_each_that_it_is_like(tmp_path: Path) -> None:
    spec = read(tmp_path, BASE + FAKE).members[0].spec
    assert [one.subject.path for one in spec.fakes] == ["90402339002/FPMA/pl", "90402339002/FPMB/pl"]
    assert [one.like.spectrum for one in spec.fakes] == ["src", "src"]

    assert spec.fakes[1].values["cal"] == [1.05] and spec.fakes[0].values["pl"] == [1.0, 2.0]
    assert (spec.fakes[0].exposure, spec.fakes[0].seed, spec.fakes[0].background) == (50000.0, 3, True)


def test_fits_take_drawn_spectra_by_name(tmp_path: Path) -> None:
    text = (
        BASE.replace('{module}.pha"}', '{module}.pha", background: none}')
        + FAKE
        + (
            "binning: {all: {type: none}}\n"
            "fit: {f: {data: [{spectra: pl, binning: all, band: 3-79 keV}], background: {mode: none}, "
            "statistic: cstat, model: powerlaw.pl}}\n"
        )
    )
    (fit,) = read(tmp_path, text).members[0].spec.fits
    assert [one.subject.spectrum for one in fit.datasets] == ["pl", "pl"]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("like: src", "like: scr", "XB101"),
        ("  pl:\n", "  Src:\n", "XB143"),
        ("exposure: 50 ks", "exposure: -1 s", "XB205"),
        ("powerlaw.pl\n", "powerlaw.pl *\n", "XB301"),
    ],
)
def test_faults_are_located(tmp_path: Path, old: str, new: str, code: str) -> None:
    with pytest.raises(SpecError) as raised:
        read(tmp_path, BASE + FAKE.replace(old, new))
    assert [one.code for one in raised.value.problems] == [code]


def test_two_likes_of_one_observation_would_have_one_name(tmp_path: Path) -> None:
    text = BASE.replace("spectra: {", 'spectra: {bright: {file: "b{module}.pha"}, ') + FAKE
    with pytest.raises(SpecError, match="XB143 two spectra of one observation"):
        read(tmp_path, text.replace("like: src", "like: [src, bright]"))


def test_steps_draw_from_the_spectrum_with_its_response(tmp_path: Path) -> None:
    from tests.plan.worlds import write_pha_header

    for module in "AB":
        links = {"BACKFILE": "b.pha", "RESPFILE": "r.rmf", "ANCRFILE": "none"}
        write_pha_header(tmp_path / f"90402339002{module}.pha", **links)
    for name in ("b.pha", "r.rmf"):
        write_pha_header(tmp_path / name)
    plan = compile_plan(read(tmp_path, BASE + FAKE)).by_name()
    step = plan["fake:90402339002/FPMA/pl"]
    assert {role: item.step for role, item in step.inputs.items()} == dict.fromkeys(  # type: ignore[union-attr]
        ("spectrum", "response", "background"), "spectrum:90402339002/FPMA/src"
    )
    assert step.params["values"] == {"cal": [1.0], "pl": [1.0, 2.0]}
    assert "fake:90402339002/FPMB/pl" in {item.step for item in plan["summary:spectra"].inputs.values()}  # type: ignore[union-attr]
    alone = compile_plan(read(tmp_path, BASE + FAKE.replace("seed: 3", "background: false"))).by_name()
    assert "background" not in alone["fake:90402339002/FPMA/pl"].inputs
