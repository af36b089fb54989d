"""Words for kinds of values and for what to write instead."""

from __future__ import annotations

import json
import re
from typing import Any

from xbatch.spec.nodes import Items, Node, Scalar, Table
from xbatch.spec.report import shown

__all__ = ["a", "flow", "found_text", "kind_of", "kinds_text", "type_hint"]

_SHORT = 40
_TOO_LARGE = re.compile(r"[-+]?[1-9][0-9]*(\.[0-9]*)?([eE][-+]?[0-9]+)?")
_PLAIN_NUMBER = re.compile(r"[0-9.]+")
_BEGINS_WITH_A_NUMBER = re.compile(r"([<>]=? ?)?[0-9]")
_QUANTITY = re.compile(r"([<>]=? )?[0-9.]+ ([A-Za-z/]+)")
_KINDS = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a map",
    "null": "nothing",
}


def kind_of(node: Node) -> str:
    """Name the JSON type of a node."""
    if isinstance(node, Table):
        return "object"
    if isinstance(node, Items):
        return "array"
    value = node.value if isinstance(node, Scalar) else None
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    return "number" if isinstance(value, float) else "string"


def kinds_text(kinds: list[str]) -> str:
    """Say what kinds of value are allowed; that nothing is too goes without saying."""
    return " or ".join(_KINDS[kind] for kind in kinds if kind != "null")


def found_text(node: Node) -> str:
    """Say what is there instead."""
    kind = kind_of(node)
    if isinstance(node, Scalar) and node.value is not None:
        return f"the text {shown(node.text)}" if kind == "string" else node.text
    return _KINDS[kind]


def type_hint(node: Node, kinds: list[str], name: str, example: Any = None) -> str:
    """Say what to write instead, where that can be guessed; else give the example."""
    hint = _measured(node, kinds, example) or _guessed(node, kinds, name)
    return hint or (f"for example {flow(example)}" if example not in (None, "", [], {}) else "")


def _measured(node: Node, kinds: list[str], example: Any) -> str:
    """Put a bare number into the form of the example, where quotes around it would not make it what is wanted."""
    if not isinstance(node, Scalar) or kind_of(node) not in {"integer", "number"} or "string" not in kinds:
        return ""
    if not isinstance(example, str) or not _BEGINS_WITH_A_NUMBER.match(example):
        return ""
    form = _QUANTITY.fullmatch(example)
    if form is None or not _PLAIN_NUMBER.fullmatch(node.text):
        return f"for example {flow(example)}"
    quantity = f"{form[1] or ''}{node.text} {form[2]}"
    return f"write the number with its unit, such as {flow(quantity)}"


def _guessed(node: Node, kinds: list[str], name: str) -> str:
    if isinstance(node, Table):
        if "string" in kinds and node.flow and all(_is_empty(child) for child in node.entries.values()):
            return f'quote a template that begins with a brace: {name}: "{{{", ".join(node.entries)}}}"'
        if "array" in kinds:
            return "put it into brackets: [{...}]" if node.flow else "write a list: '- ' before each member"
        return ""
    if isinstance(node, Items):
        return "write one value, without brackets" if {"number", "integer", "boolean"} & set(kinds) else ""
    if isinstance(node, Scalar):
        return _scalar_hint(node, kinds, name)
    return ""


def _scalar_hint(node: Scalar, kinds: list[str], name: str) -> str:
    text = node.text
    hint = ""
    if len(text) > _SHORT or node.value is None:
        hint = "" if text else "write a value, or remove the key"
    elif set(kinds) <= {"object", "null"}:
        hint = ""
    elif "array" in kinds:
        hint = f"write a list: [{text}]"
    elif "boolean" in kinds and text.casefold() in {"yes", "on", "no", "off"}:
        hint = f"write {'true' if text.casefold() in {'yes', 'on'} else 'false'}"
    elif {"number", "integer"} & set(kinds) and isinstance(node.value, str):
        hint = _number_hint(node)
    elif "string" in kinds:
        hint = f'quote it: "{text}"'
    return hint


def _number_hint(node: Scalar) -> str:
    if node.text.casefold().lstrip("+-.") in {"nan", "inf", "infinity"}:
        return "write a finite number"
    if not node.style and _TOO_LARGE.fullmatch(node.text):
        return "it is too large or too long for a number"
    digits = node.text.replace("_", "").lstrip("0")
    if node.style in {"'", '"'} and node.text.replace(".", "", 1).isdigit():
        return f"write {node.text} without quotes"
    return f"write {digits}" if digits.isdigit() and digits != node.text else ""


def _is_empty(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def a(noun: str) -> str:
    """Put an article before a noun that has none."""
    if noun.startswith(("a ", "an ", "one ")):
        return noun
    return f"{'an' if noun[:1] in 'aeio' else 'a'} {noun}"


def flow(data: Any) -> str:
    """Write data in YAML's flow style, for a hint."""
    if isinstance(data, dict):
        return "{" + ", ".join(f"{key}: {flow(value)}" for key, value in data.items()) + "}"
    if isinstance(data, list):
        return "[" + ", ".join(flow(value) for value in data) + "]"
    if isinstance(data, str):
        plain = (
            data.replace(" ", "").replace("-", "").replace("_", "").replace(".", "").isalnum() and not data[0].isdigit()
        )
        return data if plain else json.dumps(data, ensure_ascii=False)
    return json.dumps(data)
