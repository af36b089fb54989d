"""Tests of the tables."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest
from astropy.table import Table
from hypothesis import given
from hypothesis import strategies as st

from xbatch.ogip.tables import Column, Figure, latex_escape, significant, write_tables

COLUMNS = (
    Column("num", "int64"),
    Column("obsid", description='quoted "text", 100 %'),
    Column("rate", "float64", "ct / s", digits=3),
    Column("good", "bool"),
)


def test_the_three_files_hold_the_same_rows(tmp_path: Path) -> None:
    rows = [
        {"num": 1, "obsid": "0013140101", "rate": 7.3125, "good": True},
        {"num": 2, "obsid": "a,b_c", "rate": None, "good": False},
        {"num": 3, "obsid": "x", "rate": Figure(1.5e-9, 2)},
    ]
    ecsv, plain, latex = write_tables(tmp_path, "t", COLUMNS, rows, {"note": "a: b", "list": [1, "two"]})
    table = Table.read(ecsv, format="ascii.ecsv")
    assert table.colnames == ["num", "obsid", "rate", "good"]
    assert list(table["obsid"]) == ["0013140101", "a,b_c", "x"]
    assert table["rate"].unit == "ct / s"
    assert table["rate"][0] == 7.3125 and table["rate"][2] == 1.5e-9
    assert table["rate"].mask.tolist() == [False, True, False]
    assert table.meta == {"note": "a: b", "list": [1, "two"]}
    assert table["obsid"].description == 'quoted "text", 100 %'
    with plain.open(newline="") as stream:
        assert list(csv.reader(stream)) == [
            ["num", "obsid", "rate", "good"],
            ["1", "0013140101", "7.31", "True"],
            ["2", "a,b_c", "", "False"],
            ["3", "x", "1.5e-09", ""],
        ]
    text = latex.read_text()
    assert r"2 & a,b\_c & -- & False \\" in text
    assert r"$1.5\times10^{-9}$" in text
    assert " & (ct / s) & " in text


def test_no_rows_and_no_meta_is_a_table_too(tmp_path: Path) -> None:
    ecsv, _, _ = write_tables(tmp_path, "t", COLUMNS, [], {})
    assert len(Table.read(ecsv, format="ascii.ecsv")) == 0


def test_latex_needs_no_package_and_is_escaped() -> None:
    assert latex_escape(r"a_b & 5% \x {y}") == r"a\_b \& 5\% \textbackslash{}x \{y\}"


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (51943.0342, 8, "51943.034"),
        (56.5849, 5, "56.585"),
        (14.0, 3, "14.0"),
        (9.9999, 3, "10.0"),
        (1234.5, 3, "1234"),
        (0.0, 3, "0.00"),
        (-0.00123456, 3, "-0.00123"),
        (math.inf, 3, "inf"),
    ],
)
def test_significant_digits(value: float, digits: int, text: str) -> None:
    assert significant(value, digits) == text


@given(st.floats(1e-30, 1e30), st.integers(1, 12))
def test_rounding_keeps_the_number_within_half_a_digit(value: float, digits: int) -> None:
    assert float(significant(value, digits)) == pytest.approx(value, rel=0.5000001 * 10.0 ** (1 - digits))
