"""Images of event tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from tests.ogip.eventfiles import T0, EventFile, nustar_file, write_gtis, write_housekeeping, xmm_file
from tests.tasks.extract_bench import NUSTAR_REGIONS, Bench
from xbatch.base.errors import FileError, StepError
from xbatch.ogip.eventtable import EventTable
from xbatch.ogip.pha import read_pha
from xbatch.registry import Job, Outcome
from xbatch.tasks import events
from xbatch.tasks.image import run
from xbatch.xray.region_masks import Field, mask
from xbatch.xray.regions import Circle

NUSTAR = {"mission": "nustar", "instrument": "FPMA", "obsid": "99900000001", "name": "sky"}
XMM = {"mission": "xmm", "instrument": "EMOS1", "obsid": "0999000001", "name": "sky"}
FULL = {"name": "3-79 keV", "lo": 3.0, "hi": 79.0}


def screened(file: EventFile, folder: Path, **screening: Any) -> Path:
    """Screen a list; give the table."""
    folder.mkdir(parents=True, exist_ok=True)
    path = file.write(folder / "list.evt")
    events.run(Job("events:x", {"screening": screening}, {"events": path}, folder))
    return folder / "events.bin"


def images(table: Path, out: Path, inputs: Mapping[str, Path] | None = None, **params: Any) -> Outcome:
    out.mkdir(parents=True, exist_ok=True)
    given = {**NUSTAR, "bands": [FULL], **params}
    return run(Job("image:x/sky", given, {"events": table, **(inputs or {})}, out))


def counts(path: Path) -> Any:
    return fits.getdata(path)


def test_an_image_holds_the_events_of_its_band(tmp_path: Path) -> None:
    table = screened(nustar_file(5000), tmp_path / "events")
    bands = [FULL, {"name": "3-10 keV", "lo": 3.0, "hi": 10.0}, {"name": "10-79 keV", "lo": 10.0, "hi": 79.0}]
    outcome = images(table, tmp_path / "out", bands=bands)
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["10-79_keV.img", "3-10_keV.img", "3-79_keV.img", "images.json", "images.png"]
    opened = EventTable.open(table)
    pi, x, y = (opened.columns[name] for name in ("pi", "x", "y"))
    held = (pi >= 35) & (pi < 210)
    expected = np.zeros((1000, 1000), int)
    np.add.at(expected, (y[held] - 1, x[held] - 1), 1)
    soft, hard, full = (counts(tmp_path / "out" / name) for name in ("3-10_keV.img", "10-79_keV.img", "3-79_keV.img"))
    assert np.array_equal(soft, expected)
    assert np.array_equal(full, soft + hard)  # bands that touch share no event and lose none
    assert soft.dtype.newbyteorder("=") == np.int32
    header = fits.getheader(tmp_path / "out" / "3-10_keV.img")
    told = {key: header[key] for key in ("BAND", "E_MIN", "E_MAX", "PI_MIN", "PI_MAX", "OBS_ID", "INSTRUME", "BUNIT")}
    assert list(told.values()) == ["3-10 keV", 3.0, 10.0, 35, 209, "99900000001", "FPMA", "count"]
    assert (header["ONTIME"], header["EXPOSURE"]) == (800.0, 720.0)
    assert [band["counts"] for band in outcome.facts["bands"]] == [full.sum(), soft.sum(), hard.sum()]
    facts = json.loads((tmp_path / "out" / "images.json").read_text())
    assert facts["bands"][1]["pi"] == [35, 209] and facts["bin"] == 1 and facts["notes"] == []
    assert outcome.notes == ()


def test_equal_tables_give_equal_bytes(tmp_path: Path) -> None:
    table = screened(nustar_file(), tmp_path / "events")
    for name in "ab":
        images(table, tmp_path / name, bin=10)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


@pytest.mark.parametrize("width", [1, 3, 8])
def test_what_no_whole_bin_holds_is_counted_and_said(tmp_path: Path, width: int) -> None:
    table = screened(nustar_file(5000), tmp_path / "events")
    outcome = images(table, tmp_path / "out", bin=width)
    (band,) = outcome.facts["bands"]
    image = counts(tmp_path / "out" / "3-79_keV.img")
    assert image.shape == (1000 // width, 1000 // width) and image.sum() == band["counts"]
    opened = EventTable.open(table)
    pi = opened.columns["pi"]
    assert band["counts"] + band["outside"] == np.count_nonzero((pi >= 35) & (pi < 1935))
    said = [note for note in outcome.notes if "outside the image" in note]
    assert bool(said) == bool(band["outside"])


def test_the_bin_of_a_mission(tmp_path: Path) -> None:
    table = screened(xmm_file(), tmp_path / "events")
    band = {"name": "soft", "lo": 0.5, "hi": 2.0}
    outcome = images(table, tmp_path / "out", **XMM, bands=[band])
    assert outcome.facts["bin"] == 80 and outcome.facts["shape"] == [648, 648]
    # of the CCD with most events
    assert (outcome.facts["ontime"], outcome.facts["exposure"]) == (800.0, 780.0)


def test_a_grid_may_be_laid_anywhere(tmp_path: Path) -> None:
    table = screened(nustar_file(5000), tmp_path / "events")
    images(table, tmp_path / "a")
    images(table, tmp_path / "b", origin=[101, 201], size=[300, 200])
    whole, part = (counts(tmp_path / name / "3-79_keV.img") for name in "ab")
    assert np.array_equal(whole[200:400, 100:400], part)


def test_the_exposure_is_that_of_the_spectra(tmp_path: Path) -> None:
    time = np.arange(T0, T0 + 1000)
    hk = write_housekeeping(tmp_path / "a.hk", time, 0.5 + 0.4 * np.sin(time) ** 2)
    bench = Bench(tmp_path, nustar_file(), livetime=hk)
    gti = write_gtis(tmp_path / "some.gti", [(T0 + 100.25, T0 + 200)])
    for number, inputs in enumerate(({}, {"gti": gti})):
        spectrum = read_pha(bench.extract(NUSTAR_REGIONS, **inputs)[1] / "agn.pha")
        outcome = images(bench.inputs["events"], tmp_path / f"{number}", {**bench.inputs, **inputs})
        header = fits.getheader(tmp_path / f"{number}" / "3-79_keV.img")
        assert header["EXPOSURE"] == header["LIVETIME"] == outcome.facts["exposure"] == spectrum.exposure
        assert header["ONTIME"] == (800.0, 99.75)[number] and 0.65 < spectrum.exposure / header["ONTIME"] < 0.75


def test_a_time_selection(tmp_path: Path) -> None:
    table = screened(nustar_file(), tmp_path / "events")
    gti = write_gtis(tmp_path / "some.gti", [(T0 + 100, T0 + 200)])
    outcome = images(table, tmp_path / "out", {"gti": gti}, bands=[{"name": "all", "lo": 1.6, "hi": 165.44}])
    time = EventTable.open(table).columns["time"]
    assert counts(tmp_path / "out" / "all.img").sum() == np.count_nonzero((time >= T0 + 100) & (time < T0 + 200))
    assert (outcome.facts["ontime"], outcome.facts["exposure"]) == (100.0, pytest.approx(90.0))
    assert fits.getdata(tmp_path / "out" / "all.img", "GTI")["START"].tolist() == [T0 + 100]
    other = write_gtis(tmp_path / "other.gti", [(T0 + 5000, T0 + 6000)])
    with pytest.raises(FileError, match=r"other\.gti: selects no good time of the events"):
        images(table, tmp_path / "no", {"gti": other})
    elsewhen = write_gtis(tmp_path / "elsewhen.gti", [(T0, T0 + 10)], {"MJDREFI": 50814, "MJDREFF": 0.0})
    with pytest.raises(FileError, match="counts its seconds from MJD 50814"):
        images(table, tmp_path / "no", {"gti": elsewhen})


def test_detector_coordinates(tmp_path: Path) -> None:
    file = nustar_file()
    rng = np.random.default_rng(4)
    for name in ("DET1X", "DET1Y"):
        file.columns[name] = rng.integers(1, 361, 500).astype(np.int16)
    file.columns["DET1X"][:5] = -1
    number = {name: place for place, name in enumerate(file.columns, 1)}
    for name in ("DET1X", "DET1Y"):
        file.cards |= {f"TLMIN{number[name]}": 1, f"TLMAX{number[name]}": 360}
    table = screened(file, tmp_path / "events", keep=["DET1X", "DET1Y"])
    images(table, tmp_path / "out", frame="det", bands=[{"name": "all", "lo": 1.6, "hi": 165.44}])
    image = counts(tmp_path / "out" / "all.img")
    opened = EventTable.open(table)
    x, y = (opened.columns[name] for name in ("det1x", "det1y"))
    expected = np.zeros((360, 360), int)
    there = x > 0
    np.add.at(expected, (y[there] - 1, x[there] - 1), 1)
    assert np.array_equal(image, expected)
    sky = exposure_map(tmp_path / "map.fits", np.ones((500, 500)), 2)
    with pytest.raises(FileError, match="is a map of the sky, the image is of DET1X and DET1Y"):
        images(table, tmp_path / "map", {"expmap": sky}, frame="det")
    with pytest.raises(FileError, match="detector coordinates were not kept"):
        images(screened(nustar_file(), tmp_path / "bare"), tmp_path / "no", frame="det")


def exposure_map(path: Path, data: Any, width: int) -> Path:
    head = fits.Header()
    for number, (name, value) in enumerate((("RA---TAN", 321.938), ("DEC--TAN", 56.944)), 1):
        head[f"CTYPE{number}"], head[f"CRVAL{number}"] = name, value
        head[f"CRPIX{number}"] = 0.5 + 500.0 / width
        head[f"CDELT{number}"] = 6.828076e-4 * width * (-1) ** number
    fits.PrimaryHDU(np.asarray(data, np.float32), head).writeto(path, overwrite=True)
    return path


def test_rates_where_there_was_exposure(tmp_path: Path) -> None:
    table = screened(nustar_file(5000), tmp_path / "events")
    exposures = np.full((500, 500), 700.0)
    exposures[:, :250] = 0.0
    path = exposure_map(tmp_path / "map.fits", exposures, 2)
    outcome = images(table, tmp_path / "out", {"expmap": path}, bin=10)
    image, rate = (counts(tmp_path / "out" / f"3-79_keV{part}.img") for part in ("", ".rate"))
    assert np.isnan(rate[:, :50]).all()
    assert np.allclose(rate[:, 50:], image[:, 50:] / 700.0, rtol=1e-6)
    assert fits.getheader(tmp_path / "out" / "3-79_keV.rate.img")["BUNIT"] == "count/s"
    lost = int(image[:, :50].sum())
    assert outcome.facts["bands"][0]["unexposed_counts"] == lost
    assert outcome.notes == (f"events where the map has no exposure, not in the rate images: {lost} of 3-79 keV",)


def test_a_map_of_more_time_than_the_events_is_told_of(tmp_path: Path) -> None:
    table = screened(nustar_file(), tmp_path / "events")
    path = exposure_map(tmp_path / "map.fits", np.full((500, 500), 720.0), 2)
    gti = write_gtis(tmp_path / "some.gti", [(T0 + 100, T0 + 200)])
    assert not images(table, tmp_path / "all", {"expmap": path}, bin=10).notes
    outcome = images(table, tmp_path / "some", {"expmap": path, "gti": gti}, bin=10)
    assert outcome.notes[-1].startswith("the exposure map reaches 720 s and the events are of 100 s: rates are too low")


def test_a_map_must_cover_the_events(tmp_path: Path) -> None:
    table = screened(nustar_file(5000), tmp_path / "events")
    path = exposure_map(tmp_path / "map.fits", np.ones((400, 500)), 2)
    with pytest.raises(FileError, match=r"map\.fits: does not cover the image: \d+ events"):
        images(table, tmp_path / "out", {"expmap": path}, bin=10)
    with pytest.raises(FileError, match="covers no pixel of the image"):
        images(table, tmp_path / "out", {"expmap": exposure_map(path, np.ones((2, 2)), 2)}, origin=[900, 900], bin=50)


def test_bands_of_a_scheme(tmp_path: Path) -> None:
    table = screened(nustar_file(), tmp_path / "events")
    path = tmp_path / "bands.json"
    path.write_text(json.dumps({"bands": [{"name": "b.1", "lo": 3.0, "hi": 9.0, "channels": [35, 184]}]}))
    outcome = images(table, tmp_path / "out", {"bands/b": path}, bands=[FULL, {"scheme": "b", "most": 4}])
    assert [band["name"] for band in outcome.facts["bands"]] == ["3-79 keV", "b.1"]
    assert (tmp_path / "out" / "b.1.img").is_file()
    path.write_text("{}")
    with pytest.raises(FileError, match="holds no bands"):
        images(table, tmp_path / "no", {"bands/b": path}, bands=[{"scheme": "b", "most": 4}])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"bands": []}, "no band is asked for"),
        ({"bands": [FULL, {**FULL, "lo": 4.0}]}, "two bands are called '3-79 keV'"),
        ({"bands": [{"name": "x", "lo": 200.0, "hi": 300.0}]}, "the band 'x' cannot be used"),
        ({"bin": 0}, "an image's bin is 0"),
        ({"bin": 1.5}, "an image's bin is 1.5"),
        ({"bin": 2000}, "a bin of 2000 leaves no pixel between X 1 and 1000"),
        ({"frame": "raw"}, "an image's frame is 'raw'"),
        ({"origin": [1]}, r"an image's origin is \[1\]"),
        ({"size": [0, 4]}, r"an image's size is \[0, 4\]"),
        ({"size": [100000, 100000]}, "is too large"),
    ],
)
def test_what_makes_no_image_is_refused(tmp_path: Path, params: dict[str, Any], message: str) -> None:
    table = screened(nustar_file(), tmp_path / "events")
    with pytest.raises(StepError, match=message):
        images(table, tmp_path / "out", **params)


def test_a_list_without_positions(tmp_path: Path) -> None:
    file = nustar_file()
    file.nulls = {}
    for name in ("X", "Y"):
        del file.columns[name]
    with pytest.raises(FileError, match="the list has no X and Y"):
        images(screened(file, tmp_path / "events"), tmp_path / "out")


# ---- against what the missions' tools make ----------------------------------------------------------------------

LISTS = {
    "synth_cl.evt": ("reference/extractor/synth_cl.evt.gz", NUSTAR),
    "mos1_exp1_clean_evts.fits": ("data/xmm/0201903501/mos1_exp1_clean_evts.fits.gz", XMM),
    "mos2_exp1_clean_evts.fits": ("data/xmm/0201903501/mos2_exp1_clean_evts.fits.gz", XMM),
}
Screened = Callable[[str], Path]


@pytest.fixture(scope="module")
def real_table(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Screened:
    """Screens a list once for all tests."""
    done: dict[str, Path] = {}

    def table(name: str) -> Path:
        if name not in done:
            out = tmp_path_factory.mktemp("events")
            events.run(Job("events:x", {}, {"events": reference.parent / LISTS[name][0]}, out))
            done[name] = out / "events.bin"
        return done[name]

    return table


def pi_band(first: int, last: int, params: Mapping[str, str]) -> dict[str, Any]:
    """Give the band of a range of PI, both ends in it."""
    zero, step = (1.6, 0.04) if params["mission"] == "nustar" else (0.0, 0.001)
    return {"name": "band", "lo": zero + first * step, "hi": zero + (last + 1) * step}


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("camera", "band", "pi", "total"),
    [
        ("mos1", "0.50-2.00", (500, 2000), 14035),
        ("mos1", "2.00-10.00", (2000, 10000), 11357),
        ("mos2", "0.50-2.00", (500, 2000), 14777),
        ("mos2", "2.00-10.00", (2000, 10000), 11522),
    ],
)
def test_evselect_images_come_out_pixel_for_pixel(
    camera: str, band: str, pi: tuple[int, int], total: int, real_data: Path, real_table: Screened, tmp_path: Path
) -> None:
    name = f"{camera}_exp1_clean_evts.fits"
    images(real_table(name), tmp_path, **XMM, bands=[pi_band(*pi, XMM)], bin=87, origin=[3649, 3649], size=[512, 512])
    ours, header = counts(tmp_path / "band.img"), fits.getheader(tmp_path / "band.img")
    with fits.open(real_data / f"xmm/0201903501/images/0201903501_{camera}_exp1-{band}keVimg.fits.gz") as file:
        theirs, head = file[0].data, file[0].header
    assert np.array_equal(ours, theirs) and ours.sum() == total
    for key in ("CRPIX1", "CRPIX2", "CRVAL1", "CRVAL2", "CDELT1", "CDELT2", "LTM1_1", "LTM2_2", "LTV1", "LTV2"):
        assert header[key] == pytest.approx(head[key], rel=1e-12, abs=0)
    assert all(header[key] == head[key] for key in ("CTYPE1", "CTYPE2", "EQUINOX", "OBS_ID"))
    assert header["RADESYS"] == head["RADECSYS"]


@pytest.mark.real_data
@pytest.mark.parametrize("case", ["img-bin2", "img-bin3", "img-bin4", "img-bin8", "mos1-pi-img", "mos2-pi-img"])
def test_extractor_images_come_out_pixel_for_pixel(
    case: str, reference: Path, real_table: Screened, tmp_path: Path
) -> None:
    folder = reference / "extractor" / "cases" / case
    asked = json.loads((folder / "params.json").read_text())["parameters"]
    name, _, choice = asked["filename"].partition("[PI=")
    first, last = (int(end) for end in choice.rstrip("]").split(":"))
    params = LISTS[name][1]
    images(real_table(name), tmp_path, **{**params, "bands": [pi_band(first, last, params)], "bin": asked["binf"]})
    with fits.open(folder / "out.img.gz") as file:
        theirs, head = file[0].data, file[0].header
    ours, header = counts(tmp_path / "band.img"), fits.getheader(tmp_path / "band.img")
    assert np.array_equal(ours, theirs) and ours.sum() == json.loads((folder / "summary.json").read_text())["image_sum"]
    for key in ("CRPIX1", "CRPIX2", "CDELT1", "CDELT2", "LTV1", "LTV2"):
        assert header[key] == pytest.approx(head[key], rel=1e-6)


@pytest.mark.real_data
def test_a_part_of_the_field_as_the_extractor_has_it(reference: Path, real_table: Screened, tmp_path: Path) -> None:
    """With ``fullimage=no`` the tool's image is the region's bounding box, and holds the region's events alone."""
    folder = reference / "extractor" / "cases" / "img-notfull"
    band = [{"name": "all", "lo": 1.6, "hi": 165.44}]
    images(real_table("synth_cl.evt"), tmp_path, bands=band, origin=[440, 440], size=[121, 121])
    drawn = mask([Circle(500.0, 500.0, 60.0)], Field(440, 560, 440, 560))
    with fits.open(folder / "out.img.gz") as file:
        assert np.array_equal(np.where(drawn, counts(tmp_path / "all.img"), 0), file[0].data)
        assert file[0].data.sum() == 24299
        header = fits.getheader(tmp_path / "all.img")
        assert [header[key] for key in ("LTV1", "CRPIX1")] == [file[0].header[key] for key in ("LTV1", "CRPIX1")]


@pytest.mark.real_data
def test_rates_of_a_real_exposure_map(real_data: Path, real_table: Screened, tmp_path: Path) -> None:
    path = real_data / "xmm/0201903501/images/0201903501_mos1_exp1-0.50-2.00keVexpmap.fits.gz"
    grid = {"bin": 87, "origin": [3649, 3649], "size": [512, 512]}
    table = real_table("mos1_exp1_clean_evts.fits")
    images(table, tmp_path, {"expmap": path}, **XMM, bands=[pi_band(500, 2000, XMM)], **grid)
    exposure, image = counts(path), counts(tmp_path / "band.img")
    rate = counts(tmp_path / "band.rate.img")
    assert np.array_equal(np.isnan(rate), exposure <= 0)
    assert np.allclose(rate[exposure > 0], (image / np.where(exposure > 0, exposure, 1))[exposure > 0], rtol=1e-6)
