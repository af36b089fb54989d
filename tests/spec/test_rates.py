"""Limits of rates."""

from __future__ import annotations

from typing import Any

import pytest

from xbatch.spec.quantity import QuantityError
from xbatch.spec.rates import rate_limit


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("< 0.4 ct/s", ["<", 0.4]),
        ("<=0.4", ["<=", 0.4]),
        (" < 1e-1 counts / s ", ["<", 0.1]),
        ("< 0 cts/s", ["<", 0.0]),
    ],
)
def test_limits(text: str, expected: list[Any]) -> None:
    assert rate_limit(text) == expected


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("0.4 ct/s", "XB228", "does not say which side is good"),
        ("> 0.4 ct/s", "XB228", "keeps the flares"),
        (">= 0.4", "XB228", "keeps the flares"),
        ("< -1 ct/s", "XB210", "is not a limit of a rate"),
        ("< much", "XB210", "is not a limit of a rate"),
        ("< 0.4 ct/ks", "XB210", "is not a limit of a rate"),
        ("< 1e999", "XB210", "is not a limit of a rate"),
    ],
)
def test_what_is_no_limit(text: str, code: str, message: str) -> None:
    with pytest.raises(QuantityError) as caught:
        rate_limit(text)
    assert caught.value.code == code and message in caught.value.message
