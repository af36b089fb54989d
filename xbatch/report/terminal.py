"""A run in a terminal: what was found, what became of the steps, what failed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.table import Table
    from rich.text import Text

    from xbatch.base.numbers import Rounded
    from xbatch.report.fits import FitView, ParameterRow
    from xbatch.run.result import RunResult

__all__ = ["failures", "number_text", "parameter_tables", "print_previews", "print_run", "summary"]

_STYLES = {"done": "green", "up to date": "dim", "failed": "bold red", "skipped": "yellow", "cancelled": "yellow"}
_SUPER = str.maketrans("0123456789-+", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺")
_WIDE = 160


def print_run(result: RunResult, stream: IO[str], width: int | None = None, quiet: bool = False) -> None:
    """Print the parameters of all fits, the failures, and one line on the whole.

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
    parts = [*(parameter_tables(result.run_dir) if wanted else []), *failures(result)]
    if not parts and not stream.isatty():  # rich takes longer to load than a small run to do
        stream.write("".join(words for words, _ in _summary_words(result)) + "\n")
        return
    console = _console(stream, width)
    for part in parts:
        console.print(part)
    console.print(summary(result))


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

    Raises
    ------
    UsageError, FileError
        The folder holds no manifest, or it cannot be read.
    """
    from xbatch.report.fits import fit_views
    from xbatch.report.source import open_run

    views = fit_views(open_run(run_dir))
    return [_fit_table(fit) for fit in views if fit.record is not None or fit.verdict == "left out"]


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
    """Give a paragraph for each step that failed: which, what went wrong, where its log is."""
    texts = []
    for step in result.steps:
        if step.outcome == "failed":
            from rich.text import Text

            text = Text(f"{step.name} failed: ", style="bold red")
            text.append(step.message or "it gave no reason", style="not bold default")
            if step.log is not None:
                text.append(f"\n  log: {step.log}", style="dim not bold")
            texts.append(text)
    return texts


def summary(result: RunResult) -> Text:
    """Give one line on a run: how many steps came to which end, how long it took, where the products are."""
    from rich.text import Text

    return Text.assemble(*_summary_words(result))


def _summary_words(result: RunResult) -> list[tuple[str, str]]:
    """Give the summary piece by piece, each with its style."""
    from xbatch.report.progress import seconds_between, span_text

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
