"""Tests of the figure of a search for pile-up: what it shows, with many radii and with one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from xbatch.tasks._curve_figure import save_png
from xbatch.tasks._pileup_figure import draw_pileup

RULE = {"n_sigma": 3.0, "direction": "two-sided", "band": [2000, 10000], "first": 3.0}
KEYS = ("radius", "singles", "singles_error", "doubles", "doubles_error")
ROWS = ((0.0, 0.9, 0.01, 1.2, 0.012), (3.0, 0.96, 0.01, 1.03, 0.012), (3.5, 0.98, 0.01, 1.02, 0.014))


def table(rows: Sequence[Sequence[float]]) -> list[dict[str, float]]:
    return [dict(zip(KEYS, row, strict=True)) for row in rows]


def ranges(axes: Any) -> list[tuple[float, float]]:
    """Give the ends of what is accepted at each radius."""
    return [(round(one.get_y(), 6), round(one.get_y() + one.get_height(), 6)) for one in axes.patches]


def words(figure: Any) -> list[str]:
    (legend,) = figure.legends
    return [text.get_text() for text in (*figure.texts, *legend.get_texts())]


def test_ratios_with_what_is_accepted_at_each_radius() -> None:
    figure = draw_pileup(table(ROWS), RULE, 3.5, "0761220101 EPN: src")
    singles, doubles = figure.axes
    assert ranges(singles) == [(0.97, 1.03)] * 3
    assert ranges(doubles) == [(0.964, 1.036), (0.964, 1.036), (0.958, 1.042)]
    good, bad = ([bars.lines[0].get_xydata() for bars in axes.containers[1:]] for axes in (singles, doubles))
    assert [list(map(tuple, one)) for one in good] == [[(3.5, 0.98)], [(0.0, 0.9), (3.0, 0.96)]]
    assert [list(map(tuple, one)) for one in bad] == [[(3.0, 1.03), (3.5, 1.02)], [(0.0, 1.2)]]
    assert {"0761220101 EPN: src", "2-10 keV, two-sided, 3 σ", "taken: 3.5 arcsec"} <= set(words(figure))
    assert singles.get_ylabel() == "Singles" and doubles.get_xlabel() == "Inner radius (arcsec)"


def test_a_side_that_tells_nothing_of_pile_up_has_no_end() -> None:
    figure = draw_pileup(table(ROWS), {**RULE, "direction": "task"}, 3.5, "")
    for axes, (open_end, closed) in zip(figure.axes, ((1, 0.97), (0, 1.036)), strict=True):
        assert ranges(axes)[0][open_end] == pytest.approx(axes.get_ylim()[open_end], abs=1e-5)
        assert ranges(axes)[0][1 - open_end] == closed


@pytest.mark.parametrize("rows", [ROWS[:1], ((0.0, 1.0, 0.0, 1.0, 0.0),), [(r, 1, 0.1, 1, 9) for r in range(40)]])
def test_one_radius_and_many(rows: Sequence[Sequence[float]], tmp_path: Path) -> None:
    figure = draw_pileup(table(rows), RULE, None, "$ of {it}")
    low, high = figure.axes[0].get_xlim()
    assert low < rows[0][0] and high > max(rows[-1][0], 3.0)
    assert all(rows[0][0] <= tick for tick in figure.axes[1].get_xticks())
    assert not any(word.startswith("taken") for word in words(figure))
    save_png(figure, tmp_path / "a.png")
    assert np.ptp(imread(tmp_path / "a.png")[..., :3]) > 0.5
