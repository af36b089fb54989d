"""A desk for each test, with data made once, and a finished run made once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.world import SPEC, Desk, make_data
from tests.fakes import make_headas


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    make_data(folder)
    return folder


@pytest.fixture
def desk(tmp_path: Path, simulated: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    shutil.copytree(simulated, tmp_path / "data")
    desk = Desk(tmp_path, capsys)
    desk.write()
    return desk


@pytest.fixture(scope="session")
def _finished(tmp_path_factory: pytest.TempPathFactory, simulated: Path) -> Path:
    pytest.importorskip("sherpa", reason="a fit needs Sherpa")
    folder = tmp_path_factory.mktemp("finished")
    shutil.copytree(simulated, folder / "data")
    (folder / "desk.yaml").write_text(SPEC)
    command = [sys.executable, "-m", "xbatch", "run", "desk.yaml", "--out", "out/desk"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (folder / "said.txt").write_text(done.stdout)
    return folder


@pytest.fixture
def finished(tmp_path: Path, _finished: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A desk whose spec has been run; a copy for each test."""
    folder = tmp_path / "finished"
    shutil.copytree(_finished, folder)
    return Desk(folder, capsys)


@pytest.fixture
def heasoft(
    tmp_path: Path,
    archive: tuple[Path, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Desk:
    """A desk with HEASoft set up, and raw data that the module's ``archive`` has made once."""
    for name, value in make_headas(tmp_path / "tools").items():
        monkeypatch.setenv(name, value)
    (tmp_path / "data").symlink_to(archive[0])
    return Desk(tmp_path, capsys)
