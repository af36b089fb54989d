"""What a run shows while it goes: a live view on a terminal, one line for each event elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import datetime
from typing import IO, TYPE_CHECKING

from xbatch.plan.verdict import reason_text

if TYPE_CHECKING:
    from xbatch.run.result import Event

__all__ = ["Reporter", "make_reporter", "seconds_between", "span_text"]

Reporter = Callable[["Event"], None]
_MARKS = {"done": "✓", "up to date": "=", "failed": "✗", "skipped": "-", "cancelled": "-"}
_STYLES = {"done": "green", "up to date": "dim", "failed": "bold red", "skipped": "yellow", "cancelled": "yellow"}
_PER_SECOND = 8
_SHOWN = 12


def make_reporter(stream: IO[str], is_terminal: bool, quiet: bool = False) -> AbstractContextManager[Reporter]:
    """Give a context in which a function takes the events of a run and shows them.

    Parameters
    ----------
    stream : text stream
        Usually standard error, so that standard output can be used for data.
    is_terminal : bool
        Whether lines may be drawn over: a progress bar and the steps that run now; finished steps stand above it, and
        those that were up to date are only counted. Otherwise each end of a step is one line.
    quiet : bool
        Show nothing at all.
    """
    if quiet:
        return nullcontext(lambda event: None)
    return _live(stream) if is_terminal else _lines(stream)


@contextmanager
def _lines(stream: IO[str]) -> Iterator[Reporter]:
    def report(event: Event) -> None:
        line = _line(event)
        if line:
            with suppress(BrokenPipeError):  # that nobody reads on is no reason to stop a run
                print(line, file=stream, flush=True)

    yield report


def _line(event: Event) -> str:
    """Write an event as one line; empty for what is not worth one: starts, and steps that were up to date."""
    match event.kind:
        case "ended" if event.result is not None and event.result.outcome != "up to date":
            result = event.result
            width = len(str(event.total))
            head = f"[{event.ended:>{width}}/{event.total}] {result.outcome:<10} {event.step}"
            took = f" ({span_text(result.seconds)})" if result.outcome in {"done", "failed"} else ""
            return f"{head}{took}{f': {result.message}' if result.message else ''}"
        case "lost":
            return f"{event.step}: {event.message or 'its worker was killed'}; tried again"
        case "stopping":
            return f"stopping{f': {event.message}' if event.message else ''}"
        case _:
            return ""


@contextmanager
def _live(stream: IO[str]) -> Iterator[Reporter]:
    from rich.console import Console, Group
    from rich.live import Live
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.spinner import Spinner
    from rich.table import Table
    from rich.text import Text

    console = Console(file=stream, force_terminal=True, highlight=False)
    progress = Progress(
        BarColumn(bar_width=36), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn(),
        console=console,
    )  # fmt: skip
    whole = progress.add_task("", total=None)
    running: dict[str, Text] = {}
    spinner = Spinner("dots")

    def view() -> Group:
        table = Table.grid(padding=(0, 1))
        for words in list(running.values())[:_SHOWN]:
            table.add_row(spinner, words)
        if len(running) > _SHOWN:
            table.add_row("", Text(f"and {len(running) - _SHOWN} more", style="dim"))
        return Group(table, progress)

    with Live(console=console, refresh_per_second=_PER_SECOND, transient=True, get_renderable=view) as live:

        def report(event: Event) -> None:
            if event.total:
                progress.update(whole, completed=event.ended, total=event.total)
            if event.kind == "started":
                words = Text(event.step)
                why = "; ".join(reason_text(reason) for reason in event.reasons)
                words.append(f"  {why}" if why else "", style="dim")
                words.truncate(max(console.width - 4, 20), overflow="ellipsis")
                running[event.step] = words
            elif event.kind == "ended" and event.result is not None:
                running.pop(event.step, None)
                result = event.result
                if result.outcome != "up to date":
                    line = Text(f"{_MARKS[result.outcome]} {event.step}", style=_STYLES[result.outcome])
                    took = f"  {span_text(result.seconds)}" if result.outcome in {"done", "failed"} else ""
                    line.append(took, style="dim")
                    line.append(f"\n  {result.message}" if result.message else "", style="not bold default")
                    live.console.print(line)
            elif event.kind in {"lost", "stopping"}:
                running.pop(event.step, None)
                progress.update(whole, description="stopping" if event.kind == "stopping" else "")
                live.console.print(Text(_line(event), style="yellow"))

        yield report


def seconds_between(started: str, ended: str) -> float:
    """Give the seconds between two ISO times; 0 where one is missing."""
    if not started or not ended:
        return 0.0
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(started)).total_seconds()


def span_text(seconds: float) -> str:
    """Give a length of time in the unit that suits it: ``0.42 s``, ``42 s``, ``3.5 min``, ``2.1 h``."""
    if seconds < 120:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.1f} min" if minutes < 120 else f"{minutes / 60:.1f} h"
