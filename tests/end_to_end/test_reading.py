"""A run that reads raw data for long: what it says, and how it ends. The data are a file with a hole, of 60 GB."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from xbatch.base.files import schema_text
from xbatch.run.journal import read_journal
from xbatch.run.lock import held_by

CHECK = Draft7Validator(json.loads(schema_text("events-1")))
SPEC = """
xbatch: 1
name: raw
mission: nustar
obsids: ["60001110002"]
target: {name: Source, position: [213.3, -3.2]}
data: {root: data, level: raw}
"""
# A new session whose terminal is standard input, as a terminal's window begins one.
TAKE_TERMINAL = """
import fcntl, runpy, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
runpy.run_module("xbatch", run_name="__main__")
"""


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "60001110002"
    lists = [folder / "event_uf" / f"nu60001110002{module}_uf.evt" for module in "AB"]
    others = [folder / "hk" / f"nu60001110002{module}_fpm.hk" for module in "AB"]
    others += [folder / "auxil" / f"nu60001110002_{kind}.fits" for kind in ("att", "orb")]
    for path in (*lists, *others):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 100)
    for path in lists:
        os.truncate(path, 30 * 10**9)
    (tmp_path / "raw.yaml").write_text(SPEC)
    return tmp_path


def begin(folder: Path, *options: str, **streams: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "xbatch", "run", "raw.yaml", "--out", "out/raw", *options]
    return subprocess.Popen(command, cwd=folder, text=True, start_new_session=True, **streams)


def status(folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "xbatch", "status", "out/raw", "--json"]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(said.stdout)
    return found


def test_it_is_said_to_programs_people_and_those_who_look_on(raw: Path) -> None:
    with begin(raw, "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        try:
            assert run.stdout is not None
            events = [json.loads(run.stdout.readline()) for _ in range(3)]
            assert [event["event"] for event in events] == ["begin", "reading", "reading"]
            seen = status(raw)
            os.killpg(run.pid, signal.SIGINT)
            rest, said = run.communicate(timeout=120)
        finally:
            run.kill()
    assert run.returncode == 130
    for event in (*events, *map(json.loads, rest.splitlines())):
        CHECK.validate(event)
    assert (events[1]["files_total"], events[1]["bytes_total"]) == (6, 60 * 10**9 + 400)
    assert 0 < events[1]["bytes"] < events[2]["bytes"] < 60 * 10**9
    assert (seen["state"], seen["running"], seen["reading"]["files_total"]) == ("running", [], 6)
    lines = said.splitlines()
    assert lines[0].startswith("reading inputs: ") and "/6 files, " in lines[0] and " of 60.0 GB, " in lines[0]
    assert lines[1] == "stopping" and "Interrupted; what is finished is kept." in said
    assert "Traceback" not in said
    assert not held_by(raw / "out" / "raw")


@pytest.mark.usefixtures("hears_hangups")
def test_a_terminal_shows_it_and_may_be_closed(raw: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", TAKE_TERMINAL, "run", "raw.yaml", "--out", "out/raw"]
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "1"}
    with subprocess.Popen(
        command, cwd=raw, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    ) as run:
        try:
            os.close(theirs)
            shown = ""
            while "/6 files, " not in shown:
                shown += os.read(ours, 65536).decode(errors="replace")
            os.close(ours)
            assert run.wait(timeout=120) == 129
        finally:
            run.kill()
    entries = {entry["event"]: entry for entry in read_journal(raw / "out" / "raw") if not entry.get("step")}
    assert entries["stopping"]["message"] == "the terminal was closed"
    assert entries["end"]["signal"] == signal.SIGHUP
    assert json.loads((raw / "out/raw/manifest.json").read_text())["run"]["outcome"] == "interrupted"
    assert not held_by(raw / "out" / "raw")
    assert status(raw)["state"] == "ended"
