"""Ctrl-C, a request to end and the end of the terminal, as messages and not as what may strike anywhere."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["caught", "ignore_terminal", "kept_back"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: What a terminal sends to all processes that were started from it.
_OF_TERMINALS = (signal.SIGINT, signal.SIGHUP)


@contextmanager
def caught(tell: Callable[[int], None]) -> Iterator[int | None]:
    """Have `tell` called with the number of each SIGINT, SIGTERM and SIGHUP as long as the context lasts.

    Only the main thread may do that; in another nothing is caught. A SIGHUP that is ignored stays so: with ``nohup`` a
    run outlives its terminal.

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
    outlives = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    wanted = [number for number in _SIGNALS if number != signal.SIGHUP or not outlives]
    before = {number: signal.signal(number, handle) for number in wanted}
    try:
        yield wake
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(woken)
        os.close(wake)
        os.close(write)


def ignore_terminal() -> None:
    """Ignore what a terminal sends to all processes that were started from it; only the run decides what it means."""
    for number in _OF_TERMINALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def kept_back() -> Iterator[None]:
    """Keep a terminal's signals back as long as the context lasts; processes started meanwhile never get them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _OF_TERMINALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
