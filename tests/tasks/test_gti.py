"""Tests of the task that selects times."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.time import Time

from tests.ogip.eventfiles import GTIS, NUSTAR, T0, nustar_file, write_gtis
from tests.tasks.test_lightcurve import curves, tabled
from xbatch.base.errors import FileError, StepError
from xbatch.ogip.curvefile import read_curve
from xbatch.ogip.fitswriter import BinTable, Card, write_fits
from xbatch.ogip.gtifile import read_gti_tables
from xbatch.registry import Job, Outcome
from xbatch.tasks.gti import run
from xbatch.xray.gti import complement, inside, intersection, total, union

DAY = 86400.0
REFERENCE = 55197 + 7.6601852e-4


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tabled(nustar_file(3000), tmp_path_factory.mktemp("events"))


def selected(table: Path, out: Path, inputs: dict[str, Path] | None = None, **params: Any) -> tuple[Any, Outcome]:
    out.mkdir(parents=True, exist_ok=True)
    outcome = run(Job("gti:x", {"name": "mine", **params}, {"events": table, **(inputs or {})}, out))
    assert sorted(each.name for each in out.iterdir()) == ["gti.gti", "gti.json"]
    (found,) = read_gti_tables(out / "gti.gti")
    assert found.mjdref == REFERENCE and json.loads((out / "gti.json").read_text())["seconds"] == total(found.gti)
    return found.gti, outcome


def test_seconds_are_cut_to_the_good_time(table: Path, tmp_path: Path) -> None:
    gti, outcome = selected(table, tmp_path / "a", time=[[{"met": T0 + 350}, {"met": T0 + 700}]])
    assert gti.tolist() == [[T0 + 350, T0 + 400], [T0 + 600, T0 + 700]]
    assert (outcome.facts["intervals"], outcome.facts["seconds"], outcome.facts["share"]) == (2, 150, 0.1875)


@pytest.mark.parametrize("scale", ["utc", "tt", "tdb"])
def test_dates_and_days_in_any_scale(scale: str, table: Path, tmp_path: Path) -> None:
    moments = [getattr(Time(55197, 7.6601852e-4 + (T0 + s) / DAY, format="mjd", scale="tt"), scale) for s in (100, 300)]
    for moment in moments:
        moment.precision = 9
    dates, days = [moment.isot for moment in moments], [repr(float(moment.mjd)) for moment in moments]
    for number, pair in enumerate((dates, [f"{date}Z" for date in dates], days, [float(day) for day in days])):
        gti, _ = selected(table, tmp_path / f"{number}", time=[pair], scale=scale)
        assert gti[0] == pytest.approx([T0 + 100, T0 + 300], abs=2e-6 if number > 1 else 2e-7)


def test_an_observation_that_is_missed_is_told_of_by_date(table: Path, tmp_path: Path) -> None:
    words = r"from 100000000 s to 100001000 s \(2013-03-03T09:46:39 to 2013-03-03T10:03:19 UTC\): the times are"
    with pytest.raises(StepError, match=words):
        selected(table, tmp_path / "a", time=[["2014-01-01T00:00:00", "2014-01-02T00:00:00"]])


def test_utc_is_not_tt(table: Path, tmp_path: Path) -> None:
    # of NuSTAR: 66.184 s at the zero of its clock, and one leap second in 2012
    at = Time("2013-03-03T09:48:07", scale="tt").mjd
    pair = ["2013-03-03T09:48:07", "2013-03-03T09:49:47"]
    terrestrial, _ = selected(table, tmp_path / "tt", time=[pair], scale="tt")
    universal, _ = selected(table, tmp_path / "utc", time=[pair])
    assert universal - terrestrial == pytest.approx(67.184, abs=1e-6)
    assert terrestrial[0, 0] == pytest.approx((at - REFERENCE) * DAY, abs=1e-4)


def test_gtis_of_a_file_counted_from_another_day(table: Path, tmp_path: Path) -> None:
    rows = np.array([[T0 + 100, T0 + 200], [T0 + 390, T0 + 610]])
    expected = [[T0 + 100, T0 + 200], [T0 + 390, T0 + 400], [T0 + 600, T0 + 610]]
    own = write_gtis(tmp_path / "own.gti", rows, {"MJDREFI": 55197, "MJDREFF": 7.6601852e-4, "TIMESYS": "TT"})
    gti, outcome = selected(table, tmp_path / "a", {"file": own}, file="own.gti")
    assert gti.tolist() == expected and not outcome.notes
    shift = (55197 - 50814) * DAY + 7.6601852e-4 * DAY
    xmm = write_gtis(tmp_path / "xmm.gti", rows + shift, {"MJDREF": 50814.0, "TIMESYS": "TT"})
    gti, outcome = selected(table, tmp_path / "b", {"file": xmm}, file="xmm.gti")
    assert gti == pytest.approx(np.array(expected), abs=1e-6)
    assert outcome.notes == ("times of xmm.gti are counted from MJD 50814.0 (TT): converted to the list's",)
    none = write_gtis(tmp_path / "none.gti", rows)
    gti, outcome = selected(table, tmp_path / "c", {"file": none}, file="none.gti")
    assert gti.tolist() == expected and "does not say what its seconds are counted from" in outcome.notes[0]
    universal = write_gtis(
        tmp_path / "utc.gti", rows - 67.184 + 7.6601852e-4 * DAY, {"MJDREFI": 55197, "TIMESYS": "UTC"}
    )
    gti, _ = selected(table, tmp_path / "d", {"file": universal}, file="utc.gti")
    assert gti == pytest.approx(np.array(expected) + 1, abs=1.1)  # seconds of UTC do not count leap seconds


def test_barycentred_times_are_not_mixed_with_others(table: Path, tmp_path: Path) -> None:
    cards = {"MJDREFI": 55197, "MJDREFF": 7.6601852e-4, "TIMESYS": "TDB"}
    path = write_gtis(tmp_path / "bary.gti", [(T0, T0 + 9)], cards)
    with pytest.raises(FileError, match="one is barycentred, the other is not"):
        selected(table, tmp_path / "a", {"file": path}, file="bary.gti")


def test_fluxes_low_and_high_share_no_bin_and_leave_none_out(table: Path, tmp_path: Path) -> None:
    curves(table, tmp_path / "lc", dt=20.0)
    path = tmp_path / "lc" / "full.lc"
    low, outcome = selected(table, tmp_path / "low", {"curve": path}, flux={"band": "full", "quantile": [0, 0.5]})
    high, _ = selected(table, tmp_path / "high", {"curve": path}, flux={"band": "full", "quantile": [0.5, 1]})
    assert not len(intersection(low, high)) and np.array_equal(union(low, high), GTIS)
    curve = read_curve(path)
    limit = outcome.facts["below_rate"]
    assert np.array_equal(inside(curve.time, low), curve.rate < limit)
    assert np.array_equal(inside(curve.time, high), curve.rate >= limit)
    some, _ = selected(table, tmp_path / "some", {"curve": path}, flux={"band": "full", "rate": [None, 2.9]})
    assert np.array_equal(inside(curve.time, some), curve.rate <= 2.9)
    rate = float(np.sort(curve.rate)[len(curve.rate) // 2])
    for name, strict in (("to", {}), ("below", {"strict": True})):
        some, _ = selected(
            table, tmp_path / name, {"curve": path}, flux={"band": "full", "rate": [None, rate], **strict}
        )
        assert np.array_equal(inside(curve.time, some), curve.rate < rate if strict else curve.rate <= rate)
    with pytest.raises(StepError, match=r"no bin of full.lc has 90 to any counts/s: its 40 bins have"):
        selected(table, tmp_path / "x", {"curve": path}, flux={"band": "full", "rate": [90, None]})


def housekeeping(path: Path, **columns: Any) -> Path:
    count = 200
    time = T0 + 5.0 * np.arange(count)
    given = [("TIME", "s", time), *((name, "", np.asarray(values)) for name, values in columns.items())]
    cards = [Card(key, NUSTAR[key]) for key in ("MJDREFI", "MJDREFF", "TIMESYS")]
    write_fits(path, [], [BinTable("OTHER", [("X", "", np.zeros(3))]), BinTable("HK1FPM", given, cards)])
    return path


def test_housekeeping(table: Path, tmp_path: Path) -> None:
    rows = np.arange(200)
    path = housekeeping(tmp_path / "a.hk", SW_SAA=(rows // 20 % 2).astype(np.int16), LIVETIME=0.5 + 0.002 * rows)
    asked = {"expression": "sw_saa == 0 && LIVETIME < 0.85", "extension": None}
    gti, outcome = selected(table, tmp_path / "a", {"file": path}, hk=asked, file="a.hk")
    assert gti.tolist() == [[T0, T0 + 100], [T0 + 200, T0 + 300], [T0 + 600, T0 + 700], [T0 + 800, T0 + 875]]
    assert (outcome.facts["extension"], outcome.facts["rows"], outcome.facts["rows_true"]) == ("HK1FPM", 200, 95)
    for name, words in {
        "SW_SAA == 7": r"'SW_SAA == 7' is true for 0 of 200 rows of HK1FPM in a.hk",
        "SW_SAX == 0": r"with TIME and SW_SAX \(it has OTHER with X; HK1FPM with TIME, SW_SAA, LIVETIME\)",
        "SW_SAA": "'SW_SAA' is a number",
        "__import__('os')": "is not allowed",
    }.items():
        with pytest.raises((StepError, FileError), match=words):
            selected(table, tmp_path / "x", {"file": path}, hk={"expression": name})
    with pytest.raises(FileError, match=r"has no extension HK9 \(it has OTHER, HK1FPM\)"):
        selected(table, tmp_path / "x", {"file": path}, hk={"expression": "SW_SAA == 0", "extension": "HK9"})
    with pytest.raises(FileError, match="has no column TIME in OTHER"):
        selected(table, tmp_path / "x", {"file": path}, hk={"expression": "SW_SAA == 0", "extension": "OTHER"})


def test_phases_need_barycentred_events(table: Path, tmp_path: Path) -> None:
    phase = {"epoch": 56353.5, "scale": "tdb", "period": 12.5, "pdot": 0.0, "range": [0.1, 0.4]}
    with pytest.raises(StepError, match="phases need events barycentred: these are of TIMESYS TT, TIMEREF not said"):
        selected(table, tmp_path / "a", phase=phase)
    file = nustar_file()
    file.cards |= {"TIMESYS": "TDB", "TIMEREF": "SOLARSYSTEM", "PLEPHEM": "JPL-DE430"}
    barycentred = tabled(file, tmp_path / "e")
    gti, outcome = selected(barycentred, tmp_path / "b", phase=phase)
    epoch = (56353.5 - REFERENCE) * DAY
    times = T0 + np.arange(0, 1000, 0.37)
    turn = ((times - epoch) / 12.5) % 1
    assert np.array_equal(inside(times, gti), inside(times, GTIS) & (turn >= 0.1) & (turn < 0.4))
    assert outcome.facts["cycles"] == pytest.approx(80) and outcome.facts["seconds"] == pytest.approx(240, abs=8)
    over, _ = selected(barycentred, tmp_path / "c", phase={**phase, "range": [0.4, 0.1]})
    assert np.allclose(union(over, gti), GTIS, rtol=0, atol=1e-6)


def test_selections_are_joined(table: Path, tmp_path: Path) -> None:
    first, _ = selected(table, tmp_path / "a", time=[[{"met": T0 + 100}, {"met": T0 + 300}]])
    second, _ = selected(table, tmp_path / "b", time=[[{"met": T0 + 250}, {"met": T0 + 650}]])
    inputs = {"gti/a": tmp_path / "a" / "gti.gti", "gti/b": tmp_path / "b" / "gti.gti"}
    both, _ = selected(table, tmp_path / "both", inputs, all_of=["a", "b"])
    any_of, _ = selected(table, tmp_path / "any", inputs, any_of=["a", "b"])
    rest, _ = selected(table, tmp_path / "not", inputs, **{"not": "b"})
    assert np.array_equal(both, intersection(first, second)) and np.array_equal(any_of, union(first, second))
    assert np.array_equal(rest, intersection(complement(second, T0, T0 + 1000), GTIS))
    with pytest.raises(StepError, match="has no selection c to work with"):
        selected(table, tmp_path / "x", inputs, all_of=["a", "c"])
    with pytest.raises(StepError, match="no time selections are named"):
        selected(table, tmp_path / "x", inputs, any_of=[])
    inputs["gti/c"] = tmp_path / "not" / "gti.gti"
    with pytest.raises(StepError, match="b, c have no time in common"):
        selected(table, tmp_path / "x", inputs, all_of=["b", "c"])


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({}, "asks for nothing"),
        ({"time": [["x", "y"]], "file": "a"}, "asks for time and file"),
        ({"time": [["yesterday", "today"]]}, "'yesterday' is no date"),
        ({"time": [[56000.0, 55000.0]]}, "ends before it starts"),
        ({"time": [[56000.0]]}, "is no start and stop"),
        ({"time": [[True, 56000.0]]}, "True is neither a date"),
        ({"time": [[55000.0, 55001.0]]}, "holds no good time of the observation, which lasts from"),
        ({"time": [[55000.0, 55001.0]], "scale": "local"}, "the time scale 'local' is not known"),
        ({"file": "a"}, "has no file to work with"),
    ],
)
def test_what_makes_no_sense_is_refused(params: dict[str, Any], words: str, table: Path, tmp_path: Path) -> None:
    with pytest.raises(StepError, match=words):
        selected(table, tmp_path / "a", **params)


@pytest.mark.real_data
def test_housekeeping_of_nustar(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "nustar/80415201001/event_cl"
    file = nustar_file()
    start = 274282503.0
    file.columns["TIME"] = start + 5.4 * np.arange(500)
    file.gtis = {"GTI": [(start, start + 2700)]}
    table = tabled(file, tmp_path / "e")
    gti, outcome = selected(
        table, tmp_path / "a", {"file": folder / "nu80415201001A_fpm.hk.gz"}, hk={"expression": "SW_SAA == 0"}
    )
    assert outcome.facts["extension"] == "HK1FPM" and outcome.facts["rows"] == 5400
    assert total(gti) == pytest.approx(2700, abs=1)


XMM = {"mjdref": [50814, 0.0], "timesys": "TT", "telescop": "XMM"}


def without_list(out: Path, inputs: dict[str, Path] | None = None, **params: Any) -> tuple[Any, Outcome]:
    out.mkdir(parents=True, exist_ok=True)
    about = {"name": "mine", "mission": "xmm", "instrument": "RGS", "obsid": "0761220101", "clock": XMM}
    outcome = run(Job("gti:x", {**about, **params}, inputs or {}, out))
    (found,) = read_gti_tables(out / "gti.gti")
    assert found.mjdref == 50814.0 and found.clock is not None and found.clock.scale == "tt"
    return found.gti, outcome


def test_without_a_list_a_selection_is_of_the_missions_clock(tmp_path: Path) -> None:
    gti, outcome = without_list(tmp_path / "met", time=[[{"met": 5e8}, {"met": 5e8 + 100}]])
    assert gti.tolist() == [[5e8, 5e8 + 100]] and "seconds" not in outcome.facts
    # 1998-01-01 is the zero in TT; UTC was 63.184 s behind
    gti, _ = without_list(tmp_path / "utc", time=[["1998-01-02T00:00:00", "1998-01-03T00:00:00"]])
    assert gti[0] == pytest.approx([DAY + 63.184, 2 * DAY + 63.184], abs=1e-6)
    rows = np.array([[1000.0, 1500.0]])
    other = write_gtis(tmp_path / "other.gti", rows, {"MJDREFI": 50815, "TIMESYS": "TT"})
    gti, outcome = without_list(tmp_path / "file", {"file": other}, file="other.gti")
    assert gti.tolist() == [[DAY + 1000, DAY + 1500]] and "converted" in outcome.notes[0]


def test_without_a_list_selections_are_joined(tmp_path: Path) -> None:
    without_list(tmp_path / "a", time=[[{"met": 100.0}, {"met": 300.0}]])
    without_list(tmp_path / "b", time=[[{"met": 200.0}, {"met": 400.0}]])
    both = {f"gti/{name}": tmp_path / name / "gti.gti" for name in ("a", "b")}
    gti, _ = without_list(tmp_path / "all", both, all_of=["a", "b"])
    assert gti.tolist() == [[200.0, 300.0]]
    gti, _ = without_list(tmp_path / "any", both, any_of=["a", "b"])
    assert gti.tolist() == [[100.0, 400.0]]
    gti, _ = without_list(tmp_path / "not", {"gti/a": both["gti/a"]}, **{"not": "a"})
    assert gti[0].tolist() == [0.0, 100.0] and gti[1, 0] == 300.0 and gti[1, 1] > 3e9


def test_without_a_list_a_selection_may_hold_nothing(tmp_path: Path) -> None:
    for name, ends in (("a", (100.0, 200.0)), ("b", (300.0, 400.0))):
        without_list(tmp_path / name, time=[[{"met": end} for end in ends]])
    inputs = {f"gti/{name}": tmp_path / name / "gti.gti" for name in ("a", "b")}
    with pytest.raises(StepError, match="the time selection mine holds no time: a, b have no time in common"):
        without_list(tmp_path / "none", inputs, all_of=["a", "b"])


def test_barycentred_gtis_are_not_those_of_a_clock_on_board(tmp_path: Path) -> None:
    other = write_gtis(tmp_path / "tdb.gti", np.array([[100.0, 200.0]]), {"MJDREF": 50814.0, "TIMESYS": "TDB"})
    with pytest.raises(FileError, match="one is barycentred, the other is not"):
        without_list(tmp_path / "file", {"file": other}, file="tdb.gti")
