"""Region text as SAOImage DS9, CIAO and the ftools write it, taken apart into statements; nothing is measured here.

One statement draws one shape: an optional sign, a name, arguments in parentheses or after blanks. Statements end with
the line, with `;`, or with `||` between the members of a composite. A word for a coordinate system holds for all that
follows. What follows `#` are properties; of these only `include=0` means something.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from xbatch.base.errors import FileError

__all__ = ["PIXEL_SYSTEMS", "SKY_SYSTEMS", "SYSTEMS", "RegionText", "Statement", "take_apart"]

SKY_SYSTEMS = {"fk5": "fk5", "j2000": "fk5", "icrs": "icrs", "fk4": "fk4", "b1950": "fk4", "galactic": "galactic"}
PIXEL_SYSTEMS = {"image": "image", "physical": "physical"}
SYSTEMS = {**SKY_SYSTEMS, **PIXEL_SYSTEMS}
"""Names of coordinate systems that are understood, and the one each stands for."""

_OTHER_SYSTEM = re.compile(r"(ecliptic|helioecliptic|linear|amplifier|detector|wcs[0a-z]?)", re.IGNORECASE)
_DECORATIONS = frozenset({"line", "vector", "text", "ruler", "compass", "projection", "segment", "composite"})
_DECORATION_COMMENT = re.compile(r"#\s*[-+!]?(" + "|".join(sorted(_DECORATIONS)) + r")\s*\(", re.IGNORECASE)
_WORD = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s*")
_SHAPE_AFTER_COMMENT = re.compile(r"\s*[-+!]?\s*[A-Za-z]+\s*\([^()]*\)\s*(#.*)?$")
_INCLUDE = re.compile(r"\binclude\s*=\s*([01])")
_BACKGROUND = re.compile(r"\bbackground\b(?!\s*=)")
_QUOTED = re.compile(r"\{[^{}]*\}|\"[^\"]*\"|'[^']*'")


@dataclass(frozen=True)
class Statement:
    """One shape as it is written.

    Attributes
    ----------
    line : int
        Where it stands, counted from 1.
    system : str
        A value of `SYSTEMS`, or empty where the text has named none so far.
    include : bool
        False for a `-` or `!` before the name, or `include=0`.
    name : str
        In small letters.
    arguments : tuple of str
        As they are written.
    """

    line: int
    system: str
    include: bool
    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class RegionText:
    """The statements of a region text, and what was left out of it.

    Attributes
    ----------
    statements : tuple of Statement
        In the order of the text.
    decorations : tuple of str
        The names of lines, texts and the like that select nothing, in order.
    background : tuple of int
        The lines of shapes with DS9's property `background`.
    """

    statements: tuple[Statement, ...]
    decorations: tuple[str, ...]
    background: tuple[int, ...]


def take_apart(text: str, file: str, system: str = "") -> RegionText:
    """Take region text apart.

    Parameters
    ----------
    text : str
        The whole text.
    file : str
        Its name, for messages.
    system : str
        The coordinate system that holds until the text names one; empty for none.

    Returns
    -------
    RegionText

    Raises
    ------
    FileError
        A bracket is missing, or a coordinate system is not understood.
    """
    statements: list[Statement] = []
    decorations: list[str] = []
    background: list[int] = []
    included = True
    for line, body, comment in _pieces(text):
        if not body:
            found = _DECORATION_COMMENT.match(comment)
            decorations += [found[1].lower()] if found else []
            continue
        if body.lower().startswith("global"):
            setting = _INCLUDE.search(body)
            included = setting[1] == "1" if setting else included
            continue
        named, rest = _system(body, line, file)
        system = named or system
        if not rest:
            continue
        sign, name, arguments = _shape(rest, line, file)
        if name in _DECORATIONS:
            decorations.append(name)
            continue
        own = _INCLUDE.search(_QUOTED.sub("", comment))
        include = not (sign in "-!" and sign) and (own[1] == "1" if own else included)
        if _BACKGROUND.search(_QUOTED.sub("", comment)):
            background.append(line)
        statements.append(Statement(line, system, include, name, arguments))
    return RegionText(tuple(statements), tuple(decorations), tuple(background))


def _pieces(text: str) -> Iterator[tuple[int, str, str]]:
    """Give line number, statement and comment of each piece that has either."""
    for number, raw in enumerate(text.lstrip("\ufeff").splitlines(), 1):
        line = raw.strip()
        if line.startswith("#"):
            yield number, "", line
            continue
        before, mark, after = line.partition("#")
        comment, *later = _split_comment(mark + after)
        parts = [part.strip() for part in re.split(r";|\|\|", before)]
        filled = [part for part in parts if part]
        for part in filled[:-1]:
            yield number, part, ""
        if filled:
            yield number, filled[-1], comment
        for piece in later:
            yield from ((number, body, remark) for _, body, remark in _pieces(piece))


def _split_comment(comment: str) -> list[str]:
    """End a comment at a `;` that a shape follows: some programs write a whole file in one line."""
    hidden = _QUOTED.sub(lambda match: " " * len(match[0]), comment)
    for match in re.finditer(";", hidden):
        if _SHAPE_AFTER_COMMENT.match(comment[match.end() :].partition(";")[0]):
            return [comment[: match.start()], comment[match.end() :]]
    return [comment]


def _system(body: str, line: int, file: str) -> tuple[str, str]:
    """Split a coordinate system, if one stands there, from what follows it."""
    match = _WORD.match(body)
    if match is None or body[match.end() : match.end() + 1] == "(":
        return "", body
    word = match[1].lower()
    if word in SYSTEMS:
        return SYSTEMS[word], body[match.end() :]
    if _OTHER_SYSTEM.fullmatch(word):
        raise FileError(
            file,
            f"line {line}: coordinates of the system {word!r} cannot be placed",
            "Save the regions in fk5 or physical coordinates",
        )
    return "", body


def _shape(text: str, line: int, file: str) -> tuple[str, str, tuple[str, ...]]:
    sign = text[0] if text[0] in "+-!" else ""
    rest = text[len(sign) :].strip()
    match = _WORD.match(rest)
    if match is None:
        raise FileError(
            file, f"line {line}: {text!r} is not a shape", "A shape is written as in circle(500.5, 500.5, 20)"
        )
    name, inner = match[1].lower(), rest[match.end() :].strip()
    if "(" in inner or ")" in inner:
        if inner.count("(") != 1 or inner.count(")") != 1 or not (inner.startswith("(") and inner.endswith(")")):
            raise FileError(
                file,
                f"line {line}: the brackets of {text!r} do not pair",
                "A shape is written as in circle(500.5, 500.5, 20), one to a line",
            )
        inner = inner[1:-1]
    return sign, name, tuple(argument for argument in re.split(r"[,\s]+", inner) if argument)
