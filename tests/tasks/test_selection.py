"""Tests of regions as conditions for SAS, on the pixels of a list."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.ogip.eventfiles import EventFile, xmm_file
from xbatch.base.errors import FileError, StepError
from xbatch.registry import Job, Outcome
from xbatch.tasks.selection import run

#: 0.05 arcsec, as EPIC's.
PIXEL = 0.05 / 3600.0
MIDDLE = 25920.5
CENTER = [321.938, 56.944]
WHO = {"mission": "xmm", "instrument": "EMOS1", "obsid": "0999000001"}


def sky(shape: str = "circle", *sizes: float, include: bool = True) -> dict[str, Any]:
    return {"shape": shape, "frame": "fk5", "center": CENTER, "sizes": list(sizes), "include": include}


def select(
    folder: Path,
    regions: Mapping[str, Any],
    inputs: Mapping[str, Path] | None = None,
    file: EventFile | None = None,
) -> tuple[dict[str, Any], Outcome]:
    out = folder / "out"
    out.mkdir()
    events = replace(file or xmm_file(), pixel=PIXEL).write(folder / "list.fits")
    named = {name: {"shapes": shapes, "combine": None} for name, shapes in regions.items()}
    outcome = run(Job("selection:x", {**WHO, "regions": named}, {"events": events, **(inputs or {})}, out))
    return json.loads((out / "selection.json").read_text()), outcome


def test_sky_regions_become_conditions_on_x_and_y(tmp_path: Path) -> None:
    found, outcome = select(tmp_path, {"src": [sky("annulus", 0.0, 50.0)], "ring": [sky("annulus", 3.0, 50.0)]})
    # 20 pixels to an arcsec
    assert found["src.expression"] == f"((X,Y) IN CIRCLE({MIDDLE},{MIDDLE},1000))"
    assert found["ring.expression"] == f"((X,Y) IN ANNULUS({MIDDLE},{MIDDLE},60,1000))"
    assert outcome.facts["regions"] == {name: found[f"{name}.expression"] for name in ("src", "ring")}
    ring = found["regions"]["ring"]
    assert (ring["x"], ring["y"], ring["inner"], ring["outer"], ring["pixels"]) == pytest.approx(
        (MIDDLE, MIDDLE, 60.0, 1000.0, 20.0), abs=1e-4
    )


def test_unions_stand_in_brackets_and_excludes_are_taken_out(tmp_path: Path) -> None:
    shapes = [sky("circle", 10.0), sky("box", 10.0, 20.0), sky("circle", 5.0, include=False)]
    found, _ = select(tmp_path, {"bkg.two": shapes})
    assert found["bkg.two.expression"] == (
        f"((((X,Y) IN CIRCLE({MIDDLE},{MIDDLE},200))||((X,Y) IN BOX({MIDDLE},{MIDDLE},100,200,0)))"
        f"&&!((X,Y) IN CIRCLE({MIDDLE},{MIDDLE},100)))"
    )
    assert "x" not in found["regions"]["bkg.two"]


def test_region_files_are_read(tmp_path: Path) -> None:
    file = tmp_path / "ds9.reg"
    file.write_text("physical\nannulus(27000,26000,0,1000) # color=green\n")
    found, _ = select(tmp_path, {"src": []}, {"region/src": file})
    assert found["src.expression"] == "((X,Y) IN CIRCLE(27000,26000,1000))"


def _pileup(folder: Path, inner: float) -> dict[str, Path]:
    path = folder / "pileup.json"
    path.write_text(json.dumps({"inner": inner, "accepted": True, "table": []}))
    return {"pileup/src": path}


def test_what_a_search_has_found_enlarges_the_inner_radius(tmp_path: Path) -> None:
    regions = {"src": [sky("annulus", 0.0, 50.0)], "src.energy": [sky("annulus", 0.0, 50.0)]}
    found, outcome = select(tmp_path, regions, _pileup(tmp_path, 3.5))
    assert found["src.expression"] == f"((X,Y) IN ANNULUS({MIDDLE},{MIDDLE},70,1000))"
    assert found["src.energy.expression"] == f"((X,Y) IN CIRCLE({MIDDLE},{MIDDLE},1000))"
    assert outcome.notes == ("src: an inner radius of 3.5 arcsec leaves no pile-up",)


def test_it_makes_a_ring_of_a_circle_and_never_a_region_larger(tmp_path: Path) -> None:
    found, _ = select(tmp_path, {"src": [sky("circle", 50.0)]}, _pileup(tmp_path, 3.0))
    assert found["src.expression"] == f"((X,Y) IN ANNULUS({MIDDLE},{MIDDLE},60,1000))"
    other = tmp_path / "other"
    other.mkdir()
    found, _ = select(other, {"src": [sky("annulus", 5.0, 50.0)]}, _pileup(tmp_path, 0.0))
    assert found["src.expression"] == f"((X,Y) IN ANNULUS({MIDDLE},{MIDDLE},100,1000))"


def test_what_cannot_be_enlarged_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="neither a circle nor an annulus"):
        select(tmp_path, {"src": [sky("box", 50.0, 50.0)]}, _pileup(tmp_path, 3.0))
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(StepError, match="piled up out to 1000"):
        select(other, {"src": [sky("circle", 50.0)]}, _pileup(tmp_path, 50.0))


def test_a_list_of_timing_mode_has_no_place(tmp_path: Path) -> None:
    file = xmm_file()
    del file.columns["X"], file.columns["Y"]
    file.nulls = {}
    with pytest.raises(FileError, match="has no X and Y"):
        select(tmp_path, {"src": [sky("circle", 50.0)]}, file=file)


def test_a_region_off_the_field_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="selects no pixel of the field"):
        select(tmp_path, {"src": [{**sky("circle", 50.0), "center": [300.0, 56.944]}]})


def located(folder: Path, shapes: list[dict[str, Any]], place: list[float]) -> tuple[list[Any], str]:
    """Give what arfgen is told of a source that may lie in a region, and the note about it."""
    out = folder / "out"
    out.mkdir()
    events = replace(xmm_file(), pixel=PIXEL).write(folder / "list.fits")
    params = {**WHO, "regions": {"src": {"shapes": shapes, "combine": None}}, "sources": {"src": place}}
    outcome = run(Job("selection:x", params, {"events": events}, out))
    found = json.loads((out / "selection.json").read_text())
    (note,) = [note for note in outcome.notes if "the source" in note]
    return [found[f"src.{name}"] for name in ("withsourcepos", "sourcex", "sourcey")], note


@pytest.mark.parametrize(
    ("shapes", "place", "given"),
    [
        ([sky("box", 40.0, 20.0)], CENTER, True),
        ([sky("box", 40.0, 20.0)], [CENTER[0], CENTER[1] + 15.0 / 3600.0], False),
        ([sky("box", 10.0, 10.0), sky("circle", 30.0)], [CENTER[0], CENTER[1] + 20.0 / 3600.0], True),
        # the core is cut out, and is the source's all the same
        ([sky("circle", 30.0), sky("circle", 5.0, include=False)], CENTER, True),
        ([sky("circle", 30.0), sky("circle", 5.0, include=False)], [10.0, 20.0], False),
        # as a file may turn out to be: arfgen sees the middle of one circle by itself
        ([sky("circle", 30.0)], CENTER, False),
        ([sky("annulus", 3.0, 30.0)], CENTER, False),
        ([sky("ellipse", 30.0, 10.0)], CENTER, False),
    ],
)
def test_a_source_is_where_the_target_is_if_that_lies_in_the_region(
    tmp_path: Path, shapes: list[dict[str, Any]], place: list[float], given: bool
) -> None:
    told, note = located(tmp_path, shapes, place)
    assert told == ([True, f"{place[0]:.8g}", f"{place[1]:.8g}"] if given else [False, "0", "0"])
    assert note == f"src: the source is taken to be at {'the target' if given else 'the middle of the region'}"
