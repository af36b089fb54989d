"""The state of a run as its journal tells it."""

from __future__ import annotations

from tests.report.runs import START, at, begin, end, ended, entries_of_a_run, started
from xbatch.report.watch import Inputs, Watch


def watched(*entries: dict[str, object]) -> Watch:
    watch = Watch()
    for entry in entries:
        watch.take(entry)
    return watch


def test_a_run_is_followed_to_its_end() -> None:
    watch = watched(*entries_of_a_run())
    assert watch.counts == {"up to date": 1, "done": 1, "failed": 1, "skipped": 1}
    assert list(watch.failed()) == ["fit:[red]a"] and watch.failed()["fit:[red]a"].message == "f.pha: is empty"
    assert (watch.running, watch.total, watch.jobs) == ({}, 4, 2)
    assert (watch.started, watch.ended) == (at(0), at(7))


def test_a_step_that_is_tried_again_runs_since_then() -> None:
    watch = watched(begin(1), started("fit:a", 0), {"event": "lost", "time": at(5), "step": "fit:a"})
    assert not watch.running
    watch.take(started("fit:a", 5))
    assert watch.elapsed(START + 7) == {"fit:a": 2.0}


def test_a_new_run_forgets_the_last_one_but_not_what_steps_took() -> None:
    watch = watched(begin(1), started("fit:a"), ended("fit:a", took=60), end(60, signal=2), begin(2, 100, jobs=1))
    assert (watch.steps, watch.signal, watch.ended) == ({}, 0, "")
    watch.take(started("fit:a", 100))
    assert watch.remaining(START + 110) == 50 + 60  # another one waits, of whatever task: as long as this one


def test_the_end_is_expected_from_what_tasks_took() -> None:
    tasks = {"group": 1, "fit": 3}
    before = [begin(4), ended("group:a", took=2), *(ended(f"fit:{n}", took=100) for n in range(3)), end(302)]
    watch = watched(*before, begin(4, 400, jobs=2, tasks=tasks), ended("group:a", "up to date"), started("fit:0", 400))
    assert watch.remaining(START + 440) == (60 + 200) / 2
    watch.take({"event": "stopping", "time": at(441)})
    assert watch.remaining(START + 442) is None


def test_elapsed_time_is_never_negative_and_the_oldest_comes_first() -> None:
    watch = watched(begin(2), started("fit:b", 5), started("fit:a", 3))
    assert list(watch.elapsed(START + 4)) == ["fit:a", "fit:b"]
    assert watch.elapsed(START + 4)["fit:b"] == 0


def test_inputs_are_read_until_all_are_or_the_run_stops() -> None:
    counts = {"files_total": 3, "bytes": 10, "bytes_total": 20, "seconds": 2.5}
    watch = watched(begin(1), reading := {"event": "reading", "time": at(1), "files": 1, **counts})
    assert watch.reading == Inputs(1, 3, 10, 20, 2.5)
    watch.take({**reading, "files": 3})
    assert watch.reading is None
    for last in ({"event": "stopping", "time": at(2)}, end(3), begin(1, 4)):
        watch.take(reading)
        watch.take(last)
        assert watch.reading is None


def test_what_is_not_understood_is_passed_over() -> None:
    watch = watched({"event": "rested"}, {"other": 1}, begin(1), ended("fit:a", "rotten"))
    assert watch.steps == {}
