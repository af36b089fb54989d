"""Golden tests of the calls for EPIC: each beside the command that published analyses have run.

`PUBLISHED` has these commands as they were; what is rendered otherwise, and why, stands beside it.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import pytest

from xbatch.commands import epic, sas
from xbatch.commands.call import Call, Work

FLARE = {"pi_range": [10000, 12000], "pattern": [0, 0], "flag": "#XMMEA_EP"}
SCREENING = {"pattern": [0, 4], "flag": 0, "pi_range": [200, 12000]}
SOURCE = "((X,Y) IN CIRCLE(27000,27000,1000))"

#: Calls, and all their words.
GOLDEN: dict[str, tuple[Callable[[], Call], str]] = {
    "cifbuild": (
        lambda: epic.cifbuild("2019-05-28"),
        "cifbuild withccfpath=no analysisdate=2019-05-28 category=XMMCCF fullpath=yes",
    ),
    "odfingest": (epic.odfingest, "odfingest odfdir={scratch}/odf outdir={scratch} withodfdir=yes"),
    "pn": (epic.epproc, "epproc"),
    "pn out of time": (lambda: epic.epproc(True, "oot"), "epproc withoutoftime=yes"),
    "MOS1": (lambda: epic.emproc("EMOS1"), "emproc selectinstruments=yes emos1=yes emos2=no"),
    "MOS2": (lambda: epic.emproc("EMOS2"), "emproc selectinstruments=yes emos1=no emos2=yes"),
    "chain, second exposure": (lambda: epic.epchain("imaging", 2), "epchain exposure=2"),
    "chain, all exposures": (lambda: epic.epchain("imaging", None), "epchain odfaccess=all"),
    "chain, timing": (lambda: epic.epchain("timing", 1), "epchain datamode=TIMING exposure=1"),
    "chain, out of time": (
        lambda: epic.epchain("imaging", 1, "make"),
        "epchain exposure=1 runbackground=N keepintermediate=raw withoutoftime=Y",
    ),
    "chain, after out of time": (
        lambda: epic.epchain("imaging", 1, "after"),
        "epchain exposure=1 runatthkgen=N runepframes=N runbadpixfind=N runbadpix=N",
    ),
    "chain, out-of-time events of all exposures": (
        lambda: epic.epchain("imaging", None, "make"),
        "epchain odfaccess=all runbackground=N withoutoftime=Y",
    ),
    "chain, after those of all exposures": (
        lambda: epic.epchain("imaging", None, "after"),
        "epchain odfaccess=all runatthkgen=N",
    ),
    "chain of SAS 21.0": (
        lambda: epic.epchain("imaging", 1, version="xmmsas_20230412_1735-21.0.0"),
        "epchain exposure=1 runradmonfix=N",
    ),
    "chain of SAS 21.1": (lambda: epic.epchain("imaging", 1, version="21.1.0"), "epchain exposure=1"),
    "MOS chain": (lambda: epic.emchain("EMOS2"), "emchain instruments=M2 makeflaregti=no"),
    "merge": (lambda: epic.merge("a.ds", "b.ds", "pn.fits"), "merge set1=a.ds set2=b.ds outset=pn.fits"),
    "flare curve of pn": (
        lambda: epic.evselect_rate("pn.fits", "tmp.rate", epic.expression_of(FLARE), 100.0),
        "evselect table=pn.fits:EVENTS withrateset=yes rateset=tmp.rate "
        "'expression=(PI IN [10000:12000])&&(PATTERN==0)&&#XMMEA_EP' makeratecolumn=yes maketimecolumn=yes "
        "timebinsize=100",
    ),
    "flare GTIs": (
        lambda: epic.tabgtigen("tmp.rate", "tmp.gti", "<", 0.4),
        "tabgtigen table=tmp.rate gtiset=tmp.gti 'expression=RATE<0.4'",
    ),
    "flare GTIs, limit included": (
        lambda: epic.tabgtigen("tmp.rate", "tmp.gti", "<=", 0.37),
        "tabgtigen table=tmp.rate gtiset=tmp.gti 'expression=RATE<=0.37'",
    ),
    "filter": (
        lambda: epic.evselect_filter(
            "pn.fits",
            "pn_filtered.fits",
            epic.all_of(epic.gti_expression("tmp.gti"), epic.expression_of(SCREENING)),
        ),
        "evselect table=pn.fits:EVENTS withfilteredset=yes filteredset=pn_filtered.fits "
        "'expression=gti(tmp.gti,TIME)&&(PI IN [200:12000])&&(PATTERN<=4)&&(FLAG==0)' "
        "keepfilteroutput=yes updateexposure=yes filterexposure=yes",
    ),
    "barycentre": (lambda: epic.barycen("pn_filtered.fits"), "barycen table=pn_filtered.fits:EVENTS"),
    "barycentre of a place": (
        lambda: epic.barycen("f.fits", (213.3120833, -3.2075833)),
        "barycen table=f.fits:EVENTS withsrccoordinates=yes srcra=213.31208 srcdec=-3.2075833",
    ),
    "image": (
        lambda: epic.evselect_image("m1_clean.fits", "m1_b1.fits", "#XMMEA_EM&&(PI IN [200:500])"),
        "evselect table=m1_clean.fits:EVENTS withimageset=yes imageset=m1_b1.fits xcolumn=X ycolumn=Y "
        "imagebinning=imageSize ximagesize=600 yimagesize=600 'expression=#XMMEA_EM&&(PI IN [200:500])'",
    ),
    "image of 4 arcsec": (
        lambda: epic.evselect_image("e.fits", "i.fits", "true", binsize=80),
        "evselect table=e.fits:EVENTS withimageset=yes imageset=i.fits xcolumn=X ycolumn=Y imagebinning=binSize "
        "ximagebinsize=80 yimagebinsize=80 expression=true",
    ),
    "spectrum": (
        lambda: epic.evselect_spectrum("pn_filtered.fits", "s.pha", SOURCE, "EPN"),
        f"evselect table=pn_filtered.fits:EVENTS withspectrumset=yes spectrumset=s.pha 'expression={SOURCE}' "
        "energycolumn=PI spectralbinsize=5 withspecranges=yes specchannelmin=0 specchannelmax=20479",
    ),
    "spectrum of MOS": (
        lambda: epic.evselect_spectrum("m1.fits", "s.pha", SOURCE, "EMOS1"),
        f"evselect table=m1.fits:EVENTS withspectrumset=yes spectrumset=s.pha 'expression={SOURCE}' "
        "energycolumn=PI spectralbinsize=5 withspecranges=yes specchannelmin=0 specchannelmax=11999",
    ),
    "backscale": (
        lambda: epic.backscale("s.pha", "pn_filtered.fits"),
        "backscale spectrumset=s.pha badpixlocation=pn_filtered.fits",
    ),
    "rmfgen": (lambda: epic.rmfgen("s.pha", "s.rmf"), "rmfgen spectrumset=s.pha rmfset=s.rmf"),
    "arfgen": (
        lambda: epic.arfgen("s.pha", "s.arf", "s.rmf", "pn_filtered.fits"),
        "arfgen spectrumset=s.pha arfset=s.arf withrmfset=yes rmfset=s.rmf badpixlocation=pn_filtered.fits "
        "detmaptype=psf",
    ),
    "arfgen of an extended source": (
        lambda: epic.arfgen("s.pha", "s.arf", "s.rmf", "e.fits", "extended"),
        "arfgen spectrumset=s.pha arfset=s.arf withrmfset=yes rmfset=s.rmf badpixlocation=e.fits "
        "extendedsource=yes detmaptype=flat",
    ),
    "epatplot": (
        lambda: epic.epatplot("pn.pu.filtered", "pn.pu", (2000, 10000), "21.0.0"),
        "epatplot set=pn.pu.filtered plotfile=pn.pu.gif device=/GIF 'pileupnumberenergyrange=2000 10000'",
    ),
    "epatplot of SAS 22": (
        lambda: epic.epatplot("pn.pu.filtered", "pn.pu", (2000, 10000), "22.1.0-a8f2c2afa-20250304"),
        "epatplot set=pn.pu.filtered plotfile=pn.pu.pdf device=/pdf 'pileupnumberenergyrange=2000 10000'",
    ),
}

#: Published commands: what of them is otherwise here. A value is what stands in its place; None where it is left out,
#: since it is the task's own default.
PUBLISHED: dict[str, tuple[str, dict[str, str | None]]] = {
    # "now" has other results on another day
    "cifbuild": (
        "cifbuild withccfpath=no analysisdate=now category=XMMCCF fullpath=yes",
        {"analysisdate": "2019-05-28"},
    ),
    # the summary goes into the working folder: that of the observation is only read
    "odfingest": ("odfingest odfdir={odf} outdir={odf}", {"odfdir": "{scratch}/odf", "outdir": "{scratch}"}),
    "pn": ("epproc", {}),
    "MOS1": ("emproc", {}),
    "chain, second exposure": ("epchain exposure=2", {}),
    "chain, timing": ("epchain datamode=TIMING", {}),
    "MOS chain": ("emchain", {}),
    "merge": ("merge set1=a.ds set2=b.ds outset=pn.fits", {}),
    "flare curve of pn": (
        "evselect table=pn.fits:EVENTS withrateset=yes rateset=tmp.rate "
        "'expression=(PI IN [10000:12000])&&(PATTERN==0)&&#XMMEA_EP' makeratecolumn=yes maketimecolumn=yes "
        "timebinsize=100",
        {},
    ),
    "flare GTIs": ("tabgtigen table=tmp.rate gtiset=tmp.gti 'expression=RATE<0.4'", {}),
    "flare GTIs, limit included": (
        "tabgtigen table=tmp.rate gtiset=tmp.gti timecolumn=TIME 'expression=(RATE<=0.37)'",
        {"timecolumn": None, "expression": "RATE<=0.37"},
    ),
    "filter": (
        "evselect table=pn.fits:EVENTS withfilteredset=yes filteredset=pn_filtered.fits "
        "'expression=gti(tmp.gti,TIME)&&(PI IN [200:12000])&&(PATTERN<=4)&&(FLAG==0)'",
        {},
    ),
    "barycentre": ("barycen table=pn_filtered.fits:EVENTS", {}),
    # imageSize takes no size of a bin
    "image": (
        "evselect table=m1_clean.fits:EVENTS imagebinning=imageSize imageset=m1_b1.fits withimageset=yes xcolumn=X "
        "ycolumn=Y ximagebinsize=600 yimagebinsize=600 'expression=#XMMEA_EM&&(PI IN [200:500])'",
        {"ximagebinsize": None, "yimagebinsize": None},
    ),
    "spectrum": (
        f"evselect table=pn_filtered.fits spectrumset=s.pha 'expression={SOURCE}' energycolumn=PI spectralbinsize=5 "
        "withspecranges=yes specchannelmin=0 specchannelmax=20479",
        {"table": "pn_filtered.fits:EVENTS"},
    ),
    "backscale": ("backscale spectrumset=s.pha badpixlocation=pn_filtered.fits", {}),
    "rmfgen": ("rmfgen spectrumset=s.pha rmfset=s.rmf", {}),
    "arfgen": (
        "arfgen spectrumset=s.pha arfset=s.arf withrmfset=yes rmfset=s.rmf badpixlocation=pn_filtered.fits "
        "detmaptype=psf",
        {},
    ),
    "epatplot": (
        "epatplot set=pn.pu.filtered plotfile=pn.pu.gif device=/GIF 'pileupnumberenergyrange=2000 10000'",
        {},
    ),
}

#: What is said beyond the published command.
ADDED: dict[str, set[str]] = {
    "odfingest": {"withodfdir"},  # without it odfdir is not looked at
    "MOS1": {"selectinstruments", "emos1", "emos2"},  # the other MOS is another step
    "MOS chain": {"instruments", "makeflaregti"},  # the same; and its GTIs are not used
    "chain, timing": {"exposure"},  # the default
    "filter": {"keepfilteroutput", "updateexposure", "filterexposure"},  # exposures belong to what is kept
    "image": {"ximagesize", "yimagesize"},
    "spectrum": {"withspectrumset"},  # which spectrumset implies
}


@pytest.mark.parametrize("name", GOLDEN)
def test_words(name: str) -> None:
    build, words = GOLDEN[name]
    assert list(build().command) == shlex.split(words)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published(name: str) -> None:
    published, otherwise = PUBLISHED[name]
    tool, *words = shlex.split(published)
    ours = GOLDEN[name][0]()
    expected = dict(word.split("=", 1) for word in words) | {k: v for k, v in otherwise.items() if v is not None}
    for key in [key for key, value in otherwise.items() if value is None]:
        del expected[key]
    given = dict(ours.args)
    assert ours.tool == tool
    assert given.keys() - expected.keys() == ADDED.get(name, set())
    assert {key: given[key] for key in expected} == expected


def test_call_survives_being_data() -> None:
    for build, _ in GOLDEN.values():
        call = build()
        assert Work.of(Work((call,)).params()).calls == (call,)


def test_every_call_says_what_it_makes() -> None:
    for build, _ in GOLDEN.values():
        # of epatplot the ratios count, and its plot may be missing
        assert build().expects or build().tool == "epatplot"


@pytest.mark.parametrize(
    ("cuts", "expected"),
    [
        ({"pattern": [0, 12], "flag": "#XMMEA_EM", "pi_range": [10000, 15000]},
         "(PI IN [10000:15000])&&(PATTERN<=12)&&#XMMEA_EM"),
        ({"pattern": [1, 4]}, "(PATTERN IN [1:4])"),
        ({"pattern": [0, 0], "flag": None}, "(PATTERN==0)"),
        ({"flag": "b1x01"}, "((FLAG & 0xb)==0x9)"),
        ({"flag": "0"}, "(FLAG==0)"),
        ({}, ""),
    ],
)  # fmt: skip
def test_screening_as_an_expression(cuts: dict[str, Any], expected: str) -> None:
    assert epic.expression_of(cuts) == expected


def test_unknown_cut_is_refused() -> None:
    with pytest.raises(ValueError, match="grade"):
        epic.expression_of({"grade": [0, 26]})
    with pytest.raises(ValueError, match="< or <="):
        epic.tabgtigen("r", "g", ">", 1.0)


def test_environment_of_each_stage() -> None:
    assert dict(epic.cifbuild("2020-01-01").environment) == {"SAS_ODF": "{scratch}/odf"}
    assert dict(epic.odfingest().environment) == {"SAS_ODF": "{scratch}/odf", "SAS_CCF": "{scratch}/ccf.cif"}
    # the chains look for files by name
    assert epic.epchain("imaging", 1).environment["SAS_ODF"] == "{scratch}/odf"
    assert sas.calibrated("0013140101") == {
        "SAS_CCF": "{scratch}/ccf.cif",
        "SAS_ODF": "{scratch}/odf/0000_0013140101_SCX00000SUM.SAS",
    }


def test_lists_of_names() -> None:
    assert sas.quoted(["b1.fits", "b2.fits"]) == '"b1.fits" "b2.fits"'
    assert sas.listed([200, 500]) == "200 500"
