from __future__ import annotations

from pathlib import Path

import pytest

from xbatch.base.errors import FileError
from xbatch.commands.call import HEASOFT, SAS, Call
from xbatch.commands.parfile import Parameter, ParameterFile, find_parameters, problems, read_heasoft, read_sas

PRODUCTS = """\
# made for tests, after nuproducts.par
indir,s,a,"",,,"Directory containing the input files, screened"
steminputs,s,a,"",,,"Stem"
orbitfile,s,a,"",,,"asked for where barycorr=yes"
barycorr,b,h,no,,,"Barycentre?"
instrument, s, a, "FPMA", FPMA|FPMB, , "Instrument name (FPMA, FPMB)"
outdir,s,q,,,,"an "open quote
binsize,r,h,10.0,0.1,1d5,"Light curve bin size (sec)"
pilow,i,h,35,0,4095,"Lower PI"
runmkarf,b,h,yes,,,"Generate ARF?"
infile,fr,h,NONE,,,"File, that can be read"
oddrange,i,h,5,10,1,"min above max: no range"
clobber,b,h,no,,,"Overwrite?"
mode,s,h,"ql",,,
"""
EVSELECT = """\
<?xml version="1.0" encoding="ISO-8859-1" standalone="no" ?>
<!DOCTYPE FILE SYSTEM "sas.dtd">
<FILE><CONFIG>
 <PARAM id="table" type="table" mandatory="yes"><DESCRIPTION>the event list</DESCRIPTION></PARAM>
 <PARAM id="filtertype" type="string" default="expression">
  <CASE>
   <ITEM value="dssblock"><PARAM id="dssblock" type="block" mandatory="yes"/></ITEM>
   <ITEM value="expression"><PARAM id="expression" type="string" default="true"/></ITEM>
  </CASE>
 </PARAM>
 <PARAM id="withspectrumset" type="bool" default="no">
  <CASE><ITEM value="yes">
   <PARAM id="spectrumset" type="dataset" mandatory="yes"/>
   <PARAM id="spectralbinsize" type="int" default="5"/>
  </ITEM></CASE>
 </PARAM>
 <PARAM id="pimin" type="int" list="yes" default="300 500"/>
 <PARAM id="ecf" type="listreal" default="1.0"/>
 <PARAM id="imagesets" type="dataset" list="yes" default=""/>
</CONFIG></FILE>
"""


@pytest.fixture
def nuproducts(tmp_path: Path) -> ParameterFile:
    path = tmp_path / "nuproducts.par"
    path.write_text(PRODUCTS)
    return read_heasoft(path)


@pytest.fixture
def evselect(tmp_path: Path) -> ParameterFile:
    path = tmp_path / "evselect.par"
    path.write_text(EVSELECT)
    return read_sas(path)


def call(*args: str) -> Call:
    return Call(HEASOFT, "nuproducts", tuple(arg.partition("=")[::2] for arg in args))


GOOD = ("indir=in", "outdir=out", "steminputs=nu1")


def test_a_file_of_heasoft(nuproducts: ParameterFile) -> None:
    found = nuproducts.parameters
    assert list(found)[:3] == ["indir", "steminputs", "orbitfile"]
    assert found["indir"] == Parameter("indir", "s", "", required=True)
    assert found["instrument"] == Parameter("instrument", "s", "FPMA", choices=("FPMA", "FPMB"))
    assert found["outdir"].required
    assert found["orbitfile"].parent == ("barycorr", "yes")
    assert (found["binsize"].low, found["binsize"].high) == (0.1, 1e5)
    assert found["infile"].kind == "f"
    assert "clobber" in found  # the open quote has cost its own line alone


@pytest.mark.parametrize(
    ("args", "wrong"),
    [
        (("binsize=256", "pilow=40", "runmkarf=no", "instrument=FPMB", "infile=a.evt"), []),
        (("runmkarf=T", "binsize=1.0D2", "instrument=fpma", "pilow=INDEF", "oddrange=99"), []),
        (("binsize={curves:binsize}", "pilow={curves:lo}"), []),
        (("binsize=0.05",), ["binsize=0.05 of nuproducts is out of range: 0.1 to 100000"]),
        (("binsize=fast",), ["binsize=fast of nuproducts is not a number"]),
        (("pilow=35.5",), ["pilow=35.5 of nuproducts is not a whole number"]),
        (("runmkarf=perhaps",), ["runmkarf=perhaps of nuproducts is not yes or no"]),
        (("instrument=EPN",), ["instrument=EPN of nuproducts is none of FPMA, FPMB"]),
        (("pilow=1", "pilow=2"), ["nuproducts is given pilow twice"]),
    ],
)
def test_values(nuproducts: ParameterFile, args: tuple[str, ...], wrong: list[str]) -> None:
    assert problems(call(*GOOD, *args), nuproducts) == wrong


