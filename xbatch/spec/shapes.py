"""One shape of a region as numbers: degrees and arcsec on the sky, pixels on an image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from xbatch.spec.eventmodel import Region
from xbatch.spec.nodes import Items, Node, Scalar, Table, text_of
from xbatch.spec.positions import PIXEL_FRAMES, degrees_of, length_of, place_of
from xbatch.spec.quantity import QuantityError
from xbatch.spec.report import Report, shown

__all__ = ["Anchor", "anchor_of", "as_annulus", "shape_params"]

_SIZES: Mapping[str, tuple[str, ...]] = {
    "circle": ("radius",),
    "ellipse": ("radii",),
    "box": ("size",),
    "annulus": ("inner", "outer"),
    "panda": ("inner", "outer"),
    "polygon": (),
    "point": (),
}
_HOLES = {"ellipse": ("inner_radii", "radii"), "box": ("inner_size", "size")}

#: In arcsec: no field of the missions here is as large as a degree.
_LARGEST_FIELD = 3600.0


@dataclass(frozen=True)
class Anchor:
    """Where a shape is: its frame, and its center (degrees or pixels; None for a polygon)."""

    frame: str
    center: tuple[float, float] | None = None


def anchor_of(node: Node | None, frame: str, report: Report) -> Anchor | None:
    """Read a center that is written out; None where it cannot be read."""
    if node is None:
        return Anchor(frame)
    place = _place(node, frame, report)
    return Anchor(frame, place) if place is not None else None


def shape_params(table: Table, anchor: Anchor, report: Report, notes: Report) -> Mapping[str, Any] | None:
    """Give what the tasks take for a shape (see `xbatch.spec.eventmodel.Region`); None where it is at fault."""
    before = len(report.problems)
    reader = _Reader(table, anchor.frame, report, notes)
    shape = text_of(table.entries.get("shape")) or ""
    sizes = [size for key in _sizes(table, shape) for size in reader.sizes(key)]
    angle = reader.number("angle", degrees_of) if "angle" in table.entries else 0.0
    sweep = None
    if shape == "panda":
        sweep = [reader.number("from", degrees_of), reader.number("to", degrees_of)]
    vertices = reader.vertices() if shape == "polygon" else None
    excluded = table.entries.get("exclude")
    if len(report.problems) > before:
        return None
    _check_sizes(table, shape, sizes, report)
    if len(report.problems) > before:
        return None
    return {
        "shape": shape,
        "frame": anchor.frame,
        "center": list(anchor.center) if anchor.center is not None else None,
        "sizes": sizes,
        "angle": angle,
        "sweep": sweep,
        "vertices": vertices,
        "include": not (isinstance(excluded, Scalar) and excluded.value is True),
    }


def as_annulus(region: Region) -> Region:
    """Give a region that is a circle as an annulus without a hole; any other stays itself."""
    shapes = region.params.get("shapes", ())
    if len(shapes) != 1 or shapes[0]["shape"] != "circle":
        return region
    ring = {**shapes[0], "shape": "annulus", "sizes": [0.0, *shapes[0]["sizes"]]}
    return replace(region, params={**region.params, "shapes": [ring]})


def _sizes(table: Table, shape: str) -> tuple[str, ...]:
    """Name the keys of sizes, the hole's first, as `xbatch.ogip.regions.inline_shape` takes them."""
    hole = _HOLES.get(shape)
    if hole is not None and isinstance(table.entries.get(hole[0]), Items):
        return hole
    return _SIZES[shape]


def _check_sizes(table: Table, shape: str, sizes: list[float], report: Report) -> None:
    if shape in {"annulus", "panda"} and sizes[0] >= sizes[1]:
        message = f"the inner radius of {table.path} is not below the outer one"
        report.add(table.entries["inner"], "XB211", message, "swap them")
    elif shape in _HOLES and len(sizes) == 4 and not (sizes[0] < sizes[2] and sizes[1] < sizes[3]):
        message = f"the hole of {table.path} is not inside it"
        report.add(table.entries[_HOLES[shape][0]], "XB211", message, "swap them")
    elif sizes and min(sizes[1:] if shape in {"annulus", "panda"} else sizes) <= 0.0:
        report.add(table, "XB205", f"{table.path} has no area: a size is 0", "write a size above 0")


@dataclass(frozen=True)
class _Reader:
    """Reads the values of one shape."""

    table: Table
    frame: str
    report: Report
    notes: Report

    def number(self, key: str, read: Callable[[str], float]) -> float:
        return self._read(self.table.entries.get(key), read)

    def sizes(self, key: str) -> list[float]:
        node = self.table.entries.get(key)
        nodes = node.items if isinstance(node, Items) else (node,)
        return [self._length(one) for one in nodes]

    def vertices(self) -> list[list[float]]:
        node = self.table.entries.get("vertices")
        places = [_place(one, self.frame, self.report) for one in (node.items if isinstance(node, Items) else ())]
        return [list(place) for place in places if place is not None]

    def _length(self, node: Node | None) -> float:
        value = self._read(node, lambda text: length_of(text, self.frame))
        text = str(node.value).strip() if isinstance(node, Scalar) else ""
        if node is not None and self.frame not in PIXEL_FRAMES and value > 0.0 and text[-1:] in "0123456789.":
            message = f"the size {shown(text)} of {self.table.path} is taken as degrees, as DS9 does"
            hint = f"write {text} deg"
            if value > _LARGEST_FIELD:
                message, hint = f"{message}, larger than any field", f"{hint}, or {text} arcsec if that is meant"
            self.notes.add(node, "XB229", message, hint)
        return value

    def _read(self, node: Node | None, read: Callable[[str], float]) -> float:
        if not isinstance(node, Scalar) or node.value is None:
            return 0.0
        try:
            return read(str(node.value))
        except QuantityError as error:
            self.report.add(node, error.code, error.message, error.hint)
            return 0.0


def _place(node: Node, frame: str, report: Report) -> tuple[float, float] | None:
    if not isinstance(node, Items):
        return None
    longitude, latitude = (str(one.value) if isinstance(one, Scalar) else "" for one in node.items)
    try:
        return place_of(longitude, latitude, frame)
    except QuantityError as error:
        report.add(node, error.code, error.message, error.hint)
        return None
