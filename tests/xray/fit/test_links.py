from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.xray.fit.links import parse_link

VALUES = {"pl.norm": 3.0, "pl2.norm": 5.0, "cal.factor[FPMA]": 2.0, "a-b.nH": 7.0}


def value(text: str) -> float:
    return parse_link(text, VALUES)(VALUES.__getitem__)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pl.norm", 3.0),
        ("2 * pl.norm", 6.0),
        ("1 + 2*pl.norm/4 - .5", 2.0),
        ("-(pl.norm - pl2.norm) * 1e1", 20.0),
        ("cal.factor[FPMA]*pl2.norm", 10.0),
        ("a-b.nH - 1", 6.0),
        ("2-pl.norm", -1.0),
        ("8/2/2", 2.0),
        ("8-2-2", 4.0),
        ("- - +pl.norm", 3.0),
    ],
)
def test_values(text: str, expected: float) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2 * pl.nrom", "no parameter 'pl.nrom'"),
        ("", "ends too early"),
        ("2 *", "ends too early"),
        ("(1 + 2", "not closed"),
        ("1 2", "2.0 was not expected"),
        ("1 + )", r"'\)' was not expected"),
        ("pl.norm pl.norm", "'pl.norm' was not expected"),
        ("__import__('os')", "no parameter"),
        ("(" * 60 + "1" + ")" * 60, "too deeply"),
    ],
)
def test_what_is_no_link_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_link(text, VALUES)


def test_a_division_by_zero_is_no_number() -> None:
    assert math.isnan(value("1 / (pl.norm - 3)"))
    assert math.isnan(value("2 + 0 / (pl.norm - 3)"))


def test_the_names_used_are_known() -> None:
    assert parse_link("pl.norm * 2 + pl2.norm - pl.norm", VALUES).names == ("pl.norm", "pl2.norm")


NUMBERS = st.integers(1, 99).map(str)
EXPRESSIONS = st.recursive(
    NUMBERS | st.just("pl.norm"),
    lambda inner: st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map(lambda parts: f"({' '.join(parts)})"),
    max_leaves=12,
)


@given(EXPRESSIONS)
def test_arithmetic_is_python_s(text: str) -> None:
    assert value(text) == pytest.approx(eval(text.replace("pl.norm", "3.0")))
