"""The events that a module of NuSTAR counts in some seconds, and what is expected of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xbatch.base.errors import StepError
from xbatch.ogip.response import Response
from xbatch.simulator.config import MODULES, SimulationConfig
from xbatch.simulator.draw import apply_dead_time, draw_events, stream
from xbatch.simulator.focalplane import (
    ARCSEC,
    MIDDLE,
    Aspect,
    background_map,
    background_share,
    bad_pixels,
    corner,
    landing_share,
    pixel_at,
)
from xbatch.simulator.fpmlist import FpmEvents
from xbatch.simulator.predict import background_rate, source_rate
from xbatch.simulator.psf import NUSTAR
from xbatch.simulator.truth import GIVE_LIGHT, NO_LIGHT, band_counts
from xbatch.xray.gti import total

__all__ = ["NAMES", "VETOED", "Module", "draw_block", "event_columns", "expected_regions", "make_module"]

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

#: Sources in the order of a module's positions and spectra.
NAMES = ("source", "neighbour")
#: Events/s that the shield vetoes: they cost dead time and are in no list.
VETOED = 2.0
_PIXELS = 4
#: Where the middle of the field falls on DET1, by module, and how far the mast sways.
_AIM = {"FPMA": (203.0, 199.5), "FPMB": (200.0, 203.5)}
_SWING = 2.5
_MIDDLE_DET2 = 300.5
_BANDS = ((3.0, 10.0), (10.0, 79.0), (3.0, 79.0))


@dataclass(frozen=True)
class Module:
    """All that the drawing of a module's events depends on.

    Attributes
    ----------
    config : SimulationConfig
    number : int
        Of the observation.
    instrument : str
    start : float
        s.
    gti : ndarray, shape (n, 2)
    aspect : Aspect
    bad : ndarray of bool, shape (4, 32, 32)
    background : ndarray, shape (4, 32, 32)
        Share of each pixel.
    spectra : tuple of ndarray, each of shape (4096,)
        Counts/s in each channel: of each source, all its light, and last of the background.
    positions : tuple of (X, Y)
        Of each source.
    """

    config: SimulationConfig
    number: int
    instrument: str
    start: float
    gti: Floats
    aspect: Aspect
    bad: NDArray[np.bool_]
    background: Floats
    spectra: tuple[Floats, ...]
    positions: tuple[tuple[float, float], ...]

    def stream(self, *key: int) -> np.random.Generator:
        """Give a random stream of the module's own."""
        return stream(self.config.seed, self.number, list(MODULES).index(self.instrument), *key)


def make_module(
    config: SimulationConfig, number: int, instrument: str, start: float, gti: Floats, response: Response
) -> Module:
    """Gather what the drawing of a module's events depends on."""
    own = stream(config.seed, number, list(MODULES).index(instrument), _PIXELS)
    bad = bad_pixels(own)
    aspect = Aspect(*_AIM[instrument], _SWING, start, config.sky.roll)
    sky = config.sky
    places = [sky.offset] if sky.neighbour is None else [sky.offset, sky.neighbour]
    positions = [(MIDDLE - east / ARCSEC, MIDDLE + north / ARCSEC) for east, north in places]
    brightest = config.observations[number].scale * config.calibration[instrument]
    spectrum = source_rate(config, response) * brightest
    beside = background_rate(config.background, response)
    scales = [1.0, sky.neighbour_scale][: len(places)]
    spectra = [spectrum * scale for scale in scales] + [beside]
    if config.lists.events is not None:
        landing = [landing_share(place, NUSTAR, aspect, bad) for place in positions] + [1.0]
        seen = sum(float(each.sum()) * share for each, share in zip(spectra, landing, strict=True))
        factor = _factor(config.lists.events / total(gti), seen, config.lists.dead_time)
        spectra = [each * factor for each in spectra]
    return Module(
        config,
        number,
        instrument,
        start,
        gti,
        aspect,
        bad,
        background_map(config.background.detectors, config.background.stray, bad),
        tuple(spectra),
        tuple(positions),
    )


def _factor(wanted: float, seen: float, dead_time: float) -> float:
    """Give by what all is to be multiplied so that `wanted` events/s are counted of `seen` times that."""
    if seen <= 0:
        raise StepError(NO_LIGHT, cure=GIVE_LIGHT)
    live = 1.0 - wanted * dead_time
    if live < 0.05:
        raise StepError(
            f"{wanted:.6g} events/s are wanted, and a dead time of {dead_time:g} s lets no more than "
            f"{1.0 / dead_time:g} through",
            cure="Ask for fewer events, a longer exposure or a shorter lists.dead_time",
        )
    return wanted * (1.0 + VETOED * dead_time) / (live * seen)


