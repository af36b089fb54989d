"""Event lists: spectra, light curves and images as HEASoft's extractor makes them."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from agreement.check import Check, Data, Family, agreeing, run_task
from xbatch.base.errors import FileError
from xbatch.ogip.eventtable import EventTable
from xbatch.ogip.pha import read_pha
from xbatch.tasks._regions import field_of, place_regions
from xbatch.xray.region_masks import mask

__all__ = ["checks", "screened"]

_TOOL = "extractor 5.31, HEASoft 6.20"
SPECTRA = Family(
    "Spectra of regions",
    _TOOL,
    "counts of every channel, number of pixels in the region, EXPOSURE, ONTIME, GTI extension",
    "tasks `events` and `extract`",
    "counts, pixels exact; EXPOSURE 1e-7, ONTIME 1e-9, GTI 1e-6 s",
)
MOS = Family(
    "Spectra of MOS lists",
    _TOOL,
    "counts of every channel, or in all where the tool's bins are no channels of the MOS",
    "tasks `events` and `extract`",
    "exact",
)
CURVES = Family(
    "Light curves",
    _TOOL,
    "number of bins, TIME, counts, RATE, ERROR and FRACEXP of every bin",
    "tasks `events` and `lightcurve`",
    "bins, counts exact; others 1e-6",
)
IMAGES = Family("Images", _TOOL, "counts of every pixel, size of the image", "tasks `events` and `image`", "exact")

LISTS = {
    "synth_cl.evt": ("reference/extractor/synth_cl.evt.gz", "nustar", "FPMA"),
    "nu30101031002A01_cl.evt": ("data/nustar/30101031002/nu30101031002A01_cl.evt", "nustar", "FPMA"),
    "mos1_exp1_clean_evts.fits": ("data/xmm/0201903501/mos1_exp1_clean_evts.fits.gz", "xmm", "EMOS1"),
    "mos2_exp1_clean_evts.fits": ("data/xmm/0201903501/mos2_exp1_clean_evts.fits.gz", "xmm", "EMOS2"),
}
_EVERYWHERE = {"shapes": [{"shape": "circle", "frame": "physical", "center": [500.5, 500.5], "sizes": [720.0]}]}

QUIRKS = {
    "fk5-degrees-radius-deg": (
        "A size without a sign of its unit is taken for pixels, so 0.03 selects nothing. Here it is degrees, as DS9 "
        "writes it, with a note."
    ),
    "region-off-field": "A region off the field gives BACKSCAL 1 and no counts. Here it is an error that names it.",
    "exclude-first": (
        "A file that begins with an exclude selects everything outside it, and an include adds to that. Here such a "
        "file is an error until `combine` says how it is meant; with `combine: extractor` it is the same."
    ),
    "specbin-4": "With `specbin` above 1 the first bin is half as wide. Here all bins are whole.",
    "specbin-10": "With `specbin` above 1 the first bin is half as wide, and the last channels are lost. Not here.",
    "mos1-specbin15": "As specbin-4. EXPOSURE and BACKSCAL of the tool are not XMM-Newton's.",
    "mos2-specbin15": "As specbin-4. EXPOSURE and BACKSCAL of the tool are not XMM-Newton's.",
    "mos2-circle": "EXPOSURE and BACKSCAL of the tool are not XMM-Newton's: they are of CCD 1 and of 1 unit a pixel.",
    "mos2-fk5": "As mos2-circle.",
    "lc-100-nozero": "With `lctzero=no` TIME is the start plus half the good seconds. Here it is the bin's middle.",
    "lc-100-start-late": "Events of up to one bin before `lcstart` are put into the first bin. Here they are left out.",
    "img-region-bin4": (
        "A region said to be of the image is taken in unbinned X and Y. Here too, for an event list has no image: "
        "nothing is selected."
    ),
}


@dataclass(frozen=True)
class _Case:
    name: str
    folder: Path
    asked: dict[str, Any]
    file: Path
    mission: str
    instrument: str

    @property
    def job(self) -> dict[str, Any]:
        return {"mission": self.mission, "instrument": self.instrument, "obsid": "", "name": "case"}

    @property
    def pi(self) -> tuple[int, int]:
        """The range of PI, both ends included."""
        match = re.search(r"PI=(\d+):(\d+)", self.asked["filename"])
        whole = (0, 4095) if self.mission == "nustar" else (0, 32767)
        return (int(match[1]), int(match[2])) if match else whole

    @property
    def band(self) -> dict[str, Any]:
        zero, step = (1.6, 0.04) if self.mission == "nustar" else (0.0, 0.001)
        first, last = self.pi
        return {"name": "case", "lo": zero + step * first, "hi": zero + step * (last + 1)}


def checks(data: Data) -> Iterator[Check]:
    """Compare every case with every product that the tool made of it."""
    cases = data.reference / "extractor" / "cases"
    with (data.reference / "extractor" / "summary.csv").open(encoding="utf-8", newline="") as stream:
        names = [row["case"] for row in csv.DictReader(stream)]
    for name in names:
        asked = json.loads((cases / name / "params.json").read_text())["parameters"]
        file, mission, instrument = LISTS[asked["filename"].split("[")[0]]
        case = _Case(name, cases / name, asked, data.root / file, mission, instrument)
        for product, family, compare in (
            ("out.pha.gz", SPECTRA if mission == "nustar" else MOS, _spectrum),
            ("out.lc.gz", CURVES, _curve),
            ("out.img.gz", IMAGES, _image),
        ):
            if (case.folder / product).exists():
                found: list[str] = []
                with agreeing(found):
                    compare(data, case)
                quirk = "" if family is IMAGES and name != "img-region-bin4" else QUIRKS.get(name, "")
                yield Check(family, name, "; ".join(found), quirk)


def screened(data: Data, file: Path, job: dict[str, Any], gti: Path | None = None, grade: str = "NONE") -> Path:
    """Screen a list once."""
    key = (file, gti, grade)
    if key not in data.made:
        inputs = {"events": file} | ({"gti": gti} if gti else {})
        cut = {} if grade == "NONE" else {"grade": [int(grade)] * 2}
        out, _ = run_task(data, "events", {**job, "screening": cut}, inputs)
        data.made[key] = out / "events.bin"
    table: Path = data.made[key]
    return table


def _table(data: Data, case: _Case) -> Path:
    gti = None if case.asked["timefile"] == "NONE" else data.reference / "extractor" / case.asked["timefile"]
    return screened(data, case.file, {**case.job, "name": "", "obsid": ""}, gti, case.asked["gstring"])


def _spectrum(data: Data, case: _Case) -> None:
    inputs = {"events": _table(data, case)}
    region: dict[str, Any] = _EVERYWHERE
    if (case.folder / "region.reg").exists():
        rule = "extractor" if case.name == "exclude-first" else None
        region = {"file": "region.reg", "combine": rule}
        inputs["region/src"] = case.folder / "region.reg"
    params = {**case.job, "regions": {"src": region}, "spectra": [{"name": "s", "region": "src", "background": ""}]}
    with fits.open(case.folder / "out.pha.gz", memmap=False) as pha:
        header, theirs = pha["SPECTRUM"].header, pha["SPECTRUM"].data["COUNTS"].astype(float)
        good = next(hdu.data for hdu in pha if hdu.name.startswith("GTI"))
        gti = np.column_stack([good["START"], good["STOP"]]).astype(float)
    if case.name == "region-off-field":
        try:
            run_task(data, "extract", params, inputs)
        except FileError:
            assert not theirs.any(), "the tool has counts"
            return
        raise AssertionError("a region off the field is taken")
    out, _ = run_task(data, "extract", params, inputs)
    ours = read_pha(out / "s.pha")
    entry = json.loads((out / "extract.json").read_text())["spectra"][0]["source"]
    if case.name == "fk5-degrees-radius-deg":
        assert not theirs.any() and ours.counts.sum() > 0, "the size is not in degrees"
        assert any("degrees" in note for note in entry["notes"]), "nothing is noted"
        return
    width = int(case.asked["specbin"])
    if case.mission == "xmm":
        if width == 1:
            assert np.array_equal(ours.counts, theirs[:12000].reshape(2400, 5).sum(axis=1)), "counts differ"
        beyond = [re.match(r"(\d+) events .* beyond the channels", note) for note in entry["notes"]]
        whole = int(ours.counts.sum()) + sum(int(match[1]) for match in beyond if match)
        assert whole == int(header["TOTCTS"]), "the number of events differs"
        return
    first, last = case.pi
    if width == 1:
        assert np.array_equal(ours.counts[first : last + 1], theirs), "counts differ"
    else:
        edges = np.clip(np.arange(theirs.size + 1) * width - width // 2, 0, 4096)
        summed = np.diff(np.concatenate([[0.0], np.cumsum(ours.counts)])[edges])
        assert np.array_equal(summed, theirs), "counts differ"
    if header["BACKSCAL"] != 1.0:
        # It is written with seven digits, a pixel is 1e-6.
        assert entry["pixels"] == round(header["BACKSCAL"] * 1e6), "pixels differ"
        assert _near(float(ours.backscal[0]), header["BACKSCAL"], 1e-6), "BACKSCAL differs"
    assert _near(ours.exposure, header["EXPOSURE"], 1e-7), "EXPOSURE differs"
    assert _near(float(ours.header["ONTIME"]), header["ONTIME"], 1e-9), "ONTIME differs"
    with fits.open(out / "s.pha") as pha:
        mine = np.column_stack([pha["GTI"].data["START"], pha["GTI"].data["STOP"]])
    assert mine.shape == gti.shape and np.allclose(mine, gti, rtol=0, atol=1e-6), "GTIs differ"


def _curve(data: Data, case: _Case) -> None:
    inputs = {"events": _table(data, case)}
    width = float(case.asked["binlc"])
    params: dict[str, Any] = {
        **case.job,
        "bands": [case.band],
        "dt": width,
        "min_fracexp": 0.0,
        "corrections": ["gti"],
    }
    if case.asked["lcstart"] > 0:
        params["start"] = case.asked["lcstart"]
    if (case.folder / "region.reg").exists():
        inputs["region/src"] = case.folder / "region.reg"
        params |= {"regions": {"src": {"file": "region.reg"}}, "region": "src"}
    out, _ = run_task(data, "lightcurve", params, inputs)
    with fits.open(out / "case.lc") as mine, fits.open(case.folder / "out.lc.gz") as file:
        rate, theirs, header = mine["RATE"].data, file["RATE"].data, file["RATE"].header
        # Theirs are kept from the threshold on, in single precision.
        rate = rate[rate["FRACEXP"].astype(np.float32) >= np.float32(case.asked["lcthresh"])]
        assert len(rate) == len(theirs), f"{len(rate)} bins, the tool has {len(theirs)}"
        if case.asked["lctzero"] == "yes":
            times = theirs["TIME"] + header["TIMEZERO"]
            assert np.allclose(rate["TIME"], times, rtol=0, atol=2e-7), "TIME differs"
        same = slice(1, None) if case.name == "lc-100-start-late" else slice(None)
        counts = np.rint(theirs["RATE"].astype(float) * theirs["FRACEXP"].astype(float) * width)
        assert np.array_equal(rate["COUNTS"][same], counts[same]), "counts differ"
        for name in ("FRACEXP", "RATE", "ERROR"):
            assert np.allclose(rate[name][same], theirs[name][same], rtol=1e-6, atol=0), f"{name} differs"


def _image(data: Data, case: _Case) -> None:
    with fits.open(case.folder / "out.img.gz") as file:
        theirs = np.array(file[0].data)
    table = _table(data, case)
    region = case.folder / "region.reg"
    bin_size = 1 if region.exists() else int(case.asked["binf"])
    params = {**case.job, "bands": [case.band], "bin": bin_size, "figure": False}
    out, _ = run_task(data, "image", params, {"events": table})
    ours = np.array(fits.getdata(out / "case.img"))
    if region.exists():
        # The tool's image has the region's events alone, and with fullimage=no no more than its box.
        opened = EventTable.open(table)
        rule = "extractor" if case.name == "exclude-first" else None
        placed = place_regions(opened, {"src": {"file": "region.reg", "combine": rule}}, {"src": region})["src"]
        inside = mask(placed.shapes, field_of(opened), placed.rule)
        ours = np.where(inside, ours, 0)
        if case.asked["fullimage"] == "no":
            rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
            ours = ours[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        ours = _rebinned(ours, int(case.asked["binf"]))
    assert ours.shape == theirs.shape, f"the size differs: {ours.shape}, {theirs.shape}"
    assert np.array_equal(ours, theirs), "pixels differ"


def _rebinned(image: NDArray[Any], size: int) -> NDArray[Any]:
    height, width = (length // size for length in image.shape)
    blocks = image[: height * size, : width * size].reshape(height, size, width, size)
    return np.asarray(blocks.sum(axis=(1, 3)))


def _near(one: float, other: float, relative: float) -> bool:
    return abs(one - other) <= relative * abs(other)
