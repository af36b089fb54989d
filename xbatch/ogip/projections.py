"""How places on the sky and pixels go into each other: the tangential projection by itself, all others by astropy.

Event lists of X-ray missions are tangential (gnomonic): Calabretta & Greisen 2002, A&A 395, 1077, section 5.1.3. That
one is computed here, because to import astropy's world coordinates takes longer than to make most products of events.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from xbatch.ogip.eventheader import SkyWcs

__all__ = ["Projection", "Tangent", "Wcslib", "astropy_wcs", "tangent"]

Floats = NDArray[np.float64]


class Projection(Protocol):
    """What a plane needs to know of its sky; degrees, and pixels counted from 1."""

    @property
    def wcs(self) -> Any:
        """The same as an astropy.wcs.WCS."""

    @property
    def reference(self) -> tuple[float, float]:
        """Longitude and latitude of the reference point."""

    @property
    def matrix(self) -> Floats:
        """Degrees on the tangential plane by pixels, shape (2, 2)."""

    def to_pixels(self, lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
        """Give the pixels of places; NaN on the other side of the sky."""

    def to_sky(self, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
        """Give the places of pixels."""


@dataclass(frozen=True)
class Tangent:
    """A tangential projection.

    Attributes
    ----------
    sky : SkyWcs
        With CTYPE of the kind TAN.
    frame : str
        ``fk5``, ``icrs`` or ``galactic``.
    """

    sky: SkyWcs
    frame: str

    @property
    def reference(self) -> tuple[float, float]:
        """Longitude and latitude of the reference point."""
        return self.sky.crval

    @cached_property
    def matrix(self) -> Floats:
        """Degrees on the tangential plane by pixels, shape (2, 2)."""
        turn = math.radians(self.sky.crota)
        across, up = self.sky.cdelt
        return np.array(
            [
                [across * math.cos(turn), -up * math.sin(turn)],
                [across * math.sin(turn), up * math.cos(turn)],
            ]
        )

    @cached_property
    def _inverse(self) -> Floats:
        inverse: Floats = np.linalg.inv(self.matrix).astype(np.float64)
        return inverse

    @property
    def wcs(self) -> Any:
        """The same as an astropy.wcs.WCS."""
        return astropy_wcs(self.sky)

    def to_pixels(self, lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
        """Give the pixels of places; NaN on the other side of the sky."""
        lon_0, lat_0 = self.sky.crval
        east = np.radians(np.asarray(lon, np.float64) - lon_0)
        north, at = np.radians(np.asarray(lat, np.float64)), math.radians(lat_0)
        # differences of nearly equal products would lose digits near the reference point
        bend = 2.0 * np.cos(north) * np.sin(0.5 * east) ** 2
        # the difference is taken in degrees, where it is exact
        up = np.sin(np.radians(np.asarray(lat, np.float64) - lat_0)) + math.sin(at) * bend
        depth = np.sin(north) * math.sin(at) + np.cos(north) * math.cos(at) * np.cos(east)
        seen = depth > 0.0
        depth = np.where(seen, depth, np.nan)
        xi, eta = np.degrees(np.cos(north) * np.sin(east) / depth), np.degrees(up / depth)
        inverse = self._inverse
        x: Floats = inverse[0, 0] * xi + inverse[0, 1] * eta + self.sky.crpix[0]
        y: Floats = inverse[1, 0] * xi + inverse[1, 1] * eta + self.sky.crpix[1]
        return x, y

    def to_sky(self, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
        """Give the places of pixels."""
        across = np.asarray(x, np.float64) - self.sky.crpix[0]
        up = np.asarray(y, np.float64) - self.sky.crpix[1]
        matrix, at = self.matrix, math.radians(self.sky.crval[1])
        xi = np.radians(matrix[0, 0] * across + matrix[0, 1] * up)
        eta = np.radians(matrix[1, 0] * across + matrix[1, 1] * up)
        away = math.cos(at) - eta * math.sin(at)
        lon: Floats = (self.sky.crval[0] + np.degrees(np.arctan2(xi, away))) % 360.0
        lat: Floats = np.degrees(np.arctan2(math.sin(at) + eta * math.cos(at), np.hypot(xi, away)))
        return lon, lat


@dataclass(frozen=True)
class Wcslib:
    """Any projection, by astropy and WCSLIB."""

    wcs: Any

    @property
    def reference(self) -> tuple[float, float]:
        """Longitude and latitude of the reference point."""
        lon, lat = (float(value) for value in self.wcs.wcs.crval)
        return lon, lat

    @property
    def matrix(self) -> Floats:
        """Degrees on the plane by pixels, shape (2, 2)."""
        return np.asarray(self.wcs.pixel_scale_matrix, np.float64)

    def to_pixels(self, lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
        """Give the pixels of places; NaN on the other side of the sky."""
        x, y = self.wcs.all_world2pix(lon, lat, 1)
        return x, y

    def to_sky(self, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
        """Give the places of pixels."""
        lon, lat = self.wcs.all_pix2world(x, y, 1)
        return lon, lat


def tangent(sky: SkyWcs) -> Tangent | None:
    """Give the projection of an event list, None if it is not one that is computed here."""
    frames = {"FK5": "fk5" if sky.equinox == 2000.0 else "", "ICRS": "icrs"}
    kinds = {("RA---TAN", "DEC--TAN"): frames.get(sky.radecsys, ""), ("GLON-TAN", "GLAT-TAN"): "galactic"}
    frame = kinds.get(sky.ctype, "")
    numbers = (*sky.crpix, *sky.crval, *sky.cdelt, sky.crota)
    plain = all(math.isfinite(number) for number in numbers) and 0.0 not in sky.cdelt and abs(sky.crval[1]) < 90.0
    return Tangent(sky, frame) if frame and plain else None


def astropy_wcs(sky: SkyWcs) -> Any:
    """Make an astropy.wcs.WCS of an event list's coordinates.

    Raises
    ------
    astropy.wcs.WcsError
        They contradict themselves.
    """
    from astropy.wcs import WCS

    made = WCS(naxis=2)
    made.wcs.ctype = list(sky.ctype)
    made.wcs.crpix = list(sky.crpix)
    made.wcs.crval = list(sky.crval)
    made.wcs.cdelt = list(sky.cdelt)
    made.wcs.cunit = ["deg", "deg"]
    if sky.crota:
        made.wcs.crota = [0.0, sky.crota]
    if not sky.ctype[0].startswith("GLON"):
        made.wcs.radesys = sky.radecsys
        if not sky.radecsys.startswith("ICRS"):
            made.wcs.equinox = sky.equinox
    made.wcs.set()
    return made
