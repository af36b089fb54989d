"""How `arfgen` and `epiclccorr` are told where the source is; without it they take the middle of the region."""

from __future__ import annotations

__all__ = ["GIVEN", "LATITUDE", "LONGITUDE", "at", "found_by"]

GIVEN, LONGITUDE, LATITUDE = "withsourcepos", "sourcex", "sourcey"
_EQUATORIAL = ("sourcecoords", "eqpos")


def at(position: tuple[float, float]) -> tuple[tuple[str, str], ...]:
    """Give the parameters for a place (RA and Dec, degrees)."""
    ra, dec = (f"{angle:.8g}" for angle in position)
    return (GIVEN, "yes"), _EQUATORIAL, (LONGITUDE, ra), (LATITUDE, dec)


def found_by(region: str) -> tuple[tuple[str, str], ...]:
    """Give the parameters for what the step `selection` finds: whether a place is given, and which."""
    longitude, given, latitude = (f"{{selection:{region}.{name}}}" for name in (LONGITUDE, GIVEN, LATITUDE))
    return (GIVEN, given), _EQUATORIAL, (LONGITUDE, longitude), (LATITUDE, latitude)
