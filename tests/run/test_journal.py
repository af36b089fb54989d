from __future__ import annotations

from pathlib import Path

import pytest

from xbatch.base.errors import FileError
from xbatch.plan.verdict import Reason
from xbatch.run.journal import Journal, journal_path, last_run, read_journal
from xbatch.run.products import log_path
from xbatch.run.result import Event, StepResult

DONE = StepResult("fit:a", "done", "k", reasons=(Reason("parameter", "x", 1, 2),), seconds=1.5)
FAILED = StepResult("fit:b", "failed", None, message="no")


def test_the_last_run_is_told(tmp_path: Path) -> None:
    log = log_path(tmp_path, "fit:b")
    log.parent.mkdir()
    log.touch()
    with Journal(tmp_path) as journal:
        journal.add(Event("begin", "t0", total=9))
        journal.add(Event("ended", "t1", "fit:z", DONE))
        journal.add(Event("end", "t2"))
        journal.add(Event("begin", "t3", total=3))
        journal.add(Event("started", "t4", "fit:a", reasons=DONE.reasons))
        journal.add(Event("started", "t4", "fit:c"))
        journal.add(Event("ended", "t5", "fit:a", DONE))
        journal.add(Event("ended", "t6", "fit:b", FAILED))
    last = last_run(tmp_path)
    assert (last.started, last.ended, last.running) == ("t3", "", ("fit:c",))
    assert last.steps["fit:a"] == DONE
    assert last.steps["fit:b"].message == "no"
    assert last.steps["fit:b"].log == log
    with Journal(tmp_path) as journal:
        journal.add(Event("end", "t7"))
    assert last_run(tmp_path).ended == "t7"


def test_half_a_line_of_a_killed_run_is_passed_over(tmp_path: Path) -> None:
    journal_path(tmp_path).write_text('{"event":"begin","time":"t0"}\n{"event":"en')
    with Journal(tmp_path) as journal:
        journal.add(Event("end", "t1"))
    assert [entry["event"] for entry in read_journal(tmp_path)] == ["begin", "end"]


def test_missing_and_unwritable(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be read"):
        last_run(tmp_path)
    with pytest.raises(FileError, match="cannot be written"):
        Journal(tmp_path / "none")
