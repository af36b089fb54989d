"""One run at a time in a run's folder."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from xbatch.base.errors import FileError
from xbatch.run.owner import Owner, this_process

__all__ = ["clear", "held_by", "hold"]

_NAME = ".lock"
_MOST = 1000
_BUSY = frozenset({errno.EWOULDBLOCK, errno.EACCES})
_TRIES = 5
_PAUSE_S = 0.02
_PATIENCE_S = 5.0


@contextmanager
def hold(run_dir: Path) -> Iterator[None]:
    """Hold a run's folder as long as the context lasts.

    The system takes the lock away when the process ends, however it ends, so that a dead run holds nothing. The text
    in the file tells who holds it: a line for people, and the owner.

    Raises
    ------
    FileError
        Another run holds the folder, or it cannot be written.
    """
    handle = _locked(run_dir)
    try:
        os.ftruncate(handle, 0)
        try:
            os.pwrite(handle, f"process {os.getpid()} on {os.uname().nodename}\n{this_process().text()}\n".encode(), 0)
        except OSError as error:
            raise _unwritable(run_dir, error) from error
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _locked(run_dir: Path) -> int:
    """Open and lock the file, once more if `clear` has taken its name away meanwhile."""
    path = run_dir / _NAME
    while True:
        try:
            run_dir.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise _unwritable(run_dir, error) from error
        try:
            _lock(handle)
        except OSError as error:
            why = _why_not(handle, error)
            os.close(handle)
            raise FileError(str(run_dir), *why) from error
        with suppress(OSError):
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        os.close(handle)


def _unwritable(run_dir: Path, error: OSError) -> FileError:
    return FileError(str(run_dir), f"cannot be written: {error.strerror or error}", "Name another folder with --out")


def clear(run_dir: Path) -> str:
    """Clear a lock that the system still holds for an owner that is not on this machine, or is dead.

    On a disk of the network a lock may outlive the machine that held it. Its name is taken away, so that the next run
    makes another.

    Returns
    -------
    str
        Who held it; empty if nobody did, and nothing was done.

    Raises
    ------
    FileError
        The owner lives on this machine, or may: the lock does not say who it is.
    """
    path = run_dir / _NAME
    text = held_by(run_dir)
    if not text:
        return ""
    owner = Owner.parse(path.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2])
    if owner is None or (owner.is_here() and not owner.is_dead()):
        cure = "Stop that run first (Ctrl-C, or kill); the system then frees the folder"
        raise FileError(str(run_dir), f"is in use by a run on this machine ({text})", cure)
    path.unlink(missing_ok=True)
    return text


def _lock(handle: int) -> None:
    """Lock a file, at the latest at the fifth try: someone may be looking who holds it.

    On a busy machine a look may take its time. So it is tried on for some seconds where the file says of nobody alive
    that he holds it.
    """
    until = time.monotonic() + _PATIENCE_S
    tries = 0
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            tries += 1
            mere_look = error.errno in _BUSY and not _is_held(handle) and time.monotonic() < until
            if tries >= _TRIES and not mere_look:
                raise
            time.sleep(_PAUSE_S)
        else:
            return


def _is_held(handle: int) -> bool:
    """Tell whether the file names an owner that may be alive."""
    text = os.pread(handle, _MOST, 0).decode(errors="replace").strip()
    owner = Owner.parse(text.rpartition("\n")[2])
    return owner is not None and not owner.is_dead()


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
    return os.pread(handle, _MOST, 0).decode(errors="replace").partition("\n")[0].strip() or "another process"


def _why_not(handle: int, error: OSError) -> tuple[str, str]:
    if error.errno not in _BUSY:
        return f"cannot be locked: {error.strerror or error}", "Name a folder on another disk with --out"
    return f"is in use by another run ({_owner(handle)})", "Wait for it to end, or name another folder with --out"
