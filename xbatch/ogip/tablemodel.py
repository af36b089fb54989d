"""Table models for XSPEC: OGIP memo 92-009 (Arnaud 1999, version 1.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import FileError
from xbatch.ogip.fitsreader import AGAIN, Hdu, Table, read_fits
from xbatch.xray.components.table_models import TableModel, TableParameter

__all__ = ["read_table_model"]

_WANTED = ("PARAMETERS", "ENERGIES", "SPECTRA")
#: Cards of newer kinds of tables: what they change is not done here.
_UNKNOWN = {"NXFLTEXP": "several spectra for each set of values", "ESCALE": "a scale of its energies"}
# PARAMVAL and VALUE are two columns of 32-bit numbers, often written by different routines.
_SAME = 1e-5


def read_table_model(path: Path) -> TableModel:
    """Read a table model.

    Parameters
    ----------
    path : Path
        The file, which may be gzipped.

    Returns
    -------
    TableModel
        Limits of the parameters are BOTTOM and TOP, or the ends of what is tabulated where these are nearer. Of a
        negative DELTA a parameter is frozen. Of its name only letters, digits and _ are kept.

    Raises
    ------
    FileError
        The file cannot be read, or is no table model, or one of a kind that is not known.
    """
    found, hdus = read_fits(path, lambda hdu: hdu.name in _WANTED)
    name = str(found)
    primary = hdus[0]
    tables = {hdu.name: hdu for hdu in hdus if isinstance(hdu, Table)}
    missing = [one for one in _WANTED if one not in tables]
    if missing:
        raise FileError(name, f"is no table model: it has no extension {missing[0]}", "Name a table model of XSPEC")
    for card, what in _UNKNOWN.items():
        value = primary.header.get(card)
        if value is True or (isinstance(value, int) and value > 1):
            raise FileError(name, f"is a table model with {what} ({card}), which is not supported", "Use another table")
    parameters = _parameters(tables["PARAMETERS"])
    edges = _edges(tables["ENERGIES"])
    spectra, added = _spectra(tables["SPECTRA"], parameters, edges.size - 1)
    return TableModel(
        _flag(primary, "ADDMODEL", name),
        _flag(primary, "REDSHIFT", name),
        edges,
        parameters,
        spectra,
        added,
        _limit(primary, "LOELIMIT"),
        _limit(primary, "HIELIMIT"),
    )


def _flag(primary: Hdu, card: str, path: str) -> bool:
    value = primary.header.get(card)
    if not isinstance(value, bool):
        raise FileError(path, f"does not say {card} = T or F in its primary header", AGAIN)
    return value


def _limit(primary: Hdu, card: str) -> float:
    value = primary.header.get(card)
    return float(value) if isinstance(value, int | float) else 0.0


def _parameters(table: Table) -> tuple[TableParameter, ...]:
    names = table.texts("NAME")
    value, delta, bottom, top = (table.floats(name) for name in ("INITIAL", "DELTA", "BOTTOM", "TOP"))
    methods, counts = table.integers("METHOD"), table.integers("NUMBVALS")
    interpolated = table.header.get("NINTPARM")
    if not isinstance(interpolated, int) or not 0 < interpolated <= table.rows:
        raise FileError(table.path, f"has NINTPARM = {interpolated} for {table.rows} parameters", AGAIN)
    result = []
    for row, name in enumerate(names):
        values = _values(table, row, int(counts[row])) if row < interpolated else None
        low, high = float(bottom[row]), float(top[row])
        if values is not None:
            low, high = max(low, float(values[0])), min(high, float(values[-1]))
            if methods[row] == 1 and values[0] <= 0:
                raise FileError(table.path, f"interpolates {name} in its logarithm, but tabulates {values[0]:g}", AGAIN)
        start = float(np.clip(value[row], low, high))
        result.append(
            TableParameter(
                re.sub(r"\W+", "_", name, flags=re.ASCII),
                start,
                low,
                high,
                bool(delta[row] < 0),
                values,
                bool(methods[row] == 1),
            )
        )
    if not all(names) or len({one.name for one in result}) < len(names):
        raise FileError(table.path, f"has parameters without names of their own: {', '.join(names)}", AGAIN)
    return tuple(result)


def _values(table: Table, row: int, count: int) -> NDArray[np.float64]:
    if table.shape("VALUE") < 0:
        ragged = table.ragged("VALUE")
        cell = ragged.values[ragged.start[row] : ragged.start[row + 1]]
    else:
        cell = np.atleast_1d(table.column("VALUE")[row])
    values = cell[:count].astype(np.float64)
    if count < 1 or values.size < count or not np.all(np.diff(values) > 0):
        raise FileError(table.path, f"has values of parameter {row + 1} that do not ascend or are too few", AGAIN)
    return values


def _edges(table: Table) -> NDArray[np.float64]:
    low, high = table.floats("ENERG_LO"), table.floats("ENERG_HI")
    if not low.size or not np.all(high > low) or not np.allclose(low[1:], high[:-1], rtol=1e-5, atol=0):
        raise FileError(table.path, "has energies that do not ascend without gaps", AGAIN)
    return np.append(low, high[-1])


def _spectra(
    table: Table, parameters: Sequence[TableParameter], bins: int
) -> tuple[NDArray[np.floating], tuple[NDArray[np.floating], ...]]:
    axes = [one.values for one in parameters if one.values is not None]
    at = table.column("PARAMVAL").reshape(table.rows, -1)
    if at.shape[1] != len(axes):
        raise FileError(table.path, f"has {at.shape[1]} values in PARAMVAL for {len(axes)} parameters", AGAIN)
    places = [np.abs(axis[:, None] - at[None, :, n]).argmin(axis=0) for n, axis in enumerate(axes)]
    shape = tuple(axis.size for axis in axes)
    near = all(
        np.allclose(axis[place], at[:, n], rtol=_SAME, atol=0)
        for n, (axis, place) in enumerate(zip(axes, places, strict=True))
    )
    flat = np.ravel_multi_index(tuple(places), shape)
    if not near or flat.size != np.prod(shape) or np.unique(flat).size != flat.size:
        raise FileError(table.path, "has spectra that are not one for each combination of values", AGAIN)
    order = np.argsort(flat)
    sorted_already = bool(np.all(np.diff(flat) > 0))

    def column(name: str) -> NDArray[Any]:
        values = table.column(name).reshape(table.rows, -1)
        if values.shape[1] != bins:
            raise FileError(table.path, f"has {values.shape[1]} values in {name} for {bins} energies", AGAIN)
        if not np.all(np.isfinite(values)):
            raise FileError(table.path, f"has values in {name} that are not finite", AGAIN)
        # A table may have hundreds of megabytes: it is not copied without need.
        return (values if sorted_already else values[order]).reshape(*shape, bins)

    extra = len(parameters) - len(axes)
    return column("INTPSPEC"), tuple(column(f"ADDSP{number:03d}") for number in range(1, extra + 1))
