"""Tests of event lists' headers, GTIs and checks."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from tests.ogip.eventfiles import GTIS, T0, EventFile, nustar_file, xmm_file
from xbatch.base.errors import FileError
from xbatch.ogip.eventheader import SkyWcs
from xbatch.ogip.events import EventList, open_events
from xbatch.ogip.fitswriter import Cell


def opened(file: EventFile, folder: Path) -> EventList:
    return open_events(file.write(folder / "a.evt"), folder)


def test_a_nustar_list(tmp_path: Path) -> None:
    events = opened(nustar_file(), tmp_path)
    header = events.header
    assert (header.mission, header.instrument, header.obsid) == ("nustar", "FPMA", "99900000001")
    assert (header.object, header.timesys, header.mjdref) == ("Test source", "TT", (55197, 7.6601852e-4))
    assert (header.tstart, header.tstop, header.telapse) == (T0, T0 + 1000, 1000)
    assert (header.exposure, header.ontime, header.livetime, header.deadc) == (720, 800, 720, 0.9)
    assert header.wcs == SkyWcs(
        (500.5, 500.5),
        (321.938, 56.944),
        (-6.828076e-4, 6.828076e-4),
        ("RA---TAN", "DEC--TAN"),
        0.0,
        "FK5",
        2000.0,
        ((1, 1000), (1, 1000)),
    )
    assert header.columns["PI"] == ("J", "", 0, 4095) and header.columns["PHAS"][0] == "9E"
    assert header.cards["DATE-OBS"] == "2013-03-03T09:46:37" and header.cards["TELESCOP"] == "NuSTAR"
    assert events.gti.tolist() == [list(row) for row in GTIS] and events.gti_names == ("GTI",)
    assert (dict(events.detector_gtis), events.rows, events.notes) == ({}, 500, ())
    assert header.live_part() == header.live_part(3) == 0.9
    roles = {name: events.role(name) for name in ("time", "pi", "x", "y", "grade", "det")}
    assert [column.name for column in roles.values() if column] == ["TIME", "PI", "X", "Y", "GRADE", "DET_ID"]


def test_an_xmm_list(tmp_path: Path) -> None:
    events = opened(xmm_file(), tmp_path)
    header = events.header
    assert (header.mission, header.instrument, header.mjdref) == ("xmm", "EMOS1", (50814, 0.0))
    assert header.detector_ontime == {1: 800, 2: 300} and header.detector_livetime == {1: 780, 2: 291}
    assert (header.live_part(1), header.live_part(2), header.live_part(7)) == (0.975, 0.97, 0.975)
    assert {number: gti.tolist() for number, gti in events.detector_gtis.items()} == {
        1: [list(row) for row in GTIS],
        2: [[T0, T0 + 300]],
    }
    assert events.gti.tolist() == [list(row) for row in GTIS] and events.notes == ()
    assert [c.name if (c := events.role(role)) else None for role in ("grade", "det")] == ["PATTERN", "CCDNR"]


def test_a_gzipped_list_reads_the_same(tmp_path: Path) -> None:
    path = nustar_file().write(tmp_path / "a.evt")
    plain = open_events(path, tmp_path)
    (tmp_path / "b.evt.gz").write_bytes(gzip.compress(path.read_bytes()))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    packed = open_events(tmp_path / "b.evt", scratch)
    assert packed.header == plain.header and packed.path == str(tmp_path / "b.evt")
    for one, other in zip(plain.chunks(["TIME", "X"]), packed.chunks(["TIME", "X"]), strict=True):
        assert np.array_equal(one["TIME"], other["TIME"]) and np.array_equal(one["X"], other["X"])


def test_what_the_header_lacks_is_taken_from_the_rest(tmp_path: Path) -> None:
    file = nustar_file()
    for card in ("ONTIME", "EXPOSURE", "LIVETIME", "DEADC", "TIMESYS", "TSTART", "TSTOP", "OBJECT", "TELESCOP"):
        del file.cards[card]
    events = opened(file, tmp_path)
    header = events.header
    assert (header.ontime, header.exposure, header.livetime, header.deadc) == (800, 800, 800, 1)
    assert (header.tstart, header.tstop, header.timesys) == (T0, T0 + 1000, "TT")
    assert (header.mission, header.object) == ("", "")
    assert [note.split(":")[0] for note in events.notes] == [
        "the header has no TIMESYS",
        "the header has no ONTIME",
        "the header has no dead time (DEADC, LIVETIME or EXPOSURE)",
    ]


def test_dead_time_follows_from_exposure_and_ontime(tmp_path: Path) -> None:
    file = nustar_file()
    del file.cards["DEADC"], file.cards["LIVETIME"]
    header = opened(file, tmp_path).header
    assert (header.deadc, header.livetime) == (0.9, 720)


def test_gtis_that_do_not_sum_to_ontime_are_noted(tmp_path: Path) -> None:
    file = nustar_file()
    file.cards["ONTIME"] = 700.0
    assert opened(file, tmp_path).notes == ("ONTIME is 700 s, the GTIs hold 800 s",)


def test_barycentred_good_times_may_differ_from_ontime_as_the_earth_moves(tmp_path: Path) -> None:
    file = nustar_file()
    file.cards["ONTIME"] = 800.08
    assert opened(file, tmp_path).notes == ("ONTIME is 800.08 s, the GTIs hold 800 s",)
    file.cards |= {"TIMESYS": "TDB", "TIMEREF": "SOLARSYSTEM"}
    assert opened(file, tmp_path).notes == ()
    file.cards["ONTIME"] = 801.0
    assert opened(file, tmp_path).notes == ("ONTIME is 801 s, the GTIs hold 800 s",)


@pytest.mark.parametrize(
    ("gti_cards", "shift"),
    [
        ({}, 2.5),  # says nothing: it is of the same clock as the events
        ({"MJDREFI": 55197, "MJDREFF": 7.6601852e-4}, 0.0),
        ({"MJDREFI": 55197, "MJDREFF": 7.6601852e-4, "TIMEZERO": 2.5}, 2.5),
        ({"TIMEZERI": 1, "TIMEZERF": 0.25}, 1.25),
    ],
)
def test_timezero_is_added_to_all_times(gti_cards: dict[str, Cell], shift: float, tmp_path: Path) -> None:
    file = nustar_file()
    plain = opened(file, tmp_path)
    file.cards["TIMEZERO"] = 0.0
    assert opened(file, tmp_path).notes == ()
    file.cards["TIMEZERO"] = 2.5
    file.gti_cards = gti_cards
    events = opened(file, tmp_path)
    assert events.notes == ("TIMEZERO of 2.5 s is added to the times of the events",)
    for names in (["TIME"], ["PI", "TIME"]):
        times = np.concatenate([chunk["TIME"] for chunk in events.chunks(names, rows=100)])
        assert np.array_equal(times, file.columns["TIME"] + 2.5)
    assert np.array_equal(events.gti, plain.gti + shift)
    assert (events.header.tstart, events.header.tstop) == (T0 + shift, T0 + 1000 + shift)
    assert events.header.cards["TSTART"] == T0 + shift and "TIMEZERO" not in events.header.cards


def test_good_times_of_another_zero_are_converted(tmp_path: Path) -> None:
    file = nustar_file()
    file.gti_cards = {"MJDREFI": 55196, "MJDREFF": 7.6601852e-4, "TIMESYS": "TT"}
    file.gtis = {"GTI": np.array(GTIS) + 86400}
    events = opened(file, tmp_path)
    assert events.gti.tolist() == [list(row) for row in GTIS]
    assert "GTI counts from MJD 55196.000766" in events.notes[0] and events.notes[0].endswith("converted")


def test_the_sky_may_be_missing(tmp_path: Path) -> None:
    file = nustar_file()
    file.sky = False
    events = opened(file, tmp_path)
    assert events.header.wcs is None
    assert events.notes == (
        "X and Y have no sky coordinates (TCRPX, TCRVL, TCDLT): regions in pixels alone can be used",
    )
    del file.columns["X"]
    file.nulls = {}
    events = opened(file, tmp_path)
    assert events.header.wcs is None and events.notes == ("the list has no X and Y: no images, and no regions",)


def test_the_extension_of_the_events_may_have_another_name(tmp_path: Path) -> None:
    file = nustar_file()
    file.name, file.cards["HDUCLAS1"] = "STDEVT", "EVENTS"
    assert opened(file, tmp_path).rows == 500


@pytest.mark.parametrize(
    ("card", "value", "words"),
    [
        ("MJDREFI", None, "has no MJDREF .nor MJDREFI and MJDREFF.*Add the card"),
        ("TIMEUNIT", "d", "counts time in d, not in s .TIMEUNIT"),
    ],
)
def test_times_must_be_known(tmp_path: Path, card: str, value: str | None, words: str) -> None:
    file = nustar_file()
    file.cards.pop(card)
    if value is not None:
        file.cards[card] = value
    with pytest.raises(FileError, match=words):
        opened(file, tmp_path)


@pytest.mark.parametrize(
    ("column", "words"),
    [("TIME", "has no column TIME in EVENTS .it has DET_ID"), ("PI", "no column PI .*Use a calibrated list")],
)
def test_time_and_pi_are_needed(tmp_path: Path, column: str, words: str) -> None:
    file = nustar_file()
    del file.columns[column]
    file.nulls = {}
    with pytest.raises(FileError, match=words):
        opened(file, tmp_path)


def test_gtis_are_needed(tmp_path: Path) -> None:
    file = nustar_file()
    file.gtis = {}
    with pytest.raises(FileError, match=r"a.evt: has no GTI extension\. Use a list with its GTIs"):
        opened(file, tmp_path)
    file.gtis = {"GTI": [(T0, T0)]}
    with pytest.raises(FileError, match=r"has GTIs that hold no time \(GTI\)"):
        opened(file, tmp_path)


def test_events_are_needed(tmp_path: Path) -> None:
    file = nustar_file(7)
    path = file.write(tmp_path / "a.evt")
    path.write_bytes(path.read_bytes().replace(f"NAXIS2  = {7:>20}".encode(), f"NAXIS2  = {0:>20}".encode()))
    with pytest.raises(FileError, match=r"a.evt: holds no events \(EVENTS has no rows\)"):
        open_events(path, tmp_path)
    file.name = "SPECTRUM"
    with pytest.raises(FileError, match=r"has no extension EVENTS \(it has SPECTRUM, GTI\)"):
        opened(file, tmp_path)


def test_damage_is_told_of_the_file_that_was_named(tmp_path: Path) -> None:
    path = nustar_file().write(tmp_path / "a.evt")
    raw = path.read_bytes()
    (tmp_path / "cut.evt.gz").write_bytes(gzip.compress(raw[: len(raw) // 2]))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with pytest.raises(FileError, match=r"/cut\.evt\.gz: is truncated: it holds \d+ of the 500 rows") as caught:
        open_events(tmp_path / "cut.evt.gz", scratch)
    assert caught.value.file == str(tmp_path / "cut.evt.gz")
    (tmp_path / "no.evt").write_bytes(b"not FITS at all" * 500)
    with pytest.raises(FileError, match="is not a FITS file"):
        open_events(tmp_path / "no.evt", scratch)
    with pytest.raises(FileError, match="has no column ENERGY"):
        open_events(path, scratch).chunks(["ENERGY"])