def draw_block(
    module: Module, rates: Floats, part: slice, rng: np.random.Generator
) -> tuple[FpmEvents, Whole, Floats, Whole, Whole]:
    """Draw the events of some seconds.

    Parameters
    ----------
    module : Module
    rates : ndarray, shape (kinds + 1, seconds)
        Events/s of each source, of the background, and of what the shield vetoes; those off the detectors included.
    part : slice
        Which of the observation's seconds they are.
    rng : Generator

    Returns
    -------
    events : FpmEvents
        Those counted and not vetoed, inside and outside the GTIs.
    kinds : ndarray, shape (events,)
    live : ndarray, shape (seconds,)
        Live part of each second.
    accepted, rejected : ndarray, shape (seconds, 4)
        Counted events by detector.
    """
    drawn = draw_events(rates, rng)
    seconds = rates.shape[1]
    vetoed = drawn.kind == len(rates) - 1
    start = module.start + part.start
    falls = _landed(module, drawn.kind, start + drawn.second + drawn.part, rng)
    seen = vetoed | (falls.detector >= 0)
    detector = np.where(vetoed, rng.integers(0, 4, vetoed.size), falls.detector)
    second, before = drawn.second[seen], drawn.part[seen]
    counted, clock, _, live = apply_dead_time(second, before, seconds, module.config.lists.dead_time)
    chosen = np.flatnonzero(seen)[counted]
    second, before, clock = second[counted], before[counted], clock[counted]
    # live time since the event before: on a clock that stands still while the detector is blind
    awake = live * (rates.sum(axis=0) > 0)
    lived = np.concatenate([[0.0], np.cumsum(awake)[:-1]])[second] + before
    veto, at = vetoed[chosen], second * 4 + detector[chosen]
    rejected, accepted = (np.bincount(at[which], minlength=4 * seconds).reshape(-1, 4) for which in (veto, ~veto))
    good = ~veto
    kinds = drawn.kind[chosen[good]].astype(np.int64)
    times = start + second[good] + clock[good]
    prior = np.diff(lived, prepend=0.0)[good]
    events = _events(module, kinds, times, prior, falls.where(chosen[good]), rng)
    return events, kinds, live, accepted, rejected


def event_columns(module: Module, kinds: Whole, times: Floats, prior: Floats, rng: np.random.Generator) -> FpmEvents:
    """Draw events whose kinds and times are given; those that would miss the pixels are moved onto them."""
    falls = _landed(module, kinds, times, rng)
    lost = np.flatnonzero(falls.detector < 0)
    again = _landed(module, np.full(lost.size, len(module.positions)), times[lost], rng)
    for values, better in zip(vars(falls).values(), vars(again).values(), strict=True):
        values[lost] = better
    return _events(module, kinds, times, prior, falls, rng)


@dataclass(frozen=True)
class _Falls:
    """Where events fall: DET1, sky and pixel; the detector is -1 where they are lost."""

    det1x: Floats
    det1y: Floats
    x: Floats
    y: Floats
    detector: Whole
    rawx: Whole
    rawy: Whole

    def where(self, chosen: Whole) -> _Falls:
        return _Falls(**{name: values[chosen] for name, values in vars(self).items()})


def _events(
    module: Module, kinds: Whole, times: Floats, prior: Floats, falls: _Falls, rng: np.random.Generator
) -> FpmEvents:
    spread = [_MIDDLE_DET2 + each for each in module.aspect.turned(falls.x - MIDDLE, falls.y - MIDDLE)]
    return FpmEvents(
        time=times,
        prior=prior,
        pi=_channels(module, kinds, rng),
        det2x=spread[0],
        det2y=spread[1],
        **vars(falls),
    )


def _landed(module: Module, kind: NDArray[np.int8] | Whole, times: Floats, rng: np.random.Generator) -> _Falls:
    count = kind.size
    first, second = rng.random(count), rng.random(count)
    x, y, det1x, det1y = (np.full(count, MIDDLE) for _ in range(4))
    for number, position in enumerate(module.positions):
        which = kind == number
        distance = NUSTAR.radius(first[which]) / ARCSEC
        angle = 2.0 * np.pi * second[which]
        x[which], y[which] = position[0] + distance * np.cos(angle), position[1] + distance * np.sin(angle)
        det1x[which], det1y[which] = module.aspect.to_detector(x[which], y[which], times[which])
    detector, rawx, rawy = pixel_at(det1x, det1y)
    on = detector >= 0
    detector[on] = np.where(module.bad[detector[on], rawx[on], rawy[on]], -1, detector[on])
    others = np.flatnonzero(kind >= len(module.positions))
    cumulative = np.cumsum(module.background)
    pixel = np.searchsorted(cumulative, rng.random(others.size) * cumulative[-1], side="right")
    detector[others], rawx[others], rawy[others] = np.unravel_index(pixel, module.background.shape)
    at_x, at_y, step_x, step_y = corner(detector[others], rawx[others], rawy[others])
    det1x[others], det1y[others] = at_x + step_x * first[others], at_y + step_y * second[others]
    x[others], y[others] = module.aspect.to_sky(det1x[others], det1y[others], times[others])
    return _Falls(det1x, det1y, x, y, detector, rawx, rawy)


def _channels(module: Module, kinds: Whole, rng: np.random.Generator) -> Whole:
    """Draw the channel of each event."""
    shares = rng.random(kinds.size)
    channels = np.zeros(kinds.size, np.int64)
    for kind, spectrum in enumerate(module.spectra):
        which = kinds == kind
        cumulative = np.cumsum(spectrum)
        channels[which] = np.searchsorted(cumulative, shares[which] * cumulative[-1], side="right")
    return channels


def expected_regions(module: Module, live: float, mean: float, response: Response) -> list[dict[str, Any]]:
    """Say what is expected in a circle about each source, by band: of each source, and of the background."""
    radius = module.config.lists.radius
    told = []
    for label, centre in zip(NAMES, module.positions, strict=False):
        shares = [
            landing_share(position, NUSTAR, module.aspect, module.bad, radius, None if position == centre else centre)
            for position in module.positions
        ] + [background_share(centre, radius, module.aspect, module.background)]
        seconds = [live * mean, *[live] * (len(shares) - 1)]
        kinds = [*NAMES[: len(module.positions)], "background"]
        parts = {
            kind: band_counts(spectrum * share * time, response, _BANDS)
            for kind, spectrum, share, time in zip(kinds, module.spectra, shares, seconds, strict=True)
        }
        own = shares[NAMES.index(label)]
        told.append({"name": label, "radius": radius, "share": own, "expected": parts})
    return told
