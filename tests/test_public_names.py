"""The public names of each package: what `from xbatch.x import *` gives is a promise, changed on purpose only."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import xbatch

# What code outside a package may count on: the package's own `__all__`, and that of modules meant to be used directly.
PUBLIC: dict[str, set[str]] = {
    "xbatch": {"__version__"},
    "xbatch.base.errors": {"FileError", "Place", "Problem", "SpecError", "StepError", "UsageError", "XbatchError"},
    "xbatch.registry": {"TASKS", "Job", "Outcome", "TaskDef", "task_function"},
    "xbatch.spec": {"load", "resolved_text"},
    "xbatch.spec.model": {
        "Analysis",
        "Band",
        "Binning",
        "Dataset",
        "ErrorRequest",
        "FitJob",
        "FluxRequest",
        "FurtherModel",
        "Member",
        "Parameter",
        "ResponseFiles",
        "Spec",
        "SpectrumFiles",
        "Subject",
    },
    "xbatch.plan.steps": {"FileInput", "Plan", "Step", "StepInput"},
    "xbatch.report": {"make_reporter", "print_run", "write_page"},
    "xbatch.report.compare": {"Comparison", "collect"},
    "xbatch.simulator": {"simulate", "simulate_config"},
    "xbatch.xray.components": {
        "COMPONENTS",
        "SCALINGS",
        "Component",
        "Convolution",
        "Convolver",
        "Evaluator",
        "Kind",
        "Scaler",
        "Scaling",
        "Smooth",
    },
}
PACKAGES_WITHOUT_NAMES = {
    f"xbatch.{name}"
    for name in (
        "base",
        "cli",
        "commands",
        "ogip",
        "plan",
        "provenance",
        "run",
        "tasks",
        "tools",
        "xray",
        "xray.fit",
    )
}

MODULES = sorted(
    module.name for module in pkgutil.walk_packages(xbatch.__path__, "xbatch.") if not module.name.endswith("__main__")
)


def test_every_package_is_listed() -> None:
    packages = {module.name for module in pkgutil.walk_packages(xbatch.__path__, "xbatch.") if module.ispkg}
    assert packages - set(PUBLIC) == PACKAGES_WITHOUT_NAMES


@pytest.mark.parametrize("name", sorted(PACKAGES_WITHOUT_NAMES))
def test_other_packages_promise_nothing_themselves(name: str) -> None:
    assert not hasattr(importlib.import_module(name), "__all__")


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_public_names_are_those_promised(name: str) -> None:
    assert set(importlib.import_module(name).__all__) == PUBLIC[name]


@pytest.mark.parametrize("name", MODULES)
def test_every_name_in_all_is_there(name: str) -> None:
    module = importlib.import_module(name)
    public = getattr(module, "__all__", [])
    assert len(public) == len(set(public))
    assert [entry for entry in public if not hasattr(module, entry)] == []
