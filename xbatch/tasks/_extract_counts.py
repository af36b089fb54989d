"""The spectra of all regions of an event table, counted in one pass with memory for a chunk of events."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.ogip.eventtable import EventTable
from xbatch.tasks._regions import Placed, field_of
from xbatch.tasks._times import Selection
from xbatch.xray.channels import SpectrumAxis
from xbatch.xray.eventcounts import SpectrumCounter
from xbatch.xray.region_cells import cut_into_cells
from xbatch.xray.region_labels import LabelImage, label_image, labelled
from xbatch.xray.region_masks import Field, Raster, bounding_box, draw, selected

__all__ = ["Counted", "Finder", "count_regions"]

#: Pixels of the largest image that regions are drawn on: all of NuSTAR's. Larger regions are looked up by cells.
_MOST_PIXELS = 1 << 20
#: Cells of a larger region, about; events in those that an edge crosses are tested one by one.
_CELLS = 1 << 14
_DETECTORS = 256


@dataclass(frozen=True)
class Counted:
    """What was found in each region.

    Attributes
    ----------
    spectra : ndarray of int64, shape (regions, channels)
    beyond : ndarray of int64, shape (regions,)
        Events whose PI is in no channel.
    by_detector : ndarray of int64, shape (regions, 256)
        Events by the detector's number, whatever their PI; all are of detector 0 where GTIs are not by detector.
    in_table : ndarray of int64, shape (regions, 256)
        The same before a time selection.
    """

    spectra: NDArray[np.int64]
    beyond: NDArray[np.int64]
    by_detector: NDArray[np.int64]
    in_table: NDArray[np.int64]


class Finder:
    """Says which regions events lie in: by one look-up in an image of labels, or region by region.

    Parameters
    ----------
    table : EventTable
    regions : sequence of Placed
    """

    def __init__(self, table: EventTable, regions: Sequence[Placed]) -> None:
        whole = all(table.columns[name].dtype.kind in "iu" for name in "xy")
        self._regions = [_Region(placed, field_of(table) if whole else None) for placed in regions]
        self._image: LabelImage | None = None
        boxes = [region.box for region in self._regions]
        hull = Field(1, 0, 1, 0)
        for box in boxes:
            hull = hull if box is None else hull.hull(box)
        if whole and None not in boxes and hull.pixels <= _MOST_PIXELS:
            self._image = label_image([region.drawn() for region in self._regions])

    def find(self, x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[Any], NDArray[np.bool_]]:
        """Give the positions in any region (as rows), their labels, and which regions each label stands for.

        The last is of shape (labels, regions).
        """
        if self._image is not None:
            return *self._image.find(x, y), self._image.members
        labels, members = self._labels(x, y)
        rows = labelled(labels, members)
        return rows, labels.take(rows), members

    def _labels(self, x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        codes = np.zeros(len(x), np.int32)
        members = np.zeros((1, len(self._regions)), np.bool_)
        for number, region in enumerate(self._regions):
            codes *= 2
            codes += region.holds(x, y)
            # only labels that occur go on, so their number stays that of the overlaps there are
            present = np.flatnonzero(np.bincount(codes, minlength=2 * len(members)))
            following = np.zeros(2 * len(members), np.int32)
            following[present] = np.arange(len(present))
            codes = following.take(codes)
            members = members[present // 2]
            members[:, number] = present % 2
        return codes, members


class _Region:
    def __init__(self, placed: Placed, field: Field | None) -> None:
        self._placed, self._field = placed, field
        self._raster: Raster | None = None
        try:
            self.box: Field | None = bounding_box(placed.shapes, placed.rule, field)
        except ValueError:  # a sector without an end has no box outside a field
            self.box = None
        self._all_else = not any(shape.include for shape in placed.shapes) or placed.rule == "extractor"

    def drawn(self) -> Raster:
        """Draw the region, once."""
        if self._raster is None:
            self._raster = draw(self._placed.shapes, self._placed.rule, self._field)
        return self._raster

    def holds(self, x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.bool_]:
        """Say which positions lie in the region."""
        shapes, rule = self._placed.shapes, self._placed.rule
        if self.box is None or not self.box.pixels or self._all_else:
            return selected(shapes, x, y, rule)
        if self._field is not None and self.box.pixels <= _MOST_PIXELS:
            return self.drawn().at(x, y)
        box = self.box
        found = np.zeros(len(x), np.bool_)
        near = np.flatnonzero((x >= box.x_first) & (x <= box.x_last) & (y >= box.y_first) & (y <= box.y_last))
        x, y = x.take(near), y.take(near)
        size, known, crossed = self._cells
        column, row = ((at - first) // size for at, first in ((x, box.x_first), (y, box.y_first)))
        cell = row.astype(np.int64) * known.shape[1] + column.astype(np.int64)
        held = known.reshape(-1).take(cell)
        unsure = np.flatnonzero(crossed.reshape(-1).take(cell))
        held[unsure] = selected(shapes, x.take(unsure), y.take(unsure), rule)
        found[near] = held
        return found

    @cached_property
    def _cells(self) -> tuple[int, NDArray[np.bool_], NDArray[np.bool_]]:
        """Give the side of a cell, which cells lie in the region, and which are crossed by an edge."""
        assert self.box is not None
        shapes, rule, box = self._placed.shapes, self._placed.rule, self.box
        size = max(math.isqrt(box.pixels // _CELLS), 2)
        cells = cut_into_cells(shapes, (box.x_first, box.y_first), (box.x_last, box.y_last), size)
        known = np.zeros_like(cells.crossed)
        known[~cells.crossed] = selected(shapes, *cells.centres(), rule)
        return size, known, cells.crossed


def count_regions(table: EventTable, regions: Sequence[Placed], axis: SpectrumAxis, selection: Selection) -> Counted:
    """Count the events of each region by channel and by detector.

    Parameters
    ----------
    table : EventTable
        With X and Y, of whole pixels or fractions of them.
    regions : sequence of Placed
        They may overlap.
    axis : SpectrumAxis
    selection : Selection
        The times to count.
    """
    finder = Finder(table, regions)
    names = ["x", "y", "pi"] + (["det"] if table.info.detector_gtis else [])
    names += ["time"] if selection.chosen is not None else []
    channels = -(-(axis.last - axis.first + 1) // axis.width)
    spectra = np.zeros((len(regions), channels), np.int64)
    found = np.zeros((2, len(regions), _DETECTORS), np.int64)
    known: NDArray[np.bool_] | None = None
    counter: SpectrumCounter | None = None
    for chunk in table.chunks(names):
        rows, labels, members = finder.find(chunk["x"], chunk["y"])
        if counter is None or members is not known:
            spectra += counter.counts if counter is not None else 0
            counter, known = SpectrumCounter(members, axis.first, axis.last, axis.width), members
        pi = chunk["pi"].take(rows)
        detector = chunk["det"].take(rows) if "det" in chunk else None
        found[1] += _by_detector(labels, members, detector)
        chosen = selection.rows(chunk["time"].take(rows)) if "time" in chunk else None
        if chosen is not None:
            labels, pi = labels.take(chosen), pi.take(chosen)
            detector = None if detector is None else detector.take(chosen)
            found[0] += _by_detector(labels, members, detector)
        counter.add(labels, pi)
    if counter is not None:
        spectra += counter.counts
    if selection.chosen is None:
        found[0] = found[1]
    return Counted(spectra, found[0].sum(axis=1) - spectra.sum(axis=1), found[0], found[1])


def _by_detector(labels: NDArray[Any], members: NDArray[np.bool_], detector: NDArray[Any] | None) -> NDArray[np.int64]:
    counts = np.zeros((len(members), _DETECTORS), np.int64)
    if detector is None:
        counts[:, 0] = np.bincount(labels, minlength=len(members))
    else:
        flat = labels.astype(np.int64)
        flat *= _DETECTORS
        flat += detector.view(np.uint8)
        counts = np.bincount(flat, minlength=counts.size).reshape(counts.shape)
    return members.T.astype(np.int64) @ counts
