from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from xbatch.base.digest import DigestMemo
from xbatch.base.sharing import make_folder, shared_mode


@pytest.fixture(autouse=True)
def private() -> Iterator[None]:
    """A user who keeps everything to himself unless told otherwise."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_below_a_shared_folder_all_may_write(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    root.chmod(0o2775)
    assert shared_mode(root) == 0o2775
    make_folder(root / "a" / "b", root)
    make_folder(root / "a" / "b", root)
    assert mode(root / "a") == mode(root / "a" / "b") == 0o2775


def test_a_shared_folder_is_open_to_all_as_soon_as_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o2775)
    seen: list[str] = []

    def look(path: Path, to: int) -> None:
        seen.append(path.name)
        assert not (tmp_path / "a").exists()
        chmod(path, to)

    chmod = Path.chmod
    monkeypatch.setattr(Path, "chmod", look)
    make_folder(tmp_path / "a", tmp_path)
    assert seen and mode(tmp_path / "a") == 0o2775
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("full", [False, True])
def test_two_may_make_a_shared_folder_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: bool) -> None:
    tmp_path.chmod(0o2775)
    rename = Path.rename

    def late(path: Path, target: Path) -> Path:
        (target / "b" if full else target).mkdir(parents=True)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", late)
    make_folder(tmp_path / "a", tmp_path)
    assert (tmp_path / "a" / "b").exists() == full
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("shared", [False, True])
def test_an_empty_folder_may_be_taken_away_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: bool
) -> None:
    tmp_path.chmod(0o2775 if shared else 0o755)
    mkdir = Path.mkdir
    taken: list[Path] = []

    def late(path: Path, *more: int, **options: bool) -> None:
        if path.parent == tmp_path / "a" and len(taken) < 3:
            path.parent.rmdir()
            taken.append(path)
        mkdir(path, *more, **options)

    monkeypatch.setattr(Path, "mkdir", late)
    make_folder(tmp_path / "a" / "b", tmp_path)
    assert len(taken) == 3
    assert (tmp_path / "a" / "b").is_dir()


def test_below_any_other_the_umask_counts(tmp_path: Path) -> None:
    root = tmp_path / "root"
    assert shared_mode(root) is None
    make_folder(root / "a" / "b", root)
    assert shared_mode(root) is None
    assert mode(root / "a") == mode(root / "a" / "b") == 0o700


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    for folder in (tmp_path / "a", tmp_path / "a" / "b"):
        with pytest.raises(NotADirectoryError):
            make_folder(folder, tmp_path)


@pytest.mark.parametrize(("root", "expected"), [(0o2770, 0o664), (0o755, 0o600)])
def test_digests_are_remembered_for_all_users(tmp_path: Path, root: int, expected: int) -> None:
    store, file = tmp_path / "store", tmp_path / "file"
    store.mkdir()
    store.chmod(root)
    file.write_text("x")
    DigestMemo(store / "digests").digest(file, 2**62)
    (note,) = store.glob("digests/*/*.json")
    assert mode(note) == expected
    assert mode(note.parent) == (0o2770 if root == 0o2770 else 0o700)
