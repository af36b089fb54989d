from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.run.toys import plan, step
from xbatch.base.digest import DigestMemo, content_digest
from xbatch.base.errors import FileError, UsageError
from xbatch.run.inputs import digest_files, outside_files
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
    seen = digest_files(paths, DigestMemo(tmp_path / "memo"), threads)
    assert {path: file.digest for path, file in seen.items()} == {path: content_digest(Path(path)) for path in paths}


def test_what_is_remembered_is_not_read(tmp_path: Path, paths: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    memo = DigestMemo(tmp_path / "memo")
    for path in paths:
        memo.digest(Path(path), time.time_ns() + 10**10)
    monkeypatch.setattr("xbatch.base.digest.content_digest", None)
    assert list(digest_files(paths, memo)) == paths


def test_too_much_is_not_read(tmp_path: Path, paths: list[str]) -> None:
    memo = DigestMemo(tmp_path / "memo", make=True)
    memo.digest(Path(paths[0]), time.time_ns() + 10**10)
    size = sum(Path(path).stat().st_size for path in paths[1:])
    assert list(digest_files(paths, memo, most=size - 1)) == paths[:1]
    assert list(digest_files(paths, memo, most=size)) == paths


def test_all_missing_files_are_named_at_once(tmp_path: Path, paths: list[str]) -> None:
    gone = [str(tmp_path / f"gone{number}") for number in range(8)]
    memo = DigestMemo(tmp_path / "memo")
    with pytest.raises(FileError, match=r"gone0: cannot be read: No such file or directory$"):
        digest_files([*paths, gone[0]], memo)
    with pytest.raises(FileError, match=r"gone0: cannot be read: .*; the same goes for .*gone1.* and 2 more"):
        digest_files([*paths, *gone], memo)


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
