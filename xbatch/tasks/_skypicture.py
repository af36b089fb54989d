"""Images as they are shown: the part worth showing, with fewer pixels, smoothed where it is sparse, in its colours."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.colors import AsinhNorm
from numpy.typing import NDArray

from xbatch.xray.region_masks import Field
from xbatch.xray.smoothing import smoothed

__all__ = ["Picture", "Pixels", "norm_of", "picture_of", "window_of"]

#: Pixels of a side of a picture; a larger image is averaged in blocks.
_MOST_PIXELS = 600
#: Least and largest sigma, in pixels of the picture, of the Gaussian that sparse images are smoothed with.
_SMOOTHING = (1.5, 2.5)


@dataclass(frozen=True)
class Picture:
    """What is shown of an image.

    Attributes
    ----------
    values : ndarray, shape (rows, columns)
    block : int
        Pixels of the image along a side of a pixel shown.
    sigma : float
        What it is smoothed with, in pixels of the image; 0 where it is not.
    """

    values: NDArray[np.float64]
    block: int
    sigma: float


def window_of(
    shape: tuple[int, int], images: Iterable[NDArray[Any]], lines: Sequence[NDArray[np.float64]] = ()
) -> Field:
    """Give the pixels worth showing: all but a thousandth of the counts, and all lines, with a margin; from 0.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns.
    images : iterable of ndarray of that shape
        What is to be seen in one window: the counts are those of all of them.
    lines : sequence of ndarray, shape (n, 2)
        x and y.
    """
    rows, columns = shape
    across, up = np.zeros(columns), np.zeros(rows)
    for image in images:
        across += np.nansum(image, axis=0)
        up += np.nansum(image, axis=1)
    edges = [_span(across), _span(up)]
    low = [edge[0] for edge in edges]
    high = [edge[1] for edge in edges]
    for line in lines:
        for axis in (0, 1):
            low[axis] = min(low[axis], float(line[:, axis].min()))
            high[axis] = max(high[axis], float(line[:, axis].max()))
    margin = 0.06 * max(high[0] - low[0], high[1] - low[1]) + 2.0
    sizes = (columns, rows)
    ends = [(max(math.floor(low[n] - margin), 0), min(math.ceil(high[n] + margin), sizes[n] - 1)) for n in (0, 1)]
    return Field(*ends[0], *ends[1])


def _span(counts: NDArray[np.float64]) -> tuple[float, float]:
    total = np.cumsum(counts)
    if not total[-1] > 0:
        return 0.0, float(len(counts) - 1)
    first, last = np.searchsorted(total, [0.0005 * total[-1], 0.9995 * total[-1]])
    return float(first), float(min(last, len(counts) - 1))


def picture_of(image: NDArray[Any], window: Field) -> Picture:
    """Cut an image to a window, and smooth it if most of its pixels hold no count.

    Of an image with more pixels than the picture will have, blocks of pixels are averaged first.
    """
    cut = image[window.y_first : window.y_last + 1, window.x_first : window.x_last + 1]
    block = math.ceil(max(cut.shape) / _MOST_PIXELS)
    filled = np.nan_to_num(np.asarray(_averaged(cut, block), dtype=np.float64))
    shown = np.count_nonzero(filled)
    if not shown or shown > 0.5 * filled.size:
        return Picture(filled, block, 0.0)
    # the fewer counts, the wider: about one count to the area of the Gaussian
    wished = math.sqrt(filled.size / (4 * math.pi * shown))
    sigma = min(max(round(2 * wished) / 2, _SMOOTHING[0]), _SMOOTHING[1])
    return Picture(smoothed(filled, sigma), block, block * sigma)


def _averaged(image: NDArray[Any], block: int) -> NDArray[Any]:
    """Average blocks of pixels; those at the upper edges may be cut."""
    if block == 1:
        return image
    rows, columns = (-(-size // block) * block for size in image.shape)
    padded = np.pad(image, ((0, rows - image.shape[0]), (0, columns - image.shape[1])), mode="edge")
    return np.asarray(padded.reshape(rows // block, block, columns // block, block).mean(axis=(1, 3)))


def norm_of(picture: Picture) -> AsinhNorm:
    """Give the scale of colours: linear up to the bulk of the pixels, logarithmic beyond."""
    values = picture.values
    top = float(values.max(initial=0.0))
    positive = values[values > 0]
    soft = float(np.percentile(positive, 75)) if positive.size else 1.0
    return AsinhNorm(linear_width=max(soft, 1e-3 * top, 1e-30), vmin=0.0, vmax=top if top > 0 else 1.0)


class Pixels(Artist):
    """Squares of colour on axes, each pixel of the figure having that of the square its centre lies in.

    It is ``imshow`` with the interpolation ``nearest``, which makes copies of the size of the figure as 32-bit and
    64-bit numbers on its way: forty megabytes for one picture.

    Parameters
    ----------
    colours : ndarray of uint8, shape (rows, columns, 4)
        The lowest row first.
    corner : (float, float)
        Where the lower left corner lies, in data coordinates.
    size : float
        Side of a square, in data coordinates.
    """

    zorder = 0

    def __init__(self, colours: NDArray[np.uint8], corner: tuple[float, float], size: float) -> None:
        super().__init__()
        self._colours, self._corner, self._size = colours, corner, size

    def draw(self, renderer: Any) -> None:
        """Draw what lies inside the axes."""
        axes = self.axes
        if axes is None:
            return
        box = axes.bbox
        ends = [(math.floor(low + 0.5), math.floor(high + 0.5)) for low, high in ((box.x0, box.x1), (box.y0, box.y1))]
        places = [np.arange(*each) + 0.5 for each in ends]
        back = axes.transData.inverted()
        x = back.transform(np.column_stack([places[0], np.full(len(places[0]), box.y0)]))[:, 0]
        y = back.transform(np.column_stack([np.full(len(places[1]), box.x0), places[1]]))[:, 1]
        column, row = (
            np.clip(np.floor((at - first) / self._size), 0, most - 1).astype(np.intp)
            for at, first, most in zip((x, y), self._corner, self._colours.shape[1::-1], strict=True)
        )
        context = renderer.new_gc()
        renderer.draw_image(context, ends[0][0], ends[1][0], self._colours[row[:, np.newaxis], column])
        context.restore()
        self.stale = False
