"""heasoftpy: that a task runs in a process of its own, and leaves this one as it was."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.real_tools.bench import Tools
from tests.real_tools.lists import make_spectra
from tests.tools.test_heasoftpy import HEASOFTPY
from xbatch.commands import ftools
from xbatch.ogip.pha import read_pha
from xbatch.tools.heasoftpy import through_heasoftpy


@pytest.fixture
def heasoftpy(heasoft: Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    """HEASoft with its Python interface: what of it is used, or the real one."""
    if heasoft.real:
        if importlib.util.find_spec("heasoftpy") is None:
            pytest.skip("needs heasoftpy: run pytest with a Python that can import it")
        return heasoft
    place = tmp_path / "python"
    place.mkdir()
    (place / "heasoftpy.py").write_text(HEASOFTPY)
    monkeypatch.setattr(sys, "path", [str(place), *sys.path])
    return heasoft


def test_a_task_runs_in_a_child(heasoftpy: Tools, tmp_path: Path) -> None:
    environment, folder, loaded = dict(os.environ), Path.cwd(), set(sys.modules)
    call = ftools.grppha("src.pha", "out.pha", ftools.grppha_commands(counts=25.0))
    command = through_heasoftpy(call, sys.path)
    assert command is not None
    files = make_spectra(tmp_path / "spectra")
    out, outcome = heasoftpy.run([call], {"src.pha": files["spectrum"]}, ["out.pha"])
    grouped = read_pha(out / "out.pha")
    assert np.array_equal(grouped.counts, read_pha(files["spectrum"]).counts)
    assert 1 < np.count_nonzero(grouped.grouping == 1) < grouped.counts.size
    assert outcome.facts["tools"] == {"heasoft": heasoftpy.suite.version}
    assert (dict(os.environ), Path.cwd()) == (environment, folder)
    assert "heasoftpy" not in set(sys.modules) - loaded


def test_versions_are_told(heasoft: Tools) -> None:
    assert [int(number) for number in heasoft.suite.version.split(".")] >= [6, 20]


def test_versions_of_sas_are_told(sas: Tools) -> None:
    assert [int(number) for number in sas.suite.version.split(".")] >= [17]
