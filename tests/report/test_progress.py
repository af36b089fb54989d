"""What a run shows while it goes."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.report.runs import START, Clock, Terminal, at, begin, ended, entries_of_a_run, started
from xbatch.plan.verdict import Reason
from xbatch.report.progress import LiveView, PlainView, make_reporter
from xbatch.run.products import log_path
from xbatch.run.result import Event, StepResult


def test_elsewhere_than_on_a_terminal_each_end_is_a_line() -> None:
    stream = io.StringIO()
    view = PlainView(stream, clock=Clock())
    for entry in entries_of_a_run():
        view.take(entry)
    assert stream.getvalue().splitlines() == [
        "group:a: killed by SIGKILL; tried again",
        "[2/4] done       group:a (1.50 s)",
        "[3/4] failed     fit:[red]a (1.50 s): f.pha: is empty",
        "[4/4] skipped    plot:a: needs fit:[red]a, which has no result",
        "stopping: 1 running",
    ]


def test_a_failure_names_its_log_as_seen_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    log = log_path(tmp_path / "out", "fit:a")
    log.parent.mkdir(parents=True)
    log.touch()
    stream = io.StringIO()
    view = PlainView(stream, tmp_path / "out", Clock())
    view.take(begin(1))
    view.take(ended("fit:a", "failed", 1.5, "no"))
    assert stream.getvalue() == "[1/1] failed     fit:a (1.50 s): no\n      log: out/logs/fit.a.log\n"


def test_what_many_steps_fail_by_is_told_once(tmp_path: Path) -> None:
    log = log_path(tmp_path, "fit:b")
    log.parent.mkdir(parents=True)
    log.write_text("of a run before")
    stream = io.StringIO()
    plain, (drawn, terminal, _) = PlainView(stream, tmp_path, Clock()), live(80, tmp_path)
    entries = [
        ended("fit:a", "failed", 0.0, "f.rmf: cannot be read"),
        ended("fit:b", "failed", 0.0, "f.rmf: cannot be read"),
    ]
    for entry in (begin(3), *entries, ended("fit:c", "failed", 0.0, "another")):
        plain.take(entry)
        drawn.take(entry)
    drawn.close()
    assert stream.getvalue().splitlines() == [
        "[1/3] failed     fit:a (0.00 s): f.rmf: cannot be read",
        "[2/3] failed     fit:b (0.00 s): the same as fit:a",
        "[3/3] failed     fit:c (0.00 s): another",
    ]
    assert terminal.shown()[1::2] == ["  f.rmf: cannot be read", "  the same as fit:a", "  another"]


def test_elsewhere_what_is_read_is_said_once_a_minute() -> None:
    stream, clock = io.StringIO(), Clock()
    view = PlainView(stream, clock=clock)
    view.take(begin(1))
    for second in range(1, 131):
        clock.now = START + second
        counts = {"files": second // 13, "files_total": 10, "bytes": second * 10**9, "bytes_total": 130 * 10**9}
        view.take({"event": "reading", "time": at(second), "seconds": float(second), **counts})
    assert stream.getvalue().splitlines() == [
        "reading inputs: 0/10 files, 1.0 of 130.0 GB, 1.0 GB/s, about 2 min left",
        "reading inputs: 4/10 files, 61.0 of 130.0 GB, 1.0 GB/s, about 1 min left",
        "reading inputs: 9/10 files, 121.0 of 130.0 GB, 1.0 GB/s, about 10 s left",
        "all inputs are read",
    ]


def test_a_long_silence_is_broken_by_a_word_on_what_runs() -> None:
    stream, clock = io.StringIO(), Clock()
    view = PlainView(stream, clock=clock)
    view.take(begin(9, tasks={"fit": 9}, jobs=2))
    view.take(ended("fit:x", took=600))
    for name in "abcde":
        view.take(started(f"fit:{name}", 0))
    stream.truncate(0)
    stream.seek(0)
    clock.now = START + 299
    view.tick()
    assert not stream.getvalue()
    clock.now = START + 300
    view.tick()
    view.tick()
    (line,) = stream.getvalue().splitlines()
    assert line.startswith("1 of 9 steps ended; running: fit:a (5:00), fit:b (5:00), fit:c (5:00), fit:d (5:00) and 1")
    assert "about 28 min left" in line  # 5 x 300 s and 3 x 600 s by two at once


def live(columns: int, folder: Path | None = None) -> tuple[LiveView, Terminal, Clock]:
    terminal, clock = Terminal(columns=columns), Clock()
    return LiveView(terminal, folder, clock, terminal.size), terminal, clock


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.mark.parametrize("columns", [60, 80, 160])
def test_on_a_terminal_ends_stand_above_what_runs(columns: int) -> None:
    view, terminal, clock = live(columns)
    entries = list(entries_of_a_run())
    for entry in entries[:3]:
        view.take(entry)
    clock.now = START + 5
    view.tick()
    assert terminal.shown()[0].startswith("▸ group:a") and terminal.shown()[0].endswith("0:04")
    assert "1/4  1 up to date  0:05" in terminal.shown()[-1]
    for entry in entries[3:]:
        view.take(entry)
        view.tick()
    clock.now = START + 7
    view.close()
    assert terminal.shown() == [
        "group:a: killed by SIGKILL; tried again",
        "✓ group:a  1.50 s",
        "✗ fit:[red]a  1.50 s",
        "  f.pha: is empty",
        "- 1 left out for want of a step that has failed: plot:a",
        "stopping: 1 running",
    ]
    assert "\x1b[?25l" not in terminal.written  # the cursor is never hidden: a killed run leaves it as it was


def test_steps_left_out_together_are_one_line() -> None:
    view, terminal, _ = live(80)
    view.take(begin(9))
    for number in range(8):
        view.take(ended(f"plot:{number}", "cancelled"))
    view.close()
    assert terminal.shown() == ["- 8 stopped or never started: plot:0, plot:1, plot:2 and 5 more"]


def test_the_last_line_of_a_log_stands_with_its_step(tmp_path: Path) -> None:
    view, terminal, clock = live(160, tmp_path)
    log = log_path(tmp_path, "fit:a")
    log.parent.mkdir()
    log.write_text("start 1 of 5\n\x1b[31mstart 2 of 5\x1b[0m\n\n")
    view.take(begin(2))
    view.take(started("fit:a", -1))
    clock.now = START + 3
    view.tick()
    assert terminal.shown()[0] == "▸ fit:a    0:04  start 2 of 5"


def test_runs_before_say_when_the_end_may_be_expected(tmp_path: Path) -> None:
    entries = [begin(1), ended("fit:a", took=3600)]
    lines = [json.dumps(entry, separators=(",", ":")) for entry in entries]
    (tmp_path / "journal.jsonl").write_text("\n".join(lines) + "\n")
    view, terminal, clock = live(100, tmp_path)
    view.take(begin(1, tasks={"fit": 1}, jobs=1))
    view.take(started("fit:a"))
    clock.now = START + 600
    view.tick()
    assert "10:00  about 50 min left, until " in terminal.shown()[-1]


def test_what_was_up_to_date_tells_too() -> None:
    view, terminal, clock = live(100)
    view.take(begin(2, tasks={"fit": 2}, jobs=1))
    view.learn("fit:a", 120)
    view.take(ended("fit:a", "up to date", 0))
    view.take(started("fit:b"))
    clock.now = START + 60
    view.tick()
    assert "about 1 min left" in terminal.shown()[-1]


def test_before_anything_has_begun_nothing_is_drawn() -> None:
    view, terminal, _ = live(80)
    view.tick()
    assert terminal.shown() == []
    view.take(begin(3))
    view.tick()
    assert terminal.shown()[-1].endswith("looking at the inputs")


def events() -> list[Event]:
    result = StepResult("group:a", "done", seconds=1.5, reasons=(Reason("new"),))
    old = StepResult("group:b", "up to date", content={"wall_s": 3.0})
    return [
        Event("begin", at(0), total=2),
        Event("started", at(0), "group:a", reasons=(Reason("new"),), total=2),
        Event("ended", at(2), "group:a", result, ended=1, total=2),
        Event("ended", at(2), "group:b", old, ended=2, total=2),
        Event("end", at(2), ended=2, total=2),
    ]


@pytest.mark.parametrize(
    ("is_terminal", "quiet", "said"),
    [(False, False, "[1/2] done       group:a (1.50 s)\n"), (True, False, "✓ group:a  1.50 s"), (True, True, "")],
)
def test_a_reporter_says_what_its_place_can_show(is_terminal: bool, quiet: bool, said: str) -> None:
    stream = Terminal()
    with make_reporter(stream, is_terminal, quiet) as report:
        for event in events():
            report(event)
    assert said in stream.written
    assert bool(stream.written) == bool(said)
    assert "group:b" not in stream.written


def test_an_exception_passes_through_and_what_was_told_is_said() -> None:
    stream = Terminal()
    with pytest.raises(KeyError), make_reporter(stream, True) as report:
        for event in events():
            report(event)
        raise KeyError("x")
    assert stream.shown() == ["✓ group:a  1.50 s"]


def test_that_nobody_reads_on_is_no_reason_to_stop() -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    with make_reporter(Closed(), False) as report:
        for event in events():
            report(event)


def test_showing_a_run_loads_nothing_heavy() -> None:
    code = (
        "import sys, xbatch.report.events, xbatch.report.progress, xbatch.report.state, xbatch.report.logfollow\n"
        "print(*sorted({'rich', 'numpy', 'astropy', 'scipy', 'matplotlib', 'psutil'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
