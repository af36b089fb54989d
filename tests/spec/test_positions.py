"""Places and lengths on the sky, read from text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.spec.positions import degrees_of, equatorial, length_of, place_of
from xbatch.spec.quantity import QuantityError


@pytest.mark.parametrize(
    ("longitude", "latitude", "frame", "place"),
    [
        ("14:13:14.9", "-03:12:27.3", "icrs", (213.31208333333333, -3.2075833333333335)),
        ("14h13m14.9s", "-3d12m27.3s", "fk5", (213.31208333333333, -3.2075833333333335)),
        ("14 13 14.9", "-03 12 27.3", "fk4", (213.31208333333333, -3.2075833333333335)),
        ("213.312", "-3.2", "icrs", (213.312, -3.2)),
        ("213.312 deg", "-3.2deg", "icrs", (213.312, -3.2)),
        ("187d30m00s", "+00:00:36", "icrs", (187.5, 0.01)),
        ("-00:00:36", "-00:00:36", "icrs", (-0.15, -0.01)),
        ("359.9442", "-0.0462", "galactic", (359.9442, -0.0462)),
        ("500.5", "-3", "physical", (500.5, -3.0)),
    ],
)
def test_places(longitude: str, latitude: str, frame: str, place: tuple[float, float]) -> None:
    assert place_of(longitude, latitude, frame) == pytest.approx(place, abs=1e-12)


@pytest.mark.parametrize(
    ("longitude", "latitude", "frame"),
    [
        ("14:13", "0", "icrs"),
        ("14:60:00", "0", "icrs"),
        ("14:13:61", "0", "icrs"),
        ("24:13:00", "0", "icrs"),
        ("10", "90.5", "icrs"),
        ("-181", "0", "icrs"),
        ("14:13:14", "0", "galactic"),
        ("14:13:14", "0", "image"),
        ("1e999", "0", "icrs"),
        ("ten", "0", "icrs"),
    ],
)
def test_what_is_no_place(longitude: str, latitude: str, frame: str) -> None:
    with pytest.raises(QuantityError):
        place_of(longitude, latitude, frame)


@given(st.integers(0, 86399999), st.integers(-323999999, 323999999))
def test_sexagesimals_are_those_of_astropy(milliseconds: int, milliarcsec: int) -> None:
    from astropy.coordinates import Angle

    hours, rest = divmod(milliseconds, 3600000)
    longitude = f"{hours:02d}:{rest // 60000:02d}:{rest % 60000 / 1000:06.3f}"
    degrees, rest = divmod(abs(milliarcsec), 3600000)
    latitude = f"{'-' if milliarcsec < 0 else '+'}{degrees:02d}:{rest // 60000:02d}:{rest % 60000 / 1000:06.3f}"
    lon, lat = place_of(longitude, latitude, "icrs")
    assert lon == pytest.approx(Angle(longitude, unit="hourangle").deg, abs=1e-10)
    assert lat == pytest.approx(Angle(latitude, unit="deg").deg, abs=1e-10)


@pytest.mark.parametrize(
    ("text", "frame", "size"),
    [("50 arcsec", "fk5", 50.0), ("2.5arcmin", "icrs", 150.0), ("0.01", "icrs", 36.0), ("20", "image", 20.0)],
)
def test_lengths(text: str, frame: str, size: float) -> None:
    assert length_of(text, frame) == pytest.approx(size)
    assert length_of("7.5 px", "physical") == 7.5


@pytest.mark.parametrize(("text", "frame"), [("50 s", "fk5"), ("5 px", "fk5"), ("5 arcsec", "image"), ("-5", "fk5")])
def test_what_is_no_length(text: str, frame: str) -> None:
    with pytest.raises(QuantityError):
        length_of(text, frame)


def test_angles_between_directions() -> None:
    assert degrees_of("-30") == -30.0
    assert degrees_of("90 arcmin") == pytest.approx(1.5)
    with pytest.raises(QuantityError):
        degrees_of("30 keV")


@pytest.mark.parametrize(
    ("text", "hint"), [('150"', "write 150 arcsec"), ("2.5'", "write 2.5 arcmin"), ("", "50 arcsec")]
)
def test_signs_of_ds9_are_told_in_words(text: str, hint: str) -> None:
    with pytest.raises(QuantityError) as caught:
        length_of(text, "fk5")
    assert hint in caught.value.hint


@given(st.floats(0, 359.9), st.floats(-89.9, 89.9), st.sampled_from(["galactic", "fk4", "icrs"]))
def test_positions_of_other_frames_are_turned_to_that_of_j2000(lon: float, lat: float, frame: str) -> None:
    from astropy.coordinates import FK4NoETerms, Galactic, SkyCoord

    system = {"galactic": Galactic, "fk4": FK4NoETerms, "icrs": "fk5"}[frame]
    wanted = SkyCoord(lon, lat, unit="deg", frame=system).fk5
    found = SkyCoord(*equatorial(lon, lat, frame), unit="deg", frame="fk5")
    assert found.separation(wanted).arcsec < (0.5 if frame == "fk4" else 0.1)
