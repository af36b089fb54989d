from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.bench import Bench


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A toolset in a folder with a short path, in the environment of this process."""
    folder = Path(tempfile.mkdtemp(prefix="t", dir="/tmp"))
    made = Bench(folder)
    for name, value in made.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XBATCH_SCRATCH", str(folder))
    for name in ("SAS_DIR", "SAS_CCF", "SAS_ODF", "SAS_PATH", "CALDB"):
        monkeypatch.delenv(name, raising=False)
    yield made
    shutil.rmtree(folder, ignore_errors=True)
