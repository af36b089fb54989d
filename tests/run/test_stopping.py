"""Real signals to real processes: nothing may be left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
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

root, grace, until = Path(sys.argv[1]), float(sys.argv[2]), str(Path(sys.argv[1], "until"))
what = plan(step("join:first", text="x"), step("join:a", "join:first", until=until),
            step("join:b", "join:first", until=until, text="b"), step("join:next", "join:a"))
result = execute(what, root / "toy", root / ".store", jobs=2, grace=grace, registry=TOYS, on_event=tell)
print(result.counts(), result.signal, result.exit_status)
"""


@contextmanager
def running(root: Path, grace: float, *before: str) -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
    """Start a run in a process group of its own and wait until both steps are at work that `let_end` lets end."""
    child = subprocess.Popen(
        [*before, sys.executable, "-c", RUN, str(root), str(grace)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )
    with child:
        try:
            hear(child, "started join:a\n", "started join:b\n")
            wait_for(lambda: len(list((root / "toy" / "logs").glob("join.[ab].log"))) == 2)
            yield child, psutil.Process(child.pid)
        finally:
            child.kill()


def hear(child: subprocess.Popen[str], *lines: str) -> None:
    """Read what a run says until it has said all these lines."""
    assert child.stdout is not None
    seen: set[str] = set()
    while not set(lines) <= seen:
        line = child.stdout.readline()
        assert line, f"ended too soon: {seen}"
        seen.add(line)


def rest_of(child: subprocess.Popen[str]) -> str:
    """Give all that a run says from now on; one that does not end in a minute is killed."""
    assert child.stdout is not None
    late = threading.Timer(60, child.kill)
    late.start()
    try:
        with child:
            return child.stdout.read()
    finally:
        late.cancel()


def let_end(root: Path) -> None:
    """Let the steps end that are at work."""
    (root / "until").touch()


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def workers_of(run: psutil.Process) -> list[psutil.Process]:
    """Give the workers: unlike the process they are forked from, each leads a group."""
    return [one for one in run.children(recursive=True) if os.getpgid(one.pid) == one.pid]


def gone(processes: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=0)
    return not any(status_of(one) != psutil.STATUS_ZOMBIE for one in alive)


def status_of(process: psutil.Process) -> str:
    try:
        return str(process.status())
    except psutil.NoSuchProcess:
        return str(psutil.STATUS_ZOMBIE)


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
    grace = 0.3 if len(signals) == 1 else 600.0
    with running(tmp_path, grace) as (child, process):
        family = process.children(recursive=True)
        assert len(family) >= 2
        for count, number in enumerate(signals):
            if count == 1:
                hear(child, "stopping \n")  # two of a kind that are not looked at yet are one to the system
            child.send_signal(number) if number == signal.SIGTERM else os.killpg(child.pid, number)
        output = rest_of(child)
    assert f"{{'done': 1, 'cancelled': 3}} {signals[0].value} {status}\n" in output
    assert "Traceback" not in output
    wait_for(lambda: gone(family))
    assert nothing_half_made(tmp_path)


def test_steps_that_end_in_time_are_kept(tmp_path: Path) -> None:
    with running(tmp_path, 600.0) as (child, _):
        os.killpg(child.pid, signal.SIGINT)
        hear(child, "stopping \n")
        let_end(tmp_path)
        output = rest_of(child)
    assert "{'done': 3, 'cancelled': 1} 2 130\n" in output
    assert nothing_half_made(tmp_path)


@pytest.mark.usefixtures("hears_hangups")
def test_a_closed_terminal_is_told_once_and_gives_steps_their_time(tmp_path: Path) -> None:
    with running(tmp_path, 600.0) as (child, _):
        for _ in range(3):  # the system tells it, and then the shell, each to the whole group
            os.killpg(child.pid, signal.SIGHUP)
            time.sleep(0.05)
        hear(child, "stopping \n")
        let_end(tmp_path)
        output = rest_of(child)
    assert "{'done': 3, 'cancelled': 1} 1 129\n" in output
    (stopping,) = [entry for entry in read_journal(tmp_path / "toy") if entry["event"] == "stopping"]
    assert stopping["message"] == "the terminal was closed; 2 steps still run and are given 600 s"
    assert not held_by(tmp_path / "toy")


def test_who_says_nohup_outlives_the_terminal(tmp_path: Path) -> None:
    with running(tmp_path, 600.0, "nohup") as (child, _):
        os.killpg(child.pid, signal.SIGHUP)
        let_end(tmp_path)
        output = rest_of(child)
    assert "{'done': 4} 0 0\n" in output


def test_after_a_kill_the_next_run_goes_on_and_clears_up(tmp_path: Path) -> None:
    with running(tmp_path, 600.0) as (child, process):
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
    with running(tmp_path, 600.0) as (child, process):
        workers = workers_of(process)
        assert len(workers) == 2
        workers[0].kill()
        assert child.stdout is not None
        lost = child.stdout.readline()
        let_end(tmp_path)
        output = rest_of(child)
    assert lost.startswith("lost join:")
    assert "lost join:" not in output
    assert "{'done': 4} 0 0\n" in output


def test_two_runs_at_once_on_one_store(tmp_path: Path) -> None:
    script = RUN.replace('root / "toy"', "root / sys.argv[3]").replace("until=until", "pause=0.1")
    children = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), "600", name],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
        )
        for name in ("one", "two")
    ]
    for child in children:
        output = rest_of(child)
        assert " 0 0\n" in output
        assert "failed" not in output
    for name in ("one", "two"):
        assert (tmp_path / name / "products" / "join" / "next" / "out.txt").read_text() == "x"
    assert nothing_half_made(tmp_path)
