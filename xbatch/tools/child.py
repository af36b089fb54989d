"""The process that stands between a worker and the tools it calls: it starts them, and nothing outlives it.

It is run as a script (``python -I -S child.py``) and loads next to nothing, so that it is there within some hundredths
of a second. It leads a session of its own, so that no tool has a terminal to ask at; each tool leads a process group.
It takes orders from a socket, and answers in the same way: mappings, as `marshal` writes them, with their length before
them (`pack`).

=======================================  =================================================================
``{"argv", "cwd", "env"}``               start a tool; answered by ``{"pid"}``, and when the tool has ended and
                                         all it has left is killed, by ``{"status"}`` (less the number of the
                                         signal it has died of); or by ``{"errno"}`` where it could not start
``{"kill": true}``                       kill the tool that runs, and all that it has started
``{"done": true}``                       the worker sees to the folders itself
=======================================  =================================================================

When the socket closes it kills what still runs, and ends; if the worker was killed it first removes the folders that it
was told of. On Linux it inherits the orphans among the tools' descendants (prctl(2), PR_SET_CHILD_SUBREAPER), so that a
daemon in a session of its own does not get away either.
"""

from __future__ import annotations

import marshal
import os
import resource
import select
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:  # slow to load
    from typing import Any

__all__ = ["main", "pack", "unpack"]

_CHUNK = 1 << 16
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_LENGTH = 4
_RESET = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGPIPE", "SIGCHLD", "SIGXFSZ")


def pack(message: Mapping[str, Any]) -> bytes:
    """Make the bytes of a message."""
    data = marshal.dumps(dict(message))
    return len(data).to_bytes(_LENGTH, "big") + data


def unpack(data: bytes) -> tuple[list[dict[str, Any]], bytes]:
    """Give the messages that are whole, and the bytes that are left."""
    messages = []
    while len(data) >= _LENGTH:
        end = _LENGTH + int.from_bytes(data[:_LENGTH], "big")
        if len(data) < end:
            break
        messages.append(marshal.loads(data[_LENGTH:end]))  # noqa: S302 - from the worker, or for it
        data = data[end:]
    return messages, data


class _Keeper:
    """Runs one tool at a time for whoever is at the other end of a socket."""

    def __init__(self, channel: int) -> None:
        self._channel = channel
        self._unread = b""
        self._open = True
        #: Whether the worker went without a word.
        self.abandoned = True
        self._prctl = _prctl()
        if self._prctl is not None:
            self._prctl(_PR_SET_CHILD_SUBREAPER, 1)
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # the worker decides
            signal.signal(getattr(signal, name), signal.SIG_IGN)
        self._wake, woken = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(woken, False)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> None:
        """Do what is ordered until nobody is there."""
        while self._open:
            select.select([self._channel], [], [])
            for order in self._orders():
                if "argv" in order:
                    self._run(order)

    def _orders(self) -> list[dict[str, Any]]:
        """Read the orders that have come; the end of them clears `_open`."""
        try:
            part = os.read(self._channel, _CHUNK)
        except ConnectionResetError:
            part = b""
        if not part:
            self._open = False
        messages, self._unread = unpack(self._unread + part)
        if any("done" in message for message in messages):
            self.abandoned = False
        return messages

    def _say(self, **answer: Any) -> None:
        with suppress(OSError):
            os.write(self._channel, pack(answer))

    def _run(self, order: Mapping[str, Any]) -> None:
        pid, wrong = self._start(order["argv"], order["cwd"], order["env"])
        if wrong:
            self._say(errno=wrong)
            return
        self._say(pid=pid)
        status = None
        while status is None and self._open:
            ready, _, _ = select.select([self._channel, self._wake], [], [])
            if self._wake in ready:
                with suppress(BlockingIOError):
                    os.read(self._wake, _CHUNK)
                status = _reaped(pid)
            if self._channel in ready and any("kill" in one for one in self._orders()):
                break
        found = _end_all(pid)
        self._say(status=found if status is None else status)

    def _start(self, argv: Sequence[str], cwd: str, env: Mapping[str, str]) -> tuple[int, int]:
        """Start a tool; give its number, and the number of what went wrong or 0."""
        failing, failed = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.setpgid(0, 0)
                if self._prctl is not None:
                    self._prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
                signal.set_wakeup_fd(-1)
                for name in _RESET:
                    signal.signal(getattr(signal, name), signal.SIG_DFL)
                resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
                os.chdir(cwd)
                os.execve(argv[0], list(argv), dict(env))
            except OSError as error:
                os.write(failed, str(error.errno).encode())
            finally:
                os._exit(127)
        os.close(failed)
        wrong = os.read(failing, _CHUNK)
        os.close(failing)
        if wrong:
            os.waitpid(pid, 0)
            return 0, int(wrong)
        with suppress(OSError):  # the tool does so too: whoever is first
            os.setpgid(pid, pid)
        return pid, 0


def _prctl() -> Any:
    """Give the system call that binds processes to this one; None where there is none."""
    if sys.platform != "linux":
        return None
    try:
        import ctypes

        return ctypes.CDLL(None).prctl
    except (ImportError, OSError, AttributeError):
        return None


def _reaped(pid: int) -> int | None:
    """Take away the dead; give the exit status of one of them if it is among them."""
    status = None
    with suppress(ChildProcessError):
        while True:
            dead, code = os.waitpid(-1, os.WNOHANG)
            if not dead:
                break
            if dead == pid:
                status = os.waitstatus_to_exitcode(code)
    return status


def _end_all(pid: int) -> int:
    """Kill a process' group and all descendants of this process, generation by generation; give the one's status."""
    status = 0
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    while True:
        for child in _children():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(child, signal.SIGKILL)
        try:
            dead, code = os.waitpid(-1, 0)  # its children, if any, are this process' own now
        except ChildProcessError:
            return status
        if dead == pid:
            status = os.waitstatus_to_exitcode(code)


def _children() -> list[int]:
    """Name the children of this process: its own and those it has inherited; none where there is no proc(5)."""
    me = os.getpid()
    try:
        with open(f"/proc/self/task/{me}/children", encoding="ascii") as stream:
            return [int(word) for word in stream.read().split()]
    except OSError:
        pass
    found = []
    with suppress(OSError):
        for name in os.listdir("/proc"):
            if name.isdigit():
                with suppress(OSError, ValueError, IndexError), open(f"/proc/{name}/stat", "rb") as stream:
                    # the name in parentheses may hold anything; the parent is the second word after it
                    if int(stream.read().rpartition(b")")[2].split()[1]) == me:
                        found.append(int(name))
    return found


def main(arguments: Sequence[str]) -> None:
    """Serve the socket with the handle ``arguments[0]``; at the end remove the folders that follow."""
    channel = int(arguments[0])
    os.set_inheritable(channel, False)
    keeper = _Keeper(channel)
    keeper.serve()
    if keeper.abandoned:
        import shutil  # slow to load, and seldom needed

        for folder in arguments[1:]:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
