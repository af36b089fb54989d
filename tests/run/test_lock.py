from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from xbatch.base.errors import FileError
from xbatch.run.lock import held_by, hold

HOLDER = """
import sys
from pathlib import Path
from xbatch.run.lock import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    input()
"""


def test_a_folder_is_held_by_one_run(tmp_path: Path) -> None:
    with (
        hold(tmp_path / "run"),
        pytest.raises(FileError, match=r"in use by another run \(process \d+ on .*\)\. Wait"),
        hold(tmp_path / "run"),
    ):
        pass
    with hold(tmp_path / "run"):
        pass
    assert held_by(tmp_path / "run") == held_by(tmp_path / "none") == ""


def test_a_killed_run_holds_nothing(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        assert held_by(tmp_path).startswith(f"process {child.pid} on ")
        with pytest.raises(FileError, match=f"process {child.pid} "), hold(tmp_path):
            pass
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert held_by(tmp_path) == ""
    with hold(tmp_path):
        pass


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match=r"cannot be written: .*--out"), hold(tmp_path / "file"):
        pass
