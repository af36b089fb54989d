"""Running a tool from a worker: output as it comes, a time limit, and nothing left behind.

The tool is a child of the process of `child.py`, which lives as long as a `Launcher` and outlives the worker just long
enough to clear up after it.
"""

from __future__ import annotations

import codecs
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from xbatch.tools import child

__all__ = ["Ended", "Launcher", "LostError"]

_CHUNK = 1 << 16
_PATIENCE_S = 20.0
_OUT, _ERR, _SAY = "out", "err", "say"
#: What a tool may print, in bytes; one that asks and asks again at a prompt that is not there prints without end.
MOST_OUTPUT = 64 << 20


class LostError(Exception):
    """The process that keeps the tools is gone."""


@dataclass(frozen=True)
class Ended:
    """How a tool has ended.

    Attributes
    ----------
    status : int
        Exit status, or less the number of the signal that it has died of.
    stdout, stderr : str
        What it has printed.
    cause : str
        ``late`` or ``endless`` where it was killed because its time was over or it printed without end; else empty.
    seconds : float
        Wall-clock time.
    """

    status: int
    stdout: str
    stderr: str
    cause: str
    seconds: float


class Launcher:
    """Starts tools, one after another.

    Parameters
    ----------
    folders : sequence of Path
        Removed if this process dies before it closes the launcher.
    echo : callable
        Is given what tools print, as it comes: the stream (``out`` or ``err``) and the text.
    """

    def __init__(self, folders: Sequence[Path], echo: Callable[[str, str], None]) -> None:
        self._echo = echo
        self._channel, theirs = socket.socketpair()
        self._unread = b""
        with theirs:
            self._child = subprocess.Popen(
                [sys.executable, "-I", "-S", child.__file__, str(theirs.fileno()), *map(str, folders)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                cwd="/",
            )
        if self._child.stdout is None or self._child.stderr is None:
            raise RuntimeError("a process was started without its pipes")
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._child.stdout, selectors.EVENT_READ, _OUT)
        self._selector.register(self._child.stderr, selectors.EVENT_READ, _ERR)
        self._selector.register(self._channel, selectors.EVENT_READ, _SAY)
        for stream in (self._child.stdout, self._child.stderr):
            os.set_blocking(stream.fileno(), False)

    def run(self, argv: Sequence[str], cwd: Path, environment: Mapping[str, str], limit: float) -> Ended:
        """Run a tool to its end, or to that of its time.

        Parameters
        ----------
        argv : sequence of str
            The executable by its absolute path, and the words after it.
        cwd : Path
        environment : Mapping
            All of it.
        limit : float
            Seconds.

        Raises
        ------
        OSError
            It cannot be started.
        LostError
            The process that keeps the tools was killed.
        """
        began = time.monotonic()
        gathered = {_OUT: _Gathered(), _ERR: _Gathered()}
        self._order(argv=list(argv), cwd=str(cwd), env=dict(environment))
        cause, due, pid = "", began + limit, 0
        while True:
            left = due - time.monotonic()
            if left <= 0:
                if cause:
                    self._kill(pid)
                    raise LostError("does not answer")
                cause, due = "late", time.monotonic() + _PATIENCE_S
                self._order(kill=True)
                continue
            for key, _ in self._selector.select(left):
                if key.data != _SAY:
                    self._read(key.fd, key.data, gathered[key.data])
                    continue
                for answer in self._answers(pid):
                    if "errno" in answer:
                        raise OSError(answer["errno"], os.strerror(answer["errno"]), argv[0])
                    pid = answer.get("pid", pid)
                    if "status" in answer:
                        return self._ended(answer["status"], gathered, cause, began)
            if not cause and sum(one.size for one in gathered.values()) > MOST_OUTPUT:
                cause, due = "endless", time.monotonic() + _PATIENCE_S
                self._order(kill=True)

    def _ended(self, status: int, gathered: Mapping[str, _Gathered], cause: str, began: float) -> Ended:
        """Read what is left in the pipes, to which nobody writes any more."""
        for key in list(self._selector.get_map().values()):
            if key.data != _SAY:
                while self._read(key.fd, key.data, gathered[key.data]):
                    pass
        for name, one in gathered.items():
            self._echo(name, one.close())
        return Ended(status, gathered[_OUT].text, gathered[_ERR].text, cause, time.monotonic() - began)

    def _read(self, handle: int, name: str, gathered: _Gathered) -> bool:
        try:
            part = os.read(handle, _CHUNK)
        except BlockingIOError:
            return False
        if gathered.size <= MOST_OUTPUT:
            self._echo(name, gathered.add(part))
        return bool(part)

    def _order(self, **order: Any) -> None:
        try:
            self._channel.sendall(child.pack(order))
        except OSError as error:
            raise LostError(str(error)) from error

    def _answers(self, pid: int) -> list[dict[str, Any]]:
        try:
            part = self._channel.recv(_CHUNK)
        except ConnectionResetError:
            part = b""
        if not part:
            self._kill(pid)
            raise LostError("was killed")
        messages, self._unread = child.unpack(self._unread + part)
        return messages

    def _kill(self, pid: int) -> None:
        """Kill the keeper and the tool's group, where the keeper cannot."""
        self._child.kill()
        if pid:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)

    def close(self) -> None:
        """End the keeper; what tools have left is killed."""
        with suppress(LostError):
            self._order(done=True)
        self._channel.close()
        try:
            self._child.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._selector.close()
        for stream in (self._child.stdout, self._child.stderr):
            if stream is not None:
                stream.close()

    def __enter__(self) -> Launcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Gathered:
    """What came out of a pipe, as text."""

    def __init__(self) -> None:
        self.size = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._parts: list[str] = []

    def add(self, data: bytes) -> str:
        self.size += len(data)
        text = self._decoder.decode(data)
        self._parts.append(text)
        return text

    def close(self) -> str:
        text = self._decoder.decode(b"", final=True)
        self._parts.append(text)
        return text

    @property
    def text(self) -> str:
        return "".join(self._parts)
