"""A folding matrix in the form in which it is applied fastest: counts of groups = F @ (photons / cm2 / s)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

__all__ = ["Folding", "Operator"]

Floats = NDArray[np.float64]

# Above this fraction of non-zero elements a product with a dense matrix is the faster one.
_DENSE_FROM = 0.3
# A dense matrix is applied in blocks of rows of this size, which stay in a processor's cache while columns pass.
_BLOCK_BYTES = 1_250_000
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


class _Sparse:
    """A sparse matrix, with blocks for several columns where these hold few zeros: a narrow response has a diagonal."""

    def __init__(self, matrix: csr_matrix) -> None:
        self._matrix, self._turned = matrix, matrix.T
        rows = max(1, -(-matrix.shape[0] // _DIAGONAL_BLOCKS))
        parts = [(start, min(start + rows, matrix.shape[0])) for start in range(0, matrix.shape[0], rows)]
        seen = [matrix.indices[matrix.indptr[start] : matrix.indptr[stop]] for start, stop in parts]
        held = sum(
            (stop - start) * (int(np.ptp(s)) + 1) for (start, stop), s in zip(parts, seen, strict=True) if s.size
        )
        self._blocks = _Dense(matrix, rows) if held <= _FEW_ZEROS * matrix.nnz else None

    def fold(self, flux: Floats) -> Floats:
        if flux.ndim > 1 and self._blocks is not None:
            return self._blocks.fold(flux)
        return np.asarray(self._matrix @ flux)

    def back(self, weights: Floats) -> Floats:
        return np.asarray(self._turned @ weights)


class _Dense:
    """Blocks of rows, each without the energies at either end that it does not see."""

    def __init__(self, matrix: csr_matrix | Floats, rows: int = 0) -> None:
        self._shape = matrix.shape
        rows = rows or max(1, _BLOCK_BYTES // max(matrix.shape[1] * matrix.dtype.itemsize, 1))
        self._blocks: list[tuple[int, int, int, int, Floats]] = []
        for start in range(0, matrix.shape[0], rows):
            stop = min(start + rows, matrix.shape[0])
            part = matrix[start:stop]
            seen = np.flatnonzero(part.any(axis=0)) if isinstance(part, np.ndarray) else part.indices
            if seen.size:
                low, high = int(seen.min()), int(seen.max()) + 1
                block = part[:, low:high] if isinstance(part, np.ndarray) else part[:, low:high].toarray()
                self._blocks.append((start, stop, low, high, np.ascontiguousarray(block)))

    def fold(self, flux: Floats) -> Floats:
        result = np.zeros((self._shape[0], *flux.shape[1:]))
        for start, stop, low, high, block in self._blocks:
            np.matmul(block, flux[low:high], out=result[start:stop])
        return result

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
            self._made[first, last] = _operator(self.matrix[:, first:last])
        return self._made[first, last]


def _operator(part: csr_matrix | Floats) -> Operator:
    size = part.shape[0] * part.shape[1]
    if isinstance(part, np.ndarray):
        if np.count_nonzero(part) > _DENSE_FROM * size:
            return _Dense(part)
        return _Sparse(csr_matrix(part))
    return _Dense(part) if part.nnz > _DENSE_FROM * size else _Sparse(part)
