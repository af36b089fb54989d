"""Close-ups of a picture of regions: where the regions of a spectrum are small in the picture of the whole field."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.region_masks import Field

__all__ = ["MOST", "Drawn", "box_of", "close_ups", "is_within"]

#: Close-ups of one picture; more would be as small as what they are of.
MOST = 8
#: A region is small below this part of the side of the picture, and a close-up shows at most that part.
_SMALL, _LARGE = 0.1, 0.6
#: What is left free around regions, as a part of them, and the least side of a close-up in pixels.
_MARGIN, _LEAST = 0.2, 24.0
#: What another close-up shows at least at half this size is not shown again.
_ALIKE = 2.0

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Drawn:
    """The box of a region in pixels of the image (left, right, lower, upper), and what it is used for."""

    box: Box
    uses: Collection[str]

    @property
    def side(self) -> float:
        """The longer side of the box."""
        return _side(self.box)


def box_of(lines: Sequence[NDArray[np.float64]]) -> Box:
    """Give the box around lines, each of shape (n, 2)."""
    points = np.concatenate(lines)
    (left, lower), (right, upper) = points.min(axis=0), points.max(axis=0)
    return float(left), float(right), float(lower), float(upper)


def close_ups(window: Field, drawn: Sequence[Drawn], shape: tuple[int, int]) -> list[Field]:
    """Choose close-ups: of all regions with one use, where the smallest of them is small in the picture.

    Where these lie too far apart for a closer look, the close-up is of the small ones alone.

    Parameters
    ----------
    window : Field
        What the picture shows, in pixels from 0. Close-ups have its form.
    drawn : sequence of Drawn
        Regions without a use have no close-up.
    shape : (int, int)
        Rows and columns of the image.

    Returns
    -------
    list of Field
        In the order of the uses; none twice.
    """
    whole = float(max(window.width, window.height))
    found: list[_CloseUp] = []
    seen = [one for one in drawn if is_within(one.box, window)]
    for use in dict.fromkeys(use for one in seen for use in one.uses):
        mine = [one for one in seen if use in one.uses]
        small = [one for one in mine if one.side < _SMALL * whole]
        if not small:
            continue
        box = next((box for some in (mine, small) if _is_part(box := _around(some), window)), None)
        if box is not None:
            found = _joined(found, _CloseUp(_window(box, window, shape), min(one.side for one in small)))
    return [one.window for one in found]


@dataclass(frozen=True)
class _CloseUp:
    """A part of the image, and the side of the smallest region that it is for."""

    window: Field
    least: float


def is_within(box: Box, window: Field) -> bool:
    """Say whether a box and a part of the image have anything in common."""
    across = box[1] >= window.x_first and box[0] <= window.x_last
    return across and box[3] >= window.y_first and box[2] <= window.y_last


def _is_part(box: Box, window: Field) -> bool:
    """Say whether a box is so small a part of the picture that a closer look shows more."""
    return box[1] - box[0] <= _LARGE * window.width and box[3] - box[2] <= _LARGE * window.height


def _side(box: Box) -> float:
    return max(box[1] - box[0], box[3] - box[2])


def _around(some: Sequence[Drawn]) -> Box:
    boxes = np.array([one.box for one in some])
    left, right, lower, upper = boxes[:, 0].min(), boxes[:, 1].max(), boxes[:, 2].min(), boxes[:, 3].max()
    return float(left), float(right), float(lower), float(upper)


def _window(box: Box, whole: Field, shape: tuple[int, int]) -> Field:
    """Give pixels around a box, in the form of the whole picture, within the image if it is large enough."""
    form = whole.height / whole.width
    wide = max(box[1] - box[0], (box[3] - box[2]) / form) * (1 + 2 * _MARGIN)
    wide = max(wide, _LEAST, _LEAST / form)
    ends = []
    for low, high, length, size in ((box[0], box[1], wide, shape[1]), (box[2], box[3], wide * form, shape[0])):
        first = math.floor((low + high - length) / 2)
        count = math.ceil(length) + 1
        first = max(min(first, size - count), 0)
        ends.append((first, min(first + count, size) - 1))
    return Field(*ends[0], *ends[1])


def _joined(found: Sequence[_CloseUp], new: _CloseUp) -> list[_CloseUp]:
    """Add a close-up unless another shows the same well; one that does so takes the place of those within it."""
    if any(_shows(one, new) for one in found):
        return list(found)
    return [*(one for one in found if not _shows(new, one)), new]


def _shows(large: _CloseUp, small: _CloseUp) -> bool:
    side = max(large.window.width, large.window.height)
    is_seen = small.least >= _SMALL * side or large.window.width <= _ALIKE * small.window.width
    return is_seen and large.window.common(small.window) == small.window
