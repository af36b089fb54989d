"""Simulated NuSTAR products: spectra, backgrounds, ARFs, RMFs, and the truth beside them.

The same configuration and seed give the same bytes. Each file has a random stream of its own, so that another
observation or module leaves the others as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.files import pretty_json, write_atomically
from xbatch.ogip.fitswriter import Cell
from xbatch.ogip.pha import Spectrum, write_pha
from xbatch.ogip.response import Response
from xbatch.ogip.responsewriter import write_arf, write_rmf
from xbatch.simulator.config import MODULES, Observation, SimulationConfig, read_config
from xbatch.simulator.instrument import make_response
from xbatch.simulator.observe import simulate_events
from xbatch.simulator.predict import background_rate, source_rate, true_fluxes

__all__ = ["simulate", "simulate_config"]

Floats = NDArray[np.float64]

#: NuSTAR's time zero, 2010-01-01T00:00:00 UTC, as MJD in TT: the MJDREFI and MJDREFF of its files.
_MJDREFI, _MJDREFF = 55197, 7.6601852e-4
_DAY = 86400.0
#: Half of an orbit is lost behind the Earth, about; only TSTOP and DATE-END depend on it.
_ELAPSED_PER_EXPOSURE = 2.0


def simulate(config_path: Path, out: Path, seed: int | None = None) -> list[Path]:
    """Make the files that a simulation's YAML file asks for.

    Parameters
    ----------
    config_path : Path
        The YAML file.
    out : Path
        Where they go; the folder is made.
    seed : int or None
        Takes the place of the file's own.

    Returns
    -------
    list of Path
        What was written: ``{obsid}/nu{obsid}{A,B}01_{sr,bk}.pha``, ``_sr.arf``, ``_sr.rmf``, and ``truth.json``.

    Raises
    ------
    SpecError
        Something is wrong with the YAML file.
    OSError
        A file cannot be written.
    """
    config = read_config(config_path)
    return simulate_config(config if seed is None else replace(config, seed=seed), out)


def simulate_config(config: SimulationConfig, out: Path) -> list[Path]:
    """Make the files of a simulation; see `simulate`."""
    if config.products == "events":
        return simulate_events(config, out)
    response = make_response(config.detector)
    source = source_rate(config, response)
    background = background_rate(config.background, response)
    written: list[Path] = []
    spectra: list[dict[str, Any]] = []
    for number, observation in enumerate(config.observations):
        for instrument in observation.exposure:
            folder = out / observation.obsid
            stem = f"nu{observation.obsid}{MODULES[instrument]}01"
            streams = [
                np.random.Generator(np.random.PCG64(np.random.SeedSequence(config.seed, spawn_key=key)))
                for key in ((number, list(MODULES).index(instrument), product) for product in (0, 1))
            ]
            exposure = observation.exposure[instrument]
            net = source * (exposure * observation.scale * config.calibration[instrument])
            behind = background * exposure
            beside = behind * (config.backscal_background / config.backscal_source)
            header = _header(config, observation, instrument)
            paths = [folder / f"{stem}_{ending}" for ending in ("sr.pha", "bk.pha", "sr.arf", "sr.rmf")]
            links = {
                "BACKFILE": paths[1].name,
                "RESPFILE": paths[3].name,
                "ANCRFILE": paths[2].name,
                "HDUCLAS2": "TOTAL",
            }
            on = streams[0].poisson(net + behind)
            off = streams[1].poisson(beside)
            write_pha(paths[0], _spectrum(on, exposure, config.backscal_source, response, {**header, **links}))
            write_pha(
                paths[1],
                _spectrum(off, exposure, config.backscal_background, response, {**header, "HDUCLAS2": "BKG"}),
            )
            telescope = {key: header[key] for key in ("TELESCOP", "INSTRUME", "FILTER", "CHANTYPE")}
            write_arf(paths[2], response, telescope)
            write_rmf(paths[3], response, telescope)
            written += paths
            spectra.append(
                {
                    "obsid": observation.obsid,
                    "instrument": instrument,
                    "files": [path.relative_to(out).as_posix() for path in paths],
                    "exposure": exposure,
                    "scale": observation.scale,
                    "calibration": config.calibration[instrument],
                    "expected": {
                        "source": float(net.sum()),
                        "background_in_source_region": float(behind.sum()),
                        "background": float(beside.sum()),
                    },
                    "counts": {"source_region": int(on.sum()), "background_region": int(off.sum())},
                }
            )
    truth = out / "truth.json"
    write_atomically(truth, pretty_json(_truth(config, spectra)))
    return [*written, truth]


def _spectrum(
    counts: NDArray[np.int64], exposure: float, backscal: float, response: Response, header: Mapping[str, Cell]
) -> Spectrum:
    n = counts.size
    return Spectrum(
        path="",
        channel=response.channel,
        counts=counts.astype(np.float64),
        stat_err=None,
        sys_err=np.zeros(n),
        quality=np.zeros(n, np.int16),
        grouping=np.ones(n, np.int16),
        backscal=np.full(n, backscal),
        areascal=np.ones(n),
        exposure=exposure,
        poisson=True,
        is_rate=False,
        detchans=n,
        first_channel=int(response.channel[0]),
        header=header,
    )


def _header(config: SimulationConfig, observation: Observation, instrument: str) -> dict[str, Cell]:
    """Give the cards that nuproducts writes and that an analysis may look at."""
    from astropy.time import Time, TimeDelta

    begin = Time(observation.start, format="isot", scale="utc")
    start = round(((begin.tt.jd1 - 2400000.5 - _MJDREFI) + begin.tt.jd2 - _MJDREFF) * _DAY, 3)
    elapsed = _ELAPSED_PER_EXPOSURE * max(observation.exposure.values())
    end = begin + TimeDelta(elapsed, format="sec")
    end.precision = 0
    return {
        "TELESCOP": "NuSTAR",
        "INSTRUME": instrument,
        "FILTER": "NONE",
        "OBS_ID": observation.obsid,
        "OBJECT": config.target,
        "CHANTYPE": "PI",
        "DATE-OBS": observation.start,
        "DATE-END": end.isot,
        "TIMESYS": "TDB",
        "MJDREFI": _MJDREFI,
        "MJDREFF": _MJDREFF,
        "TIMEUNIT": "s",
        "TSTART": start,
        "TSTOP": start + elapsed,
    }


def _truth(config: SimulationConfig, spectra: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "simulation": 1,
        "name": config.name,
        "target": config.target,
        "seed": config.seed,
        "source": {
            "model": [{"type": term.kind, **term.values} for term in config.model],
            "abundances": config.abundances,
            "cross_sections": config.cross_sections,
            "flux": true_fluxes(config),
        },
        "calibration": dict(config.calibration),
        "background": {"rate": config.background.rate, "shape": [list(point) for point in config.background.shape]},
        "regions": {"source": config.backscal_source, "background": config.backscal_background},
        "detector": {
            "channels": config.detector.channels,
            "first_energy": config.detector.first_energy,
            "width": config.detector.width,
        },
        "spectra": spectra,
    }
