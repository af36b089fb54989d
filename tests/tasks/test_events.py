"""Tests of the task that screens event lists."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.ogip.eventfiles import GTIS, T0, EventFile, nustar_file, write_gtis, write_housekeeping, xmm_file
from xbatch.base.errors import FileError, StepError
from xbatch.ogip.eventtable import EventTable
from xbatch.ogip.livetime import load_livetime
from xbatch.registry import Job, Outcome
from xbatch.tasks import events as task
from xbatch.tasks._regions import plane_of
from xbatch.tasks.events import run
from xbatch.xray.gti import inside

PARAMS = {"mission": "nustar", "instrument": "FPMA", "obsid": "99900000001"}


def work(
    file: EventFile | Path,
    folder: Path,
    gti: Path | None = None,
    params: dict[str, Any] | None = None,
    livetime: Path | None = None,
    **screening: Any,
) -> tuple[Outcome, EventTable]:
    folder.mkdir(parents=True, exist_ok=True)
    path = file if isinstance(file, Path) else file.write(folder.parent / f"{folder.name}.evt")
    inputs = (
        {"events": path} | ({} if gti is None else {"gti": gti}) | ({} if livetime is None else {"livetime": livetime})
    )
    who = {} if isinstance(file, Path) else {"instrument": file.cards["INSTRUME"]}
    outcome = run(Job("events:x", {**PARAMS, **who, **(params or {}), "screening": screening}, inputs, folder))
    made = ["events.bin", "events.json"] + ([] if livetime is None else ["livetime.npz"])
    assert sorted(each.name for each in folder.iterdir()) == made
    return outcome, EventTable.open(folder / "events.bin")


def test_events_outside_the_gtis_are_dropped_and_counted(tmp_path: Path) -> None:
    file = nustar_file()
    outcome, table = work(file, tmp_path / "out")
    held = inside(file.columns["TIME"], GTIS)
    assert 0 < np.count_nonzero(held) < 500
    for ours, theirs in {"time": "TIME", "pi": "PI", "x": "X", "y": "Y", "grade": "GRADE", "det": "DET_ID"}.items():
        assert np.array_equal(table.columns[ours], file.columns[theirs][held])
    kinds = {name: column.dtype.str for name, column in table.columns.items()}
    assert kinds == {"time": "<f8", "pi": "<i4", "x": "<i2", "y": "<i2", "grade": "<i2", "det": "|i1"}
    lost = 500 - table.rows
    assert outcome.notes == (f"{lost} of 500 events dropped: outside the GTIs",)
    assert outcome.facts["dropped"] == {"outside the GTIs": lost, "PI undefined": 0, "no sky position": 0}
    assert (outcome.facts["events"], outcome.facts["kept"], outcome.facts["was_in_order"]) == (500, table.rows, True)
    assert (outcome.facts["ontime"], outcome.facts["exposure"]) == (800, 720)
    assert outcome.facts["mjd"] == pytest.approx(55197.00076601852 + T0 / 86400, abs=1e-9)
    assert json.loads((tmp_path / "out" / "events.json").read_text())["kept"] == table.rows
    assert table.info.sources["grade"] == "GRADE" and dict(table.info.dropped) == outcome.facts["dropped"]


def test_cuts_are_inclusive_and_counted_in_their_order(tmp_path: Path) -> None:
    file = nustar_file()
    file.columns["STATUS"][::5] = 0b1000
    outcome, table = work(
        file, tmp_path / "out", grade=[0, 26], pi_range=[35, 1909], status="b0000x00xx0xx0000", keep=["STATUS", "PI"]
    )
    columns = file.columns
    grade, status = columns["GRADE"] <= 26, columns["STATUS"] == 0
    pi = (columns["PI"] >= 35) & (columns["PI"] <= 1909)
    held = inside(columns["TIME"], GTIS)
    assert np.array_equal(table.columns["time"], columns["TIME"][held & grade & pi & status])
    assert list(table.columns) == ["time", "pi", "x", "y", "grade", "det", "status"]
    assert outcome.facts["dropped"] == {
        "outside the GTIs": np.count_nonzero(~held),
        "PI undefined": 0,
        "no sky position": 0,
        "GRADE not in 0 to 26": np.count_nonzero(held & ~grade),
        "PI not in 35 to 1909": np.count_nonzero(held & grade & ~pi),
        "STATUS is not b0000x00xx0xx0000": np.count_nonzero(held & grade & pi & ~status),
    }
    assert table.info.screening["grade"] == [0, 26]


def test_undefined_pi_and_positions_are_dropped(tmp_path: Path) -> None:
    file = nustar_file()
    held = np.flatnonzero(inside(file.columns["TIME"], GTIS))
    file.columns["PI"][held[0]] = -4095
    file.columns["X"][held[1:3]] = -1
    file.columns["Y"][held[2:5]] = -1
    outcome, table = work(file, tmp_path / "out")
    assert (outcome.facts["dropped"]["PI undefined"], outcome.facts["dropped"]["no sky position"]) == (1, 4)
    assert np.array_equal(table.columns["time"], file.columns["TIME"][held[5:]])


def test_positions_may_be_floats(tmp_path: Path) -> None:
    file = nustar_file()
    file.nulls = {}
    for name in ("X", "Y", "PI"):
        file.columns[name] = file.columns[name].astype(np.float32)
    held = np.flatnonzero(inside(file.columns["TIME"], GTIS))
    file.columns["X"][held] += 0.25
    file.columns["Y"][held[0]] = np.nan
    file.columns["PI"][held[1]] = np.nan
    outcome, table = work(file, tmp_path / "out")
    assert (outcome.facts["dropped"]["PI undefined"], outcome.facts["dropped"]["no sky position"]) == (1, 1)
    assert table.columns["x"].dtype == np.float32 and np.array_equal(table.columns["x"], file.columns["X"][held[2:]])
    assert table.columns["pi"].dtype == np.int32
    file.columns["PI"][held[7]] = 3.5
    with pytest.raises(FileError, match="has PI that are no whole numbers"):
        work(file, tmp_path / "other")


def test_values_out_of_all_bounds_are_refused(tmp_path: Path) -> None:
    file = nustar_file()
    file.columns["DET_ID"][:] = 300
    with pytest.raises(FileError, match=r"out.evt: cannot be kept: column det has values .* from -128 to 127"):
        work(file, tmp_path / "out")


def test_a_list_without_positions_or_detectors(tmp_path: Path) -> None:
    file = nustar_file()
    file.nulls = {}
    for name in ("X", "Y", "DET_ID", "GRADE"):
        del file.columns[name]
    outcome, table = work(file, tmp_path / "out")
    assert list(table.columns) == ["time", "pi"] and outcome.facts["sky"] is False
    assert outcome.notes[0] == "the list has no X and Y: no images, and no regions"
    assert outcome.facts["detectors"] == {}


def test_a_list_is_put_in_order(tmp_path: Path) -> None:
    file = nustar_file()
    order = np.random.default_rng(3).permutation(500)
    expected, ordered = work(file, tmp_path / "a")
    file.columns = {name: values[order] for name, values in file.columns.items()}
    outcome, table = work(file, tmp_path / "b")
    assert outcome.facts["was_in_order"] is False
    assert outcome.notes[0] == "the list was not in order of time: it has been sorted"
    assert table.path.read_bytes() == ordered.path.read_bytes()
    assert {**outcome.facts, "was_in_order": True} == expected.facts


def test_gtis_by_detector(tmp_path: Path) -> None:
    file = xmm_file()
    params = {"mission": "xmm", "instrument": "EMOS1", "obsid": "0999000001"}
    outcome, table = work(file, tmp_path / "out", params=params, pattern=[0, 12], flag="#XMMEA_EM", keep=["FLAG"])
    columns = file.columns
    own = {1: GTIS, 2: ((T0, T0 + 300.0),)}
    held = np.zeros(500, np.bool_)
    for number, gti in own.items():
        held |= (columns["CCDNR"] == number) & inside(columns["TIME"], gti)
    good = held & (columns["PATTERN"] <= 12) & (columns["FLAG"] & 0x766BA000 == 0)
    order = np.argsort(columns["TIME"][good], kind="stable")
    assert np.array_equal(table.columns["time"], columns["TIME"][good][order])
    assert np.array_equal(table.columns["det"], columns["CCDNR"][good][order])
    assert outcome.facts["dropped"]["outside the GTIs"] == np.count_nonzero(~held)
    assert outcome.facts["dropped"]["FLAG is not #XMMEA_EM"] > 0
    # the first CCD holds most events: the times are its own
    assert (outcome.facts["ontime"], outcome.facts["exposure"]) == (pytest.approx(800), pytest.approx(780))
    assert table.gti_of(2).tolist() == [[T0, T0 + 300]] and table.columns["flag"].dtype == np.int32


def test_without_detector_numbers_their_gtis_are_united(tmp_path: Path) -> None:
    file = xmm_file()
    del file.columns["CCDNR"]
    outcome, table = work(file, tmp_path / "out", params={"obsid": "", "instrument": ""})
    assert table.rows == np.count_nonzero(inside(file.columns["TIME"], GTIS)) and not table.info.detector_gtis
    assert "GTIs are by detector, but the list has no detector's number: their union is taken" in outcome.notes


def test_further_gtis_are_intersected(tmp_path: Path) -> None:
    more = write_gtis(tmp_path / "more.gti", [(T0 + 100, T0 + 250), (T0 + 380, T0 + 650)])
    expected = [[T0 + 100, T0 + 250], [T0 + 380, T0 + 400], [T0 + 600, T0 + 650]]
    file = nustar_file()
    outcome, table = work(file, tmp_path / "out", more)
    assert table.gti.tolist() == expected and outcome.facts["ontime"] == 220
    assert outcome.facts["exposure"] == pytest.approx(198)
    assert np.array_equal(table.columns["time"], file.columns["TIME"][inside(file.columns["TIME"], expected)])
    _, mos = work(xmm_file(), tmp_path / "mos", more)
    assert mos.gti_of(1).tolist() == expected and mos.gti_of(2).tolist() == [[T0 + 100, T0 + 250]]
    assert mos.gti.tolist() == expected


def test_further_gtis_must_belong_to_the_list(tmp_path: Path) -> None:
    cases: dict[str, tuple[list[tuple[float, float]], dict[str, Any], str, str]] = {
        "early": ([(1.0, 2.0)], {}, "GTI", r"early: has GTIs from 1 s to 2 s, and none of it is good time of .*evt"),
        "other": (
            [(T0, T0 + 9)],
            {"MJDREF": 50814.0},
            "GTI",
            r"other: counts its seconds from MJD 50814.0, the events",
        ),
        "empty": ([(T0, T0)], {}, "GTI", "empty: has no good time in GTI"),
        "ccd": ([(T0, T0 + 9)], {}, "STDGTI01", "ccd: has no GTI extension that holds for all detectors"),
    }
    for name, (rows, cards, extension, words) in cases.items():
        path = write_gtis(tmp_path / name, rows, cards, extension)
        with pytest.raises(FileError, match=words):
            work(nustar_file(), tmp_path / f"out-{name}", path)
    same = write_gtis(tmp_path / "same", [(T0, T0 + 99)], {"MJDREF": 55197.00076602})
    assert work(nustar_file(), tmp_path / "out", same)[1].gti.tolist() == [[T0, T0 + 99]]


def test_gtis_outside_the_data_are_refused(tmp_path: Path) -> None:
    file = nustar_file()
    file.gtis = {"GTI": [(T0 + 5000.0, T0 + 6000.0)]}
    file.cards["ONTIME"] = 1000.0
    with pytest.raises(
        FileError, match=r"none of them in the GTIs, which span 100005000 s to 100006000 s\. Use the GTIs"
    ):
        work(file, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_no_event_left_is_an_error_that_says_why(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"has no event left of 500: \d+ outside the GTIs, \d+ GRADE not in 31 to 32"):
        work(nustar_file(), tmp_path / "out", grade=[31, 32])


def test_a_time_that_is_no_number_is_refused(tmp_path: Path) -> None:
    file = nustar_file()
    file.columns["TIME"][41] = np.nan
    with pytest.raises(FileError, match=r"out.evt: has a TIME that is no number \(first in row 42\)"):
        work(file, tmp_path / "out")


@pytest.mark.parametrize(
    ("screening", "error", "words"),
    [
        ({"pattern": [0, 4]}, FileError, r"out.evt: has no column PATTERN in EVENTS \(it has TIME, DET_ID"),
        ({"flag": 0}, FileError, "has no column FLAG"),
        ({"keep": ["ENERGY"]}, FileError, "has no column ENERGY"),
        ({"keep": ["PHAS"]}, FileError, "column PHAS of EVENTS holds no single numbers"),
        ({"grades": [0, 26]}, StepError, "the screening has no grades. It has grade, pattern, pi_range, flag, status"),
        ({"grade": [26, 0]}, StepError, r"the screening's grade is \[26, 0\]. It needs a lowest and a highest"),
        ({"grade": ["a", "b"]}, StepError, r"the screening's grade is \['a', 'b'\]"),
        ({"grade": "0-26"}, StepError, "the screening's grade is '0-26'"),
        ({"status": "b01y"}, StepError, "the screening's status cannot be used: 'b01y' is no pattern of bits"),
        ({"status": "#XMMEA_EP"}, FileError, r"has no selection #XMMEA_EP in its header \(it has none\)"),
    ],
)
def test_screening_that_cannot_be_done(
    tmp_path: Path, screening: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        work(nustar_file(), tmp_path / "out", **screening)


def test_selections_by_name_are_those_of_the_header(tmp_path: Path) -> None:
    file = xmm_file()
    with pytest.raises(FileError, match=r"no selection #XMMEA_EP in its header \(it has #XMMEA_EM\)"):
        work(file, tmp_path / "a", flag="#XMMEA_EP")
    file.cards["XMMEA_EM"] = "(FLAG & 0x1) != 0"
    with pytest.raises(StepError, match="the screening's flag cannot be used: the selection"):
        work(file, tmp_path / "b", flag="#XMMEA_EM")
    _, table = work(file, tmp_path / "c", flag=0, keep=["FLAG"])
    assert not table.columns["flag"].any()


def test_another_observation_is_noted_and_another_instrument_refused(tmp_path: Path) -> None:
    outcome, _ = work(nustar_file(), tmp_path / "a", params={"obsid": "1", "instrument": "fpma"})
    assert outcome.notes[0] == "OBS_ID of the list is 99900000001, the spec says 1"
    with pytest.raises(FileError, match=r"c.evt: is of FPMA \(INSTRUME\), and the spec takes it for FPMB. Name the"):
        work(nustar_file(), tmp_path / "c", params={"instrument": "FPMB"})
    outcome, _ = work(nustar_file(), tmp_path / "b", params={"mission": "other", "instrument": "data"})
    assert len(outcome.notes) == 1


def test_live_time_comes_from_the_housekeeping(tmp_path: Path) -> None:
    time = np.arange(T0, T0 + 1000.0)
    live = np.where(time < T0 + 500, 0.8, 0.95)
    hk = write_housekeeping(tmp_path / "a_fpm.hk", time, live)
    outcome, _ = work(nustar_file(), tmp_path / "out", livetime=hk)
    assert outcome.facts["live_seconds"] == pytest.approx(400 * 0.8 + 400 * 0.95)
    assert (outcome.facts["live_seconds_header"], outcome.facts["live_covered"]) == (720, pytest.approx(800))
    assert "the live time is 700 s by the housekeeping, 720 s by the header of the list" in outcome.notes
    kept = load_livetime(tmp_path / "out" / "livetime.npz")
    assert np.array_equal(kept.time, time) and np.array_equal(kept.live, live)
    outcome, _ = work(nustar_file(), tmp_path / "same", livetime=write_housekeeping(hk, time, np.full(1000, 0.9)))
    assert len(outcome.notes) == 1


def test_a_barycentred_list_has_no_use_for_housekeeping_that_is_not(tmp_path: Path) -> None:
    hk = write_housekeeping(tmp_path / "a_fpm.hk", np.arange(T0, T0 + 1000.0), np.full(1000, 0.5))
    file = nustar_file()
    file.cards = {**file.cards, "TIMESYS": "TDB", "TIMEREF": "SOLARSYSTEM"}
    outcome, _ = work(file, tmp_path / "out", livetime=hk)
    assert "live_seconds" not in outcome.facts and "one is barycentred and one is not" in outcome.notes[-1]
    assert load_livetime(tmp_path / "out" / "livetime.npz") is None
    cards = {"TIMESYS": "TDB", "TIMEREF": "SOLARSYSTEM"}
    hk = write_housekeeping(hk, np.arange(T0, T0 + 1000.0), np.full(1000, 0.5), cards=cards)
    assert work(file, tmp_path / "both", livetime=hk)[0].facts["live_seconds"] == pytest.approx(400)


def test_housekeeping_of_another_time_or_with_gaps(tmp_path: Path) -> None:
    time = np.arange(T0, T0 + 1000.0)
    part = write_housekeeping(tmp_path / "part.hk", time[:300], np.full(300, 0.9))
    outcome, _ = work(nustar_file(), tmp_path / "part", livetime=part)
    assert outcome.facts["live_seconds"] == pytest.approx(720)
    assert outcome.notes[-1].startswith("the housekeeping tells the live time of 300 s of the 800 s of GTIs")
    other = write_housekeeping(tmp_path / "other.hk", time + 1e6, np.full(1000, 0.9))
    with pytest.raises(
        FileError, match=r"other.hk: there is no live time for the GTIs .*Name the housekeeping of this"
    ):
        work(nustar_file(), tmp_path / "out", livetime=other)


def test_events_of_a_ccd_without_gtis_are_dropped_and_told(tmp_path: Path) -> None:
    file = xmm_file()
    del file.gtis["STDGTI02"]
    outcome, table = work(file, tmp_path / "out", params={"obsid": "", "instrument": ""})
    lost = np.count_nonzero(file.columns["CCDNR"] == 2)
    assert outcome.facts["dropped"]["on a CCD without GTIs"] == lost
    assert f"{lost} of 500 events dropped: on a CCD without GTIs" in outcome.notes
    assert outcome.notes[-1] == "no event of CCD 2, 3, 4, 5, 6, 7" and not np.any(table.columns["det"] == 2)


def test_coordinates_of_the_sun_are_told(tmp_path: Path) -> None:
    file = nustar_file()
    file.axes = ("HPLN-TAN", "HPLT-TAN")
    outcome, table = work(file, tmp_path / "out")
    words = "X and Y are HPLN-TAN and HPLT-TAN: regions in pixels alone can be used, none on the sky"
    assert outcome.notes[0] == words and outcome.facts["sky"] is True
    with pytest.raises(FileError, match="X and Y are HPLN-TAN and HPLT-TAN, not right ascension"):
        plane_of(table).from_sky(0.0, 0.0, "fk5")


def test_a_gzipped_list_gives_the_same_table(tmp_path: Path) -> None:
    path = nustar_file().write(tmp_path / "a.evt")
    _, plain = work(path, tmp_path / "plain")
    (tmp_path / "b.evt.gz").write_bytes(gzip.compress(path.read_bytes()))
    _, packed = work(tmp_path / "b.evt.gz", tmp_path / "packed")
    assert packed.path.read_bytes() == plain.path.read_bytes()


def test_lists_of_many_chunks_are_screened_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = nustar_file(3000).write(tmp_path / "a.evt")
    one, whole = work(path, tmp_path / "whole", grade=[0, 26])
    monkeypatch.setattr("xbatch.ogip.rows.CHUNK_ROWS", 111)
    many, parts = work(path, tmp_path / "parts", grade=[0, 26])
    assert parts.path.read_bytes() == whole.path.read_bytes() and many == one
    assert task.__all__ == ["run"]


def test_memory_does_not_grow_with_the_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = nustar_file(200_000).write(tmp_path / "a.evt")
    monkeypatch.setattr("xbatch.ogip.rows._CHUNK_BYTES", 1 << 18)
    work(nustar_file(100), tmp_path / "warm")
    tracemalloc.start()
    try:
        work(path, tmp_path / "out", grade=[0, 26])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3e6 < path.stat().st_size / 3


def test_the_log_says_how_far_a_list_is_screened(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", task.__name__)
    work(nustar_file(), tmp_path / "out")
    assert caplog.messages == ["500 of 500 events screened"]
