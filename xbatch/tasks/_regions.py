"""Regions of a spec placed on the pixels of an event table: the same for spectra, light curves and pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xbatch.base.errors import FileError, StepError
from xbatch.ogip.eventtable import EventTable
from xbatch.ogip.regions import choose_rule, inline_shape, read_regions
from xbatch.ogip.skyplane import PixelPlane, event_plane
from xbatch.xray.region_masks import Field, Rule
from xbatch.xray.regions import Shape

__all__ = ["Placed", "field_of", "place_on", "place_regions", "plane_of", "region_files"]

_ROLE = "region/"


@dataclass(frozen=True)
class Placed:
    """A region on the pixels of X and Y.

    Attributes
    ----------
    shapes : tuple of Shape
    rule : str
        How includes and excludes combine.
    notes : tuple of str
        What was assumed or left out.
    file : str
        Its file, empty where the spec has its shapes.
    """

    shapes: tuple[Shape, ...]
    rule: Rule
    notes: tuple[str, ...]
    file: str


def region_files(inputs: Mapping[str, Path]) -> dict[str, Path]:
    """Give the region files among a step's inputs by the regions' names."""
    return {role.removeprefix(_ROLE): path for role, path in inputs.items() if role.startswith(_ROLE)}


def plane_of(table: EventTable) -> PixelPlane:
    """Give the plane that X and Y of a table make of the sky."""
    header = table.header
    return event_plane(header.wcs, f"events of {header.obsid or '?'}/{header.instrument or '?'}")


def field_of(table: EventTable) -> Field:
    """Give the pixels that X and Y of a table may have: TLMIN to TLMAX, or what the events span without these.

    Raises
    ------
    FileError
        The table has no X and Y.
    """
    if "x" not in table.columns or "y" not in table.columns:
        raise FileError(
            plane_of(table).file, "the list has no X and Y: no regions, and no images", "Use a list that has"
        )
    ends: list[int] = []
    for name in ("x", "y"):
        low, high = table.header.columns.get(table.info.sources.get(name, name.upper()), ("", "", None, None))[2:]
        if low is None or high is None:
            values = [(float(chunk[name].min()), float(chunk[name].max())) for chunk in table.chunks([name])]
            low, high = min(v[0] for v in values), max(v[1] for v in values)
        ends += [math.floor(low), math.ceil(high)]
    return Field(*ends)


def place_regions(
    table: EventTable, params: Mapping[str, Mapping[str, Any]], files: Mapping[str, Path]
) -> dict[str, Placed]:
    """Place regions on the pixels of a table.

    Parameters
    ----------
    table : EventTable
    params : Mapping of str to Mapping
        By the region's name: ``{"file": NAME, "combine": RULE | None}`` or ``{"shapes": [...], "combine": ...}``, as
        `xbatch.spec.eventmodel.Region` has it.
    files : Mapping of str to Path
        The files of those that have one, by the region's name.

    Raises
    ------
    FileError
        A file cannot be read or understood; the region cannot be placed on this list.
    StepError
        Inline shapes make no sense.
    """
    return place_on(plane_of(table), field_of(table), params, files)


def place_on(
    plane: PixelPlane, field: Field, params: Mapping[str, Mapping[str, Any]], files: Mapping[str, Path]
) -> dict[str, Placed]:
    """Place regions on a plane of pixels, of which `field` are those there are; all else as in `place_regions`."""
    placed = {}
    for name, region in params.items():
        if name in files:
            found = read_regions(files[name], plane)
            shapes, notes, file = found.shapes, found.notes, str(files[name])
        else:
            file = ""
            try:
                shapes, notes = _inline(name, region.get("shapes") or (), plane), ()
            except FileError as error:  # of the list: which region it cannot hold is to be said as well
                raise FileError(error.file, f"the region {name!r}: {error.what}", error.cure) from error
        rule, said = choose_rule(shapes, region.get("combine"), field, file or f"region {name!r}")
        placed[name] = Placed(shapes, rule, (*notes, *said), file)
    return placed


def _inline(name: str, shapes: Sequence[Mapping[str, Any]], plane: PixelPlane) -> tuple[Shape, ...]:
    if not shapes:
        raise StepError(f"the region {name!r} has neither a file nor shapes", cure="Name a file, or give a shape")
    made = []
    for given in shapes:
        sweep = given.get("sweep")
        try:
            made.append(
                inline_shape(
                    str(given["shape"]),
                    plane,
                    str(given.get("frame", "fk5")),
                    center=_pair(given.get("center") or (0.0, 0.0)),
                    sizes=[float(size) for size in given.get("sizes") or ()],
                    angle=float(given.get("angle") or 0.0),
                    sweep=None if sweep is None else _pair(sweep),
                    vertices=[_pair(vertex) for vertex in given.get("vertices") or ()],
                    include=bool(given.get("include", True)),
                )
            )
        except ValueError as error:
            raise StepError(f"the region {name!r} cannot be made: {error}", cure="Correct it in the spec") from error
    return tuple(made)


def _pair(values: Sequence[float]) -> tuple[float, float]:
    first, second = (float(value) for value in values)
    return first, second
