"""Conditions on housekeeping columns: ``ELV > 3 && SAA == 0``, checked here for their form alone."""

from __future__ import annotations

import re

from xbatch.spec.quantity import QuantityError
from xbatch.spec.report import shown

__all__ = ["check_condition"]

_SIGNS = (("&&", " and "), ("||", " or "))
_NOT = re.compile(r"!(?!=)")
_HINT = "write comparisons of columns with numbers, joined by && and ||: ELV > 3 && SAA == 0"


def check_condition(text: str) -> None:
    """Check that a text is comparisons of columns and numbers, with ``and``, ``or``, ``not``, arithmetic, parentheses.

    Raises
    ------
    QuantityError
    """
    import ast

    allowed = (ast.Expression, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Compare, ast.Name, ast.Constant, ast.Load)
    signs = (ast.boolop, ast.unaryop, ast.operator, ast.cmpop)
    refused = (ast.Is, ast.IsNot, ast.In, ast.NotIn, ast.Invert, ast.MatMult, ast.BitAnd, ast.BitOr, ast.BitXor)
    python = " ".join(text.split())
    for sign, word in _SIGNS:
        python = python.replace(sign, word)
    try:
        tree = ast.parse(_NOT.sub(" not ", python).strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise QuantityError("XB226", f"{shown(text)} is not a condition", _HINT) from None
    for node in ast.walk(tree):
        known = isinstance(node, (*allowed, *signs)) and not isinstance(node, (*refused, ast.LShift, ast.RShift))
        number = not isinstance(node, ast.Constant) or isinstance(node.value, (bool, int, float))
        if not known or not number:
            raise QuantityError("XB226", f"{shown(text)} has more than comparisons in it", _HINT)
    if not any(isinstance(node, (ast.Compare, ast.Name)) for node in ast.walk(tree)):
        raise QuantityError("XB226", f"{shown(text)} names no column", _HINT)
