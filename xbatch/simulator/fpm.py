"""A whole NuSTAR observation: event lists of both modules and the files that lie beside them in the archive."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.ogip.fitswriter import Card
from xbatch.ogip.response import Response
from xbatch.ogip.responsewriter import write_arf, write_rmf
from xbatch.ogip.rowwriter import Records, RowWriter, write_records
from xbatch.simulator.config import MODULES, Observation, SimulationConfig
from xbatch.simulator.draw import blocks, disorder, stream
from xbatch.simulator.exposuremap import write_fpm_map
from xbatch.simulator.fpmdraw import NAMES, VETOED, Module, draw_block, expected_regions, make_module
from xbatch.simulator.fpmfiles import (
    REFERENCE_CARDS,
    bad_pixel_tables,
    gti_table,
    write_attitude,
    write_axis,
    write_housekeeping,
)
from xbatch.simulator.fpmlist import fill_rows, list_fields
from xbatch.simulator.headers import Clock, Reference, header_cards, source_places, start_of
from xbatch.simulator.timeline import brightness, first_seconds, orbit_gtis
from xbatch.simulator.truth import list_truth, sampled_curve
from xbatch.xray.gti import inside, overlap, total

__all__ = ["simulate_fpm"]

Floats = NDArray[np.float64]

_REFERENCE = Reference(55197, 7.6601852e-4)
#: What the random streams are for; 0 and 1 are those of spectra, and 4 the pixels'.
_CURVE, _ORBIT, _EVENTS, _COUNTERS, _ORDER, _PLACES = 2, 3, 5, 6, 7, 8
#: Seconds that the telescope is on the field after the last GTI.
_AFTER = 30.0


@dataclass(frozen=True)
class _Seconds:
    """The seconds of an observation.

    Attributes
    ----------
    clock : Clock
    edges : ndarray, shape (n + 1,)
    curve : ndarray, shape (n,)
        Brightness of the source.
    in_anomaly : ndarray of bool, shape (n,)
        Where the detectors are off.
    """

    clock: Clock
    edges: Floats
    curve: Floats
    in_anomaly: NDArray[np.bool_]


@dataclass(frozen=True)
class _Counted:
    """What came of the drawing of a list.

    Attributes
    ----------
    good, live : ndarray, shape (n,)
        Good and live part of each second.
    counts : ndarray of int
        Events of the list by kind.
    """

    good: Floats
    live: Floats
    accepted: NDArray[np.int64]
    rejected: NDArray[np.int64]
    counts: NDArray[np.int64]

    @property
    def livetime(self) -> float:
        """Live seconds in the GTIs."""
        return float((self.good * self.live).sum())


def simulate_fpm(
    config: SimulationConfig, number: int, out: Path, response: Response
) -> tuple[list[Path], list[dict[str, Any]]]:
    """Make the files of one observation.

    Parameters
    ----------
    config : SimulationConfig
    number : int
        Of the observation, from 0.
    out : Path
    response : Response

    Returns
    -------
    written : list of Path
    truth : list of dict
        One entry a list.

    Raises
    ------
    StepError
        More events are asked for than the dead time lets through.
    OSError
        A file cannot be written.
    """
    observation = config.observations[number]
    gti, seconds = _seconds(config, number)
    written: list[Path] = []
    truth: list[dict[str, Any]] = []
    for instrument in (name for name in MODULES if name in observation.exposure):
        own = first_seconds(gti, observation.exposure[instrument])
        module = make_module(config, number, instrument, seconds.clock.start, own, response)
        paths, told = _make(module, observation, seconds, out, response)
        written += paths
        truth.append(told)
    path = out / observation.obsid / "auxil" / f"nu{observation.obsid}_att.fits"
    cards = [*header_cards(config, observation, "NuSTAR", "FPM", seconds.clock), *REFERENCE_CARDS]
    write_attitude(path, cards, seconds.edges[:-1], config.sky.ra, config.sky.dec, config.sky.roll)
    return [*written, path], truth


def _seconds(config: SimulationConfig, number: int) -> tuple[Floats, _Seconds]:
    """Give what both modules share: the orbit's GTIs and the seconds of the observation."""
    observation = config.observations[number]
    start = start_of(observation, _REFERENCE)
    shared = [stream(config.seed, number, len(MODULES), what) for what in (_ORBIT, _CURVE)]
    gti, passages = orbit_gtis(start, max(observation.exposure.values()), config.lists.occulted, True, shared[0])
    clock = Clock(start, float(np.ceil(gti[-1, 1] + _AFTER)))
    edges = np.asarray(start + np.arange(int(clock.stop - start) + 1), dtype=np.float64)
    in_anomaly = np.zeros(edges.size - 1, np.bool_)
    for into, left in passages:
        # a second that is good in part is counted, live time and all
        in_anomaly[max(math.ceil(into - start), 0) : max(int(left - start), 0)] = True
    curve = brightness(edges[:-1] + 0.5, overlap(edges, gti), config.variability, shared[1])
    return gti, _Seconds(clock, edges, curve, in_anomaly)


