"""Large binary tables written a piece at a time, in memory that does not grow with the file.

The header says how many rows there are and how long was observed, which is known when all rows are written: room is
kept for it, and it is written last. FITS standard 4.0 (Pence et al. 2010, A&A 524, A42), section 7.3.
"""

from __future__ import annotations

import gzip
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from xbatch.base.fitsheader import BLOCK
from xbatch.ogip.fitswriter import Card, Cell, header_bytes

__all__ = ["Field", "Records", "RowWriter", "record_dtype", "write_records"]

_FORM = re.compile(r"(\d*)([XBIJED])")
_DTYPES = {"B": "u1", "I": ">i2", "J": ">i4", "E": ">f4", "D": ">f8"}
_COPY_BYTES = 1 << 20
_UNSIGNED_ZERO = 32768


@dataclass(frozen=True)
class Field:
    """A column.

    Attributes
    ----------
    name, form, unit : str
        TTYPE, TFORM (codes X, B, I, J, E, D with a repeat count), TUNIT. Up to 16 bits X are one whole number, the
        first bit its highest.
    cards : tuple of (str, value)
        More cards of the column, without its number: ``("TLMIN", 0)``.
    unsigned : bool
        Whether 16-bit numbers are unsigned: TZERO is 32768, and cells hold the value less that.
    """

    name: str
    form: str
    unit: str = ""
    cards: tuple[tuple[str, Cell], ...] = ()
    unsigned: bool = False


@dataclass(frozen=True)
class Records:
    """A table that is held in memory: its rows as `record_dtype` has them."""

    name: str
    fields: Sequence[Field]
    rows: NDArray[Any]
    cards: Sequence[Card] = ()


def record_dtype(fields: Sequence[Field]) -> np.dtype[Any]:
    """Give the packed, big-endian dtype of a row.

    Raises
    ------
    ValueError
        A form is none of those known.
    """
    return np.dtype([(field.name, *_cell(field)) for field in fields])


def _cell(field: Field) -> tuple[Any, ...]:
    match = _FORM.fullmatch(field.form)
    if match is None:
        raise ValueError(f"column {field.name} has the form {field.form}")
    repeat = int(match[1] or 1)
    if match[2] == "X":
        if repeat > 16:
            raise ValueError(f"column {field.name} has {repeat} bits, more than 16")
        return ("u1" if repeat <= 8 else ">u2",)
    return (_DTYPES[match[2]],) if repeat == 1 else (_DTYPES[match[2]], (repeat,))


def write_records(path: Path, primary: Sequence[Card], tables: Iterable[Records]) -> None:
    """Write a file of small tables; equal content gives equal bytes.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    part = _part(path)
    try:
        with part.open("wb") as stream:
            stream.write(header_bytes(_primary(primary)))
            for table in tables:
                _write_table(stream, table)
        _put(part, path)
    finally:
        part.unlink(missing_ok=True)


class RowWriter:
    """Writes a large table, then others after it; used as a context, it leaves nothing behind that is not finished.

    Parameters
    ----------
    path : Path
        Gzipped if it ends in ``.gz``.
    name : str
        EXTNAME.
    fields : sequence of Field
    """

    def __init__(self, path: Path, name: str, fields: Sequence[Field], primary_blocks: int = 2, blocks: int = 10):
        self.path = path
        self.rows = 0
        self._name = name
        self._fields = tuple(fields)
        self._dtype = record_dtype(fields)
        self._room = (primary_blocks * BLOCK, blocks * BLOCK)
        self._part = _part(path)
        self._stream: BinaryIO = self._part.open("w+b")
        self._stream.seek(sum(self._room))

    def __enter__(self) -> RowWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        self._part.unlink(missing_ok=True)

    def empty(self, rows: int) -> NDArray[Any]:
        """Give rows to be filled, all zero."""
        return np.zeros(rows, self._dtype)

    def add(self, rows: NDArray[Any]) -> None:
        """Append rows that `empty` gave.

        Raises
        ------
        OSError
            The disk is full.
        """
        self._stream.write(rows.view(np.uint8).data)
        self.rows += len(rows)

    def finish(self, primary: Sequence[Card], cards: Sequence[Card], tables: Iterable[Records] = ()) -> None:
        """Write the headers and the tables that follow, and give the file its name.

        Raises
        ------
        ValueError
            The headers are longer than the room that was kept.
        OSError
            The disk is full.
        """
        self._stream.write(bytes(-self.rows * self._dtype.itemsize % BLOCK))
        for table in tables:
            _write_table(self._stream, table)
        head = _table_cards(self._name, self._fields, self.rows, self._dtype.itemsize, cards)
        self._stream.seek(0)
        for room, given in zip(self._room, (_primary(primary), head), strict=True):
            self._stream.write(_filled(given, room))
        self._stream.close()
        _put(self._part, self.path)


def _filled(cards: Sequence[Card], size: int) -> bytes:
    """Give a header of just that many bytes: blank cards may stand before END (section 4.4.2.4 of the standard)."""
    raw = header_bytes(cards)
    if len(raw) > size:
        raise ValueError(f"the header takes {len(raw)} bytes, more than the {size} that were kept for it")
    end = raw.rstrip().rindex(b"END")
    return raw[:end].ljust(size - 80) + b"END".ljust(80)


def _write_table(stream: BinaryIO, table: Records) -> None:
    rows = np.ascontiguousarray(table.rows)
    stream.write(header_bytes(_table_cards(table.name, table.fields, len(rows), rows.dtype.itemsize, table.cards)))
    stream.write(rows.tobytes())
    stream.write(bytes(-rows.nbytes % BLOCK))


def _primary(cards: Sequence[Card]) -> list[Card]:
    return [Card("SIMPLE", True), Card("BITPIX", 8), Card("NAXIS", 0), Card("EXTEND", True), *cards]


def _table_cards(name: str, fields: Sequence[Field], rows: int, width: int, cards: Sequence[Card]) -> list[Card]:
    columns: list[Card] = []
    for number, field in enumerate(fields, 1):
        columns += [Card(f"TTYPE{number}", field.name), Card(f"TFORM{number}", field.form)]
        columns += [Card(f"TUNIT{number}", field.unit)] if field.unit else []
        columns += [Card(f"TZERO{number}", _UNSIGNED_ZERO), Card(f"TSCAL{number}", 1)] if field.unsigned else []
        columns += [Card(f"{keyword}{number}", value) for keyword, value in field.cards]
    return [
        Card("XTENSION", "BINTABLE"),
        Card("BITPIX", 8),
        Card("NAXIS", 2),
        Card("NAXIS1", width),
        Card("NAXIS2", rows),
        Card("PCOUNT", 0),
        Card("GCOUNT", 1),
        Card("TFIELDS", len(fields)),
        Card("EXTNAME", name),
        *columns,
        *cards,
    ]


def _part(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.name}.part")


def _put(part: Path, path: Path) -> None:
    """Give a finished file its name, gzipped where the name says so, without a date."""
    if path.suffix != ".gz":
        part.replace(path)
        return
    packed = path.with_name(f".{path.name}.packed")
    try:
        with (
            part.open("rb") as source,
            packed.open("wb") as raw,
            gzip.GzipFile("", "wb", 6, raw, mtime=0) as target,
        ):
            shutil.copyfileobj(source, target, _COPY_BYTES)
        packed.replace(path)
    finally:
        packed.unlink(missing_ok=True)
