"""Files that are read by threads, how far they are, and what a run makes of that."""

from __future__ import annotations

import gzip
import json
import os
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
from xbatch.registry import TASKS
from xbatch.run.intake import Intake
from xbatch.run.journal import read_journal
from xbatch.run.reading import Reading
from xbatch.run.result import Event, RunResult
from xbatch.run.session import execute

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
        reading.wait(0.1)
        began = time.monotonic()
    assert time.monotonic() - began < 1
    assert 0 < reading.bytes < reading.bytes_total and not reading.going


def test_what_goes_wrong_is_told_to_who_waits(tmp_path: Path, memo: DigestMemo) -> None:
    first, second = some(tmp_path, 2)
    sizes = sizes_of(huge(tmp_path / "huge"), first, second)
    first.unlink()
    with Reading(sizes, memo, 2) as reading:
        reading.wait(30)
        with pytest.raises(FileError, match="in0: cannot be read: No such file"):
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


def test_a_step_is_free_when_all_its_files_are_known(tmp_path: Path, slow: Flag) -> None:
    quick, late = tmp_path / "quick", tmp_path / "slow"
    quick.write_text("1")
    late.write_text("22")
    both = Step("join:c", "join", "c", inputs={"x": FileInput(str(quick)), "y": FileInput(str(late))}, product="c")
    what = plan(step("join:a", file=quick), step("join:b", file=late), both, step("join:d"))
    with Intake(what, SlowMemo(tmp_path / "memo"), 2, lambda: False, patience=0.2) as intake:
        assert intake.unread == {"join:b", "join:c"}
        assert (intake.take(), intake.going, list(intake.digests)) == ([], True, [str(quick)])
        said = intake.progress()
        assert said is not None
        assert said.pop("seconds") > 0.15
        assert said == {"files": 1, "files_total": 2, "bytes": 1, "bytes_total": 3}
        assert intake.progress() is None  # not twice in a second
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
    with Intake(what, memo, 2, lambda: False) as intake:
        assert not intake.unread and not intake.going and intake.progress() is None


def test_who_is_asked_to_stop_does_not_wait(tmp_path: Path, memo: DigestMemo) -> None:
    began = time.monotonic()
    with Intake(plan(step("join:a", file=huge(tmp_path / "x"))), memo, 1, lambda: True, patience=60) as intake:
        assert intake.unread == {"join:a"}
    assert time.monotonic() - began < 5


def run(root: Path, *steps: Step, tell: Callable[[Event], None] = lambda event: None, **options: Any) -> RunResult:
    made = {"registry": TOYS, "make_workers": inline_workers, **options}
    return execute(plan(*steps), root / "run", root / "store", jobs=2, on_event=tell, **made)


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
    assert [entry["files"] for entry in (said[0], said[-1])] == [1, 2]
    assert {(entry["files_total"], entry["bytes_total"]) for entry in said} == {(2, 9)}


def test_a_file_that_cannot_be_read_ends_the_run(tmp_path: Path, slow: Flag) -> None:
    for name in ("quick", "slow"):
        (tmp_path / name).write_text(name)

    def tell(event: Event) -> None:
        if event.kind == "ended":
            (tmp_path / "slow").unlink()
            slow.set()

    steps = (step("join:late", file=tmp_path / "slow"), step("join:first", file=tmp_path / "quick"))
    with pytest.raises(FileError, match=r"slow: cannot be read: No such file or directory"):
        run(tmp_path, *steps, tell=tell)
    (tmp_path / "slow").write_text("slow")
    assert [one.outcome for one in run(tmp_path, *steps).steps] == ["done", "up to date"]


def test_a_missing_file_is_told_before_anything_is_read(tmp_path: Path) -> None:
    steps = (step("join:a", file=huge(tmp_path / "huge")), step("join:b", file=tmp_path / "gone"))
    began = time.monotonic()
    with pytest.raises(FileError, match="gone: cannot be read: No such file"):
        run(tmp_path, *steps)
    assert time.monotonic() - began < 5


def test_a_file_that_may_not_be_read_is_told_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("secret"))
    (tmp_path / "secret").write_text("x")
    steps = (step("join:a", file=huge(tmp_path / "huge")), step("join:b", file=tmp_path / "secret"))
    with pytest.raises(FileError, match="secret: cannot be read: Permission denied"):
        run(tmp_path, *steps)


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
                stream.seek(-1, os.SEEK_END)
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
