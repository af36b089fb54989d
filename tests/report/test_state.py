"""A run as one looks on from outside."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.report.runs import START, Clock, at, begin, end, ended, entries_of_a_run, started
from xbatch.base.files import canonical_json
from xbatch.report.screen import Line
from xbatch.report.state import Looker
from xbatch.report.statustext import head_text, status_lines
from xbatch.run.lock import hold
from xbatch.run.products import log_path

GOING_ON = (
    begin(4, name="vela", jobs=2, tasks={"group": 1, "fit": 3}),
    started("group:a", 0),
    ended("group:a", took=2, seconds=2),
    ended("fit:z", "failed", 1.0, "f.pha: is empty", seconds=3),
    started("fit:a", 3),
)


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def write(folder: Path, *entries: dict[str, Any]) -> None:
    with (folder / "journal.jsonl").open("a") as stream:
        stream.writelines(f"{canonical_json(entry).decode()}\n" for entry in entries)


def looked(folder: Path, now: float = 63.0) -> Looker:
    looker = Looker(folder, Clock(START + now))
    looker.look()
    return looker


def text(lines: list[Line]) -> list[str]:
    return ["".join(piece for piece, _ in line) for line in lines]


def test_a_run_that_goes_on(tmp_path: Path) -> None:
    log = log_path(tmp_path, "fit:a")
    log.parent.mkdir()
    log.write_text("start 2 of 5\n")
    write(tmp_path, *GOING_ON)
    with hold(tmp_path):
        looker = looked(tmp_path)
        data = looker.as_dict()
        lines = text(status_lines(looker, 120))
    assert (data["state"], data["name"], data["total"]) == ("running", "vela", 4)
    assert data["counts"] == {"done": 1, "failed": 1}
    assert data["held_by"].startswith(f"process {os.getpid()} on ")
    (running,) = data["running"]
    assert running["name"] == "fit:a" and running["seconds"] == 60 and running["last_line"] == "start 2 of 5"
    assert running["log"] == str(log)
    assert lines[0].startswith(f"{tmp_path}: started 12:00:00, running for 1:03 (process {os.getpid()} on")
    assert any(line.startswith("  ✗ fit:z failed") for line in lines) and "      f.pha: is empty" in lines
    assert "▸ fit:a    1:00  start 2 of 5" in lines
    assert "2/4  1 failed  1 done  1:03" in lines[-1]


def test_what_is_left_is_told_as_data(tmp_path: Path) -> None:
    write(tmp_path, begin(1, -500), ended("fit:a", took=100), end(-400), *GOING_ON)
    with hold(tmp_path):
        data = looked(tmp_path).as_dict()
    assert data["remaining_s"] == 70.0  # 40 s of this one, 100 s of another, by two
    assert data["expected_end"] == at(133.0).replace(".000Z", "Z")


def test_one_that_was_killed_is_cut_off(tmp_path: Path) -> None:
    write(tmp_path, *GOING_ON)
    looker = looked(tmp_path)
    lines = text(status_lines(looker, 120))
    assert (looker.state, looker.over, looker.ok) == ("cut off", True, False)
    assert "cut off before its end" in lines[0] and "same command again" in lines[0]
    assert "  ▸ fit:a  was running" in lines
    assert lines[-1] == "4 steps: 1 done, 1 failed, 2 without an end"
    assert looker.as_dict()["running"][0]["seconds"] is None


def test_one_that_begins_while_one_looks_is_not_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owners = iter(["", "process 1 on here"])  # it takes the folder after the first, and writes at once
    monkeypatch.setattr("xbatch.report.state.held_by", lambda folder: next(owners))
    write(tmp_path, *GOING_ON)
    assert looked(tmp_path).state == "running"


def test_one_that_begins_and_ends_while_one_looks_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(folder: Path) -> str:
        looks.append(folder)
        if len(looks) == 2:
            write(folder, end(3))
        return ""

    looks: list[Path] = []
    monkeypatch.setattr("xbatch.report.state.held_by", nobody)
    write(tmp_path, *GOING_ON)
    assert looked(tmp_path).state == "ended"
    assert len(looks) == 2


def test_one_that_has_ended(tmp_path: Path) -> None:
    write(tmp_path, *entries_of_a_run())
    looker = looked(tmp_path)
    assert looker.state == "ended" and not looker.ok
    assert head_text(looker).endswith("started 12:00:00, ended 12:00:07 after 7.00 s")
    later = head_text(looked(tmp_path, 86400.0))
    assert later.endswith("started 2026-11-21 12:00:00, ended 2026-11-21 12:00:07 after 7.00 s")
    lines = text(status_lines(looker, 120))
    assert lines[-1] == "4 steps: 1 done, 1 up to date, 1 failed, 1 skipped"
    assert not any("spectrum:a" in line for line in lines)
    assert any("spectrum:a" in line for line in text(status_lines(looker, 120, everything=True)))


def test_all_is_well_only_with_every_result(tmp_path: Path) -> None:
    write(tmp_path, begin(2), ended("fit:a"), ended("fit:b", "up to date"), end(3, signal=0))
    assert looked(tmp_path).ok
    write(tmp_path, begin(2), ended("fit:a"), end(3, signal=15))
    assert not looked(tmp_path).ok


def test_of_very_many_steps_the_last_are_named(tmp_path: Path) -> None:
    write(tmp_path, begin(30), *(ended(f"fit:{number}") for number in range(30)), end(3))
    lines = text(status_lines(looked(tmp_path), 120))
    assert "  20 steps before these; --all names each" in lines and len(lines) == 13


def test_only_what_is_new_is_read_again(tmp_path: Path) -> None:
    write(tmp_path, *GOING_ON[:3])
    looker = looked(tmp_path)
    assert looker.look() == []
    write(tmp_path, *GOING_ON[3:])
    assert [entry["step"] for entry in looker.look()] == ["fit:z", "fit:a"]
    assert list(looker.watch.running) == ["fit:a"]


def test_a_folder_where_nothing_has_begun(tmp_path: Path) -> None:
    write(tmp_path)
    assert head_text(looked(tmp_path)) == f"{tmp_path}: nothing was run yet"
