"""The fake HEASoft's tasks on spectra, light curves and plain files, and what all tasks' parameters are."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.fakes import make_headas
from tests.fakes.headas import TOOLS
from tests.fakes.headas.fitsbytes import part_named, read_parts, write_parts
from tests.fakes.headas.inside import Tools
from tests.fakes.headas.parameters import read_par
from tests.fakes.headas.raw import make_nustar_raw
from xbatch.ogip.curvefile import read_curve
from xbatch.ogip.imagefile import read_image
from xbatch.ogip.pha import read_pha
from xbatch.ogip.response import read_response

STEM = "nu60001110002"
EVENTS = f"{STEM}A01_cl.evt"
PARAMETERS = Path(__file__).parent / "headas" / "syspfiles"
#: What later releases changed of those that HEASoft 6.20 had: task, parameter, field, value now.
LATER = {("nupipeline", "saacalc", "default"): "3"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    """A folder with spectra and light curves of both modules."""
    folder = tmp_path_factory.mktemp("ft")
    truth = make_nustar_raw(folder)
    tools = Tools(make_headas(folder / "tools"), folder)
    tools("nupipeline", "indir=60001110002", "outdir=clean", f"steminputs={STEM}")
    (folder / "src.reg").write_text(f'fk5\ncircle({truth["ra"]},{truth["dec"]},100")\n')
    (folder / "bkg.reg").write_text(f'fk5\nannulus({truth["ra"]},{truth["dec"]},240",320")\n')
    for module in "ab":
        tools(
            "nuproducts",
            "indir=clean",
            f"steminputs={STEM}",
            f"instrument=FPM{module.upper()}",
            "outdir=spectra",
            f"stemout={module}",
            "srcregionfile=src.reg",
            "bkgregionfile=bkg.reg",
            "binsize=500",
            "imagefile=NONE",
        )
    shutil.copy(folder / "clean" / EVENTS, folder / "spectra" / EVENTS)
    return tools


@pytest.fixture
def tools(made: Tools, tmp_path: Path) -> Tools:
    """A folder with copies of them."""
    for path in (*(made.folder / "spectra").iterdir(), made.folder / "src.reg"):
        shutil.copy(path, tmp_path / path.name)
    return Tools(made.environment, tmp_path)


# grppha


@pytest.mark.parametrize(
    "commands",
    [("group min 25&exit",), ("group min 25", "exit"), ("comm=group min 25", "tempc=exit"), ("group min 25 & exit",)],
)
def test_grppha_groups_and_changes_no_counts(tools: Tools, commands: tuple[str, ...]) -> None:
    grouped = read_pha(tools("grppha", "a_sr.pha", "!a.grp", *commands).made[0])
    before = read_pha(tools.folder / "a_sr.pha")
    assert np.array_equal(grouped.counts, before.counts)
    sums = np.add.reduceat(grouped.counts, np.flatnonzero(grouped.grouping == 1))
    closed = grouped.quality[np.flatnonzero(grouped.grouping == 1)] == 0
    assert np.all(sums[closed] >= 25)
    assert grouped.header["RESPFILE"] == "a_sr.rmf"
    assert [part.name for part in read_parts(tools.folder / "a.grp")] == ["PRIMARY", "SPECTRUM", "GTI", "REG00101"]


def test_grppha_obeys_its_other_commands(tools: Tools) -> None:
    (tools.folder / "groups.dat").write_text("0 99 10\n100 299 20\n")
    commands = "bad 0-34 1910-4095&group groups.dat&chkey backfile none&chkey BACKSCAL 0.5&exit"
    grouped = read_pha(tools("grppha", "a_sr.pha", "g.pha", commands).made[0])
    assert np.flatnonzero(grouped.quality == 5)[[0, 34, 35]].tolist() == [0, 34, 1910]
    assert np.flatnonzero(grouped.grouping == 1)[:200].tolist()[-1] > 100
    assert grouped.grouping[100:120].tolist() == [1, *[-1] * 19]
    assert grouped.header["BACKFILE"] == "none"
    assert float(grouped.backscal[0]) == 0.5


def test_grppha_adds_groups_to_groups(tools: Tools) -> None:
    (tools.folder / "one.txt").write_text("100 199 10\n")
    (tools.folder / "two.txt").write_text("195 214 10\n300 303 2\n")
    commands = "systematics 0-9 0.05&group one.txt&group two.txt&exit"
    grouped = read_pha(tools("grppha", "a_sr.pha", "g.pha", commands).made[0])
    assert np.flatnonzero(grouped.grouping[100:310] == -1).tolist() == [place for place in range(100) if place % 10] + [
        *range(106, 115),
        201,
        203,
    ]
    assert grouped.sys_err[:11].tolist() == [0.05] * 10 + [0.0]
    assert "not within the spectrum's channels" in tools.fails("grppha", "a_sr.pha", "h.pha", "group 9 5 2&exit")


def test_grppha_refuses_what_the_real_one_refuses(tools: Tools) -> None:
    call = ("grppha", "a_sr.pha")
    assert "unknown command" in tools.fails(*call, "o.pha", "regroup 3&exit")
    assert "end of commands without exit" in tools.fails(*call, "o.pha", "group min 5")
    assert "already exists" in tools.fails(*call, "b_sr.pha", "group min 5&exit")
    assert "could not open none.pha" in tools.fails("grppha", "none.pha", "o.pha", "exit")
    assert "could not open none.dat" in tools.fails(*call, "o.pha", "group none.dat&exit")
    assert "filename too long" in tools.fails("grppha", f"/tmp/{'x' * 100}/a.pha", "o.pha", "exit")
    (tools.folder / "long.dat").write_text("".join(f"{start} {start + 9} 10\n" for start in range(0, 1010, 10)))
    assert "more than 100 lines" in tools.fails(*call, "o.pha", "group long.dat&exit")
    assert "cannot be changed" in tools.fails(*call, "o.pha", "chkey CHANTYPE PHA&exit")


# ftgrouppha


@pytest.mark.parametrize(
    ("kind", "args"),
    [
        ("min", ("groupscale=30",)),
        ("constant", ("groupscale=4",)),
        ("bmin", ("groupscale=10", "backfile=a_bk.pha")),
        ("snmin", ("groupscale=5", "backfile=a_bk.pha")),
        ("opt", ("respfile=a_sr.rmf",)),
        ("optmin", ("groupscale=20", "respfile=a_sr.rmf")),
        ("optsnmin", ("groupscale=6", "respfile=a_sr.rmf")),
        ("file", ("templatefile=template.pha",)),
    ],
)
def test_ftgrouppha_has_all_its_types(tools: Tools, kind: str, args: tuple[str, ...]) -> None:
    if kind == "file":
        tools("grppha", "b_sr.pha", "template.pha", "group min 99&exit")
    call = ("ftgrouppha", "infile=a_sr.pha", "outfile=o.pha", f"grouptype={kind}", *args)
    grouped = read_pha(tools(*call).made[0])
    assert np.array_equal(grouped.counts, read_pha(tools.folder / "a_sr.pha").counts)
    assert 1 < int((grouped.grouping == 1).sum()) < 4096
    if kind == "file":
        assert np.array_equal(grouped.grouping, read_pha(tools.folder / "template.pha").grouping)
    assert "already exists" in tools.fails(*call)
    assert tools(*call, "clobber=yes").made
    if kind != "snmin" and any("file=" in each for each in args):  # a signal may be with its background
        assert f"grouptype={kind} needs" in tools.fails(*call[:4], "groupscale=5", "outfile=p.pha")


def test_ftgrouppha_keeps_to_its_channels(tools: Tools) -> None:
    call = ("ftgrouppha", "infile=a_sr.pha", "outfile=o.pha", "grouptype=constant", "groupscale=10")
    grouped = read_pha(tools(*call, "minchannel=100", "maxchannel=199").made[0])
    assert np.all(grouped.grouping[:100] == 1)
    assert np.all(grouped.grouping[200:] == 1)
    assert int((grouped.grouping[100:200] == 1).sum()) == 10
    assert "not one of" in tools.fails(*call, "grouptype=best", "outfile=p.pha")


# addspec, lcmath


def test_addspec_adds_counts_and_responses(tools: Tools) -> None:
    (tools.folder / "list").write_text("a_sr.pha\nb_sr.pha\n")
    found = tools("addspec", "list", "sum", "qaddrmf=yes", "qsubback=yes").made
    assert [path.name for path in found] == ["sum.pha", "sum.bak", "sum.rsp"]
    parts = [read_pha(tools.folder / f"{module}_sr.pha") for module in "ab"]
    total = read_pha(found[0])
    assert np.array_equal(total.counts, parts[0].counts + parts[1].counts)
    assert total.exposure == pytest.approx(parts[0].exposure + parts[1].exposure)
    links = tuple(total.header[card] for card in ("BACKFILE", "RESPFILE", "ANCRFILE"))
    assert links == ("sum.bak", "sum.rsp", "none")
    responses = [read_response(tools.folder / f"{one}_sr.rmf", tools.folder / f"{one}_sr.arf") for one in "ab"]
    mean = np.average([one.specresp for one in responses], axis=0, weights=[part.exposure for part in parts])
    full = read_response(found[2], None)
    row = np.repeat(np.arange(mean.size), np.diff(full.indptr))
    area = np.bincount(row, full.matrix, mean.size) * full.specresp
    assert np.allclose(area[100:1800], mean[100:1800], rtol=1e-4)
    assert "sum.pha already exists" in tools.fails("addspec", "list", "sum", "clobber=yes")


def test_addspec_works_in_one_folder(tools: Tools) -> None:
    (tools.folder / "list").write_text(f"{tools.folder / 'a_sr.pha'}\n")
    assert "spectra stand in the working folder" in tools.fails("addspec", "list", "sum")
    (tools.folder / "list").write_text("a_sr.pha\n")
    (tools.folder / "a_sr.arf").unlink()
    assert "a_sr.arf" in tools.fails("addspec", "list", "sum")
    (tools.folder / "a_bk.pha").unlink()
    assert "could not open a_bk.pha, which a_sr.pha names" in tools.fails("addspec", "list", "sum", "qaddrmf=no")


def test_lcmath_subtracts_and_adds(tools: Tools) -> None:
    call = ("lcmath", "a_sr.lc", "a_bk.lc", "net.lc", "1.0", "0.25", "addsubr=no")
    net = read_curve(tools(*call, "docor=no", "err_mode=4").made[0])
    source, background = (read_curve(tools.folder / f"a_{what}.lc") for what in ("sr", "bk"))
    assert np.allclose(net.rate, source.rate - 0.25 * background.rate, rtol=1e-6)
    assert np.allclose(net.error, np.hypot(source.error, 0.25 * background.error), rtol=1e-6)
    assert np.array_equal(net.time, source.time)
    # by default what is multiplied counts as photons; a file of that name is written over
    again = read_curve(tools(*call).made[0])
    assert np.allclose(again.error, np.hypot(source.error, 0.5 * background.error), rtol=1e-6)
    both = read_curve(tools("lcmath", "a_sr.lc", "a_bk.lc", "both.lc", "1", "1", "yes").made[0])
    assert np.allclose(both.rate, source.rate + background.rate, rtol=1e-6)
    assert "different name" in tools.fails("lcmath", "a_sr.lc", "a_bk.lc", "a_sr.lc", "1", "1", "no")


def test_lcmath_leaves_no_rate_without_a_background(tools: Tools) -> None:
    parts = read_parts(tools.folder / "a_bk.lc")
    table = part_named(parts, "RATE")
    table.keep(np.arange(int(table.number("NAXIS2"))) != 2)
    write_parts(tools.folder / "gap.lc", parts)
    net = read_curve(tools("lcmath", "a_sr.lc", "gap.lc", "net.lc", "1", "0.25", "no").made[0])
    assert np.flatnonzero(np.isnan(net.rate)).tolist() == [2]


def test_lcmath_divides_by_live_time_that_is_not_in_the_rates_yet(tools: Tools) -> None:
    for name in ("sr", "bk"):
        parts = read_parts(tools.folder / f"a_{name}.lc")
        table = part_named(parts, "RATE")
        table.put("DEADAPP", False)
        table.put("DEADC", 0.8)
        write_parts(tools.folder / f"d_{name}.lc", parts)
    call = ("lcmath", "d_sr.lc", "d_bk.lc", "net.lc", "1", "0.25", "no")
    plain = read_curve(tools(*call, "docor=no").made[0])
    divided = read_curve(tools(*call).made[0])
    assert np.allclose(divided.rate, plain.rate / 0.8, rtol=1e-6)


# extractor, xselect


def test_extractor_makes_what_it_is_asked_for(tools: Tools) -> None:
    found = tools(
        "extractor",
        f"filename={EVENTS}",
        "eventsout=NONE",
        "imgfile=e.img",
        "phafile=e.pha",
        "fitsbinlc=e.lc",
        "binlc=500",
        "regionfile=src.reg",
        "timefile=NONE",
    ).made
    assert sorted(path.name for path in found) == ["e.img", "e.lc", "e.pha"]
    spectrum = read_pha(tools.folder / "e.pha")
    assert np.array_equal(spectrum.counts, read_pha(tools.folder / "a_sr.pha").counts)
    assert read_curve(tools.folder / "e.lc").width == 500.0
    few = ("extractor", f"filename={EVENTS}[PI=85:209]", "eventsout=NONE", "fitsbinlc=NONE", "regionfile=NONE")
    tools(*few, "imgfile=few.img", "phafile=few.pha", "xcolf=X", "ycolf=Y", "timefile=NONE")
    counts = read_pha(tools.folder / "few.pha").counts
    assert int(read_image(tools.folder / "few.img").data.sum()) == counts.sum() == counts[85:210].sum() > 1000
    tools(*few, "imgfile=det.img", "phafile=NONE", "xcolf=DET1X", "ycolf=DET1Y", "timefile=NONE")
    assert read_image(tools.folder / "det.img").data.shape == (360, 360)
    assert "row filter" in tools.fails(*few, f"filename={EVENTS}[ENERGY>3]", "imgfile=x.img", "phafile=NONE")


@pytest.mark.parametrize("dialogue", [("read events", ".", EVENTS), (f"read eve {EVENTS}", "./")])
def test_xselect_follows_a_script(tools: Tools, dialogue: tuple[str, ...]) -> None:
    lines = ["mine", *dialogue, "yes", "filter pha_cutoff", "85", "209", "set xybinsize 2", "extract image"]
    lines += ["save image", "mine.img", "filter region src.reg", "extract spectrum", "save spec mine.pha", "exit", "no"]
    (tools.folder / "x.xco").write_text("\n".join(lines))
    found = tools("xselect", "@x.xco").made
    assert [path.name for path in found] == ["mine.img", "mine.pha"]
    image = read_image(found[0]).data
    assert image.shape == (500, 500)
    events = part_named(read_parts(tools.folder / EVENTS), "EVENTS")
    pi, x = events.column("PI"), events.column("X")
    assert int(image.sum()) == int(((pi >= 85) & (pi <= 209) & (x > 0)).sum())
    assert np.array_equal(read_pha(found[1]).counts, read_pha(tools.folder / "a_sr.pha").counts)
    assert (tools.folder / "xselect.log").exists()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["mine", "read events", ".", "none.evt", "exit"], "none.evt not found"),
        (["mine", "reed events", "exit"], "Command not found"),
        (["mine", "extract image", "exit"], "no data have been read"),
        (["mine", "save image x.img", "exit"], "no image to be saved"),
        (["mine"], "end of input without exit"),
    ],
)
def test_xselect_gives_up(tools: Tools, lines: list[str], message: str) -> None:
    (tools.folder / "x.xco").write_text("\n".join(lines))
    assert message in tools.fails("xselect", "@x.xco")


# files


def test_cards_are_written_and_read(tools: Tools) -> None:
    tools("fparkey", "value=new.rmf", "fitsfile=a_sr.pha[1]", "keyword=RESPFILE")
    assert read_pha(tools.folder / "a_sr.pha").header["RESPFILE"] == "new.rmf"
    tools("fkeypar", "a_sr.pha+1", "RESPFILE")
    assert read_par(tools.folder / "pfiles" / "fkeypar.par")["value"].default == "new.rmf"
    assert "use add=yes" in tools.fails("fparkey", "value=1", "fitsfile=a_sr.pha[1]", "keyword=NEWCARD")
    assert "longer than 68" in tools.fails("fparkey", f"value={'x' * 69}", "fitsfile=a_sr.pha[1]", "keyword=RESPFILE")
    tools("ftcopy", "a_sr.pha", "copy.pha")
    assert (tools.folder / "copy.pha").read_bytes() == (tools.folder / "a_sr.pha").read_bytes()
    assert "it exists" in tools.fails("ftcopy", "a_sr.pha", "copy.pha")
    assert "could not open the named file" in tools.fails("ftcopy", "none.pha", "copy.pha")


def test_damaged_files_are_noticed(tools: Tools) -> None:
    whole = (tools.folder / "a_sr.pha").read_bytes()
    (tools.folder / "a_sr.pha").write_bytes(whole[: len(whole) // 2])
    assert "past end of file" in tools.fails("ftcopy", "a_sr.pha", "copy.pha")
    (tools.folder / "a_sr.pha").write_text("no FITS")
    assert "missing SIMPLE keyword" in tools.fails("ftcopy", "a_sr.pha", "copy.pha")


# parameters


def test_every_tool_has_its_parameters() -> None:
    assert {path.stem for path in PARAMETERS.glob("*.par")} == set(TOOLS)


@pytest.mark.real_data
def test_parameters_are_those_of_heasoft_6_20(reference: Path) -> None:
    tasks = json.loads((reference / "heasoft-6.20-parameters.json").read_text())["tasks"]
    compared = 0
    for path in PARAMETERS.glob("*.par"):
        if path.stem not in tasks:
            continue
        ours = read_par(path)
        assert list(ours) == [one["name"] for one in tasks[path.stem]]
        for one in tasks[path.stem]:
            own = ours[one["name"]]
            fields = {"type": own.kind, "mode": own.mode, "default": own.default, "min": own.low, "max": own.high}
            for field, value in fields.items():
                expected = LATER.get((path.stem, one["name"], field), one[field].strip())
                assert value == expected, (path.stem, one["name"], field)
            compared += 1
    assert compared > 700
