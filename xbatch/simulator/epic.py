"""A whole XMM-Newton observation: the event lists of the EPIC cameras, as emchain and epchain name them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.ogip.fitswriter import Card
from xbatch.ogip.response import Response
from xbatch.ogip.responsewriter import write_arf, write_rmf
from xbatch.ogip.rowwriter import RowWriter
from xbatch.simulator.camera import ARCSEC, CAMERAS, MIDDLE, make_epic_response
from xbatch.simulator.config import EPIC_CAMERAS, Observation, SimulationConfig
from xbatch.simulator.draw import blocks, disorder, stream
from xbatch.simulator.epicdraw import MARGIN, NAMES, Exposure, draw_block, expected_regions, make_exposure
from xbatch.simulator.epiclist import (
    FLAG_CARDS,
    bad_pixel_table,
    epic_fields,
    exposure_table,
    fill_epic,
    gti_records,
)
from xbatch.simulator.exposuremap import write_epic_map
from xbatch.simulator.headers import Reference, header_cards, source_places, start_of
from xbatch.simulator.timeline import brightness, flare_curve
from xbatch.simulator.truth import list_truth, sampled_curve
from xbatch.xray.gti import overlap, total, union

__all__ = ["simulate_epic"]

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

_REFERENCE = Reference(50814, 0.0)
_REFERENCE_CARDS = (Card("MJDREF", 50814.0, "1998-01-01T00:00:00 (TT) expressed in MJD"), Card("CLOCKAPP", True))
#: What the random streams are for; 4 and 6 are those of bad pixels and of gaps.
_CURVE, _FLARES, _EVENTS, _ORDER, _PLACES = 2, 3, 5, 7, 8


def simulate_epic(config: SimulationConfig, number: int, out: Path) -> tuple[list[Path], list[dict[str, Any]]]:
    """Make the event lists of one observation, and nominal responses.

    Parameters
    ----------
    config : SimulationConfig
    number : int
        Of the observation, from 0.
    out : Path

    Returns
    -------
    written : list of Path
    truth : list of dict
        One entry a list.

    Raises
    ------
    StepError
        A number of events is asked for, and nothing gives any.
    OSError
        A file cannot be written.
    """
    observation = config.observations[number]
    start = start_of(observation, _REFERENCE)
    seconds = int(np.ceil(max(observation.exposure.values()) * 1.1 + 4 * MARGIN))
    edges = np.asarray(start + np.arange(seconds + 1), dtype=np.float64)
    # the sources and the flares are the same for all cameras
    curves = [stream(config.seed, number, 2, what) for what in (_CURVE, _FLARES)]
    curve = brightness(edges[:-1] + 0.5, np.ones(seconds), config.variability, curves[0])
    flares = flare_curve(edges[:-1] + 0.5, np.array([(start + MARGIN, edges[-1])]), config.flares, curves[1])
    written: list[Path] = []
    truth: list[dict[str, Any]] = []
    for instrument in (name for name in EPIC_CAMERAS if name in observation.exposure):
        response = make_epic_response(CAMERAS[instrument])
        exposure = make_exposure(config, number, instrument, start, response)
        used = int(exposure.clock.stop - start)
        paths, told = _make(exposure, observation, (edges[: used + 1], curve[:used], flares[:used]), out, response)
        written += paths
        truth.append(told)
    return written, truth


def _make(
    exposure: Exposure,
    observation: Observation,
    seconds: tuple[Floats, Floats, Floats],
    out: Path,
    response: Response,
) -> tuple[list[Path], dict[str, Any]]:
    config, camera, instrument = exposure.config, exposure.camera, exposure.instrument
    pn = instrument == "EPN"
    code = EPIC_CAMERAS[instrument]
    name = f"P{observation.obsid}{code}{'P' if pn else 'M'}IEVLI0000.FIT{'.gz' if config.lists.gzip else ''}"
    path = out / observation.obsid / name
    edges, curve, flares = seconds
    quiet = len(exposure.positions)
    rates = np.empty((len(exposure.spectra), curve.size))
    for kind, spectrum in enumerate(exposure.spectra):
        rates[kind] = float(spectrum.sum()) * (curve if kind == 0 else flares if kind == quiet + 2 else 1.0)
    everything = union(*exposure.gtis)
    rates *= overlap(edges, everything) > 0
    counts = np.zeros(len(rates), np.int64)
    cards = _cards(exposure, observation, code)
    with RowWriter(path, "EVENTS", epic_fields(camera, config.sky.ra, config.sky.dec, pn)) as writer:
        for block, part in enumerate(blocks(rates)):
            rng = exposure.stream(_EVENTS, block)
            events, kinds = draw_block(exposure, rates[:, part], edges[part.start], response, rng)
            counts += np.bincount(kinds, minlength=counts.size)
            rows = writer.empty(len(kinds))
            fill_epic(rows, events, camera, pn, rng)
            disorder(rows, config.lists.unsorted, exposure.stream(_ORDER, block))
            writer.add(rows)
        tables = []
        for ccd, gti in enumerate(exposure.gtis):
            pixels = exposure.bad[exposure.bad[:, 0] == ccd, 1:]
            tables.append(exposure_table(ccd, gti, float(exposure.live[ccd]), camera.frame, cards[:3]))
            tables.append(bad_pixel_table(ccd, pixels, cards[:3]))
        tables += [gti_records(ccd, gti, [*cards[:3], *_REFERENCE_CARDS]) for ccd, gti in enumerate(exposure.gtis)]
        writer.finish(cards, [*_list_cards(exposure), *cards], tables)
    live = {ccd + 1: total(gti) * float(exposure.live[ccd]) for ccd, gti in enumerate(exposure.gtis)}
    regions = expected_regions(exposure, (edges, curve), response)
    paths = [path, *_write_nominal(exposure, observation, out, float(regions[0]["share"]), response)]
    paths.append(paths[-1].with_name(f"{paths[-1].stem}_ex.img"))
    write_epic_map(
        paths[-1],
        camera,
        config.sky.roll,
        np.array(list(live.values())),
        (config.sky.ra, config.sky.dec),
        cards,
        exposure.stream(_PLACES),
    )
    kinds_told = [*NAMES[:quiet], "background", "tracks", "flares"]
    return paths, {
        **list_truth(config, observation, instrument, [each.relative_to(out) for each in paths]),
        "ontime": total(exposure.gtis[camera.main]),
        "livetime": live[camera.main + 1],
        "livetime_by_ccd": {str(ccd): value for ccd, value in live.items()},
        "gti": {str(ccd + 1): gti.tolist() for ccd, gti in enumerate(exposure.gtis)},
        "rates": {kind: float(spectrum.sum()) for kind, spectrum in zip(kinds_told, exposure.spectra, strict=True)},
        "counts": {kind: int(number) for kind, number in zip(kinds_told, counts, strict=True)},
        "curve": sampled_curve(edges, curve),
        "flare_curve": sampled_curve(edges, flares),
        "positions": source_places(config, exposure.positions),
        "regions": regions,
    }


def _cards(exposure: Exposure, observation: Observation, code: str) -> list[Card]:
    config = exposure.config
    place: list[Card] = []
    for axis, kind, value, sign in (("X", "RA---TAN", config.sky.ra, -1.0), ("Y", "DEC--TAN", config.sky.dec, 1.0)):
        place += [
            Card(f"REF{axis}CTYP", kind),
            Card(f"REF{axis}CRPX", MIDDLE),
            Card(f"REF{axis}CRVL", value),
            Card(f"REF{axis}CDLT", sign * ARCSEC / 3600.0),
            Card(f"REF{axis}CUNI", "deg"),
            Card(f"REF{axis}LMIN", 1),
            Card(f"REF{axis}LMAX", 51840),
        ]
    return [
        *header_cards(config, observation, "XMM", exposure.instrument, exposure.clock),
        *_REFERENCE_CARDS,
        Card("EXP_ID", f"{observation.obsid}{code[-3:]}", "Exposure Identifier"),
        Card("EXPIDSTR", code[-4:], "Exposure ID"),
        Card("FILTER", "Medium", "Filter ID"),
        Card("DATAMODE", "IMAGING", "Instrument mode (IMAGING or TIMING)"),
        Card("SUBMODE", "PrimeFullWindow", "Guest Observer mode"),
        *place,
    ]


def _list_cards(exposure: Exposure) -> list[Card]:
    times: list[Card] = []
    for ccd, gti in enumerate(exposure.gtis):
        ontime = total(gti)
        times += [Card(f"ONTIME{ccd + 1:02d}", ontime, "Sum of GTIs for a particular CCD")]
        times += [Card(f"LIVETI{ccd + 1:02d}", ontime * float(exposure.live[ccd]), "Live time for a particular CCD")]
    main = exposure.camera.main
    ontime = total(exposure.gtis[main])
    return [
        Card("HDUCLASS", "OGIP"),
        Card("HDUCLAS1", "EVENTS"),
        *FLAG_CARDS[exposure.instrument],
        Card("ONTIME", ontime, "Sum of GTIs for central CCD"),
        Card("LIVETIME", ontime * float(exposure.live[main]), "Live time for the central CCD"),
        *times,
    ]


def _write_nominal(
    exposure: Exposure, observation: Observation, out: Path, share: float, response: Response
) -> list[Path]:
    """Write the nominal response: its area holds the share of the source's light within the radius."""
    template = exposure.config.lists.response or "{obsid}/nominal/{instrument}"
    name = template.format(obsid=observation.obsid, instrument=exposure.instrument, module="")
    telescope = {"TELESCOP": "XMM", "INSTRUME": exposure.instrument, "FILTER": "Medium", "CHANTYPE": "PI"}
    paths = [out / f"{name}.rmf", out / f"{name}.arf"]
    write_rmf(paths[0], response, telescope)
    write_arf(paths[1], replace(response, specresp=response.specresp * share), telescope)
    return paths
