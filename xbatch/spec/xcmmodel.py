"""XSPEC's models and links in the words of the spec: components and parameters by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from xbatch.base.errors import FileError
from xbatch.spec.components import component_type
from xbatch.spec.expression import ExpressionError, parse_model
from xbatch.spec.paths import joined
from xbatch.spec.tablemodels import TABLE_KINDS, definition, table_definition, table_kind
from xbatch.spec.xspecmodels import XSPEC_PREFIX, installed_models

__all__ = ["Piece", "Translated", "link_pieces", "translate", "written"]

#: XSPEC takes the beginning of a component's name; these are the ones people write.
_SHORT: Mapping[str, str] = {
    "po": "powerlaw", "pow": "powerlaw", "power": "powerlaw", "const": "constant", "con": "constant", "ga": "gaussian",
    "gau": "gaussian", "gaus": "gaussian", "gauss": "gaussian", "pha": "phabs", "bb": "bbody", "brems": "bremss",
    "cutoff": "cutoffpl", "high": "highecut", "zgaussian": "zgauss", "zpo": "zpowerlw", "bknpow": "bknpower",
}  # fmt: skip
_TOKEN = re.compile(r"\s*(?:(?P<word>[A-Za-z]\w*(?:\{[^{}]*\})?)|(?P<sign>[+*()])|(?P<other>\S))")
_LINK = re.compile(
    r"\s*(?:(?:(?P<model>[A-Za-z_]\w*):)?p?(?P<named>(?<=[:p])[0-9]+)"
    r"|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)|(?P<sign>[-+*/()]))"
)


@dataclass(frozen=True)
class Translated:
    """A model in the spec's words: the expression, and its components, name to type, in order.

    A type is what `xbatch.spec.tablemodels.definition` takes.
    """

    text: str
    components: Mapping[str, str]


@dataclass(frozen=True)
class Piece:
    """A piece of a link: a parameter of XSPEC's by model and number, or text."""

    text: str
    model: str = ""
    number: int = 0


def translate(expression: str, taken: Collection[str] = (), prefix: str = "", folder: Path | None = None) -> Translated:
    """Write a model of XSPEC's as the spec does.

    Components that are not here become those of XSPEC that Sherpa has, ``xs:apec``; files of table models get their
    whole path.

    Parameters
    ----------
    expression : str
    taken : collection of str
        Names that components of other models have.
    prefix : str
        What is put before the names of components of this one, where they would be those.
    folder : Path, optional
        What files of table models are relative to.

    Raises
    ------
    ValueError
        A component is not known here, a table model's file is not there, or the expression is none.

    Examples
    --------
    >>> translate("phabs(po + po)").text
    'phabs.phabs * (powerlaw.powerlaw1 + powerlaw.powerlaw2)'
    """
    words = list(_TOKEN.finditer(expression.strip()))
    kinds = [_kind(found["word"], folder or Path()) for found in words if found["word"]]
    named = [(f"{prefix}_{name}" if name in taken else name, kind) for name, kind in _names(kinds)]
    builder = _Builder([found[0].strip() for found in words], named)
    text = builder.sum()
    if builder.at < len(builder.tokens):
        raise ValueError(f"{builder.tokens[builder.at]!r} is not expected in {expression!r}")
    try:
        parse_model(text)
    except ExpressionError as error:
        raise ValueError(": ".join(filter(None, (error.message, error.hint)))) from error
    return Translated(text, dict(builder.names))


def _kind(word: str, folder: Path) -> str:
    table, brace, file = word.partition("{")
    if brace:
        if table.casefold() not in TABLE_KINDS:
            raise ValueError(f"there is no table model {table} here; there are {', '.join(TABLE_KINDS)}")
        path = joined(folder, file[:-1].strip()).absolute()
        try:
            table_definition(table.casefold(), path)
        except FileError as error:
            raise ValueError(f"{error.file} {error.what}") from error
        return table_kind(table.casefold(), path)
    kind = component_type(_SHORT.get(word.casefold(), word))
    if kind:
        return kind
    if word.casefold() in installed_models().names:
        return XSPEC_PREFIX + word.casefold()
    raise ValueError(f"there is no component {word} here")


def _names(kinds: list[str]) -> list[tuple[str, str]]:
    """Name components after their types, with numbers where a type comes again."""
    plain = [kind.removeprefix(XSPEC_PREFIX).partition("{")[0] for kind in kinds]
    seen: dict[str, int] = {}
    named = []
    for name, kind in zip(plain, kinds, strict=True):
        seen[name] = seen.get(name, 0) + 1
        named.append((name if plain.count(name) == 1 else f"{name}{seen[name]}", kind))
    return named


class _Builder:
    """A recursive descent that writes the other form: XSPEC leaves out ``*`` before and after parentheses."""

    def __init__(self, tokens: list[str], names: list[tuple[str, str]]) -> None:
        self.tokens = tokens
        self.names = names
        self.at = 0
        self._word = 0

    def _next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def sum(self) -> str:
        parts = [self._product()]
        while self._next() == "+":
            self.at += 1
            parts.append(self._product())
        return " + ".join(parts)

    def _product(self) -> str:
        parts = []
        while True:
            word = self._next()
            if word == "(":
                self.at += 1
                parts.append(f"({self.sum()})")
                if self._next() != ")":
                    raise ValueError("a parenthesis is not closed")
                self.at += 1
            elif word[:1].isalpha():
                name, kind = self.names[self._word]
                self._word += 1
                self.at += 1
                if definition(kind).kind == "con":
                    parts.append(self._enclosing(f"{kind}.{name}"))
                else:
                    parts.append(f"{kind}.{name}")
            else:
                raise ValueError(f"{word!r} stands where a component is wanted" if word else "it ends too early")
            if self._next() == "*":
                self.at += 1
            elif not (self._next() == "(" or self._next()[:1].isalpha()):
                return " * ".join(parts)

    def _enclosing(self, text: str) -> str:
        """Give a convolution what follows in its product."""
        if self._next() == "*":
            self.at += 1
        return f"{text}({self._product()})"


def link_pieces(link: str) -> list[Piece]:
    """Take a link of XSPEC's apart.

    ``p3``, ``name:3`` and ``name:p3`` are parameters. Where a link has none of these, a whole number without a point is
    one, as files of older versions have it: ``= 6*2.39``.

    Raises
    ------
    ValueError
        It has a function, or whole numbers that may be parameters or not.
    """
    found = []
    at, text = 0, link.rstrip()
    while at < len(text):
        match = _LINK.match(text, at)
        if match is None or match.end() == at:
            raise ValueError(f"{text[at:].strip()!r} is not understood in the link {link!r}")
        found.append(match)
        at = match.end()
    plain = [match for match in found if match["number"] and match["number"].isdecimal()]
    old = not any(match["named"] for match in found)
    if old and len(plain) != 1:
        raise ValueError(f"the link {link!r} does not say which number is a parameter: write p before it")

    def piece(match: re.Match[str]) -> Piece:
        if match["named"]:
            return Piece("", match["model"] or "", int(match["named"]))
        if old and match in plain:
            return Piece("", "", int(match["number"]))
        return Piece(match[0].strip())

    return [piece(match) for match in found]


def written(pieces: list[Piece], name: Callable[[Piece], str]) -> str:
    """Write a link with names for its parameters."""
    return " ".join(name(piece) if piece.number else piece.text for piece in pieces)
