"""What a call has left: the files it should have made are there, are new, and open."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from xbatch.base.errors import FileError
from xbatch.base.fitsheader import read_headers

__all__ = ["Seen", "fault", "lacking", "look", "matching", "missing"]

# what is FITS by its name; others are where they begin as FITS does
_FITS = frozenset({".fits", ".fit", ".pha", ".rmf", ".arf", ".rsp", ".evt", ".ds", ".cif"})
_START = b"SIMPLE  ="


@dataclass(frozen=True)
class Seen:
    """What says that a file was written since: inode, size, time of its last change."""

    inode: int
    size: int
    mtime_ns: int


def look(folder: Path, hidden: Collection[str] = ()) -> dict[str, Seen]:
    """Look at all files below a folder.

    Parameters
    ----------
    folder : Path
    hidden : collection of str
        Names of folders in it that are left out.

    Returns
    -------
    dict
        By name relative to the folder; linked files are among them, linked folders are not gone into.
    """
    found = {}
    for root, folders, names in os.walk(folder):
        if root == str(folder):
            folders[:] = [name for name in folders if name not in hidden]
        below = "" if root == str(folder) else f"{os.path.relpath(root, folder)}/"
        for name in names:
            try:
                status = Path(root, name).stat()
            except OSError:
                continue  # a link to nothing
            found[f"{below}{name}"] = Seen(status.st_ino, status.st_size, status.st_mtime_ns)
    return found


def matching(names: Iterable[str], pattern: str) -> list[str]:
    """Give the names that a pattern fits; an asterisk does not reach over a slash."""
    depth = pattern.count("/")
    return sorted(name for name in names if name.count("/") == depth and fnmatchcase(name, pattern))


def missing(pattern: str, before: Mapping[str, Seen], after: Mapping[str, Seen]) -> str:
    """Say what a call has not made; empty if it has.

    A file that was there before, made by an earlier call or copied in, to be written into, counts only if the call has
    changed it.

    Parameters
    ----------
    pattern : str
        Of the names of files one of which the call should have left.
    before, after : Mapping
        What there was and is.
    """
    names = matching(after, pattern)
    if not names:
        return f"has not made {pattern}"
    if all(before.get(name) == after[name] for name in names):
        return f"has left {names[0]} as it was, which it should have made anew"
    return ""


def lacking(
    folder: Path,
    patterns: Iterable[str],
    before: Mapping[str, Seen],
    after: Mapping[str, Seen],
) -> str:
    """Say what is wrong with what a call should have made, the first thing; empty where nothing is.

    Parameters
    ----------
    folder : Path
    patterns : iterable of str
        For each there must be a file, and all that fit must open.
    before, after
        As for `missing`.
    """
    for pattern in patterns:
        lacks = missing(pattern, before, after)
        if lacks:
            return lacks
        for name in matching(after, pattern):
            wrong = fault(folder / name)
            if wrong:
                return f"has made {name}, which {wrong}"
    return ""


def fault(path: Path) -> str:
    """Say what is wrong with a file that a tool has made; empty if it opens.

    FITS files are read by structure: all headers, and their data to the last byte. Other files must hold something.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            start = stream.read(len(_START))
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    if size == 0:
        return "is empty"
    if start != _START and path.suffix.lower() not in _FITS:
        return ""
    try:
        read_headers(path)
    except FileError as error:
        return error.what
    return ""
