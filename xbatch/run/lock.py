"""One run at a time in a run's folder."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xbatch.base.errors import FileError

__all__ = ["held_by", "hold"]

_NAME = ".lock"


@contextmanager
def hold(run_dir: Path) -> Iterator[None]:
    """Hold a run's folder as long as the context lasts.

    The system takes the lock away when the process ends, however it ends, so that a dead run holds nothing. The text
    in the file only tells people who holds it.

    Raises
    ------
    FileError
        Another run holds the folder, or it cannot be written.
    """
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        handle = os.open(run_dir / _NAME, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise FileError(
            str(run_dir), f"cannot be written: {error.strerror or error}", "Name another folder with --out"
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise FileError(str(run_dir), *_why_not(handle, error)) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()} on {os.uname().nodename}\n".encode(), 0)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def held_by(run_dir: Path) -> str:
    """Say who holds a run's folder now; empty if nobody does."""
    try:
        handle = os.open(run_dir / _NAME, os.O_RDONLY)
    except OSError:
        return ""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return os.pread(handle, 200, 0).decode(errors="replace").strip() or "another process"
    else:
        return ""
    finally:
        os.close(handle)


def _why_not(handle: int, error: OSError) -> tuple[str, str]:
    if error.errno not in {errno.EWOULDBLOCK, errno.EACCES}:
        return f"cannot be locked: {error.strerror or error}", "Name a folder on another disk with --out"
    owner = os.pread(handle, 200, 0).decode(errors="replace").strip() or "another process"
    return f"is in use by another run ({owner})", "Wait for it to end, or name another folder with --out"
