"""A small simulation for tests: few channels, made in some tens of milliseconds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from xbatch.simulator.config import Background, Detector, Observation, SimulationConfig, Term

__all__ = ["small_config"]


def small_config(**changes: Any) -> SimulationConfig:
    """Give one observation with both modules, 512 channels of 0.16 keV, an absorbed power law, some background.

    Parameters
    ----------
    **changes
        Fields of `SimulationConfig` to replace.

    Examples
    --------
    >>> small_config(seed=7).seed
    7
    """
    config = SimulationConfig(
        name="small",
        target="Test source",
        seed=1,
        observations=(Observation("99900000001", "2019-01-10T04:20:09", {"FPMA": 20_000.0, "FPMB": 19_500.0}),),
        model=(Term("tbabs", {"nH": 1.0}), Term("powerlaw", {"PhoIndex": 1.9, "norm": 0.01})),
        background=Background(0.02, ((3.0, 3.0), (20.0, 1.0), (79.0, 0.5))),
        backscal_source=0.0035,
        backscal_background=0.014,
        calibration={"FPMA": 1.0, "FPMB": 1.05},
        detector=Detector(512, 1.6, 0.16),
    )
    return replace(config, **changes)
