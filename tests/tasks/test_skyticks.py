"""Ticks along the edges of pictures of the sky."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
import pytest
from astropy.wcs import WCS

from xbatch.ogip.eventheader import SkyWcs
from xbatch.ogip.skyplane import event_plane
from xbatch.tasks._skyticks import sky_ticks

Edge = Literal["bottom", "left"]


def world(sky: SkyWcs) -> WCS:
    made = WCS(naxis=2)
    made.wcs.ctype, made.wcs.crpix, made.wcs.crval = list(sky.ctype), list(sky.crpix), list(sky.crval)
    made.wcs.cdelt, made.wcs.crota = list(sky.cdelt), [0.0, sky.crota]
    return made


def degrees(label: str, is_ra: bool) -> float:
    """Read a tick's label as it is read by people."""
    parts = [float(part) for part in re.findall(r"\d+", label.replace("^", " "))]
    angle = sum(part / 60**place for place, part in enumerate(parts)) * (15 if is_ra else 1)
    return -angle if "\N{MINUS SIGN}" in label else angle


@pytest.mark.parametrize("dec", [-70.3, -0.01, 12.5, 56.944])
@pytest.mark.parametrize("ra", [0.02, 187.3, 359.99])
@pytest.mark.parametrize("turn", [0.0, 25.0])
@pytest.mark.parametrize("pixel", [2.5, 40.0])
@pytest.mark.parametrize("edge", ["bottom", "left"])
def test_a_tick_stands_where_its_label_says(edge: Edge, pixel: float, turn: float, ra: float, dec: float) -> None:
    sky = SkyWcs((200.0, 300.0), (ra, dec), (-pixel / 3600, pixel / 3600), crota=turn)
    ticks = sky_ticks(event_plane(sky, "list"), edge, 10.0, 420.0, 77.0, 4)
    assert ticks is not None and 1 <= len(ticks.labels) <= 5
    across = np.full(len(ticks.places), 77.0)
    at = (ticks.places, across) if edge == "bottom" else (across, ticks.places)
    found = world(sky).all_pix2world(*at, 0)[0 if edge == "bottom" else 1]
    said = np.array([degrees(label, edge == "bottom") for label in ticks.labels])
    assert np.abs((found - said + 180) % 360 - 180).max() * 3600 < 0.5 * pixel / max(np.cos(np.radians(dec)), 0.2)
    assert set(np.round(ticks.places, 6)) <= set(np.round(ticks.minor, 6)) or len(ticks.minor) == 0


def test_declinations_south_of_the_equator_are_negative() -> None:
    sky = SkyWcs((100.0, 100.0), (10.0, -0.1), (-0.001, 0.001))
    ticks = sky_ticks(event_plane(sky, "list"), "left", 0.0, 200.0, 0.0, 5)
    assert ticks is not None and all("\N{MINUS SIGN}" in label for label in ticks.labels if "00" not in label)


def test_galactic_coordinates_are_degrees() -> None:
    sky = SkyWcs((100.0, 100.0), (359.9, 0.0), (-0.01, 0.01), ("GLON-TAN", "GLAT-TAN"))
    ticks = sky_ticks(event_plane(sky, "list"), "bottom", 0.0, 200.0, 100.0, 4)
    assert ticks is not None and all(label.endswith("\N{DEGREE SIGN}") for label in ticks.labels)


def test_there_are_none_around_a_pole() -> None:
    sky = SkyWcs((100.0, 100.0), (10.0, 90.0), (-0.001, 0.001))
    assert sky_ticks(event_plane(sky, "list"), "left", 0.0, 200.0, 100.0, 4) is None
