"""Searches for sources: bands by camera, single and joint searches."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.spec.specs import RAW, RAW_XMM, problems, raw, work

HEAD = RAW_XMM + RAW
BANDS = "bands: {EPN: [{band: 300-500 eV, pattern: 0, ecf: 9.525}, {band: 0.5-1 keV, ecf: 8.121, name: soft}],"
BANDS += " EMOS1: [{band: 0.2-0.5 keV, ecf: 1.734}]}"


def test_one_search_for_each_camera(tmp_path: Path) -> None:
    pn, mos = raw(tmp_path, HEAD + f"detect: {{all: {{{BANDS}}}}}\n").detections
    assert (pn.name, pn.obsid, pn.instruments, mos.instruments) == ("all", "0761220101", ("EPN",), ("EMOS1",))
    assert pn.params == {
        "bands": {
            "EPN": [
                {"name": "b1", "lo": 300, "hi": 500, "pattern": [0, 0], "ecf": 9.525},
                {"name": "soft", "lo": 500, "hi": 1000, "pattern": [0, 4], "ecf": 8.121},
            ]
        },
        "pixels": 600,
        "likelihood": 10.0,
        "splines": 16,
        "exposure_maps": True,
    }
    assert mos.params["bands"]["EMOS1"][0]["pattern"] == [0, 12]
    assert not pn.mosaic


def test_a_joint_search_comes_after_and_has_the_mosaic(tmp_path: Path) -> None:
    found = raw(
        tmp_path, HEAD + f"detect: {{all: {{joint: true, mosaic: true, sensitivity: 15, {BANDS}}}}}\n"
    ).detections
    assert [one.instruments for one in found] == [("EPN",), ("EMOS1",), ("EPN", "EMOS1")]
    assert [one.mosaic for one in found] == [False, False, True]
    assert list(found[-1].params["bands"]) == ["EPN", "EMOS1"]
    assert found[-1].params["sensitivity"] == 15.0


def test_a_search_uses_its_screening(tmp_path: Path) -> None:
    text = HEAD + "screening: {clean: {flag: 0}}\n" + f"detect: {{all: {{screening: clean, {BANDS}}}}}\n"
    assert [list(one.screenings) for one in work(tmp_path, text).observed] == [["clean"], ["clean"]]
    assert {one.screening for one in raw(tmp_path, text).detections} == {"clean"}


def test_a_selector_leaves_cameras_out(tmp_path: Path) -> None:
    text = HEAD + "detect: {pn: {where: {instrument: EPN}, bands: {EPN: [{band: 1-2 keV, ecf: 1}]}}}\n"
    assert [one.instruments for one in raw(tmp_path, text).detections] == [("EPN",)]


def test_a_camera_has_at_most_six_bands(tmp_path: Path) -> None:
    listed = ", ".join(f"{{band: {n}-{n + 1} keV, ecf: 1}}" for n in range(1, 8))
    (found,) = problems(tmp_path, HEAD + f"detect: {{pn: {{bands: {{EPN: [{listed}]}}}}}}\n")
    assert found.code == "XB209" and found.message == "EPN has 7 members; it needs at most 6"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("likelihood: 1", "likelihood is 1; it must be above 1"),
        ("likelihood: 50", "likelihood is 50; it must be below 50"),
        ("splines: 9", "splines is 9; it must be at least 10"),
        ("splines: 21", "splines is 21; it must be at most 20"),
    ],
)
def test_numbers_that_the_tasks_would_refuse(tmp_path: Path, said: str, message: str) -> None:
    (found,) = problems(tmp_path, HEAD + f"detect: {{all: {{{said}, {BANDS}}}}}\n")
    assert (found.code, found.message) == ("XB205", message)
    assert found.path == f"detect.all.{said.partition(':')[0]}" and found.place is not None


def test_numbers_at_the_ends_of_what_the_tasks_take(tmp_path: Path) -> None:
    for said in ("likelihood: 1.5, splines: 10", "likelihood: 49.9, splines: 20"):
        assert raw(tmp_path, HEAD + f"detect: {{all: {{{said}, {BANDS}}}}}\n").detections


def test_a_conversion_factor_is_below_a_thousand(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, HEAD + "detect: {pn: {bands: {EPN: [{band: 1-2 keV, ecf: 1000}]}}}\n")
    assert (found.code, found.message) == ("XB205", "ecf is 1000; it must be below 1000")
