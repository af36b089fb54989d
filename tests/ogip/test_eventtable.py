"""Tests of the compact event table and of its order on the disk."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.ogip.eventfiles import nustar_file, xmm_file
from xbatch.base.errors import FileError
from xbatch.ogip import eventsort
from xbatch.ogip.events import open_events
from xbatch.ogip.eventsort import sort_by_time
from xbatch.ogip.eventtable import EventTable, TableInfo, TableWriter

DTYPES: Mapping[str, np.dtype[Any]] = {
    "time": np.dtype(np.float64),
    "det": np.dtype(np.int8),
    "pi": np.dtype(np.int32),
    "x": np.dtype(np.float32),
}


@pytest.fixture(scope="module")
def info(tmp_path_factory: pytest.TempPathFactory) -> TableInfo:
    folder = tmp_path_factory.mktemp("list")
    events = open_events(xmm_file().write(folder / "a.evt"), folder)
    return TableInfo(
        events.header, events.gti, events.detector_gtis, {"time": "TIME"}, {"pattern": [0, 12]}, {"why": 3}
    )


def made(times: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
    number = np.arange(len(times))
    return {
        "time": times,
        "det": (number % 100).astype(np.int8),
        "pi": number.astype(np.int32),
        "x": number.astype(np.float32),
    }


def write(path: Path, columns: Mapping[str, NDArray[Any]], info: TableInfo, step: int, room: int = 0) -> EventTable:
    count = len(columns["time"])
    with TableWriter(path, DTYPES, count + room) as writer:
        for first in range(0, count, step):
            writer.add({name: values[first : first + step] for name, values in columns.items()})
        writer.finish(info)
    return EventTable.open(path)


@pytest.mark.parametrize("room", [0, 1000])
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_table_holds_what_was_added(tmp_path: Path, info: TableInfo, step: int, room: int) -> None:
    columns = made(np.sort(np.random.default_rng(1).random(100)))
    table = write(tmp_path / "a.bin", columns, info, step, room)
    assert table.rows == 100 and list(table.columns) == list(DTYPES)
    for name, values in columns.items():
        assert np.array_equal(table.columns[name], values) and table.columns[name].dtype == DTYPES[name]
        assert not table.columns[name].flags.writeable
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


def test_equal_content_gives_equal_bytes(tmp_path: Path, info: TableInfo) -> None:
    columns = made(np.sort(np.random.default_rng(1).random(99)))
    one = write(tmp_path / "a.bin", columns, info, 10)
    other = write(tmp_path / "b.bin", columns, info, 99, room=12345)
    assert one.path.read_bytes() == other.path.read_bytes()
    order = np.random.default_rng(2).permutation(99)
    shuffled = write(tmp_path / "c.bin", {n: v[order] for n, v in columns.items()}, info, 10)
    assert shuffled.path.read_bytes() == one.path.read_bytes()


@pytest.mark.parametrize("can", ["whole", "in parts", "not"])
def test_columns_are_moved_alike_whatever_the_system_can(
    tmp_path: Path, info: TableInfo, can: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = made(np.sort(np.random.default_rng(1).random(30_000)))
    plain = write(tmp_path / "a.bin", columns, info, 1000)
    copied = 0
    real = getattr(os, "copy_file_range", None)

    def copy(source: int, target: int, count: int, at: int, to: int) -> int:
        nonlocal copied
        if real is None or can == "not" or (can == "in parts" and copied > 50_000):
            raise OSError(errno.EINVAL, "cannot")
        copied += (moved := int(real(source, target, min(count, 10_001) if can == "in parts" else count, at, to)))
        return moved

    monkeypatch.setattr(os, "copy_file_range", copy, raising=False)
    moved = write(tmp_path / "b.bin", columns, info, 1000, room=200_000)
    assert moved.path.read_bytes() == plain.path.read_bytes()
    assert copied > 0 or can == "not" or real is None


def test_what_is_said_beside_the_events_comes_back(tmp_path: Path, info: TableInfo) -> None:
    table = write(tmp_path / "a.bin", made(np.arange(5.0)), info, 5)
    assert table.header == info.header
    assert np.array_equal(table.gti, info.gti)
    assert {n: g.tolist() for n, g in table.info.detector_gtis.items()} == {
        n: g.tolist() for n, g in info.detector_gtis.items()
    }
    assert table.info.screening == {"pattern": [0, 12]} and table.info.dropped == {"why": 3}
    assert table.info.sources == {"time": "TIME"}
    assert np.array_equal(table.gti_of(2), info.detector_gtis[2]) and np.array_equal(table.gti_of(9), info.gti)
    assert table.exposure(2) == pytest.approx(291) and table.exposure(1) == pytest.approx(780)
    assert table.exposure() == pytest.approx(800 * 0.975)


def test_a_list_without_a_sky(tmp_path: Path, info: TableInfo) -> None:
    folder = tmp_path / "list"
    folder.mkdir()
    file = nustar_file()
    file.sky = False
    events = open_events(file.write(folder / "a.evt"), folder)
    bare = TableInfo(events.header, events.gti, {}, {}, {}, {})
    assert write(tmp_path / "a.bin", made(np.arange(5.0)), bare, 5).header == events.header
    limits = replace(info.header, wcs=replace(info.header.wcs, size=None)) if info.header.wcs else info.header
    assert write(tmp_path / "b.bin", made(np.arange(5.0)), replace(info, header=limits), 5).header == limits


@pytest.mark.parametrize("rows", [1, 33, 100, 1 << 19])
def test_chunks(tmp_path: Path, info: TableInfo, rows: int) -> None:
    columns = made(np.arange(100.0))
    table = write(tmp_path / "a.bin", columns, info, 100)
    chunks = list(table.chunks(["pi", "time"], rows))
    assert all(list(chunk) == ["pi", "time"] and len(chunk["pi"]) <= rows for chunk in chunks)
    assert np.array_equal(np.concatenate([chunk["pi"] for chunk in chunks]), columns["pi"])
    assert list(next(table.chunks())) == list(DTYPES)
    with pytest.raises(FileError, match=r"has no column energy \(it has time, det, pi, x\)"):
        next(table.chunks(["energy"]))


def test_a_table_without_rows(tmp_path: Path, info: TableInfo) -> None:
    table = write(tmp_path / "a.bin", made(np.empty(0)), info, 5, room=10)
    assert table.rows == 0 and len(table.columns["time"]) == 0 and list(table.chunks()) == []


def test_what_is_not_finished_is_removed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), TableWriter(tmp_path / "a.bin", DTYPES, 10) as writer:
        writer.add(made(np.arange(3.0)))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_values_must_fit(tmp_path: Path) -> None:
    with TableWriter(tmp_path / "a.bin", DTYPES, 10) as writer:
        wide = made(np.arange(3.0)) | {"det": np.array([1, 2, 300], np.int32)}
        with pytest.raises(ValueError, match="column det has values that are no whole numbers from -128 to 127"):
            writer.add(wide)
        with pytest.raises(ValueError, match="more than 10 rows"):
            writer.add(made(np.arange(11.0)))


@pytest.mark.parametrize("cut", [0, 4, 60, -1, -9, -30])
def test_damaged_tables_are_refused(tmp_path: Path, info: TableInfo, cut: int) -> None:
    path = write(tmp_path / "a.bin", made(np.arange(50.0)), info, 50).path
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(FileError, match="is not an event table, or not a whole one"):
        EventTable.open(path)


def test_a_damaged_index_is_refused(tmp_path: Path, info: TableInfo) -> None:
    path = write(tmp_path / "a.bin", made(np.arange(50.0)), info, 50).path
    raw = bytearray(path.read_bytes())
    raw[-20] = 0
    path.write_bytes(raw)
    with pytest.raises(FileError, match="damaged index"):
        EventTable.open(path)
    raw[-9] = 255
    path.write_bytes(raw)
    with pytest.raises(FileError, match="damaged index"):
        EventTable.open(path)
    with pytest.raises(FileError, match="cannot be read"):
        EventTable.open(tmp_path / "absent.bin")


@given(st.lists(st.sampled_from([0.0, 0.25, 1.0, 1.0 + 1e-12, 7.5, 100.0]), min_size=1, max_size=60), st.integers(1, 9))
def test_sorting_is_stable_whatever_the_buckets(values: list[float], bucket: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(eventsort, "_CHUNK_ROWS", 7)
        patch.setattr(eventsort, "_STEPS", 64)
        check_sort(np.array(values), bucket)


def test_sorting_of_many(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(eventsort, "_CHUNK_ROWS", 1000)
        check_sort(np.round(1e8 + 1e5 * rng.random(20_000), 1), 3000)
        check_sort(np.full(3000, 5.0), 1000)


def check_sort(times: NDArray[np.float64], bucket: int) -> None:
    columns = made(times)
    places = {"time": 0, "det": 8 * len(times), "pi": 9 * len(times) + 3, "x": 13 * len(times) + 5}
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
        for name, at in places.items():
            source.seek(at)
            source.write(columns[name].tobytes())
        source.flush()
        sort_by_time(source, places, target, places, DTYPES, len(times), bucket)
        order = np.argsort(times, kind="stable")
        for name, at in places.items():
            target.seek(at)
            read = np.frombuffer(target.read(DTYPES[name].itemsize * len(times)), DTYPES[name])
            assert np.array_equal(read, columns[name][order])
