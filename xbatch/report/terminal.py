"""A run in a terminal: what was found, what became of the steps, what failed."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.table import Table
    from rich.text import Text

    from xbatch.base.numbers import Rounded
    from xbatch.report.fits import FitView, ParameterRow
    from xbatch.run.result import RunResult, StepResult

__all__ = ["failures", "going_on", "number_text", "parameter_tables", "print_previews", "print_run", "summary"]

_STYLES = {"done": "green", "up to date": "dim", "failed": "bold red", "skipped": "yellow", "cancelled": "yellow"}
_SUPER = str.maketrans("0123456789-+", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺")
_WIDE = 160
_MOST_FAILURES = 12
_MOST_TABLES = 12
_MOST_ROWS = 40
_MOST_NAMES = 3


def print_run(result: RunResult, stream: IO[str], width: int | None = None, quiet: bool = False) -> None:
    """Print the parameters of all fits, the failures, one line on the whole, and how to go on.

    Parameters
    ----------
    result : RunResult
    stream : text stream
        Coloured if it is a terminal.
    width : int, optional
        Columns; the terminal's own by default, and at least 160 where it is none.
    quiet : bool
        Without the parameters.
    """
    wanted = not quiet and (result.run_dir / "manifest.json").is_file()
    parts = parameter_tables(result.run_dir) if wanted else []
    failed = failures(result)
    if not parts and not failed and not stream.isatty():  # rich takes longer to load than a small run to do
        stream.write("".join(words for words, _ in _summary_words(result)) + "\n")
        stream.write(f"{more}\n" if (more := going_on(result)) else "")
        return
    console = _console(stream, width)
    for part in parts:
        console.print(part)
    for text in failed:
        console.print(text, soft_wrap=not console.is_terminal)  # in a file, a paragraph is a line
    console.print(summary(result), soft_wrap=not console.is_terminal)
    if more := going_on(result):
        console.print(more, markup=False, soft_wrap=True)  # its commands are copied


def print_previews(result: RunResult, stream: IO[str], width: int | None = None, quiet: bool = False) -> None:
    """Print the regions of each observation that was drawn, where the pictures are, the failures, and one line.

    Parameters
    ----------
    result : RunResult
    stream : text stream
    width : int, optional
        As in `print_run`.
    quiet : bool
        Without the tables.
    """
    from rich.text import Text

    from xbatch.report.source import open_run

    console = _console(stream, width)
    source = open_run(result.run_dir)
    drawn = {step.name for step in result.steps}
    for step in source.steps("preview"):
        picture = step["outputs"].get("regions.png")
        if picture is None or step["name"] not in drawn:
            continue
        if not quiet:
            console.print(_region_table(step))
        console.print(Text(str(result.run_dir / picture["path"])), soft_wrap=True)
        if not quiet:
            for note in step["notes"]:
                console.print(Text(note, style="yellow"))
            console.print()
    for text in failures(result):
        console.print(text)
    if not quiet:
        console.print(summary(result))


def _region_table(step: Mapping[str, Any]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from xbatch.report.observations import region_rows

    title = Text(str(step["subject"]), style="bold")
    table = Table(title=title, title_justify="left", title_style="", box=box.SIMPLE, pad_edge=False)
    for name in ("region", "for"):
        table.add_column(name)
    for name in ("shapes", "pixels", "arcmin²", "in the field", "events"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in region_rows(step):
        area = "" if row.area is None else f"{row.area:.4g}"
        cells = (f"{len(row.shapes)}", f"{row.pixels}", area, f"{100 * row.fraction:.4g} %", f"{row.counts}")
        table.add_row(Text(row.name), Text(row.role or "nothing"), *cells)
    return table


def parameter_tables(run_dir: Path) -> list[Group]:
    """Give a table of parameters and fluxes for each fit of a run, with its notes, from manifest and products.

    Of more than twelve fits, one table with a line for each is given.

    Raises
    ------
    UsageError, FileError
        The folder holds no manifest, or it cannot be read.
    """
    from xbatch.report.fits import fit_views
    from xbatch.report.source import open_run

    views = [fit for fit in fit_views(open_run(run_dir)) if fit.record is not None or fit.verdict == "left out"]
    return [_fit_table(fit) for fit in views] if len(views) <= _MOST_TABLES else [_overview(views, run_dir)]


def _overview(views: Sequence[FitView], run_dir: Path) -> Group:
    """Give a line for each of many fits, poor ones first, and say where all parameters are."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    axes = list(dict.fromkeys(axis for fit in views for axis, _ in fit.values))
    table = Table(title=f"{len(views)} fits", title_justify="left", title_style="bold", box=box.SIMPLE, pad_edge=False)
    table.add_column("fit")
    for axis in axes:
        table.add_column(axis.rpartition(".")[2], justify="right")
    table.add_column("statistic", no_wrap=True)
    table.add_column("reduced", justify="right", no_wrap=True)
    table.add_column("")
    for fit in sorted(views, key=lambda fit: fit.verdict == "good")[:_MOST_ROWS]:
        values = dict(fit.values)
        cells = [Text(str(values.get(axis, ""))) for axis in axes]
        remark = Text("" if fit.verdict == "good" else fit.verdict, style="red")
        table.add_row(Text(fit.title), *cells, fit.statistic, fit.reduced, remark)
    more = [Text(f"and {len(views) - _MOST_ROWS} more, all good")] if len(views) > _MOST_ROWS else []
    if more and sum(fit.verdict != "good" for fit in views) > _MOST_ROWS:
        more = [Text(f"and {len(views) - _MOST_ROWS} more")]
    where = f"All parameters: {_short(run_dir / 'report.html')}, {_short(run_dir / 'products' / 'tables')}"
    return Group(table, *more, Text(f"{where}; side by side: xbatch compare {_short(run_dir)}", style="dim"), "")


