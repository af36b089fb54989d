"""A run as lines of a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report.runs import START, begin, ended, started
from xbatch.report.liveview import end_lines, left_out_lines, live_lines, reading_text, sum_line
from xbatch.report.screen import Line, wraps
from xbatch.report.watch import Ending, Inputs, Watch

LONG = "fit:mean-with-a-long-name~regions.bkg.radius=80arcsec,binning.min30.counts="


def text(line: Line) -> str:
    return "".join(piece for piece, _ in line)


def watched(running: int, done: int = 0, total: int = 50, stopping: bool = False) -> Watch:
    watch = Watch()
    watch.take(begin(total, jobs=4, tasks={"fit": total}))
    for number in range(done):
        watch.take(ended(f"group:{number}", "failed" if number % 5 == 4 else "done", 20.0, "no"))
    for number in range(running):
        watch.take(started(f"{LONG}{number}", number))
    if stopping:
        watch.take({"event": "stopping", "time": "t"})
    return watch


@given(
    st.integers(0, 40), st.integers(0, 40), st.integers(24, 200), st.integers(6, 60), st.booleans(),
    st.sampled_from(["", "short", "a long line of a log " * 9, "日本" * 40]),
)  # fmt: skip
def test_no_line_is_as_long_as_the_terminal_is_wide(
    running: int, done: int, columns: int, rows: int, stopping: bool, said: str
) -> None:
    watch = watched(running, done, stopping=stopping)
    if done % 2:
        watch.reading = Inputs(1, 400, GB, 80 * GB, 3.0)
    lines = live_lines(watch, lambda step: said, START + 4000, columns, rows)
    assert all(sum(wraps(piece) for piece, _ in line) < columns for line in lines)
    assert len(lines) < rows


def test_wide_terminals_have_the_log_behind_and_narrow_ones_below() -> None:
    watch = watched(2)
    wide = [text(line) for line in live_lines(watch, lambda step: "start 3 of 5", START + 65, 120, 24)]
    assert [line.split() for line in wide[:2]] == [
        ["▸", f"{LONG[:29]}…{LONG[-28:]}0", "1:05", "start", "3", "of", "5"],
        ["▸", f"{LONG[:29]}…{LONG[-28:]}1", "1:04", "start", "3", "of", "5"],
    ]
    narrow = [text(line) for line in live_lines(watch, lambda step: "start 3 of 5", START + 65, 60, 24)]
    assert narrow[0].endswith("counts=0    1:05") and narrow[1] == "    start 3 of 5"
    low = [text(line) for line in live_lines(watch, lambda step: "start 3 of 5", START + 65, 60, 6)]
    assert low[1].startswith("▸") and len(low) == 3


GB = 10**9


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (
            Inputs(34, 412, 12_300_000_000, 80_100_000_000, 30.0),
            "reading inputs: 34/412 files, 12.3 of 80.1 GB, 0.4 GB/s, about 3 min left",
        ),
        (Inputs(0, 2, 0, 900_000_000, 0.5), "reading inputs: 0/2 files, 0.0 of 900.0 MB"),
        (
            Inputs(1, 2, 2_000_000, 4 * GB, 1.0),
            "reading inputs: 1/2 files, 0.0 of 4.0 GB, 2.0 MB/s, about 33 min left",
        ),
    ],
)
def test_how_far_the_inputs_are(inputs: Inputs, words: str) -> None:
    assert reading_text(inputs) == words


def test_inputs_that_are_read_have_a_line_below_what_runs() -> None:
    watch = watched(2)
    entry = {"event": "reading", "time": "t", "files": 1, "files_total": 9, "bytes": GB, "bytes_total": 9 * GB}
    watch.take({**entry, "seconds": 2.0})
    lines = [text(line) for line in live_lines(watch, lambda step: "", START + 65, 120, 24)]
    assert lines[2] == "▸ reading inputs: 1/9 files, 1.0 of 9.0 GB, 0.5 GB/s, about 15 s left" and len(lines) == 4
    watch.take({**entry, "files": 9, "seconds": 18.0})
    assert len(live_lines(watch, lambda step: "", START + 65, 120, 24)) == 3


def test_more_steps_than_rows_are_counted() -> None:
    lines = [text(line) for line in live_lines(watched(40), lambda step: "", START + 65, 80, 12)]
    assert lines[-2] == "  and 33 more that run"


def test_the_sum_gives_up_what_matters_least_where_there_is_no_room() -> None:
    watch = watched(4, 10)
    watch.durations.add("fit:x", 600.0, before=True)
    lines = {columns: text(sum_line(watch, START + 100, columns)) for columns in (120, 60, 40, 16, 8)}
    assert "━━━━━━────────────────────────  10/50  2 failed  8 done  1:40  about 2.1 h left, until " in lines[120]
    assert "10/50  2 failed  1:40" in lines[40] and "8 done" not in lines[40]
    assert lines[8].startswith("10/50")


def test_one_that_was_asked_to_stop_says_how_to_stop_at_once() -> None:
    line = text(sum_line(watched(4, 10, stopping=True), START + 100, 100))
    assert line.endswith("stopping; Ctrl-C again stops at once")
    assert "left" not in line


def test_a_failure_is_a_paragraph_with_its_whole_name_and_its_log() -> None:
    ending = Ending("failed", 3.0, "f.pha: " + "has no good channel " * 6)
    lines = [text(line) for line in end_lines(f"{LONG}1", ending, "out/logs/fit.log", 60)]
    assert lines[0] == f"✗ {LONG}1  3.00 s"
    assert lines[1].startswith("  f.pha: has no good") and all(len(line) < 60 for line in lines[1:])
    assert lines[-1] == "  log: out/logs/fit.log"
    (line,) = end_lines(f"{LONG}1", Ending("done", 3.0), "", 60)
    assert len(text(line)) == 59


def test_steps_left_out_are_counted_and_some_named() -> None:
    lines = [text(line) for line in left_out_lines("skipped", [f"plot:{n}" for n in range(5)], 200)]
    assert lines == ["- 5 left out for want of a step that has failed: plot:0, plot:1, plot:2 and 2 more"]
