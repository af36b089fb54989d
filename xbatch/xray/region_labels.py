"""Many regions at once: one look-up tells all regions of a position, however many there are and however they overlap.

Every pixel gets a label, a small number that stands for the set of regions it lies in. Events are looked up once; a
histogram over labels and channels holds the spectra of all regions, and `members` adds them up:

    counts = np.bincount(labels * channels + pi, minlength=len(members) * channels)
    spectra = members.T.astype(int) @ counts.reshape(len(members), channels)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.region_masks import LARGEST, Field, Raster, Rule, bounding_box, draw, selected
from xbatch.xray.region_places import indices, offsets, places
from xbatch.xray.regions import Shape

__all__ = ["LabelImage", "label_image", "labelled", "region_labels"]

_Bools: TypeAlias = NDArray[np.bool_]
_Ints: TypeAlias = NDArray[np.int32]


@dataclass(frozen=True)
class LabelImage:
    """An image of labels.

    Attributes
    ----------
    box : Field
        The pixels drawn.
    labels : array of int, shape (box.height, box.width)
        Label 0 is that of all pixels outside the box.
    members : array of bool, shape (labels, regions)
        Which regions a label stands for.
    """

    box: Field
    labels: _Ints
    members: _Bools

    def at(self, x: NDArray[Any], y: NDArray[Any]) -> _Ints:
        """Give the labels of positions that are whole numbers of pixels; 0 outside the box.

        Raises
        ------
        ValueError
            The positions are not integers.
        """
        flat, known = places(self.box, x, y)
        if not self.box.pixels:
            return np.zeros(flat.shape, dtype=np.int32)
        found = self.labels.reshape(-1).take(flat, mode="clip")
        if known is not None:
            found *= known
        return found

    def find(self, x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[np.intp], _Ints]:
        """Give the positions that lie in any region, as rows of `x` and `y`, and their labels.

        Raises
        ------
        ValueError
            The positions are not integers.
        """
        if self.members[0].any():  # the regions reach beyond the box
            labels = self.at(x, y)
            rows = labelled(labels, self.members)
            return rows, labels.take(rows)
        column, row, known = offsets(self.box, x, y)
        # Most events of a list are in no region: they are left out before anything is looked up.
        near = np.flatnonzero(known)
        labels = self.labels.reshape(-1).take(indices(self.box, column.take(near), row.take(near)))
        rows = labelled(labels, self.members)
        return near.take(rows), labels.take(rows)


def label_image(rasters: Sequence[Raster]) -> LabelImage:
    """Join drawn regions in one image of labels.

    Parameters
    ----------
    rasters : sequence of Raster
        The regions; they may overlap.

    Returns
    -------
    LabelImage
    """
    box = Field(1, 0, 1, 0)
    for raster in rasters:
        box = box.hull(raster.box)
    labels = np.zeros((max(box.height, 0), max(box.width, 0)), dtype=np.int32)
    members = [tuple(raster.outside for raster in rasters)]
    for number, raster in enumerate(rasters):
        if raster.box.pixels:
            top, left = raster.box.y_first - box.y_first, raster.box.x_first - box.x_first
            part = labels[top : top + raster.box.height, left : left + raster.box.width]
            _relabel(part, raster.bits != raster.outside, members, number)
    return LabelImage(box, labels, np.array(members, dtype=np.bool_).reshape(len(members), len(rasters)))


def labelled(labels: _Ints, members: _Bools) -> NDArray[np.intp]:
    """Give the rows whose label stands for any region at all.

    Parameters
    ----------
    labels : array of int, shape (n,)
    members : array of bool, shape (labels, regions)
    """
    in_any: _Bools = np.logical_or.reduce(members, axis=1)
    if in_any[1:].all() and not in_any[0]:  # as nearly always: a comparison is quicker than a look-up
        return np.flatnonzero(labels != 0)
    return np.flatnonzero(in_any.take(labels))


def region_labels(
    regions: Sequence[tuple[Sequence[Shape], Rule]],
    x: NDArray[Any],
    y: NDArray[Any],
    field: Field | None = None,
) -> tuple[_Ints, _Bools]:
    """Label positions by the regions they lie in: by an image where positions are whole pixels, else one by one.

    Parameters
    ----------
    regions : sequence of (shapes, rule)
        The regions; they may overlap.
    x, y : array
        Positions in pixels, of one shape.
    field : Field or None
        The pixels that positions may lie on, if known.

    Returns
    -------
    labels : array of int
        One for each position.
    members : array of bool, shape (labels, regions)
        Which regions a label stands for.
    """
    whole = x.dtype.kind in "iu" and y.dtype.kind in "iu"
    if whole and _worth_drawing(regions, field):
        image = label_image([draw(shapes, rule, field) for shapes, rule in regions])
        return image.at(x, y), image.members
    labels = np.zeros(np.shape(x), dtype=np.int32)
    members = [tuple(False for _ in regions)]
    for number, (shapes, rule) in enumerate(regions):
        _relabel(labels, selected(shapes, x, y, rule), members, number)
    return labels, np.array(members, dtype=np.bool_).reshape(len(members), len(regions))


def _worth_drawing(regions: Sequence[tuple[Sequence[Shape], Rule]], field: Field | None) -> bool:
    box = Field(1, 0, 1, 0)
    for shapes, rule in regions:
        try:
            box = box.hull(bounding_box(shapes, rule, field))
        except ValueError:
            return False
    return box.pixels <= LARGEST


def _relabel(labels: _Ints, changed: _Bools, members: list[tuple[bool, ...]], number: int) -> None:
    """Give a new label to every pixel where one region differs from what its label says so far."""
    old = labels[changed]
    if not old.size:
        return
    present = np.flatnonzero(np.bincount(old, minlength=len(members)))
    new = np.zeros(len(members), dtype=np.int32)
    for label in present.tolist():
        new[label] = len(members)
        was = members[label]
        members.append((*was[:number], not was[number], *was[number + 1 :]))
    labels[changed] = new[old]
