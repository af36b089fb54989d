"""A comparison in a terminal: a table for each fit, as wide as it may be, and what differs."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from xbatch.base.numbers import Rounded
from xbatch.report.compare.data import Comparison, Row, shown_names
from xbatch.report.compare.words import (
    NumberColumn,
    axis_words,
    changes_of,
    difference_cells,
    intro,
    notes_of,
    number_column,
    power_text,
    value_text,
)
from xbatch.report.fits import statistic_name

__all__ = ["comparison_text"]

_GAP = 2
_MOST = 3
_MANY = 8
_NUMBER = re.compile(r"(?:[^\d.]+ )?[-+]?\d*")


@dataclass(frozen=True)
class _Column:
    """A column of text: lines of its name, lines of its unit, a cell for each row."""

    name: list[str]
    unit: list[str]
    cells: list[str]
    is_number: bool

    @property
    def width(self) -> int:
        return max(map(len, [*self.name, *self.unit, *self.cells]), default=0)


def comparison_text(comparison: Comparison, width: int, style: Callable[[str, str], str] | None = None) -> str:
    """Write a comparison for a terminal.

    Parameters
    ----------
    comparison : Comparison
    width : int
        Columns of the terminal. A table that needs more is continued below, its first columns repeated.
    style : callable, optional
        Paints a text in ``bold``, ``red``, ``yellow`` or ``dim``; plain without.
    """
    paint = style or (lambda text, _: text)
    parts = [_wrapped(intro(comparison), width, "", "  ")]
    for fit, rows in comparison.fits().items():
        parts.append("\n".join(_fit(comparison, fit, rows, width, paint)))
    parts += ["\n".join(lines) for lines in [list(_ending(comparison, width, paint))] if lines]
    return "\n\n".join(parts) + "\n"


def _wrapped(text: str, width: int, first: str, rest: str) -> str:
    return textwrap.fill(
        text, max(width, 40), initial_indent=first, subsequent_indent=rest, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


def _fit(
    comparison: Comparison, fit: str, rows: list[Row], width: int, paint: Callable[[str, str], str]
) -> Iterator[str]:
    parameters, fluxes = shown_names(rows, comparison.parameters)
    errors = _errors(rows, parameters)
    yield _wrapped(f"{fit}" + (f"   errors: {errors}" if errors else ""), width, "", "  ").replace(
        fit, paint(fit, "bold"), 1
    )
    first = list(_identity(comparison, rows))
    rest = list(_numbers(comparison, rows, [*parameters, *fluxes]))
    for number, block in enumerate(_blocks(first, rest, width)):
        if number:
            yield ""
        yield from _lines(block, rows, paint)
    for text, labels, severe in notes_of(comparison, rows, [*parameters, *fluxes]):
        shown = "; ".join(labels[:_MOST]) + (f" and {len(labels) - _MOST} more" if len(labels) > _MOST else "")
        note = text if len(rows) == 1 else f"{text} ({shown})" if len(labels) < len(rows) else f"{text} (all)"
        yield paint(_wrapped(note, width, "  ", "    "), "red" if severe else "yellow")


def _errors(rows: Sequence[Row], names: Sequence[str]) -> str:
    """Say what the errors are: ``90 %, profile``; of several kinds all."""
    found = dict.fromkeys(
        (number.confidence, number.method)
        for row in rows
        for number in (row.parameters.get(name) for name in names)
        if number is not None and number.has_error
    )
    kinds = (
        ", ".join(part for part in (f"{100 * level:.4g} %" if level is not None else "", method) if part)
        for level, method in found
    )
    return " or ".join(kind for kind in kinds if kind)


def _identity(comparison: Comparison, rows: Sequence[Row]) -> Iterator[_Column]:
    """Give the columns that say which row is which."""
    if len(comparison.runs) > 1:
        yield _column("run", "", [comparison.runs[row.run].label for row in rows], False)
    words = axis_words(comparison.axes)
    for axis in comparison.axes:
        if any(axis in row.values for row in rows):
            cells = [value_text(row.values[axis]) if axis in row.values else "any" for row in rows]
            number = all(isinstance(row.values.get(axis, 0), (int, float)) for row in rows)
            yield _column(words[axis], "", cells, number)
    if any(row.group for row in rows):
        yield _column("group", "", [row.group for row in rows], False)
    if any(row.result != "good" for row in rows):
        yield _column("result", "", [row.result for row in rows], False)


def _numbers(comparison: Comparison, rows: Sequence[Row], names: Sequence[str]) -> Iterator[list[_Column]]:
    """Give the columns of what was found; those that belong together stand in one list."""
    kinds = {row.statistic for row in rows if row.statistic}
    one = statistic_name(kinds.pop()) if len(kinds) == 1 else ""
    fitted = [
        "" if row.stat_value is None else f"{'' if one else statistic_name(row.statistic) + ' '}{row.stat_value:.2f}"
        for row in rows
    ]
    others = [None if row.reference is None else comparison.rows[row.reference] for row in rows]
    columns = [_column(one or "statistic", "", fitted, True)]
    if comparison.asked:
        columns.append(_column("Δ", "", [_less(row, o) for row, o in zip(rows, others, strict=True)], True))
    yield columns
    yield [_column("d.o.f.", "", ["" if row.dof is None else str(row.dof) for row in rows], True)]
    yield [_column("reduced", "", ["" if row.reduced is None else f"{row.reduced:.4g}" for row in rows], True)]
    yield [_column("bins", "", ["" if row.bins is None else str(row.bins) for row in rows], True)]
    yield [_column("counts", "", ["" if row.counts is None else str(row.counts) for row in rows], True)]
    for name in names:
        column = number_column(rows, name)
        columns = [_column(name, column.heading, _cells(column), True)]
        if comparison.asked:
            columns.append(_column("Δ", "", difference_cells(rows, others, column), True))
        yield columns


def _less(row: Row, other: Row | None) -> str:
    if other is None or row.stat_value is None or other.stat_value is None or row.statistic != other.statistic:
        return ""
    return f"{row.stat_value - other.stat_value:+.2f}"


def _cells(column: NumberColumn) -> list[str]:
    cells = []
    for number, state in zip(column.numbers, column.states, strict=True):
        text = "" if number is None else _plain(number, True)
        cells.append(f"{text} {'fixed' if state == 'frozen' else state}" if state in {"frozen", "linked"} else text)
    return cells


def _plain(number: Rounded, errors: bool) -> str:
    text = number.value
    if errors and number.minus and number.minus == number.plus:
        text += f" ± {number.plus}"
    elif errors and (number.minus or number.plus):
        text += f" -{number.minus or '?'} +{number.plus or '?'}"
    if number.exponent:
        text = f"({text}) × {power_text(number.exponent)}"
    return text


def _column(name: str, unit: str, cells: list[str], is_number: bool) -> _Column:
    """Align cells at their decimal points, and fold the heading where it is wider than they are."""
    if is_number:
        heads = [len(found[0]) if (found := _NUMBER.match(cell)) else 0 for cell in cells]
        most = max(heads, default=0)
        cells = [" " * (most - head) + cell if cell else "" for head, cell in zip(heads, cells, strict=True)]
    body = max(map(len, cells), default=0)
    longest = max(map(len, name.split()), default=0)
    fold = max(body, longest, 9)
    names = textwrap.wrap(name, fold, break_long_words=False, break_on_hyphens=False)
    units = textwrap.wrap(unit, fold, break_long_words=False, break_on_hyphens=False)
    return _Column(names, units, cells, is_number)


def _blocks(first: list[_Column], rest: list[list[_Column]], width: int) -> Iterator[list[_Column]]:
    """Share the columns out over blocks that fit the width; each begins with those that name the row."""
    own = sum(column.width + _GAP for column in first)
    block, used = [*first], own
    for columns in rest:
        more = sum(column.width + _GAP for column in columns)
        if used + more - _GAP > width and len(block) > len(first):
            yield block
            block, used = [*first], own
        block += columns
        used += more
    yield block


def _lines(block: Sequence[_Column], rows: Sequence[Row], paint: Callable[[str, str], str]) -> Iterator[str]:
    gap = " " * _GAP
    widths = [column.width for column in block]

    def line(cells: Sequence[str | None]) -> str:
        padded = [f"{cell or '':<{width}}" for cell, width in zip(cells, widths, strict=True)]
        return gap.join(padded).rstrip()

    for head in zip_longest(*(column.name for column in block)):
        yield line(head)
    for head in zip_longest(*(column.unit for column in block)):
        yield paint(line(head), "dim")
    yield paint(gap.join("─" * width for width in widths), "dim")
    for number, row in enumerate(rows):
        text = line([column.cells[number] for column in block])
        yield text if row.result == "good" else paint(text, "red")


def _ending(comparison: Comparison, width: int, paint: Callable[[str, str], str]) -> Iterator[str]:
    """Say what differs, which fits stand alone, which swept values changed nothing."""
    changes = changes_of(comparison)
    if comparison.reference:
        title = f"What differs from {comparison.reference}, where it begins"
        yield paint(title, "bold") if changes else f"No step differs from {comparison.reference}: all keys are equal"
    for change in changes:
        for old, news in change.moves:
            shown = [*news[:_MANY], f"… {news[-1]} ({len(news)} values)"] if len(news) > _MANY + 1 else news
            fits = "" if change.task == "fit" else f" (fit {', '.join(change.fits)})"
            text = f"{change.where}: {change.what} {old} -> {', '.join(shown)}{fits}"
            yield _wrapped(text, width, "  ", "      ")
    for fit, label in comparison.alone:
        yield f"Only {label} has the fit {fit}; it is not compared"
    for run in comparison.runs:
        for axis in run.axes:
            if axis not in comparison.axes:
                yield f"No fit shown depends on {axis}, which {run.label} sweeps"
