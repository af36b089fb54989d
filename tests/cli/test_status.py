"""``xbatch status``, while a run goes on and afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.report.runs import Terminal, at, begin, end, ended, started
from tests.report.test_state import GOING_ON, write
from xbatch.cli import status
from xbatch.run.lock import hold

Ask = Callable[..., Result]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    write(tmp_path, *GOING_ON)
    return lambda *options: CliRunner().invoke(status.command, [str(tmp_path), *options])


def played(monkeypatch: pytest.MonkeyPatch, folder: Path, *turns: list[dict[str, object]]) -> None:
    """Let something happen each time that the verb would wait."""
    left = list(turns)
    monkeypatch.setattr(status.time, "sleep", lambda seconds: write(folder, *left.pop(0)))


def test_what_runs_is_shown_with_its_counts(ask: Ask, tmp_path: Path) -> None:
    with hold(tmp_path):
        said = ask()
    assert said.exit_code == 0
    assert "running for" in said.output and "▸ fit:a" in said.output and "2/4  1 failed  1 done" in said.output
    assert "\x1b" not in said.output


def test_the_same_as_data(ask: Ask, tmp_path: Path) -> None:
    with hold(tmp_path):
        data = json.loads(ask("--json").output)
    assert (data["status"], data["state"], data["running"][0]["name"]) == (1, "running", "fit:a")
    assert json.loads(ask("--json").output)["state"] == "cut off"


def test_inputs_that_are_read_are_shown(tmp_path: Path) -> None:
    counts = {"files": 1, "files_total": 4, "bytes": 10**9, "bytes_total": 4 * 10**9, "seconds": 2.0}
    write(tmp_path, begin(3), {"event": "reading", "time": at(2), **counts})
    with hold(tmp_path):
        said = CliRunner().invoke(status.command, [str(tmp_path)]).output
        data = json.loads(CliRunner().invoke(status.command, [str(tmp_path), "--json"]).output)
    assert "reading inputs: 1/4 files, 1.0 of 4.0 GB, 0.5 GB/s, about 5 s left" in said
    assert data["reading"] == counts
    assert json.loads(CliRunner().invoke(status.command, [str(tmp_path), "--json"]).output)["reading"] is None


def test_watching_in_a_pipe_tells_each_end_until_the_run_is_over(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = [ended("fit:a", took=60), started("fit:b", 63)]
    played(monkeypatch, tmp_path, more, [ended("fit:b", took=5), end(70, signal=0)])
    with hold(tmp_path):
        said = ask("--watch")
    assert said.exit_code == 1  # fit:z has failed
    lines = said.output.splitlines()
    assert "[3/4] done       fit:a (60 s)" in lines and "[4/4] done       fit:b (5.00 s)" in lines
    assert "ended" in lines[-1]


def test_watching_as_data_prints_a_line_for_each_change(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    played(monkeypatch, tmp_path, [], [{"event": "stopping", "time": at(5)}], [end(6, signal=2)])
    with hold(tmp_path):
        said = ask("--watch", "--json")
    states = [json.loads(line) for line in said.output.splitlines()]
    assert [(state["state"], state["stopping"]) for state in states] == [
        ("running", False), ("running", True), ("ended", False),
    ]  # fmt: skip


def test_watching_one_that_is_over_ends_at_once(tmp_path: Path) -> None:
    write(tmp_path, begin(1), ended("fit:a"), end(2, signal=0))
    said = CliRunner().invoke(status.command, [str(tmp_path), "--watch"])
    assert said.exit_code == 0
    assert "1 step: 1 done" in said.output


def test_enough_seen_is_no_failure(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def enough(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(status.time, "sleep", enough)
    with hold(tmp_path):
        assert ask("--watch").exit_code == 0


def test_drawing_leaves_the_last_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path.parent)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal(columns=80)
    monkeypatch.setattr(status.sys, "stdout", terminal)
    write(tmp_path, *GOING_ON)
    shown: list[list[str]] = []

    def wait(seconds: float) -> None:
        shown.append(terminal.shown())
        write(tmp_path, ended("fit:a", took=60), end(63, signal=0))

    monkeypatch.setattr(status.time, "sleep", wait)
    with hold(tmp_path), pytest.raises(SystemExit) as over:
        status.command.main([str(tmp_path), "--watch"], standalone_mode=False)
    assert over.value.code == 1
    (drawn,) = shown
    assert "running for" in drawn[0] and drawn[1] == "✗ fit:z: f.pha: is empty" and drawn[2].startswith("▸ fit:a")
    final = terminal.shown()
    assert "ended" in final[0] and "4 steps: 2 done, 1 failed, 1 without an end" in final[-1]
    assert not any(line.startswith("▸") for line in final)
