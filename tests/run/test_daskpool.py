"""What the run makes of Dask's news, without a Dask: a future is whatever a test says it is."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.run.test_worker import order
from xbatch.run.daskpool import DaskPool
from xbatch.run.letters import Answer
from xbatch.run.moves import Slots
from xbatch.run.plugin import BEGAN
from xbatch.run.pool import Finished, Lost
from xbatch.run.workers import Hopeless

pytest.importorskip("distributed", reason="Dask's scheduler is not installed (pip install 'xbatch[dask]')")


class Future:
    def __init__(self, key: str) -> None:
        self.key, self.status = key, "pending"
        self.callback: Callable[[Future], None]
        self.value: object = None

    def add_done_callback(self, callback: Callable[[Future], None]) -> None:
        self.callback = callback

    def result(self) -> object:
        if isinstance(self.value, Exception):
            raise self.value
        return self.value

    def come(self, status: str, value: object = None) -> None:
        self.status, self.value = status, value
        thread = threading.Thread(target=self.callback, args=(self,))
        thread.start()
        thread.join()


class Scheduler:
    """Stands for the connection."""

    address = "tcp://there:8786"
    patience: float | None = 0.2

    def __init__(self) -> None:
        self.slots, self.alive, self.dismissed = 2, True, False
        self.unheard = 0
        self.futures: list[Future] = []
        self.cancelled: list[str] = []
        self.hear: Callable[[Mapping[str, Any]], None]

    def submit(self, key: str, message: bytes) -> Future:
        assert pickle.loads(message).step == "join:a"
        self.futures.append(Future(key))
        return self.futures[-1]

    def cancel(self, futures: Sequence[Future]) -> None:
        self.cancelled += [future.key for future in futures]

    def listen(self, hear: Any) -> None:
        self.hear = hear

    def recount(self) -> None:
        self.slots = max(self.slots, self.unheard)

    def dismiss(self) -> None:
        self.dismissed = True


@pytest.fixture
def scheduler() -> Scheduler:
    return Scheduler()


@pytest.fixture
def pool(scheduler: Scheduler) -> Iterator[DaskPool]:
    with DaskPool(scheduler) as made:  # type: ignore[arg-type]
        yield made


ANSWER = Answer(None, "it failed")


def test_an_answer_comes_back_in_its_slot(pool: DaskPool, scheduler: Scheduler, tmp_path: Path) -> None:
    pool.start(1, order(tmp_path, "join", text="x"))
    assert pool.wait(0) == []
    scheduler.futures[0].come("finished", pickle.dumps(Finished("join:a", 0, ANSWER)))
    assert pool.wait(60) == [Finished("join:a", 1, ANSWER)]
    assert pool.kill() == []
    assert not scheduler.dismissed


def test_a_death_comes_back_in_its_slot(pool: DaskPool, scheduler: Scheduler, tmp_path: Path) -> None:
    pool.start(1, order(tmp_path, "join", text="x"))
    scheduler.futures[0].come("finished", pickle.dumps(Lost("join:a", 0, "SIGKILL 9")))
    assert pool.wait(60) == [Lost("join:a", 1, "SIGKILL 9")]
    pool.start(1, order(tmp_path, "join", text="x"))
    scheduler.futures[1].come("cancelled")
    assert pool.wait(60) == [Lost("join:a", 1, "Dask has cancelled it")]


def test_what_dask_cannot_do_stops_the_run(pool: DaskPool, scheduler: Scheduler, tmp_path: Path) -> None:
    pool.start(0, order(tmp_path, "join", text="x"))
    scheduler.futures[0].come("error", ModuleNotFoundError("No module named 'xbatch'\nmore"))
    (message,) = pool.wait(60)
    assert isinstance(message, Finished)
    assert (message.step, message.slot) == ("join:a", 0)
    assert message.answer.hopeless
    assert message.answer.message == "Dask could not have it done: No module named 'xbatch'"


def test_an_ended_step_does_not_come_back(pool: DaskPool, scheduler: Scheduler, tmp_path: Path) -> None:
    pool.start(0, order(tmp_path, "join", text="x"))
    pool.end(0)
    pool.end(0)
    (future,) = scheduler.futures
    assert scheduler.cancelled == [future.key]
    future.come("cancelled")
    assert pool.wait(0) == []


def test_a_lost_worker_costs_what_it_had_begun(pool: DaskPool, scheduler: Scheduler, tmp_path: Path) -> None:
    for slot in (0, 1):
        pool.start(slot, order(tmp_path, "join", text="x"))
    first, second = (future.key for future in scheduler.futures)
    scheduler.hear({"action": BEGAN, "key": first})
    scheduler.slots = 1
    scheduler.hear({"action": "remove-worker", "worker": "tcp://w:1", "processing-tasks": {first, second, "foreign"}})
    assert pool.wait(60) == [Slots(1), Lost("join:a", 0, "Dask has lost its worker tcp://w:1")]
    assert scheduler.cancelled == [first]
    scheduler.slots = 4
    scheduler.hear({"action": "add-worker", "worker": "tcp://w:2"})
    scheduler.hear({"action": "retire-workers"})
    assert pool.wait(60) == [Slots(4)]


def test_workers_that_were_not_heard_of_are_found(
    pool: DaskPool, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xbatch.run.daskpool._LOOK_S", 600.0)
    assert pool.wait(0) == []
    scheduler.unheard = 3
    assert pool.wait(0) == []
    monkeypatch.setattr("xbatch.run.daskpool._LOOK_S", 0.05)
    assert pool.wait(60) == [Slots(3)]


def test_without_workers_a_run_waits_and_then_gives_up(
    pool: DaskPool, scheduler: Scheduler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xbatch.run.daskpool._LOOK_S", 0.05)
    pool.start(0, order(tmp_path, "join", text="x"))
    scheduler.slots = 0
    assert pool.wait(0) == [Slots(0)]
    first, second = pool.wait(60)
    assert isinstance(first, Hopeless)
    assert first.message.startswith("the Dask scheduler at tcp://there:8786 has no workers left. What is finished is")
    assert second == Lost("join:a", 0, "")
    assert pool.wait(0) == [], "it is said once"


def test_without_a_scheduler_a_run_gives_up(
    pool: DaskPool, scheduler: Scheduler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xbatch.run.daskpool._LOOK_S", 0.05)
    scheduler.alive = False
    pool.start(0, order(tmp_path, "join", text="x"))
    first, second = pool.wait(60)
    assert isinstance(first, Hopeless)
    assert "the connection to the Dask scheduler at tcp://there:8786 was lost" in first.message
    assert second == Lost("join:a", 0, "Dask's scheduler is gone")
    assert scheduler.futures == []


def test_what_cannot_be_sent_is_an_answer(pool: DaskPool, tmp_path: Path) -> None:
    pool.start(0, order(tmp_path, "join", text=(number for number in ())))
    (message,) = pool.wait(60)
    assert isinstance(message, Finished)
    assert message.answer.message.startswith("internal error: the step could not be sent to a worker")


def test_a_wait_ends_when_woken_and_when_time_is_up(scheduler: Scheduler) -> None:
    import os

    wake, write = os.pipe()
    with DaskPool(scheduler, wake) as pool:  # type: ignore[arg-type]
        os.write(write, b"x")
        assert pool.wait(None) == []
        began = time.monotonic()
        assert pool.wait(0.1) == []
        assert time.monotonic() - began >= 0.1
    os.close(wake)
    os.close(write)
    scheduler.hear({"action": "add-worker"})  # too late, and no matter
