from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.plan.eventworlds import event_analysis, event_spec, nustar_list, observed
from xbatch.base.errors import Problem
from xbatch.plan.archive import find_lists
from xbatch.plan.regionfiles import pixel_system, region_problems
from xbatch.spec.eventmodel import EventWork, Observed, Region

COLUMNS = {"TCRVL2": 10.0, "TCRPX2": 500.5, "TCDLT2": -0.0007, "TCRVL3": 20.0, "TCRPX3": 500.5, "TCDLT3": 0.0007}


@pytest.mark.parametrize(
    ("text", "system"),
    [
        ('fk5\ncircle(11:13:46.7,+5:01:50.5,90.3")\n', ""),
        ("global color=red\nimage ; ellipse(236.9,82.5,3.1,3.1,186)\n", "image"),
        ("physical\ncircle(500.5,500.5,20)", "physical"),
        ("circle(500.5,500.5,20)", "physical"),
        ("circle(500.5i,500.5i,20)", "image"),
        ("-ellipse(11:24:37.960,-59:15:47.50,0.3772',0.1722',317.017)", ""),
        ('circle(170.59d,-58.98d,20")', ""),
        ('fk5;circle(1,2,30")\nline(1,2,3,4) # line=0 0\nphysical;box(1,2,3,4,0)', "physical"),
        ("fk5\nphysical\n", ""),
        ("# physical\nfk5\ncircle(1,2,0.1) # text={physical}", ""),
        ("", ""),
    ],
)
def test_pixels_are_told_from_sky_by_words_and_numbers(text: str, system: str) -> None:
    assert pixel_system(text) == system


def with_file(one: Observed, path: Path) -> Observed:
    return replace(one, regions={"src": Region("src", {"file": path.name}, path, "regions.src")})


def check(*some: Observed) -> list[Problem]:
    analysis = event_analysis(event_spec(EventWork(some)))
    return region_problems(some, find_lists(some, analysis)[0], analysis)


def test_all_missing_files_of_a_region_are_one_problem(tmp_path: Path) -> None:
    some = [with_file(observed(tmp_path, obsid=obsid), tmp_path / f"{obsid}.reg") for obsid in ("1", "2", "3")]
    (tmp_path / "2.reg").write_text("fk5\ncircle(1,2,0.1)")
    (problem,) = check(*some)
    assert problem.code == "XB401"
    assert f"1.reg, 3.reg in {tmp_path}" in problem.message
    assert "2.reg" in problem.hint
    assert str(problem).startswith("e.yaml:9:3:")


def test_pixels_that_serve_two_observations_are_refused(tmp_path: Path) -> None:
    (tmp_path / "s.reg").write_text("physical\ncircle(500,500,20)")
    one, two = (observed(tmp_path, obsid=obsid) for obsid in ("1", "2"))
    (problem,) = check(with_file(one, tmp_path / "s.reg"), with_file(two, tmp_path / "s.reg"))
    assert problem.code == "XB407"
    assert "2 observations (1, 2)" in problem.message
    assert "{obsid}" in problem.hint
    assert check(with_file(one, tmp_path / "s.reg")) == []


def test_inline_pixels_are_refused_too_and_sky_is_not(tmp_path: Path) -> None:
    pixels = {"shapes": [{"shape": "circle", "frame": "physical", "center": [1.0, 2.0], "sizes": [3.0]}]}
    one, two = (observed(tmp_path, obsid=obsid) for obsid in ("1", "2"))
    region = {"src": Region("src", pixels, path="regions.src")}
    (problem,) = check(replace(one, regions=region), replace(two, regions=region))
    assert problem.code == "XB407"
    assert check(one, two) == []


def test_instruments_of_one_observation_share_pixels_if_these_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "s.reg").write_text("physical\ncircle(500,500,20)")
    both = [with_file(observed(tmp_path, name), tmp_path / "s.reg") for name in ("FPMA", "FPMB")]
    nustar_list(tmp_path, "FPMA", **COLUMNS)
    nustar_list(tmp_path, "FPMB", **COLUMNS)
    assert check(*both) == []
    nustar_list(tmp_path, "FPMB", **{**COLUMNS, "TCRVL2": 10.1})
    (problem,) = check(*both)
    assert problem.code == "XB407"
    assert "FPMA and FPMB" in problem.message


@pytest.mark.real_data
def test_real_region_files_are_told_apart(real_data: Path) -> None:
    folder = real_data / "regions"
    assert {pixel_system(p.read_text()) for p in (folder / "galactic-centre").glob("*.reg")} == {""}
    assert {pixel_system(p.read_text()) for p in (folder / "xmm-sources").glob("*.reg")} == {"image"}
    same = folder / "same-region-many-systems"
    pixel = {path.name for path in same.glob("*.reg") if pixel_system(path.read_text(errors="replace"))}
    assert {"test01_ciao_physical.reg", "test01_ds9_physical.reg", "test01_img.reg", "test01_mixed.reg"} <= pixel
    assert not {"test01.reg", "test01_fk4.reg", "test01_gal.reg", "test01_ciao.reg", "test_annuli_ciao.reg"} & pixel
