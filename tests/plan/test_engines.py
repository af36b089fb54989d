"""Who does a kind of work, and why."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.plan.worlds import analysis_of, spec_of
from xbatch.base.toolset import Suite, Toolset
from xbatch.plan.engines import engine_context, installed_here, native_because
from xbatch.spec.memo import Memo

TOOLS = Toolset(heasoft=Suite("heasoft", "6.35.1", Path("/opt")))


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, str]]:
    """Each time that the tools are looked for."""
    looked: list[Mapping[str, str]] = []

    def find(environ: Mapping[str, str]) -> Toolset:
        looked.append(environ)
        return TOOLS

    monkeypatch.setattr("xbatch.base.toolset.find_toolset", find)
    return looked


@pytest.mark.parametrize("engine", ["", "auto", "native"])
def test_nothing_is_looked_for_where_no_tool_is_asked_for(looked: list[Mapping[str, str]], engine: str) -> None:
    spec = replace(spec_of([], []), engines={"binning": engine} if engine else {})
    assert engine_context(analysis_of(({}, spec)), spec, "binning", Memo(1)) is None
    assert looked == []


@pytest.mark.parametrize("engine", ["heasoft", "sas"])
def test_tools_are_looked_for_once_for_all_members(looked: list[Mapping[str, str]], engine: str) -> None:
    specs = [replace(spec_of([], []), engines={"combine": engine}) for _ in range(3)]
    analysis, shared = analysis_of(*(({}, spec) for spec in specs)), Memo(4)
    for spec in specs:
        context = engine_context(analysis, spec, "combine", shared)
        assert context is not None and context.toolset is TOOLS and context.spec is spec
        assert context.engine("combine") == engine and context.engine("binning") == "auto"
    assert len(looked) == 1
    engine_context(analysis, specs[0], "combine", Memo(1))
    assert len(looked) == 2 and installed_here(shared) is TOOLS


@pytest.mark.parametrize("kind", ["spectra", "lightcurves", "images", "binning", "combine"])
def test_each_kind_of_work_has_its_reason(kind: str) -> None:
    assert native_because({kind: "native"}, kind) == "the spec asks for xbatch's own"
    assert "needs no calibration" in native_because({}, kind)
    assert native_because({"other": "native"}, kind) == native_because({kind: "auto"}, kind) == native_because({}, kind)


def test_what_belongs_to_tools_is_not_loaded_for_specs_without_them() -> None:
    asked = "import sys, xbatch.plan.engines; print('xbatch.base.toolset' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
