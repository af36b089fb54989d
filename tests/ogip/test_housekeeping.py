"""Tests of rows of housekeeping."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from xbatch.base.errors import FileError
from xbatch.ogip.clock import Clock
from xbatch.ogip.fitswriter import BinTable, Card, write_fits
from xbatch.ogip.housekeeping import read_rows


def written(path: Path) -> Path:
    time = np.array([1.0, 2.0, np.nan, 4.0])
    columns = [("TIME", "s", time), ("N", "", np.array([7, -1, 8, 9], np.int16)), ("PAIR", "", np.zeros((4, 2)))]
    cards = [Card("TNULL2", -1), Card("MJDREF", 50814.0)]
    write_fits(path, [], [BinTable("ONE", [("TIME", "s", time[:1])]), BinTable("TWO", columns, cards)])
    return path


def test_columns_by_time(tmp_path: Path) -> None:
    path = written(tmp_path / "a.hk")
    packed = tmp_path / "b.hk.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    for each in (path, packed):
        rows = read_rows(each, ["N"])
        assert rows.extension == "TWO" and rows.time.tolist() == [1, 2, 4] and rows.clock == Clock(50814, 0.0, "tt")
        assert np.array_equal(rows.columns["N"], [7, np.nan, 9], equal_nan=True)
    assert read_rows(path, ["TIME"]).extension == "ONE"
    assert read_rows(path, ["TIME"], "two").columns["TIME"].tolist() == [1, 2, 4]


def test_what_is_not_there(tmp_path: Path) -> None:
    path = written(tmp_path / "a.hk")
    with pytest.raises(FileError, match=r"extension with TIME and M \(it has ONE with TIME; TWO with TIME, N, PAIR\)"):
        read_rows(path, ["M"])
    with pytest.raises(FileError, match="has no extension THREE"):
        read_rows(path, ["N"], "THREE")
    with pytest.raises(FileError, match=r"has no column N in ONE \(it has TIME\)"):
        read_rows(path, ["N"], "ONE")
    with pytest.raises(FileError, match="PAIR of TWO holds no single numbers"):
        read_rows(path, ["PAIR"])
    write_fits(path, [], [BinTable("ONE", [("TIME", "s", np.full(2, np.nan))])])
    with pytest.raises(FileError, match="has no row with a TIME"):
        read_rows(path, ["TIME"])
    write_fits(path, [], [BinTable("ONE", [("TIME", "s", np.zeros(0))])])
    with pytest.raises(FileError, match="has no rows in ONE"):
        read_rows(path, ["TIME"])
    write_fits(path, [], [BinTable("ONE", [("TIME", "s", np.zeros(1))], [Card("MJDREF", 1.0), Card("TIMESYS", "?")])])
    with pytest.raises(FileError, match="cannot be placed"):
        read_rows(path, ["TIME"])
