"""The process that worker processes are forked from.

It has imported what every task needs, so that a worker is there in a millisecond and shares memory with the others. It
has a single thread and holds no lock, so that forking is safe; it does no step itself. When the run's process ends,
however it ends, the socket between them closes, and it kills all workers that are left.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from xbatch.run.signals import ignore_terminal
from xbatch.run.worker import serve

__all__ = ["COMMAND", "FORK", "REAP", "STATUS", "keep"]

FORK, REAP = b"F", b"R"
COMMAND = struct.Struct("!ci")  # what, and the process to reap
STATUS = struct.Struct("!i")  # exit status, or less the number of the signal


def keep(control: socket.socket, preload: Sequence[str]) -> NoReturn:
    """Fork workers and tell how they ended, as long as anybody asks; then end the process.

    Parameters
    ----------
    control : socket
        Takes commands; with FORK comes the worker's end of its own socket.
    preload : sequence of str
        Modules to import before the first fork; those that are not installed are left to the tasks.
    """
    ignore_terminal()
    for name in preload:
        with suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()  # so that no collection in a worker writes to the pages it shares
    children: set[int] = set()
    while True:
        command, handles = _next(control)
        if not command:
            break
        what, pid = COMMAND.unpack(command)
        if what == FORK:
            children.add(_fork(control, handles[0]))
        else:
            children.discard(pid)
            control.sendall(STATUS.pack(_status(pid)))
    for pid in children:
        _kill_group(pid)
    for pid in children:
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)
    os._exit(0)  # it has nothing to say or to write, and taking modules apart takes time


def _next(control: socket.socket) -> tuple[bytes, list[int]]:
    """Read a command; empty when nobody is at the other end."""
    data, handles = b"", []
    while len(data) < COMMAND.size:
        try:
            part, more, _, _ = socket.recv_fds(control, COMMAND.size - len(data), 1)
        except ConnectionResetError:
            return b"", []
        if not part:
            return b"", []
        data += part
        handles += more
    return data, handles


def _fork(control: socket.socket, handle: int) -> int:
    pid = os.fork()
    if pid == 0:
        gc.enable()
        control.close()
        serve(socket.socket(fileno=handle))  # does not come back
    os.close(handle)
    with suppress(OSError):  # the child does so too: whoever is first
        os.setpgid(pid, pid)
    return pid


def _status(pid: int) -> int:
    try:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except ChildProcessError:
        return 0


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
