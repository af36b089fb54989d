"""Counting of light curves from an event table: one pass for all bands, source and background together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.ogip.eventtable import EventTable
from xbatch.tasks._regions import Placed
from xbatch.tasks._times import Selection
from xbatch.xray.eventcounts import CurveCounter
from xbatch.xray.gti import overlap, union
from xbatch.xray.region_labels import label_image, labelled, region_labels
from xbatch.xray.region_masks import LARGEST, Field, bounding_box, draw

__all__ = ["Counted", "count_curves", "exposed_seconds", "region_gti"]

_Find = Callable[[NDArray[Any], NDArray[Any]], tuple[NDArray[np.intp], NDArray[Any], NDArray[np.bool_]]]


@dataclass(frozen=True)
class Counted:
    """Events of one region.

    Attributes
    ----------
    counts : ndarray of int64, shape (bands, bins)
    shares : Mapping of int to float
        Which part of the region's events (of all PI) each detector has; empty where GTIs are not by detector, or the
        region has no events.
    """

    counts: NDArray[np.int64]
    shares: Mapping[int, float]


def count_curves(
    table: EventTable,
    selection: Selection,
    regions: Sequence[Placed | None],
    field: Field | None,
    edges: NDArray[np.float64],
    bands: Sequence[tuple[int, int]],
) -> list[Counted]:
    """Count the events of some regions in bins of time, in all bands, reading the table once.

    Parameters
    ----------
    table : EventTable
    selection : Selection
        Good time; events outside are not counted.
    regions : sequence of Placed or None
        They may overlap; None is the whole list.
    field : Field or None
        Needed where there is a region.
    edges : ndarray, shape (bins + 1,)
    bands : sequence of (int, int)
        First and last PI of each band, both included.
    """
    placed = [region for region in regions if region is not None]
    by_detector = bool(selection.by_detector)
    names = ["time", "pi", *(["x", "y"] if placed else []), *(["det"] if by_detector else [])]
    counters = [CurveCounter(edges, bands) for _ in regions]
    detectors = np.zeros((len(regions), 256), np.int64)
    find = _finder(placed, field, table) if placed else None
    for chunk in table.chunks(names):
        kept = selection.kept(chunk)
        if find is not None:
            near, labels, members = find(kept["x"], kept["y"])
            inside = {name: kept[name].take(near) for name in names if name not in "xy"}
        column = 0
        for number, region in enumerate(regions):
            own = kept
            if region is not None:
                rows = np.flatnonzero(members[:, column].take(labels))
                own = {name: values.take(rows) for name, values in inside.items()}
                column += 1
            counters[number].add(own["time"], own["pi"])
            if by_detector:
                detectors[number] += np.bincount(own["det"].view(np.uint8), minlength=256)
    return [
        Counted(counter.counts, {int(n): float(seen[n] / seen.sum()) for n in np.flatnonzero(seen)})
        for counter, seen in zip(counters, detectors, strict=True)
    ]


def _finder(regions: Sequence[Placed], field: Field | None, table: EventTable) -> _Find:
    """Give what finds the positions in any region: by an image drawn once for whole pixels, if it is not too large."""
    given = [(region.shapes, region.rule) for region in regions]
    if all(table.columns[name].dtype.kind in "iu" for name in "xy"):
        box = Field(1, 0, 1, 0)
        for shapes, rule in given:
            box = box.hull(bounding_box(shapes, rule, field))
        if box.pixels <= LARGEST:
            image = label_image([draw(shapes, rule, field) for shapes, rule in given])
            return lambda x, y: (*image.find(x, y), image.members)

    def find(x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[Any], NDArray[np.bool_]]:
        labels, members = region_labels(given, x, y, field)
        rows = labelled(labels, members)
        return rows, labels.take(rows), members

    return find


def exposed_seconds(
    edges: NDArray[np.float64],
    selection: Selection,
    shares: Mapping[int, float],
    live_part: Callable[[int], float] | None = None,
) -> NDArray[np.float64]:
    """Give the exposed seconds of each bin for a region.

    Where GTIs are by detector, those of each detector count by its share of the region's events, as evselect weighs the
    exposure of a spectrum. Without shares it is the union of all.

    Parameters
    ----------
    edges : ndarray, shape (bins + 1,)
    selection : Selection
    shares : Mapping of int to float
        As in `Counted`.
    live_part : callable, optional
        The live part of a detector's time; 1 unless given. Without detectors it is asked for -1.
    """
    part = live_part or (lambda _: 1.0)
    known = {number: share for number, share in shares.items() if number in selection.by_detector}
    if not known:
        return overlap(edges, selection.gti) * part(-1)
    sums: NDArray[np.float64] = np.zeros(len(edges) - 1)
    for number, share in known.items():
        sums += share * part(number) * overlap(edges, selection.by_detector[number])
    return sums


def region_gti(selection: Selection, shares: Mapping[int, float]) -> NDArray[np.float64]:
    """Give the good time of a region: that of any detector that its events lie on."""
    known = [selection.by_detector[number] for number in shares if number in selection.by_detector]
    return union(*known) if known else selection.gti
