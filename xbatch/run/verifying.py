"""Whether what is kept is still what was made: every entry of a store against its record, byte for byte."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xbatch.base.digest import file_sha256
from xbatch.base.errors import FileError
from xbatch.base.sharing import make_folder
from xbatch.plan.keys import key_of
from xbatch.run.entries import entry_folders
from xbatch.run.store import LOG, RECORD, Store
from xbatch.run.uses import alone, shared

__all__ = ["Damage", "check_file", "check_store", "faults_of", "set_aside"]

_DAMAGED = "damaged"
_TRIES = 3


@dataclass(frozen=True)
class Damage:
    """Something that is not what it should be.

    Attributes
    ----------
    place : Path
        The entry's folder, or the product.
    step : str
        Empty where it is not known.
    what : tuple of str
        The faults, one clause each.
    """

    place: Path
    step: str
    what: tuple[str, ...]


def check_file(path: Path, size: int, sha256: str) -> str:
    """Say what is wrong with a file; empty if it is as it was made."""
    try:
        found = path.stat().st_size
        if found != size:
            return f"{path.name} has {found} bytes, not {size}"
        return "" if file_sha256(path) == sha256 else f"{path.name} has other bytes than were written"
    except FileNotFoundError:
        return f"{path.name} is missing"
    except (OSError, FileError) as error:
        return f"{path.name} cannot be read: {error.what if isinstance(error, FileError) else error.strerror}"


def faults_of(store: Store, key: str) -> tuple[str, tuple[str, ...]] | None:
    """Check an entry: its step, and what is wrong; None if there is no such entry any more."""
    for _ in range(_TRIES):
        record = store.record(key)
        found = _found(store, key, record)
        if found is None or not found[1] or (store.entry(key).is_dir() and store.record(key) == record):
            return found
        # a run has put its own in that place meanwhile, or it was taken away
    return found if store.entry(key).is_dir() else None


def _found(store: Store, key: str, record: Mapping[str, Any] | None) -> tuple[str, tuple[str, ...]] | None:
    folder = store.entry(key)
    if record is None:
        return ("", (f"{RECORD} is missing or cannot be read",)) if folder.is_dir() else None
    try:
        faults = list(_faults(folder, record))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        faults = [f"{RECORD} lacks what a record has ({type(error).__name__}: {error})"]
    return str(record.get("step", "")), tuple(faults)


def _faults(folder: Path, record: Mapping[str, Any]) -> Iterator[str]:
    if key_of(record["ingredients"]) != record["key"]:
        yield f"{RECORD} names other ingredients than its key is made of"
    for name, output in record["outputs"].items():
        if fault := check_file(folder / name, output["size"], output["sha256"]):
            yield fault
    _, folders, names = next(os.walk(folder), ("", [], []))  # of a folder that is just taken away it gives nothing
    for name in sorted({*folders, *names} - {RECORD, LOG, *record["outputs"]}):
        yield f"{name} is not among what the step has made"


def check_store(store: Store, threads: int = 1, tell: Callable[[], None] = lambda: None) -> tuple[int, list[Damage]]:
    """Check all entries of a store.

    Parameters
    ----------
    store : Store
    threads : int
        Hashing releases the interpreter's lock.
    tell : callable
        Called after each entry.

    Returns
    -------
    int
        How many entries there are.
    list of Damage
        By key.
    """
    count, found = 0, []
    folders = list(entry_folders(store.root))
    with ThreadPoolExecutor(max(1, threads)) as pool:
        for folder, faults in zip(folders, pool.map(lambda path: _checked(store, path.name), folders), strict=True):
            tell()
            if faults is None:
                continue
            count += 1
            if faults[1]:
                found.append(Damage(folder, *faults))
    return count, found


def _checked(store: Store, key: str) -> tuple[str, tuple[str, ...]] | None:
    """Check an entry; where something is wrong once more while nobody clears up, who would be seen at it."""
    found = faults_of(store, key)
    if found is None or not found[1]:
        return found
    with shared(store.root):
        return faults_of(store, key)


def set_aside(store: Store, keys: Iterable[str]) -> list[Path]:
    """Move entries to ``damaged/``, where no run finds them; those that are whole again stay.

    Returns
    -------
    list of Path
        Where they are now.

    Raises
    ------
    FileError
        The store cannot be locked.
    OSError
        It cannot be written.
    """
    moved = []
    for key in keys:
        with alone(store.root):
            faults = faults_of(store, key)
            if faults is None or not faults[1]:
                continue
            target = store.root / _DAMAGED / key
            make_folder(target.parent, store.root)
            number = 1
            while target.exists():
                number += 1
                target = target.with_name(f"{key}.{number}")
            store.entry(key).rename(target)
        moved.append(target)
    return moved