def _make(
    module: Module, observation: Observation, seconds: _Seconds, out: Path, response: Response
) -> tuple[list[Path], dict[str, Any]]:
    config, instrument = module.config, module.instrument
    folder, stem = out / observation.obsid, f"nu{observation.obsid}{MODULES[instrument]}"
    cards = [*header_cards(config, observation, "NuSTAR", instrument, seconds.clock), *REFERENCE_CARDS]
    bad = bad_pixel_tables(module.bad, [*cards[:3], *REFERENCE_CARDS], seconds.clock.start, seconds.clock.stop)
    lists = folder / "event_cl"
    events = lists / f"{stem}01_cl.evt{'.gz' if config.lists.gzip else ''}"
    counted = _write_list(events, module, seconds, cards, bad)
    paths = [events, lists / f"{stem}01_gti.fits", lists / f"{stem}_bp.fits", folder / "hk" / f"{stem}_fpm.hk"]
    write_records(paths[1], cards, [gti_table("STDGTI", module.gti, cards)])
    write_records(paths[2], cards, bad)
    write_housekeeping(
        paths[3],
        cards,
        seconds.clock.start,
        counted.live,
        (counted.accepted, counted.rejected),
        seconds.in_anomaly,
        module.stream(_COUNTERS),
    )
    paths += write_axis(lists, stem, cards, seconds.edges[:-1], module.aspect)
    mean = float((counted.good * counted.live * seconds.curve).sum() / counted.livetime)
    regions = expected_regions(module, counted.livetime, mean, response)
    paths += _write_nominal(module, observation, out, float(regions[0]["share"]), response)
    paths.append(paths[-1].with_name(f"{paths[-1].stem}_ex.img"))
    write_fpm_map(
        paths[-1],
        module.aspect,
        module.bad,
        (seconds.edges[:-1] + 0.5, counted.good * counted.live),
        (config.sky.ra, config.sky.dec),
        cards,
        module.stream(_PLACES),
    )
    background = float(module.spectra[-1].sum()) * counted.livetime
    kinds = [*NAMES[: len(module.positions)], "background"]
    return paths, {
        **list_truth(config, observation, instrument, [path.relative_to(out) for path in paths]),
        "ontime": total(module.gti),
        "livetime": counted.livetime,
        "gti": module.gti.tolist(),
        "brightness": mean,
        "rates": {kind: float(spectrum.sum()) for kind, spectrum in zip(kinds, module.spectra, strict=True)},
        "curve": sampled_curve(seconds.edges, seconds.curve),
        "counts": {kind: int(number) for kind, number in zip(kinds, counted.counts, strict=True)},
        "background": {
            "expected": background,
            "by_detector": (module.background.sum(axis=(1, 2)) * background).tolist(),
        },
        "positions": source_places(config, module.positions),
        "regions": regions,
    }


