from __future__ import annotations

import gzip
import hashlib
import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.base.test_fitsheader import PRIMARY, header, table
from xbatch.base import digest as digest_module
from xbatch.base.digest import DigestMemo, Told, content_digest, file_facts, file_mark, file_sha256
from xbatch.base.errors import FileError

LONG_AGO = 1_000_000_000_000_000_000


def make(path: Path, *cards: str, data: bytes | None = None) -> Path:
    content = bytearray(PRIMARY + table("SPECTRUM", 100, 4, *cards))
    if data is not None:
        content[-2880 : -2880 + 400] = data
    path.write_bytes(content)
    return path


def test_a_large_file_is_known_by_its_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path / "a")
    monkeypatch.setattr("xbatch.base.digest._LARGE", path.stat().st_size)
    assert content_digest(path).startswith("fits1:")
    monkeypatch.setattr("xbatch.base.digest._LARGE", path.stat().st_size - 1)
    facts = file_facts(path)
    assert facts.digest == content_digest(path) == f"sha256:{facts.sha256}" == f"sha256:{file_sha256(path)}"


def test_fits_and_its_gzipped_form_agree(tmp_path: Path) -> None:
    plain = make(tmp_path / "a.pha")
    packed = tmp_path / "a.pha.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert content_digest(plain) == content_digest(packed)
    assert content_digest(plain).startswith("fits1:")


@pytest.mark.parametrize(
    "cards",
    [
        ("DATE    = '2026-01-01T00:00:00'",),
        ("CHECKSUM= 'abc'               / HDU checksum updated 2026-01-01", "DATASUM = '123'"),
        ("CREATOR = 'someone&'", "CONTINUE  ' else'"),
        ("HISTORY made by hand", "COMMENT words", ""),
    ],
)
def test_when_and_by_whom_does_not_count(tmp_path: Path, cards: tuple[str, ...]) -> None:
    assert content_digest(make(tmp_path / "a", *cards)) == content_digest(make(tmp_path / "b"))


@pytest.mark.parametrize("card", ["EXPOSURE= 1.0", "DATE-OBS= '2026-01-01'", "TEXT    = 'a&'", "DATEX   = 1"])
def test_any_other_card_counts(tmp_path: Path, card: str) -> None:
    assert content_digest(make(tmp_path / "a", card)) != content_digest(make(tmp_path / "b"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.binary(min_size=400, max_size=400), at=st.integers(0, 399), change=st.integers(1, 255))
def test_any_changed_data_byte_changes_the_digest(tmp_path: Path, data: bytes, at: int, change: int) -> None:
    other = bytearray(data)
    other[at] ^= change
    assert content_digest(make(tmp_path / "a", data=data)) != content_digest(make(tmp_path / "b", data=bytes(other)))


def test_padding_does_not_count(tmp_path: Path) -> None:
    path = make(tmp_path / "a")
    before = content_digest(path)
    path.write_bytes(path.read_bytes()[:-1] + b" ")
    assert content_digest(path) == before
    path.write_bytes(path.read_bytes()[:-2000])
    assert content_digest(path) == before


def test_moving_a_byte_from_header_to_data_is_seen(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(PRIMARY + table("A", 1, 1))
    second.write_bytes(PRIMARY + table("A", 1, 2))
    assert content_digest(first) != content_digest(second)


def bytes_digest(path: Path) -> str:
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"words",
        gzip.compress(b"words"),
        PRIMARY[:100],
        (PRIMARY + table("A", 1000))[:-2500],
        gzip.compress(PRIMARY + table("A", 5))[:-10],
        header("SIMPLE  =                    T", "BITPIX  = 'x'"),
        PRIMARY + b"trailing",
    ],
)
def test_anything_but_sound_fits_is_bytes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    assert content_digest(path) == bytes_digest(path)


def test_file_facts(tmp_path: Path) -> None:
    path = make(tmp_path / "a")
    facts = file_facts(path)
    assert (facts.size, facts.sha256, facts.digest) == (path.stat().st_size, file_sha256(path), content_digest(path))


def test_missing_and_folders(tmp_path: Path) -> None:
    for function in (content_digest, file_sha256, file_mark):
        with pytest.raises(FileError):
            function(tmp_path / "none")
        with pytest.raises(FileError):
            function(tmp_path)


