"""Lists of sources of emldetect as tables, regions and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.sas.fitsfile import primary, table, write
from tests.tools.played import Play, play
from xbatch.base.errors import FileError
from xbatch.commands.call import Call, Staged, Work
from xbatch.ogip.eventheader import SkyWcs
from xbatch.ogip.imagefile import ImageGrid, write_image
from xbatch.registry import Job
from xbatch.tools import detect
from xbatch.tools.detect import read_sources
from xbatch.xray.histograms import Axis


def srclist(path: Path, rows: list[tuple[int, int, int, float]]) -> Path:
    """Write a list of emldetect: source, camera, band, rate."""
    number, camera, band, rate = (np.array(column) for column in zip(*rows, strict=True))
    ones = np.ones(len(rows))
    columns = [("ML_ID_SRC", "", number.astype("i4")), ("ID_INST", "", camera.astype("i2"))]
    columns += [("ID_BAND", "", band.astype("i2")), ("RA", "deg", 10 * ones), ("DEC", "deg", -5 * ones)]
    columns += [("DET_ML", "", 20.0 + number), ("RATE", "count/s", rate.astype("f4"))]
    write(path, [primary(), table("SRCLIST", columns)])
    return path


def test_lists_with_and_without_a_sum_over_cameras(tmp_path: Path) -> None:
    rows = [(1, 0, 0, 3.0), (1, 1, 0, 2.0), (1, 1, 1, 2.0), (1, 2, 0, 1.0), (2, 0, 0, 7.0), (2, 1, 0, 7.0)]
    found = read_sources(srclist(tmp_path / "both.fits", rows), ["EPN", "EMOS1"])
    assert [(one["source"], one["rate"], one["rate_EPN"], one.get("rate_EMOS1")) for one in found] == [
        (2, 7.0, 7.0, None),
        (1, 3.0, 2.0, 1.0),
    ]
    assert found[0]["flux"] is None
    alone = read_sources(srclist(tmp_path / "one.fits", [(1, 2, 0, 1.5), (1, 2, 1, 1.5)]), ["EMOS1"])
    assert [(one["source"], one["rate"]) for one in alone] == [(1, 1.5)]


def test_other_tables_are_no_lists_of_sources(tmp_path: Path) -> None:
    write(tmp_path / "x.fits", [primary(), table("SRCLIST", [("RA", "deg", np.array([1.0]))])])
    with pytest.raises(FileError, match="no list of sources of emldetect"):
        read_sources(tmp_path / "x.fits", ["EPN"])


BOTH = [(1, 0, 0, 3.0), (1, 1, 0, 2.0), (1, 2, 0, 1.0), (2, 0, 0, 7.0), (2, 1, 0, 7.0)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.integers(1, 99), min_size=1, max_size=8, unique=True), st.booleans())
def test_each_source_is_one_row_and_the_likeliest_is_first(tmp_path: Path, numbers: list[int], summed: bool) -> None:
    rows = [(number, 0, 0, 1.0) for number in numbers] if summed else []
    rows += [(number, 1, band, 1.0) for number in numbers for band in (0, 1, 2)]
    found = read_sources(srclist(tmp_path / "list.fits", rows), ["EPN"])
    # the likelihood is larger for a larger number here
    assert [one["source"] for one in found] == sorted(numbers, reverse=True)


def test_what_is_no_number_is_left_open(tmp_path: Path) -> None:
    (found,) = read_sources(srclist(tmp_path / "list.fits", [(1, 0, 0, np.nan)]), ["EPN"])
    assert found["rate"] is None and found["likelihood"] == 21.0


def _leaves(rows: list[tuple[int, int, int, float]]) -> Play:
    def tool(call: Call, folder: Path) -> None:
        srclist(folder / "emllist.fits", rows) if rows else _empty(folder / "emllist.fits")

    return tool


def _empty(path: Path) -> None:
    names = ("ML_ID_SRC", "ID_INST", "ID_BAND", "RA", "DEC", "DET_ML", "RATE")
    columns = [(name, "", np.zeros(0, "i4" if name.startswith(("ML", "ID")) else "f8")) for name in names]
    write(path, [primary(), table("SRCLIST", columns)])


def _job(folder: Path, cameras: list[str], picture: bool = False) -> Job:
    inputs = {}
    if picture:
        inputs["picture"] = folder / "picture.img"
        wcs = SkyWcs((16.0, 16.0), (10.0, -5.0), (-1e-3, 1e-3), ("RA---TAN", "DEC--TAN"), 0.0, "FK5", 2000.0)
        grid = ImageGrid(Axis(1.0, 0.0, 31), Axis(1.0, 0.0, 31), wcs=wcs)
        write_image(inputs["picture"], np.ones((31, 31), np.int32), grid, [])
    (folder / "out").mkdir()
    kept = {"sources.fits": "emllist.fits", "sensitivity-EPN-b1.img": "EPN_image_b1sen.fits"}
    work = Work((Call("sas", "edetect_chain", ()),), {"x.img": Staged("picture")}, kept=kept)
    params = {"obsid": "1", "instrument": "EPIC", "name": "field", "instruments": cameras, "work": work.params()}
    return Job("detect:1/field", params, inputs, folder / "out")


def test_table_and_regions_of_the_sources(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    play(monkeypatch, detect, _leaves(BOTH))
    outcome = detect.run(_job(tmp_path, ["EPN", "EMOS1"]))
    assert outcome.facts["sources"] == 2 and outcome.facts["brightest_likelihood"] == 22.0
    assert outcome.facts["calls"] == ["edetect_chain"]
    assert outcome.notes == ("edetect_chain has made no sensitivity-EPN-b1.img",)
    made = Table.read(tmp_path / "out/sources.ecsv")
    assert made["source"].tolist() == [2, 1] and made["rate_EPN"].tolist() == [7.0, 2.0]
    assert made["rate_EMOS1"].filled(-1.0).tolist() == [-1.0, 1.0]
    regions = (tmp_path / "out/sources.reg").read_text().splitlines()
    assert regions[3:] == [f'circle(10.000000,-5.000000,25.2") # text={{{number}}}' for number in (2, 1)]
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert not {"sources.png", "sensitivity-EPN-b1.img"} & names


def test_sources_that_were_not_fitted_come_last_and_are_not_drawn(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def tool(call: Call, folder: Path) -> None:
        ones = np.ones(3)
        columns = [("ML_ID_SRC", "", np.arange(3, dtype="i4")), ("ID_INST", "", np.zeros(3, "i2"))]
        columns += [("ID_BAND", "", np.zeros(3, "i2")), ("RA", "deg", np.array([np.nan, 10.0, 11.0]))]
        columns += [("DEC", "deg", -5 * ones), ("DET_ML", "", np.array([30.0, np.nan, 12.0])), ("RATE", "", ones)]
        write(folder / "emllist.fits", [primary(), table("SRCLIST", columns)])

    play(monkeypatch, detect, tool)
    outcome = detect.run(_job(tmp_path, ["EPN"], picture=True))
    assert outcome.facts["brightest_likelihood"] == 30.0
    assert "emldetect gives no position of source 0" in outcome.notes[0]
    assert Table.read(tmp_path / "out/sources.ecsv")["source"].tolist() == [0, 2, 1]
    regions = (tmp_path / "out/sources.reg").read_text().splitlines()
    assert [line.partition("text=")[2] for line in regions[3:]] == ["{2}", "{1}"]


def test_maps_are_kept_by_plain_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def tool(call: Call, folder: Path) -> None:
        srclist(folder / "emllist.fits", BOTH)
        (folder / "EPN_image_b1sen.fits").write_text("map")

    play(monkeypatch, detect, tool)
    assert detect.run(_job(tmp_path, ["EPN"])).notes == ()
    assert (tmp_path / "out/sensitivity-EPN-b1.img").read_text() == "map"


def test_no_source_is_a_result_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    play(monkeypatch, detect, _leaves([]))
    outcome = detect.run(_job(tmp_path, ["EPN"]))
    assert (outcome.facts["sources"], outcome.facts["brightest_likelihood"]) == (0, None)
    assert outcome.notes[0] == "no source reaches the likelihood asked for"
    assert (tmp_path / "out/sources.reg").read_text().endswith("fk5\n")


def test_circles_lie_where_the_sources_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    drawn: list[Any] = []
    draw = detect.draw_regions
    monkeypatch.setattr(detect, "draw_regions", lambda *given: drawn.append(given) or draw(*given))
    play(monkeypatch, detect, _leaves([(1, 0, 0, 3.0)]))
    detect.run(_job(tmp_path, ["EPN"], picture=True))
    (region,) = drawn[0][2]
    (circle,) = region.shapes
    assert (circle.x, circle.y) == pytest.approx((16.0, 16.0), abs=1e-6)
    assert circle.radius == pytest.approx(7.0)  # 0.007 degrees of pixels of a thousandth
    assert drawn[0][0].wcs.crval == (10.0, -5.0)
    assert (tmp_path / "out/sources.png").read_bytes().startswith(b"\x89PNG")
