"""What the fake SAS makes of event lists is right, and is read by this program."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.fakes.sas import set_pileup
from tests.fakes.sas.desk import BAND, OBSID, STEM, Desk
from tests.fakes.sas.fitsfile import find, named, read
from tests.fakes.sas.raw import copy_observation
from xbatch.base.fitsheader import read_headers
from xbatch.ogip.curvefile import read_curve
from xbatch.ogip.events import open_events
from xbatch.ogip.gtifile import read_gti_tables
from xbatch.ogip.imagefile import read_image
from xbatch.ogip.pha import read_pha
from xbatch.ogip.response import check_channels, read_response

#: X and Y of the simulated source.
X, Y = 25921.0 - 60.0 / 0.05, 25921.0 - 45.0 / 0.05
SOURCE = f"(X,Y) IN CIRCLE({X},{Y},1000)"
BEHIND = f"(X,Y) IN ANNULUS({X},{Y},1400,2400)"


def test_flares_are_cut_by_a_rate(desk: Desk) -> None:
    rate = ("withrateset=yes", "makeratecolumn=yes", "maketimecolumn=yes", "timebinsize=100")
    where = "expression=(PI IN [10000:12000])&&(PATTERN==0)&&#XMMEA_EP"
    desk.call("evselect", "table=pn.ds:EVENTS", "rateset=tmp.rate", where, *rate)
    curve = read_curve(Path("tmp.rate"))
    cut = float(np.median(curve.rate)) + 0.02
    desk.call("tabgtigen", "table=tmp.rate", "gtiset=tmp.gti", f"expression=RATE<{cut}")
    good = read_gti_tables(Path("tmp.gti"))[0].gti
    assert np.sum(good[:, 1] - good[:, 0]) == pytest.approx(100 * np.count_nonzero(curve.rate < cut))
    keep = "expression=gti(tmp.gti,TIME)&&(PI IN [200:12000])&&(PATTERN<=4)&&(FLAG==0)"
    desk.call("evselect", "table=pn.ds:EVENTS", "filteredset=f.fits", keep)
    rows = find(read(Path("pn.ds")), "EVENTS", "").rows
    inside = np.any((rows["TIME"][:, None] >= good[:, 0]) & (rows["TIME"][:, None] < good[:, 1]), axis=1)
    wanted = inside & (rows["PI"] >= 200) & (rows["PI"] <= 12000) & (rows["PATTERN"] <= 4) & (rows["FLAG"] == 0)
    before, after = (open_events(Path(name), desk.folder) for name in ("pn.ds", "f.fits"))
    assert after.rows == np.count_nonzero(wanted)
    assert after.header.ontime < before.header.ontime
    assert after.header.livetime / after.header.ontime == pytest.approx(before.header.livetime / before.header.ontime)
    # the list names the good times it was selected by, of each CCD
    assert after.detector_gtis[4][-1, 1] <= good[-1, 1]
    assert len(after.detector_gtis) == 12
    assert named(read(Path("f.fits")), "BADPIX04") is not None


def test_espfilt_and_gtibuild_make_good_times(desk: Desk) -> None:
    desk.call("espfilt", "eventfile=pn.ds", "method=histogram", "limits=0.1 6.5", "withoot=yes", "ootfile=pn.ds")
    good = read_gti_tables(Path("pnU014-gti.fits"))[0].gti
    assert open_events(Path("pnU014-allevc.fits"), desk.folder).rows < open_events(Path("pn.ds"), desk.folder).rows
    assert Path("pnU014-allevcoot.fits").is_file()
    desk.call("gtibuild", "file=pnU014-gti.txt", "table=again.gti")
    assert np.allclose(read_gti_tables(Path("again.gti"))[0].gti, good)


def test_spectrum_with_its_responses(desk: Desk) -> None:
    good = "(PATTERN<=4)&&(FLAG==0)&&"
    args = ("table=pn.ds", "spectrumset=s.pha", f"expression={good}({SOURCE})", "energycolumn=PI", *BAND)
    desk.call("evselect", *args)
    assert read_headers(Path("s.pha"))[1].get("BACKSCAL") is None
    desk.spectrum("s.pha", f"{good}({SOURCE})")
    desk.spectrum("b.pha", f"{good}({BEHIND})")
    area = np.pi * 1000.0**2
    source, behind = read_pha(Path("s.pha")), read_pha(Path("b.pha"))
    assert source.detchans == 4096
    assert 0.9 * area < source.backscal[0] < 1.01 * area
    assert source.backscal[0] / behind.backscal[0] == pytest.approx(1000**2 / (2400**2 - 1400**2), rel=0.1)
    assert source.exposure == pytest.approx(open_events(Path("pn.ds"), desk.folder).header.livetime, rel=0.02)
    desk.call("rmfgen", "spectrumset=s.pha", "rmfset=s.rmf")
    desk.call("arfgen", "spectrumset=s.pha", "arfset=s.arf", "rmfset=s.rmf", "badpixlocation=pn.ds", "detmaptype=psf")
    response = read_response(Path("s.rmf"), Path("s.arf"))
    check_channels(source, response, "s.pha", "s.rmf")
    assert response.has_arf
    # the power law that was simulated, in two bands
    photons = np.diff(np.append(response.energ_lo, response.energ_hi[-1]) ** -0.8) / -0.8
    row = np.repeat(np.arange(photons.size), np.diff(response.indptr))
    expected = np.bincount(response.indices, response.matrix * (photons * response.specresp)[row], 4096)
    net = source.counts - behind.counts * source.backscal[0] / behind.backscal[0]
    soft, hard = slice(100, 400), slice(400, 2000)
    share = expected[hard].sum() / (expected[soft].sum() + expected[hard].sum())
    count = net[soft].sum() + net[hard].sum()
    assert net[hard].sum() / count == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / count))
    desk.call(
        "specgroup",
        "spectrumset=s.pha",
        "rmfset=s.rmf",
        "backgndset=b.pha",
        "arfset=s.arf",
        "groupedset=s.grp",
        "mincounts=25",
    )
    grouped = read_pha(Path("s.grp"))
    assert np.array_equal(grouped.counts, source.counts)
    assert [grouped.header[key] for key in ("BACKFILE", "RESPFILE", "ANCRFILE")] == ["b.pha", "s.rmf", "s.arf"]
    starts = np.flatnonzero((grouped.grouping == 1) & (grouped.quality == 0))
    sums = np.add.reduceat(source.counts, starts)
    assert len(starts) > 10
    assert np.all(sums[:-1] >= 25)


def test_spectrum_files_that_do_not_fit(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere = ("table=pn.ds", "spectrumset=all.pha", "expression=PI>200", "energycolumn=PI")
    desk.call("evselect", *everywhere, *BAND)
    assert (
        "DSS regions defined in X/Y and DETX/DETY space are unbounded"
        in desk.refused("rmfgen", "spectrumset=all.pha")[0]
    )
    desk.spectrum("s.pha", SOURCE)
    assert (
        "(DatasetNotFound)" in desk.refused("arfgen", "spectrumset=s.pha", "rmfset=none.rmf", "badpixlocation=pn.ds")[0]
    )
    assert "(noBadPixels)" in desk.refused("backscale", "spectrumset=s.pha", "badpixlocation=s.pha")[0]
    args = (
        "table=pn.ds",
        "spectrumset=n.pha",
        f"expression={SOURCE}",
        "energycolumn=PI",
        BAND[0],
        BAND[1],
        "specchannelmax=11999",
    )
    desk.call("evselect", *args)
    assert "(ChannelRangeInvalid)" in desk.refused("rmfgen", "spectrumset=n.pha", "rmfset=n.rmf")[0]
    assert "(noBackscal)" in desk.refused("specgroup", "spectrumset=s.pha", "backgndset=n.pha")[0]
    other = copy_observation(desk.installed.observation, desk.folder / "data", "0999000202")
    monkeypatch.setenv("SAS_ODF", str(other / "ODF"))
    desk.call("odfingest")
    monkeypatch.setenv("SAS_ODF", "2345_0999000202_SCX00000SUM.SAS")
    assert "(OdfMismatch)" in desk.refused("backscale", "spectrumset=s.pha", "badpixlocation=pn.ds")[0]
    # a list without its exposures makes no spectrum
    hdus = [hdu for hdu in read(Path("pn.ds")) if not hdu.name.startswith("EXPOSU")]
    Path("bare.ds").write_bytes(b"".join(hdu.bytes() for hdu in hdus))
    assert "(BlockMissing)" in desk.refused("evselect", "table=bare.ds", "spectrumset=x.pha")[0]


def _in_box(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    cos, sin = np.cos(np.pi / 6), 0.5
    return (abs(u * cos + v * sin) <= 300) & (abs(v * cos - u * sin) <= 100)


@pytest.mark.parametrize(
    ("region", "inside"),
    [
        (f"(X,Y) IN BOX({X},{Y},300,100,30)", _in_box),
        (f"(X,Y) IN ellipse({X},{Y},300,100,0)", lambda u, v: (u / 300) ** 2 + (v / 100) ** 2 <= 1),
        (
            f"(X,Y) in POLYGON({X - 0.5},{Y - 0.5},{X + 400},{Y - 0.5},{X - 0.5},{Y + 400})",
            lambda u, v: (u >= 0) & (v >= 0) & (u + v < 399.5),
        ),
        (
            f"({SOURCE}||(X,Y) IN CIRCLE({X},{Y},1500))&&!((X,Y) IN CIRCLE({X},{Y},500))",
            lambda u, v: abs(np.hypot(u, v) - 1000) <= 500,
        ),
    ],
    ids=["box", "ellipse", "polygon", "union"],
)
def test_regions(desk: Desk, region: str, inside: Callable[..., np.ndarray]) -> None:
    rows = find(read(Path("pn.ds")), "EVENTS", "").rows
    wanted = inside(rows["X"].astype(float) - X, rows["Y"].astype(float) - Y)
    desk.call("evselect", "table=pn.ds", "filteredset=f.fits", f"expression={region}")
    found = find(read(Path("f.fits")), "EVENTS", "f.fits")
    assert abs(len(found.rows) - np.count_nonzero(wanted)) <= 1
    assert found.get("DSTYP3") == "POS(X,Y)"


def test_pile_up_depends_on_the_inner_radius(desk: Desk) -> None:
    set_pileup(
        desk.installed.root, {OBSID: [[0, 0.9, 0.01, 1.2, 0.02], [3, 0.95, 0.01, 1.1, 0.02], [4, 1, 0.01, 1, 0.02]]}
    )
    try:
        found = []
        for radius in (0, 3.5, 4.0):
            region = f"expression=(X,Y) IN annulus({X},{Y},{radius * 20},1000)"
            desk.call("evselect", "table=pn.ds", "filteredset=pu.fits", region)
            said = desk.call(
                "epatplot", "set=pu.fits", "plotfile=pu.gif", "device=/GIF", "pileupnumberenergyrange=2000 10000"
            )
            header = find(read(Path("pu.fits")), "EVENTS", "pu.fits").header
            found.append([header[key] for key in ("SNGL_OTM", "ESGL_OTM", "DBLE_OTM", "EDBL_OTM")])
            assert f"s: {found[-1][0]:.3f} +/- 0.010   d: {found[-1][2]:.3f} +/- 0.020" in said
        assert [row[0] for row in found] == [0.9, 0.95, 1.0]
        assert Path("pu.gif").is_file()
        assert Path("pgplot.ps").is_file()
    finally:
        (desk.installed.root / "pileup.json").unlink()
    desk.call("evselect", "table=pn.ds", "filteredset=none.fits", "expression=PI<0")
    assert "warning (noEvents)" in desk.call("epatplot", "set=none.fits")
    assert "SNGL_OTM" not in read_headers(Path("none.fits"))[1]


def test_light_curves_are_corrected(desk: Desk) -> None:
    rate: tuple[str, ...] = ("withrateset=yes", "makeratecolumn=yes", "maketimecolumn=yes")
    head = find(read(Path("pn.ds")), "EVENTS", "")
    rate += (f"timemin={head.get('TSTART')}", f"timemax={head.get('TSTOP')}")
    for name, region in (("s.lc", SOURCE), ("b.lc", BEHIND)):
        where = f"expression=PI IN [500:10000) && {region}"
        desk.call("evselect", "table=pn.ds:EVENTS", f"rateset={name}", where, *rate, "timebinsize=128")
    both = ("srctslist=s.lc", "eventlist=pn.ds", "bkgtslist=b.lc")
    desk.call("epiclccorr", *both, "outset=c.lc", "withbkgset=yes")
    desk.call("epiclccorr", *both, "outset=a.lc", "applyabsolutecorrections=yes")
    raw, net, whole = (read_curve(Path(name)) for name in ("s.lc", "c.lc", "a.lc"))
    assert np.array_equal(raw.time, net.time)
    full = net.fracexp > 0.99
    assert np.all(net.rate[full] < raw.rate[full] * 1.05)
    assert np.all(whole.rate[full] > net.rate[full])
    names = find(read(Path("c.lc")), "RATE", "").dtype.names
    assert names == ("TIME", "RATE", "ERROR", "FRACEXP", "BACKV", "BACKE")
    desk.call("evselect", "table=pn.ds", "rateset=b.lc", f"expression={BEHIND}", *rate, "timebinsize=64")
    assert "(Binning)" in desk.refused("epiclccorr", *both, "outset=x.lc")[0]


def test_a_light_curve_without_times_begins_at_the_first_event_that_is_counted(desk: Desk) -> None:
    rate = ("withrateset=yes", "makeratecolumn=yes", "maketimecolumn=yes", "timebinsize=50")
    desk.call("evselect", "table=pn.ds:EVENTS", "rateset=hard.lc", "expression=PI > 8000", *rate)
    rows = find(read(Path("pn.ds")), "EVENTS", "").rows
    times = rows["TIME"][rows["PI"] > 8000]
    curve = read_curve(Path("hard.lc"))
    assert curve.time[0] - 25.0 == pytest.approx(times.min(), abs=1e-6)
    assert curve.time[-1] - 25.0 <= times.max() < curve.time[-1] + 25.0
    # the event at the beginning is in the first bin, and the last one in the last: none is lost
    assert np.sum(curve.rate) * 50.0 == pytest.approx(len(times))


def test_times_at_the_barycentre_replace_those_of_the_list(desk: Desk) -> None:
    before = find(read(Path("pn.ds")), "EVENTS", "").rows["TIME"]
    desk.call("barycen", "table=pn.ds:EVENTS")
    after = open_events(Path("pn.ds"), desk.folder)
    assert np.all(find(read(Path("pn.ds")), "EVENTS", "").rows["TIME"] > before)
    assert after.header.timesys == "TDB"
    assert "(alreadyCorrected)" in desk.refused("barycen", "table=pn.ds:EVENTS")[0]


def test_gratings(desk: Desk) -> None:
    desk.call("rgsproc", "orders=1 2", "bkgcorrect=no", "withmlambdacolumn=yes")
    names = {
        what: [f"P{OBSID}{name}{what}1001.FIT" for name in ("R1S004", "R2S005")]
        for what in ("SRSPEC", "BGSPEC", "RSPMAT")
    }
    one = read_pha(Path(names["SRSPEC"][0]))
    assert one.header["BACKFILE"] == names["BGSPEC"][0]
    response = read_response(Path(one.header["RESPFILE"]), None)
    check_channels(one, response, names["SRSPEC"][0], "")
    assert Path(f"P{OBSID}R1S004SRSPEC2001.FIT").is_file()
    lists = [
        f"{key}={' '.join(names[what])}" for key, what in (("pha", "SRSPEC"), ("rmf", "RSPMAT"), ("bkg", "BGSPEC"))
    ]
    out = ("filepha=r.src", "filebkg=r.bgd", "filermf=r.rsp")
    desk.call("rgscombine", *lists, *out)
    whole = read_pha(Path("r.src"))
    parts = [read_pha(Path(name)) for name in names["SRSPEC"]]
    good = [part.quality == 0 for part in parts]
    assert whole.counts.sum() == sum(part.counts[mine].sum() for part, mine in zip(parts, good, strict=True))
    nowhere = ~np.any(good, axis=0)
    assert np.array_equal(whole.quality == 1, nowhere) and nowhere.any()
    assert not whole.counts[nowhere].any() and not whole.backscal[nowhere].any()
    assert whole.exposure == sum(part.exposure for part in parts)
    assert whole.header["RESPFILE"] == "r.rsp"
    check_channels(whole, read_response(Path("r.rsp"), None), "r.src", "r.rsp")
    short = [f"pha={names['SRSPEC'][0]}", *lists[1:]]
    assert "1 pha, 2 rmf, 2 bkg" in desk.refused("rgscombine", *short, *out)[0]
    assert desk.refused("rgsproc", "entrystage=4:spectra", "withinstexpids=yes", "instexpids=R1S009")[1] == 0


def test_gratings_of_good_times_from_a_later_stage_on(desk: Desk) -> None:
    names = [f"P{OBSID}{name}" for name in ("R1S004", "R2S005")]
    again = ("entrystage=3:filter", "finalstage=5:fluxing", "orders=1")
    assert "merged0000.FIT' is not there: start from an earlier stage" in desk.refused("rgsproc", *again)[0]
    desk.call("rgsproc", "finalstage=4:spectra", "orders=1", "withmlambdacolumn=yes")
    assert not Path(f"{names[0]}RSPMAT1001.FIT").exists()
    first = read_pha(Path(f"{names[0]}SRSPEC1001.FIT"))
    start = float(first.header["TSTART"])
    for path, span in (("a.gti", (0, 900)), ("b.gti", (300, 1200))):
        Path("times.txt").write_text(f"{start + span[0]} {start + span[1]} +\n")
        desk.call("gtibuild", "file=times.txt", f"table={path}")
    assert "c.gti" in desk.refused("rgsproc", *again, "auxgtitables=a.gti c.gti")[0]
    # the times that are in all of the tables stay, of both instruments; other exposures stay as they are
    desk.call("rgsproc", *again, "auxgtitables=a.gti b.gti", "withinstexpids=yes", "instexpids=R1S004")
    left, other = (read_pha(Path(f"{name}SRSPEC1001.FIT")) for name in names)
    assert (left.exposure, other.exposure) == (pytest.approx(600.0), first.exposure)
    assert left.counts.sum() == pytest.approx(first.counts.sum() * 600 / first.exposure, rel=0.1)
    assert Path(f"{names[0]}RSPMAT1001.FIT").is_file() and not Path(f"{names[1]}RSPMAT1001.FIT").exists()
    Path("times.txt").write_text("1000.0 2000.0 +\n")
    desk.call("gtibuild", "file=times.txt", "table=c.gti")
    assert "(ZeroExposure)" in desk.refused("rgsproc", *again, "auxgtitables=c.gti")[0]


def test_background_beside_the_source_of_a_grating(desk: Desk) -> None:
    desk.call("rgsproc", "orders=1", "withmlambdacolumn=yes", "finalstage=4:spectra")
    events, sources = (f"P{OBSID}R1S004{what}0000.FIT" for what in ("EVENLI", "SRCLI_"))
    where = f"expression=(CCDNR==9)&&(REGION({sources}:RGS1_BACKGROUND,M_LAMBDA,XDSP_CORR))"
    desk.call("evselect", f"table={events}:EVENTS", "rateset=r.lc", "timebinsize=100", where, *RATES)
    rows = find(read(Path(events)), "EVENTS", "").rows
    beside = rows[(rows["CCDNR"] == 9) & (np.abs(rows["XDSP_CORR"]) > 3e-4)]
    assert read_curve(Path("r.lc")).rate.sum() * 100 == pytest.approx(len(beside))
    assert 0 < len(beside) < 0.3 * (rows["CCDNR"] == 9).sum()
    desk.call("rgsproc", "orders=1", "withmlambdacolumn=no", "finalstage=4:spectra")
    assert "M_LAMBDA" in desk.refused("evselect", f"table={events}:EVENTS", "rateset=r.lc", where, *RATES)[0]


RATES = ("withrateset=yes", "makeratecolumn=yes", "maketimecolumn=yes")


def test_detection(desk: Desk) -> None:
    for low, high in ((500, 2000), (2000, 10000)):
        where = f"expression=#XMMEA_EP&&(PI in [{low}:{high}])"
        desk.call(
            "evselect",
            "table=pn.ds",
            f"imageset=i{low}.fits",
            "xcolumn=X",
            "ycolumn=Y",
            "imagebinning=imageSize",
            where,
        )
    images = 'imagesets="i500.fits" "i2000.fits"'
    more = ("eventsets=pn.ds:EVENTS", f"attitudeset={STEM}_AttHk.ds", "pimin=500 2000", "pimax=2000 10000")
    desk.call("edetect_chain", images, *more, "ecf=8.1 2.0", "eml_list=eml.fits", "likemin=30", "esen_mlmin=15")
    rows = find(read(Path("eml.fits")), "SRCLIST", "").rows
    assert {int(row["ID_BAND"]) for row in rows} == {0, 1, 2}
    image = read_image(Path("i500.fits"))
    best = rows[0]
    assert abs(best["X_IMA"] * 87 - 43 - X) < 2 * 87
    assert abs(best["DEC"] - (2.2 - 45 / 3600)) < 8 / 3600
    assert image.data.sum() == len(_band(500, 2000))
    desk.call("srcdisplay", "boxlistset=eml.fits", "imageset=i500.fits", "withregionfile=yes", "regionfile=s.reg")
    assert Path("s.reg").read_text().splitlines()[2] == "fk5"
    desk.call("emosaic", "imagesets=i500.fits i2000.fits", "mosaicedset=m.ds")
    assert read_image(Path("m.ds")).data.sum() == image.data.sum() + read_image(Path("i2000.fits")).data.sum()
    for what in ("exp", "bkg", "sen"):
        assert read_image(Path(f"i500{what}.fits")).data.shape == read_image(Path(f"i2000{what}.fits")).data.shape
    exposure, sensitivity = (read_image(Path(f"i500{what}.fits")).data.max() for what in ("exp", "sen"))
    assert exposure * sensitivity == pytest.approx(15)
    assert Path("i500mask.fits").exists() and not Path("i2000mask.fits").exists()
    desk.call("edetect_chain", images, *more, "eml_list=again.fits", "witheexpmap=no")
    assert Path("again.fits").exists()
    Path("i2000exp.fits").unlink()
    assert "i2000exp.fits" in desk.refused("edetect_chain", images, *more, "witheexpmap=no")[0]
    line, status = desk.refused("edetect_chain", images, *more[:2], "pimin=500", "pimax=2000 10000", "ecf=1.0 1.0")
    assert "2 images but 1 values of pimin" in line
    assert status == 0


def _band(low: int, high: int) -> np.ndarray:
    events = find(read(Path("pn.ds")), "EVENTS", "")
    rows = events.rows
    good = (rows["FLAG"] & 0xCFA0000) == 0
    return rows[good & (rows["PI"] >= low) & (rows["PI"] <= high) & (rows["X"] > 0) & (rows["Y"] > 0)]
