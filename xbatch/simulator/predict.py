"""What a simulated telescope counts on average, and the model's true fluxes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from xbatch.ogip.response import Response
from xbatch.simulator.config import Background, SimulationConfig
from xbatch.xray.components import COMPONENTS

__all__ = ["background_rate", "photons", "source_rate", "true_fluxes"]

Floats = NDArray[np.float64]

_BACKGROUND_BAND = (3.0, 79.0)
_FLUX_EDGES = (3.0, 10.0, 79.0)
_FLUX_BINS = 1500
#: SI Brochure, 9th edition (2019): the elementary charge is 1.602176634e-19 C exactly.
_ERG_PER_KEV = 1.602176634e-9


def photons(config: SimulationConfig, edges: Floats) -> tuple[Floats, Floats]:
    """Give the source's photons/cm2/s in bins of energy (edges in keV, shape (k + 1,)), as it is and as it is seen.

    Returns
    -------
    bare, seen : ndarray, shape (k,)
        Without and with the multiplicative components.
    """
    bare = np.zeros(edges.size - 1)
    factor = np.ones(edges.size - 1)
    for term in config.model:
        component = COMPONENTS[term.kind]
        values = [term.values[name] for name in component.parameters]
        bins = component.evaluate(edges, values, config.abundances, config.cross_sections)
        if component.kind == "add":
            bare += bins
        else:
            factor *= bins
    return bare, bare * factor


def source_rate(config: SimulationConfig, response: Response) -> Floats:
    """Fold the source's model: counts/s in each channel, for a scale and a calibration of 1."""
    edges = np.append(response.energ_lo, response.energ_hi[-1])
    weight = photons(config, edges)[1] * response.specresp
    row = np.repeat(np.arange(weight.size), np.diff(response.indptr))
    rates = np.bincount(response.indices, response.matrix * weight[row], response.channel.size)
    return np.asarray(rates, dtype=np.float64)


def background_rate(background: Background, response: Response, band: tuple[float, float] = _BACKGROUND_BAND) -> Floats:
    """Give the background's counts/s in each channel; its `rate` is that of a band (keV)."""
    energies, levels = np.log(np.array(background.shape)).T
    middle = 0.5 * (response.e_min + response.e_max)
    shape = np.exp(np.interp(np.log(middle), energies, levels)) * (response.e_max - response.e_min)
    inside = (middle >= band[0]) & (middle < band[1])
    return np.asarray(background.rate * shape / shape[inside].sum())


def true_fluxes(config: SimulationConfig) -> list[Mapping[str, float | bool]]:
    """Integrate the model over some bands, with and without its absorption, for a scale of 1."""
    low, middle, high = _FLUX_EDGES
    edges = np.concatenate(
        [np.geomspace(low, middle, _FLUX_BINS + 1)[:-1], np.geomspace(middle, high, 2 * _FLUX_BINS + 1)]
    )
    energy = np.sqrt(edges[:-1] * edges[1:])
    fluxes: list[Mapping[str, float | bool]] = []
    for bins, absorbed in zip(photons(config, edges), (False, True), strict=True):
        for lo, hi in ((low, middle), (middle, high), (low, high)):
            inside = (energy > lo) & (energy < hi)
            fluxes.append(
                {
                    "lo": lo,
                    "hi": hi,
                    "absorbed": absorbed,
                    "photon_flux": float(bins[inside].sum()),
                    "energy_flux": float((bins * energy)[inside].sum() * _ERG_PER_KEV),
                }
            )
    return fluxes
