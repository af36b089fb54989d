"""What doctor finds of the missions' tools: always the same four, by the account that the plan goes by."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import make_headas
from tests.fakes.sas import make_sas
from xbatch import commands
from xbatch.base.toolset import find_toolset
from xbatch.cli.toolcheck import _PROGRAMS, ToolCheck, check_tools

TITLES = {"HEASoft": "heasoft", "CALDB": "caldb", "SAS": "sas", "CCF": "ccf"}


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables of a shell with both toolsets."""
    heasoft, sas = make_headas(tmp_path_factory.mktemp("h")), make_sas(tmp_path_factory.mktemp("s"))
    return {**heasoft, **sas, "PATH": f"{sas['PATH']}:{heasoft['PATH']}"}


def _checks(environ: Mapping[str, str]) -> dict[str, ToolCheck]:
    return {check.name: check for check in check_tools(environ)}


def test_what_is_here_is_named_with_its_version_and_place(environ: dict[str, str]) -> None:
    checks = _checks(environ)
    assert [*checks] == [*TITLES] and all(check.ok for check in checks.values())
    tools = find_toolset(environ)
    for title, suite in (("HEASoft", tools.heasoft), ("SAS", tools.sas)):
        assert suite is not None
        assert checks[title].found.startswith(f"{suite.version}, at {suite.root}")
    assert checks["CALDB"].found == str(tools.caldb)
    assert checks["CCF"].found == environ["SAS_CCFPATH"]


@given(st.sets(st.sampled_from(["HEADAS", "CALDB", "CALDBCONFIG", "SAS_DIR", "SAS_CCFPATH", "PATH"])), st.booleans())
def test_it_fails_where_the_plan_would_and_says_what_to_do(
    environ: dict[str, str], without: set[str], elsewhere: bool
) -> None:
    given = {name: value for name, value in environ.items() if name not in without}
    if elsewhere:
        given |= dict.fromkeys(without - {"PATH"}, "/nowhere/at/all")
    faults = find_toolset(given).faults
    for title, check in _checks(given).items():
        assert check.ok == (TITLES[title] not in faults)
        assert check.found and check.adds and check.get


def test_what_was_never_set_up_is_told_how_to_get_and_what_is_wrong_how_to_mend(environ: dict[str, str]) -> None:
    bare = _checks({})
    assert {check.found.split()[0] for check in bare.values()} == {"HEADAS", "CALDB", "SAS_DIR", "SAS_CCFPATH"}
    assert "conda install" in bare["HEASoft"].get and "sas-download" in bare["SAS"].get
    wrong = _checks({**environ, "HEADAS": "/nowhere"})["HEASoft"]
    assert wrong.found == "HEADAS=/nowhere does not exist"
    assert wrong.get.startswith("export HEADAS with the folder of HEASoft")


def test_a_caldb_over_the_network_without_its_configuration_is_told_what_it_lacks(environ: dict[str, str]) -> None:
    far = {name: value for name, value in environ.items() if name != "CALDBCONFIG"}
    far["CALDB"] = "https://heasarc.gsfc.nasa.gov/FTP/caldb"
    check = _checks(far)["CALDB"]
    assert check.found.endswith("is read over the network, and CALDBCONFIG is not set")
    assert check.get == find_toolset(far).faults["caldb"].cure and "export CALDBCONFIG and CALDBALIAS" in check.get


def test_all_tools_that_are_called_are_looked_for() -> None:
    called = set()
    for path in Path(commands.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"Call", "_call"}:
                words = [one.value for one in node.args[:2] if isinstance(one, ast.Constant)]
                called |= {str(word) for word in words[:1]}
    assert called == {tool for tools in _PROGRAMS.values() for tool in tools}


def test_tools_that_an_installation_lacks_are_named(environ: dict[str, str], tmp_path: Path) -> None:
    root = tmp_path / "heasoft-6.35.1"
    (root / "syspfiles").mkdir(parents=True)
    (root / "bin").mkdir()
    for tool in ("nupipeline", "nuproducts"):
        (root / "bin" / tool).write_text("#!/bin/sh\n")
        (root / "bin" / tool).chmod(0o755)
    check = _checks({"HEADAS": str(root), "PATH": str(root / "bin")})["HEASoft"]
    assert check.ok
    lacking = "nuexpomap, nubackscale, nusplitsc, barycorr, grppha, ftgrouppha, addspec, lcmath, extractor"
    assert check.found == f"6.35.1, at {root}, without {lacking}"
