from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from xbatch.base.errors import FileError
from xbatch.run import lock as lock_module
from xbatch.run.lock import clear, held_by, hold
from xbatch.run.owner import this_process

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


def test_a_look_that_takes_long_keeps_nobody_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with hold(tmp_path):
        dead = (tmp_path / ".lock").read_text().replace(this_process().started, "1")
    for text in ("", dead):  # of a run that has ended, and of one that was killed
        (tmp_path / ".lock").write_text(text)
        handle = os.open(tmp_path / ".lock", os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_SH)
        pauses: list[float] = []

        def pause(seconds: float, handle: int = handle, pauses: list[float] = pauses) -> None:
            pauses.append(seconds)
            if len(pauses) == 20:
                os.close(handle)

        monkeypatch.setattr(lock_module.time, "sleep", pause)
        with hold(tmp_path):
            assert len(pauses) == 20


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match=r"cannot be written: .*--out"), hold(tmp_path / "file"):
        pass


def test_a_lock_whose_name_is_taken_away_is_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []

    def lock(handle: int) -> None:
        if not taken:
            taken.append((tmp_path / ".lock").unlink())  # between opening and locking
        real(handle)

    real = lock_module._lock
    monkeypatch.setattr(lock_module, "_lock", lock)
    with hold(tmp_path), pytest.raises(FileError, match="in use"), hold(tmp_path):
        pass
    assert taken


def test_a_lock_of_a_dead_process_of_this_machine_is_cleared(tmp_path: Path) -> None:
    with hold(tmp_path):
        mine = (tmp_path / ".lock").read_text()
        with pytest.raises(FileError, match="Stop that run first"):
            clear(tmp_path)
        (tmp_path / ".lock").write_text(mine.replace(this_process().started, "1"))
        assert clear(tmp_path).startswith("process ")
    assert not (tmp_path / ".lock").exists()


def test_a_lock_that_does_not_say_whose_it_is_stays(tmp_path: Path) -> None:
    with hold(tmp_path):
        (tmp_path / ".lock").write_text("")
        with pytest.raises(FileError, match=r"in use by a run on this machine \(another process\)"):
            clear(tmp_path)
