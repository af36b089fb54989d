"""Folders that several users write in: what one of them makes there, the others may use.

A folder is shared if its group may write in it, as after ``chmod g+ws FOLDER``. Folders made below it are given its
permissions, whatever umask each user has; files can be read by all who may enter.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

__all__ = ["SHARED_FILE", "make_folder", "shared_mode"]

_TRIES = 10
SHARED_FILE = 0o664
"""The permissions of a file that any user of a shared folder may write over."""


def shared_mode(root: Path) -> int | None:
    """Give the permissions that folders below `root` should have; None where it is not shared or not there."""
    try:
        mode = stat.S_IMODE(root.stat().st_mode)
    except OSError:
        return None
    return mode if mode & stat.S_IWGRP else None


def make_folder(folder: Path, root: Path) -> None:
    """Make a folder below `root`, and all between; nothing happens if it is there.

    Raises
    ------
    OSError
        It cannot be made.
    """
    for _ in range(_TRIES - 1):
        with suppress(FileNotFoundError):  # somebody has just taken away a folder between that was empty
            _make(folder, root)
            return
    _make(folder, root)


def _make(folder: Path, root: Path) -> None:
    if folder.is_dir():
        return
    root.mkdir(parents=True, exist_ok=True)
    mode = shared_mode(root)
    names = folder.relative_to(root).parts
    for count in range(1, len(names) + 1):
        path = root.joinpath(*names[:count])
        if mode is None:
            with suppress(FileExistsError):
                path.mkdir()
        elif not path.exists():
            _make_shared(path, mode)
    if not folder.is_dir():
        number = errno.ENOTDIR if folder.exists() else errno.ENOENT
        raise OSError(number, os.strerror(number), str(folder))


def _make_shared(path: Path, mode: int) -> None:
    """Make a folder that has its permissions as soon as it has its name: other users may be waiting for it."""
    made = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    made.mkdir()
    try:
        made.chmod(mode)
        made.rename(path)  # in the place of one that another has made and that is empty, too
    except OSError:
        made.rmdir()
        if not path.exists():
            raise
