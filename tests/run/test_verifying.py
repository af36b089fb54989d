from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path

import pytest

from tests.run.toys import TOYS, plan, step
from xbatch.base.digest import file_sha256
from xbatch.run import verifying
from xbatch.run.session import execute
from xbatch.run.store import RECORD, Store
from xbatch.run.uses import alone
from xbatch.run.verifying import check_store, set_aside


@pytest.fixture
def store(tmp_path: Path) -> Store:
    what = plan(step("join:a", text="aaaa"), step("join:b", "join:a"), step("join:c", text="c"))
    assert execute(what, tmp_path / "run", tmp_path / "store", jobs=1, registry=TOYS).ok
    return Store(tmp_path / "store")


def entry_of(store: Store, name: str) -> Path:
    (found,) = (
        path.parent
        for path in store.root.glob(f"??/*/{RECORD}")
        if json.loads(path.read_text())["step"] == f"join:{name}"
    )
    return found


def test_what_was_made_is_whole(store: Store) -> None:
    seen: list[int] = []
    assert check_store(store, 2, lambda: seen.append(1)) == (3, [])
    assert len(seen) == 3


def test_an_entry_that_is_replaced_while_it_is_checked_is_whole(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = entry_of(store, "a")
    other = tmp_path / "other"
    shutil.copytree(entry, other)
    (other / "out.txt").chmod(0o644)
    (other / "out.txt").write_text("bbbb")
    record = json.loads((other / RECORD).read_text())
    record["outputs"]["out.txt"]["sha256"] = file_sha256(other / "out.txt")
    (other / RECORD).chmod(0o644)
    (other / RECORD).write_text(json.dumps(record))
    check = verifying.check_file

    def late(path: Path, size: int, sha256: str) -> str:
        if other.exists() and path.parent == entry:
            shutil.rmtree(entry)
            other.rename(entry)
        return check(path, size, sha256)

    monkeypatch.setattr(verifying, "check_file", late)
    assert check_store(store) == (3, [])
    assert not other.exists()


def test_an_entry_that_is_being_taken_away_is_not_damaged(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = entry_of(store, "a")
    half_way, removed = threading.Event(), []

    def remove() -> None:
        with alone(store.root):
            (entry / RECORD).unlink()
            half_way.set()
            removed.append(seen.wait(60))
            shutil.rmtree(entry)

    seen = threading.Event()
    found = verifying.faults_of

    def look(store: Store, key: str) -> tuple[str, tuple[str, ...]] | None:
        half_way.wait(60)
        faults = found(store, key)
        if faults is not None and faults[1]:
            seen.set()
        return faults

    monkeypatch.setattr(verifying, "faults_of", look)
    thread = threading.Thread(target=remove)
    thread.start()
    assert check_store(store) == (2, [])
    thread.join()
    assert removed == [True]


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("bytes", "out.txt has other bytes than were written"),
        ("size", "out.txt has 1 bytes, not 4"),
        ("missing", "out.txt is missing"),
        ("record", "record.json is missing or cannot be read"),
        ("outputs", "record.json lacks what a record has (KeyError: 'outputs')"),
        ("ingredients", "record.json names other ingredients than its key is made of"),
        ("more", "more is not among what the step has made"),
    ],
)
def test_damage_is_named_and_set_aside(store: Store, tmp_path: Path, damage: str, told: str) -> None:
    entry = entry_of(store, "a")
    path, record = entry / "out.txt", json.loads((entry / RECORD).read_text())
    made = path.stat().st_mtime_ns
    match damage:
        case "bytes":
            path.chmod(0o644)
            path.write_text("aaba")
            os.utime(path, ns=(made, made))  # no look at size and times can see it
            assert store.lookup(entry.name) is not None
        case "size":
            path.chmod(0o644)
            path.write_text("a")
        case "missing":
            path.unlink()
        case "record":
            (entry / RECORD).unlink()
        case "outputs":
            del record["outputs"]
            (entry / RECORD).write_text(json.dumps(record))
        case "ingredients":
            record["ingredients"]["params"]["text"] = "b"
            (entry / RECORD).write_text(json.dumps(record))
        case "more":
            (entry / "more").touch()
    count, (found,) = check_store(store)
    assert (count, found.place, found.what) == (3, entry, (told,))
    assert found.step == ("" if damage == "record" else "join:a")
    keys = [entry.name, entry_of(store, "c").name, "0" * 64]
    assert set_aside(store, keys) == [store.root / "damaged" / entry.name], "what is whole stays"
    assert check_store(store) == (2, [])
    what = plan(step("join:a", text="aaaa"), step("join:b", "join:a"))
    result = execute(what, tmp_path / "run", store.root, jobs=1, registry=TOYS)
    assert [one.outcome for one in result.steps] == ["done", "up to date"]
    assert (tmp_path / "run/products/join/a/out.txt").read_text() == "aaaa"
    assert check_store(store) == (3, [])
    (entry_of(store, "a") / "out.txt").unlink()
    assert set_aside(store, [entry.name]) == [store.root / "damaged" / f"{entry.name}.2"]
