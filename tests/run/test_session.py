from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.run.processes import begun_by, children, gone
from tests.run.toys import TOYS, plan, step
from xbatch.base.errors import FileError, Place, Problem, UsageError
from xbatch.plan.steps import Plan
from xbatch.plan.verdict import Reason
from xbatch.run.journal import last_run, read_journal
from xbatch.run.limits import Wishes
from xbatch.run.lock import held_by
from xbatch.run.result import Event, RunResult
from xbatch.run.session import execute, survey
from xbatch.run.store import Store


class Scene:
    """A run folder and a store."""

    def __init__(self, root: Path) -> None:
        self.run_dir = root / "out" / "toy"
        self.store = root / "out" / ".store"
        self.events: list[Event] = []

    def run(self, what: Plan, jobs: int = 1, **options: Any) -> dict[str, str]:
        """Run a plan, check that nothing contradicts what `survey` promised, and give the outcomes."""
        self.events.clear()
        asked = {name: options[name] for name in ("only", "begin", "force", "paranoid", "registry") if name in options}
        promised = survey(what, self.run_dir, self.store, **{"registry": TOYS, **asked})
        self.result: RunResult = execute(
            what, self.run_dir, self.store, jobs=jobs, on_event=self.events.append, **{"registry": TOYS, **options}
        )
        outcomes = {step.name: step for step in self.result.steps}
        assert [verdict.step for verdict in promised] == list(outcomes)
        for verdict in promised:
            outcome = outcomes[verdict.step]
            if verdict.kind == "up to date":
                assert (outcome.outcome, outcome.key) == ("up to date", verdict.key)
            if verdict.kind == "run":
                assert outcome.outcome != "up to date"
                assert verdict.key in {None, outcome.key}
            if verdict.kind == "blocked":
                assert outcome.outcome in {"failed", "skipped"}
        assert not (self.store / "tmp").exists() or not list((self.store / "tmp").iterdir())
        return {name: step.outcome for name, step in outcomes.items()}

    def text(self, subject: str, task: str = "join") -> str:
        return (self.run_dir / "products" / task / subject / "out.txt").read_text()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "in.txt"
    path.write_text("in")
    return path


def chain(file: Path, text: str = "b", last: str = "d") -> Plan:
    """Four steps, a join for each, with a `measure` in the middle that hides what does not change the length."""
    return plan(
        step("join:a", file=file, text="a"),
        step("join:b", "join:a", text=text),
        step("measure:c", "join:b"),
        step("join:d", "measure:c", text=last),
    )


def test_a_run_from_nothing_to_nothing_to_do_and_on(scene: Scene, file: Path) -> None:
    names = [one.name for one in chain(file)]
    assert scene.run(chain(file)) == dict.fromkeys(names, "done")
    assert (scene.text("a"), scene.text("b"), scene.text("d")) == ("ina", "inab", "4d")
    assert scene.result.ok
    assert scene.result.exit_status == 0
    first = scene.result.steps[0]
    assert first.reasons == (Reason("new"),)
    assert first.record is not None
    assert json.loads(first.record.read_text())["inputs"]["file"]["path"] == str(file)
    assert first.log == scene.run_dir / "logs" / "join.a.log"
    kinds = [event.kind for event in scene.events if event.kind != "reading"]  # which is told where it takes long
    assert kinds == ["begin", *(["started", "ended"] * 4), "end"]
    assert scene.events[-1].ended == scene.events[-1].total == 4

    # nothing to do
    assert scene.run(chain(file)) == dict.fromkeys(names, "up to date")
    # a changed parameter runs its step and stops where the output is the same
    assert scene.run(chain(file, text="B")) == {
        "join:a": "up to date",
        "join:b": "done",
        "measure:c": "done",
        "join:d": "up to date",
    }
    assert scene.result.steps[1].reasons == (Reason("parameter", "text", "b", "B"),)
    assert scene.text("b") == "inaB"
    # the old value is still known
    assert set(scene.run(chain(file)).values()) == {"up to date"}
    assert scene.text("b") == "inab"
    # a changed input
    file.write_text("IN")
    assert list(scene.run(chain(file)).values()) == ["done", "done", "done", "up to date"]
    assert scene.result.steps[0].reasons[0].kind == "input"
    # forced
    assert list(scene.run(chain(file), force=["join:b"]).values()) == ["up to date", "done", "up to date", "up to date"]
    # a lost output
    entry = Store(scene.store).entry(str(scene.result.steps[3].key))
    (entry / "out.txt").unlink()
    assert list(scene.run(chain(file)).values())[3] == "done"
    assert scene.result.steps[3].reasons == (Reason("output missing"),)
    # steps out of the plan lose their products
    assert set(scene.run(plan(*chain(file).steps[:2])).values()) == {"up to date"}
    assert not (scene.run_dir / "products" / "measure").exists()
    assert [entry["event"] for entry in read_journal(scene.run_dir)].count("begin") == 8
    assert list(last_run(scene.run_dir).steps) == ["join:a", "join:b"]