class TestMemo:
    def test_remembers_until_the_file_changes(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        path.write_text("one")
        memo = DigestMemo(tmp_path / "memo")
        later = time.time_ns() + 10**10
        assert memo.recall(path) is None
        first = memo.digest(path, later)
        assert DigestMemo(tmp_path / "memo").recall(path) == first
        assert DigestMemo(tmp_path / "memo", paranoid=True).recall(path) is None
        time.sleep(0.02)  # the times of files go on in ticks, of up to 10 ms
        path.write_text("two")
        assert memo.recall(path) is None
        assert memo.digest(path, later)[1] == bytes_digest(path)

    def test_same_size_and_mtime_do_not_deceive(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        path.write_text("one")
        os.utime(path, ns=(LONG_AGO, LONG_AGO))
        memo = DigestMemo(tmp_path / "memo")
        memo.digest(path, time.time_ns() + 10**10)
        time.sleep(0.02)
        path.write_text("two")
        os.utime(path, ns=(LONG_AGO, LONG_AGO))
        assert memo.recall(path) is None

    @pytest.mark.parametrize(("times", "whole"), [(1, True), (2, True), (9, False)])
    def test_a_file_that_gets_another_name_while_it_is_read_is_read_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int, whole: bool
    ) -> None:
        path = tmp_path / "a"
        path.write_text("one")
        expected, read = digest_module._both_digests(path), []

        def linked(path: Path, told: Told) -> tuple[str, str]:
            read.append(path)
            if len(read) <= times:
                time.sleep(0.02)
                os.link(path, tmp_path / f"name {len(read)}")
            return expected

        monkeypatch.setattr(digest_module, "_both_digests", linked)
        memo = DigestMemo(tmp_path / "memo")
        if whole:
            assert memo.digest(path, 0) == (file_mark(path), expected[1])
            assert len(read) == times + 1
        else:
            with pytest.raises(FileError, match="was changed while it was read"):
                memo.digest(path, 0)
            assert len(read) == 3

    def test_a_file_just_changed_is_not_remembered(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        path.write_text("one")
        memo = DigestMemo(tmp_path / "memo")
        memo.digest(path, time.time_ns())
        assert memo.recall(path) is None

    @pytest.mark.parametrize("content", ["", "[]", "{}", '{"mark": 1}'])
    def test_a_damaged_note_is_ignored(self, tmp_path: Path, content: str) -> None:
        path = tmp_path / "a"
        path.write_text("one")
        memo = DigestMemo(tmp_path / "memo")
        memo.digest(path, time.time_ns() + 10**10)
        for note in (tmp_path / "memo").rglob("*.json"):
            note.write_text(content)
        assert memo.recall(path) is None
        assert memo.digest(path, time.time_ns())[1] == bytes_digest(path)

    def test_the_sha256_is_remembered_beside_the_digest(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = make(tmp_path / "a")
        memo = DigestMemo(tmp_path / "memo")
        assert memo.sha256(path) == file_sha256(path) and not (tmp_path / "memo").exists()
        mark, digest = memo.digest(path, time.time_ns() + 10**10)
        assert memo.sha256(path) == file_sha256(path)
        with monkeypatch.context() as patch:
            patch.setattr("xbatch.base.digest.file_sha256", lambda _: "read again")
            assert DigestMemo(tmp_path / "memo").sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()
            assert DigestMemo(tmp_path / "memo", paranoid=True).sha256(path) == "read again"
        assert memo.recall(path) == (mark, digest)
        time.sleep(0.02)
        path.write_bytes(path.read_bytes() + bytes(2880))
        assert memo.sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()

    def test_nothing_is_made_where_there_is_no_store(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        path.write_text("one")
        DigestMemo(tmp_path / "store" / "digests").digest(path, time.time_ns() + 10**10)
        assert not (tmp_path / "store").exists()
        memo = DigestMemo(tmp_path / "store" / "digests", make=True)
        assert memo.digest(path, time.time_ns() + 10**10) == memo.recall(path)

    def test_a_store_that_cannot_be_written_costs_only_time(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        path.write_text("one")
        (tmp_path / "memo").write_text("in the way")
        memo = DigestMemo(tmp_path / "memo")
        assert memo.digest(path, time.time_ns() + 10**10)[1] == bytes_digest(path)
