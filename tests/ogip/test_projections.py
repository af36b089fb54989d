"""Tests of the tangential projection, against WCSLIB."""

from __future__ import annotations

import math

import numpy as np
from astropy.wcs.utils import proj_plane_pixel_scales
from hypothesis import given, settings
from hypothesis import strategies as st

from xbatch.ogip.eventheader import SkyWcs
from xbatch.ogip.projections import Wcslib, astropy_wcs, tangent
from xbatch.ogip.skyplane import event_plane

STEP = 6.828076e-4
AXES = (("RA---TAN", "DEC--TAN"), ("GLON-TAN", "GLAT-TAN"))


@settings(max_examples=40, deadline=None)
@given(
    st.floats(0, 360),
    st.floats(-89.5, 89.5),
    st.sampled_from([-1.0, 1.0]),
    st.floats(-180, 180),
    st.sampled_from(AXES),
    st.integers(0, 1000),
)
def test_as_wcslib(lon: float, lat: float, side: float, turn: float, axes: tuple[str, str], seed: int) -> None:
    sky = SkyWcs((500.5, 480.25), (lon, lat), (side * STEP, 1.1 * STEP), axes, crota=turn)
    own = tangent(sky)
    assert own is not None and own.frame == ("fk5" if axes == AXES[0] else "galactic")
    other = Wcslib(astropy_wcs(sky))
    assert own.reference == other.reference
    assert np.allclose(own.matrix, other.matrix, rtol=1e-12, atol=1e-18)
    x, y = np.random.default_rng(seed).uniform(-2000, 3000, (2, 50))
    ours, theirs = own.to_sky(x, y), other.to_sky(x, y)
    apart = (ours[0] - theirs[0] + 180.0) % 360.0 - 180.0
    assert np.max(np.abs(apart * np.cos(np.radians(ours[1])))) < 1e-10 and np.max(np.abs(ours[1] - theirs[1])) < 1e-10
    for back, there in zip(own.to_pixels(*theirs), (x, y), strict=True):
        assert np.max(np.abs(back - there)) < 1e-6
    for ours_there, theirs_there in zip(own.to_pixels(*theirs), other.to_pixels(*theirs), strict=True):
        assert np.max(np.abs(ours_there - theirs_there)) < 1e-6


def test_near_the_axis_to_a_billionth_of_a_pixel() -> None:
    sky = SkyWcs((500.5, 500.5), (321.938, 56.944), (-STEP, STEP))
    own = tangent(sky)
    assert own is not None
    x, y = np.random.default_rng(3).uniform(1, 1000, (2, 1000))
    lon, lat = own.wcs.all_pix2world(x, y, 1)
    ours, theirs = own.to_pixels(lon, lat), own.wcs.all_world2pix(lon, lat, 1)
    assert max(np.max(np.abs(a - b)) for a, b in zip(ours, theirs, strict=True)) < 1e-9
    plane = event_plane(sky, "list")
    scales = proj_plane_pixel_scales(own.wcs)
    assert math.isclose(plane.squareness, max(scales) / min(scales), rel_tol=1e-12) and plane.frame == "fk5"


def test_the_other_side_of_the_sky() -> None:
    own = tangent(SkyWcs((500.5, 500.5), (10.0, 20.0), (-STEP, STEP)))
    assert own is not None
    x, y = own.to_pixels([190.0, 10.0], [-20.0, 20.0])
    assert np.isnan(x[0]) and np.isnan(y[0]) and (x[1], y[1]) == (500.5, 500.5)


def test_what_is_left_to_wcslib() -> None:
    plain = {"crpix": (1.0, 1.0), "crval": (10.0, 20.0), "cdelt": (-STEP, STEP)}
    assert tangent(SkyWcs(**plain, radecsys="ICRS")) is not None  # type: ignore[arg-type]
    for more in (
        {"ctype": ("RA---SIN", "DEC--SIN")},
        {"radecsys": "FK4"},
        {"equinox": 1950.0},
        {"crval": (10.0, 90.0)},
        {"cdelt": (0.0, STEP)},
        {"crpix": (math.nan, 1.0)},
    ):
        assert tangent(SkyWcs(**{**plain, **more})) is None  # type: ignore[arg-type]


def test_no_astropy_is_imported_for_a_region_in_the_lists_own_frame() -> None:
    import subprocess
    import sys

    code = (
        "import sys\n"
        "from xbatch.ogip.eventheader import SkyWcs\n"
        "from xbatch.ogip.skyplane import event_plane\n"
        f"plane = event_plane(SkyWcs((500.5, 500.5), (10.0, 20.0), (-{STEP}, {STEP})), 'list')\n"
        "plane.from_sky(10.01, 20.01, 'fk5'), plane.size(10.0, 20.0, 0.01, 'fk5'), plane.angle(3.0, 'fk5')\n"
        "assert not any(name.startswith('astropy') for name in sys.modules), sorted(sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stderr == ""
