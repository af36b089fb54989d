"""Tests of when an observation was."""

from __future__ import annotations

import pytest

from xbatch.ogip.times import observation_mjd


def test_xmm_newton_is_the_middle_of_its_dates() -> None:
    header = {"TELESCOP": "XMM", "DATE-OBS": "2001-02-02T00:00:00", "DATE-END": "2001-02-02T12:00:00", "TSTART": 1.0}
    assert observation_mjd(header) == (51942.25, 51942.5)
    assert observation_mjd({"TELESCOP": "XMM", "DATE-OBS": "2001-02-02T00:00:00"}) == (None, None)


def test_nustar_counts_from_its_time_zero_without_leap_seconds() -> None:
    header = {"TELESCOP": "NuSTAR", "MJDREFI": 55197, "MJDREFF": 7.6601852e-4, "TSTART": 86400.0, "TSTOP": 172800.0}
    start, end = observation_mjd(header)
    assert start == pytest.approx(55198.00076601852, abs=1e-9)
    assert end == pytest.approx(55199.00076601852, abs=1e-9)


@pytest.mark.parametrize(
    ("header", "mjd"),
    [
        ({}, (None, None)),
        ({"MJDREF": 44239.0, "TSTART": 2.0, "TIMEUNIT": "d"}, (44241.0, None)),
        ({"MJD-OBS": 46236.5, "TSTART": 2.0}, (46236.5, None)),
        ({"TELESCOP": "XMM", "DATE-OBS": "20/06/85", "DATE-END": "21/06/85"}, (None, None)),
        ({"MJDREF": "soon", "TSTART": True}, (None, None)),
    ],
)
def test_other_cards(header: dict[str, str | float], mjd: tuple[float | None, float | None]) -> None:
    assert observation_mjd(header) == mjd
