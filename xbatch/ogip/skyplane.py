"""The plane that X and Y of an event list, or the pixels of an image, make of the sky.

Places go through the world coordinates exactly. Sizes and angles follow the ftools (CFITSIO's region filter): a size is
the distance, in pixels, from the centre to the place that far along the meridian towards the equator; angles turn with
the plane as a whole, by the direction of north at its reference point.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from xbatch.base.errors import FileError
from xbatch.ogip.projections import Projection, Tangent, Wcslib, astropy_wcs, tangent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xbatch.ogip.eventheader import SkyWcs

__all__ = ["PixelPlane", "event_plane", "image_plane"]

_STEP = 1e-3
_LARGE = 1.0
_CELESTIAL = {("RA--", "DEC-"): "", ("GLON", "GLAT"): "galactic"}
_PIXELS_ONLY = "Give the region in physical coordinates"


@dataclass(frozen=True)
class PixelPlane:
    """Where the sky lies on pixels; pixel 1 is the first.

    Attributes
    ----------
    file : str
        What the plane belongs to, for messages.
    sky : Projection or None
        From pixels to the sky; None where there is no such relation.
    trouble : str
        Why there is none.
    scale, shift : tuple of two float
        From physical coordinates to pixels: LTMi_i and LTVi of an image; 1 and 0 for X, Y of an event list.
    is_image : bool
        Whether the pixels are those of an image; of an event list `image` coordinates are X, Y as well.
    """

    file: str
    sky: Projection | None = None
    trouble: str = "there are no sky coordinates"
    scale: tuple[float, float] = (1.0, 1.0)
    shift: tuple[float, float] = (0.0, 0.0)
    is_image: bool = False

    @property
    def wcs(self) -> Any | None:
        """The relation as an astropy.wcs.WCS, for figures; None where there is none."""
        return None if self.sky is None else self.sky.wcs

    def from_physical(self, x: float, y: float) -> tuple[float, float]:
        """Give the pixel of physical coordinates."""
        return x * self.scale[0] + self.shift[0], y * self.scale[1] + self.shift[1]

    @property
    def physical_size(self) -> float:
        """Pixels to one unit of physical coordinates."""
        return math.sqrt(abs(self.scale[0] * self.scale[1]))

    def from_sky(self, lon: float, lat: float, frame: str) -> tuple[float, float]:
        """Give the pixel of a place on the sky.

        Parameters
        ----------
        lon, lat : float
            Degrees.
        frame : str
            ``fk5``, ``icrs``, ``fk4`` or ``galactic``.

        Raises
        ------
        FileError
            There are no sky coordinates, or the place lies on the other side of the sky.
        """
        sky = self._sky()
        if frame != self.frame:
            lon, lat = _between(lon, lat, _frame(frame), self._own)
        x, y = (float(value) for value in sky.to_pixels(lon, lat))
        if not (math.isfinite(x) and math.isfinite(y)):
            raise FileError(self.file, f"({lon:g}, {lat:g}) degrees lies on the other side of the sky", _PIXELS_ONLY)
        return x, y

    def to_sky(self, x: float, y: float) -> tuple[float, float]:
        """Give the place of a pixel, in degrees of the plane's own frame."""
        lon, lat = self._sky().to_sky(x, y)
        return float(lon), float(lat)

    def onto(
        self, other: PixelPlane, x: NDArray[Any], y: NDArray[Any]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give the pixels of another plane that lie where pixels of this one do.

        Parameters
        ----------
        other : PixelPlane
        x, y : ndarray
            Positions in pixels of this plane, of one shape.

        Returns
        -------
        x, y : ndarray
            Positions in pixels of the other; NaN on the other side of its sky.

        Raises
        ------
        FileError
            One of the two has no sky coordinates.
        """
        lon, lat = self._sky().to_sky(x, y)
        target = other._sky()
        alike = self.frame and self.frame == other.frame
        if not alike and not self._own.is_equivalent_frame(other._own):
            lon, lat = _between_all(lon, lat, self._own, other._own)
        return target.to_pixels(lon, lat)

    def size(self, lon: float, lat: float, degrees: float, frame: str) -> float:
        """Give the pixels that a size on the sky spans at a place; of a large one, by the scale of its first degree."""
        step = min(degrees, _LARGE)
        if step == 0.0:
            return 0.0
        x, y = self.from_sky(lon, lat, frame)
        there = self.from_sky(lon, lat - step if lat >= 0.0 else lat + step, frame)
        return math.hypot(there[0] - x, there[1] - y) * (degrees / step)

    def angle(self, degrees: float, frame: str) -> float:
        """Give the angle from +x that an angle on the sky has: 0 is west and 90 north, as in DS9."""
        base, sign = self._turn(frame)
        return base + sign * degrees

    @cached_property
    def frame(self) -> str:
        """The frame of the sky coordinates, or empty if it is none of those that regions are written in."""
        return self.sky.frame if isinstance(self.sky, Tangent) else _name(self._own)

    @cached_property
    def squareness(self) -> float:
        """The ratio of the longer to the shorter side of a pixel on the sky."""
        across, up = (math.hypot(*(float(value) for value in column)) for column in self._sky().matrix.T)
        return max(across, up) / min(across, up)

    @cached_property
    def _own(self) -> Any:
        from astropy.coordinates import FK4, FK5, ICRS, Galactic

        sky = self._sky()
        if isinstance(sky, Tangent):
            return _frame(sky.frame)
        head = sky.wcs.wcs
        if head.ctype[0].startswith("GLON"):
            return Galactic()
        system = head.radesys.strip().upper() or ("ICRS" if math.isnan(head.equinox) else "FK5")
        if system == "ICRS":
            return ICRS()
        if system.startswith("FK4"):
            return FK4(equinox="B1950" if math.isnan(head.equinox) else f"B{head.equinox}")
        if system == "FK5":
            return FK5(equinox="J2000" if math.isnan(head.equinox) else f"J{head.equinox}")
        raise FileError(self.file, f"sky coordinates of the system {system} are not known here", _PIXELS_ONLY)

    def _sky(self) -> Projection:
        if self.sky is None:
            raise FileError(self.file, f"a region on the sky cannot be placed: {self.trouble}", _PIXELS_ONLY)
        return self.sky

    def _turn(self, frame: str) -> tuple[float, float]:
        import numpy as np

        sky = self._sky()
        lon, lat = sky.reference
        if frame != self.frame:
            lon, lat = _between(lon, lat, self._own, _frame(frame))
        side = 1.0 if lat >= 0.0 else -1.0
        x, y = self.from_sky(lon, lat, frame)
        x_south, y_south = self.from_sky(lon, lat - side * _STEP, frame)
        north = math.degrees(math.atan2(side * (y - y_south), side * (x - x_south)))
        sign = 1.0 if float(np.linalg.det(sky.matrix)) < 0.0 else -1.0
        # Rounded, so that a plane with north up turns nothing, not even by the last digit.
        return round(north - sign * 90.0, 9), sign


def event_plane(wcs: SkyWcs | None, file: str) -> PixelPlane:
    """Make the plane of X and Y of an event list.

    Parameters
    ----------
    wcs : SkyWcs or None
        Its coordinates; None if it has none on the sky.
    file : str
        Its name, for messages.
    """
    if wcs is None:
        return PixelPlane(file, trouble="X and Y have no sky coordinates (TCRPX, TCRVL, TCDLT)")
    if _kind(wcs.ctype) is None:
        return PixelPlane(file, trouble=f"X and Y are {' and '.join(wcs.ctype)}, not right ascension and declination")
    own = tangent(wcs)
    if own is not None:
        return PixelPlane(file, own)
    from astropy.wcs import WcsError

    try:
        return PixelPlane(file, Wcslib(astropy_wcs(wcs)))
    except WcsError as error:
        return PixelPlane(file, trouble=_broken(error))


def image_plane(header: Mapping[str, Any], file: str) -> PixelPlane:
    """Make the plane of an image from its header (an astropy header, or cards as text in one).

    Parameters
    ----------
    header : astropy.io.fits.Header
        With the world coordinates, and LTM1_1, LTM2_2, LTV1, LTV2 if physical coordinates differ from pixels.
    file : str
        Its name, for messages.

    Raises
    ------
    FileError
        Pixels and physical coordinates are turned against each other.
    """
    from astropy.wcs import WCS, WcsError

    if header.get("LTM1_2") or header.get("LTM2_1"):
        raise FileError(file, "physical coordinates are turned against the pixels (LTM1_2, LTM2_1)", "Use fk5")
    scale = (float(header.get("LTM1_1", 1.0)), float(header.get("LTM2_2", 1.0)))
    shift = (float(header.get("LTV1", 0.0)), float(header.get("LTV2", 0.0)))
    types = (str(header.get("CTYPE1", "")).strip().upper(), str(header.get("CTYPE2", "")).strip().upper())
    if not all(types):
        trouble = "the image has no sky coordinates (CTYPE1, CRVAL1 ...)"
        return PixelPlane(file, None, trouble, scale, shift, is_image=True)
    if _kind(types) is None:
        trouble = f"the axes of the image are {' and '.join(types)}, not right ascension and declination"
        return PixelPlane(file, None, trouble, scale, shift, is_image=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what astropy mends in old headers is not the user's trouble
        try:
            made = WCS(header, fix=False, naxis=2)
            made.wcs.set()
        except WcsError as error:
            return PixelPlane(file, None, _broken(error), scale, shift, is_image=True)
    return PixelPlane(file, Wcslib(made), "", scale, shift, is_image=True)


def _broken(error: Exception) -> str:
    """Give the last line of what WCSLIB says."""
    return f"the sky coordinates contradict themselves ({str(error).strip().splitlines()[-1]})"


def _kind(types: tuple[str, str]) -> str | None:
    """Give ``galactic``, or empty for equatorial axes, or None for any others, those of the Sun among them."""
    return _CELESTIAL.get((types[0][:4], types[1][:4]))


def _frame(name: str) -> Any:
    from astropy.coordinates import FK4, FK5, ICRS, Galactic

    made: Mapping[str, Any] = {
        "fk5": lambda: FK5(equinox="J2000"),
        "fk4": lambda: FK4(equinox="B1950"),
        "icrs": ICRS,
        "galactic": Galactic,
    }
    return made[name]()


def _name(frame: Any) -> str:
    return next((name for name in ("fk5", "icrs", "fk4", "galactic") if _frame(name).is_equivalent_frame(frame)), "")


def _between(lon: float, lat: float, start: Any, end: Any) -> tuple[float, float]:
    there = _between_all(lon, lat, start, end)
    return float(there[0]), float(there[1])


def _between_all(lon: Any, lat: Any, start: Any, end: Any) -> tuple[Any, Any]:
    from astropy import units
    from astropy.coordinates import SkyCoord

    place = SkyCoord(lon * units.deg, lat * units.deg, frame=start).transform_to(end).spherical
    return place.lon.deg, place.lat.deg
