"""Files that grow while one looks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.report import follow
from xbatch.report.follow import LastLines, Tail, last_place, new_entries, tail_lines
from xbatch.run.products import log_path


def test_whole_lines_are_given_once(tmp_path: Path) -> None:
    path = tmp_path / "f.log"
    tail = Tail(path)
    assert tail.read() == []
    path.write_bytes(b"one\ntw")
    assert tail.read() == [b"one"]
    with path.open("ab") as stream:
        stream.write(b"o\nthree")
    assert tail.read() == [b"two"]
    assert tail.rest() == [b"three"]
    assert tail.rest() == tail.read() == []


def test_a_new_file_in_the_place_of_the_old_is_read_from_its_beginning(tmp_path: Path) -> None:
    path, other = tmp_path / "f.log", tmp_path / "g.log"
    path.write_bytes(b"old\nhalf")
    tail = Tail(path)
    assert tail.read() == [b"old"]
    other.write_bytes(b"new\n")
    other.replace(path)
    assert tail.read() == [b"new"]


def test_a_file_of_before_is_taken_as_not_there(tmp_path: Path) -> None:
    path = tmp_path / "f.log"
    path.write_bytes(b"of the last run\n")
    os.utime(path, (1000.0, 1000.0))
    assert Tail(path, not_before=2000.0).read() == []
    assert Tail(path, not_before=1000.02).read() == [b"of the last run"]


def test_the_last_lines_of_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "f.log"
    path.write_bytes(b"1\n2\n3\n4")
    tail = Tail(path)
    assert tail.last(2) == [b"2", b"3"]
    assert tail.rest() == [b"4"]
    assert Tail(path).last(0) == []
    assert tail_lines(path, 2) == ["3", "4"]
    assert tail_lines(path, 9) == ["1", "2", "3", "4"]
    assert tail_lines(path, 0) == tail_lines(tmp_path / "none", 3) == []


def test_the_last_lines_of_a_large_file(tmp_path: Path) -> None:
    path = tmp_path / "f.log"
    path.write_text("".join(f"{number:099}\n" for number in range(30_000)))
    assert [int(line) for line in tail_lines(path, 15_000)] == list(range(15_000, 30_000))


def test_lines_that_are_no_entries_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text('{"event":"begin"}\n{"event":"en\n[1]\n{"event":"end"}\n')
    assert [entry["event"] for entry in new_entries(Tail(path))] == ["begin", "end"]


def test_what_a_step_said_last(tmp_path: Path) -> None:
    log = log_path(tmp_path, "fit:a")
    log.parent.mkdir()
    lines = LastLines(tmp_path)
    assert lines.get("fit:a", 0.0) == ""
    log.write_bytes(b"first\n 10 %\r 20 %\r\x1b[32m 30 %\x1b[0m\n\n")
    assert lines.get("fit:a", 0.0) == "30 %"
    os.utime(log, (1000.0, 1000.0))
    assert lines.get("fit:a", 2000.0) == ""  # it was started since: the log is that of the last run
    log.write_bytes(b"x" * 5000 + b"\nlast")
    assert lines.get("fit:a", 0.0) == "last"
    log.write_text("INFO xbatch.xray.fit.starts: start 2 of 5\n")
    assert lines.get("fit:a", 0.0) == "start 2 of 5"


@given(
    lines=st.lists(st.sampled_from([b"", b"x", b"mark", b"a mark here", b"mar", b"k", b"long " * 9]), max_size=12),
    chunk=st.integers(1, 40),
)
def test_the_last_line_with_a_mark_is_found(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], chunk: int
) -> None:
    path = tmp_path_factory.mktemp("marks") / "journal"
    data = b"\n".join(lines)
    path.write_bytes(data)
    expected = 0
    for number, line in enumerate(lines):
        if b"mark" in line:
            expected = len(b"\n".join(lines[:number])) + (number > 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(follow, "_CHUNK", chunk)
        assert last_place(path, b"mark") == expected


def test_a_tail_may_begin_in_the_middle(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(b"1\n2\n3\n")
    tail = Tail(path, start=4)
    assert tail.read() == [b"3"]
    path.write_bytes(b"4\n")
    assert tail.read() == [b"4"]
