"""Models as trees, written short."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Tree = Mapping[str, Any]


def leaf(name: str) -> Tree:
    return {"component": name}


def times(*args: Tree) -> Tree:
    return {"op": "*", "args": list(args)}


def plus(*args: Tree) -> Tree:
    return {"op": "+", "args": list(args)}


def enclosed(name: str, inner: Tree) -> Tree:
    return {"op": "con", "by": name, "args": [inner]}
