"""Ctrl-C and a request to end, as messages instead of exceptions that may strike anywhere."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["caught", "kept_back"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def caught(tell: Callable[[int], None]) -> Iterator[int | None]:
    """Have `tell` called with the number of each SIGINT and SIGTERM as long as the context lasts.

    Only the main thread may do that; in another nothing is caught.

    Yields
    ------
    int or None
        A file handle that has something to read when a signal has come, so that one can wait for it and for others.
    """
    if threading.current_thread() is not threading.main_thread():
        yield None
        return

    def handle(number: int, frame: FrameType | None) -> None:
        tell(number)

    wake, write = os.pipe()
    os.set_blocking(write, False)
    woken = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield wake
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(woken)
        os.close(wake)
        os.close(write)


@contextmanager
def kept_back() -> Iterator[None]:
    """Keep SIGINT back as long as the context lasts; processes started meanwhile never get it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
