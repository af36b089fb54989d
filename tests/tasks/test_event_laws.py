"""What must hold for all products of events, whatever the list, the bands, the times and the regions."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ogip.eventfiles import GTIS, T0, nustar_file
from tests.tasks.eventworld import EVERYWHERE, World, band, box, circle, counts, curve, pha, picture
from xbatch.ogip.eventtable import EventTable
from xbatch.ogip.rows import RowTable
from xbatch.tasks import image, lightcurve
from xbatch.xray.gti import inside

few = settings(max_examples=12, deadline=None)
HALF = st.integers(1, 999).map(lambda place: place + 0.5)


@pytest.fixture(autouse=True, scope="module")
def _no_figures() -> Iterator[None]:
    """Leave out the figures: they show what the other files hold, and take most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(image, "_draw", lambda *_: None)
        patch.setattr(lightcurve, "draw_bands", lambda *_: None)
        yield


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with TemporaryDirectory() as folder:
        yield World(Path(folder))


@pytest.fixture(scope="module")
def table(world: World) -> Path:
    return world.table()


@few
@given(st.lists(st.integers(0, 4096), min_size=2, max_size=4, unique=True).map(sorted))
def test_bands_add_up_to_the_whole(world: World, table: Path, edges: list[int]) -> None:
    whole = band(edges[0], edges[-1] - 1, "whole")
    parts = [band(a, b - 1) for a, b in pairwise(edges)]
    images = world.images(table, [whole, *parts])
    assert np.array_equal(picture(images, "whole"), sum(picture(images, part["name"]) for part in parts))
    curves = world.curves(table, [whole, *parts])
    found = [curve(curves, part["name"]) for part in parts]
    assert np.array_equal(curve(curves, "whole")["COUNTS"], sum(each["COUNTS"] for each in found))
    spectrum = counts(world.spectra(table, {"all": [EVERYWHERE]}), "all")
    assert spectrum[edges[0] : edges[-1]].sum() == picture(images, "whole").sum()
    assert [spectrum[a:b].sum() for a, b in pairwise(edges)] == [each["COUNTS"].sum() for each in found]


@few
@given(st.lists(st.integers(1, 999), min_size=1, max_size=3, unique=True).map(sorted))
def test_times_add_up_to_the_whole(world: World, table: Path, cuts: list[int]) -> None:
    edges = [T0 + cut for cut in (0, *cuts, 1000)]
    good = [(a, b) for a, b in pairwise(edges) if not T0 + 400 <= a < b <= T0 + 600]
    gtis = [world.gti([part]) for part in good]
    regions = {"all": [EVERYWHERE]}
    spectra = [pha(world.spectra(table, regions, gti), "all") for gti in gtis]
    whole = pha(world.spectra(table, regions), "all")
    assert np.array_equal(sum(part.counts for part in spectra), whole.counts)
    assert sum(part.exposure for part in spectra) == pytest.approx(whole.exposure, rel=1e-12)
    bands = [band(0, 4095, "all")]
    images = [picture(world.images(table, bands, gti), "all") for gti in gtis]
    assert np.array_equal(sum(images), picture(world.images(table, bands), "all"))
    totals: dict[float, np.ndarray[Any, Any]] = {}
    for gti in gtis:
        found = curve(world.curves(table, bands, gti, start=T0, stop=T0 + 1000.0), "all")
        for time, *values in zip(found["TIME"], found["COUNTS"], found["FRACEXP"], strict=True):
            totals[time] = totals.get(time, np.zeros(2)) + np.array(values)
    one = curve(world.curves(table, bands, start=T0, stop=T0 + 1000.0), "all")
    assert sorted(totals) == one["TIME"].tolist()
    assert np.array_equal([totals[time][0] for time in one["TIME"]], one["COUNTS"])
    assert np.allclose([totals[time][1] for time in one["TIME"]], one["FRACEXP"], rtol=0, atol=1e-9)


@few
@given(HALF, st.tuples(HALF, HALF, st.integers(1, 400)))
def test_regions_add_up_to_the_whole(world: World, table: Path, cut: float, ring: tuple[float, float, int]) -> None:
    left = [box(0.25 + cut / 2, 500.5, cut - 0.5, 1000)]
    right = [box(500.25 + cut / 2, 500.5, 1000.5 - cut, 1000)]
    inner, outer = [circle(*ring)], [EVERYWHERE, circle(*ring, include=False)]
    regions = {"all": [EVERYWHERE], "left": left, "right": right, "inner": inner, "outer": outer}
    found = world.spectra(table, regions)
    whole = pha(found, "all")
    for pair in (("left", "right"), ("inner", "outer")):
        parts = [pha(found, name) for name in pair]
        assert np.array_equal(sum(part.counts for part in parts), whole.counts)
        assert sum(part.backscal[0] for part in parts) == pytest.approx(whole.backscal[0], rel=1e-6)
        bins = [curve(world.curves(table, [band(0, 4095, "b")], region=regions[name]), "b")["COUNTS"] for name in pair]
        all_bins = curve(world.curves(table, [band(0, 4095, "b")]), "b")["COUNTS"]
        assert np.array_equal(sum(bins), all_bins)


