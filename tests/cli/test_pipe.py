from __future__ import annotations

import os
import subprocess
import sys

import pytest

from xbatch.cli.main import main


def test_output_that_nobody_reads_on_is_no_failure() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "xbatch", "schema"], stdout=writer, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_status_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["validate", "not-there.yaml"])
    assert end.value.code == 2
    assert "not-there.yaml" in capsys.readouterr().err
