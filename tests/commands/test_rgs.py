"""Golden tests of the calls for the RGS."""

from __future__ import annotations

import shlex

import pytest

from tests.commands.published import differences
from xbatch.commands.rgs import Product, kept_name, pattern_of, product_of, rgscombine, rgsproc

RGSPROC = "rgsproc orders='1 2' bkgcorrect=no withmlambdacolumn=yes"
RGSCOMBINE = (
    "rgscombine pha='spec_r1.src spec_r2.src' bkg='spec_r1.bgd spec_r2.bgd' rmf='spec_r1.rsp spec_r2.rsp' "
    "filepha=spec_rgs.src filebkg=spec_rgs.bgd filermf=spec_rgs.rsp"
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
