"""What a run shows while it goes: a live view on a terminal, one line for each event elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from xbatch.report.durations import past_durations
from xbatch.report.follow import LastLines
from xbatch.report.liveview import Once, end_lines, left_out_lines, live_lines, pulse_text, reading_text
from xbatch.report.screen import Line, Screen, brief, size_of, uses_colour, wrap
from xbatch.report.spans import span_text
from xbatch.report.watch import Ending, Watch
from xbatch.run.products import log_path

if TYPE_CHECKING:
    from xbatch.run.result import Event

__all__ = ["LiveView", "PlainView", "Reporter", "entry_line", "make_reporter"]

Reporter = Callable[["Event"], None]
Entry = Mapping[str, Any]
_FIRST_S = 0.25  # a run that has nothing to do draws nothing
_LEAST_S = 0.1
_EVERY_S = 1.0
_PULSE_S = 300.0
_READING_S = 60.0


class _View(Protocol):
    every_s: float

    def take(self, entry: Entry) -> None: ...
    def learn(self, step: str, seconds: float) -> None: ...
    def tick(self) -> None: ...
    def close(self) -> None: ...


def make_reporter(
    stream: IO[str], is_terminal: bool, quiet: bool = False, run_dir: Path | None = None
) -> AbstractContextManager[Reporter]:
    """Give a context in which a function takes the events of a run and shows them.

    Parameters
    ----------
    stream : text stream
        Usually standard error, so that standard output can be used for data.
    is_terminal : bool
        Whether lines may be drawn over: the steps that run now with elapsed time and the last line of their logs, and
        how far the whole has come; finished steps stand above, and those that were up to date are only counted.
        Otherwise each end of a step is one line, and a run that says nothing for long says that it lives.
    quiet : bool
        Show nothing at all.
    run_dir : Path, optional
        The run's folder, for logs and for what earlier runs took.
    """
    if quiet:
        return nullcontext(lambda event: None)
    view: _View = LiveView(stream, run_dir) if is_terminal else PlainView(stream, run_dir)
    return _shown(view)


@contextmanager
def _shown(view: _View) -> Iterator[Reporter]:
    """Let a view draw in a thread of its own, since the run's thread waits for steps, and must not for a terminal."""
    wake, over = threading.Event(), threading.Event()

    def report(event: Event) -> None:
        result = event.result
        if result is not None and result.outcome == "up to date" and result.content:
            view.learn(event.step, float(result.content.get("wall_s", 0.0)))
        view.take(event.as_dict())
        wake.set()

    def work() -> None:
        over.wait(_FIRST_S)
        while not over.is_set():
            view.tick()
            over.wait(_LEAST_S)
            wake.wait(view.every_s)
            wake.clear()

    thread = threading.Thread(target=work, name="view", daemon=True)
    thread.start()
    try:
        yield report
    finally:
        over.set()
        wake.set()
        thread.join()
        view.close()


def entry_line(entry: Entry, ended: int, total: int, log: str = "") -> str:
    """Write an entry of the journal as a line; empty for what is not worth one: starts, and steps up to date."""
    match entry.get("event"):
        case "ended" if entry["outcome"] != "up to date":
            outcome, message = entry["outcome"], entry.get("message", "")
            width = len(str(total))
            head = f"[{ended:>{width}}/{total}] {outcome:<10} {entry['step']}"
            took = f" ({span_text(entry.get('seconds', 0.0))})" if outcome in {"done", "failed"} else ""
            where = f"\n{'':>{2 * width + 4}}log: {log}" if outcome == "failed" and log else ""
            return f"{head}{took}{f': {message}' if message else ''}{where}"
        case "lost":
            return f"{entry['step']}: {entry.get('message') or 'its worker was killed'}"
        case "stopping":
            message = entry.get("message", "")
            return f"stopping{f': {message}' if message else ''}"
        case _:
            return ""


