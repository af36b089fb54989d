"""Tests of the screening of events."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.xray.screening import Bits, Range, bits_of_text, flag_selection, inside_gtis, passes, screen


def test_ranges_hold_both_ends() -> None:
    values = np.array([-1, 0, 13, 26, 27], np.int16)
    assert passes(values, Range("GRADE", 0, 26)).tolist() == [False, True, True, True, False]
    assert passes(np.array([np.nan, 1.0]), Range("PI", 0, 2)).tolist() == [False, True]


def test_bits_of_text() -> None:
    bits = bits_of_text("STATUS", "b0000x00xx0xx0001")
    assert bits == Bits("STATUS", 0b1111011001001111, 1)
    values = np.array([1, 0, 0b0000100110110001, 0b1000000000000001], np.uint16)
    assert passes(values, bits).tolist() == [True, False, True, False]


@given(st.text("01x", min_size=1, max_size=32), st.integers(0, 2**32 - 1))
def test_bits_of_any_text(digits: str, value: int) -> None:
    value %= 2 ** len(digits)
    binary = f"{value:0{len(digits)}b}"
    expected = all(wanted in ("x", there) for wanted, there in zip(digits, binary, strict=True))
    assert bool(passes(np.array([value]), bits_of_text("FLAG", f"b{digits}"))[0]) is expected


@pytest.mark.parametrize("text", ["", "b", "0101", "b012", "#XMMEA_EM"])
def test_what_is_no_pattern_of_bits_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="pattern of bits"):
        bits_of_text("STATUS", text)


@pytest.mark.parametrize(
    ("expression", "mask", "wanted"),
    [
        ("(FLAG & 0x766ba000) == 0", 0x766BA000, 0),
        ("(FLAG & 0xfffffeff) == 0", 0xFFFFFEFF, 0),
        ("(flag&0x2) .EQ. 0x2", 2, 2),
        ("FLAG == 0", 0xFFFFFFFF, 0),
        ("(FLAG .eq. 16)", 0xFFFFFFFF, 16),
    ],
)
def test_selections_of_the_header(expression: str, mask: int, wanted: int) -> None:
    assert flag_selection(expression) == Bits("FLAG", mask, wanted)


@pytest.mark.parametrize("expression", ["(FLAG & 0x1) != 0", "PATTERN <= 4", "(FLAG & 0x1) == 0 && (PI > 150)"])
def test_other_expressions_are_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="is not of the form"):
        flag_selection(expression)


def test_the_highest_bit_of_a_signed_flag_counts() -> None:
    flags = np.array([0, 0x100, -(2**31), 1], np.int32)
    assert passes(flags, flag_selection("(FLAG & 0xfffffeff) == 0")).tolist() == [True, True, False, False]
    assert passes(flags, flag_selection("FLAG == 0")).tolist() == [True, False, False, False]


def test_floats_have_no_bits() -> None:
    with pytest.raises(ValueError, match="no whole numbers"):
        passes(np.array([1.0]), Bits("FLAG", 1, 0))


def test_gtis_of_each_detector() -> None:
    times, detector = np.array([1.0, 1.0, 5.0, 5.0, 5.0]), np.array([1, 2, 1, 2, 3], np.int8)
    own = {1: np.array([[0.0, 2.0]]), 2: np.array([[4.0, 6.0]])}
    everything = np.array([[0.0, 10.0]])
    assert inside_gtis(times, everything, detector, own).tolist() == [True, False, False, True, False]
    assert inside_gtis(times, everything, detector, {}).all() and inside_gtis(times, everything).all()


@given(st.integers(0, 40).flatmap(lambda n: st.lists(st.lists(st.booleans(), min_size=n, max_size=n), max_size=4)))
def test_each_event_is_counted_once(rows: list[list[bool]]) -> None:
    count = len(rows[0]) if rows else 7
    tests = [(f"reason {number % 3}", np.array(row, np.bool_)) for number, row in enumerate(rows)]
    screened = screen(count, tests)
    assert sum(screened.dropped.values()) + np.count_nonzero(screened.keep) == count
    assert np.array_equal(screened.keep, np.all([test for _, test in tests], axis=0) if tests else np.ones(count, bool))


def test_counts_go_on_from_before_and_the_first_reason_counts() -> None:
    tests = [("a", np.array([True, False, True])), ("b", np.array([False, False, True])), ("c", np.ones(3, np.bool_))]
    first = screen(3, tests)
    assert dict(first.dropped) == {"a": 1, "b": 1, "c": 0} and first.keep.tolist() == [False, False, True]
    assert dict(screen(3, tests, first.dropped).dropped) == {"a": 2, "b": 2, "c": 0}
