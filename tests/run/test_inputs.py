from __future__ import annotations

import errno
import os
import sys
import time
from pathlib import Path

import pytest

from tests.run.toys import plan, step
from xbatch.base.digest import DigestMemo, content_digest
from xbatch.base.errors import FileError, UsageError
from xbatch.run.inputs import digest_files, outside_files
from xbatch.run.reading import unusable
from xbatch.run.selection import matching, selected


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    made = []
    for number in range(8):
        path = tmp_path / f"in{number}"
        path.write_text(str(number))
        made.append(str(path))
    return made


@pytest.mark.parametrize("threads", [1, 3])
def test_every_file_is_digested(tmp_path: Path, paths: list[str], threads: int) -> None:
    found = digest_files(paths, DigestMemo(tmp_path / "memo"), threads)
    assert {path: file.digest for path, file in found.seen.items()} == {
        path: content_digest(Path(path)) for path in paths
    }
    assert not found.unread and not found.faults


def test_what_is_remembered_is_not_read(tmp_path: Path, paths: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    memo = DigestMemo(tmp_path / "memo")
    for path in paths:
        memo.digest(Path(path), time.time_ns() + 10**10)
    monkeypatch.setattr("xbatch.base.digest.content_digest", None)
    assert list(digest_files(paths, memo).seen) == paths


def test_too_much_is_not_read(tmp_path: Path, paths: list[str]) -> None:
    memo = DigestMemo(tmp_path / "memo", make=True)
    memo.digest(Path(paths[0]), time.time_ns() + 10**10)
    size = sum(Path(path).stat().st_size for path in paths[1:])
    found = digest_files(paths, memo, most=size - 1)
    assert (list(found.seen), list(found.unread)) == (paths[:1], paths[1:])
    assert list(digest_files(paths, memo, most=size).seen) == paths


def unreadable_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Make paths that cannot be read, each for another reason, and give what has to be said of them."""
    gone, there, bad, secret = (str(folder / name) for name in ("gone", "folder", "sector", "secret"))
    Path(there).mkdir()
    Path(bad).symlink_to("/proc/self/mem")  # a regular file that gives EIO where it is read, to root too
    Path(secret).touch()
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("secret"))
    again = "Put a whole copy of it there and run again"
    return {
        gone: f"{gone}: cannot be read: No such file or directory. Put it back and run again",
        there: f"{there}: is not a file. {again}",
        bad: f"{bad}: cannot be read: Input/output error. {again}",
        secret: f"{secret}: cannot be read: Permission denied. Give yourself permission to read it and run again",
    }


@pytest.mark.skipif(sys.platform != "linux", reason="a file that gives EIO is taken from /proc")
@pytest.mark.parametrize("threads", [1, 8])
def test_files_that_cannot_be_read_keep_no_other_from_it(
    tmp_path: Path, paths: list[str], threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = unreadable_files(tmp_path, monkeypatch)
    found = digest_files([*expected, *paths], DigestMemo(tmp_path / "memo"), threads)
    assert {path: str(error) for path, error in found.faults.items()} == expected
    assert sorted(found.seen) == paths and not found.unread


def test_what_is_said_of_a_file_already_stays() -> None:
    said = FileError("a", "was changed while it was read", "Run again when it is complete")
    assert unusable("a", said) is said
    assert str(unusable("a", OSError(errno.ESTALE, "Stale file handle"))) == (
        "a: cannot be read: Stale file handle. Put a whole copy of it there and run again"
    )


def test_files_are_named_once(tmp_path: Path) -> None:
    one = tmp_path / "a"
    steps = [step("join:a", file=one), step("join:b", "join:a"), step("join:c", file=one)]
    assert outside_files(steps) == [str(one)]


PLAN = plan(step("join:a"), step("join:b", "join:a"), step("join:c"), step("measure:d", optional=("join:b",)))


def names(only: list[str]) -> list[str]:
    return [step.name for step in selected(PLAN, only, [])[0]]


def test_a_selection_brings_what_it_waits_for() -> None:
    assert names([]) == [step.name for step in PLAN]
    assert names(["join:b"]) == ["join:a", "join:b"]
    assert names(["measure:*"]) == ["join:a", "join:b", "measure:d"]
    assert selected(PLAN, ["join:b"], ["*:a"])[1] == {"join:a"}


def test_a_selection_may_begin_in_the_middle() -> None:
    def between(begin: list[str], only: list[str]) -> list[str]:
        return [step.name for step in selected(PLAN, only, [], begin)[0]]

    assert between(["join:b"], []) == ["join:a", "join:b", "measure:d"]
    assert between(["join:c"], []) == ["join:c"]
    assert between(["join:a"], ["join:b"]) == ["join:a", "join:b"]
    assert between(["join:[ac]"], ["join:[bc]"]) == ["join:a", "join:c", "join:b"]
    with pytest.raises(UsageError, match="no step of --only hangs on one of --from"):
        between(["join:c"], ["join:b"])
    with pytest.raises(UsageError, match="--from 'x' matches no step"):
        between(["x"], [])


def test_a_pattern_that_matches_nothing_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"--only 'jion:a' matches no step; did you mean 'join:a'\?"):
        selected(PLAN, ["jion:a"], [])
    with pytest.raises(UsageError, match="--force 'join:c' matches no step"):
        selected(PLAN, ["join:a"], ["join:c"])
    assert matching(["a[1]"], ["a[1]"], "--only") == {"a[1]"}
