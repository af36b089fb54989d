"""Regions drawn on the image of an observation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from tests.ogip.eventfiles import EventFile, nustar_file, xmm_file
from tests.tasks.test_image import NUSTAR, XMM, screened
from xbatch.base.errors import StepError
from xbatch.ogip.eventtable import EventTable
from xbatch.registry import Job, Outcome
from xbatch.tasks.preview import run
from xbatch.tasks.skyfigure import ROLE_COLOURS, role_of
from xbatch.xray.region_masks import selected
from xbatch.xray.regions import Annulus, Circle


def shape(name: str, center: tuple[float, float], sizes: list[float], **more: Any) -> dict[str, Any]:
    return {"shape": name, "frame": "physical", "center": list(center), "sizes": sizes, "include": True, **more}


CIRCLE = {"shapes": [shape("circle", (500.0, 500.0), [60.0])]}
RING = {
    "shapes": [shape("annulus", (500.0, 500.0), [80.0, 200.0]), shape("circle", (600.0, 500.0), [40.0], include=False)]
}
EVERY = {
    "a": CIRCLE,
    "b": RING,
    "c": {"shapes": [shape("ellipse", (300.0, 700.0), [80.0, 30.0], angle=30.0)]},
    "d": {"shapes": [shape("box", (700.0, 700.0), [80.0, 30.0], angle=30.0)]},
    "e": {"shapes": [shape("panda", (300.0, 300.0), [20.0, 90.0], sweep=[20.0, 150.0])]},
    "f": {"shapes": [shape("polygon", (0.0, 0.0), [], vertices=[[700.0, 200.0], [800.0, 250.0], [720.0, 330.0]])]},
    "g": {"shapes": [shape("ellipse", (500.0, 850.0), [20.0, 10.0, 60.0, 30.0])]},
    "h": {"shapes": [shape("point", (150.0, 500.0), [])]},
}


def preview(
    table: Path, out: Path, regions: Mapping[str, Any], files: Mapping[str, Path] | None = None, **params: Any
) -> Outcome:
    out.mkdir(parents=True, exist_ok=True)
    inputs = {"events": table} | {f"region/{name}": path for name, path in (files or {}).items()}
    outcome = run(Job("preview:x", {**NUSTAR, "regions": regions, **params}, inputs, out))
    assert sorted(path.name for path in out.iterdir()) == ["regions.json", "regions.png"]
    return outcome


def colour_is_there(path: Path, colour: str) -> bool:
    drawn = (imread(path)[..., :3] * 255).astype(int)
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    return int(np.all(np.abs(drawn - wanted) < 12, axis=-1).sum()) > 50


def test_regions_are_counted_and_drawn(tmp_path: Path) -> None:
    table = screened(nustar_file(5000), tmp_path / "events")
    roles = {"src": "source of agn", "bkg": "background of agn"}
    outcome = preview(table, tmp_path / "out", {"src": CIRCLE, "bkg": RING}, roles=roles)
    opened = EventTable.open(table)
    x, y, pi = (opened.columns[name] for name in ("x", "y", "pi"))
    drawn = {
        "src": (Circle(500.0, 500.0, 60.0),),
        "bkg": (Annulus(500.0, 500.0, 80.0, 200.0), Circle(600.0, 500.0, 40.0, include=False)),
    }
    facts = json.loads((tmp_path / "out" / "regions.json").read_text())
    grid = np.arange(1, 1001)
    for name, shapes in drawn.items():
        held = selected(shapes, x, y)
        region = facts["regions"][name]
        assert region["counts"] == np.count_nonzero(held)
        assert region["band_counts"] == np.count_nonzero(held & (pi >= 35) & (pi < 1935))
        assert region["pixels"] == np.count_nonzero(selected(shapes, *np.meshgrid(grid, grid)))
        assert region["area_arcmin2"] == pytest.approx(region["pixels"] * (6.828076e-4 * 60) ** 2)
        assert region["fraction_in_field"] == 1.0 and region["role"] == roles[name]
    assert facts["regions"]["bkg"]["shapes"] == ["annulus 500, 500, 80, 200", "-circle 600, 500, 40"]
    assert facts["band"] == "3-79 keV" and facts["events"] == opened.rows and outcome.notes == ()
    assert colour_is_there(tmp_path / "out" / "regions.png", ROLE_COLOURS["source"])
    assert colour_is_there(tmp_path / "out" / "regions.png", ROLE_COLOURS["background"])
    assert not colour_is_there(tmp_path / "out" / "regions.png", ROLE_COLOURS["light curve"])


def test_every_shape_can_be_drawn_and_always_the_same(tmp_path: Path) -> None:
    table = screened(nustar_file(), tmp_path / "events")
    for name in "xy":
        outcome = preview(table, tmp_path / name, EVERY)
    assert list(outcome.facts["regions"]) == list(EVERY)
    for file in ("regions.png", "regions.json"):
        assert (tmp_path / "x" / file).read_bytes() == (tmp_path / "y" / file).read_bytes()


def test_a_region_file_and_a_region_beyond_the_field(tmp_path: Path) -> None:
    table = screened(nustar_file(), tmp_path / "events")
    path = tmp_path / "edge.reg"
    path.write_text("physical\ncircle(1000.5,500,50)\n# text(1,1) text={x}\n")
    outcome = preview(table, tmp_path / "out", {"edge": {"file": "edge.reg"}}, {"edge": path})
    region = outcome.facts["regions"]["edge"]
    assert region["fraction_in_field"] == pytest.approx(0.5, abs=0.02)
    assert any("'edge' reaches beyond the field" in note for note in outcome.notes)


@pytest.mark.parametrize("center", [(5000.0, 500.0), (-300.0, 500.0)])
def test_a_region_without_area_is_named(tmp_path: Path, center: tuple[float, float]) -> None:
    table = screened(nustar_file(), tmp_path / "events")
    with pytest.raises(StepError, match=r"^the region 'src' selects no pixel of the field"):
        preview(table, tmp_path / "out", {"bkg": RING, "src": {"shapes": [shape("circle", center, [20.0])]}})


def test_all_regions_without_area_are_named(tmp_path: Path) -> None:
    table = screened(nustar_file(), tmp_path / "events")
    far = {"shapes": [shape("circle", (5000.0, 500.0), [20.0])]}
    with pytest.raises(StepError, match=r"^the region 'a' selects no pixel of the field .*; neither does 'c', 'd'"):
        preview(table, tmp_path / "out", {"a": far, "b": RING, "c": far, "d": far})


def test_regions_that_make_no_sense(tmp_path: Path) -> None:
    table = screened(nustar_file(), tmp_path / "events")
    with pytest.raises(StepError, match="the region 'src' has neither a file nor shapes"):
        preview(table, tmp_path / "out", {"src": {}})


def without_sky(file: EventFile) -> EventFile:
    file.sky = False
    return file


@pytest.mark.parametrize(
    ("file", "params", "band"),
    [
        (xmm_file(), XMM, "0.3-10 keV"),
        (nustar_file(), {"mission": "other", "instrument": "CAM"}, "all energies"),
        (without_sky(nustar_file()), {}, "3-79 keV"),
    ],
)
def test_other_lists(tmp_path: Path, file: EventFile, params: dict[str, Any], band: str) -> None:
    table = screened(file, tmp_path / "events")
    outcome = preview(table, tmp_path / "out", {"src": CIRCLE}, **params)
    assert outcome.facts["band"] == band


def test_positions_between_pixels(tmp_path: Path) -> None:
    file = nustar_file()
    file.nulls = {}
    for name in "XY":
        file.columns[name] = file.columns[name].astype(np.float32) + np.float32(0.25)
    table = screened(file, tmp_path / "events")
    outcome = preview(table, tmp_path / "out", {"src": CIRCLE})
    columns = EventTable.open(table).columns
    held = selected([Circle(500.0, 500.0, 60.0)], columns["x"], columns["y"])
    assert outcome.facts["regions"]["src"]["counts"] == np.count_nonzero(held)


def test_no_region_at_all(tmp_path: Path) -> None:
    table = screened(nustar_file(), tmp_path / "events")
    assert preview(table, tmp_path / "out", {}).facts["regions"] == {}


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("source of agn", "source"),
        ("background of agn; background of jet", "background"),
        ("source of agn; background of jet", "source and background"),
        ("light curve agn", "light curve"),
        ("source of agn; light curve agn", "source"),
        ("", "other"),
    ],
)
def test_what_a_region_is_for(text: str, role: str) -> None:
    assert role_of(text) == role


def test_the_inner_radius_that_a_search_finds_is_shown(tmp_path: Path) -> None:
    table = screened(nustar_file(), tmp_path / "events")
    found = tmp_path / "pileup.json"
    found.write_text('{"inner": 49.2}')  # arcsec, of 2.46 a pixel
    (tmp_path / "out").mkdir()
    inputs = {"events": table, "pileup/a": found}
    facts = run(Job("preview:x", {**NUSTAR, "regions": {"a": CIRCLE}}, inputs, tmp_path / "out")).facts
    (ring,) = facts["regions"]["a"]["shapes"]
    assert ring.startswith("annulus 500, 500, ")
    assert float(ring.split(", ")[2]) == pytest.approx(20.0, rel=0.01)
    assert facts["regions"]["a"]["pixels"] == pytest.approx(np.pi * (60.0**2 - 20.0**2), rel=0.01)
