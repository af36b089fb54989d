"""Real signals to real processes: nothing may be left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.run.toys import TOYS, plan, step
from xbatch.run.journal import read_journal
from xbatch.run.lock import held_by
from xbatch.run.session import execute

ROOT = Path(__file__).parents[2]
RUN = """
import sys
from pathlib import Path
from tests.run.toys import TOYS, plan, step
from xbatch.run.session import execute

def tell(event):
    print(event.kind, event.step, flush=True)

root, pause, grace = Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
what = plan(step("join:first", text="x"), step("join:a", "join:first", pause=pause),
            step("join:b", "join:first", pause=pause, text="b"), step("join:next", "join:a"))
result = execute(what, root / "toy", root / ".store", jobs=2, grace=grace, registry=TOYS, on_event=tell)
print(result.counts(), result.signal, result.exit_status)
"""


@contextmanager
def running(
    root: Path, pause: float, grace: float, *before: str
) -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
    """Start a run in a process group of its own and wait until both slow steps are at work."""
    child = subprocess.Popen(
        [*before, sys.executable, "-c", RUN, str(root), str(pause), str(grace)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )
    with child:
        try:
            assert child.stdout is not None
            seen: set[str] = set()
            while not {"started join:a\n", "started join:b\n"} <= seen:
                line = child.stdout.readline()
                assert line, f"ended too soon: {seen}"
                seen.add(line)
            wait_for(lambda: bool(list((root / "toy" / "logs").glob("join.[ab].log"))))
            yield child, psutil.Process(child.pid)
        finally:
            child.kill()


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def workers_of(run: psutil.Process) -> list[psutil.Process]:
    """Give the workers: unlike the process they are forked from, each leads a group."""
    return [one for one in run.children(recursive=True) if os.getpgid(one.pid) == one.pid]


def gone(processes: list[psutil.Process]) -> bool:
    return not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in processes)


def nothing_half_made(root: Path) -> bool:
    left = list((root / ".store" / "tmp").iterdir())
    parts = list(root.rglob("*.part"))
    records = [entry for entry in (root / ".store").glob("??/*") if entry.parent.name != "tmp" and entry.is_dir()]
    return (
        not left and not parts and all((entry / "record.json").is_file() for entry in records if len(entry.name) == 64)
    )


@pytest.mark.usefixtures("hears_hangups")
@pytest.mark.parametrize(
    ("signals", "status"),
    [
        ([signal.SIGINT], 130),
        ([signal.SIGTERM], 143),
        ([signal.SIGHUP], 129),
        ([signal.SIGINT] * 2, 130),
    ],
)
def test_a_stopped_run_leaves_no_process_and_no_half_made_file(
    tmp_path: Path, signals: list[signal.Signals], status: int
) -> None:
    grace = 0.3 if len(signals) == 1 else 60.0
    with running(tmp_path, 60.0, grace) as (child, process):
        family = process.children(recursive=True)
        assert len(family) >= 2
        began = time.monotonic()
        for number in signals:
            child.send_signal(number) if number == signal.SIGTERM else os.killpg(child.pid, number)
            time.sleep(0.1)
        output, _ = child.communicate(timeout=30)
    assert time.monotonic() - began < 20
    assert f"{{'done': 1, 'cancelled': 3}} {signals[0].value} {status}\n" in output
    assert "Traceback" not in output
    wait_for(lambda: gone(family))
    assert nothing_half_made(tmp_path)


def test_steps_that_end_in_time_are_kept(tmp_path: Path) -> None:
    with running(tmp_path, 1.0, 30.0) as (child, _):
        os.killpg(child.pid, signal.SIGINT)
        output, _ = child.communicate(timeout=40)
    assert "{'done': 3, 'cancelled': 1} 2 130\n" in output
    assert nothing_half_made(tmp_path)


@pytest.mark.usefixtures("hears_hangups")
def test_a_closed_terminal_is_told_once_and_gives_steps_their_time(tmp_path: Path) -> None:
    with running(tmp_path, 1.0, 30.0) as (child, _):
        for _ in range(3):  # the system tells it, and then the shell, each to the whole group
            os.killpg(child.pid, signal.SIGHUP)
            time.sleep(0.05)
        output, _ = child.communicate(timeout=40)
    assert "{'done': 3, 'cancelled': 1} 1 129\n" in output
    (stopping,) = [entry for entry in read_journal(tmp_path / "toy") if entry["event"] == "stopping"]
    assert stopping["message"] == "the terminal was closed; 2 steps still run and are given 30 s"
    assert not held_by(tmp_path / "toy")


def test_who_says_nohup_outlives_the_terminal(tmp_path: Path) -> None:
    with running(tmp_path, 1.0, 30.0, "nohup") as (child, _):
        os.killpg(child.pid, signal.SIGHUP)
        output, _ = child.communicate(timeout=40)
    assert "{'done': 4} 0 0\n" in output


def test_after_a_kill_the_next_run_goes_on_and_clears_up(tmp_path: Path) -> None:
    with running(tmp_path, 60.0, 5.0) as (child, process):
        family = process.children(recursive=True)
        child.kill()
        child.wait()
    wait_for(lambda: gone(family))
    assert not nothing_half_made(tmp_path)
    what = plan(step("join:first", text="x"), step("join:a", "join:first"))
    result = execute(what, tmp_path / "toy", tmp_path / ".store", jobs=1, registry=TOYS)
    assert [one.outcome for one in result.steps] == ["up to date", "done"]
    assert nothing_half_made(tmp_path)


def test_a_killed_worker_costs_its_own_step_one_try(tmp_path: Path) -> None:
    with running(tmp_path, 2.0, 5.0) as (child, process):
        wait_for(lambda: len(workers_of(process)) == 2)
        workers = workers_of(process)
        workers[0].kill()
        output, _ = child.communicate(timeout=40)
    assert output.count("lost join:") == 1
    assert "{'done': 4} 0 0\n" in output


def test_two_runs_at_once_on_one_store(tmp_path: Path) -> None:
    script = RUN.replace('root / "toy"', "root / sys.argv[4]")
    children = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), "0.1", "5", name],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
        )
        for name in ("one", "two")
    ]
    for child in children:
        output, _ = child.communicate(timeout=30)
        assert " 0 0\n" in output
        assert "failed" not in output
    for name in ("one", "two"):
        assert (tmp_path / name / "products" / "join" / "next" / "out.txt").read_text() == "x"
    assert nothing_half_made(tmp_path)
