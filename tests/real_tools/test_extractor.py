"""Images and spectra of regions by HEASoft's extractor, against the native tasks on the same list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.real_tools.bench import Tools
from tests.real_tools.extractors import extractor
from tests.tasks.eventworld import picture
from xbatch.commands import ftools
from xbatch.commands.call import Call
from xbatch.ogip.imagefile import read_image
from xbatch.ogip.pha import Spectrum, read_pha
from xbatch.registry import Job
from xbatch.tasks import events, extract, image

_WHO = {"mission": "nustar", "instrument": "FPMA", "obsid": "99900000001"}
_KEV = 0.04
REGIONS = {
    "circle": "physical\ncircle(500.3,498.7,60.2)\n",
    "annulus": "physical\nannulus(500,500,40,90.5)\n",
    "ellipse": "physical\nellipse(490,510,80,30,0)\n",
    "box, turned": "physical\nbox(500,500,120.5,60,30)\n",
    "polygon": "physical\npolygon(420.5,430,580,440.2,560,570,430,560.7)\n",
    "circle less circle": "physical\ncircle(500,500,90)\n-circle(520,510,20.5)\n",
    "two circles": "physical\ncircle(450,480,40)\ncircle(540,520,45)\n",
}


def spectrum_call(region: str, channels: tuple[int, int] | None = None) -> Call:
    return extractor("out.pha", region, product="phafile", channels=channels)


@pytest.fixture(scope="module")
def table(fpm_list: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The list as the native tasks read it."""
    out = tmp_path_factory.mktemp("events")
    events.run(Job("events:x", {**_WHO, "screening": {}}, {"events": fpm_list}, out))
    return out / "events.bin"


def native(tools: Tools, table: Path, region: str) -> Spectrum:
    path = tools.folder / "region.reg"
    path.write_text(region)
    params = {
        **_WHO,
        "regions": {"src": {"file": "region.reg", "combine": None}},
        "spectra": [{"name": "one", "region": "src", "background": "", "source_type": "point"}],
    }
    out = tools.out()
    extract.run(Job("extract:x", params, {"events": table, "region/src": path}, out))
    return read_pha(out / "one.pha")


@pytest.mark.parametrize("name", REGIONS)
def test_spectra_of_regions(heasoft: Tools, fpm_list: Path, table: Path, name: str) -> None:
    written = {"region.reg": REGIONS[name]}
    out, _ = heasoft.run([spectrum_call("region.reg")], {"list.evt": fpm_list}, ["out.pha"], written)
    theirs, own = read_pha(out / "out.pha"), native(heasoft, table, REGIONS[name])
    assert own.counts.sum() > 100
    assert {int(pi): (float(own.counts[pi]), float(theirs.counts[pi])) for pi in differing(own, theirs)} == {}
    assert float(theirs.backscal[0]) == pytest.approx(float(own.backscal[0]), rel=1e-6)


def differing(one: Spectrum, other: Spectrum) -> Sequence[int]:
    """Name the channels in which two spectra have other counts."""
    assert np.array_equal(one.channel, other.channel)
    found: list[int] = np.flatnonzero(one.counts != other.counts).tolist()
    return found


def test_a_filter_on_rows(heasoft: Tools, fpm_list: Path, table: Path) -> None:
    written = {"region.reg": REGIONS["circle"]}
    out, _ = heasoft.run([spectrum_call("region.reg", (85, 209))], {"list.evt": fpm_list}, ["out.pha"], written)
    theirs, own = read_pha(out / "out.pha"), native(heasoft, table, REGIONS["circle"])
    inside = (own.channel >= 85) & (own.channel <= 209)
    assert differing(replace(own, counts=np.where(inside, own.counts, 0.0)), theirs) == []


@pytest.mark.parametrize(("channels", "binning"), [((0, 4095), 1), ((35, 1909), 1), ((85, 209), 4)])
def test_images(heasoft: Tools, fpm_list: Path, table: Path, channels: tuple[int, int], binning: int) -> None:
    call = ftools.extractor_image("list.evt", "out.img", channels=channels, binning=binning)
    out, _ = heasoft.run([call], {"list.evt": fpm_list}, ["out.img"])
    band: Mapping[str, Any] = {"name": "b", "lo": 1.6 + _KEV * channels[0], "hi": 1.6 + _KEV * (channels[1] + 1)}
    params = {**_WHO, "name": "sky", "frame": "sky", "bin": binning, "bands": [band]}
    made = heasoft.out()
    image.run(Job("image:x", params, {"events": table}, made))
    theirs, own = read_image(out / "out.img").data, picture(made, "b")
    assert own.sum() > 500
    assert theirs.shape == own.shape
    assert int(np.count_nonzero(theirs != own)) == 0
