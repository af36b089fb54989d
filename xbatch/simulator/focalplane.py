"""A focal plane like NuSTAR's: four detectors of 32 x 32 pixels with a gap between them, and the sky on them.

The layout is a rounded one: a detector's pixel is 5 x 5 pixels of DET1 (604.8 and 120.96 micrometres), the detectors
meet at (180.5, 180.5) with a gap of 4 pixels of DET1, and RAWX and RAWY grow away from the middle, turned by 90 degrees
from one detector to the next. In the real one the borders of pixels are bent. A pixel of the sky (2.458 arcsec) is
one of DET1, mirrored and turned by the roll; the mast sways by a few pixels in the rhythm of the orbit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xbatch.simulator.psf import King, landing
from xbatch.simulator.timeline import ORBIT

__all__ = [
    "ARCSEC",
    "MIDDLE",
    "Aspect",
    "background_map",
    "background_share",
    "bad_pixels",
    "corner",
    "landing_share",
    "pixel_at",
]

Floats = NDArray[np.float64]
Pixels = NDArray[np.int64]

#: Middle of the sky image in X and Y, and arcsec of its pixel.
MIDDLE = 500.5
ARCSEC = 6.828076e-4 * 3600.0

_CENTRE = 180.5
_GAP = 2.0
_PITCH = 5.0
_SIDE = 32
#: By quadrant (0 upper right, on by 90 degrees): signs of x and y; whether RAWX runs along DET1X.
_SIGNS = np.array([(1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0)])
_ALONG_X = np.array([False, True, False, True])


@dataclass(frozen=True)
class Aspect:
    """Where the middle of the sky image falls on the detectors.

    Attributes
    ----------
    x, y : float
        DET1, on average.
    swing : float
        How far the mast sways, pixels.
    start : float
        s; when the sway begins.
    roll : float
        Degrees.
    """

    x: float
    y: float
    swing: float
    start: float
    roll: float

    def reference(self, times: Floats) -> tuple[Floats, Floats]:
        """Give DET1 of the middle of the sky image at some times."""
        phase = 2.0 * np.pi * (times - self.start) / ORBIT
        return self.x + self.swing * np.cos(phase), self.y + 0.6 * self.swing * np.sin(phase)

    def turned(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Turn differences on the sky into those on the detectors; the same function turns them back."""
        angle = np.radians(self.roll)
        cos, sin = np.cos(angle), np.sin(angle)
        return -cos * x - sin * y, -sin * x + cos * y

    def to_detector(self, x: Floats, y: Floats, times: Floats) -> tuple[Floats, Floats]:
        """Give DET1 of sky pixels at some times."""
        dx, dy = self.turned(x - MIDDLE, y - MIDDLE)
        at_x, at_y = self.reference(times)
        return at_x + dx, at_y + dy

    def to_sky(self, x: Floats, y: Floats, times: Floats) -> tuple[Floats, Floats]:
        """Give sky pixels of DET1 at some times."""
        at_x, at_y = self.reference(times)
        dx, dy = self.turned(x - at_x, y - at_y)
        return MIDDLE + dx, MIDDLE + dy


def pixel_at(x: Floats, y: Floats) -> tuple[Pixels, Pixels, Pixels]:
    """Give detector (-1 where there is none), RAWX and RAWY at places in DET1."""
    u, v = x - _CENTRE, y - _CENTRE
    across = np.floor((np.abs(u) - _GAP) / _PITCH).astype(np.int64)
    up = np.floor((np.abs(v) - _GAP) / _PITCH).astype(np.int64)
    quadrant = np.where(v > 0, np.where(u > 0, 0, 1), np.where(u > 0, 3, 2))
    on = (across >= 0) & (across < _SIDE) & (up >= 0) & (up < _SIDE)
    along = _ALONG_X[quadrant]
    return np.where(on, quadrant, -1), np.where(along, across, up), np.where(along, up, across)


def corner(detector: Pixels, rawx: Pixels, rawy: Pixels) -> tuple[Floats, Floats, Floats, Floats]:
    """Give where pixels begin in DET1 (the corner next to the middle), and the signs towards their other end."""
    along = _ALONG_X[detector]
    sign = _SIGNS[detector]
    across, up = np.where(along, rawx, rawy), np.where(along, rawy, rawx)
    x = _CENTRE + sign[:, 0] * (_GAP + _PITCH * across)
    y = _CENTRE + sign[:, 1] * (_GAP + _PITCH * up)
    return x, y, _PITCH * sign[:, 0], _PITCH * sign[:, 1]


