"""Golden tests of the calls for light curves of EPIC: by bins in keV, and by channels of spectra."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.commands.published import differences
from xbatch.commands.call import Work
from xbatch.commands.epiccurves import EpicCurves, pi_condition
from xbatch.commands.sourceposition import at

REGION = "((X,Y) IN CIRCLE(27000,27000,1000))"
BACKGROUND = "((X,Y) IN CIRCLE(23000,24000,1000))"
CURVES = EpicCurves(REGION, BACKGROUND, 128.0, absolute=True)
#: The later of two published scripts; dt = 128 s, band 3 of a list.
RATE = (
    "evselect table=pn_filtered.fits:EVENTS withrateset=yes rateset=lc_128__3__{out}.fits "
    "'expression=(PI IN [{lo}:{hi}))&&{region}' makeratecolumn=yes maketimecolumn=yes timebinsize=128"
)
LCCORR = (
    "epiclccorr srctslist=lc_128__3__s.fits eventlist=pn_filtered.fits outset=lc_128__3.fits withbkgset=yes "
    "bkgtslist=lc_128__3__b.fits applyabsolutecorrections={yes}"
)
NAMES = {
    "pn_filtered.fits": "../events.fits",
    "lc_128__3__s.fits": "source.fits",
    "lc_128__3__b.fits": "background.fits",
    "lc_128__3.fits": "net.fits",
}
#: The two series must have the same bins: what is said here of their ends is left to chance there.
BINS = {"withtimeranges": (None, "yes"), "timemin": (None, "{bins:start}"), "timemax": (None, "{bins:stop}")}


@pytest.mark.parametrize(
    ("absolute", "pi"),
    [(True, (2400, 2999)), (False, (5 * 490, 5 * 599 - 1))],
    ids=["2.4-3 keV, absolute", "channels 490 to 599"],
)
def test_calls_are_the_published_commands(absolute: bool, pi: tuple[int, int]) -> None:
    source, background, corrected = replace(CURVES, absolute=absolute).calls("b3", pi)
    for call, out, region in ((source, "s", REGION), (background, "b", BACKGROUND)):
        published = RATE.format(out=out, lo=pi[0], hi=pi[1] + 1, region=region)
        assert differences(call, published, NAMES) == BINS
    assert differences(corrected, LCCORR.format(yes="yes" if absolute else "no"), NAMES) == {}
    # two bands never share a folder: epiclccorr has files of fixed names
    assert {call.folder for call in (source, background, corrected)} == {"b3"}
    assert corrected.expects == ("b3/net.fits",)


def test_upper_edge_is_not_in_a_band() -> None:
    assert pi_condition(2000, 5999) == "(PI IN [2000:6000))"


def test_without_background() -> None:
    source, corrected = replace(CURVES, background="").calls("b", (2000, 9999))
    assert "rateset=source.fits" in source.command
    assert "withbkgset=no" in corrected.command and not any("bkgtslist" in word for word in corrected.command)


def test_time_selection_and_position() -> None:
    curves = replace(CURVES, times=True, position=at((213.3120833, -3.2075833)))
    source, _, corrected = curves.calls("b", (2000, 9999))
    assert dict(source.args)["expression"].endswith(f"&&{REGION}&&gti(../times.gti,TIME)")
    assert corrected.command[-4:] == (
        "withsourcepos=yes",
        "sourcecoords=eqpos",
        "sourcex=213.31208",
        "sourcey=-3.2075833",
    )
    # relative corrections need no effective area
    relative = replace(curves, absolute=False).calls("b", (2000, 9999))[-1]
    assert relative.command[-1] == "applyabsolutecorrections=no"


def test_curves_survive_being_data() -> None:
    for one in (CURVES, replace(CURVES, position=at((1.5, -2.0)), times=True)):
        assert EpicCurves.of(json.loads(json.dumps(one.params()))) == one
    calls = CURVES.calls("b", (2000, 9999))
    assert Work.of(Work(calls).params()).calls == calls
