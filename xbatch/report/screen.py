"""The last lines of a terminal, drawn over and over, with all that is said for good above them.

Lines are replaced in place and what is unchanged is not sent again, so that nothing flickers; each change is one write,
marked as one frame for terminals that know synchronised output (DEC private mode 2026). The cursor rests below the
lines, visible: whoever kills the process gets the terminal back as it was.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import IO

__all__ = [
    "Line",
    "Piece",
    "Screen",
    "brief",
    "can_draw",
    "clean",
    "cut",
    "cut_middle",
    "size_of",
    "styled",
    "uses_colour",
    "wrap",
    "wraps",
]

Piece = tuple[str, str]
"""A text and its style: a name of `_CODES`, or empty."""
Line = Sequence[Piece]

_CODES = {"dim": "2", "bold": "1", "red": "1;31", "green": "32", "yellow": "33", "blue": "34", "": ""}
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_FRAME, _FRAME_END = "\x1b[?2026h", "\x1b[?2026l"
_STALE_S = 5.0
_BRIEF = 400
_PLAIN = str.maketrans({"✓": "+", "✗": "x", "▸": ">", "━": "=", "─": "-", "…": "~"})


def can_draw(stream: IO[str]) -> bool:
    """Tell whether a stream is a terminal on which lines can be drawn over."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def uses_colour() -> bool:
    """Tell whether colours are wanted (https://no-color.org)."""
    return not os.environ.get("NO_COLOR")


def size_of(stream: IO[str]) -> tuple[int, int]:
    """Give columns and rows of a terminal; 80 and 24 where it does not say."""
    with suppress(OSError, ValueError):
        size = os.get_terminal_size(stream.fileno())
        return size.columns or 80, size.lines or 24
    return 80, 24


def clean(text: str) -> str:
    """Take out what would move the cursor or change colours; tabs become blanks."""
    return _CONTROL.sub("", text).replace("\t", "    ")


def _cells(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def wraps(text: str) -> int:
    """Give the columns that a text takes."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def cut(text: str, columns: int) -> str:
    """Shorten a text at its end, with an ellipsis."""
    if wraps(text) <= columns:
        return text
    kept = ""
    for character in text:
        if wraps(kept) + _cells(character) > columns - 1:
            break
        kept += character
    return f"{kept}…" if columns > 0 else ""


def brief(text: str, most: int = _BRIEF) -> str:
    """Shorten a paragraph that is given whole elsewhere, after a word."""
    return text if len(text) <= most else f"{text[:most].rpartition(' ')[0]} …"


def cut_middle(text: str, columns: int) -> str:
    """Shorten a name in its middle: steps are told apart by their ends as well as by their beginnings."""
    if wraps(text) <= columns:
        return text
    end = text[len(text) - max(0, columns - 1) // 2 :] if columns > 2 else ""
    return cut(text, columns - wraps(end)) + end


def wrap(text: str, columns: int, indent: str = "") -> list[str]:
    """Break a paragraph into lines; a word that is too long is broken too."""
    import textwrap

    lines = [clean(line) for line in text.splitlines()]
    width = max(20, columns)
    found = [
        part
        for line in lines
        for part in textwrap.wrap(line, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
    ]
    return found or [indent]


def styled(line: Line, coloured: bool) -> str:
    """Write a line with its styles, or without."""
    pieces = []
    for text, style in line:
        code = _CODES[style] if coloured else ""
        pieces.append(f"\x1b[{code}m{text}\x1b[0m" if code and text else text)
    return "".join(pieces)


class Screen:
    """Draws lines at the end of a terminal's text.

    Parameters
    ----------
    stream : text stream
    clock : callable
        Seconds; a long silence means that the process was asleep, and that the place of the lines is not known.
    size : callable
        Columns and rows.
    coloured : bool
    """

    def __init__(
        self, stream: IO[str], clock: Callable[[], float], size: Callable[[], tuple[int, int]], coloured: bool
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._size = size
        self._coloured = coloured
        self._drawn: list[str] = []
        self._widths: list[int] = []
        self._columns = 0
        self._at = clock()
        self._encoding = getattr(stream, "encoding", None) or "utf-8"

    def draw(self, lines: Iterable[Line], above: Iterable[Line] = ()) -> None:
        """Put lines for good above the drawn ones, and draw these anew.

        Lines must be shorter than the terminal is wide; the last ones are kept if there are more than it has rows.
        """
        columns, rows = self._size()
        now = self._clock()
        if now - self._at > _STALE_S:
            self._drawn, self._widths = [], []  # stopped and continued: others have written since
        self._at = now
        shown = list(lines)[-(rows - 1) :]
        texts = [styled(line, self._coloured) for line in shown]
        for_good = [styled(line, self._coloured) for line in above]
        if texts == self._drawn and columns == self._columns and not for_good:
            return
        up = self._rows_up(columns)
        whole = bool(for_good) or columns != self._columns
        parts = [_FRAME, f"\r\x1b[{up}A" if up else "\r"]
        if whole:  # what is said for good may be broken by the terminal itself: it starts on an empty ground
            parts += ["\x1b[J", *(f"{text}\n" for text in for_good)]
        for number, text in enumerate(texts):
            same = not whole and number < len(self._drawn) and text == self._drawn[number]
            parts.append("\n" if same else f"{text}\n" if whole else f"{text}\x1b[K\n")
        parts += ["\x1b[J", _FRAME_END]
        self._drawn, self._widths, self._columns = texts, [_width(line) for line in shown], columns
        self._write("".join(parts))

    def _rows_up(self, columns: int) -> int:
        """Give the rows that the drawn lines take; a terminal that was made narrower has broken them."""
        return sum(max(1, -(-width // columns)) for width in self._widths)

    def _write(self, text: str) -> None:
        try:
            text.encode(self._encoding)
        except UnicodeEncodeError:
            text = text.translate(_PLAIN).encode(self._encoding, "replace").decode(self._encoding)
        with suppress(OSError, ValueError):  # the terminal is gone: no reason to stop a run
            self._stream.write(text)
            self._stream.flush()


def _width(line: Line) -> int:
    return sum(wraps(text) for text, _ in line)
