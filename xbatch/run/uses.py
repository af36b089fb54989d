"""Who uses a store: the runs that refer to what is in it, and the lock between them and whoever clears it up.

Each run leaves a note in ``runs/`` that names its folder and is locked as long as the run goes, so that it is known
which folders refer to entries, and which runs are at work. A run looks entries up, and marks them as used, while it
shares ``.lock``, which it lets go before it waits for anything; an entry is taken away by one who has that lock alone,
and only after another look at the mark. The mark is the time of the entry's folder, set anew when it is more than an
hour old.

Where a disk knows no locks, runs go without, and nothing can be cleared away.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from xbatch.base.errors import FileError
from xbatch.base.sharing import SHARED_FILE, make_folder, shared_mode

__all__ = [
    "MARK_S",
    "KnownRun",
    "alone",
    "known_runs",
    "mark_used",
    "open_lock",
    "registered",
    "release",
    "share",
    "shared",
]

MARK_S = 3600.0
"""How old a mark may become, in seconds, before it is set anew: most runs need not write to what they look up."""

_LOCK = ".lock"
_RUNS = "runs"


@dataclass(frozen=True)
class KnownRun:
    """A run that has used a store.

    Attributes
    ----------
    folder : Path
        The run's folder, as it was called on `host`.
    host : str
    used : float
        When it last began; seconds since the epoch.
    running : bool
    note : Path
        The file in the store that says so.
    """

    folder: Path
    host: str
    used: float
    running: bool
    note: Path


def open_lock(root: Path, make: bool = False) -> int | None:
    """Open a store's lock; None where there is none, or none can be made."""
    path = root / _LOCK
    with suppress(OSError):
        return _opened(path)
    if not make:
        return None
    with suppress(OSError):
        make_folder(root, root)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        if shared_mode(root) is not None:
            os.fchmod(handle, SHARED_FILE)
        return handle
    return None


def share(handle: int | None) -> None:
    """Share a store's lock with other runs; where that cannot be, go on without."""
    if handle is not None:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_SH)


def release(handle: int | None) -> None:
    """Let go of a store's lock."""
    if handle is not None:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_UN)


def _opened(path: Path) -> int:
    """Open a file to lock it: to write, as NFS wants it for a lock that is not shared, or else to read."""
    try:
        return os.open(path, os.O_RDWR)
    except PermissionError:
        return os.open(path, os.O_RDONLY)


@contextmanager
def shared(root: Path) -> Iterator[None]:
    """Share a store's lock once, as `share` does."""
    handle = open_lock(root)
    try:
        share(handle)
        yield
    finally:
        if handle is not None:
            os.close(handle)


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Have a store's lock alone; all who only look wait meanwhile.

    Raises
    ------
    FileError
        The store cannot be locked.
    """
    handle = open_lock(root, make=True)
    if handle is None:
        raise FileError(str(root), "cannot be locked: it cannot be written", "Ask who owns it to clear it up")
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:
            cure = "Nothing is taken away where runs cannot be kept out"
            raise FileError(str(root), f"cannot be locked: {error.strerror or error}", cure) from error
        yield
    finally:
        os.close(handle)


def mark_used(entry: str) -> None:
    """Mark an entry as used now, unless that was done within the hour or it is not ours to mark."""
    try:
        if os.stat(entry).st_mtime < time.time() - MARK_S:
            os.utime(entry)
    except OSError:
        pass  # as in all that is done for each of thousands of steps, no context is entered for it


@contextmanager
def registered(root: Path, run_dir: Path) -> Iterator[None]:
    """Be known in a store as a run that refers to it, and as one that is at work as long as the context lasts.

    A store that cannot be written takes no notes; it gives what it has all the same.
    """
    handle = _noted(root, run_dir)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _noted(root: Path, run_dir: Path) -> int | None:
    host = os.uname().nodename
    name = hashlib.sha256(os.fsencode(f"{host}:{run_dir}")).hexdigest()[:32]
    path = root / _RUNS / f"{name}.json"
    note = json.dumps({"run": str(run_dir), "host": host}).encode()
    with suppress(OSError):
        make_folder(path.parent, root)
        lock = open_lock(root, make=True)  # there before anything is looked up, so that whoever clears up is kept out
        if lock is not None:
            os.close(lock)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            if shared_mode(root) is not None:
                with suppress(OSError):
                    os.fchmod(handle, SHARED_FILE)
            fcntl.flock(handle, fcntl.LOCK_SH)
            os.pwrite(handle, note, 0)
            os.ftruncate(handle, len(note))
            os.utime(handle)
        except OSError:
            os.close(handle)
            raise
        return handle
    return None


def known_runs(root: Path) -> list[KnownRun]:
    """Give the runs that have used a store, the one that began last at the end.

    A note that a killed run has left unwritten is passed over.
    """
    found = []
    for path in (root / _RUNS).glob("*.json"):
        try:
            with os.fdopen(_opened(path), "rb") as stream:
                running = _is_locked(stream.fileno())
                raw = stream.read()
                used = os.fstat(stream.fileno()).st_mtime
        except OSError:
            continue  # somebody has cleared it away
        try:
            note = json.loads(raw)
            found.append(KnownRun(Path(note["run"]), str(note["host"]), used, running, path))
        except (ValueError, TypeError, KeyError):
            if running:  # it is just being written
                found.append(KnownRun(path, "", used, running, path))
    return sorted(found, key=lambda run: run.used)


def _is_locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no locks here, or none for those who may only read: nobody can tell
        return True
    fcntl.flock(handle, fcntl.LOCK_UN)
    return False
