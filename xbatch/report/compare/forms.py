"""A comparison as CSV, ECSV and JSON: one row for each fit of each member, every digit kept."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from xbatch.base.files import pretty_json
from xbatch.report.compare.data import Comparison, Difference, Number, Row, shown_names
from xbatch.report.compare.words import difference_of, difference_text, number_of, value_text

__all__ = ["as_csv", "as_ecsv", "as_json", "as_tables"]

_UNITS = {
    "1e22 cm-2": "1e22 / cm2",
    "keV": "keV",
    "photons/cm2/s": "ph / (cm2 s)",
    "photons/keV/cm2/s at 1 keV": "ph / (keV cm2 s)",
    "erg/cm2/s": "erg / (cm2 s)",
    "erg/s": "erg / s",
}
"""Units that astropy reads, for those which readers of ECSV are to have; others stand in the description."""


@dataclass(frozen=True)
class _Column:
    """A column: its name, ECSV's type, unit and description, and its value in a row."""

    name: str
    datatype: str
    value: Callable[[Row], Any]
    unit: str = ""
    description: str = ""


def as_csv(comparison: Comparison) -> str:
    """Write a comparison as CSV, without comments: what is not there is an empty cell."""
    return _lines(_columns(comparison), comparison.rows)


def as_ecsv(comparison: Comparison) -> str:
    """Write a comparison as ECSV 1.0, with types, units and descriptions of its columns."""
    return as_tables(comparison)[1]


def as_tables(comparison: Comparison) -> tuple[str, str]:
    """Write a comparison as CSV and as ECSV, which is the same below a header."""
    columns = _columns(comparison)
    header = ["%ECSV 1.0", "---", "delimiter: ','", "datatype:"]
    for column in columns:
        entry = {"name": column.name, "datatype": column.datatype}
        entry |= {"unit": column.unit} if column.unit else {}
        entry |= {"description": column.description} if column.description else {}
        header.append("- " + json.dumps(entry, ensure_ascii=False))
    meta = {"runs": [run.folder for run in comparison.runs], "against": comparison.reference}
    header += ["meta:", *(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in meta.items())]
    header.append("schema: astropy-2.0")
    body = _lines(columns, comparison.rows)
    return body, "".join(f"# {line}\n" for line in header) + body


def as_json(comparison: Comparison) -> str:
    """Write a comparison as JSON, with each difference as data."""

    def row(one: Row) -> dict[str, Any]:
        return {
            "run": comparison.runs[one.run].label,
            "members": list(one.members),
            "values": dict(one.values),
            "fit": one.fit,
            "group": one.group,
            "step": one.step,
            "result": one.result,
            "message": one.message,
            "statistic": one.statistic or None,
            "stat_value": one.stat_value,
            "dof": one.dof,
            "reduced": one.reduced,
            "bins": one.bins,
            "counts": one.counts,
            "parameters": {name: _number(number) for name, number in _asked(comparison, one.parameters)},
            "fluxes": {name: _number(number) for name, number in _asked(comparison, one.fluxes)},
            "notes": list(one.notes),
            "reference": one.reference,
            "differs": [_difference(difference) for difference in one.differs],
            "through": list(one.through),
        }

    runs = [
        {"label": r.label, "folder": r.folder, "outcome": r.outcome, "axes": list(r.axes), "members": list(r.members)}
        for r in comparison.runs
    ]
    alone = [{"fit": fit, "run": label} for fit, label in comparison.alone]
    found = {"compare": 1, "runs": runs, "axes": list(comparison.axes), "against": comparison.reference}
    return pretty_json({**found, "only_in": alone, "rows": [row(one) for one in comparison.rows]})


def _asked(comparison: Comparison, numbers: Any) -> list[tuple[str, Number]]:
    return [item for item in numbers.items() if not comparison.parameters or item[0] in comparison.parameters]


def _number(number: Number) -> dict[str, Any]:
    return {
        "value": number.value if math.isfinite(number.value) else None,
        "minus": number.minus,
        "plus": number.plus,
        "unit": number.unit,
        "state": number.state or None,
        "confidence": number.confidence if number.has_error else None,
        "method": number.method if number.has_error else None,
        "note": number.note,
    }


