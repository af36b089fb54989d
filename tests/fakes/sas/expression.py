"""The selection language of evselect, as far as spectra, light curves and images need it.

``(PI IN [200:12000]) && #XMMEA_EP && gti(good.gti,TIME) && ((X,Y) IN circle(25000,26000,600)) && !(RAWX < 3)``.
A box has its half widths, as in SAS.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.fakes.sas.parameters import SasError
from xbatch.base.fitsheader import Value

__all__ = ["And", "Compare", "Good", "Node", "Not", "Or", "Range", "Shape", "expanded", "parse"]

Mask = NDArray[np.bool_]
Columns = Callable[[str], NDArray[Any]]
#: Gives the good times of a file as rows of START and STOP.
Gtis = Callable[[Path], NDArray[np.float64]]

_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt,
}  # fmt: skip
_WORDS = {".eq.": "==", ".ne.": "!=", ".le.": "<=", ".ge.": ">=", ".lt.": "<", ".gt.": ">"}
_NUMBERS = {"circle": {3}, "annulus": {4}, "box": {4, 5}, "ellipse": {4, 5}, "point": {2}, "pie": {4}, "sector": {4}}


class Node:
    """A part of an expression."""

    def mask(self, column: Columns, gtis: Gtis) -> Mask:
        raise NotImplementedError


@dataclass(frozen=True)
class And(Node):
    parts: tuple[Node, ...]

    def mask(self, column: Columns, gtis: Gtis) -> Mask:
        return np.logical_and.reduce([part.mask(column, gtis) for part in self.parts])


@dataclass(frozen=True)
class Or(Node):
    parts: tuple[Node, ...]

    def mask(self, column: Columns, gtis: Gtis) -> Mask:
        return np.logical_or.reduce([part.mask(column, gtis) for part in self.parts])


@dataclass(frozen=True)
class Not(Node):
    part: Node

    def mask(self, column: Columns, gtis: Gtis) -> Mask:
        return ~self.part.mask(column, gtis)


@dataclass(frozen=True)
class Always(Node):
    value: bool

    def mask(self, column: Columns, gtis: Gtis) -> Mask:
        return np.full(len(column("")), self.value)


@dataclass(frozen=True)
class Compare(Node):
    """A comparison; of the form ``(name & bits) op number`` where `name` is set, `bits` -1 where there are none."""

    left: Callable[[Columns], Any]
    word: str
    right: Callable[[Columns], Any]
    name: str = ""
    bits: int = -1
    number: float = math.nan

    def mask(self, column: Columns, gtis: Gtis) -> Mask:
        return np.broadcast_to(_COMPARE[self.word](self.left(column), self.right(column)), len(column("")))


@dataclass(frozen=True)
class Range(Node):
    name: str
    low: float
    high: float
    brackets: str

    def mask(self, column: Columns, gtis: Gtis) -> Mask:
        values = column(self.name)
        above = values >= self.low if self.brackets[0] == "[" else values > self.low
        return above & (values <= self.high if self.brackets[1] == "]" else values < self.high)


@dataclass(frozen=True)
class Good(Node):
    """Good times, of a file or of the intervals already known."""

    path: Path
    name: str

    def mask(self, column: Columns, gtis: Gtis) -> Mask:
        intervals, times = gtis(self.path), column(self.name)
        at = np.searchsorted(intervals[:, 0], times, side="right") - 1
        return (at >= 0) & (times < intervals[np.maximum(at, 0), 1]) if len(intervals) else np.zeros(len(times), bool)


@dataclass(frozen=True)
class Shape(Node):
    """A region in two columns."""

    axes: tuple[str, str]
    kind: str
    numbers: tuple[float, ...]

    def mask(self, column: Columns, gtis: Gtis) -> Mask:
        return self.inside(column(self.axes[0]), column(self.axes[1]))

    def inside(self, x: NDArray[Any], y: NDArray[Any]) -> Mask:
        if self.kind == "polygon":
            return self._polygon(np.asarray(x, float), np.asarray(y, float))
        dx, dy = x - self.numbers[0], y - self.numbers[1]
        rest = self.numbers[2:]
        if self.kind == "circle":
            return np.hypot(dx, dy) <= rest[0]
        if self.kind == "annulus":
            distance = np.hypot(dx, dy)
            return (distance >= rest[0]) & (distance <= rest[1])
        if self.kind in ("pie", "sector"):
            angle = np.degrees(np.arctan2(dy, dx)) % 360.0
            start, stop = rest[-2] % 360.0, rest[-1] % 360.0
            return (angle >= start) & (angle <= stop) if start <= stop else (angle >= start) | (angle <= stop)
        if self.kind == "point":
            return (np.abs(dx) <= 0.5) & (np.abs(dy) <= 0.5)
        turn = math.radians(rest[2]) if len(rest) > 2 else 0.0
        u, v = dx * math.cos(turn) + dy * math.sin(turn), dy * math.cos(turn) - dx * math.sin(turn)
        if self.kind == "box":
            return (np.abs(u) <= rest[0]) & (np.abs(v) <= rest[1])
        return (u / rest[0]) ** 2 + (v / rest[1]) ** 2 <= 1.0

    def _polygon(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> Mask:
        xs, ys = np.array(self.numbers[::2]), np.array(self.numbers[1::2])
        inside = np.zeros(np.shape(x), bool)
        for x1, y1, x2, y2 in zip(xs, ys, np.roll(xs, -1), np.roll(ys, -1), strict=True):
            if y1 != y2:
                inside ^= ((y1 > y) != (y2 > y)) & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
        return inside


@dataclass(frozen=True)
class Listed(Node):
    """A region in two columns that a block of a file holds."""

    path: Path
    block: str
    axes: tuple[str, str]

    def mask(self, column: Columns, gtis: Gtis) -> Mask:
        from tests.fakes.sas.subspace import region_of  # which knows expressions itself

        kept = np.zeros(len(column("")), bool)
        for component in region_of(self.path, self.block, self.axes):
            kept |= np.logical_and.reduce([shape.mask(column, gtis) == include for shape, include in component])
        return kept


def expanded(text: str, header: Mapping[str, Value]) -> str:
    """Put the header's definitions in the place of ``#XMMEA_EP`` and the like."""

    def definition(match: re.Match[str]) -> str:
        value = header.get(match[1])
        if not isinstance(value, str):
            raise SasError("UnknownMacro", f"attribute `{match[1]}' of #{match[1]} is not in the header of the table")
        return f"({value})"

    return re.sub(r"#(\w+)", definition, text)


