"""A run as lines of a terminal: the steps that run, and how far the whole has come."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import islice

from xbatch.report.screen import Line, Piece, cut, cut_middle, wrap, wraps
from xbatch.report.spans import clock_text, left_text, span_text
from xbatch.report.watch import Ending, Inputs, Watch
from xbatch.run.result import OUTCOMES

__all__ = [
    "MARKS",
    "STYLES",
    "Once",
    "counts_text",
    "end_lines",
    "left_out_lines",
    "live_lines",
    "pulse_text",
    "reading_text",
    "sum_line",
]

MARKS = {"done": "✓", "up to date": "=", "failed": "✗", "skipped": "-", "cancelled": "-"}
STYLES = {"done": "green", "up to date": "dim", "failed": "red", "skipped": "yellow", "cancelled": "yellow"}
_WIDE = 100
_BAR = 30
_LEAST_BAR = 8
_GAP = "  "
_UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


class Once:
    """What failures have in common is told once: all steps that read one file may fail for want of it."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}

    def words(self, step: str, message: str) -> str:
        """Give the message of a step that has failed, or the name of one that has said the same."""
        first = self._first.setdefault(message, step)
        return message if first == step or not message else f"the same as {first}"


def live_lines(watch: Watch, said: Callable[[str], str], now: float, columns: int, rows: int) -> list[Line]:
    """Give the lines for a run that goes on.

    Parameters
    ----------
    watch : Watch
    said : callable
        Step to the last line of its log.
    now : float
        Seconds since 1970.
    columns, rows : int
        Size of the terminal. No line is as long as it is wide. From 100 columns on, a log's last line stands behind
        its step, else below it.
    """
    if not watch.started:
        return []
    columns -= 1
    running = watch.elapsed(now)
    room = max(1, min(rows - 4 - (watch.reading is not None), rows * 2 // 3))
    shown = dict(islice(running.items(), room if len(running) <= room else room - 1))
    words = {step: said(step) for step in shown}
    lines: list[Line] = []
    if columns + 1 >= _WIDE:
        lines += _wide(shown, words, columns)
    else:
        two = len(running) + sum(map(bool, words.values())) <= room
        lines += _narrow(shown, words if two else {}, columns)
    if len(shown) < len(running):
        lines.append([(f"  and {len(running) - len(shown)} more that run", "dim")])
    if watch.reading is not None:
        lines.append([("▸ ", "blue"), (cut(reading_text(watch.reading), columns - 2), "")])
    lines.append(sum_line(watch, now, columns))
    return lines


def _wide(shown: Mapping[str, float], words: Mapping[str, str], columns: int) -> list[Line]:
    name_width = min(max(map(wraps, shown), default=0), columns // 2)
    lines: list[Line] = []
    for step, elapsed in shown.items():
        name = cut_middle(step, name_width)
        pad = " " * (name_width - wraps(name))
        clock = f"{clock_text(elapsed):>8}"
        left = columns - 2 - name_width - len(clock) - 2
        lines.append(
            [("▸ ", "blue"), (f"{name}{pad}", ""), (clock, "bold"), (_GAP, ""), (cut(words[step], left), "dim")]
        )
    return lines


def _narrow(shown: Mapping[str, float], words: Mapping[str, str], columns: int) -> list[Line]:
    name_width = min(max(map(wraps, shown), default=0), columns - 10)
    lines: list[Line] = []
    for step, elapsed in shown.items():
        name = cut_middle(step, name_width)
        pad = " " * (name_width - wraps(name))
        lines.append([("▸ ", "blue"), (f"{name}{pad}", ""), (f"{clock_text(elapsed):>8}", "bold")])
        if words.get(step):
            lines.append([(f"    {cut(words[step], columns - 4)}", "dim")])
    return lines


def sum_line(watch: Watch, now: float, columns: int) -> Line:
    """Give the line on the whole: a bar, how many ended and how, elapsed time, expected end; what fits of these."""
    ended, total = len(watch.steps), max(watch.total, len(watch.steps))
    count: Piece = (f"{ended}/{total}", "bold")
    failed: Piece = (f"{watch.counts['failed']} failed" if watch.counts["failed"] else "", "red")
    others: Piece = (counts_text(watch, without_failed=True), "")
    elapsed = clock_text(max(0.0, now - watch.started_s))
    tail: Piece = ("stopping; Ctrl-C again stops at once", "yellow") if watch.stopping else (_left(watch, now), "")
    short: Piece = ("stopping", "yellow") if watch.stopping else ("", "")
    choices = (
        [count, failed, others, (elapsed, ""), tail],
        [count, failed, (elapsed, ""), tail],
        [count, failed, (elapsed, ""), short],
    )
    for choice in choices:
        pieces = [piece for piece in choice if piece[0]]
        taken = sum(wraps(text) for text, _ in pieces) + len(_GAP) * (len(pieces) - 1)
        if taken <= columns - (_LEAST_BAR + len(_GAP) if choice is choices[0] else 0):
            break
    else:
        return [(cut(count[0], columns), "bold")]
    line: list[Piece] = []
    if columns - taken - len(_GAP) >= _LEAST_BAR:
        line += [*_bar(ended, total, min(_BAR, columns - taken - len(_GAP))), (_GAP, "")]
    for number, piece in enumerate(pieces):
        line += [(_GAP, ""), piece] if number else [piece]
    return line


def _left(watch: Watch, now: float) -> str:
    if not watch.running and not watch.steps:
        return "looking at the inputs" if watch.reading is None else ""
    remaining = watch.remaining(now)
    if remaining is None or not watch.running:
        return ""
    at = time.strftime("%H:%M", time.localtime(now + remaining))
    return f"{left_text(remaining)} left, until {at}" if remaining >= 60 else f"{left_text(remaining)} left"


def reading_text(inputs: Inputs) -> str:
    """Say how far a run has come with its inputs: ``reading inputs: 34/412 files, 12.3 of 80.1 GB, 0.4 GB/s``."""
    size, unit = next(((size, unit) for size, unit in _UNITS if inputs.bytes_total >= size), _UNITS[-1])
    text = f"reading inputs: {inputs.files}/{inputs.files_total} files"
    text += f", {inputs.bytes / size:.1f} of {inputs.bytes_total / size:.1f} {unit}"
    if not inputs.bytes or not inputs.seconds:
        return text
    rate = inputs.bytes / inputs.seconds
    size, unit = next(((size, unit) for size, unit in _UNITS if rate >= size / 10), _UNITS[-1])
    left = (inputs.bytes_total - inputs.bytes) / rate
    return f"{text}, {rate / size:.1f} {unit}/s, {left_text(left)} left"


def _bar(ended: int, total: int, width: int) -> list[Piece]:
    full = width * ended // total if total else 0
    return [("━" * full, "green"), ("─" * (width - full), "dim")]


def counts_text(watch: Watch, without_failed: bool = False) -> str:
    """Say how many steps came to which end: ``8 done, 3 up to date``."""
    outcomes = [outcome for outcome in OUTCOMES if watch.counts[outcome]]
    if without_failed:
        outcomes = [outcome for outcome in outcomes if outcome != "failed"]
    return ", ".join(f"{watch.counts[outcome]} {outcome}" for outcome in outcomes)


def end_lines(step: str, ending: Ending, log: str, columns: int) -> list[Line]:
    """Give the lines for a step that has ended: one, and for a failure a paragraph and the place of its log."""
    columns -= 1
    style = STYLES[ending.outcome]
    took = f"  {span_text(ending.seconds)}" if ending.outcome in {"done", "failed"} else ""
    if ending.outcome != "failed":
        return [[(f"{MARKS[ending.outcome]} {cut_middle(step, columns - 2 - len(took))}", style), (took, "dim")]]
    lines: list[Line] = [[(f"{MARKS['failed']} {step}", style), (took, "dim")]]  # whole, for it will be copied
    lines += [[(line, "")] for line in wrap(ending.message or "it gave no reason", columns, "  ")]
    if log:
        lines.append([(f"  log: {log}", "dim")])
    return lines


def left_out_lines(outcome: str, steps: Sequence[str], columns: int) -> list[Line]:
    """Give one paragraph for the steps that were left out or stopped at once."""
    why = "left out for want of a step that has failed" if outcome == "skipped" else "stopped or never started"
    names = ", ".join(steps[:3]) + (f" and {len(steps) - 3} more" if len(steps) > 3 else "")
    mark = MARKS[outcome]
    words = f"{len(steps)} {why}: {names}"
    return [
        [(f"{'  ' if number else f'{mark} '}{line.strip()}", STYLES[outcome])]
        for number, line in enumerate(wrap(words, columns - 3))
    ]


def pulse_text(watch: Watch, now: float) -> str:
    """Say in one line how far a run has come and what runs."""
    running = watch.elapsed(now)
    names = [f"{step} ({clock_text(elapsed)})" for step, elapsed in islice(running.items(), 4)]
    more = f" and {len(running) - len(names)} more" if len(running) > len(names) else ""
    parts = [f"{len(watch.steps)} of {max(watch.total, len(watch.steps))} steps ended"]
    parts += [f"{watch.counts['failed']} failed"] if watch.counts["failed"] else []
    parts += [f"running: {', '.join(names)}{more}"] if names else []
    parts += [reading_text(watch.reading)] if watch.reading is not None else []
    parts += [left] if (left := _left(watch, now)) else []
    return "; ".join(parts)
