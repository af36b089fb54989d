"""Terminals and files that cannot hold every letter."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.report.runs import begin, end, ended
from tests.report.test_state import write


def test_what_cannot_be_shown_is_replaced(tmp_path: Path) -> None:
    write(tmp_path, begin(2), ended("fit:a"), ended("fit:χ²", "failed", message="σ is missing"), end(3, signal=0))
    done = subprocess.run(
        [sys.executable, "-m", "xbatch", "status", str(tmp_path), "--all"],
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        check=False,
    )
    said = done.stdout.decode("latin-1")
    assert (done.returncode, done.stderr) == (0, b"")
    assert "fit:?² failed" in said and "? is missing" in said
