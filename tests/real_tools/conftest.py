"""Each test has the fakes; with the markers ``heasoft`` and ``sas`` also the tools of the shell that pytest runs in."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.fakes import make_headas, make_sas
from tests.real_tools.bench import Tools
from tests.real_tools.lists import make_epn_list, make_fpm_lists
from xbatch.base.toolset import Suite, find_suite

_SET_UP = {
    "heasoft": "needs HEASoft: HEADAS is not set; source headas-init.sh before pytest",
    "sas": "needs SAS: SAS_DIR is not set; source setsas.sh before pytest",
}


@pytest.fixture(scope="session")
def fake_installations() -> Iterator[Mapping[str, Mapping[str, str]]]:
    """The variables of both fakes, in a folder with a short path."""
    folder = Path(tempfile.mkdtemp(prefix="rt", dir="/tmp"))
    yield {"heasoft": make_headas(folder / "h"), "sas": make_sas(folder / "s")}
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.heasoft)])
def heasoft(
    request: pytest.FixtureRequest,
    fake_installations: Mapping[str, Mapping[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Tools:
    """HEASoft, fake or real."""
    return _tools("heasoft", request.param, fake_installations, tmp_path, monkeypatch)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.sas)])
def sas(
    request: pytest.FixtureRequest,
    fake_installations: Mapping[str, Mapping[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Tools:
    """SAS, fake or real."""
    return _tools("sas", request.param, fake_installations, tmp_path, monkeypatch)


def _tools(
    name: str,
    kind: str,
    fakes: Mapping[str, Mapping[str, str]],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Tools:
    if kind == "fake":
        for variable, value in fakes[name].items():
            monkeypatch.setenv(variable, value)
    return Tools(kind, _found(name), folder)


def _found(name: str) -> Suite:
    """Give an installed suite, or skip the test."""
    suite = find_suite(name, os.environ)
    if suite is None:
        pytest.skip(_SET_UP[name])
    return suite


@pytest.fixture
def report() -> Iterator[Callable[[str, object], None]]:
    """Takes what was measured; ``pytest -rP`` prints it."""
    lines: list[str] = []
    yield lambda name, value: lines.append(f"{name}: {value}")
    print("\n".join(lines))  # noqa: T201


@pytest.fixture(scope="session")
def fpm_list(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A calibrated list of FPMA, with its housekeeping where the archive has it."""
    return make_fpm_lists(tmp_path_factory.mktemp("fpm"))


@pytest.fixture(scope="session")
def epn_list(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A calibrated list of EPN, with a flare."""
    return make_epn_list(tmp_path_factory.mktemp("epn"))
