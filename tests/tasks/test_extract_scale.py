"""Tests of what extracted counts are divided by: EXPOSURE and BACKSCAL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from numpy.typing import NDArray

from tests.ogip.eventfiles import GTIS, T0, EventFile, nustar_file, write_gtis, write_housekeeping
from tests.tasks.extract_bench import (
    MOS,
    MOS_REGIONS,
    NUSTAR_REGIONS,
    Bench,
    circle,
    disc,
    entry_of,
    mos_bench,
    mos_file,
)
from xbatch.base.errors import StepError
from xbatch.ogip.fitswriter import Card, write_fits
from xbatch.ogip.pha import read_pha
from xbatch.xray.gti import inside, intersection, total


@pytest.fixture
def nustar(tmp_path: Path) -> Bench:
    return Bench(tmp_path, nustar_file(5000))


@pytest.fixture
def mos(tmp_path: Path) -> Bench:
    return mos_bench(tmp_path)


def test_backscal_is_the_part_of_the_field(nustar: Bench) -> None:
    _, out = nustar.extract(NUSTAR_REGIONS, [{"name": "s", "region": "small", "background": "src"}])
    pixels = disc(200.5)
    assert entry_of(out)["pixels"] == pixels and read_pha(out / "s.pha").backscal[0] == pixels / 1e6
    cards = {read_pha(out / name).header["XB_BSCAL"] for name in ("s.pha", "s.bak.pha")}
    assert cards == {"pixels inside / pixels of the field"}


def test_a_region_without_area_is_refused_by_name(nustar: Bench) -> None:
    with pytest.raises(StepError, match=r"^the region 'bkg' selects no pixel of the field"):
        nustar.extract({**NUSTAR_REGIONS, "bkg": circle(5000, 500, 20)})
    outcome, _ = nustar.extract({**NUSTAR_REGIONS, "bkg": circle(1000, 500, 20)})
    assert any("the region 'bkg' reaches beyond the field: 649 of its 1257 pixels" in note for note in outcome.notes)


def test_live_time_comes_from_the_housekeeping(tmp_path: Path) -> None:
    time = np.arange(T0, T0 + 1000)
    live = np.where(time < T0 + 500, 0.8, 0.95)
    bench = Bench(tmp_path, nustar_file(), livetime=write_housekeeping(tmp_path / "a.hk", time, live))
    outcome, out = bench.extract(NUSTAR_REGIONS)
    assert read_pha(out / "agn.pha").exposure == pytest.approx(700, rel=1e-12) and outcome.notes == ()
    cut = write_gtis(tmp_path / "cut.gti", [(T0 + 300.5, T0 + 700)])
    _, out = bench.extract(NUSTAR_REGIONS, gti=cut)
    found = read_pha(out / "agn.pha")
    assert found.exposure == pytest.approx(99.5 * 0.8 + 100 * 0.95, rel=1e-12)
    assert (found.header["ONTIME"], found.header["TSTART"]) == (199.5, T0 + 300.5)
    rows = bench.held(450, 520, 300) & inside(bench.table.columns["time"], intersection(GTIS, [[T0 + 300.5, T0 + 700]]))
    assert found.counts.sum() == np.count_nonzero(rows)


def test_a_detector_that_was_never_live_is_refused(tmp_path: Path) -> None:
    hk = write_housekeeping(tmp_path / "a.hk", np.arange(T0, T0 + 1000), np.zeros(1000))
    with pytest.raises(StepError, match="the detector has no live time in the GTIs"):
        Bench(tmp_path, nustar_file(), livetime=hk).extract(NUSTAR_REGIONS)


def test_exposure_is_the_mean_of_the_ccds_weighted_by_events(mos: Bench) -> None:
    _, out = mos.extract(MOS_REGIONS)
    held = mos.held(20000, 20000, 4000)
    events_of = [np.count_nonzero(mos.table.columns["det"][held] == number) for number in (1, 2)]
    live = [800 * 780 / 800, 300 * 291 / 300]
    expected = np.average(live, weights=events_of)
    entry = entry_of(out)
    assert entry["exposure"] == pytest.approx(expected, rel=1e-12) and 291 < expected < 780
    assert [entry["ccds"][str(number)]["events"] for number in (1, 2)] == events_of
    assert [entry["ccds"][str(number)]["live"] for number in (1, 2)] == pytest.approx(live)
    assert entry["ontime"] == pytest.approx(np.average([800, 300], weights=events_of))
    with fits.open(out / "agn.pha") as file:
        file.verify("exception")
        assert [hdu.name for hdu in file][2:] == ["GTI00002", "GTI00102", "REG00103"]
        header = file["SPECTRUM"].header
        assert (header["DSTYP1"], header["DSVAL1"], header["2DSVAL1"]) == ("CCDNR", "1", "2")
        assert (header["2DSREF2"], header["DSREF3"]) == (":GTI00102", ":REG00103")
        assert file["GTI00102"].data["STOP"].tolist() == [T0 + 300]


def test_a_selection_counts_for_each_ccd(mos: Bench, tmp_path: Path) -> None:
    _, out = mos.extract(MOS_REGIONS, gti=write_gtis(tmp_path / "late.gti", [(T0 + 350, T0 + 700)]))
    entry = entry_of(out)
    # the second CCD has no time left, and no event
    assert list(entry["ccds"]) == ["1"] and entry["exposure"] == pytest.approx(150 * 0.975)
    gti = intersection(GTIS, [[T0 + 350, T0 + 700]])
    rows = mos.held(20000, 20000, 4000) & inside(mos.table.columns["time"], gti)
    assert entry["counts"] == np.count_nonzero(rows) and total(gti) == 150


def one_ccd_each(file: EventFile) -> EventFile:
    """Put the events of the two CCDs on the two halves of the field."""
    left = file.columns["CCDNR"] == 1
    file.columns["X"] = np.where(left, file.columns["X"] // 2, 26000 + file.columns["X"] // 2).astype(np.int32)
    return file


def test_a_region_on_a_ccd_without_time_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path, one_ccd_each(mos_file(5000)), MOS)
    regions = {"src": circle(10000, 20000, 3000), "bkg": circle(40000, 20000, 3000)}
    _, out = bench.extract(regions)
    assert (list(entry_of(out)["ccds"]), list(entry_of(out, "background")["ccds"])) == (["1"], ["2"])
    late = write_gtis(tmp_path / "late.gti", [(T0 + 350, T0 + 700)])
    with pytest.raises(StepError, match="the GTIs leave no time of CCD 2, which the region 'bkg' lies on"):
        bench.extract(regions, gti=late)


def test_a_region_on_a_missing_ccd_is_refused(tmp_path: Path) -> None:
    file = one_ccd_each(mos_file(5000))
    del file.gtis["STDGTI02"]
    bench = Bench(tmp_path, file, MOS)
    regions = {"src": circle(10000, 20000, 3000), "bkg": circle(40000, 20000, 3000)}
    with pytest.raises(
        StepError, match=r"no event lies in the region 'bkg', and the list has none of CCD 2, 3, .*missing"
    ):
        bench.extract(regions)


def test_a_dark_place_of_a_whole_camera_gives_zeros(tmp_path: Path) -> None:
    file = mos_file(7000)
    file.columns["CCDNR"] = np.sort(np.arange(7000) % 7 + 1).astype(np.int16)
    file.gtis = {f"STDGTI{number:02d}": GTIS for number in range(1, 8)}
    file.columns["X"] = np.clip(file.columns["X"], 20000, None)
    bench = Bench(tmp_path, file, MOS)
    outcome, out = bench.extract({"src": circle(30000, 30000, 4000), "bkg": circle(5000, 5000, 900)})
    assert not read_pha(out / "agn.bak.pha").counts.any()
    assert entry_of(out, "background")["exposure"] == pytest.approx((6 * 780 + 776) / 7, rel=1e-3)
    words = "the live time of the region 'bkg', without events, is that of CCD 1, 2, 3, 4, 5, 6, 7"
    assert words in outcome.notes
    assert any(note.startswith("the header has no live time of CCD 3") for note in outcome.notes)


def test_a_small_dark_place_among_events_gives_zeros(mos: Bench) -> None:
    columns = mos.table.columns
    rng = np.random.default_rng(8)
    places = rng.uniform(10000, 40000, (500, 2))
    x, y = next(at for at in places if np.min(np.hypot(columns["x"] - at[0], columns["y"] - at[1])) > 220)
    near = (np.abs(columns["x"] - x) <= 1400) & (np.abs(columns["y"] - y) <= 1400)
    outcome, out = mos.extract({**MOS_REGIONS, "bkg": circle(x, y, 200.0)})
    # CCD 3 to 7 have no events, but a place so small may have none by chance
    assert entry_of(out, "background")["counts"] == 0 and 0 < np.count_nonzero(near) < 200
    share = [np.count_nonzero(near & (columns["det"] == number)) for number in (1, 2)]
    assert entry_of(out, "background")["exposure"] == pytest.approx(np.average([780, 291], weights=share), rel=0.02)
    assert any(note.startswith("the live time of the region 'bkg', without events, is") for note in outcome.notes)


def write_map(path: Path, bench: Bench, step: int, values: NDArray[Any]) -> Path:
    """Write an exposure map of pixels of `step` pixels of X and Y, on the sky of the list."""
    wcs = bench.table.header.wcs
    assert wcs is not None
    cards = []
    for number in (1, 2):
        at = (wcs.crpix[number - 1] - 0.5) / step + 0.5
        cards += [
            Card(f"CTYPE{number}", wcs.ctype[number - 1]), Card(f"CRPIX{number}", at),
            Card(f"CRVAL{number}", wcs.crval[number - 1]), Card(f"CDELT{number}", wcs.cdelt[number - 1] * step),
        ]  # fmt: skip
    write_fits(path, [*cards, Card("RADECSYS", "FK5"), Card("EQUINOX", 2000.0)], [], values)
    return path


def test_an_exposure_map_weighs_the_area_on_nustar(nustar: Bench, tmp_path: Path) -> None:
    values = np.zeros((250, 250))
    values[:, :125] = 720.0
    values[:, 125:] = 360.0
    path = write_map(tmp_path / "map.fits", nustar, 4, values)
    regions = {"src": circle(250, 500, 100), "bkg": circle(500.5, 500.5, 200)}
    _, plain = nustar.extract(regions)
    _, out = nustar.extract(regions, expmap__agn=path)
    ratio = {
        name: read_pha(out / name).backscal[0] / read_pha(plain / name).backscal[0]
        for name in ("agn.pha", "agn.bak.pha")
    }
    assert ratio == {"agn.pha": pytest.approx(1.0, rel=1e-12), "agn.bak.pha": pytest.approx(0.75, rel=1e-12)}
    assert read_pha(out / "agn.bak.pha").header["XB_BSCAL"] == "pixels inside x map / EXPOSURE"
    outcome, _ = nustar.extract(regions, expmap__agn=write_map(tmp_path / "more.fits", nustar, 4, 2 * values))
    assert "the exposure map has 2 times the exposure of the spectrum in the region 'src'" in outcome.notes
    none = write_map(tmp_path / "none.fits", nustar, 4, np.zeros((250, 250)))
    with pytest.raises(StepError, match=r"the region 'src' lies where the exposure map .*none.fits has no exposure"):
        nustar.extract(regions, expmap__agn=none)


def test_only_exposed_pixels_count_on_xmm(tmp_path: Path) -> None:
    bench = mos_bench(tmp_path)
    values = np.zeros((648, 648))
    values[:, 324:] = 5000.0
    path = write_map(tmp_path / "map.fits", bench, 80, values)
    regions = {"src": circle(25920.5, 25920.5, 1000), "bkg": circle(35000, 25920.5, 1000)}
    _, plain = bench.extract(regions)
    _, out = bench.extract(regions, expmap__agn=path)
    whole = read_pha(plain / "agn.pha").backscal[0]
    assert whole == entry_of(plain)["pixels"] == pytest.approx(np.pi * 1e6, rel=1e-4)
    assert read_pha(out / "agn.pha").backscal[0] == whole / 2
    assert read_pha(out / "agn.bak.pha").backscal[0] == read_pha(plain / "agn.bak.pha").backscal[0]


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("spectrum", "region", "pixels"),
    [
        ("80415201001/spec/nu80415201001A06_chu2_S_cl_grade0_sr.pha", "80415201001/event_cl/fpma.reg", 4246),
        ("80415201001/spec/nu80415201001B06_chu2_S_cl_grade0_sr.pha", "80415201001/event_cl/fpmb.reg", 4237),
        ("90402339002/nu90402339002A01_sr.pha", "", 3464),
        ("90402339002/nu90402339002A01_bk.pha", "", 2029),
    ],
)
def test_pixels_of_real_regions(spectrum: str, region: str, pixels: int, real_data: Path, tmp_path: Path) -> None:
    with fits.open(real_data / "nustar" / spectrum) as pha:
        table = pha["REG00101"]
        where = [float(np.ravel(table.data[name][0])[0]) for name in ("X", "Y", "R")]
        file = nustar_file()
        file.center = (table.header["TCRVL1"], table.header["TCRVL2"])
    regions: dict[str, Any] = {"src": circle(*where)}
    inputs = {}
    if region:
        regions["src"], inputs["region__src"] = {"file": "src.reg"}, real_data / "nustar" / region
    _, out = Bench(tmp_path, file).extract(regions, [{"name": "s", "region": "src"}], **inputs)
    assert entry_of(out)["pixels"] == pixels and read_pha(out / "s.pha").backscal[0] == pixels / 1e6
    shape = fits.getdata(out / "s.pha", "REG00101")[0]
    assert (shape["X"], shape["Y"]) == pytest.approx(where[:2], abs=1e-7)
    assert shape["R"] == pytest.approx(where[2], abs=3e-5)
