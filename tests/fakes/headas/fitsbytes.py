"""FITS files taken apart into headers and bytes, so that a fake can change a card or drop rows and keep all else."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fakes.core import ToolError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Part", "existing", "part_named", "read_parts", "write_parts"]

_BLOCK, _CARD = 2880, 80
_WIDTHS = {"L": 1, "B": 1, "I": 2, "J": 4, "K": 8, "E": 4, "D": 8, "A": 1, "C": 8, "M": 16, "P": 8, "Q": 16}
_DTYPES = {"B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8"}


@dataclass
class Part:
    """A header and its data: cards as text of up to 80 characters, without END."""

    cards: list[str]
    data: bytes

    def get(self, keyword: str, default: str = "") -> str:
        """Give a card's value as text, without quotes and comment."""
        for card in self.cards:
            if card[:8].rstrip() == keyword and card[8:10] == "= ":
                text = card[10:].strip()
                if text.startswith("'"):
                    return text[1:].replace("''", "\0").partition("'")[0].replace("\0", "'").rstrip()
                return text.partition("/")[0].strip()
        return default

    def number(self, keyword: str, default: float = 0.0) -> float:
        """Give a card's value as a number."""
        return float(self.get(keyword) or default)

    def put(self, keyword: str, value: str | float | bool) -> None:
        """Change a card, or add it at the end."""
        if isinstance(value, str):
            text = f"{keyword:8s}= '{value:8s}'"
        elif isinstance(value, bool):
            text = f"{keyword:8s}= {'T' if value else 'F':>20s}"
        else:
            text = f"{keyword:8s}= {value!r:>20s}"
        for number, card in enumerate(self.cards):
            if card[:8].rstrip() == keyword:
                self.cards[number] = text
                return
        self.cards.append(text)

    def drop(self, keyword: str) -> None:
        """Take a card away."""
        self.cards = [card for card in self.cards if card[:8].rstrip() != keyword]

    @property
    def name(self) -> str:
        """EXTNAME."""
        return self.get("EXTNAME") or ("PRIMARY" if self.cards[0].startswith("SIMPLE") else "")

    def _rows(self) -> NDArray[Any]:
        import numpy as np

        count, width = int(self.number("NAXIS2")), int(self.number("NAXIS1"))
        return np.frombuffer(self.data, np.uint8, count * width).reshape(count, width)

    def column(self, name: str) -> NDArray[Any]:
        """Give the first element of each cell of a column of numbers, as numpy has them."""
        import numpy as np

        at = 0
        for number in range(1, int(self.number("TFIELDS")) + 1):
            form = self.get(f"TFORM{number}")
            digits = len(form) - len(form.lstrip("0123456789"))
            repeat, code = int(form[:digits] or 1), form[digits]
            if self.get(f"TTYPE{number}").upper() == name.upper():
                size = _WIDTHS[code]
                cells = np.ascontiguousarray(self._rows()[:, at : at + size])
                dtype = np.dtype(_DTYPES[code])
                return cells.view(dtype)[:, 0].astype(dtype.newbyteorder("="))
            at += (repeat + 7) // 8 if code == "X" else repeat * _WIDTHS[code]
        raise ToolError(f"column {name} was not found in {self.name}")

    def fill(self, name: str, values: NDArray[Any]) -> None:
        """Write the values of a column with one number in a cell."""
        import numpy as np

        rows, at = self._rows().copy(), 0
        for number in range(1, int(self.number("TFIELDS")) + 1):
            form = self.get(f"TFORM{number}")
            digits = len(form) - len(form.lstrip("0123456789"))
            repeat, code = int(form[:digits] or 1), form[digits]
            if self.get(f"TTYPE{number}").upper() == name.upper():
                cells = np.ascontiguousarray(values.astype(_DTYPES[code])).view(np.uint8).reshape(len(rows), -1)
                rows[:, at : at + cells.shape[1]] = cells
                self.data = rows.tobytes()
                return
            at += (repeat + 7) // 8 if code == "X" else repeat * _WIDTHS[code]
        raise ToolError(f"column {name} was not found in {self.name}")

    def keep(self, which: NDArray[Any]) -> None:
        """Keep only some rows."""
        rows = self._rows()[which]
        self.data = rows.tobytes()
        self.put("NAXIS2", len(rows))

    def replace_rows(self, columns: Sequence[NDArray[Any]]) -> None:
        """Put other rows, of doubles, in the place of a table's."""
        import numpy as np

        rows = np.column_stack(columns).astype(">f8")
        self.data = rows.tobytes()
        self.put("NAXIS2", len(rows))


def existing(path: Path) -> Path:
    """Give the file, packed if it is there only so."""
    for one in (path, path.with_name(path.name + ".gz")):
        if one.is_file():
            return one
    raise ToolError(f"file {path} not found")


def read_parts(path: Path) -> list[Part]:
    """Read a FITS file, plain or packed."""
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    if not content.startswith(b"SIMPLE  ="):
        raise ToolError(f"FITSIO status = 252: {path} is no FITS file: missing SIMPLE keyword", 252)
    parts, at = list[Part](), 0
    while at < len(content):
        cards = list[str]()
        while True:
            card = content[at : at + _CARD].decode("ascii", "replace")
            if len(card) < _CARD:
                raise ToolError(f"FITSIO status = 107: tried to move past end of file {path}", 107)
            at += _CARD
            if card.rstrip() == "END":
                break
            cards.append(card)
        at = -(-at // _BLOCK) * _BLOCK
        part = Part([card for card in cards if card.strip()], b"")
        size = _size(part)
        part.data = content[at : at + size]
        if len(part.data) < size:
            raise ToolError(f"FITSIO status = 107: tried to move past end of file {path}", 107)
        parts.append(part)
        at = -(-(at + size) // _BLOCK) * _BLOCK
    return parts


def write_parts(path: Path, parts: Iterable[Part]) -> None:
    """Write a FITS file."""
    content = bytearray()
    for part in parts:
        header = "".join(f"{card[:_CARD]:80s}" for card in [*part.cards, "END"]).encode("ascii")
        content += header + b" " * (-len(header) % _BLOCK)
        content += part.data + b"\0" * (-len(part.data) % _BLOCK)
    path.write_bytes(content)


def part_named(parts: Sequence[Part], name: str) -> Part:
    """Give the extension of a name."""
    for part in parts:
        if part.name.upper() == name.upper():
            return part
    raise ToolError(f"FITSIO status = 301: could not find the extension {name}", 301)


def _size(part: Part) -> int:
    axes = int(part.number("NAXIS"))
    size = abs(int(part.number("BITPIX", 8))) // 8 if axes else 0
    for number in range(1, axes + 1):
        size *= int(part.number(f"NAXIS{number}"))
    return size + int(part.number("PCOUNT"))