def parse(text: str, columns: Sequence[str]) -> Node:
    """Read an expression without ``#``.

    Raises
    ------
    SasError
        It cannot be understood, or names a column that there is not.
    """
    parser = _Parser(text, {name.upper(): name for name in columns})
    node = parser.either()
    if parser.rest:
        raise parser.error("what follows cannot be understood")
    return node


class _Parser:
    def __init__(self, text: str, columns: Mapping[str, str]) -> None:
        self.text = text
        self.at = 0
        self.columns = columns

    @property
    def rest(self) -> str:
        return self.text[self.at :].strip()

    def error(self, what: str) -> SasError:
        return SasError("InvalidExpression", f"expression `{self.text}', at `{self.rest[:30]}': {what}")

    def match(self, pattern: str) -> re.Match[str] | None:
        found = re.compile(rf"\s*(?:{pattern})", re.IGNORECASE).match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def either(self) -> Node:
        parts = [self.both()]
        while self.match(r"\|\||or\b"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def both(self) -> Node:
        parts = [self.one()]
        while self.match(r"&&|and\b"):
            parts.append(self.one())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def one(self) -> Node:
        if self.match(r"!(?!=)|not\b"):
            return Not(self.one())
        if found := self.match(r"gti\s*\(\s*([^,()]+?)\s*,\s*(\w+)\s*\)"):
            return Good(Path(found[1]), self.column(found[2]))
        if found := self.match(r"region\s*\(\s*([^,():]+?):(\w+)\s*,\s*(\w+)\s*,\s*(\w+)\s*\)"):
            return Listed(Path(found[1]), found[2].upper(), (self.column(found[3]), self.column(found[4])))
        if found := self.match(r"(true|false)\b"):
            return Always(found[1].lower() == "true")
        if found := self.match(r"\(\s*(\w+)\s*,\s*(\w+)\s*\)\s*in\s+(\w+)\s*\(([^()]*)\)"):
            return self.shape(found)
        start = self.at
        try:
            return self.comparison()
        except SasError:
            self.at = start
            if not self.match(r"\("):
                raise
        node = self.either()
        if not self.match(r"\)"):
            raise self.error("a closing parenthesis is missing")
        return node

    def column(self, name: str) -> str:
        if name.upper() not in self.columns:
            raise SasError("ColumnNotFound", f"column `{name}' does not exist in the table (expression `{self.text}')")
        return self.columns[name.upper()]

    def shape(self, found: re.Match[str]) -> Shape:
        kind = found[3].lower()
        try:
            numbers = tuple(float(number) for number in found[4].split(","))
        except ValueError:
            raise self.error(f"`{found[4]}' are not numbers") from None
        good = (
            len(numbers) >= 6 and len(numbers) % 2 == 0 if kind == "polygon" else len(numbers) in _NUMBERS.get(kind, ())
        )
        if not good:
            raise SasError("RegionInvalid", f"region `{found[3]}({found[4]})' cannot be understood")
        return Shape((self.column(found[1]), self.column(found[2])), kind, numbers)

    def comparison(self) -> Node:
        left, about = self.value()
        if found := self.match(r"in\s*([\[(])([^\[\]():]*):([^\[\]():]*)([\])])"):
            if not about[0] or about[1] != -1:
                raise self.error("only a column can be in a range")
            low, high = found[2].strip() or "-inf", found[3].strip() or "inf"
            return Range(about[0], float(low), float(high), found[1] + found[4])
        word = self.match(r"(==|!=|<=|>=|<|>|\.eq\.|\.ne\.|\.le\.|\.ge\.|\.lt\.|\.gt\.)")
        if word is None:
            raise self.error("a comparison is missing")
        right, other = self.value()
        known = about[0] and not other[0] and not math.isnan(other[2])
        name, bits = about[:2] if known else ("", -1)
        return Compare(left, _WORDS.get(word[1].lower(), word[1]), right, name, bits, other[2])

    def value(self) -> tuple[Callable[[Columns], Any], tuple[str, int, float]]:
        """Read a value, and give it with its column, the bits taken of it, and the number it is."""
        left, about = self.operand()
        while found := self.match(r"(&(?!&)|\|(?!\|)|[-+*/])"):
            right, other = self.operand()
            simple = found[1] == "&" and about[0] and about[1] == -1 and not math.isnan(other[2])
            about = (about[0], int(other[2]), math.nan) if simple else ("", -1, math.nan)
            left = _joined(left, found[1], right)
        return left, about

    def operand(self) -> tuple[Callable[[Columns], Any], tuple[str, int, float]]:
        if found := self.match(r"(0x[0-9a-f]+)"):
            return _constant(int(found[1], 16)), ("", -1, float(int(found[1], 16)))
        if found := self.match(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)(?![\w.])"):
            number = float(found[1])
            return _constant(int(number) if number.is_integer() else number), ("", -1, number)
        if self.match(r"\("):
            value = self.value()
            if not self.match(r"\)"):
                raise self.error("a closing parenthesis is missing")
            return value
        if found := self.match(r"([a-z_]\w*)"):
            name = self.column(found[1])
            return (lambda column: column(name)), (name, -1, math.nan)
        raise self.error("a value is missing")


def _constant(number: float) -> Callable[[Columns], Any]:
    return lambda column: number


def _joined(left: Callable[[Columns], Any], word: str, right: Callable[[Columns], Any]) -> Callable[[Columns], Any]:
    work: Mapping[str, Callable[[Any, Any], Any]] = {
        "&": operator.and_, "|": operator.or_, "+": operator.add, "-": operator.sub, "*": operator.mul,
        "/": operator.truediv,
    }  # fmt: skip
    return lambda column: work[word](left(column), right(column))
