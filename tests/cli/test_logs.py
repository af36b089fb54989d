"""``xbatch logs``: what steps said, and what they say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.report.runs import begin, end, ended, started
from tests.report.test_state import write
from xbatch.cli import logs
from xbatch.run.lock import hold
from xbatch.run.products import log_path

Ask = Callable[..., Result]


def say(folder: Path, step: str, text: str) -> None:
    path = log_path(folder, step)
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as stream:
        stream.write(text)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "out" / "vela"
    folder.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    write(folder, begin(4), ended("group:a"), ended("fit:z", "failed", message="f.pha: is empty"), started("fit:a"))
    say(folder, "group:a", "1\n2\n3\n")
    say(folder, "fit:a", "start 1\nstart 2\n")
    return folder


def ask(*arguments: object) -> Result:
    return CliRunner().invoke(logs.command, [str(argument) for argument in arguments])


def test_without_a_step_those_there_are(folder: Path) -> None:
    assert ask().stdout.split() == ["group:a", "fit:z", "fit:a"]


@pytest.mark.parametrize("place", [[], ["out/vela"], ["--run", "out/vela"]])
def test_the_folder_may_be_said_in_any_way(folder: Path, place: list[str]) -> None:
    assert ask(*place, "group:a").stdout == "1\n2\n3\n"


def test_a_folder_that_is_none_is_no_step(folder: Path) -> None:
    assert "not the folder of a run" in str(ask("out/vella", "group:a").exception)
    assert "did you mean 'group:a'?" in str(ask("groupe:a").exception)


def test_several_have_heads_and_a_failure_without_a_log_its_message(folder: Path) -> None:
    with hold(folder):
        said = ask("fit:*")
    assert said.stdout.splitlines() == [
        "==> fit:z (failed) <==", "f.pha: is empty", "==> fit:a (running) <==", "start 1", "start 2",
    ]  # fmt: skip


def test_the_last_lines(folder: Path) -> None:
    assert ask("group:a", "-n", 1).stdout == "3\n"
    assert ask("-n", 1).stdout.splitlines()[-1] == "start 2"


def test_following_what_runs_until_the_run_ends(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def turn(seconds: float) -> None:
        say(folder, "fit:a", "start 3\n")
        write(folder, ended("fit:a", took=3), end(3))

    monkeypatch.setattr(logs.time, "sleep", turn)
    with hold(folder):
        said = ask("-f", "-n", 1)
    assert said.stdout.splitlines() == ["fit:a | start 2", "fit:a | start 3"]
    assert said.stderr.splitlines()[0] == "fit:a: done (3.00 s)" and "ended" in said.stderr


def test_one_step_alone_has_no_prefix(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs.time, "sleep", lambda seconds: write(folder, ended("fit:a")))
    with hold(folder):
        said = ask("-f", "fit:a")
    assert said.stdout.splitlines() == ["start 1", "start 2"]


def test_following_a_run_that_is_over_prints_what_there_is(folder: Path) -> None:
    said = ask("-f", "group:*", "-n", 2)
    assert said.stdout == "2\n3\n"
    assert "cut off" in said.stderr


def test_enough_read_is_no_failure(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def enough(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(logs.time, "sleep", enough)
    with hold(folder):
        assert ask("-f").exit_code == 0
