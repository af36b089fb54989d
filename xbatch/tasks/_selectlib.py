"""Regions as SAS writes them: conditions on X and Y in the language of `evselect`.

Where that differs from a region file: a box is given by half its sides; there are no rings of ellipses and boxes, which
are a shape and not another; and members of a union stand in brackets of their own, since *and* binds more closely than
*or*.
"""

from __future__ import annotations

from collections.abc import Sequence

from xbatch.xray.region_masks import RULES, Rule
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
    Ring,
    Shape,
)

__all__ = ["region_expression", "shape_expression"]

_EVERYWHERE = "true"


def region_expression(shapes: Sequence[Shape], rule: Rule) -> str:
    """Write a region as one condition, in brackets.

    Parameters
    ----------
    shapes : sequence of Shape
        In pixels of X and Y, in the order of the file.
    rule : str
        How includes and excludes combine: see `xbatch.xray.region_masks.combine`.

    Raises
    ------
    ValueError
        There is no such rule, or there are no shapes.
    """
    if rule not in RULES:
        raise ValueError(f"regions are combined by {', '.join(RULES)}, not {rule!r}")
    if not shapes:
        raise ValueError("a region without shapes selects nothing")
    includes = [shape for shape in shapes if shape.include]
    excludes = [shape for shape in shapes if not shape.include]
    if not includes:
        return _all_but(_EVERYWHERE, excludes)
    if rule == "exclude-last":
        return _all_but(_union([shape_expression(shape) for shape in includes]), excludes)
    first = next(number for number, shape in enumerate(shapes) if shape.include)
    chosen = _in_order(shapes[first:])
    leading = shapes[:first]
    if rule == "extractor" and leading:
        return _union([chosen, _all_but(_EVERYWHERE, leading)])
    return chosen


def shape_expression(shape: Shape) -> str:
    """Write the inside of a shape, whether it includes or excludes."""
    match shape:
        case Circle():
            text = _inside("CIRCLE", shape.x, shape.y, shape.radius)
        case Annulus(inner=0.0):
            text = _inside("CIRCLE", shape.x, shape.y, shape.outer)
        case Annulus():
            text = _inside("ANNULUS", shape.x, shape.y, shape.inner, shape.outer)
        case Ellipse():
            text = _inside("ELLIPSE", shape.x, shape.y, shape.a, shape.b, shape.angle)
        case Box():
            text = _inside("BOX", shape.x, shape.y, shape.width / 2.0, shape.height / 2.0, shape.angle)
        case EllipseAnnulus():
            pair = [Ellipse(shape.x, shape.y, *axes, shape.angle) for axes in (shape.outer, shape.inner)]
            text = _hollow(pair[0], pair[1], min(shape.inner) > 0.0)
        case BoxAnnulus():
            both = [Box(shape.x, shape.y, *sides, shape.angle) for sides in (shape.outer, shape.inner)]
            text = _hollow(both[0], both[1], min(shape.inner) > 0.0)
        case Panda():
            text = _part_of_ring(shape)
        case Polygon():
            text = _inside("POLYGON", *(number for vertex in shape.vertices for number in vertex))
        case Point():
            text = _inside("BOX", shape.x, shape.y, 0.5, 0.5, 0.0)
    return text


def _in_order(shapes: Sequence[Shape]) -> str:
    """Combine shapes of which the first includes, each by what came before it."""
    chosen: list[str] = []
    for shape in shapes:
        if shape.include:
            chosen.append(shape_expression(shape))
        else:
            chosen = [_all_but(_union(chosen), [shape])]
    return _union(chosen)


def _union(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"({'||'.join(parts)})"


def _all_but(whole: str, excludes: Sequence[Shape]) -> str:
    if not excludes:
        return whole
    return f"({'&&!'.join([whole, *(shape_expression(shape) for shape in excludes)])})"


def _hollow(outer: Shape, inner: Shape, hole: bool) -> str:
    return _all_but(shape_expression(outer), [inner]) if hole else shape_expression(outer)


def _part_of_ring(panda: Panda) -> str:
    ring = shape_expression(panda.ring)
    span = panda.stop - panda.start
    if abs(span) >= 360.0:
        return ring
    start = (panda.start + _own_angle(panda.ring)) % 360.0
    stop = start + span % 360.0
    wedges = [(start, min(stop, 360.0))] + ([(0.0, stop - 360.0)] if stop > 360.0 else [])
    sectors = [_inside("SECTOR", panda.ring.x, panda.ring.y, *ends) for ends in wedges]
    return f"({ring}&&{_union(sectors)})"


def _own_angle(ring: Ring) -> float:
    return 0.0 if isinstance(ring, Annulus) else ring.angle


def _inside(word: str, *numbers: float) -> str:
    return f"((X,Y) IN {word}({','.join(_number(number) for number in numbers)}))"


def _number(value: float) -> str:
    """Write a number to a thousandth of a pixel (0.05 mas) and better."""
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text
