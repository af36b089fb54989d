"""XSPEC's table models: spectra tabulated for values of their parameters, interpolated between (OGIP memo 92-009)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from xbatch.xray.components.component import Component, Evaluator, check_edges

__all__ = ["TABLE_KINDS", "TableModel", "TableParameter", "table_component"]

Floats = NDArray[np.float64]

#: Added, multiplied, and multiplied as the exponential of minus the table.
TABLE_KINDS = ("atable", "mtable", "etable")

# A value this near to one of the table's, relative, is taken to be that: tables are 32-bit numbers.
_SAME = 1e-6
# Redshifts for which the table's bins are laid on the grid once: that in force, and those that a derivative tries.
_KEPT = 3


@dataclass(frozen=True)
class TableParameter:
    """A parameter of a table model.

    Attributes
    ----------
    name : str
    value, min, max : float
        Where a fit starts, and the hard limits.
    frozen : bool
    values : ndarray, shape (n,), or None
        Those that are tabulated, ascending; None for an additional parameter, by which a spectrum of its own is
        multiplied and added.
    logarithmic : bool
        Interpolated in the logarithm of the parameter.
    """

    name: str
    value: float
    min: float
    max: float
    frozen: bool = False
    values: Floats | None = None
    logarithmic: bool = False


@dataclass(frozen=True)
class TableModel:
    """A table model.

    Attributes
    ----------
    additive : bool
        The table holds photons / cm2 / s in each bin, else factors (or what is to be one).
    redshift : bool
        It has a redshift as its last parameter.
    edges : ndarray, shape (k + 1,)
        keV.
    parameters : tuple of TableParameter
        Interpolated ones first, then additional ones.
    spectra : ndarray, shape (n1, n2, ..., k)
        For each combination of the tabulated values.
    added : tuple of ndarray
        Of the same shape, one for each additional parameter.
    below, above : float
        The factor at energies that are not tabulated; an additive table is 0 there.
    """

    additive: bool
    redshift: bool
    edges: Floats
    parameters: tuple[TableParameter, ...]
    spectra: NDArray[np.floating]
    added: tuple[NDArray[np.floating], ...] = ()
    below: float = 0.0
    above: float = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters' names; the norm is not among them."""
        return (*(one.name for one in self.parameters), *(("z",) if self.redshift else ()))


def table_component(name: str, kind: str, table: TableModel) -> Component:
    """Make a component of a table.

    Parameters are interpolated linearly, or linearly in their logarithm, one after the other. The bins of an additive
    table are shared out over the grid by their overlap. A factor is the mean of those of the table's bins, each
    weighted by the part of it that overlaps, as in XSPEC. A redshift divides the energies of a table, and the photons
    of an additive one.

    Parameters
    ----------
    name : str
    kind : str
        One of `TABLE_KINDS`.
    table : TableModel

    Raises
    ------
    ValueError
        An unknown kind, or one that the table is not made for.
    """
    if kind not in TABLE_KINDS:
        raise ValueError(f"there is no kind of table {kind!r}; there are {', '.join(TABLE_KINDS)}")
    if table.additive != (kind == "atable"):
        made = "atable" if table.additive else "mtable or etable"
        raise ValueError(f"the table is made to be {made}, not {kind}")
    prepare = _additive(table) if table.additive else _multiplicative(table, kind == "etable")
    names = (*table.names, "norm") if table.additive else table.names
    return Component(name, "add" if table.additive else "mul", names, prepare)


def _additive(table: TableModel) -> Callable[[Floats, str, str], Evaluator]:
    def prepare(edges: Floats, _abund: str, _xsect: str) -> Evaluator:
        check_edges(edges)
        shares = lru_cache(maxsize=_KEPT)(lambda stretch: _shares(table.edges / stretch, edges))

        def evaluate(params: Sequence[float]) -> Floats:
            *own, norm = params
            stretch = _stretch(table, own)
            return np.asarray(norm / stretch * (shares(stretch) @ _interpolated(table, own)))

        return evaluate

    return prepare


def _multiplicative(table: TableModel, exponential: bool) -> Callable[[Floats, str, str], Evaluator]:
    def prepare(edges: Floats, _abund: str, _xsect: str) -> Evaluator:
        check_edges(edges)

        @lru_cache(maxsize=_KEPT)
        def weights(stretch: float) -> tuple[csr_matrix, NDArray[np.bool_], Floats]:
            shares = _shares(table.edges / stretch, edges)
            total = np.asarray(shares.sum(axis=1)).ravel()
            inside = total > 0
            shares.data /= np.repeat(total, np.diff(shares.indptr))
            return shares, inside, np.where(edges[1:] * stretch <= table.edges[0], table.below, table.above)

        def evaluate(params: Sequence[float]) -> Floats:
            shares, inside, outside = weights(_stretch(table, params))
            mean = shares @ _interpolated(table, params)
            return np.where(inside, np.exp(-mean) if exponential else mean, outside)

        return evaluate

    return prepare


def _stretch(table: TableModel, params: Sequence[float]) -> float:
    return 1 + params[-1] if table.redshift else 1.0


def _shares(source: Floats, target: Floats) -> csr_matrix:
    """Give the part of each source bin that lies in each target bin: shape (targets, sources)."""
    fine = np.union1d(source, target)
    middle = (fine[1:] + fine[:-1]) / 2
    column = np.searchsorted(source, middle, side="right") - 1
    row = np.searchsorted(target, middle, side="right") - 1
    both = (column >= 0) & (column < source.size - 1) & (row >= 0) & (row < target.size - 1)
    row, column = row[both], column[both]
    part = np.diff(fine)[both] / np.diff(source)[column]
    return csr_matrix((part, (row, column)), shape=(target.size - 1, source.size - 1))


def _interpolated(table: TableModel, params: Sequence[float]) -> Floats:
    """Interpolate the table's spectra; NaN for values that are not tabulated, from which a fit can turn back."""
    cell: list[slice] = []
    fractions: list[float] = []
    for one, value in zip(table.parameters, params, strict=False):
        if one.values is None:
            break
        first, fraction = _bracket(one, value)
        cell.append(slice(first, first + 2 if fraction else first + 1))
        fractions.append(fraction)
    place = tuple(cell)
    spectra = table.spectra[place].astype(np.float64)
    for factor, more in zip(params[len(cell) :], table.added, strict=False):
        spectra += factor * more[place]
    for fraction in fractions:
        spectra = spectra[0] + fraction * (spectra[1] - spectra[0]) if fraction else spectra[0]
    return np.asarray(spectra if np.all(np.isfinite(fractions)) else np.full(spectra.shape, np.nan))


def _bracket(one: TableParameter, value: float) -> tuple[int, float]:
    """Find the tabulated value below, and how far to the next one; 0 where it is one of them, NaN for one outside."""
    values = one.values
    assert values is not None
    near = int(np.argmin(np.abs(values - value)))
    if values.size == 1 or abs(values[near] - value) <= _SAME * abs(value):
        return near, 0.0
    first = int(np.searchsorted(values, value)) - 1
    if not 0 <= first < values.size - 1:
        return 0, np.nan
    low, high = float(values[first]), float(values[first + 1])
    if one.logarithmic:
        return first, float(np.log(value / low) / np.log(high / low))
    return first, (value - low) / (high - low)
