"""Many energy bands at once: one look-up tells all bands of an event, however they overlap.

The edges of all bands cut the PI axis into segments. An event is looked up once and counted in its segment; a band is a
run of segments, so its counts are a difference of two running sums, exact as whole numbers are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BandLookup"]

#: PI of X-ray detectors are below; a band that reaches further is a mistake in a unit.
_MOST_PI = 1 << 24


class BandLookup:
    """Bands of PI, each from its first to its last number, both included; they may overlap and leave gaps.

    Parameters
    ----------
    bands : sequence of (int, int)
        First and last PI of each band.

    Attributes
    ----------
    bands : tuple of (int, int)
    segments : int
        Number of segments. The number one beyond the last is that of all PI in no segment.

    Raises
    ------
    ValueError
        There is no band, or one holds nothing.
    """

    def __init__(self, bands: Sequence[tuple[int, int]]) -> None:
        self.bands = tuple((int(first), int(last)) for first, last in bands)
        if not self.bands:
            raise ValueError("there is no band")
        for first, last in self.bands:
            if last < first:
                raise ValueError(f"a band from PI {first} to {last} holds nothing")
        edges = sorted({edge for first, last in self.bands for edge in (first, last + 1)})
        self._low = edges[0]
        size = edges[-1] - edges[0]
        if size > _MOST_PI:
            raise ValueError(f"bands from PI {edges[0]} to {edges[-1] - 1} are no bands of a detector")
        places = {edge: number for number, edge in enumerate(edges)}
        self.segments = len(edges) - 1
        self._runs = np.array([(places[first], places[last + 1]) for first, last in self.bands], np.int64)
        # a gap between bands is a segment too, counted and never asked for; PI beyond both ends share a last number
        inner = np.repeat(np.arange(self.segments), np.diff(edges))
        kind = np.uint8 if self.segments < 256 else np.int32
        self._table = np.concatenate([[self.segments], inner, [self.segments]]).astype(kind)

    def at(self, pi: NDArray[Any]) -> NDArray[Any]:
        """Give the segment of each PI, `segments` where it is in none.

        Parameters
        ----------
        pi : ndarray of integers, shape (n,)

        Raises
        ------
        ValueError
            PI are no whole numbers.
        """
        if pi.dtype.kind not in "iu":
            raise ValueError("PI must be whole numbers to be sorted into bands")
        found: NDArray[Any] = self._table.take(np.subtract(pi, self._low - 1, dtype=np.int64), mode="clip")
        return found

    def totals(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Add segments up to bands.

        Parameters
        ----------
        counts : ndarray of int64, shape (..., segments) or (..., segments + 1)
            By segment; a last one beyond them is not looked at.

        Returns
        -------
        counts : ndarray of int64, shape (..., len(bands))
        """
        before = np.zeros((*counts.shape[:-1], self.segments + 1), np.int64)
        np.cumsum(counts[..., : self.segments], axis=-1, out=before[..., 1:])
        found: NDArray[np.int64] = before[..., self._runs[:, 1]] - before[..., self._runs[:, 0]]
        return found
