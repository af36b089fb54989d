"""Regions of several shapes: how includes and excludes combine, and their pixels.

Three rules are in use among programs that read the same text:

- ``file-order``: nothing is selected at first (all, if there are only excludes); an include adds, an exclude removes;
- ``exclude-last``: all includes, less all excludes, whatever their order; what DS9 users expect;
- ``extractor``: as ``file-order``, but excludes before the first include leave all else selected for good: the includes
  are added to that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.polygons import draw_polygon
from xbatch.xray.region_cells import cut_into_cells
from xbatch.xray.region_places import places
from xbatch.xray.regions import Polygon, Shape, bounds, inside

__all__ = [
    "LARGEST",
    "RULES",
    "Field",
    "Raster",
    "Rule",
    "bounding_box",
    "combine",
    "draw",
    "is_ambiguous",
    "mask",
    "pixels_inside",
    "pixels_that_differ",
    "region_parts",
    "selected",
]

Rule: TypeAlias = Literal["file-order", "exclude-last", "extractor"]
RULES: tuple[Rule, ...] = ("file-order", "exclude-last", "extractor")
_Bools: TypeAlias = NDArray[np.bool_]
_Floats: TypeAlias = NDArray[np.float64]
LARGEST = 1 << 26
"""Pixels of the largest image worth drawing; beyond it positions are better tested one by one."""
_BLOCK = 1 << 22
_CELL = 64


@dataclass(frozen=True)
class Field:
    """A rectangle of pixels: first and last column and row, as TLMIN and TLMAX of X and Y give them."""

    x_first: int
    x_last: int
    y_first: int
    y_last: int

    @property
    def width(self) -> int:
        """Number of columns."""
        return max(self.x_last - self.x_first + 1, 0)

    @property
    def height(self) -> int:
        """Number of rows."""
        return max(self.y_last - self.y_first + 1, 0)

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return self.width * self.height

    def common(self, other: Field) -> Field:
        """Give the part that two rectangles share; without any, its width or height is 0."""
        return Field(
            max(self.x_first, other.x_first),
            min(self.x_last, other.x_last),
            max(self.y_first, other.y_first),
            min(self.y_last, other.y_last),
        )

    def hull(self, other: Field) -> Field:
        """Give the smallest rectangle that holds both."""
        if not other.pixels:
            return self
        if not self.pixels:
            return other
        return Field(
            min(self.x_first, other.x_first),
            max(self.x_last, other.x_last),
            min(self.y_first, other.y_first),
            max(self.y_last, other.y_last),
        )

    def rows(self, first: int, last: int) -> Field:
        """Give some of its rows."""
        return Field(self.x_first, self.x_last, first, last)


@dataclass(frozen=True)
class Raster:
    """A region drawn on pixels: exact at every pixel's centre.

    Attributes
    ----------
    box : Field
        The pixels drawn.
    bits : array of bool, shape (box.height, box.width)
        Whether a pixel of the box is selected.
    outside : bool
        Whether all pixels outside the box are.
    """

    box: Field
    bits: _Bools
    outside: bool

    def at(self, x: NDArray[Any], y: NDArray[Any]) -> _Bools:
        """Look up positions that are whole numbers of pixels.

        Raises
        ------
        ValueError
            The positions are not integers; `selected` tests those.
        """
        flat, known = places(self.box, x, y)
        if not self.box.pixels:
            return np.full(flat.shape, self.outside)
        found = self.bits.reshape(-1).take(flat, mode="clip")
        if known is not None:
            found = found | ~known if self.outside else found & known
        return found


def is_ambiguous(shapes: Sequence[Shape]) -> bool:
    """Say whether programs differ on a region: it begins with an exclude and also includes."""
    return bool(shapes) and not shapes[0].include and any(shape.include for shape in shapes)


def combine(shapes: Sequence[Shape], test: Callable[[Shape], _Bools], size: tuple[int, ...], rule: Rule) -> _Bools:
    """Combine shapes by a rule.

    Parameters
    ----------
    shapes : sequence of Shape
        In the order of the file.
    test : function
        Gives what lies in one shape, as an array of `size`.
    size : tuple of int
        The shape of the result.
    rule : str
        ``file-order``, ``exclude-last`` or ``extractor``.

    Returns
    -------
    array of bool
        What is selected. Without any include, that is all but the excludes.

    Raises
    ------
    ValueError
        There is no such rule.
    """
    if rule not in RULES:
        raise ValueError(f"regions are combined by {', '.join(RULES)}, not {rule!r}")
    includes = [shape for shape in shapes if shape.include]
    excludes = [shape for shape in shapes if not shape.include]
    chosen = np.full(size, not includes)
    if rule == "exclude-last" or not includes:
        order: Sequence[Shape] = [*includes, *excludes]
        leading: Sequence[Shape] = []
    else:
        count = next(number for number, shape in enumerate(shapes) if shape.include)
        order = shapes[count:]
        leading = shapes[:count] if rule == "extractor" else []
    for shape in order:
        if shape.include:
            chosen |= test(shape)
        else:
            chosen &= ~test(shape)
    if leading:
        kept = np.full(size, True)
        for shape in leading:
            kept &= ~test(shape)
        chosen |= kept
    return chosen


def selected(shapes: Sequence[Shape], x: NDArray[Any], y: NDArray[Any], rule: Rule = "file-order") -> _Bools:
    """Say which positions a region selects, each tested by itself in 64-bit floats.

    Parameters
    ----------
    shapes : sequence of Shape
        The region.
    x, y : array
        Positions in pixels, of one shape; they need not be whole.
    rule : str
        How includes and excludes combine.

    Returns
    -------
    array of bool
    """
    return combine(shapes, lambda shape: inside(shape, x, y), np.shape(x), rule)


def draw(shapes: Sequence[Shape], rule: Rule = "file-order", field: Field | None = None) -> Raster:
    """Draw a region on the pixels of its own bounding box.

    Parameters
    ----------
    shapes : sequence of Shape
        The region.
    rule : str
        How includes and excludes combine.
    field : Field or None
        Where nothing outside is of interest; needed for a sector without an end.

    Returns
    -------
    Raster

    Raises
    ------
    ValueError
        A shape has no end and there is no field.
    """
    outside = _all_else(shapes, rule)
    box = _box(shapes, outside, field)
    return Raster(box, _draw_on(shapes, rule, box), outside)


def mask(shapes: Sequence[Shape], field: Field, rule: Rule = "file-order") -> _Bools:
    """Draw a region on a whole field.

    Returns
    -------
    array of bool, shape (field.height, field.width)
        The first element is pixel (field.x_first, field.y_first).
    """
    raster = draw(shapes, rule, field)
    whole = np.full((field.height, field.width), raster.outside)
    whole[_part(field, raster.box)] = raster.bits
    return whole


def pixels_inside(shapes: Sequence[Shape], field: Field, rule: Rule = "file-order") -> int:
    """Count the pixels of a field whose centre a region selects; what BACKSCAL is made of."""
    outside = _all_else(shapes, rule)
    box = _box(shapes, outside, field)
    x, _, blocks = _settled(shapes, box, rule)
    total = (field.pixels - box.pixels if outside else 0) + len(x) * _CELL * _CELL
    return total + sum(int(np.count_nonzero(_draw_on(shapes, rule, block))) for block in blocks)


def region_parts(
    shapes: Sequence[Shape], field: Field, rule: Rule = "file-order"
) -> Iterator[tuple[int, _Floats, _Floats]]:
    """Give the pixels of a field that a region selects, in parts: how many, and where.

    Where they are is told by each pixel's place, for regions of more than some million pixels by the centres of squares
    of ``pixels / n`` that no edge crosses.

    Yields
    ------
    pixels : int
    x, y : array, shape (n,)
    """
    box = field if _all_else(shapes, rule) else _box(shapes, False, field)
    x, y, blocks = _settled(shapes, box, rule)
    yield len(x) * _CELL * _CELL, x, y
    for block in blocks:
        for part in _blocks(block, 8):
            row, column = (place.astype(np.float64) for place in np.nonzero(_draw_on(shapes, rule, part)))
            row += part.y_first
            column += part.x_first
            yield len(row), column, row


def _settled(shapes: Sequence[Shape], box: Field, rule: Rule) -> tuple[_Floats, _Floats, Iterator[Field]]:
    """Give the centres of the cells that are wholly selected, and blocks that hold what is still to be drawn."""
    if box.pixels <= _BLOCK:
        return np.empty(0), np.empty(0), _blocks(box)
    cells = cut_into_cells(shapes, (box.x_first, box.y_first), (box.x_last, box.y_last), _CELL)
    x, y = cells.centres()
    chosen = np.flatnonzero(selected(shapes, x, y, rule))
    return x[chosen], y[chosen], (part for run in cells.runs() for part in _blocks(Field(*run)))


def pixels_that_differ(shapes: Sequence[Shape], rule: Rule, other: Rule, field: Field) -> int:
    """Count the pixels of a field that two rules treat differently; only excludes and later includes can matter."""
    box = Field(1, 0, 1, 0)
    for number, shape in enumerate(shapes):
        if not shape.include:
            own = _box_of(shape, field)
            for later in shapes[number + 1 :]:
                box = box.hull(own.common(_box_of(later, field))) if later.include else box
    if "extractor" in {rule, other} and is_ambiguous(shapes):
        box = field
    return sum(
        int(np.count_nonzero(_draw_on(shapes, rule, block) != _draw_on(shapes, other, block))) for block in _blocks(box)
    )


def bounding_box(shapes: Sequence[Shape], rule: Rule = "file-order", field: Field | None = None) -> Field:
    """Give the box that `draw` would draw, without drawing it."""
    return _box(shapes, _all_else(shapes, rule), field)


def _all_else(shapes: Sequence[Shape], rule: Rule) -> bool:
    """Say whether a region selects all that lies far from every shape of it."""
    return not any(shape.include for shape in shapes) or (rule == "extractor" and is_ambiguous(shapes))


def _box(shapes: Sequence[Shape], outside: bool, field: Field | None) -> Field:
    box = Field(1, 0, 1, 0)
    for shape in shapes:
        if shape.include or outside:
            box = box.hull(_box_of(shape, field))
    return box


def _box_of(shape: Shape, field: Field | None) -> Field:
    edges = bounds(shape)
    if field is None:
        if not all(math.isfinite(edge) for edge in edges):
            raise ValueError("a sector has no end: the field it lies in must be given")
        return _pixels(edges)
    x_low, x_high = (min(max(edge, field.x_first - 1), field.x_last + 1) for edge in edges[:2])
    y_low, y_high = (min(max(edge, field.y_first - 1), field.y_last + 1) for edge in edges[2:])
    return _pixels((x_low, x_high, y_low, y_high)).common(field)


def _pixels(edges: tuple[float, float, float, float]) -> Field:
    return Field(math.floor(edges[0]), math.ceil(edges[1]), math.floor(edges[2]), math.ceil(edges[3]))


def _blocks(box: Field, parts: int = 1) -> Iterator[Field]:
    """Cut a box into runs of rows of a few million pixels, so that a large one needs no more memory."""
    if not box.pixels:
        return
    rows = max(_BLOCK // parts // box.width, 1)
    for first in range(box.y_first, box.y_last + 1, rows):
        yield box.rows(first, min(first + rows - 1, box.y_last))


def _part(of: Field, part: Field) -> tuple[slice, slice]:
    if not part.pixels:
        return slice(0, 0), slice(0, 0)
    return (
        slice(part.y_first - of.y_first, part.y_last - of.y_first + 1),
        slice(part.x_first - of.x_first, part.x_last - of.x_first + 1),
    )


def _draw_on(shapes: Sequence[Shape], rule: Rule, box: Field) -> _Bools:
    if not box.pixels:
        return np.zeros((box.height, box.width) if box.width and box.height else (0, 0), dtype=np.bool_)

    def test(shape: Shape) -> _Bools:
        drawn = np.zeros((box.height, box.width), dtype=np.bool_)
        own = _box_of(shape, box)
        if own.pixels:
            drawn[_part(box, own)] = _draw_shape(shape, own)
        return drawn

    return combine(shapes, test, (box.height, box.width), rule)


def _draw_shape(shape: Shape, box: Field) -> _Bools:
    if isinstance(shape, Polygon):
        vertices = np.asarray(shape.vertices, dtype=np.float64)
        return draw_polygon(vertices, box.x_first, box.y_first, box.width, box.height)
    columns = np.arange(box.x_first, box.x_last + 1, dtype=np.float64)
    rows = np.arange(box.y_first, box.y_last + 1, dtype=np.float64)[:, np.newaxis]
    return inside(shape, columns, rows)
