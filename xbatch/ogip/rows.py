"""Rows of large binary tables, a chunk at a time: only the columns asked, in memory that does not grow with the file.

FITS standard 4.0 (Pence et al. 2010, A&A 524, A42; IAU FWG 2018), section 7.3. Rows are read into one buffer that is
used again, and columns are strided views of it, turned to the machine's byte order as they are copied out: nothing is
mapped, so a file that is cut short while it is read is an error and not a crash.
"""

from __future__ import annotations

import gzip
import math
import re
import shutil
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import FileError
from xbatch.base.fitsheader import BLOCK, Value, data_size, find_file, open_plain, parse_cards, read_raw_header
from xbatch.ogip.fitsreader import AGAIN

__all__ = ["CHUNK_ROWS", "RowColumn", "RowTable", "plain_file", "row_tables"]

#: Rows of a chunk, if they are short; of longer ones fewer, so that a chunk stays in the processor's cache.
CHUNK_ROWS = 1 << 19
_CHUNK_BYTES = 1 << 23
_INFLATE_BYTES = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_FORM = re.compile(r"(\d*)([LXBIJKAEDCMPQ])")
_DTYPES = {"L": "u1", "B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8"}
_SIZES = {"A": 1, "C": 8, "M": 16, "P": 8, "Q": 16} | {code: np.dtype(kind).itemsize for code, kind in _DTYPES.items()}
_BITS = {1: "u1", 2: ">u2", 4: ">u4", 8: ">u8"}


@dataclass(frozen=True)
class RowColumn:
    """A column and where it lies in a row.

    Attributes
    ----------
    name, form, unit : str
        TTYPE in capitals, TFORM, TUNIT.
    number : int
        From 1.
    offset : int
        Bytes from the start of a row.
    dtype : str
        numpy's name of what the file holds; empty where a cell is not one number (or one set of bits).
    lowest, highest : float or None
        TLMIN and TLMAX.
    null : int or None
        TNULL: the value that says that there is none.
    scale, zero : float
        TSCAL and TZERO.
    """

    name: str
    form: str
    unit: str
    number: int
    offset: int
    dtype: str
    lowest: float | None = None
    highest: float | None = None
    null: int | None = None
    scale: float = 1.0
    zero: float = 0.0

    @property
    def whole(self) -> bool:
        """Whether the values are whole numbers, as the file scales them."""
        return bool(self.dtype) and np.dtype(self.dtype).kind in "iu" and self.scale == 1 and self.zero.is_integer()

    @property
    def kept_as(self) -> np.dtype[Any]:
        """What `values` gives."""
        if self.scale == 1 and self.zero == 0:
            return np.dtype(self.dtype).newbyteorder("=")
        return np.dtype(np.int64 if self.whole else np.float64)

    def values(self, cells: NDArray[Any]) -> NDArray[Any]:
        """Turn cells as they lie in the file into values in the machine's byte order.

        Whole numbers stay whole, with `null` left as it is; where TSCAL or TZERO make floats of them, nulls are NaN.
        """
        if self.scale == 1 and self.zero == 0:
            return cells.astype(cells.dtype.newbyteorder("="))
        if self.whole:
            return cells.astype(np.int64) + int(self.zero)
        scaled = cells.astype(np.float64) * self.scale + self.zero
        if self.null is not None and cells.dtype.kind in "iu":
            scaled[cells == self.null] = np.nan
        return scaled

    @property
    def nothing(self) -> int | None:
        """What a value of `values` that says "there is none" looks like, where values are whole numbers."""
        return None if self.null is None or not self.whole else self.null + int(self.zero)


