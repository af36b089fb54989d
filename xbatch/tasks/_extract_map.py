"""The map before a spectrum: how many of its events lie in which pixel of its region.

extractor writes such a map (``WMAP``) as the first array of each spectrum of a region, and nubackscale reads from it
which pixels are in the region: their values are 0 or more, those beside it are below 0 (nubackscale of HEASoft 6.20;
the cards are those of files of extractor 5.31).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.ogip.eventtable import EventTable
from xbatch.ogip.fitswriter import Card
from xbatch.tasks._regions import Placed, field_of
from xbatch.tasks._times import Selection
from xbatch.xray.region_masks import region_parts

__all__ = ["WeightedMap", "weighted_map"]

_BESIDE = -1.0


@dataclass(frozen=True)
class WeightedMap:
    """Counts by pixel, and below 0 what is not of the region.

    Attributes
    ----------
    values : ndarray of float32, shape (rows, columns)
    first : (int, int)
        X and Y of the first pixel.
    """

    values: NDArray[np.float32]
    first: tuple[int, int]

    def cards(self) -> Sequence[Card]:
        """Say in a header what the map is, and where its pixels lie."""
        cards = [
            Card("HDUCLASS", "OGIP", "format conforms to OGIP standard"),
            Card("HDUCLAS1", "IMAGE"),
            Card("HDUCLAS2", "WMAP", "events of the spectrum by pixel"),
            Card("WMAPFIX", True, "pixels outside of the region are -1"),
            Card("SKYBIN", 1, "pixels of X and Y to one of the map"),
            Card("WCSNAMEP", "PHYSICAL"),
        ]
        for axis, (name, first) in enumerate(zip("XY", self.first, strict=True), 1):
            cards += [
                Card(f"{name}-OFFSET", first, f"first {name} of the map"),
                Card(f"WCSTY{axis}P", "PHYSICAL"),
                Card(f"CTYPE{axis}P", name),
                Card(f"CRPIX{axis}P", 1.0),
                Card(f"CRVAL{axis}P", float(first)),
                Card(f"CDELT{axis}P", 1.0),
            ]
        return cards


def weighted_map(placed: Placed, table: EventTable, selection: Selection) -> WeightedMap:
    """Draw a region with the events that its spectrum has.

    Parameters
    ----------
    placed : Placed
        A region that selects pixels of the field.
    table : EventTable
        Of whole X and Y.
    selection : Selection
        The times to count.
    """
    field = field_of(table)
    inside = np.zeros((field.height, field.width), np.bool_)
    for _, x, y in region_parts(placed.shapes, field, placed.rule):
        inside[y.astype(np.int64) - field.y_first, x.astype(np.int64) - field.x_first] = True
    rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    values = np.where(inside, 0.0, _BESIDE)[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32)
    first = field.x_first + int(columns[0]), field.y_first + int(rows[0])
    names = ["x", "y", *(["time"] if selection.chosen is not None else [])]
    for chunk in table.chunks(names):
        kept: Any = selection.kept(chunk) if selection.chosen is not None else chunk
        column, row = (np.asarray(kept[name], np.int64) - at for name, at in zip("xy", first, strict=True))
        there = (column >= 0) & (row >= 0) & (column < values.shape[1]) & (row < values.shape[0])
        column, row = column[there], row[there]
        hit = values[row, column] >= 0
        np.add.at(values, (row[hit], column[hit]), 1.0)
    return WeightedMap(values, first)
