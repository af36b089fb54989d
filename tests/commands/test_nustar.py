"""The calls of NuSTAR's tools, argument by argument as pipelines in use give them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.commands import ftools, nuproducts, nustar
from xbatch.commands.call import HEASOFT, Call
from xbatch.commands.nuproducts import Area, Barycentre, Curves
from xbatch.commands.nustar import Module
from xbatch.commands.parfile import find_parameters, problems

TUTORIAL = Module("60001110002", "FPMA", "60001110002_p/event_cl")


def _args(call: Call, *without: str) -> dict[str, str]:
    return {name: value for name, value in call.args if name not in without}


def test_reduction_of_the_tutorial() -> None:
    call = nustar.nupipeline("60001110002", "60001110002_p/event_cl", instrument="FPMA", clobber=True)
    assert call.command == (
        "nupipeline",
        "indir=60001110002",
        "outdir=60001110002_p/event_cl",
        "steminputs=nu60001110002",
        "instrument=FPMA",
        "clobber=yes",
    )
    assert call.expects == ("60001110002_p/event_cl/nu60001110002A01_cl.evt",)


def test_light_curve_of_the_tutorial() -> None:
    call = Curves(TUTORIAL, Area("src.reg", "bgd.reg"), 256).call("60001110002_p/lc")
    assert call.command == (
        "nuproducts",
        "indir=60001110002_p/event_cl",
        "outdir=60001110002_p/lc",
        "instrument=FPMA",
        "steminputs=nu60001110002",
        "binsize=256",
        "bkgextract=yes",
        "srcregionfile=src.reg",
        "bkgregionfile=bgd.reg",
        "imagefile=none",
        "phafile=DEFAULT",
        "bkgphafile=DEFAULT",
        "runbackscale=yes",
        "correctlc=yes",
        "runmkarf=no",
        "runmkrmf=no",
    )
    assert call.expects == tuple(
        f"60001110002_p/lc/nu60001110002A01_{kind}" for kind in ("sr.lc", "bk.lc", "sr.pha", "bk.pha")
    )


def test_spectrum_of_the_tutorial() -> None:
    call = nuproducts.spectrum_call(TUTORIAL, "60001110002_p/spec", Area("src.reg", "bgd.reg"))
    assert call.command == (
        "nuproducts",
        "indir=60001110002_p/event_cl",
        "outdir=60001110002_p/spec",
        "instrument=FPMA",
        "steminputs=nu60001110002",
        "bkgextract=yes",
        "srcregionfile=src.reg",
        "bkgregionfile=bgd.reg",
        "phafile=DEFAULT",
        "bkgphafile=DEFAULT",
        "runbackscale=yes",
        "runmkarf=yes",
        "runmkrmf=yes",
        "imagefile=NONE",
        "lcfile=NONE",
        "bkglcfile=NONE",
    )
    stem = "60001110002_p/spec/nu60001110002A01"
    assert call.expects == (f"{stem}_sr.pha", f"{stem}_bk.pha", f"{stem}_sr.arf", f"{stem}_sr.rmf")


def test_grouping_of_the_tutorial() -> None:
    # The background and the net signal-to-noise ratio are chosen, not left to what the tool finds.
    stem = "nu60001110002A01_sr"
    binning = {"type": "optsnmin", "snr": 6.0}
    call = ftools.ftgrouppha(f"{stem}.pha", f"{stem}.grp", binning, response=f"{stem}.rmf")
    assert call.command == (
        "ftgrouppha",
        f"infile={stem}.pha",
        f"outfile={stem}.grp",
        "grouptype=optsnmin",
        "groupscale=6",
        f"respfile={stem}.rmf",
        "clobber=yes",
    )


NGC5506 = Module("60061323002", "FPMB", "60061323002_p/event_cl")


def test_reduction_of_ngc5506() -> None:
    call = nustar.nupipeline("60061323002", "60061323002_p/event_cl", stages=(1, 2), pointing="OBJECT")
    assert call.command == (
        "nupipeline",
        "indir=60061323002",
        "outdir=60061323002_p/event_cl",
        "steminputs=nu60061323002",
        "entrystage=1",
        "exitstage=2",
        "pntra=OBJECT",
        "pntdec=OBJECT",
    )
    assert len(call.expects) == 2


def test_reduction_of_a_bright_source() -> None:
    screening = {
        "saamode": "strict",
        "statusexpr": "STATUS==b0000xx00xx0xx000",
        "cleanflick": False,
        "hkevtexpr": "NONE",
    }
    call = nustar.nupipeline("60061323002", "out", screening=screening)
    assert call.args[3:] == (
        ("saamode", "STRICT"),
        ("statusexpr", "STATUS==b0000xx00xx0xx000"),
        ("cleanflick", "no"),
        ("hkevtexpr", "NONE"),
    )


def test_spectrum_of_ngc5506() -> None:
    call = nuproducts.spectrum_call(NGC5506, ".", Area("src.reg", "bgd.reg"))
    # The stem of the outputs is not that of the source: names are given when they are kept. No light curve of the
    # background is made that nobody asked for.
    assert _args(call, "bkglcfile") == {
        "bkgextract": "yes",
        "imagefile": "NONE",
        "lcfile": "NONE",
        "phafile": "DEFAULT",
        "bkgphafile": "DEFAULT",
        "runbackscale": "yes",
        "runmkarf": "yes",
        "runmkrmf": "yes",
        "srcregionfile": "src.reg",
        "bkgregionfile": "bgd.reg",
        "indir": "60061323002_p/event_cl",
        "outdir": ".",
        "instrument": "FPMB",
        "steminputs": "nu60061323002",
    }


def test_spectrum_of_selected_barycentred_times() -> None:
    barycentre = Barycentre((213.312, -3.2075), "nu60061323002B.attorb", times=False)
    call = nuproducts.spectrum_call(NGC5506, ".", Area("src.reg", "bgd.reg", "high.gti"), barycentre=barycentre)
    assert call.args[-6:] == (
        ("usrgtifile", "high.gti"),
        ("barycorr", "yes"),
        ("srcra_barycorr", "213.312"),
        ("srcdec_barycorr", "-3.2075"),
        ("orbitfile", "nu60061323002B.attorb"),
        ("usrgtibarycorr", "no"),
    )


def test_grouping_of_ngc5506() -> None:
    call = ftools.grppha("spec_1_b_sr.pha", "spec_1_b.grp", ftools.grppha_commands(counts=20))
    assert call.command == (
        "grppha",
        "infile=spec_1_b_sr.pha",
        "outfile=!spec_1_b.grp",
        "comm=group min 20&exit",
        "tempc=exit",
    )


@pytest.mark.parametrize(
    ("band", "first", "pis", "energy"),
    [
        ((3.0, 79.0), True, ("35", "1934"), "41"),
        # By rounding down 20 keV would begin at 459.
        ((20.0, 30.0), False, ("460", "709"), "25"),
        ((2.0, 3.0), False, ("10", "34"), "3.1"),
        ((3.0, 10.0), False, ("35", "209"), "6.5"),
    ],
)
def test_light_curves_of_ngc5506(band: tuple[float, float], first: bool, pis: tuple[str, str], energy: str) -> None:
    call = Curves(NGC5506, Area("src.reg", "bgd.reg"), 128).call(".", band, spectra=first)
    pha = "DEFAULT" if first else "NONE"
    assert _args(call) == {
        "indir": "60061323002_p/event_cl",
        "outdir": ".",
        "instrument": "FPMB",
        "steminputs": "nu60061323002",
        "bkgextract": "yes",
        "srcregionfile": "src.reg",
        "bkgregionfile": "bgd.reg",
        "imagefile": "none",
        "phafile": pha,
        "bkgphafile": pha,
        "runbackscale": "yes",
        "runmkarf": "no",
        "runmkrmf": "no",
        "correctlc": "yes",
        "binsize": "128",
        "pilow": pis[0],
        "pihigh": pis[1],
        "lcenergy": energy,
    }


def test_subtraction_of_ngc5506() -> None:
    call = ftools.lcmath("b_sr.lc", "b_bk.lc", "b.lc", 0.25)
    assert call.command == (
        "lcmath",
        "infile=b_sr.lc",
        "bgfile=b_bk.lc",
        "outfile=b.lc",
        "multi=1.0",
        "multb=0.25",
        "addsubr=no",
    )


def test_spectrum_of_an_extended_source() -> None:
    module = Module("30001002001", "FPMA", "30001002001_p/event_cl")
    call = nuproducts.spectrum_call(module, "products", Area("Source_NE.reg", "bg_30001002001A.reg"), extended=True)
    own = ("phafile", "bkgphafile", "runbackscale", "runmkarf", "runmkrmf", "bkgextract")  # at the tool's defaults
    assert _args(call, *own) == {
        "indir": "30001002001_p/event_cl",
        "outdir": "products",
        "instrument": "FPMA",
        "steminputs": "nu30001002001",
        "srcregionfile": "Source_NE.reg",
        "bkgregionfile": "bg_30001002001A.reg",
        "imagefile": "NONE",
        "lcfile": "NONE",
        "bkglcfile": "NONE",
        "correctlc": "no",
        "extended": "yes",
    }
    assert {call_value for name, call_value in call.args if name in own} == {"DEFAULT", "yes"}


def test_sum_of_a_year() -> None:
    call = ftools.addspec("sum.txt", "e2012")
    assert call.command == ("addspec", "infil=sum.txt", "outfil=e2012", "qaddrmf=yes", "qsubback=yes")
    assert call.expects == ("e2012.pha", "e2012.bak", "e2012.rsp")


def test_grouping_by_a_file() -> None:
    call = ftools.grppha("src.pha", "src.grp", ftools.grppha_commands(files=["src.txt"]))
    assert call.command == ("grppha", "infile=src.pha", "outfile=!src.grp", "comm=group src.txt&exit", "tempc=exit")


def test_bad_channels_come_before_groups() -> None:
    commands = ftools.grppha_commands(
        counts=30, bad=[(0, 34), (100, 100)], systematic=[(0, 4095, 0.03)], ranges=[(35, 99, 5)]
    )
    assert commands == ("bad 0-34", "bad 100", "systematics 0-4095 0.03", "group 35 99 5", "group min 30")


def test_groups_as_lines() -> None:
    groups = [(1, 4), (5, 8), (9, 9), (10, 13), (14, 15)]
    # Runs are not joined across a single channel, which would move the groups after it.
    assert ftools.group_lines(groups) == ["1 8 4", "10 13 4", "14 15 2"]


@given(st.lists(st.integers(1, 6), max_size=40), st.integers(0, 5))
def test_lines_give_the_groups_back(widths: list[int], start: int) -> None:
    groups = []
    for width in widths:
        groups.append((start, start + width - 1))
        start += width
    found = []
    for line in ftools.group_lines(groups):
        first, last, width = map(int, line.split())
        assert (last - first + 1) % width == 0
        found += [(lo, lo + width - 1) for lo in range(first, last + 1, width)]
    assert found == [pair for pair in groups if pair[1] > pair[0]]


def test_exposure_map_barycentre_and_backscale() -> None:
    expomap = nustar.nuexpomap(TUTORIAL, "exposure.img")
    assert _args(expomap) == {
        "infile": "60001110002_p/event_cl/nu60001110002A01_cl.evt",
        "vignflag": "no",
        "mastaspectfile": "60001110002_p/event_cl/nu60001110002_mast.fits",
        "attfile": "60001110002_p/event_cl/nu60001110002_att.fits",
        "det1reffile": "60001110002_p/event_cl/nu60001110002A_det1.fits",
        "expomapfile": "exposure.img",
    }
    barycorr = ftools.barycorr("a.evt", "b.evt", "a.attorb", (187.2779, 2.0524), ephemeris="JPLEPH.430", frame="ICRS")
    assert barycorr.command == (
        "barycorr",
        "infile=a.evt",
        "outfile=b.evt",
        "orbitfiles=a.attorb",
        "ra=187.2779",
        "dec=2.0524",
        "ephem=JPLEPH.430",
        "refframe=ICRS",
    )
    scaled = nustar.nubackscale(TUTORIAL, "s.pha", "b.pha", "so.pha", "bo.pha", exposure_map="exposure.img")
    assert _args(scaled)["inexpomapfile"] == "exposure.img"


def test_unknown_screening_and_grouping_are_refused() -> None:
    with pytest.raises(ValueError, match="no pattern"):
        nustar.nupipeline("60001110002", "out", screening={"pattern": "0-4"})
    with pytest.raises(ValueError, match="does not group by 'nutools'"):
        ftools.ftgrouppha("a", "b", {"type": "nutools"})


def _all_calls() -> list[Call]:
    area, barycentre = Area("src.reg", "bgd.reg", "t.gti"), Barycentre((1.0, -2.0), "o.attorb")
    screening = {
        "saamode": "optimized",
        "tentacle": True,
        "saacalc": 3,
        "statusexpr": "STATUS==b0",
        "gradeexpr": "GRADE==0",
        "cleanflick": True,
        "hkevtexpr": "NONE",
    }
    curves = Curves(TUTORIAL, area, 0.5, effective_area=False, extended=True, barycentre=barycentre)
    assert Curves.of(json.loads(json.dumps(curves.params()))) == curves
    return [
        nustar.nupipeline(
            "60001110002",
            "out",
            instrument="ALL",
            stages=(1, 2),
            pointing=(187.0, 2.0),
            obsmode="SCIENCE_SC",
            screening=screening,
            split=True,
            clobber=True,
        ),
        nuproducts.spectrum_call(TUTORIAL, "o", area, extended=True, barycentre=barycentre),
        curves.call("o", (3, 10)),
        nustar.nuexpomap(TUTORIAL, "e.img", vignetting=True, energy=10.0),
        nustar.nubackscale(TUTORIAL, "a", "b", "c", "d"),
        ftools.grppha("a.pha", "b.pha", ftools.grppha_commands(counts=20)),
        ftools.addspec("l.txt", "sum"),
        ftools.lcmath("a.lc", "b.lc", "c.lc", 0.5),
        ftools.extractor_image("a.evt", "i.img", channels=(35, 1909)),
        ftools.barycorr("a.evt", "b.evt", "a.attorb", (1.0, -2.0), ephemeris="JPLEPH.430", frame="ICRS"),
        *(
            ftools.ftgrouppha("a.pha", "b.pha", binning, background="c.pha", response="r.rmf", channels=(35, 1909))
            for binning in ({"type": "optmin", "counts": 20.0}, {"type": "snmin", "snr": 3.0}, {"type": "opt"})
        ),
    ]


def _wrong(folder: Path, tools: set[str]) -> list[str]:
    """Hold all calls of some tools against parameter files."""
    found = []
    for call in _all_calls():
        parameters = find_parameters(call.tool, HEASOFT, [folder]) if call.tool in tools else None
        assert parameters is not None or call.tool not in tools
        found += problems(call, parameters) if parameters is not None else []
    return found


def test_calls_pass_the_parameter_files() -> None:
    folder = Path(__file__).parent.parent / "fakes" / "headas" / "syspfiles"
    assert _wrong(folder, {call.tool for call in _all_calls()}) == []


@pytest.mark.real_data
def test_calls_pass_the_parameters_of_6_20(reference: Path, tmp_path: Path) -> None:
    tasks = json.loads((reference / "heasoft-6.20-parameters.json").read_text())["tasks"]
    for tool, rows in tasks.items():
        lines = [",".join(f'"{one[key]}"' for key in ("name", "type", "mode", "default", "min", "max")) for one in rows]
        (tmp_path / f"{tool}.par").write_text("\n".join(lines) + "\n")
    known = {call.tool for call in _all_calls()} & set(tasks)
    assert known >= {"nupipeline", "nuproducts", "nuexpomap", "nubackscale", "grppha", "addspec", "lcmath"}
    assert _wrong(tmp_path, known) == []


def test_a_frozen_seed_is_told_to_every_tool_that_draws() -> None:
    module = Module("60001110002", "FPMA", "p", frozen_seed=True)
    calls = [
        nustar.nupipeline("60001110002", "p", frozen_seed=True),
        nuproducts.spectrum_call(module, "out", Area("src.reg")),
        nustar.nuexpomap(module, "exposure.img"),
    ]
    assert all(("initseed", "yes") in call.args for call in calls)
    assert not any(name == "initseed" for name, _ in nustar.nupipeline("60001110002", "p").args)
