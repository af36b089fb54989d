"""The fakes' common ground: launchers, the record of calls, faults, HEASoft's parameter interface."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fakes import make_headas
from tests.fakes.core import calls, children, set_faults

QUIET = {"HEADASNOQUERY": "", "HEADASPROMPT": "/dev/null"}


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    """The environment of a fake HEASoft, with one folder of parameters."""
    return {**make_headas(tmp_path / "tools"), **QUIET}


def root(environment: Mapping[str, str]) -> Path:
    return Path(environment["HEADAS"])


def call(environment: Mapping[str, str], folder: Path, *words: str, **changes: str) -> subprocess.CompletedProcess[str]:
    command = [str(root(environment) / "bin" / words[0]), *words[1:]]
    return subprocess.run(
        command,
        cwd=folder,
        env={**environment, **changes},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        start_new_session=True,  # without a terminal
        check=False,
    )


def test_a_tool_answers_and_its_call_is_written_down(environment: Mapping[str, str], tmp_path: Path) -> None:
    done = call(environment, tmp_path, "ftversion", "mode=h")
    assert (done.returncode, done.stdout, done.stderr) == (0, "30May2025_V6.35.1\n", "")
    (kept,) = calls(root(environment))
    assert kept["tool"] == "ftversion"
    assert kept["args"] == ["mode=h"]
    assert kept["cwd"] == str(tmp_path)
    assert kept["PFILES"] == environment["PFILES"]
    assert kept["environment"]["HEADASPROMPT"] == "/dev/null"
    assert kept["status"] == 0


def test_without_a_terminal_a_tool_that_may_prompt_gives_up_and_exits_0(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    loud = {name: value for name, value in environment.items() if name not in QUIET}
    done = call(loud, tmp_path, "ftversion")
    assert "Unable to redirect prompts to the /dev/tty" in done.stderr
    assert done.stdout == ""
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("nonsense=1",), "bogus parameters found in command line: nonsense"),
        (("mode=h", "more"), "bogus parameters found in command line: more"),
    ],
)
def test_what_a_tool_does_not_know_is_refused(
    environment: Mapping[str, str], tmp_path: Path, args: tuple[str, ...], message: str
) -> None:
    done = call(environment, tmp_path, "ftversion", *args)
    assert done.returncode == 1
    assert message in done.stderr


def test_a_tool_leaves_its_parameters_in_the_users_folder(environment: Mapping[str, str], tmp_path: Path) -> None:
    call(environment, tmp_path, "ftversion")
    user = Path(environment["PFILES"].split(";")[0])
    assert [path.name for path in user.iterdir()] == ["ftversion.par"]


def test_a_folder_of_parameters_that_cannot_be_used_is_an_error(environment: Mapping[str, str], tmp_path: Path) -> None:
    for value, message in (("", "PFILES is not set"), (f"{tmp_path / 'none'};x", "Unable to write parameter files")):
        done = call(environment, tmp_path, "ftversion", PFILES=value)
        assert done.returncode == 1
        assert message in done.stderr


@contextmanager
def hanging(environment: Mapping[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A tool that hangs, in a group of processes of its own."""
    set_faults(root(environment), {"ftversion": {"kind": "hang", "times": 1}})
    process = subprocess.Popen(
        [str(root(environment) / "bin" / "ftversion")],
        cwd=folder,
        env=dict(environment),
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until = time.monotonic() + 60
        while not children(root(environment)) and time.monotonic() < until:
            time.sleep(0.01)
        yield process
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def test_a_tool_that_hangs_has_a_child_that_hangs_too(environment: Mapping[str, str], tmp_path: Path) -> None:
    with hanging(environment, tmp_path) as process:
        assert process.poll() is None
        (child,) = children(root(environment))
        os.kill(child, 0)


def test_two_tools_that_share_a_folder_of_parameters_collide(environment: Mapping[str, str], tmp_path: Path) -> None:
    with hanging(environment, tmp_path):
        done = call(environment, tmp_path, "fversion")
        assert done.returncode == 77
        assert "PFILES collision" in done.stderr
        own = tmp_path / "own"
        own.mkdir()
        done = call(environment, tmp_path, "fversion", PFILES=f"{own};{environment['PFILES'].split(';')[1]}")
        assert done.returncode == 0
    # one that was killed has left its mark, and stands in nobody's way
    assert call(environment, tmp_path, "fversion").returncode == 0


def test_faults_are_done_to_as_many_calls_as_asked_for(environment: Mapping[str, str], tmp_path: Path) -> None:
    set_faults(
        root(environment),
        {
            "ftversion": [
                {"kind": "fails", "status": 3, "times": 1, "skip": 1},
                {"kind": "error-line", "match": "mode=q"},
            ]
        },
    )
    statuses = [call(environment, tmp_path, "ftversion").returncode for _ in range(3)]
    assert statuses == [0, 3, 0]
    done = call(environment, tmp_path, "ftversion", "mode=ql")
    assert done.returncode == 0
    assert "ERROR: something went wrong" in done.stderr
    assert done.stdout == "30May2025_V6.35.1\n"


def test_a_tool_may_kill_itself_run_out_of_disk_or_leave_things_behind(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    set_faults(
        root(environment),
        {"ftversion": [{"kind": kind, "match": f"mode={kind[0]}"} for kind in ("killed", "full-disk", "leftover")]},
    )
    assert call(environment, work, "ftversion", "mode=k").returncode == -9
    done = call(environment, work, "ftversion", "mode=f")
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert list(work.iterdir()) == []
    done = call(environment, work, "ftversion", "mode=l", TMPDIR=str(tmp_path))
    assert done.returncode == 0
    assert len(list(work.iterdir())) == 1
    assert len(list(tmp_path.glob("ftversion_*_tmp"))) == 1
