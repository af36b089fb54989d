"""Extracted spectra against HEASoft's extractor: counts by channel, BACKSCAL, EXPOSURE, GTIs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from tests.ogip.test_regions_extractor import NO_PIXELS, REGIONS
from xbatch.base.errors import FileError
from xbatch.ogip.eventtable import EventTable
from xbatch.ogip.pha import Spectrum, read_pha
from xbatch.registry import Job
from xbatch.tasks import events, extract

pytestmark = pytest.mark.real_data

LISTS = {
    "synth_cl.evt": ("reference/extractor/synth_cl.evt.gz", "nustar", "FPMA"),
    "nu30101031002A01_cl.evt": ("data/nustar/30101031002/nu30101031002A01_cl.evt", "nustar", "FPMA"),
    "mos1_exp1_clean_evts.fits": ("data/xmm/0201903501/mos1_exp1_clean_evts.fits.gz", "xmm", "EMOS1"),
    "mos2_exp1_clean_evts.fits": ("data/xmm/0201903501/mos2_exp1_clean_evts.fits.gz", "xmm", "EMOS2"),
}
MOS = ["mos1-specbin15", "mos2-specbin15", "mos2-circle", "mos2-fk5"]
WIDE = ["specbin-4", "specbin-10"]
SPECTRA = ["whole", *(name for name in REGIONS if name not in {*NO_PIXELS, *MOS, *WIDE})]
EVERYWHERE = {"shapes": [{"shape": "circle", "frame": "physical", "center": [500.5, 500.5], "sizes": [720.0]}]}


@dataclass(frozen=True)
class Case:
    """A case of the reference, and our spectrum of it."""

    folder: Path
    params: dict[str, Any]
    ours: Spectrum
    entry: dict[str, Any]
    header: fits.Header
    counts: np.ndarray
    gti: np.ndarray


@pytest.fixture(scope="module")
def case_of(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Case]:
    tables: dict[tuple[str, str, str], Path] = {}

    def extracted(name: str, gti_with: str = "events") -> Case:
        folder = reference / "extractor" / "cases" / name
        params = json.loads((folder / "params.json").read_text())["parameters"]
        file, mission, instrument = LISTS[params["filename"].split("[")[0]]
        job = {"mission": mission, "instrument": instrument, "obsid": ""}
        gti = {} if params["timefile"] == "NONE" else {"gti": reference / "extractor" / params["timefile"]}
        key = (file, str(gti) if gti_with == "events" else "", params["gstring"])
        if key not in tables:
            out = tmp_path_factory.mktemp("events")
            grade = {} if params["gstring"] == "NONE" else {"grade": [int(params["gstring"])] * 2}
            inputs = {"events": reference.parent / file, **(gti if gti_with == "events" else {})}
            events.run(Job("events:x", {**job, "screening": grade}, inputs, out))
            tables[key] = out / "events.bin"
        out = tmp_path_factory.mktemp("extract")
        region: dict[str, Any] = EVERYWHERE
        inputs = {"events": tables[key], **(gti if gti_with == "extract" else {})}
        if (folder / "region.reg").exists():
            rule = "extractor" if name == "exclude-first" else None
            region, inputs["region/src"] = {"file": "region.reg", "combine": rule}, folder / "region.reg"
        spectra = [{"name": "a spectrum", "region": "src", "background": ""}]
        extract.run(Job("extract:x", {**job, "regions": {"src": region}, "spectra": spectra}, inputs, out))
        with fits.open(folder / "out.pha.gz", memmap=False) as pha:
            good = pha["GTI" if mission == "nustar" else "GTI00006"].data
            times = np.column_stack([good["START"], good["STOP"]]).astype(float)
            header, counts = pha["SPECTRUM"].header, pha["SPECTRUM"].data["COUNTS"].astype(float)
        entry = json.loads((out / "extract.json").read_text())["spectra"][0]["source"]
        return Case(folder, params, read_pha(out / "a_spectrum.pha"), entry, header, counts, times)

    return extracted


@pytest.mark.parametrize("name", SPECTRA)
def test_spectra_of_nustar_lists(name: str, case_of: Callable[..., Case]) -> None:
    check(case_of(name))


@pytest.mark.parametrize("name", ["user-gti-1", "user-gti-2"])
def test_time_selections_of_the_spectrum_give_the_same(name: str, case_of: Callable[..., Case]) -> None:
    check(case_of(name, gti_with="extract"))


def check(case: Case) -> None:
    match = re.search(r"PI=(\d+):(\d+)", case.params["filename"])
    first, last = (int(match[1]), int(match[2])) if match else (0, 4095)
    assert np.array_equal(case.ours.counts[first : last + 1], case.counts)
    assert (case.ours.detchans, case.ours.first_channel) == (4096, 0)
    # the card is written with seven digits; without a region the tool writes 1
    backscal = 1.0 if case.header["BACKSCAL"] == 1.0 else float(case.ours.backscal[0])
    assert backscal == pytest.approx(case.header["BACKSCAL"], rel=1e-6)
    assert case.entry["pixels"] == round(float(case.ours.backscal[0]) * 1e6)
    assert case.ours.exposure == pytest.approx(case.header["EXPOSURE"], rel=1e-7)
    assert case.ours.header["ONTIME"] == pytest.approx(case.header["ONTIME"], rel=1e-9)
    assert case.ours.header["TSTART"] == pytest.approx(case.gti[0, 0], abs=1e-6)
    assert case.ours.header["TSTOP"] == pytest.approx(case.gti[-1, 1], abs=1e-6)
    with fits.open(case.ours.path) as pha:
        pha.verify("exception")
        gti = np.column_stack([pha["GTI"].data["START"], pha["GTI"].data["STOP"]])
        assert np.allclose(gti, case.gti, rtol=0, atol=1e-6) and "REG00101" in pha


def test_a_whole_list_has_the_area_of_the_field(case_of: Callable[..., Case]) -> None:
    case = case_of("whole")
    assert case.ours.backscal[0] == 1.0 and case.entry["pixels"] == 1_000_000


def test_a_region_beyond_the_field_is_refused(reference: Path, case_of: Callable[..., Case]) -> None:
    with pytest.raises(FileError, match="the region 'src' selects no pixel of the field"):
        case_of("region-off-field")


def test_a_radius_in_degrees_is_what_ds9_takes_it_for(case_of: Callable[..., Case]) -> None:
    case = case_of("fk5-degrees-radius-deg")
    assert case.counts.sum() == 0 and case.ours.counts.sum() > 20_000
    assert any("degrees" in note for note in case.entry["notes"])


@pytest.mark.parametrize(("name", "width"), [(WIDE[0], 4), (WIDE[1], 10)])
def test_wide_bins_hold_the_same_events(name: str, width: int, case_of: Callable[..., Case]) -> None:
    case = case_of(name)
    # the tool's first bin is half as wide
    edges = np.clip(np.arange(len(case.counts) + 1) * width - width // 2, 0, 4096)
    theirs = np.diff(np.concatenate([[0.0], np.cumsum(case.ours.counts)])[edges])
    assert np.array_equal(theirs, case.counts)
    assert case.ours.exposure == pytest.approx(case.header["EXPOSURE"], rel=1e-7)
    assert case.ours.backscal[0] == pytest.approx(case.header["BACKSCAL"], rel=1e-6)


@pytest.mark.parametrize("name", MOS)
def test_spectra_of_mos_lists(name: str, case_of: Callable[..., Case]) -> None:
    case = case_of(name)
    if case.params["specbin"] == 1:
        assert np.array_equal(case.ours.counts, case.counts[:12000].reshape(2400, 5).sum(axis=1))
    assert int(case.ours.counts.sum()) + beyond(case) == int(case.header["TOTCTS"])
    assert case.ours.detchans == 2400
    assert case.entry["backscal_rule"] == "area in the field, 0.05 arcsec pixels"


def beyond(case: Case) -> int:
    found = [re.match(r"(\d+) events .* beyond the channels", note) for note in case.entry["notes"]]
    return sum(int(match[1]) for match in found if match)


@pytest.mark.parametrize(("camera", "counts"), [("mos1", 14035), ("mos2", 14777)])
def test_counts_of_a_field_are_those_of_evselect(camera: str, counts: int, reference: Path, tmp_path: Path) -> None:
    file, mission, instrument = LISTS[f"{camera}_exp1_clean_evts.fits"]
    job = {"mission": mission, "instrument": instrument, "obsid": "0201903501"}
    events.run(Job("events:x", {**job, "screening": {}}, {"events": reference.parent / file}, tmp_path))
    # the pixels of evselect's image of 0.5 to 2 keV, whose range of PI has both its ends
    box = {"shape": "box", "frame": "physical", "center": [25920.5, 25920.5], "sizes": [44543.0, 44543.0]}
    params = {**job, "regions": {"all": {"shapes": [box]}}, "spectra": [{"name": "all", "region": "all"}]}
    extract.run(Job("extract:x", params, {"events": tmp_path / "events.bin"}, tmp_path))
    columns = EventTable.open(tmp_path / "events.bin").columns
    held = [(columns[name] >= 3649) & (columns[name] <= 48192) for name in "xy"]
    at_end = int(np.count_nonzero((columns["pi"] == 2000) & held[0] & held[1]))
    assert read_pha(tmp_path / "all.pha").counts[100:400].sum() + at_end == counts
    entry = json.loads((tmp_path / "extract.json").read_text())["spectra"][0]["source"]
    assert sum(ccd["events"] for ccd in entry["ccds"].values()) > counts and len(entry["ccds"]) == 7
    lives = [ccd["live"] for ccd in entry["ccds"].values()]
    assert min(lives) < entry["exposure"] < max(lives)