@pytest.mark.parametrize("paranoid", [False, True])
def test_a_product_written_over_through_its_link_is_made_again(scene: Scene, file: Path, paranoid: bool) -> None:
    scene.run(chain(file))
    product = scene.run_dir / "products" / "join" / "a" / "out.txt"
    before = product.stat()
    product.chmod(0o644)
    product.write_text("xyz")
    if paranoid:  # as a disk does it: no time tells
        os.utime(product, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert list(scene.run(chain(file), paranoid=paranoid).values()) == ["done", *["up to date"] * 3]
    assert scene.text("a") == product.read_text() == "ina"
    assert set(scene.run(chain(file), paranoid=True).values()) == {"up to date"}


def test_failures_stop_only_what_needs_them(scene: Scene) -> None:
    what = plan(
        step("misbehave:bad", how="file"),
        step("join:next", "misbehave:bad"),
        step("join:good", text="x"),
        step("join:table", "join:good", optional=("join:next", "misbehave:bad")),
        step("misbehave:defect", how="raise"),
        step("misbehave:killed", how="die"),
        step("misbehave:shaken", how="die once", mark=str(scene.store.parent / "mark")),
    )
    scene.store.parent.mkdir()
    assert scene.run(what, jobs=2) == {
        "misbehave:bad": "failed",
        "join:next": "skipped",
        "join:good": "done",
        "join:table": "done",
        "misbehave:defect": "failed",
        "misbehave:killed": "failed",
        "misbehave:shaken": "done",
    }
    results = {one.name: one for one in scene.result.steps}
    assert results["misbehave:bad"].message == "a.pha: has no SPECTRUM extension. Give a PHA file"
    assert results["join:next"].message == "needs misbehave:bad, which has no result"
    assert "killed (SIGKILL 9) at each try" in results["misbehave:killed"].message
    log = results["misbehave:defect"].log
    assert log is not None
    assert "ValueError: a defect" in log.read_text()
    assert scene.text("table") == "x"
    assert scene.result.exit_status == 1
    assert scene.result.counts() == {"done": 3, "failed": 3, "skipped": 1}
    assert [event.step for event in scene.events if event.kind == "lost"].count("misbehave:killed") == 2


def test_a_step_that_fails_after_a_success_has_no_products(scene: Scene) -> None:
    scene.run(plan(step("join:a", text="x")))
    assert scene.text("a") == "x"
    broken = plan(dataclasses.replace(step("misbehave:z", how="raise"), name="join:a", product="join/a"))
    assert scene.run(broken) == {"join:a": "failed"}
    assert not (scene.run_dir / "products" / "join" / "a").exists()
    assert Reason("parameter", "text", "x", None) in scene.result.steps[0].reasons


def test_a_step_that_cannot_be_done_here_fails_with_that(scene: Scene) -> None:
    problem = Problem(Place("a.yaml"), "XB900", "sherpa is not installed", "pip install 'xbatch[fit]'")
    blocked = dataclasses.replace(step("join:b", "join:a"), blocked=problem)
    what = plan(step("join:a", text="a"), blocked, step("join:c", "join:b"))
    for outcome in ("done", "up to date"):
        assert scene.run(what) == {"join:a": outcome, "join:b": "failed", "join:c": "skipped"}
    assert scene.result.steps[1].message == (
        "cannot be done here: a.yaml:1:1: XB900 sherpa is not installed; pip install 'xbatch[fit]'"
    )


def test_only_some_steps(scene: Scene, file: Path) -> None:
    assert scene.run(chain(file), only=["join:b"]) == {"join:a": "done", "join:b": "done"}
    assert scene.run(chain(file))["join:d"] == "done"
    assert scene.run(chain(file), only=["join:a"]) == {"join:a": "up to date"}
    assert scene.text("d") == "4d", "what was not asked for is left alone"


def test_from_some_steps_on(scene: Scene, file: Path) -> None:
    names = ["join:a", "join:b", "measure:c"]
    assert scene.run(chain(file), begin=["join:b"], only=["measure:c"]) == dict.fromkeys(names, "done")
    assert scene.run(chain(file), begin=["join:d"]) == {**dict.fromkeys(names, "up to date"), "join:d": "done"}


def test_a_step_over_time_is_stopped_with_all_it_has_started(scene: Scene, tmp_path: Path) -> None:
    mark = tmp_path / "pids"
    what = plan(
        step("tool:slow", mark=str(mark)), step("join:next", "tool:slow"), step("join:a"), step("join:b", "join:a")
    )
    for limit in begun_by(mark):
        outcomes = scene.run(what, wishes=Wishes(timeout=(("tool:*", limit),)))
        assert (outcomes["tool:slow"], outcomes["join:next"]) == ("failed", "skipped")
        assert {outcomes["join:a"], outcomes["join:b"]} <= {"done", "up to date"}
    slow = scene.result.steps[0]
    assert slow.log is not None
    assert slow.message == (
        f"took longer than {limit:g} s and was stopped. What it said is in {slow.log}; "
        f"give it more time, e.g. --timeout 'tool:*={2 * limit:g}'"
    )
    assert all(gone(int(pid)) for pid in mark.read_text().split())
    assert [event.message for event in scene.events if event.kind == "lost"] == [
        f"it was stopped, since it took longer than {limit:g} s"
    ]


def test_a_step_over_time_is_tried_again_if_asked_for(scene: Scene) -> None:
    wishes = Wishes(timeout=(("join:slow", 0.7),), tries=(("*", 2),))
    what = plan(step("join:slow", pause=60), step("join:a"))
    assert scene.run(what, jobs=2, wishes=wishes) == {"join:slow": "failed", "join:a": "done"}
    assert [event.step for event in scene.events if event.kind == "started"].count("join:slow") == 2


def test_a_file_that_grew_while_its_step_ran_is_a_failure(scene: Scene, file: Path) -> None:
    what = plan(step("misbehave:a", file=file, how="touch input"), step("join:b", "misbehave:a"))
    assert scene.run(what) == {"misbehave:a": "failed", "join:b": "skipped"}
    assert scene.result.steps[0].message == f"{file}: was changed while the step ran. Run again when it is complete"
    assert list(scene.store.glob("??/*/record.json")) == []


def test_work_goes_where_its_data_is(scene: Scene) -> None:
    what = plan(
        *(step(f"join:{n}a", pause=0.2, text=str(n)) for n in range(3)),
        *(step(f"join:{n}{b}", f"join:{n}{a}", pause=0.05) for n in range(3) for a, b in ("ab", "bc", "cd")),
    )
    assert set(scene.run(what, jobs=3).values()) == {"done"}
    worker = {one.name: one.content["facts"]["pid"] for one in scene.result.steps if one.content is not None}
    assert len(set(worker.values())) == 3
    for n in range(3):
        assert len({worker[f"join:{n}{letter}"] for letter in "abcd"}) == 1


def test_limits_are_kept(scene: Scene) -> None:
    what = plan(*(step(f"join:{n}", pause=0.1, text=str(n)) for n in range(4)), step("speak:a"))
    scene.run(what, jobs=4, wishes=Wishes(limits=(("join:*", 1),)))
    running: set[str] = set()
    for event in scene.events:
        if event.kind == "started":
            running.add(event.step)
            assert sum(name.startswith("join:") for name in running) <= 1
        elif event.kind == "ended":
            running.discard(event.step)


def test_tools_at_the_same_time_share_nothing(scene: Scene) -> None:
    environment, before = dict(os.environ), children()
    folder = Path.cwd()
    what = plan(*(step(f"ftool:{number}", number=number) for number in range(64)))
    assert set(scene.run(what, jobs=8).values()) == {"done"}
    facts = [one.content["facts"] for one in scene.result.steps if one.content is not None]
    assert len({fact["pfiles"] for fact in facts} | {fact["scratch"] for fact in facts}) == 128
    for number in range(64):
        assert scene.text(str(number), "ftool").split() == [str(number)] * 2
    assert [fact for fact in facts if Path(fact["pfiles"]).exists() or Path(fact["scratch"]).exists()] == []
    assert (dict(os.environ), Path.cwd()) == (environment, folder)
    assert children(before) == set()


def test_what_can_never_start_is_told_before_the_run(scene: Scene, file: Path) -> None:
    with pytest.raises(UsageError, match=r"join:b can never start: it takes 3 cores, and the run has 2 \(--jobs\)"):
        execute(
            chain(file),
            scene.run_dir,
            scene.store,
            jobs=2,
            registry=TOYS,
            wishes=Wishes(cores=(("join:b", 3),)),
        )
    assert not scene.run_dir.exists()


def test_fail_fast(scene: Scene) -> None:
    what = plan(step("misbehave:a", how="raise"), step("join:b", text="b"), step("join:c", "misbehave:a"))
    assert scene.run(what, fail_fast=True) == {"misbehave:a": "failed", "join:b": "cancelled", "join:c": "cancelled"}


def test_a_full_disk_ends_the_run_with_one_error(scene: Scene) -> None:
    what = plan(step("misbehave:a", how="disk"), step("join:b", "misbehave:a"), step("join:c", text="c"))
    assert scene.run(what) == {"misbehave:a": "failed", "join:b": "skipped", "join:c": "cancelled"}
    assert "No space left on device" in scene.result.message
    assert scene.result.exit_status == 1


def test_two_runs_share_a_store(tmp_path: Path) -> None:
    one, two = Scene(tmp_path / "1"), Scene(tmp_path / "2")
    two.store = one.store
    what = plan(step("join:a", text="a"), step("join:b", "join:a"))
    assert set(one.run(what).values()) == {"done"}
    assert set(two.run(what).values()) == {"up to date"}
    assert two.text("b") == "a"
    assert two.result.steps[0].reasons == ()
    assert two.result.steps[0].log is not None


def test_workers_see_what_they_should(scene: Scene) -> None:
    assert scene.run(plan(step("surroundings:a"))) == {"surroundings:a": "done"}
    found = json.loads((scene.run_dir / "products/surroundings/a/out.json").read_text())
    assert found["OMP_NUM_THREADS"] == "1"
    assert found["PYTHONHASHSEED"] == "0"
    assert found["TMPDIR"].startswith(str(scene.store))
    assert found["cwd"] == str(Path.cwd())


def test_all_that_a_worker_says_is_in_its_log_and_the_store(scene: Scene) -> None:
    what = plan(step("speak:a"), step("speak:b"))
    scene.run(what)
    for one in scene.result.steps:
        assert one.log is not None
        said = one.log.read_text()
        for text in ("printed", "to stderr", "INFO toy: logged", "UserWarning: warned", "from a child"):
            assert said.count(text) == 1, text
    assert scene.result.steps[0].record is not None
    assert (scene.result.steps[0].record.parent / "step.log").samefile(scene.run_dir / "logs" / "speak.a.log")


def test_the_same_bytes_from_any_number_of_workers(tmp_path: Path) -> None:
    what = plan(*(step(f"join:{n}", *([f"join:{n - 1}"] if n % 3 else []), text=str(n)) for n in range(7)))
    found = []
    for jobs in (1, 3):
        scene = Scene(tmp_path / str(jobs))
        scene.run(what, jobs=jobs)
        found.append([(one.key, scene.text(one.name[5:])) for one in scene.result.steps])
    assert found[0] == found[1]


def test_errors_before_anything_starts(scene: Scene, file: Path) -> None:
    with pytest.raises(UsageError, match="at least one job"):
        execute(chain(file), scene.run_dir, scene.store, jobs=0, registry=TOYS)
    with pytest.raises(UsageError, match="join:a: no engine 'native' here does the task 'join'"):
        execute(chain(file), scene.run_dir, scene.store, jobs=1)
    assert not scene.run_dir.exists()
    assert not scene.store.exists()


def test_files_that_are_too_large_for_a_plan_are_waited_for(scene: Scene, file: Path) -> None:
    size = file.stat().st_size
    assert {one.kind for one in survey(chain(file), scene.run_dir, scene.store, most=size, registry=TOYS)} == {
        "run",
        "waits",
    }
    unread = survey(chain(file), scene.run_dir, scene.store, most=size - 1, registry=TOYS)
    assert {one.kind for one in unread} == {"waits"}
    assert unread[0].reasons == (Reason("unread", "1 file"),)


def test_the_same_work_under_two_names_is_done_once(scene: Scene) -> None:
    what = plan(step("join:a", text="x", pause=0.3), step("join:b", text="x", pause=0.3), step("join:c", "join:b"))
    planned = survey(what, scene.run_dir, scene.store, registry=TOYS)
    assert [(one.kind, [reason.kind for reason in one.reasons]) for one in planned] == [
        ("run", ["new"]),
        ("waits", ["waits"]),
        ("waits", ["waits"]),
    ]
    result = execute(what, scene.run_dir, scene.store, jobs=2, registry=TOYS)
    assert [one.outcome for one in result.steps] == ["done", "up to date", "done"]
    assert (scene.run_dir / "products" / "join" / "b" / "out.txt").read_text() == "x"


def test_the_same_work_is_tried_under_each_name_where_it_fails(scene: Scene) -> None:
    what = plan(step("misbehave:a", how="raise"), step("misbehave:b", how="raise"))
    result = execute(what, scene.run_dir, scene.store, jobs=2, registry=TOYS)
    assert [one.outcome for one in result.steps] == ["failed", "failed"]
    assert all("a defect" in one.message for one in result.steps)


def test_a_listener_that_fails_leaves_no_worker(scene: Scene) -> None:
    def listen(event: Event) -> None:
        if event.kind == "started":
            raise RuntimeError("broken pipe")

    before = children()
    with pytest.raises(RuntimeError, match="broken pipe"):
        execute(plan(step("join:a", pause=30)), scene.run_dir, scene.store, jobs=1, registry=TOYS, on_event=listen)
    assert children(before) == set()
    assert list((scene.store / "tmp").iterdir()) == []


def test_a_record_is_left_when_all_is_over_and_before_another_run_may_begin(scene: Scene) -> None:
    before, left = children(), []

    def leave(result: RunResult) -> None:
        assert children(before) == set()
        assert last_run(scene.run_dir).ended
        with pytest.raises(FileError, match="is in use by another run"):
            execute(what, scene.run_dir, scene.store, jobs=1, registry=TOYS)
        left.append(result)

    what = plan(step("join:a", text="a"))
    assert left == [execute(what, scene.run_dir, scene.store, jobs=1, registry=TOYS, leave=leave)]
    assert not held_by(scene.run_dir)


NOTHING_TO_DO = """
import sys
from pathlib import Path
from tests.run.toys import TOYS, plan, step
from xbatch.run.session import execute, survey
run, store = Path(sys.argv[1]), Path(sys.argv[2])
what = plan(step("join:a", text="a"), step("join:b", "join:a"))
survey(what, run, store, registry=TOYS)
result = execute(what, run, store, jobs=2, registry=TOYS)
heavy = {"numpy", "astropy", "sherpa", "matplotlib", "scipy", "psutil", "distributed"} & set(sys.modules)
print(result.counts(), sorted(heavy))
"""


def test_a_run_with_nothing_to_do_loads_nothing_heavy(scene: Scene) -> None:
    scene.run(plan(step("join:a", text="a"), step("join:b", "join:a")))
    done = subprocess.run(
        [sys.executable, "-c", NOTHING_TO_DO, str(scene.run_dir), str(scene.store)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout == "{'up to date': 2} []\n"


def test_the_first_run_remembers_what_it_has_digested(
    scene: Scene, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.utime(file, ns=(1, 1))
    monkeypatch.setattr("xbatch.base.digest._SETTLED_NS", 0)
    scene.run(chain(file))
    monkeypatch.setattr("xbatch.base.digest._both_digests", lambda path: pytest.fail(f"{path} is read again"))
    scene.run(chain(file))
