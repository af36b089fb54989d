"""Link expressions: ``2 * pl1.norm``, ``cal.factor[instrument=FPMA] / 3``, parsed here and never run as code."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xbatch.spec.expression import ExpressionError
from xbatch.spec.report import did_you_mean, shown
from xbatch.spec.selectors import AXES

__all__ = ["Link", "Reference", "parse_link"]

_TOKEN = re.compile(
    r"\s*(?:(?P<name>[A-Za-z][\w-]*\.[A-Za-z]\w*(?:\s*\[[^\]]*\])?)"
    r"|(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)|(?P<sign>.))",
    re.ASCII | re.DOTALL,
)
_DEEPEST = 50


@dataclass(frozen=True)
class Reference:
    """Another parameter named in a link: `name` is ``cal.factor``; `where` says of which subject."""

    name: str
    where: Mapping[str, str]
    position: int
    text: str


@dataclass(frozen=True)
class _Number:
    value: float


@dataclass(frozen=True)
class _Named:
    number: int


@dataclass(frozen=True)
class _Operation:
    sign: str
    left: _Tree
    right: _Tree


_Tree = _Number | _Named | _Operation


@dataclass(frozen=True)
class Link:
    """A parsed link: what it names, in order of appearance, and the text between."""

    references: tuple[Reference, ...]
    between: tuple[str, ...]
    tree: _Tree

    def text(self, names: Sequence[str]) -> str:
        """Write the expression with these names for its references."""
        return "".join(a + b for a, b in zip(self.between, [*names, ""], strict=True)).strip()

    def value(self, values: Sequence[float]) -> float:
        """Evaluate the expression with these values of its references.

        Raises
        ------
        ZeroDivisionError
        """
        return _value(self.tree, values)


def _value(tree: _Tree, values: Sequence[float]) -> float:
    if isinstance(tree, _Number):
        return tree.value
    if isinstance(tree, _Named):
        return values[tree.number]
    left, right = _value(tree.left, values), _value(tree.right, values)
    if tree.sign == "+":
        return left + right
    if tree.sign == "-":
        return left - right
    return left * right if tree.sign == "*" else left / right


def parse_link(text: str) -> Link:
    """Parse a link: numbers, names of parameters, ``+ - * /`` and parentheses.

    Raises
    ------
    ExpressionError
        The first thing wrong with it.
    """
    parser = _Parser(text)
    tree = parser.sum(0)
    if parser.token[0] != "end":
        hint = "a link has numbers, names as pl.norm, + - * / and parentheses"
        raise ExpressionError("XB310", parser.token[2], f"{shown(parser.token[1])} is not expected here", hint)
    ends = [reference.position + len(reference.text) for reference in parser.references]
    starts = [reference.position for reference in parser.references]
    between = tuple(text[a:b] for a, b in zip([0, *ends], [*starts, len(text)], strict=True))
    return Link(tuple(parser.references), between, tree)


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.number = 0
        self.references: list[Reference] = []

    @property
    def token(self) -> tuple[str, str, int]:
        return self.tokens[self.number]

    def sum(self, depth: int) -> _Tree:
        if depth > _DEEPEST:
            raise ExpressionError("XB310", self.token[2], f"more than {_DEEPEST} deep", "write it shorter")
        tree = self.product(depth)
        while self.token[1] in {"+", "-"}:
            sign = self.token[1]
            self.number += 1
            tree = _Operation(sign, tree, self.product(depth))
        return tree

    def product(self, depth: int) -> _Tree:
        tree = self.factor(depth)
        while self.token[1] in {"*", "/"}:
            sign = self.token[1]
            self.number += 1
            tree = _Operation(sign, tree, self.factor(depth))
        return tree

    def factor(self, depth: int) -> _Tree:
        kind, text, position = self.token
        self.number = min(self.number + 1, len(self.tokens) - 1)
        if kind == "number":
            return _Number(float(text))
        if kind == "name":
            self.references.append(_reference(text, position))
            return _Named(len(self.references) - 1)
        if text == "-":
            return _Operation("-", _Number(0.0), self._deeper(depth))
        if text == "(":
            tree = self.sum(depth + 1)
            if self.token[1] != ")":
                raise ExpressionError("XB310", self.token[2], "a closing parenthesis is missing", "close it with )")
            self.number += 1
            return tree
        what = "the link ends" if kind == "end" else f"{shown(text)} stands"
        hint = "a link has numbers, names as pl.norm, + - * / and parentheses"
        raise ExpressionError("XB310", position, f"{what} where a value is wanted", hint)

    def _deeper(self, depth: int) -> _Tree:
        if depth > _DEEPEST:
            raise ExpressionError("XB310", self.token[2], f"more than {_DEEPEST} signs", "write it shorter")
        return self.factor(depth + 1)


def _reference(text: str, position: int) -> Reference:
    name, bracket, inside = text.partition("[")
    where: dict[str, str] = {}
    for part in inside.rstrip("]").split(",") if bracket else ():
        axis, equals, value = (one.strip() for one in part.partition("="))
        if not equals or not value:
            hint = "write it as cal.factor[instrument=FPMA]"
            raise ExpressionError("XB310", position, f"cannot read the subject in {shown(text)}", hint)
        if axis not in AXES:
            raise ExpressionError(
                "XB310", position, f"no axis {shown(axis)} in {shown(text)}", did_you_mean(axis, AXES)
            )
        where[axis] = value
    return Reference(name.strip(), where, position, text)


def _tokens(text: str) -> list[tuple[str, str, int]]:
    tokens: list[tuple[str, str, int]] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        found = _TOKEN.match(text, position)
        assert found is not None and found.lastgroup is not None
        tokens.append((found.lastgroup, found[found.lastgroup], found.start(found.lastgroup)))
        position = found.end()
    tokens.append(("end", "", end))
    return tokens