class PlainView:
    """One line for each event, for pipes, files and batch jobs.

    Parameters
    ----------
    stream : text stream
    run_dir : Path, optional
    clock : callable
        Seconds since 1970.
    """

    every_s = 10.0

    def __init__(self, stream: IO[str], run_dir: Path | None = None, clock: Callable[[], float] = time.time) -> None:
        self._stream = stream
        self._run_dir = run_dir
        self._clock = clock
        self._watch = Watch()
        self._once = Once()
        self._lock = threading.Lock()
        self._said_at = clock()
        self._read_at: float | None = None

    def take(self, entry: Entry) -> None:
        """Take in an entry of the journal and say it."""
        with self._lock:
            self._watch.take(entry)
            log = ""
            if entry.get("outcome") == "failed":
                log = _log(self._run_dir, entry)
                words = self._once.words(entry["step"], entry.get("message", ""))
                entry = {**entry, "message": brief(words)}  # whole at the end of the run
            self._say(entry_line(entry, len(self._watch.steps), self._watch.total, log))
            if entry.get("event") == "reading":
                self._say_reading()

    def learn(self, step: str, seconds: float) -> None:
        """Take in how long a step took when it was done."""
        with self._lock:
            self._watch.durations.add(step, seconds, before=True)

    def tick(self) -> None:
        """Say how far the run has come if nothing was said for minutes."""
        with self._lock:
            now = self._clock()
            if self._watch.running and now - self._said_at >= _PULSE_S:
                self._say(pulse_text(self._watch, now))

    def _say_reading(self) -> None:
        """Say how far the inputs are read: at first, about once a minute, and when they all are."""
        inputs, now = self._watch.reading, self._clock()
        if inputs is None:
            self._say("all inputs are read")
        elif self._read_at is None or now - self._read_at >= _READING_S:
            self._read_at = now
            self._say(reading_text(inputs))

    def close(self) -> None:
        """Say nothing more."""

    def _say(self, line: str) -> None:
        if not line:
            return
        self._said_at = self._clock()
        with suppress(OSError):  # that nobody reads on, or the terminal is gone, is no reason to stop a run
            print(line, file=self._stream, flush=True)


class LiveView:
    """Lines that are drawn over while a run goes, and what is said for good above them.

    Parameters
    ----------
    stream : text stream
        A terminal.
    run_dir : Path, optional
    clock : callable
        Seconds since 1970.
    size : callable, optional
        Columns and rows.
    """

    every_s = _EVERY_S

    def __init__(
        self,
        stream: IO[str],
        run_dir: Path | None = None,
        clock: Callable[[], float] = time.time,
        size: Callable[[], tuple[int, int]] | None = None,
    ) -> None:
        self._run_dir = run_dir
        self._clock = clock
        self._size = size or (lambda: size_of(stream))
        self._screen = Screen(stream, clock, self._size, uses_colour())
        self._watch = Watch()
        self._once = Once()
        self._logs = LastLines(run_dir) if run_dir is not None else None
        self._unsaid: list[Entry] = []
        self._lock = threading.Lock()
        self._knows_past = run_dir is None

    def take(self, entry: Entry) -> None:
        """Take in an entry of the journal, to be shown at the next tick."""
        with self._lock:
            self._watch.take(entry)
            self._unsaid.append(entry)

    def learn(self, step: str, seconds: float) -> None:
        """Take in how long a step took when it was done."""
        with self._lock:
            self._watch.durations.add(step, seconds, before=True)

    def tick(self) -> None:
        """Draw what has changed."""
        self._look_back()
        columns, rows = self._size()
        with self._lock:
            above = self._above(columns)
            lines = live_lines(self._watch, self._last_line, self._clock(), columns, rows)
        self._screen.draw(lines, above)

    def close(self) -> None:
        """Say what was not said yet, and leave the terminal without the drawn lines."""
        with self._lock:
            above = self._above(self._size()[0])
        self._screen.draw((), above)

    def _above(self, columns: int) -> list[Line]:
        lines: list[Line] = []
        left_out: dict[str, list[str]] = {}
        for entry in self._unsaid:
            step = entry.get("step", "")
            outcome = entry["outcome"] if entry["event"] == "ended" else ""
            if outcome in {"done", "failed"}:
                ending = Ending(outcome, entry.get("seconds", 0.0), entry.get("message", ""))
                log = ""
                if outcome == "failed":
                    log = _log(self._run_dir, entry)
                    ending = replace(ending, message=brief(self._once.words(step, ending.message)))
                lines += end_lines(step, ending, log, columns)
            elif outcome in {"skipped", "cancelled"}:
                left_out.setdefault(outcome, []).append(step)
            elif not outcome and (words := entry_line(entry, 0, 0)):
                lines += [[(line, "yellow")] for line in wrap(words, columns - 1)]
        self._unsaid.clear()
        for outcome, steps in left_out.items():
            lines += left_out_lines(outcome, steps, columns)
        return lines

    def _last_line(self, step: str) -> str:
        return self._logs.get(step, self._watch.running[step]) if self._logs is not None else ""

    def _look_back(self) -> None:
        """Read once what steps took in runs before."""
        if self._knows_past or self._run_dir is None:
            return
        self._knows_past = True
        past = past_durations(self._run_dir)
        with self._lock:
            for step, seconds in past:
                self._watch.durations.add(step, seconds, before=True)


def _log(run_dir: Path | None, entry: Entry) -> str:
    """Give the log of a step that has ended, as seen from here; none of a step that was not begun."""
    if run_dir is None or not entry.get("seconds"):
        return ""
    path = log_path(run_dir, entry["step"])
    if not path.is_file():
        return ""
    with suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)
