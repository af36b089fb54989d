"""What ``truth.json`` says of simulated event lists."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.ogip.response import Response
from xbatch.simulator.config import Observation, SimulationConfig

__all__ = ["GIVE_LIGHT", "NO_LIGHT", "band_counts", "list_truth", "sampled_curve"]

NO_LIGHT = "a number of events is asked for, but neither source nor background gives any"
GIVE_LIGHT = "Give the model or the background a rate above 0"

Floats = NDArray[np.float64]
_SLACK = 1e-9
#: Seconds to a value of a curve.
_STEP = 100


def band_counts(counts: Floats, response: Response, bands: Sequence[tuple[float, float]]) -> list[dict[str, float]]:
    """Sum expected counts over the channels of some bands (keV)."""
    summed = []
    for lo, hi in bands:
        # a channel belongs to a band if it begins in it
        inside = (response.e_min >= lo - _SLACK) & (response.e_min < hi - _SLACK)
        summed.append({"lo": lo, "hi": hi, "expected": float(counts[inside].sum())})
    return summed


def list_truth(
    config: SimulationConfig, observation: Observation, instrument: str, paths: Sequence[Path]
) -> dict[str, Any]:
    """Say what a list is of; paths are relative to where all is written."""
    return {
        "obsid": observation.obsid,
        "instrument": instrument,
        "files": [path.as_posix() for path in paths],
        "columns": config.lists.columns,
        "scale": observation.scale,
        "calibration": config.calibration.get(instrument, 1.0),
    }


def sampled_curve(edges: Floats, curve: Floats) -> dict[str, Any]:
    """Give a curve as means of `step` seconds from `start` on; what is left over at the end is left out.

    Parameters
    ----------
    edges : ndarray, shape (n + 1,)
        s.
    curve : ndarray, shape (n,)
    """
    whole = curve.size // _STEP * _STEP
    means = curve[:whole].reshape(-1, _STEP).mean(axis=1)
    return {"start": float(edges[0]), "step": _STEP, "values": [round(float(value), 5) for value in means]}
