"""Tests of expressions over columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.xray.expression import parse_expression

A = np.array([0, 1, 2, 3], np.int16)
B = np.array([0.5, np.nan, -1.0, 2.0])
COLUMNS: dict[str, Any] = {"A": A, "B": B}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A == 1", [0, 1, 0, 0]),
        ("A != 1", [1, 0, 1, 1]),
        ("a>=2", [0, 0, 1, 1]),
        ("0 < A <= 2", [0, 1, 1, 0]),
        ("A == 0 && B > 0", [1, 0, 0, 0]),
        ("A == 0 .and. B > 0", [1, 0, 0, 0]),
        ("A == 0 || B > 1", [1, 0, 0, 1]),
        ("A == 0 or A == 1", [1, 1, 0, 0]),
        ("NOT (A == 0 OR A == 1)", [0, 0, 1, 1]),
        ("!(A == 0)", [0, 1, 1, 1]),
        ("A == 0 or A == 3 and B < 0", [1, 0, 0, 0]),
        ("(A + 1) * 2 - 1 == 5", [0, 0, 1, 0]),
        ("A % 2 == 1", [0, 1, 0, 1]),
        ("A ** 2 > 3", [0, 0, 1, 1]),
        ("-A < -1.5e0", [0, 0, 1, 1]),
        ("+A / 2 >= 1", [0, 0, 1, 1]),
        ("A == true", [0, 1, 0, 0]),
        ("A > 0 and True", [0, 1, 1, 1]),
        ("1 / A > 0.4", [1, 1, 1, 0]),
        ("\n A ==\n 1 ", [0, 1, 0, 0]),
        ("B == B", [1, 0, 1, 1]),
        ("B != 7", [1, 0, 1, 1]),
        ("not B > 0", [0, 0, 1, 0]),
    ],
)
def test_what_is_true(text: str, expected: list[int]) -> None:
    expression = parse_expression(text)
    assert expression.true(COLUMNS).astype(int).tolist() == expected
    assert expression.text == text and set(expression.columns) <= {"A", "B"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "cannot be read"),
        ("A ==", "cannot be read"),
        ("A = 1", "cannot be read"),
        ("A; B", "cannot be read"),
        ("1 < 2", "names no column"),
        ("f(A) > 1", r"holds 'f\(A\)', which is not allowed"),
        ("A.real > 1", "not allowed"),
        ("A[0] > 1", "not allowed"),
        ("A > 'x'", "not allowed"),
        ("A in (1, 2)", "not allowed"),
        ("A is 1", "not allowed"),
        ("A // 2 == 1", "not allowed"),
        ("A & 1 == 1", "not allowed"),
        ("~A == 1", "not allowed"),
        ("(lambda: A)() > 1", "not allowed"),
        ("[A for A in B] > 1", "not allowed"),
        ("A if B else A", "not allowed"),
        ("(A := 1) > 0", "not allowed"),
        ("f'{A}' == 1", "not allowed"),
        ("A > 1j", "not allowed"),
        ("A > None", "not allowed"),
        ("__import__('os').system('true') == A", "not allowed"),
        ("(" * 500 + "A" + ")" * 500, "cannot be read"),
        ("A + " * 600 + "A > 1", "too long"),
        ("A > \x00", "cannot be read"),
    ],
)
def test_what_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_expression(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("C > 1", r"there is no column C \(there are A, B\)"),
        ("A + 1", "is a number: compare it"),
        ("A and B > 1", "'A' is a number where something true or false is needed"),
        ("not A", "'A' is a number"),
        (f"A < {10**400}", "too large a number"),
    ],
)
def test_what_cannot_be_computed(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_expression(text).true(COLUMNS)


def test_powers_do_not_grow_without_bounds() -> None:
    assert parse_expression("A < 9 ** 9 ** 9 ** 9").true(COLUMNS).all()


@given(st.text(alphabet="AB01.<>=!&|()+-*/% andortx'[]_", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse_expression(text).true(COLUMNS)
    except ValueError:
        return
    assert found.shape == (4,) and found.dtype == np.bool_
