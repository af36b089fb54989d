"""Tests of the FITS files that are written: astropy must read them as they were meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xbatch.base.fitsheader import read_headers
from xbatch.ogip.fitsreader import Ragged
from xbatch.ogip.fitswriter import BinTable, Card, write_fits

_TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200).map(str.rstrip)
_VALUES = st.one_of(
    _TEXT, st.integers(-(2**62), 2**62), st.booleans(), st.floats(allow_nan=False, allow_infinity=False)
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(values=st.lists(_VALUES, max_size=40))
def test_cards_come_back_whole(tmp_path: Path, values: list[Any]) -> None:
    path = tmp_path / "x.fits"
    cards = [Card(f"KEY{number}", value, "a comment") for number, value in enumerate(values)]
    write_fits(path, [], [BinTable("T", [("A", "", np.arange(3, dtype=np.int16))], cards)])
    assert path.stat().st_size % 2880 == 0
    own = read_headers(path)[1]
    with fits.open(path) as hdus:
        hdus.verify("exception")
        for number, value in enumerate(values):
            assert own[f"KEY{number}"] == value and type(own[f"KEY{number}"]) is type(value)
            if not (isinstance(value, str) and "&" in value):  # astropy takes a & before the end for a continuation
                assert hdus[1].header[f"KEY{number}"] == value


@pytest.mark.parametrize("dtype", ["i2", "i4", "i8", "f4", "f8"])
def test_columns_come_back_whole(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "x.fits"
    flat = np.arange(6, dtype=dtype)
    ragged = Ragged(np.arange(5, dtype=dtype), np.array([0, 2, 2, 2, 5, 5, 5]))
    columns = [("A", "keV", flat), ("B", "", flat.reshape(6, 1).repeat(3, axis=1)), ("C", "", ragged)]
    write_fits(path, [Card("ORIGIN", "test")], [BinTable("ONE", columns), BinTable("TWO", columns[:1])])
    with fits.open(path) as hdus:
        hdus.verify("exception")
        assert hdus[0].header["ORIGIN"] == "test"
        one = hdus["ONE"].data
        assert np.array_equal(one["A"], flat) and one.columns["A"].unit == "keV"
        assert np.array_equal(one["B"][:, 2], flat)
        assert [list(cell) for cell in one["C"]] == [[0, 1], [], [], [2, 3, 4], [], []]
        assert np.array_equal(hdus["TWO"].data["A"], flat)


def test_strings_and_whole_extensions(tmp_path: Path) -> None:
    names = np.array([b"CIRCLE", b"!BOX"], "S16")
    write_fits(tmp_path / "a.fits", [], [BinTable("REG", [("SHAPE", "", names), ("N", "", np.arange(2, dtype="i2"))])])
    whole = (tmp_path / "a.fits").read_bytes()[2880:]
    write_fits(tmp_path / "b.fits", [], [BinTable("T", [("A", "", np.ones(1))]), whole])
    with fits.open(tmp_path / "b.fits") as hdus:
        hdus.verify("exception")
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "T", "REG"]
        assert hdus["REG"].columns["SHAPE"].format == "16A"
        assert list(hdus["REG"].data["SHAPE"]) == ["CIRCLE", "!BOX"] and list(hdus["REG"].data["N"]) == [0, 1]


def test_a_table_without_rows(tmp_path: Path) -> None:
    table = BinTable("NONE", [("A", "", np.zeros(0)), ("B", "", np.zeros((0, 3), np.int16))])
    write_fits(tmp_path / "a.fits", [], [table])
    with fits.open(tmp_path / "a.fits") as file:
        file.verify("exception")
        assert len(file["NONE"].data) == 0 and file["NONE"].header["NAXIS1"] == 14
