"""Cameras like EPIC: their CCDs in the focal plane, and stand-ins for their responses.

The layouts are rounded: seven CCDs of 600 x 600 pixels of 1.1 arcsec (MOS), or twelve of 64 x 200 pixels of 4.1 arcsec
(pn), in the units of DETX and DETY, 0.05 arcsec. The sky is mirrored and turned by the roll; it does not move.

The responses are no calibration: the area goes through a few rounded figures set by hand, with the edges of gold and
silicon hinted at, and a line is a Gaussian whose squared width grows in a straight line with its energy, from 60 eV
(FWHM) at 0.5 keV to 140 eV at 6 keV.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from xbatch.ogip.response import Response
from xbatch.simulator.instrument import gaussian_response

__all__ = ["ARCSEC", "CAMERAS", "FIELD", "MIDDLE", "Camera", "Ccd", "make_epic_response"]

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

#: Middle of the sky in X and Y, and arcsec of their unit.
MIDDLE = 25921.0
ARCSEC = 0.05
#: Radius of the field of view in units of DETX: 15 arcmin.
FIELD = 18000.0
_STEP, _CHANNEL = 0.01, 0.005

_MOS_AREA = (
    (0.1, 5.0), (0.3, 90.0), (0.5, 170.0), (0.53, 140.0), (0.7, 280.0), (1.0, 370.0), (1.5, 480.0), (1.83, 430.0),
    (1.85, 330.0), (2.15, 370.0), (2.3, 290.0), (3.0, 310.0), (4.0, 330.0), (5.0, 330.0), (6.0, 290.0), (7.0, 210.0),
    (8.0, 130.0), (9.0, 70.0), (10.0, 35.0), (12.0, 5.0),
)  # fmt: skip
_PN_AREA = (
    (0.1, 40.0), (0.3, 650.0), (0.5, 850.0), (0.53, 800.0), (0.7, 1050.0), (1.0, 1150.0), (1.5, 1230.0), (2.1, 950.0),
    (2.3, 720.0), (3.0, 790.0), (4.0, 830.0), (5.0, 850.0), (6.0, 830.0), (7.0, 750.0), (8.0, 600.0), (9.0, 420.0),
    (10.0, 250.0), (12.0, 60.0), (15.0, 5.0),
)  # fmt: skip


@dataclass(frozen=True)
class Ccd:
    """A CCD: the middle of its pixels in DETX and DETY, and how RAWX and RAWY run there.

    `across` and `up` are the directions of RAWX and RAWY, each (DETX, DETY) of length 1.
    """

    x: float
    y: float
    across: tuple[int, int]
    up: tuple[int, int]


@dataclass(frozen=True)
class Camera:
    """A camera.

    Attributes
    ----------
    ccds : tuple of Ccd
        CCDNR 1, 2 ...
    size : tuple of int
        Columns and rows of a CCD: RAWX and RAWY from 1.
    pitch : float
        Units of DETX to a pixel.
    aim : tuple of float
        DETX and DETY of the middle of the sky.
    frame : float
        s to a row of EXPOSUnn.
    channels : int
        Of 5 eV.
    energies : tuple of float
        keV; the ends of the response.
    area : tuple of (keV, cm2)
    main : int
        The CCD (from 0) that the middle of the sky is on.
    """

    ccds: tuple[Ccd, ...]
    size: tuple[int, int]
    pitch: float
    aim: tuple[float, float]
    frame: float
    channels: int
    energies: tuple[float, float]
    area: tuple[tuple[float, float], ...]
    main: int

    def pixel_at(self, x: Floats, y: Floats) -> tuple[Whole, Whole, Whole]:
        """Give CCD (from 0; -1 where there is none), RAWX and RAWY at places in DETX and DETY."""
        found = np.full(x.shape, -1)
        rawx, rawy = (np.zeros(x.shape, np.int64) for _ in range(2))
        for number, ccd in enumerate(self.ccds):
            dx, dy = (x - ccd.x) / self.pitch, (y - ccd.y) / self.pitch
            column = np.floor(dx * ccd.across[0] + dy * ccd.across[1] + 0.5 * self.size[0]).astype(np.int64)
            row = np.floor(dx * ccd.up[0] + dy * ccd.up[1] + 0.5 * self.size[1]).astype(np.int64)
            on = (column >= 0) & (column < self.size[0]) & (row >= 0) & (row < self.size[1])
            found[on] = number
            rawx[on], rawy[on] = column[on] + 1, row[on] + 1
        return found, rawx, rawy

    def place(self, ccd: Whole, column: Floats, row: Floats) -> tuple[Floats, Floats]:
        """Give DETX and DETY of places on CCDs: columns and rows from 0 to the CCD's size."""
        middle = np.array([(each.x, each.y) for each in self.ccds])[ccd]
        across, up = (np.array([getattr(each, side) for each in self.ccds])[ccd] for side in ("across", "up"))
        u, v = (column - 0.5 * self.size[0]) * self.pitch, (row - 0.5 * self.size[1]) * self.pitch
        return middle[:, 0] + u * across[:, 0] + v * up[:, 0], middle[:, 1] + u * across[:, 1] + v * up[:, 1]

    def turned(self, x: Floats, y: Floats, roll: float) -> tuple[Floats, Floats]:
        """Turn differences on the sky into those on the detectors; the same function turns them back."""
        cos, sin = np.cos(np.radians(roll)), np.sin(np.radians(roll))
        return -cos * x - sin * y, -sin * x + cos * y


def _mos() -> tuple[Ccd, ...]:
    side = 13300.0
    upright, left, right = ((1, 0), (0, 1)), ((0, 1), (-1, 0)), ((0, -1), (1, 0))
    places = [
        (0.0, 0.0, upright),
        (0.5 * side, -side, left),
        (side, 0.0, left),
        (0.5 * side, side, left),
        (-0.5 * side, side, right),
        (-side, 0.0, right),
        (-0.5 * side, -side, right),
    ]
    return tuple(Ccd(x, y, across, up) for x, y, (across, up) in places)


def _pn() -> tuple[Ccd, ...]:
    width, height = 5300.0, 8300.0
    # RAWY grows from the outer edge, where a CCD is read, to the middle
    upper, lower = ((1, 0), (0, -1)), ((-1, 0), (0, 1))
    rows = [(-1, height, upper), (1, height, upper), (1, -height, lower), (-1, -height, lower)]
    return tuple(
        Ccd(side * (number + 0.5) * width, y, across, up) for side, y, (across, up) in rows for number in range(3)
    )


_MOS = Camera(_mos(), (600, 600), 22.0, (0.0, 0.0), 2.6, 2400, (0.1, 12.0), _MOS_AREA, 0)
_PN = Camera(_pn(), (64, 200), 82.0, (2600.0, 1300.0), 10.0, 4096, (0.1, 15.0), _PN_AREA, 3)
CAMERAS: Mapping[str, Camera] = MappingProxyType({"EMOS1": _MOS, "EMOS2": _MOS, "EPN": _PN})


def make_epic_response(camera: Camera) -> Response:
    """Make the response of a camera: energies of 10 eV, channels of 5 eV from 0."""
    low, high = camera.energies
    energies = np.linspace(low, high, round((high - low) / _STEP) + 1)
    channels = np.asarray(_CHANNEL * np.arange(camera.channels + 1), dtype=np.float64)
    middle = 0.5 * (energies[1:] + energies[:-1])
    known = np.log(np.array(camera.area))
    area = np.exp(np.interp(np.log(middle), known[:, 0], known[:, 1]))
    return gaussian_response(energies, channels, np.sqrt(0.00215 + 0.00291 * middle), area)
