"""Files that are read by threads, how far they are, and what a run makes of that."""

from __future__ import annotations

import gzip
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event as Flag
from types import MappingProxyType
from typing import Any

import pytest

from tests.run.inline import inline_workers
from tests.run.toys import TOYS, plan, step
from xbatch.base.digest import DIGESTS, DigestMemo, FileMark, content_digest, file_sha256
from xbatch.base.errors import FileError
from xbatch.plan.steps import FileInput, Step
from xbatch.plan.verdict import reason_text
from xbatch.registry import TASKS
from xbatch.run.intake import Intake
from xbatch.run.journal import read_journal
from xbatch.run.reading import Reading, SeenFile
from xbatch.run.result import Event, RunResult
from xbatch.run.session import execute, survey

GB = 1 << 30


@pytest.fixture
def memo(tmp_path: Path) -> DigestMemo:
    return DigestMemo(tmp_path / "store" / "digests")


def sizes_of(*paths: Path) -> dict[str, int]:
    return {str(path): path.stat().st_size for path in paths}


def some(folder: Path, count: int = 5) -> list[Path]:
    paths = [folder / f"in{number}" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]) * (1000 + number))
    return paths


def huge(path: Path) -> Path:
    """Make a file with a hole: nothing on the disk, and half a minute to read."""
    path.touch()
    os.truncate(path, 40 * GB)
    return path


def all_of(reading: Reading) -> dict[str, str]:
    found: dict[str, str] = {}
    while reading.going:
        reading.wait(30)
        found |= {path: file.digest for path, file in reading.news().items()}
    return found


@pytest.mark.parametrize("threads", [1, 3, 100])
def test_all_files_are_read_and_all_bytes_counted(tmp_path: Path, memo: DigestMemo, threads: int) -> None:
    paths = some(tmp_path)
    with Reading(sizes_of(*paths), memo, threads) as reading:
        assert all_of(reading) == {str(path): content_digest(path) for path in paths}
    assert (reading.files, reading.files_total) == (5, 5)
    assert reading.bytes == reading.bytes_total == sum(sizes_of(*paths).values())


def test_nothing_to_read_is_no_reading(memo: DigestMemo) -> None:
    with Reading({}, memo, 4) as reading:
        assert not reading.going


def test_it_ends_in_the_middle_of_a_file(tmp_path: Path, memo: DigestMemo) -> None:
    with Reading(sizes_of(huge(tmp_path / "huge")), memo, 1) as reading:
        until = time.monotonic() + 60
        while not reading.bytes and time.monotonic() < until:
            reading.wait(0.01)
    for thread in reading._threads:
        thread.join(60)
        assert not thread.is_alive()
    assert 0 < reading.bytes < reading.bytes_total and not reading.going


@pytest.mark.parametrize("threads", [1, 3])
def test_a_file_that_cannot_be_read_is_told_and_all_others_are_read(
    tmp_path: Path, memo: DigestMemo, threads: int
) -> None:
    paths = some(tmp_path)
    sizes = sizes_of(*paths)
    paths[0].unlink()
    found: dict[str, SeenFile | FileError] = {}
    with Reading(sizes, memo, threads) as reading:
        while reading.going:
            reading.wait(30)
            found |= reading.news()
    fault = found.pop(str(paths[0]))
    assert str(fault) == f"{paths[0]}: cannot be read: No such file or directory. Put it back and run again"
    assert found.keys() == set(map(str, paths[1:])) and all(isinstance(file, SeenFile) for file in found.values())
    assert (reading.files, reading.bytes) == (reading.files_total, reading.bytes_total), "the rest is not waited for"


def test_a_defect_is_told_to_who_waits(tmp_path: Path, memo: DigestMemo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memo, "digest", lambda path, now_ns, told: {}[path])
    with Reading(sizes_of(*some(tmp_path, 2)), memo, 2) as reading:
        reading.wait(30)
        with pytest.raises(KeyError):
            reading.news()


