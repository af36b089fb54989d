"""The two ways to start the command: the console script and ``python -m xbatch``."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from click.testing import CliRunner

from xbatch import __version__
from xbatch.cli import start
from xbatch.cli.help import HELP
from xbatch.cli.main import cli

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


def test_the_help_that_is_ready_is_what_the_parser_prints() -> None:
    parsed = CliRunner().invoke(cli, ["--help"], prog_name="xbatch", terminal_width=80)
    assert parsed.output == HELP


def test_help_needs_no_parser(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["xbatch", "--help"])
    monkeypatch.setitem(sys.modules, "xbatch.cli.main", None)
    start.main()
    assert capsys.readouterr().out == HELP
