"""Tests of carrying extensions from one file to another."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from tests.ogip.eventfiles import gti_table
from xbatch.base.errors import FileError
from xbatch.ogip.extensions import times_and_regions
from xbatch.ogip.fitswriter import BinTable, Card, write_fits

OTHER = BinTable("OTHER", [("A", "", np.ones(3))])
REGION = BinTable("SHAPES", [("X", "", np.ones(2))], [Card("HDUCLAS1", "REGION")])
TABLES = [gti_table("GTI", [(1.0, 2.0)]), OTHER, REGION, gti_table("STDGTI01", [(1.0, 2.0)], {"HDUCLAS1": ""})]


def test_good_times_and_regions_are_found_byte_by_byte(tmp_path: Path) -> None:
    write_fits(tmp_path / "a.pha", [], TABLES)
    found = times_and_regions(tmp_path / "a.pha")
    whole = (tmp_path / "a.pha").read_bytes()
    assert len(found) == 3 and all(part in whole and len(part) % 2880 == 0 for part in found)
    assert [b"'SHAPES  '" in part for part in found] == [False, True, False]
    write_fits(tmp_path / "b.pha", [], found)
    assert times_and_regions(tmp_path / "b.pha") == found
    (tmp_path / "c.pha.gz").write_bytes(gzip.compress(whole))
    assert times_and_regions(tmp_path / "c.pha") == found


def test_files_that_end_early(tmp_path: Path) -> None:
    write_fits(tmp_path / "a.pha", [], TABLES[:1])
    whole = (tmp_path / "a.pha").read_bytes()
    (tmp_path / "a.pha").write_bytes(whole[: 2 * 2880 + 2])
    with pytest.raises(FileError, match="is truncated: it ends within GTI"):
        times_and_regions(tmp_path / "a.pha")
    (tmp_path / "a.pha").write_bytes(whole[: 2 * 2880 + 16])
    assert times_and_regions(tmp_path / "a.pha")[0] == whole[2880:]
    (tmp_path / "a.pha").write_bytes(gzip.compress(whole)[:-20])
    with pytest.raises(FileError, match="is gzipped and damaged"):
        times_and_regions(tmp_path / "a.pha")
    with pytest.raises(FileError, match="cannot be read"):
        times_and_regions(tmp_path / "none.pha")
