"""Folders that several users write in: what one of them makes there, the others may use.

A folder is shared if its group may write in it, as after ``chmod g+ws FOLDER``. Folders made below it are given its
permissions, whatever umask each user has; files can be read by all who may enter.
"""

from __future__ import annotations

import stat
from contextlib import suppress
from pathlib import Path

__all__ = ["SHARED_FILE", "make_folder", "shared_mode"]

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
    if folder.is_dir():
        return
    root.mkdir(parents=True, exist_ok=True)
    mode = shared_mode(root)
    names = folder.relative_to(root).parts
    for count in range(1, len(names) + 1):
        path = root.joinpath(*names[:count])
        with suppress(FileExistsError):
            path.mkdir()
            if mode is not None:
                path.chmod(mode)
    if not folder.is_dir():
        raise NotADirectoryError(20, "Not a directory", str(folder))
