"""A folding matrix in the form in which it is applied fastest: counts of groups = F @ (photons / cm2 / s)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix, csr_matrix

__all__ = ["Folding", "Operator"]

Floats = NDArray[np.float64]

# Above this fraction of non-zero elements a product with a dense matrix is the faster one.
_DENSE_FROM = 0.3
# A dense matrix is applied in blocks of rows of this size, which stay in a processor's cache while columns pass.
_BLOCK_BYTES = 1_250_000
# So many columns are folded one by one: blocks would not pay for being made.
_FEW_COLUMNS = 2
# The blocks along a diagonal, and how many elements they may hold for each that is not zero.
_DIAGONAL_BLOCKS = 16
_FEW_ZEROS = 4


class Operator(Protocol):
    """A folding matrix, for some range of energy bins."""

    def fold(self, flux: Floats) -> Floats:
        """Fold photons / cm2 / s of each energy bin, shape (k,) or (k, n), to counts, shape (g,) or (g, n)."""
        ...

    def back(self, weights: Floats) -> Floats:
        """Sum the rows with weights, shape (g,), to a value for each energy bin, shape (k,)."""
        ...


#: First row and row after the last, first column and column after the last, elements.
Block = tuple[int, int, int, int, Floats]


class _Sparse:
    """A sparse matrix, with blocks for several columns where these hold few zeros: a narrow response has a diagonal."""

    def __init__(self, matrix: csr_matrix) -> None:
        self._matrix = matrix

    @cached_property
    def _turned(self) -> csc_matrix:
        return self._matrix.T

    @cached_property
    def _blocks(self) -> _Dense | None:
        blocks = _diagonal_blocks(self._matrix)
        return _Dense(self._matrix.shape, blocks) if blocks else None

    def fold(self, flux: Floats) -> Floats:
        if flux.ndim == 1:
            return np.asarray(self._matrix @ flux)
        if flux.shape[1] <= _FEW_COLUMNS:
            counts = np.empty((flux.shape[1], self._matrix.shape[0]))
            for number, column in enumerate(flux.T):
                counts[number] = self._matrix @ column
            return counts.T
        return np.asarray(self._matrix @ flux) if self._blocks is None else self._blocks.fold(flux)

    def back(self, weights: Floats) -> Floats:
        return np.asarray(self._turned @ weights)


def _diagonal_blocks(matrix: csr_matrix) -> list[Block]:
    """Cut a sparse matrix into blocks of rows; none if these were mostly zeros."""
    rows = max(1, -(-matrix.shape[0] // _DIAGONAL_BLOCKS))
    start = np.arange(0, matrix.shape[0], rows)
    stop = np.minimum(start + rows, matrix.shape[0])
    filled = matrix.indptr[stop] > matrix.indptr[start]
    if not filled.any():
        return []
    start, stop = start[filled], stop[filled]
    low = np.minimum.reduceat(matrix.indices, matrix.indptr[start])
    width = np.maximum.reduceat(matrix.indices, matrix.indptr[start]) + 1 - low
    if ((stop - start) * width).sum() > _FEW_ZEROS * matrix.nnz:
        return []
    places = zip(start.tolist(), stop.tolist(), low.tolist(), (low + width).tolist(), strict=True)
    store, blocks = _new_blocks(list(places))
    # Where the row of each element would begin in the store if it had all columns.
    size = stop - start
    row = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    ends = np.cumsum(size * width)
    begin = np.repeat(ends - size * width - low, size) + row * np.repeat(width, size)
    elements = np.diff(matrix.indptr)[np.repeat(start, size) + row]
    store[np.repeat(begin, elements) + matrix.indices] = matrix.data
    return blocks


def _dense_blocks(matrix: Floats) -> list[Block]:
    """Cut a matrix into blocks of rows, each without the energies at either end that it does not see."""
    rows = max(1, _BLOCK_BYTES // max(matrix.shape[1] * matrix.itemsize, 1))
    places = []
    for start in range(0, matrix.shape[0], rows):
        part = matrix[start : start + rows]
        seen = np.flatnonzero(part.any(axis=0))
        if seen.size:
            places.append((start, start + part.shape[0], int(seen[0]), int(seen[-1]) + 1))
    _, blocks = _new_blocks(places)
    for start, stop, low, high, block in blocks:
        block[:] = matrix[start:stop, low:high]
    return blocks


def _new_blocks(places: Sequence[tuple[int, int, int, int]]) -> tuple[Floats, list[Block]]:
    """Make blocks of zeros that share one piece of memory; that memory, and the blocks.

    A large piece gets large pages from the system, in which the processor finds its way faster.
    """
    shapes = [(stop - start, high - low) for start, stop, low, high in places]
    ends = np.cumsum([rows * columns for rows, columns in shapes], dtype=np.int64).tolist()
    store = np.zeros(ends[-1] if ends else 0)
    pieces = zip(places, shapes, ends, strict=True)
    return store, [(*place, store[end - shape[0] * shape[1] : end].reshape(shape)) for place, shape, end in pieces]


class _Dense:
    """A matrix as blocks of rows."""

    def __init__(self, shape: tuple[int, ...], blocks: list[Block]) -> None:
        self._shape, self._blocks = shape, blocks

    def fold(self, flux: Floats) -> Floats:
        # Columns stand one after the other, as fits make them and go on with them.
        columns = flux.T
        result = np.zeros((*columns.shape[:-1], self._shape[0]))
        for start, stop, low, high, block in self._blocks:
            np.matmul(columns[..., low:high], block.T, out=result[..., start:stop])
        return result.T

    def back(self, weights: Floats) -> Floats:
        result = np.zeros(self._shape[1])
        for start, stop, low, high, block in self._blocks:
            result[low:high] += weights[start:stop] @ block
        return result


@dataclass(frozen=True)
class Folding:
    """What folds a model: ``counts = matrix @ flux``.

    Attributes
    ----------
    matrix : csr_matrix or ndarray, shape (g, m)
        Counts in each group for one photon / cm2 / s in each energy bin of the response.
    first, last : int
        The energy bins from `first` to before `last` are those that matter.
    """

    matrix: csr_matrix | Floats
    first: int
    last: int
    _made: dict[tuple[int, int], Operator] = field(default_factory=dict, init=False, repr=False, compare=False)

    def operator(self, first: int, last: int) -> Operator:
        """Give the matrix for the energy bins from `first` to before `last`, in the form that is faster to apply.

        It is made once.
        """
        if (first, last) not in self._made:
            self._made[first, last] = _operator(self._part(first, last))
        return self._made[first, last]

    def _part(self, first: int, last: int) -> csr_matrix | Floats:
        matrix = self.matrix
        if isinstance(matrix, np.ndarray) or first > self.first or last < self.last:
            return matrix[:, first:last]
        # Nothing is cut off: the columns only have other numbers.
        return csr_matrix((matrix.data, matrix.indices - first, matrix.indptr), (matrix.shape[0], last - first))


def _operator(part: csr_matrix | Floats) -> Operator:
    size = part.shape[0] * part.shape[1]
    if isinstance(part, np.ndarray):
        if np.count_nonzero(part) > _DENSE_FROM * size:
            return _Dense(part.shape, _dense_blocks(part))
        return _Sparse(csr_matrix(part))
    return _Dense(part.shape, _dense_blocks(part.toarray())) if part.nnz > _DENSE_FROM * size else _Sparse(part)
