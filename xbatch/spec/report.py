"""Collects what is wrong with a spec, and words it."""

from __future__ import annotations

from collections.abc import Iterable

from xbatch.base.errors import Place, Problem
from xbatch.spec.nodes import Node

__all__ = ["Report", "did_you_mean", "listed", "nearest", "shown"]

_SHOWN = 60


class Report:
    """The problems found so far; every check adds to it and goes on."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, at: Node | Place, code: str, message: str, hint: str = "", path: str = "") -> None:
        """Add a problem at a node (whose path it takes) or at a place."""
        if isinstance(at, Place):
            self.problems.append(Problem(at, code, message, hint, path))
        else:
            self.problems.append(Problem(at.place, code, message, hint, path or at.path))


def shown(text: str) -> str:
    """Put a user's text into a message: quoted, on one line, not too long."""
    short = text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
    return "'" + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in short) + "'"


def nearest(word: str, choices: Iterable[str]) -> str:
    """Find the choice that was probably meant, or an empty text; case does not count."""
    from difflib import get_close_matches

    if len(word) > _SHOWN:
        return ""
    folded = {choice.casefold(): choice for choice in choices}
    close = get_close_matches(word.casefold(), folded, 1, 0.6)
    return folded[close[0]] if close else ""


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
