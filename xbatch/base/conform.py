"""Whether data fit a JSON schema: yes or no, as quickly as a run's records need it.

A schema is turned into functions once. What does not fit is better explained by the `jsonschema` package, which takes
some ten times as long to load and to check; tests hold the two to the same verdicts. Of draft-07 this reads what the
schemas of records use and refuses any other keyword.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["Check", "compiled"]

Check = Callable[[Any], bool]

_SAID = frozenset(("$schema", "$id", "$comment", "title", "description", "default", "examples", "definitions"))
_READ = frozenset(
    (
        "$ref", "type", "enum", "const", "pattern", "minLength", "minimum", "properties", "required",
        "additionalProperties", "items", "minItems", "allOf", "anyOf", "oneOf",
    )
)  # fmt: skip
_TYPES: Mapping[str, Check] = {
    "object": lambda data: isinstance(data, dict),
    "array": lambda data: isinstance(data, list),
    "string": lambda data: isinstance(data, str),
    "boolean": lambda data: isinstance(data, bool),
    "null": lambda data: data is None,
    "number": lambda data: isinstance(data, (int, float)) and not isinstance(data, bool),
    "integer": lambda data: (
        (isinstance(data, int) and not isinstance(data, bool)) or (isinstance(data, float) and data.is_integer())
    ),
}


def compiled(schema: Mapping[str, Any]) -> Check:
    """Turn a schema into a function that says whether data fit it.

    Parameters
    ----------
    schema : Mapping
        Draft-07, with references to its own ``definitions`` alone.

    Raises
    ------
    ValueError
        It has a keyword that is not read here.
    """
    return _Compiler(schema).check(schema)


class _Compiler:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._known: dict[str, Check] = {}

    def check(self, schema: Mapping[str, Any] | bool) -> Check:
        if isinstance(schema, bool):
            return _always if schema else _never
        if "$ref" in schema:  # draft-07 takes no notice of what stands beside it
            return self._reference(schema["$ref"])
        unknown = schema.keys() - _SAID - _READ
        if unknown:
            raise ValueError(f"the keyword {min(unknown)} of JSON schema is not read here")
        checks = [make(schema) for make in (self._simple, self._object, self._array, self._joined)]
        parts = [check for found in checks for check in found]
        if len(parts) == 1:
            return parts[0]
        return lambda data: all(part(data) for part in parts)

    def _reference(self, target: str) -> Check:
        if target not in self._known:
            name = target.removeprefix("#/definitions/")
            if name not in self._root.get("definitions", {}):
                raise ValueError(f"the reference {target} leads nowhere")
            self._known[target] = _always  # while it is made: it may lead to itself
            self._known[target] = self.check(self._root["definitions"][name])

        def follow(data: Any) -> bool:
            return self._known[target](data)

        return follow

    def _simple(self, schema: Mapping[str, Any]) -> list[Check]:
        checks: list[Check] = []
        if "type" in schema:
            names = schema["type"]
            kinds = [_TYPES[name] for name in ([names] if isinstance(names, str) else names)]
            checks.append(kinds[0] if len(kinds) == 1 else lambda data: any(kind(data) for kind in kinds))
        if "const" in schema:
            checks.append(_one_of([schema["const"]]))
        if "enum" in schema:
            checks.append(_one_of(schema["enum"]))
        if "pattern" in schema:
            search = re.compile(schema["pattern"]).search
            checks.append(lambda data: not isinstance(data, str) or search(data) is not None)
        if "minLength" in schema:
            shortest = schema["minLength"]
            checks.append(lambda data: not isinstance(data, str) or len(data) >= shortest)
        if "minimum" in schema:
            least, number = schema["minimum"], _TYPES["number"]
            checks.append(lambda data: not number(data) or data >= least)
        return checks

    def _object(self, schema: Mapping[str, Any]) -> list[Check]:
        checks: list[Check] = []
        if "required" in schema:
            needed = frozenset(schema["required"])
            checks.append(lambda data: not isinstance(data, dict) or needed <= data.keys())
        if "properties" in schema or "additionalProperties" in schema:
            known = {name: self.check(part) for name, part in schema.get("properties", {}).items()}
            other = self.check(schema.get("additionalProperties", True))
            checks.append(
                lambda data: (
                    not isinstance(data, dict) or all(known.get(name, other)(value) for name, value in data.items())
                )
            )
        return checks

    def _array(self, schema: Mapping[str, Any]) -> list[Check]:
        checks: list[Check] = []
        if "minItems" in schema:
            least = schema["minItems"]
            checks.append(lambda data: not isinstance(data, list) or len(data) >= least)
        if "items" in schema:
            item = self.check(schema["items"])
            checks.append(lambda data: not isinstance(data, list) or all(map(item, data)))
        return checks

    def _joined(self, schema: Mapping[str, Any]) -> list[Check]:
        checks: list[Check] = [self.check(part) for part in schema.get("allOf", ())]
        if "anyOf" in schema:
            some = [self.check(part) for part in schema["anyOf"]]
            checks.append(lambda data: any(part(data) for part in some))
        if "oneOf" in schema:
            each = [self.check(part) for part in schema["oneOf"]]
            checks.append(lambda data: sum(part(data) for part in each) == 1)
        return checks


def _always(data: Any) -> bool:
    return True


def _never(data: Any) -> bool:
    return False


def _one_of(values: Sequence[Any]) -> Check:
    """Check for values; in JSON 1 and true differ, as they do not in Python."""
    return lambda data: any(data == value and isinstance(data, bool) == isinstance(value, bool) for value in values)
