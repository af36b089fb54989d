"""The public names of each package: what `from xbatch.x import *` gives is a promise, changed on purpose only."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import xbatch

# The names that code outside a package may use. A new package is added here with its `__all__`.
PUBLIC: dict[str, set[str]] = {
    "xbatch": {"__version__"},
    "xbatch.registry": {"TASKS", "Job", "Outcome", "TaskDef", "task_function"},
}

MODULES = sorted(
    module.name for module in pkgutil.walk_packages(xbatch.__path__, "xbatch.") if not module.name.endswith("__main__")
)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_public_names_are_those_promised(name: str) -> None:
    assert set(importlib.import_module(name).__all__) == PUBLIC[name]


@pytest.mark.parametrize("name", MODULES)
def test_every_name_in_all_is_there(name: str) -> None:
    module = importlib.import_module(name)
    public = getattr(module, "__all__", [])
    assert len(public) == len(set(public))
    assert [entry for entry in public if not hasattr(module, entry)] == []