class SlowMemo(DigestMemo):
    """Reads files whose names begin with ``slow`` only when it is allowed to."""

    allowed = Flag()

    def digest(self, path: Path, now_ns: int, told: Callable[[int], None] = print) -> tuple[FileMark, str]:
        while path.name.startswith("slow") and not self.allowed.wait(0.01):
            told(0)
        return super().digest(path, now_ns, told)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Flag:
    """Have a run read slowly, and not wait for it; give what allows it to go on."""
    monkeypatch.setattr(SlowMemo, "allowed", Flag())
    monkeypatch.setattr("xbatch.run.session.DigestMemo", SlowMemo)
    return SlowMemo.allowed


def test_a_step_is_free_when_all_its_files_are_known(
    tmp_path: Path, slow: Flag, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xbatch.run.intake._EVERY_S", 600.0)
    quick, late = tmp_path / "quick", tmp_path / "slow"
    quick.write_text("1")
    late.write_text("22")
    both = Step("join:c", "join", "c", inputs={"x": FileInput(str(quick)), "y": FileInput(str(late))}, product="c")
    what = plan(step("join:a", file=quick), step("join:b", file=late), both, step("join:d"))
    with Intake(what, SlowMemo(tmp_path / "memo"), 2, lambda: False, patience=0.2) as intake:
        until, known = time.monotonic() + 60, [] if "join:a" in intake.unread else ["join:a"]
        while not known and time.monotonic() < until:
            known = intake.take()
        assert known == ["join:a"] and intake.unread == {"join:b", "join:c"}
        assert (intake.take(), intake.going, list(intake.digests)) == ([], True, [str(quick)])
        said = intake.progress()
        assert said is not None
        assert said.pop("seconds") > 0.15
        assert said == {"files": 1, "files_total": 2, "bytes": 1, "bytes_total": 3}
        assert intake.progress() is None  # not twice so soon
        slow.set()
        free: list[str] = []
        while intake.going:
            free += intake.take()
        assert sorted(free) == ["join:b", "join:c"] and not intake.unread
        last = intake.progress()
        assert last is not None and last["files"] == 2 and last["bytes"] == 3
        assert intake.progress() is None
    assert intake.seen.keys() == intake.digests.keys() == {str(quick), str(late)}


def test_what_is_quickly_read_is_not_spoken_of(tmp_path: Path, memo: DigestMemo) -> None:
    what = plan(*(step(f"join:{path.name}", file=path) for path in some(tmp_path)))
    with Intake(what, memo, 2, lambda: False, patience=60) as intake:
        assert not intake.unread and not intake.going and intake.progress() is None


def test_who_is_asked_to_stop_does_not_wait(tmp_path: Path, memo: DigestMemo) -> None:
    began = time.monotonic()
    with Intake(plan(step("join:a", file=huge(tmp_path / "x"))), memo, 1, lambda: True, patience=600) as intake:
        assert intake.unread == {"join:a"}
    assert time.monotonic() - began < 300


def run(root: Path, *steps: Step, tell: Callable[[Event], None] = lambda event: None, **options: Any) -> RunResult:
    made = {"registry": TOYS, "make_workers": inline_workers, "jobs": 2, **options}
    return execute(plan(*steps), root / "run", root / "store", on_event=tell, **made)


def test_steps_begin_while_other_files_are_read(tmp_path: Path, slow: Flag) -> None:
    (tmp_path / "quick").write_text("quick")
    (tmp_path / "slow").write_text("slow")
    kinds: list[str] = []

    def tell(event: Event) -> None:
        kinds.append(f"{event.kind} {event.step}".strip())
        if kinds[-1] == "ended join:next":
            slow.set()  # only now: without an early begin the run would never end

    steps = (step("join:late", file=tmp_path / "slow"), step("join:first", file=tmp_path / "quick"))
    result = run(tmp_path, *steps, step("join:next", "join:first"), tell=tell)
    assert result.ok
    assert kinds[:2] == ["begin", "reading"]
    assert kinds.index("ended join:next") < kinds.index("started join:late")
    said = [entry for entry in read_journal(tmp_path / "run") if entry["event"] == "reading"]
    assert said[0]["files"] < said[-1]["files"] == 2
    assert {(entry["files_total"], entry["bytes_total"]) for entry in said} == {(2, 9)}


def outcomes(result: RunResult) -> dict[str, str]:
    return {one.name: one.outcome for one in result.steps}


@pytest.mark.parametrize("jobs", [1, 8])
def test_a_file_that_comes_to_be_unreadable_fails_what_needs_it_alone(tmp_path: Path, slow: Flag, jobs: int) -> None:
    for name in ("quick", "slow", "slow too"):
        (tmp_path / name).write_text(name)

    def tell(event: Event) -> None:
        if event.kind == "ended" and event.step == "join:first":
            (tmp_path / "slow").unlink()
            slow.set()

    steps = (
        step("join:first", file=tmp_path / "quick"),
        step("join:late", file=tmp_path / "slow"),
        step("join:last", file=tmp_path / "slow too"),
        step("join:next", "join:late"),
        step("join:both", "join:first", "join:last"),
        step("join:table", optional=("join:late", "join:first")),
    )
    result = run(tmp_path, *steps, tell=tell, jobs=jobs)
    lost = {"join:late": "failed", "join:next": "skipped"}
    assert outcomes(result) == {one.name: lost.get(one.name, "done") for one in steps}
    late = next(one for one in result.steps if one.name == "join:late")
    said = f"{tmp_path}/slow: cannot be read: No such file or directory. Put it back and run again"
    assert (late.message, late.key, late.log) == (said, None, None)
    assert [reason.kind for reason in late.reasons] == ["unreadable"]
    assert result.exit_status == 1 and not result.message

    (tmp_path / "slow").write_text("slow")
    made = {"join:late": "done", "join:next": "done", "join:table": "done"}
    assert outcomes(run(tmp_path, *steps, jobs=jobs)) == {one.name: made.get(one.name, "up to date") for one in steps}


def test_a_fault_is_told_while_the_step_s_other_files_are_read(tmp_path: Path, slow: Flag) -> None:
    (tmp_path / "slow").write_text("slow")
    (tmp_path / "gone").write_text("gone")
    files = {"a": FileInput(str(tmp_path / "slow")), "b": FileInput(str(tmp_path / "gone"))}
    told: list[str] = []

    def tell(event: Event) -> None:
        told.append(f"{event.kind} {event.step}".strip())
        if told[-1] == "ended join:both":
            slow.set()  # only now: were it waited for, the run would never end

    steps = (Step("join:both", "join", "both", inputs=files, product="c"), step("join:slow", file=tmp_path / "slow"))
    memo = SlowMemo(tmp_path / "memo")
    with Intake(plan(*steps), memo, 2, lambda: False, patience=0) as intake:
        assert intake.unread == {"join:both", "join:slow"}
    (tmp_path / "gone").unlink()
    with Intake(plan(*steps), memo, 2, lambda: False, patience=0) as intake:
        assert intake.unread == {"join:slow"}, "what is seen not to be there is not waited for"
    result = run(tmp_path, *steps, tell=tell)
    assert outcomes(result) == {"join:both": "failed", "join:slow": "done"}
    assert told.index("ended join:both") < told.index("started join:slow")


def test_all_that_may_not_be_read_is_named_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = some(tmp_path, 9)
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) == str(paths[0]))
    inputs = {f"file/{path.name}": FileInput(str(path)) for path in paths}
    both = Step("join:all", "join", "all", inputs=inputs, product="all")
    result = run(tmp_path, both, step("join:one", file=paths[0]))
    assert outcomes(result) == {"join:all": "failed", "join:one": "done"}
    others = ", ".join(map(str, paths[2:7]))
    assert next(one.message for one in result.steps if one.outcome == "failed") == (
        f"{paths[1]}: cannot be read: Permission denied; nor can {others} and 2 more be read. "
        "Give yourself permission to read it and run again"
    )


