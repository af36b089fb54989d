from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from tests.run.test_worker import order
from xbatch.run.pool import Finished, Lost, Pool


@pytest.fixture
def queue() -> SimpleQueue[Finished | Lost]:
    return SimpleQueue()


@pytest.fixture
def pool(queue: SimpleQueue[Finished | Lost], tmp_path: Path) -> Iterator[Pool]:
    with Pool(queue.put, tmp_path) as made:
        yield made


def worker(queue: SimpleQueue[Finished | Lost]) -> int:
    """Wait for a step that went well and give the process that did it."""
    message = queue.get(timeout=30)
    assert isinstance(message, Finished)
    assert message.answer.record is not None
    return int(message.answer.record["facts"]["pid"])


def test_a_slot_keeps_its_process(pool: Pool, queue: SimpleQueue[Finished | Lost], tmp_path: Path) -> None:
    pids = []
    for slot in (0, 0, 1):
        pool.start(slot, order(tmp_path / str(len(pids)), "join", text="x"))
        pids.append(worker(queue))
    assert pids[0] == pids[1] != pids[2]
    assert os.getpid() not in pids


def test_a_worker_that_keeps_much_at_hand_is_kept(
    pool: Pool, queue: SimpleQueue[Finished | Lost], tmp_path: Path
) -> None:
    """Loky looks at a worker's memory a second after its first task, and ends one that has grown by 300 MB."""
    pids = []
    for number, megabytes in enumerate((1, 350, 351)):
        pool.start(0, order(tmp_path / str(number), "hoard", megabytes=megabytes, pause=1.1 if number == 1 else 0))
        pids.append(worker(queue))
    assert len(set(pids)) == 1


def test_a_worker_killed_in_idleness_is_replaced_unseen(
    pool: Pool, queue: SimpleQueue[Finished | Lost], tmp_path: Path
) -> None:
    pool.start(0, order(tmp_path / "1", "join", text="x"))
    pid = worker(queue)
    os.kill(pid, signal.SIGKILL)
    pool._executors[0]._executor_manager_thread.join(10)
    pool.start(0, order(tmp_path / "2", "join", text="x"))
    assert worker(queue) != pid


def test_a_worker_killed_at_work_is_told(pool: Pool, queue: SimpleQueue[Finished | Lost], tmp_path: Path) -> None:
    pool.start(3, order(tmp_path, "misbehave", how="die"))
    assert queue.get(timeout=30) == Lost("misbehave:a", 3, "SIGKILL 9")


def test_a_pool_closed_at_once_after_a_start_says_nothing(
    queue: SimpleQueue[Finished | Lost], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[object] = []
    monkeypatch.setattr(threading, "excepthook", said.append)
    with Pool(queue.put, tmp_path) as pool:
        pool.start(0, order(tmp_path / "1", "join", text="x"))
        worker(queue)
        pool.start(0, order(tmp_path / "2", "join", text="x"))
    assert not said


def test_what_cannot_be_sent_is_an_answer(pool: Pool, queue: SimpleQueue[Finished | Lost], tmp_path: Path) -> None:
    pool.start(0, order(tmp_path, "join", text=(number for number in ())))
    message = queue.get(timeout=30)
    assert isinstance(message, Finished)
    assert message.answer.message.startswith("internal error: the step could not be sent to a worker")
