"""Tests of placing a spec's regions on an event table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.ogip.eventfiles import EventFile, nustar_file
from xbatch.base.errors import FileError, StepError
from xbatch.ogip.eventtable import EventTable
from xbatch.registry import Job
from xbatch.tasks._regions import field_of, place_regions, region_files
from xbatch.tasks.events import run
from xbatch.xray.region_masks import Field
from xbatch.xray.regions import Annulus, Circle

SHAPE = {"shape": "circle", "frame": "physical", "center": [500.0, 400.0], "sizes": [30.0]}


def table_of(file: EventFile, tmp_path: Path) -> EventTable:
    out = tmp_path / "out"
    out.mkdir()
    run(Job("events:x", {}, {"events": file.write(tmp_path / "list.evt")}, out))
    return EventTable.open(out / "events.bin")


def test_files_and_plain_numbers_become_shapes(tmp_path: Path) -> None:
    table = table_of(nustar_file(), tmp_path)
    file = tmp_path / "src.reg"
    file.write_text('fk5\ncircle(321.938,56.944,49.162147")\n')
    shapes = [
        {"shape": "annulus", "frame": "fk5", "center": [321.938, 56.944], "sizes": [49.162147, 98.324294]},
        {**SHAPE, "include": False},
    ]
    found = place_regions(table, {"src": {"file": "src.reg"}, "bkg": {"shapes": shapes}}, {"src": file})
    circle, annulus = found["src"].shapes[0], found["bkg"].shapes[0]
    assert isinstance(circle, Circle) and isinstance(annulus, Annulus)
    assert (circle.x, circle.y, circle.radius) == pytest.approx((500.5, 500.5, 20.0), abs=1e-5)
    assert (annulus.inner, annulus.outer) == pytest.approx((20.0, 40.0), abs=1e-5)
    assert found["bkg"].shapes[1] == Circle(500.0, 400.0, 30.0, include=False)
    assert found["src"].rule == "file-order" and found["src"].file == str(file)
    assert found["bkg"].file == ""


def test_roles_of_files() -> None:
    inputs = {"events": Path("a"), "region/src.inner": Path("b")}
    assert region_files(inputs) == {"src.inner": Path("b")}


def test_the_rule_asked_for_holds(tmp_path: Path) -> None:
    table = table_of(nustar_file(), tmp_path)
    shapes = [{**SHAPE, "include": False}, SHAPE]
    with pytest.raises(FileError, match="region 'src': begins with an exclude and also includes"):
        place_regions(table, {"src": {"shapes": shapes, "combine": None}}, {})
    assert (
        place_regions(table, {"src": {"shapes": shapes, "combine": "exclude-last"}}, {})["src"].rule == "exclude-last"
    )


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({}, "the region 'src' has neither a file nor shapes"),
        ({"shapes": [{**SHAPE, "sizes": []}]}, "the region 'src' cannot be made: circle takes 1 sizes, not 0"),
    ],
)
def test_shapes_that_make_no_sense(params: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(StepError, match=words):
        place_regions(table_of(nustar_file(), tmp_path), {"src": params}, {})


def test_fields(tmp_path: Path) -> None:
    assert field_of(table_of(nustar_file(), tmp_path)) == Field(1, 1000, 1, 1000)


def test_fields_without_limits_are_those_of_the_events(tmp_path: Path) -> None:
    file = nustar_file()
    file.sky = False
    file.nulls = {}
    file.columns["X"] = file.columns["X"].astype(np.float32) + np.float32(0.5)
    table = table_of(file, tmp_path)
    x, y = table.columns["x"], table.columns["y"]
    assert field_of(table) == Field(int(x.min() - 0.5), int(x.max() + 0.5), int(y.min()), int(y.max()))
    shapes = [{**SHAPE, "frame": "fk5"}]
    with pytest.raises(
        FileError, match=r"events of 99900000001/FPMA: the region 'src': a region on the sky cannot be placed: X and Y"
    ):
        place_regions(table, {"src": {"shapes": shapes}}, {})
    assert place_regions(table, {"src": {"shapes": [SHAPE]}}, {})["src"].shapes == (Circle(500.0, 400.0, 30.0),)


def test_lists_without_positions_have_no_regions(tmp_path: Path) -> None:
    file = nustar_file()
    file.nulls = {}
    del file.columns["X"], file.columns["Y"]
    with pytest.raises(FileError, match="the list has no X and Y: no regions, and no images"):
        place_regions(table_of(file, tmp_path), {"src": {"shapes": [SHAPE]}}, {})
