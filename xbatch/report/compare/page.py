"""A comparison as a page: one HTML file with its plots and tables inside, no script, nothing from the network."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from xbatch import __version__
from xbatch.report.compare.data import Comparison, Row, shown_names
from xbatch.report.compare.forms import as_tables
from xbatch.report.compare.plots import figures
from xbatch.report.compare.words import (
    axis_words,
    changes_of,
    difference_cells,
    intro,
    notes_of,
    number_column,
    value_text,
)
from xbatch.report.fits import statistic_name

__all__ = ["comparison_page"]

_MOST = 6
_MANY = 12


def comparison_page(comparison: Comparison) -> str:
    """Write the page of a comparison."""
    from xbatch.report.page import templates

    text: str = (
        templates()
        .get_template("compare.html.j2")
        .render(
            title=" and ".join(run.label for run in comparison.runs) + ": comparison",
            intro=intro(comparison),
            comparison=comparison,
            fits=[_fit(comparison, fit, rows) for fit, rows in comparison.fits().items()],
            changes=[
                {"change": change, "old": old, "new": _shortened(new)}
                for change in changes_of(comparison)
                for old, new in change.moves
            ],
            idle=[(axis, run.label) for run in comparison.runs for axis in run.axes if axis not in comparison.axes],
            downloads=[
                {"name": f"compare.{kind}", "uri": _uri(text)}
                for kind, text in zip(("csv", "ecsv"), as_tables(comparison), strict=True)
            ],
            version=__version__,
        )
    )
    return text


def _uri(text: str) -> str:
    return f"data:text/plain;base64,{base64.b64encode(text.encode()).decode('ascii')}"


def _shortened(values: Sequence[str]) -> str:
    if len(values) <= _MANY + 1:
        return ", ".join(values)
    return f"{', '.join(values[:_MANY])}, … {values[-1]} ({len(values)} values)"


def _fit(comparison: Comparison, fit: str, rows: list[Row]) -> dict[str, Any]:
    """Shape one fit: plots, the table by columns, what must be known."""
    parameters, fluxes = shown_names(rows, comparison.parameters)
    words = axis_words(comparison.axes)
    axes = [axis for axis in comparison.axes if any(axis in row.values for row in rows)]
    others = [None if row.reference is None else comparison.rows[row.reference] for row in rows]
    columns = [number_column(rows, name) for name in (*parameters, *fluxes)]
    notes = [
        {
            "text": text,
            "who": "" if len(rows) == 1 else "all" if len(labels) == len(rows) else "; ".join(labels[:_MOST]),
            "more": max(len(labels) - _MOST, 0) if len(labels) < len(rows) else 0,
            "severe": severe,
        }
        for text, labels, severe in notes_of(comparison, rows, [*parameters, *fluxes])
    ]
    return {
        "name": fit,
        "rows": rows,
        "several_runs": len(comparison.runs) > 1,
        "axes": [(axis, words[axis]) for axis in axes],
        "places": [[value_text(row.values[axis]) if axis in row.values else "any" for axis in axes] for row in rows],
        "grouped": any(row.group for row in rows),
        "statistics": [statistic_name(row.statistic) for row in rows],
        "columns": columns,
        "differences": [difference_cells(rows, others, column) for column in columns] if comparison.asked else [],
        "figures": figures(comparison, rows),
        "notes": notes,
    }
