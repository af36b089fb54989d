"""Places and lengths on the sky as text: ``21:27:44.9``, ``+56d56m40s``, ``50 arcsec``. Standard library only."""

from __future__ import annotations

import math
import re

from xbatch.spec.quantity import QuantityError, quantity
from xbatch.spec.report import shown

__all__ = ["PIXEL_FRAMES", "degrees_of", "equatorial", "length_of", "place_of"]

PIXEL_FRAMES = ("image", "physical")
_PLAIN = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_SEXAGESIMAL = re.compile(
    r"(?P<sign>[-+]?)(?P<first>[0-9]{1,3})(?P<unit>[:hd ])\s*(?P<minutes>[0-9]{1,2})[:m ]\s*"
    r"(?P<seconds>[0-9]{1,2}(?:\.[0-9]*)?)s?",
    re.ASCII,
)
_LENGTH = re.compile(rf"(?P<number>{_PLAIN.pattern})\s*(?P<unit>[A-Za-z%]*)", re.ASCII)
# Unit vectors in a frame to those of J2000: The Hipparcos and Tycho Catalogues (1997), vol. 1, eq. 1.5.11;
# Standish (1982), A&A 115, 20. The E-terms of aberration, 0.34 arcsec at most, are left out of the second.
_TO_J2000 = {
    "galactic": (
        (-0.0548755604, 0.4941094279, -0.8676661490),
        (-0.8734370902, -0.4448296300, -0.1980763734),
        (-0.4838350155, 0.7469822445, 0.4559837762),
    ),
    "fk4": (
        (0.9999256782, -0.0111820611, -0.0048579477),
        (0.0111820610, 0.9999374784, -0.0000271765),
        (0.0048579479, -0.0000271474, 0.9999881997),
    ),
}
#: A bare number above is no size in degrees that anyone means.
_PIXELS = ("pixel", "pixels", "pix", "px")


def place_of(longitude: str, latitude: str, frame: str) -> tuple[float, float]:
    """Read a position.

    Parameters
    ----------
    longitude, latitude : str
        Degrees, or sexagesimal: hours and degrees; ``12h30m10s`` and ``187d32m30s`` say which. In frames ``image``
        and ``physical`` pixels.
    frame : str

    Returns
    -------
    tuple of two float
        Degrees, or pixels.

    Raises
    ------
    QuantityError

    Examples
    --------
    >>> place_of("14:13:14.9", "-03:12:27.3", "icrs")
    (213.31208333333333, -3.2075833333333335)
    """
    if frame in PIXEL_FRAMES:
        return _pixels(longitude), _pixels(latitude)
    lon, lat = _angle(longitude, 15.0, frame), _angle(latitude, 1.0, frame)
    if not -90.0 <= lat <= 90.0:
        hint = "write [right ascension, declination]" if frame != "galactic" else "write [longitude, latitude]"
        raise QuantityError("XB223", f"the latitude {shown(latitude)} is not between -90 and 90 degrees", hint)
    if not -180.0 <= lon <= 360.0:
        raise QuantityError("XB223", f"the longitude {shown(longitude)} is not between 0 and 360 degrees", "")
    return lon, lat


def equatorial(longitude: float, latitude: float, frame: str) -> tuple[float, float]:
    """Give a position as right ascension and declination of J2000, degrees; icrs and fk5 are one for this.

    Examples
    --------
    >>> equatorial(0.0, 90.0, "fk5")
    (0.0, 90.0)
    """
    if frame not in _TO_J2000:
        return longitude, latitude
    lon, lat = math.radians(longitude), math.radians(latitude)
    unit = (math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat))
    x, y, z = (sum(a * b for a, b in zip(row, unit, strict=True)) for row in _TO_J2000[frame])
    return math.degrees(math.atan2(y, x)) % 360.0, math.degrees(math.atan2(z, math.hypot(x, y)))


def _pixels(text: str) -> float:
    if not _PLAIN.fullmatch(text.strip()):
        raise QuantityError("XB223", f"{shown(text)} is not a place in pixels", "write numbers, as [500.5, 498.2]")
    return _finite(float(text), text)


def _angle(text: str, hour: float, frame: str) -> float:
    """Read one coordinate, in degrees; `hour` is how many degrees a first sexagesimal number without a unit means."""
    stripped = text.strip()
    if _PLAIN.fullmatch(stripped):
        return _finite(float(stripped), text)
    found = _SEXAGESIMAL.fullmatch(stripped)
    if found is None:
        if stripped.endswith("deg") and _PLAIN.fullmatch(stripped[:-3].strip()):
            return _finite(float(stripped[:-3]), text)
        hint = "write it as 21:27:44.9 (hours) or +56:56:40 (degrees) in quotes, or in degrees"
        raise QuantityError("XB223", f"{shown(text)} is not a place on the sky", hint)
    if frame == "galactic":
        raise QuantityError("XB223", f"{shown(text)}: galactic coordinates are in degrees", "write them in degrees")
    minutes, seconds = float(found["minutes"]), float(found["seconds"])
    if minutes >= 60.0 or seconds >= 60.0:
        raise QuantityError("XB223", f"{shown(text)} has 60 or more minutes or seconds", "check the figures")
    unit = {"h": 15.0, "d": 1.0}.get(found["unit"], hour)
    value = (float(found["first"]) + minutes / 60.0 + seconds / 3600.0) * unit
    return -value if found["sign"] == "-" else value


def length_of(text: str, frame: str) -> float:
    """Read the size of a shape: in arcsec, or in pixels for the frames of pixels. A bare number on the sky is degrees.

    Raises
    ------
    QuantityError

    Examples
    --------
    >>> length_of("2.5 arcmin", "fk5"), length_of("0.01", "fk5"), length_of("20", "image")
    (150.0, 36.0, 20.0)
    """
    found = _LENGTH.fullmatch(text.strip())
    if found is None:
        signs = {'"': "arcsec", "'": "arcmin"}
        unit = signs.get(text.strip()[-1:], "")
        hint = f"write {text.strip()[:-1]} {unit}" if unit else "write a number and a unit, as 50 arcsec"
        raise QuantityError("XB210", f"{shown(text)} is not a size", hint)
    number = _finite(float(found["number"]), text)
    if number < 0.0:
        raise QuantityError("XB205", f"the size {shown(text)} is negative", "write it without the sign")
    if frame in PIXEL_FRAMES:
        if found["unit"] and found["unit"] not in _PIXELS:
            hint = "write pixels, without a unit, or give the center in a frame of the sky"
            raise QuantityError("XB212", f"{shown(text)}: sizes in frame {frame} are pixels", hint)
        return number
    if found["unit"] in _PIXELS:
        hint = "write arcsec, or use frame: image or physical"
        raise QuantityError("XB212", f"{shown(text)}: sizes in frame {frame} are angles", hint)
    return quantity(text if found["unit"] else f"{text} deg", "angle")


def degrees_of(text: str) -> float:
    """Read an angle between directions, degrees; a bare number is degrees.

    Raises
    ------
    QuantityError
    """
    stripped = text.strip()
    if _PLAIN.fullmatch(stripped):
        return _finite(float(stripped), text)
    return quantity(stripped, "angle") / 3600.0


def _finite(number: float, text: str) -> float:
    if not math.isfinite(number):
        raise QuantityError("XB210", f"{shown(text)} is too large", "check the exponent")
    return number
