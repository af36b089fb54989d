"""Screened event lists, their spectra, images and light curves against HEASoft's extractor and SAS's evselect."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from numpy.typing import NDArray

from xbatch.ogip.events import open_events
from xbatch.ogip.eventtable import EventTable
from xbatch.registry import Job
from xbatch.tasks.events import run
from xbatch.xray.gti import from_bins, total
from xbatch.xray.histograms import Axis, binned_axis, image_counts, spectrum_counts
from xbatch.xray.lightcurve import light_curve

pytestmark = pytest.mark.real_data

LISTS = {
    "synth_cl.evt": "reference/extractor/synth_cl.evt.gz",
    "nu30101031002A01_cl.evt": "data/nustar/30101031002/nu30101031002A01_cl.evt",
    "mos1_exp1_clean_evts.fits": "data/xmm/0201903501/mos1_exp1_clean_evts.fits.gz",
    "mos2_exp1_clean_evts.fits": "data/xmm/0201903501/mos2_exp1_clean_evts.fits.gz",
}
SPECTRA = [
    "pi-35-1909",
    "pi-single",
    "specbin-4",
    "specbin-10",
    "user-gti-1",
    "user-gti-2",
    "wmap-binh8",
    "whole",
    "nu-circle",
    "nu-grade0",
    "nu-pi",
    "mos1-specbin15",
    "mos2-circle",
    "mos2-specbin15",
]
CURVES = [
    "lc-10-th0",
    "lc-100-nozero",
    "lc-100-start",
    "lc-100-th0.5",
    "lc-100-th1",
    "lc-1000-th0",
    "lc-256-pi",
    "lc-333-th0",
    "lc-512-th0.5",
    "lc-512-th1",
    "lc-64-th0",
    "lc-whole-0.5",
    "nu-circle",
    "nu-pi",
    "user-gti-1",
    "user-gti-2",
]
IMAGES = ["img-bin2", "img-bin3", "img-bin4", "img-bin8", "mos1-pi-img", "mos2-pi-img"]

Screened = Callable[..., EventTable]


@pytest.fixture(scope="module")
def screened(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Screened:
    """Screens a list once for all tests: by its name, with an extra file of GTIs."""
    done: dict[tuple[str, str], EventTable] = {}

    def table(name: str, gti: str = "NONE") -> EventTable:
        if (name, gti) not in done:
            out = tmp_path_factory.mktemp("events")
            inputs = {"events": reference.parent / LISTS[name]}
            if gti != "NONE":
                inputs["gti"] = reference / "extractor" / gti
            run(Job("events:x", {}, inputs, out))
            done[name, gti] = EventTable.open(out / "events.bin")
        return done[name, gti]

    return table


def chosen(table: EventTable, case: Path, filename: str) -> NDArray[np.bool_]:
    """Which events the region, the range of PI and the grade of a case keep."""
    keep = np.ones(table.rows, np.bool_)
    region = case / "region.reg"
    if region.exists():
        name, numbers = re.findall(r"(circle|ellipse)\(([^)]*)\)", region.read_text())[-1]
        values = [float(number) for number in numbers.split(",")]
        x, y = (table.columns[axis].astype(float) - centre for axis, centre in zip("xy", values, strict=False))
        turn = np.radians(values[4]) if name == "ellipse" else 0.0
        a, b = (values[2], values[3]) if name == "ellipse" else (values[2], values[2])
        u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
        keep &= (u / a) ** 2 + (v / b) ** 2 <= 1.0 + 1e-12
    match = re.search(r"PI=(\d+):(\d+)", filename)
    if match:
        keep &= (table.columns["pi"] >= int(match[1])) & (table.columns["pi"] <= int(match[2]))
    return keep


def case_of(reference: Path, name: str) -> tuple[Path, dict[str, Any]]:
    case = reference / "extractor" / "cases" / name
    return case, json.loads((case / "params.json").read_text())["parameters"]


def opened(case: Path, name: str) -> Any:
    return fits.open(case / name, memmap=False)


@pytest.mark.parametrize("name", SPECTRA)
def test_spectra_channel_by_channel(name: str, reference: Path, screened: Screened) -> None:
    case, params = case_of(reference, name)
    filename = params["filename"].split("[")[0]
    table = screened(filename, params["timefile"])
    keep = chosen(table, case, params["filename"])
    if params["gstring"] != "NONE":
        keep &= table.columns["grade"] == int(params["gstring"])
    pi = table.columns["pi"][keep]
    with opened(case, "out.pha.gz") as file:
        theirs, header = file["SPECTRUM"].data["COUNTS"].astype(int), file["SPECTRUM"].header
    match = re.search(r"PI=(\d+):(\d+)", params["filename"])
    limits = table.header.columns["PI"][2:]
    assert limits[0] is not None and limits[1] is not None
    first, last = (int(match[1]), int(match[2])) if match else (int(limits[0]), int(limits[1]))
    width = params["specbin"]
    if width == 1:
        assert np.array_equal(spectrum_counts(pi, first, last), theirs)
    else:
        # the tool's first bin is half as wide; ours are all whole, and no event is lost
        ours = spectrum_counts(pi, first, last, width)
        assert ours.sum() == np.count_nonzero(keep) and len(ours) == -(-(last - first + 1) // width)
        shifted = spectrum_counts(pi, first - width // 2, last, width)[: len(theirs)]
        assert np.array_equal(shifted, theirs)
    # the extractor takes the time of the central detector, of XMM-Newton CCD 1
    detector = 1 if table.info.detector_gtis else None
    assert total(table.gti_of(detector)) == pytest.approx(header["ONTIME"], rel=1e-9)
    assert table.exposure(detector) == pytest.approx(header["EXPOSURE"], rel=1e-7)


@pytest.mark.parametrize("name", CURVES)
def test_light_curves_bin_by_bin(name: str, reference: Path, screened: Screened) -> None:
    case, params = case_of(reference, name)
    table = screened(params["filename"].split("[")[0], params["timefile"])
    times = table.columns["time"][chosen(table, case, params["filename"])]
    start = params["lcstart"] if params["lcstart"] > 0 else None
    curve = light_curve(times, table.gti, params["binlc"], start).above(0.0)
    with opened(case, "out.lc.gz") as file:
        theirs, header = file["RATE"].data, file["RATE"].header
    # theirs are kept from the threshold on, in single precision, ours only above it
    kept = curve.fracexp.astype(np.float32) >= np.float32(params["lcthresh"])
    assert np.count_nonzero(kept) == len(theirs)
    if params["lctzero"] == "yes":
        assert np.allclose(curve.time[kept], theirs["TIME"] + header["TIMEZERO"], rtol=0, atol=2e-7)
    width = params["binlc"]
    counts = np.rint(theirs["RATE"].astype(float) * theirs["FRACEXP"].astype(float) * width).astype(int)
    assert np.array_equal(curve.counts[kept], counts)
    assert np.allclose(curve.fracexp[kept], theirs["FRACEXP"], rtol=1e-6, atol=0)
    assert np.allclose(curve.rate[kept], theirs["RATE"], rtol=1e-6, atol=0)
    assert np.allclose(curve.error[kept], theirs["ERROR"], rtol=1e-6, atol=0)
    detector = None
    assert table.exposure(detector) == pytest.approx(header["EXPOSURE"], rel=1e-7)


def test_a_late_start_does_not_draw_in_earlier_events(reference: Path, screened: Screened) -> None:
    case, params = case_of(reference, "lc-100-start-late")
    table = screened("synth_cl.evt")
    times = table.columns["time"][chosen(table, case, params["filename"])]
    curve = light_curve(times, table.gti, 100.0, params["lcstart"]).above(0.0)
    with opened(case, "out.lc.gz") as file:
        theirs = file["RATE"].data
    counts = np.rint(theirs["RATE"].astype(float) * theirs["FRACEXP"].astype(float) * 100).astype(int)
    assert np.array_equal(curve.counts[1:], counts[1:])
    first = np.count_nonzero((times >= params["lcstart"]) & (times < params["lcstart"] + 100))
    assert curve.counts[0] == first < counts[0]


def test_a_threshold_is_strict(reference: Path, screened: Screened) -> None:
    case, _params = case_of(reference, "lc-100-th1")
    table = screened("synth_cl.evt")
    curve = light_curve(table.columns["time"], table.gti, 100.0)
    assert len(curve.above(1.0).counts) == 0
    assert len(curve.above(1.0 - 1e-12).counts) == json.loads((case / "summary.json").read_text())["n_bins"]


@pytest.mark.parametrize("name", IMAGES)
def test_images_pixel_by_pixel(name: str, reference: Path, screened: Screened) -> None:
    case, params = case_of(reference, name)
    table = screened(params["filename"].split("[")[0])
    keep = chosen(table, case, params["filename"])
    wcs = table.header.wcs
    assert wcs is not None and wcs.size is not None
    x_axis, y_axis = (binned_axis(*limits, params["binf"]) for limits in wcs.size)
    image = image_counts(table.columns["x"][keep], table.columns["y"][keep], x_axis, y_axis)
    with opened(case, "out.img.gz") as file:
        theirs = file[0].data
    assert image.shape == theirs.shape and np.array_equal(image, theirs)
    assert image.sum() == json.loads((case / "summary.json").read_text())["image_sum"]


@pytest.mark.parametrize(
    ("camera", "band", "pi", "counts"),
    [
        ("mos1", "0.50-2.00", (500, 2000), 14035),
        ("mos1", "2.00-10.00", (2000, 10000), 11357),
        ("mos2", "0.50-2.00", (500, 2000), 14777),
        ("mos2", "2.00-10.00", (2000, 10000), 11522),
    ],
)
def test_evselect_images_pixel_by_pixel(
    camera: str, band: str, pi: tuple[int, int], counts: int, real_data: Path, screened: Screened
) -> None:
    table = screened(f"{camera}_exp1_clean_evts.fits")
    keep = (table.columns["pi"] >= pi[0]) & (table.columns["pi"] <= pi[1])
    with fits.open(real_data / f"xmm/0201903501/images/0201903501_{camera}_exp1-{band}keVimg.fits.gz") as file:
        header, theirs = file[0].header, file[0].data
        axes = [Axis(header[f"LTM{n}_{n}"], header[f"LTV{n}"], header[f"NAXIS{n}"]) for n in (1, 2)]
        image = image_counts(table.columns["x"][keep], table.columns["y"][keep], *axes)
        assert np.array_equal(image, theirs) and image.sum() == counts


def test_gtis_of_a_rate_curve_are_those_of_tabgtigen(real_data: Path) -> None:
    with fits.open(real_data / "xmm/0124710801/PN_rate.fits") as file:
        rate = np.array(file["RATE"].data["RATE"], float)
        time = np.array(file["RATE"].data["TIME"], float)
        width = file["RATE"].header["TIMEDEL"]
    with fits.open(real_data / "xmm/0124710801/PN_gti.fits") as file:
        theirs = np.column_stack([file["STDGTI"].data["START"], file["STDGTI"].data["STOP"]])
    gti = from_bins(time, rate, width, lambda values: values <= 0.5)
    assert np.array_equal(gti, theirs) and total(gti) == pytest.approx(21700.0, abs=1e-6)


def test_gtis_sum_to_ontime(real_data: Path, tmp_path: Path) -> None:
    events = open_events(real_data / "nustar/30101031002/nu30101031002A01_cl.evt", tmp_path)
    assert total(events.gti) == pytest.approx(41072.5755, abs=1e-4) and len(events.gti) == 190
    assert total(events.gti) == pytest.approx(events.header.ontime, rel=1e-12)
    with fits.open(real_data / "nustar/90402339002/nu90402339002A01_sr.pha") as file:
        gti = np.column_stack([file["GTI"].data["START"], file["GTI"].data["STOP"]])
    assert total(gti) == pytest.approx(42714.630, abs=1e-3)


def test_mos_lists_have_gtis_by_ccd(real_data: Path, tmp_path: Path) -> None:
    events = open_events(real_data / "xmm/0201903501/mos1_exp1_clean_evts.fits.gz", tmp_path)
    assert sorted(events.detector_gtis) == [1, 2, 3, 4, 5, 6, 7]
    assert events.gti_names[:2] == ("GTI00006", "GTI00106")
    for number, gti in events.detector_gtis.items():
        assert total(gti) == pytest.approx(events.header.detector_ontime[number], rel=1e-12)


@pytest.mark.parametrize("camera", ["mos1", "mos2"])
def test_mos_lists_keep_all_events_and_are_sorted(camera: str, real_data: Path, tmp_path: Path) -> None:
    path = real_data / f"xmm/0201903501/{camera}_exp1_clean_evts.fits.gz"
    params = {"screening": {"pattern": [0, 12], "flag": "#XMMEA_EM", "keep": ["FLAG"]}}
    outcome = run(Job("events:x", params, {"events": path}, tmp_path))
    assert outcome.facts["kept"] == outcome.facts["events"] == {"mos1": 31607, "mos2": 32339}[camera]
    assert outcome.notes == ("the list was not in order of time: it has been sorted",)
    table = EventTable.open(tmp_path / "events.bin")
    with fits.open(path) as file:
        data = file["EVENTS"].data
        order = np.argsort(data["TIME"], kind="stable")
        names = {"time": "TIME", "x": "X", "y": "Y", "pi": "PI", "grade": "PATTERN", "det": "CCDNR", "flag": "FLAG"}
        for ours, theirs in names.items():
            assert np.array_equal(table.columns[ours], data[theirs][order])
