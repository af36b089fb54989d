"""Sums of images on one piece of sky."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from tests.ogip.eventfiles import T0, nustar_file, write_gtis, xmm_file
from tests.tasks.test_image import FULL, NUSTAR, XMM, counts, exposure_map, images, screened
from xbatch.base.errors import FileError, StepError
from xbatch.ogip.eventtable import EventTable
from xbatch.ogip.livetime import LiveTime, save_livetime
from xbatch.ogip.skyplane import event_plane
from xbatch.registry import Job, Outcome
from xbatch.tasks.mosaic import run

ALL = {"name": "all", "lo": 1.6, "hi": 165.44}


def elsewhere(folder: Path, seed: int, ra: float, dec: float, turn: float = 0.0) -> Path:
    """Screen a list of another pointing and roll; give the table."""
    file = nustar_file(4000)
    rng = np.random.default_rng(seed)
    for name in "XY":
        file.columns[name] = rng.normal(500, 60, 4000).round().clip(1, 1000).astype(np.int16)
    file.center, file.turn = (ra, dec), turn
    return screened(file, folder)


def mosaic(tables: Sequence[Path], out: Path, inputs: Mapping[str, Path] | None = None, **params: Any) -> Outcome:
    out.mkdir(parents=True, exist_ok=True)
    who = {key: NUSTAR[key] for key in ("mission", "instrument")}
    members = [{**who, "obsid": f"9990000000{n}"} for n in range(len(tables))]
    given = {"mission": "nustar", "name": "sky", "group": "", "members": members, "bands": [ALL], **params}
    lists = {f"events/{n}": table for n, table in enumerate(tables)}
    return run(Job("mosaic:sky", given, {**lists, **(inputs or {})}, out))


def test_one_list_gives_its_own_image(tmp_path: Path) -> None:
    table = screened(nustar_file(5000), tmp_path / "events")
    images(table, tmp_path / "image", bin=4)
    mosaic([table], tmp_path / "out", bin=4, bands=[FULL], grid="first")
    assert np.array_equal(counts(tmp_path / "out" / "3-79_keV.img"), counts(tmp_path / "image" / "3-79_keV.img"))
    ours, theirs = (fits.getheader(tmp_path / name / "3-79_keV.img") for name in ("out", "image"))
    assert all(ours[key] == theirs[key] for key in ("CRPIX1", "CRPIX2", "CDELT1", "LTV1", "LTM1_1", "OBJECT", "PI_MAX"))


def test_the_sum_of_two_is_the_sum_of_their_images(tmp_path: Path) -> None:
    tables = [screened(nustar_file(5000), tmp_path / "a"), screened(nustar_file(3000), tmp_path / "b")]
    for number, table in enumerate(tables):
        images(table, tmp_path / f"image{number}", bin=4)
    outcome = mosaic(tables, tmp_path / "out", bin=4, bands=[FULL], grid="first")
    parts = [counts(tmp_path / f"image{number}" / "3-79_keV.img") for number in (0, 1)]
    assert np.array_equal(counts(tmp_path / "out" / "3-79_keV.img"), parts[0] + parts[1])
    assert [each["counts"] for each in outcome.facts["members"]] == [[part.sum()] for part in parts]
    assert outcome.facts["exposure"] == 1440.0
    header = fits.getheader(tmp_path / "out" / "3-79_keV.img")
    assert (header["NMEMBERS"], header["MEMB0002"]) == (2, "99900000001/FPMA")


def test_no_count_is_lost_or_split_between_pointings(tmp_path: Path) -> None:
    tables = [
        elsewhere(tmp_path / "a", 1, 321.938, 56.944),
        elsewhere(tmp_path / "b", 2, 322.1, 57.0, 30.0),
        elsewhere(tmp_path / "c", 3, 321.6, 56.9, 200.0),
    ]
    outcome = mosaic(tables, tmp_path / "out", bin=3)
    rows = [EventTable.open(table).rows for table in tables]
    image = counts(tmp_path / "out" / "all.img")
    assert image.sum() == sum(rows) and outcome.notes == ()
    assert [each["outside"] for each in outcome.facts["members"]] == [[0], [0], [0]]
    # every event lies in the pixel that its place on the sky lies in
    expected = np.zeros(image.shape, int)
    world = WCS(fits.getheader(tmp_path / "out" / "all.img"))
    for table in map(EventTable.open, tables):
        plane = event_plane(table.header.wcs, "list")
        assert plane.wcs is not None
        x, y = (table.columns[name].astype(float) for name in "xy")
        column, row = world.all_world2pix(*plane.wcs.all_pix2world(x, y, 1), 0)
        np.add.at(expected, (np.rint(row).astype(int), np.rint(column).astype(int)), 1)
    # a pixel's centre on an edge may go either way
    assert np.abs(image - expected).sum() <= 4


def test_a_pixel_of_any_size(tmp_path: Path) -> None:
    tables = [elsewhere(tmp_path / "a", 1, 321.938, 56.944), elsewhere(tmp_path / "b", 2, 322.1, 57.0, 30.0)]
    outcome = mosaic(tables, tmp_path / "out", pixel=10.0)
    header = fits.getheader(tmp_path / "out" / "all.img")
    assert header["CDELT2"] == pytest.approx(10.0 / 3600.0) and outcome.facts["pixel"] == pytest.approx(10.0)
    assert counts(tmp_path / "out" / "all.img").sum() == sum(EventTable.open(table).rows for table in tables)
    with pytest.raises(StepError, match="a mosaic's pixel is -1"):
        mosaic(tables, tmp_path / "out", pixel=-1)


def test_events_outside_the_grid_are_counted_and_said(tmp_path: Path) -> None:
    tables = [elsewhere(tmp_path / "a", 1, 321.938, 56.944), elsewhere(tmp_path / "b", 2, 323.2, 57.0)]
    outcome = mosaic(tables, tmp_path / "out", bin=10, grid="first")
    first, second = outcome.facts["members"]
    assert first["outside"] == [0] and second["outside"][0] > 0
    rows = EventTable.open(tables[1]).rows
    assert second["counts"] == [rows]
    assert counts(tmp_path / "out" / "all.img").sum() == first["counts"][0] + rows - second["outside"][0]
    assert any("events outside the mosaic" in note for note in outcome.notes)


def test_a_large_field_and_positions_between_pixels(tmp_path: Path) -> None:
    file = xmm_file()
    params = {"mission": "xmm", "members": [{**XMM}, {**XMM}], "bands": [{"name": "all", "lo": 0.0, "hi": 15.0}]}
    whole = screened(file, tmp_path / "a")
    broken = xmm_file()
    broken.nulls = {}
    for name in "XY":
        broken.columns[name] = broken.columns[name].astype(np.float32)
    between = screened(broken, tmp_path / "b")
    mosaic([whole, between], tmp_path / "out", **params)
    image = counts(tmp_path / "out" / "all.img")
    assert image.sum() == 2 * EventTable.open(whole).rows and np.all(image % 2 == 0)
    assert round(fits.getheader(tmp_path / "out" / "all.img")["CDELT2"] / 6.828076e-4) == 80


def test_a_time_selection_of_one_member(tmp_path: Path) -> None:
    table = screened(nustar_file(), tmp_path / "a")
    gti = write_gtis(tmp_path / "some.gti", [(T0 + 100, T0 + 200)])
    outcome = mosaic([table, table], tmp_path / "out", {"gti/1": gti})
    time = EventTable.open(table).columns["time"]
    held = np.count_nonzero((time >= T0 + 100) & (time < T0 + 200))
    assert [each["counts"] for each in outcome.facts["members"]] == [[len(time)], [held]]
    assert outcome.facts["exposure"] == pytest.approx(720 + 90)


def test_the_live_time_of_one_member_by_its_housekeeping(tmp_path: Path) -> None:
    table = screened(nustar_file(), tmp_path / "a")
    save_livetime(tmp_path / "live.npz", LiveTime(np.arange(T0, T0 + 1000), np.full(1000, 0.5)))
    outcome = mosaic([table, table], tmp_path / "out", {"livetime/1": tmp_path / "live.npz"})
    assert [each["exposure"] for each in outcome.facts["members"]] == [720, pytest.approx(400)]
    assert fits.getheader(tmp_path / "out" / "all.img")["EXPOSURE"] == pytest.approx(1120)


def test_exposures_are_added(tmp_path: Path) -> None:
    table = screened(nustar_file(5000), tmp_path / "a")
    maps = [exposure_map(tmp_path / f"{n}.fits", np.full((500, 500), 100.0 * (n + 1)), 2) for n in (0, 1)]
    outcome = mosaic([table, table], tmp_path / "out", {f"expmap/{n}": path for n, path in enumerate(maps)}, bin=10)
    image, rate = (counts(tmp_path / "out" / f"all{part}.img") for part in ("", ".rate"))
    assert np.allclose(rate, image / 300.0, rtol=1e-6) and outcome.facts["bands"][0]["unexposed_counts"] == 0
    outcome = mosaic([table, table], tmp_path / "one", {"expmap/0": maps[0]}, bin=10)
    assert outcome.notes == ("no rates, for want of the exposure map of 99900000001/FPMA",)
    assert not (tmp_path / "one" / "all.rate.img").exists()


def test_equal_inputs_give_equal_bytes(tmp_path: Path) -> None:
    tables = [elsewhere(tmp_path / "a", 1, 321.938, 56.944), elsewhere(tmp_path / "b", 2, 322.1, 57.0, 30.0)]
    for name in "xy":
        mosaic(tables, tmp_path / name, bin=5)
    for path in (tmp_path / "x").iterdir():
        assert path.read_bytes() == (tmp_path / "y" / path.name).read_bytes(), path.name
    assert json.loads((tmp_path / "x" / "mosaic.json").read_text())["bin"] == 5


def test_what_cannot_be_summed_is_refused(tmp_path: Path) -> None:
    table = elsewhere(tmp_path / "a", 1, 321.938, 56.944)
    with pytest.raises(StepError, match="lie on different sides of the sky"):
        mosaic([table, elsewhere(tmp_path / "b", 2, 141.938, -56.944)], tmp_path / "out")
    with pytest.raises(StepError, match=r"a mosaic of \d+ x \d+ pixels cannot be made"):
        mosaic([table, elsewhere(tmp_path / "c", 2, 290.0, 30.0)], tmp_path / "out")
    with pytest.raises(StepError, match="a mosaic's grid is 'some'"):
        mosaic([table], tmp_path / "out", grid="some")
    with pytest.raises(StepError, match="no image is to be summed"):
        mosaic([], tmp_path / "out")
    file = nustar_file()
    file.sky = False
    with pytest.raises(FileError, match="cannot be laid on the sky"):
        mosaic([screened(file, tmp_path / "d")], tmp_path / "out")


@pytest.mark.real_data
def test_both_mos_cameras(real_data: Path, tmp_path: Path) -> None:
    """The sums of the evselect images of MOS1 and MOS2, on one grid: 14035 + 14777 and 11357 + 11522 counts."""
    from xbatch.tasks import events

    tables = []
    for camera in ("mos1", "mos2"):
        (tmp_path / camera).mkdir()
        path = real_data / f"xmm/0201903501/{camera}_exp1_clean_evts.fits.gz"
        events.run(Job("events:x", {}, {"events": path}, tmp_path / camera))
        tables.append(tmp_path / camera / "events.bin")
    bands = [{"name": "soft", "lo": 0.5, "hi": 2.001}, {"name": "hard", "lo": 2.0, "hi": 10.001}]
    members = [{**XMM, "instrument": name} for name in ("EMOS1", "EMOS2")]
    mosaic(tables, tmp_path / "out", mission="xmm", members=members, bands=bands, bin=87)
    assert [int(counts(tmp_path / "out" / f"{name}.img").sum()) for name in ("soft", "hard")] == [28812, 22879]
