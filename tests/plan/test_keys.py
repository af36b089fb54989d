from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.plan.keys import RECIPE, ingredients_of, key_of, plain
from xbatch.plan.steps import FileInput, Step

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)
PARAMS = st.dictionaries(st.text(), VALUES, max_size=4)


def key(step: Step, version: int = 1, engine: str = "1", **digests: str) -> str:
    return key_of(ingredients_of(step, version, engine, digests))


def test_only_content_counts() -> None:
    one = Step("fit:a", "fit", "a", params={"x": 1}, inputs={"pha": FileInput("/one")}, product="p", members=("m",))
    two = Step("fit:b", "fit", "b", params={"x": 1}, inputs={"pha": FileInput("/two")}, product="q", path="fit.b")
    assert key(one, pha="sha256:0") == key(two, pha="sha256:0")


def test_everything_that_can_change_the_result_counts() -> None:
    step = Step("fit:a", "fit", "a", params={"x": 1})
    keys = {
        key(step, pha="d"),
        key(step, 2, pha="d"),
        key(step, 1, "2", pha="d"),
        key(step, pha="e"),
        key(step, rmf="d"),
        key(step),
        key(Step("fit:a", "fit", "a", params={"x": 2}), pha="d"),
        key(Step("fit:a", "fit", "a", "sas", params={"x": 1}), pha="d"),
        key(Step("fit:a", "group", "a", params={"x": 1}), pha="d"),
    }
    assert len(keys) == 9


@given(PARAMS)
def test_the_order_of_parameters_and_the_kind_of_container_do_not_count(params: dict[str, Any]) -> None:
    turned = MappingProxyType({name: _frozen(params[name]) for name in reversed(params)})
    assert key(Step("a", "a", "", params=params)) == key(Step("a", "a", "", params=turned))


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return MappingProxyType({name: _frozen(item) for name, item in value.items()})
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


@given(PARAMS, PARAMS)
def test_differing_parameters_give_differing_keys(one: dict[str, Any], two: dict[str, Any]) -> None:
    same = repr(_sorted(one)) == repr(_sorted(two))
    assert (key(Step("a", "a", "", params=one)) == key(Step("a", "a", "", params=two))) == same


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return [(name, _sorted(value[name])) for name in sorted(value)]
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def test_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        key(Step("a", "a", "", params={"x": float("nan")}))
    with pytest.raises(TypeError, match="set has no JSON form"):
        key(Step("a", "a", "", params={"x": {1}}))
    with pytest.raises(TypeError, match="not text"):
        plain({1: 2})


def test_a_key_stays_what_it_is_as_long_as_the_recipe_does() -> None:
    assert RECIPE == 1, "write down the key that the new recipe gives"
    step = Step("fit:a", "fit", "a", params={"x": [1, 2.5, None, True, "é"]})
    assert key(step, pha="sha256:0") == "08d4ea075bcdc20d6725cc077f54a8aaba39f3ad0a6441350b6f54676c59bb9a"
