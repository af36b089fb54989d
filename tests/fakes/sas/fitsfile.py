"""FITS files as lists of headers and bytes, which tasks change a little and write again."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.fakes.sas.parameters import SasError
from xbatch.base.errors import FileError
from xbatch.base.fitsheader import BLOCK, Value, data_size, open_plain, parse_cards, read_raw_header
from xbatch.ogip.fitswriter import BinTable, Card, header_bytes, table_bytes

__all__ = ["Hdu", "card_lines", "events_of", "find", "image", "named", "primary", "read", "table", "write"]

_FORM = re.compile(r"(\d*)([XBIJEDALP])")
_CODES = {"B": "u1", "I": ">i2", "J": ">i4", "E": ">f4", "D": ">f8", "L": "S1"}
_CARD = 80


class Hdu:
    """A header and its data."""

    def __init__(self, cards: Sequence[str], data: bytes = b"") -> None:
        self.cards = [card.ljust(_CARD) for card in cards]
        self.data = data
        self._values: dict[str, Value] | None = None

    @property
    def header(self) -> dict[str, Value]:
        if self._values is None:
            self._values = parse_cards(tuple(self.cards))
        return self._values

    @property
    def name(self) -> str:
        return str(self.header.get("EXTNAME", "")).strip().upper()

    def get(self, keyword: str, default: Any = None) -> Any:
        value = self.header.get(keyword)
        return default if value is None else value

    def set(self, keyword: str, value: str | float | int | bool, comment: str = "") -> None:
        """Set a card, where it stands or else at the end."""
        at = next((n for n, card in enumerate(self.cards) if card[:8].rstrip() == keyword), len(self.cards))
        self.remove(keyword)
        self.cards[at:at] = card_lines([Card(keyword, value, comment)])
        self._values = None

    def add(self, cards: Iterable[Card]) -> None:
        for card in cards:
            self.set(card.keyword, card.value, card.comment)

    def remove(self, *keywords: str) -> None:
        kept: list[str] = []
        dropped = False
        for card in self.cards:
            dropped = card[:8].rstrip() in keywords or (dropped and card.startswith("CONTINUE"))
            if not dropped:
                kept.append(card)
        self.cards, self._values = kept, None

    @property
    def dtype(self) -> np.dtype[Any]:
        fields: list[tuple[Any, ...]] = []
        for number in range(1, int(self.get("TFIELDS", 0)) + 1):
            match = _FORM.match(str(self.header[f"TFORM{number}"]).strip())
            if match is None:
                raise SasError("BadColumn", f"column {number} of {self.name} has an odd form")
            count, code = int(match[1] or 1), match[2]
            name = str(self.header[f"TTYPE{number}"]).strip()
            if code == "A":
                fields.append((name, f"S{count}"))
            elif code == "P":
                fields.append((name, ">i4", (2,)))
            elif code == "X":
                fields.append((name, "u1", ((count + 7) // 8,)))
            else:
                fields.append((name, _CODES[code]) if count == 1 else (name, _CODES[code], (count,)))
        return np.dtype(fields)

    @property
    def rows(self) -> NDArray[Any]:
        return np.frombuffer(self.data, self.dtype, int(self.get("NAXIS2", 0))).copy()

    @rows.setter
    def rows(self, rows: NDArray[Any]) -> None:
        # numpy turns bytes round when it puts tables together
        self.data = rows.astype(self.dtype).tobytes()
        self.set("NAXIS2", len(rows))

    def bytes(self) -> bytes:
        text = "".join([*self.cards, "END".ljust(_CARD)]).encode("latin-1")
        return text + b" " * (-len(text) % BLOCK) + self.data + bytes(-len(self.data) % BLOCK)

    def copy(self) -> Hdu:
        return Hdu(self.cards, self.data)


def card_lines(cards: Sequence[Card]) -> list[str]:
    raw = header_bytes([_plain(card) for card in cards]).decode("latin-1")
    lines = [raw[at : at + _CARD] for at in range(0, len(raw), _CARD)]
    return lines[: next(n for n, line in enumerate(lines) if line.startswith("END     "))]


def _plain(card: Card) -> Card:
    """Give a card whose value is no number of numpy's."""
    return Card(card.keyword, card.value.item(), card.comment) if isinstance(card.value, np.generic) else card


