"""Collects what is wrong with a spec, and words it."""

from __future__ import annotations

from collections.abc import Iterable

from xbatch.base.errors import Place, Problem
from xbatch.spec.nodes import Node

__all__ = ["Report", "counted", "did_you_mean", "listed", "nearest", "shown"]

_SHOWN = 60


class Report:
    """The problems found so far; every check adds to it and goes on."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, at: Node | Place, code: str, message: str, hint: str = "", path: str = "") -> None:
        """Add a problem at a node (whose path it takes) or at a place."""
        place = at if isinstance(at, Place) else at.place
        known = path if isinstance(at, Place) else path or at.path
        self.problems.append(Problem(place, code, _one_line(message), _one_line(hint), known))


def _one_line(text: str) -> str:
    """Escape what would not print, so that a problem is one line."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shown(text: str) -> str:
    """Put a user's text into a message: quoted, on one line, not too long."""
    short = text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
    return f"'{_one_line(short)}'"


def counted(number: int, noun: str) -> str:
    """Give a number with its noun: ``1 member``, ``2 members``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def nearest(word: str, choices: Iterable[str]) -> str:
    """Find the choice that was probably meant, or an empty text; case does not count."""
    from difflib import SequenceMatcher, get_close_matches

    if len(word) > _SHOWN:
        return ""
    text = word.casefold()
    folded = {choice.casefold(): choice for choice in choices}
    close = get_close_matches(text, folded, 3, 0.6)
    # Of equally close ones that with the same beginning: powerlw is powerlaw, not zpowerlw.
    best = max(close, key=lambda one: (SequenceMatcher(None, one, text).ratio(), one[:1] == text[:1]), default="")
    return folded.get(best, "")


def listed(choices: Iterable[str], most: int = 12) -> str:
    """List choices in a message, not too many."""
    names = list(choices)
    return ", ".join(names[:most]) + (f", ... ({len(names)} in all)" if len(names) > most else "")


def did_you_mean(word: str, choices: Iterable[str], none: str = "there is none") -> str:
    """Word a hint: the nearest choice, or all of them."""
    known = list(choices)
    if not known:
        return none
    close = nearest(word, known)
    return f"did you mean '{close}'?" if close else f"known: {listed(known)}"
