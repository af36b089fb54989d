"""Regions read from DS9, CIAO and ftools text, or made of plain numbers, as shapes on the pixels of X and Y."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from xbatch.base.errors import FileError, StepError
from xbatch.ogip.regionshapes import make_shape, placed, shape_of, sky_size
from xbatch.ogip.regiontext import SKY_SYSTEMS, SYSTEMS, take_apart
from xbatch.ogip.skyplane import PixelPlane
from xbatch.xray.region_masks import (
    LARGEST,
    Field,
    Rule,
    bounding_box,
    is_ambiguous,
    pixels_inside,
    pixels_that_differ,
)
from xbatch.xray.regions import Shape

__all__ = [
    "INLINE",
    "Regions",
    "check_area",
    "choose_rule",
    "inline_shape",
    "parse_regions",
    "read_regions",
    "region_error",
]

_Pair: TypeAlias = tuple[float, float]

INLINE = {"circle": 1, "ellipse": 2, "box": 2, "annulus": 2, "panda": 2, "polygon": 0, "point": 0}
"""Shapes that can be made of plain numbers, and how many sizes each takes; ellipse and box take four for a ring."""


@dataclass(frozen=True)
class Regions:
    """What a region file selects.

    Attributes
    ----------
    shapes : tuple of Shape
        In pixels, in the order of the file.
    notes : tuple of str
        What was assumed or left out.
    """

    shapes: tuple[Shape, ...]
    notes: tuple[str, ...]


def read_regions(path: Path, plane: PixelPlane, system: str = "", points: bool = False) -> Regions:
    """Read a region file.

    Parameters
    ----------
    path : Path
        DS9, CIAO or ftools text.
    plane : PixelPlane
        Where the sky lies on the pixels: of `event_plane` or `image_plane`.
    system : str
        The coordinate system of a file that names none; empty to go by the form of the numbers.
    points : bool
        Whether a `point` selects its pixel, as in the ftools; in DS9 it only marks a place, and it is left out.

    Returns
    -------
    Regions

    Raises
    ------
    FileError
        The file cannot be read or understood, or nothing in it has an area; the line and a cure are named.
    """
    try:
        text = path.read_bytes().decode("utf-8", "replace")
    except OSError as error:
        raise FileError(str(path), f"cannot be read ({error.strerror})", "Check the name and the rights") from None
    return parse_regions(text, plane, str(path), system, points)


def parse_regions(text: str, plane: PixelPlane, file: str, system: str = "", points: bool = False) -> Regions:
    """Read region text; `file` is its name in messages, all else as in `read_regions`."""
    taken = take_apart(text, file, _known_system(system, file) if system else "")
    shapes: list[Shape] = []
    notes: list[str] = []
    left_out = list(taken.decorations)
    for statement in taken.statements:
        if statement.name == "point" and not points:
            left_out.append("point")
            continue
        shape, said = shape_of(statement, plane, file)
        shapes += [] if shape is None else [shape]
        notes += said
    if left_out:
        listed = ", ".join(f"{number} {name}" for name, number in sorted(Counter(left_out).items()))
        notes.append(f"left out because they mark and do not select: {listed}")
    if taken.background:
        lines = ", ".join(str(line) for line in taken.background)
        notes.append(f"marked as background in DS9, but read like the others: line {lines}")
    if not shapes:
        raise FileError(file, "no shape in it has an area", "Draw a circle, an ellipse, a box or a polygon")
    return Regions(tuple(shapes), tuple(dict.fromkeys(notes)))


def inline_shape(
    shape: str,
    plane: PixelPlane,
    frame: str,
    *,
    center: _Pair = (0.0, 0.0),
    sizes: Sequence[float] = (),
    angle: float = 0.0,
    sweep: _Pair | None = None,
    vertices: Sequence[_Pair] = (),
    include: bool = True,
) -> Shape:
    """Make a shape of plain numbers.

    Parameters
    ----------
    shape : str
        A key of `INLINE`.
    plane : PixelPlane
        Where the sky lies on the pixels.
    frame : str
        ``fk5``, ``icrs``, ``fk4``, ``galactic``, ``image`` or ``physical``.
    center : tuple of two float
        Degrees on the sky, else pixels.
    sizes : sequence of float
        Arcsec on the sky, else pixels: radius; semi-axes; width and height; inner and outer radius.
    angle : float
        Degrees, of an ellipse or a box.
    sweep : tuple of two float or None
        First and last angle of a panda.
    vertices : sequence of (float, float)
        Of a polygon, as `center`.
    include : bool
        False for an exclude.

    Returns
    -------
    Shape

    Raises
    ------
    FileError
        The plane has no sky coordinates, or the place is not on it.
    ValueError
        The numbers make no such shape.
    """
    system = SYSTEMS.get(frame.lower())
    if system is None:
        raise ValueError(f"coordinates are of the system {', '.join(sorted(SYSTEMS))}, not {frame!r}")
    if shape not in INLINE:
        raise ValueError(f"a shape is one of {', '.join(INLINE)}, not {shape!r}")
    wanted = INLINE[shape]
    if len(sizes) != wanted and not (shape in {"ellipse", "box"} and len(sizes) == 4):
        raise ValueError(f"{shape} takes {wanted} sizes, not {len(sizes)}")
    if any(size < 0.0 for size in sizes):
        raise ValueError(f"a size is not negative, as {min(sizes):g} is")
    if (shape == "panda") != (sweep is not None):
        raise ValueError("a panda, and no other shape, takes a first and a last angle")
    if shape == "polygon" and len(vertices) < 3:
        raise ValueError(f"a polygon has at least 3 vertices, not {len(vertices)}")
    places = [placed(x, y, system, plane) for x, y in (vertices if shape == "polygon" else [center])]
    if system in SKY_SYSTEMS:
        pixels = [sky_size(size / 3600.0, places[0], plane) for size in sizes]
        angles = [plane.angle(value, system) for value in (sweep or (angle,))]
        if sweep is not None and plane.angle(90.0, system) < plane.angle(0.0, system):
            angles.reverse()
    else:
        unit = plane.physical_size if system == "physical" else 1.0
        pixels, angles = [size * unit for size in sizes], list(sweep or (angle,))
    return make_shape(shape, places, pixels, angles, include)


def choose_rule(shapes: Sequence[Shape], rule: Rule | None, field: Field, file: str) -> tuple[Rule, tuple[str, ...]]:
    """Settle how includes and excludes combine.

    Parameters
    ----------
    shapes : sequence of Shape
        The region.
    rule : str or None
        What the user has asked for, if anything.
    field : Field
        The pixels there are.
    file : str
        Of the region, for messages.

    Returns
    -------
    rule : str
        ``file-order`` if nothing is asked for.
    notes : tuple of str
        A note where DS9 would show something else.

    Raises
    ------
    FileError
        The region begins with an exclude and also includes, and no rule is asked for: programs differ on it.
    """
    if rule is None and is_ambiguous(shapes):
        raise FileError(
            file,
            "begins with an exclude and also includes, which three programs read in three ways",
            "Put the includes first, or say combine: exclude-last (as DS9), file-order (later shapes win) or "
            "extractor (all but the excludes, and the includes)",
        )
    chosen: Rule = rule or "file-order"
    if chosen == "exclude-last":
        return chosen, ()
    number = pixels_that_differ(shapes, chosen, "exclude-last", field)
    if not number:
        return chosen, ()
    return chosen, (
        f"combine: {chosen} brings back {number} pixels that an exclude had removed; exclude-last, as DS9, would not",
    )


def check_area(shapes: Sequence[Shape], rule: Rule, field: Field, name: str, file: str) -> tuple[int, tuple[str, ...]]:
    """Make sure that a region selects something of the field.

    Parameters
    ----------
    shapes, rule, field
        The region, how it combines, and the pixels there are.
    name : str
        The region's name in the spec.
    file : str
        Its file, empty for one that the spec gives.

    Returns
    -------
    pixels : int
        How many pixels of the field have their centre inside.
    notes : tuple of str
        A note if the region reaches beyond the field.

    Raises
    ------
    FileError, StepError
        It selects no pixel of the field.
    """
    number = pixels_inside(shapes, field, rule)
    if not number:
        raise region_error(
            file,
            name,
            f"selects no pixel of the field (X {field.x_first} to {field.x_last}, Y {field.y_first} to {field.y_last})"
            f"{_whereabouts(shapes)}",
            "Check its coordinates, their system and the units of its sizes",
        )
    if not any(shape.include for shape in shapes):
        return number, ()
    try:
        box = bounding_box(shapes, rule)
    except ValueError:  # a sector without an end reaches beyond any field
        return number, ()
    if box.common(field) == box or box.pixels > LARGEST:
        return number, ()
    total = pixels_inside(shapes, box, rule)
    if total == number:
        return number, ()
    return number, (f"the region {name!r} reaches beyond the field: {number} of its {total} pixels lie in it",)


def _whereabouts(shapes: Sequence[Shape]) -> str:
    """Say where the included shapes of a region lie; nothing where they have no end."""
    try:
        box = bounding_box([shape for shape in shapes if shape.include])
    except ValueError:  # a sector without an end
        return ""
    return f": it lies at X {box.x_first} to {box.x_last}, Y {box.y_first} to {box.y_last}" if box.pixels else ""


def region_error(file: str, name: str, what: str, cure: str) -> FileError | StepError:
    """Make the error of a region, which is of its file if it has one."""
    said = f"the region {name!r} {what}"
    return FileError(file, said, cure) if file else StepError(said, cure=cure)


def _known_system(system: str, file: str) -> str:
    known = SYSTEMS.get(system.lower())
    if known is None:
        raise FileError(
            file, f"coordinates of the system {system!r} cannot be placed", f"Use one of {', '.join(sorted(SYSTEMS))}"
        )
    return known
