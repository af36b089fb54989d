"""Model expressions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.spec.expression import ExpressionError, parse_model


def test_tree_and_components() -> None:
    model = parse_model("constant.cal * TBabs.gal*(powerlaw.pl + gaussian.fe)")
    assert model.tree == {
        "op": "*",
        "args": [
            {"component": "cal"},
            {"component": "gal"},
            {"op": "+", "args": [{"component": "pl"}, {"component": "fe"}]},
        ],
    }
    assert list(model.components.items()) == [
        ("cal", "constant"),
        ("gal", "tbabs"),
        ("pl", "powerlaw"),
        ("fe", "gaussian"),
    ]


def test_one_component_is_a_model() -> None:
    assert parse_model(" powerlaw.pl ").tree == {"component": "pl"}
    assert parse_model("((powerlaw . pl))").tree == {"component": "pl"}


def test_equal_signs_are_joined() -> None:
    tree = parse_model("powerlaw.a + (powerlaw.b + powerlaw.c)").tree
    assert [arg["component"] for arg in tree["args"]] == ["a", "b", "c"]


def test_a_component_may_enclose_a_part_of_the_model() -> None:
    model = parse_model("tbabs.gal * cflux.f( powerlaw.pl + CFlux.g(gaussian.fe))")
    inner = {"op": "con", "by": "g", "args": [{"component": "fe"}]}
    assert model.tree == {
        "op": "*",
        "args": [
            {"component": "gal"},
            {"op": "con", "by": "f", "args": [{"op": "+", "args": [{"component": "pl"}, inner]}]},
        ],
    }
    assert list(model.components.items()) == [
        ("gal", "tbabs"),
        ("f", "cflux"),
        ("pl", "powerlaw"),
        ("g", "cflux"),
        ("fe", "gaussian"),
    ]


@pytest.mark.parametrize(
    ("text", "code", "position", "said"),
    [
        ("cflux.f", "XB301", 7, "encloses a part of the model"),
        ("cflux.f * powerlaw.a", "XB301", 8, "no parenthesis follows"),
        ("cflux.f(powerlaw.a", "XB301", 18, "closing parenthesis"),
        ("cflux.f()", "XB301", 8, "where a component is wanted"),
        ("cflux.f(tbabs.g) * powerlaw.a", "XB305", 8, "has no additive component"),
        ("cflux.f(powerlaw.a) * powerlaw.b", "XB305", 22, "cannot be multiplied"),
        ("tbabs.g(powerlaw.a)", "XB301", 7, "is not expected"),
        ("cflux.a(" * 60 + "powerlaw.b" + ")" * 60, "XB304", 14, "two components"),
        ("tbabs.gal * (powerlaw.pl", "XB301", 24, "closing parenthesis"),
        ("powerlaw.pl)", "XB301", 11, "')' is not expected"),
        ("powerlaw.a powerlaw.b", "XB301", 11, "is not expected"),
        ("* powerlaw.a", "XB301", 0, "where a component is wanted"),
        ("powerlaw.a +", "XB301", 12, "the expression ends"),
        ("2 * powerlaw.a", "XB301", 0, "the number '2'"),
        ("powerlaw.a ** 2", "XB301", 12, "where a component is wanted"),
        ("powrlaw.a", "XB302", 0, "no component 'powrlaw'"),
        ("__import__('os')", "XB302", 0, "no component"),
        ("powerlaw", "XB303", 0, "has no name"),
        ("powerlaw.2", "XB303", 9, "'2' is not a name"),
        ("tbabs.a * powerlaw.A", "XB304", 19, "two components"),
        ("powerlaw.a * gaussian.b", "XB305", 13, "cannot be multiplied"),
        ("powerlaw.a + tbabs.b", "XB305", 13, "is multiplicative"),
        ("tbabs.a", "XB305", 0, "no additive component"),
        ("(" * 60 + "powerlaw.a" + ")" * 60, "XB301", 51, "parentheses deep"),
    ],
)
def test_faults_name_their_character(text: str, code: str, position: int, said: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_model(text)
    assert (caught.value.code, caught.value.position) == (code, position)
    assert said in caught.value.message


def test_abbreviations_of_xspec_are_understood_in_the_hint() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_model("tbabs.gal * po.pl")
    assert caught.value.hint == "did you mean 'powerlaw'?"


@given(
    st.text(max_size=40)
    | st.lists(
        st.sampled_from(["powerlaw.a", "tbabs.b", "constant.c", "cflux.d", "(", ")", "+", "*", " "]), max_size=12
    ).map("".join)
)
def test_any_text_is_a_model_or_refused_at_a_character(text: str) -> None:
    try:
        model = parse_model(text)
    except ExpressionError as error:
        assert 0 <= error.position <= len(text)
    else:
        assert model.components


@pytest.mark.parametrize(("word", "meant"), [("powerlw", "powerlaw"), ("gaussan", "gaussian"), ("phab", "phabs")])
def test_of_equally_near_names_the_one_with_the_same_beginning_is_meant(word: str, meant: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_model(f"{word}.x")
    assert caught.value.hint.startswith(f"did you mean '{meant}'?")
