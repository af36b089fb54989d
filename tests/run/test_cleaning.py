from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.run.inline import inline_workers
from tests.run.test_store import fill
from tests.run.toys import TOYS, plan, step
from xbatch.base.digest import DIGESTS, DigestMemo
from xbatch.base.errors import FileError, UsageError
from xbatch.run.cleaning import choose, forget, in_use_since, remove
from xbatch.run.entries import Entry, all_entries, check_is_store, entry_folders, references
from xbatch.run.session import execute
from xbatch.run.store import RECORD, Store
from xbatch.run.uses import KnownRun, known_runs, registered

NEVER = float("inf")
NOW = 1e9
ENTRIES = st.lists(
    st.builds(
        Entry,
        key=st.integers(0, 2**32).map(lambda number: f"{number:064x}"),
        step=st.just("fit:a"),
        size=st.integers(0, 1000),
        freed=st.just(0),
        used=st.floats(NOW - 1000, NOW),
        runs=st.sampled_from([(), (Path("/run"),)]),
    ),
    unique_by=lambda entry: entry.key,
    max_size=12,
)


@given(
    ENTRIES, st.none() | st.floats(0, 1000), st.none() | st.integers(0, 5000), st.booleans(), st.floats(NOW, NOW + 1)
)
def test_what_goes_may_go_and_nothing_older_stays(
    entries: list[Entry], older_than: float | None, to: int | None, keep: bool, now: float
) -> None:
    for busy_since in (NEVER, NOW - 300):
        found = choose(entries, now, busy_since, older_than=older_than, to=to, keep_referenced=keep)
        going = set(found.going)
        assert len(going) + found.kept == len(entries)
        assert found.kept_size == sum(entry.size for entry in entries if entry not in going)
        may = [entry for entry in entries if not (keep and entry.runs) and entry.used < busy_since]
        assert going <= set(may)
        if going and len(may) > len(going):
            newest = max(entry.used for entry in going)
            assert all(entry.used >= newest for entry in may if entry not in going), "the least recently used first"
        if older_than is None and to is None:
            assert len(going) == len(may)
        if older_than is not None:
            assert all(entry in going for entry in may if entry.used < now - older_than)
            assert to is not None or all(entry.used < now - older_than for entry in going)
        if to is not None:
            assert found.kept_size <= to or len(going) == len(may)


def test_size_takes_no_more_than_it_must() -> None:
    entries = [Entry(str(number), "", 10, 10, NOW - number) for number in range(5)]
    found = choose(entries, NOW, NEVER, to=30)
    assert [entry.key for entry in found.going] == ["4", "3"]
    assert choose(entries, NOW, NEVER, to=50).going == ()


def test_what_runs_at_work_may_need_stays() -> None:
    old, new = (Entry(name, "", 1, 1, NOW - age) for name, age in (("old", 9000.0), ("new", 3000.0)))
    runs = [KnownRun(Path("a"), "h", NOW, True, Path()), KnownRun(Path("b"), "h", 0.0, False, Path())]
    found = choose([old, new], NOW, in_use_since(runs))
    assert (found.going, found.busy) == ((old,), 1)


class Scene:
    def __init__(self, root: Path) -> None:
        self.root = root / "out"
        self.store = Store(self.root / ".store")

    def run(self, name: str, *texts: str) -> dict[str, str]:
        """Run a plan of one step for each text and give the keys."""
        steps = [step(f"join:{text}", text=text) for text in texts]
        result = execute(plan(*steps), self.root / name, self.store.root, jobs=1, registry=TOYS)
        assert result.ok
        return {one.name[5:]: str(one.key) for one in result.steps}

    def entries(self) -> list[Entry]:
        return all_entries(self.store, references(self.store.root)[0])

    def use(self, key: str, seconds: float) -> None:
        moment = time.time() - seconds
        os.utime(self.store.entry(key), (moment, moment))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_what_no_run_refers_to_goes_and_is_made_again(scene: Scene) -> None:
    keys = scene.run("one", "a", "b") | scene.run("two", "b", "c")
    assert {entry.key: [run.name for run in entry.runs] for entry in scene.entries()} == {
        keys["a"]: ["one"],
        keys["b"]: ["one", "two"],
        keys["c"]: ["two"],
    }
    scene.run("one", "b")  # and a is not in its plan any more
    found = choose(scene.entries(), time.time(), NEVER)
    assert [entry.key for entry in found.going] == [keys["a"]]
    assert found.needed == 2
    assert [entry.step for entry in remove(scene.store, found.going)] == ["join:a"]
    assert not scene.store.entry(keys["a"]).exists()
    assert scene.run("one", "a", "b")["a"] == keys["a"]


def test_runs_elsewhere_are_known_and_gone_ones_are_told(scene: Scene, tmp_path: Path) -> None:
    scene.root = tmp_path / "else" / "where"
    (key,) = scene.run("far", "a").values()
    (entry,) = scene.entries()
    assert (entry.key, entry.runs) == (key, (tmp_path / "else/where/far",))
    (tmp_path / "else").rename(tmp_path / "gone")
    referring, gone = references(scene.store.root)
    assert (referring, gone) == ({}, [tmp_path / "else/where/far"])


