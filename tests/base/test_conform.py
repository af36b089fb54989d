"""The quick check of records gives the verdicts of the jsonschema package."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.provenance.runs import Fit, make_run
from xbatch.base.conform import compiled
from xbatch.base.files import schema_text

EXTRA = [None, True, False, 0, 1, 1.0, -1, 1.5, "", "x", "a" * 64, [], {}, [1], {"x": 1}]


def same(schema: dict[str, Any], data: object) -> bool:
    verdict = compiled(schema)(data)
    assert verdict == jsonschema.Draft7Validator(schema).is_valid(data), (schema, data)
    return verdict


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer"},
        {"type": ["number", "null"], "minimum": 0},
        {"type": "string", "minLength": 1, "pattern": "^a"},
        {"enum": [1, "x", None]},
        {"const": True},
        {"const": 1},
        {"type": "object", "required": ["x"], "properties": {"x": {"minimum": 1}}, "additionalProperties": False},
        {"additionalProperties": {"type": "string"}},
        {"type": "array", "items": {"type": "integer"}, "minItems": 1},
        {"allOf": [{"type": "number"}, {"minimum": 1}]},
        {"anyOf": [{"type": "string"}, {"minimum": 1}]},
        {"oneOf": [{"type": "number"}, {"minimum": 1}]},
        {"items": {"$ref": "#/definitions/one"}, "definitions": {"one": {"const": 1}}},
        {
            "$ref": "#/definitions/tree",
            "definitions": {"tree": {"additionalProperties": {"$ref": "#/definitions/tree"}}},
        },
    ],
)
def test_keywords(schema: dict[str, Any]) -> None:
    verdicts = {same(schema, data) for data in EXTRA}
    assert True in verdicts


@pytest.mark.parametrize("schema", [{"format": "date"}, {"items": {"maxLength": 3}}, {"$ref": "#/definitions/none"}])
def test_what_is_not_read_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"is not read here|leads nowhere"):
        compiled(schema)


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        found += places(value, (*path, key))
    return found


SCHEMA = json.loads(schema_text("manifest-1"))
QUICK, SLOW = compiled(SCHEMA), jsonschema.Draft7Validator(SCHEMA)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return make_run(tmp_path_factory.mktemp("run"), [Fit(), Fit("broken", None)]).manifest()


def test_a_manifest_fits(manifest: dict[str, Any]) -> None:
    assert QUICK(manifest)


@given(st.data(), st.sampled_from(["remove", "add", *EXTRA]))
def test_verdicts_on_a_changed_manifest_are_those_of_jsonschema(
    manifest: dict[str, Any], data: st.DataObject, value: Any
) -> None:
    path = data.draw(st.sampled_from(places(manifest)[1:]))
    changed = copy.deepcopy(manifest)
    at: Any = changed
    for key in path[:-1]:
        at = at[key]
    if value == "remove":
        del at[path[-1]]
    elif value == "add" and isinstance(at[path[-1]], dict):
        at[path[-1]]["unheard"] = 1
    else:
        at[path[-1]] = value
    assert QUICK(changed) == SLOW.is_valid(changed)
