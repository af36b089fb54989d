"""What may leave a store: by reference, by age and by size; and its removal, past the runs that are at work."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from xbatch.base.digest import DIGESTS, DigestMemo
from xbatch.run.entries import Entry
from xbatch.run.store import RECORD, Store
from xbatch.run.uses import MARK_S, KnownRun, alone, known_runs

__all__ = ["Cleaning", "choose", "forget", "in_use_since", "remove"]

_SLACK_S = 300.0  # clocks of several machines
_BATCH = 50


@dataclass(frozen=True)
class Cleaning:
    """What goes and what stays.

    Attributes
    ----------
    going : tuple of Entry
        The least recently used first.
    kept : int
        How many stay.
    kept_size : int
        Bytes of those that stay.
    needed, busy : int
        How many of these would go if no run folder referred to them, or no run that is at work might need them.
    """

    going: tuple[Entry, ...]
    kept: int
    kept_size: int
    needed: int
    busy: int


def in_use_since(runs: Iterable[KnownRun]) -> float:
    """Give the time since which what was used may be needed by a run that is at work; infinite if there is none."""
    return min((run.used for run in runs if run.running), default=float("inf")) - MARK_S - _SLACK_S


def choose(
    entries: Sequence[Entry],
    now: float,
    busy_since: float,
    *,
    older_than: float | None = None,
    to: int | None = None,
    keep_referenced: bool = True,
) -> Cleaning:
    """Choose what goes.

    Parameters
    ----------
    entries : sequence of Entry
    now : float
        Seconds since the epoch.
    busy_since : float
        As `in_use_since` gives it: what was used after it stays.
    older_than : float, optional
        In seconds: what was not used for so long goes.
    to : int, optional
        Bytes: of what is left then, the least recently used goes until the store is no larger. Without both, all goes
        that may.
    keep_referenced : bool
        Whether entries stay that a run folder refers to.
    """
    by_use = sorted(entries, key=lambda entry: (entry.used, entry.key))
    wanted = _wanted(by_use, by_use, now, older_than, to)
    free = [entry for entry in by_use if not (keep_referenced and entry.runs) and entry.used < busy_since]
    going = _wanted(free, by_use, now, older_than, to)
    gone = {entry.key for entry in going}
    stay = [entry for entry in by_use if entry.key not in gone]
    needed = sum(bool(keep_referenced and entry.runs) for entry in wanted)
    busy = sum(entry.used >= busy_since and not (keep_referenced and entry.runs) for entry in wanted)
    return Cleaning(tuple(going), len(stay), sum(entry.size for entry in stay), needed, busy)


def _wanted(
    free: Sequence[Entry], entries: Sequence[Entry], now: float, older_than: float | None, to: int | None
) -> list[Entry]:
    """Give those of the free entries that age and size send away, in their order."""
    if older_than is None and to is None:
        return list(free)
    old = [entry for entry in free if older_than is not None and entry.used < now - older_than]
    if to is None:
        return old
    size = sum(entry.size for entry in entries) - sum(entry.size for entry in old)
    more = []
    for entry in free[len(old) :]:  # the old ones come first
        if size <= to:
            break
        more.append(entry)
        size -= entry.size
    return old + more


def remove(store: Store, entries: Iterable[Entry], tell: Callable[[Entry], None] = lambda entry: None) -> list[Entry]:
    """Remove entries, but for those that a run has used or might use since they were chosen.

    Parameters
    ----------
    store : Store
    entries : iterable of Entry
    tell : callable
        Told of each that is gone.

    Returns
    -------
    list of Entry
        Those that are gone.

    Raises
    ------
    FileError
        The store cannot be locked.
    OSError
        An entry cannot be removed.
    """
    gone = []
    waiting = list(entries)
    while waiting:
        some, waiting = waiting[:_BATCH], waiting[_BATCH:]
        with alone(store.root):  # a run that begins now waits with its first look
            busy_since = in_use_since(known_runs(store.root))
            for entry in some:
                folder = store.entry(entry.key)
                if _last_used(folder) in {None, entry.used} and entry.used < busy_since:
                    _remove(folder)
                    gone.append(entry)
                    tell(entry)
    return gone


def forget(root: Path) -> int:
    """Drop what a store remembers of run folders on this machine and of input files that are not there any more.

    Returns
    -------
    int
        How many notes are gone.

    Raises
    ------
    FileError
        The store cannot be locked.
    """
    here = os.uname().nodename
    with alone(root):
        notes = [
            run.note for run in known_runs(root) if run.host == here and not run.running and not run.folder.is_dir()
        ]
        notes += DigestMemo(root / DIGESTS).notes_on_missing()
        for note in notes:
            with suppress(OSError):
                note.unlink()
    return len(notes)


def _last_used(folder: Path) -> float | None:
    try:
        return folder.stat().st_mtime
    except OSError:
        return None


def _remove(folder: Path) -> None:
    """Remove an entry; without its record it is none, so that a kill in between leaves no half of one."""
    (folder / RECORD).unlink(missing_ok=True)
    if folder.exists():
        shutil.rmtree(folder)
    with suppress(OSError):  # it may hold others
        folder.parent.rmdir()
