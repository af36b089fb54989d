"""Headers of FITS files in plain Python, and where a file that a header names is found.

Only headers are read: data are stepped over by seeking (or by streaming, in a gzipped file). That takes well under a
millisecond, where importing a FITS library takes half a second, so a plan can follow BACKFILE, RESPFILE and ANCRFILE.

The layout is that of the FITS standard 4.0 (Pence et al. 2010, A&A 524, A42; IAU FWG 2018): blocks of 2880 bytes,
cards of 80 characters, `CONTINUE` of section 4.2.1.2, data sizes of section 4.4.1.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

from xbatch.base.errors import FileError

__all__ = [
    "BLOCK",
    "GZIP_MAGIC",
    "RawHeader",
    "Value",
    "data_size",
    "find_file",
    "first_with",
    "iterate_headers",
    "open_plain",
    "parse_cards",
    "read_headers",
    "read_raw_header",
]

BLOCK = 2880
_CARD = 80
_MAX_BLOCKS = 20_000
GZIP_MAGIC = b"\x1f\x8b"
_START = b"SIMPLE  ="

Value = str | int | float | bool | None

_INTEGER = re.compile(r"[+-]?\d+\Z")
_REAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([EeDd][+-]?\d+)?\Z")
_QUOTED = re.compile(r"'((?:[^']|'')*)'")
_SILENT = frozenset({"", "COMMENT", "HISTORY", "CONTINUE", "END"})


@dataclass(frozen=True)
class RawHeader:
    """One header as its cards, each 80 characters less the blanks at its end; the END card is left out."""

    cards: tuple[str, ...]


def open_plain(path: Path) -> BufferedIOBase:
    """Open a file for reading bytes, unpacking it on the way if it is gzipped (by its first two bytes, not its name).

    Raises
    ------
    FileError
        The file is not there or cannot be read.
    """
    try:
        stream = path.open("rb")
        try:
            magic = stream.read(2)
            stream.seek(0)
        except OSError:
            stream.close()
            raise
    except OSError as error:
        raise FileError(str(path), f"cannot be read: {error.strerror or error}") from error
    if magic != GZIP_MAGIC:
        return stream
    stream.close()
    return gzip.open(path, "rb")


def read_raw_header(stream: BufferedIOBase, name: str, first: bool) -> RawHeader | None:
    """Read the header that begins where a stream stands, and leave the stream at its data.

    Parameters
    ----------
    stream : binary file
    name : str
        The file's name, for messages.
    first : bool
        Whether this is the primary header. Of the others, None means that there are no more.

    Raises
    ------
    FileError
        Not a FITS file, or the file ends within the header.
    """
    cards: list[str] = []
    for number in range(_MAX_BLOCKS):
        block = stream.read(BLOCK)
        if number == 0:
            if first and not block.startswith(_START):
                raise FileError(name, "is not a FITS file: it does not begin with SIMPLE")
            if not first and not block.startswith(b"XTENSION"):
                return None
        if len(block) < BLOCK:
            raise FileError(name, "is truncated: it ends within a header", "Fetch or make the file again")
        text = block.decode("latin-1")
        for at in range(0, BLOCK, _CARD):
            card = text[at : at + _CARD]
            if card[:8] == "END     ":
                return RawHeader(tuple(cards))
            cards.append(card.rstrip())
    raise FileError(name, "has a header without an END card", "Fetch or make the file again")


def parse_cards(cards: tuple[str, ...]) -> dict[str, Value]:
    """Turn cards into values by keyword.

    Commentary (COMMENT, HISTORY, blank) is left out; of a keyword that stands twice the first counts, as in cfitsio.
    Strings lose the blanks at their end, complex numbers and anything unreadable stay text, a keyword without a value
    is None.
    """
    values: dict[str, Value] = {}
    number = 0
    while number < len(cards):
        card = cards[number]
        number += 1
        keyword, text = card[:8].rstrip(), card[10:]
        if keyword == "HIERARCH" and "=" in card:
            keyword, _, text = card[8:].partition("=")
            keyword = keyword.strip()
        elif keyword in _SILENT or card[8:10].rstrip() != "=":
            continue
        text = text.strip()
        if not text.startswith("'"):
            values.setdefault(keyword, _number(text.partition("/")[0].strip()))
            continue
        value, closed = _string(text)
        while closed and value.endswith("&") and number < len(cards) and cards[number].startswith("CONTINUE"):
            more, closed = _string(cards[number][8:].strip())
            value = value[:-1] + more
            number += 1
        values.setdefault(keyword, value)
    return values


def _string(text: str) -> tuple[str, bool]:
    """Give the content of a quoted string and whether it was closed (one that is not is taken to the card's end)."""
    match = _QUOTED.match(text)
    if match is None:
        return text.lstrip("'").rstrip(), False
    return match[1].replace("''", "'").rstrip(), True


def _number(text: str) -> Value:
    if text in {"T", "F"}:
        return text == "T"
    if not text:
        return None
    if _INTEGER.match(text):
        return int(text)
    if _REAL.match(text):
        return float(text.upper().replace("D", "E"))
    return text


def data_size(header: Mapping[str, Value], name: str) -> int:
    """Give the number of bytes of data after a header, without the padding to a whole block.

    ``|BITPIX|/8 x GCOUNT x (PCOUNT + NAXIS1 x NAXIS2 ...)``, with NAXIS1 = 0 left out of the product in random groups.

    Raises
    ------
    FileError
        BITPIX, NAXIS or one of NAXISn is missing or is no number that can be.
    """

    def whole(keyword: str, default: int | None = None) -> int:
        value = header.get(keyword, default)
        if not isinstance(value, int) or isinstance(value, bool) or (value < 0 and keyword != "BITPIX"):
            raise FileError(name, f"has a header whose {keyword} is {value!r}", "Fetch or make the file again")
        return value

    axes = [whole(f"NAXIS{number}") for number in range(1, whole("NAXIS") + 1)]
    if not axes:
        return 0
    if header.get("GROUPS") is True and axes[0] == 0:
        axes = axes[1:]
    product = 1
    for axis in axes:
        product *= axis
    return abs(whole("BITPIX")) // 8 * whole("GCOUNT", 1) * (whole("PCOUNT", 0) + product)


def iterate_headers(path: Path) -> Iterator[dict[str, Value]]:
    """Give the headers of a FITS file one after another, reading no further than asked.

    Raises
    ------
    FileError
        The file is not there, is not FITS, or ends before its data do.
    """
    name = str(path)
    with closing(open_plain(path)) as stream:
        try:
            raw = read_raw_header(stream, name, first=True)
            while raw is not None:
                header = parse_cards(raw.cards)
                yield header
                size = data_size(header, name)
                if size:
                    _step_over(stream, size, name)
                raw = read_raw_header(stream, name, first=False)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise FileError(name, f"is gzipped and damaged: {error}", "Fetch or make the file again") from error
        except OSError as error:
            raise FileError(name, f"cannot be read: {error.strerror or error}") from error


def _step_over(stream: BufferedIOBase, size: int, name: str) -> None:
    """Step over data and their padding; a file may lack padding at its end, but not data."""
    stream.seek(size - 1, 1)
    if not stream.read(1):
        raise FileError(name, "is truncated: it ends within its data", "Fetch or make the file again")
    padding = -size % BLOCK
    if padding:
        stream.seek(padding, 1)


def read_headers(path: Path, limit: int | None = None) -> list[dict[str, Value]]:
    """Read the headers of a FITS file, all or the first `limit`, as values by keyword.

    Raises
    ------
    FileError
        The file is not there, is not FITS, or is truncated.
    """
    headers: list[dict[str, Value]] = []
    for header in iterate_headers(path):
        headers.append(header)
        if limit is not None and len(headers) >= limit:
            break
    return headers


def first_with(path: Path, predicate: Callable[[Mapping[str, Value]], bool]) -> dict[str, Value] | None:
    """Read headers up to the first that a predicate accepts; None if there is none.

    Raises
    ------
    FileError
        As `read_headers`.
    """
    return next((header for header in iterate_headers(path) if predicate(header)), None)


def find_file(path: Path) -> Path | None:
    """Find a file as cfitsio does: under its name, else gzipped; also ``X`` where ``X.gz`` was asked for."""
    if path.is_file():
        return path
    other = path.with_suffix("") if path.suffix == ".gz" else path.with_name(path.name + ".gz")
    return other if path.name and other.is_file() else None
