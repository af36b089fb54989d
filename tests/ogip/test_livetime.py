"""Tests of reading live time from housekeeping."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from tests.ogip.eventfiles import write_housekeeping
from xbatch.base.errors import FileError
from xbatch.ogip.housekeeping import read_rows
from xbatch.ogip.livetime import LiveTime, load_livetime, read_housekeeping, save_livetime
from xbatch.xray.gti import total
from xbatch.xray.livetime import covered_seconds, live_seconds


def test_rows_are_put_in_order_and_kept(tmp_path: Path) -> None:
    path = write_housekeeping(tmp_path / "a.hk", [3.0, 1.0, 2.0, 2.0, 4.0], [0.3, 0.1, 0.2, 0.9, np.nan])
    found = read_housekeeping(path)
    assert found.time.tolist() == [1, 2, 3] and found.live.tolist() == [0.1, 0.2, 0.3] and found.step == 1
    save_livetime(tmp_path / "live.npz", found)
    again = load_livetime(tmp_path / "live.npz")
    assert np.array_equal(again.time, found.time) and np.array_equal(again.live, found.live) and again.step == 1
    save_livetime(tmp_path / "more.npz", LiveTime(again.time, again.live))
    assert (tmp_path / "more.npz").read_bytes() == (tmp_path / "live.npz").read_bytes()


def test_timezero_is_added(tmp_path: Path) -> None:
    path = write_housekeeping(tmp_path / "a.hk", [1.0, 2.0], [0.5, 0.5], cards={"TIMEZERI": 2, "TIMEZERF": 0.5})
    assert read_housekeeping(path).time.tolist() == [3.5, 4.5] and read_rows(path, ["NEV"]).time.tolist() == [3.5, 4.5]


@pytest.mark.parametrize(
    ("live", "extension", "words"),
    [
        ([90.0, 91.0], "HK1FPM", "has LIVETIME from 90 to 91 s, where a part of a second is meant"),
        ([np.nan, np.nan], "HK1FPM", "has no row with a live time"),
        (None, "HK4FPM", "has no extension with TIME and LIVETIME"),
    ],
)
def test_files_without_live_time(live: list[float] | None, extension: str, words: str, tmp_path: Path) -> None:
    path = write_housekeeping(tmp_path / "a.hk", [1.0, 2.0], live, extension)
    with pytest.raises(FileError, match=rf"a.hk: {words}"):
        read_housekeeping(path)


def test_a_file_that_is_none_of_ours(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="is no live time that can be read"):
        load_livetime(tmp_path / "no.npz")
    np.savez(tmp_path / "other.npz", time=np.ones(1))
    with pytest.raises(FileError, match=r"other.npz: is no live time"):
        load_livetime(tmp_path / "other.npz")


@pytest.mark.real_data
@pytest.mark.parametrize("module", ["A", "B"])
def test_live_time_of_a_spectrum_is_that_of_the_pipeline(module: str, real_data: Path) -> None:
    folder = real_data / "nustar/80415201001"
    live = read_housekeeping(folder / f"event_cl/nu80415201001{module}_fpm.hk")
    with fits.open(folder / f"spec/nu80415201001{module}06_chu2_S_cl_grade0_sr.pha") as file:
        gti = np.column_stack([file["GTI"].data["START"], file["GTI"].data["STOP"]]).astype(float)
        exposure, ontime = file["SPECTRUM"].header["EXPOSURE"], file["SPECTRUM"].header["ONTIME"]
    assert total(gti) == pytest.approx(ontime, rel=1e-9)
    # DEADC of the header, 0.085, is of single precision
    assert live_seconds(gti, live.time, live.live, live.step) == pytest.approx(exposure, rel=1e-7)
    assert covered_seconds(gti, live.time, live.step) == pytest.approx(ontime, rel=1e-12)
