"""One run at a time in a run's folder."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xbatch.base.errors import FileError

__all__ = ["held_by", "hold"]

_NAME = ".lock"
_TRIES = 5
_PAUSE_S = 0.02


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
            _lock(handle)
        except OSError as error:
            raise FileError(str(run_dir), *_why_not(handle, error)) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()} on {os.uname().nodename}\n".encode(), 0)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _lock(handle: int) -> None:
    """Lock a file, at the latest at the fifth try: someone may be looking who holds it."""
    for number in range(_TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if number == _TRIES - 1:
                raise
            time.sleep(_PAUSE_S)
        else:
            return


def held_by(run_dir: Path) -> str:
    """Say who holds a run's folder (``process 123 on host``); empty if nobody does."""
    try:
        handle = os.open(run_dir / _NAME, os.O_RDONLY)
    except OSError:
        return ""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _owner(handle)
    finally:
        os.close(handle)
    return ""


def _owner(handle: int) -> str:
    return os.pread(handle, 200, 0).decode(errors="replace").strip() or "another process"


def _why_not(handle: int, error: OSError) -> tuple[str, str]:
    if error.errno not in {errno.EWOULDBLOCK, errno.EACCES}:
        return f"cannot be locked: {error.strerror or error}", "Name a folder on another disk with --out"
    return f"is in use by another run ({_owner(handle)})", "Wait for it to end, or name another folder with --out"
