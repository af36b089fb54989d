"""A run that is killed, or whose disk refuses, wherever it writes: the next one goes on and ends the same."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.run.faults import KILLED, TOLD, UNHARMED, count_writes, with_fault, without_a_clock
from tests.run.inline import inline_workers
from tests.run.toys import TOYS, plan, step
from xbatch.plan.steps import Plan
from xbatch.run.journal import last_run, read_journal
from xbatch.run.result import RunResult
from xbatch.run.session import execute
from xbatch.run.store import Store
from xbatch.run.verifying import check_store

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


class World:
    """A run's folder, its store and an input; `begin` makes the state in which the fault will come."""

    def __init__(self, root: Path, text: str = "new") -> None:
        self.root = root
        self.file = root / "in.txt"
        self.text = text

    def plan(self, text: str) -> Plan:
        return plan(
            step("join:a", file=self.file, text=text),
            step("join:b", "join:a", text="b"),
            step("measure:c", "join:b"),
            *([step("join:old", text="old")] if text == "old" else []),
        )

    def run(self, text: str = "", force: tuple[str, ...] = ()) -> RunResult:
        return execute(
            self.plan(text or self.text),
            self.root / "run",
            self.root / "store",
            jobs=1,
            force=force,
            registry=TOYS,
            make_workers=inline_workers,
        )

    def begin(self, before: bool) -> None:
        self.root.mkdir()
        self.file.write_text("in")
        os.utime(self.file, ns=(1, 1))
        if before:
            assert self.run("old").ok

    def products(self) -> Mapping[str, str]:
        folder = self.root / "run" / "products"
        return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}

    def check(self) -> None:
        """Run once more, undisturbed, and look at everything that is left."""
        result = self.run()
        assert result.ok, [one.message for one in result.steps]
        assert self.products() == {"join/a/out.txt": "innew", "join/b/out.txt": "innewb", "measure/c/out.txt": "6"}
        assert sorted(path.name for path in (self.root / "run" / "logs").iterdir()) == [
            "join.a.log",
            "join.b.log",
            "measure.c.log",
        ]
        count, damages = check_store(Store(self.root / "store"))
        assert damages == []
        assert count >= 3
        assert list(self.root.rglob("*.part")) == []
        assert list((self.root / "store" / "tmp").iterdir()) == []
        assert {
            name: one.outcome in {"done", "up to date"} for name, one in last_run(self.root / "run").steps.items()
        } == {
            "join:a": True,
            "join:b": True,
            "measure:c": True,
        }
        assert [entry["event"] for entry in read_journal(self.root / "run")][-1] == "end"
        keys = {
            name: one["key"] for name, one in json.loads((self.root / "run/steps.json").read_text())["steps"].items()
        }
        assert keys == {one.name: one.key for one in result.steps}
        assert {one.outcome for one in self.run().steps} == {"up to date"}


ALL = pytest.param(1, id="all", marks=pytest.mark.slow)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is killed loses nothing that it has written: nothing need reach the disk."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    monkeypatch.setattr(os, "sync", lambda: None)
    without_a_clock(monkeypatch)


@pytest.mark.parametrize("every", [pytest.param(3, id="some"), ALL])
@pytest.mark.parametrize("before", [False, True])
def test_killed_at_any_write_the_next_run_ends_the_same(tmp_path: Path, before: bool, every: int) -> None:
    world = World(tmp_path / "count")
    world.begin(before)
    points = count_writes(world.root, world.run)
    assert points > 70
    for number in range(1 + before, points + 1, every):
        world = World(tmp_path / f"at {number}")
        world.begin(before)
        assert with_fault(world.root, number, world.run) == KILLED
        world.check()
        shutil.rmtree(world.root)


@pytest.mark.parametrize("every", [pytest.param(11, id="some"), ALL])
@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("refusal", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT, errno.EIO])
def test_a_disk_that_refuses_from_any_write_on_is_told_and_costs_nothing(
    tmp_path: Path, before: bool, refusal: int, every: int
) -> None:
    world = World(tmp_path / "count")
    world.begin(before)
    points = count_writes(world.root, world.run)
    for number in range(1 + refusal % every, points + 1, every):
        world = World(tmp_path / f"at {number}")
        world.begin(before)

        def run(world: World = world) -> None:
            failed = [one.message for one in world.run().steps if one.outcome == "failed"]
            assert all(os.strerror(refusal) in message for message in failed), failed

        assert with_fault(world.root, number, run, refusal) in {TOLD, UNHARMED}, number
        world.check()
        shutil.rmtree(world.root)
