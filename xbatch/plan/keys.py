"""The key of a step: the digest of everything that can change its result, and of nothing else.

No times, paths, worker counts or versions of libraries are in it, so that a result is found again wherever and
whenever it was made. The recipe by which keys are made has a number, which is an ingredient itself: a new recipe makes
everything anew, and says that this is why.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from xbatch.base.files import canonical_json
from xbatch.plan.steps import Step

__all__ = ["ENGINE_VERSIONS", "RECIPE", "engine_version", "ingredients_of", "key_of", "plain"]

RECIPE = 1
"""The number of this recipe: what the ingredients are, how they become text, and which rules content digests follow.

It is raised with any change of these. A record without a number was made before recipes had one, by recipe 0.
"""

ENGINE_VERSIONS: Mapping[str, str] = MappingProxyType({"native": "1"})
"""Versions of the engines. The native engine's counts what all its tasks share; a task has its own version."""


_PLAIN = frozenset({str, int, float, bool, type(None)})


def plain(value: Any) -> Any:
    """Turn mappings into dicts and sequences into lists, all the way down, for JSON.

    Raises
    ------
    TypeError
        Something has no JSON form, or a key is not text.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("a key that is not text has no place in JSON")
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (str, int, float)):
        return value
    raise TypeError(f"{type(value).__name__} has no JSON form")


def engine_version(step: Step) -> str:
    """Give the version of a step's engine: its toolset's as it was found here, or the native engine's own."""
    return step.engine_version or ENGINE_VERSIONS.get(step.engine, "")


def ingredients_of(step: Step, version: int, engine_version: str, digests: Mapping[str, str]) -> dict[str, Any]:
    """Collect what a step's key is made of.

    Parameters
    ----------
    step : Step
    version : int
        The task's.
    engine_version : str
    digests : Mapping
        Role to content digest of each input that is there; an optional input that is not there has no entry.

    Raises
    ------
    TypeError
        A parameter has no JSON form.
    """
    return {
        "recipe": RECIPE,
        "task": step.task,
        "version": version,
        "engine": step.engine,
        "engine_version": engine_version,
        "params": plain(step.params),
        "inputs": dict(sorted(digests.items())),
    }


def key_of(ingredients: Mapping[str, Any]) -> str:
    """Give the key, 64 hexadecimal digits: the sha256 of the ingredients' canonical JSON.

    Raises
    ------
    ValueError
        A parameter is NaN or infinite.
    """
    return hashlib.sha256(canonical_json(ingredients)).hexdigest()
