"""Tests of simulated EPIC event lists."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from xbatch.ogip.events import open_events
from xbatch.ogip.imagefile import read_image
from xbatch.ogip.response import read_response
from xbatch.registry import Job
from xbatch.simulator import simulate_config
from xbatch.simulator.camera import CAMERAS, make_epic_response
from xbatch.simulator.config import Background, Flares, ListOptions, Observation, SimulationConfig, Sky
from xbatch.simulator.small import small_config
from xbatch.tasks.events import run
from xbatch.xray.gti import inside, total

OBSID = "0999900001"
NAMES = {"EMOS1": "M1S001MIEVLI", "EMOS2": "M2S002MIEVLI", "EPN": "PNS003PIEVLI"}
SCREENING = {
    "EMOS1": {"flag": "#XMMEA_EM", "pattern": [0, 12]},
    "EMOS2": {"flag": "#XMMEA_EM", "pattern": [0, 12]},
    "EPN": {"flag": "#XMMEA_EP", "pattern": [0, 4]},
}


def _config(**changes: Any) -> SimulationConfig:
    config = small_config(
        products="events",
        observations=(Observation(OBSID, "2010-05-03T02:00:00", {"EMOS1": 3000.0, "EMOS2": 3000.0, "EPN": 2500.0}),),
        background=Background(2.0, ((0.3, 3.0), (2.0, 1.0), (10.0, 0.3))),
        calibration={"EMOS1": 1.0, "EMOS2": 1.1, "EPN": 1.0},
        flares=Flares(1),
        sky=Sky(offset=(40.0, 30.0), neighbour=(-150.0, 120.0), neighbour_scale=0.3),
        lists=ListOptions(radius=30.0),
    )
    return replace(config, **changes)


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("lists")
    simulate_config(_config(), out)
    return out


def _path(out: Path, instrument: str) -> Path:
    return out / OBSID / f"P{OBSID}{NAMES[instrument]}0000.FIT"


@pytest.mark.parametrize(("instrument", "ccds", "columns"), [("EMOS1", 7, 12), ("EMOS2", 7, 12), ("EPN", 12, 14)])
def test_lists_are_as_the_chains_write_them(lists: Path, instrument: str, ccds: int, columns: int) -> None:
    with fits.open(_path(lists, instrument)) as hdus:
        hdus.verify("exception")
        numbers = [f"{ccd:02d}" for ccd in range(1, ccds + 1)]
        assert [hdu.name for hdu in hdus[2:]] == [
            *(f"{name}{number}" for number in numbers for name in ("EXPOSU", "BADPIX")),
            *(f"STDGTI{number}" for number in numbers),
        ]
        header, data = hdus["EVENTS"].header, hdus["EVENTS"].data
        assert len(hdus["EVENTS"].columns) == columns and header["EXPIDSTR"] == NAMES[instrument][2:6]
        assert header["TCDLT7"] == pytest.approx(0.05 / 3600) and header["MJDREF"] == 50814.0
        for number in numbers:
            gti = np.column_stack([hdus[f"STDGTI{number}"].data[side] for side in ("START", "STOP")])
            frames = hdus[f"EXPOSU{number}"].data
            live = (frames["TIMEDEL"].astype(float) * frames["FRACEXP"]).sum()
            assert header[f"ONTIME{number}"] == pytest.approx(total(gti), abs=1e-6)
            assert header[f"LIVETI{number}"] == pytest.approx(live, rel=1e-5)
            mine = data["CCDNR"] == int(number)
            assert mine.any() and inside(data["TIME"][mine], gti).all()
        for number, name in enumerate(hdus["EVENTS"].columns.names, 1):
            if f"TLMIN{number}" in header:
                assert header[f"TLMIN{number}"] <= data[name].min() and data[name].max() <= header[f"TLMAX{number}"]
        assert np.all(np.diff(data["TIME"]) >= 0)


@pytest.mark.parametrize("instrument", NAMES)
def test_screening_leaves_the_counts_expected(lists: Path, instrument: str, tmp_path: Path) -> None:
    told = next(one for one in _truth(lists) if one["instrument"] == instrument)
    events = open_events(_path(lists, instrument), tmp_path)
    assert events.notes == ()
    out = tmp_path / "out"
    out.mkdir()
    facts = run(Job("events", {"screening": SCREENING[instrument]}, {"events": _path(lists, instrument)}, out)).facts
    assert facts["dropped"][f"PATTERN not in 0 to {SCREENING[instrument]['pattern'][1]}"] == told["counts"]["tracks"]
    assert facts["exposure"] == pytest.approx(told["livetime"])
    data = fits.getdata(_path(lists, instrument), 1)
    flares = fits.getheader(_path(lists, instrument), 1)
    assert flares["ONTIME"] == told["ontime"]
    for region, place in zip(told["regions"], told["positions"], strict=True):
        near = np.hypot(data["X"] - place["x"], data["Y"] - place["y"]) * 0.05 < region["radius"]
        near &= data["PATTERN"] <= 12
        # what flares add in so small a circle: their share of the field
        more = told["counts"]["flares"] * (region["radius"] / 900.0) ** 2
        for number in range(3):
            parts = [expected[number] for expected in region["expected"].values()]
            mean = sum(part["expected"] for part in parts)
            band = (data["PI"] >= 1000 * parts[0]["lo"]) & (data["PI"] < 1000 * parts[0]["hi"])
            assert (
                -5 * np.sqrt(mean) - 0.01 * mean < (near & band).sum() - mean < 5 * np.sqrt(mean) + 0.01 * mean + more
            )


def _truth(lists: Path) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads((lists / "truth.json").read_text())["lists"]
    return told


def test_flares_stand_out_at_high_energy(lists: Path) -> None:
    data = fits.getdata(_path(lists, "EMOS1"), 1)
    high = data["TIME"][(data["PI"] >= 10_000) & (data["PI"] < 12_000) & (data["PATTERN"] == 0)]
    counts, _ = np.histogram(high, np.arange(high.min(), high.max(), 100.0))
    assert counts.max() > 10 * max(np.median(counts), 1)


def test_flags_say_what_is_wrong(lists: Path) -> None:
    data = fits.getdata(_path(lists, "EMOS1"), 1)
    outside = np.hypot(data["DETX"].astype(float), data["DETY"]) > 18_000
    assert np.mean(((data["FLAG"] & 0x10000) != 0) == outside) > 0.999 and outside.any()
    assert np.array_equal((data["FLAG"] & 0x80000) != 0, data["PATTERN"] > 12)


def test_equal_seeds_give_equal_bytes(tmp_path: Path) -> None:
    first, second = (
        {path.relative_to(folder): path.read_bytes() for path in simulate_config(_config(), folder)}
        for folder in (tmp_path / "a", tmp_path / "b")
    )
    assert first == second


def test_a_number_of_events_can_be_asked_for(tmp_path: Path) -> None:
    lists = ListOptions(events=30_000, gzip=True, unsorted=0.1)
    only = (Observation(OBSID, "2010-05-03T02:00:00", {"EMOS2": 3000.0}),)
    simulate_config(_config(observations=only, flares=Flares(), lists=lists), tmp_path)
    data = fits.getdata(_path(tmp_path, "EMOS2").with_name(f"P{OBSID}{NAMES['EMOS2']}0000.FIT.gz"), 1)
    assert len(data) == pytest.approx(30_000, rel=0.05)
    assert np.any(np.diff(data["TIME"]) < 0)


@given(st.sampled_from(sorted(CAMERAS)), st.data())
def test_places_on_ccds_are_found_again(name: str, data: st.DataObject) -> None:
    camera = CAMERAS[name]
    ccd = data.draw(st.integers(0, len(camera.ccds) - 1))
    column = data.draw(st.integers(1, camera.size[0]))
    row = data.draw(st.integers(1, camera.size[1]))
    x, y = camera.place(np.array([ccd]), np.array([column - 0.5]), np.array([row - 0.5]))
    assert [int(each[0]) for each in camera.pixel_at(x, y)] == [ccd, column, row]


@pytest.mark.parametrize("instrument", NAMES)
def test_the_exposure_map_is_where_the_events_are(lists: Path, instrument: str) -> None:
    told = next(one for one in _truth(lists) if one["instrument"] == instrument)
    image = read_image(lists / OBSID / "nominal" / f"{instrument}_ex.img")
    assert image.data.shape == (648, 648)
    assert image.data.max() == pytest.approx(max(told["livetime_by_ccd"].values()), rel=1e-6)
    data = fits.getdata(_path(lists, instrument), 1)
    inner = (data["FLAG"] & 0x10000) == 0
    exposed = image.data[(data["Y"][inner] - 1) // 80, (data["X"][inner] - 1) // 80]
    assert np.mean(exposed > 0) > 0.999


@pytest.mark.parametrize("instrument", ["EMOS1", "EPN"])
def test_the_nominal_responses_read_back(lists: Path, instrument: str) -> None:
    stem = lists / OBSID / "nominal" / instrument
    response = read_response(stem.with_suffix(".rmf"), stem.with_suffix(".arf"))
    true = make_epic_response(CAMERAS[instrument])
    share = next(one for one in _truth(lists) if one["instrument"] == instrument)["regions"][0]["share"]
    assert response.notes == () and response.channel[0] == 0 and response.channel.size == true.channel.size
    assert response.specresp == pytest.approx(true.specresp * share, rel=1e-6)
    assert response.e_max[-1] == pytest.approx({"EMOS1": 12.0, "EPN": 20.48}[instrument])
