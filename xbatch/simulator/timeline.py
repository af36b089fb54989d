"""When an instrument observes, and how bright the source is then."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xbatch.simulator.config import Flares, Variability

__all__ = ["brightness", "first_seconds", "flare_curve", "orbit_gtis", "without"]

Floats = NDArray[np.float64]

#: Seconds of an orbit about the Earth at 600 km.
ORBIT = 5800.0
#: Orbits a day: the South Atlantic Anomaly is met by some, one after another, then by none.
_DAILY = 15
_ANOMALY = (3, 9)


def orbit_gtis(
    start: float, good: float, occulted: float, anomaly: bool, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Make the GTIs of a telescope in a low orbit.

    Parameters
    ----------
    start : float
        s; whole seconds.
    good : float
        Seconds of good time wanted.
    occulted : float
        Share of each orbit behind the Earth.
    anomaly : bool
        Whether the South Atlantic Anomaly interrupts.
    rng : Generator

    Returns
    -------
    gti, anomalies : ndarray, shape (n, 2)
        Good time, and the passages of the anomaly.
    """
    seen = ORBIT * (1.0 - occulted)
    pieces: list[tuple[float, float]] = []
    passages: list[tuple[float, float]] = []
    left, orbit = good, 0
    while left > 0:
        begin = start + orbit * ORBIT + rng.uniform(2.0, 60.0)
        end = min(begin + seen * rng.uniform(0.97, 1.0), start + (orbit + 1) * ORBIT)
        parts = [(begin, end)]
        if anomaly and _ANOMALY[0] <= orbit % _DAILY < _ANOMALY[1]:
            into = np.floor(begin + rng.uniform(0.1, 0.6) * seen)
            out = np.ceil(into + rng.uniform(600.0, 1100.0))
            passages.append((into, out))
            parts = [(begin, min(into, end)), (min(out, end), end)]
        for first, last in parts:
            if last > first and left > 0:
                taken = min(last - first, left)
                # a thousandth of a second, so that the numbers are short and the sum is what was asked for
                pieces.append((round(first, 3), round(first + taken, 3)))
                left -= taken
                if left < 1e-3:
                    left = 0.0
        orbit += 1
    return np.array(pieces), np.array(passages).reshape(-1, 2)


def first_seconds(gti: Floats, good: float) -> Floats:
    """Give the first so many seconds of GTIs."""
    before = np.concatenate([[0.0], np.cumsum(gti[:, 1] - gti[:, 0])[:-1]])
    kept = gti[before < good - 1e-9].copy()
    kept[-1, 1] = round(float(min(kept[-1, 1], kept[-1, 0] + good - before[len(kept) - 1])), 3)
    return kept


def without(gti: Floats, holes: Sequence[tuple[float, float]]) -> Floats:
    """Take intervals out of GTIs."""
    pieces = [(float(first), float(last)) for first, last in gti]
    for into, out in holes:
        kept: list[tuple[float, float]] = []
        for first, last in pieces:
            if out <= first or into >= last:
                kept.append((first, last))
                continue
            kept += [(first, into)] if into > first else []
            kept += [(out, last)] if last > out else []
        pieces = kept
    return np.array(pieces).reshape(-1, 2)


def brightness(times: Floats, weights: Floats, how: Variability, rng: np.random.Generator) -> Floats:
    """Give the source's brightness at some times, 1 on average.

    A sine times the exponential of a damped random walk (Kelly, Bechtold & Siemiginowska 2009, ApJ 698, 895), whose
    power falls as the frequency squared above that of its time scale.

    Parameters
    ----------
    times : ndarray, shape (n,)
        s, ascending, evenly spaced.
    weights : ndarray, shape (n,)
        Good seconds about each time: the average is over these.
    how : Variability
    rng : Generator
    """
    since = times - times[0]
    curve = np.ones(times.size)
    if how.amplitude:
        curve += how.amplitude * np.sin(2.0 * np.pi * since / how.period)
    if how.rms:
        step = how.timescale / 20.0
        knots = np.arange(int(since[-1] // step) + 2)
        keep = np.exp(-step / how.timescale)
        kicks = rng.standard_normal(knots.size) * np.sqrt(1.0 - keep * keep)
        walk = np.empty(knots.size)
        state = float(rng.standard_normal())
        for number, kick in enumerate(kicks):
            walk[number] = state
            state = keep * state + float(kick)
        # a lognormal of this width has the fractional deviation rms
        width = np.sqrt(np.log1p(how.rms**2))
        curve *= np.exp(width * np.interp(since, knots * step, walk))
    return np.asarray(curve * (weights.sum() / (curve * weights).sum()))


def flare_curve(times: Floats, gti: Floats, how: Flares, rng: np.random.Generator) -> Floats:
    """Give the rate of soft-proton flares in units of the quiet background: quick rises and slow falls."""
    curve = np.zeros(times.size)
    span = np.cumsum(gti[:, 1] - gti[:, 0])
    for _ in range(how.number):
        at = rng.uniform(0.0, span[-1])
        piece = int(np.searchsorted(span, at))
        peak = gti[piece, 1] - (span[piece] - at)
        height = how.peak * rng.uniform(0.5, 1.0)
        after = times - peak
        curve += height * np.exp(-np.where(after >= 0.0, after / how.duration, -4.0 * after / how.duration))
    return curve
