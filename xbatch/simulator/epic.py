"""A whole XMM-Newton observation: the event lists of the EPIC cameras, as emchain and epchain name them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import StepError
from xbatch.ogip.fitswriter import Card
from xbatch.ogip.response import Response
from xbatch.ogip.responsewriter import write_arf, write_rmf
from xbatch.ogip.rowwriter import RowWriter
from xbatch.simulator.camera import ARCSEC, CAMERAS, FIELD, MIDDLE, Camera, make_epic_response
from xbatch.simulator.config import EPIC_CAMERAS, Observation, SimulationConfig
from xbatch.simulator.draw import blocks, disorder, draw_events, stream
from xbatch.simulator.epiclist import (
    FLAG_CARDS,
    EpicEvents,
    bad_pixel_table,
    epic_fields,
    exposure_table,
    fill_epic,
    gti_records,
)
from xbatch.simulator.plan import Clock, Reference, header_cards, source_places, start_of
from xbatch.simulator.predict import background_rate, source_rate
from xbatch.simulator.psf import EPIC, landing
from xbatch.simulator.timeline import brightness, flare_curve, without
from xbatch.simulator.truth import GIVE_LIGHT, NO_LIGHT, band_counts, list_truth
from xbatch.xray.gti import inside, overlap, total, union

__all__ = ["simulate_epic"]

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

_REFERENCE = Reference(50814, 0.0)
_REFERENCE_CARDS = (Card("MJDREF", 50814.0, "1998-01-01T00:00:00 (TT) expressed in MJD"), Card("CLOCKAPP", True))
_CURVE, _FLARES, _PIXELS, _EVENTS, _GAPS, _ORDER = range(2, 8)
_NAMES = ("source", "neighbour")
_BAND = (0.3, 10.0)
_BANDS = ((0.5, 2.0), (2.0, 10.0), (0.5, 10.0))
#: Tracks of particles, relative to the quiet background.
_TRACKS = 0.2
#: Seconds before the first good one, and after the last.
_MARGIN = 10.0


@dataclass(frozen=True)
class _Exposure:
    """All that the drawing of a camera's events depends on.

    Attributes
    ----------
    gtis : tuple of ndarray
        Of each CCD.
    live : ndarray, shape (ccds,)
        Live part of each.
    bad : ndarray, shape (n, 3)
        Bad pixels: CCD from 0, RAWX, RAWY.
    spectra : tuple of ndarray
        Counts/s in each channel: sources, background, tracks, and flares at a curve of 1.
    """

    config: SimulationConfig
    number: int
    instrument: str
    camera: Camera
    clock: Clock
    gtis: tuple[Floats, ...]
    live: Floats
    bad: Whole
    spectra: tuple[Floats, ...]
    positions: tuple[tuple[float, float], ...]

    def stream(self, *key: int) -> np.random.Generator:
        return stream(self.config.seed, self.number, 3 + list(EPIC_CAMERAS).index(self.instrument), *key)

    def to_detector(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        dx, dy = self.camera.turned(x - MIDDLE, y - MIDDLE, self.config.sky.roll)
        return self.camera.aim[0] + dx, self.camera.aim[1] + dy

    def to_sky(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        dx, dy = self.camera.turned(x - self.camera.aim[0], y - self.camera.aim[1], self.config.sky.roll)
        return MIDDLE + dx, MIDDLE + dy

    def ccd_at(self, x: Floats, y: Floats) -> Whole:
        return self.camera.pixel_at(*self.to_detector(x, y))[0]


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
    seconds = int(np.ceil(max(observation.exposure.values()) * 1.1 + 4 * _MARGIN))
    edges = np.asarray(start + np.arange(seconds + 1), dtype=np.float64)
    # the sources and the flares are the same for all cameras
    curves = [stream(config.seed, number, 2, what) for what in (_CURVE, _FLARES)]
    curve = brightness(edges[:-1] + 0.5, np.ones(seconds), config.variability, curves[0])
    flares = flare_curve(edges[:-1] + 0.5, np.array([(start + _MARGIN, edges[-1])]), config.flares, curves[1])
    written: list[Path] = []
    truth: list[dict[str, Any]] = []
    for instrument in (name for name in EPIC_CAMERAS if name in observation.exposure):
        response = make_epic_response(CAMERAS[instrument])
        exposure = _exposure(config, number, instrument, start, response)
        used = int(exposure.clock.stop - start)
        paths, told = _make(exposure, observation, (edges[: used + 1], curve[:used], flares[:used]), out, response)
        written += paths
        truth.append(told)
    return written, truth


def _exposure(config: SimulationConfig, number: int, instrument: str, start: float, response: Response) -> _Exposure:
    observation, camera, sky = config.observations[number], CAMERAS[instrument], config.sky
    place = (config.seed, number, 3 + list(EPIC_CAMERAS).index(instrument))
    gtis = _gtis(camera, start + _MARGIN, observation.exposure[instrument], stream(*place, _GAPS))
    clock = Clock(start, float(np.ceil(max(gti[-1, 1] for gti in gtis) + _MARGIN)))
    pixels = stream(*place, _PIXELS)
    bad = np.array(
        [
            (ccd, pixels.integers(1, camera.size[0] + 1), pixels.integers(1, camera.size[1] + 1))
            for ccd in range(len(camera.ccds))
            for _ in range(int(pixels.integers(2, 7)))
        ]
    )
    places = [sky.offset] if sky.neighbour is None else [sky.offset, sky.neighbour]
    spectrum = source_rate(config, response) * (observation.scale * config.calibration[instrument])
    quiet = background_rate(config.background, response, _BAND)
    flat = np.where((response.e_min >= 0.2) & (response.e_min < 15.0), 1.0, 0.0)
    flare = flat * float(quiet.sum() / flat.sum())
    sources = [spectrum * scale for scale in (1.0, sky.neighbour_scale)[: len(places)]]
    spectra = [*sources, quiet, quiet * _TRACKS, flare]
    live = np.linspace(0.985, 0.99, len(camera.ccds))
    exposure = _Exposure(
        config,
        number,
        instrument,
        camera,
        clock,
        gtis,
        live,
        bad,
        tuple(spectra),
        tuple((MIDDLE - east / ARCSEC, MIDDLE + north / ARCSEC) for east, north in places),
    )
    if config.lists.events is None:
        return exposure
    seen = sum(float(each.sum()) for each in spectra[:-1]) * float(live.mean()) * total(gtis[camera.main])
    if seen <= 0:
        raise StepError(NO_LIGHT, cure=GIVE_LIGHT)
    factor = config.lists.events / seen
    return replace(exposure, spectra=tuple(each * factor for each in spectra))


def _gtis(camera: Camera, first: float, good: float, rng: np.random.Generator) -> tuple[Floats, ...]:
    """Give the GTIs of each CCD: one long one; the outer CCDs lose some frames more."""
    gap = min(200.0, 0.02 * good)
    into = round(first + good * float(rng.uniform(0.3, 0.7)), 3)
    whole = np.array([(first, round(first + good + gap, 3))])
    base = without(whole, [(into, round(into + gap, 3))])
    gtis = []
    for ccd in range(len(camera.ccds)):
        holes = []
        for _ in range(0 if ccd == camera.main else int(rng.integers(0, 3))):
            at = round(first + good * float(rng.uniform(0.05, 0.95)), 3)
            holes.append((at, round(at + float(rng.uniform(0.1, 0.5)) * gap, 3)))
        gtis.append(without(base, holes))
    return tuple(gtis)


def _make(
    exposure: _Exposure,
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
            events, kinds = _draw(exposure, rates[:, part], edges[part.start], response, rng)
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
    regions = _regions(exposure, (edges, curve), response)
    paths = [path, *_write_nominal(exposure, observation, out, float(regions[0]["share"]), response)]
    kinds_told = [*_NAMES[:quiet], "background", "tracks", "flares"]
    return paths, {
        **list_truth(config, observation, instrument, [each.relative_to(out) for each in paths]),
        "ontime": total(exposure.gtis[camera.main]),
        "livetime": live[camera.main + 1],
        "livetime_by_ccd": {str(ccd): value for ccd, value in live.items()},
        "gti": {str(ccd + 1): gti.tolist() for ccd, gti in enumerate(exposure.gtis)},
        "counts": {kind: int(number) for kind, number in zip(kinds_told, counts, strict=True)},
        "positions": source_places(config, exposure.positions),
        "regions": regions,
    }


def _draw(
    exposure: _Exposure, rates: Floats, start: float, response: Response, rng: np.random.Generator
) -> tuple[EpicEvents, Whole]:
    """Draw the events of some seconds that end up in the list, and their kinds."""
    drawn = draw_events(rates, rng)
    times = start + drawn.second + drawn.part
    camera, kind, count = exposure.camera, drawn.kind.astype(np.int64), times.size
    first, second = rng.random(count), rng.random(count)
    quiet = len(exposure.positions)
    detx, dety = np.zeros(count), np.zeros(count)
    for number, position in enumerate(exposure.positions):
        which = kind == number
        distance, angle = EPIC.radius(first[which]) / ARCSEC, 2.0 * np.pi * second[which]
        detx[which], dety[which] = exposure.to_detector(
            position[0] + distance * np.cos(angle), position[1] + distance * np.sin(angle)
        )
    # the quiet background and the tracks are everywhere on the CCDs, flares come through the mirrors
    everywhere = (kind == quiet) | (kind == quiet + 1)
    chips = rng.integers(0, len(camera.ccds), int(everywhere.sum()))
    detx[everywhere], dety[everywhere] = camera.place(
        chips, first[everywhere] * camera.size[0], second[everywhere] * camera.size[1]
    )
    flare = kind == quiet + 2
    distance, angle = FIELD * np.sqrt(first[flare]), 2.0 * np.pi * second[flare]
    detx[flare], dety[flare] = camera.aim[0] + distance * np.cos(angle), camera.aim[1] + distance * np.sin(angle)
    ccd, rawx, rawy = camera.pixel_at(detx, dety)
    keep = (ccd >= 0) & (rng.random(count) < exposure.live[ccd])
    for number, gti in enumerate(exposure.gtis):
        mine = ccd == number
        keep[mine] &= inside(times[mine], gti)
    x, y = exposure.to_sky(detx, dety)
    known = exposure.bad @ _PIXEL_CODE
    events = EpicEvents(
        time=times,
        pi=_channels(exposure, kind, response, rng),
        ccd=ccd,
        rawx=rawx,
        rawy=rawy,
        detx=detx,
        dety=dety,
        x=x,
        y=y,
        tracks=kind == quiet + 1,
        bad=np.isin(np.stack([ccd, rawx, rawy], axis=1) @ _PIXEL_CODE, known),
    )
    return events.where(keep), kind[keep]


#: One number for a CCD and a pixel.
_PIXEL_CODE = np.array([1_000_000, 1_000, 1])


def _channels(exposure: _Exposure, kinds: Whole, response: Response, rng: np.random.Generator) -> Whole:
    """Draw the PI of each event: a channel of 5 eV, and an eV in it."""
    shares = rng.random(kinds.size)
    channels = np.zeros(kinds.size, np.int64)
    for kind, spectrum in enumerate(exposure.spectra):
        which = kinds == kind
        cumulative = np.cumsum(spectrum)
        channels[which] = np.searchsorted(cumulative, shares[which] * cumulative[-1], side="right")
    return 5 * channels + rng.integers(0, 5, kinds.size)


def _cards(exposure: _Exposure, observation: Observation, code: str) -> list[Card]:
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


def _list_cards(exposure: _Exposure) -> list[Card]:
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


def _regions(exposure: _Exposure, seconds: tuple[Floats, Floats], response: Response) -> list[dict[str, Any]]:
    """Say what is expected in a circle about each source, by band: of each source, and of the quiet background."""
    edges, curve = seconds
    camera, radius = exposure.camera, exposure.config.lists.radius
    count = len(camera.ccds)
    good = np.array([overlap(edges, gti) for gti in exposure.gtis]) * exposure.live[:, None]
    steady, varying = good.sum(axis=1), (good * curve).sum(axis=1)
    told = []
    for label, centre in zip(_NAMES, exposure.positions, strict=False):
        seen = [
            landing(EPIC, at, ARCSEC, exposure.ccd_at, count, radius, None if at == centre else centre)
            for at in exposure.positions
        ]
        seconds_seen = [float(share @ (varying if kind == 0 else steady)) for kind, share in enumerate(seen)]
        seconds_seen.append(float(_disc_share(exposure, centre, radius) @ steady))
        kinds = [*_NAMES[: len(exposure.positions)], "background"]
        parts = {
            kind: band_counts(spectrum * time, response, _BANDS)
            for kind, spectrum, time in zip(kinds, exposure.spectra, seconds_seen, strict=False)
        }
        own = float(seen[_NAMES.index(label)].sum())
        told.append({"name": label, "radius": radius, "share": own, "expected": parts})
    return told


def _disc_share(exposure: _Exposure, centre: tuple[float, float], radius: float) -> Floats:
    """Give the share of the quiet background that falls on each CCD within a circle."""
    camera = exposure.camera
    distance = radius / ARCSEC * np.sqrt((np.arange(200) + 0.5) / 200)[:, None]
    angle = 2.0 * np.pi * np.arange(64)[None, :] / 64
    ccd = exposure.ccd_at(centre[0] + distance * np.cos(angle), centre[1] + distance * np.sin(angle))
    shares = np.bincount(ccd[ccd >= 0], minlength=len(camera.ccds)) / ccd.size
    area = len(camera.ccds) * camera.size[0] * camera.size[1] * camera.pitch**2
    return np.asarray(shares * (np.pi * (radius / ARCSEC) ** 2 / area))


def _write_nominal(
    exposure: _Exposure, observation: Observation, out: Path, share: float, response: Response
) -> list[Path]:
    """Write the nominal response: its area holds the share of the source's light within the radius."""
    template = exposure.config.lists.response or "{obsid}/nominal/{instrument}"
    name = template.format(obsid=observation.obsid, instrument=exposure.instrument, module="")
    telescope = {"TELESCOP": "XMM", "INSTRUME": exposure.instrument, "FILTER": "Medium", "CHANTYPE": "PI"}
    paths = [out / f"{name}.rmf", out / f"{name}.arf"]
    write_rmf(paths[0], response, telescope)
    write_arf(paths[1], replace(response, specresp=response.specresp * share), telescope)
    return paths
