"""Expressions that give a parameter from others: numbers, names, ``+ - * /`` and parentheses; nothing is executed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

__all__ = ["Link", "parse_link"]

_NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b if b != 0 else math.nan,
}
_DEEPEST = 50
#: A number, a sign, or a parameter's name (in a tuple, to tell it from a sign).
Token = float | str | tuple[str]


@dataclass(frozen=True)
class Link:
    """A link in reverse Polish order.

    Attributes
    ----------
    text : str
        As written.
    names : tuple of str
        The parameters that it uses.
    """

    text: str
    names: tuple[str, ...]
    _program: tuple[Token, ...]

    def __call__(self, value: Callable[[str], float]) -> float:
        """Evaluate with the parameters' values: NaN for a division by zero, from which a fit can turn back."""
        stack: list[float] = []
        for item in self._program:
            if isinstance(item, float):
                stack.append(item)
            elif isinstance(item, tuple):
                stack.append(value(item[0]))
            else:
                right = stack.pop()
                stack.append(_OPERATIONS[item](stack.pop(), right))
        return stack[0]


def parse_link(text: str, names: Collection[str]) -> Link:
    """Read an expression such as ``2 * pl1.norm`` or ``cal.factor[FPMA] / (1 + pl.norm)``.

    Parameters
    ----------
    text : str
    names : collection of str
        The parameters there are. They are recognised as wholes, so that a name may hold brackets and hyphens.

    Raises
    ------
    ValueError
        The text is no such expression, or names a parameter that is not there.
    """
    tokens = _tokens(text, sorted(names, key=len, reverse=True))
    parser = _Parser(text, tokens)
    parser.parse()
    used = dict.fromkeys(item[0] for item in parser.program if isinstance(item, tuple))
    return Link(text, tuple(used), tuple(parser.program))


def _tokens(text: str, names: Sequence[str]) -> list[Token]:
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        name = next((n for n in names if text.startswith(n, at)), None)
        number = _NUMBER.match(text, at)
        if name is not None:
            tokens.append((name,))
            at += len(name)
        elif number:
            tokens.append(float(number.group()))
            at = number.end()
        elif text[at] in "+-*/()":
            tokens.append(text[at])
            at += 1
        else:
            raise ValueError(f"link {text!r}: there is no parameter {text[at:].split(maxsplit=1)[0]!r}")
    return tokens


class _Parser:
    """Recursive descent over the tokens of one link; leaves the program in reverse Polish order."""

    def __init__(self, text: str, tokens: list[Token]) -> None:
        self.program: list[Token] = []
        self._text = text
        self._tokens = tokens
        self._at = 0

    def parse(self) -> None:
        self._sum(0)
        if self._at < len(self._tokens):
            raise self._unexpected()

    def _sum(self, depth: int) -> None:
        self._product(depth)
        while (operation := self._accept("+-")) is not None:
            self._product(depth)
            self.program.append(operation)

    def _product(self, depth: int) -> None:
        self._factor(depth)
        while (operation := self._accept("*/")) is not None:
            self._factor(depth)
            self.program.append(operation)

    def _factor(self, depth: int) -> None:
        if depth > _DEEPEST:
            raise ValueError(f"link {self._text!r} is nested too deeply")
        if self._accept("+") is not None:
            self._factor(depth + 1)
        elif self._accept("-") is not None:
            self.program.append(0.0)
            self._factor(depth + 1)
            self.program.append("-")
        elif self._accept("(") is not None:
            self._sum(depth + 1)
            if self._accept(")") is None:
                raise ValueError(f"link {self._text!r}: a parenthesis is not closed")
        elif self._at == len(self._tokens):
            raise ValueError(f"link {self._text!r} ends too early")
        elif isinstance(self._tokens[self._at], str):
            raise self._unexpected()
        else:
            self.program.append(self._tokens[self._at])
            self._at += 1

    def _accept(self, wanted: str) -> str | None:
        """Step over the next token if it is one of the signs wanted, and give it."""
        token = self._tokens[self._at] if self._at < len(self._tokens) else None
        if not isinstance(token, str) or token not in wanted:
            return None
        self._at += 1
        return token

    def _unexpected(self) -> ValueError:
        token = self._tokens[self._at]
        shown = token[0] if isinstance(token, tuple) else token
        return ValueError(f"link {self._text!r}: {shown!r} was not expected")
