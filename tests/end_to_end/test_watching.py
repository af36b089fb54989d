"""A run as those see it who watch: a program, a terminal, another terminal afterwards."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from tests.end_to_end.world import SPEC, Desk
from tests.report.runs import Terminal
from xbatch.base.files import schema_text

CHECK = Draft7Validator(json.loads(schema_text("events-1")))
BROKEN = SPEC.replace("band: 4-40 keV", "band: 160-162 keV")


def test_a_program_gets_events_and_people_the_rest(desk: Desk) -> None:
    said = desk.run("--json", "--only", "group:*")
    events = [json.loads(line) for line in said.out.splitlines()]
    for event in events:
        CHECK.validate(event)
    begin, *steps, end = events
    assert (begin["event"], begin["events"], begin["name"], begin["run"]) == ("begin", 1, "desk", str(desk.run_dir))
    assert begin["tasks"] == {"spectrum": 4, "group": 4} and begin["total"] == 8
    ends = [event for event in steps if event["event"] == "ended"]
    assert [event["ended"] for event in ends] == list(range(1, 9))
    assert all(Path(event["record"]).is_file() and Path(event["log"]).is_file() for event in ends)
    assert (end["ok"], end["exit_status"], end["counts"]) == (True, 0, {"done": 8})
    assert json.loads(Path(end["manifest"]).read_text())["run"]["outcome"] == "partial"
    assert "[8/8] done" in said.err and "8 steps: 8 done" in said.err
    again = desk.run("--json", "--only", "group:*")
    assert [json.loads(line)["event"] for line in again.out.splitlines()] == ["begin", *["ended"] * 8, "end"]


def test_a_failure_is_told_when_it_happens_and_at_the_end(desk: Desk) -> None:
    pytest.importorskip("sherpa", reason="a fit needs Sherpa")
    desk.write(BROKEN)
    said = desk.run("--json")
    assert said.status == 1
    events = [json.loads(line) for line in said.out.splitlines()]
    failed = [event for event in events if event.get("outcome") == "failed"]
    assert failed and all(event["message"] and event["task"] == "fit" for event in failed)
    assert (events[-1]["ok"], events[-1]["exit_status"]) == (False, 1)
    told, _, end = said.err.partition(" steps: ")
    assert f"failed     {failed[0]['step']}" in told
    assert any(f"xbatch logs {desk.run_dir} {event['step']}\n" in end for event in failed)
    assert "mend what failed and give the same command again" in end
    status = desk.xbatch("status", desk.run_dir)
    assert all(f"✗ {event['step']} failed" in status.out for event in failed)


def test_a_call_that_is_wrong_tells_no_event(desk: Desk) -> None:
    said = desk.run("--json", "--only", "nothing:*")
    assert (said.status, said.out) == (2, "")
    assert "nothing:*" in said.err


def test_a_reader_that_goes_away_stops_nothing(desk: Desk) -> None:
    command = [sys.executable, "-m", "xbatch", "run", "desk.yaml", "--json", "--only", "group:*", "--out", "out/desk"]
    with subprocess.Popen(command, cwd=desk.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout is not None and run.stderr is not None
        assert json.loads(run.stdout.readline())["event"] == "begin"
        run.stdout.close()
        said = run.stderr.read().decode()
    assert run.returncode == 0, said
    assert "8 steps: 8 done" in said and "Traceback" not in said


@pytest.mark.parametrize("columns", [60, 160])
def test_on_a_terminal_lines_stay_within_its_width(desk: Desk, columns: int) -> None:
    command = [sys.executable, "-m", "xbatch", "run", "desk.yaml", "--only", "group:*", "--out", "out/desk", "-j", "2"]
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "1"}
    with subprocess.Popen(
        command, cwd=desk.folder, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, env=environment
    ) as run:
        os.close(theirs)
        terminal = Terminal(columns=columns)
        with os.fdopen(ours, "rb", buffering=0) as stream:
            data = b""
            while chunk := _read(stream.fileno()):
                data += chunk
        terminal.write(data.decode())
        assert run.stdout is not None
        said = run.stdout.read().decode()
    assert run.returncode == 0
    shown = terminal.shown()
    assert len(shown) == 8 and all(line.startswith("✓ ") for line in shown)
    assert all(len(line) < columns for line in shown)
    assert "8 steps: 8 done" in said and "\x1b" not in said


def _read(handle: int) -> bytes:
    try:
        return os.read(handle, 65536)
    except OSError:  # the other end of a terminal was closed (EIO, on Linux)
        return b""
