"""Regions whose inner radius a search for pile-up has found."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from xbatch.base.errors import StepError
from xbatch.ogip.skyplane import PixelPlane
from xbatch.xray.regions import Annulus, Circle, Shape

__all__ = ["enlarged", "found_radii", "pixels_of_arcsec"]

_FOUND = "pileup/"
_ARCSEC = 1.0 / 3600.0
_ROUNDING = 1e-6


def found_radii(inputs: Mapping[str, Path]) -> dict[str, Path]:
    """Give what searches have found, the inputs ``pileup/NAME``, by the name of the region."""
    return {role.removeprefix(_FOUND): path for role, path in inputs.items() if role.startswith(_FOUND)}


def enlarged(
    name: str, shapes: Sequence[Shape], path: Path, plane: PixelPlane
) -> tuple[tuple[Shape, ...], tuple[str, ...]]:
    """Set the inner radius that a search has found, where it is larger than the region's own.

    Parameters
    ----------
    name : str
        Of the region.
    shapes : sequence of Shape
        In pixels of `plane`.
    path : Path
        What the search has left: ``pileup.json``.
    plane : PixelPlane

    Returns
    -------
    shapes : tuple of Shape
    notes : tuple of str

    Raises
    ------
    StepError
        The region is neither a circle nor an annulus, or nothing of it is left.
    """
    found = json.loads(path.read_bytes())
    only = shapes[0]
    if len(shapes) != 1 or not isinstance(only, Annulus | Circle) or not only.include:
        raise StepError(
            f"the inner radius of the region {name!r} is to be enlarged, and it is neither a circle nor an annulus",
            cure="Write shape: annulus, center: target, inner: 0 arcsec, outer: 50 arcsec",
        )
    inner = float(found["inner"]) * pixels_of_arcsec(only, plane)
    own, outer = (only.inner, only.outer) if isinstance(only, Annulus) else (0.0, only.radius)
    if inner >= outer * (1.0 - _ROUNDING):
        raise StepError(
            f"the region {name!r} ends at {outer:.6g} pixels, and is piled up out to {inner:.6g}",
            cure="Give the search a smaller max, or the region a larger outer radius",
        )
    note = f"{name}: an inner radius of {float(found['inner']):g} arcsec leaves no pile-up"
    return (Annulus(only.x, only.y, max(own, inner), outer),), (note,)


def pixels_of_arcsec(shape: Annulus | Circle, plane: PixelPlane) -> float:
    """Give the pixels that an arcsec spans at a shape's centre, as sizes of regions are turned into pixels."""
    return plane.size(*plane.to_sky(shape.x, shape.y), _ARCSEC, plane.frame)
