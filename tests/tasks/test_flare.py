"""Tests of the task that finds flares."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from tests.ogip.eventfiles import GTIS, T0, EventFile, nustar_file, xmm_file
from xbatch.base.errors import FileError, StepError
from xbatch.ogip.curvefile import read_curve
from xbatch.ogip.gtifile import read_gti_tables
from xbatch.registry import Job, Outcome
from xbatch.tasks import events
from xbatch.tasks.flare import good_times, rate_cut, run
from xbatch.xray.gti import inside, total

XMM = {"mission": "xmm", "instrument": "EMOS1", "obsid": "0999000001"}
OUTPUTS = ["flare.gti", "flare.json", "flare.lc", "flare.png"]


def flared(file: EventFile | Path, out: Path, **flare: Any) -> Outcome:
    out.mkdir(parents=True, exist_ok=True)
    path = file if isinstance(file, Path) else file.write(out.parent / f"{out.name}.evt")
    outcome = run(Job("flare:x", {**XMM, "flare": flare}, {"events": path}, out))
    assert sorted(each.name for each in out.iterdir()) == OUTPUTS
    return outcome


def gtis(out: Path) -> Any:
    (table,) = read_gti_tables(out / "flare.gti")
    return table.gti


def with_flare(count: int = 4000) -> EventFile:
    """A quiet list of one CCD, with four times as many events from 700 s to 800 s."""
    file = nustar_file(count)
    times = file.columns["TIME"]
    rng = np.random.default_rng(7)
    times[::4] = T0 + 700 + 100 * rng.random(count // 4)
    return file


def test_bins_up_to_a_rate_are_kept(tmp_path: Path) -> None:
    file = with_flare()
    times = file.columns["TIME"][inside(file.columns["TIME"], GTIS)]
    outcome = flared(file, tmp_path / "out", bin=100.0, rate=["<", 6.0])
    assert gtis(tmp_path / "out").tolist() == [[T0, T0 + 400], [T0 + 600, T0 + 700], [T0 + 800, T0 + 1000]]
    counts = np.histogram(times, T0 + 100.0 * np.arange(11))[0]
    curve = read_curve(tmp_path / "out" / "flare.lc")
    kept = counts > 0
    assert curve.rate == pytest.approx(counts[kept] / 100) and curve.time[0] == T0 + 50 and curve.width == 100
    facts = outcome.facts
    assert (facts["bins"], facts["bins_kept"], facts["seconds"], facts["share"]) == (8, 7, 700, 0.875)
    assert json.loads((tmp_path / "out" / "flare.json").read_text())["limit"] == 6.0


def test_a_partly_exposed_bin_is_judged_by_its_rate(tmp_path: Path) -> None:
    file = with_flare()
    flared(file, tmp_path / "out", bin=300.0, rate=["<", 20.0])
    curve = read_curve(tmp_path / "out" / "flare.lc")
    assert curve.fracexp == pytest.approx([1, 1 / 3, 1, 1 / 3])
    times = file.columns["TIME"]
    counts = np.histogram(times[inside(times, GTIS)], T0 + 300.0 * np.arange(5))[0]
    assert curve.rate == pytest.approx(counts / (300 * curve.fracexp))


def test_the_test_is_as_strict_as_it_is_written() -> None:
    time, rate = np.array([50.0, 150, 250]), np.array([0.4, 0.3, 0.5])
    assert good_times(time, rate, 100.0, "<", 0.4)[0].tolist() == [[100, 200]]
    assert good_times(time, rate, 100.0, "<=", 0.4)[0].tolist() == [[0, 200]]
    assert good_times(time, np.full(3, np.nan), 100.0, "<=", 0.4)[1].tolist() == [False] * 3


def test_clipping_finds_the_flare(tmp_path: Path) -> None:
    outcome = flared(with_flare(), tmp_path / "out", bin=20.0, sigma=3.0)
    gti = gtis(tmp_path / "out")
    assert outcome.facts["sigma"] == 3.0 and outcome.facts["test"] == "<="
    assert total(gti) >= 690 and not np.any(inside(T0 + np.arange(705.0, 795.0), gti))


def test_selections_and_detectors(tmp_path: Path) -> None:
    file = xmm_file(5000)
    flared(file, tmp_path / "out", bin=100.0, rate=["<=", 1e9], pi_range=[2000, 8000], pattern=[0, 0], flag="#XMMEA_EM")
    columns = file.columns
    own = {1: GTIS, 2: ((T0, T0 + 300.0),)}
    keep = np.zeros(5000, np.bool_)
    for number, gti in own.items():
        keep |= (columns["CCDNR"] == number) & inside(columns["TIME"], gti)
    keep &= (columns["PI"] >= 2000) & (columns["PI"] <= 8000) & (columns["PATTERN"] == 0)
    keep &= columns["FLAG"] & 0x766BA000 == 0
    with fits.open(tmp_path / "out" / "flare.lc") as found:
        header, counts = found["RATE"].header, found["RATE"].data["COUNTS"]
        expected = np.histogram(columns["TIME"][keep], T0 + 100.0 * np.arange(11))[0]
        assert np.array_equal(counts, expected[[0, 1, 2, 3, 6, 7, 8, 9]])
        assert (header["CHANMIN"], header["CHANMAX"], header["MJDREFI"]) == (2000, 8000, 50814)


def test_nustar_has_grades_for_patterns(tmp_path: Path) -> None:
    file = nustar_file()
    path = file.write(tmp_path / "list.evt")
    flare = {"bin": 100.0, "rate": ["<", 99.0], "pattern": [0, 0], "flag": None}
    outcome = run(Job("flare:x", {"mission": "nustar", "flare": flare}, {"events": path}, tmp_path))
    keep = inside(file.columns["TIME"], GTIS) & (file.columns["GRADE"] == 0)
    assert outcome.facts["counts"] == np.count_nonzero(keep)


def test_the_order_of_events_makes_no_difference(tmp_path: Path) -> None:
    file = with_flare()
    flared(file, tmp_path / "a", bin=20.0, sigma=3.0)
    order = np.random.default_rng(5).permutation(len(file.columns["TIME"]))
    file.columns = {name: values[order] for name, values in file.columns.items()}
    flared(file, tmp_path / "b", bin=20.0, sigma=3.0)
    for name in OUTPUTS:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_gtis_screen_the_list(tmp_path: Path) -> None:
    file = with_flare()
    flared(file, tmp_path / "out", bin=100.0, rate=["<", 6.0])
    inputs = {"events": file.write(tmp_path / "list.evt"), "gti": tmp_path / "out" / "flare.gti"}
    (tmp_path / "events").mkdir()
    outcome = events.run(Job("events:x", {}, inputs, tmp_path / "events"))
    assert outcome.facts["ontime"] == 700


def test_nothing_left_names_the_limit_and_the_rates(tmp_path: Path) -> None:
    words = r"has no bin of 100 s with a rate < 0.001 counts/s: its 8 bins have 2.\d+ to 1\d.\d+, median"
    with pytest.raises(FileError, match=words):
        flared(with_flare(), tmp_path / "out", bin=100.0, rate=["<", 0.001])


@pytest.mark.parametrize(
    ("flare", "words"),
    [
        ({"bin": 100.0}, "needs either a rate or sigma"),
        ({"bin": 100.0, "rate": ["<", 1], "sigma": 3.0}, "needs either a rate or sigma"),
        ({"bin": 100.0, "rate": [">", 1]}, "cannot be '>'"),
        ({"bin": 100.0, "rate": ["<"]}, "the rate of the flare cut is"),
        ({"bin": 0.0, "rate": ["<", 1]}, "the bins of the flare cut make no sense"),
        ({"rate": ["<", 1]}, "the bins of the flare cut make no sense"),
        ({"bin": 100.0, "sigma": -1.0}, "by sigma cannot be made"),
        ({"bin": 100.0, "rate": ["<", 1], "band": "10-12"}, "the flare cut has no band"),
    ],
)
def test_what_makes_no_sense_is_refused(flare: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(StepError, match=words):
        flared(nustar_file(), tmp_path / "out", **flare)


@pytest.mark.real_data
def test_a_rate_curve_of_evselect_gives_the_gtis_of_tabgtigen(real_data: Path) -> None:
    curve = read_curve(real_data / "xmm/0124710801/PN_rate.fits")
    cut = rate_cut({"rate": ["<=", 0.5]}, curve.rate, curve.fracexp, curve.path)
    gti, kept = good_times(curve.time, curve.rate, curve.width, cut.test, cut.limit)
    with fits.open(real_data / "xmm/0124710801/PN_gti.fits") as file:
        theirs = np.column_stack([file["STDGTI"].data["START"], file["STDGTI"].data["STOP"]])
    assert len(curve.time) == 238 and np.count_nonzero(kept) == 217
    assert np.array_equal(gti, theirs) and total(gti) == pytest.approx(21700.0, abs=1e-6)


@pytest.mark.real_data
@pytest.mark.parametrize("camera", ["mos1", "mos2"])
def test_mos_lists(camera: str, real_data: Path, tmp_path: Path) -> None:
    path = real_data / f"xmm/0201903501/{camera}_exp1_clean_evts.fits.gz"
    flare = {"pi_range": [10001, 32767], "pattern": [0, 0], "flag": "#XMMEA_EM", "bin": 100.0, "rate": ["<=", 0.35]}
    outcome = flared(path, tmp_path / "out", **flare)
    with fits.open(path) as file:
        data = file["EVENTS"].data
        counts = np.count_nonzero((data["PI"] > 10000) & (data["PATTERN"] == 0))
    assert outcome.facts["counts"] == counts > 500
    with fits.open(tmp_path / "out" / "flare.lc") as file:
        rate, gti = file["RATE"].data, gtis(tmp_path / "out")
        exposed = rate["FRACEXP"] * 100
        assert rate["COUNTS"].sum() == counts and exposed.sum() == pytest.approx(file["RATE"].header["ONTIME"])
        assert np.array_equal(inside(rate["TIME"], gti), rate["RATE"] <= 0.35)
