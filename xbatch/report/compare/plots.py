"""Which plots a comparison has: each parameter and flux of a fit against each swept value, or run by run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xbatch.report.compare.axes import Placed, place
from xbatch.report.compare.data import Comparison, Row, shown_names
from xbatch.report.compare.svg import Plot, Point, Series, svg
from xbatch.report.compare.words import axis_words, by_power, number_of, row_labels, unit_text, value_text
from xbatch.report.terminal import number_text

__all__ = ["Figure", "figures"]

_MOST_SERIES = 7


@dataclass(frozen=True)
class Figure:
    """A drawn plot, and what must be said below it."""

    picture: str
    caption: str


@dataclass(frozen=True)
class _Along:
    """Rows along one axis: its label, where each row stands on it, what each is called, which series it is of."""

    label: str
    placed: Placed
    rows: tuple[Row, ...]
    names: tuple[str, ...]
    series: tuple[str, ...]


def figures(comparison: Comparison, rows: Sequence[Row]) -> list[Figure]:
    """Draw the plots of one fit: none where there is but one row to show.

    Parameters
    ----------
    comparison : Comparison
    rows : sequence of Row
        Those of the fit.
    """
    if len(rows) < 2:
        return []
    parameters, fluxes = shown_names(list(rows), comparison.parameters)
    axes = [axis for axis in comparison.axes if any(axis in row.values for row in rows)]
    drawn: list[Figure | None] = []
    for axis in axes or [""]:
        along = _along(comparison, rows, axis)
        drawn += [_figure(comparison, along, name) for name in (*parameters, *fluxes)]
    return [figure for figure in drawn if figure is not None]


def _along(comparison: Comparison, rows: Sequence[Row], axis: str) -> _Along:
    """Take the rows that have a place along an axis; without one the runs stand side by side, or the groups."""
    shown = [row for row in rows if not axis or axis in row.values]
    if axis:
        label, values = axis, [row.values[axis] for row in shown]
    elif len(comparison.runs) > 1:
        label, values = "run", [comparison.runs[row.run].label for row in shown]
    else:
        label, values = "group", [row.group or row.fit for row in shown]
    names, series = row_labels(comparison, shown), _series_of(comparison, shown, axis)
    return _Along(label, place(values), tuple(shown), tuple(names), tuple(series))


def _series_of(comparison: Comparison, rows: Sequence[Row], axis: str) -> list[str]:
    """Name the series of each row: by all that tells rows of one place apart, as long as that makes few."""
    words = axis_words(comparison.axes)

    def parts(row: Row, with_values: bool, with_group: bool) -> str:
        found = [comparison.runs[row.run].label] if axis and len(comparison.runs) > 1 else []
        by_group = axis or len(comparison.runs) > 1
        found += [row.group] if row.group and by_group and with_group else []
        others = [(other, row.values[other]) for other in comparison.axes if other != axis and other in row.values]
        found += [f"{words[other]} {value_text(value)}" for other, value in others if with_values]
        return ", ".join(found)

    for with_values, with_group in ((True, True), (False, True), (True, False), (False, False)):
        names = [parts(row, with_values, with_group) for row in rows]
        if len(set(names)) <= _MOST_SERIES:
            return names
    return [""] * len(rows)


def _figure(comparison: Comparison, along: _Along, name: str) -> Figure | None:
    series: dict[str, list[Point]] = {group: [] for group in along.series}
    missing: list[tuple[float, str]] = []
    units: dict[str, None] = {}
    poor = 0
    for row, called, x, group in zip(along.rows, along.names, along.placed.positions, along.series, strict=True):
        number = number_of(row, name)
        assert x is not None
        if number is None:
            if row.stat_value is None:
                missing.append((x, f"{called}: {row.result} {row.message}".rstrip()))
            continue
        units[number.unit] = None
        poor += row.result in {"poor", "not converged"}
        tip = f"{called}: {number_text(by_power(number, 0))}"
        tip += f" ({row.result})" if row.result != "good" else f" ({number.note})" if number.note else ""
        series[group].append(Point(x, number.value, number.minus, number.plus, tip))
    if not any(series.values()):
        return None
    plot = Plot(
        along.label,
        along.placed.unit,
        name,
        unit_text(next(iter(units))) if len(units) == 1 else "",
        tuple(Series(group, tuple(points)) for group, points in series.items()),
        tuple(missing),
        along.placed.categories,
        _level(comparison, along.rows, name),
    )
    title = f"{name} of fit {along.rows[0].fit} against {along.label}"
    said = [f"{len(missing)} of {len(along.rows)} fits have no result"] if missing else []
    said += [f"{poor} of {len(along.rows)} are poor or did not converge: no errors"] if poor else []
    said += ["dashed: " + comparison.reference] if plot.level is not None else []
    return Figure(svg(plot, title), "; ".join(said))


def _level(comparison: Comparison, rows: Sequence[Row], name: str) -> float | None:
    """Give the value of the reference, where it was asked for and is one."""
    if not comparison.asked:
        return None
    found = {row.reference for row in rows if row.reference is not None}
    number = number_of(comparison.rows[found.pop()], name) if len(found) == 1 else None
    return None if number is None else number.value