def _fit_table(fit: FitView) -> Group:
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    title = Text(fit.title, style="bold")
    for axis, value in fit.values:
        title.append(f"  {axis.rpartition('.')[2]} {value}", style="not bold")
    title.append(f"  {fit.statistic or 'nothing was fitted'}", style="not bold")
    if fit.record is None:
        return Group(title, *(Text(note, style="yellow") for note in fit.notes), "")
    if fit.reduced:
        title.append(f" = {fit.reduced}", style="not bold")
    table = Table(title=title, title_justify="left", title_style="", box=box.SIMPLE, pad_edge=False)
    remarks = [_remark(row) for row in fit.parameters]
    table.add_column("parameter", min_width=_longest_word(row.name for row in fit.parameters))
    table.add_column("value", no_wrap=True)
    table.add_column("unit")
    # Whether a value was fixed must be seen on any width: this column keeps its longest word.
    table.add_column("", style="dim", min_width=_longest_word(remarks))
    for row, remark in zip(fit.parameters, remarks, strict=True):
        style = "" if row.state == "free" else "dim"
        table.add_row(Text(row.name), number_text(row.number), _unit_text(row.unit), Text(remark), style=style)
    for flux in fit.fluxes:
        table.add_row(Text(f"flux {flux.label}"), number_text(flux.energy), "erg cm⁻² s⁻¹", Text(flux.note))
        if flux.luminosity:
            table.add_row(Text(f"luminosity {flux.label}"), number_text(flux.luminosity), "erg s⁻¹", "")
    said = [Text(fit.trouble, style="red")] if fit.trouble else []
    return Group(table, *said, *(Text(note, style="yellow") for note in fit.notes), "")


def _longest_word(texts: Iterable[str]) -> int:
    return max((len(word) for text in texts for word in text.split()), default=0)


def _remark(row: ParameterRow) -> str:
    words = {"frozen": "fixed", "linked": f"= {row.link}"}.get(row.state, "")
    return "; ".join(word for word in (words, row.note) if word)


def number_text(number: Rounded) -> str:
    """Write a rounded number for a terminal: ``1.988 (-0.021, +0.031)``, ``3.43 × 10⁻¹⁰``."""
    text = number.value
    if number.minus and number.minus == number.plus:
        text += f" ± {number.plus}"
    elif number.minus or number.plus:
        text += f" ({f'-{number.minus}' if number.minus else '?'}, {f'+{number.plus}' if number.plus else '?'})"
    if number.exponent:
        text = f"({text})" if " " in text else text
        text += f" × 10{str(number.exponent).translate(_SUPER)}"
    return text


