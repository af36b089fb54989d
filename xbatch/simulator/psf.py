"""How a telescope spreads a point: a King profile, as a stand-in for the calibrated ones.

The surface brightness is (1 + (r / core)^2)^-slope. With a core of 10.9 arcsec and a slope of 1.33 half of the power is
within 29 arcsec and the full width at half maximum is 18 arcsec, the figures usually quoted for NuSTAR. With 4 arcsec
and 1.5 half is within 7 arcsec and the width is 6 arcsec, about those of EPIC on axis.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["EPIC", "NUSTAR", "King", "landing"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class King:
    """A King profile: `core` in arcsec, `slope` above 1."""

    core: float
    slope: float

    def enclosed(self, radius: Floats | float) -> Floats:
        """Give the share of the power within a radius in arcsec."""
        return np.asarray(1.0 - (1.0 + (np.asarray(radius) / self.core) ** 2) ** (1.0 - self.slope))

    def radius(self, share: Floats | float) -> Floats:
        """Give the radius in arcsec that holds a share of the power."""
        power = (1.0 - np.asarray(share)) ** (1.0 / (1.0 - self.slope))
        return np.asarray(self.core * np.sqrt(power - 1.0))


NUSTAR = King(10.9, 1.33)
EPIC = King(4.0, 1.5)


def landing(
    psf: King,
    position: tuple[float, float],
    arcsec: float,
    detector_at: Callable[[Floats, Floats], NDArray[np.int64]],
    detectors: int,
    radius: float = np.inf,
    centre: tuple[float, float] | None = None,
) -> Floats:
    """Give the share of a point source's light that each detector sees within a circle, of all its light.

    Parameters
    ----------
    psf : King
    position : tuple of float
        X and Y of the source.
    arcsec : float
        Size of a pixel of X and Y.
    detector_at : function of (X, Y)
        Gives the detector there, from 0; -1 where there is none.
    detectors : int
        How many there are.
    radius : float
        Of the circle, arcsec.
    centre : tuple of float, optional
        X and Y of its middle: the source's unless given.

    Returns
    -------
    shares : ndarray, shape (detectors,)
    """
    own = centre is None and bool(np.isfinite(radius))
    inside = float(psf.enclosed(radius)) if own else 1.0
    distance = psf.radius((np.arange(500) + 0.5) / 500 * inside)[:, None] / arcsec
    angle = 2.0 * np.pi * np.arange(64)[None, :] / 64
    x, y = position[0] + distance * np.cos(angle), position[1] + distance * np.sin(angle)
    detector = detector_at(x, y)
    seen = detector >= 0
    if centre is not None:
        seen &= np.hypot(x - centre[0], y - centre[1]) * arcsec < radius
    return np.asarray(inside * np.bincount(detector[seen], minlength=detectors) / x.size)
