from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.run.processes import children, gone
from tests.run.test_worker import order
from xbatch import __version__
from xbatch.run.hands import Hands, Probe
from xbatch.run.letters import Order
from xbatch.run.pool import Finished, Lost


@pytest.fixture
def hands(tmp_path: Path) -> Iterator[Hands]:
    (tmp_path / "tmp").mkdir()
    made = Hands(tmp_path / "tmp", __version__, [])
    yield made
    made.close()


def do(hands: Hands, key: str, what: Order) -> Finished | Lost:
    result = pickle.loads(hands.perform(key, pickle.dumps(what)))
    assert isinstance(result, Finished | Lost)
    return result


def pid_of(result: Finished | Lost) -> int:
    assert isinstance(result, Finished)
    assert result.answer.record is not None, result.answer.message
    return int(result.answer.record["facts"]["pid"])


def wait_for(path: Path) -> int:
    end = time.monotonic() + 60
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
    return int(path.read_text())


def test_steps_are_done_by_processes_that_are_kept(hands: Hands, tmp_path: Path) -> None:
    first = pid_of(do(hands, "1", order(tmp_path / "1", "join", text="x")))
    second = pid_of(do(hands, "2", order(tmp_path / "2", "join", text="x")))
    assert first == second != os.getpid()


def test_processes_end_when_there_is_nothing_to_do(
    hands: Hands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xbatch.run.hands._REST_S", 0.01)
    before = children()
    first = pid_of(do(hands, "1", order(tmp_path / "1", "join", text="x")))
    assert gone(first)
    deadline = time.monotonic() + 60
    while children(before):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert pid_of(do(hands, "2", order(tmp_path / "2", "join", text="x"))) != first


def test_each_thread_has_a_process(hands: Hands, tmp_path: Path) -> None:
    marks = [tmp_path / "mark1", tmp_path / "mark2"]
    with ThreadPoolExecutor(2) as threads:
        try:
            for mark, other in (marks, marks[::-1]):  # each waits for the other to begin
                what = order(tmp_path / f"at {mark.name}", "linger", mark=str(mark), until=str(other), text="x")
                threads.submit(do, hands, mark.name, what)
            assert len({wait_for(mark) for mark in marks}) == 2
        finally:
            hands.close()  # one that were alone would wait for ever


def test_a_killed_process_is_told(hands: Hands, tmp_path: Path) -> None:
    assert do(hands, "1", order(tmp_path, "misbehave", how="die")) == Lost("misbehave:a", 0, "SIGKILL 9")
    assert list((tmp_path / "store" / "tmp").glob("*/*/*")) == []


def test_a_folder_left_by_an_attempt_that_died_is_no_matter(hands: Hands, tmp_path: Path) -> None:
    what = order(tmp_path, "join", text="x")
    what.out.mkdir()
    (what.out / "out.txt").write_text("half")
    assert pid_of(do(hands, "1", what))
    assert (what.out / "out.txt").read_text() == "half", "it may be that attempt's still"


@pytest.mark.parametrize("how", ["end", "close"])
def test_a_step_that_is_ended_takes_all_with_it(hands: Hands, tmp_path: Path, how: str) -> None:
    mark = tmp_path / "mark"
    what = order(tmp_path, "linger", mark=str(mark), until=str(tmp_path / "never"), text="x")
    with ThreadPoolExecutor(1) as thread:
        result = thread.submit(do, hands, "1", what)
        pid = wait_for(mark)
        hands.end("1") if how == "end" else hands.close()
        assert isinstance(result.result(60), Lost)
    assert gone(pid, 0)
    if how == "end":
        assert pid_of(do(hands, "1", order(tmp_path / "2", "join", text="x")))
    else:
        assert not (tmp_path / "tmp").exists()


def test_a_step_ended_before_it_began_is_not_begun(hands: Hands, tmp_path: Path) -> None:
    hands.end("1")
    assert isinstance(do(hands, "1", order(tmp_path, "join", text="x")), Lost)
    assert not (tmp_path / "logs").exists()


def test_a_step_that_comes_while_all_is_closed_is_not_begun(
    hands: Hands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_over = hands._is_over

    def closed_after(key: str) -> bool:
        before = is_over(key)
        hands.close()
        return before

    monkeypatch.setattr(hands, "_is_over", closed_after)
    assert do(hands, "1", order(tmp_path, "join", text="x")) == Lost("join:a", 0, "its run has ended it")


def test_what_is_left_of_a_process_is_killed_with_it(hands: Hands, tmp_path: Path) -> None:
    child = tmp_path / "child"
    what = order(tmp_path, "misbehave", how="die with a child", mark=str(child))
    assert isinstance(do(hands, "1", what), Lost)
    assert gone(int(child.read_text()))


def test_temporary_files_lie_where_the_cluster_wants_them(hands: Hands, tmp_path: Path) -> None:
    result = do(hands, "1", order(tmp_path, "surroundings"))
    assert isinstance(result, Finished)
    assert result.answer.record is not None
    (found,) = (tmp_path / "store").glob("*/*/out.json")
    text = found.read_text()
    assert f'"TMPDIR": "{tmp_path / "tmp"}"' in text
    assert '"PYTHONHASHSEED": "0"' in text
    assert '"OMP_NUM_THREADS": "1"' in text


def test_another_version_does_no_step(tmp_path: Path) -> None:
    hands = Hands(tmp_path / "tmp", "0.0.0", [])
    result = do(hands, "1", order(tmp_path, "join", text="x"))
    assert isinstance(result, Finished)
    assert result.answer.hopeless
    assert f"has xbatch {__version__}, and the run has 0.0.0" in result.answer.message
    assert not (tmp_path / "store" / "cd").exists()


def test_folders_that_are_not_shared_are_named(tmp_path: Path) -> None:
    probe = Probe(tmp_path, tmp_path / "token", "abc", "--store")
    assert "is not seen on" in Hands(tmp_path, __version__, [probe]).sight.fault
    probe.file.write_text("abd")
    assert f"{tmp_path}: is another folder on" in Hands(tmp_path, __version__, [probe]).sight.fault
    probe.file.write_text("abc")
    assert Hands(tmp_path, __version__, [probe]).sight.fault == ""
    assert [path.name for path in tmp_path.iterdir()] == ["token"]
    if os.geteuid():
        tmp_path.chmod(0o500)
        assert "cannot be used on" in Hands(tmp_path, __version__, [replace(probe)]).sight.fault
        tmp_path.chmod(0o700)


ALONE = """
import pickle, sys
from pathlib import Path
from tests.run.test_worker import order
from xbatch import __version__
from xbatch.run.hands import Hands
root = Path(sys.argv[1])
what = order(root, "linger", mark=str(root / "mark"), until=str(root / "never"), text="x")
(root / "tmp").mkdir()
Hands(root / "tmp", __version__, []).perform("1", pickle.dumps(what))
"""


def test_hands_that_are_killed_midway_leave_nothing(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ALONE, str(tmp_path)], cwd=Path(__file__).parents[2]) as alone:
        pid = wait_for(tmp_path / "mark")
        alone.kill()
    assert gone(pid)
