"""The schema of a spec, and what it knows of a path."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from xbatch.base.files import schema_text

__all__ = ["Schema", "load_schema"]

Rule = Mapping[str, Any]


class Schema:
    """A draft-07 schema with its definitions at hand."""

    def __init__(self, document: Rule) -> None:
        self.root = document
        self.definitions: Mapping[str, Rule] = document.get("definitions", {})

    def follow(self, rule: Rule) -> Rule:
        """Follow a reference to a definition, if the rule is one."""
        while "$ref" in rule:
            rule = self.definitions[rule["$ref"].removeprefix("#/definitions/")]
        return rule

    def parts(self, rule: Rule) -> Iterator[Rule]:
        """Give a rule and all that may hold beside it: its ``allOf`` and both sides of its conditions."""
        rule = self.follow(rule)
        yield rule
        for part in (*rule.get("allOf", ()), *(rule[key] for key in ("then", "else") if key in rule)):
            yield from self.parts(part)

    def properties(self, rule: Rule) -> dict[str, Rule]:
        """Give all keys that a map may have under a rule, whatever its type."""
        found: dict[str, Rule] = {}
        for part in self.parts(rule):
            for key, value in part.get("properties", {}).items():
                if key not in found or "title" not in found[key]:
                    found[key] = value
        return found

    def free_names(self, rule: Rule) -> tuple[Rule, Rule] | None:
        """Give the rules of names and values of a map whose keys are chosen by the user, else None."""
        for part in self.parts(rule):
            if isinstance(part.get("additionalProperties"), Mapping):
                return self.follow(part.get("propertyNames", {})), part["additionalProperties"]
        return None

    def member(self, rule: Rule) -> Rule | None:
        """Give the rule of a list's members, else None."""
        return next((part["items"] for part in self.parts(rule) if "items" in part), None)


def load_schema(name: str = "analysis-1") -> Schema:
    """Read a schema shipped with the package."""
    return Schema(json.loads(schema_text(name)))
