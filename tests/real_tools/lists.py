"""Simulated lists of events, spectra and responses that the tools are given."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from xbatch.ogip.pha import read_pha, write_pha
from xbatch.ogip.response import read_response, save_response
from xbatch.simulator import simulate_config
from xbatch.simulator.config import Background, Detector, Flares, ListOptions, Observation, SimulationConfig, Sky, Term
from xbatch.simulator.epic import simulate_epic
from xbatch.simulator.fpm import simulate_fpm
from xbatch.simulator.instrument import make_response
from xbatch.simulator.small import small_config

__all__ = ["FPM_OBSID", "XMM_OBSID", "make_epn_list", "make_fpm_lists", "make_spectra"]

FPM_OBSID, XMM_OBSID = "99900000001", "0999000101"
_BACKGROUND = Background(0.25, ((3.0, 3.0), (20.0, 1.0), (79.0, 0.5)))
_POWERLAW = (Term("powerlaw", {"PhoIndex": 1.8, "norm": 1e-2}),)


def make_fpm_lists(folder: Path) -> Path:
    """Simulate an observation of FPMA; give its list."""
    config = small_config(
        seed=4,
        products="events",
        detector=Detector(),
        observations=(Observation(FPM_OBSID, "2019-01-10T04:20:09", {"FPMA": 6000.0}),),
        background=_BACKGROUND,
        lists=ListOptions(columns="few", radius=90.0),
    )
    simulate_fpm(config, 0, folder, make_response(Detector()))
    return folder / FPM_OBSID / "event_cl" / f"nu{FPM_OBSID}A01_cl.evt"


def make_epn_list(folder: Path) -> Path:
    """Simulate an observation of EPN; give its list."""
    config = SimulationConfig(
        name="epn",
        target="simulated",
        seed=5,
        observations=(Observation(XMM_OBSID, "2015-07-08T00:10:00", {"EPN": 4000.0}),),
        model=_POWERLAW,
        background=Background(2.0, ((0.3, 10.0), (1.0, 3.0), (10.0, 1.0))),
        backscal_source=1.0,
        backscal_background=1.0,
        calibration={"EPN": 1.0},
        products="events",
        sky=Sky(),
        flares=Flares(1, 30.0, 300.0),
        lists=ListOptions(events=8000.0),
    )
    return simulate_epic(config, 0, folder)[0][0]


@cache
def make_spectra(folder: Path) -> dict[str, Path]:
    """Simulate a spectrum with background and responses as the archive has them: role of task `group` to file."""
    simulate_config(small_config(), folder)
    stem = folder / FPM_OBSID / f"nu{FPM_OBSID}A01_sr"
    source = read_pha(stem.with_suffix(".pha"))
    template = folder / "template.pha"
    every_fifth = np.where(np.arange(source.channel.size) % 5 == 0, 1, -1).astype(np.int16)
    write_pha(template, source.__class__(**{**source.__dict__, "grouping": every_fifth}))
    save_response(folder / "response.npz", read_response(stem.with_suffix(".rmf"), stem.with_suffix(".arf")))
    return {
        "spectrum": stem.with_suffix(".pha"),
        "background": stem.with_name(stem.name.replace("sr", "bk")).with_suffix(".pha"),
        "response": folder / "response.npz",
        "template": template,
    }
