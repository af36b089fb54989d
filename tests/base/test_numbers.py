"""Rounding by errors."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.base.numbers import Rounded, plain_number, rounded, unit_parts


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ((1.98765, -0.0213, 0.0309), Rounded("1.988", "0.021", "0.031")),
        ((1.9996, 0.00999, 0.0104), Rounded("2.000", "0.010", "0.010")),
        ((123.4, 22.0, 31.0), Rounded("123", "22", "31")),
        ((1234.0, 220.0, 310.0), Rounded("1230", "220", "310")),
        ((3.456e-12, 1.2e-13, 1.3e-13), Rounded("3.46", "0.12", "0.13", -12)),
        ((0.25, None, 0.1), Rounded("0.25", "", "0.10")),
        ((0.25, None, None), Rounded("0.2500")),
        ((0.0, None, None), Rounded("0")),
        ((math.nan, 1.0, 1.0), Rounded("nan")),
        ((2.5e7, None, None), Rounded("2.500", "", "", 7)),
    ],
)
def test_numbers_are_rounded_by_their_smaller_error(
    given_: tuple[float, float | None, float | None], expected: Rounded
) -> None:
    assert rounded(*given_) == expected


def test_an_error_of_nothing_is_no_error() -> None:
    assert rounded(1.5, 0.0, math.inf) == rounded(1.5)


magnitudes = st.floats(1e-30, 1e30)


@given(value=magnitudes, minus=magnitudes, plus=magnitudes, sign=st.sampled_from([-1.0, 1.0]))
def test_text_never_strays_further_than_half_a_unit_of_the_second_digit(
    value: float, minus: float, plus: float, sign: float
) -> None:
    got = rounded(sign * value, minus, plus)
    scale = 10.0**got.exponent
    tolerance = 0.051 * min(minus, plus) + 1e-12 * max(value, minus, plus)
    assert float(got.value) * scale == pytest.approx(sign * value, abs=tolerance)
    assert float(got.minus) * scale == pytest.approx(minus, abs=tolerance)
    assert float(got.plus) * scale == pytest.approx(plus, abs=tolerance)


def test_plain_numbers_have_no_padding() -> None:
    assert [plain_number(x) for x in (0.6, 1.0, 1.23456789e-11, None)] == ["0.6", "1", "1.23457e-11", ""]


@pytest.mark.parametrize(
    ("unit", "parts"),
    [
        ("", []),
        ("keV", [("keV", "")]),
        ("10^22 cm^-2", [("10", "22"), ("cm", "-2")]),
        ("1e22 cm-2", [("10", "22"), ("cm", "-2")]),
        ("erg cm**-2 s-1", [("erg", ""), ("cm", "-2"), ("s", "-1")]),
        ("photons/cm2/s", [("photons", ""), ("cm", "-2"), ("s", "-1")]),
        ("1/keV at 1 keV", [("1", ""), ("keV", "-1"), ("at", ""), ("1", ""), ("keV", "")]),
        ("/ <b>", [("/", ""), ("<b>", "")]),
        ("3.02e-15 / cm", [("3.02", ""), ("x", ""), ("10", "-15"), ("/", ""), ("cm", "")]),
        ("(km at 10 kpc)2 cos(i)", [("(km", ""), ("at", ""), ("10", ""), ("kpc)", "2"), ("cos(i)", "")]),
    ],
)
def test_units_are_split_into_words_and_powers(unit: str, parts: list[tuple[str, str]]) -> None:
    assert unit_parts(unit) == parts
