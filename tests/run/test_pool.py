from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import psutil
import pytest

from tests.run.processes import children, gone
from tests.run.test_worker import order
from xbatch.run.pool import Finished, Lost, Pool
from xbatch.run.processes import Forking, Spawning, Starter

Begin = Callable[[Mapping[str, str], Sequence[str]], Starter]
BEGIN: dict[str, Begin] = {"forked": Forking, "spawned": lambda environment, preload: Spawning(environment)}
if sys.platform != "linux":
    del BEGIN["forked"]


@pytest.fixture(params=sorted(BEGIN))
def begin(request: pytest.FixtureRequest) -> Begin:
    return BEGIN[request.param]


@pytest.fixture
def pool(tmp_path: Path, begin: Begin) -> Iterator[Pool]:
    with Pool(lambda: tmp_path, begin=begin) as made:
        yield made


@pytest.fixture
def before() -> set[int]:
    """The processes that others have started from this one, and that are no matter."""
    return children()


def next_of(pool: Pool) -> Finished | Lost:
    """Wait for the next message, which is the only one."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        messages = pool.wait(1)
        if messages:
            assert len(messages) == 1
            return messages[0]
    raise AssertionError("waited in vain")


def worker(pool: Pool) -> int:
    """Wait for a step that went well and give the process that did it."""
    message = next_of(pool)
    assert isinstance(message, Finished)
    assert message.answer.record is not None, message.answer.message
    return int(message.answer.record["facts"]["pid"])


def test_a_slot_keeps_its_process(pool: Pool, tmp_path: Path) -> None:
    pids = []
    for slot in (0, 0, 1):
        pool.start(slot, order(tmp_path / str(len(pids)), "join", text="x"))
        pids.append(worker(pool))
    assert pids[0] == pids[1] != pids[2]
    assert os.getpid() not in pids


def test_a_worker_that_keeps_much_at_hand_is_kept(pool: Pool, tmp_path: Path) -> None:
    pids = []
    for number, megabytes in enumerate((1, 350, 351)):
        pool.start(0, order(tmp_path / str(number), "hoard", megabytes=megabytes, pause=0))
        pids.append(worker(pool))
    assert len(set(pids)) == 1


def test_a_worker_killed_in_idleness_is_replaced_unseen(pool: Pool, tmp_path: Path) -> None:
    pool.start(0, order(tmp_path / "1", "join", text="x"))
    pid = worker(pool)
    os.kill(pid, signal.SIGKILL)
    # its threads end one after the other, and the socket with the last
    select.select([pool._workers[0].channel], [], [], 10)
    pool.start(0, order(tmp_path / "2", "join", text="x"))
    assert worker(pool) != pid


def test_a_worker_killed_before_it_has_anything_is_told(tmp_path: Path) -> None:
    class Deadly:
        """Its workers are dead when they come."""

        def start(self) -> socket.socket:
            ours, theirs = socket.socketpair()
            theirs.close()
            return ours

        def reap(self, pid: int) -> int:
            raise AssertionError("there is no process")

        def close(self) -> None:
            pass

    with Pool(lambda: tmp_path, begin=lambda environment, preload: Deadly()) as pool:
        pool.start(2, order(tmp_path, "join", text="x"))
        assert next_of(pool) == Lost("join:a", 2, "")


def test_a_worker_that_dies_in_idleness_says_nothing(pool: Pool, tmp_path: Path) -> None:
    pool.start(0, order(tmp_path / "1", "join", text="x"))
    os.kill(worker(pool), signal.SIGKILL)
    assert pool.wait(0.5) == []


def test_a_worker_killed_at_work_is_told(pool: Pool, tmp_path: Path) -> None:
    pool.start(3, order(tmp_path, "misbehave", how="die"))
    assert next_of(pool) == Lost("misbehave:a", 3, "SIGKILL 9")


def test_a_worker_killed_at_work_takes_nothing_with_it(pool: Pool, tmp_path: Path) -> None:
    pool.start(0, order(tmp_path / "1", "join", text="x", until=str(tmp_path / "until")))
    pool.start(1, order(tmp_path / "2", "misbehave", how="die"))
    assert isinstance(next_of(pool), Lost)
    (tmp_path / "until").touch()
    assert worker(pool)


def test_a_dead_workers_children_are_killed(pool: Pool, tmp_path: Path) -> None:
    pool.start(0, order(tmp_path, "misbehave", how="die with a child", mark=str(tmp_path / "child")))
    assert isinstance(next_of(pool), Lost)
    assert gone(int((tmp_path / "child").read_text()))


def test_an_ended_step_does_not_come_back(pool: Pool, tmp_path: Path) -> None:
    pool.start(0, order(tmp_path / "1", "join", text="x", pause=60))
    pool.end(0)
    pool.end(0)  # nobody is there any more
    assert pool.wait(0) == []
    pool.start(0, order(tmp_path / "2", "join", text="x"))
    assert worker(pool)


def test_what_is_killed_with_the_pool_is_told(before: set[int], pool: Pool, tmp_path: Path) -> None:
    pool.start(0, order(tmp_path / "1", "join", text="x", pause=60))
    pool.start(1, order(tmp_path / "2", "join", text="x"))
    assert worker(pool)
    assert pool.kill() == [Lost("join:a", 0, "")]
    assert children(before) == set()


def test_what_cannot_be_sent_is_an_answer(pool: Pool, tmp_path: Path) -> None:
    pool.start(0, order(tmp_path, "join", text=(number for number in ())))
    message = next_of(pool)
    assert isinstance(message, Finished)
    assert message.answer.message.startswith("internal error: the step could not be sent to a worker")


def test_a_wait_ends_when_woken(tmp_path: Path) -> None:
    wake, write = os.pipe()
    with Pool(lambda: tmp_path, wake) as pool:
        assert pool.wait(0) == []
        os.write(write, b"x")
        began = time.monotonic()
        assert pool.wait(60) == []
        assert time.monotonic() - began < 30
    os.close(wake)
    os.close(write)


@pytest.mark.skipif("forked" not in BEGIN, reason="workers are forked on Linux only")
def test_a_killed_nursery_is_replaced(before: set[int], tmp_path: Path) -> None:
    with Pool(lambda: tmp_path, begin=Forking) as pool:
        pool.start(0, order(tmp_path / "1", "join", text="x"))
        first = worker(pool)
        (nursery,) = (one for one in psutil.Process().children() if one.pid not in before)
        nursery.kill()
        os.waitid(os.P_PID, nursery.pid, os.WEXITED | os.WNOWAIT)  # a command may still reach one that dies
        pool.start(0, order(tmp_path / "2", "join", text="x"))
        assert worker(pool) == first  # it lives on
        pool.start(1, order(tmp_path / "3", "join", text="x"))
        assert worker(pool) != first
    assert gone(first)


def test_workers_end_with_their_run(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from tests.run.test_worker import order; "
        "from xbatch.run.pool import Pool; root = Path(sys.argv[1]); pool = Pool(lambda: root); "
        "pool.start(0, order(root, 'join', text='x')); message = pool.wait(60) or pool.wait(60); "
        "print(message[0].answer.record['facts']['pid'], flush=True); time.sleep(60)"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    with run:
        assert run.stdout is not None
        pid = int(run.stdout.readline())
        family = [pid, *(one.pid for one in psutil.Process(run.pid).children(recursive=True))]
        run.kill()
    assert all(gone(one) for one in family)


def test_the_peak_of_memory_is_that_of_the_step(tmp_path: Path) -> None:
    """A worker that has needed much once does not say so of later steps, nor what it was forked from."""
    peaks = []
    with Pool(lambda: tmp_path) as pool:
        for number, megabytes in enumerate((1, 300, 1, 1)):  # the third still begins with the 300
            pool.start(0, order(tmp_path / str(number), "hoard", megabytes=megabytes, pause=0))
            message = next_of(pool)
            assert isinstance(message, Finished)
            assert message.answer.record is not None
            peaks.append(float(message.answer.record["max_rss_mb"]))
    assert peaks[0] < 250
    assert 300 < peaks[1] < 600
    if sys.platform == "linux":
        assert peaks[3] < 250
