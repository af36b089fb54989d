"""Tests of GTI extensions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.ogip.eventfiles import gti_table, write_gtis
from xbatch.base.errors import FileError
from xbatch.ogip.fitswriter import BinTable, Card, write_fits
from xbatch.ogip.gtifile import GtiTable, detector_gtis, general_gtis, mjd_reference, read_gti_tables


def names(tables: dict[int, GtiTable]) -> dict[int, str]:
    return {number: table.name for number, table in tables.items()}


def test_tables_are_found_by_class_and_by_name(tmp_path: Path) -> None:
    other = BinTable("OTHER", [("START", "", np.zeros(1))])
    by_class = gti_table("FLARES", [(0, 1)])
    by_name = gti_table("STDGTI", [(3, 4), (1, 2)], {"HDUCLAS1": "TABLE", "MJDREF": 50814.0})
    write_fits(tmp_path / "a.fits", [], [other, by_class, by_name])
    tables = read_gti_tables(tmp_path / "a.fits")
    assert [table.name for table in tables] == ["FLARES", "STDGTI"]
    assert tables[1].gti.tolist() == [[1, 2], [3, 4]] and tables[1].mjdref == 50814 and tables[0].mjdref is None
    assert [table.notes for table in tables] == [(), ()]


def test_oddities_are_noted_and_mended(tmp_path: Path) -> None:
    table = read_gti_tables(write_gtis(tmp_path / "a.gti", [(0, 10), (5, 20), (40, 30), (50, 50)]))[0]
    assert table.gti.tolist() == [[0, 20]]
    assert table.notes == ("GTI has 1 GTIs that stop before they start", "GTIs of GTI overlap: they are merged")


def test_touching_gtis_are_one_without_a_word(tmp_path: Path) -> None:
    table = read_gti_tables(write_gtis(tmp_path / "a.gti", [(0, 10), (10, 20)]))[0]
    assert table.gti.tolist() == [[0, 20]] and table.notes == ()


def test_times_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"a.gti: column STOP of GTI is not finite \(first in row 2\)"):
        read_gti_tables(write_gtis(tmp_path / "a.gti", [(0, 10), (20, np.nan)]))
    rows = np.zeros(1)
    write_fits(tmp_path / "b.gti", [], [BinTable("GTI", [("START", "d", rows), ("STOP", "d", rows)])])
    with pytest.raises(FileError, match=r"b\.gti: the GTIs of GTI are in d, not in s"):
        read_gti_tables(tmp_path / "b.gti")
    write_fits(tmp_path / "c.gti", [], [BinTable("GTI", [("START", "s", rows)], [Card("HDUCLAS1", "GTI")])])
    with pytest.raises(FileError, match=r"c\.gti: has no column STOP in GTI"):
        read_gti_tables(tmp_path / "c.gti")


def test_gtis_for_all_detectors() -> None:
    nothing = np.empty((0, 2))
    tables = [GtiTable(name, nothing, None) for name in ("STDGTI01", "FLARES", "GTI")]
    chosen = general_gtis(tables)
    assert chosen is not None and chosen.name == "GTI"
    chosen = general_gtis(tables[:2])
    assert chosen is not None and chosen.name == "FLARES"
    assert general_gtis(tables[:1]) is None and general_gtis([]) is None


def test_gtis_by_detector_are_those_the_list_was_filtered_with() -> None:
    nothing = np.empty((0, 2))
    tables = [GtiTable(name, nothing, None) for name in ("STDGTI01", "STDGTI02", "GTI00006", "GTI00106")]
    header = {
        "DSTYP1": "CCDNR",
        "DSTYP2": "FLAG",
        "DSTYP6": "TIME",
        "DSVAL1": "1",
        "DSREF6": ":GTI00006",
        "2DSVAL1": "2",
        "2DSREF6": ":GTI00106",
        "3DSVAL1": "3",
        "3DSREF6": ":GTI00206",
    }
    assert names(detector_gtis(header, tables)) == {1: "GTI00006", 2: "GTI00106"}
    united = header | {"DSVAL1": "1,3:4", "2DSVAL1": "odd"}
    assert names(detector_gtis(united, tables)) == {1: "GTI00006", 2: "STDGTI02", 3: "GTI00006", 4: "GTI00006"}
    assert names(detector_gtis({}, tables)) == {1: "STDGTI01", 2: "STDGTI02"}
    assert names(detector_gtis(header, tables[:2])) == {1: "STDGTI01", 2: "STDGTI02"}
    assert detector_gtis({}, [GtiTable("GTI", nothing, None)]) == {}


@pytest.mark.parametrize(
    ("cards", "expected"),
    [
        ({"MJDREF": 50814.0}, 50814.0),
        ({"MJDREFI": 55197, "MJDREFF": 0.25}, 55197.25),
        ({"MJDREFI": 55197}, 55197.0),
        ({"MJDREF": 1.0, "MJDREFI": 55197, "MJDREFF": 0.25}, 55197.25),
        ({}, None),
        ({"MJDREF": "x"}, None),
        ({"MJDREF": True}, None),
    ],
)
def test_mjd_reference(cards: dict[str, float], expected: float | None) -> None:
    assert mjd_reference(cards) == expected


def test_a_table_without_rows_holds_no_time(tmp_path: Path) -> None:
    tables = read_gti_tables(write_gtis(tmp_path / "empty.gti", np.empty((0, 2))))
    assert [table.gti.shape for table in tables] == [(0, 2)]
