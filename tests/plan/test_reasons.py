from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.base.files import canonical_json
from xbatch.plan.reasons import Reason, changes, reason_text


def ingredients(**changed: Any) -> dict[str, Any]:
    base = {"task": "fit", "version": 1, "engine": "native", "engine_version": "1", "params": {}, "inputs": {}}
    return {**base, **changed}


def parameters(old: Any, new: Any) -> list[tuple[str, Any, Any]]:
    found = changes(ingredients(params=old), ingredients(params=new))
    return [(reason.what, reason.old, reason.new) for reason in found]


def test_entries_with_names_are_matched_by_them() -> None:
    old = {"parameters": [{"name": "pl.norm", "max": 1}, {"name": "pl.PhoIndex", "max": 4}]}
    new = {"parameters": [{"name": "pl.PhoIndex", "max": 5}, {"name": "fe.norm", "max": 2}]}
    assert parameters(old, new) == [
        ("parameters[fe.norm]", None, {"name": "fe.norm", "max": 2}),
        ("parameters[pl.PhoIndex].max", 4, 5),
        ("parameters[pl.norm]", {"name": "pl.norm", "max": 1}, None),
    ]


def test_the_order_of_named_entries_counts() -> None:
    a, b = {"name": "a"}, {"name": "b"}
    assert parameters({"bands": [a, b]}, {"bands": [b, a]}) == [("bands[order]", "a, b", "b, a")]


def called(tool: str, **args: str) -> dict[str, Any]:
    return {"suite": "heasoft", "tool": tool, "args": [[name, value] for name, value in args.items()]}


def test_calls_are_matched_by_their_tools_and_parameters() -> None:
    first, second = called("nuproducts", pilow="35", lcenergy="6.5"), called("nuproducts", pilow="210", lcenergy="44")
    other = called("nuproducts", pilow="35", lcenergy="10", initseed="yes")
    assert parameters({"calls": [first]}, {"calls": [other]}) == [
        ("calls[nuproducts].args[initseed]", None, "yes"),
        ("calls[nuproducts].args[lcenergy]", "6.5", "10"),
    ]
    between = called("lcmath", multi="1.0")
    assert parameters({"calls": [first, second]}, {"calls": [first, between, second]}) == [
        ("calls[lcmath]", None, between)
    ]


def test_names_that_are_not_unique_match_nothing() -> None:
    old = {"bands": [{"name": "a", "lo": 1}, {"name": "a", "lo": 2}]}
    new = {"bands": [{"name": "a", "lo": 1}, {"name": "a", "lo": 3}]}
    assert parameters(old, new) == [("bands[1].lo", 2, 3)]


def test_null_is_not_absent_and_a_whole_number_is_not_a_float() -> None:
    assert parameters({}, {"mcmc": None}) == [("mcmc", None, None)]
    assert parameters({"n": 1}, {"n": 1.0}) == [("n", 1, 1.0)]
    assert parameters({"a": {}}, {"a": {"b": 1}}) == [("a", {}, {"b": 1})]
    assert parameters({"a": [1]}, {"a": "1"}) == [("a", [1], "1")]


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (Reason("parameter", "min.counts", 20, 30), "min.counts 20 -> 30"),
        (Reason("parameter", "link", "", None), "link '' -> none"),
        (Reason("parameter", "parameters[fe.norm]", None, {"max": 2}), "parameters[fe.norm] is there now"),
        (Reason("parameter", "parameters[fe.norm]", {"max": 2}), "parameters[fe.norm] is no longer there"),
        (Reason("input", "pha", "d0", "d1"), "input pha changed"),
        (Reason("input", "rmf", None, "d1"), "input rmf is there now"),
        (Reason("task version", "fit", 1, 2), "task fit 1 -> 2"),
        (Reason("engine", "", "native 1", "sas"), "engine native 1 -> sas"),
        (Reason("needs", "group:a"), "needs group:a"),
    ],
)
def test_reasons_in_words(reason: Reason, text: str) -> None:
    assert reason_text(reason) == text


leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1, max_size=3), inner, max_size=4),
)


names = st.text(min_size=1, max_size=3)
some_parameters = st.dictionaries(names, trees, max_size=4)


@given(some_parameters, some_parameters)
def test_there_are_reasons_just_where_keys_differ(old: dict[str, Any], new: dict[str, Any]) -> None:
    same = canonical_json(old) == canonical_json(new)
    assert (parameters(old, new) == []) == same
    assert parameters(old, json.loads(json.dumps(old))) == []
