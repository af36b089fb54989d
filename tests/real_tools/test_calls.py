"""Each call that recipes build is held against the parameter files of the tools, before any of them runs."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

from tests.real_tools.bench import Tools
from tests.real_tools.calls import Built, heasoft_calls, sas_calls
from xbatch.commands import detect, epic, espfilt, ftools, nuproducts, nustar, rgs, specgroup
from xbatch.commands.call import Call, Work
from xbatch.commands.parfile import find_parameters, problems
from xbatch.plan.compile import compile_plan
from xbatch.spec import load

CONFIGS = sorted((Path(__file__).parents[2] / "examples" / "configs").glob("*raw*.yaml"))


def wrong(calls: Sequence[Call], folders: Sequence[Path]) -> list[str]:
    """Say what the tools of some folders of parameter files would not understand."""
    found = []
    for call in calls:
        parameters = find_parameters(call.tool, call.suite, folders)
        found += [f"{call.tool} has no parameter file"] if parameters is None else problems(call, parameters)
    return list(dict.fromkeys(found))


def all_of(built: Built) -> list[Call]:
    return [call for calls in built.values() for call in calls]


def builders(*modules: ModuleType) -> set[str]:
    """Name the public functions of modules that build calls."""
    return {
        name
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and name in module.__all__
        and function.__annotations__.get("return") in {"Call", "tuple[Call, ...]"}
    }


def test_each_builder_is_held() -> None:
    assert {one.__name__ for one in heasoft_calls()} == builders(nustar, nuproducts, ftools)
    assert {one.__name__ for one in sas_calls("22.1.0")} == builders(epic, espfilt, rgs, detect, specgroup) | {"calls"}
    for built in (heasoft_calls(), sas_calls("22.1.0")):
        assert all(built.values())


def test_calls_of_heasoft(heasoft: Tools) -> None:
    assert wrong(all_of(heasoft_calls()), heasoft.suite.parameters) == []


def test_calls_of_sas(sas: Tools) -> None:
    assert wrong(all_of(sas_calls(sas.suite.version)), sas.suite.parameters) == []


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_plans_for_heasoft(heasoft: Tools, config: Path) -> None:
    _check_plan(heasoft, config, "heasoft")


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_plans_for_sas(sas: Tools, config: Path) -> None:
    _check_plan(sas, config, "sas")


def _check_plan(tools: Tools, config: Path, suite: str) -> None:
    """Plan an example; the planner refuses what the installed tools would not understand, and so does this."""
    _make_regions(config, tools.folder / "regions")
    plan = compile_plan(load(config, [f"data.root={tools.folder}", "data.fetch=missing"]))
    works = [Work.of(step.params["work"]) for step in plan if "work" in step.params]
    calls = [call for work in works for call in work.calls if call.suite == suite]
    versions = {step.engine_version for step in plan if step.engine == suite}
    assert versions <= {tools.suite.version}
    assert bool(calls) == bool(versions)
    assert wrong(calls, tools.suite.parameters) == []


def _make_regions(config: Path, folder: Path) -> None:
    """Write the regions that an example has files of: one for each source, one for each observation and module."""
    folder.mkdir()
    text = config.read_text()
    names = [*re.findall(r"\w+\.reg", text), *(f"bg_{one}.reg" for one in re.findall(r"\d{11}", text))]
    names += [name.replace(".reg", f"{module}.reg") for name in names for module in "AB"]
    for name in names:
        (folder / name).write_text('fk5\ncircle(266.4,-29.0,60")\n')


def test_no_call_gives_a_parameter_twice() -> None:
    for call in (*all_of(heasoft_calls()), *all_of(sas_calls("22.1.0"))):
        names = [name for name, _ in call.args]
        assert len(set(names)) == len(names), call.command


@pytest.mark.real_data
def test_calls_of_heasoft_6_20(reference: Path, tmp_path: Path) -> None:
    tasks = json.loads((reference / "heasoft-6.20-parameters.json").read_text())["tasks"]
    for tool, rows in tasks.items():
        lines = [",".join(f'"{one[key]}"' for key in ("name", "type", "mode", "default", "min", "max")) for one in rows]
        (tmp_path / f"{tool}.par").write_text("\n".join(lines) + "\n")
    calls = all_of(heasoft_calls())
    # what the reference does not have
    assert {call.tool for call in calls} - set(tasks) == {"ftgrouppha", "barycorr"}
    assert wrong([call for call in calls if call.tool in tasks], [tmp_path]) == []
