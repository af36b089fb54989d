"""Tests of how a simulated telescope spreads a point, and where points lie."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import quad

from xbatch.simulator.headers import deprojected
from xbatch.simulator.psf import EPIC, NUSTAR, King, landing


@pytest.mark.parametrize(("psf", "half", "width"), [(NUSTAR, 29.0, 18.0), (EPIC, 7.0, 6.0)])
def test_profiles_have_the_widths_said(psf: King, half: float, width: float) -> None:
    assert float(psf.radius(0.5)) == pytest.approx(half, rel=0.02)
    peak = (1 + (width / 2 / psf.core) ** 2) ** -psf.slope
    assert peak == pytest.approx(0.5, rel=0.03)


@given(st.floats(0.1, 1000), st.sampled_from([NUSTAR, EPIC]))
def test_enclosed_light_is_the_integral(radius: float, psf: King) -> None:
    area, _ = quad(lambda r: r * (1 + (r / psf.core) ** 2) ** -psf.slope, 0, radius)
    whole = psf.core**2 / (2 * (psf.slope - 1))
    assert float(psf.enclosed(radius)) == pytest.approx(area / whole, rel=1e-6)
    assert float(psf.radius(psf.enclosed(radius))) == pytest.approx(radius, rel=1e-6)


def test_landing_counts_by_detector() -> None:
    def halves(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int64]:
        return np.where(np.abs(y) > 1e9, -1, (x > 0).astype(np.int64))

    shares = landing(NUSTAR, (0.0, 0.0), 1.0, halves, 2, 60.0)
    assert shares == pytest.approx(np.full(2, float(NUSTAR.enclosed(60.0)) / 2), rel=0.02)
    beside = landing(NUSTAR, (0.0, 0.0), 1.0, halves, 2, 60.0, (0.0, 200.0))
    assert 0 < beside.sum() < 0.02
    assert landing(NUSTAR, (0.0, 0.0), 1.0, halves, 2).sum() == pytest.approx(1)


@given(st.floats(0, 359.9), st.floats(-80, 80), st.floats(-900, 900), st.floats(-900, 900))
def test_places_in_the_plane_are_astropys(ra: float, dec: float, east: float, north: float) -> None:
    wcs = WCS(naxis=2)
    wcs.wcs.crpix, wcs.wcs.crval, wcs.wcs.cdelt = [0, 0], [ra, dec], [-1 / 3600, 1 / 3600]
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    theirs = SkyCoord(*wcs.wcs_pix2world(-east, north, 0 + 1), unit="deg")
    ours = SkyCoord(*deprojected(ra, dec, east, north), unit="deg")
    assert ours.separation(theirs) < 1e-6 * u.arcsec
