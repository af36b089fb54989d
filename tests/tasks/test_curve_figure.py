"""Tests of the figures of light curves: that they are drawn, whatever the curve is like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xbatch.ogip.clock import Clock
from xbatch.ogip.curvefile import CurveFile
from xbatch.tasks._curve_figure import MOST_PANELS, Panel, draw_curves, draw_flares, save_png

CLOCK = Clock(50814, 0.0, "tt")


def curve(count: int, width: float, level: float = 1.0, clock: Clock | None = CLOCK) -> CurveFile:
    time = 1e8 + width * (np.arange(count) + 0.5)
    rate = level * (1 + 0.1 * np.sin(np.arange(count)))
    return CurveFile("x.lc", time, rate, np.full(count, 0.05 * level), np.ones(count), width, clock)


def gti(one: CurveFile) -> np.ndarray:
    middle = float(one.time.mean())
    return np.array([[one.time[0] - 1, middle], [middle + one.width, one.time[-1] + 1]])


@pytest.mark.parametrize(
    ("count", "width", "level", "clock", "words"),
    [
        (1, 10.0, 1.0, CLOCK, "Time (s since MJD 51971.40741 TT)"),
        (50, 100.0, 0.0, CLOCK, "Time (ks since MJD 51971.40741 TT)"),
        (2000, 500.0, 1e-5, CLOCK, "Time (d since MJD 51971.40741 TT)"),
        (5, 100.0, 1e6, None, "Time (s since 100000000.000 s)"),
    ],
)
def test_axes_of_time(count: int, width: float, level: float, clock: Clock | None, words: str, tmp_path: Path) -> None:
    one = curve(count, width, level, clock)
    figure = draw_curves([Panel("all $ of it", one)], gti(one), "NGC 1", "agn")
    assert figure.axes[-1].get_xlabel() == words
    ticks = figure.axes[0].get_yticks()
    low, high = figure.axes[0].get_ylim()
    assert len(ticks) > 1 and low < ticks[0] <= ticks[-1] < high
    save_png(figure, tmp_path / "a.png")
    save_png(draw_curves([Panel("all $ of it", one)], gti(one), "NGC 1", "agn"), tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_panels_beyond_the_last_are_told_of() -> None:
    one = curve(20, 100.0)
    figure = draw_curves([Panel(f"b{number}", one) for number in range(11)], gti(one), "NGC 1", "agn")
    assert len(figure.axes) == MOST_PANELS
    assert "agn: the first 8 of 11 bands" in [text.get_text() for text in figure.texts]


@pytest.mark.parametrize("high", [2.0, 500.0])
def test_flares_high_and_low(high: float, tmp_path: Path) -> None:
    one = curve(100, 100.0)
    one.rate[40:45] = high
    kept = one.rate <= 1.5
    figure = draw_flares(one, kept, 1.5, gti(one), "NGC 1", "95 of 100 bins")
    assert figure.axes[0].get_yscale() == ("symlog" if high > 100 else "linear")
    save_png(figure, tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000
    assert draw_flares(one, np.ones(100, np.bool_), 1e3, gti(one), "", "").axes
