"""Names that are made of others: of a sweep's members, by their values alone, and of what has a time selection."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from xbatch.base.files import canonical_json

__all__ = ["CASE", "Namer", "digest", "labelled", "member_label", "value_label"]

CASE = "case"
"""Stands among the paths of a member for the name of its case."""
_LONGEST_VALUE = 40
_LONGEST_NAME = 150
_DIGITS = 12
_WEAK_WORDS = {"value", "min", "max", "type", "mode", "scheme", "frozen", "n", "file"}


def labelled(name: str, gti: str) -> str:
    """Give ``name@gti``; the name alone where there is no time selection, or where it has the same name."""
    return f"{name}@{gti}" if gti not in ("", name) else name


class Namer:
    """Names points; what many of them have in common is worked out once."""

    def __init__(self) -> None:
        self._words: dict[tuple[str, ...], dict[str, str]] = {}
        self._labels: dict[tuple[type, Any], str] = {}

    def name(self, values: Mapping[str, Any], silent: Collection[str] = (), paths: Sequence[str] | None = None) -> str:
        """Name a point by its values: ``binning=min30,snr=3``.

        Parameters
        ----------
        values : Mapping of str to value
            By dotted path, and `CASE` to the name of its case, or to a list of names.
        silent : collection of str
            Paths that are not in the name: a case sets them, and its name says it.
        paths : sequence of str or None
            All paths that the words must tell apart; by default those of `values`.

        Returns
        -------
        str
            Letters, digits and ``._+=,-`` only. It hangs on these paths and values alone: not on their order, nor on
            what other points there are.
        """
        chosen = tuple(sorted(path for path in values if path not in silent))
        known = tuple(sorted(paths)) if paths is not None else chosen
        words = self._words.get(known)
        if words is None:
            words = self._words[known] = _words(known)
        name = ",".join([f"{words[path]}={self._label(values[path])}" for path in chosen])
        if len(name) <= _LONGEST_NAME:
            return name
        return f"{name[: _LONGEST_NAME - 1 - _DIGITS]}-{digest(name, _DIGITS)}"

    def _label(self, value: Any) -> str:
        if isinstance(value, list | dict):
            return value_label(value)
        key = (type(value), value)
        label = self._labels.get(key)
        if label is None:
            label = self._labels[key] = value_label(value)
        return label


def member_label(values: Mapping[str, Any], paths: Sequence[str] | None = None) -> str:
    """Name one point of a sweep, as `Namer.name` does.

    Examples
    --------
    >>> member_label({"fit.cutoff.data[0].binning": "min30", "binning.opt6.snr": 3})
    'snr=3,binning=min30'
    """
    return Namer().name(values, paths=paths)


def _words(paths: Sequence[str]) -> dict[str, str]:
    """Give each path its last word, or as many of its last words as tell it from the others."""
    split = {path: [_safe(word) for word in re.split(r"\.|(?=\[)", path) if word] for path in paths}
    result = {}
    for path, words in split.items():
        least = 2 if words[-1] in _WEAK_WORDS and len(words) > 1 else 1
        others = [other for name, other in split.items() if name != path]
        length = next(
            (n for n in range(least, len(words) + 1) if all(other[-n:] != words[-n:] for other in others)), len(words)
        )
        result[path] = ".".join(words[-length:])
    return result


def value_label(value: Any) -> str:
    """Write a value as a part of a name."""
    if isinstance(value, bool) or value is None:
        return str(value).lower() if value is not None else "null"
    if isinstance(value, float):
        return _safe(str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return _safe(value)
    if isinstance(value, list) and value and not any(isinstance(one, list | dict) for one in value):
        return _safe("+".join(value_label(one) for one in value))
    return digest(canonical_json(value).decode())


def _safe(text: str) -> str:
    """Make text fit for a file's name; what is lost is told by a digest."""
    compact = text.replace(" ", "")
    safe = re.sub(r"[^A-Za-z0-9._+-]", "-", compact).strip("-.")
    is_path_word = text.startswith("[")
    if (safe == compact or is_path_word) and safe and len(safe) <= _LONGEST_VALUE:
        return safe
    return f"{safe[:_LONGEST_VALUE]}-{digest(text)}".lstrip("-")


def digest(text: str, digits: int = 8) -> str:
    """Give the first digits of a text's SHA-256."""
    from hashlib import sha256

    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:digits]