@dataclass(frozen=True)
class RowTable:
    """A binary table of a plain file: its header, its columns, and where its rows begin."""

    path: Path
    header: Mapping[str, Value]
    rows: int
    width: int
    offset: int
    columns: Mapping[str, RowColumn]

    @property
    def chunk_rows(self) -> int:
        """Rows of a chunk unless told otherwise."""
        return max(min(CHUNK_ROWS, _CHUNK_BYTES // max(self.width, 1)), 1)

    def chunks(self, names: Sequence[str], rows: int | None = None) -> Iterator[dict[str, NDArray[Any]]]:
        """Read columns a chunk of rows at a time.

        Parameters
        ----------
        names : sequence of str
            Columns of one number a cell.
        rows : int, optional
            Rows of a chunk.

        Yields
        ------
        dict of str to ndarray, each of shape (rows of the chunk,)
            In the machine's byte order; the reader's to keep.

        Raises
        ------
        FileError
            A column is not there or holds no single numbers; the file became shorter, or cannot be read.
        """
        wanted = [(name, self.column(name)) for name in names]
        step = rows or self.chunk_rows
        buffer = np.empty(min(step, max(self.rows, 1)) * self.width, np.uint8)
        try:
            with self.path.open("rb", buffering=0) as stream:
                stream.seek(self.offset)
                for first in range(0, self.rows, step):
                    count = min(step, self.rows - first)
                    piece = buffer.data[: count * self.width]
                    while piece:
                        got = stream.readinto(piece)
                        if not got:
                            raise FileError(str(self.path), "is truncated: it ends within its events", AGAIN)
                        piece = piece[got:]
                    yield {
                        name: column.values(
                            np.ndarray((count,), column.dtype, buffer.data, column.offset, (self.width,))
                        )
                        for name, column in wanted
                    }
        except OSError as error:
            raise FileError(str(self.path), f"cannot be read: {error.strerror or error}") from error

    def column(self, name: str) -> RowColumn:
        """Give a column of one number a cell.

        Raises
        ------
        FileError
            There is no such column, or its cells are something else.
        """
        column = self.columns.get(name.upper())
        title = self.header.get("EXTNAME", "table")
        if column is None:
            raise FileError(
                str(self.path), f"has no column {name} in {title} (it has {', '.join(self.columns) or 'none'})"
            )
        if not column.dtype:
            raise FileError(str(self.path), f"column {name} of {title} holds no single numbers (TFORM {column.form})")
        return column


def plain_file(path: Path, scratch: Path) -> Path:
    """Give a file that can be read at any place: itself, or inflated into a folder if it is gzipped.

    Parameters
    ----------
    path : Path
        ``X.gz`` is taken where ``X`` is asked for and only that is there, and the other way round.
    scratch : Path
        An existing folder; what is inflated is left there under the file's name.

    Raises
    ------
    FileError
        The file is not there, is a folder, is empty, is damaged or cannot be read; the folder cannot be written.
    """
    found = find_file(path)
    if found is None:
        if path.is_dir():
            raise FileError(str(path), "is a folder, not a file", "Name the file in it")
        raise FileError(str(path), "is not there (nor gzipped)", "Check the name")
    try:
        with found.open("rb") as stream:
            magic = stream.read(2)
        if not magic:
            raise FileError(str(found), "is empty", AGAIN)
        if magic != _GZIP_MAGIC:
            return found
        plain = scratch / found.name.removesuffix(".gz")
        with closing(open_plain(found)) as packed, plain.open("wb") as target:
            shutil.copyfileobj(packed, target, _INFLATE_BYTES)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FileError(str(found), f"is gzipped and damaged: {error}", AGAIN) from error
    except OSError as error:
        raise FileError(
            str(found), f"cannot be read or inflated: {error.strerror or error}", "Check it, and the room on the disk"
        ) from error
    return plain


def row_tables(path: Path) -> Iterator[RowTable | Mapping[str, Value]]:
    """Give the extensions of a plain FITS file one after another: tables, or the header of anything else.

    Raises
    ------
    FileError
        The file is not FITS, is truncated, or has a table that makes no sense.
    """
    name = str(path)
    length = path.stat().st_size
    with path.open("rb") as stream:
        raw = read_raw_header(stream, name, first=True)
        first = True
        while raw is not None:
            header = parse_cards(raw.cards)
            at, size = stream.tell(), data_size(header, name)
            if at + size > length:
                raise FileError(name, f"is truncated: {_missing(header, length - at)}", AGAIN)
            kind = header.get("XTENSION")
            is_table = not first and isinstance(kind, str) and kind.strip() == "BINTABLE"
            yield _table(path, header, at) if is_table else header
            stream.seek(at + size + -size % BLOCK)
            raw = read_raw_header(stream, name, first=False)
            first = False


def _missing(header: Mapping[str, Value], there: int) -> str:
    rows, width = header.get("NAXIS2"), header.get("NAXIS1")
    if isinstance(rows, int) and isinstance(width, int) and width > 0 and header.get("XTENSION") is not None:
        return f"it holds {max(there, 0) // width} of the {rows} rows of {header.get('EXTNAME', 'a table')}"
    return "it ends within its data"


def _table(path: Path, header: Mapping[str, Value], at: int) -> RowTable:
    name, title = str(path), header.get("EXTNAME", "table")
    width, rows, count = (header.get(key) for key in ("NAXIS1", "NAXIS2", "TFIELDS"))
    if not isinstance(width, int) or not isinstance(rows, int) or not isinstance(count, int):
        raise FileError(name, f"extension {title} lacks NAXIS1, NAXIS2 or TFIELDS", AGAIN)
    columns: dict[str, RowColumn] = {}
    offset = 0
    for number in range(1, count + 1):
        column, size = _column(header, number, offset, name)
        columns.setdefault(column.name, column)
        offset += size
    if offset != width:
        raise FileError(name, f"extension {title} has rows of {width} bytes and columns of {offset}", AGAIN)
    return RowTable(path, header, rows, width, at, columns)


def _column(header: Mapping[str, Value], number: int, offset: int, path: str) -> tuple[RowColumn, int]:
    """Read the cards of a column; also give its length in bytes."""
    text = str(header.get(f"TFORM{number}", "")).strip().upper()
    form = _FORM.match(text)
    if form is None:
        raise FileError(path, f"extension {header.get('EXTNAME', 'table')} has no readable TFORM{number}", AGAIN)
    repeat, code = int(form[1] or 1), form[2]
    if code == "X":
        size = (repeat + 7) // 8
        dtype = _BITS.get(size, "")
    else:
        size = repeat * _SIZES[code]
        dtype = _DTYPES.get(code, "") if repeat == 1 else ""
    null = header.get(f"TNULL{number}")
    column = RowColumn(
        str(header.get(f"TTYPE{number}", f"column {number}")).strip().upper(),
        text,
        str(header.get(f"TUNIT{number}", "") or "").strip(),
        number,
        offset,
        dtype,
        _real(header, f"TLMIN{number}"),
        _real(header, f"TLMAX{number}"),
        null if isinstance(null, int) and not isinstance(null, bool) else None,
        _factor(header, f"TSCAL{number}", 1.0, path),
        _factor(header, f"TZERO{number}", 0.0, path),
    )
    return column, size


def _real(header: Mapping[str, Value], card: str) -> float | None:
    value = header.get(card)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)


def _factor(header: Mapping[str, Value], card: str, default: float, path: str) -> float:
    value = default if card not in header else _real(header, card)
    if value is None:
        raise FileError(path, f"has {card} {header[card]!r}, which is no number", AGAIN)
    return value
