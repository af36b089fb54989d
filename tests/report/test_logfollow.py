"""The logs of steps, as they are written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.report.runs import START, Clock, begin, end, ended, started
from tests.report.test_state import write
from xbatch.report.logfollow import Follower, matches
from xbatch.report.state import Looker
from xbatch.run.lock import hold
from xbatch.run.products import log_path


class Run:
    """A run that is acted by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "logs").mkdir()

    def tell(self, *entries: dict[str, Any]) -> None:
        write(self.folder, *entries)

    def say(self, step: str, text: str, seconds: float = 1.0) -> None:
        path = log_path(self.folder, step)
        with path.open("a") as stream:
            stream.write(text)
        os.utime(path, (START + seconds, START + seconds))

    def follow(self, *patterns: str, last: int = 10) -> Follower:
        looker = Looker(self.folder, Clock())
        looker.look()
        return Follower(looker, patterns, last)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_all_running_steps_are_followed_until_the_run_ends(run: Run) -> None:
    run.tell(begin(3), started("fit:a"))
    run.say("fit:a", "1\n2\n3\n")
    run.say("fit:b", "of the last run\n", -100)
    with hold(run.folder):
        follower = run.follow(last=2)
        assert list(follower.step()) == [("fit:a", "2"), ("fit:a", "3")]
        run.tell(started("fit:b", 10))
        assert list(follower.step()) == []
        log_path(run.folder, "fit:b").unlink()
        run.say("fit:b", "new\nhal", 10)
        run.say("fit:a", "4\n", 11)
        assert list(follower.step()) == [("fit:a", "4"), ("fit:b", "new")]
        run.say("fit:b", "f\nlast", 12)
        run.tell(ended("fit:b", "failed", 3.0, "no", seconds=13))
        assert list(follower.step()) == [("fit:b", "half"), ("fit:b", "last"), ("", "fit:b: failed (3.00 s): no")]
        run.say("fit:a", "5\n", 14)
        run.tell(ended("fit:a", took=15, seconds=15), end(15))
        assert list(follower.step()) == [("fit:a", "5"), ("", "fit:a: done (15 s)")]
        assert follower.over


def test_a_step_that_came_and_went_between_two_looks_is_told_whole(run: Run) -> None:
    run.tell(begin(3))
    with hold(run.folder):
        follower = run.follow("plot:*")
        run.say("plot:a", "drawn\n")
        run.tell(started("plot:a"), ended("plot:a"), started("fit:a"), ended("fit:a"), ended("plot:b", "up to date"))
        assert list(follower.step()) == [("plot:a", "drawn"), ("", "plot:a: done (1.50 s)")]
        assert not follower.over


def test_a_second_try_is_read_from_its_beginning(run: Run) -> None:
    run.tell(begin(1), started("fit:a"))
    run.say("fit:a", "one\n")
    with hold(run.folder):
        follower = run.follow()
        list(follower.step())
        run.tell({"event": "lost", "time": "t", "step": "fit:a"}, started("fit:a", 5))
        log_path(run.folder, "fit:a").unlink()
        run.say("fit:a", "one\ntwo\n", 6)
        assert list(follower.step()) == [("fit:a", "one"), ("fit:a", "two")]


def test_steps_asked_for_by_name_end_it(run: Run) -> None:
    run.tell(begin(2), started("fit:a"), started("fit:b"))
    with hold(run.folder):
        follower = run.follow("fit:a")
        assert not follower.over
        run.tell(ended("fit:a"))
        list(follower.step())
        assert follower.over


def test_a_run_that_was_killed_ends_it(run: Run) -> None:
    run.tell(begin(1), started("fit:a"))
    pauses = []
    with hold(run.folder):
        follower = run.follow(last=0)

    def pause() -> None:
        pauses.append(1)

    run.say("fit:a", "the last thing it s")
    assert list(follower.go_on(pause)) == [("fit:a", "the last thing it s")]
    assert not pauses


def test_names_are_not_patterns_first() -> None:
    assert matches("fit:[red]a", ("fit:[red]a",))
    assert matches("fit:a", ("plot:*", "fit:?"))
    assert matches("fit:a", ()) and not matches("fit:a", ("fit",))
