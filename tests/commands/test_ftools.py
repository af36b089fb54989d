"""The calls of HEASoft's common tools, argument by argument as pipelines in use give them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.commands import ftools


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


def test_grouping_of_ngc5506() -> None:
    call = ftools.grppha("spec_1_b_sr.pha", "spec_1_b.grp", ftools.grppha_commands(counts=20))
    assert call.command == (
        "grppha",
        "infile=spec_1_b_sr.pha",
        "outfile=!spec_1_b.grp",
        "comm=group min 20&exit",
        "tempc=exit",
    )


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


def test_times_at_the_barycentre() -> None:
    call = ftools.barycorr("a.evt", "b.evt", "a.attorb", (187.2779, 2.0524), ephemeris="JPLEPH.430", frame="ICRS")
    assert call.command == (
        "barycorr",
        "infile=a.evt",
        "outfile=b.evt",
        "orbitfiles=a.attorb",
        "ra=187.2779",
        "dec=2.0524",
        "ephem=JPLEPH.430",
        "refframe=ICRS",
    )
    assert ftools.barycorr("a.evt", "b.evt", "a.attorb", (1.0, 2.0)).command[-1] == "dec=2"


def test_image_of_an_energy_range() -> None:
    call = ftools.extractor_image(
        "list.evt", "b.img", channels=(35, 1909), region="r.reg", times="t.gti", binning=4, columns=("DET1X", "DET1Y")
    )
    assert call.expects == ("b.img",)
    given = dict(call.args)
    assert (given["filename"], given["imgfile"]) == ("list.evt[PI=35:1909]", "b.img")
    assert (given["regionfile"], given["timefile"], given["binf"]) == ("r.reg", "t.gti", "4")
    assert {given[name] for name in ("xcolf", "xcolh")} == {"DET1X"}
    assert {given[name] for name in ("ycolf", "ycolh")} == {"DET1Y"}
    assert {given[name] for name in ("eventsout", "phafile", "fitsbinlc")} == {"NONE"}
    assert ftools.extractor_image("list.evt", "b.img").command == (
        "extractor",
        "filename=list.evt",
        "eventsout=NONE",
        "imgfile=b.img",
        "binf=1",
        "fullimage=yes",
        "phafile=NONE",
        "fitsbinlc=NONE",
        "regionfile=NONE",
        "timefile=NONE",
        "xcolf=X",
        "ycolf=Y",
        "tcol=TIME",
        "ecol=PI",
        "xcolh=X",
        "ycolh=Y",
        "gti=GTI",
        "clobber=yes",
    )


def test_sum_without_backgrounds_and_responses() -> None:
    call = ftools.addspec("sum.txt", "all", responses=False, subtract=False)
    assert call.expects == ("all.pha",)
    assert call.args[2:] == (("qaddrmf", "no"), ("qsubback", "no"))


TYPES = {
    "bmin": {"counts": 5.0},
    "constant": {"channels": 3},
    "min": {"counts": 20.0},
    "snmin": {"snr": 3.5},
    "opt": {},
    "optmin": {"counts": 20.0},
    "optsnmin": {"snr": 6.0},
    "file": {},
}


@pytest.mark.parametrize("kind", TYPES)
def test_types_of_ftgrouppha_with_their_scales(kind: str) -> None:
    call = ftools.ftgrouppha("a.pha", "b.pha", {"type": kind, **TYPES[kind]}, channels=(35, 1909))
    given = dict(call.args)
    assert given["grouptype"] == kind
    assert given.get("groupscale") == next((f"{value:g}" for value in TYPES[kind].values()), None)
    assert (given["minchannel"], given["maxchannel"]) == ("35", "1909")
    assert not {"backfile", "respfile", "templatefile"} & set(given)
    assert call.expects == ("b.pha",)


def test_files_of_ftgrouppha() -> None:
    call = ftools.ftgrouppha(
        "a.pha", "b.pha", {"type": "file"}, background="bgd.pha", response="r.rmf", template="t.pha"
    )
    given = dict(call.args)
    assert (given["backfile"], given["respfile"], given["templatefile"]) == ("bgd.pha", "r.rmf", "t.pha")


def test_types_that_ftgrouppha_does_not_have_are_refused() -> None:
    with pytest.raises(ValueError, match="does not group by 'nutools', only by bmin, constant"):
        ftools.ftgrouppha("a", "b", {"type": "nutools"})


def test_cards_are_changed_before_all_else() -> None:
    commands = ftools.grppha_commands(keys={"BACKFILE": "none", "RESPFILE": "r.rmf"}, bad=[(0, 3)], files=["g.txt"])
    assert commands == ("chkey BACKFILE none", "chkey RESPFILE r.rmf", "bad 0-3", "group g.txt")
    assert ftools.grppha_commands() == ()
