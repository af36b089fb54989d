"""Expressions over columns, such as ``SW_SAA == 0 and LIVETIME > 0.8``: read, checked and computed, never executed.

The grammar is a part of Python's: numbers, names of columns, ``true`` and ``false``; ``+ - * / % **``;
``< <= > >= == !=``, also in chains; ``and``, ``or``, ``not`` (or ``&&``, ``||``, ``!``); parentheses. There are no
calls, no indices and no attributes, so an expression can do nothing but compare numbers. The case of words does not
matter.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Expression", "parse_expression"]

_LONGEST = 2000
_WORDS = (
    (re.compile(r"&&|\.and\.", re.IGNORECASE), " and "),
    (re.compile(r"\|\||\.or\.", re.IGNORECASE), " or "),
    (re.compile(r"!(?!=)|\.not\.", re.IGNORECASE), " not "),
    (re.compile(r"\b(and|or|not)\b", re.IGNORECASE), lambda match: match[0].lower()),
)
_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: np.true_divide,
    ast.Mod: np.mod,
    ast.Pow: np.power,
}
_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_CONSTANTS = {"TRUE": True, "FALSE": False}


@dataclass(frozen=True)
class Expression:
    """An expression that has been checked.

    Attributes
    ----------
    text : str
        As it was written.
    columns : tuple of str
        The columns that it needs, in capitals.
    """

    text: str
    columns: tuple[str, ...]
    tree: ast.expr

    def true(self, columns: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
        """Say of each row whether the expression is true.

        A row with a value that is not a number in a column of the expression is never true, whatever is asked.

        Parameters
        ----------
        columns : Mapping of str to ndarray, each of shape (n,)
            By their names in capitals.

        Raises
        ------
        ValueError
            There is no such column; the expression is a number and not a question.
        """
        missing = [name for name in self.columns if name not in columns]
        if missing:
            raise ValueError(f"there is no column {missing[0]} (there are {', '.join(columns)})")
        wide = {name: np.asarray(columns[name], dtype=np.float64) for name in self.columns}
        with np.errstate(all="ignore"):
            found = np.asarray(_value(self.tree, wide))
        if found.dtype.kind != "b":
            raise ValueError(f"{self.text!r} is a number: compare it with something")
        rows = len(next(iter(wide.values())))
        known = np.ones(rows, np.bool_)
        for values in wide.values():
            known &= np.isfinite(values)
        return np.broadcast_to(found, (rows,)) & known


def parse_expression(text: str) -> Expression:
    """Read an expression.

    Raises
    ------
    ValueError
        It is none, holds what is not allowed, or names no column.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"an expression of {len(text)} characters is too long")
    plain = " ".join(text.split())
    for pattern, word in _WORDS:
        plain = pattern.sub(word, plain)
    try:
        tree = ast.parse(plain.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        raise ValueError(f"{text!r} cannot be read: {said}") from error
    names: dict[str, None] = {}
    _check(tree, text, names)
    if not names:
        raise ValueError(f"{text!r} names no column")
    return Expression(text, tuple(names), tree)


def _check(node: ast.expr, text: str, names: dict[str, None]) -> None:
    """Go through an expression and refuse whatever is not of the grammar; collect the columns."""
    parts: list[ast.expr] = []
    allowed = True
    if isinstance(node, ast.Name):
        if node.id.upper() not in _CONSTANTS:
            names.setdefault(node.id.upper())
    elif isinstance(node, ast.Constant):
        allowed = isinstance(node.value, (int, float))
    elif isinstance(node, ast.UnaryOp):
        allowed = isinstance(node.op, (ast.Not, ast.USub, ast.UAdd))
        parts = [node.operand]
    elif isinstance(node, ast.BinOp):
        allowed = type(node.op) in _BINARY
        parts = [node.left, node.right]
    elif isinstance(node, ast.BoolOp):
        parts = node.values
    elif isinstance(node, ast.Compare):
        allowed = all(type(test) in _COMPARE for test in node.ops)
        parts = [node.left, *node.comparators]
    else:
        allowed = False
    if not allowed:
        raise ValueError(
            f"{text!r} holds {ast.unparse(node)!r}, which is not allowed: there are columns, numbers, arithmetic, "
            "comparisons, and, or, not and parentheses"
        )
    for part in parts:
        _check(part, text, names)


def _value(node: ast.expr, columns: Mapping[str, NDArray[np.float64]]) -> Any:
    if isinstance(node, ast.Constant):
        # as a float no power of whole numbers can grow without bounds
        return node.value if isinstance(node.value, bool) else np.float64(_number(node.value))
    if isinstance(node, ast.Name):
        known = _CONSTANTS.get(node.id.upper())
        return columns[node.id.upper()] if known is None else known
    if isinstance(node, ast.BinOp):
        return _BINARY[type(node.op)](_value(node.left, columns), _value(node.right, columns))
    if isinstance(node, ast.Compare):
        return _compared(node, columns)
    return _joined(node, columns)


def _compared(node: ast.Compare, columns: Mapping[str, NDArray[np.float64]]) -> Any:
    values = [_value(part, columns) for part in (node.left, *node.comparators)]
    found: Any = True
    for test, left, right in zip(node.ops, values[:-1], values[1:], strict=True):
        found = np.logical_and(found, _COMPARE[type(test)](left, right))
    return found


def _joined(node: ast.expr, columns: Mapping[str, NDArray[np.float64]]) -> Any:
    if isinstance(node, ast.UnaryOp):
        value = _value(node.operand, columns)
        if isinstance(node.op, ast.Not):
            return np.logical_not(_question(value, node.operand))
        return -np.asarray(value, np.float64) if isinstance(node.op, ast.USub) else value
    if not isinstance(node, ast.BoolOp):
        raise ValueError(f"{ast.unparse(node)!r} is not allowed")  # parse_expression lets none through
    join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
    found: Any = _question(_value(node.values[0], columns), node.values[0])
    for part in node.values[1:]:
        found = join(found, _question(_value(part, columns), part))
    return found


def _number(value: object) -> float:
    if isinstance(value, (int, float)):
        try:
            return float(value)
        except OverflowError as error:
            raise ValueError(f"{value} is too large a number") from error
    raise ValueError(f"{value!r} is no number")


def _question(value: Any, node: ast.expr) -> Any:
    """Insist on what is true or false: ``A and 3`` is a slip, not a wish."""
    if np.asarray(value).dtype.kind != "b":
        raise ValueError(f"{ast.unparse(node)!r} is a number where something true or false is needed")
    return value