def _unit_text(parts: Sequence[tuple[str, str]]) -> str:
    return " ".join(word + power.translate(_SUPER) for word, power in parts)


def failures(result: RunResult) -> list[Text]:
    """Give a paragraph for each failure: which step, what went wrong, where its log is.

    Steps that say the same share a paragraph; of very many paragraphs the first are given.
    """
    alike: dict[str, list[StepResult]] = {}
    for step in result.steps:
        if step.outcome == "failed":
            alike.setdefault(step.message or "it gave no reason", []).append(step)
    texts = [_failure(message, steps) for message, steps in list(alike.items())[:_MOST_FAILURES]]
    if len(alike) > _MOST_FAILURES:
        from rich.text import Text

        rest = sum(len(steps) for steps in list(alike.values())[_MOST_FAILURES:])
        texts.append(
            Text(f"and {rest} more failed; xbatch status {_short(result.run_dir)} names them all", style="red")
        )
    return texts


def _failure(message: str, steps: Sequence[StepResult]) -> Text:
    from rich.text import Text

    names = ", ".join(step.name for step in steps[:_MOST_NAMES])
    if len(steps) > _MOST_NAMES:
        names += f" and {len(steps) - _MOST_NAMES} more"
    text = Text(f"{names} failed: ", style="bold red")
    text.append(message, style="not bold default")
    log = next((step.log for step in steps if step.log is not None), None)
    if log is not None:
        text.append(f"\n  log: {log}", style="dim not bold")
    return text


def going_on(result: RunResult) -> str:
    """Say how to go on after a run that has not come to its end; empty for one that has."""
    counts = result.counts()
    kept = counts.get("done", 0) + counts.get("up to date", 0)
    lost, left_out, cut_off = (counts.get(outcome, 0) for outcome in ("failed", "skipped", "cancelled"))
    if not lost + left_out + cut_off:
        return ""
    lines = []
    if left_out:
        lines.append(f"Left out for want of a step that has failed: {_steps(left_out)}.")
    if lost:
        said = (step.name for step in result.steps if step.outcome == "failed" and step.log is not None)
        name = next(said, None)
        lines += [f"What a step said: xbatch logs {_short(result.run_dir)} {shlex.quote(name)}"] if name else []
    mend = "mend what failed and " if lost else ""
    rest = f"; {_steps(kept)} need not be done again" if kept else ""
    lines.append(f"To go on: {mend}give the same command again{rest}.")
    return "\n".join(lines)


def _steps(count: int) -> str:
    return f"{count} step{'' if count == 1 else 's'}"


def _short(path: Path) -> str:
    """Write a path as seen from here if it lies below."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))


def summary(result: RunResult) -> Text:
    """Give one line on a run: how many steps came to which end, how long it took, where the products are."""
    from rich.text import Text

    return Text.assemble(*_summary_words(result))


def _summary_words(result: RunResult) -> list[tuple[str, str]]:
    """Give the summary piece by piece, each with its style."""
    from xbatch.report.spans import seconds_between, span_text

    total = len(result.steps)
    words = [(f"{total} step{'' if total == 1 else 's'}: ", "")]
    for number, (outcome, count) in enumerate(result.counts().items()):
        words += [(", " if number else "", ""), (f"{count} {outcome}", _STYLES[outcome])]
    words.append((f" in {span_text(seconds_between(result.started, result.ended))}. ", ""))
    if result.message:
        words.append((f"{result.message}. ", "red"))
    if result.signal:
        words.append(("Interrupted; what is finished is kept. ", "yellow"))
    return [*words, (str(result.run_dir), "")]


def _console(stream: IO[str], width: int | None) -> Console:
    from rich.console import Console

    console = Console(file=stream, width=width, highlight=False, soft_wrap=False)
    return (
        console
        if width or console.is_terminal
        else Console(file=stream, width=max(console.width, _WIDE), highlight=False)
    )
