"""Components that set the flux of what they enclose."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xbatch.xray.components.component import Scaler, Scaling, check_edges
from xbatch.xray.flux import ERG_PER_KEV

__all__ = ["SCALINGS"]

Floats = NDArray[np.float64]


def _cflux(edges: Floats) -> Scaler:
    """``10^lg10Flux`` erg / cm2 / s from Emin to Emax.

    Photons are spread evenly over a bin: a part of a bin counts by its width and its own mean energy. What of the band
    is off the grid counts nothing. A part of a model without photons in the band cannot be scaled: NaN.
    """
    check_edges(edges)
    width = np.diff(edges)

    def scale(params: Sequence[float], photons: Floats) -> float:
        low, high, logarithm = params
        inside = np.clip(edges, low, high)
        energy = float((photons / width) @ np.diff(inside**2)) / 2
        return float(10.0**logarithm / (energy * ERG_PER_KEV)) if energy > 0 else float("nan")

    return scale


SCALINGS = (Scaling("cflux", ("Emin", "Emax", "lg10Flux"), _cflux),)
