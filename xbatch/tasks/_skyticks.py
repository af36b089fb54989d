"""Ticks of right ascension and declination along the edges of a picture of the sky."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from xbatch.ogip.skyplane import PixelPlane

__all__ = ["SkyTicks", "sky_ticks"]

#: Steps of ticks: in arcsec of an angle; in s of time for right ascension (a second of time is 15 arcsec).
_STEPS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 18000, 36000)
_MINOR = {1: 5, 2: 4, 5: 5, 10: 5, 15: 3, 20: 4, 30: 3}
_POINTS = 65
_HOURS = (r"^{\mathrm{h}}", r"^{\mathrm{m}}", r"^{\mathrm{s}}")
_ANGLES = ("\N{DEGREE SIGN}", "\N{PRIME}", "\N{DOUBLE PRIME}")


@dataclass(frozen=True)
class SkyTicks:
    """Where ticks stand along an edge, in pixels counted from 0, and what is written at the major ones."""

    places: NDArray[np.float64]
    labels: tuple[str, ...]
    minor: NDArray[np.float64]


def sky_ticks(
    plane: PixelPlane, edge: Literal["bottom", "left"], low: float, high: float, across: float, most: int
) -> SkyTicks | None:
    """Find the ticks along an edge of a picture: of the longitude at its bottom, of the latitude on its left.

    Parameters
    ----------
    plane : PixelPlane
        Of the picture's pixels.
    edge : str
        ``bottom`` or ``left``.
    low, high : float
        The ends of the edge, in pixels counted from 0.
    across : float
        The pixel that the edge is at, on the other axis.
    most : int
        How many labelled ticks there may be.

    Returns
    -------
    SkyTicks or None
        None where the coordinate goes to and fro along the edge, as near a pole, and without sky coordinates.
    """
    at = np.linspace(low, high, _POINTS)
    other = np.full(_POINTS, across)
    x, y = (at, other) if edge == "bottom" else (other, at)
    if plane.sky is None:
        return None
    lon, lat = plane.sky.to_sky(x + 1.0, y + 1.0)
    is_galactic = plane.frame == "galactic"
    unit = 15.0 if edge == "bottom" and not is_galactic else 1.0
    degrees = np.unwrap(np.asarray(lon), period=360.0) if edge == "bottom" else np.asarray(lat)
    value = degrees * 3600.0 / unit
    change = np.diff(value)
    if not (np.all(np.isfinite(value)) and (np.all(change > 0) or np.all(change < 0))):
        return None
    rising = value if value[-1] > value[0] else value[::-1]
    places = at if value[-1] > value[0] else at[::-1]
    span = float(rising[-1] - rising[0])
    step = next((step for step in _STEPS if span / step <= most), math.ceil(span / 36000) * 36000)
    ticks = _multiples(rising, step)
    lead = step
    while lead >= 60 and lead % 60 == 0:
        lead //= 60
    fine = _multiples(rising, step / _MINOR.get(lead, 4))
    labels = tuple(_label(round(tick), unit, step, is_galactic) for tick in ticks)
    return SkyTicks(np.interp(ticks, rising, places), labels, np.interp(fine, rising, places))


def _multiples(values: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    first, last = math.ceil(values[0] / step), math.floor(values[-1] / step)
    return np.arange(first, last + 1) * float(step)


def _label(seconds: int, unit: float, step: float, is_galactic: bool) -> str:
    """Write a tick, in matplotlib's way: hours, minutes and seconds as exponents, or degrees and parts of them."""
    if is_galactic:
        return f"{seconds / 3600.0:g}\N{DEGREE SIGN}".replace("-", "\N{MINUS SIGN}")
    marks = _HOURS if unit > 1 else _ANGLES
    if unit > 1:
        seconds %= 86400
    size = abs(seconds)
    text = f"{size // 3600}{marks[0]}"
    if step < 3600:
        text += f"{size // 60 % 60:02d}{marks[1]}"
    if step < 60:
        text += f"{size % 60:02d}{marks[2]}"
    if unit > 1:
        return f"${text}$"
    return f"\N{MINUS SIGN}{text}" if seconds < 0 else text
