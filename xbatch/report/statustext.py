"""The state of a run in words, for who asks from another terminal."""

from __future__ import annotations

import time
from pathlib import Path

from xbatch.report.liveview import MARKS, STYLES, Once, counts_text, live_lines
from xbatch.report.screen import Line, cut, cut_middle, wrap, wraps
from xbatch.report.spans import clock_text, span_text
from xbatch.report.state import Looker
from xbatch.report.watch import seconds_of
from xbatch.run.products import log_path

__all__ = ["head_text", "status_lines"]

_LAST = 10


def _local(seconds: float, now: float) -> str:
    """Give a time of this place, with its day where that is not today's."""
    then = time.localtime(seconds)
    same_day = then[:3] == time.localtime(now)[:3]
    return time.strftime("%H:%M:%S" if same_day else "%Y-%m-%d %H:%M:%S", then)


def head_text(looker: Looker, columns: int = 0) -> str:
    """Say which run it is, when it began, and what it is at.

    Parameters
    ----------
    looker : Looker
    columns : int
        What there is room for; it is the folder's name that is shortened. 0 for any.
    """
    words = _head_words(looker)
    folder = looker.run_dir
    name = str(folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder)
    return f"{cut_middle(name, max(12, columns - wraps(words)))}{words}" if columns else f"{name}{words}"


def _head_words(looker: Looker) -> str:
    watch, now = looker.watch, looker.now()
    if not watch.started:
        return ": nothing was run yet"
    began = f": started {_local(watch.started_s, now)}"
    match looker.state:
        case "running":
            kind = "stopping" if watch.stopping else "running"
            return f"{began}, {kind} for {clock_text(now - watch.started_s)} ({looker.owner})"
        case "ended":
            end = seconds_of(watch.ended)
            return f"{began}, ended {_local(end, now)} after {span_text(end - watch.started_s)}"
        case _:
            return f"{began}, cut off before its end; what is finished is kept: give the same command again to go on"


def status_lines(looker: Looker, columns: int, everything: bool = False) -> list[Line]:
    """Give the lines for a run that goes on, or for the last one.

    Parameters
    ----------
    looker : Looker
        It has looked.
    columns : int
        Of the terminal.
    everything : bool
        Name each step that has ended, not only those that failed and the last ones.
    """
    watch = looker.watch
    lines: list[Line] = [[(head_text(looker), "bold")]]
    if watch.message:
        lines += [[(line, "yellow")] for line in wrap(watch.message, columns - 1, "  ")]
    ended = [step for step, end in watch.steps.items() if everything or end.outcome not in {"failed", "up to date"}]
    shown = ended if everything else ended[-_LAST:]
    if len(shown) < len(ended):
        lines.append([(f"  {len(ended) - len(shown)} steps before these; --all names each", "dim")])
    width = max((len(step) for step in shown), default=0)
    for step in shown:
        end = watch.steps[step]
        took = span_text(end.seconds) if end.outcome == "done" else ""
        words = f"{end.outcome:<10}  {took}".rstrip()
        lines.append([(f"  {MARKS[end.outcome]} {step:<{width}}  {words}", STYLES[end.outcome])])
    once = Once()
    for step, end in watch.failed().items():
        lines.append([(f"  {MARKS['failed']} {step} failed", "red"), (f" after {span_text(end.seconds)}", "dim")])
        words = once.words(step, end.message) or "it gave no reason"
        lines += [[(line, "")] for line in wrap(words, columns - 1, "      ")]
        log = log_path(looker.run_dir, step)
        if end.seconds and log.is_file():  # what was not begun may have one of a run before
            lines.append([(f"      log: {log}", "dim")])
    if looker.state == "running":
        return [*lines, *live_lines(watch, looker.said, looker.now(), columns, len(watch.running) * 2 + 8)]
    lines += [[(f"  ▸ {step}  was running", "yellow")] for step in watch.running]
    return [*lines, [(cut(_sum(looker), columns - 1), "")]]


def _sum(looker: Looker) -> str:
    watch = looker.watch
    total = max(watch.total, len(watch.steps))
    missing = total - len(watch.steps)
    rest = f", {missing} without an end" if missing else ""
    steps = f"{total} step{'' if total == 1 else 's'}"
    return f"{steps}: {counts_text(watch)}{rest}" if watch.steps else f"none of {steps} has ended"
