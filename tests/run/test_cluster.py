"""Runs on a real scheduler of Dask and real workers, each a process of its own."""

from __future__ import annotations

import logging
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.run.processes import begun_by, gone
from tests.run.toys import TOYS, plan, step
from xbatch.base.errors import FileError, UsageError
from xbatch.plan.steps import Plan
from xbatch.run.cluster import connected, other_pythons, scheduler_address
from xbatch.run.daskpool import DaskPool
from xbatch.run.limits import Wishes
from xbatch.run.result import Event, RunResult
from xbatch.run.session import execute

pytest.importorskip("distributed", reason="Dask's scheduler is not installed (pip install 'xbatch[dask]')")

ROOT = Path(__file__).parents[2]


def wait_for(condition: Callable[[], Any], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


class Dask:
    """A scheduler, and workers of one thread each without a nanny that would start them anew."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "scheduler.json"
        self.processes: list[subprocess.Popen[bytes]] = []
        self._start("scheduler", "--port", "0", "--scheduler-file", str(self.file))
        try:
            wait_for(lambda: self.file.exists() and self.file.stat().st_size)
        except AssertionError:
            self.stop()
            raise
        self.address = scheduler_address(self.file)

    def worker(self, begin: str = "pass") -> subprocess.Popen[bytes]:
        options = ("--no-nanny", "--nthreads", "1", "--death-timeout", "300", "--local-directory", str(self.folder))
        return self._start("worker", self.address, *options, begin=begin)

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()

    def _start(self, what: str, *arguments: str, begin: str = "pass") -> subprocess.Popen[bytes]:
        program = f"import sys; {begin}; from dask.__main__ import main; sys.exit(main())"
        process = subprocess.Popen(
            [sys.executable, "-c", program, what, "--host", "127.0.0.1", "--no-dashboard", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", ""))),
                "PYTHONWARNINGS": "ignore",
            },
            start_new_session=True,
        )
        self.processes.append(process)
        return process


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    made = Dask(tmp_path_factory.mktemp("dask"))
    try:
        made.worker()
        made.worker()
        yield made
    finally:
        made.stop()


@contextmanager
def joined(dask: Dask, root: Path, workers: int = 2) -> Iterator[Any]:
    with connected(dask.address, {"--store": root / ".store", "--out": root / "toy"}) as cluster:
        wait_for(lambda: cluster.recount() or cluster.slots >= workers)
        yield cluster


class Far:
    """Runs of plans on the cluster."""

    def __init__(self, dask: Dask, root: Path) -> None:
        self.dask, self.root = dask, root
        self.events: list[Event] = []
        self.pool: DaskPool | None = None

    def run(self, what: Plan, **options: Any) -> RunResult:
        def make_workers(temporary: Callable[[], Path], wake: int | None) -> DaskPool:
            self.pool = cluster.make_workers(temporary, wake)
            return self.pool

        with joined(self.dask, self.root) as cluster:
            return execute(
                what,
                self.root / "toy",
                self.root / ".store",
                jobs=cluster.slots,
                registry=TOYS,
                on_event=self.events.append,
                make_workers=make_workers,
                **options,
            )

    def knows_what_began(self) -> bool:
        """Tell whether the run has heard of the beginning of all that it has given away."""
        return self.pool is not None and all(given.begun for given in list(self.pool._given.values()))

    def lost(self) -> list[str]:
        return [event.message for event in self.events if event.kind == "lost"]


@pytest.fixture
def far(dask: Dask, tmp_path: Path) -> Far:
    return Far(dask, tmp_path)


def products(run_dir: Path) -> dict[str, bytes]:
    folder = run_dir / "products"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_worker_that_joins_is_used_and_one_that_is_killed_costs_a_try(far: Far, tmp_path: Path) -> None:
    until = tmp_path / "until"
    lingering = [
        step(f"linger:{number}", mark=str(tmp_path / f"mark{number}"), until=str(until), text=f"{number}\n")
        for number in range(3)
    ]
    what = plan(
        *lingering,
        *(step(f"join:{number}", f"linger:{number % 3}", text=str(number)) for number in range(6)),
        step("measure:all", *(f"join:{number}" for number in range(6))),
    )
    seen: dict[str, int] = {}

    def interfere() -> None:
        third = far.dask.worker()

        def its_step() -> int:
            marks = [path.read_text() for path in tmp_path.glob("mark*")]
            family = {child.pid for child in psutil.Process(third.pid).children(recursive=True)}
            return next((int(text) for text in marks if text and int(text) in family), 0)

        try:
            wait_for(its_step)
            seen["step"] = its_step()
            wait_for(far.knows_what_began)  # a step that has not begun is Dask's to give to another
            third.kill()
            third.wait()
            assert gone(seen["step"])
        finally:
            until.touch()

    thread = threading.Thread(target=interfere)
    thread.start()
    result = far.run(what)
    thread.join()
    assert seen["step"]
    assert result.counts() == {"done": 10}
    assert [text.startswith("its worker process was killed (Dask has lost its worker tcp:") for text in far.lost()] == [
        True
    ]
    assert not (tmp_path / ".store" / "tmp").exists() or not list((tmp_path / ".store" / "tmp").iterdir())
    assert not list(tmp_path.rglob(".cluster-*"))

    here = execute(what, tmp_path / "here" / "toy", tmp_path / "here" / ".store", jobs=2, registry=TOYS)
    assert products(tmp_path / "here" / "toy") == products(tmp_path / "toy")
    assert [one.key for one in here.steps] == [one.key for one in result.steps]


def test_steps_are_isolated_as_on_one_machine(far: Far, tmp_path: Path) -> None:
    what = plan(
        step("misbehave:once", how="die once", mark=str(tmp_path / "mark")),
        step("misbehave:always", how="die"),
        step("misbehave:raise", how="raise"),
        step("join:after", "misbehave:once", optional=("misbehave:always",), text="!"),
        step("surroundings:a"),
    )
    result = far.run(what)
    outcomes = {one.name: one.outcome for one in result.steps}
    assert outcomes == {
        "misbehave:once": "done",
        "misbehave:always": "failed",
        "misbehave:raise": "failed",
        "join:after": "done",
        "surroundings:a": "done",
    }
    messages = {one.name: one.message for one in result.steps}
    assert messages["misbehave:always"].startswith("its worker process was killed (SIGKILL 9) at each try")
    assert messages["misbehave:raise"].startswith("internal error: ValueError: a defect")
    killed = "its worker process was killed (SIGKILL 9)"  # one step twice, the other once: it is done at the second try
    lost = [text for text in far.lost() if text.startswith(killed)]
    assert sorted(lost) == [killed, f"{killed}; tried again", f"{killed}; tried again"]
    assert '"PYTHONHASHSEED": "0"' in (tmp_path / "toy/products/surroundings/a/out.json").read_text()


def test_a_step_over_time_is_ended_on_its_worker(far: Far, tmp_path: Path) -> None:
    late = tmp_path / "late"
    what = plan(step("linger:late", mark=str(late), until=str(tmp_path / "never"), text=""), step("join:a", text="a"))
    for limit in begun_by(late):
        steps = {one.name: one for one in far.run(what, wishes=Wishes(timeout=(("linger:late", limit),))).steps}
        assert steps["linger:late"].outcome == "failed"
        assert f"took longer than {limit:g} s and was stopped" in steps["linger:late"].message
        assert steps["join:a"].outcome in {"done", "up to date"}
    assert gone(int(late.read_text()))


RUN = """
import sys
from pathlib import Path
from tests.run.test_cluster import ask
ask(sys.argv[1], Path(sys.argv[2]))
"""


def ask(address: str, root: Path) -> None:
    """Run a step that never ends, and say what happens."""
    what = plan(
        step("linger:a", mark=str(root / "mark"), until=str(root / "never"), text=""), step("join:b", "linger:a")
    )
    with connected(address, {"--store": root / ".store", "--out": root / "toy"}) as cluster:
        result = execute(
            what, root / "toy", root / ".store", jobs=1, registry=TOYS, grace=0.1, make_workers=cluster.make_workers
        )
    sys.stdout.write(f"{result.counts()} {result.signal}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_stopped_ends_its_steps(dask: Dask, tmp_path: Path, number: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", RUN, dask.address, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
    ) as run:
        mark = tmp_path / "mark"
        wait_for(lambda: mark.exists() and mark.read_text())
        run.send_signal(number)
        said, _ = run.communicate(timeout=120)
    assert said == ("{'cancelled': 2} 2" if number == signal.SIGINT else "")
    assert gone(int(mark.read_text()))


def test_dask_logs_and_warns_of_nothing_meanwhile(dask: Dask, tmp_path: Path) -> None:
    logger = logging.getLogger("distributed")
    before = logger.level
    with joined(dask, tmp_path) as cluster:
        assert not logger.isEnabledFor(logging.CRITICAL)
        assert cluster.notes() == ()
        cluster._sights = [replace(cluster._sights[0], host="far", packages={"numpy": "1.0"})]
        assert cluster.notes()[0].startswith("Dask workers have other versions: numpy 1.0 (")
        assert cluster.notes()[0].endswith(" here) on far. Results may differ in their last digits")
    assert logger.level == before


def test_a_store_that_workers_do_not_see_is_refused(
    dask: Dask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where the workers are not
    with (
        pytest.raises(UsageError, match=r"^store: is not seen on \S+, where a Dask worker is\..* with --store$"),
        connected(dask.address, {"--store": Path("store")}),
    ):
        pass
    assert list((tmp_path / "store").iterdir()) == []


def test_a_scheduler_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xbatch.run.cluster._CONNECT_S", 0.3)
    with (
        pytest.raises(UsageError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9 .* dask scheduler"),
        connected("tcp://127.0.0.1:9", {}),
    ):
        pass


def test_a_scheduler_without_workers_that_are_of_use_is_told(tmp_path: Path) -> None:
    dask = Dask(tmp_path)
    try:
        with (
            pytest.raises(UsageError, match=r"has no workers\. Start some with: dask worker tcp:"),
            connected(dask.address, {}, patience=0.2),
        ):
            pass
        dask.worker(begin="sys.modules['xbatch'] = None")
        with (
            pytest.raises(
                UsageError, match=r"workers at tcp:\S+ could not be made ready .*xbatch.* Start them in the env"
            ),
            connected(dask.address, {}),
        ):
            pass
    finally:
        dask.stop()


def test_another_python_is_named() -> None:
    def of(python: str) -> dict[str, dict[str, str]]:
        return {"host": {"python": f"{python}.final.0"}}

    here, other = of(platform.python_version()), of("3.9.18")
    assert other_pythons({"scheduler": here, "workers": {"tcp://a:1": here}}) == ""
    said = other_pythons({"scheduler": here, "workers": {"tcp://a:1": here, "tcp://b:1": other}})
    assert said.startswith("the Dask worker tcp://b:1 has Python 3.9, and the run has 3.1")
    assert other_pythons({"scheduler": other, "workers": {}}).startswith("the Dask scheduler has Python 3.9")


def test_other_files_are_no_scheduler_files(tmp_path: Path) -> None:
    for text in ("{", "[]", "{}"):
        path = tmp_path / "a.json"
        path.write_text(text)
        with pytest.raises(FileError, match=r"a\.json: is not a scheduler file of Dask"):
            scheduler_address(path)
