"""Pictures of steps on the page of a run: those of the flares that were cut from spectra of the RGS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.report.test_observations import output, page_with, step

OBSID = "0761220101"


def screened(folder: Path, name: str = "", *, drawn: bool = True) -> dict[str, Any]:
    cut = {"rate": ["<", 0.1], "bin": 100.0, "ccd": 9}
    found = {"limit": 0.1, "test": "<", "bins": 80, "bins_kept": 63, "seconds": 6300.0}
    params = {"obsid": OBSID, "wanted": [["RGS1", 1], ["RGS2", 1]], "flares": {"RGS1": cut, "RGS2": {**cut, "ccd": 8}}}
    facts = {
        "seconds": {"RGS1": {"S004": 8000.0}, "RGS2": {"S005": 8000.0}},
        "taken": {"RGS1": "S004", "RGS2": "S005"},
        "flares": {"RGS1": found, "RGS2": {**found, "seconds": 6200.0}},
    }
    files = [f"RGS{number}_flare.png" for number in (1, 2)]
    outputs = {key: value for file in files for key, value in output(folder, f"rgs/{file}").items()} if drawn else {}
    return step("rgsproc", f"{OBSID}/{name}".rstrip("/"), params=params, facts=facts, outputs=outputs)


def test_flares_of_both_rgs(tmp_path: Path) -> None:
    page = page_with(tmp_path, [screened(tmp_path / "out" / "vela-x1")])
    assert "Flares in RGS1" in page.text and "CCD 9, limit 0.1 ct/s, 6300 s kept" in page.text
    assert "Flares in RGS2" in page.text and "CCD 8, limit 0.1 ct/s, 6200 s kept" in page.text
    assert "It is not among the products any more." not in page.text


def test_a_screening_has_its_name_and_a_picture_may_be_gone(tmp_path: Path) -> None:
    page = page_with(tmp_path, [screened(tmp_path, "quiet", drawn=False)])
    assert "Flares in RGS2: quiet" in page.text
    assert page.text.count("It is not among the products any more.") == 2


def test_time_selections_of_one_screening_share_the_pictures_of_its_flares(tmp_path: Path) -> None:
    steps = [screened(tmp_path / "out" / "vela-x1", name) for name in ("quiet@early", "quiet@late", "calm@late")]
    for made in steps:
        name, _, made["facts"]["times"] = made["subject"].removeprefix(f"{OBSID}/").partition("@")
        for file, about in made["outputs"].items():
            about["digest"] = f"sha256:{name}-{file}"
    steps[1]["subject"] += "~time=2"
    text = page_with(tmp_path, steps).text
    assert [text.count(f"Flares in RGS{one}: {name} ") for one in (1, 2) for name in ("quiet", "calm")] == [1] * 4
    assert "Flares in RGS1: quiet@" not in text and "Flares in RGS1: quiet (" not in text


def test_where_no_flares_are_cut_there_is_no_picture(tmp_path: Path) -> None:
    made = screened(tmp_path)
    del made["facts"]["flares"]
    assert "Flares" not in page_with(tmp_path, [made]).text


def espfilt(**more: Any) -> dict[str, Any]:
    """A cut by espfilt: its step is one call, which knows the instrument by its subject alone."""
    return step("flare", f"{OBSID}/EMOS1", engine="sas", params={"work": {}}, outputs={}, **more)


def test_a_cut_without_a_picture_is_no_missing_picture(tmp_path: Path) -> None:
    assert "Flares" not in page_with(tmp_path, [espfilt()]).text


def test_a_cut_that_has_failed_says_so_at_its_camera(tmp_path: Path) -> None:
    page = page_with(tmp_path, [espfilt(outcome="failed", message="espfilt has not made *gti*")])
    assert f"{OBSID} EMOS1" in page.text and "espfilt has not made *gti*" in page.text
