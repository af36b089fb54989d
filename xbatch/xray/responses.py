"""Sums, products and rebinning of responses.

A redistribution matrix is a sparse matrix with a row for each energy bin and a column for each channel. The rules are
those of the FTOOLS (addarf, addrmf, marfrmf, rbnrmf; HEASoft), without their lower thresholds: nothing is dropped.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags

__all__ = [
    "bin_starts",
    "combine_responses",
    "exposure_weights",
    "multiply",
    "rebin_bounds",
    "rebin_channels",
    "rebin_energies",
    "sum_areas",
    "sum_matrices",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def exposure_weights(exposures: Sequence[float]) -> Floats:
    """Give each exposure's share of all, which is its weight in the response of summed spectra.

    Raises
    ------
    ValueError
        There is no exposure, or one is not above 0.
    """
    times = np.asarray(exposures, dtype=np.float64)
    if times.size == 0 or not np.all(times > 0) or not np.all(np.isfinite(times)):
        raise ValueError(f"exposures must be above 0 s, not {list(exposures)}")
    return np.asarray(times / times.sum())


def sum_areas(areas: Sequence[Floats], weights: Sequence[float] | Floats) -> Floats:
    """Give the weighted sum of effective areas; weights are taken as they are (addarf).

    Parameters
    ----------
    areas : sequence of ndarrays, shape (m,)
        cm2, on one energy grid.
    weights : sequence of float

    Returns
    -------
    ndarray, shape (m,)

    Raises
    ------
    ValueError
        The areas have several lengths, or there are not as many weights.
    """
    _check_same([area.shape for area in areas], len(weights), "effective areas")
    return np.asarray(np.asarray(weights, dtype=np.float64) @ np.stack([np.asarray(a, np.float64) for a in areas]))


def sum_matrices(matrices: Sequence[csr_matrix], weights: Sequence[float] | Floats) -> csr_matrix:
    """Give the weighted sum of redistribution matrices; weights are taken as they are (addrmf).

    Parameters
    ----------
    matrices : sequence of csr_matrix, shape (m, c)
        On one energy grid and for the same channels.
    weights : sequence of float

    Returns
    -------
    csr_matrix, shape (m, c)

    Raises
    ------
    ValueError
        The matrices have several shapes, or there are not as many weights.
    """
    _check_same([matrix.shape for matrix in matrices], len(weights), "matrices")
    total = csr_matrix(matrices[0].shape, dtype=np.float64)
    for matrix, weight in zip(matrices, weights, strict=True):
        total = total + float(weight) * matrix.astype(np.float64)
    return total


def multiply(matrix: csr_matrix, area: Floats) -> csr_matrix:
    """Give the product of a redistribution matrix, shape (m, c), and an effective area, shape (m,), cm2 (marfrmf).

    Raises
    ------
    ValueError
        The area has another number of energies.
    """
    if area.shape != matrix.shape[:1]:
        raise ValueError(f"an effective area at {area.size} energies does not go with a matrix of {matrix.shape[0]}")
    return csr_matrix(diags(np.asarray(area, np.float64)) @ matrix.astype(np.float64))


def combine_responses(
    matrices: Sequence[csr_matrix], areas: Sequence[Floats], exposures: Sequence[float]
) -> tuple[csr_matrix, Floats]:
    """Give the response of the sum of spectra.

    A source that shines steadily gives, in all exposures t together, ``sum(t x matrix x area)`` counts. The areas are
    averaged by exposure; the matrices by exposure and area, so that the product of the two results is exactly that.
    Where no instrument has any area, the matrices are averaged by exposure alone.

    Parameters
    ----------
    matrices : sequence of csr_matrix, shape (m, c)
    areas : sequence of ndarrays, shape (m,)
        cm2.
    exposures : sequence of float
        s.

    Returns
    -------
    matrix : csr_matrix, shape (m, c)
    area : ndarray, shape (m,)

    Raises
    ------
    ValueError
        Shapes differ, or an exposure is not above 0.
    """
    weights = exposure_weights(exposures)
    area = sum_areas(areas, weights)
    _check_same([matrix.shape for matrix in matrices], len(weights), "matrices")
    total = csr_matrix(matrices[0].shape, dtype=np.float64)
    for matrix, part, weight in zip(matrices, areas, weights, strict=True):
        share = np.full(area.shape, weight)
        np.divide(weight * part, area, out=share, where=area > 0)
        total = total + multiply(matrix, share)
    return total, area


def bin_starts(size: int, factor: int) -> Integers:
    """Give where bins of `factor` members begin among `size`; the last one may have fewer.

    Raises
    ------
    ValueError
        `factor` is below 1.
    """
    if factor < 1:
        raise ValueError(f"a bin has at least one member, not {factor}")
    return np.arange(0, size, factor, dtype=np.int64)


def rebin_channels(matrix: csr_matrix, starts: Integers) -> csr_matrix:
    """Add the channels of each bin (rbnrmf).

    Parameters
    ----------
    matrix : csr_matrix, shape (m, c)
    starts : ndarray, shape (b,)
        The position of the first channel of each bin, ascending from 0; each bin ends where the next begins.

    Returns
    -------
    csr_matrix, shape (m, b)

    Raises
    ------
    ValueError
        `starts` is no division of the channels.
    """
    return csr_matrix(matrix.astype(np.float64) @ _members(starts, matrix.shape[1]).T)


def rebin_energies(matrix: csr_matrix, starts: Integers) -> csr_matrix:
    """Average the rows of each bin of energies, each row alike (rbnrmf).

    Parameters
    ----------
    matrix : csr_matrix, shape (m, c)
    starts : ndarray, shape (b,)
        As for `rebin_channels`, of energies.

    Returns
    -------
    csr_matrix, shape (b, c)

    Raises
    ------
    ValueError
        `starts` is no division of the energies.
    """
    members = _members(starts, matrix.shape[0])
    size = np.diff(starts, append=matrix.shape[0])
    return csr_matrix(diags(1 / size) @ members @ matrix.astype(np.float64))


def rebin_bounds(low: Floats, high: Floats, starts: Integers) -> tuple[Floats, Floats]:
    """Give the lowest and the highest energy of each bin of channels or energies.

    Parameters
    ----------
    low, high : ndarray, shape (n,)
        keV; they may descend.
    starts : ndarray, shape (b,)

    Returns
    -------
    tuple of two ndarrays, shape (b,)

    Raises
    ------
    ValueError
        `starts` is no division of them.
    """
    _check_starts(starts, low.size)
    return np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)


def _members(starts: Integers, size: int) -> csr_matrix:
    """Give the matrix, shape (b, size), that adds the members of each bin."""
    _check_starts(starts, size)
    return csr_matrix((np.ones(size), np.arange(size), np.append(starts, size)), shape=(starts.size, size))


def _check_starts(starts: Integers, size: int) -> None:
    if starts.size == 0 or starts[0] != 0 or starts[-1] >= size or np.any(np.diff(starts) <= 0):
        raise ValueError(f"bins must begin at 0, ascend and stay below {size}")


def _check_same(shapes: Sequence[tuple[int, ...]], weights: int, what: str) -> None:
    if not shapes or len(set(shapes)) > 1:
        raise ValueError(f"{what} to be added must be there and have one shape, not {sorted(set(shapes))}")
    if weights != len(shapes):
        raise ValueError(f"{len(shapes)} {what} need as many weights, not {weights}")
