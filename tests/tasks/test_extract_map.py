"""The map of events before a spectrum: which pixels are of the region, and how many events lie in each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from numpy.typing import NDArray

from tests.ogip.eventfiles import nustar_file
from tests.tasks.extract_bench import NUSTAR_REGIONS, SPECTRA, Bench, circle, entry_of
from xbatch.ogip.fitswriter import write_fits
from xbatch.ogip.gtifile import gti_extension
from xbatch.ogip.pha import read_pha
from xbatch.registry import Job
from xbatch.tasks import events, extract

MAPPED = [{**SPECTRA[0], "wmap": True}]


def on_sky(header: fits.Header, values: NDArray[Any]) -> NDArray[Any]:
    """Lay a map onto X and Y from 1 to 1000, by the cards that nubackscale reads; -1 elsewhere."""
    x, y = (round(header[f"CRVAL{axis}P"] + header[f"CRPIX{axis}P"] - 1) for axis in (1, 2))
    assert (header["X-OFFSET"], header["Y-OFFSET"]) == (x, y)
    whole = np.full((1000, 1000), -1.0)
    whole[y - 1 : y - 1 + values.shape[0], x - 1 : x - 1 + values.shape[1]] = values
    return whole


def test_a_map_has_the_pixels_and_the_events_of_its_region(tmp_path: Path) -> None:
    bench = Bench(tmp_path, nustar_file(20_000))
    _, out = bench.extract(NUSTAR_REGIONS, MAPPED)
    for role, name, region in (("source", "agn.pha", (450, 520, 300)), ("background", "agn.bak.pha", (700, 600, 250))):
        with fits.open(out / name) as file:
            header, values = file[0].header, file[0].data.copy()
        spectrum = read_pha(out / name)
        sky = on_sky(header, values)
        assert int(np.count_nonzero(sky >= 0)) == entry_of(out, role)["pixels"]
        held = bench.held(*region)
        x, y = (bench.table.columns[axis][held].astype(int) for axis in "xy")
        counts = np.zeros((1001, 1001))
        np.add.at(counts, (y, x), 1)
        assert np.array_equal(np.maximum(sky, 0), counts[1:, 1:])
        assert header["EXPOSURE"] == pytest.approx(spectrum.exposure)
        assert (values[0] >= 0).any() and (values[:, -1] >= 0).any()  # no larger than the region


def test_the_map_is_of_the_times_that_are_counted(tmp_path: Path) -> None:
    bench = Bench(tmp_path, nustar_file(20_000))
    start, stop = (float(bench.table.columns["time"][place]) for place in (0, len(bench.table.columns["time"]) // 3))
    write_fits(tmp_path / "first.gti", [], [gti_extension(np.array([[start, stop]]), [])])
    _, out = bench.extract({"src": circle(450, 520, 300)}, [{"name": "agn", "region": "src", "wmap": True}],
                           gti=tmp_path / "first.gti")  # fmt: skip
    values = fits.getdata(out / "agn.pha", 0)
    entry = entry_of(out)
    assert 0 < entry["counts"] <= values[values > 0].sum() < 20_000 / 2
    assert int(np.count_nonzero(values >= 0)) == entry["pixels"]


def test_spectra_are_the_same_with_a_map_and_without(tmp_path: Path) -> None:
    bench = Bench(tmp_path, nustar_file(2_000))
    files = [bench.extract(NUSTAR_REGIONS, spectra)[1] / "agn.pha" for spectra in (SPECTRA, MAPPED)]
    with fits.open(files[0]) as plain, fits.open(files[1]) as mapped:
        assert plain[0].data is None
        assert plain[1].header == mapped[1].header
        assert np.array_equal(plain[1].data, mapped[1].data)


@pytest.mark.real_data
@pytest.mark.parametrize(
    "name", ["circle-frac", "annulus", "ellipse-axis", "polygon", "include-exclude-include", "fk5-box", "nu-circle"]
)
def test_maps_are_those_of_extractor(reference: Path, real_data: Path, tmp_path: Path, name: str) -> None:
    folder = reference / "extractor" / "cases" / name
    listed = json.loads((folder / "params.json").read_text())["parameters"]["filename"].split("[")[0]
    path = real_data / "nustar" / "30101031002" / listed
    if not path.exists():
        path = reference / "extractor" / f"{listed}.gz"
    identity = {"mission": "nustar", "instrument": "FPMA", "obsid": ""}
    events.run(Job("events:x", {**identity, "screening": {}}, {"events": path}, tmp_path))
    inputs = {"events": tmp_path / "events.bin", "region/r": folder / "region.reg"}
    spectra = [{"name": "s", "region": "r", "wmap": True}]
    extract.run(Job("extract:x", {**identity, "regions": {"r": {"file": "r"}}, "spectra": spectra}, inputs, tmp_path))
    with fits.open(tmp_path / "s.pha") as ours, fits.open(folder / "out.pha.gz") as theirs:
        one, other = (on_sky(file[0].header, file[0].data) for file in (ours, theirs))
    assert np.array_equal(one >= 0, other >= 0)
    assert np.array_equal(np.maximum(one, 0), np.maximum(other, 0))
