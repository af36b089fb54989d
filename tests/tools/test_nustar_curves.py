"""Light curves as extractor and nuproducts write them: what a bin is, and what is subtracted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from xbatch.base.errors import FileError
from xbatch.ogip.curvefile import read_curve
from xbatch.tools.nustar_curves import _begins, _counts, _net, _subtracted

START, WIDTH = 8.0e7, 100.0


def curve(path: Path, bins: list[int], counts: list[float], exposed: list[float]) -> Path:
    """Write a curve as extractor does: TIME from a zero, in the middle of what is exposed of a bin."""
    seconds = np.array(exposed)
    times = START + np.array(bins) * WIDTH + 0.5 * seconds
    columns = [
        fits.Column("TIME", "D", "s", array=times - times[0]),
        fits.Column("RATE", "E", "count/s", array=np.array(counts) / seconds),
        fits.Column("ERROR", "E", "count/s", array=np.sqrt(counts) / seconds),
        fits.Column("FRACEXP", "E", array=seconds / WIDTH),
    ]
    table = fits.BinTableHDU.from_columns(columns, name="RATE")
    table.header.update({"TSTART": START, "TIMEZERO": times[0], "TIMEDEL": WIDTH, "TIMEPIXR": 0.5})
    table.header.update({"MJDREFI": 55197, "MJDREFF": 7.660185200000000e-04, "TIMESYS": "TT", "TIMEUNIT": "s"})
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(path)
    return path


def test_bins_that_are_partly_exposed_keep_their_place(tmp_path: Path) -> None:
    path = curve(tmp_path / "s.lc", [0, 1, 4], [50, 20, 9], [40.0, 100.0, 0.5])
    net = _net(read_curve(path), None, 0.0, _begins(path))
    assert np.allclose(net.time, START + np.array([50.0, 150.0, 450.0]))
    assert net.counts.tolist() == [50, 20, 9]
    assert net.back is None


def test_the_background_is_scaled_and_bins_are_those_of_both(tmp_path: Path) -> None:
    source = curve(tmp_path / "s.lc", [0, 1, 2], [50, 20, 10], [100.0] * 3)
    other = curve(tmp_path / "b.lc", [0, 2, 3], [40, 4, 4], [100.0] * 3)
    net = _net(read_curve(source), read_curve(other), 0.25, _begins(source))
    assert np.allclose(net.time, START + np.array([50.0, 250.0]))
    assert np.allclose(net.rate, [0.5 - 0.25 * 0.4, 0.1 - 0.25 * 0.04])
    assert np.allclose(net.error, np.sqrt([50 + 0.0625 * 40, 10 + 0.0625 * 4]) / 100.0)
    assert net.back_counts is not None
    assert net.back_counts.tolist() == [40, 4]
    far = curve(tmp_path / "f.lc", [7], [4], [100.0])
    with pytest.raises(FileError, match="no bin in common"):
        _net(read_curve(source), read_curve(far), 0.25, _begins(source))


def test_what_lcmath_has_made_takes_the_place_of_rates_alone(tmp_path: Path) -> None:
    source = curve(tmp_path / "s.lc", [0, 1, 2], [50, 20, 10], [40.0, 100.0, 100.0])
    other = curve(tmp_path / "b.lc", [0, 2, 3], [40, 4, 4], [40.0, 100.0, 100.0])
    begins = _begins(source)
    net = _net(read_curve(source), read_curve(other), 0.25, begins)
    made = read_curve(source)  # lcmath keeps the source's bins; there is no rate where the background has no bin
    made = replace(made, rate=np.array([1.0, np.nan, 3.0]), error=np.array([0.1, np.nan, 0.3]))
    taken = _subtracted(net, made, begins)
    assert taken.rate.tolist() == [1.0, 3.0]
    assert taken.error.tolist() == [0.1, 0.3]
    for name in ("time", "counts", "fracexp", "back", "back_error", "back_counts"):
        assert np.array_equal(getattr(taken, name), getattr(net, name))
    with pytest.raises(FileError, match="lacks rates of bins that both source and background have"):
        _subtracted(net, replace(made, rate=np.array([1.0, 2.0, np.nan])), begins)
    short = replace(made, time=made.time[:1], rate=made.rate[:1], error=made.error[:1])
    with pytest.raises(FileError, match="lacks rates"):
        _subtracted(net, short, begins)


@pytest.mark.real_data
@pytest.mark.parametrize("case", ["lc-100-nozero", "lc-10-th0"])
def test_curves_of_extractor(reference: Path, case: str) -> None:
    path = reference / "extractor" / "cases" / case / "out.lc.gz"
    read = read_curve(path)
    net = _net(read, None, 0.0, _begins(path))
    places = (net.time - _begins(path)) / read.width - 0.5
    assert np.array_equal(places, np.rint(places))
    assert len(np.unique(places)) == len(places)
    # where TIME is the middle of what is exposed, it never lies behind the middle of its bin
    assert np.all(read.time <= net.time + 1e-6)
    assert np.array_equal(_counts(read), np.rint(read.rate * read.fracexp * read.width))
