"""Tests of the task that makes light curves."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ogip.eventfiles import GTIS, T0, EventFile, nustar_file, write_gtis, xmm_file
from xbatch.base.errors import FileError, StepError
from xbatch.ogip.eventtable import EventTable
from xbatch.ogip.livetime import LiveTime, read_housekeeping, save_livetime
from xbatch.registry import Job, Outcome
from xbatch.tasks import events, lightcurve
from xbatch.xray.gti import complement, inside, overlap
from xbatch.xray.livetime import live_seconds_bins

NUSTAR = {"mission": "nustar", "instrument": "FPMA", "obsid": "99900000001", "name": "agn"}
XMM = {"mission": "xmm", "instrument": "EMOS1", "obsid": "0999000001", "name": "cluster"}


def circle(x: float, y: float, radius: float) -> dict[str, Any]:
    return {"shapes": [{"shape": "circle", "frame": "physical", "center": [x, y], "sizes": [radius]}]}


SOURCE, BACKGROUND = circle(400, 400, 200), circle(700, 700, 250)
FULL = [{"name": "full", "lo": 1.6, "hi": 165.44}]


def tabled(file: EventFile, folder: Path, **params: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = file.write(folder / "list.evt")
    events.run(Job("events:x", params, {"events": path}, folder))
    return folder / "events.bin"


def curves(table: Path, out: Path, inputs: dict[str, Path] | None = None, **params: Any) -> Outcome:
    out.mkdir(parents=True, exist_ok=True)
    given = {"dt": 100.0, "bands": FULL, "corrections": ["gti"], **NUSTAR, **params}
    return lightcurve.run(Job("lightcurve:x", given, {"events": table, **(inputs or {})}, out))


def rates(path: Path) -> Any:
    with fits.open(path, memmap=False) as file:
        file.verify("exception")
        return np.array(file["RATE"].data), file["RATE"].header.copy(), np.array(file["GTI"].data)


def in_circle(table: EventTable, region: dict[str, Any]) -> Any:
    shape = region["shapes"][0]
    x, y = (table.columns[axis].astype(float) - centre for axis, centre in zip("xy", shape["center"], strict=True))
    return np.hypot(x, y) <= shape["sizes"][0]


def pixels(region: dict[str, Any]) -> int:
    shape = region["shapes"][0]
    x, y = np.meshgrid(np.arange(1, 1001), np.arange(1, 1001))
    return int(np.count_nonzero(np.hypot(x - shape["center"][0], y - shape["center"][1]) <= shape["sizes"][0]))


def test_rates_net_of_background(tmp_path: Path) -> None:
    path = tabled(nustar_file(4000), tmp_path / "e")
    outcome = curves(
        path, tmp_path / "lc", regions={"s": SOURCE, "b": BACKGROUND}, region="s", background="b", min_fracexp=0.2
    )
    table = EventTable.open(path)
    times = table.columns["time"]
    edges = T0 + 100.0 * np.arange(11)
    source = np.histogram(times[in_circle(table, SOURCE)], edges)[0]
    back = np.histogram(times[in_circle(table, BACKGROUND)], edges)[0]
    scale = pixels(SOURCE) / pixels(BACKGROUND)
    exposed = np.array([100, 100, 100, 100, 0, 0, 100, 100, 100, 100], float)
    kept = exposed > 20
    data, header, gti = rates(tmp_path / "lc" / "full.lc")
    assert np.array_equal(data["TIME"], edges[:-1][kept] + 50) and np.array_equal(data["COUNTS"], source[kept])
    assert np.array_equal(data["FRACEXP"], exposed[kept] / 100)
    assert data["RATE"] == pytest.approx((source - scale * back)[kept] / 100)
    assert data["ERROR"] == pytest.approx(np.sqrt(source + scale**2 * back)[kept] / 100)
    assert data["BACKV"] == pytest.approx(scale * back[kept] / 100)
    assert data["BACKE"] == pytest.approx(scale * np.sqrt(back[kept]) / 100)
    assert np.array_equal(np.column_stack([gti["START"], gti["STOP"]]), GTIS)
    assert outcome.facts["background_scale"] == header["BKGSCALE"] == scale
    assert (outcome.facts["bins"], outcome.facts["bins_in_all"]) == (8, 10)
    told = json.loads((tmp_path / "lc" / "lightcurves.json").read_text())["bands"][0]
    assert (told["counts"], told["background_counts"]) == (source[kept].sum(), back[kept].sum())
    assert told["rate"] == pytest.approx(float(data["RATE"].mean()))
    assert (tmp_path / "lc" / "lightcurves.png").read_bytes().startswith(b"\x89PNG")


def test_keywords_of_ogip(tmp_path: Path) -> None:
    path = tabled(nustar_file(), tmp_path / "e")
    band = [{"name": "3-79 keV", "lo": 3.0, "hi": 79.0}]
    curves(path, tmp_path / "lc", bands=band, regions={"s": SOURCE}, region="s")
    data, header, _ = rates(tmp_path / "lc" / "3-79_keV.lc")
    assert list(data.dtype.names) == ["TIME", "RATE", "ERROR", "FRACEXP", "COUNTS"]
    expected = {
        "HDUCLASS": "OGIP",
        "HDUCLAS1": "LIGHTCURVE",
        "HDUCLAS2": "TOTAL",
        "HDUCLAS3": "RATE",
        "TIMVERSN": "OGIP/93-003",
        "TELESCOP": "NuSTAR",
        "INSTRUME": "FPMA",
        "OBS_ID": "99900000001",
        "OBJECT": "Test source",
        "TIMESYS": "TT",
        "MJDREFI": 55197,
        "MJDREFF": 7.6601852e-4,
        "TIMEUNIT": "s",
        "TIMEZERO": 0.0,
        "TIMEDEL": 100.0,
        "TIMEPIXR": 0.5,
        "TSTART": T0,
        "TSTOP": T0 + 1000,
        "ONTIME": 800.0,
        "EXPOSURE": 800.0,
        "BACKAPP": False,
        "DEADAPP": False,
        "CHANTYPE": "PI",
        "CHANMIN": 35,
        "CHANMAX": 1934,
        "E_MIN": 3.0,
        "E_MAX": 79.0,
        "E_UNIT": "keV",
        "TUNIT1": "s",
        "TUNIT2": "count/s",
    }
    assert {key: header[key] for key in expected} == expected


@pytest.mark.filterwarnings("ignore")  # of another package's own matters
def test_stingray_reads_what_is_written(tmp_path: Path) -> None:
    stingray = pytest.importorskip("stingray")
    curves(tabled(nustar_file(), tmp_path / "e"), tmp_path / "lc")
    data, header, _ = rates(tmp_path / "lc" / "full.lc")
    read = stingray.Lightcurve.read(str(tmp_path / "lc" / "full.lc"), fmt="ogip")
    assert np.array_equal(read.time, data["TIME"]) and read.dt == 100 and read.mjdref == pytest.approx(55197.000766)
    assert read.countrate == pytest.approx(data["RATE"]) and read.counts_err == pytest.approx(100 * data["ERROR"])
    assert np.array_equal(read.gti, GTIS) and header["BANDNAME"] == "full"


@pytest.mark.filterwarnings("ignore")  # of another package's own matters
@pytest.mark.parametrize("gti_cards", [{}, {"MJDREFI": 55197, "MJDREFF": 7.6601852e-4, "TIMEZERO": 2.5}])
def test_a_list_with_timezero_gives_the_curve_that_stingray_sees(gti_cards: dict[str, Any], tmp_path: Path) -> None:
    stingray = pytest.importorskip("stingray")
    curves(tabled(nustar_file(), tmp_path / "plain"), tmp_path / "a")
    file = nustar_file()
    file.cards["TIMEZERO"], file.gti_cards = 2.5, gti_cards
    screened = tabled(file, tmp_path / "e")
    curves(screened, tmp_path / "b")
    plain, read = (stingray.Lightcurve.read(str(tmp_path / each / "full.lc"), fmt="ogip") for each in "ab")
    assert np.array_equal(read.time, plain.time + 2.5) and np.array_equal(read.countrate, plain.countrate)
    assert np.array_equal(read.gti, plain.gti + 2.5)
    # their reading of the list itself has TIMEZERO in the times of the events, though not in the good times
    theirs = stingray.EventList.read(str(tmp_path / "e" / "list.evt"), fmt="hea").time
    good = inside(theirs.astype(float), read.gti)
    data, header, _ = rates(tmp_path / "b" / "full.lc")
    assert (header["TIMEZERO"], header["TSTART"]) == (0, T0 + 2.5)
    counts = [np.count_nonzero(np.abs(theirs[good] - at) <= 50) for at in read.time]
    assert sum(counts) == EventTable.open(screened).rows and np.array_equal(counts, data["COUNTS"])


def test_the_cut_in_fracexp_is_strict(tmp_path: Path) -> None:
    path = tabled(nustar_file(), tmp_path / "e")
    for least, bins in ((0.0, 3), (0.5, 1), (0.49, 3), (0.99, 1)):
        curves(path, tmp_path / f"{least}", dt=400.0, min_fracexp=least)
        data, header, _ = rates(tmp_path / f"{least}" / "full.lc")
        assert len(data) == bins and np.all(data["FRACEXP"] > least) and header["MINFREXP"] == least
    with pytest.raises(FileError, match=r"has no bin of 900 s that is exposed by more than 0.9: at most 0.7778 is"):
        curves(path, tmp_path / "none", dt=900.0, min_fracexp=0.9)


def test_without_correction_rates_are_per_second_of_the_bin(tmp_path: Path) -> None:
    path = tabled(nustar_file(), tmp_path / "e")
    curves(path, tmp_path / "a", dt=300.0, corrections=[])
    curves(path, tmp_path / "b", dt=300.0)
    raw, header, _ = rates(tmp_path / "a" / "full.lc")
    corrected, _, _ = rates(tmp_path / "b" / "full.lc")
    assert raw["RATE"] == pytest.approx(raw["COUNTS"] / 300) and header["GTICORR"] is False
    assert corrected["RATE"] == pytest.approx(corrected["COUNTS"] / (300 * corrected["FRACEXP"]))
    assert raw["FRACEXP"].tolist() == corrected["FRACEXP"].tolist() == pytest.approx([1, 1 / 3, 1, 1 / 3])


def test_live_time_of_housekeeping(tmp_path: Path) -> None:
    path = tabled(nustar_file(), tmp_path / "e")
    time = T0 + np.arange(-5.0, 1005.0)
    live = 0.5 + 0.4 * np.sin(time / 70)
    save_livetime(tmp_path / "livetime.npz", LiveTime(time, live))
    curves(path, tmp_path / "lc", {"livetime": tmp_path / "livetime.npz"}, dt=300.0, corrections=["gti", "livetime"])
    data, header, _ = rates(tmp_path / "lc" / "full.lc")
    good = inside(time, GTIS)
    for row in data:
        here = good & (time >= row["TIME"] - 150) & (time < row["TIME"] + 150)
        assert row["RATE"] == pytest.approx(row["COUNTS"] / live[here].sum())
        assert row["FRACEXP"] == pytest.approx(np.count_nonzero(here) / 300)
    assert header["DEADAPP"] is True and header["EXPOSURE"] == pytest.approx(live[good].sum())
    other = LiveTime(time + 1e6, live)
    save_livetime(tmp_path / "other.npz", other)
    with pytest.raises(FileError, match=r"other.npz: there is no live time for the GTIs"):
        curves(path, tmp_path / "x", {"livetime": tmp_path / "other.npz"}, corrections=["livetime"])


def test_live_time_of_the_header(tmp_path: Path) -> None:
    path = tabled(nustar_file(), tmp_path / "e")
    outcome = curves(path, tmp_path / "lc", corrections=["gti", "livetime"])
    data, header, _ = rates(tmp_path / "lc" / "full.lc")
    assert data["RATE"] == pytest.approx(data["COUNTS"] / 90) and header["EXPOSURE"] == pytest.approx(720)
    assert outcome.notes == ("live time: the mean of the observation (DEADC 0.9), for lack of housekeeping",)


def test_ccds_count_by_their_share_of_the_events(tmp_path: Path) -> None:
    file = xmm_file(6000)
    path = tabled(file, tmp_path / "e")
    table = EventTable.open(path)
    band = [{"name": "all", "lo": 0.0, "hi": 12.0}]
    outcome = curves(path, tmp_path / "lc", bands=band, corrections=["gti", "livetime"], **XMM)
    data, _, gti = rates(tmp_path / "lc" / "all.lc")
    share = np.bincount(table.columns["det"])[1:] / table.rows
    assert outcome.facts["detectors"] == {"1": share[0], "2": share[1]}
    exposed = {1: np.array([100] * 4 + [100] * 4), 2: np.array([100] * 3 + [0] * 5)}
    good = share[0] * exposed[1] + share[1] * exposed[2]
    live = share[0] * exposed[1] * 780 / 800 + share[1] * exposed[2] * 291 / 300
    assert data["FRACEXP"] == pytest.approx(good / 100)
    assert data["RATE"] == pytest.approx(data["COUNTS"] / live)
    assert np.array_equal(np.column_stack([gti["START"], gti["STOP"]]), GTIS)


def test_a_bin_without_background_exposure_is_left_out(tmp_path: Path) -> None:
    file = xmm_file(6000)
    # the background lies on CCD 2, which observed the first 300 s alone
    second = file.columns["CCDNR"] == 2
    file.columns["X"][:], file.columns["Y"][:] = np.where(second, 700, 300), np.where(second, 700, 300)
    path = tabled(file, tmp_path / "e")
    regions = {"s": circle(300, 300, 50), "b": circle(700, 700, 50)}
    outcome = curves(
        path,
        tmp_path / "lc",
        bands=[{"name": "all", "lo": 0.0, "hi": 12.0}],
        regions=regions,
        region="s",
        background="b",
        **XMM,
    )
    data, _, _ = rates(tmp_path / "lc" / "all.lc")
    assert data["TIME"].tolist() == [T0 + 50, T0 + 150, T0 + 250]
    assert "5 bins left out: the background has no exposure in them" in outcome.notes


def test_bands_of_a_scheme(tmp_path: Path) -> None:
    path = tabled(nustar_file(), tmp_path / "e")
    scheme = tmp_path / "bands.json"
    found = [{"name": "eq.1", "lo": 3.0, "hi": 20.0, "channels": [35, 459]}, {"name": "eq.2", "lo": 20.0, "hi": 79.0}]
    scheme.write_text(json.dumps({"bands": found}))
    curves(path, tmp_path / "lc", {"bands/eq": scheme}, bands=[*FULL, {"scheme": "eq", "most": 3}])
    assert sorted(each.name for each in (tmp_path / "lc").iterdir()) == [
        "eq.1.lc",
        "eq.2.lc",
        "full.lc",
        "lightcurves.json",
        "lightcurves.png",
    ]
    data, header, _ = rates(tmp_path / "lc" / "eq.2.lc")
    pi = EventTable.open(path).columns["pi"]
    assert (header["CHANMIN"], header["CHANMAX"]) == (460, 1934)
    assert data["COUNTS"].sum() == np.count_nonzero((pi >= 460) & (pi <= 1934))
    with pytest.raises(StepError, match="the bands of eq are not there"):
        curves(path, tmp_path / "x", bands=[{"scheme": "eq", "most": 3}])
    with pytest.raises(FileError, match="holds 2 bands, at most 1 were planned"):
        curves(path, tmp_path / "x", {"bands/eq": scheme}, bands=[{"scheme": "eq", "most": 1}])
    scheme.write_text("{}")
    with pytest.raises(FileError, match="holds no bands"):
        curves(path, tmp_path / "x", {"bands/eq": scheme}, bands=[{"scheme": "eq", "most": 1}])


def test_many_bands_are_not_all_drawn(tmp_path: Path) -> None:
    path = tabled(nustar_file(), tmp_path / "e")
    bands = [{"name": f"b{number}", "lo": 3.0 + number, "hi": 4.0 + number} for number in range(12)]
    curves(path, tmp_path / "lc", bands=bands)
    assert len(list((tmp_path / "lc").glob("*.lc"))) == 12 and (tmp_path / "lc" / "lightcurves.png").stat().st_size


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"corrections": ["area"]}, "the correction 'area' of light curves is not known"),
        ({"dt": 0.0}, "the bins of the light curve make no sense"),
        ({"bands": []}, "no band is asked for"),
        ({"bands": [{"name": "x", "lo": 200.0, "hi": 300.0}]}, "the band 'x' cannot be used: .* holds no PI"),
        ({"region": "s"}, "there is no region 's'"),
        ({"instrument": "IBIS"}, "the PI channels of nustar IBIS are not known"),
    ],
)
def test_what_makes_no_sense_is_refused(params: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(StepError, match=words):
        curves(tabled(nustar_file(), tmp_path / "e"), tmp_path / "lc", **params)


def test_positions_that_are_no_whole_pixels(tmp_path: Path) -> None:
    file = nustar_file(2000)
    regions = {"s": SOURCE, "b": BACKGROUND}
    curves(tabled(file, tmp_path / "a"), tmp_path / "c", regions=regions, region="s", background="b")
    file.nulls = {}
    for name in "XY":
        file.columns[name] = file.columns[name].astype(np.float32)
    curves(tabled(file, tmp_path / "b"), tmp_path / "d", regions=regions, region="s", background="b")
    assert (tmp_path / "c" / "full.lc").read_bytes() == (tmp_path / "d" / "full.lc").read_bytes()


def test_without_a_region_all_the_field_counts(tmp_path: Path) -> None:
    path = tabled(nustar_file(2000), tmp_path / "e")
    outcome = curves(path, tmp_path / "lc", regions={"b": BACKGROUND}, background="b", figure=False)
    assert outcome.facts["background_scale"] == 1e6 / pixels(BACKGROUND)
    assert outcome.facts["counts"] == EventTable.open(path).rows
    assert not (tmp_path / "lc" / "lightcurves.png").exists()


def test_a_region_off_the_field_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"^the region 's' selects no pixel of the field"):
        curves(tabled(nustar_file(), tmp_path / "e"), tmp_path / "lc", regions={"s": circle(5000, 5000, 9)}, region="s")


def test_equal_input_gives_equal_bytes_whatever_the_order(tmp_path: Path) -> None:
    file = nustar_file(3000)
    first = tabled(file, tmp_path / "a")
    order = np.random.default_rng(4).permutation(3000)
    file.columns = {name: values[order] for name, values in file.columns.items()}
    second = tabled(file, tmp_path / "b")
    for table, out in ((first, "c"), (second, "d")):
        curves(table, tmp_path / out, regions={"s": SOURCE, "b": BACKGROUND}, region="s", background="b")
    for name in ("full.lc", "lightcurves.json", "lightcurves.png"):
        assert (tmp_path / "c" / name).read_bytes() == (tmp_path / "d" / name).read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tabled(nustar_file(3000), tmp_path_factory.mktemp("whole"))


@settings(max_examples=8)
@given(
    cuts=st.lists(st.integers(1, 4094), min_size=1, max_size=4, unique=True),
    split=st.integers(20, 980),
    dt=st.sampled_from([37.0, 100.0, 333.3]),
)
def test_bands_and_times_add_up_to_the_whole(
    whole: Path, cuts: list[int], split: int, dt: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = tmp_path_factory.mktemp("law")
    ends = [0, *sorted(cuts), 4096]
    parts = [
        {"name": f"p{number}", "lo": 1.6 + 0.04 * lo, "hi": 1.6 + 0.04 * hi}
        for number, (lo, hi) in enumerate(itertools.pairwise(ends))
    ]
    params: dict[str, Any] = {"dt": dt, "regions": {"s": SOURCE}, "region": "s", "start": T0}
    curves(whole, out / "all", bands=[*FULL, *parts], **params)
    total, _, _ = rates(out / "all" / "full.lc")
    by_band = [rates(out / "all" / f"p{number}.lc")[0]["COUNTS"] for number in range(len(parts))]
    assert np.array_equal(np.sum(by_band, axis=0), total["COUNTS"])
    table = EventTable.open(whole)
    assert total["COUNTS"].sum() == np.count_nonzero(in_circle(table, SOURCE))
    early = np.array([[T0 - 10, T0 + split]])
    sums = dict.fromkeys(total["TIME"], (0, 0.0))
    for name, gti in (("early", early), ("late", complement(early, T0, T0 + 2000))):
        selected = write_gtis(out / f"{name}.gti", gti, {"MJDREFI": 55197, "MJDREFF": 7.6601852e-4})
        curves(whole, out / name, {"gti": selected}, **params)
        data, _, kept = rates(out / name / "full.lc")
        held = in_circle(table, SOURCE) & inside(table.columns["time"], gti)
        assert data["COUNTS"].sum() == np.count_nonzero(held)
        assert np.all(kept["START"] >= gti[0, 0]) and np.all(kept["STOP"] <= gti[-1, 1])
        for row in data:
            counts, exposed = sums[row["TIME"]]
            sums[row["TIME"]] = (counts + row["COUNTS"], exposed + row["FRACEXP"])
    assert [counts for counts, _ in sums.values()] == total["COUNTS"].tolist()
    assert [exposed for _, exposed in sums.values()] == pytest.approx(total["FRACEXP"].tolist())


@pytest.mark.real_data
@pytest.mark.parametrize("module", ["A", "B"])
def test_live_time_follows_that_of_nulccorr(module: str, real_data: Path) -> None:
    folder = real_data / "nustar/80415201001/event_cl"
    rows = read_housekeeping(folder / f"nu80415201001{module}_fpm.hk.gz")
    with fits.open(folder / f"nu80415201001{module}06_chu2_S_cl_grade0_sr.lc") as file:
        data, header = file["RATE"].data, file["RATE"].header
        gti = np.column_stack([file["GTI"].data[name].astype(float) for name in ("START", "STOP")])
        theirs = data["RATE_ORIG"].astype(float) / data["RATE"]
        start = data["TIME"] + header["TIMEZERO"] - 5
        fracexp, exposure = data["FRACEXP"], header["EXPOSURE"]
    edges = start[0] + 10.0 * np.arange(round((start[-1] - start[0]) / 10) + 2)
    there = np.rint((start - start[0]) / 10).astype(int)
    good = overlap(edges, gti)[there]
    live = live_seconds_bins(edges, gti, rows.time, rows.live, rows.step)[there]
    assert good / 10 == pytest.approx(fracexp, abs=1e-6)
    # theirs holds the part of the light that falls in the region too, which moves with the pointing alone
    part = theirs * good / live
    assert part.std() / part.mean() < 0.01 < 0.3 < np.ptp(live / good) / (live / good).min()
    assert live.sum() == pytest.approx(exposure, rel=2e-3)
