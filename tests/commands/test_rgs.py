"""Golden tests of the calls for the RGS."""

from __future__ import annotations

import shlex

import pytest

from tests.commands.published import differences
from xbatch.commands.epic import tabgtigen
from xbatch.commands.rgs import (
    Product,
    background_rates,
    events_name,
    flare_name,
    kept_name,
    of_exposures,
    pattern_of,
    product_of,
    rgscombine,
    rgsproc,
    rgsproc_again,
    rgsproc_first,
    short_name,
    sources_name,
)

RGSPROC = "rgsproc orders='1 2' bkgcorrect=no withmlambdacolumn=yes"
RGSCOMBINE = (
    "rgscombine pha='spec_r1.src spec_r2.src' bkg='spec_r1.bgd spec_r2.bgd' rmf='spec_r1.rsp spec_r2.rsp' "
    "filepha=spec_rgs.src filebkg=spec_rgs.bgd filermf=spec_rgs.rsp"
)
#: As in the XMM-Newton ABC Guide, chapter 10, with the bins of SAS's thread on the RGS.
RATES = (
    "evselect table=P0153950701R1S001EVENLI0000.FIT withrateset=yes rateset=r1_ltcrv.fits maketimecolumn=yes "
    "timecolumn=TIME timebinsize=100 makeratecolumn=yes "
    "expression='(CCDNR==9)&&(REGION(P0153950701R1S001SRCLI_0000.FIT:RGS1_BACKGROUND,M_LAMBDA,XDSP_CORR))'"
)
GTI = "tabgtigen table=r1_ltcrv.fits gtiset=gti.fits timecolumn=TIME expression='(RATE <= 0.2)'"
AGAIN = (
    "rgsproc orders='1 2' auxgtitables=gti.fits bkgcorrect=no withmlambdacolumn=yes entrystage=3:filter "
    "finalstage=5:fluxing"
)
NAMES = {
    "spec_r1.src": "RGS1_o1.src.pha",
    "spec_r2.src": "RGS2_o1.src.pha",
    "spec_r1.bgd": "RGS1_o1.bkg.pha",
    "spec_r2.bgd": "RGS2_o1.bkg.pha",
    "spec_r1.rsp": "RGS1_o1.rmf",
    "spec_r2.rsp": "RGS2_o1.rmf",
    "spec_rgs.src": "source.pha",
    "spec_rgs.bgd": "background.pha",
    "spec_rgs.rsp": "response.rmf",
}


def test_rgsproc_is_the_published_command() -> None:
    assert list(rgsproc().command) == shlex.split(RGSPROC)
    # what rgscombine takes has channels of wavelength: the task's default today, and not of all versions
    assert differences(rgsproc(combined=True), RGSPROC, {}) == {"spectrumbinning": (None, "lambda")}


def test_rgscombine_is_the_published_command() -> None:
    call = rgscombine([("RGS1", 1), ("RGS2", 1)])
    assert differences(call, RGSCOMBINE, NAMES) == {}
    assert call.expects == ("source.pha", "background.pha", "response.rmf")


def test_orders_are_never_mixed() -> None:
    with pytest.raises(ValueError, match="one order"):
        rgscombine([("RGS1", 1), ("RGS2", 2)])


def test_flares_are_cut_by_the_published_commands() -> None:
    events, sources = (f"P0153950701R1S001{what}0000.FIT" for what in ("EVENLI", "SRCLI_"))
    rates = background_rates("RGS1", events, sources, "r1_ltcrv.fits", 9, 100.0)
    # the block of the events is named, and the column has its default
    assert differences(rates, RATES, {}) == {"table": (events, f"{events}:EVENTS"), "timecolumn": ("TIME", None)}
    assert rates.expects == ("r1_ltcrv.fits",)
    made = differences(tabgtigen("r1_ltcrv.fits", "gti.fits", "<=", 0.2), GTI, {})
    assert made == {"timecolumn": ("TIME", None), "expression": ("(RATE <= 0.2)", "RATE<=0.2")}
    # regions are in wavelengths where the grid is
    again = differences(rgsproc_again(["gti.fits"]), AGAIN, {})
    assert again == {"spectrumbinning": (None, "lambda")}


def test_rgsproc_is_run_again_with_all_else_equal() -> None:
    first, again = (dict(call.args) for call in (rgsproc_first(), rgsproc_again(["RGS1.gti", "RGS2.gti"])))
    whole = dict(rgsproc(combined=True).args)
    assert first == {**whole, "finalstage": "4:spectra"}
    stages = {"entrystage": "3:filter", "finalstage": "5:fluxing"}
    assert again == {**whole, "auxgtitables": "RGS1.gti RGS2.gti", **stages}
    # responses are made once, when it is known of what
    assert not any("RSPMAT" in pattern for pattern in rgsproc_first().expects)
    assert set(rgsproc(combined=True).expects) < set(rgsproc_again(["RGS1.gti"]).expects)


def test_exposures_that_rgsproc_works_on() -> None:
    call = of_exposures(rgsproc(), [short_name("RGS1", "S004"), short_name("RGS2", "U002")])
    assert dict(call.args).items() >= {"withinstexpids": "yes", "instexpids": "R1S004 R2U002"}.items()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("P0761220101R1S004SRSPEC1001.FIT", Product("RGS1", "S004", 1, "src.pha")),
        ("P0761220101R2U002BGSPEC2001.FIT", Product("RGS2", "U002", 2, "bkg.pha")),
        ("P0761220101R2S005RSPMAT1001.FIT", Product("RGS2", "S005", 1, "rmf")),
        ("P0761220101R1S004SRSPEC1003.FIT", None),  # of another source than the proposal's
        ("P0761220101R1S004EVENLI0000.FIT", None),
        ("P0761220101OBX000fluxed1000.FIT", None),
    ],
)
def test_products_by_their_names(name: str, expected: Product | None) -> None:
    assert product_of(name) == expected


def test_names_that_products_are_kept_under() -> None:
    assert kept_name("RGS1", 2, "bkg.pha") == "RGS1_o2.bkg.pha"
    assert pattern_of("RGS2", 1, "rmf") == "P*R2[SU]???RSPMAT1001.FIT"
    assert flare_name("RGS2", "gti") == "RGS2_flare.gti"


def test_lists_by_their_exposure_or_any() -> None:
    assert events_name("RGS1", "S004") == "P*R1S004EVENLI0000.FIT"
    assert sources_name("RGS2") == "P*R2[SU]???SRCLI_0000.FIT"