def read(path: Path) -> list[Hdu]:
    """Read a file; a `SasError` where there is none, or where it is damaged."""
    if not path.is_file():
        raise SasError("DatasetNotFound", f"could not open the dataset `{path}': no such file")
    try:
        with open_plain(path) as stream:
            return _hdus(io.BytesIO(stream.read()), str(path))
    except (FileError, EOFError) as error:
        raise SasError("BadDataset", f"could not read the dataset `{path}': {error}") from None


def _hdus(stream: io.BytesIO, name: str) -> list[Hdu]:
    found: list[Hdu] = []
    raw = read_raw_header(stream, name, first=True)
    while raw is not None:
        hdu = Hdu(raw.cards)
        size = data_size(hdu.header, name)
        hdu.data = stream.read(size)
        if len(hdu.data) < size:
            raise FileError(name, "is truncated")
        stream.seek(-size % BLOCK, 1)
        found.append(hdu)
        raw = read_raw_header(stream, name, first=False)
    return found


def write(path: Path, hdus: Iterable[Hdu]) -> None:
    """Write a file, in one piece."""
    path = path.resolve()  # as the real ones, tasks write through links
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_bytes(b"".join(hdu.bytes() for hdu in hdus))
    part.replace(path)


def primary(cards: Iterable[Card] = (), source: Hdu | None = None) -> Hdu:
    """Make a primary header without data: that of another file, with more cards."""
    made = Hdu(card_lines([Card("SIMPLE", True), Card("BITPIX", 8), Card("NAXIS", 0), Card("EXTEND", True)]))
    if source is not None:
        kept = [card for card in source.cards if not card.startswith(_STRUCTURE)]
        made = Hdu([*made.cards, *kept])
    made.add(cards)
    return made


_STRUCTURE = ("SIMPLE", "BITPIX", "NAXIS", "EXTEND", "HISTORY", "COMMENT", "XPROC", "XDAL", "CONTINUE")


def table(name: str, columns: Sequence[tuple[str, str, Any]], cards: Sequence[Card] = ()) -> Hdu:
    """Make a table: columns of name, unit and values."""
    raw = table_bytes(
        BinTable(name, [(n, unit, np.asarray(values)) for n, unit, values in columns], list(map(_plain, cards)))
    )
    stream = io.BytesIO(raw)
    header = read_raw_header(stream, name, first=False)
    assert header is not None
    hdu = Hdu(header.cards)
    hdu.data = stream.read(data_size(hdu.header, name))
    return hdu


def image(values: NDArray[Any]) -> Hdu:
    """Make a primary array of whole or real numbers of 32 bits."""
    whole = values.dtype.kind == "i"
    cards = [Card("SIMPLE", True), Card("BITPIX", 32 if whole else -32), Card("NAXIS", 2)]
    cards += [Card(f"NAXIS{number}", size) for number, size in enumerate(reversed(values.shape), 1)]
    return Hdu(card_lines([*cards, Card("EXTEND", True)]), values.astype(">i4" if whole else ">f4").tobytes())


def named(hdus: Iterable[Hdu], name: str) -> Hdu | None:
    return next((hdu for hdu in hdus if hdu.name == name), None)


def find(hdus: Iterable[Hdu], name: str, path: object) -> Hdu:
    found = named(hdus, name)
    if found is None:
        raise SasError("TableNotFound", f"dataset `{path}' has no block `{name}'")
    return found


def events_of(hdus: Iterable[Hdu], path: object) -> Hdu:
    """Give the events of a list that is whole: with exposures, good times and bad pixels of each CCD."""
    hdus = list(hdus)
    events = find(hdus, "EVENTS", path)
    for kind in ("EXPOSU", "STDGTI", "BADPIX"):
        if not any(hdu.name.startswith(kind) for hdu in hdus):
            raise SasError("BlockMissing", f"event list `{path}' has no {kind}nn extensions")
    return events
