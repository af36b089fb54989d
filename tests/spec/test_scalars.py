"""What plain text stands for."""

from __future__ import annotations

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from xbatch.spec.scalars import resolve


@given(st.integers(-(10**17), 10**17))
def test_whole_numbers_are_numbers(number: int) -> None:
    assert resolve(str(number)) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_are_the_same_floats(number: float) -> None:
    value = resolve(json.dumps(number))
    assert isinstance(value, float)
    assert value == number


@given(st.text(max_size=30))
def test_text_is_itself_a_finite_number_or_one_of_three_words(text: str) -> None:
    value = resolve(text)
    if isinstance(value, str):
        assert value == text
    elif isinstance(value, bool) or value is None:
        assert text.lower() in {"", "~", "null", "true", "false"}
    else:
        assert math.isfinite(value)
        assert not text.lstrip("+-").startswith("00")
