"""The fake SAS: its tasks refuse what the real ones refuse, and what they make is read by this program."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.fakes.core import Run, ToolError, calls, set_faults
from tests.fakes.sas import error_line, make_sas, run, set_pileup
from tests.fakes.sas.fitsfile import find, named, read
from tests.fakes.sas.parameters import tasks
from tests.fakes.sas.raw import RawExposure, copy_observation, make_xmm_raw
from xbatch.base.fitsheader import read_headers
from xbatch.commands.call import SAS, Call
from xbatch.commands.parfile import problems, read_sas
from xbatch.ogip.curvefile import read_curve
from xbatch.ogip.events import open_events
from xbatch.ogip.gtifile import read_gti_tables
from xbatch.ogip.imagefile import read_image
from xbatch.ogip.pha import read_pha
from xbatch.ogip.response import check_channels, read_response

OBSID = "0999000101"
STEM = f"2345_{OBSID}"
#: X and Y of the simulated source.
X, Y = 25921.0 - 60.0 / 0.05, 25921.0 - 45.0 / 0.05
SOURCE = f"(X,Y) IN CIRCLE({X},{Y},1000)"
BEHIND = f"(X,Y) IN ANNULUS({X},{Y},1400,2400)"
BAND = ("withspecranges=yes", "specchannelmin=0", "specchannelmax=20479")
EXPOSURES = {"EPN": (RawExposure("S003", 0.3), RawExposure("U014"), RawExposure("U015", 0.2, "TIMING"))}


@dataclass
class Installed:
    """A fake SAS, an observation, and its lists and calibration, made once."""

    environment: dict[str, str]
    root: Path
    observation: Path
    made: Path

    @property
    def odf(self) -> Path:
        return self.observation / "ODF"


@dataclass
class Desk:
    """A working folder in which tasks run, in this process."""

    installed: Installed
    folder: Path
    capture: pytest.CaptureFixture[str]

    def call(self, tool: str, *args: str) -> str:
        """Run a task, and give all it printed."""
        run(Run(tool, args, self.installed.root))
        return "".join(self.capture.readouterr())

    def refused(self, tool: str, *args: str) -> tuple[str, int]:
        """Run a task that gives up: the line it prints, and its exit status."""
        with pytest.raises(ToolError) as caught:
            run(Run(tool, args, self.installed.root))
        return error_line(tool, caught.value.message), caught.value.status

    def spectrum(self, name: str, expression: str, table: str = "pn.ds") -> Path:
        self.call(
            "evselect", f"table={table}", f"spectrumset={name}", f"expression={expression}", "energycolumn=PI", *BAND
        )
        self.call("backscale", f"spectrumset={name}", f"badpixlocation={table}")
        return Path(name)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("installed")
    environment = dict(make_sas(folder))
    cameras = ("EPN", "EMOS1", "RGS1", "RGS2")
    observation = make_xmm_raw(folder / "data", OBSID, 3, cameras, exposures=EXPOSURES, events=3000)
    made = folder / "made"
    made.mkdir()
    one = Installed(environment, Path(environment["SAS_DIR"]), observation, made)
    with pytest.MonkeyPatch.context() as patch:
        _initialise(patch, one, made)
        patch.setenv("SAS_ODF", str(one.odf))
        for tool, args in (
            ("cifbuild", ("analysisdate=2024-01-01", "fullpath=yes")),
            ("odfingest", ("outdir=.",)),
        ):
            run(Run(tool, args, one.root))
        patch.setenv("SAS_ODF", f"{STEM}_SCX00000SUM.SAS")
        run(Run("epproc", (), one.root))
    return one


def _initialise(patch: pytest.MonkeyPatch, installed: Installed, folder: Path) -> None:
    for name, value in installed.environment.items():
        patch.setenv(name, value)
    patch.setenv("SAS_CCF", "ccf.cif")
    patch.setenv("SAS_ODF", f"{STEM}_SCX00000SUM.SAS")
    patch.chdir(folder)


@pytest.fixture
def desk(
    installed: Installed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Desk]:
    """A folder with the calibration, the summary, the attitude and the longer list of pn."""
    for path in installed.made.iterdir():
        name = {f"{STEM}_EPN_U014_ImagingEvts.ds": "pn.ds"}.get(path.name, path.name)
        (tmp_path / name).write_bytes(path.read_bytes())
    _initialise(monkeypatch, installed, tmp_path)
    yield Desk(installed, tmp_path, capsys)


def test_every_task_has_a_parameter_file_that_this_program_reads(installed: Installed) -> None:
    for task, (_, parameters) in tasks().items():
        path = installed.root / "config" / f"{task}.par"
        assert set(read_sas(path).parameters) == {one.name for one in parameters}
        assert (installed.root / "bin" / task).stat().st_mode & 0o111
    known = read_sas(installed.root / "config" / "evselect.par")
    assert known.parameters["spectrumset"].parent == ("withspectrumset", "yes")
    good = Call(SAS, "evselect", (("table", "pn.ds:EVENTS"), ("spectrumset", "s.pha"), ("spectralbinsize", "5")))
    assert problems(good, known) == []
    assert problems(Call(SAS, "evselect", (("table", "pn.ds"), ("spectrumSet", "s.pha"))), known)


def test_as_an_executable(desk: Desk) -> None:
    def words(*command: str) -> tuple[int, str, str]:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
        return done.returncode, done.stdout, done.stderr

    assert words("evselect", "-v")[1] == "evselect (evselect-3.71.2) [xmmsas_20230412_1735-21.0.0]\n"
    assert "SAS release: xmmsas_20230412_1735-21.0.0" in words("sasversion")[1]
    assert words("evselect", "Table=pn.ds") == (
        1,
        "",
        "** evselect: error (UnknownParameter), parameter `Table' is not known to this task\n",
    )
    args = ("table=pn.ds", "spectrumset=s.pha", "expression=PI>500", "energycolumn=PI")
    assert words("evselect", "-V", "5", *args)[0] == 0
    assert read_pha(Path("s.pha")).counts.sum() > 100
    set_faults(desk.installed.root, {"evselect": {"kind": "no-product"}})
    try:
        assert words("evselect", *args)[0] == 0
        assert not Path("s.pha").exists()
    finally:
        set_faults(desk.installed.root, {})
    assert calls(desk.installed.root, "evselect")[-1]["cwd"] == str(desk.folder)


@pytest.mark.parametrize(
    ("tool", "args", "said"),
    [
        (
            "evselect",
            ("table=pn.ds", "timebinsize=often"),
            "(BadParameterValue), value `often' of parameter `timebinsize'",
        ),
        ("evselect", ("table=pn.ds", "imagebinning=pixels"), "(one of imageSize, binSize)"),
        ("evselect", ("withrateset=yes",), "(MissingParameter), mandatory parameter `table' has no value"),
        ("evselect", ("table=pn.ds", "table=pn.ds"), "given more than once"),
        ("evselect", ("table",), "not of the form parameter=value"),
        ("evselect", ("table=nothing.ds",), "(DatasetNotFound)"),
        ("evselect", ("table=pn.ds", "expression=ENERGY>3"), "(ColumnNotFound), column `ENERGY'"),
        ("evselect", ("table=pn.ds", "expression=#XMMEA_EM"), "(UnknownMacro)"),
        ("evselect", ("table=pn.ds", "expression=(PI>300"), "(InvalidExpression)"),
        ("evselect", ("table=pn.ds", "expression=gti(no.gti,TIME)"), "(DatasetNotFound)"),
        ("evselect", ("table=pn.ds", "expression=(X,Y) IN circle(3,4)"), "(RegionInvalid)"),
        ("cifbuild", ("analysisdate=today",), "(BadParameterValue)"),
        ("epproc", ("-q",), "(UnknownOption)"),
    ],
)
def test_parameters_that_are_wrong(desk: Desk, tool: str, args: tuple[str, ...], said: str) -> None:
    line, status = desk.refused(tool, *args)
    assert line.startswith(f"** {tool}: error (")
    assert said in line
    assert status == 1


def test_needs_its_environment(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SAS_CCF")
    assert "(noCcf)" in desk.refused("epproc")[0]
    monkeypatch.setenv("SAS_CCF", "other.cif")
    assert "(CifNotFound)" in desk.refused("epproc")[0]
    monkeypatch.setenv("SAS_CCF", "pn.ds")
    assert "(CifInvalid)" in desk.refused("epproc")[0]
    monkeypatch.setenv("SAS_CCF", "ccf.cif")
    monkeypatch.setenv("SAS_ODF", str(desk.installed.odf))
    assert "(noSummaryFile)" in desk.refused("epproc")[0]
    monkeypatch.delenv("SAS_ODF")
    assert "(noOdf)" in desk.refused("epproc")[0]
    summary = Path(f"{STEM}_SCX00000SUM.SAS")
    monkeypatch.setenv("SAS_ODF", str(summary))
    lines = summary.read_text().splitlines()
    assert lines[0] == f"PATH {desk.installed.odf}/"
    summary.write_text("\n".join(["PATH gone/", *lines[1:]]))
    assert "(OdfNotFound)" in desk.refused("epproc")[0]
    Path("gone").symlink_to(desk.installed.odf)
    desk.call("atthkgen", "atthkset=a.ds")
    monkeypatch.setenv("SAS_PATH", str(desk.folder))
    assert "(ParamFileNotFound)" in desk.refused("epproc")[0]


def test_the_calibration_index_has_the_date_it_was_asked_for(desk: Desk) -> None:
    index = find(read(Path("ccf.cif")), "CALINDEX", "ccf.cif")
    assert index.get("ANALDATE") == "2024-01-01"
    assert index.get("OBSVDATE") == "2015-07-08T00:10:00"
    first = index.rows["FILENAME"][0].decode()
    assert first.startswith(os.environ["SAS_CCFPATH"])


def test_packed_raw_data_must_be_unpacked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_xmm_raw(desk.folder / "data", "0999000999", instruments=("RGS1",), odf="odf", packed=True)
    assert sorted(path.suffix for path in (made / "odf").iterdir()) == [".123457", ".ASC", *[".gz"] * 4]
    monkeypatch.setenv("SAS_ODF", str(made / "odf"))
    desk.call("odfingest")
    monkeypatch.setenv("SAS_ODF", "2345_0999000999_SCX00000SUM.SAS")
    assert "(noAttitude)" in desk.refused("atthkgen")[0]


def test_epproc_makes_all_exposures_and_the_attitude(desk: Desk) -> None:
    names = {path.name for path in desk.installed.made.iterdir()}
    assert {
        f"{STEM}_EPN_S003_ImagingEvts.ds",
        f"{STEM}_EPN_U014_ImagingEvts.ds",
        f"{STEM}_EPN_U015_TimingEvts.ds",
        f"{STEM}_AttHk.ds",
    } < names
    events = open_events(Path("pn.ds"), desk.folder)
    assert events.header.obsid == OBSID
    assert events.header.cards["DATE-OBS"] > "2015-07-08T00:25"
    assert not events.notes
    # the same, of out-of-time events, has the same names
    desk.call("epproc", "withoutoftime=yes", "withinstexpids=yes", "instexpids=PNS003")
    late, plain = (read(folder / f"{STEM}_EPN_S003_ImagingEvts.ds")[1] for folder in (desk.folder, desk.installed.made))
    assert np.array_equal(late.rows["TIME"], plain.rows["TIME"])
    assert not np.array_equal(late.rows["RAWY"], plain.rows["RAWY"])


def test_chains_name_their_lists_in_the_older_way(desk: Desk) -> None:
    desk.call("epchain")
    assert Path(f"P{OBSID}PNS003PIEVLI0000.FIT").is_file()
    assert Path(f"P{OBSID}OBX000ATTTSR0000.FIT").is_file()
    desk.call("epchain", "exposure=2")
    assert Path(f"P{OBSID}PNU014PIEVLI0000.FIT").is_file()
    desk.call("epchain", "odfaccess=odf", "exposure=14", "schedule=U", "withoutoftime=Y")
    assert Path(f"P{OBSID}PNU014OOEVLI0000.FIT").is_file()
    desk.call("epchain", "datamode=TIMING")
    assert Path(f"P{OBSID}PNU015TIEVLI0000.FIT").is_file()
    line, status = desk.refused("epchain", "exposure=3")
    assert line.startswith("** epchain: error (noExposure)")
    assert status == 0
    desk.call("emchain", "exposures=1", "instruments=M1")
    assert Path(f"P{OBSID}M1S001MIEVLI0000.FIT").is_file()
    assert desk.refused("emchain", "exposures=S002")[1] == 0
    desk.call("emproc", "selectinstruments=yes", "emos1=yes", "emos2=no")
    assert Path(f"{STEM}_EMOS1_S001_ImagingEvts.ds").is_file()


def test_two_chains_cannot_share_a_folder(desk: Desk) -> None:
    Path("epchain_frames.in").touch()
    assert "(IntermediateFileExists)" in desk.refused("epchain")[0]


def test_merge_joins_exposures(desk: Desk) -> None:
    desk.call("merge", f"set1={STEM}_EPN_S003_ImagingEvts.ds", "set2=pn.ds", "outset=all.fits")
    parts = [open_events(Path(name), desk.folder) for name in (f"{STEM}_EPN_S003_ImagingEvts.ds", "pn.ds")]
    whole = open_events(Path("all.fits"), desk.folder)
    assert whole.rows == sum(part.rows for part in parts)
    assert whole.header.livetime == pytest.approx(sum(part.header.livetime for part in parts))
    assert whole.header.tstart == parts[0].header.tstart
    assert np.all(np.diff(find(read(Path("all.fits")), "EVENTS", "").rows["TIME"]) >= 0)
    desk.call("emchain")
    other = f"P{OBSID}M1S001MIEVLI0000.FIT"
    assert "(incompatible)" in desk.refused("merge", "set1=pn.ds", f"set2={other}", "outset=x.fits")[0]


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
    rate = ("withrateset=yes", "makeratecolumn=yes", "maketimecolumn=yes")
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
    assert "(differentTimes)" in desk.refused("epiclccorr", *both, "outset=x.lc")[0]


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
    assert whole.counts.sum() == sum(part.counts.sum() for part in parts)
    assert whole.exposure == sum(part.exposure for part in parts)
    assert whole.header["RESPFILE"] == "r.rsp"
    check_channels(whole, read_response(Path("r.rsp"), None), "r.src", "r.rsp")
    short = [f"pha={names['SRSPEC'][0]}", *lists[1:]]
    assert "1 pha, 2 rmf, 2 bkg" in desk.refused("rgscombine", *short, *out)[0]
    # with good times, from a later stage on
    desk.call("gtibuild", f"file={_times(desk.folder)}", "table=r.gti")
    desk.call("rgsproc", "entrystage=3:filter", "finalstage=5:fluxing", "auxgtitables=r.gti", "orders=1")
    assert desk.refused("rgsproc", "entrystage=4:spectra", "withinstexpids=yes", "instexpids=R1S009")[1] == 0


def _times(folder: Path) -> Path:
    path = folder / "good.txt"
    path.write_text("552000000.0 552003000.0 +\n")
    return path


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
    line, status = desk.refused("edetect_chain", images, *more[:2], "pimin=500", "pimax=2000 10000", "ecf=1.0 1.0")
    assert "2 images but 1 values of pimin" in line
    assert status == 0


def _band(low: int, high: int) -> np.ndarray:
    events = find(read(Path("pn.ds")), "EVENTS", "")
    rows = events.rows
    good = (rows["FLAG"] & 0xCFA0000) == 0
    return rows[good & (rows["PI"] >= low) & (rows["PI"] <= high) & (rows["X"] > 0) & (rows["Y"] > 0)]