@few
@given(st.lists(st.tuples(st.integers(0, 950), st.integers(1, 300)), min_size=1, max_size=4))
def test_no_event_outside_a_gti_is_in_any_product(intervals: list[tuple[int, int]]) -> None:
    gti = [(T0 + start, T0 + start + length) for start, length in intervals]
    file = nustar_file(gtis=gti)
    held = inside(file.columns["TIME"], gti)
    if not held.any():
        return
    # events outside are marked: they alone have PI above 4000, and pixels below 100
    file.columns["PI"] = np.where(held, file.columns["PI"] % 4000, 4001 + file.columns["PI"] % 90).astype(np.int32)
    for axis in "XY":
        file.columns[axis] = np.where(held, 101 + file.columns[axis] % 900, 1 + file.columns[axis] % 99).astype(
            np.int16
        )
    with TemporaryDirectory() as folder:
        world = World(Path(folder), file)
        table = world.table()
        spectrum = pha(world.spectra(table, {"all": [EVERYWHERE]}), "all")
        assert spectrum.counts[4001:].sum() == 0 and spectrum.counts.sum() == np.count_nonzero(held)
        bands = [band(0, 4095, "all"), band(4001, 4095, "marked")]
        images = world.images(table, bands)
        assert picture(images, "marked").sum() == 0 and picture(images, "all")[:2, :2].sum() == 0
        assert picture(images, "all").sum() == np.count_nonzero(held)
        curves = world.curves(table, bands, start=T0, stop=T0 + 1000.0)
        assert curve(curves, "marked")["COUNTS"].sum() == 0
        assert np.all(curve(curves, "all")["FRACEXP"] > 0)


def made(world: World) -> dict[str, bytes]:
    """Make all products; give their bytes."""
    table = world.table()
    bands = [band(0, 1999), band(1000, 4095), band(30, 40)]
    regions = {"in": [circle(480, 510, 200.0)], "out": [EVERYWHERE, circle(480, 510, 210.0, include=False)]}
    gti = world.gti([(T0 + 33.0, T0 + 380.0), (T0 + 650.0, T0 + 990.5)])
    folders = [
        world.spectra(table, regions),
        world.spectra(table, regions, gti),
        world.images(table, bands, width=3),
        world.images(table, bands, gti),
        world.curves(table, bands, region=regions["in"]),
        world.curves(table, bands, gti, region=regions["out"]),
    ]
    return {
        f"{number}/{path.name}": path.read_bytes()
        for number, folder in enumerate(folders)
        for path in sorted(folder.iterdir())
    }


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return made(World(tmp_path_factory.mktemp("expected")))


@few
@given(st.randoms(use_true_random=False))
def test_the_order_of_events_makes_no_difference(expected: dict[str, bytes], random: Any) -> None:
    file = nustar_file()
    order = list(range(500))
    random.shuffle(order)
    file.columns = {name: values[order] for name, values in file.columns.items()}
    with TemporaryDirectory() as folder:
        assert made(World(Path(folder), file)) == expected


@pytest.mark.parametrize("rows", [1, 7, 64, 400])
def test_the_size_of_chunks_makes_no_difference(
    rows: int, expected: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_table, of_list = EventTable.chunks, RowTable.chunks
    seen: list[int] = []

    def chunks(table: EventTable, names: Any = None, _rows: int = 0) -> Iterator[dict[str, Any]]:
        for chunk in of_table(table, names, rows):
            seen.append(len(next(iter(chunk.values()))))
            yield chunk

    monkeypatch.setattr(EventTable, "chunks", chunks)
    monkeypatch.setattr(RowTable, "chunks", lambda table, names, _rows=None: of_list(table, names, rows))
    assert made(World(tmp_path)) == expected
    assert max(seen) == rows and len(seen) > 10


def test_gtis_of_the_list_are_those_of_the_products(world: World, table: Path) -> None:
    assert pha(world.spectra(table, {"all": [EVERYWHERE]}), "all").exposure == pytest.approx(0.9 * 800)
    assert EventTable.open(table).gti.tolist() == [list(each) for each in GTIS]
