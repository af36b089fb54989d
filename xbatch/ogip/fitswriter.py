"""FITS files with images and binary tables, written so that equal content gives equal bytes: no date, no version.

FITS standard 4.0 (Pence et al. 2010, A&A 524, A42; IAU FWG 2018): free-format values where a number needs more than
20 characters (section 4.2), CONTINUE for long strings (4.2.1.2), variable-length arrays (7.3.5).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.files import write_atomically
from xbatch.base.fitsheader import BLOCK
from xbatch.ogip.fitsreader import Ragged

__all__ = ["BinTable", "Card", "Cell", "header_bytes", "table_bytes", "write_fits"]

Cell = str | int | float | bool
_CODES = {"i2": "I", "i4": "J", "i8": "K", "f4": "E", "f8": "D"}
_BITPIX = {"I": 16, "J": 32, "K": 64, "E": -32, "D": -64}
_WIDTH = 80
_TEXT = 67


@dataclass(frozen=True)
class Card:
    """A keyword, its value and a comment; a comment that does not fit is cut."""

    keyword: str
    value: Cell
    comment: str = ""


@dataclass(frozen=True)
class BinTable:
    """A binary table.

    Attributes
    ----------
    name : str
        EXTNAME.
    columns : sequence of (name, unit, values)
        Values of shape (rows,), or (rows, n), or `Ragged`; their dtype is the column's. Strings are bytes (``S16``).
    cards : sequence of Card
        In the order they are to stand.
    """

    name: str
    columns: Sequence[tuple[str, str, NDArray[Any] | Ragged]]
    cards: Sequence[Card] = field(default_factory=tuple)


def write_fits(
    path: Path, primary: Iterable[Card], tables: Iterable[BinTable | bytes], image: NDArray[Any] | None = None
) -> None:
    """Write a FITS file: a primary array with some cards, then tables.

    Parameters
    ----------
    path : Path
    primary : iterable of Card
        Those of the primary header, without what describes the array.
    tables : iterable of BinTable or bytes
        Bytes are whole extensions as they stand in another file.
    image : ndarray, optional
        The primary array, its last axis the first of FITS; there is none unless given.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    cards, data = [Card("SIMPLE", True), Card("BITPIX", 8), Card("NAXIS", 0)], b""
    if image is not None:
        raw, code = _big_endian(image)
        sizes = [Card(f"NAXIS{number}", size) for number, size in enumerate(reversed(image.shape), 1)]
        cards = [Card("SIMPLE", True), Card("BITPIX", _BITPIX[code]), Card("NAXIS", image.ndim), *sizes]
        data = raw.tobytes()
    cards += [Card("EXTEND", True), *primary]
    parts = [
        header_bytes(cards),
        data,
        bytes(-len(data) % BLOCK),
        *(t if isinstance(t, bytes) else table_bytes(t) for t in tables),
    ]
    write_atomically(path, b"".join(parts))


def table_bytes(table: BinTable) -> bytes:
    """Give a table as it stands in a file: header and data, each in whole blocks."""
    columns: list[NDArray[Any]] = []
    heap: list[bytes] = []
    heap_size = 0
    forms: list[Card] = []
    for number, (name, unit, values) in enumerate(table.columns, 1):
        if isinstance(values, Ragged):
            raw, code = _big_endian(values.values)
            length = np.diff(values.start)
            descriptor = np.stack([length, heap_size + values.start[:-1] * raw.itemsize], axis=1)
            heap.append(raw.tobytes())
            heap_size += raw.nbytes
            form = f"P{code}({length.max(initial=0)})"
            columns.append(descriptor.astype(np.int32))
        else:
            code = f"{values.dtype.itemsize}A" if values.dtype.kind == "S" else _CODES[_kind(values)]
            form = code if values.ndim == 1 else f"{values.shape[1]}{code}"
            columns.append(values)
        forms += [Card(f"TTYPE{number}", name), Card(f"TFORM{number}", form)]
        forms += [Card(f"TUNIT{number}", unit)] if unit else []
    cells = _rows(columns)
    head = [
        Card("XTENSION", "BINTABLE"),
        Card("BITPIX", 8),
        Card("NAXIS", 2),
        Card("NAXIS1", cells.dtype.itemsize),
        Card("NAXIS2", len(cells)),
        Card("PCOUNT", heap_size),
        Card("GCOUNT", 1),
        Card("TFIELDS", len(columns)),
        *forms,
        Card("EXTNAME", table.name),
        *table.cards,
    ]
    padding = bytes(-(cells.nbytes + heap_size) % BLOCK)
    return b"".join([header_bytes(head), cells.tobytes(), *heap, padding])


def _rows(columns: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Lay columns side by side, packed and big-endian; there may be no rows."""
    names = [f"c{number}" for number in range(len(columns))]
    dtype = np.dtype(
        [(name, values.dtype.newbyteorder(">"), values.shape[1:]) for name, values in zip(names, columns, strict=True)]
    )
    rows = np.empty(len(columns[0]) if columns else 0, dtype)
    for name, values in zip(names, columns, strict=True):
        rows[name] = values  # turned and put in its place in one go
    return rows


def _big_endian(values: NDArray[Any]) -> tuple[NDArray[Any], str]:
    kind = _kind(values)
    return np.ascontiguousarray(values, dtype=f">{kind}"), _CODES[kind]


def _kind(values: NDArray[Any]) -> str:
    return f"{values.dtype.kind}{values.dtype.itemsize}"


def header_bytes(cards: Sequence[Card]) -> bytes:
    """Give a header as it stands in a file, whole blocks with END in the last."""
    lines = [line for card in cards for line in _lines(card)] + ["END".ljust(_WIDTH)]
    text = "".join(lines).encode("ascii", "replace")
    return text + b" " * (-len(text) % BLOCK)


def _lines(card: Card) -> list[str]:
    keyword = f"{card.keyword:<8}= "
    if isinstance(card.value, str):
        return _string(keyword, card)
    value = ("T" if card.value else "F") if isinstance(card.value, bool) else repr(card.value).upper()
    return [_with_comment(f"{keyword}{value:>20}", card.comment)]


def _string(keyword: str, card: Card) -> list[str]:
    """Write a string in one card, or with CONTINUE if it is too long; what is not printable becomes a question mark."""
    text = str(card.value)
    if not (text.isascii() and text.isprintable()):
        text = "".join(mark if " " <= mark <= "~" else "?" for mark in text)
    printable = text.replace("'", "''")
    if len(printable) <= _TEXT + 1:
        quoted = f"'{printable:<8}'"
        return [_with_comment(f"{keyword}{quoted:<20}", card.comment)]
    pieces: list[str] = []
    while printable:
        cut = _TEXT
        while len(printable) > cut and printable[:cut].count("'") % 2:
            cut -= 1
        pieces.append(printable[:cut])
        printable = printable[cut:]
    lines = [f"{keyword}'{pieces[0]}&'"]
    lines += [f"CONTINUE  '{piece}&'" for piece in pieces[1:-1]] + [f"CONTINUE  '{pieces[-1]}'"]
    return [line.ljust(_WIDTH) for line in lines]


def _with_comment(text: str, comment: str) -> str:
    full = f"{text} / {comment}" if comment else text
    return full[:_WIDTH].rstrip().ljust(_WIDTH)
