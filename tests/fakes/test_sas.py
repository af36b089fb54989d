"""The fake SAS: its tasks refuse what the real ones refuse, and make the lists of all exposures."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.fakes.core import calls, set_faults
from tests.fakes.sas import RELEASE
from tests.fakes.sas.desk import OBSID, STEM, Desk, Installed
from tests.fakes.sas.fitsfile import find, read, write
from tests.fakes.sas.parameters import tasks
from tests.fakes.sas.raw import make_xmm_raw
from xbatch.commands.call import SAS, Call
from xbatch.commands.parfile import problems, read_sas
from xbatch.ogip.events import open_events
from xbatch.ogip.pha import read_pha


def test_every_task_has_a_parameter_file_that_this_program_reads(sas_installed: Installed) -> None:
    for task, (_, parameters) in tasks(RELEASE).items():
        path = sas_installed.root / "config" / f"{task}.par"
        assert set(read_sas(path).parameters) == {one.name for one in parameters}
        assert (sas_installed.root / "bin" / task).stat().st_mode & 0o111
    known = read_sas(sas_installed.root / "config" / "evselect.par")
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


#: SAS 21.0.0 was given out without one part of the chain.
WHOLE = ("runradmonfix=N",)


def test_chains_name_their_lists_in_the_older_way(desk: Desk) -> None:
    desk.call("epchain", *WHOLE)
    assert Path(f"P{OBSID}PNS003PIEVLI0000.FIT").is_file()
    assert Path(f"P{OBSID}OBX000ATTTSR0000.FIT").is_file()
    desk.call("epchain", *WHOLE, "exposure=2")
    assert Path(f"P{OBSID}PNU014PIEVLI0000.FIT").is_file()
    desk.call("epchain", *WHOLE, "odfaccess=odf", "exposure=14", "schedule=U", "withoutoftime=Y")
    assert Path(f"P{OBSID}PNU014OOEVLI0000.FIT").is_file()
    desk.call("epchain", *WHOLE, "datamode=TIMING")
    assert Path(f"P{OBSID}PNU015TIEVLI0000.FIT").is_file()
    line, status = desk.refused("epchain", *WHOLE, "exposure=3")
    assert line.startswith("** epchain: error (noExposure)")
    assert status == 0
    desk.call("emchain", "exposures=1", "instruments=M1")
    assert Path(f"P{OBSID}M1S001MIEVLI0000.FIT").is_file()
    assert desk.refused("emchain", "exposures=S002")[1] == 0
    desk.call("emproc", "selectinstruments=yes", "emos1=yes", "emos2=no")
    assert Path(f"{STEM}_EMOS1_S001_ImagingEvts.ds").is_file()


def test_two_chains_cannot_share_a_folder(desk: Desk) -> None:
    Path("epchain_frames.in").touch()
    assert "(IntermediateFileExists)" in desk.refused("epchain", *WHOLE)[0]


def test_raw_events_that_epchain_leaves_are_of_one_exposure(desk: Desk) -> None:
    first, second = ("withoutoftime=Y", "keepintermediate=raw"), "runepframes=N"
    assert "(rawEvents)" in desk.refused("epchain", *WHOLE, second)[0]
    desk.call("epchain", *WHOLE, *first)
    desk.call("epchain", *WHOLE, second)
    desk.call("epchain", *WHOLE, *first, "odfaccess=all")
    assert "no raw events of S003" in desk.refused("epchain", *WHOLE, second, "odfaccess=all")[0]


def test_merge_sorts_lists_and_no_events(desk: Desk) -> None:
    early = f"{STEM}_EPN_S003_ImagingEvts.ds"
    for number, start in enumerate((0.0, 2e5, 1e5)):
        hdus = read(Path(early))
        events = find(hdus, "EVENTS", early)
        rows = events.rows
        rows["TIME"] += start
        events.rows = rows
        events.set("TSTART", float(events.get("TSTART")) + start)
        write(Path(f"{number}.ds"), hdus)
    desk.call("merge", "set1=1.ds", "set2=0.ds", "outset=a.ds")
    assert np.all(np.diff(find(read(Path("a.ds")), "EVENTS", "").rows["TIME"]) >= 0)
    desk.call("merge", "set1=a.ds", "set2=2.ds", "outset=b.ds")
    assert not np.all(np.diff(find(read(Path("b.ds")), "EVENTS", "").rows["TIME"]) >= 0)


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
