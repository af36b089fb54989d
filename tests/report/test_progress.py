"""What a run shows while it goes."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from xbatch.plan.verdict import Reason
from xbatch.report.progress import make_reporter, seconds_between, span_text
from xbatch.run.result import Event, StepOutcome, StepResult


def events() -> Iterator[Event]:
    def ended(step: str, outcome: StepOutcome, count: int, message: str = "") -> Event:
        result = StepResult(step, outcome, message=message, seconds=1.5)
        return Event("ended", "t", step, result, ended=count, total=4)

    yield Event("begin", "t", total=4)
    yield ended("spectrum:a", "up to date", 1)
    yield Event("started", "t", "group:a", reasons=(Reason("parameter", "counts", 20, 30),), ended=1, total=4)
    yield Event("lost", "t", "group:a", message="killed by SIGKILL", ended=1, total=4)
    yield Event("started", "t", "group:a", ended=1, total=4)
    yield ended("group:a", "done", 2)
    yield ended("fit:[red]a", "failed", 3, "f.pha: is empty")
    yield ended("plot:a", "skipped", 4)
    yield Event("stopping", "t", message="1 running", ended=4, total=4)
    yield Event("end", "t", ended=4, total=4)


def shown(is_terminal: bool, quiet: bool = False) -> str:
    stream = io.StringIO()
    with make_reporter(stream, is_terminal, quiet) as report:
        for event in events():
            report(event)
    return stream.getvalue()


def test_elsewhere_than_on_a_terminal_each_end_is_a_line() -> None:
    assert shown(is_terminal=False).splitlines() == [
        "group:a: killed by SIGKILL; tried again",
        "[2/4] done       group:a (1.50 s)",
        "[3/4] failed     fit:[red]a (1.50 s): f.pha: is empty",
        "[4/4] skipped    plot:a",
        "stopping: 1 running",
    ]


def test_on_a_terminal_ends_stand_above_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    text = shown(is_terminal=True)
    for words in ("✓ group:a", "✗ fit:[red]a", "f.pha: is empty", "- plot:a", "4/4", "killed by SIGKILL", "stopping"):
        assert words in text
    assert "spectrum:a" not in text
    assert "\x1b[?25h" in text  # the cursor is back


def test_quiet_is_quiet() -> None:
    assert shown(is_terminal=True, quiet=True) == ""


def test_an_exception_passes_through_and_leaves_the_terminal_whole() -> None:
    stream = io.StringIO()
    with pytest.raises(KeyError), make_reporter(stream, True):
        raise KeyError("x")
    assert "\x1b[?25h" in stream.getvalue()


def test_lengths_of_time() -> None:
    assert [span_text(x) for x in (0.123, 42, 210, 9000)] == ["0.12 s", "42 s", "3.5 min", "2.5 h"]
    assert seconds_between("2026-11-21T12:00:00.000Z", "2026-11-21T12:00:42.500Z") == 42.5
    assert seconds_between("", "") == 0.0
