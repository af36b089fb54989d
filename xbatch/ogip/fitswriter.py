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
    parts: list[NDArray[Any]] = []
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
            parts.append(descriptor.astype(">i4"))
        elif values.dtype.kind == "S":
            form = f"{values.dtype.itemsize}A"
            parts.append(np.ascontiguousarray(values).view(np.uint8).reshape(len(values), -1))
        else:
            raw, code = _big_endian(values)
            form = code if raw.ndim == 1 else f"{raw.shape[1]}{code}"
            parts.append(raw)
        forms += [Card(f"TTYPE{number}", name), Card(f"TFORM{number}", form)]
        forms += [Card(f"TUNIT{number}", unit)] if unit else []
    rows = parts[0].shape[0] if parts else 0
    cells = np.concatenate([_bytes(part, rows) for part in parts], axis=1)
    head = [
        Card("XTENSION", "BINTABLE"),
        Card("BITPIX", 8),
        Card("NAXIS", 2),
        Card("NAXIS1", cells.shape[1]),
        Card("NAXIS2", rows),
        Card("PCOUNT", heap_size),
        Card("GCOUNT", 1),
        Card("TFIELDS", len(parts)),
        *forms,
        Card("EXTNAME", table.name),
        *table.cards,
    ]
    data = cells.tobytes() + b"".join(heap)
    return header_bytes(head) + data + bytes(-len(data) % BLOCK)


def _bytes(part: NDArray[Any], rows: int) -> NDArray[np.uint8]:
    """Give the bytes of a column by row; a table may have none."""
    width = part.itemsize * (part.shape[1] if part.ndim > 1 else 1)
    return np.ascontiguousarray(part).view(np.uint8).reshape(rows, width)


def _big_endian(values: NDArray[Any]) -> tuple[NDArray[Any], str]:
    kind = f"{values.dtype.kind}{values.dtype.itemsize}"
    return np.ascontiguousarray(values, dtype=f">{kind}"), _CODES[kind]


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
