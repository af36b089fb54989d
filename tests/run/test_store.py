from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from xbatch.base.digest import file_facts
from xbatch.base.errors import FileError
from xbatch.run.exchange import exchanged
from xbatch.run.owner import Owner, this_process
from xbatch.run.store import RECORD, Store, is_store_fault

KEY = "ab" + 62 * "0"


def fill(store: Store, text: str = "text", key: str = KEY) -> tuple[Path, Mapping[str, Any]]:
    folder = store.scratch()
    (folder / "out.txt").write_text(text)
    facts = file_facts(folder / "out.txt")
    outputs = {"out.txt": {"size": facts.size, "sha256": facts.sha256, "digest": facts.digest}}
    return folder, {"record": 1, "key": key, "outputs": outputs, "text": text}


def test_what_is_published_is_found(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    assert store.lookup(KEY) is None
    folder, record = fill(store)
    assert store.publish(folder, record) == record
    assert not folder.exists()
    assert Store(tmp_path / "store").lookup(KEY) == record
    assert store.entry(KEY) == tmp_path / "store" / "ab" / KEY
    assert (store.entry(KEY) / "out.txt").stat().st_mode & 0o777 == 0o444


def test_the_first_of_two_equal_results_stays(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = store.publish(*fill(store, "one"))
    folder, record = fill(store, "two")
    assert store.publish(folder, record) == first
    assert not folder.exists()
    assert (store.entry(KEY) / "out.txt").read_text() == "one"


@pytest.fixture(params=[True, False], ids=["exchanged", "moved"])
def exchanging(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the disk can exchange two names in one step."""
    if not request.param:
        monkeypatch.setattr("xbatch.run.store.exchanged", lambda one, other: False)
    return bool(request.param)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is moved away first")
def test_an_entry_that_gives_way_is_there_at_every_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    assert not exchanged(one, other)
    other.mkdir()
    if not exchanged(one, other):
        pytest.skip("this disk cannot exchange names")
    store = Store(tmp_path / "store")
    store.publish(*fill(store, "one"))
    entry, rename = store.entry(KEY), os.rename

    def watched(source: Path, target: Path) -> None:
        assert source != entry, "it is moved away"
        rename(source, target)

    monkeypatch.setattr(os, "rename", watched)
    work = fill(store, "two")
    assert store.publish(*work, replace=True) == work[1]
    assert (entry / "out.txt").read_text() == "two"


@pytest.mark.usefixtures("exchanging")
def test_unless_it_shall_give_way(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.publish(*fill(store, "one"))
    folder, record = fill(store, "two")
    assert store.publish(folder, record, replace=True) == record
    assert (store.entry(KEY) / "out.txt").read_text() == "two"
    store.leave()
    assert sorted(path.name for path in (tmp_path / "tmp").iterdir()) == []


def test_an_entry_that_was_written_to_is_no_entry(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.publish(*fill(store, "made"))
    path = store.entry(KEY) / "out.txt"
    path.chmod(0o644)
    path.write_text("fake")
    later = path.stat().st_mtime_ns + 10**9
    os.utime(path, ns=(later, later))
    assert store.lookup(KEY) is None
    assert store.is_damaged(KEY)
    path.write_text("made")
    os.utime(path, ns=(later, later))
    assert store.lookup(KEY) is not None  # only touched, or a copy of the store
    assert not store.is_damaged(KEY)


@pytest.mark.parametrize("damage", ["missing", "shorter", "record", "key", "version", "list"])
def test_a_damaged_entry_is_no_entry_and_is_made_anew(tmp_path: Path, damage: str) -> None:
    store = Store(tmp_path)
    store.publish(*fill(store))
    entry = store.entry(KEY)
    match damage:
        case "missing":
            (entry / "out.txt").unlink()
        case "shorter":
            (entry / "out.txt").chmod(0o644)
            (entry / "out.txt").write_text("t")
        case "record":
            (entry / RECORD).write_text('{"rec')
        case "key":
            (entry / RECORD).write_text((entry / RECORD).read_text().replace(KEY, KEY[::-1]))
        case "version":
            (entry / RECORD).write_text((entry / RECORD).read_text().replace('"record": 1', '"record": 2'))
        case "list":
            (entry / RECORD).write_text("[]")
    assert store.lookup(KEY) is None
    folder, record = fill(store)
    assert store.publish(folder, record) == record
    assert store.lookup(KEY) == record


def test_changed_bytes_of_equal_size_are_seen_by_the_paranoid(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.publish(*fill(store, "text"))
    path = store.entry(KEY) / "out.txt"
    made = path.stat().st_mtime_ns
    path.chmod(0o644)
    path.write_text("tent")
    os.utime(path, ns=(made, made))  # as a disk that goes bad changes it
    assert store.lookup(KEY) is not None
    assert Store(tmp_path, paranoid=True).lookup(KEY) is None


@pytest.mark.skipif(sys.platform != "linux", reason="a file that gives EIO is taken from /proc")
def test_a_result_that_cannot_be_read_is_made_anew(tmp_path: Path) -> None:
    store = Store(tmp_path, paranoid=True)
    store.publish(*fill(store, ""))
    assert store.lookup(KEY) is not None
    path = store.entry(KEY) / "out.txt"
    path.unlink()
    path.symlink_to("/proc/self/mem")
    assert store.lookup(KEY) is None
    assert store.is_damaged(KEY)


def test_many_may_publish_at_once(tmp_path: Path) -> None:
    stores = [Store(tmp_path) for _ in range(6)]
    work = [(store, *fill(store, str(number))) for number, store in enumerate(stores)]
    found: list[str] = []
    threads = [threading.Thread(target=lambda s=s, f=f, r=r: found.append(s.publish(f, r)["text"])) for s, f, r in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    record = stores[0].lookup(KEY)
    assert record is not None
    assert (stores[0].entry(KEY) / "out.txt").read_text() == record["text"] == found[0]


def test_another_run_may_make_the_folder_between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    folder, record = fill(store)
    parent, rename = store.entry(KEY).parent, os.rename

    def late(source: Path, target: Path) -> None:
        if parent.is_dir():
            return rename(source, target)
        parent.mkdir()
        raise FileNotFoundError(2, os.strerror(2), str(source))

    monkeypatch.setattr(os, "rename", late)
    assert store.publish(folder, record) == record
    assert store.lookup(KEY) == record


def test_a_folder_that_is_gone_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    folder, record = fill(store)
    rename = os.rename

    def swept_away(source: Path, target: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        rename(source, target)

    monkeypatch.setattr(os, "rename", swept_away)
    with pytest.raises(FileNotFoundError):
        store.publish(folder, record)


def test_a_disk_that_fills_leaves_nothing_half_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    folder, record = fill(store)

    def full(self: Path, text: str, encoding: str) -> int:
        raise OSError(28, os.strerror(28), str(self))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left") as caught:
        store.publish(folder, record)
    assert is_store_fault(caught.value)
    assert not store.entry(KEY).exists()


def test_a_store_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")
    with pytest.raises(FileError, match=r"cannot be written: .*Name another store with --store"):
        Store(tmp_path / "store").scratch()


def test_sync_takes_few_and_many(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.publish(*fill(store))
    store.sync([KEY, KEY[::-1]])
    store.sync([KEY] * 100)


def test_only_what_the_dead_have_left_is_cleared_away(tmp_path: Path) -> None:
    store = Store(tmp_path)
    mine = store.scratch()
    me = this_process()
    dead = [Owner(me.host, me.pid, "1"), Owner(me.host, 2**22 + 1, "7")]
    others = [Owner("elsewhere", me.pid, "1").text(), "notes"]
    for name in (*(owner.text() for owner in dead), *others):
        (tmp_path / "tmp" / name / "0").mkdir(parents=True)
    Store(tmp_path).clean()
    left = {path.name for path in (tmp_path / "tmp").iterdir()}
    assert left == {me.text(), *others}
    assert mine.is_dir()


def test_two_runs_of_one_process_do_not_clear_each_others_work(tmp_path: Path) -> None:
    one, two = Store(tmp_path), Store(tmp_path)
    mine, theirs = one.scratch(), two.scratch()
    one.leave()
    assert theirs.is_dir()
    assert not mine.exists()
    two.leave()
    assert list((tmp_path / "tmp").iterdir()) == []
