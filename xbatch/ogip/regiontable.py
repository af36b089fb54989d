"""Regions as FITS tables, which say what a spectrum was extracted from.

Convention: ASC-FITS-REGION 1.2 (Rots and McDowell 2003), as the extractor and evselect write it: one row a shape, all
in pixels; a place is selected by a component if all shapes of the component hold for it (those with ``!`` exclude), and
by the region if any component selects it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.ogip.eventheader import SkyWcs
from xbatch.ogip.fitsreader import Ragged
from xbatch.ogip.fitswriter import BinTable, Card
from xbatch.xray.region_masks import Rule, is_ambiguous
from xbatch.xray.regions import (
    Annulus,
    Box,
    BoxAnnulus,
    Circle,
    Ellipse,
    EllipseAnnulus,
    Panda,
    Point,
    Polygon,
    Shape,
)

__all__ = ["components", "region_table"]

#: Name, x, y, sizes, angles.
_Row = tuple[str, Sequence[float], Sequence[float], Sequence[float], Sequence[float]]


def components(shapes: Sequence[Shape], rule: Rule) -> list[list[Shape]]:
    """Sort shapes into components: each include with the excludes that take something from it."""
    excludes = [shape for shape in shapes if not shape.include]
    if not any(shape.include for shape in shapes):
        return [excludes]
    made: list[list[Shape]] = []
    if rule == "extractor" and is_ambiguous(shapes):
        first = next(number for number, shape in enumerate(shapes) if shape.include)
        made.append(list(shapes[:first]))
    for number, shape in enumerate(shapes):
        if shape.include:
            later = shapes if rule == "exclude-last" else shapes[number + 1 :]
            made.append([shape, *(other for other in later if not other.include)])
    return made


def region_table(name: str, shapes: Sequence[Shape], rule: Rule, wcs: SkyWcs | None = None) -> BinTable | None:
    """Make the table of a region.

    Parameters
    ----------
    name : str
        EXTNAME, ``REG00101``.
    shapes : sequence of Shape
    rule : str
        How they combine.
    wcs : SkyWcs, optional
        How X and Y lie on the sky.

    Returns
    -------
    BinTable or None
        None where the convention has no word for a shape: sectors of elliptic or box rings that exclude.
    """
    rows: list[tuple[int, _Row]] = []
    for number, component in enumerate(components(shapes, rule), 1):
        for shape in component:
            parts = _rows(shape)
            if not shape.include and len(parts) > 1:
                return None
            mark = "" if shape.include else "!"
            rows += [(number, (mark + kind, x, y, sizes, angles)) for kind, x, y, sizes, angles in parts]
    named = np.array([row[0].encode() for _, row in rows], dtype="S16")
    columns: list[tuple[str, str, NDArray[Any] | Ragged]] = [
        ("X", "pixel", _cells([row[1] for _, row in rows])),
        ("Y", "pixel", _cells([row[2] for _, row in rows])),
        ("SHAPE", "", named),
        ("R", "pixel", _cells([row[3] for _, row in rows])),
        ("ROTANG", "deg", _cells([row[4] for _, row in rows])),
        ("COMPONENT", "", np.array([number for number, _ in rows], dtype=np.int16)),
    ]
    return BinTable(name, columns, [*_CARDS, *_sky_cards(wcs)])


_CARDS = (
    Card("CONTENT", "REGION"),
    Card("HDUNAME", "REGION"),
    Card("HDUCLASS", "ASC"),
    Card("HDUCLAS1", "REGION"),
    Card("HDUCLAS2", "STANDARD"),
    Card("HDUVERS", "1.2.0"),
    Card("HDUDOC", "ASC-FITS-REGION-1.2: Rots, McDowell: FITS REGION Binary Table Design"),
    Card("MTYPE1", "pos"),
    Card("MFORM1", "X,Y"),
)


def _sky_cards(wcs: SkyWcs | None) -> list[Card]:
    if wcs is None:
        return []
    cards = []
    for number in (1, 2):
        cards += [
            Card(f"TCTYP{number}", wcs.ctype[number - 1]),
            Card(f"TCRPX{number}", wcs.crpix[number - 1]),
            Card(f"TCRVL{number}", wcs.crval[number - 1]),
            Card(f"TCDLT{number}", wcs.cdelt[number - 1]),
        ]
    return [*cards, Card("TCROT2", wcs.crota), Card("RADECSYS", wcs.radecsys), Card("EQUINOX", wcs.equinox)]


def _rows(shape: Shape) -> list[_Row]:
    """Write a shape, without regard to whether it excludes; a sector of an odd ring takes two rows."""
    match shape:
        case Polygon():
            xs, ys = zip(*shape.vertices, strict=True)
            return [("POLYGON", xs, ys, (0.0,), (0.0,))]
        case Panda():
            return _sector(shape)
        case Point():
            row: tuple[str, Sequence[float], Sequence[float]] = ("POINT", (0.0,), (0.0,))
        case Circle():
            row = ("CIRCLE", (shape.radius,), (0.0,))
        case Annulus():
            row = ("ANNULUS", (shape.inner, shape.outer), (0.0,))
        case Ellipse():
            row = ("ELLIPSE", (shape.a, shape.b), (shape.angle,))
        case Box():
            row = ("ROTBOX" if shape.angle else "BOX", (shape.width, shape.height), (shape.angle,))
        case EllipseAnnulus() | BoxAnnulus():
            kind = "ELLIPTANNULUS" if isinstance(shape, EllipseAnnulus) else "BOXANNULUS"
            row = (kind, (*shape.inner, *shape.outer), (shape.angle, shape.angle))
    kind, sizes, angles = row
    return [(kind, (shape.x,), (shape.y,), sizes, angles)]


def _sector(panda: Panda) -> list[_Row]:
    ring = panda.ring
    turned = 0.0 if isinstance(ring, Annulus) else ring.angle
    angles = (panda.start + turned, panda.stop + turned)
    if abs(panda.stop - panda.start) >= 360.0:
        return _rows(ring)
    if isinstance(ring, Annulus) and math.isfinite(ring.outer):
        return [("PIE", (ring.x,), (ring.y,), (ring.inner, ring.outer), angles)]
    sector: _Row = ("SECTOR", (ring.x,), (ring.y,), (0.0,), angles)
    return [sector] if isinstance(ring, Annulus) else [*_rows(ring), sector]


def _cells(values: Sequence[Sequence[float]]) -> NDArray[np.float64] | Ragged:
    """Make a column: of one number a cell, of several, or of arrays of several lengths."""
    lengths = {len(cell) for cell in values}
    if lengths == {1}:
        return np.array([cell[0] for cell in values], dtype=np.float64)
    if len(lengths) == 1:
        return np.array(values, dtype=np.float64)
    start = np.concatenate([[0], np.cumsum([len(cell) for cell in values])])
    return Ragged(np.array([number for cell in values for number in cell], dtype=np.float64), start)
