"""Tests of the reader of binary tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from xbatch.base.errors import FileError
from xbatch.ogip.fitsreader import Table, read_fits
from xbatch.ogip.fitswriter import BinTable, Card, write_fits


def table(path: Path, *columns: fits.Column, **cards: object) -> Table:
    hdu = fits.BinTableHDU.from_columns(columns, name="T")
    hdu.writeto(path, overwrite=True)
    if cards:
        raw = path.read_bytes()
        for card, value in cards.items():
            raw = raw.replace(
                raw[raw.index(card.encode().ljust(8) + b"=") :][:80], f"{card:<8}= {value!s:>20}".ljust(80).encode()
            )
        path.write_bytes(raw)
    found = read_fits(path, lambda hdu: hdu.name == "T")[1][1]
    assert isinstance(found, Table)
    return found


def test_tables_that_are_not_wanted_are_stepped_over(tmp_path: Path) -> None:
    path = tmp_path / "x.fits"
    columns = [fits.Column("A", "J", array=[1, 2])]
    fits.HDUList(
        [
            fits.PrimaryHDU(np.zeros((40, 50), np.float32)),
            fits.ImageHDU(np.zeros(7)),
            fits.BinTableHDU.from_columns(columns, name="ONE"),
            fits.BinTableHDU.from_columns(columns, name="TWO"),
        ]
    ).writeto(path)
    _, hdus = read_fits(path, lambda hdu: hdu.name == "TWO")
    assert [hdu.name for hdu in hdus] == ["PRIMARY", "IMAGE", "ONE", "TWO"]
    assert [isinstance(hdu, Table) for hdu in hdus] == [False, False, False, True]


def test_columns_of_every_kind_are_found_by_name_without_case(tmp_path: Path) -> None:
    found = table(
        tmp_path / "x.fits",
        fits.Column("flag", "11X", array=np.zeros((2, 11), bool)),
        fits.Column("Name", "5A", array=["a", "b"]),
        fits.Column("small", "B", array=np.array([3, 4], np.uint8)),
        fits.Column("pair", "2D", array=np.array([[1.5, 2.5], [3.5, 4.5]])),
        fits.Column("last", "K", array=np.array([5, 2**40])),
    )
    assert found.has("FLAG") and found.has("NAME") and not found.has("OTHER")
    assert found.integers("SMALL").tolist() == [3, 4] and found.integers("LAST").tolist() == [5, 2**40]
    assert found.column("PAIR").tolist() == [[1.5, 2.5], [3.5, 4.5]] and found.shape("PAIR") == 2
    with pytest.raises(FileError, match="2 numbers in a cell"):
        found.floats("PAIR")
    with pytest.raises(FileError, match="holds no numbers"):
        found.column("NAME")
    with pytest.raises(FileError, match=r"no column OTHER in T \(it has FLAG, NAME"):
        found.column("OTHER")


def test_scaled_columns(tmp_path: Path) -> None:
    path = tmp_path / "x.fits"
    columns = [("A", "", np.array([4, 7], np.int16)), ("B", "", np.array([-32767, 32767], np.int16))]
    scales = [Card("TSCAL1", 0.5), Card("TZERO1", 10), Card("TSCAL2", 1), Card("TZERO2", 32768)]
    write_fits(path, [], [BinTable("T", columns, scales)])
    found = read_fits(path, lambda hdu: True)[1][1]
    assert isinstance(found, Table)
    assert found.floats("A").tolist() == [12.0, 13.5] and found.integers("B").tolist() == [1, 65535]
    with pytest.raises(FileError, match="no whole numbers"):
        found.integers("A")
    write_fits(path, [], [BinTable("T", columns, [Card("TSCAL1", "large")])])
    with pytest.raises(FileError, match="has TSCAL large"):
        read_fits(path, lambda hdu: True)[1][1].floats("A")  # type: ignore[attr-defined]


def test_undefined_values_are_refused(tmp_path: Path) -> None:
    found = table(tmp_path / "x.fits", fits.Column("A", "I", null=-99, array=np.array([1, -99], np.int16)))
    with pytest.raises(FileError, match="undefined values"):
        found.column("A")


def test_descriptors_of_64_bits(tmp_path: Path) -> None:
    cells = np.empty(3, dtype=object)
    cells[:] = [np.array([1.0, 2.0]), np.array([]), np.array([3.0])]
    ragged = table(tmp_path / "x.fits", fits.Column("A", "QD()", array=cells)).ragged("A")
    assert ragged.values.tolist() == [1, 2, 3] and ragged.start.tolist() == [0, 2, 2, 3]


def test_limits_of_a_column(tmp_path: Path) -> None:
    path = tmp_path / "x.fits"
    hdu = fits.BinTableHDU.from_columns([fits.Column("A", "I", array=[1]), fits.Column("B", "I", array=[1])], name="T")
    hdu.header["TLMIN2"] = 4
    hdu.header["TLMAX2"] = 7.0
    hdu.writeto(path)
    found = read_fits(path, lambda hdu: True)[1][1]
    assert isinstance(found, Table)
    assert (found.limit("TLMIN", "B"), found.limit("TLMAX", "B"), found.limit("TLMIN", "A")) == (4, 7, None)


@pytest.mark.parametrize(
    ("card", "value", "message"),
    [
        ("NAXIS1", 3, "rows of 3 bytes and columns of 4"),
        ("TFORM1", "'Y'", "no readable TFORM1"),
        ("TFIELDS", "'many'", "lacks NAXIS1, NAXIS2 or TFIELDS"),
        ("NAXIS2", 10**7, "truncated"),
        ("NAXIS2", 10**19, "truncated|impossible"),
        ("BITPIX", 4, "fewer data"),
    ],
)
def test_headers_that_cannot_be(card: str, value: object, message: str, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=message):
        table(tmp_path / "x.fits", fits.Column("A", "J", array=np.arange(800)), **{card: value})
