"""One table, three forms: ECSV with every digit, CSV and LaTeX rounded for reading. The bytes never vary."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xbatch.base.files import write_atomically

__all__ = ["Column", "Figure", "Value", "latex_escape", "significant", "write_tables"]


@dataclass(frozen=True)
class Figure:
    """A number with its own count of significant digits, where a row differs from its column."""

    value: float
    digits: int


Value = str | int | float | bool | Figure | None


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    name : str
        Its heading, and the key of its values in the rows.
    datatype : str
        An ECSV type: ``string``, ``int64``, ``float64`` or ``bool``.
    unit : str
        As astropy spells it (``ct / s``), or empty.
    description : str
        What stands in it, for the header of the ECSV file.
    digits : int or None
        Significant digits of a float in CSV and LaTeX; None for all there are.
    latex : str
        The heading in LaTeX if it is not the escaped name (``$N_\\mathrm{H}$``).
    """

    name: str
    datatype: str = "string"
    unit: str = ""
    description: str = ""
    digits: int | None = None
    latex: str = ""


def significant(value: float, digits: int) -> str:
    """Write a number with so many significant digits, zeros at the end kept, without exponent where that is short.

    >>> significant(51943.0342, 8), significant(14.0, 3), significant(1234.5, 3), significant(1.5e-9, 2)
    ('51943.034', '14.0', '1234', '1.5e-09')
    """
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return f"{0:.{digits - 1}f}"
    rounded = f"{value:.{digits - 1}e}"
    exponent = int(rounded.partition("e")[2])
    if -5 < exponent < max(6, digits + 1):
        return f"{value:.{max(digits - 1 - exponent, 0)}f}"
    return rounded


def latex_escape(text: str) -> str:
    """Make text safe in LaTeX's text mode."""
    special = {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': r"\textquotedbl{}",
        **{mark: "\\" + mark for mark in "&%$#_{}"},
    }
    return "".join(special.get(mark, mark) for mark in " ".join(text.split()))


def write_tables(
    folder: Path,
    stem: str,
    columns: Sequence[Column],
    rows: Sequence[Mapping[str, Value]],
    meta: Mapping[str, Any],
    forms: Sequence[str] = ("ecsv", "csv", "tex"),
) -> list[Path]:
    """Write ``stem.ecsv``, ``stem.csv`` and ``stem.tex``.

    Parameters
    ----------
    folder : Path
        Where they go.
    stem : str
        Their name without suffix.
    columns : sequence of Column
        In the order of the table.
    rows : sequence of mappings
        Column name to value. None, NaN and a missing key are an empty cell: masked in ECSV, empty in CSV, a dash in
        LaTeX.
    meta : Mapping
        JSON-able; it stands in the header of the ECSV file and as comments in the LaTeX file. Put no dates in it.
    forms : sequence of str
        The suffixes wanted, where not all three are.

    Returns
    -------
    list of Path
        The files, in the order of `forms`.
    """
    written = []
    writers = {"ecsv": _ecsv, "csv": _csv, "tex": _latex}
    for suffix in forms:
        path = folder / f"{stem}.{suffix}"
        write_atomically(path, writers[suffix](columns, rows, meta))
        written.append(path)
    return written


def _is_empty(value: Value) -> bool:
    number = value.value if isinstance(value, Figure) else value
    return number is None or (isinstance(number, float) and math.isnan(number))


def _exact(value: Value, column: Column) -> str:
    number = value.value if isinstance(value, Figure) else value
    if isinstance(number, bool):
        return str(number)
    if column.datatype == "float64" and isinstance(number, (int, float)):
        return repr(float(number))
    return str(number)


def _rounded(value: Value, column: Column) -> str:
    if isinstance(value, Figure):
        return significant(value.value, value.digits)
    if isinstance(value, float):
        return repr(value) if column.digits is None else significant(value, column.digits)
    return str(value)


def _lines(
    columns: Sequence[Column],
    rows: Sequence[Mapping[str, Value]],
    text: Callable[[Value, Column], str],
    delimiter: str,
) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    for row in rows:
        cells = ((row.get(column.name), column) for column in columns)
        writer.writerow(["" if _is_empty(value) else text(value, column) for value, column in cells])
    return stream.getvalue()


def _ecsv(columns: Sequence[Column], rows: Sequence[Mapping[str, Value]], meta: Mapping[str, Any]) -> str:
    """Give ECSV 1.0 (Astropy Proposal for Enhancement 6); JSON stands in the header, as it is YAML too."""
    header = ["%ECSV 1.0", "---", "delimiter: ','", "datatype:"]
    for column in columns:
        entry = {"name": column.name, "datatype": column.datatype}
        if column.unit:
            entry["unit"] = column.unit
        if column.description:
            entry["description"] = column.description
        header.append("- " + json.dumps(entry, ensure_ascii=False))
    if meta:
        header.append("meta:")
        header += [f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in meta.items()]
    header.append("schema: astropy-2.0")
    return "".join(f"# {line}\n" for line in header) + _lines(columns, rows, _exact, ",")


def _csv(columns: Sequence[Column], rows: Sequence[Mapping[str, Value]], meta: Mapping[str, Any]) -> str:
    return _lines(columns, rows, _rounded, ",")


def _latex(columns: Sequence[Column], rows: Sequence[Mapping[str, Value]], meta: Mapping[str, Any]) -> str:
    """Give a plain ``tabular``: it needs no package, and fits an AASTeX, MNRAS or A&A table as it is."""

    def cell(value: Value, column: Column) -> str:
        if _is_empty(value):
            return "--"
        text = _rounded(value, column)
        if isinstance(value, (Figure, int, float)) and not isinstance(value, bool):
            mantissa, _, exponent = text.partition("e")
            if exponent:
                return rf"${mantissa}\times10^{{{int(exponent)}}}$"
            return f"${text}$" if text.startswith("-") else text
        return latex_escape(text)

    def line(cells: Sequence[str]) -> str:
        return " & ".join(cells) + r" \\"

    numbers = ("float64", "int64")
    units = [f"({latex_escape(column.unit)})" if column.unit else "" for column in columns]
    lines = [f"% {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in meta.items()]
    lines.append(r"\begin{tabular}{" + "".join("r" if c.datatype in numbers else "l" for c in columns) + "}")
    lines.append(r"\hline")
    lines.append(line([column.latex or latex_escape(column.name) for column in columns]))
    if any(units):
        lines.append(line(units))
    lines.append(r"\hline")
    lines += [line([cell(row.get(column.name), column) for column in columns]) for row in rows]
    lines += [r"\hline", r"\end{tabular}"]
    return "\n".join(lines) + "\n"
