"""Event lists of any length for measurements of speed: NuSTAR-like, 18 columns, so many events as asked for.

They have a source, a background and GTIs of an orbit, but no dead time and no files beside them. A list is written a
block at a time, so that 1e8 events (5.6 GB) need no more memory than 1e6.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from xbatch.ogip.fitswriter import Card
from xbatch.ogip.rowwriter import RowWriter
from xbatch.simulator.config import Background, Detector, ListOptions, Observation, SimulationConfig, Term
from xbatch.simulator.draw import BLOCK_EVENTS, stream
from xbatch.simulator.fpmdraw import event_columns, make_module
from xbatch.simulator.fpmfiles import REFERENCE_CARDS, gti_table
from xbatch.simulator.fpmlist import fill_rows, list_fields
from xbatch.simulator.headers import Clock, header_cards
from xbatch.simulator.instrument import make_response
from xbatch.simulator.timeline import orbit_gtis
from xbatch.xray.gti import total

__all__ = ["bench_list"]

_START = 284790060.0
_GOOD = 100_000.0
_LIVE_PART = 0.93
_OBSERVATION = Observation("99900000001", "2019-01-10T04:20:09", {"FPMA": _GOOD})
_CONFIG = SimulationConfig(
    name="bench",
    target="Test source",
    seed=1,
    observations=(_OBSERVATION,),
    model=(Term("tbabs", {"nH": 1.0}), Term("powerlaw", {"PhoIndex": 1.9, "norm": 0.05})),
    background=Background(2.0, ((3.0, 3.0), (20.0, 1.0), (79.0, 0.5))),
    backscal_source=1.0,
    backscal_background=1.0,
    products="events",
    lists=ListOptions(columns="few", dead_time=0.0),
)


def bench_list(path: Path, events: float, seed: int = 1, columns: str = "few") -> None:
    """Write a list of just so many events, in order of time.

    Parameters
    ----------
    path : Path
        Gzipped if it ends in ``.gz``.
    events : float
        A whole number.
    seed : int
        The same seed gives the same bytes.
    columns : str
        ``few`` (18 columns, 56 bytes an event), or ``all`` (39 columns, 286 bytes).

    Raises
    ------
    OSError
        The file cannot be written.
    """
    config = replace(_CONFIG, seed=seed)
    gti, _ = orbit_gtis(_START, _GOOD, config.lists.occulted, True, stream(seed, 0))
    module = make_module(config, 0, "FPMA", _START, gti, make_response(Detector()))
    before = np.concatenate([[0.0], np.cumsum(gti[:, 1] - gti[:, 0])])
    share = float(module.spectra[0].sum() / sum(spectrum.sum() for spectrum in module.spectra))
    left, done, block = int(events), 0, 0
    with RowWriter(path, "EVENTS", list_fields(config.sky.ra, config.sky.dec, columns)) as writer:
        while left:
            rng = stream(seed, 1, block)
            count = min(left, BLOCK_EVENTS)
            # good time on a clock that stops between GTIs: even between this block's first and last
            good = before[-1] * (done + count * np.sort(rng.random(count))) / int(events)
            piece = np.minimum(np.searchsorted(before, good, side="right") - 1, len(gti) - 1)
            times = np.minimum(gti[piece, 0] + (good - before[piece]), np.nextafter(gti[piece, 1], 0.0))
            kinds = (rng.random(count) >= share).astype(np.int64)
            found = event_columns(module, kinds, times, np.diff(good, prepend=good[0]), rng)
            rows = writer.empty(count)
            fill_rows(rows, found, rng)
            writer.add(rows)
            left, done, block = left - count, done + count, block + 1
        clock = Clock(_START, float(np.ceil(gti[-1, 1])))
        cards = [*header_cards(config, _OBSERVATION, "NuSTAR", "FPMA", clock), *REFERENCE_CARDS]
        ontime = total(gti)
        exposure = [
            Card("ONTIME", ontime),
            Card("EXPOSURE", ontime * _LIVE_PART),
            Card("LIVETIME", ontime * _LIVE_PART),
            Card("DEADC", _LIVE_PART),
        ]
        kind = [Card("HDUCLASS", "OGIP"), Card("HDUCLAS1", "EVENTS"), Card("TSORTKEY", "TIME")]
        writer.finish([*cards, *exposure], [*kind, *cards, *exposure], [gti_table("GTI", gti, [*cards, *exposure])])
