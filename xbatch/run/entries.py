"""What lies in a store: each entry with its size, when it was used, and the run folders that refer to it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from xbatch.base.errors import FileError, UsageError
from xbatch.run.store import Store
from xbatch.run.uses import known_runs

__all__ = ["Entry", "all_entries", "check_is_store", "entry_folders", "references"]

_PREFIX = re.compile(r"[0-9a-f]{2}")
_KEY = re.compile(r"[0-9a-f]{64}")
_STEPS = "steps.json"


@dataclass(frozen=True)
class Entry:
    """An entry of a store.

    Attributes
    ----------
    key : str
    step : str
        The step that made it; empty where its record cannot be read.
    size : int
        Of its files, in bytes.
    freed : int
        Of those that have no other name: what its removal gives back. Products are links to files of entries.
    used : float
        When a run last made it or looked it up; seconds since the epoch, about an hour behind at most.
    runs : tuple of Path
        The folders of the runs that refer to it.
    """

    key: str
    step: str
    size: int
    freed: int
    used: float
    runs: tuple[Path, ...] = ()


def check_is_store(root: Path) -> None:
    """Raise unless a folder is a store.

    Raises
    ------
    UsageError
        It is not there, or looks like none.
    """
    if not root.is_dir():
        raise UsageError(
            f"{root} is not there; name the folder of a store (a run keeps it in .store beside its folder)"
        )
    if not any((root / name).is_dir() for name in ("runs", "tmp", "digests")) and not any(entry_folders(root)):
        raise UsageError(f"{root} is not a store: it holds no results by key")


def entry_folders(root: Path) -> Iterator[Path]:
    """Give the folders of all entries of a store, by key."""
    for prefix in sorted(root.iterdir()):
        if _PREFIX.fullmatch(prefix.name):
            with suppress(NotADirectoryError, FileNotFoundError):  # the last entry in it may just have been taken away
                yield from (folder for folder in sorted(prefix.iterdir()) if _KEY.fullmatch(folder.name))


def all_entries(store: Store, referring: Mapping[str, tuple[Path, ...]]) -> list[Entry]:
    """Look at all entries of a store.

    Parameters
    ----------
    store : Store
    referring : Mapping
        Key to the folders of the runs that refer to it, as `references` gives them.
    """
    found = []
    for folder in entry_folders(store.root):
        try:
            used = folder.stat().st_mtime
            status = [path.lstat() for path in folder.iterdir()]
        except OSError:
            continue  # it has just been taken away
        size = sum(one.st_size for one in status)
        freed = sum(one.st_size for one in status if one.st_nlink == 1)
        step = str((store.record(folder.name) or {}).get("step", ""))
        found.append(Entry(folder.name, step, size, freed, used, referring.get(folder.name, ())))
    return found


def references(root: Path) -> tuple[dict[str, tuple[Path, ...]], list[Path]]:
    """Find out which run folders refer to which keys, and which folders known to the store are gone.

    These are the folders of all runs that have used the store, and those beside it.

    Raises
    ------
    FileError
        A run's folder cannot be read, or is on another machine: what it refers to is not known.
    """
    here = os.uname().nodename
    folders = {path.parent: "" for path in sorted(root.parent.glob(f"*/{_STEPS}"))}
    gone = []
    for run in known_runs(root):
        if run.folder.is_dir():
            folders.setdefault(run.folder, str(run.note))
        elif run.host == here:
            gone.append(run.folder)
        else:
            what = f"is the folder of a run on {run.host} and cannot be seen from here: what it needs is not known"
            raise FileError(str(run.folder), what, f"Work on {run.host}, or remove {run.note} if the folder is gone")
    found: dict[str, list[Path]] = {}
    for folder in folders:
        for key in _keys(folder / _STEPS):
            found.setdefault(key, []).append(folder)
    return {key: tuple(runs) for key, runs in found.items()}, gone


def _keys(path: Path) -> set[str]:
    try:
        steps = json.loads(path.read_bytes())["steps"]
        return {step["key"] for step in steps.values()}
    except FileNotFoundError:
        return set()  # a run that has no results yet
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        what = f"cannot be read: {getattr(error, 'strerror', None) or error}: what the run needs is not known"
        raise FileError(str(path), what, "Run its spec again, or remove the file") from error
