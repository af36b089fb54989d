"""Faults at every point where something is written: the process is killed there, or the disk refuses."""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from xbatch.base.errors import XbatchError
from xbatch.run.intake import Intake

__all__ = ["KILLED", "TOLD", "UNHARMED", "count_writes", "with_fault", "without_a_clock"]

UNHARMED, TOLD, KILLED, BROKEN = 0, 7, -signal.SIGKILL, 9
"""How the process ends: as ever, with an error for the user, killed, or with an error that no user should see."""

_CHANGES = frozenset(
    {"os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "os.truncate", "os.utime", "os.symlink"}
)
_FREEING = frozenset({"os.remove", "os.rmdir", "os.truncate", "os.chmod", "os.utime", "os.rename"})
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT

Fault = Callable[[str], None]


def without_a_clock(patch: pytest.MonkeyPatch) -> None:
    """Have a run write as often however long it takes: points are counted in one run, and come in another."""
    patch.setattr("xbatch.run.ledger._SAVE_S", 0.0)  # it saves whenever there is something new
    patch.setattr("xbatch.run.ledger._SAVE_SHARE", 0.0)
    patch.setattr("xbatch.base.digest._SETTLED_NS", -(10**18))  # files that are new are remembered too
    patch.setattr("xbatch.run.session.Intake", partial(Intake, patience=600.0))  # nothing is said of the reading


class _Watch:
    """Counts what is about to be written below a folder, and calls the fault at its time."""

    def __init__(self, root: Path, number: int, lasting: bool, fault: Fault) -> None:
        self._root = os.fspath(root)
        self._number = number
        self._lasting = lasting
        self._fault = fault
        self._write, self._pwrite = os.write, os.pwrite
        self.count = 0

    def install(self) -> None:
        """Watch from now on, until the process ends: such a hook cannot be taken back."""
        sys.addaudithook(self._hear)

        def write(handle: int, data: bytes) -> int:
            if self._below(handle):
                if self.count + 1 == self._number:
                    self._write(handle, data[: len(data) // 2])
                self._meet("write")
            return self._write(handle, data)

        def pwrite(handle: int, data: bytes, offset: int) -> int:
            if self._below(handle):
                self._meet("write")
            return self._pwrite(handle, data, offset)

        os.write, os.pwrite = write, pwrite  # type: ignore[assignment]

    def _below(self, place: object) -> bool:
        if isinstance(place, int):
            try:
                place = Path(f"/proc/self/fd/{place}").readlink()
            except OSError:
                return False
        if isinstance(place, bytes):
            place = os.fsdecode(place)
        return isinstance(place, (str, os.PathLike)) and os.fspath(place).startswith(self._root)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITING and self._below(path):
                self._meet(event)
        elif event in _CHANGES and (self._below(arguments[0]) or self._within(event, arguments[-1])):
            self._meet(event)

    def _within(self, event: str, folder: object) -> bool:
        """Tell whether a name is that of a file in an open folder: `shutil.rmtree` works so."""
        return isinstance(folder, int) and folder >= 0 and event in _FREEING

    def _meet(self, event: str) -> None:
        self.count += 1
        if self.count == self._number or (self._lasting and 0 < self._number < self.count):
            self._fault(event)


def _kill(event: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _refusal(number: int) -> Fault:
    def refuse(event: str) -> None:
        if number == errno.ENOSPC and event in _FREEING:
            return  # a full disk lets one remove and rename
        raise OSError(number, os.strerror(number))

    return refuse


def with_fault(root: Path, number: int, action: Callable[[], object], refusal: int = 0) -> int:
    """Do something in a process of its own that meets a fault.

    Parameters
    ----------
    root : Path
        Only what is written below it counts.
    number : int
        At which point, from 1; 0 for none.
    action : callable
    refusal : int
        The error (errno) that this and all later writes meet; 0 for a kill.

    Returns
    -------
    int
        One of `UNHARMED`, `TOLD`, `KILLED`, or `BROKEN` with a traceback on standard error.
    """
    child = os.fork()
    if child == 0:
        status = BROKEN
        try:
            _Watch(root, number, bool(refusal), _refusal(refusal) if refusal else _kill).install()
            action()
            status = UNHARMED
        except (XbatchError, OSError) as error:  # the command turns both into one paragraph
            status = TOLD if isinstance(error, XbatchError) or error.errno == refusal else BROKEN
            if status == BROKEN:
                traceback.print_exc()
        except BaseException:  # noqa: BLE001 - nothing may leave a process that was only forked
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def count_writes(root: Path, action: Callable[[], object]) -> int:
    """Count the points at which something is written, by doing it in a process of its own."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            watch = _Watch(root, 0, False, _kill)
            watch.install()
            action()
            os.write(write, str(watch.count).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        count = stream.read()
    os.waitpid(child, 0)
    return int(count)
