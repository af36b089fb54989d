"""Binary tables of FITS files as arrays, checked for wholeness, read in one go.

Only what OGIP spectra and responses use is read: FITS standard 4.0 (Pence et al. 2010, A&A 524, A42; IAU FWG 2018),
binary tables of section 7.3 with the variable-length arrays of 7.3.5. A heap of a hundred megabytes is one read and
one view, where a general library makes an object of each row.
"""

from __future__ import annotations

import gzip
import math
import mmap
import os
import re
import zlib
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from io import BufferedIOBase, BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import FileError
from xbatch.base.fitsheader import (
    BLOCK,
    Value,
    data_size,
    find_file,
    open_plain,
    parse_cards,
    read_raw_header,
)

__all__ = ["AGAIN", "Hdu", "Ragged", "Table", "read_fits", "whole"]

AGAIN = "Fetch or make the file again"
#: Whole numbers up to here are exact as floats.
_LARGEST = 2**53
#: More is not asked for at once: a damaged header may claim any size.
_PIECE = 2**28
#: Data of a plain file from here on are mapped: their pages are looked at where they lie, and not copied first.
_MAPPED_FROM = 2**20
_FORM = re.compile(r"(\d*)([A-Z])(.*)")
_DTYPES = {"L": "u1", "B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8"}
_SIZES = {"X": 0, "A": 1, "C": 8, "M": 16, "P": 8, "Q": 16} | {k: np.dtype(v).itemsize for k, v in _DTYPES.items()}


@dataclass(frozen=True)
class Ragged:
    """Arrays of several lengths, end to end: row i is ``values[start[i]:start[i + 1]]``.

    Values of a large heap are kept in the file's byte order until they are used.
    """

    values: NDArray[Any]
    start: NDArray[np.int64]


@dataclass(frozen=True)
class _Field:
    number: int
    code: str
    repeat: int
    offset: int
    item: str


@dataclass(frozen=True)
class Hdu:
    """An extension's header; the data are read for tables that were asked for."""

    header: Mapping[str, Value]

    @property
    def name(self) -> str:
        """EXTNAME, or what kind of extension it is."""
        return str(self.header.get("EXTNAME") or self.header.get("XTENSION") or "PRIMARY").strip().upper()

    def text(self, keyword: str) -> str:
        """Give a card's text in capitals without blanks around it; empty where there is none."""
        value = self.header.get(keyword)
        return value.strip().upper() if isinstance(value, str) else ""