def test_a_survey_says_what_a_run_would_do_where_a_file_cannot_be_read(tmp_path: Path) -> None:
    first, second = some(tmp_path, 2)
    first.unlink()
    steps = (step("join:a", file=first), step("join:b", "join:a"), step("join:c", file=second))
    steps += (step("join:d", optional=("join:a",)), step("join:e", "join:c", file=first))
    found = survey(plan(*steps), tmp_path / "run", tmp_path / "store", registry=TOYS)
    assert {one.step: one.kind for one in found} == {
        "join:a": "blocked",
        "join:b": "blocked",
        "join:c": "run",
        "join:d": "run",
        "join:e": "blocked",
    }
    text = f"{first}: cannot be read: No such file or directory. Put it back and run again"
    assert {one.step: tuple(map(reason_text, one.reasons)) for one in found if one.kind == "blocked"} == {
        "join:a": (text,),
        "join:b": ("needs join:a",),
        "join:e": (text,),
    }
    assert outcomes(run(tmp_path, *steps)) == {
        "join:a": "failed",
        "join:b": "skipped",
        "join:c": "done",
        "join:d": "done",
        "join:e": "failed",
    }
    few = run(tmp_path, *steps, only=["join:c"])
    assert few.ok and outcomes(few) == {"join:c": "up to date"}, "what is not asked for is not looked at"


