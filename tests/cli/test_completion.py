"""The scripts that ``xbatch completion`` prints."""

from __future__ import annotations

import shutil

import pytest
from click.testing import CliRunner

from xbatch.cli.completion import command


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_script_asks_xbatch_for_the_words(shell: str) -> None:
    if shell == "bash" and shutil.which("bash") is None:
        pytest.skip("needs bash, whose version click asks for")
    result = CliRunner().invoke(command, [shell])
    assert result.exit_code == 0
    assert f"_XBATCH_COMPLETE={shell}_complete" in result.output


def test_other_shells_are_refused() -> None:
    assert CliRunner().invoke(command, ["tcsh"]).exit_code == 2
