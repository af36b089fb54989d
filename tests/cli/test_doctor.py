"""What ``xbatch doctor`` says of an environment, whole or with holes."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from xbatch.cli import doctor
from xbatch.cli.doctor import Check, command, report


def _named(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


def _hide(monkeypatch: pytest.MonkeyPatch, *hidden: str) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in hidden else real(name))


def test_a_package_that_was_not_installed_but_is_on_the_path_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert _named(report({}))["heasoftpy"].found == "not installed"
    (tmp_path / "heasoftpy.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    check = _named(report({}))["heasoftpy"]
    assert (check.ok, check.found) == (True, "version unknown")
    assert "heasoftpy" not in sys.modules


def test_every_runtime_dependency_is_looked_for() -> None:
    required = {
        text.split(">")[0].strip().lower()
        for text in importlib.metadata.requires("xbatch") or []
        if "extra ==" not in text
    }
    looked_for = {check.name for check in report({}) if check.group == "python"}
    # referencing is jsonschema's own dependency
    assert required - looked_for <= {"referencing"}


def test_nothing_missing_exits_zero() -> None:
    result = CliRunner().invoke(command)
    assert result.exit_code == 0
    assert "numpy" in result.output
    assert "MISSING" not in result.output


def test_missing_sherpa_is_told_with_the_way_to_get_it_and_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    _hide(monkeypatch, "sherpa")
    result = CliRunner().invoke(command)
    assert result.exit_code == 0
    assert "not installed" in result.output
    assert "pip install 'xbatch[fit]'" in result.output


def test_xspecs_models_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    there = _named(report({}))["XSPEC's models"]
    assert there.found.endswith("models, by xs: names") if there.ok else "XSPEC" in there.found
    _hide(monkeypatch, "sherpa")
    missing = _named(report({}))["XSPEC's models"]
    assert (missing.ok, missing.required, missing.found) == (False, False, "Sherpa is not installed")
    assert "conda install" in missing.get


def test_missing_runtime_package_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    _hide(monkeypatch, "astropy")
    result = CliRunner().invoke(command)
    assert result.exit_code == 1
    assert "MISSING  astropy" in result.output
    assert "pip install astropy" in result.output


def test_tool_not_set_up() -> None:
    check = _named(report({}))["HEASoft"]
    assert not check.ok
    assert not check.required
    assert check.found == "HEADAS is not set"


def test_tool_whose_folder_is_gone(tmp_path: Path) -> None:
    check = _named(report({"SAS_DIR": str(tmp_path / "gone")}))["SAS"]
    assert not check.ok
    assert "does not exist" in check.found


def _programs(folder: Path, *names: str) -> str:
    for name in names:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    return str(folder)


def _suites(folder: Path) -> dict[str, str]:
    """Make what of HEASoft and SAS is looked at, and give the variables of a shell that is set up for both."""
    heasoft, sas = folder / "heasoft-6.35.1" / "x86_64", folder / "xmmsas_20230412_1735-21.0.0"
    for place in (heasoft / "syspfiles", heasoft / "bin", sas / "config", sas / "bin"):
        place.mkdir(parents=True)
    _programs(heasoft / "bin", "ftversion", "nuproducts")
    _programs(sas / "bin", "evselect")
    return {"HEADAS": str(heasoft), "SAS_DIR": str(sas), "PATH": f"{sas}/bin:{heasoft}/bin"}


def test_tool_whose_setup_script_was_not_sourced(tmp_path: Path) -> None:
    environ = _suites(tmp_path) | {"PATH": "/bin"}
    check = _named(report(environ))["HEASoft"]
    assert not check.ok
    assert check.found.endswith("its bin is not on PATH: its set-up script was not sourced")
    assert check.get == "source $HEADAS/headas-init.sh before the run"


def test_tools_that_are_set_up_are_named_with_their_versions(tmp_path: Path) -> None:
    environ = _suites(tmp_path)
    checks = _named(report(environ))
    assert checks["HEASoft"].ok
    assert checks["HEASoft"].found.startswith(f"6.35.1, at {environ['HEADAS']}, without nupipeline, nuexpomap")
    assert checks["SAS"].ok
    assert checks["SAS"].found.startswith(f"21.0.0, at {environ['SAS_DIR']}, without cifbuild")
    assert checks["SAS"].remarks == ()


def test_what_is_odd_is_said_of_what_may_serve(tmp_path: Path) -> None:
    environ = {name: value for name, value in _suites(tmp_path).items() if name != "HEADAS"}
    check = _named(report({**environ, "PATH": f"{environ['SAS_DIR']}/bin"}))["SAS"]
    assert check.ok
    assert "SAS is set up without HEASoft" in check.remarks[0]
    assert f"note: {check.remarks[0]}" in doctor._line(check, 9)


def test_calibration_is_there_when_its_files_are(tmp_path: Path) -> None:
    environ = {"CALDB": str(tmp_path), "SAS_CCFPATH": f"{tmp_path}:{tmp_path / 'more'}"}
    checks = _named(report(environ))
    assert not checks["CALDB"].ok
    assert f"looked for {tmp_path}/data/nustar/fpm/caldb.indx" in checks["CALDB"].found
    assert checks["CCF"].found == f"no *.CCF in SAS_CCFPATH={environ['SAS_CCFPATH']}"
    index = tmp_path / "data" / "nustar" / "fpm" / "caldb.indx"
    index.parent.mkdir(parents=True)
    index.write_text("x")
    (tmp_path / "EPN_FWC_0001.CCF").touch()
    checks = _named(report(environ))
    assert checks["CALDB"].ok
    assert checks["CCF"].ok
    assert checks["CCF"].remarks == (f"SAS_CCFPATH names {tmp_path / 'more'}, which does not exist",)


def test_full_disk_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    usage = shutil._ntuple_diskusage(2**40, 2**40 - 2**20, 2**20)  # type: ignore[attr-defined]
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage)
    check = _named(report({}, tmp_path))["disk"]
    assert not check.ok
    assert "--store" in check.get


def test_json_holds_every_check() -> None:
    result = CliRunner().invoke(command, ["--json"])
    names = [check["name"] for check in json.loads(result.output)]
    assert names == [check.name for check in report()]


def test_a_folder_for_tools_that_cannot_be_worked_in_is_told(tmp_path: Path) -> None:
    assert _named(report({}))["scratch"].found == "XBATCH_SCRATCH is not set"
    check = _named(report({"XBATCH_SCRATCH": "/no/where"}))["scratch"]
    assert (check.ok, check.found) == (False, "XBATCH_SCRATCH=/no/where does not exist")
    assert check.get.startswith("set XBATCH_SCRATCH to a roomy folder")
