"""Where finished results are kept: one folder for each key, there whole or not at all.

An entry is ``<first two digits of the key>/<key>/`` with the step's outputs, its log and `record.json`. It is made
somewhere else on the same disk and gets its name by one rename, so that a killed run leaves no half of one and two runs
may make the same one at the same time: the first stays. What lies half made below ``tmp/`` belongs to a process, and is
cleared away by the next run once that process is dead. Where the group may write in the store's folder, all its users
may write and clear up everywhere in it.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from xbatch.base.digest import file_sha256
from xbatch.base.errors import FileError
from xbatch.base.files import lines_json
from xbatch.base.sharing import make_folder, shared_mode
from xbatch.run.exchange import exchanged
from xbatch.run.owner import Owner, this_process
from xbatch.run.uses import mark_used, open_lock, release, share, shared

__all__ = ["LOG", "RECORD", "Store", "is_store_fault"]

RECORD = "record.json"
LOG = "step.log"
_RECORD_VERSION = 1
_MANY = 32  # fsync takes about 1 ms for an entry, sync 10 ms for hundreds
_TAKEN = frozenset({errno.ENOTEMPTY, errno.EEXIST})
_FAULTS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})

Record = Mapping[str, Any]


def is_store_fault(error: OSError) -> bool:
    """Tell whether an error means that nothing can be written any more: a disk that is full, read-only or broken."""
    return error.errno in _FAULTS


class Store:
    """A store of results by key.

    Parameters
    ----------
    root : Path
        Its folder; made when something is first written.
    paranoid : bool
        Check the sha256 of every output that is looked up, not only of those that were written to since.
    uses : bool
        Mark what is looked up as used, so that it stays while a run needs it. Call `rest` before a wait and
        `leave` in the end.
    """

    def __init__(self, root: Path, paranoid: bool = False, uses: bool = False) -> None:
        self.root = root
        self._paranoid = paranoid
        self._uses = uses
        self._lock: int | None = None
        self._shares = False
        self._root = str(root)
        self._home: Path | None = None
        self._scratches = 0

    def entry(self, key: str) -> Path:
        """Give the folder of a key, whether or not there is one."""
        return Path(f"{self._root}/{key[:2]}/{key}")

    def record(self, key: str) -> Record | None:
        """Read the record of a key as it stands, without a look at the outputs; None if there is none."""
        try:
            with open(f"{self._root}/{key[:2]}/{key}/{RECORD}", "rb") as stream:
                record = json.loads(stream.read())
        except (OSError, ValueError):
            return None
        if not isinstance(record, dict) or record.get("record") != _RECORD_VERSION or record.get("key") != key:
            return None
        return record

    def lookup(self, key: str) -> Record | None:
        """Read the record of a key if all its outputs are there, and as they were made."""
        if not self._uses:
            return self._found(key)
        if self._lock is None:
            self._lock = open_lock(self.root)
        if not self._shares:
            share(self._lock)
            self._shares = True
        record = self._found(key)
        if record is not None:
            mark_used(f"{self._root}/{key[:2]}/{key}")
        return record

    def rest(self) -> None:
        """Let others clear up until the next look: thousands of looks in a row need one lock."""
        if self._shares:
            release(self._lock)
            self._shares = False

    def _found(self, key: str) -> Record | None:
        record = self.record(key)
        return record if record is not None and self._is_whole(key, record) else None

    def is_damaged(self, key: str) -> bool:
        """Tell whether there is an entry whose outputs are not what its record says."""
        record = self.record(key)
        return record is not None and not self._is_whole(key, record)

    def _is_whole(self, key: str, record: Record) -> bool:
        folder = f"{self._root}/{key[:2]}/{key}"
        try:
            recorded = os.stat(f"{folder}/{RECORD}").st_mtime_ns
            for name, output in record["outputs"].items():
                status = os.stat(f"{folder}/{name}")
                if status.st_size != output["size"]:
                    return False
                # Products are links to these files: an editor that forces its way into one writes here too. The record
                # is written last, so that any later time is that of a stranger (or of a copy of the store).
                suspect = self._paranoid or status.st_mtime_ns > recorded
                if suspect and file_sha256(Path(folder, name)) != output["sha256"]:
                    return False
        except (OSError, FileError):
            return False
        return True

    def scratch(self) -> Path:
        """Make an empty folder to work in, on the store's disk.

        Raises
        ------
        FileError
            The store cannot be written.
        """
        path = self.unmade_scratch()
        try:
            path.mkdir()
        except OSError as error:
            raise self._unwritable(error) from error
        return path

    def unmade_scratch(self) -> Path:
        """Name a folder to work in, for another process to make.

        Raises
        ------
        FileError
            The store cannot be written.
        """
        if self._home is None:
            home = self.root / "tmp" / this_process().text() / os.urandom(4).hex()
            try:
                make_folder(home, self.root)
            except OSError as error:
                raise self._unwritable(error) from error
            self._home = home
        self._scratches += 1
        return Path(f"{self._home}/{self._scratches}")

    def publish(self, folder: Path, record: Record, replace: bool = False) -> Record:
        """Turn a folder that holds a step's outputs into the entry of its key, by one rename.

        Parameters
        ----------
        folder : Path
            On the store's disk; it is gone afterwards.
        record : Mapping
            The step's record, with its key.
        replace : bool
            Whether an entry that is there and whole gives way.

        Returns
        -------
        Mapping
            The record that now stands: another run's, if that was first.

        Raises
        ------
        OSError
            The store cannot be written; nothing is left under the key but what was there before.
        """
        for name in os.listdir(folder):
            os.chmod(f"{folder}/{name}", 0o444)  # products are links to these files
        (folder / RECORD).write_text(lines_json(record), encoding="utf-8")
        mode = shared_mode(self.root)
        if mode is not None:
            os.chmod(folder / RECORD, 0o444)
            os.chmod(folder, mode)
        with shared(self.root):
            return self._placed(folder, record, replace)

    def _placed(self, folder: Path, record: Record, replace: bool) -> Record:
        """Give a folder that is ready its name."""
        target = self.entry(record["key"])
        while True:
            try:
                os.rename(folder, target)
            except FileNotFoundError:
                if not os.path.isdir(folder):
                    raise
                make_folder(target.parent, self.root)  # another run may make it at the same moment
                continue
            except OSError as error:
                if error.errno not in _TAKEN:
                    raise
            else:
                return record
            there = None if replace else self._found(record["key"])
            if there is not None:
                mark_used(str(target))
                shutil.rmtree(folder, ignore_errors=True)
                return there
            if exchanged(folder, target):  # who reads it meanwhile finds either
                shutil.rmtree(folder, ignore_errors=True)
                return record
            self._set_aside(target, folder)

    def _set_aside(self, target: Path, folder: Path) -> None:
        """Move an entry out of the way of the folder that will replace it."""
        aside = folder.with_name(f"{folder.name}-before")
        try:
            target.rename(aside)
        except FileNotFoundError:
            return  # another run was faster
        shutil.rmtree(aside, ignore_errors=True)

    def sync(self, keys: Iterable[str]) -> None:
        """Make entries safe against a loss of power: file by file, or for many by one call for all disks.

        Raises
        ------
        FileError
            The disk cannot do it.
        """
        entries = [self.entry(key) for key in keys]
        if len(entries) > _MANY:
            os.sync()
            return
        try:
            for entry in entries:
                with suppress(FileNotFoundError):  # another run has replaced the entry, and sees to its own
                    for path in (*entry.iterdir(), entry, entry.parent):
                        _fsync(path)
        except OSError as error:
            raise self._unwritable(error) from error

    def clean(self) -> None:
        """Clear away what dead processes have left; what cannot be removed is left to the next run."""
        try:
            leftovers = sorted((self.root / "tmp").iterdir())
        except OSError:
            return
        for path in leftovers:
            owner = Owner.parse(path.name)
            if owner is not None and owner.is_dead():
                shutil.rmtree(path, ignore_errors=True)

    def leave(self) -> None:
        """Clear away what this process has left, and let go of the store's lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock, self._shares = None, False
        if self._home is None:
            return
        shutil.rmtree(self._home, ignore_errors=True)
        with suppress(OSError):  # another run of this process may still be at work
            self._home.parent.rmdir()

    def _unwritable(self, error: OSError) -> FileError:
        return FileError(
            str(self.root), f"cannot be written: {error.strerror or error}", "Name another store with --store"
        )


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
