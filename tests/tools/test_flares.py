"""Tests of what is said of a cut of flares that SAS has made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.fakes.sas.fitsfile import primary, table, write
from tests.fakes.sas.subspace import gti_table
from xbatch.ogip.fitswriter import Card
from xbatch.tools.flares import draw_cut, good_of, is_empty, nothing_left

START = 5.527e8


def curve(path: Path, rates: list[float]) -> Path:
    time = START + 50.0 * (np.arange(len(rates)) + 0.5)
    columns = [
        ("RATE", "count/s", np.array(rates)),
        ("ERROR", "count/s", np.full(len(rates), 0.1)),
        ("TIME", "s", time),
    ]
    cards = [Card("TIMEDEL", 50.0), Card("MJDREF", 50814.0), Card("TIMESYS", "TT"), Card("HDUCLAS1", "LIGHTCURVE")]
    write(path, [primary(), table("RATE", columns, cards)])
    return path


def gti(path: Path, rows: list[list[float]]) -> Path:
    write(path, [primary(), gti_table("STDGTI", START + np.array(rows).reshape(-1, 2))])
    return path


@pytest.mark.parametrize(("test", "kept"), [("<", 2), ("<=", 3)])
def test_a_cut_is_drawn_and_counted(tmp_path: Path, test: str, kept: int) -> None:
    rates = curve(tmp_path / "r.lc", [0.1, 0.3, 7.0, 0.5])
    found = draw_cut(rates, 95.0, tmp_path / "r.png", [test, 0.5], "RGS1")
    assert found == {"limit": 0.5, "test": test, "bins": 4, "bins_kept": kept, "seconds": 95.0}
    whole = (tmp_path / "r.png").read_bytes()
    assert whole[:4] == b"\x89PNG"
    draw_cut(rates, 95.0, tmp_path / "r.png", [test, 0.5], "RGS1", START + np.array([[0.0, 170.0]]))
    assert (tmp_path / "r.png").read_bytes() != whole  # what lies outside of the list's good times is shaded


def test_good_times_may_be_none(tmp_path: Path) -> None:
    assert good_of(gti(tmp_path / "no.gti", [])).shape == (0, 2)
    assert (good_of(gti(tmp_path / "a.gti", [[50, 100], [0, 50]])) - START).tolist() == [[0.0, 100.0]]


def test_a_light_curve_without_counts(tmp_path: Path) -> None:
    assert is_empty(curve(tmp_path / "a.lc", [0.0, 0.0]))
    assert not is_empty(curve(tmp_path / "b.lc", [0.0, 0.02]))


def test_what_is_said_where_nothing_is_left(tmp_path: Path) -> None:
    error = nothing_left(curve(tmp_path / "a.lc", [2.0, 0.5, 7.25]), ["<=", 0.4], "RGS2")
    assert str(error) == (
        "RGS2 has no good time with a rate <= 0.4 counts/s: its 3 bins of 50 s have 0.5 to 7.25, median 2. "
        "Choose a higher rate, or leave the observation out"
    )
