"""A whole run, with its record, that is killed: the next one goes on, and leaves what any other leaves."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.end_to_end.world import SPEC
from tests.run.faults import KILLED, count_writes, with_fault, without_a_clock
from tests.run.inline import inline_workers
from xbatch.cli.run import leave_record
from xbatch.plan.compile import compile_plan
from xbatch.provenance import manifest
from xbatch.provenance.checking import check_products
from xbatch.run.session import execute
from xbatch.run.store import Store
from xbatch.run.verifying import check_store
from xbatch.spec import load

# figures take longer than all else, and are files as any other
ONLY = ("parameters:*", "summary:*", "handover:*")
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


class Analysis:
    """A spec with its data, and runs of it in folders of their own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.spec = root / "desk.yaml"
        self.spec.write_text(SPEC.replace('obsids: ["99900000001", "99900000002"]', 'obsids: ["99900000001"]'))

    def run(self, name: str) -> None:
        """Do what the command does, in this process."""
        analysis = load(self.spec, ())
        plan = compile_plan(analysis)
        place = self.root / name
        result = execute(
            plan,
            place / "desk",
            place / ".store",
            jobs=1,
            only=ONLY,
            make_workers=inline_workers,
            leave=lambda result: leave_record(analysis, plan, result, 1),
        )
        assert result.ok, [one.message for one in result.steps]

    def start(self, name: str) -> subprocess.Popen[str]:
        """Give the command, with worker processes."""
        only = [word for step in ONLY for word in ("--only", step)]
        command = [sys.executable, "-m", "xbatch", "run", str(self.spec), "--out", str(self.root / name / "desk")]
        return subprocess.Popen(
            [*command, "--jobs", "2", "--quiet", *only],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def finish(self, name: str) -> None:
        child = self.start(name)
        output, _ = child.communicate(timeout=120)
        assert child.returncode == 0, output

    def check(self, name: str, like: str) -> None:
        """Compare a run with another that nothing has disturbed."""
        run, other = self.root / name / "desk", self.root / like / "desk"
        assert products(run) == products(other)
        content = manifest.read(run)
        assert manifest.without_volatile(content) == manifest.without_volatile(manifest.read(other))
        count, damages = check_products(run, content)
        assert count > 10
        assert damages == []
        assert check_store(Store(self.root / name / ".store"))[1] == []
        assert (run / "report.html").stat().st_size > 10_000
        assert (run / "spec.yaml").read_bytes() == self.spec.read_bytes()
        assert list((self.root / name).rglob("*.part")) == []
        assert list((self.root / name / ".store" / "tmp").iterdir()) == []


def products(run: Path) -> Mapping[str, bytes]:
    folder = run / "products"
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def analysis(tmp_path: Path, simulated: Path) -> Iterator[Analysis]:
    pytest.importorskip("sherpa", reason="a fit needs Sherpa")
    shutil.copytree(simulated, tmp_path / "data")
    for path in (tmp_path / "data").rglob("*"):
        os.utime(path, (1, 1))
    found = Analysis(tmp_path)
    found.run("whole")
    yield found


@pytest.mark.parametrize("every", [71, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_at_a_write_the_next_run_ends_the_same(
    analysis: Analysis, every: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_a_clock(monkeypatch)
    points = count_writes(analysis.root, lambda: analysis.run("counted"))
    assert points > 200
    # the last ones are those of the record
    for number in sorted({*range(every, points + 1, every), *range(points - 8, points + 1, min(every, 4))}):
        name = f"at {number}"
        assert with_fault(analysis.root, number, lambda name=name: analysis.run(name)) == KILLED  # type: ignore[misc]
        analysis.run(name)
        analysis.check(name, "whole")
        shutil.rmtree(analysis.root / name)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """A disk of its own in the folder ``disk``, and the means to make it as large as wanted."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options: str) -> bool:
        command = ["mount", "-t", "tmpfs", "-o", options, "none", str(place)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    if sys.platform != "linux" or not mount("size=1m"):
        pytest.skip("no disk can be made here")

    def change(options: str) -> None:
        assert mount(f"remount,{options}")

    yield change
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize(
    "share",
    [
        0.2,
        pytest.param(0.05, marks=pytest.mark.slow),
        *(pytest.param(share, marks=pytest.mark.slow) for share in (0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98)),
    ],
)
def test_a_disk_that_is_full_or_read_only_is_told_and_later_used(
    analysis: Analysis, small_disk: Callable[[str], None], share: float
) -> None:
    analysis.finish("undisturbed")
    files = {path.lstat().st_ino: path for path in (analysis.root / "undisturbed").rglob("*") if path.is_file()}
    pages = sum(-(-path.stat().st_size // 4096) for path in files.values())
    small_disk(f"size={int(share * pages) * 4096}")
    for options, told in (("rw", "No space left on device"), ("ro", "Read-only file system")):
        small_disk(options)
        child = analysis.start("disk")
        output, _ = child.communicate(timeout=120)
        assert child.returncode == 1, output
        assert told in output
        assert "Traceback" not in output
    small_disk("rw,size=100m")
    analysis.finish("disk")
    analysis.check("disk", "undisturbed")


@pytest.mark.parametrize("count", [4, pytest.param(100, marks=pytest.mark.slow)])
def test_killed_again_and_again_at_random_moments(analysis: Analysis, count: int) -> None:
    began = time.monotonic()
    analysis.finish("undisturbed")
    usual = time.monotonic() - began
    chance = random.Random(count)
    for number in range(count):
        name = f"at {number // 4}"
        child = analysis.start(name)
        time.sleep(chance.uniform(0.1, 1.0) * usual)
        os.kill(child.pid, signal.SIGKILL)
        child.communicate(timeout=60)
        if number % 4 == 3:
            analysis.finish(name)
            analysis.check(name, "undisturbed")
            shutil.rmtree(analysis.root / name)
