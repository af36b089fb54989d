"""Real event lists through the command: what evselect, nuproducts and the headers themselves say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from tests.end_to_end.world import Desk

EXAMPLE = Path(__file__).parents[2] / "examples" / "configs" / "a907-mos.yaml"
COUNTS = {("mos1", "soft"): 14035, ("mos1", "hard"): 11357, ("mos2", "soft"): 14777, ("mos2", "hard"): 11522}
BANDS = {"soft": "0.50-2.00", "hard": "2.00-10.00"}
PULSAR = """\
xbatch: 1
name: desk
mission: nustar
obsids: ["30101031002"]
instruments: [FPMA]
data: {root: ROOT, level: events, events: "{obsid}/nu{obsid}{module}01_cl.evt[.gz]"}
screening: {default: {grade: none}}
regions:
  src: {shape: circle, frame: physical, center: [500.5, 500.5], radius: 21.4}
  half: {shape: circle, frame: physical, center: [500.5, 500.5], radius: 10}
spectra:
  all: {region: src, background: none}
  half: {region: half, background: none}
images: {sky: {bands: [1.6-165.44 keV], figure: false}}
lightcurves: {all: {spectrum: all, dt: 500 s, bands: [1.6-165.44 keV], figure: false}}
"""


def run(desk: Desk, spec: Path, *more: str) -> Path:
    only = [part for name in ("summary:*", "image:*", "lightcurve:*") for part in ("--only", name)]
    out, store = desk.folder / "out" / "run", desk.folder / "out" / "store"
    said = desk.xbatch("run", spec, "--out", out, "--store", store, *only, *more)
    assert said.status == 0, said.all
    return out / "products"


@pytest.mark.real_data
def test_a_cluster_with_both_mos(real_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    products = run(Desk(tmp_path, capsys), EXAMPLE, "--set", f"data.root={real_data / 'xmm'}") / "0201903501"
    for (camera, band), counts in COUNTS.items():
        folder = products / camera.upper().replace("MOS", "EMOS")
        name = f"xmm/0201903501/images/0201903501_{camera}_exp1-{BANDS[band]}keVimg.fits.gz"
        ours, header = fits.getdata(folder / "images" / band / "all.img", header=True)
        theirs, theirs_header = fits.getdata(real_data / name, header=True)
        assert np.array_equal(ours, theirs) and ours.sum() == counts
        for card in ("CRPIX1", "CRPIX2", "CRVAL1", "CRVAL2", "CDELT1", "CDELT2", "LTV1", "LTM1_1"):
            assert header[card] == pytest.approx(theirs_header[card], rel=1e-12), card
    for camera, ccd in (("EMOS1", 1), ("EMOS2", 1)):
        spectrum = fits.getheader(products / camera / "core" / "spectrum.pha", "SPECTRUM")
        listed = fits.getheader(real_data / f"xmm/0201903501/{camera.lower()[1:]}_exp1_clean_evts.fits.gz", "EVENTS")
        assert spectrum["EXPOSURE"] == pytest.approx(listed[f"LIVETI{ccd:02d}"], rel=1e-6)
        assert spectrum["BACKSCAL"] > 0
        curve = fits.getdata(products / camera / "lightcurves" / "core" / "full.lc", "RATE")
        assert len(curve) > 40 and np.all(curve["FRACEXP"] > 0.5)


@pytest.mark.real_data
def test_a_pulsar_with_nustar(real_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk = Desk(tmp_path, capsys)
    spec = desk.write(PULSAR.replace("ROOT", str(real_data / "nustar")))
    products = run(desk, spec) / "30101031002" / "FPMA"
    header = fits.getheader(products / "all" / "spectrum.pha", "SPECTRUM")
    facts = json.loads((products / "events" / "events.json").read_text())
    assert facts["ontime"] == pytest.approx(41072.5755, abs=1e-4) and facts["gtis"] == 190
    assert header["EXPOSURE"] == pytest.approx(38221.43, abs=0.05)
    listed = next((real_data / "nustar" / "30101031002").glob("nu30101031002A01_cl.evt*"))
    events, gti = fits.getdata(listed, "EVENTS"), fits.getdata(listed, "GTI")
    good = np.zeros(len(events), bool)
    for start, stop in zip(gti["START"], gti["STOP"], strict=True):
        good |= (events["TIME"] >= start) & (events["TIME"] < stop)
    good &= (events["PI"] >= 0) & (events["PI"] < 4096)
    near = good & (np.hypot(events["X"] - 500.5, events["Y"] - 500.5) <= 10)
    for name, chosen in (("all", good), ("half", near)):
        counts = fits.getdata(products / name / "spectrum.pha", "SPECTRUM")["COUNTS"]
        assert np.array_equal(counts, np.bincount(events["PI"][chosen], minlength=4096))
    image = fits.getdata(next((products / "images" / "sky").glob("*.img")))
    assert image.sum() == np.count_nonzero(good)
    curve = fits.getdata(next((products / "lightcurves" / "all").glob("*.lc")), "RATE")
    assert curve["COUNTS"].sum() == np.count_nonzero(good)
