"""Exposure maps of simulated lists: how many live seconds each pixel of the sky was on a good pixel of a detector.

There is no vignetting in them, as there is none in the lists. Within a pixel of the map places are taken at random, so
that the borders of detectors are as soft as those of the events.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xbatch.ogip.eventheader import SkyWcs
from xbatch.ogip.fitswriter import Card
from xbatch.ogip.imagefile import grid_of, write_image
from xbatch.simulator import camera, focalplane
from xbatch.simulator.camera import Camera
from xbatch.simulator.focalplane import Aspect
from xbatch.simulator.timeline import ORBIT
from xbatch.xray.histograms import Axis, binned_axis

__all__ = ["write_epic_map", "write_fpm_map"]

Floats = NDArray[np.float64]

_SKY_PIXELS = 1000
#: Cards that the image has of its own.
_OWN = frozenset({"EQUINOX", "RADECSYS"})
_PHASES = 32
_EPIC_UNITS, _EPIC_BIN = 51840, 80
#: Places taken in a pixel of EPIC's maps.
_EPIC_PLACES = 8


def write_fpm_map(
    path: Path,
    aspect: Aspect,
    bad: NDArray[np.bool_],
    seconds: tuple[Floats, Floats],
    sky: tuple[float, float],
    cards: Sequence[Card],
    rng: np.random.Generator,
) -> None:
    """Write the map of a NuSTAR module: pixels of X and Y.

    Parameters
    ----------
    path : Path
    aspect : Aspect
    bad : ndarray of bool, shape (4, 32, 32)
    seconds : pair of ndarray, shape (n,)
        Middle of each second, and how much of it was live good time.
    sky : pair of float
        Right ascension and declination of the middle, degrees.
    cards : sequence of Card
    rng : Generator
    """
    phase = ((seconds[0] - aspect.start) / ORBIT * _PHASES).astype(np.int64) % _PHASES
    weights = np.bincount(phase, seconds[1], _PHASES)
    # the detectors' corners and the sway of the mast are within this of the middle of the field
    reach = 300
    low, high = int(focalplane.MIDDLE - reach), int(focalplane.MIDDLE + reach)
    y, x = np.mgrid[low:high, low:high].astype(np.float64)
    exposure = np.zeros((_SKY_PIXELS, _SKY_PIXELS), np.float32)
    part = np.zeros(x.shape)
    for number, weight in enumerate(weights):
        time = np.full(x.shape, aspect.start + ORBIT * (number + 0.5) / _PHASES)
        places = x + rng.uniform(-0.5, 0.5, x.shape), y + rng.uniform(-0.5, 0.5, x.shape)
        detector, rawx, rawy = focalplane.pixel_at(*aspect.to_detector(*places, time))
        on = detector >= 0
        on[on] = ~bad[detector[on], rawx[on], rawy[on]]
        part += weight * on
    exposure[low - 1 : high - 1, low - 1 : high - 1] = part
    axis = binned_axis(1, _SKY_PIXELS, 1)
    _write(path, exposure, axis, (sky, focalplane.MIDDLE, focalplane.ARCSEC), cards)


def write_epic_map(
    path: Path,
    device: Camera,
    roll: float,
    live: Floats,
    sky: tuple[float, float],
    cards: Sequence[Card],
    rng: np.random.Generator,
) -> None:
    """Write the map of an EPIC camera, within the field of view: pixels of 80 units of X and Y.

    Parameters
    ----------
    path : Path
    device : Camera
    roll : float
        Degrees.
    live : ndarray, shape (ccds,)
        Live seconds of each CCD.
    sky : pair of float
        Right ascension and declination of the middle, degrees.
    cards : sequence of Card
    rng : Generator
    """
    axis = binned_axis(1, _EPIC_UNITS, _EPIC_BIN)
    exposure = np.zeros((axis.size, axis.size), np.float32)
    centre = (np.arange(axis.size) + 1.0 - axis.ltv) / axis.ltm - camera.MIDDLE
    rows, columns = np.nonzero(np.hypot(centre[:, None], centre[None, :]) < camera.FIELD + _EPIC_BIN)
    seconds = np.append(live, 0.0)
    for _ in range(_EPIC_PLACES):
        x, y = (centre[index] + rng.uniform(-0.5, 0.5, rows.size) * _EPIC_BIN for index in (columns, rows))
        dx, dy = device.turned(x, y, roll)
        ccd, _rawx, _rawy = device.pixel_at(device.aim[0] + dx, device.aim[1] + dy)
        seen = seconds[ccd] * (np.hypot(x, y) < camera.FIELD)
        exposure[rows, columns] += (seen / _EPIC_PLACES).astype(np.float32)
    _write(path, exposure, axis, (sky, camera.MIDDLE, camera.ARCSEC), cards)


def _write(
    path: Path,
    exposure: NDArray[np.float32],
    axis: Axis,
    place: tuple[tuple[float, float], float, float],
    cards: Sequence[Card],
) -> None:
    sky, middle, arcsec = place
    degrees = arcsec / 3600.0
    wcs = SkyWcs((middle, middle), sky, (-degrees, degrees))
    kept = [card for card in cards if card.keyword not in _OWN and not card.keyword.startswith("REF")]
    write_image(path, exposure, grid_of(wcs, axis, axis), [*kept, Card("BUNIT", "s", "live time, no vignetting")])
