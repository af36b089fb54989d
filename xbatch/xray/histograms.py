"""Spectra and images of events by counting: one pass, no search for bins.

A range of PI is inclusive at both ends. A sky pixel is ``rint(X x LTM + LTV)``, counted from 1, which is what evselect
does, and for ``LTM = 1/b``, ``LTV = 0.5 - 0.5/b`` what the extractor does with bins of b: pixel i from 0 holds X from
``1 + i b`` to ``b + i b``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Axis", "binned_axis", "image_counts", "pixel_numbers", "spectrum_counts"]

#: A table of pixels is made for coordinates of up to this many values.
_LARGEST_TABLE = 1 << 20


@dataclass(frozen=True)
class Axis:
    """Pixels of one axis of an image: ``pixel = rint(coordinate x ltm + ltv)``, 1 to `size`.

    Attributes
    ----------
    ltm : float
        Pixels per unit of the coordinate (LTM1_1).
    ltv : float
        In pixels (LTV1).
    size : int
    """

    ltm: float
    ltv: float
    size: int

    def __post_init__(self) -> None:
        if not (self.ltm > 0 and self.size > 0):
            raise ValueError(f"an axis needs pixels: {self.size} of them, {self.ltm} a unit")


def binned_axis(lowest: int, highest: int, width: int) -> Axis:
    """Give the axis of a coordinate from `lowest` to `highest` (TLMIN, TLMAX) in bins of `width`.

    Pixel i from 0 holds ``lowest + i width`` to ``lowest + (i + 1) width - 1``; what is left over at the end, less than
    a bin, belongs to none.

    Raises
    ------
    ValueError
        There is not one whole bin.
    """
    if width < 1:
        raise ValueError(f"a bin of {width} coordinates is none")
    return Axis(1 / width, 0.5 + (0.5 - lowest) / width, (highest - lowest + 1) // width)


def pixel_numbers(values: NDArray[Any], axis: Axis) -> NDArray[np.int64]:
    """Give the pixel of each coordinate, from 0; -1 for one outside the image or not a number."""
    if values.dtype.kind in "iu" and values.size:
        low, high = int(values.min()), int(values.max())
        if high - low < min(_LARGEST_TABLE, values.size):
            table = _pixels(np.arange(low, high + 1, dtype=np.float64), axis)
            found: NDArray[np.int64] = table.take(np.subtract(values, low, dtype=np.int64))
            return found
    return _pixels(values.astype(np.float64), axis)


def _pixels(values: NDArray[np.float64], axis: Axis) -> NDArray[np.int64]:
    pixel = np.rint(values * axis.ltm + axis.ltv)
    with np.errstate(invalid="ignore"):
        there = (pixel >= 1) & (pixel <= axis.size)
    return np.where(there, pixel, 0.0).astype(np.int64) - 1


def image_counts(x: NDArray[Any], y: NDArray[Any], x_axis: Axis, y_axis: Axis) -> NDArray[np.int64]:
    """Count events in the pixels of an image.

    Returns
    -------
    image : ndarray of int64, shape (y_axis.size, x_axis.size)
        Rows are Y, as in a FITS image. Events outside are left out.
    """
    column, row = pixel_numbers(x, x_axis), pixel_numbers(y, y_axis)
    outside = (column < 0) | (row < 0)
    flat = row * x_axis.size + column
    size = x_axis.size * y_axis.size
    if outside.any():
        flat[outside] = size
    return np.bincount(flat, minlength=size + 1)[:size].reshape(y_axis.size, x_axis.size)


def spectrum_counts(pi: NDArray[Any], first: int, last: int, width: int = 1) -> NDArray[np.int64]:
    """Count events in channels.

    Parameters
    ----------
    pi : ndarray of integers, shape (n,)
    first, last : int
        Lowest and highest PI, both included; events outside are left out.
    width : int
        PI values in a channel: channel k from 0 holds ``first + k width`` to ``first + (k + 1) width - 1``. A last
        channel that is not whole is there too, so no event is lost.

    Returns
    -------
    counts : ndarray of int64, shape (ceil((last - first + 1) / width),)

    Raises
    ------
    ValueError
        The range or the width is empty, or PI are no whole numbers.
    """
    if last < first or width < 1:
        raise ValueError(f"there is no channel from {first} to {last} in steps of {width}")
    if pi.dtype.kind not in "iu":
        raise ValueError("PI must be whole numbers to be counted by channel")
    size = last - first + 1
    at = np.subtract(pi, first, dtype=np.int64)
    outside = (at < 0) | (at >= size)
    if outside.any():
        at = at[~outside]
    counts = np.bincount(at, minlength=size)
    if width == 1:
        return counts
    padded = np.pad(counts, (0, -size % width))
    summed: NDArray[np.int64] = padded.reshape(-1, width).sum(axis=1)
    return summed
