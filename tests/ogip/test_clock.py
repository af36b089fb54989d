"""Tests of what seconds are counted from."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from xbatch.ogip.clock import Clock, clock_of_cards, convert, seconds_of

NUSTAR = Clock(55197, 7.6601852e-4, "tt")
XMM = Clock(50814, 0.0, "tt")
SECONDS = np.array([-10.0, 0.0, 8.0e7, 274283820.75004, 5.0e8])


def test_cards() -> None:
    pair = {"MJDREFI": 55197, "MJDREFF": 7.6601852e-4, "TIMESYS": "TT"}
    assert clock_of_cards(pair) == NUSTAR
    assert clock_of_cards({"MJDREF": 50814.0}) == XMM
    assert clock_of_cards({"MJDREFI": 55197, "TIMESYS": "tdb "}) == Clock(55197, 0.0, "tdb")
    assert clock_of_cards({"TIMESYS": "UTC"}) is None
    with pytest.raises(ValueError, match="'LOCAL' is not known"):
        clock_of_cards({"MJDREF": 50814.0, "TIMESYS": "LOCAL"})


def test_equal_clocks_may_be_written_with_fewer_digits() -> None:
    assert NUSTAR.same_as(Clock(55197, 0.000766018520001, "tt"))
    assert not NUSTAR.same_as(Clock(55197, 0.000766, "tt")) and not NUSTAR.same_as(Clock(55197, 7.6601852e-4, "tdb"))
    assert NUSTAR.mjdref == pytest.approx(55197.00076601852, abs=1e-11)


def test_seconds_of_another_day() -> None:
    moved = convert(SECONDS, NUSTAR, XMM)
    assert moved - SECONDS == pytest.approx((55197 - 50814) * 86400 + 66.184, abs=1e-6)
    assert convert(moved, XMM, NUSTAR) == pytest.approx(SECONDS, abs=1e-6)


@pytest.mark.parametrize("scale", ["utc", "tdb", "tai"])
def test_seconds_of_another_scale(scale: str) -> None:
    other = Clock(51000, 0.25, scale)
    moved = convert(SECONDS, NUSTAR, other)
    for before, after in zip(SECONDS, moved, strict=True):
        moment = getattr(Time(55197, 7.6601852e-4 + before / 86400, format="mjd", scale="tt"), scale)
        assert after == pytest.approx((moment - Time(51000, 0.25, format="mjd", scale=scale)).sec, abs=31)
        assert after == pytest.approx((moment.mjd - 51000.25) * 86400, abs=1e-5)
    assert convert(moved, other, NUSTAR) == pytest.approx(SECONDS, abs=1e-5)


def test_the_zero_of_nustar_is_the_year_2010_in_utc() -> None:
    assert seconds_of("2010-01-01T00:00:00", "utc", NUSTAR) == pytest.approx(0, abs=1e-6)
    assert seconds_of("2010-01-01", "utc", NUSTAR) == pytest.approx(0, abs=1e-6)
    assert seconds_of("2017-01-01T00:00Z", "utc", NUSTAR) == pytest.approx(2557 * 86400 + 3, abs=1e-6)
    assert seconds_of("1998-01-01T00:00:00.5", "tt", XMM) == pytest.approx(0.5, abs=1e-9)
    assert seconds_of("50814", "tt", XMM) == seconds_of(50814, "tt", XMM) == 0.0
    assert seconds_of("50814.5", "tdb", XMM) == pytest.approx(43200, abs=0.002)


@given(st.integers(0, 2**29), st.sampled_from(["tt", "tdb", "utc"]))
def test_dates_come_back(second: int, scale: str) -> None:
    moment = getattr(Time(50814, second / 86400, format="mjd", scale="tt"), scale)
    moment.precision = 9
    assert seconds_of(moment.isot, scale, XMM) == pytest.approx(second, abs=1e-6)


@pytest.mark.parametrize(
    ("value", "scale", "words"),
    [
        ("yesterday", "utc", "'yesterday' is no date"),
        ("2015-13-01", "utc", "is no date"),
        (float("nan"), "utc", "is no MJD"),
        (50814.0, "met", "the time scale 'met' is not known; utc, tt, tdb are"),
    ],
)
def test_what_is_no_moment_is_refused(value: str | float, scale: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        seconds_of(value, scale, XMM)