@pytest.mark.parametrize("content", ["{", "[]", '{"steps": {"a": 1}}', '{"steps": {"a": {}}}'])
def test_nothing_goes_where_it_is_not_known_what_a_run_needs(scene: Scene, content: str) -> None:
    scene.run("one", "a")
    (scene.root / "one" / "steps.json").write_text(content)
    with pytest.raises(FileError, match=r"steps\.json: cannot be read: .*what the run needs is not known"):
        references(scene.store.root)


def test_a_run_on_another_machine_stops_it(scene: Scene) -> None:
    scene.run("one", "a")
    (note,) = (scene.store.root / "runs").iterdir()
    note.write_text(json.dumps({"run": "/elsewhere", "host": "other"}))
    with pytest.raises(FileError, match=r"/elsewhere: is the folder of a run on other .*remove .*\.json if"):
        references(scene.store.root)


def test_what_was_used_meanwhile_stays(scene: Scene) -> None:
    keys = scene.run("one", "a", "b", "c")
    scene.use(keys["b"], 9000)
    entries = scene.entries()
    user = Store(scene.store.root, uses=True)
    assert user.lookup(keys["b"])
    user.leave()
    assert {entry.step for entry in remove(scene.store, entries)} == {"join:a", "join:c"}


def test_what_a_run_at_work_might_need_stays(scene: Scene) -> None:
    keys = scene.run("one", "a", "b")
    scene.use(keys["b"], 9000)
    with registered(scene.store.root, scene.root / "other"):
        assert {entry.step for entry in remove(scene.store, scene.entries())} == {"join:b"}
    assert {entry.step for entry in remove(scene.store, scene.entries())} == {"join:a"}


def test_an_entry_without_a_record_goes_too(scene: Scene) -> None:
    (key,) = scene.run("one", "a").values()
    (scene.store.entry(key) / RECORD).unlink()
    (entry,) = scene.entries()
    assert entry.step == ""
    assert remove(scene.store, [entry]) == [entry]
    assert not scene.store.entry(key).parent.exists()


def test_bytes_that_products_share_are_not_given_back(scene: Scene) -> None:
    scene.run("one", "abc")
    (entry,) = scene.entries()
    record = (scene.store.entry(entry.key) / RECORD).stat().st_size
    assert entry.freed == record
    assert entry.size == record + 3 + (scene.root / "one/logs/join.abc.log").stat().st_size


def test_folders_and_files_that_are_gone_are_forgotten(scene: Scene, tmp_path: Path) -> None:
    scene.run("one", "a")
    scene.run("two", "a")
    files = [tmp_path / "here", tmp_path / "gone"]
    memo = DigestMemo(scene.store.root / DIGESTS)
    for file in files:
        file.write_text("x")
        memo.digest(file, 2**62)
    files[1].unlink()
    (scene.root / "two").rename(tmp_path / "elsewhere")
    assert forget(scene.store.root) == 2
    assert [run.folder.name for run in known_runs(scene.store.root)] == ["one"]
    assert memo.recall(files[0]) is not None
    (note,) = (scene.store.root / DIGESTS).glob("*/*.json")
    note.write_text("{")
    with registered(scene.store.root, tmp_path / "not made yet"):
        assert forget(scene.store.root) == 1


def test_folders_that_another_takes_away_meanwhile_hold_nothing(tmp_path: Path) -> None:
    keys = [prefix + 62 * "0" for prefix in ("aa", "bb", "cc")]
    for key in keys:
        (tmp_path / key[:2] / key).mkdir(parents=True)
    found = entry_folders(tmp_path)
    assert next(found).name == keys[0]
    shutil.rmtree(tmp_path / "bb")
    assert [folder.name for folder in found] == keys[2:]


def test_what_is_no_store(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(UsageError, match="store"):
            check_is_store(path)
    store = Store(tmp_path / "store")
    work: tuple[Path, Any] = fill(store)
    store.publish(*work)
    check_is_store(store.root)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_runs_and_one_who_clears_up_do_not_meet(scene: Scene) -> None:
    """Somebody takes away all that he may, again and again, while runs come and go: no run ever fails for it."""
    scene.run("one", "a")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            while not (scene.root / "over").exists():
                remove(scene.store, choose(all_entries(scene.store, {}), time.time() + 1, NEVER).going)
            status = 0
        finally:
            os._exit(status)
    made = number = 0
    until = time.monotonic() + 120
    try:
        while number < 60 or (made < 10 and time.monotonic() < until):
            number += 1
            what = plan(
                step("join:a", text="a"), step("join:b", "join:a", text=str(number % 3)), step("join:c", "join:b")
            )
            result = execute(
                what, scene.root / "one", scene.store.root, jobs=1, registry=TOYS, make_workers=inline_workers
            )
            assert result.ok, [one.message for one in result.steps]
            assert (scene.root / "one/products/join/c/out.txt").read_text() == f"a{number % 3}"
            made += sum(one.outcome == "done" for one in result.steps)
    finally:
        (scene.root / "over").touch()
        status = os.waitpid(child, 0)[1]
    assert status == 0
    assert made >= 10, "nothing was ever taken away"
