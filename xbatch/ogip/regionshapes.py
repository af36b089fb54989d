"""From the words of one region statement to a shape in pixels: layouts of arguments, units, sexagesimals."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from xbatch.base.errors import FileError
from xbatch.ogip.regiontext import SKY_SYSTEMS, Statement
from xbatch.ogip.skyplane import PixelPlane
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

__all__ = ["Place", "make_shape", "placed", "shape_of", "sky_size"]

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_WITH_UNIT = re.compile(rf"({_NUMBER})([dripDRIP\"']?)")
_COLONS = re.compile(r"([-+]?)(\d+):(\d+)(?::(\d+\.?\d*))?()")
_LETTERS = re.compile(r"([-+]?)(\d+)[hd](\d+)m(?:(\d+\.?\d*)s)?()", re.IGNORECASE)
_SUFFIX_SYSTEM = {"p": "physical", "i": "image", "d": "sky", "r": "sky"}
_DEGREES = {'"': 1.0 / 3600.0, "'": 1.0 / 60.0, "d": 1.0, "r": math.degrees(1.0)}
_KNOWN = {
    "circle": "x, y, radius",
    "ellipse": "x, y, two semi-axes, angle (for rings more pairs of semi-axes)",
    "box": "x, y, width, height, angle (for rings more pairs of sides)",
    "annulus": "x, y, inner and outer radius",
    "panda": "x, y, first and last angle, number of angles, inner and outer radius, number of radii",
    "epanda": "x, y, first and last angle, number of angles, two inner and two outer semi-axes, number of radii, angle",
    "bpanda": "x, y, first and last angle, number of angles, two inner and two outer sides, number of radii, angle",
    "pie": "x, y, inner and outer radius, first and last angle, or x, y and the angles alone",
    "polygon": "x and y of three vertices or more",
    "point": "x, y",
}
_ALIASES = {"rotbox": "box", "cpanda": "panda", "sector": "pie"}


@dataclass(frozen=True)
class Place:
    """A position: its pixel, and where it was on the sky if it was given there (degrees, and the frame)."""

    x: float
    y: float
    lon: float = 0.0
    lat: float = 0.0
    frame: str | None = None


@dataclass(frozen=True)
class _Layout:
    """Which arguments of a shape are coordinates, which sizes, which angles; others are counts of no effect."""

    coordinates: range
    sizes: range
    angles: tuple[int, ...]


def shape_of(statement: Statement, plane: PixelPlane, file: str) -> tuple[Shape | None, list[str]]:
    """Place one shape on the pixels.

    Parameters
    ----------
    statement : Statement
        What is written.
    plane : PixelPlane
        Where the sky lies on the pixels.
    file : str
        The file of the statement, for messages.

    Returns
    -------
    shape : Shape or None
        None if its size is 0.
    notes : list of str
        What was assumed.

    Raises
    ------
    FileError
        The shape or its arguments make no sense, or cannot be placed.
    """
    return _Reading(statement, plane, file).shape()


def placed(x: float, y: float, system: str, plane: PixelPlane) -> Place:
    """Place a position given in pixels (`image`, `physical`) or in degrees of a sky system."""
    if system == "image":
        return Place(x, y)
    if system == "physical":
        return Place(*plane.from_physical(x, y))
    return Place(*plane.from_sky(x, y, system), x, y, system)


def make_shape(
    name: str, places: Sequence[Place], sizes: Sequence[float], angles: Sequence[float], include: bool
) -> Shape:
    """Make a shape of positions, sizes and angles that are in pixels and their directions already.

    Raises
    ------
    ValueError
        A size is negative, an inner size exceeds the outer one, a polygon has too few vertices.
    """
    x, y = places[0].x, places[0].y
    if name in _ROUND:
        return _ROUND[name](x, y, sizes, angles, include)
    if name == "polygon":
        return Polygon(tuple((place.x, place.y) for place in places), include)
    return Point(x, y, include)


_Maker = Callable[[float, float, Sequence[float], Sequence[float], bool], Shape]


def _circle(x: float, y: float, sizes: Sequence[float], _angles: Sequence[float], include: bool) -> Shape:
    return Circle(x, y, sizes[0], include)


def _annulus(x: float, y: float, sizes: Sequence[float], _angles: Sequence[float], include: bool) -> Shape:
    return Annulus(x, y, sizes[0], sizes[-1], include)


def _ellipse(x: float, y: float, sizes: Sequence[float], angles: Sequence[float], include: bool) -> Shape:
    angle = angles[0] if angles else 0.0
    if len(sizes) == 2:
        return Ellipse(x, y, sizes[0], sizes[1], angle, include)
    return EllipseAnnulus(x, y, (sizes[0], sizes[1]), (sizes[-2], sizes[-1]), angle, include)


def _box(x: float, y: float, sizes: Sequence[float], angles: Sequence[float], include: bool) -> Shape:
    angle = angles[0] if angles else 0.0
    if len(sizes) == 2:
        return Box(x, y, sizes[0], sizes[1], angle, include)
    return BoxAnnulus(x, y, (sizes[0], sizes[1]), (sizes[-2], sizes[-1]), angle, include)


def _pie(x: float, y: float, sizes: Sequence[float], angles: Sequence[float], include: bool) -> Shape:
    inner, outer = (sizes[0], sizes[-1]) if sizes else (0.0, math.inf)
    return Panda(Annulus(x, y, inner, outer), angles[0], angles[1], include)


def _epanda(x: float, y: float, sizes: Sequence[float], angles: Sequence[float], include: bool) -> Shape:
    angle = angles[2] if len(angles) > 2 else 0.0
    ring: Ring = EllipseAnnulus(x, y, (sizes[0], sizes[1]), (sizes[2], sizes[3]), angle)
    return Panda(ring, angles[0], angles[1], include)


def _bpanda(x: float, y: float, sizes: Sequence[float], angles: Sequence[float], include: bool) -> Shape:
    angle = angles[2] if len(angles) > 2 else 0.0
    ring: Ring = BoxAnnulus(x, y, (sizes[0], sizes[1]), (sizes[2], sizes[3]), angle)
    return Panda(ring, angles[0], angles[1], include)


_ROUND: Mapping[str, _Maker] = {
    "circle": _circle,
    "annulus": _annulus,
    "ellipse": _ellipse,
    "box": _box,
    "panda": _pie,
    "pie": _pie,
    "epanda": _epanda,
    "bpanda": _bpanda,
}


def _layout(name: str, number: int) -> _Layout | None:
    """Say what the arguments of a shape are, from how many there are; None if that many make no such shape."""
    centre = range(2)
    layouts: dict[str, dict[int, _Layout]] = {
        "circle": {3: _Layout(centre, range(2, 3), ())},
        "panda": {8: _Layout(centre, range(5, 7), (2, 3))},
        "epanda": {
            10: _Layout(centre, range(5, 9), (2, 3)),
            11: _Layout(centre, range(5, 9), (2, 3, 10)),
        },
        "pie": {4: _Layout(centre, range(0), (2, 3)), 6: _Layout(centre, range(2, 4), (4, 5))},
        "point": {2: _Layout(centre, range(0), ())},
    }
    layouts["bpanda"] = layouts["epanda"]
    if name in layouts:
        return layouts[name].get(number)
    if name == "annulus":
        return _Layout(centre, range(2, number), ()) if number >= 4 else None
    if name == "polygon":
        return _Layout(range(number), range(0), ()) if number >= 6 and number % 2 == 0 else None
    if number % 2:
        return _Layout(centre, range(2, number - 1), (number - 1,)) if number >= 5 else None
    # Without an angle three pairs could as well be two pairs and two angles.
    return _Layout(centre, range(2, number), ()) if number in {4, 6} else None


class _Reading:
    """One statement being read; collects what had to be assumed."""

    def __init__(self, statement: Statement, plane: PixelPlane, file: str) -> None:
        self.statement = statement
        self.plane = plane
        self.file = file
        self.notes: list[str] = []
        self.name = _ALIASES.get(statement.name, statement.name)
        # DS9 writes the number of rings as n=4; the union of the rings is the same.
        self.arguments = [word for word in statement.arguments if not word.lower().startswith("n=")]

    def shape(self) -> tuple[Shape | None, list[str]]:
        if self.name not in _KNOWN:
            raise self._error(
                f"{self.statement.name!r} is not a shape that selects", f"There are {', '.join(sorted(_KNOWN))}"
            )
        layout = _layout(self.name, len(self.arguments))
        if layout is None:
            raise self._error(
                f"{self.statement.name} is given {len(self.arguments)} numbers", f"It takes {_KNOWN[self.name]}"
            )
        system = self.statement.system or self._default_system(layout)
        words = [self.arguments[number] for number in layout.coordinates]
        places = [self._place(words[first], words[first + 1], system) for first in range(0, len(words), 2)]
        sizes = [self._size(self.arguments[number], places[0], system) for number in layout.sizes]
        angles = [self._angle(self.arguments[number], system) for number in layout.angles]
        if len(layout.angles) > 1 and self._mirrored(system):
            angles[:2] = angles[1], angles[0]
        if sizes and self._is_nothing(sizes):
            return None, [*self.notes, f"line {self.statement.line}: {self.statement.name} of size 0 is left out"]
        try:
            return make_shape(self.name, places, sizes, angles, self.statement.include), self.notes
        except ValueError as error:
            raise self._error(str(error), f"{self.statement.name} takes {_KNOWN[self.name]}") from None

    def _is_nothing(self, sizes: Sequence[float]) -> bool:
        """Say whether the outermost sizes leave no area; a ring without width has none either."""
        outer = sizes[-1:] if self.name in {"circle", "annulus", "panda", "pie"} else sizes[-2:]
        return min(outer) == 0.0 or (len(sizes) > len(outer) and list(sizes[: len(outer)]) == list(outer))

    def _default_system(self, layout: _Layout) -> str:
        if any(_sexagesimal(self.arguments[number]) for number in layout.coordinates):
            self.notes.append("no coordinate system is named: sexagesimal coordinates are taken as fk5")
            return "fk5"
        if any(self.arguments[number][-1] in "\"'" for number in layout.sizes):
            raise self._error(
                "sizes are in arcsec or arcmin, but no coordinate system is named",
                "Put fk5, or physical, on a line before it",
            )
        self.notes.append("no coordinate system is named: coordinates are taken as physical, pixels of X and Y")
        return "physical"

    def _place(self, first: str, second: str, system: str) -> Place:
        hours = system in {"fk5", "fk4", "icrs"}
        x, x_unit = self._coordinate(first, hours)
        y, y_unit = self._coordinate(second, False)
        if x_unit != y_unit:
            raise self._error(
                f"the coordinates {first} and {second} are of two kinds",
                "Write both in one way, for example in degrees",
            )
        if x_unit == "sky" and system not in SKY_SYSTEMS:
            raise self._error(
                f"{first}, {second} lies on the sky, but the coordinates are {system}", "Put fk5 on a line before it"
            )
        system = x_unit if x_unit in {"physical", "image"} else system
        if system == "image" and not self.plane.is_image:
            self.notes.append("image coordinates are taken as pixels of X and Y, whatever the binning of a display")
        try:
            return placed(x, y, system, self.plane)
        except FileError as error:
            raise self._error(f"{error.what} ({error.file})", error.cure) from None

    def _coordinate(self, word: str, hours: bool) -> tuple[float, str]:
        """Give a coordinate in degrees or pixels, and the kind its own form tells: `sky`, a pixel system, or empty."""
        match = _sexagesimal(word)
        if match is not None:
            sign, whole, minutes, seconds, _ = match.groups()
            value = float(whole) + float(minutes) / 60.0 + float(seconds or 0.0) / 3600.0
            by_hours = "h" in word.lower() or (hours and ":" in word)
            return (-value if sign == "-" else value) * (15.0 if by_hours else 1.0), "sky"
        value, unit = self._number(word)
        if unit in {'"', "'"}:
            raise self._error(f"{word} is not a coordinate", "Write it in degrees or as hh:mm:ss")
        return (math.degrees(value) if unit == "r" else value), _SUFFIX_SYSTEM.get(unit, "")

    def _size(self, word: str, centre: Place, system: str) -> float:
        value, unit = self._number(word)
        if value < 0.0:
            raise self._error(f"the size {word} is negative", f"{self.statement.name} takes {_KNOWN[self.name]}")
        if unit == "" and system in SKY_SYSTEMS:
            self.notes.append("sizes without a unit are taken as degrees, as DS9 does (the ftools take pixels)")
            unit = "d"
        if unit in _DEGREES:
            return self._sky_size(value * _DEGREES[unit], centre)
        return value if _SUFFIX_SYSTEM.get(unit, system) == "image" else value * self.plane.physical_size

    def _sky_size(self, degrees: float, centre: Place) -> float:
        try:
            if self.plane.sky is not None and self.plane.squareness > 1.001:
                self.notes.append("pixels are not square: sizes on the sky are measured along the meridian")
            return sky_size(degrees, centre, self.plane)
        except FileError as error:
            raise self._error(f"{error.what} ({error.file})", error.cure) from None

    def _angle(self, word: str, system: str) -> float:
        value, unit = self._number(word)
        if unit not in {"", "d", "r"}:
            raise self._error(f"{word} is not an angle", "Write it in degrees")
        degrees = math.degrees(value) if unit == "r" else value
        return self.plane.angle(degrees, system) if system in SKY_SYSTEMS else degrees

    def _mirrored(self, system: str) -> bool:
        return system in SKY_SYSTEMS and self.plane.angle(90.0, system) < self.plane.angle(0.0, system)

    def _number(self, word: str) -> tuple[float, str]:
        match = _WITH_UNIT.fullmatch(word)
        if match is None:
            raise self._error(f"{word} is not a number", "Numbers may end in \", ', d, r, p or i")
        return float(match[1]), match[2].lower()

    def _error(self, what: str, cure: str) -> FileError:
        return FileError(self.file, f"line {self.statement.line}: {what}", cure)


def sky_size(degrees: float, centre: Place, plane: PixelPlane) -> float:
    """Give the pixels of a size on the sky at a place, which may have been given in pixels."""
    if centre.frame is not None:
        return plane.size(centre.lon, centre.lat, degrees, centre.frame)
    return plane.size(*plane.to_sky(centre.x, centre.y), degrees, plane.frame)


def _sexagesimal(word: str) -> re.Match[str] | None:
    return _COLONS.fullmatch(word) or _LETTERS.fullmatch(word)
