"""The events of a run as lines of JSON."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from tests.report.runs import at
from xbatch.base.errors import FileError
from xbatch.base.files import schema_text
from xbatch.plan.verdict import Reason
from xbatch.report.events import EventLines
from xbatch.run.products import log_path
from xbatch.run.result import Event, RunResult, StepResult

CHECK = Draft7Validator(json.loads(schema_text("events-1")))


class Stream(io.StringIO):
    """Keeps what was flushed, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.flushed: list[str] = []

    def flush(self) -> None:
        self.flushed.append(self.getvalue().splitlines()[-1])


def results(folder: Path) -> tuple[StepResult, ...]:
    reasons = (Reason("parameter", "counts", 20, 30),)
    log = log_path(folder, "group:a")
    return (
        StepResult("group:a", "done", "k", folder / "record.json", reasons, log=log, seconds=1.23456),
        StepResult("group:b", "up to date", "k", folder / "record.json"),
        StepResult("fit:a", "failed", "k", message="f.pha: is empty", seconds=2),
        StepResult("plot:a", "skipped", message="needs fit:a, which has no result"),
    )


def events(folder: Path) -> Iterator[Event]:
    facts = {"name": "vela", "jobs": 2, "tasks": {"group": 2, "fit": 1, "plot": 1}, "process": 7, "host": "h"}
    yield Event("begin", at(0), total=4, facts=facts)
    counts = {"files": 1, "files_total": 2, "bytes": 10, "bytes_total": 30, "seconds": 0.5}
    yield Event("reading", at(1), total=4, facts=counts)
    yield Event("started", at(1), "group:a", reasons=(Reason("new"),), total=4)
    yield Event("lost", at(2), "group:a", message="killed by SIGKILL", total=4)
    for number, result in enumerate(results(folder)):
        yield Event("ended", at(3), result.name, result, ended=number + 1, total=4)
    yield Event("stopping", at(4), message="1 step still runs", ended=4, total=4)
    yield Event("end", at(5), ended=4, total=4)


def result_of(folder: Path, signal: int = 0) -> RunResult:
    return RunResult("vela", folder, folder / ".store", at(0), at(5), results(folder), signal)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    for line in found:
        CHECK.validate(line)
    return found


def test_each_event_is_a_line_of_the_form_that_the_schema_says(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").touch()
    stream = Stream()
    with EventLines(stream, tmp_path, tmp_path / ".store") as told:
        for event in events(tmp_path):
            told.take(event)
        assert lines(stream)[-1]["event"] == "stopping"  # the end waits for the record
        told.finish(result_of(tmp_path))
    found = lines(stream)
    assert len(stream.flushed) == len(found)
    assert [line["event"] for line in found] == [
        *("begin", "reading", "started", "lost"),
        *["ended"] * 4,
        *("stopping", "end"),
    ]
    assert (found[0]["events"], found[0]["name"], found[0]["run"]) == (1, "vela", str(tmp_path))
    assert (found[1]["files_total"], found[1]["bytes"], found[1]["seconds"]) == (2, 10, 0.5)
    found.pop(1)
    assert found[3]["seconds"] == 1.235 and found[3]["reasons"][0]["what"] == "counts"
    assert [line["ended"] for line in found[3:7]] == [1, 2, 3, 4]
    assert (found[5]["outcome"], found[5]["message"], found[5]["task"]) == ("failed", "f.pha: is empty", "fit")
    last = found[-1]
    assert last["counts"] == {"done": 1, "up to date": 1, "failed": 1, "skipped": 1}
    assert (last["ok"], last["exit_status"], last["signal"]) == (False, 1, 0)
    assert last["manifest"] == str(tmp_path / "manifest.json") and "report" not in last


def test_an_interrupted_run_says_by_what(tmp_path: Path) -> None:
    stream = Stream()
    with EventLines(stream, tmp_path, tmp_path) as told:
        for event in events(tmp_path):
            told.take(event)
        told.finish(result_of(tmp_path, signal=2))
    assert (lines(stream)[-1]["signal"], lines(stream)[-1]["exit_status"]) == (2, 130)


@pytest.mark.parametrize(
    ("error", "status", "word"), [(FileError("a.pha", "is gone"), 1, "a.pha"), (KeyboardInterrupt(), 130, "Keyboard")]
)
def test_a_run_that_breaks_off_has_an_end_too(tmp_path: Path, error: BaseException, status: int, word: str) -> None:
    stream = Stream()
    with pytest.raises(type(error)), EventLines(stream, tmp_path, tmp_path) as told:
        told.take(next(events(tmp_path)))
        raise error
    begin, end = lines(stream)
    assert (end["ok"], end["exit_status"], end["started"]) == (False, status, begin["time"])
    assert word in end["message"]


def test_what_fails_before_it_begins_tells_nothing(tmp_path: Path) -> None:
    stream = Stream()
    with pytest.raises(FileError), EventLines(stream, tmp_path, tmp_path):
        raise FileError("out", "is in use by another run")
    assert stream.getvalue() == ""


def test_a_reader_that_goes_away_stops_nothing(tmp_path: Path) -> None:
    class Closed(io.StringIO):
        tries = 0

        def write(self, text: str) -> int:
            self.tries += 1
            raise BrokenPipeError

    stream = Closed()
    with EventLines(stream, tmp_path, tmp_path) as told:
        for event in events(tmp_path):
            told.take(event)
        told.finish(result_of(tmp_path))
    assert stream.tries == 1


def test_the_schema_refuses_what_is_no_event() -> None:
    assert not CHECK.is_valid({"event": "rested", "time": at(0)})
    assert not CHECK.is_valid({"event": "ended", "time": at(0), "step": "fit:a"})
    assert not CHECK.is_valid({"event": "stopping", "time": "noon", "message": "", "ended": 0, "total": 1})
