"""The two ways to start the command: the console script and ``python -m xbatch``."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from xbatch import __version__

SCRIPT = Path(sys.executable).with_name("xbatch")


@pytest.mark.parametrize("command", [[sys.executable, "-m", "xbatch"], [str(SCRIPT)]], ids=["module", "script"])
def test_both_ways_lead_to_the_command(command: list[str]) -> None:
    if command == [str(SCRIPT)] and not SCRIPT.exists():
        pytest.skip("needs the console script, which an installation makes")
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"xbatch, version {__version__}\n"


def test_the_script_is_the_start() -> None:
    (script,) = entry_points(group="console_scripts", name="xbatch")
    assert callable(script.load())