def test_a_forced_step_fails_too_and_its_old_products_go(tmp_path: Path) -> None:
    (path,) = some(tmp_path, 1)
    kept = path.read_bytes()
    product = tmp_path / "run" / "products" / "join" / "a" / "out.txt"
    assert run(tmp_path, step("join:a", file=path)).ok and product.is_file()
    path.unlink()
    result = run(tmp_path, step("join:a", file=path), force=["join:a"])
    assert outcomes(result) == {"join:a": "failed"}
    assert not product.exists(), "no old result stands among new ones"
    path.write_bytes(kept)
    assert outcomes(run(tmp_path, step("join:a", file=path))) == {"join:a": "up to date"} and product.is_file()


def test_what_was_not_begun_has_no_log_of_a_run_before(tmp_path: Path) -> None:
    (path,) = some(tmp_path, 1)
    spoilt = Step("misbehave:a", "misbehave", "a", params={"how": "raise"}, inputs={"file": FileInput(str(path))})
    (one,) = run(tmp_path, spoilt).steps
    assert one.log is not None and "a defect" in one.log.read_text()
    path.unlink()
    (one,) = run(tmp_path, spoilt).steps
    assert (one.outcome, one.log) == ("failed", None)
    assert "Put it back" in one.message


def test_the_first_file_that_cannot_be_read_stops_a_run_that_is_to_fail_fast(tmp_path: Path, slow: Flag) -> None:
    (tmp_path / "slow").write_text("slow")
    steps = (step("join:a", file=tmp_path / "gone"), step("join:b", file=tmp_path / "slow"))
    result = run(tmp_path, *steps, fail_fast=True)
    assert outcomes(result) == {"join:a": "failed", "join:b": "cancelled"}
    assert not slow.is_set(), "what is not needed any more is not read to its end"


def test_a_run_is_stopped_while_files_cannot_be_read(tmp_path: Path, slow: Flag) -> None:
    (tmp_path / "slow").write_text("slow")

    def tell(event: Event) -> None:
        if event.kind == "ended" and event.step == "join:a":
            os.kill(os.getpid(), signal.SIGINT)
            (tmp_path / "slow").unlink()
            slow.set()

    steps = (step("join:a", file=tmp_path / "gone"), step("join:b", file=tmp_path / "slow"), step("join:c", "join:b"))
    result = run(tmp_path, *steps, tell=tell)
    assert outcomes(result) == {"join:a": "failed", "join:b": "cancelled", "join:c": "cancelled"}
    assert (result.signal, result.exit_status) == (signal.SIGINT, 130)


# ---- raw files are read once ----------------------------------------------------------------------------------------

