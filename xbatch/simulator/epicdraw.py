"""The events that an EPIC camera counts in some seconds, and what is expected of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import StepError
from xbatch.ogip.response import Response
from xbatch.simulator.camera import ARCSEC, CAMERAS, FIELD, MIDDLE, Camera
from xbatch.simulator.config import EPIC_CAMERAS, SimulationConfig
from xbatch.simulator.draw import draw_events, stream
from xbatch.simulator.epiclist import EpicEvents
from xbatch.simulator.headers import Clock
from xbatch.simulator.predict import background_rate, source_rate
from xbatch.simulator.psf import EPIC, landing
from xbatch.simulator.timeline import without
from xbatch.simulator.truth import GIVE_LIGHT, NO_LIGHT, band_counts
from xbatch.xray.gti import inside, overlap, total

__all__ = ["MARGIN", "NAMES", "Exposure", "draw_block", "expected_regions", "make_exposure"]

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

#: Sources in the order of an exposure's positions and spectra.
NAMES = ("source", "neighbour")
#: Seconds before the first good one, and after the last.
MARGIN = 10.0
_PIXELS, _GAPS = 4, 6
_BAND = (0.3, 10.0)
_BANDS = ((0.5, 2.0), (2.0, 10.0), (0.5, 10.0))
#: Tracks of particles, relative to the quiet background.
_TRACKS = 0.2


@dataclass(frozen=True)
class Exposure:
    """All that the drawing of a camera's events depends on.

    Attributes
    ----------
    config : SimulationConfig
    number : int
        Of the observation.
    instrument : str
    camera : Camera
    clock : Clock
    gtis : tuple of ndarray
        Of each CCD.
    live : ndarray, shape (ccds,)
        Live part of each.
    bad : ndarray, shape (n, 3)
        Bad pixels: CCD from 0, RAWX, RAWY.
    spectra : tuple of ndarray
        Counts/s in each channel: sources, background, tracks, and flares at a curve of 1.
    positions : tuple of (X, Y)
        Of each source.
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
        """Give a random stream of the camera's own."""
        return stream(self.config.seed, self.number, 3 + list(EPIC_CAMERAS).index(self.instrument), *key)

    def to_detector(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Give DETX and DETY of places on the sky."""
        dx, dy = self.camera.turned(x - MIDDLE, y - MIDDLE, self.config.sky.roll)
        return self.camera.aim[0] + dx, self.camera.aim[1] + dy

    def to_sky(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Give X and Y of places on the detectors."""
        dx, dy = self.camera.turned(x - self.camera.aim[0], y - self.camera.aim[1], self.config.sky.roll)
        return MIDDLE + dx, MIDDLE + dy

    def ccd_at(self, x: Floats, y: Floats) -> Whole:
        """Give the CCD (from 0; -1 where there is none) at places on the sky."""
        return self.camera.pixel_at(*self.to_detector(x, y))[0]


def make_exposure(config: SimulationConfig, number: int, instrument: str, start: float, response: Response) -> Exposure:
    """Gather what the drawing of a camera's events depends on."""
    observation, camera, sky = config.observations[number], CAMERAS[instrument], config.sky
    place = (config.seed, number, 3 + list(EPIC_CAMERAS).index(instrument))
    gtis = _gtis(camera, start + MARGIN, observation.exposure[instrument], stream(*place, _GAPS))
    clock = Clock(start, float(np.ceil(max(gti[-1, 1] for gti in gtis) + MARGIN)))
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
    exposure = Exposure(
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


def draw_block(
    exposure: Exposure, rates: Floats, start: float, response: Response, rng: np.random.Generator
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


def _channels(exposure: Exposure, kinds: Whole, response: Response, rng: np.random.Generator) -> Whole:
    """Draw the PI of each event: a channel of 5 eV, and an eV in it."""
    shares = rng.random(kinds.size)
    channels = np.zeros(kinds.size, np.int64)
    for kind, spectrum in enumerate(exposure.spectra):
        which = kinds == kind
        cumulative = np.cumsum(spectrum)
        channels[which] = np.searchsorted(cumulative, shares[which] * cumulative[-1], side="right")
    return 5 * channels + rng.integers(0, 5, kinds.size)


def expected_regions(exposure: Exposure, seconds: tuple[Floats, Floats], response: Response) -> list[dict[str, Any]]:
    """Say what is expected in a circle about each source, by band: of each source, and of the quiet background."""
    edges, curve = seconds
    camera, radius = exposure.camera, exposure.config.lists.radius
    count = len(camera.ccds)
    good = np.array([overlap(edges, gti) for gti in exposure.gtis]) * exposure.live[:, None]
    steady, varying = good.sum(axis=1), (good * curve).sum(axis=1)
    told = []
    for label, centre in zip(NAMES, exposure.positions, strict=False):
        seen = [
            landing(EPIC, at, ARCSEC, exposure.ccd_at, count, radius, None if at == centre else centre)
            for at in exposure.positions
        ]
        seconds_seen = [float(share @ (varying if kind == 0 else steady)) for kind, share in enumerate(seen)]
        seconds_seen.append(float(_disc_share(exposure, centre, radius) @ steady))
        kinds = [*NAMES[: len(exposure.positions)], "background"]
        parts = {
            kind: band_counts(spectrum * time, response, _BANDS)
            for kind, spectrum, time in zip(kinds, exposure.spectra, seconds_seen, strict=False)
        }
        own = float(seen[NAMES.index(label)].sum())
        told.append({"name": label, "radius": radius, "share": own, "expected": parts})
    return told


def _disc_share(exposure: Exposure, centre: tuple[float, float], radius: float) -> Floats:
    """Give the share of the quiet background that falls on each CCD within a circle."""
    camera = exposure.camera
    distance = radius / ARCSEC * np.sqrt((np.arange(200) + 0.5) / 200)[:, None]
    angle = 2.0 * np.pi * np.arange(64)[None, :] / 64
    ccd = exposure.ccd_at(centre[0] + distance * np.cos(angle), centre[1] + distance * np.sin(angle))
    shares = np.bincount(ccd[ccd >= 0], minlength=len(camera.ccds)) / ccd.size
    area = len(camera.ccds) * camera.size[0] * camera.size[1] * camera.pitch**2
    return np.asarray(shares * (np.pi * (radius / ARCSEC) ** 2 / area))
