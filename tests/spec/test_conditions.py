"""Conditions on housekeeping columns are those that can be computed."""

from __future__ import annotations

import pytest

from xbatch.spec.conditions import check_condition
from xbatch.spec.quantity import QuantityError
from xbatch.xray.expression import parse_expression

GOOD = [
    "ELV > 3",
    "a == 0 and b > 0.8",
    "!(a < 3) || .not. b >= 2 ** 3",
    "1 < A <= 5 % 2 AND true",
    "not saa",
    "-A > 3",
]
BAD = [
    "",
    "ELV >",
    "f(A)",
    "A.b > 3",
    "A[0]",
    "A > 'x'",
    "3 > 2",
    "true",
    "A in B",
    "A if B else C",
    "A; B",
    "A & B",
    "~A",
]


@pytest.mark.parametrize("text", GOOD)
def test_conditions(text: str) -> None:
    check_condition(text)
    assert parse_expression(text).columns


@pytest.mark.parametrize("text", [*BAD, "A + " * 1000 + "A"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(QuantityError):
        check_condition(text)
    with pytest.raises(ValueError, match=r"."):
        parse_expression(text)
