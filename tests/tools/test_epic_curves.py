"""Light curves of evselect and epiclccorr: which bin is which, and what was subtracted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.sas.fitsfile import primary, table, write
from xbatch.base.errors import FileError
from xbatch.commands.epiccurves import BACKGROUND, NET, SOURCE, EpicCurves
from xbatch.ogip.fitswriter import Card
from xbatch.registry import Job
from xbatch.tasks._bands import StepBand
from xbatch.tools import epic_curves

BEGINS, WIDTH = 5.5e8, 100.0
BAND = StepBand("0.5-2 keV", 0.5, 2.0, 500, 1999)
GTI = np.array([[BEGINS, BEGINS + 500.0]])


def _curve(path: Path, bins: list[int], rates: list[float], shift: float = 0.0, **more: list[float]) -> Path:
    """Write a curve as SAS does: TIME is the middle of a bin."""
    columns: list[tuple[str, str, Any]] = [
        ("TIME", "s", BEGINS + (np.array(bins) + 0.5 + shift) * WIDTH),
        ("RATE", "count/s", np.array(rates)),
        ("ERROR", "count/s", np.sqrt(rates)),
    ]
    columns += [(name, "", np.array(values)) for name, values in more.items()]
    write(path, [primary(), table("RATE", columns, [Card("TIMEDEL", WIDTH), Card("TIMEUNIT", "s")])])
    return path


def _made(folder: Path, background: bool = True) -> Any:
    curves = EpicCurves("(X>0)", "(X<0)" if background else "", WIDTH, absolute=False)
    return epic_curves._curve(curves, BAND, folder, BEGINS, GTI)


def test_bins_counts_and_background(tmp_path: Path) -> None:
    _curve(tmp_path / NET, [1, 3], [0.5, 0.2], FRACEXP=[1.0, 0.25], BACKV=[0.1, 0.3], BACKE=[0.01, 0.03])
    _curve(tmp_path / SOURCE, [0, 1, 2, 3], [0.1, 0.6, 0.0, 0.07])
    _curve(tmp_path / BACKGROUND, [0, 1, 2, 3], [0.0, 0.2, 0.0, 0.01])
    made = _made(tmp_path)
    assert made.net.time.tolist() == [BEGINS + 150.0, BEGINS + 350.0]
    assert made.net.counts.tolist() == [60, 7]
    assert made.net.back_counts.tolist() == [20, 1]
    assert made.net.fracexp.tolist() == [1.0, 0.25]
    assert np.allclose(made.net.back, [0.1, 0.3]) and np.allclose(made.net.back_error, [0.01, 0.03])
    assert made.livetime and made.width == WIDTH and made.scale is None


def test_without_a_background_there_is_none(tmp_path: Path) -> None:
    _curve(tmp_path / NET, [0, 1], [0.5, 0.2])
    _curve(tmp_path / SOURCE, [0, 1], [0.5, 0.2])
    made = _made(tmp_path, background=False)
    assert (made.net.back, made.net.back_error, made.net.back_counts) == (None, None, None)


def test_the_background_keeps_its_bins_where_rows_are_in_disorder(tmp_path: Path) -> None:
    _curve(tmp_path / NET, [2, 0, 1], [0.2, 0.0, 0.1], BACKV=[0.02, 0.0, 0.01], BACKE=[0.2, 0.0, 0.1])
    _curve(tmp_path / SOURCE, [0, 1, 2], [0.0, 0.1, 0.2])
    _curve(tmp_path / BACKGROUND, [0, 1, 2], [0.0, 0.1, 0.2])
    made = _made(tmp_path)
    assert np.allclose(made.net.back, made.net.rate / 10) and np.allclose(made.net.back_error, made.net.rate)


def test_what_was_subtracted_must_be_told(tmp_path: Path) -> None:
    for name in (NET, SOURCE, BACKGROUND):
        _curve(tmp_path / name, [0], [0.5])
    with pytest.raises(FileError, match="does not say what background was subtracted"):
        _made(tmp_path)


def test_events_of_all_bins_must_be_there(tmp_path: Path) -> None:
    for wanted in ([0, 4], [0, 2]):
        _curve(tmp_path / NET, wanted, [0.5, 0.5])
        _curve(tmp_path / SOURCE, [0, 1, 3], [0.5, 0.5, 0.5])
        with pytest.raises(FileError, match=f"lacks bins that {NET} has"):
            _made(tmp_path, background=False)


@pytest.mark.parametrize(("bins", "shift"), [([0, 1], 0.4), ([0, 0], 0.0), ([], 0.0)])
def test_other_bins_are_refused(bins: list[int], shift: float) -> None:
    times = BEGINS + (np.array(bins, dtype=float) + 0.5 + shift) * WIDTH
    with pytest.raises(FileError, match="has other bins than those of 100 s from 550000000 s"):
        epic_curves._numbers(times, BEGINS, WIDTH, Path("net.fits"))


@given(
    st.lists(st.integers(0, 5000), min_size=1, max_size=40, unique=True).map(sorted),
    st.sampled_from([0.5, 1.0, 73.5, 128.0, 1000.0]),
    st.floats(0.0, 9e8),
)
def test_numbers_give_the_times_back(bins: list[int], width: float, begins: float) -> None:
    times = begins + (np.array(bins) + 0.5) * width
    assert epic_curves._numbers(times, begins, width, Path("x")).tolist() == bins


@pytest.mark.parametrize(("absolute", "asked"), [(True, ["livetime"]), (False, [])])
def test_corrections_are_told(tmp_path: Path, absolute: bool, asked: list[str]) -> None:
    job = Job("x", {"corrections": asked}, {}, tmp_path)
    notes = epic_curves._notes(job, EpicCurves("", "", 1.0, absolute))
    assert ("the effective area" in notes[0]) is absolute
    assert (len(notes) == 2) is ("livetime" not in asked)