@dataclass(frozen=True)
class Table(Hdu):
    """A binary table: its header, its bytes, and where each column lies in them."""

    path: str
    rows: int
    width: int
    fields: Mapping[str, _Field]
    data: bytes | memoryview = field(repr=False)

    def has(self, column: str) -> bool:
        """Say whether there is such a column; the case of names does not count."""
        return column in self.fields

    def shape(self, column: str) -> int:
        """Give the number of elements in a cell; -1 for a column of variable-length arrays."""
        place = self._field(column)
        return -1 if place.code in "PQ" else place.repeat

    def limit(self, keyword: str, column: str) -> int | None:
        """Give a whole number that belongs to a column: ``limit("TLMIN", "F_CHAN")``."""
        value = self.header.get(f"{keyword}{self._field(column).number}")
        if isinstance(value, float) and value.is_integer():
            return int(value)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def column(self, name: str) -> NDArray[Any]:
        """Give a column in the machine's byte order: shape (rows,), or (rows, n) if a cell holds n elements.

        Raises
        ------
        FileError
            No such column, not numbers, or undefined values in it.
        """
        place = self._field(name)
        if place.code not in _DTYPES:
            raise FileError(self.path, f"column {name} of {self.name} holds no numbers (TFORM {place.code})", AGAIN)
        dtype = np.dtype(_DTYPES[place.code])
        # numpy finds no place for a column in a buffer of nothing
        cells: NDArray[Any] = (
            np.ndarray((self.rows, place.repeat), dtype, self.data, place.offset, (self.width, dtype.itemsize))
            if self.rows
            else np.empty((0, place.repeat), dtype)
        )
        values = self._scaled(cells, place, name)
        return values[:, 0] if place.repeat == 1 else values

    def floats(self, name: str) -> NDArray[np.float64]:
        """Give a column of one finite number a cell, shape (rows,).

        Raises
        ------
        FileError
            As `column`, or a cell holds several numbers or one that is not finite.
        """
        values = self.column(name)
        if values.ndim != 1:
            raise FileError(self.path, f"column {name} of {self.name} holds {values.shape[1]} numbers in a cell", AGAIN)
        with np.errstate(invalid="ignore"):
            values = values.astype(np.float64)
        if not np.all(np.isfinite(values)):
            row = int(np.flatnonzero(~np.isfinite(values))[0])
            raise FileError(self.path, f"column {name} of {self.name} is not finite (first in row {row + 1})", AGAIN)
        return values

    def texts(self, name: str) -> list[str]:
        """Give a column of texts, without the blanks and zero bytes that fill them up.

        Raises
        ------
        FileError
            No such column, or no texts in it.
        """
        place = self._field(name)
        if place.code != "A":
            raise FileError(self.path, f"column {name} of {self.name} holds no text (TFORM {place.code})", AGAIN)
        starts = range(place.offset, place.offset + self.rows * self.width, self.width)
        cells = (bytes(self.data[start : start + place.repeat]) for start in starts)
        return [cell.split(b"\0", 1)[0].decode("ascii", "replace").strip() for cell in cells]

    def integers(self, name: str) -> NDArray[np.int64]:
        """Give a column of one whole number a cell, shape (rows,).

        Raises
        ------
        FileError
            As `floats`, or a number is not whole.
        """
        return whole(self.floats(name), self.path, f"column {name} of {self.name}")

    def ragged(self, name: str) -> Ragged:
        """Give a column of variable-length arrays.

        Arrays that lie one after another in the heap are one view of it; others are joined.

        Raises
        ------
        FileError
            An array lies outside the heap.
        """
        place = self._field(name)
        descriptor = np.ndarray(
            (self.rows, 2),
            ">i4" if place.code == "P" else ">i8",
            self.data,
            place.offset,
            (self.width, _SIZES[place.code] // 2),
        ).astype(np.int64)
        dtype = np.dtype(_DTYPES.get(place.item, "V1"))
        if dtype.kind == "V":
            raise FileError(self.path, f"column {name} of {self.name} holds no numbers (TFORM P{place.item})", AGAIN)
        heap = self.header.get("THEAP")
        base = heap if isinstance(heap, int) else self.rows * self.width
        start = np.concatenate([[0], np.cumsum(descriptor[:, 0])])
        length = descriptor[:, 0] * dtype.itemsize
        first = np.where(length > 0, base + descriptor[:, 1], base)
        if np.any(descriptor < 0) or np.any(first + length > len(self.data)):
            raise FileError(self.path, f"column {name} of {self.name} points outside the file's data", AGAIN)
        used = np.flatnonzero(length)
        if used.size and np.all(first[used[1:]] == (first + length)[used[:-1]]):
            raw: bytes | memoryview = memoryview(self.data)[first[used[0]] : first[used[-1]] + length[used[-1]]]
        else:
            view = memoryview(self.data)
            raw = b"".join(view[a:b] for a, b in zip(first.tolist(), (first + length).tolist(), strict=True))
        values: NDArray[Any] = np.frombuffer(raw, dtype)
        if any(f"{keyword}{place.number}" in self.header for keyword in ("TNULL", "TSCAL", "TZERO")):
            values = self._scaled(values, place, name)
        return Ragged(values, start)

    def _field(self, name: str) -> _Field:
        if name not in self.fields:
            raise FileError(
                self.path, f"has no column {name} in {self.name} (it has {', '.join(self.fields) or 'none'})", AGAIN
            )
        return self.fields[name]

    def _scaled(self, cells: NDArray[Any], place: _Field, name: str) -> NDArray[Any]:
        """Apply TNULL, TSCAL and TZERO, and give the machine's byte order (integers stay integers)."""
        null = self.header.get(f"TNULL{place.number}")
        if isinstance(null, int) and cells.dtype.kind in "iu" and np.any(cells == null):
            raise FileError(self.path, f"column {name} of {self.name} has undefined values (TNULL)", AGAIN)
        scale, zero = (self._factor(keyword, place, name) for keyword in ("TSCAL", "TZERO"))
        if scale == 1 and zero == 0:
            return cells.astype(cells.dtype.newbyteorder("="))
        if cells.dtype.kind in "iu" and scale == 1 and zero.is_integer():
            return cells.astype(np.int64) + int(zero)
        return cells.astype(np.float64) * scale + zero

    def _factor(self, keyword: str, place: _Field, name: str) -> float:
        value = self.header.get(f"{keyword}{place.number}", 1 if keyword == "TSCAL" else 0)
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            raise FileError(self.path, f"column {name} of {self.name} has {keyword} {value}", AGAIN)
        return float(value)


def read_fits(path: Path, wanted: Callable[[Hdu], bool]) -> tuple[Path, list[Hdu]]:
    """Read the headers of all extensions and the data of the binary tables that are wanted.

    Parameters
    ----------
    path : Path
        The file; ``X.gz`` is opened where ``X`` is asked for and only that is there, as cfitsio does.
    wanted : callable
        Decides by an extension's header.

    Returns
    -------
    path : Path
        The file that was opened.
    hdus : list of Hdu
        The primary header first; wanted tables are `Table`.

    Raises
    ------
    FileError
        The file is not there, is a folder, cannot be read, is empty, is not FITS or is truncated.
    """
    found = find_file(path)
    if found is None:
        if path.is_dir():
            raise FileError(str(path), "is a folder, not a file", "Name the file in it")
        raise FileError(str(path), "is not there (nor gzipped)", "Check the name")
    name = str(found)
    hdus: list[Hdu] = []
    try:
        with closing(open_plain(found)) as stream:
            if not stream.read(1):
                raise FileError(name, "is empty", AGAIN)
            stream.seek(0)
            while (raw := read_raw_header(stream, name, first=not hdus)) is not None:
                hdu = Hdu(parse_cards(raw.cards))
                size = data_size(hdu.header, name)
                if hdus and hdu.text("XTENSION") == "BINTABLE" and wanted(hdu):
                    hdu = _table(hdu, name, _data(stream, size, name))
                elif size:
                    _step(stream, size - 1, name)
                    _data(stream, 1, name)
                hdus.append(hdu)
                stream.seek(-size % BLOCK, 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FileError(name, f"is gzipped and damaged: {error}", AGAIN) from error
    except OSError as error:
        raise FileError(name, f"cannot be read: {error.strerror or error}", "Check it and its permissions") from error
    return found, hdus


def whole(values: NDArray[Any], path: str, what: str) -> NDArray[np.int64]:
    """Turn numbers into whole numbers.

    Raises
    ------
    FileError
        Some are not whole, or too large to be meant.
    """
    if values.dtype.kind == "f" and not np.all((values == np.rint(values)) & (np.abs(values) < _LARGEST)):
        raise FileError(path, f"{what} has values that are no whole numbers", AGAIN)
    return values.astype(np.int64)


def _step(stream: BufferedIOBase, size: int, name: str) -> None:
    if size > _LARGEST:
        raise FileError(name, "has a header of impossible sizes", AGAIN)
    stream.seek(size, 1)


def _data(stream: BufferedIOBase, size: int, name: str) -> bytes | memoryview:
    if size >= _MAPPED_FROM and isinstance(stream, BufferedReader):
        return _mapped(stream, size, name)
    pieces: list[bytes] = []
    while size > 0:
        piece = stream.read(min(size, _PIECE))
        if not piece:
            raise FileError(name, "is truncated: it ends within its data", AGAIN)
        pieces.append(piece)
        size -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _mapped(stream: BufferedReader, size: int, name: str) -> memoryview:
    at = stream.tell()
    if at + size > os.fstat(stream.fileno()).st_size:
        raise FileError(name, "is truncated: it ends within its data", AGAIN)
    before = at % mmap.ALLOCATIONGRANULARITY
    pages = mmap.mmap(stream.fileno(), before + size, access=mmap.ACCESS_READ, offset=at - before)
    stream.seek(size, 1)
    return memoryview(pages)[before:]


def _table(hdu: Hdu, name: str, data: bytes | memoryview) -> Table:
    """Find each column's place in a row from the TFORM and TTYPE cards."""
    header = hdu.header
    width, rows, count = (header.get(key) for key in ("NAXIS1", "NAXIS2", "TFIELDS"))
    if not isinstance(width, int) or not isinstance(rows, int) or not isinstance(count, int):
        raise FileError(name, f"extension {hdu.name} lacks NAXIS1, NAXIS2 or TFIELDS", AGAIN)
    if len(data) < width * rows:
        raise FileError(name, f"extension {hdu.name} has fewer data than its {rows} rows of {width} bytes", AGAIN)
    fields: dict[str, _Field] = {}
    offset = 0
    for number in range(1, count + 1):
        form = _FORM.match(str(header.get(f"TFORM{number}", "")).strip().upper())
        if form is None or form[2] not in _SIZES:
            raise FileError(name, f"extension {hdu.name} has no readable TFORM{number}", AGAIN)
        repeat = int(form[1] or 1)
        title = str(header.get(f"TTYPE{number}", f"column {number}")).strip().upper()
        fields.setdefault(title, _Field(number, form[2], repeat, offset, form[3][:1]))
        offset += (repeat + 7) // 8 if form[2] == "X" else repeat * _SIZES[form[2]]
    if offset != width:
        raise FileError(name, f"extension {hdu.name} has rows of {width} bytes and columns of {offset}", AGAIN)
    return Table(header, name, rows, width, fields, data)
