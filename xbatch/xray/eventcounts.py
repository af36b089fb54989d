"""Spectra, images and light curves counted a chunk of events at a time, in memory for the counts alone.

Each counter takes chunks as they come and adds up whole numbers, so what comes out does not depend on how the events
were cut into chunks. Spectra and images do not depend on the order of events either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.bandlookup import BandLookup
from xbatch.xray.histograms import Axis, pixel_numbers
from xbatch.xray.region_labels import labelled

__all__ = ["CurveCounter", "ImageCounter", "SpectrumCounter"]

Counts = NDArray[np.int64]

#: Cells of the histogram of one chunk by bin and segment; a chunk that needs more is cut.
_MOST_CELLS = 1 << 21


class SpectrumCounter:
    """Spectra of all regions of a label image in one pass.

    Parameters
    ----------
    members : ndarray of bool, shape (labels, regions)
        Which regions a label stands for.
    first, last, width : int
        Lowest and highest PI, both included, and PI values in a channel: see `spectrum_counts`.
    """

    def __init__(self, members: NDArray[np.bool_], first: int, last: int, width: int = 1) -> None:
        self._members, self._first, self._last, self._width = members, first, last, width
        self._by_label = np.zeros((len(members), last - first + 1), np.int64)

    def add(self, labels: NDArray[Any], pi: NDArray[Any]) -> None:
        """Count events with the labels of their places; shapes (n,)."""
        size = self._last - self._first + 1
        chosen = labelled(labels, self._members)
        channel = np.subtract(pi.take(chosen), self._first, dtype=np.int64)
        outside = (channel < 0) | (channel >= size)
        flat = np.multiply(labels.take(chosen), size, dtype=np.int64)
        flat += channel
        if outside.any():
            flat = flat[~outside]
        self._by_label += np.bincount(flat, minlength=self._by_label.size).reshape(self._by_label.shape)

    @property
    def counts(self) -> Counts:
        """The spectra so far, shape (regions, channels)."""
        by_region = self._members.T.astype(np.int64) @ self._by_label
        return np.stack([_joined(each, self._width) for each in by_region]) if len(by_region) else by_region


def _joined(counts: Counts, width: int) -> Counts:
    if width == 1:
        return counts
    summed: Counts = np.pad(counts, (0, -len(counts) % width)).reshape(-1, width).sum(axis=1)
    return summed


class ImageCounter:
    """Images in some bands, which may overlap, on one grid of pixels.

    Parameters
    ----------
    x_axis, y_axis : Axis
    bands : sequence of (int, int), or None
        First and last PI of each band, both included; None makes one image of all events.
    """

    def __init__(self, x_axis: Axis, y_axis: Axis, bands: Sequence[tuple[int, int]] | None = None) -> None:
        self._axes = x_axis, y_axis
        self._lookup = None if bands is None else BandLookup(bands)
        self._ones = np.empty(0, np.int32)
        count = 1 if bands is None else len(bands)
        # one more pixel takes the events outside the image
        self._flat = np.zeros((count, x_axis.size * y_axis.size + 1), np.int32)

    def add(self, x: NDArray[Any], y: NDArray[Any], pi: NDArray[Any] | None = None) -> None:
        """Count events; shapes (n,). PI are needed where there are bands."""
        x_axis, y_axis = self._axes
        column, row = pixel_numbers(x, x_axis), pixel_numbers(y, y_axis)
        outside = (column < 0) | (row < 0)
        row *= x_axis.size
        row += column
        if outside.any():
            row[outside] = x_axis.size * y_axis.size
        if self._lookup is None:
            self._count(0, row)
            return
        if pi is None:
            raise ValueError("images in bands need PI")
        for number, (first, last) in enumerate(self._lookup.bands):
            chosen = (pi >= first) & (pi <= last)
            self._count(number, row if chosen.all() else row.take(np.flatnonzero(chosen)))

    def _count(self, number: int, pixels: NDArray[np.int64]) -> None:
        # ones of the image's own type: any other takes a slow way through numpy
        if len(self._ones) < len(pixels):
            self._ones = np.ones(len(pixels), np.int32)
        np.add.at(self._flat[number], pixels, self._ones[: len(pixels)])

    @property
    def images(self) -> NDArray[np.int32]:
        """The images so far, shape (bands, y_axis.size, x_axis.size): rows are Y, as in a FITS image."""
        x_axis, y_axis = self._axes
        return self._flat[:, :-1].reshape(-1, y_axis.size, x_axis.size)


class CurveCounter:
    """Light curves in some bands, which may overlap, of one set of events.

    Parameters
    ----------
    edges : ndarray, shape (bins + 1,)
        Ascending, in s; a bin holds ``start <= t < stop``.
    bands : sequence of (int, int)
        First and last PI of each band, both included.
    """

    def __init__(self, edges: NDArray[np.float64], bands: Sequence[tuple[int, int]]) -> None:
        self._edges = edges
        self._lookup = BandLookup(bands)
        self._counts = np.zeros((len(edges) - 1, len(bands)), np.int64)

    def add(self, times: NDArray[np.float64], pi: NDArray[Any]) -> None:
        """Count events; shapes (n,), times ascending."""
        if not len(times):
            return
        bins = len(self._edges) - 1
        first = max(int(np.searchsorted(self._edges, times[0], side="right")) - 1, 0)
        last = min(int(np.searchsorted(self._edges, times[-1], side="right")) - 1, bins - 1)
        width = self._lookup.segments + 1
        segment = self._lookup.at(pi)
        step = max(_MOST_CELLS // width, 1)
        for begin in range(first, last + 1, step):
            end = min(begin + step, last + 1)
            at = np.searchsorted(times, self._edges[begin : end + 1], side="left")
            flat = np.repeat(np.arange(end - begin) * width, np.diff(at))
            flat += segment[at[0] : at[-1]]
            cells = np.bincount(flat, minlength=(end - begin) * width).reshape(-1, width)
            self._counts[begin:end] += self._lookup.totals(cells)

    @property
    def counts(self) -> Counts:
        """The counts so far, shape (bands, bins)."""
        return np.ascontiguousarray(self._counts.T)
