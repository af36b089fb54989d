"""Simulated observations with event lists: the files of each telescope, and the truth beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xbatch.base.files import pretty_json, write_atomically
from xbatch.simulator.config import EPIC_CAMERAS, Detector, SimulationConfig
from xbatch.simulator.epic import simulate_epic
from xbatch.simulator.fpm import simulate_fpm
from xbatch.simulator.instrument import make_response
from xbatch.simulator.predict import true_fluxes

__all__ = ["simulate_events"]


def simulate_events(config: SimulationConfig, out: Path) -> list[Path]:
    """Make event lists and the files beside them; see `xbatch.simulator.simulate`."""
    written: list[Path] = []
    lists: list[dict[str, Any]] = []
    response = make_response(Detector())
    for number, observation in enumerate(config.observations):
        epic = any(name in EPIC_CAMERAS for name in observation.exposure)
        paths, told = simulate_epic(config, number, out) if epic else simulate_fpm(config, number, out, response)
        written += paths
        lists += told
    truth = out / "truth.json"
    write_atomically(truth, pretty_json(_truth(config, lists)))
    return [*written, truth]


def _truth(config: SimulationConfig, lists: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "simulation": 1,
        "name": config.name,
        "target": config.target,
        "seed": config.seed,
        "products": "events",
        "source": {
            "model": [{"type": term.kind, **term.values} for term in config.model],
            "abundances": config.abundances,
            "cross_sections": config.cross_sections,
            "flux": true_fluxes(config),
        },
        "calibration": dict(config.calibration),
        "background": {
            "rate": config.background.rate,
            "shape": [list(point) for point in config.background.shape],
            "detectors": list(config.background.detectors),
            "stray": list(config.background.stray),
        },
        "sky": vars(config.sky),
        "variability": vars(config.variability),
        "flares": vars(config.flares),
        "lists": lists,
    }
