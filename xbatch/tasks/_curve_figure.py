"""Figures of light curves: one panel for each band, bins as they are exposed, gaps as gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator
from numpy.typing import NDArray

from xbatch.ogip.curvefile import CurveFile
from xbatch.tasks.figure import COLOURS, own_style

__all__ = ["MOST_PANELS", "Panel", "draw_curves", "draw_flares", "save_png"]

MOST_PANELS = 8
_ABOVE = 0.55
_BELOW = 0.55
_FAINT = "0.93"
#: The longest unit of time of which at least so many are shown, with its seconds.
_UNITS = (("d", 86400.0, 4.0), ("ks", 1000.0, 2.0), ("s", 1.0, 0.0))


@dataclass(frozen=True)
class Panel:
    """A light curve and what stands beside it."""

    label: str
    curve: CurveFile


def draw_curves(panels: Sequence[Panel], gti: NDArray[np.float64], title: str, name: str) -> Figure:
    """Draw light curves one above another on one axis of time.

    Parameters
    ----------
    panels : sequence of Panel
        Beyond eight the rest is left out, and the figure says so.
    gti : ndarray, shape (n, 2)
        What lies outside is shaded.
    title, name : str
        What stands at the top left and at the top right.
    """
    shown = panels[:MOST_PANELS]
    height = _ABOVE + _BELOW + (2.6 if len(shown) == 1 else 1.55 if len(shown) < 4 else 1.15) * len(shown)
    start = min(float(panel.curve.time[0]) - 0.5 * panel.curve.width for panel in shown)
    stop = max(float(panel.curve.time[-1]) + 0.5 * panel.curve.width for panel in shown)
    unit, seconds = _unit(stop - start)
    with own_style():
        figure = Figure(figsize=(7.2, height))
        FigureCanvasAgg(figure)
        grid = figure.add_gridspec(
            len(shown), 1, hspace=0.0, left=0.105, right=0.98, bottom=_BELOW / height, top=1 - _ABOVE / height
        )
        first: Any = None
        for number, panel in enumerate(shown):
            axes = figure.add_subplot(grid[number], sharex=first)
            first = first or axes
            _shade(axes, gti, start, stop, seconds)
            _points(axes, panel.curve, start, seconds, COLOURS[number % len(COLOURS)])
            _label(axes, panel.label, (height - _ABOVE - _BELOW) / len(shown))
            axes.tick_params(labelbottom=number == len(shown) - 1)
            _rates(axes, panel.curve, 6 if len(shown) < 3 else 4)
        first.set_xlim(0.0, (stop - start) / seconds)
        axes.set_xlabel(_since(start, unit, shown[0].curve))
        figure.text(
            0.018,
            0.5 * (1 + (_BELOW - _ABOVE) / height),
            r"Rate (counts s$^{-1}$)",
            rotation=90,
            ha="left",
            va="center",
        )
        more = len(panels) - len(shown)
        said = f"{name}: the first {len(shown)} of {len(panels)} bands" if more else name
        _head(figure, title, said, height)
    return figure


def draw_flares(
    curve: CurveFile, kept: NDArray[np.bool_], limit: float, gti: NDArray[np.float64], title: str, said: str
) -> Figure:
    """Draw a rate curve with the limit that good bins lie below.

    Parameters
    ----------
    curve : CurveFile
    kept : ndarray of bool, shape (bins,)
        Which bins are good.
    limit : float
        Counts per s.
    gti : ndarray, shape (n, 2)
        Times of observation: what lies outside is shaded.
    title, said : str
        What stands at the top left and at the top right.
    """
    height = 3.6
    start = float(curve.time[0]) - 0.5 * curve.width
    stop = float(curve.time[-1]) + 0.5 * curve.width
    unit, seconds = _unit(stop - start)
    with own_style():
        figure = Figure(figsize=(7.2, height))
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0.105, _BELOW / height, 0.875, 1 - (_BELOW + _ABOVE) / height))
        _shade(axes, gti, start, stop, seconds)
        for which, colour in ((~kept, COLOURS[1]), (kept, COLOURS[0])):
            if which.any():
                _points(axes, _some(curve, which), start, seconds, colour)
        axes.axhline(limit, color=COLOURS[2], lw=1.0, ls=(0, (5, 2)), zorder=4)
        low, high = float(np.nanmin(curve.rate)), float(np.nanmax(curve.rate))
        if high > 30 * max(limit, 1e-9):
            axes.set_yscale("symlog", linthresh=2 * limit)
            axes.set_ylim(min(low, 0.0), 2 * high)
        axes.set_xlim(0.0, (stop - start) / seconds)
        axes.set_xlabel(_since(start, unit, curve))
        axes.set_ylabel(r"Rate (counts s$^{-1}$)")
        _head(figure, title, said, height)
    return figure


def save_png(figure: Figure, path: Path) -> None:
    """Write a figure without the date and the names of programs, so that equal figures are equal."""
    with own_style():
        figure.savefig(path, metadata={"Software": None})


def _some(curve: CurveFile, which: NDArray[np.bool_]) -> CurveFile:
    time, rate, error, fracexp = (column[which] for column in (curve.time, curve.rate, curve.error, curve.fracexp))
    return CurveFile(curve.path, time, rate, error, fracexp, curve.width, curve.clock)


def _unit(span: float) -> tuple[str, float]:
    return next((unit, seconds) for unit, seconds, least in _UNITS if span >= least * seconds)


def _since(start: float, unit: str, curve: CurveFile) -> str:
    if curve.clock is None:
        return f"Time ({unit} since {start:.3f} s)"
    mjd = curve.clock.mjdref + start / 86400.0
    return f"Time ({unit} since MJD {mjd:.5f} {curve.clock.scale.upper()})"


def _points(axes: Any, curve: CurveFile, start: float, seconds: float, colour: str) -> None:
    """Draw bins with their errors; many bins get smaller marks."""
    many = len(curve.time) > 400
    time, half = (curve.time - start) / seconds, 0.5 * curve.width / seconds
    # one line with gaps for all bars: a line for each of some thousand bins takes seconds
    gap = np.full(len(time), np.nan)
    for x, y in (
        ((time, time, gap), (curve.rate - curve.error, curve.rate + curve.error, gap)),
        ((time - half, time + half, gap), (curve.rate, curve.rate, gap)),
    ):
        axes.plot(
            np.column_stack(x).ravel(),
            np.column_stack(y).ravel(),
            color=colour,
            lw=0.5 if many else 0.9,
            alpha=0.6 if many else 1.0,
            solid_capstyle="butt",
            zorder=3,
        )
    size, alpha = (1.5, 0.6) if many else (2.4, 1.0)
    axes.plot(time, curve.rate, ls="", marker="o", ms=size, mew=0, color=colour, alpha=alpha, zorder=3)


def _rates(axes: Any, curve: CurveFile, most: int) -> None:
    """Set the axis of rates: room above for the label, and no number where two panels meet."""
    bars = np.nan_to_num(curve.error)
    low, high = float(np.nanmin(curve.rate - bars)), float(np.nanmax(curve.rate + bars))
    span = high - low or max(abs(high), 1e-3)
    low, high = low - 0.06 * span, high + 0.24 * span
    axes.set_ylim(low, high)
    margin = 0.08 * (high - low)
    for number in range(most, 2 * most):
        ticks = MaxNLocator(nbins=number, steps=[1, 2, 5, 10]).tick_values(low, high)
        inner = [tick for tick in ticks if low + margin <= tick <= high - margin]
        if len(inner) > 1:
            break
    axes.yaxis.set_major_locator(FixedLocator(inner))


def _label(axes: Any, text: str, height: float) -> None:
    """Name a panel at its top right, as far from the edge in a low panel as in a high one."""
    frame = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5}
    at = 1 - 0.07 / height
    axes.text(
        0.985, at, text, transform=axes.transAxes, ha="right", va="top", fontsize=9.5, parse_math=False, bbox=frame,
        zorder=5,
    )  # fmt: skip


def _shade(axes: Any, gti: NDArray[np.float64], start: float, stop: float, seconds: float) -> None:
    """Shade what is not good time."""
    edges = np.concatenate([[start], np.clip(gti.ravel(), start, stop), [stop]]).reshape(-1, 2)
    bad = [(lo, hi - lo) for lo, hi in (edges - start) / seconds if hi > lo]
    whole = axes.get_xaxis_transform()
    axes.broken_barh(bad, (0.0, 1.0), facecolor=_FAINT, edgecolor="none", zorder=0, transform=whole)


def _head(figure: Figure, title: str, said: str, height: float) -> None:
    at = 1 - 0.5 * _ABOVE / height
    figure.text(0.105, at, title, fontsize=12, va="center", weight="bold", parse_math=False)
    figure.text(0.98, at, said, fontsize=10, va="center", ha="right", color="0.3", parse_math=False)
