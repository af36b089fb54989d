"""Tests of simulated NuSTAR observations: what is in the archive's folders, and that it is what truth.json says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from xbatch.base.errors import StepError
from xbatch.ogip.events import open_events
from xbatch.ogip.gtifile import read_gti_tables
from xbatch.ogip.imagefile import read_image
from xbatch.ogip.response import read_response
from xbatch.registry import Job
from xbatch.simulator import simulate_config
from xbatch.simulator.bench import bench_list
from xbatch.simulator.config import Background, ListOptions, Observation, SimulationConfig, Sky, Term, Variability
from xbatch.simulator.small import small_config
from xbatch.tasks.events import run
from xbatch.xray.gti import inside, total
from xbatch.xray.livetime import live_seconds

OBSID = "99900000001"


def _config(**changes: Any) -> SimulationConfig:
    config = small_config(
        products="events",
        observations=(Observation(OBSID, "2019-01-10T04:20:09", {"FPMA": 6000.0, "FPMB": 5900.0}),),
        background=Background(0.5, ((3.0, 3.0), (20.0, 1.0), (79.0, 0.5))),
        sky=Sky(neighbour=(-150.0, 120.0)),
        variability=Variability(amplitude=0.3, rms=0.2),
        lists=ListOptions(columns="few"),
    )
    return replace(config, **changes)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tree")
    simulate_config(_config(lists=ListOptions()), out)
    return out


@pytest.fixture(scope="module")
def truth(tree: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((tree / "truth.json").read_text())
    return told


def _list(tree: Path, letter: str = "A") -> Path:
    return tree / OBSID / "event_cl" / f"nu{OBSID}{letter}01_cl.evt"


def test_the_tree_is_the_archives(tree: Path) -> None:
    names = {path.relative_to(tree / OBSID).as_posix() for path in (tree / OBSID).rglob("*") if path.is_file()}
    beside = {
        f"{folder}nu{OBSID}{letter}{end}"
        for letter in "AB"
        for folder, end in (
            ("event_cl/", "01_cl.evt"),
            ("event_cl/", "01_gti.fits"),
            ("event_cl/", "_bp.fits"),
            ("event_cl/", "_det1.fits"),
            ("event_cl/", "_oa.fits"),
            ("hk/", "_fpm.hk"),
            ("nominal/", ".rmf"),
            ("nominal/", ".arf"),
            ("nominal/", "_ex.img"),
        )
    }
    assert names == beside | {f"auxil/nu{OBSID}_att.fits"}
    for name in names:
        with fits.open(tree / OBSID / name) as hdus:
            hdus.verify("exception")


def test_a_list_has_the_columns_and_extensions_of_cleaned_ones(tree: Path) -> None:
    with fits.open(_list(tree)) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "EVENTS", "GTI", *["BADPIX"] * 4]
        events = hdus["EVENTS"]
        assert len(events.columns) == 39 and events.header["NAXIS1"] == 286
        limits = {
            name: [events.header.get(f"{key}{number}") for key in ("TLMIN", "TLMAX", "TNULL")]
            for number, name in enumerate(events.columns.names, 1)
        }
        assert limits["X"] == limits["Y"] == [1, 1000, -1]
        assert (
            limits["PI"] == [0, 4095, -4095] and limits["DET1X"] == [1, 360, -4095] and limits["GRADE"][:2] == [0, 32]
        )
        data = events.data
        assert np.all(np.diff(data["TIME"]) > 0)
        for name, (low, high, _) in limits.items():
            if low is not None:
                assert data[name].min() >= low and data[name].max() <= high
        assert set(np.unique(data["DET_ID"])) == {0, 1, 2, 3} and data["GRADE"].max() <= 26
        assert data["RAWX"].max() == 31 and data["PRIOR"].min() > 0
        assert data["TRIGGERS"][:, 4].all() and np.array_equal(data["HWTRIG"], data["TRIGGERS"].sum(axis=1))


def test_status_passes_the_usual_screening(tree: Path, tmp_path: Path) -> None:
    screening = {"grade": [0, 26], "status": "b0000x00xx0xx0000"}
    facts = run(Job("events", {"screening": screening}, {"events": _list(tree)}, tmp_path)).facts
    assert facts["kept"] == facts["events"] and facts["was_in_order"]


@pytest.mark.parametrize("letter", ["A", "B"])
def test_the_exposure_is_the_live_time_of_housekeeping_in_the_gtis(tree: Path, letter: str) -> None:
    header = fits.getheader(_list(tree, letter), "EVENTS")
    rows = fits.getdata(tree / OBSID / "hk" / f"nu{OBSID}{letter}_fpm.hk", "HK1FPM")
    gti = read_gti_tables(_list(tree, letter))[0].gti
    live = live_seconds(gti, rows["TIME"].astype(float), rows["LIVETIME"].astype(float))
    assert header["EXPOSURE"] == header["LIVETIME"] == pytest.approx(live, rel=1e-12)
    assert header["ONTIME"] == pytest.approx(total(gti)) == pytest.approx({"A": 6000, "B": 5900}[letter])
    assert header["DEADC"] == pytest.approx(header["LIVETIME"] / header["ONTIME"])
    assert 0.9 < header["DEADC"] < 1
    # each event costs 2.5 ms, and the events of the list are among those that housekeeping counted
    triggers = rows["NEV"].astype(float)
    full = rows["LIVETIME"] > 0
    assert np.all(np.abs(1 - rows["LIVETIME"] - 0.0025 * triggers)[full] <= 0.0025 + 1e-9)
    times = fits.getdata(_list(tree, letter), "EVENTS")["TIME"]
    seconds = np.bincount((times - rows["TIME"][0]).astype(int), minlength=len(rows))
    assert np.all(seconds <= rows["NACCEPT"])
    assert inside(times, gti).all()


def test_xbatch_reads_the_list_without_notes(tree: Path, tmp_path: Path) -> None:
    events = open_events(_list(tree), tmp_path)
    assert events.notes == () and events.header.mission == "nustar" and events.header.instrument == "FPMA"
    assert len(events.gti) >= 2 and events.header.wcs is not None


def test_counts_are_those_expected(tree: Path, truth: dict[str, Any]) -> None:
    for told in truth["lists"]:
        data = fits.getdata(tree / told["files"][0], "EVENTS")
        assert sum(told["counts"].values()) == len(data)
        mean = told["background"]["expected"]
        assert abs(told["counts"]["background"] - mean) < 5 * np.sqrt(mean)
        energy = 1.6 + 0.04 * data["PI"] + 1e-9
        for region, place in zip(told["regions"], told["positions"], strict=True):
            near = np.hypot(data["X"] - place["x"], data["Y"] - place["y"]) * 2.45811 < region["radius"]
            for number in range(3):
                parts = [expected[number] for expected in region["expected"].values()]
                mean = sum(part["expected"] for part in parts)
                band = (energy >= parts[0]["lo"]) & (energy < parts[0]["hi"])
                assert abs((near & band).sum() - mean) < 5 * np.sqrt(mean) + 0.01 * mean


def test_the_source_is_where_truth_says(tree: Path, truth: dict[str, Any]) -> None:
    place = truth["lists"][0]["positions"][0]
    header = fits.getheader(_list(tree), "EVENTS")
    wcs = WCS(naxis=2)
    wcs.wcs.crpix = [header["TCRPX38"], header["TCRPX39"]]
    wcs.wcs.crval = [header["TCRVL38"], header["TCRVL39"]]
    wcs.wcs.cdelt = [header["TCDLT38"], header["TCDLT39"]]
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    x, y = wcs.wcs_world2pix(place["ra"], place["dec"], 1)
    assert (float(x), float(y)) == pytest.approx((place["x"], place["y"]), abs=1e-6)
    data = fits.getdata(_list(tree), "EVENTS")
    near = np.hypot(data["X"] - place["x"], data["Y"] - place["y"]) < 15
    assert data["X"][near].mean() == pytest.approx(place["x"], abs=0.5)
    assert data["Y"][near].mean() == pytest.approx(place["y"], abs=0.5)


def test_detectors_have_their_gap_and_their_pixels(tree: Path) -> None:
    data = fits.getdata(_list(tree), "EVENTS")
    assert not np.any((np.abs(data["DET1X"] - 180.5) < 2) | (np.abs(data["DET1Y"] - 180.5) < 2))
    right, upper = data["DET1X"] > 180, data["DET1Y"] > 180
    quadrant = np.where(upper, np.where(right, 0, 1), np.where(right, 3, 2))
    assert np.array_equal(quadrant, data["DET_ID"])
    bad = {(int(pixel["RAWX"]), int(pixel["RAWY"])) for pixel in fits.getdata(_list(tree), ("BADPIX", 1))}
    hit = {(int(x), int(y)) for x, y in zip(data["RAWX"][quadrant == 0], data["RAWY"][quadrant == 0], strict=True)}
    assert bad and not bad & hit


def test_det1_and_sky_agree_through_the_aspect(tree: Path) -> None:
    data = fits.getdata(_list(tree), "EVENTS")
    point = fits.getdata(tree / OBSID / "event_cl" / f"nu{OBSID}A_det1.fits", 1)
    x = np.interp(data["TIME"], point["TIME"], point["X_DET1"])
    y = np.interp(data["TIME"], point["TIME"], point["Y_DET1"])
    angle = np.radians(fits.getheader(_list(tree), 1)["PA_PNT"])
    dx, dy = data["X"] - 500.5, data["Y"] - 500.5
    assert np.abs(x - np.cos(angle) * dx - np.sin(angle) * dy - data["DET1X"]).max() < 1.3
    assert np.abs(y - np.sin(angle) * dx + np.cos(angle) * dy - data["DET1Y"]).max() < 1.3


def test_the_nominal_area_holds_the_share_in_the_circle(tree: Path, truth: dict[str, Any]) -> None:
    from xbatch.simulator.instrument import effective_area

    stem = tree / OBSID / "nominal" / f"nu{OBSID}A"
    response = read_response(stem.with_suffix(".rmf"), stem.with_suffix(".arf"))
    area = effective_area(0.5 * (response.energ_lo + response.energ_hi))
    share = truth["lists"][0]["regions"][0]["share"]
    assert 0.5 < share < 0.68
    assert response.specresp == pytest.approx(area * share, rel=1e-6)


def test_the_exposure_map_is_where_the_events_are(tree: Path, truth: dict[str, Any]) -> None:
    told = truth["lists"][0]
    image = read_image(tree / OBSID / "nominal" / f"nu{OBSID}A_ex.img")
    assert image.data.shape == (1000, 1000) and image.data.max() == pytest.approx(told["livetime"], rel=1e-6)
    data = fits.getdata(_list(tree), "EVENTS")
    exposed = image.data[data["Y"] - 1, data["X"] - 1]
    assert np.mean(exposed > 0) > 0.9995
    # the background per second is as even on the sky as it is on the detectors: events there follow the map
    centre, count = image.data > 0.99 * told["livetime"], np.zeros(image.data.shape)
    np.add.at(count, (data["Y"] - 1, data["X"] - 1), 1)
    half = (image.data > 0) & (image.data < 0.6 * told["livetime"])
    rate = {name: count[where].sum() / image.data[where].sum() for name, where in (("edge", half), ("all", ~centre))}
    assert 0.6 < rate["edge"] / rate["all"] < 1.4


def test_curves_are_told(truth: dict[str, Any]) -> None:
    curve = truth["lists"][0]["curve"]
    assert curve["step"] == 100 and 0.3 < min(curve["values"]) < 1 < max(curve["values"]) < 3
    assert truth["lists"][0]["rates"]["neighbour"] == pytest.approx(0.1 * truth["lists"][0]["rates"]["source"])


def test_equal_seeds_give_equal_bytes(tmp_path: Path) -> None:
    short = (Observation(OBSID, "2019-01-10T04:20:09", {"FPMA": 1000.0}),)
    config = _config(lists=ListOptions(gzip=True), observations=short)
    first, second, other = (
        {path.relative_to(folder): path.read_bytes() for path in simulate_config(replace(config, seed=seed), folder)}
        for folder, seed in ((tmp_path / "a", 1), (tmp_path / "b", 1), (tmp_path / "c", 2))
    )
    assert first == second
    name = Path(OBSID) / "event_cl" / f"nu{OBSID}A01_cl.evt.gz"
    assert first[name] != other[name]


def test_a_module_left_out_leaves_the_other_as_it_is(tmp_path: Path) -> None:
    config = _config(observations=(Observation(OBSID, "2019-01-10T04:20:09", {"FPMA": 1000.0, "FPMB": 1000.0}),))
    simulate_config(config, tmp_path / "a")
    alone = (replace(config.observations[0], exposure={"FPMB": 1000.0}),)
    simulate_config(replace(config, observations=alone), tmp_path / "b")
    assert _list(tmp_path / "a", "B").read_bytes() == _list(tmp_path / "b", "B").read_bytes()


def test_blocks_do_not_depend_on_one_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # a long list is drawn in many blocks: their seams must not show
    monkeypatch.setattr("xbatch.simulator.draw.blocks.__defaults__", (500,))
    simulate_config(_config(), tmp_path)
    times = fits.getdata(_list(tmp_path), "EVENTS")["TIME"]
    assert times.size > 3000 and np.all(np.diff(times) > 0)
    told = json.loads((tmp_path / "truth.json").read_text())["lists"][0]
    mean = told["background"]["expected"]
    assert abs(told["counts"]["background"] - mean) < 5 * np.sqrt(mean)


def test_a_number_of_events_can_be_asked_for(tmp_path: Path) -> None:
    simulate_config(_config(lists=ListOptions(events=40_000, columns="few")), tmp_path)
    data = fits.getdata(_list(tmp_path), "EVENTS")
    assert len(data.columns) == 18
    assert len(data) == pytest.approx(40_000, rel=0.03)


def test_more_than_the_dead_time_lets_through_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="lets no more than 400 through"):
        simulate_config(_config(lists=ListOptions(events=1e7)), tmp_path)


def test_rows_can_be_out_of_order(tmp_path: Path) -> None:
    simulate_config(_config(lists=ListOptions(columns="few", unsorted=0.05)), tmp_path / "a")
    simulate_config(_config(), tmp_path / "b")
    mixed, sorted_times = (fits.getdata(_list(tmp_path / name), "EVENTS")["TIME"] for name in "ab")
    assert np.any(np.diff(mixed) < 0)
    assert np.array_equal(np.sort(mixed), sorted_times)


def test_the_brightness_varies_about_its_mean(tmp_path: Path) -> None:
    strong = Variability(amplitude=0.8, period=1500.0)
    simulate_config(_config(variability=strong, sky=Sky()), tmp_path)
    told = json.loads((tmp_path / "truth.json").read_text())["lists"][0]
    assert told["brightness"] == pytest.approx(1, abs=0.02) and "neighbour" not in told["counts"]
    data = fits.getdata(_list(tmp_path), "EVENTS")
    place = told["positions"][0]
    near = np.hypot(data["X"] - place["x"], data["Y"] - place["y"]) < 25
    start = fits.getheader(_list(tmp_path), 1)["TSTART"]
    # those near the crest of the sine against those near its trough, in good time
    phase = ((data["TIME"][near] - start - 0.5) % 1500.0) / 1500.0
    assert (phase < 0.5).sum() > 2 * (phase >= 0.5).sum()


@pytest.mark.parametrize("columns", ["few", "all"])
def test_a_list_to_measure_speed_with(columns: str, tmp_path: Path) -> None:
    bench_list(tmp_path / "a.evt", 150_000, 3, columns)
    bench_list(tmp_path / "b.evt", 150_000, 3, columns)
    assert (tmp_path / "a.evt").read_bytes() == (tmp_path / "b.evt").read_bytes()
    events = open_events(tmp_path / "a.evt", tmp_path)
    assert events.rows == 150_000 and events.notes == ()
    times = np.concatenate([chunk["TIME"] for chunk in events.chunks(["TIME"])])
    assert np.all(np.diff(times) >= 0) and inside(times, events.gti).all()
    assert events.table.width == {"few": 56, "all": 286}[columns]


@pytest.mark.parametrize("instrument", ["FPMA", "EMOS1"])
def test_events_of_nothing_cannot_be_asked_for(instrument: str, tmp_path: Path) -> None:
    dark = _config(
        model=(Term("powerlaw", {"PhoIndex": 2.0, "norm": 0.0}),),
        background=Background(0.0, ((3.0, 1.0),)),
        observations=(Observation(OBSID, "2019-01-10T04:20:09", {instrument: 100.0}),),
        calibration={"FPMA": 1.0, "EMOS1": 1.0},
    )
    simulate_config(dark, tmp_path)
    told = json.loads((tmp_path / "truth.json").read_text())["lists"][0]
    assert set(told["counts"].values()) == {0}
    with pytest.raises(StepError, match="neither source nor background"):
        simulate_config(replace(dark, lists=ListOptions(events=100)), tmp_path)
