"""The resolved spec as YAML, with the place that each value came from beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from xbatch.spec.model import Analysis
from xbatch.spec.nodes import join
from xbatch.spec.scalars import resolve

__all__ = ["resolved_text"]

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.+/-]*(?: [A-Za-z0-9_.+/*()-]+)*", re.ASCII)
_EATEN = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
_WIDEST = 100


def resolved_text(analysis: Analysis) -> str:
    """Write the resolved spec as YAML, each value's origin as a comment at the end of its line.

    The text is a spec itself: beside the file it came from, it reads to the same analysis.
    """
    lines = _map_lines(analysis.document, "", 0, analysis.origins)
    width = min(max((len(text) for text, origin in lines if origin), default=0), _WIDEST)
    return "".join(f"{text:<{width}}  # {origin}\n" if origin else f"{text}\n" for text, origin in lines)


Line = tuple[str, str]


def _map_lines(table: Mapping[str, Any], path: str, depth: int, origins: Mapping[str, str]) -> list[Line]:
    lines: list[Line] = []
    for key, value in table.items():
        below = join(path, key)
        lines += _entry_lines(f"{'  ' * depth}{_scalar(key)}:", value, below, depth + 1, origins)
    return lines


def _entry_lines(start: str, value: Any, path: str, depth: int, origins: Mapping[str, str]) -> list[Line]:
    if isinstance(value, Mapping) and value:
        return [(start, ""), *_map_lines(value, path, depth, origins)]
    if isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        lines: list[Line] = [(start, "")]
        for number, one in enumerate(value):
            item = join(path, number)
            inner = (
                _map_lines(one, item, depth + 1, origins)
                if isinstance(one, Mapping) and one
                else [(f"{'  ' * (depth + 1)}{_flow(one)}", origins.get(item, ""))]
            )
            text, origin = inner[0]
            lines += [(f"{'  ' * depth}- {text.lstrip()}", origin), *inner[1:]]
        return lines
    return [(f"{start} {_flow(value)}", origins.get(path, ""))]


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(key)}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(one) for one in value) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, float):
        return _float(value)
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and value.casefold() not in _EATEN and resolve(value) == value:
        return value
    return '"' + "".join(_escaped(character) for character in value) + '"'


def _float(value: float) -> str:
    text = repr(value)
    return text if any(sign in text for sign in ".e") else f"{text}.0"


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable() and character != "\ufeff":
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
