from __future__ import annotations

import fcntl
import json
import os
import shutil
import stat
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.run.inline import inline_workers
from tests.run.test_store import KEY, fill
from tests.run.toys import TOYS, plan, step
from xbatch.base.errors import FileError
from xbatch.plan.steps import Plan
from xbatch.run.result import RunResult
from xbatch.run.session import execute
from xbatch.run.store import Store
from xbatch.run.uses import MARK_S, alone, known_runs, registered


def age(path: Path, seconds: float) -> None:
    moment = time.time() - seconds
    os.utime(path, (moment, moment))


def test_a_run_is_known_and_at_work_as_long_as_it_lasts(tmp_path: Path) -> None:
    store = tmp_path / "store"
    assert known_runs(store) == []
    with registered(store, tmp_path / "one"):
        (one,) = known_runs(store)
        assert one.running
        assert (one.folder, one.host) == (tmp_path / "one", os.uname().nodename)
        assert abs(one.used - time.time()) < 60
    assert [run.running for run in known_runs(store)] == [False]
    age(one.note, 1000)
    with registered(store, tmp_path / "two"):
        assert [run.folder.name for run in known_runs(store)] == ["one", "two"]
    age(known_runs(store)[1].note, 500)
    with registered(store, tmp_path / "one"):
        assert [run.folder.name for run in known_runs(store)] == ["two", "one"]


def test_a_note_half_written_is_a_run_at_work_or_nothing(tmp_path: Path) -> None:
    with registered(tmp_path, tmp_path / "run"):
        (run,) = known_runs(tmp_path)
        run.note.write_text("")
        (run,) = known_runs(tmp_path)
        assert run.running
    assert known_runs(tmp_path) == []


def test_a_store_that_cannot_be_written_takes_no_notes(tmp_path: Path) -> None:
    (tmp_path / "store").touch()
    with registered(tmp_path / "store", tmp_path / "run"):
        pass
    with pytest.raises(FileError, match="cannot be locked"), alone(tmp_path / "store"):
        pass


def test_the_first_run_of_a_store_keeps_out_who_clears_up(tmp_path: Path) -> None:
    with registered(tmp_path / "store", tmp_path / "run"):
        store = Store(tmp_path / "store", uses=True)
        assert store.lookup(KEY) is None
        with (tmp_path / "store" / ".lock").open("r+") as stream, pytest.raises(BlockingIOError):
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        store.rest()
        with alone(tmp_path / "store"):
            pass
        store.leave()


def test_what_is_looked_up_is_marked_as_used(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.publish(*fill(store))
    entry = store.entry(KEY)
    age(entry, 2 * MARK_S)
    before = entry.stat().st_mtime
    assert store.lookup(KEY) is not None
    assert entry.stat().st_mtime == before, "whoever only asks uses nothing"
    user = Store(tmp_path, uses=True)
    assert user.lookup(KEY) is not None
    user.leave()
    assert entry.stat().st_mtime > before + MARK_S
    age(entry, MARK_S / 2)
    before = entry.stat().st_mtime
    assert user.lookup(KEY) is not None
    user.leave()
    assert entry.stat().st_mtime == before, "it was marked within the hour"


def test_an_equal_result_marks_the_one_that_stays(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.publish(*fill(store))
    age(store.entry(KEY), 2 * MARK_S)
    store.publish(*fill(store))
    assert time.time() - store.entry(KEY).stat().st_mtime < 60


def test_nobody_looks_while_one_has_the_lock_alone(tmp_path: Path) -> None:
    import threading

    store = Store(tmp_path)
    store.publish(*fill(store))
    user = Store(tmp_path, uses=True)
    found: list[object] = []
    with alone(tmp_path):
        thread = threading.Thread(target=lambda: found.append(user.lookup(KEY)))
        thread.start()
        thread.join(0.2)
        assert found == []
        shutil.rmtree(store.entry(KEY))
    thread.join()
    assert found == [None]
    user.rest()
    with alone(tmp_path):
        pass
    assert user.lookup(KEY) is None
    user.leave()
    with alone(tmp_path):
        pass


# ---- several users of one disk ------------------------------------------------------------------------------------

GROUP = 20000


@pytest.fixture
def common() -> Iterator[Path]:
    """A folder that the users of a group share; only root can play several users."""
    if os.geteuid() != 0:
        pytest.skip("only root can be several users")
    folder = Path(tempfile.mkdtemp())
    store = folder / "store"
    store.mkdir()
    os.chown(store, 20001, GROUP)
    folder.chmod(0o755)
    store.chmod(0o2770)
    yield store
    shutil.rmtree(folder)


def as_user(uid: int, action: Callable[[], object]) -> None:
    """Do something as another user who shares the group, and lets others see nothing by default."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setgid(GROUP)
            os.setuid(uid)
            os.umask(0o077)
            action()
            status = 0
        except BaseException:  # noqa: BLE001 - nothing may leave a process that was only forked
            traceback.print_exc()
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_users_of_one_disk_share_a_store(common: Path) -> None:
    def make(text: str) -> None:
        store = Store(common)
        store.publish(*fill(store, text))
        store.leave()

    def use() -> None:
        age_limit = time.time() - 60
        with registered(common, Path("/home/second/out")):
            store = Store(common, uses=True)
            record = store.lookup(KEY)
            assert record is not None
            assert record["text"] == "first"
            assert (store.entry(KEY) / "out.txt").read_text() == "first"
            assert store.entry(KEY).stat().st_mtime > age_limit
            store.publish(*fill(store, "second", KEY[:2] + KEY[:1:-1]))
            store.leave()

    def replace() -> None:
        store = Store(common)
        store.publish(*fill(store, "third"), replace=True)
        store.leave()

    as_user(20001, lambda: make("first"))
    entry = Store(common).entry(KEY)
    age(entry, 2 * MARK_S)
    as_user(20002, use)
    as_user(20002, replace)
    assert (entry / "out.txt").read_text() == "third"
    assert entry.stat().st_uid == 20002
    as_user(20001, replace)
    assert entry.stat().st_uid == 20001
    assert list((common / "tmp").iterdir()) == []
    assert {json.loads(note.read_text())["run"] for note in (common / "runs").iterdir()} == {"/home/second/out"}
    for path in common.rglob("*"):
        if path.is_dir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o2770, path
        else:
            assert path.stat().st_mode & stat.S_IRGRP, path


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_store_for_reading_only_gives_what_it_has(common: Path) -> None:
    common.chmod(0o755)
    what = plan(step("join:a", text="a"), step("join:b", "join:a"))
    more = plan(*what, step("join:c", text="c"))
    home = common.parent / "home"
    home.mkdir()
    os.chown(home, 20002, 20002)

    def run(what: Plan) -> RunResult:
        return execute(what, home / "run", common, jobs=1, registry=TOYS, make_workers=inline_workers)

    def use() -> None:
        for _ in range(2):
            result = run(what)
            assert {one.outcome for one in result.steps} == {"up to date"}
            assert (home / "run/products/join/b/out.txt").read_text() == "a"
        with pytest.raises(FileError, match=r"cannot be written: Permission denied\. Name another store"):
            run(more)
        assert (home / "run/products/join/b/out.txt").read_text() == "a"

    execute(what, common.parent / "first", common, jobs=1, registry=TOYS, make_workers=inline_workers)
    before = {path: path.stat().st_mtime_ns for path in common.rglob("*")}
    as_user(20002, use)
    assert {path: path.stat().st_mtime_ns for path in common.rglob("*")} == before
