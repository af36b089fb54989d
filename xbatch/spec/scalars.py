"""What plain text of a spec stands for: fewer things than in YAML 1.1, so that names and numbers survive.

Numbers with leading zeros (``0201430201``), sexagesimals (``12:30:45``), underscores (``1_000``), other bases
(``0x1F``), dates and ``on/off/yes/no`` stay text.
"""

from __future__ import annotations

import math
import re

__all__ = ["resolve"]

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})", re.ASCII)
_FLOAT = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?", re.ASCII)
_WORDS: dict[str, bool | None] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}


def resolve(text: str) -> str | int | float | bool | None:
    """Give the value of plain text.

    Examples
    --------
    >>> [resolve(t) for t in ("30", "1e-3", "0201430201", "12:30:45", "on", "true", "~")]
    [30, 0.001, '0201430201', '12:30:45', 'on', True, None]
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and len(text) <= 40 and any(character in text for character in ".eE"):
        number = float(text)
        return number if math.isfinite(number) else text
    return text
