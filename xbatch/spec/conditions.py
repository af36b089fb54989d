"""Conditions on housekeeping columns: ``ELV > 3 && SAA == 0``, checked here for their form alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from xbatch.spec.quantity import QuantityError
from xbatch.spec.report import shown

if TYPE_CHECKING:
    import ast

__all__ = ["check_condition"]

_WORDS = (
    (re.compile(r"&&|\.and\.", re.IGNORECASE), " and "),
    (re.compile(r"\|\||\.or\.", re.IGNORECASE), " or "),
    (re.compile(r"!(?!=)|\.not\.", re.IGNORECASE), " not "),
    (re.compile(r"\b(and|or|not)\b", re.IGNORECASE), lambda match: match[0].lower()),
)
_ALLOWED = (
    *("Name", "Load", "Constant", "UnaryOp", "Not", "USub", "UAdd", "BinOp", "Add", "Sub", "Mult", "Div", "Mod", "Pow"),
    *("BoolOp", "And", "Or", "Compare", "Lt", "LtE", "Gt", "GtE", "Eq", "NotEq", "Expression"),
)
_CONSTANTS = ("TRUE", "FALSE")
_LONGEST = 2000
_HINT = "write comparisons of columns with numbers, joined by && and ||: ELV > 3 && SAA == 0"


def check_condition(text: str) -> None:
    """Check that a text is of the grammar of `xbatch.xray.expression`, which computes it.

    Raises
    ------
    QuantityError
    """
    import ast  # here, because few specs have conditions

    if len(text) > _LONGEST:
        raise QuantityError("XB226", f"a condition of {len(text)} characters is too long", "shorten it")
    plain = " ".join(text.split())
    for pattern, word in _WORDS:
        plain = pattern.sub(word, plain)
    try:
        tree = ast.parse(plain.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise QuantityError("XB226", f"{shown(text)} is not a condition", _HINT) from None
    nodes = list(ast.walk(tree))
    if not all(_is_allowed(node) for node in nodes):
        raise QuantityError("XB226", f"{shown(text)} has more than comparisons in it", _HINT)
    if not any(isinstance(node, ast.Name) and node.id.upper() not in _CONSTANTS for node in nodes):
        raise QuantityError("XB226", f"{shown(text)} names no column", _HINT)


def _is_allowed(node: ast.AST) -> bool:
    kind = type(node).__name__
    return kind in _ALLOWED and (kind != "Constant" or isinstance(getattr(node, "value", None), int | float))