def bad_pixels(rng: np.random.Generator) -> NDArray[np.bool_]:
    """Choose some bad pixels: shape (4, 32, 32), detector by RAWX by RAWY."""
    bad = np.zeros((4, _SIDE, _SIDE), np.bool_)
    for detector in range(4):
        number = int(rng.integers(2, 9))
        bad[detector, rng.integers(0, _SIDE, number), rng.integers(0, _SIDE, number)] = True
    return bad


def background_map(
    levels: tuple[float, ...], stray: tuple[float, float], bad: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Give the share of the background that each pixel gets: shape (4, 32, 32), with the sum 1.

    Parameters
    ----------
    levels : tuple of four float
        How bright the detectors are, relative to each other.
    stray : tuple of (share, degrees)
        The part that grows in a straight line towards an angle of the detectors' plane, from 0 on the far side.
    bad : ndarray of bool, shape (4, 32, 32)
        Pixels that get none.
    """
    detector, rawx, rawy = (each.ravel() for each in np.indices(bad.shape))
    x, y, step_x, step_y = corner(detector, rawx, rawy)
    angle = np.radians(stray[1])
    along = (x + step_x / 2 - _CENTRE) * np.cos(angle) + (y + step_y / 2 - _CENTRE) * np.sin(angle)
    good = ~bad.ravel()
    flat = np.asarray(levels, np.float64)[detector] * good
    slope = (along - along.min()) * good
    share = (1.0 - stray[0]) * flat / flat.sum() + stray[0] * slope / slope.sum()
    return np.asarray(share.reshape(bad.shape))


def landing_share(
    position: tuple[float, float],
    psf: King,
    aspect: Aspect,
    bad: NDArray[np.bool_],
    radius: float = np.inf,
    centre: tuple[float, float] | None = None,
) -> float:
    """Give the share of a point source's light that good pixels see within a circle, of all its light.

    Parameters
    ----------
    position : tuple of float
        X and Y of the source.
    psf : King
    aspect : Aspect
    bad : ndarray of bool, shape (4, 32, 32)
    radius : float
        arcsec.
    centre : tuple of float, optional
        X and Y of the circle's middle: the source's unless given.
    """
    shares = []
    for time in _phases(aspect):

        def detector_at(x: Floats, y: Floats, time: float = time) -> Pixels:
            return _good_detector(x, y, time, aspect, bad)

        shares.append(landing(psf, position, ARCSEC, detector_at, 4, radius, centre).sum())
    return float(np.mean(shares))


def background_share(centre: tuple[float, float], radius: float, aspect: Aspect, shares: NDArray[np.float64]) -> float:
    """Give the share of the background that falls within a circle on the sky; shares as `background_map` gives them."""
    detector, rawx, rawy = (each.ravel()[:, None] for each in np.indices(shares.shape))
    part = (np.arange(25)[None, :] % 5 + 0.5) / 5, (np.arange(25)[None, :] // 5 + 0.5) / 5
    x, y, step_x, step_y = (each[:, None] for each in corner(detector[:, 0], rawx[:, 0], rawy[:, 0]))
    x, y = x + step_x * part[0], y + step_y * part[1]
    found = []
    for time in _phases(aspect):
        sky_x, sky_y = aspect.to_sky(x, y, np.full(x.shape, time))
        within = np.hypot(sky_x - centre[0], sky_y - centre[1]) * ARCSEC < radius
        found.append(float((within.mean(axis=1) * shares.ravel()).sum()))
    return float(np.mean(found))


def _phases(aspect: Aspect) -> Floats:
    return np.asarray(aspect.start + ORBIT * np.arange(16) / 16)


def _good_detector(x: Floats, y: Floats, time: float, aspect: Aspect, bad: NDArray[np.bool_]) -> Pixels:
    detector, rawx, rawy = pixel_at(*aspect.to_detector(x, y, np.full(x.shape, time)))
    on = detector >= 0
    detector[on] = np.where(bad[detector[on], rawx[on], rawy[on]], -1, detector[on])
    return detector
