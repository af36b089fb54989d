"""Where whole pixels lie in a box: their places in an image of it, a chunk of events at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from xbatch.xray.region_masks import Field

__all__ = ["indices", "offsets", "places"]

_Bools: TypeAlias = NDArray[np.bool_]


def places(box: Field, x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], _Bools | None]:
    """Give the index of whole pixels in a box drawn row by row, and which lie in it; None if all do."""
    column, row, known = offsets(box, x, y)
    return indices(box, column, row), None if known.all() else known


def indices(box: Field, column: NDArray[Any], row: NDArray[Any]) -> NDArray[np.intp]:
    """Give the index of pixels in a box drawn row by row, from their columns and rows in it."""
    index = row.astype(np.intp)
    index *= box.width
    index += column.astype(np.intp)
    return index


def offsets(box: Field, x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], _Bools]:
    """Give the columns and rows of whole pixels in a box, counted from its first, and which lie in it.

    Those of pixels outside mean nothing.

    Raises
    ------
    ValueError
        The positions are not integers.
    """
    if x.dtype.kind not in "iu" or y.dtype.kind not in "iu":
        raise ValueError("a drawn region is looked up at whole pixels, not at fractions of them")
    column, row = _counted_from(box.x_first, box.x_last, x), _counted_from(box.y_first, box.y_last, y)
    known: _Bools = np.less(column, box.width)
    known &= np.less(row, box.height)
    return column, row, known


def _counted_from(first: int, last: int, values: NDArray[Any]) -> NDArray[Any]:
    """Count whole numbers from a first one, without a sign.

    A number below becomes a large one, beyond any box: one comparison tells what lies in it, instead of two.
    """
    limits = np.iinfo(values.dtype)
    if not (limits.min <= first and last <= limits.max):
        values, limits = values.astype(np.int64), np.iinfo(np.int64)
    unsigned = np.dtype(f"{values.dtype.byteorder}u{values.dtype.itemsize}")
    start = unsigned.type(first % (1 << limits.bits))
    counted: NDArray[Any] = values.view(unsigned) - start
    return counted
