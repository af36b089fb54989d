"""Tests of light-curve files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from tests.ogip.eventfiles import GTIS, T0, nustar_file
from xbatch.base.errors import FileError
from xbatch.ogip.clock import Clock
from xbatch.ogip.curvefile import RateTable, read_curve, time_cards, write_curve
from xbatch.ogip.eventheader import EventHeader
from xbatch.ogip.events import open_events
from xbatch.ogip.fitswriter import BinTable, Card, write_fits
from xbatch.ogip.gtifile import read_gti_tables, write_gti_file

COUNTS = np.array([3, 0, 5], np.int64)
TIME = T0 + np.array([50.0, 150.0, 650.0])


@pytest.fixture(scope="module")
def header(tmp_path_factory: pytest.TempPathFactory) -> EventHeader:
    folder = tmp_path_factory.mktemp("list")
    return open_events(nustar_file().write(folder / "x.evt"), folder).header


def rate_table(back: bool = False) -> RateTable:
    rate = COUNTS / 100
    extra = np.array([0.01, 0.0, 0.02]) if back else None
    return RateTable(
        TIME, rate, np.sqrt(COUNTS) / 100, np.array([1.0, 1, 0.5]), COUNTS, extra, extra, 100.0, np.array(GTIS)
    )


def test_what_is_written_is_read(header: EventHeader, tmp_path: Path) -> None:
    write_curve(tmp_path / "a.lc", header, rate_table())
    curve = read_curve(tmp_path / "a.lc")
    given = rate_table()
    for name in ("time", "rate", "error", "fracexp"):
        assert np.array_equal(getattr(curve, name), getattr(given, name))
    assert curve.width == 100 and curve.clock == Clock(55197, 7.6601852e-4, "tt")
    (gti,) = read_gti_tables(tmp_path / "a.lc")
    assert gti.gti.tolist() == [list(row) for row in GTIS] and gti.clock == curve.clock


def test_a_background_makes_it_net(header: EventHeader, tmp_path: Path) -> None:
    for back in (False, True):
        write_curve(tmp_path / "a.lc", header, rate_table(back))
        with fits.open(tmp_path / "a.lc") as file:
            file.verify("exception")
            assert file["RATE"].header["HDUCLAS2"] == ("NET" if back else "TOTAL")
            assert file["RATE"].header["BACKAPP"] is back and ("BACKV" in file["RATE"].columns.names) is back
            assert file["RATE"].header["TSTART"] == T0 and file["RATE"].header["TSTOP"] == T0 + 1000


def test_equal_curves_are_equal_bytes(header: EventHeader, tmp_path: Path) -> None:
    for name in "ab":
        write_curve(tmp_path / name, header, rate_table(True))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_gti_files_say_what_they_are_counted_from(header: EventHeader, tmp_path: Path) -> None:
    write_gti_file(tmp_path / "a.gti", np.array(GTIS), time_cards(header))
    (table,) = read_gti_tables(tmp_path / "a.gti")
    assert table.name == "GTI" and table.clock == Clock(55197, 7.6601852e-4, "tt")
    with fits.open(tmp_path / "a.gti") as file:
        cards = file["GTI"].header
        assert (cards["ONTIME"], cards["TSTART"], cards["HDUCLAS1"]) == (800, T0, "GTI")
        assert (cards["TELESCOP"], cards["OBS_ID"]) == ("NuSTAR", "99900000001")


def other(path: Path, cards: dict[str, Any], columns: list[tuple[str, str, Any]], name: str = "RATE") -> Path:
    write_fits(path, [], [BinTable(name, columns, [Card(key, value) for key, value in cards.items()])])
    return path


def test_forms_of_other_programs(tmp_path: Path) -> None:
    days = {"TIMEUNIT": "d", "TIMEDEL": 0.5, "TIMEZERI": 10, "TIMEZERF": 0.25, "HDUCLAS1": "LIGHT CURVE"}
    columns = [("XAX_E", "", np.ones(2)), ("RATE1", "", np.array([np.nan, 2.0])), ("TIME", "s", np.array([60.0, 0.0]))]
    curve = read_curve(other(tmp_path / "a", days, columns, "SERIES"))
    assert curve.time.tolist() == [10.25 * 86400, 10.25 * 86400 + 60] and curve.width == 43200 and curve.clock is None
    assert curve.rate[0] == 2 and np.isnan(curve.rate[1]) and np.isnan(curve.error).all()
    starts = {"TIMEDEL": 10.0, "TIMEZERO": 5.0, "TIMEPIXR": 0.0, "MJDREF": 50814.0}
    columns = [("TIME", "s", np.array([0.0, 10.0])), ("COUNTS", "", np.array([20, 30], np.int32))]
    curve = read_curve(other(tmp_path / "b", starts, columns))
    assert curve.time.tolist() == [10, 20] and curve.rate.tolist() == [2, 3] and curve.fracexp.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("cards", "columns", "name", "words"),
    [
        ({"TIMEDEL": 1.0}, [("TIME", "s", np.zeros(1))], "SPECTRUM", "holds no light curve"),
        ({"TIMEDEL": 1.0}, [("TIME", "s", np.zeros(0)), ("RATE", "", np.zeros(0))], "RATE", "without bins"),
        ({}, [("TIME", "s", np.zeros(1)), ("RATE", "", np.zeros(1))], "RATE", "how long its bins are"),
        ({"TIMEDEL": 1.0}, [("TIME", "s", np.zeros(1))], "RATE", "has no column RATE"),
        ({"TIMEDEL": 1.0}, [("RATE", "s", np.zeros(1))], "RATE", "has no column TIME"),
        (
            {"TIMEDEL": 1.0, "MJDREF": 1.0, "TIMESYS": "?"},
            [("TIME", "s", np.zeros(1)), ("RATE", "", np.zeros(1))],
            "RATE",
            "cannot be placed",
        ),
    ],
)
def test_what_is_no_light_curve_is_refused(
    cards: dict[str, Any], columns: list[tuple[str, str, Any]], name: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(FileError, match=words):
        read_curve(other(tmp_path / "a", cards, columns, name))


@pytest.mark.real_data
@pytest.mark.parametrize("module", ["A", "B"])
def test_curves_of_nustar(module: str, real_data: Path) -> None:
    folder = real_data / "nustar/80415201001/event_cl"
    path = folder / f"nu80415201001{module}06_chu2_S_cl_grade0_sr.lc"
    curve = read_curve(path)
    with fits.open(path) as file:
        data, header = file["RATE"].data, file["RATE"].header
        assert np.array_equal(curve.time, data["TIME"] + header["TIMEZERO"]) and curve.width == 10
        assert np.array_equal(curve.rate, data["RATE"].astype(float)) and curve.clock == Clock(
            55197, 7.6601852e-4, "tt"
        )
    flat = read_curve(folder / f"nu80415201001{module}06_chu2_S_cl_grade0.flc")
    known = np.isfinite(flat.rate)
    assert flat.width == pytest.approx(10) and np.count_nonzero(known) == len(curve.rate)
    assert np.allclose(flat.rate[known], curve.rate, rtol=1e-6)


@pytest.mark.real_data
def test_a_rate_curve_of_evselect(real_data: Path) -> None:
    curve = read_curve(real_data / "xmm/0124710801/PN_rate.fits")
    assert len(curve.time) == 238 and curve.width == 100 and curve.clock == Clock(50814, 0.0, "tt")
    assert curve.time[0] - 50 == pytest.approx(92870729.2605252, abs=1e-6)