def _difference(difference: Difference) -> dict[str, Any]:
    reason = difference.reason.as_dict()
    return {"task": difference.task, "subject": difference.subject, **reason, "files": list(difference.files)}


def _columns(comparison: Comparison) -> list[_Column]:
    """Give the columns: which fit, its statistic, parameters and fluxes with errors, what differs, what to know."""
    runs, rows = comparison.runs, comparison.rows
    columns = [
        _Column("run", "string", lambda row: runs[row.run].label),
        _Column("member", "string", lambda row: ", ".join(row.members), description="members that share the fit"),
        *(_axis(axis, rows) for axis in comparison.axes),
        _Column("fit", "string", lambda row: row.fit, description="name of the fit in the spec"),
        _Column("group", "string", lambda row: row.group, description="which group of a group_by it is"),
        _Column(
            "result", "string", lambda row: row.result, description="good, poor, not converged, or why there is none"
        ),
        _Column("statistic", "string", lambda row: row.statistic),
        _Column("stat_value", "float64", lambda row: row.stat_value, description="statistic at the best fit"),
        _Column("dof", "int64", lambda row: row.dof, description="degrees of freedom"),
        _Column("reduced", "float64", lambda row: row.reduced, description="statistic by degrees of freedom"),
        _Column("bins", "int64", lambda row: row.bins, description="groups of channels fitted"),
        _Column("counts", "int64", lambda row: row.counts, description="counts in them"),
    ]
    names = dict.fromkeys(
        name
        for found in comparison.fits().values()
        for one in [shown_names(found, comparison.parameters)]
        for name in (*one[0], *one[1])
    )
    if not comparison.parameters:
        names = dict.fromkeys(name for row in rows for name in (*row.parameters, *row.fluxes))
    for name in names:
        columns += _number_columns(comparison, name)
    columns.append(_Column("differs", "string", _differs, description="from the row that it is compared with"))
    columns.append(_Column("note", "string", lambda row: "; ".join(part for part in (row.message, *row.notes) if part)))
    return columns


def _axis(axis: str, rows: Sequence[Row]) -> _Column:
    kinds = {type(row.values[axis]) for row in rows if axis in row.values}
    datatype = "int64" if kinds == {int} else "float64" if kinds <= {int, float} else "string"

    def value(row: Row) -> Any:
        if axis not in row.values:
            return None
        return value_text(row.values[axis]) if datatype == "string" else row.values[axis]

    return _Column(axis, datatype, value, description="swept value; empty where the fit does not depend on it")


def _number_columns(comparison: Comparison, name: str) -> list[_Column]:
    there = [number for row in comparison.rows if (number := number_of(row, name)) is not None]
    units = list(dict.fromkeys(number.unit for number in there))
    unit = _UNITS.get(units[0], "") if len(units) == 1 else ""
    words = "" if unit else ", ".join(one for one in units if one)

    def part(attribute: str) -> Callable[[Row], Any]:
        def value(row: Row) -> Any:
            number = number_of(row, name)
            return None if number is None else getattr(number, attribute)

        return value

    columns = [_Column(name, "float64", part("value"), unit, words)]
    if any(number.has_error for number in there):
        columns.append(_Column(f"{name} minus", "float64", part("minus"), unit, "distance to the lower bound"))
        columns.append(_Column(f"{name} plus", "float64", part("plus"), unit, "distance to the upper bound"))
    if any(number.state not in {"", "free"} for number in there):
        columns.append(_Column(f"{name} state", "string", part("state"), "", "free, frozen or linked"))
    if comparison.asked:

        def less(row: Row) -> float | None:
            return difference_of(row, None if row.reference is None else comparison.rows[row.reference], name)

        columns.append(_Column(f"{name} difference", "float64", less, unit, f"from {comparison.reference}"))
    return columns


def _differs(row: Row) -> str:
    return "; ".join(difference_text(difference) for difference in row.differs)


def _lines(columns: Sequence[_Column], rows: Sequence[Row]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    for row in rows:
        writer.writerow([_cell(column.value(row)) for column in columns])
    return stream.getvalue()


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return repr(value) if isinstance(value, float) else str(value)
