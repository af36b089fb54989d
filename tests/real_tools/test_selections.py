"""Selections by evselect, rates, GTIs and areas by SAS, against the native tasks on the same list."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from tests.real_tools.bench import Tools
from tests.real_tools.lists import XMM_OBSID
from tests.tasks.eventworld import picture
from xbatch.commands import epic
from xbatch.ogip.gtifile import read_gti_tables
from xbatch.ogip.imagefile import read_image
from xbatch.ogip.pha import read_pha
from xbatch.registry import Job
from xbatch.tasks import events, extract, flare, image, selection
from xbatch.xray.gti import total

_WHO = {"mission": "xmm", "instrument": "EPN", "obsid": XMM_OBSID}
_MIDDLE = 25921.0
SCREENINGS: Mapping[str, dict[str, Any]] = {
    "pattern": {"pattern": [0, 4]},
    "singles": {"pattern": [0, 0], "flag": 0},
    "attribute": {"flag": "#XMMEA_EP", "pi_range": [200, 12000]},
    "all": {"pi_range": [500, 1999], "pattern": [0, 4], "flag": 0},
}


def shape(kind: str, *sizes: float, at: tuple[float, float] = (_MIDDLE, _MIDDLE), **more: Any) -> dict[str, Any]:
    return {"shape": kind, "frame": "physical", "center": list(at), "sizes": list(sizes), "include": True, **more}


REGIONS = {
    "circle": [shape("circle", 1000.5)],
    "annulus": [shape("annulus", 200.0, 1500.0)],
    "turned box": [shape("box", 2000.0, 900.0, angle=30.0)],
    "circle less circle": [shape("circle", 2000.0), shape("circle", 400.3, at=(26500.0, 25900.0), include=False)],
    "two circles": [shape("circle", 700.0), shape("circle", 4000.0, at=(20000.0, 30000.0))],
}


def screened(tools: Tools, path: Path, cuts: Mapping[str, Any]) -> Path:
    out = tools.out()
    events.run(Job("events:x", {**_WHO, "screening": dict(cuts)}, {"events": path}, out))
    return out / "events.bin"


def expressions(tools: Tools, path: Path) -> dict[str, str]:
    out = tools.out()
    regions = {name: {"shapes": shapes, "combine": None} for name, shapes in REGIONS.items()}
    selection.run(Job("selection:x", {**_WHO, "regions": regions}, {"events": path}, out))
    found = json.loads((out / "selection.json").read_text())["regions"]
    return {name: region["expression"] for name, region in found.items()}


@pytest.mark.parametrize("name", SCREENINGS)
def test_rows(sas: Tools, epn_list: Path, name: str) -> None:
    cuts = SCREENINGS[name]
    call = epic.evselect_filter("list.fits", "out.fits", epic.expression_of(cuts))
    out, _ = sas.run([call], {"list.fits": epn_list}, ["out.fits"])
    kept = fits.getdata(out / "out.fits", "EVENTS")
    whole = fits.getdata(epn_list, "EVENTS")
    low, high = cuts.get("pi_range", (-np.inf, np.inf))
    keep = (whole["PI"] >= low) & (whole["PI"] <= high)
    keep &= whole["PATTERN"] <= cuts.get("pattern", (0, 99))[1]
    if name == "attribute":
        # bit patterns of the header: XMMEA_EP
        keep &= whole["FLAG"] & 0xCFA0000 == 0
    elif "flag" in cuts:
        keep &= whole["FLAG"] == 0
    assert 0 < np.count_nonzero(keep) < len(whole)
    for column in ("TIME", "PI", "X", "Y", "PATTERN"):
        assert np.array_equal(kept[column], whole[column][keep]), column


@pytest.mark.parametrize("name", REGIONS)
def test_spectra_of_regions(sas: Tools, epn_list: Path, name: str) -> None:
    cuts = SCREENINGS["all"] | {"pi_range": [200, 12000]}
    expression = epic.all_of(epic.expression_of(cuts), expressions(sas, epn_list)[name])
    call = epic.evselect_spectrum("list.fits", "out.pha", expression, "EPN")
    out, _ = sas.run([call], {"list.fits": epn_list}, ["out.pha"])
    made = sas.out()
    params = {
        **_WHO,
        "regions": {"src": {"shapes": REGIONS[name], "combine": None}},
        "spectra": [{"name": "one", "region": "src", "background": "", "source_type": "point"}],
    }
    extract.run(Job("extract:x", params, {"events": screened(sas, epn_list, cuts)}, made))
    own, theirs = read_pha(made / "one.pha"), read_pha(out / "out.pha")
    assert np.array_equal(own.channel, theirs.channel)
    assert own.counts.sum() > 100
    assert np.flatnonzero(own.counts != theirs.counts).tolist() == []


def test_images(sas: Tools, epn_list: Path) -> None:
    cuts = {"pi_range": [500, 1999], "pattern": [0, 4]}
    call = epic.evselect_image("list.fits", "out.img", epic.expression_of(cuts), binsize=80)
    out, _ = sas.run([call], {"list.fits": epn_list}, ["out.img"])
    made = sas.out()
    params = {**_WHO, "name": "sky", "frame": "sky", "bin": 80, "bands": [{"name": "b", "lo": 0.5, "hi": 2.0}]}
    image.run(Job("image:x", params, {"events": screened(sas, epn_list, {"pattern": [0, 4]})}, made))
    own, theirs = picture(made, "b"), read_image(out / "out.img").data
    assert theirs.shape == own.shape
    assert int(np.count_nonzero(own != theirs)) == 0


@pytest.mark.parametrize("test", ["<", "<="])
def test_flares(sas: Tools, epn_list: Path, test: str) -> None:
    cuts = {"pi_range": [10000, 11999], "pattern": [0, 0], "flag": "#XMMEA_EP"}
    calls = [
        epic.evselect_rate("list.fits", "rates.fits", epic.expression_of(cuts), 100.0),
        epic.tabgtigen("rates.fits", "out.gti", test, 0.15),
    ]
    out, _ = sas.run(calls, {"list.fits": epn_list}, ["rates.fits", "out.gti"])
    made = sas.out()
    params = {**_WHO, "flare": {**cuts, "bin": 100.0, "rate": [test, 0.15]}}
    flare.run(Job("flare:x", params, {"events": epn_list}, made))
    own, theirs = (read_gti_tables(path)[0].gti for path in (made / "flare.gti", out / "out.gti"))
    rates = fits.getdata(out / "rates.fits", "RATE")
    assert rates["RATE"].max() > 0.15 > rates["RATE"].min()
    # SAS has no bins cut to the good times, so that ends may differ by a bin
    assert total(theirs) == pytest.approx(total(own), abs=200.0)
    middles = rates["TIME"][rates["RATE"] > 0.15]
    assert not any(((middles > start) & (middles < stop)).any() for start, stop in theirs)
    # the list is cut by them
    cut = epic.evselect_filter("list.fits", "out.fits", epic.gti_expression("cut.gti"))
    folder, _ = sas.run([cut], {"list.fits": epn_list, "cut.gti": out / "out.gti"}, ["out.fits"])
    kept, whole = (fits.getdata(path, "EVENTS")["TIME"] for path in (folder / "out.fits", epn_list))
    assert len(kept) == sum(np.count_nonzero((whole >= start) & (whole < stop)) for start, stop in theirs) < len(whole)