@pytest.mark.parametrize(
    ("name", "meant"), [("bin", "binsize"), ("BINSIZE", "binsize"), ("runmkrf", "runmkarf"), ("zzz", "")]
)
def test_names(nuproducts: ParameterFile, name: str, meant: str) -> None:
    (wrong,) = problems(call(*GOOD, f"{name}=1"), nuproducts)
    assert wrong.startswith(f"nuproducts has no parameter {name} in the version installed here ({nuproducts.path})")
    assert wrong.endswith(f"; did you mean {meant}?") == bool(meant)


def test_what_is_required(nuproducts: ParameterFile) -> None:
    assert problems(call(*GOOD, "barycorr=y"), nuproducts) == ["nuproducts needs orbitfile, which is not given"]
    assert problems(call("indir=in", "steminputs=nu1", "instrument=FPMA"), nuproducts) == [
        "nuproducts needs outdir, which is not given"
    ]


def test_a_mode_of_its_own_asks_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "quiet.par"
    path.write_text('indir,s,a,"",,,"in"\noutdir,s,auto,"",,,"out"\nmode,s,h,"h",,,\n')
    assert problems(Call(HEASOFT, "quiet", ()), read_heasoft(path)) == []


def test_a_file_of_sas(evselect: ParameterFile) -> None:
    found = evselect.parameters
    assert found["table"] == Parameter("table", "s", "", required=True)
    assert found["dssblock"].parent == ("filtertype", "dssblock")
    assert found["filtertype"].choices == ("dssblock", "expression")
    assert found["withspectrumset"].kind == "b"
    assert found["ecf"].many
    assert found["ecf"].kind == "r"


@pytest.mark.parametrize(
    ("args", "wrong"),
    [
        ({"table": "a.fits:EVENTS"}, []),
        ({}, ["evselect needs table, which is not given"]),
        ({"table": "a", "withspectrumset": "Y"}, ["evselect needs spectrumset, which is not given"]),
        ({"table": "a", "withspectrumset": "yes", "spectrumset": "s.pha", "spectralbinsize": "5"}, []),
        ({"table": "a", "withspectrumset": "no"}, []),
        ({"table": "a", "filtertype": "dssblock"}, ["evselect needs dssblock, which is not given"]),
        ({"table": "a", "filtertype": "words"}, ["filtertype=words of evselect is none of dssblock, expression"]),
        ({"table": "a", "pimin": "300 500 1000", "ecf": "1.5 2 3e-1"}, []),
        ({"table": "a", "pimin": "300 x"}, ["pimin=300 x of evselect is not a whole number"]),
        ({"table": "a", "imagesets": '"a b.fits" c.fits'}, []),
        (
            {"table": "a", "tabel": "b"},
            ["evselect has no parameter tabel in the version installed here ({}); did you mean table?"],
        ),
    ],
)
def test_calls_of_sas(evselect: ParameterFile, args: dict[str, str], wrong: list[str]) -> None:
    made = Call(SAS, "evselect", tuple(args.items()))
    assert problems(made, evselect) == [one.replace("{}", str(evselect.path)) for one in wrong]


def test_files_are_found_in_the_order_of_the_folders(tmp_path: Path) -> None:
    for name in ("own", "system"):
        (tmp_path / name).mkdir()
    (tmp_path / "system" / "a.par").write_text("x,i,h,1,,,\n")
    folders = (tmp_path / "own", tmp_path / "system")
    found = find_parameters("a", HEASOFT, folders)
    assert found is not None
    assert found.path == tmp_path / "system" / "a.par"
    (tmp_path / "own" / "a.par").write_text("y,i,h,1,,,\n")
    found = find_parameters("a", HEASOFT, folders)
    assert found is not None
    assert list(found.parameters) == ["y"]
    assert find_parameters("b", HEASOFT, folders) is None
    (tmp_path / "own" / "c.par").write_text(EVSELECT)
    found = find_parameters("c", SAS, folders)
    assert found is not None
    assert "table" in found.parameters


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.par"
    path.write_text("nothing\n")
    with pytest.raises(FileError, match="declares no parameter"):
        read_heasoft(path)
    with pytest.raises(FileError, match="is no parameter file of SAS"):
        read_sas(path)
    for read in (read_heasoft, read_sas):
        with pytest.raises(FileError, match="cannot be read"):
            read(tmp_path / "none.par")


def test_what_a_task_finds_for_itself_is_not_required(tmp_path: Path) -> None:
    path = tmp_path / "nuproducts.par"
    path.write_text("indir,s,a,,,,\ninobebhkfile,f,a,,,,\nmode,s,h,ql,,,\n")
    assert problems(Call(HEASOFT, "nuproducts", ()), read_heasoft(path)) == [
        "nuproducts needs indir, which is not given"
    ]