_opened: dict[str, int] = {}
_watching = Flag()


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and arguments[1] == "r" and _watching.is_set() and isinstance(arguments[0], str):
        _opened[arguments[0]] = _opened.get(arguments[0], 0) + 1


@pytest.fixture
def opened() -> Any:
    """Give how often each file was opened for reading by this process, by path."""
    if not getattr(sys, "_xbatch_hook", False):  # a hook stays until the process ends
        sys.addaudithook(_hook)
        sys._xbatch_hook = True  # type: ignore[attr-defined]
    _opened.clear()
    _watching.set()
    yield MappingProxyType(_opened)
    _watching.clear()


def observed(folder: Path) -> Step:
    """Make an observation of three FITS files: a plain one, a packed one and one too large for two digests."""
    card = "{:<8}= {:>20}".format
    cards = [card("SIMPLE", "T"), card("BITPIX", 8), card("NAXIS", 1), card("NAXIS1", 5000), "END"]
    header = "".join(f"{line:<80}" for line in cards).ljust(2880).encode()
    data = bytes(5000).ljust(2 * 2880, b"\0")
    folder.mkdir()
    (folder / "plain.fits").write_bytes(header + data)
    (folder / "packed.evt.gz").write_bytes(gzip.compress(header + data))
    size = 65 << 20
    (folder / "large.fits").write_bytes(header.replace(f"{5000:>20}".encode(), f"{size:>20}".encode()))
    os.truncate(folder / "large.fits", 2880 + -(-size // 2880) * 2880)
    names = ("plain.fits", "packed.evt.gz", "large.fits")
    inputs = {f"file/{name}": FileInput(str(folder / name)) for name in names}
    params = {"mission": "nustar", "obsid": "1"}
    return Step("observation:1", "observation", "1", params=params, inputs=inputs, product="1/observation")


def test_raw_files_are_read_once(tmp_path: Path, opened: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    later = time.time_ns() + 10**10
    monkeypatch.setattr("xbatch.run.reading.time.time_ns", lambda: later)  # a memo forgets what is very new
    what = observed(tmp_path / "raw")
    result = run(tmp_path, what, registry=TASKS)
    assert result.ok
    raw = {Path(path).name: count for path, count in opened.items() if path.startswith(str(tmp_path / "raw"))}
    assert raw == {"plain.fits": 1, "packed.evt.gz": 1, "large.fits": 2}  # and the headers of what has but one digest
    memo = DigestMemo(tmp_path / "store" / DIGESTS)
    found = {name: memo.sha256(tmp_path / "raw" / name) for name in raw}  # as the manifest asks
    assert sum(opened[str(tmp_path / "raw" / name)] for name in raw) == 4
    assert found == {name: file_sha256(tmp_path / "raw" / name) for name in raw}


@pytest.mark.parametrize("name", ["plain.fits", "packed.evt.gz", "large.fits"])
def test_a_raw_file_that_changes_after_it_was_read_is_noticed(tmp_path: Path, name: str) -> None:
    what = observed(tmp_path / "raw")

    def tell(event: Event) -> None:
        if event.kind == "started":
            path = tmp_path / "raw" / name
            made = path.stat()
            with path.open("r+b") as stream:
                stream.seek(max(0, made.st_size - 3000))  # not in what only fills the file up
                stream.write(b"x")
            os.utime(path, ns=(made.st_atime_ns, made.st_mtime_ns))  # the same size, and a time as before

    (one,) = run(tmp_path, what, tell=tell, registry=TASKS).steps
    assert one.outcome == "failed"
    assert f"{name}: was changed while the step ran. Run again when it is complete" in one.message


def test_a_digest_of_the_list_is_that_of_the_file(tmp_path: Path) -> None:
    run(tmp_path, observed(tmp_path / "raw"), registry=TASKS)
    listed = json.loads((tmp_path / "run/products/1/observation/observation.json").read_text())["files"]
    assert {one["path"]: one["digest"] for one in listed} == {
        path.name: content_digest(path) for path in (tmp_path / "raw").iterdir()
    }
