"""How long steps take, and when a run may be expected to end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report.runs import begin, ended
from xbatch.report.durations import Durations, past_durations, remaining_s


def known(**tasks: float) -> Durations:
    durations = Durations()
    for task, seconds in tasks.items():
        durations.add(f"{task}:x", seconds, before=True)
    return durations


def test_a_step_is_expected_to_take_what_it_took_then_what_its_task_takes() -> None:
    durations = Durations()
    durations.add("fit:a", 10, before=True)
    durations.add("fit:b", 30, before=True)
    assert durations.of_step("fit:a") == 10
    assert durations.of_step("fit:c") == 20
    assert durations.of_step("plot:a") is None


def test_the_newest_of_runs_before_counts_and_this_run_most() -> None:
    durations = Durations()
    durations.add("fit:a", 10, before=True)
    durations.add("fit:a", 99, before=True)  # an older one
    assert durations.of_step("fit:a") == 10
    durations.add("fit:a", 12)
    assert durations.of_step("fit:a") == 12


def test_a_task_is_known_by_this_run_once_enough_steps_have_ended() -> None:
    durations = known(fit=100)
    for number in range(4):
        durations.add(f"fit:{number}", 10)
    assert durations.of_task("fit") == 100
    durations.add("fit:4", 10)
    assert durations.of_task("fit") == 10
    durations.new_run()
    assert durations.of_task("fit") == pytest.approx(150 / 6)
    assert durations.mean() == pytest.approx(150 / 6)
    assert Durations().mean() is None


def test_work_is_shared_by_the_jobs_but_not_one_step() -> None:
    durations = known(fit=100, group=2)
    assert remaining_s({"fit": 4, "group": 10}, {}, durations, 1) == 420
    assert remaining_s({"fit": 4, "group": 10}, {}, durations, 4) == 105
    assert remaining_s({}, {"fit:x": 40}, durations, 4) == 60
    assert remaining_s({"group": 2}, {"fit:x": 40}, durations, 2) == 60


def test_a_step_that_takes_longer_than_ever_needs_a_quarter_more() -> None:
    assert remaining_s({}, {"fit:x": 200}, known(fit=100), 1) == 50


def test_nothing_is_said_as_long_as_too_little_is_known() -> None:
    assert remaining_s({"fit": 3}, {"group:x": 1}, known(group=2), 1) is None
    assert remaining_s({"fit": 3, "group": 9}, {}, known(group=2), 1) is not None
    assert remaining_s({}, {}, Durations(), 1) == 0


@given(
    st.dictionaries(st.sampled_from(["fit", "group", "plot"]), st.integers(0, 50)),
    st.dictionaries(st.sampled_from(["fit:x", "plot:x"]), st.floats(0, 1e5)),
    st.integers(1, 64),
)
def test_more_jobs_never_take_longer(waiting: dict[str, int], running: dict[str, float], jobs: int) -> None:
    durations = known(fit=100, group=2, plot=5)
    few = remaining_s(waiting, running, durations, jobs)
    more = remaining_s(waiting, running, durations, jobs + 1)
    assert few is not None and more is not None
    assert 0 <= more <= few + 1e-9


def test_a_journal_tells_of_successes_newest_first(tmp_path: Path) -> None:
    entries = [begin(3), ended("fit:a", took=3), ended("fit:b", "failed"), ended("fit:a", took=5)]
    lines = [json.dumps(entry, separators=(",", ":")) for entry in entries]
    (tmp_path / "journal.jsonl").write_text("\n".join([*lines, '{"event":"ended","outcome":"done","st']))
    assert past_durations(tmp_path) == [("fit:a", 5.0), ("fit:a", 3.0)]
    assert past_durations(tmp_path / "none") == []
