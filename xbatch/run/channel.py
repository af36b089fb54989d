"""Messages between processes: each is pickled and goes over a socket behind its length."""

from __future__ import annotations

import pickle
import socket
import struct
from typing import Any

__all__ = ["pack", "receive"]

_LENGTH = struct.Struct("!Q")
_MOST = 1 << 20


def pack(message: object) -> bytes:
    """Make a message ready to be sent.

    Raises
    ------
    pickle.PicklingError, TypeError, AttributeError
        It cannot be pickled.
    """
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(body)) + body


def receive(channel: socket.socket) -> Any:
    """Wait for a message.

    Raises
    ------
    EOFError
        The other end was closed, before the message or in the middle of it.
    """
    (length,) = _LENGTH.unpack(_exactly(channel, _LENGTH.size))
    return pickle.loads(_exactly(channel, length))  # noqa: S301 - from a process of our own


def _exactly(channel: socket.socket, length: int) -> bytes:
    parts: list[bytes] = []
    while length:
        try:
            part = channel.recv(min(length, _MOST))
        except ConnectionResetError:  # the other end was killed with something unread
            part = b""
        if not part:
            raise EOFError
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
