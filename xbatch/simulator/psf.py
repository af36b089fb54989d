"""How a telescope spreads a point: a King profile, as a stand-in for the calibrated ones.

The surface brightness is (1 + (r / core)^2)^-slope. With a core of 10.9 arcsec and a slope of 1.33 half of the power is
within 29 arcsec and the full width at half maximum is 18 arcsec, which are NuSTAR's (Harrison et al. 2013, ApJ 770,
103). With 4 arcsec and 1.5 half is within 7 arcsec and the width is 6 arcsec, about those of EPIC on axis.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["EPIC", "NUSTAR", "King"]

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
