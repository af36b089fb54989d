"""Tests of reading rows of large tables."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from tests.ogip.eventfiles import nustar_file
from xbatch.base.errors import FileError
from xbatch.ogip.rows import CHUNK_ROWS, RowTable, plain_file, row_tables


def table_of(path: Path) -> RowTable:
    return next(each for each in row_tables(path) if isinstance(each, RowTable))


@pytest.fixture
def astropys(tmp_path: Path) -> tuple[Path, dict[str, np.ndarray]]:
    """A table with columns of every kind, written by another program."""
    rng = np.random.default_rng(5)
    values = {
        "D": rng.random(100),
        "B": rng.integers(0, 256, 100).astype(np.uint8),
        "I": rng.integers(-(2**15), 2**15, 100).astype(np.int16),
        "J": rng.integers(-(2**31), 2**31, 100).astype(np.int32),
        "K": rng.integers(-(2**62), 2**62, 100),
        "E": rng.random(100).astype(np.float32),
        "U": rng.integers(0, 2**16, 100).astype(np.uint16),
        "L": rng.random(100) < 0.5,
    }
    bits = rng.random((100, 16)) < 0.5
    columns = [fits.Column(name, {"U": "I", "L": "L"}.get(name, name), array=v) for name, v in values.items()]
    columns[6] = fits.Column("U", "I", bzero=2**15, array=values["U"])
    columns += [
        fits.Column("STATUS", "16X", array=bits),
        fits.Column("PHAS", "9E", array=rng.random((100, 9))),
        fits.Column("NAME", "8A", array=np.array(["a"] * 100)),
        fits.Column("SCALED", "I", null=-1, array=np.arange(-1, 99)),
    ]
    path = tmp_path / "all.fits"
    fits.BinTableHDU.from_columns(columns, name="EVENTS").writeto(path)
    for card, value in (("TSCAL12", 0.5), ("TZERO12", 10.0)):
        fits.setval(path, card, value=value, ext=1)
    scaled = np.append(np.nan, np.arange(99) * 0.5 + 10)
    return path, values | {"STATUS": np.packbits(bits, axis=1).view(">u2")[:, 0], "SCALED": scaled}


@pytest.mark.parametrize("rows", [None, 1, 7, 100])
def test_columns_are_read_as_they_are(astropys: tuple[Path, dict[str, np.ndarray]], rows: int | None) -> None:
    path, values = astropys
    table = table_of(path)
    chunks = list(table.chunks(list(values), rows))
    assert all(len(chunk["D"]) <= (rows or 100) for chunk in chunks)
    for name, expected in values.items():
        read = np.concatenate([chunk[name] for chunk in chunks])
        assert read.dtype.isnative and read.dtype == table.column(name).kept_as
        if name == "L":
            assert np.array_equal(read == ord("T"), expected)
        else:
            assert np.array_equal(read, expected, equal_nan=read.dtype.kind == "f")


def test_chunks_are_the_readers_to_keep(astropys: tuple[Path, dict[str, np.ndarray]]) -> None:
    path, values = astropys
    first = next(table_of(path).chunks(["D"], 10))["D"]
    first[:] = 0
    assert np.array_equal(next(table_of(path).chunks(["D"], 10))["D"], values["D"][:10])


def test_long_rows_come_in_shorter_chunks(tmp_path: Path) -> None:
    path = nustar_file(10).write(tmp_path / "a.evt")
    table = table_of(path)
    assert 100_000 < table.chunk_rows < CHUNK_ROWS and table.chunk_rows * table.width <= 1 << 23
    assert RowTable(path, {}, 1, 8, 0, {}).chunk_rows == CHUNK_ROWS
    assert RowTable(path, {}, 1, 1 << 30, 0, {}).chunk_rows == 1


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("ENERGY", r"all.fits: has no column ENERGY in EVENTS \(it has D, B, I, J"),
        ("PHAS", "column PHAS of EVENTS holds no single numbers .TFORM 9E"),
        ("NAME", "holds no single numbers .TFORM 8A"),
    ],
)
def test_columns_that_cannot_be_read(astropys: tuple[Path, dict[str, np.ndarray]], column: str, words: str) -> None:
    with pytest.raises(FileError, match=words):
        list(table_of(astropys[0]).chunks([column]))


def test_a_truncated_table_is_refused(tmp_path: Path) -> None:
    path = nustar_file(500).write(tmp_path / "a.evt")
    raw = path.read_bytes()
    table = table_of(path)
    path.write_bytes(raw[: table.offset + 123 * table.width + 5])
    with pytest.raises(FileError, match=r"is truncated: it holds 123 of the 500 rows of EVENTS\. Fetch"):
        list(row_tables(path))
    with pytest.raises(FileError, match="is truncated: it ends within its events"):
        list(table.chunks(["TIME"], 100))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"TFORM1  = 'D       '", b"TFORM1  = '3Z      '", "no readable TFORM1"),
        (b"TFORM1  = 'D       '", b"TFORM1  = 'E       '", "rows of 58 bytes and columns of 54"),
        (b"TFIELDS =", b"TFIELD_ =", "lacks NAXIS1, NAXIS2 or TFIELDS"),
        (b"TNULL6  =", b"TSCAL6  = 'x' /", "has TSCAL6 'x', which is no number"),
    ],
)
def test_headers_that_make_no_sense(tmp_path: Path, old: bytes, new: bytes, words: str) -> None:
    path = nustar_file(5).write(tmp_path / "a.evt")
    raw = path.read_bytes()
    assert raw.count(old) >= 1
    at = raw.index(old)
    card = raw[at - at % 80 : at - at % 80 + 80]
    path.write_bytes(raw.replace(card, card.replace(old, new)[:80].ljust(80), 1))
    with pytest.raises(FileError, match=words):
        list(row_tables(path))


def test_a_plain_file_is_itself(tmp_path: Path) -> None:
    path = nustar_file(5).write(tmp_path / "a.evt")
    assert plain_file(path, tmp_path / "nowhere") == path


@pytest.mark.parametrize("asked", ["a.evt", "a.evt.gz"])
def test_a_gzipped_file_is_inflated_once(tmp_path: Path, asked: str) -> None:
    path = nustar_file(50).write(tmp_path / "a.evt")
    raw = path.read_bytes()
    (tmp_path / "a.evt.gz").write_bytes(gzip.compress(raw))
    path.unlink()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    plain = plain_file(tmp_path / asked, scratch)
    assert plain == scratch / "a.evt" and plain.read_bytes() == raw


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "empty.evt").touch()
    (tmp_path / "bad.evt.gz").write_bytes(gzip.compress(b"x" * 100_000)[:-40])
    cases = {
        "absent.evt": "is not there",
        "empty.evt": "is empty",
        "bad.evt.gz": "is gzipped and damaged",
        ".": "is a folder",
    }
    for name, words in cases.items():
        with pytest.raises(FileError, match=f"{re.escape(str(tmp_path / name))}.*: {words}"):
            plain_file(tmp_path / name, tmp_path)
    (tmp_path / "good.evt.gz").write_bytes(gzip.compress(b"x"))
    with pytest.raises(FileError, match="room on the disk"):
        plain_file(tmp_path / "good.evt.gz", tmp_path / "absent")
