"""What an optimiser needs to know of a statistic: its value, its slopes, its curvature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Slope", "Surface"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Slope:
    """The statistic near a point, as a parabola ``2 gradient . d + d . second . d`` above its value.

    Attributes
    ----------
    gradient : ndarray, shape (f,)
        Half the first derivatives.
    second : ndarray, shape (f, f)
        Half the second derivatives, without those of the model itself; not negative in any direction.
    expected : ndarray, shape (f, f)
        The same if the data were as the model says.
    """

    gradient: Floats
    second: Floats
    expected: Floats


class Surface(Protocol):
    """A statistic as a function of the free parameters."""

    def __call__(self, free: Floats) -> tuple[float, Floats]:
        """Give the statistic and the signed roots of its contributions."""
        ...

    def slope(self, free: Floats) -> Slope:
        """Give gradient and curvature."""
        ...

    def bend(self, free: Floats, steps: Floats) -> Floats:
        """Give half the second derivatives that come from the model's own, by differences over `steps`, 0 for none."""
        ...