def _write_list(
    path: Path, module: Module, seconds: _Seconds, cards: Sequence[Card], bad: Sequence[Records]
) -> _Counted:
    """Draw the events of a module a block at a time, and write them."""
    config, count = module.config, seconds.curve.size
    good = overlap(seconds.edges, module.gti)
    rates = np.empty((len(module.spectra) + 1, count))
    for kind, spectrum in enumerate(module.spectra[:-1]):
        rates[kind] = float(spectrum.sum()) * (good > 0) * (seconds.curve if kind == 0 else 1.0)
    rates[-2] = float(module.spectra[-1].sum()) * ~seconds.in_anomaly
    rates[-1] = VETOED * ~seconds.in_anomaly
    live = np.ones(count)
    accepted, rejected = (np.zeros((count, 4), np.int64) for _ in range(2))
    counts = np.zeros(len(module.spectra), np.int64)
    fields = list_fields(config.sky.ra, config.sky.dec, config.lists.columns)
    with RowWriter(path, "EVENTS", fields) as writer:
        for block, part in enumerate(blocks(rates)):
            rng = module.stream(_EVENTS, block)
            events, kinds, live[part], accepted[part], rejected[part] = draw_block(module, rates[:, part], part, rng)
            keep = inside(events.time, module.gti)
            counts += np.bincount(kinds[keep], minlength=counts.size)
            rows = writer.empty(int(keep.sum()))
            fill_rows(rows, events.where(keep), rng)
            disorder(rows, config.lists.unsorted, module.stream(_ORDER, block))
            writer.add(rows)
        live[seconds.in_anomaly] = 0.0
        counted = _Counted(good, live, accepted, rejected, counts)
        exposure = _exposure_cards(total(module.gti), counted.livetime)
        kind_cards = [
            Card("HDUCLASS", "OGIP", "Format conforms to OGIP standards"),
            Card("HDUCLAS1", "EVENTS", "Event extension"),
            Card("HDUCLAS2", "ALL", "No event filtering"),
            Card("DATAMODE", "NONE", "Datamode"),
            Card("NUFLAG", True, "Are events flagged (T/F)?"),
            Card("DSTYP1", "GRADE", "Data subspace descriptor: name"),
            Card("DSVAL1", "0:26", "Data subspace descriptor: value"),
            *([] if config.lists.unsorted else [Card("TSORTKEY", "TIME")]),
        ]
        tables = [gti_table("GTI", module.gti, [*cards, *exposure]), *bad]
        writer.finish([*cards, *exposure], [*kind_cards, *cards, *exposure], tables)
    return counted


def _exposure_cards(ontime: float, livetime: float) -> list[Card]:
    return [
        Card("ONTIME", ontime, "On-source time"),
        Card("EXPOSURE", livetime, "Exposure time"),
        Card("LIVETIME", livetime, "On-source time"),
        Card("DEADC", livetime / ontime, "Deadtime correction"),
        Card("DEADAPP", False, "Has DEADC been applied to data"),
    ]


def _write_nominal(module: Module, observation: Observation, out: Path, share: float, response: Response) -> list[Path]:
    """Write the nominal response: its area holds the share of the source's light within the radius."""
    template = module.config.lists.response or "{obsid}/nominal/nu{obsid}{module}"
    name = template.format(obsid=observation.obsid, instrument=module.instrument, module=MODULES[module.instrument])
    telescope = {"TELESCOP": "NuSTAR", "INSTRUME": module.instrument, "FILTER": "NONE", "CHANTYPE": "PI"}
    paths = [out / f"{name}.rmf", out / f"{name}.arf"]
    write_rmf(paths[0], response, telescope)
    write_arf(paths[1], replace(response, specresp=response.specresp * share), telescope)
    return paths
