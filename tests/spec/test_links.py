"""Link expressions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.spec.expression import ExpressionError
from xbatch.spec.links import parse_link


def test_references_are_found_and_renamed() -> None:
    link = parse_link("2 * pl1.norm - cal.factor[instrument=FPMA, obsid=90402339002]/3")
    assert [reference.name for reference in link.references] == ["pl1.norm", "cal.factor"]
    assert link.references[1].where == {"instrument": "FPMA", "obsid": "90402339002"}
    assert link.text(["pl1.norm", "cal.factor[FPMA]"]) == "2 * pl1.norm - cal.factor[FPMA]/3"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7.0),
        ("(1 + 2) * 3", 9.0),
        ("10 / 4 / 5", 0.5),
        ("-a.b * -2", 6.0),
        ("1 - 2 - 3", -4.0),
        ("1.5e1 + .5", 15.5),
        ("a.b", 3.0),
    ],
)
def test_values(text: str, value: float) -> None:
    link = parse_link(text)
    assert link.value([3.0] * len(link.references)) == value


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("2 *", 3),
        ("(2", 2),
        ("2 3", 2),
        ("pl.norm ** 2", 9),
        ("sin(1)", 0),
        ("", 0),
        ("a.b[x]", 0),
        ("a.b[colour=x]", 0),
    ],
)
def test_faults_name_their_character(text: str, position: int) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_link(text)
    assert (caught.value.code, caught.value.position) == ("XB310", position)


@given(st.text(max_size=30) | st.text("a.b[]=1 +-*/()e", max_size=30))
def test_any_text_is_a_link_or_refused(text: str) -> None:
    try:
        link = parse_link(text)
    except ExpressionError as error:
        assert 0 <= error.position <= len(text)
    else:
        assert link.text([reference.text for reference in link.references]) == text.strip()


def test_deep_nesting_is_refused() -> None:
    for text in ("(" * 100 + "1" + ")" * 100, "-" * 100 + "1"):
        with pytest.raises(ExpressionError):
            parse_link(text)
